/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/subscription.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "peer/link.h"
#include "sfu/room.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define FRAME_US 20000

static struct stage s;

/* A viewer in page 0, publishers in 1 and 2. */
static struct page *viewer, *one, *two;

static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    viewer = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    one = stage_join(&s, 1, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    two = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    struct page *publishers[] = {one, two};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(stage_publish(&s, publishers[i], CONTROL_AUDIO, false), 0);
        CHECK_EQ(stage_publish(&s, publishers[i], CONTROL_VIDEO, false), 0);
    }
}

static void frame(struct page *p, enum control_kind kind, uint16_t seq, bool key)
{
    s.c.now_us += FRAME_US;
    page_send(&s, p, kind, seq, seq * (kind == CONTROL_VIDEO ? 1800u : 960u), key);
}

/* Whose packet came last in the viewer's seat 0. */
static uint32_t shown(enum control_kind kind)
{
    const struct page_stream *got = page_seat(viewer, 0, kind);
    if (got->packets == 0)
        return 0;
    CHECK(got->payload_len >= 4);
    struct reader r = reader_over(got->payload + got->payload_len - 4, 4);
    return reader_u32(&r);
}

static uint16_t picture_id(void)
{
    const uint8_t *payload = page_seat(viewer, 0, CONTROL_VIDEO)->payload;
    return (uint16_t)((payload[2] & 0x7f) << 8 | payload[3]);
}

static int seat(enum control_kind kind, const struct page *p)
{
    return stage_seat(&s, viewer, 0, kind, p ? page_stream_id(p, kind) : 0);
}

/* Video changes over on a key frame of the new source and not before; numbers go on. */
static void switches_on_a_key_frame(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    stage_settle(&s);
    CHECK_EQ(one->asked.plis, 1); /* at once */
    frame(one, CONTROL_VIDEO, 7, false);
    CHECK_EQ(shown(CONTROL_VIDEO), 0);
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 0);
    frame(one, CONTROL_VIDEO, 8, true);
    CHECK_EQ(shown(CONTROL_VIDEO), page_ssrc(one, CONTROL_VIDEO));
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 1);
    CHECK_EQ(stage_last(&s, CONTROL_SEAT_SWITCHED)->seat_switched.stream,
             page_stream_id(one, CONTROL_VIDEO));
    frame(one, CONTROL_VIDEO, 9, false);
    struct page_stream before = *page_seat(viewer, 0, CONTROL_VIDEO);
    uint16_t id_before = picture_id();

    CHECK_EQ(seat(CONTROL_VIDEO, two), 1);
    frame(two, CONTROL_VIDEO, 40000, false);
    frame(one, CONTROL_VIDEO, 10, false); /* the old picture goes on meanwhile */
    CHECK_EQ(shown(CONTROL_VIDEO), page_ssrc(one, CONTROL_VIDEO));
    frame(two, CONTROL_VIDEO, 40001, true);
    struct page_stream after = *page_seat(viewer, 0, CONTROL_VIDEO);
    CHECK_EQ(shown(CONTROL_VIDEO), page_ssrc(two, CONTROL_VIDEO));
    CHECK_EQ((uint16_t)(after.last.seq - before.last.seq), 2);
    CHECK_EQ((uint16_t)((picture_id() - id_before) & 0x7fff), 2);
    CHECK_EQ(after.last.payload_type, CODEC_PT_VP8);
    CHECK(after.last.timestamp - before.last.timestamp < 90000);
    frame(one, CONTROL_VIDEO, 11, true); /* no longer shown */
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, after.packets);
    stage_close(&s);
}

