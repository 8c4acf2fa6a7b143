/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in layers: the best of what is whole, and never what refers to something lost. */
#include <inttypes.h>
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

static size_t write_row(const struct row *row, uint8_t *payload)
{
    struct writer w = writer_over(payload, 16);
    bool start = strchr(row->part, 'B'), end = strchr(row->part, 'E'), inter = row->kind == 'p';
    writer_u8(&w, (uint8_t)(0xa0 | inter << 6 | 0x10 | start << 3 | end << 2));
    writer_u16(&w, (uint16_t)(0x8000 | row->picture));
    writer_u8(&w, (uint8_t)(row->layer << 1 | (row->layer > 0 && !inter)));
    for (unsigned i = 0; inter && i < 2 && row->references[i]; i++)
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

/* What a packet is to show. */
struct expected {
    int64_t seq, picture;
    uint8_t shown; /* layers */
    bool key;
};

static void push(struct depay *d, const char *what, const struct packet *p, struct expected e)
{
    struct depay_frame frame;
    int got = depay_push(d, p, e.seq, 3000 * e.picture, &frame);
    uint8_t shown = got == 1 ? layers_in(&frame) : 0;
    if (shown != e.shown)
        fprintf(stderr, "%s: packet %" PRId64 " gives %x\n", what, e.seq, shown);
    CHECK_EQ(shown, e.shown);
    CHECK(got == 0 || frame.key == e.key);
}

static void run(const char *what, const struct row *rows, size_t count)
{
    struct depay d;
    depay_init(&d, CODEC_VP9);
    for (size_t i = 0; i < count; i++) {
        uint8_t payload[16];
        struct packet p = {.payload = payload, .marker = rows[i].marker};
        p.payload_len = write_row(&rows[i], payload);
        push(&d, what, &p,
             (struct expected){rows[i].seq, rows[i].picture, rows[i].shown, rows[i].kind != 'p'});
    }
    depay_finish(&d);
}

#define RUN(what, ...)                                                                             \
    do {                                                                                           \
        static const struct row rows_[] = {__VA_ARGS__};                                           \
        run(what, rows_, sizeof(rows_) / sizeof(rows_[0]));                                        \
    } while (0)

#define KEY_PICTURE(seq, id)                                                                       \
    {(seq), (id), 0, 'k', {0}, "BE", false, 0},                                                    \
    {                                                                                              \
        (seq) + 1, (id), 1, 'k', {0}, "BE", true, 3                                                \
    }

static void test_rows(void)
{
    RUN("whole pictures, of several packets", {1, 1, 0, 'k', {0}, "B", false, 0},
        {2, 1, 0, 'k', {0}, "", false, 0}, {3, 1, 0, 'k', {0}, "E", false, 0},
        {4, 1, 1, 'k', {0}, "BE", false, 0}, {5, 1, 2, 'k', {0}, "BE", true, 7},
        {6, 2, 0, 'p', {1}, "BE", false, 0}, {7, 2, 1, 'p', {1}, "BE", true, 3});
    RUN("nothing before a key picture", {1, 1, 0, 'p', {1}, "BE", true, 0},
        {2, 2, 1, 'k', {0}, "BE", true, 0}, KEY_PICTURE(3, 3));
    RUN("a lost layer breaks those that refer to it, and no other", KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "BE", true, 1}, /* the upper one is lost */
        {5, 3, 0, 'p', {1}, "BE", false, 0}, {6, 3, 1, 'p', {1}, "BE", true, 1},
        {7, 4, 0, 'p', {1}, "BE", false, 0}, {8, 4, 1, 'p', {3}, "BE", true, 3},
        {9, 5, 0, 'p', {1}, "BE", false, 0}, {10, 5, 1, 'p', {1}, "BE", true, 3});
    RUN("a picture that nothing refers to costs itself alone", KEY_PICTURE(1, 1),
        {5, 3, 0, 'p', {2}, "BE", false, 0}, {6, 3, 1, 'p', {2}, "BE", true, 3});
    RUN("of two references one is lost", KEY_PICTURE(1, 1), {5, 3, 0, 'p', {2, 1}, "BE", false, 0},
        {6, 3, 1, 'p', {2}, "BE", true, 2});
    RUN("a hole in a frame", KEY_PICTURE(1, 1), {3, 2, 0, 'p', {1}, "BE", false, 0},
        {4, 2, 1, 'p', {1}, "B", false, 0}, {6, 2, 1, 'p', {1}, "E", true, 1});
    RUN("a frame that never ended, a picture that never did", KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "B", false, 0}, {4, 2, 1, 'p', {1}, "BE", false, 0},
        {5, 3, 0, 'p', {2}, "BE", true, 3}, {6, 4, 1, 'p', {2}, "BE", true, 2});
    RUN("a picture without a marker is not shown, but what refers to it is", KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "BE", false, 0}, {4, 3, 0, 'p', {1}, "BE", false, 0},
        {5, 3, 1, 'p', {2}, "BE", true, 3}, {6, 4, 0, 'p', {1}, "BE", true, 1});
    RUN("one before a key picture is of no use", KEY_PICTURE(1, 1),
        {3, 2, 1, 'p', {1}, "BE", false, 0}, {4, 3, 0, 'k', {0}, "BE", true, 1});
    RUN("only so many have room", KEY_PICTURE(1, 1), {3, 2, 0, 'p', {1}, "BE", false, 0},
        {4, 2, 1, 'p', {1}, "BE", false, 0}, {5, 3, 0, 'p', {1}, "BE", false, 0},
        {6, 3, 1, 'p', {1}, "BE", false, 0}, {7, 4, 0, 'p', {1}, "BE", false, 0},
        {8, 4, 1, 'p', {1}, "BE", false, 0}, {9, 5, 0, 'p', {1}, "BE", false, 0},
        {10, 5, 1, 'p', {1}, "BE", false, 0}, {11, 6, 0, 'p', {1}, "BE", true, 3},
        {12, 7, 0, 'p', {1}, "BE", true, 0}, {13, 8, 0, 'p', {3}, "BE", true, 1});
    RUN("the upper layer of a key picture needs the lower one", {2, 1, 0, 'k', {0}, "E", false, 0},
        {3, 1, 1, 'k', {0}, "BE", true, 0}, KEY_PICTURE(4, 2));
    RUN("a layer that comes back waits for a key picture", KEY_PICTURE(1, 1),
        {3, 2, 0, 'p', {1}, "BE", true, 1}, {4, 3, 0, 'p', {1}, "BE", false, 0},
        {5, 3, 1, 'p', {1}, "BE", true, 1}, KEY_PICTURE(6, 4));
}

