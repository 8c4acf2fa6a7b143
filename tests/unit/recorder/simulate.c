/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/recorder/simulate.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <opus/opus.h>

#include "common/codecs.h"
#include "common/control.h"
#include "common/ring.h"
#include "recorder/h264.h"
#include "recorder/tapewriter.h"
#include "unit/check.h"

#define MTU          1100
#define START_US     1000000000ull       /* monotonic, when the hearing opens */
#define WALL_US      1780000000000000ull /* the same on the wall */
#define PI           3.14159265358979323846
#define OPUS_SAMPLES 960

/* Something that arrives. */
struct event {
    uint64_t at_us;
    uint64_t number; /* keeps the order of what comes at one time */
    uint8_t kind;
    uint32_t track;
    uint8_t *data;
    size_t len;
};

struct events {
    struct event *items;
    size_t count, capacity;
    unsigned dice;
};

uint64_t simulate_peer(int i)
{
    return 0xa000000000000000u + (uint64_t)i + 1;
}

static double chance(struct events *e)
{
    e->dice = e->dice * 1103515245u + 12345u;
    return (double)(e->dice / 65536u % 32768u) / 32768.0;
}

static void add(struct events *e, double at_s, uint8_t kind, uint32_t track, const void *data,
                size_t len)
{
    if (e->count == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 4096;
        e->items = reallocarray(e->items, e->capacity, sizeof(*e->items));
        CHECK(e->items);
    }
    uint8_t *copy = malloc(len + 1);
    CHECK(copy);
    memcpy(copy, data, len);
    e->items[e->count] =
        (struct event){(uint64_t)((double)START_US + at_s * 1e6), e->count, kind, track, copy, len};
    e->count++;
}

