/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out of packets: whole or not at all, and after a loss only what needs nothing lost. */
#include <stdlib.h>
#include <string.h>

#include "common/codecs.h"
#include "common/limits.h"
#include "recorder/depay.h"
#include "recorder/h264.h"
#include "unit/check.h"

/* A VP8 packet of a row: its descriptor is made from these. */
struct vp8 {
    int64_t seq, ticks;
    bool start, marker, key;
    int tid, tl0; /* -1: not told */
    bool sync;
    int frames; /* expected: 1 when this packet completes one */
};

static size_t write_vp8(const struct vp8 *v, uint8_t *payload)
{
    size_t n = 0;
    payload[n++] = (uint8_t)((v->tid >= 0 ? 0x80 : 0) | (v->start ? 0x10 : 0));
    if (v->tid >= 0) {
        payload[n++] = 0x60;
        payload[n++] = (uint8_t)v->tl0;
        payload[n++] = (uint8_t)(v->tid << 6 | (v->sync ? 0x20 : 0));
    }
    payload[n++] = v->start ? (v->key ? 0x10 : 0x11) : 0x55;
    payload[n++] = 0xaa;
    return n;
}

static void run_vp8(const char *what, const struct vp8 *rows, size_t count)
{
    struct depay d;
    depay_init(&d, CODEC_VP8);
    for (size_t i = 0; i < count; i++) {
        uint8_t payload[16];
        struct packet p = {.payload = payload, .marker = rows[i].marker};
        p.payload_len = write_vp8(&rows[i], payload);
        struct depay_frame frame;
        int got = depay_push(&d, &p, rows[i].seq, rows[i].ticks, &frame);
        if (got != rows[i].frames)
            fprintf(stderr, "%s: packet %zu gives %d\n", what, i, got);
        CHECK_EQ(got, rows[i].frames);
    }
    depay_finish(&d);
}

#define RUN_VP8(what, ...)                                                                         \
    do {                                                                                           \
        static const struct vp8 rows_[] = {__VA_ARGS__};                                           \
        run_vp8(what, rows_, sizeof(rows_) / sizeof(rows_[0]));                                    \
    } while (0)

static void test_vp8(void)
{
    RUN_VP8("whole frames", {1, 0, 1, 0, 1, -1, -1, 0, 0}, {2, 0, 0, 1, 0, -1, -1, 0, 1},
            {3, 9, 1, 1, 0, -1, -1, 0, 1});
    RUN_VP8("nothing before a key frame", {1, 0, 1, 1, 0, -1, -1, 0, 0},
            {2, 9, 1, 1, 1, -1, -1, 0, 1});
    RUN_VP8("a lost middle breaks the frame and those that follow", {1, 0, 1, 1, 1, -1, -1, 0, 1},
            {2, 9, 1, 0, 0, -1, -1, 0, 0}, {4, 9, 0, 1, 0, -1, -1, 0, 0},
            {5, 18, 1, 1, 0, -1, -1, 0, 0}, {6, 27, 1, 1, 1, -1, -1, 0, 1});
    RUN_VP8("a lost frame breaks those that follow", {1, 0, 1, 1, 1, -1, -1, 0, 1},
            {3, 18, 1, 1, 0, -1, -1, 0, 0}, {4, 27, 1, 1, 1, -1, -1, 0, 1});
    /* Base layer frames 5, 6, 7; between them frames of the upper layer. */
    RUN_VP8("a lost upper layer does not break the base", {1, 0, 1, 1, 1, 0, 5, 0, 1},
            {2, 3, 1, 1, 0, 1, 5, 1, 1}, {4, 9, 1, 1, 0, 0, 6, 0, 1}, {5, 12, 1, 1, 0, 1, 6, 0, 0},
            {6, 15, 1, 1, 0, 0, 7, 0, 1}, {7, 18, 1, 1, 0, 1, 7, 1, 1});
    RUN_VP8("a lost base layer breaks all until a key frame", {1, 0, 1, 1, 1, 0, 5, 0, 1},
            {3, 9, 1, 1, 0, 0, 7, 0, 0}, {4, 12, 1, 1, 0, 1, 7, 1, 0},
            {5, 15, 1, 1, 1, 0, 8, 0, 1});
}