/* Audio changes over with the next packets, and starves nobody. */
static void switches_sound_at_once(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_AUDIO, one), 1);
    frame(one, CONTROL_AUDIO, 100, false);
    CHECK_EQ(shown(CONTROL_AUDIO), page_ssrc(one, CONTROL_AUDIO));
    CHECK_EQ(page_seat(viewer, 0, CONTROL_AUDIO)->last.payload_type, CODEC_PT_OPUS);
    uint16_t before = page_seat(viewer, 0, CONTROL_AUDIO)->last.seq;
    CHECK_EQ(seat(CONTROL_AUDIO, two), 1);
    for (uint16_t i = 0; i < 3; i++)
        frame(two, CONTROL_AUDIO, (uint16_t)(9000 + i), false);
    CHECK_EQ(shown(CONTROL_AUDIO), page_ssrc(two, CONTROL_AUDIO));
    uint16_t gone_on = (uint16_t)(page_seat(viewer, 0, CONTROL_AUDIO)->last.seq - before);
    CHECK(gone_on >= 1 && gone_on <= 3);
    stage_close(&s);
}

/* The viewer's network is gone until its consent has lapsed. */
static struct link *take_away(void)
{
    struct link *away = viewer->down;
    viewer->down = NULL;
    stage_pass(&s, 31 * 1000000ull);
    return away;
}

static void bring_back(struct link *away)
{
    viewer->down = away;
    const struct control_message restart = {
        .type = CONTROL_TRANSPORT_RESTART,
        .transport_restart = {STAGE_HEARING, viewer->id, CONTROL_DOWN}};
    struct control_message answer;
    CHECK_EQ(stage_request(&s, &restart, -1, &answer), 0);
    CHECK_EQ(link_restart(viewer->down, &answer.transport_restarted.ice), 0);
    stage_pass(&s, 1000000);
}

/* Two packets more in the seat, and their numbers follow without a seam. */
static void check_two_more_since(const struct page_stream *before)
{
    const struct page_stream *after = page_seat(viewer, 0, CONTROL_VIDEO);
    CHECK_EQ(after->packets, before->packets + 2);
    CHECK_EQ((uint16_t)(after->last.seq - before->last.seq), 2);
}

/* While the viewer's network is gone a source's numbers jump to where they look old: once it is
 * back, the seat goes on without a seam. */
static void goes_on_after_numbers_jumped_unseen(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 1000, true);
    struct page_stream before = *page_seat(viewer, 0, CONTROL_VIDEO);
    struct link *away = take_away();
    frame(one, CONTROL_VIDEO, 31000, true);
    bring_back(away);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, before.packets);
    frame(one, CONTROL_VIDEO, 61000, true);
    frame(one, CONTROL_VIDEO, 61001, false);
    check_two_more_since(&before);
    stage_close(&s);
}

/* A viewer whose network is gone for so many packets that numbers go half way round and more: the
 * first packet after is shown, and nothing looks old for the next half round. */
static void goes_on_after_half_a_round_unseen(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    uint16_t seq = 1000;
    frame(one, CONTROL_VIDEO, seq, true);
    struct page_stream before = *page_seat(viewer, 0, CONTROL_VIDEO);
    struct link *away = take_away();
    for (unsigned i = 0; i < 400; i++)
        frame(one, CONTROL_VIDEO, seq = (uint16_t)(seq + 100), false);
    bring_back(away);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, before.packets);
    frame(one, CONTROL_VIDEO, (uint16_t)(seq + 1), true);
    frame(one, CONTROL_VIDEO, (uint16_t)(seq + 2), false);
    check_two_more_since(&before);
    stage_close(&s);
}

/* A picture that had a hole for its viewer goes on with a key frame, which is asked for, and with
 * the numbers where they were. */
static void goes_on_whole(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 1000, true);
    struct page_stream before = *page_seat(viewer, 0, CONTROL_VIDEO);
    struct link *away = take_away();
    frame(one, CONTROL_VIDEO, 1001, false);
    unsigned plis = one->asked.plis;
    bring_back(away);
    frame(one, CONTROL_VIDEO, 1002, false);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, before.packets);
    CHECK(one->asked.plis > plis);
    frame(one, CONTROL_VIDEO, 1003, true);
    frame(one, CONTROL_VIDEO, 1004, false);
    check_two_more_since(&before);
    stage_close(&s);
}

/* What comes late is from before the seat was set, perhaps from before its viewer was allowed: it
 * opens no seat, neither repaired nor overtaken. Who shows the source gets it. */
