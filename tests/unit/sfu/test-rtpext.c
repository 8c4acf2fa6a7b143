/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rtpext.h"

#include <errno.h>

#include "unit/check.h"

static const struct rtpext_ids ids = {.mid = 1,
                                      .rid = 2,
                                      .repaired_rid = 3,
                                      .abs_send_time = 4,
                                      .transport_cc = 5,
                                      .audio_level = 10};

static struct rtp_view view_of(uint16_t profile, const uint8_t *ext, size_t len)
{
    return (struct rtp_view){.ext_profile = profile, .ext = ext, .ext_len = len};
}

static void all_in_one_byte_form(void)
{
    static const uint8_t ext[] = {0x10, '7',  0,    0x21, 'r',  '0',  0x42, 0x12, 0x34, 0x56,
                                  0x51, 0xab, 0xcd, 0xa0, 0x9e, 0x30, 'q',  0,    0,    0};
    struct rtp_view view = view_of(0xbede, ext, sizeof(ext));
    struct rtpext_values v;
    CHECK_EQ(rtpext_read(&view, &ids, &v), 0);
    CHECK(rtpext_text_is(v.mid, "7"));
    CHECK(rtpext_text_is(v.rid, "r0"));
    CHECK(rtpext_text_is(v.repaired_rid, "q"));
    CHECK(!rtpext_text_is(v.rid, "r"));
    CHECK(!rtpext_text_is(v.rid, "r00"));
    CHECK(v.has_abs_send_time);
    CHECK_EQ(v.abs_send_time, 0x123456);
    CHECK(v.has_transport_seq);
    CHECK_EQ(v.transport_seq, 0xabcd);
    CHECK(v.has_audio_level);
    CHECK_EQ(v.audio_level, 30);
    CHECK(v.voice);

    struct rtpext found;
    CHECK(rtpext_find(&view, 5, &found));
    CHECK_EQ(found.len, 2);
    CHECK(!rtpext_find(&view, 9, &found));

    /* Ids that are not used match nothing; elements of a wrong length say nothing. */
    struct rtpext_ids other = {.transport_cc = 4, .abs_send_time = 5};
    CHECK_EQ(rtpext_read(&view, &other, &v), 0);
    CHECK(!v.has_transport_seq && !v.has_abs_send_time && !v.has_audio_level);
    CHECK(!v.mid.text);
    CHECK(!rtpext_text_is(v.mid, ""));
}

/* What a walk yields: ids in order, then the end (0) or the error. */
static void walk(uint16_t profile, const uint8_t *ext, size_t len, const int *expected)
{
    struct rtp_view view = view_of(profile, ext, len);
    struct rtpext_cursor cursor = rtpext_begin(&view);
    for (;; expected++) {
        struct rtpext found = {0};
        int r = rtpext_next(&cursor, &found);
        CHECK_EQ(r > 0 ? found.id : r, *expected);
        if (r <= 0)
            return;
        CHECK(found.data >= ext && found.data + found.len <= ext + len);
    }
}
#define WALK(profile, bytes, len, ...)                                                             \
    walk(profile, (const uint8_t *)(bytes), len, (const int[]){__VA_ARGS__})

int main(void)
{
    all_in_one_byte_form();

    /* One-byte form: padding between and after; id 15 and id 0 with a length end the walk. */
    WALK(0xbede,
         "\x10"
         "a\0\0\x20"
         "b\0",
         7, 1, 2, 0);
    WALK(0xbede,
         "\x10"
         "a\xf0"
         "b\x20"
         "c",
         6, 1, 0);
    WALK(0xbede,
         "\x10"
         "a\x01"
         "bb\x20"
         "c",
         7, 1, 0);
    WALK(0xbede, "", 0, 0);
    WALK(0xbede, "\0\0\0\0", 4, 0);
    /* Lengths past the end. */
    WALK(0xbede,
         "\x13"
         "abc",
         4, -EBADMSG);
    WALK(0xbede,
         "\x10"
         "a\x2f"
         "b",
         4, 1, -EBADMSG);
    WALK(0xbede, "\0\0\0\x10", 4, -EBADMSG);

    /* Two-byte form: ids over 14, empty elements, 255 bytes of nothing. */
    WALK(0x1000,
         "\x01\0\xff\x02"
         "ab\0\0",
         8, 1, 255, 0);
    WALK(0x100f,
         "\x0f\x01"
         "a\0",
         4, 15, 0);
    WALK(0x1000,
         "\x01\xff"
         "ab",
         4, -EBADMSG);
    WALK(0x1000, "\0\0\0\x01", 4, -EBADMSG);

    /* Another profile is not ours to read. */
    WALK(0x1234,
         "\x10"
         "abc",
         4, 0);

    /* An error leaves the output alone. */
    struct rtp_view bad = view_of(0xbede,
                                  (const uint8_t *)"\x10"
                                                   "7\x5f\0",
                                  4);
    struct rtpext_values v = {.transport_seq = 77};
    CHECK_EQ(rtpext_read(&bad, &ids, &v), -EBADMSG);
    CHECK_EQ(v.transport_seq, 77);
    return 0;
}