/* A VP8 frame of `len` bytes in packets of 60,000. Returns whether it came out whole. */
static bool push_large(struct depay *d, int64_t *seq, int64_t ticks, bool key, size_t len)
{
    static uint8_t payload[60001];
    struct depay_frame frame;
    int got = 0;
    for (size_t done = 0; done < len;) {
        size_t part = len - done < 60000 ? len - done : 60000;
        payload[0] = done == 0 ? 0x10 : 0; /* the descriptor: a frame's first packet, others */
        payload[1] = key ? 0x10 : 0x11;
        done += part;
        struct packet p = {
            .payload = payload, .payload_len = 1 + part, .marker = done == len, .seq = 0};
        got = depay_push(d, &p, ++*seq, ticks, &frame);
        CHECK(got == 0 || done == len);
    }
    if (got)
        CHECK_EQ(frame.len, len);
    return got;
}

/* A frame as long as the bound is taken; one byte more, and it is lost: what refers to it is not
 * shown either, up to the next key frame. */
static void test_bound(void)
{
    struct depay d;
    int64_t seq = 0;
    depay_init(&d, CODEC_VP8);
    CHECK(push_large(&d, &seq, 1, true, LIMIT_FRAME_BYTES));
    CHECK(push_large(&d, &seq, 2, false, 100));
    CHECK(!push_large(&d, &seq, 3, false, LIMIT_FRAME_BYTES + 1));
    CHECK(!push_large(&d, &seq, 4, false, 100));
    CHECK(push_large(&d, &seq, 5, true, 100));
    CHECK(push_large(&d, &seq, 6, false, 100));
    depay_finish(&d);
}

static void test_size(void)
{
    static const uint8_t key[] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x01};
    uint16_t width, height;
    CHECK(depay_size(CODEC_VP8, key, sizeof(key), &width, &height));
    CHECK_EQ(width, 640);
    CHECK_EQ(height, 480);
    for (size_t len = 0; len < sizeof(key); len++)
        CHECK(!depay_size(CODEC_VP8, key, len, &width, &height));
}

static int push(struct depay *d, int64_t seq, int64_t ticks, bool marker, const void *payload,
                size_t len, struct depay_frame *ret_frame)
{
    struct packet p = {.payload = payload, .payload_len = len, .marker = marker};
    return depay_push(d, &p, seq, ticks, ret_frame);
}

static void test_h264(void)
{
    /* 320x240, as x264 writes it. */
    static const uint8_t stap[] = {0x78, 0,    10,   0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x07,
                                   0xec, 0x04, 0x40, 0,    4,    0x68, 0xce, 0x3c, 0x80};
    static const uint8_t start[] = {0x7c, 0x85, 1, 2}, middle[] = {0x7c, 0x05, 3},
                         end[] = {0x7c, 0x45, 4}, next[] = {0x61, 9, 9};
    static const uint8_t idr[] = {0, 0, 0, 1, 0x65, 1, 2, 3, 4};
    struct depay d;
    struct depay_frame frame;
    depay_init(&d, CODEC_H264);
    CHECK_EQ(push(&d, 1, 0, true, next, sizeof(next), &frame), 0); /* no key frame yet */
    CHECK_EQ(push(&d, 2, 3, false, stap, sizeof(stap), &frame), 0);
    CHECK_EQ(push(&d, 3, 3, false, start, sizeof(start), &frame), 0);
    CHECK_EQ(push(&d, 4, 3, false, middle, sizeof(middle), &frame), 0);
    CHECK_EQ(push(&d, 5, 3, true, end, sizeof(end), &frame), 1);
    CHECK(frame.key);
    CHECK_EQ(frame.seq, 2);
    CHECK(memmem(frame.data, frame.len, idr, sizeof(idr)));
    uint8_t config[64];
    size_t config_len;
    CHECK_EQ(h264_config(frame.data, frame.len, config, sizeof(config), &config_len), 0);
    CHECK_EQ(config[0], 1);
    CHECK_EQ(config[1], 0x42);
    uint8_t units[64];
    size_t units_len = h264_to_lengths(frame.data, frame.len, units, sizeof(units));
    CHECK_EQ(units_len, frame.len);
    CHECK_EQ(units[3], 10);
    CHECK_EQ(push(&d, 6, 6, true, next, sizeof(next), &frame), 1);
    CHECK(!frame.key);
    CHECK_EQ(push(&d, 8, 12, true, next, sizeof(next), &frame), 0); /* 7 was lost */
    CHECK_EQ(push(&d, 9, 15, false, start, sizeof(start), &frame), 0);
    CHECK_EQ(push(&d, 11, 15, true, end, sizeof(end), &frame), 0); /* a hole in a fragment */
    depay_finish(&d);
}

int main(void)
{
    test_vp8();
    test_bound();
    test_size();
    test_h264();
    return 0;
}