static void opens_with_nothing_late(void)
{
    begin();
    CHECK_EQ(stage_seat(&s, viewer, 1, CONTROL_VIDEO, page_stream_id(one, CONTROL_VIDEO)), 1);
    frame(one, CONTROL_VIDEO, 9, true);
    frame(one, CONTROL_AUDIO, 100, false);
    frame(one, CONTROL_AUDIO, 102, false);
    frame(one, CONTROL_VIDEO, 12, false);
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    CHECK_EQ(seat(CONTROL_AUDIO, one), 1);
    page_send_rtx(&s, one, 1, 10, 10 * 1800u, true);
    frame(one, CONTROL_VIDEO, 11, true);
    frame(one, CONTROL_AUDIO, 101, false);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, 0);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_AUDIO)->packets, 0);
    CHECK_EQ(page_seat(viewer, 1, CONTROL_VIDEO)->packets, 4);
    frame(one, CONTROL_VIDEO, 13, true);
    frame(one, CONTROL_AUDIO, 103, false);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, 1);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_AUDIO)->packets, 1);
    stage_close(&s);
}

/* Numbers of packets that are not sent on leave no hole that the viewer would ask for. */
static void leaves_no_hole_for_what_it_refuses(void)
{
    static const uint8_t cut_descriptor[] = {0x90}, any[] = {0x10, 1, 2, 3};
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 100, true);
    uint16_t first = page_seat(viewer, 0, CONTROL_VIDEO)->last.seq;
    page_send_bytes(&s, one, CONTROL_VIDEO, 101, STAGE_PT_VP8, NULL, 0);
    page_send_bytes(&s, one, CONTROL_VIDEO, 102, STAGE_PT_VP8, cut_descriptor,
                    sizeof(cut_descriptor));
    page_send_bytes(&s, one, CONTROL_VIDEO, 103, STAGE_PT_VP8 + 20, any, sizeof(any));
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, 1);
    frame(one, CONTROL_VIDEO, 104, false);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, 2);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->last.seq, (uint16_t)(first + 1));
    stage_close(&s);
}

/* Emptying is immediate, answered at once, and ends what waited. */
static void empties_at_once(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 8, true);
    CHECK_EQ(seat(CONTROL_VIDEO, two), 1);
    stage_forget(&s);
    CHECK_EQ(seat(CONTROL_VIDEO, NULL), 0);
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 1); /* to the one that waited */
    CHECK_EQ(stage_last(&s, CONTROL_SEAT_SWITCHED)->seat_switched.status, -ECANCELED);
    unsigned packets = page_packets(viewer);
    frame(one, CONTROL_VIDEO, 9, true);
    frame(two, CONTROL_VIDEO, 10, true);
    CHECK_EQ(page_packets(viewer), packets);
    stage_close(&s);
}

/* The same route again is granted at once; back to what is shown gives up what was wanted. */
static void takes_repetitions(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 8, true);
    CHECK_EQ(seat(CONTROL_VIDEO, one), 0);
    CHECK_EQ(seat(CONTROL_VIDEO, two), 1);
    CHECK_EQ(seat(CONTROL_VIDEO, two), 1);
    CHECK_EQ(seat(CONTROL_VIDEO, one), 0);
    frame(two, CONTROL_VIDEO, 9, true);
    CHECK_EQ(shown(CONTROL_VIDEO), page_ssrc(one, CONTROL_VIDEO));
    frame(one, CONTROL_VIDEO, 9, false);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, 2);
    stage_close(&s);
}

/* Two seats may show one source; each has numbers of its own. */
static void shows_one_source_twice(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    CHECK_EQ(stage_seat(&s, viewer, 1, CONTROL_VIDEO, page_stream_id(one, CONTROL_VIDEO)), 1);
    stage_settle(&s);
    CHECK_EQ(one->asked.plis, 1); /* shared */
    frame(one, CONTROL_VIDEO, 8, true);
    frame(one, CONTROL_VIDEO, 9, false);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_VIDEO)->packets, 2);
    CHECK_EQ(page_seat(viewer, 1, CONTROL_VIDEO)->packets, 2);
    stage_close(&s);
}

