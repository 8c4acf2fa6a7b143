/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in layers: the best of what is whole, and never what refers to something lost. */
#include <stdlib.h>
#include <string.h>

#include "common/codecs.h"
#include "common/limits.h"
#include "recorder/depay.h"
#include "unit/recorder/layers.h"

/* One packet of a row; its payload's one byte is its place among the layers. */
struct row {
    int64_t seq;
    uint8_t picture; /* its id, and by it its time */
    uint8_t layer;
    char kind; /* 'k' key picture, 'p' from an earlier one, 'i' from the layer below alone */
    uint8_t references[2]; /* so many pictures back; 0: none */
    const char *part;      /* "BE" the whole frame, "B" its start, "E" its end, "" between */
    bool marker;
    uint8_t shown; /* bits of the layers that come out with this packet */
};

static size_t write_row(const struct row *row, bool flexible, uint8_t *payload)
{
    struct writer w = writer_over(payload, 16);
    bool start = strchr(row->part, 'B'), end = strchr(row->part, 'E'), inter = row->kind == 'p';
    writer_u8(&w, (uint8_t)(0xa0 | inter << 6 | flexible << 4 | start << 3 | end << 2));
    writer_u16(&w, (uint16_t)(0x8000 | row->picture));
    writer_u8(&w, (uint8_t)(row->layer << 1 | (row->layer > 0 && !inter)));
    if (!flexible)
        writer_u8(&w, row->picture);
    for (unsigned i = 0; flexible && inter && i < 2 && row->references[i]; i++)
        writer_u8(&w, (uint8_t)(row->references[i] << 1 | (i == 0 && row->references[1] > 0)));
    writer_u8(&w, row->layer);
    return writer_len(&w);
}

/* The layers in a frame: each byte is one, but for an index behind them. */
static uint8_t layers_in(const struct depay_frame *frame)
{
    uint8_t found = 0;
    size_t len = frame->len;
    if (len > 1) {
        uint8_t marker = frame->data[len - 1];
        CHECK_EQ(marker >> 5, 6);
        len -= 2 + (marker & 7) + 1;
        CHECK_EQ(frame->data[len], marker);
    }
    for (size_t i = 0; i < len; i++)
        found |= (uint8_t)(1u << frame->data[i]);
    return found;
}

static void run(const char *what, bool flexible, const struct row *rows, size_t count)
{
    struct depay d;
    depay_init(&d, CODEC_VP9);
    for (size_t i = 0; i < count; i++) {
        uint8_t payload[16];
        struct packet p = {.payload = payload, .marker = rows[i].marker};
        p.payload_len = write_row(&rows[i], flexible, payload);
        struct depay_frame frame;
        int got = depay_push(&d, &p, rows[i].seq, 3000 * rows[i].picture, &frame);
        uint8_t shown = got == 1 ? layers_in(&frame) : 0;
        if (shown != rows[i].shown)
            fprintf(stderr, "%s: packet %zu gives %x\n", what, i, shown);
        CHECK_EQ(shown, rows[i].shown);
    }
    depay_finish(&d);
}

#define RUN(what, flexible, ...)                                                                   \
    do {                                                                                           \
        static const struct row rows_[] = {__VA_ARGS__};                                           \
        run(what, flexible, rows_, sizeof(rows_) / sizeof(rows_[0]));                              \
    } while (0)

#define KEY_PICTURE(seq, id)                                                                       \
    {(seq), (id), 0, 'k', {0}, "BE", false, 0},                                                    \
    {                                                                                              \
        (seq) + 1, (id), 1, 'k', {0}, "BE", true, 3                                                \
    }

