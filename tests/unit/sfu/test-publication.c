/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/publication.h"

#include <string.h>

#include "sfu/table.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define EXT_RID 2

static struct stage s;
static struct hearing hearing;
static struct publisher publisher;
static struct publication *publication;

/* A camera in two layers, announced by RID only. */
static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    CHECK_EQ(hearing_init(&hearing, &s.c, STAGE_HEARING), 0);
    publisher = (struct publisher){0};
    CHECK_EQ(publisher_init(&publisher, &s.c, &hearing, 1), 0);
    const struct control_stream_add add = {
        .hearing = STAGE_HEARING,
        .peer = 1,
        .stream = 5,
        .kind = CONTROL_VIDEO,
        .source = CONTROL_SOURCE_CAMERA,
        .codec_count = 1,
        .codecs = {{CODEC_VP8, 96, 97}},
        .encoding_count = 2,
        .encodings = {{0, 0, "r0"}, {0, 0, "r1"}},
        .ext_rid = EXT_RID,
    };
    CHECK_EQ(publisher_add(&publisher, &s.c, &add, &publication), 0);
}

static void end(void)
{
    publisher_finish(&publisher, &s.c);
    hearing_finish(&hearing);
    stage_close(&s);
}

/* Whose a packet of `ssrc` is that calls itself `rid`. */
static struct encoding *named(uint32_t ssrc, const char *rid)
{
    uint8_t ext[4] = {EXT_RID << 4 | 1};
    memcpy(ext + 1, rid, 2);
    const struct rtp_view rtp = {
        .ssrc = ssrc, .ext_profile = 0xbede, .ext = ext, .ext_len = sizeof(ext)};
    return publisher_encoding_of(&publisher, &s.c, &rtp);
}

/* The first SSRC that names a layer is its own for good. */
static void learns_a_layer_once(void)
{
    begin();
    CHECK(named(1001, "r0") == &publication->encodings[0]);
    const struct stream *stream = publication->encodings[0].stream;
    CHECK(named(1002, "r0") == NULL);
    CHECK(named(1001, "r1") == &publication->encodings[0]);
    CHECK(named(1003, "r1") == &publication->encodings[1]);
    CHECK(publication->encodings[0].stream == stream);
    CHECK_EQ(publication->encodings[0].ssrc, 1001);
    CHECK_EQ(publisher.ssrc_count, 2);
    end();
}

/* SSRC 0 is our word for "not known yet": it makes no stream, so that none is made twice. */
static void takes_no_ssrc_0(void)
{
    begin();
    CHECK(named(0, "r0") == NULL);
    CHECK(!publication->encodings[0].stream);
    CHECK_EQ(publisher.ssrc_count, 0);
    CHECK(named(1001, "r0") == &publication->encodings[0]);
    CHECK_EQ(publisher.ssrc_count, 1);
    end();
}

/* What it may send: bytes or packets, whichever is more, a second ahead at most, and again as time
 * goes by. */
static void bounds_what_a_peer_sends(void)
{
    static const struct {
        size_t len;
        unsigned per_second;
    } rows[] = {{100, LIMIT_PEER_PACKETS}, {1250, LIMIT_PEER_BYTES / 1250}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct publisher p = {0};
        uint64_t now_us = 5000000;
        unsigned count = 0;
        while (publisher_may_send(&p, rows[i].len, now_us))
            count++;
        CHECK_EQ(count, rows[i].per_second * LIMIT_PEER_BURST_MS / 1000);
        count = 0;
        for (unsigned ms = 0; ms < 1000; ms++) {
            now_us += 1000;
            while (publisher_may_send(&p, rows[i].len, now_us))
                count++;
        }
        CHECK_EQ(count, rows[i].per_second);
        now_us += 3600 * 1000000ull; /* no more for having been silent */
        for (count = 0; publisher_may_send(&p, rows[i].len, now_us);)
            count++;
        CHECK_EQ(count, rows[i].per_second * LIMIT_PEER_BURST_MS / 1000);
    }
}

int main(void)
{
    learns_a_layer_once();
    takes_no_ssrc_0();
    bounds_what_a_peer_sends();
    return 0;
}