static int compare(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* One RTP stream being sent. */
struct sender {
    const struct simulate *s;
    const struct simulate_speaker *who;
    struct events *events;
    uint32_t track, ssrc;
    uint64_t peer, stream;
    uint8_t kind, source, codec;
    uint32_t rate;
    uint32_t base_ticks;
    uint16_t seq;
    double delay_s;
    uint16_t picture_id;
};

/* How far the sender's media clock is at `t` of the hearing: it stands while the capture stalls. */
static double media_s(const struct simulate_speaker *who, double t)
{
    double m = t;
    if (who->stall_at_s > 0 && t > who->stall_at_s)
        m -= fmin(t - who->stall_at_s, who->stall_s);
    return m * (1 + who->ppm * 1e-6);
}

static uint32_t ticks_at(const struct sender *x, double t)
{
    return x->base_ticks + (uint32_t)(int64_t)llround(media_s(x->who, t) * x->rate);
}

/* When something sent at `t` arrives, by the queue in the network. */
static double arrival_s(const struct sender *x, double t)
{
    double at = t + 0.03 + x->delay_s + chance(x->events) * x->s->jitter_s;
    const struct simulate_speaker *who = x->who;
    if (who->queue_at_s > 0 && at >= who->queue_at_s && at < who->queue_at_s + who->queue_s)
        at = who->queue_at_s + who->queue_s + (at - who->queue_at_s) * 0.01;
    return at;
}

static void send_packet(struct sender *x, double t, bool marker, const void *payload, size_t len)
{
    uint8_t bytes[1500];
    struct writer w = writer_over(bytes, sizeof(bytes));
    /* With a header extension and two bytes of padding: both must be taken off. */
    writer_u8(&w, 0xb0);
    writer_u8(&w, (uint8_t)((marker ? 0x80 : 0) | 96));
    writer_u16(&w, x->seq);
    writer_u32(&w, ticks_at(x, t));
    writer_u32(&w, x->ssrc);
    writer_u16(&w, 0xbede);
    writer_u16(&w, 1);
    writer_u32(&w, 0x10300000);
    writer_bytes(&w, payload, len);
    writer_u16(&w, 2);
    CHECK(!w.failed);
    double at = arrival_s(x, t);
    bool lost = chance(x->events) < x->s->loss;
    bool repaired = lost && chance(x->events) < x->s->repaired;
    if (!lost)
        add(x->events, at, RING_RTP, x->track, bytes, writer_len(&w));
    else if (repaired)
        add(x->events, at + 0.1 + 2.8 * chance(x->events), RING_RTP_REPAIRED, x->track, bytes,
            writer_len(&w));
    /* Some come twice. */
    if (chance(x->events) < x->s->loss)
        add(x->events, at + 0.05, RING_RTP_REPAIRED, x->track, bytes,
            lost && !repaired ? 0 : writer_len(&w));
    x->seq++;
}

static void send_report(struct sender *x, double t)
{
    /* The sender's wall clock is 17 s off and drifts like its media clocks. */
    double wall = 3000000000.0 + 17 + t * (1 + x->who->ppm * 1e-6);
    uint8_t bytes[16];
    struct writer w = writer_over(bytes, sizeof(bytes));
    writer_u32(&w, x->ssrc);
    writer_u32(&w, (uint32_t)wall);
    writer_u32(&w, (uint32_t)((wall - floor(wall)) * 4294967296.0));
    writer_u32(&w, ticks_at(x, t));
    add(x->events, t + 0.03, RING_SENDER_REPORT, x->track, bytes, sizeof(bytes));
}

static void tell_track(const struct sender *x, double t)
{
    uint8_t bytes[64];
    struct writer w = writer_over(bytes, sizeof(bytes));
    writer_u64(&w, x->peer);
    writer_u64(&w, x->stream);
    writer_u8(&w, x->kind);
    writer_u8(&w, x->source);
    writer_u8(&w, x->codec);
    writer_u8(&w, 96);
    writer_u32(&w, x->rate);
    writer_u32(&w, x->ssrc);
    add(x->events, t, RING_TRACK, x->track, bytes, writer_len(&w));
}

static void tell_mute(const struct sender *x, double t, bool muted)
{
    uint8_t bytes[9];
    struct writer w = writer_over(bytes, sizeof(bytes));
    writer_u64(&w, x->stream);
    writer_u8(&w, muted);
    add(x->events, t, RING_TRACK_MUTE, x->track, bytes, sizeof(bytes));
}

static bool is_flash(double t)
{
    double in = fmod(t, 2.0) - SIMULATE_FLASH_AT_S;
    return in >= 0 && in < SIMULATE_FLASH_S;
}

static bool is_stalled(const struct simulate_speaker *who, double t)
{
    return who->stall_at_s > 0 && t >= who->stall_at_s && t < who->stall_at_s + who->stall_s;
}

/* Comes back as a new track: other numbers, other SSRC. */
static void restart(struct sender *x, double t)
{
    x->track += 100;
    x->ssrc += 77;
    x->seq = (uint16_t)(x->seq + 20000);
    x->base_ticks += 123456789;
    tell_track(x, t);
}

static void send_audio(struct sender *x)
{
    int error;
    OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
    CHECK(encoder);
    opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
    opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(10));
    const struct simulate_speaker *who = x->who;
    double step_s = 0.02 / (1 + who->ppm * 1e-6);
    double next_report_s = who->from_s + 0.3;
    bool restarted = who->restart_at_s <= 0;
    tell_track(x, who->from_s);
    for (int packet_number = 0;; packet_number++) {
        double t = who->from_s + packet_number * step_s;
        if (t >= who->to_s)
            break;
        if (is_stalled(who, t))
            continue;
        if (!restarted && t >= who->restart_at_s) {
            restarted = true;
            restart(x, t);
        }
        float pcm[OPUS_SAMPLES];
        for (int i = 0; i < OPUS_SAMPLES; i++) {
            double at = t + i * step_s / OPUS_SAMPLES;
            double loudness = is_flash(at) ? 0.18 : 0.04;
            pcm[i] = (float)(loudness * sin(2 * PI * who->tone_hz * at));
        }
        uint8_t packet[1000];
        int len = opus_encode_float(encoder, pcm, OPUS_SAMPLES, packet, sizeof(packet));
        CHECK(len > 0);
        send_packet(x, t, false, packet, (size_t)len);
        if (t >= next_report_s) {
            send_report(x, t);
            next_report_s += 1;
        }
    }
    opus_encoder_destroy(encoder);
}

/* Frame `number`: the counter above, flash or grey below. */
static void draw(uint8_t *i420, int width, int height, unsigned number, bool flash, uint8_t tint)
{
    size_t luma = (size_t)width * (size_t)height;
    memset(i420, flash ? 235 : 60, luma);
    memset(i420 + luma, tint, luma / 2);
    int cell = width / SIMULATE_COUNTER_BITS, rows = height / 4;
    for (int y = 0; y < rows; y++) {
        for (int bit = 0; bit < SIMULATE_COUNTER_BITS; bit++)
            memset(i420 + y * width + bit * cell,
                   number >> (SIMULATE_COUNTER_BITS - 1 - bit) & 1 ? 235 : 16, (size_t)cell);
    }
    memset(i420 + luma, 128, luma / 16); /* no colour behind the counter */
    memset(i420 + luma + luma / 4, 128, luma / 16);
}

