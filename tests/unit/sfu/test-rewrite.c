/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rewrite.h"

#include <errno.h>

#include "unit/check.h"

#define MS 1000ull

static const struct rewrite_config video_config = {
    .video = true,
    .ssrc = 0x5ea7,
    .clock_rate = 90000,
    .payload_types = {[CODEC_VP8] = 101, [CODEC_H264] = 105},
    .first_seq = 65534,
    .first_timestamp = 0xfffffff0,
};
static const struct rewrite_config audio_config = {
    .ssrc = 0x5ea8,
    .clock_rate = 48000,
    .payload_types = {[CODEC_OPUS] = 100},
    .first_seq = 7,
    .first_timestamp = 5000,
};

static struct rtp_view rtp_of(uint16_t seq, uint32_t timestamp)
{
    return (struct rtp_view){.seq = seq, .timestamp = timestamp, .payload_type = 120};
}

static struct payload_view vp8_of(uint16_t picture_id, uint8_t tl0picidx, bool key)
{
    return (struct payload_view){
        .codec = CODEC_VP8,
        .key_frame = key,
        .descriptor = {.picture_id = picture_id,
                       .picture_id_at = 2,
                       .picture_id_bits = 15,
                       .tl0picidx = tl0picidx,
                       .tl0picidx_at = 4},
    };
}

/* One packet in, and what comes of it. */
struct step {
    uint64_t at_ms;
    uint64_t source;
    uint16_t seq;
    uint32_t timestamp;
    bool key;
    int result; /* 0 or the error */
    uint16_t out_seq;
    uint32_t out_timestamp;
    bool switched;
};

static void run(struct rewrite *r, bool video, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        struct rtp_view rtp = rtp_of(s->seq, s->timestamp);
        struct payload_view opus = {.codec = CODEC_OPUS, .key_frame = true};
        struct payload_view payload = video ? vp8_of(s->seq, 0, s->key) : opus;
        struct rewrite_output out = {0};
        int e = rewrite_forward(r, s->source, &rtp, &payload, s->at_ms * MS, &out);
        if (e != s->result ||
            (e == 0 && (out.header.seq != s->out_seq || out.header.timestamp != s->out_timestamp ||
                        out.switched != s->switched)))
            fprintf(stderr, "step %zu: %d, seq %u, timestamp %u\n", i, e, out.header.seq,
                    out.header.timestamp);
        CHECK_EQ(e, s->result);
        if (e < 0)
            continue;
        CHECK_EQ(out.header.seq, s->out_seq);
        CHECK_EQ(out.header.timestamp, s->out_timestamp);
        CHECK_EQ(out.switched, s->switched);
        CHECK_EQ(out.header.ssrc, r->config.ssrc);
        CHECK_EQ(out.header.payload_type, video ? 101 : 100);
    }
}
#define RUN(r, video, ...)                                                                         \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        run(r, video, steps_, sizeof(steps_) / sizeof(steps_[0]));                                 \
    } while (0)

static void video_switches_on_key_frames_only(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    rewrite_init(&r, &video_config);
    rewrite_remember(&r, &past);
    CHECK_EQ(rewrite_shown(&r), 0);
    rewrite_select(&r, 1);
    uint32_t t = video_config.first_timestamp;
    RUN(&r, true, {0, 2, 50, 0, true, -ENOENT}, {0, 1, 9, 100, false, -EAGAIN},
        {10, 1, 10, 1000, true, 0, 65534, t, true}, {10, 1, 11, 1000, false, 0, 65535, t},
        {43, 1, 12, 4000, false, 0, 0, t + 3000});
    CHECK_EQ(rewrite_shown(&r), 1);

    /* The old one runs on until the new one's key frame; then it is dropped, late packets too. */
    rewrite_select(&r, 2);
    RUN(&r, true, {60, 2, 500, 70000, false, -EAGAIN}, {76, 1, 13, 7000, false, 0, 1, t + 6000},
        {110, 2, 501, 73000, true, 0, 2, t + 9000, true}, {111, 1, 14, 10000, false, -ENOENT},
        {112, 2, 500, 70000, false, -ESTALE}, {143, 2, 503, 76000, false, 0, 4, t + 12000},
        {144, 2, 502, 73000, false, 0, 3, t + 9000});
    CHECK_EQ(rewrite_shown(&r), 2);

    /* Back to the first, which has gone on in the meantime: its own offset is made anew. */
    rewrite_select(&r, 1);
    RUN(&r, true, {210, 1, 20, 16000, true, 0, 5, t + 18000, true});

    /* Emptied: nothing passes at once. A switch meanwhile is not remembered. */
    rewrite_select(&r, 0);
    RUN(&r, true, {220, 1, 21, 17000, true, -ENOENT}, {220, 2, 504, 79000, true, -ENOENT});
    CHECK_EQ(rewrite_shown(&r), 0);
}

