/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/framing.h"

#include <string.h>

#include "unit/check.h"

#define STREAM_MAX (4 * 65536)

/* A stream of datagrams of these lengths; the bytes of each are its number. */
static size_t make_stream(const uint16_t *lens, size_t count, uint8_t stream[static STREAM_MAX])
{
    struct writer w = writer_over(stream, STREAM_MAX);
    for (size_t i = 0; i < count; i++) {
        writer_u16(&w, lens[i]);
        memset(writer_skip(&w, lens[i]), (int)(i + 1), lens[i]);
    }
    CHECK(!w.failed);
    return writer_len(&w);
}

/* What is found, in order. */
struct found {
    uint16_t lens[64]; /* 0: one too long */
    uint8_t bytes[64];
    size_t count;
};

static void find(struct framing *f, const uint8_t *piece, size_t len, struct found *found)
{
    struct reader stream = reader_over(piece, len);
    struct framing_datagram d;
    enum framing_found what;
    while ((what = framing_next(f, &stream, &d)) != FRAMING_MORE) {
        CHECK(found->count < 64);
        uint16_t *at = &found->lens[found->count];
        *at = what == FRAMING_TOO_LONG ? 0 : (uint16_t)d.len;
        if (*at) {
            found->bytes[found->count] = d.bytes[0];
            for (size_t i = 0; i < d.len; i++)
                CHECK_EQ(d.bytes[i], d.bytes[0]);
        }
        found->count++;
    }
    CHECK_EQ(reader_left(&stream), 0);
}

static const uint16_t lens[] = {1,    0,     0, 20, FRAMING_DATAGRAM_MAX, FRAMING_DATAGRAM_MAX + 1,
                                1200, 65535, 3, 2,  FRAMING_DATAGRAM_MAX};
#define LENS (sizeof(lens) / sizeof(lens[0]))

static void check_found(const struct found *found)
{
    size_t n = 0;
    for (size_t i = 0; i < LENS; i++) {
        if (lens[i] == 0)
            continue; /* RFC 4571 section 2: nothing was sent */
        uint16_t wanted = lens[i] > FRAMING_DATAGRAM_MAX ? 0 : lens[i];
        CHECK_EQ(found->lens[n], wanted);
        if (wanted)
            CHECK_EQ(found->bytes[n], i + 1);
        n++;
    }
    CHECK_EQ(found->count, n);
}

/* However the stream is cut, the same datagrams come out of it: in pieces of one length each, and
 * in two at every place. */
static void finds_the_same_however_cut(void)
{
    static uint8_t stream[STREAM_MAX];
    size_t len = make_stream(lens, LENS, stream);
    for (size_t piece = 1; piece < 3000; piece += piece < 40 ? 1 : 97) {
        struct framing f = {0};
        struct found found = {0};
        for (size_t at = 0; at < len; at += piece)
            find(&f, stream + at, len - at < piece ? len - at : piece, &found);
        check_found(&found);
    }
    for (size_t cut = 0; cut <= len; cut += cut < 6000 || cut > 60000 ? 1 : 997) {
        struct framing f = {0};
        struct found found = {0};
        find(&f, stream, cut, &found);
        find(&f, stream + cut, len - cut, &found);
        check_found(&found);
    }
}

/* What lies whole in the piece is not copied. */
static void does_not_copy(void)
{
    static uint8_t stream[STREAM_MAX];
    static const uint16_t two[] = {700, 900};
    size_t len = make_stream(two, 2, stream);
    struct framing f = {0};
    struct reader r = reader_over(stream, len);
    struct framing_datagram d;
    CHECK_EQ(framing_next(&f, &r, &d), FRAMING_DATAGRAM);
    CHECK(d.bytes == stream + 2);
    CHECK_EQ(framing_next(&f, &r, &d), FRAMING_DATAGRAM);
    CHECK(d.bytes == stream + 2 + 700 + 2);
    CHECK_EQ(framing_next(&f, &r, &d), FRAMING_MORE);
}

int main(void)
{
    finds_the_same_however_cut();
    does_not_copy();
    return 0;
}
