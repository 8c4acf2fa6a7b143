/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/mixer.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <opus/opus.h>

#include "common/opus.h"

/* Sums not yet taken; a power of two, over 2 s. */
#define RING_SAMPLES 131072
#define PACKET_MAX   5760 /* 120 ms */
/* A voice this far from its place is moved there at once; nearer, it is stretched there. */
#define JUMP_SAMPLES ((int64_t)MIXER_RATE / 1000 * 60)
/* Nearer than this it is left alone. */
#define CLOSE_SAMPLES ((int64_t)MIXER_RATE / 1000 * 2)
/* The most that is concealed; more is a gap. */
#define CONCEAL_MAX_SAMPLES ((int64_t)MIXER_RATE / 1000 * 100)
/* The loudest sample let through. */
#define CEILING 0.95f

struct voice {
    OpusDecoder *decoder;
    bool started;
    int64_t next; /* sample after the last put */
    int last_len; /* of the last packet, samples */
};

struct mixer {
    struct voice *voices;
    size_t voice_count;
    int64_t taken; /* samples */
    float gain;    /* of the limiter */
    float ring[RING_SAMPLES];
};

int mixer_create(size_t voices, struct mixer **ret_mixer)
{
    CLEANUP(mixer_destroy) struct mixer *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->gain = 1;
    m->voices = calloc(voices > 0 ? voices : 1, sizeof(*m->voices));
    if (!m->voices)
        return -ENOMEM;
    m->voice_count = voices;
    *ret_mixer = STEAL(m);
    return 0;
}

void mixer_destroy(struct mixer *m)
{
    if (!m)
        return;
    for (size_t i = 0; m->voices && i < m->voice_count; i++) {
        if (m->voices[i].decoder)
            opus_decoder_destroy(m->voices[i].decoder);
    }
    free(m->voices);
    free(m);
}

/* Sums samples in; those before what was taken, or too far ahead, are left out. */
static void put(struct mixer *m, int64_t at, const float *samples, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t place = at + i;
        if (place >= m->taken && place < m->taken + RING_SAMPLES)
            m->ring[place & (RING_SAMPLES - 1)] += samples[i];
    }
}

/* Puts `count` samples into the room of `room`, by straight lines between neighbours: at most half
 * a percent longer or shorter, which nobody hears. */
static void put_stretched(struct mixer *m, int64_t at, const float *samples, int count, int room)
{
    if (room == count || count < 2) {
        put(m, at, samples, count);
        return;
    }
    float stretched[PACKET_MAX + PACKET_MAX / 100];
    for (int i = 0; i < room; i++) {
        float position = (float)i * (float)count / (float)room;
        int before = (int)position;
        int after = before + 1 < count ? before + 1 : count - 1;
        float part = position - (float)before;
        stretched[i] = samples[before] * (1 - part) + samples[after] * part;
    }
    put(m, at, stretched, room);
}

/* Fills a short hole: by prediction, and its last packet's length from the copy that the next
 * packet carries (RFC 6716 section 2.1.7). */
static void conceal(struct mixer *m, struct voice *v, int64_t until, const void *data, size_t len)
{
    float pcm[PACKET_MAX];
    while (v->next + v->last_len <= until + CLOSE_SAMPLES) {
        bool last = v->next + 2 * (int64_t)v->last_len > until + CLOSE_SAMPLES;
        int count = opus_decode_float(v->decoder, last ? data : NULL, last ? (opus_int32)len : 0,
                                      pcm, v->last_len, last);
        if (count <= 0)
            return;
        put(m, v->next, pcm, count);
        v->next += count;
    }
}

/* How many samples a packet of `count` is to last so that the voice comes nearer to its place. */
static int room_for(const struct voice *v, int64_t target, int count)
{
    int64_t error = target - v->next;
    if (llabs(error) < CLOSE_SAMPLES)
        return count;
    int most = count / 200;
    int64_t change = error / 8;
    return count + (int)(change > most ? most : change < -most ? -most : change);
}

int mixer_add(struct mixer *m, size_t voice, int64_t pts_us, const void *data, size_t len)
{
    struct voice *v = &m->voices[voice];
    if (!v->decoder) {
        int error = OPUS_OK;
        v->decoder = opus_decoder_create(MIXER_RATE, 1, &error);
        if (!v->decoder)
            return -ENOMEM;
    }
    if (opus_samples(data, len) == 0)
        return 0;
    int64_t target = pts_us * MIXER_RATE / 1000000;
    if (v->started && target > v->next + JUMP_SAMPLES / 4 &&
        target - v->next <= CONCEAL_MAX_SAMPLES)
        conceal(m, v, target, data, len);
    float pcm[PACKET_MAX];
    int count = opus_decode_float(v->decoder, data, (opus_int32)len, pcm, PACKET_MAX, 0);
    if (count <= 0)
        return 0;
    bool jumps = !v->started || target - v->next > JUMP_SAMPLES;
    if (v->started && v->next - target > JUMP_SAMPLES)
        return 0; /* ahead of its place: what comes waits for it */
    if (jumps)
        v->next = target;
    int room = room_for(v, target, count);
    put_stretched(m, v->next, pcm, count, room);
    v->started = true;
    v->next += room;
    v->last_len = count;
    return 0;
}

void mixer_take(struct mixer *m, float *samples, size_t count)
{
    float peak = 0;
    for (size_t i = 0; i < count; i++) {
        float *sum = &m->ring[(m->taken + (int64_t)i) & (RING_SAMPLES - 1)];
        samples[i] = *sum;
        *sum = 0;
        peak = fmaxf(peak, fabsf(samples[i]));
    }
    m->taken += (int64_t)count;
    /* Down at once, up slowly, in a straight line over the samples: no click. */
    float wanted = peak > CEILING ? CEILING / peak : 1;
    float to = wanted < m->gain ? wanted : fminf(wanted, m->gain + 0.02f);
    float from = fminf(m->gain, peak > CEILING ? wanted : m->gain);
    for (size_t i = 0; i < count; i++)
        samples[i] *= from + (to - from) * (float)i / (float)count;
    m->gain = to;
}