static void nack(uint16_t seq)
{
    uint8_t rtcp[64];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_nack(&w, 2, viewer->ready.seats[0].video_ssrc, &seq, 1);
    page_send_rtcp(&s, viewer->down, rtcp, writer_len(&w));
}

/* A lost packet comes again as RTX: original number first, then the payload as it was sent. */
static void answers_nack(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 8, true);
    frame(one, CONTROL_VIDEO, 9, false);
    struct page_stream lost = *page_seat(viewer, 0, CONTROL_VIDEO);
    frame(one, CONTROL_VIDEO, 10, false);
    nack(lost.last.seq);
    const struct page_stream *rtx = page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc);
    CHECK_EQ(rtx->packets, 1);
    CHECK_EQ(rtx->last.payload_type, CODEC_PT_VP8_RTX);
    CHECK_EQ(rtx->last.timestamp, lost.last.timestamp);
    CHECK_EQ(rtx->payload_len, lost.payload_len + 2);
    struct reader r = reader_over(rtx->payload, 2);
    CHECK_EQ(reader_u16(&r), lost.last.seq);
    CHECK(memcmp(rtx->payload + 2, lost.payload, lost.payload_len) == 0);
    nack((uint16_t)(lost.last.seq + 500)); /* never sent */
    CHECK_EQ(rtx->packets, 1);
    s.c.now_us += 5 * 1000000ull; /* too old by now */
    nack(lost.last.seq);
    CHECK_EQ(rtx->packets, 1);
    stage_close(&s);
}

/* Packets of a frame that differ by a byte leave as datagrams of one length, so that the kernel
 * takes them as one; so do those that are sent again. What is shown is as it came. */
static void evens_a_frame(void)
{
    static const size_t lens[] = {40, 41, 40, 41};
    uint8_t payload[64] = {0x90, 0x80, 0x81, 2, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xf0, 0};
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    for (uint16_t i = 0; i < 4; i++) {
        page_send_bytes(&s, one, CONTROL_VIDEO, (uint16_t)(8 + i), STAGE_PT_VP8, payload, lens[i]);
        payload[0] = 0x80; /* no start of a frame any more */
        const struct page_stream *got = page_seat(viewer, 0, CONTROL_VIDEO);
        CHECK_EQ(got->packets, i + 1);
        CHECK_EQ(got->payload_len, lens[i]);
        CHECK_EQ(got->len, RTP_HEADER_BYTES + 41);
        nack(got->last.seq);
        const struct page_stream *rtx = page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc);
        CHECK_EQ(rtx->packets, i + 1);
        CHECK_EQ(rtx->payload_len, lens[i] + 2);
        CHECK_EQ(rtx->len, RTP_HEADER_BYTES + 43);
    }
    stage_close(&s);
}

/* Once a route is cut, its packets do not come again either, not even through another route. */
static void retransmits_nothing_of_a_cut_route(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 8, true);
    uint16_t seq = page_seat(viewer, 0, CONTROL_VIDEO)->last.seq;
    const struct control_message move = {
        .type = CONTROL_PEER_MOVE,
        .peer_move = {STAGE_HEARING, one->id, CONTROL_ROOM_CONSULTATION, 0}};
    CHECK_EQ(stage_request(&s, &move, -1, NULL), 0);
    unsigned packets = page_packets(viewer);
    nack(seq);
    CHECK_EQ(page_packets(viewer), packets);
    CHECK_EQ(seat(CONTROL_VIDEO, two), 1);
    frame(two, CONTROL_VIDEO, 8, true); /* the same number at its source */
    nack(seq);
    CHECK_EQ(page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc)->packets, 0);
    stage_close(&s);
}

/* However much a page asks for, it gets a bounded rate of retransmissions. */
static void bounds_retransmission(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 8, true);
    uint16_t seq = page_seat(viewer, 0, CONTROL_VIDEO)->last.seq;
    for (int i = 0; i < SUBSCRIBER_RTX_PER_SECOND + 500; i++)
        nack(seq);
    CHECK_EQ(page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc)->packets,
             SUBSCRIBER_RTX_PER_SECOND);
    s.c.now_us += 100000;
    for (int i = 0; i < 500; i++)
        nack(seq);
    CHECK_EQ(page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc)->packets,
             SUBSCRIBER_RTX_PER_SECOND + SUBSCRIBER_RTX_PER_SECOND / 10);
    stage_close(&s);
}