/* Encodes the frames from `from` on with ffmpeg; returns the file's bytes. */
static uint8_t *encode(const struct sender *x, const char *work_dir, unsigned from, unsigned count,
                       size_t *ret_len)
{
    int width = x->s->width, height = x->s->height;
    size_t size = (size_t)width * (size_t)height * 3 / 2;
    char raw[128], out[128], command[640];
    snprintf(raw, sizeof(raw), "%s/raw.yuv", work_dir);
    snprintf(out, sizeof(out), "%s/out.%s", work_dir, x->codec == CODEC_H264 ? "h264" : "ivf");
    FILE *f = fopen(raw, "we");
    CHECK(f);
    uint8_t *frame = malloc(size);
    CHECK(frame);
    for (unsigned i = from; i < from + count; i++) {
        draw(frame, width, height, i, is_flash((double)i / SIMULATE_FPS),
             (uint8_t)(90 + x->peer % 8 * 12));
        CHECK_EQ(fwrite(frame, 1, size, f), size);
    }
    free(frame);
    CHECK_EQ(fclose(f), 0);
    static const char vp8[] = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 400k -g 100 "
                              "-auto-alt-ref 0 -f ivf";
    static const char vp9[] = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 400k -g 100 "
                              "-lag-in-frames 0 -f ivf";
    static const char h264[] = "-c:v libx264 -preset ultrafast -tune zerolatency -profile:v "
                               "baseline -x264-params aud=1:keyint=100 -f h264";
    const char *how = x->codec == CODEC_H264 ? h264 : x->codec == CODEC_VP9 ? vp9 : vp8;
    snprintf(command, sizeof(command),
             "ffmpeg -nostdin -loglevel error -y -f rawvideo -pix_fmt yuv420p -s %dx%d -r %d -i %s "
             "%s %s",
             width, height, SIMULATE_FPS, raw, how, out);
    CHECK_EQ(system(command), 0);
    f = fopen(out, "re");
    CHECK(f);
    CHECK_EQ(fseek(f, 0, SEEK_END), 0);
    *ret_len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*ret_len);
    CHECK(bytes);
    CHECK_EQ(fread(bytes, 1, *ret_len, f), *ret_len);
    fclose(f);
    (void)unlink(raw);
    (void)unlink(out);
    return bytes;
}