/* A whole frame that does not name what it refers to; its payload's one byte is its layer. */
struct told {
    int64_t seq, picture;
    char kind; /* as above */
    uint8_t layer, temporal;
    int tl0; /* TL0PICIDX; -1: none, nor layers */
    bool sync, marker;
    uint8_t shown;
};

static void run_told(const char *what, const struct told *rows, size_t count)
{
    struct depay d;
    depay_init(&d, CODEC_VP9);
    for (size_t i = 0; i < count; i++) {
        const struct told *t = &rows[i];
        uint8_t payload[8];
        struct writer w = writer_over(payload, sizeof(payload));
        bool inter = t->kind == 'p', layers = t->tl0 >= 0;
        writer_u8(&w, (uint8_t)(inter << 6 | layers << 5 | 0x0c));
        if (layers) {
            writer_u8(&w, (uint8_t)(t->temporal << 5 | t->sync << 4 | t->layer << 1 |
                                    (t->layer > 0 && !inter)));
            writer_u8(&w, (uint8_t)t->tl0);
        }
        writer_u8(&w, t->layer);
        struct packet p = {.payload = payload, .payload_len = writer_len(&w), .marker = t->marker};
        push(&d, what, &p, (struct expected){t->seq, t->picture, t->shown, t->kind != 'p'});
    }
    depay_finish(&d);
}

#define RUN_TOLD(what, ...)                                                                        \
    do {                                                                                           \
        static const struct told rows_[] = {__VA_ARGS__};                                          \
        run_told(what, rows_, sizeof(rows_) / sizeof(rows_[0]));                                   \
    } while (0)