static void test_rows(void)
{
    RUN("whole pictures, of several packets", true, {1, 1, 0, 'k', {0}, "B", false, 0},
        {2, 1, 0, 'k', {0}, "", false, 0}, {3, 1, 0, 'k', {0}, "E", false, 0},
        {4, 1, 1, 'k', {0}, "BE", false, 0}, {5, 1, 2, 'k', {0}, "BE", true, 7},
        {6, 2, 0, 'p', {1}, "BE", false, 0}, {7, 2, 1, 'p', {1}, "BE", true, 3});
    RUN("nothing before a key picture", true, {1, 1, 0, 'p', {1}, "BE", true, 0},
        {2, 2, 1, 'k', {0}, "BE", true, 0}, KEY_PICTURE(3, 3));
    RUN("a lost layer breaks those that refer to it, and no other", true, KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "BE", true, 1}, /* the upper one is lost */
        {5, 3, 0, 'p', {1}, "BE", false, 0}, {6, 3, 1, 'p', {1}, "BE", true, 1},
        {7, 4, 0, 'p', {1}, "BE", false, 0}, {8, 4, 1, 'p', {3}, "BE", true, 3},
        {9, 5, 0, 'p', {1}, "BE", false, 0}, {10, 5, 1, 'p', {1}, "BE", true, 3});
    RUN("a picture that nothing refers to costs itself alone", true, KEY_PICTURE(1, 1),
        {5, 3, 0, 'p', {2}, "BE", false, 0}, {6, 3, 1, 'p', {2}, "BE", true, 3});
    RUN("of two references one is lost", true, KEY_PICTURE(1, 1),
        {5, 3, 0, 'p', {2, 1}, "BE", false, 0}, {6, 3, 1, 'p', {2}, "BE", true, 2});
    RUN("a hole in a frame", true, KEY_PICTURE(1, 1), {3, 2, 0, 'p', {1}, "BE", false, 0},
        {4, 2, 1, 'p', {1}, "B", false, 0}, {6, 2, 1, 'p', {1}, "E", true, 1});
    RUN("a frame that never ended, a picture that never did", true, KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "B", false, 0}, {4, 2, 1, 'p', {1}, "BE", false, 0},
        {5, 3, 0, 'p', {2}, "BE", true, 1}, {6, 4, 1, 'p', {2}, "BE", true, 0});
    RUN("the upper layer of a key picture needs the lower one", true,
        {2, 1, 0, 'k', {0}, "E", false, 0}, {3, 1, 1, 'k', {0}, "BE", true, 0}, KEY_PICTURE(4, 2));
    RUN("a layer that comes back waits for a key picture", true, KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "BE", true, 1}, {4, 3, 0, 'p', {1}, "BE", false, 0},
        {5, 3, 1, 'p', {1}, "BE", true, 1}, KEY_PICTURE(6, 4));
    RUN("without references any loss waits for a key picture", false, KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {0}, "BE", false, 0}, {4, 2, 1, 'p', {0}, "BE", true, 3},
        {7, 4, 0, 'p', {0}, "BE", true, 0}, {8, 5, 0, 'p', {0}, "BE", true, 0}, KEY_PICTURE(9, 6));
}

/* As Chromium sends it: each picture comes out as one, as large as its best layer. */
static void test_chromium(const char *path)
{
    static struct layers_packet packets[LAYERS_PACKETS];
    struct depay d;
    unsigned pictures = 0, keys = 0;
    layers_read(path, packets);
    depay_init(&d, CODEC_VP9);
    for (size_t i = 0; i < LAYERS_PACKETS; i++) {
        struct depay_frame frame;
        uint16_t width = 0, height = 0;
        int got = depay_push(&d, &packets[i].packet, packets[i].seq, packets[i].ticks, &frame);
        CHECK_EQ(got, packets[i].packet.marker);
        if (got == 0)
            continue;
        pictures++;
        keys += frame.key;
        CHECK_EQ(frame.key, !(frame.data[0] & 4)); /* frame_type */
        CHECK(!(frame.data[0] & 2));               /* show_frame of the lower layer */
        CHECK(depay_size(CODEC_VP9, frame.data, frame.len, &width, &height));
        CHECK_EQ(width, 640);
        CHECK_EQ(height, 360);
        for (size_t len = 0; len < 8; len++)
            CHECK(!vp9_size(frame.data, len, &width, &height));
    }
    CHECK_EQ(pictures, 40);
    CHECK_EQ(keys, 2);
    depay_finish(&d);
}

/* Headers that cannot be hidden are left alone. */
static void test_hide(void)
{
    static const uint8_t frames[][4] = {
        {0x00, 0, 0, 0}, /* no marker */
        {0x88, 0, 0, 0}, /* shows an earlier frame */
        {0x82, 0, 0, 0}, /* a key frame without its code */
        {0x86, 0, 0, 0}, /* cut short */
    };
    uint8_t out[8];
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
        CHECK_EQ(vp9_hide(frames[i], 4, out), 0);
    CHECK_EQ(vp9_hide(NULL, 0, out), 0);
}

/* A picture as large as the bound, less what joining it adds, is taken, and no larger one. */
static void test_bound(void)
{
    static uint8_t payload[60000];
    struct depay d;
    struct depay_frame frame;
    int64_t seq = 0;
    depay_init(&d, CODEC_VP9);
    for (int large = 0; large < 2; large++) {
        size_t left = LIMIT_FRAME_BYTES - 100 + (large ? 101 : 0);
        int got = 0;
        for (bool first = true; left > 0; first = false) {
            size_t part = left < sizeof(payload) - 4 ? left : sizeof(payload) - 4;
            left -= part;
            payload[0] = (uint8_t)(0xa0 | (first ? 8 : 0) | (left ? 0 : 4));
            payload[1] = 0x05;
            payload[2] = 0;
            payload[3] = 0;
            struct packet p = {.payload = payload, .payload_len = 4 + part, .marker = left == 0};
            got = depay_push(&d, &p, ++seq, 1 + large, &frame);
        }
        CHECK_EQ(got, !large);
    }
    depay_finish(&d);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    test_rows();
    test_chromium(argv[1]);
    test_hide();
    test_bound();
    return 0;
}