static uint32_t little_endian(const uint8_t *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static void send_vp8(struct sender *x, double t, const uint8_t *frame, size_t len)
{
    x->picture_id = (uint16_t)((x->picture_id + 1) & 0x7fff);
    for (size_t done = 0; done < len;) {
        size_t part = len - done < MTU ? len - done : MTU;
        uint8_t payload[MTU + 4] = {(uint8_t)(0x80 | (done == 0 ? 0x10 : 0)), 0x80,
                                    (uint8_t)(0x80 | x->picture_id >> 8), (uint8_t)x->picture_id};
        memcpy(payload + 4, frame + done, part);
        done += part;
        send_packet(x, t, done == len, payload, part + 4);
    }
}

/* Of one layer. RFC 9628 section 4.2: I, P, B and E; a frame that is not a key frame says so in the
 * sixth bit of its first byte. */
static void send_vp9(struct sender *x, double t, const uint8_t *frame, size_t len)
{
    x->picture_id = (uint16_t)((x->picture_id + 1) & 0x7fff);
    uint8_t inter = frame[0] & 4 ? 0x40 : 0;
    for (size_t done = 0; done < len;) {
        size_t part = len - done < MTU ? len - done : MTU;
        uint8_t start = done == 0 ? 8 : 0, end = done + part == len ? 4 : 0;
        uint8_t payload[MTU + 3] = {0x80 | inter | start | end,
                                    (uint8_t)(0x80 | x->picture_id >> 8), (uint8_t)x->picture_id};
        memcpy(payload + 3, frame + done, part);
        done += part;
        send_packet(x, t, end, payload, part + 3);
    }
}

static void send_h264(struct sender *x, double t, const uint8_t *unit, size_t len)
{
    size_t pos = 0, nal_len;
    const uint8_t *nal;
    while (h264_next_nal(unit, len, &pos, &nal, &nal_len)) {
        uint8_t type = nal[0] & 0x1f;
        if (type == 9)
            continue; /* delimiters are not sent */
        size_t after = pos;
        const uint8_t *next;
        size_t next_len;
        bool last = !h264_next_nal(unit, len, &after, &next, &next_len);
        if (nal_len <= MTU) {
            send_packet(x, t, last, nal, nal_len);
            continue;
        }
        for (size_t done = 1; done < nal_len;) {
            size_t part = nal_len - done < MTU ? nal_len - done : MTU;
            uint8_t payload[MTU + 2] = {
                (uint8_t)((nal[0] & 0xe0) | 28),
                (uint8_t)((done == 1 ? 0x80 : 0) | (done + part == nal_len ? 0x40 : 0) | type)};
            memcpy(payload + 2, nal + done, part);
            done += part;
            send_packet(x, t, last && done == nal_len, payload, part + 2);
        }
    }
}

/* The end of the access unit that begins at `pos`: the next delimiter. */
static size_t unit_end(const uint8_t *bytes, size_t len, size_t pos)
{
    for (size_t i = pos + 5; i + 5 <= len; i++) {
        if (memcmp(bytes + i, "\0\0\0\1\x09", 5) == 0)
            return i;
    }
    return len;
}

static void send_frames(struct sender *x, const uint8_t *bytes, size_t len, unsigned from)
{
    const struct simulate_speaker *who = x->who;
    double next_report_s = (double)from / SIMULATE_FPS + 0.45;
    bool muted = false;
    bool ivf = x->codec != CODEC_H264;
    size_t pos = ivf ? 32 : 0;
    for (unsigned i = from; pos < len; i++) {
        double t = (double)i / SIMULATE_FPS;
        size_t end;
        if (ivf) {
            end = pos + 12 + little_endian(bytes + pos);
            pos += 12;
        } else {
            end = unit_end(bytes, len, pos);
        }
        bool mute = who->mute_to_s > 0 && t >= who->mute_from_s && t < who->mute_to_s;
        if (mute != muted)
            tell_mute(x, t, mute);
        muted = mute;
        if (!mute && !is_stalled(who, t)) {
            if (x->codec == CODEC_VP8)
                send_vp8(x, t, bytes + pos, end - pos);
            else if (x->codec == CODEC_VP9)
                send_vp9(x, t, bytes + pos, end - pos);
            else
                send_h264(x, t, bytes + pos, end - pos);
        }
        if (t >= next_report_s) {
            send_report(x, t);
            next_report_s += 1;
        }
        pos = end;
    }
}

static void send_video(struct sender *x, const char *work_dir)
{
    /* A new track begins with a key frame: what comes after a restart, a mute or a stall is encoded
     * apart.
     */
    const struct simulate_speaker *who = x->who;
    double cuts[4] = {who->from_s, who->to_s, who->to_s, who->to_s};
    if (who->restart_at_s > 0)
        cuts[1] = who->restart_at_s;
    else if (who->mute_to_s > 0)
        cuts[1] = who->mute_to_s;
    else if (who->stall_s > 0)
        cuts[1] = who->stall_at_s + who->stall_s;
    tell_track(x, who->from_s);
    for (int part = 0; part < 2; part++) {
        unsigned from = (unsigned)lround(cuts[part] * SIMULATE_FPS);
        unsigned to = (unsigned)lround(cuts[part + 1] * SIMULATE_FPS);
        if (from >= to)
            continue;
        if (part == 1 && who->restart_at_s > 0)
            restart(x, cuts[part]);
        size_t len;
        uint8_t *bytes = encode(x, work_dir, from, to - from, &len);
        send_frames(x, bytes, len, from);
        free(bytes);
    }
    if (who->mute_to_s > 0)
        tell_mute(x, who->mute_to_s, false);
}

static void note(struct events *e, double at_s, unsigned *seq, const char *event, int who,
                 const struct simulate_speaker *speaker)
{
    char text[512];
    uint8_t bytes[600];
    struct writer w = writer_over(bytes, sizeof(bytes));
    writer_u64(&w, (uint64_t)((double)WALL_US + at_s * 1e6));
    int len = snprintf(text, sizeof(text), "{\"seq\":%u,\"event\":\"%s\"", ++*seq, event);
    writer_bytes(&w, text, (size_t)len);
    if (speaker) {
        len = snprintf(text, sizeof(text), ",\"person\":\"%016" PRIx64 "\"", simulate_peer(who));
        writer_bytes(&w, text, (size_t)len);
        len = 0;
        if (speaker->name)
            len = snprintf(text, sizeof(text), ",\"name\":\"%s\",\"role\":\"%s\"", speaker->name,
                           speaker->role);
        writer_bytes(&w, text, (size_t)len);
    }
    writer_u8(&w, '}');
    CHECK(!w.failed);
    add(e, at_s, TAPE_NOTE, 0, bytes, writer_len(&w));
}

static void speak(const struct simulate *s, struct events *e, int i, const char *work_dir)
{
    const struct simulate_speaker *who = &s->speakers[i];
    struct sender audio = {
        .s = s,
        .who = who,
        .events = e,
        .track = (uint32_t)(2 * i + 1),
        .ssrc = (uint32_t)(1000 + i),
        .peer = simulate_peer(i),
        .stream = (uint64_t)(10 * i + 1),
        .kind = CONTROL_AUDIO,
        .source = CONTROL_SOURCE_MICROPHONE,
        .codec = CODEC_OPUS,
        .rate = 48000,
        .base_ticks = 0xffff0000u, /* wraps in the second second */
        .seq = 65500,
    };
    send_audio(&audio);
    if (who->no_camera)
        return;
    struct sender video = audio;
    video.track++;
    video.ssrc += 500;
    video.stream++;
    video.kind = CONTROL_VIDEO;
    video.source = who->screen ? CONTROL_SOURCE_SCREEN : CONTROL_SOURCE_CAMERA;
    video.codec = who->h264 ? CODEC_H264 : who->vp9 ? CODEC_VP9 : CODEC_VP8;
    video.rate = 90000;
    video.base_ticks = 0xfffe0000u;
    video.seq = 65400;
    video.delay_s = who->video_delay_s;
    if (who->restart_at_s > 0)
        audio.track -= 100;
    video.track = audio.track + 1;
    video.ssrc = (uint32_t)(1500 + i);
    send_video(&video, work_dir);
}

/* Writes the events in the order of their arrival, flushing every 250 ms as the writer does. */
static void write_tape(struct events *e, uint64_t hearing, const char *dir)
{
    qsort(e->items, e->count, sizeof(*e->items), compare);
    struct tape_time now = {START_US - 100000, WALL_US - 100000};
    CLEANUP(tapewriter_close) struct tapewriter *w = NULL;
    CHECK_EQ(tapewriter_open(dir, hearing, &now, &w), 0);
    uint64_t ring_index = 0;
    for (size_t i = 0; i < e->count; i++) {
        struct event *event = &e->items[i];
        while (event->at_us > now.monotonic_us + 250000) {
            now.monotonic_us += 250000;
            now.wall_us += 250000;
            CHECK_EQ(tapewriter_flush(w, &now), 0);
        }
        struct tape_record record = {.kind = event->kind,
                                     .track = event->track,
                                     .time_us = event->at_us,
                                     .ring_index = event->kind == TAPE_NOTE ? 0 : ++ring_index};
        CHECK_EQ(tapewriter_append(w, &record, event->data, event->len), 0);
        free(event->data);
    }
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    free(e->items);
}

void simulate_tape(const struct simulate *s, uint64_t hearing, const char *dir,
                   const char *work_dir)
{
    struct events e = {.dice = s->seed + 1};
    unsigned seq = 0;
    const uint8_t boot[8] = {1};
    note(&e, -0.01, &seq, "hearing.created", 0, NULL);
    add(&e, -0.005, RING_PRODUCER, 0, boot, sizeof(boot));
    note(&e, 0, &seq, "hearing.opened", 0, NULL);
    for (int i = 0; i < s->speaker_count; i++) {
        note(&e, s->speakers[i].from_s, &seq, "person.joined", i, &s->speakers[i]);
        speak(s, &e, i, work_dir);
        if (s->speakers[i].to_s < s->seconds)
            note(&e, s->speakers[i].to_s, &seq, "person.left", i, &s->speakers[i]);
    }
    note(&e, s->seconds, &seq, "hearing.closed", 0, NULL);
    write_tape(&e, hearing, dir);
}