/* Pictures that number the lowest temporal layer instead (TL0PICIDX), and such as tell nothing. */
static void test_told(void)
{
    RUN_TOLD("an upper layer lost of a key picture is lost until the next",
             {1, 1, 'k', 0, 0, 255, 1, false, 0}, {3, 1, 'i', 2, 0, 255, 1, true, 1},
             {4, 2, 'p', 0, 0, 0, 1, false, 0}, {5, 2, 'p', 1, 0, 0, 1, false, 0},
             {6, 2, 'p', 2, 0, 0, 1, true, 1}, {7, 3, 'k', 0, 0, 1, 1, false, 0},
             {8, 3, 'i', 1, 0, 1, 1, true, 3});
    RUN_TOLD("a lost layer of the lowest temporal one is lost until a key picture, others go on",
             {1, 1, 'k', 0, 0, 5, 1, false, 0}, {2, 1, 'i', 1, 0, 5, 1, true, 3},
             {3, 2, 'p', 0, 0, 6, 1, true, 1}, /* the upper one is lost */
             {5, 3, 'p', 0, 2, 6, 1, false, 0}, {6, 3, 'p', 1, 2, 6, 1, true, 0},
             {7, 4, 'p', 0, 0, 7, 1, false, 0}, {8, 4, 'p', 1, 0, 7, 1, true, 1});
    RUN_TOLD("a lost picture of the lowest temporal layer breaks all",
             {1, 1, 'k', 0, 0, 5, 1, true, 1}, {3, 3, 'p', 0, 0, 7, 1, true, 0},
             {4, 4, 'p', 0, 1, 7, 1, true, 0}, {5, 5, 'p', 0, 0, 8, 1, true, 0},
             {6, 6, 'k', 0, 0, 9, 1, true, 1});
    RUN_TOLD("upper temporal layers wait for the lowest to tell that they need nothing from before",
             {1, 1, 'k', 0, 0, 5, 1, true, 1}, {3, 3, 'p', 0, 2, 5, 1, true, 0},
             {4, 4, 'p', 0, 0, 6, 0, true, 1}, {5, 5, 'p', 0, 2, 6, 1, true, 0},
             {6, 6, 'p', 0, 0, 7, 1, true, 1}, {7, 7, 'p', 0, 2, 7, 1, true, 1});
    RUN_TOLD("a layer left out comes back with a key picture", {1, 1, 'k', 0, 0, 5, 1, false, 0},
             {2, 1, 'i', 1, 0, 5, 1, true, 3}, {3, 2, 'p', 0, 0, 6, 1, true, 1},
             {4, 3, 'p', 0, 0, 7, 1, false, 0}, {5, 3, 'p', 1, 0, 7, 1, true, 1},
             {6, 4, 'k', 0, 0, 8, 1, false, 0}, {7, 4, 'i', 1, 0, 8, 1, true, 3});
    RUN_TOLD("of layers nothing is told: a loss waits for a key picture",
             {1, 1, 'k', 0, 0, -1, 0, true, 1}, {2, 2, 'p', 0, 0, -1, 0, true, 1},
             {4, 4, 'p', 0, 0, -1, 0, true, 0}, {5, 5, 'k', 0, 0, -1, 0, true, 1},
             {6, 6, 'p', 0, 0, -1, 0, true, 1});
}

/* As Chromium sends it: each picture comes out as one, as large as its best layer. */
static void test_chromium(const char *path)
{
    static struct layers_packet packets[LAYERS_PACKETS_MAX];
    struct depay d;
    unsigned pictures = 0, keys = 0;
    size_t count = layers_read(path, packets);
    depay_init(&d, CODEC_VP9);
    for (size_t i = 0; i < count; i++) {
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
    CHECK_EQ(count, 84);
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
    static const struct vp9_slots slots;
    uint8_t out[8];
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
        CHECK_EQ(vp9_hide(&slots, frames[i], 4, out), 0);
    CHECK_EQ(vp9_hide(&slots, NULL, 0, out), 0);
}

/* A picture of one layer, predicted from the one before unless it is a key picture. Returns whether
 * it is shown. */
static bool push_large(struct depay *d, int64_t *seq, uint8_t id, bool key, size_t len)
{
    static uint8_t payload[60000];
    struct depay_frame frame;
    int got = 0;
    for (size_t done = 0; done < len;) {
        struct writer w = writer_over(payload, sizeof(payload));
        size_t part = len - done < sizeof(payload) - 8 ? len - done : sizeof(payload) - 8;
        bool first = done == 0;
        done += part;
        writer_u8(&w, (uint8_t)(0xb0 | !key << 6 | first << 3 | (done == len) << 2));
        writer_u16(&w, 0x8000 | id);
        writer_u8(&w, 0);
        if (!key)
            writer_u8(&w, 1 << 1);
        (void)writer_skip(&w, part);
        struct packet p = {
            .payload = payload, .payload_len = writer_len(&w), .marker = done == len};
        got = depay_push(d, &p, ++*seq, id, &frame);
        CHECK(got == 0 || (done == len && frame.len <= LIMIT_FRAME_BYTES));
    }
    return got;
}

/* A picture as large as the bound, less what joining it may add, is taken, and no larger one; nor
 * what refers to that. */
static void test_bound(void)
{
    struct depay d;
    int64_t seq = 0;
    depay_init(&d, CODEC_VP9);
    CHECK(push_large(&d, &seq, 1, true, LIMIT_FRAME_BYTES - 100));
    CHECK(push_large(&d, &seq, 2, false, 100));
    CHECK(!push_large(&d, &seq, 3, false, LIMIT_FRAME_BYTES - 10));
    CHECK(!push_large(&d, &seq, 4, false, 100));
    CHECK(push_large(&d, &seq, 5, true, 100));
    CHECK(!push_large(&d, &seq, 6, false, LIMIT_FRAME_BYTES + 1));
    CHECK(!push_large(&d, &seq, 7, false, 100));
    depay_finish(&d);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    test_rows();
    test_told();
    test_chromium(argv[1]);
    test_hide();
    test_bound();
    return 0;
}