/* What it asks for and never got costs it as much: one NACK names thousands, and each is looked
 * for. */
static void bounds_what_is_looked_for(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    frame(one, CONTROL_VIDEO, 8, true);
    uint16_t seq = page_seat(viewer, 0, CONTROL_VIDEO)->last.seq;
    static uint16_t never[SUBSCRIBER_RTX_PER_SECOND + 500];
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        never[i] = (uint16_t)(seq + 1000 + i);
    uint8_t rtcp[1200];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_nack(&w, 2, viewer->ready.seats[0].video_ssrc, never,
                    sizeof(never) / sizeof(never[0]));
    CHECK(!w.failed);
    page_send_rtcp(&s, viewer->down, rtcp, writer_len(&w));
    nack(seq);
    CHECK_EQ(page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc)->packets, 0);
    s.c.now_us += 100000;
    nack(seq);
    CHECK_EQ(page_got(viewer, viewer->ready.seats[0].video_rtx_ssrc)->packets, 1);
    stage_close(&s);
}

/* A seat set before the page is connected shows when it is, and asks for its picture then. */
static void waits_for_the_connection(void)
{
    begin();
    struct page *late = stage_join(&s, 3, CONTROL_ROLE_CLERK, CONTROL_ROOM_COURTROOM, 0, 1, false);
    CHECK_EQ(stage_seat(&s, late, 0, CONTROL_VIDEO, page_stream_id(one, CONTROL_VIDEO)), 1);
    stage_settle(&s);
    unsigned plis = one->asked.plis;
    frame(one, CONTROL_VIDEO, 8, true);
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 0);
    stage_connect(&s, late);
    stage_pass(&s, 1000000);
    CHECK(one->asked.plis > plis);
    frame(one, CONTROL_VIDEO, 9, true);
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 1);
    CHECK_EQ(page_seat(late, 0, CONTROL_VIDEO)->packets, 1);
    stage_close(&s);
}

/* Of simulcast the best layer that flows is shown, and a stopped one makes way for the next. */
static void send_layer(uint32_t layer, uint16_t seq, bool key)
{
    const uint64_t id = two->id;
    two->id = 0x100 + 20 + layer; /* its SSRC */
    frame(two, CONTROL_VIDEO, seq, key);
    two->id = id;
}

static uint32_t layer_ssrc(uint32_t layer)
{
    return (22 + layer) * 1000 + CONTROL_VIDEO;
}

static void follows_the_best_layer(void)
{
    begin();
    const struct control_message simulcast = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = STAGE_HEARING,
                       .peer = two->id,
                       .stream = 77,
                       .kind = CONTROL_VIDEO,
                       .source = CONTROL_SOURCE_SCREEN,
                       .codec_count = 1,
                       .codecs = {{CODEC_VP8, 96, 97}},
                       .encoding_count = 2,
                       .encodings = {{layer_ssrc(0), 0, ""}, {layer_ssrc(1), 0, ""}}}};
    CHECK_EQ(stage_request(&s, &simulcast, -1, NULL), 0);
    CHECK_EQ(stage_seat(&s, viewer, 0, CONTROL_VIDEO, 77), 1);
    send_layer(0, 5, true);
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(0));
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 1);
    for (unsigned i = 0; i < 4; i++) { /* until the page is known to give no feedback */
        send_layer(0, (uint16_t)(6 + i), false);
        send_layer(1, (uint16_t)(497 + i), false); /* begins to flow */
        stage_pass(&s, 450000);
    }
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(0));
    send_layer(0, 10, false);
    send_layer(1, 501, true);
    stage_pass(&s, 200000);
    send_layer(1, 502, true);
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(1));
    uint16_t seqs[] = {11, 503};
    stage_pass(&s, 900000); /* a still picture: neither layer sends, and neither has stopped */
    two->asked.plis = 0;
    send_layer(0, seqs[0]++, false);
    send_layer(1, seqs[1]++, false);
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(1));
    CHECK_EQ(two->asked.plis, 0);
    uint64_t stopped_us = s.c.now_us; /* the better one stops, the other goes on */
    while (two->asked.plis == 0) {
        send_layer(0, seqs[0]++, false);
        stage_pass(&s, 80000);
        CHECK(s.c.now_us - stopped_us < 800000);
    }
    CHECK_EQ(two->asked.last_pli_ssrc, layer_ssrc(0));
    CHECK(s.c.now_us - stopped_us > 500000);
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(1));
    send_layer(0, seqs[0]++, true);
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(0));
    two->asked.plis = 0; /* it comes back, and is shown from its next key frame on */
    for (int i = 0; i < 13 && two->asked.plis == 0; i++) {
        send_layer(0, seqs[0]++, false);
        send_layer(1, seqs[1]++, false);
        stage_pass(&s, 80000);
    }
    CHECK_EQ(two->asked.last_pli_ssrc, layer_ssrc(1));
    send_layer(1, seqs[1]++, true);
    CHECK_EQ(shown(CONTROL_VIDEO), layer_ssrc(1));
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 1); /* the same occupant all along */
    stage_close(&s);
}