/* One packet of a picture: withheld, or sent as picture `out`. */
static void one_of(struct rewrite *r, uint16_t seq, uint16_t picture, bool withheld, int out)
{
    struct rtp_view rtp = rtp_of(seq, picture * 3000u);
    struct payload_view payload = vp8_of(picture, 0, false);
    struct rewrite_output output = {0};
    if (withheld) {
        CHECK_EQ(rewrite_withhold_picture(r, 1, &rtp, &payload.descriptor), out);
        return;
    }
    CHECK_EQ(rewrite_forward(r, 1, &rtp, &payload, picture * 33 * MS, &output), 0);
    CHECK_EQ(output.patch.picture_id, out);
}

/* Frames left out leave no gap among the pictures; what comes late, or is asked for again, has the
 * number it would have had. */
static void withheld_pictures(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    rewrite_init(&r, &video_config);
    rewrite_remember(&r, &past);
    rewrite_select(&r, 1);
    RUN(&r, true, {10, 1, 100, 300000, true, 0, 65534, video_config.first_timestamp, true});
    one_of(&r, 101, 101, false, 2);
    one_of(&r, 102, 102, true, 0);
    one_of(&r, 103, 102, true, 0);
    one_of(&r, 104, 103, false, 3);
    /* 105 (104's other half) is lost, 106 too; 107 is withheld. */
    one_of(&r, 107, 106, true, 0);
    one_of(&r, 108, 107, false, 6);
    one_of(&r, 105, 103, false, 3);
    one_of(&r, 106, 104, false, 4);
    one_of(&r, 109, 108, true, 0);
    one_of(&r, 107, 106, true, -ERANGE);
    one_of(&r, 110, 109, false, 7);
    /* Again: 107's number was never given, 105 goes as it went. */
    struct rtp_view rtp = rtp_of(105, 103 * 3000u);
    struct payload_view payload = vp8_of(103, 0, false);
    struct rewrite_output output = {0};
    uint64_t source = 0;
    uint16_t seq = 0;
    CHECK_EQ(rewrite_origin(&r, 1, &source, &seq), 0);
    CHECK_EQ(seq, 105);
    CHECK_EQ(rewrite_again(&r, 1, &rtp, &payload, &output), 0);
    CHECK_EQ(output.patch.picture_id, 3);
    /* A new run counts anew. */
    rewrite_restart(&r, 1);
    one_of(&r, 120, 120, false, 8);
    one_of(&r, 121, 121, true, 0);
    one_of(&r, 122, 122, false, 9);
}

static void withheld_and_lost_packets(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    rewrite_init(&r, &video_config);
    rewrite_remember(&r, &past);
    rewrite_select(&r, 1);
    uint32_t t = video_config.first_timestamp;
    RUN(&r, true, {10, 1, 65530, 0, true, 0, 65534, t, true});
    CHECK_EQ(rewrite_withhold(&r, 1, 65531), 0);
    CHECK_EQ(rewrite_withhold(&r, 2, 65532), -ENOENT);
    /* 65533 is lost: it keeps its place, the withheld ones leave none. */
    RUN(&r, true, {10, 1, 65532, 0, false, 0, 65535, t},
        {43, 1, 65534, 3000, false, 0, 1, t + 3000}, {44, 1, 65531, 0, false, -EALREADY});
    CHECK_EQ(rewrite_withhold(&r, 1, 65533), -ERANGE);
    CHECK_EQ(rewrite_holes(&r), 1);

    uint64_t source = 0;
    uint16_t seq = 0;
    CHECK_EQ(rewrite_origin(&r, 0, &source, &seq), 0);
    CHECK_EQ(source, 1);
    CHECK_EQ(seq, 65533);
    CHECK_EQ(rewrite_origin(&r, 1, &source, &seq), 0);
    CHECK_EQ(seq, 65534);
    CHECK_EQ(rewrite_origin(&r, 2, &source, &seq), -ENOENT);
    CHECK_EQ(rewrite_origin(&r, 65533, &source, &seq), -ENOENT);

    /* It comes late, and is no hole any more. */
    RUN(&r, true, {45, 1, 65533, 0, false, 0, 0, t});
    CHECK_EQ(rewrite_holes(&r), 0);

    /* A jump beyond the history begins a run without a gap, with the same source. */
    RUN(&r, true, {600, 1, 2000, 53100, false, 0, 2, t + 53100});
    CHECK_EQ(rewrite_origin(&r, 2, &source, &seq), 0);
    CHECK_EQ(seq, 2000);
    CHECK_EQ(rewrite_origin(&r, 1, &source, &seq), 0);
    CHECK_EQ(seq, 65534);

    /* The same for a source that says it began again. */
    rewrite_restart(&r, 1);
    RUN(&r, true, {633, 1, 700, 9, false, 0, 3, t + 56070},
        {634, 1, 701, 9, false, 0, 4, t + 56070});

    CHECK_EQ(rewrite_holes(&r), 0);

    /* Cut off: what was sent of it cannot be asked for again. */
    rewrite_select(&r, 0);
    CHECK_EQ(rewrite_origin(&r, 3, &source, &seq), -ENOENT);
}

