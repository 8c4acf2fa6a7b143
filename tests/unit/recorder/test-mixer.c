/* SPDX-License-Identifier: Apache-2.0 */
/* A voice is heard in its place to the millisecond, whoever else speaks; the loudest sum does not
 * clip; what is no Opus, or far from its place, harms nothing. */
#include <math.h>
#include <stdlib.h>

#include <opus/opus.h>

#include "recorder/mixer.h"
#include "unit/check.h"

#define FRAME 960 /* 20 ms */
#define PI    3.14159265358979323846

struct speaker {
    OpusEncoder *encoder;
    double hz, loud;
    long said; /* samples */
};

static struct speaker speaker(double hz, double loud)
{
    int error;
    struct speaker s = {opus_encoder_create(MIXER_RATE, 1, OPUS_APPLICATION_AUDIO, &error), hz,
                        loud, 0};
    CHECK_EQ(error, OPUS_OK);
    return s;
}

static void say(struct mixer *m, struct speaker *s, size_t voice, int64_t pts_us)
{
    float pcm[FRAME];
    unsigned char packet[1500];
    for (int i = 0; i < FRAME; i++)
        pcm[i] = (float)(s->loud * sin(2 * PI * s->hz * (double)s->said++ / MIXER_RATE));
    int len = opus_encode_float(s->encoder, pcm, FRAME, packet, sizeof(packet));
    CHECK(len > 0);
    CHECK_EQ(mixer_add(m, voice, pts_us, packet, (size_t)len), 0);
}

static double loudness(const float *samples, size_t from, size_t count)
{
    double sum = 0;
    for (size_t i = from; i < from + count; i++)
        sum += (double)samples[i] * samples[i];
    return sqrt(sum / (double)count);
}

static void in_its_place(void)
{
    static float out[MIXER_RATE / 2];
    CLEANUP(mixer_destroy) struct mixer *m = NULL;
    CHECK_EQ(mixer_create(2, &m), 0);
    struct speaker a = speaker(440, 0.3);
    for (int i = 0; i < 10; i++)
        say(m, &a, 1, 200000 + i * 20000);
    mixer_take(m, out, MIXER_RATE / 2);
    CHECK(loudness(out, 0, 9590) < 1e-6); /* nothing before 200 ms */
    CHECK(loudness(out, 9600 + 960, 8000) > 0.15);
    CHECK(loudness(out, 19200 + 960, 2000) < 0.001); /* and nothing after 400 ms */
    say(m, &a, 1, 100000);                           /* of a time that was taken: left out */
    mixer_take(m, out, MIXER_RATE / 2);
    CHECK(loudness(out, 0, MIXER_RATE / 2) < 0.001);
    opus_encoder_destroy(a.encoder);
}

static void does_not_clip(void)
{
    static float out[MIXER_RATE / 2];
    CLEANUP(mixer_destroy) struct mixer *m = NULL;
    CHECK_EQ(mixer_create(3, &m), 0);
    struct speaker s[3] = {speaker(440, 0.9), speaker(440, 0.9), speaker(440, 0.9)};
    for (int i = 0; i < 25; i++)
        for (size_t voice = 0; voice < 3; voice++)
            say(m, &s[voice], voice, i * 20000);
    mixer_take(m, out, MIXER_RATE / 2);
    for (size_t i = 0; i < MIXER_RATE / 2; i++)
        CHECK(fabsf(out[i]) <= 1);
    CHECK(loudness(out, 4800, 9600) > 0.3);
    for (size_t voice = 0; voice < 3; voice++)
        opus_encoder_destroy(s[voice].encoder);
}

/* One packet is missing: no silence where it was, and what follows is in its place. */
static void conceals(void)
{
    static float out[MIXER_RATE / 2];
    CLEANUP(mixer_destroy) struct mixer *m = NULL;
    CHECK_EQ(mixer_create(1, &m), 0);
    struct speaker a = speaker(440, 0.3);
    for (int i = 0; i < 20; i++)
        if (i == 10)
            a.said += FRAME;
        else
            say(m, &a, 0, i * 20000);
    mixer_take(m, out, MIXER_RATE / 2);
    CHECK(loudness(out, 10 * FRAME, FRAME) > 0.05);
    CHECK(loudness(out, 19 * FRAME + 480, 450) > 0.05);
    CHECK(loudness(out, 20 * FRAME + 480, 2000) < 0.001);
    opus_encoder_destroy(a.encoder);
}

static void nonsense(void)
{
    static float out[MIXER_RATE / 2];
    CLEANUP(mixer_destroy) struct mixer *m = NULL;
    CHECK_EQ(mixer_create(1, &m), 0);
    const unsigned char bytes[] = {0xff, 0xff, 0xff};
    CHECK_EQ(mixer_add(m, 0, 0, bytes, 0), 0);
    CHECK_EQ(mixer_add(m, 0, 0, bytes, sizeof(bytes)), 0);
    struct speaker a = speaker(440, 0.3);
    say(m, &a, 0, INT64_C(1000000) * 3600); /* an hour ahead */
    say(m, &a, 0, -5000000);
    mixer_take(m, out, MIXER_RATE / 2);
    CHECK(loudness(out, 0, MIXER_RATE / 2) < 0.001);
    opus_encoder_destroy(a.encoder);
}

int main(void)
{
    in_its_place();
    does_not_clip();
    conceals();
    nonsense();
    return 0;
}