/* Sends `count` packets from `seq` on, to be read in one batch with others. */
static void gather(struct page *p, enum control_kind kind, uint16_t seq, unsigned count)
{
    s.gathers = true;
    for (; count > 0; count--, seq++)
        page_send(&s, p, kind, seq, seq * (kind == CONTROL_VIDEO ? 1800u : 960u), false);
}

static void settle(void)
{
    s.gathers = false;
    stage_settle(&s);
}

/* Whatever is read at once, each receiver gets all of it in order, without a hole where something
 * between was not sent on, or its source began anew. */
static void a_batch_goes_in_order(void)
{
    begin();
    CHECK_EQ(seat(CONTROL_VIDEO, one), 1);
    CHECK_EQ(seat(CONTROL_AUDIO, one), 1);
    frame(one, CONTROL_VIDEO, 100, true);
    frame(one, CONTROL_AUDIO, 10, false);
    const struct page_stream *video = page_seat(viewer, 0, CONTROL_VIDEO);
    const struct page_stream *audio = page_seat(viewer, 0, CONTROL_AUDIO);
    uint16_t first = video->last.seq, sound = audio->last.seq;
    unsigned before = video->packets;

    gather(one, CONTROL_VIDEO, 101, 20); /* more than one burst */
    gather(one, CONTROL_AUDIO, 11, 2);
    gather(one, CONTROL_VIDEO, 121, 3);
    page_send_bytes(&s, one, CONTROL_VIDEO, 124, STAGE_PT_VP8, "", 0); /* a probe, no media */
    gather(one, CONTROL_VIDEO, 125, 2);
    settle();
    CHECK_EQ(video->packets, before + 25);
    CHECK_EQ(video->last.seq, (uint16_t)(first + 25));
    CHECK_EQ(audio->last.seq, (uint16_t)(sound + 2));
    CHECK_EQ(picture_id(), 27);

    gather(one, CONTROL_VIDEO, 127, 2);
    gather(one, CONTROL_VIDEO, 30000, 3); /* its numbers begin anew */
    settle();
    CHECK_EQ(video->packets, before + 30);
    CHECK_EQ(video->last.seq, (uint16_t)(first + 30));
    stage_close(&s);
}

int main(void)
{
    a_batch_goes_in_order();
    switches_on_a_key_frame();
    switches_sound_at_once();
    leaves_no_hole_for_what_it_refuses();
    goes_on_after_numbers_jumped_unseen();
    goes_on_after_half_a_round_unseen();
    goes_on_whole();
    opens_with_nothing_late();
    empties_at_once();
    takes_repetitions();
    shows_one_source_twice();
    answers_nack();
    evens_a_frame();
    retransmits_nothing_of_a_cut_route();
    bounds_retransmission();
    bounds_what_is_looked_for();
    waits_for_the_connection();
    follows_the_best_layer();
    return 0;
}