static void picture_ids_go_on(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    rewrite_init(&r, &video_config);
    rewrite_remember(&r, &past);
    struct rewrite_output out;
    static const struct {
        uint64_t source;
        uint16_t picture_id;
        uint8_t tl0picidx;
        bool key;
        uint16_t out_picture_id;
        uint8_t out_tl0picidx;
    } frames[] = {
        {1, 32766, 254, true, 1, 1}, {1, 32767, 255, false, 2, 2}, {1, 0, 0, false, 3, 3},
        {2, 20000, 7, true, 4, 4},   {2, 20001, 8, false, 5, 5},   {1, 9, 200, true, 6, 6},
        {1, 11, 202, false, 8, 8},
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        rewrite_select(&r, frames[i].source);
        struct rtp_view rtp = rtp_of((uint16_t)(100 + i), (uint32_t)(3000 * i));
        struct payload_view payload =
            vp8_of(frames[i].picture_id, frames[i].tl0picidx, frames[i].key);
        CHECK_EQ(rewrite_forward(&r, frames[i].source, &rtp, &payload, (100 + 33 * i) * MS, &out),
                 0);
        CHECK_EQ(out.patch.picture_id, frames[i].out_picture_id);
        CHECK_EQ(out.patch.tl0picidx, frames[i].out_tl0picidx);
    }
    /* Asked for again, a packet of a former run gets the numbers of its time. */
    uint64_t source = 0;
    uint16_t seq = 0;
    CHECK_EQ(rewrite_origin(&r, 2, &source, &seq), 0); /* 65534 + 4 */
    CHECK_EQ(source, 2);
    CHECK_EQ(seq, 104);
    struct rtp_view rtp = rtp_of(104, 12000);
    struct payload_view payload = vp8_of(20001, 8, false);
    CHECK_EQ(rewrite_again(&r, 2, &rtp, &payload, &out), 0);
    CHECK_EQ(out.patch.picture_id, 5);
    CHECK_EQ(out.patch.tl0picidx, 5);
    CHECK_EQ(out.header.seq, 2);
}

static void codecs_of_a_seat(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    struct rewrite_config config = video_config;
    config.payload_types[CODEC_H264] = 0; /* a seat without H.264 */
    rewrite_init(&r, &config);
    rewrite_remember(&r, &past);
    rewrite_select(&r, 1);
    struct rtp_view rtp = rtp_of(1, 0);
    struct payload_view h264 = {.codec = CODEC_H264, .key_frame = true};
    struct payload_view vp8 = vp8_of(1, 1, true);
    struct rewrite_output out;
    CHECK_EQ(rewrite_forward(&r, 1, &rtp, &h264, 10 * MS, &out), -EPROTONOSUPPORT);
    CHECK_EQ(rewrite_forward(&r, 1, &rtp, &vp8, 10 * MS, &out), 0);
    CHECK_EQ(out.header.seq, 65534);
    rtp.seq = 2;
    CHECK_EQ(rewrite_forward(&r, 1, &rtp, &h264, 20 * MS, &out), -EPROTONOSUPPORT);
    rtp.seq = 3;
    CHECK_EQ(rewrite_forward(&r, 1, &rtp, &vp8, 20 * MS, &out), 0);
    CHECK_EQ(out.header.seq, 65535);
}

