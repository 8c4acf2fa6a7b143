/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tap.h"

#include "common/bytes.h"
#include "common/ring.h"
#include "sfu/room.h"
#include "unit/check.h"
#include "unit/sfu/ringlook.h"
#include "unit/sfu/stage.h"

#define FRAME_US 20000

static struct stage s;
static struct ring *ring;
static struct page *party;

/* What was read from the ring since the last look. */
static struct ringlook seen;

static void look(void)
{
    ringlook_take(&seen, ring);
}

static void frame(enum control_kind kind, uint16_t seq, bool key)
{
    s.c.now_us += FRAME_US;
    page_send(&s, party, kind, seq, seq * (kind == CONTROL_VIDEO ? 1800u : 960u), key);
}

/* A picture in two layers. */
#define LAYERED 77

static uint32_t layer_ssrc(uint32_t layer)
{
    return (22 + layer) * 1000 + CONTROL_VIDEO;
}

static void layer_frame(uint32_t layer, uint16_t seq, bool key)
{
    const uint64_t id = party->id;
    party->id = 0x100 + 20 + layer; /* its SSRC */
    frame(CONTROL_VIDEO, seq, key);
    party->id = id;
}

static void publish_layers(void)
{
    const struct control_message m = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = STAGE_HEARING,
                       .peer = party->id,
                       .stream = LAYERED,
                       .kind = CONTROL_VIDEO,
                       .source = CONTROL_SOURCE_SCREEN,
                       .codec_count = 1,
                       .codecs = {{CODEC_VP8, 96, 97}},
                       .encoding_count = 2,
                       .encodings = {{layer_ssrc(0), layer_ssrc(0) + STAGE_RTX_SSRC, ""},
                                     {layer_ssrc(1), layer_ssrc(1) + STAGE_RTX_SSRC, ""}}}};
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
}

static void report(uint32_t ssrc)
{
    const struct rtcp_sender_info info = {.ntp = 77, .rtp_timestamp = 88};
    uint8_t rtcp[64];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_sender_report(&w, ssrc, &info, NULL, 0);
    page_send_rtcp(&s, party->up, rtcp, writer_len(&w));
}

/* A recorded hearing with a party that publishes them. */
static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    CHECK_EQ(ring_create(1 << 20, &ring), 0);
    stage_open_court(&s);
    const struct control_message record = {.type = CONTROL_HEARING_OPEN,
                                           .hearing_open = {STAGE_HEARING, true}};
    CHECK_EQ(stage_request(&s, &record, ring_fd(ring), NULL), 0);
    party = stage_join(&s, 0, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 1, true);
    publish_layers();
    CHECK(send_flush(s.queue));
    stage_settle(&s);
}

static void end(void)
{
    stage_close(&s);
    ring_destroy(ring);
}

/* One layer of a picture is on the tape at a time. What the other sends, loses and reports
 * meanwhile is not; when its turn comes again it is taped from there, whatever its numbers have
 * become. */
static void tapes_one_layer_at_a_time(void)
{
    begin();
    layer_frame(0, 100, true);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    layer_frame(1, 500, true);
    look();
    CHECK_EQ(seen.kinds[RING_TRACK], 1);
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    uint32_t better = seen.last[RING_RTP].track;

    layer_frame(0, 103, false); /* 101 and 102 will not come */
    report(layer_ssrc(0));
    report(layer_ssrc(1));
    for (uint16_t i = 0; i < 40; i++) {
        layer_frame(1, (uint16_t)(501 + i), false);
        stage_pass(&s, 100000);
    }
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 40);
    CHECK_EQ(seen.kinds[RING_LOSS], 0);
    CHECK_EQ(seen.kinds[RING_SENDER_REPORT], 1);
    CHECK_EQ(seen.last[RING_SENDER_REPORT].track, better);

    layer_frame(0, 20000, false);
    for (uint16_t i = 0; i < 20; i++) { /* the better one stops, the other has other numbers */
        layer_frame(0, (uint16_t)(40100 + i), i == 15);
        stage_pass(&s, 100000);
    }
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 5);
    CHECK(seen.last[RING_RTP].track != better);
    CHECK_EQ(seen.kinds[RING_TRACK_MUTE], 0); /* nobody muted anything */
    end();
}

/* The upper layer comes back and the first packet of its key frame only by repair: no decoder could
 * go on there. The other stays on the tape until a whole one comes, which is asked for at once. */
static void changes_layers_with_whole_key_frames(void)
{
    begin();
    layer_frame(1, 498, true);
    look();
    uint32_t upper = seen.last[RING_RTP].track;
    for (uint16_t i = 0; i < 30; i++) { /* it stops */
        layer_frame(0, (uint16_t)(100 + i), i == 20);
        stage_pass(&s, 40000);
    }
    look();
    uint32_t lower = seen.last[RING_RTP].track;
    CHECK(lower != upper);

    layer_frame(1, 499, false);
    layer_frame(1, 501, false);
    layer_frame(1, 502, false);
    unsigned plis = party->asked.plis;
    const uint64_t id = party->id;
    party->id = 0x100 + 20 + 1;
    page_send_rtx(&s, party, 1, 500, 500 * 1800u, true);
    party->id = id;
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACKETS_REPAIRED], 1);
    CHECK(send_flush(s.queue));
    stage_settle(&s);
    CHECK_EQ(party->asked.plis, plis + 1);
    CHECK_EQ(party->asked.last_pli_ssrc, layer_ssrc(1));
    layer_frame(1, 503, false);
    layer_frame(0, 130, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP] + seen.kinds[RING_RTP_REPAIRED], 1);
    CHECK_EQ(seen.last[RING_RTP].track, lower);
    layer_frame(1, 504, true);
    layer_frame(0, 131, false);
    look();
    CHECK_EQ(seen.kinds[RING_RTP], 1);
    CHECK_EQ(seen.last[RING_RTP].track, upper);
    end();
}

/* The recorded layer stops and nobody views the picture: the other is asked for its key frame as
 * soon as that is seen, so that the record lacks less than a second, whenever it happens. */
static void asks_for_the_other_layer_at_once(void)
{
    begin();
    uint16_t lower = 100, upper = 500;
    for (int round = 0; round < 12; round++) {
        layer_frame(1, upper++, true);
        for (int i = 0; i < 10 + 2 * round; i++) {
            layer_frame(0, lower++, false);
            layer_frame(1, upper++, false);
            stage_pass(&s, FRAME_US);
        }
        uint64_t stopped_us = s.c.now_us;
        party->asked.last_pli_ssrc = 0;
        while (party->asked.last_pli_ssrc != layer_ssrc(0)) {
            CHECK(s.c.now_us - stopped_us < 700000);
            layer_frame(0, lower++, false);
            stage_pass(&s, FRAME_US);
        }
        layer_frame(0, lower++, true);
        stage_pass(&s, 400000); /* not asked for so soon again */
    }
    end();
}

int main(void)
{
    tapes_one_layer_at_a_time();
    changes_layers_with_whole_key_frames();
    asks_for_the_other_layer_at_once();
    return 0;
}