static void audio_keeps_the_clock(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    rewrite_init(&r, &audio_config);
    rewrite_remember(&r, &past);
    rewrite_select(&r, 1);
    /* Each arrival 20 ms after the other: 960 ticks. */
    RUN(&r, false, {1000, 1, 1, 0, true, 0, 7, 5000, true}, {1020, 1, 2, 960, true, 0, 8, 5960});

    /* The new one comes 6 ms after the old: too early by the clock, dropped once, then in step. */
    rewrite_select(&r, 2);
    RUN(&r, false, {1026, 2, 90, 777, true, -EAGAIN}, {1040, 1, 3, 1920, true, -ENOENT},
        {1046, 2, 91, 1737, true, 0, 9, 5000 + 46 * 48, true},
        {1066, 2, 92, 2697, true, 0, 10, 5000 + 66 * 48});

    /* After silence the timestamps are where the clock is. */
    rewrite_select(&r, 0);
    rewrite_select(&r, 1);
    RUN(&r, false, {61000, 1, 600, 99, true, 0, 11, 5000 + 60000 * 48, true});

    /* Packets that come in a burst run ahead of the clock: two are dropped, then the step is
     * forced. */
    RUN(&r, false, {61000, 1, 601, 1059, true, 0, 12, 5960 + 60000 * 48},
        {61000, 1, 602, 2019, true, 0, 13, 6920 + 60000 * 48},
        {61000, 1, 603, 2979, true, 0, 14, 7880 + 60000 * 48});
    rewrite_select(&r, 2);
    RUN(&r, false, {61001, 2, 300, 5, true, -EAGAIN}, {61002, 2, 301, 965, true, -EAGAIN},
        {61003, 2, 302, 1925, true, 0, 15, 8840 + 60000 * 48, true},
        {61023, 2, 303, 2885, true, 0, 16, 9800 + 60000 * 48});

    /* A source whose timestamps leap gets a new offset, not the leap. */
    RUN(&r, false, {61200, 2, 304, 0x50000000, true, 0, 17, 5000 + 60200 * 48},
        {61220, 2, 305, 0x500003c0, true, 0, 18, 5000 + 60220 * 48});

    /* Packets held up for 10 s and then all at once keep their own distance. */
    RUN(&r, false, {71120, 2, 306, 0x50000780, true, 0, 19, 5000 + 60240 * 48},
        {71120, 2, 307, 0x50000b40, true, 0, 20, 5000 + 60260 * 48});
}

static void sender_reports_move_along(void)
{
    struct rewrite r;
    struct rewrite_past past = {0};
    rewrite_init(&r, &video_config);
    rewrite_remember(&r, &past);
    rewrite_select(&r, 1);
    struct rtcp_sender_info info = {.ntp = 100ull << 32, .rtp_timestamp = 500000};
    struct rtcp_sender_info out;
    CHECK_EQ(rewrite_sender_report(&r, 1, &info, 100ull << 32, &out), -ENOENT);
    uint32_t t = video_config.first_timestamp;
    RUN(&r, true, {10, 1, 1, 400000, true, 0, 65534, t, true});
    rewrite_sent(&r, 1000);
    rewrite_sent(&r, 17);

    /* Half a second after theirs: 45,000 ticks on, moved by what the packets moved. */
    CHECK_EQ(rewrite_sender_report(&r, 1, &info, (100ull << 32) + 0x80000000u, &out), 0);
    CHECK_EQ(out.ntp, (100ull << 32) + 0x80000000u);
    CHECK_EQ(out.rtp_timestamp, t + 100000 + 45000);
    CHECK_EQ(out.packet_count, 2);
    CHECK_EQ(out.octet_count, 1017);
    /* Clocks that disagree: theirs is a second ahead. */
    CHECK_EQ(rewrite_sender_report(&r, 1, &info, 99ull << 32, &out), 0);
    CHECK_EQ(out.rtp_timestamp, (uint32_t)(t + 100000 - 90000));
    CHECK_EQ(rewrite_sender_report(&r, 2, &info, 100ull << 32, &out), -ENOENT);
}

int main(void)
{
    video_switches_on_key_frames_only();
    withheld_pictures();
    withheld_and_lost_packets();
    picture_ids_go_on();
    codecs_of_a_seat();
    audio_keeps_the_clock();
    sender_reports_move_along();
    return 0;
}
