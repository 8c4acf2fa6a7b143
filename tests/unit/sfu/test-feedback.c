/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/feedback.h"

#include "common/bytes.h"
#include "peer/link.h"
#include "sfu/ntp.h"
#include "sfu/room.h"
#include "sfu/twcc.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define FRAME_US  20000
#define SECOND_US 1000000ull

static struct stage s;

/* A viewer in page 0 who is shown the publisher in page 1. */
static struct page *viewer, *publisher;

static void frame(enum control_kind kind, uint16_t seq, bool key)
{
    s.c.now_us += FRAME_US;
    page_send(&s, publisher, kind, seq, seq * (kind == CONTROL_VIDEO ? 1800u : 960u), key);
}

static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    viewer = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 1, true);
    publisher = stage_join(&s, 1, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 1, true);
    for (int kind = CONTROL_AUDIO; kind <= CONTROL_VIDEO; kind++) {
        CHECK_EQ(stage_publish(&s, publisher, (enum control_kind)kind, false), 0);
        CHECK_EQ(stage_seat(&s, viewer, 0, (enum control_kind)kind,
                            page_stream_id(publisher, (enum control_kind)kind)),
                 1);
    }
    stage_settle(&s);
    publisher->asked = (struct page_asked){0};
    frame(CONTROL_VIDEO, 100, true);
    frame(CONTROL_AUDIO, 100, false);
    CHECK_EQ(page_packets(viewer), 2);
}

static void viewer_says(void (*write)(struct writer *w))
{
    uint8_t rtcp[256];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    write(&w);
    page_send_rtcp(&s, viewer->down, rtcp, writer_len(&w));
}

static void write_pli(struct writer *w)
{
    rtcp_write_pli(w, 2, viewer->ready.seats[0].video_ssrc);
}

static void write_fir(struct writer *w)
{
    rtcp_write_fir(w, 2, viewer->ready.seats[0].video_ssrc, 1);
}

/* A viewer's wish for a key frame goes to the source; a storm of them costs it one each 300 ms,
 * and stops with the key frame. */
static void passes_key_frame_wishes_on(void)
{
    begin();
    stage_pass(&s, SECOND_US);
    publisher->asked = (struct page_asked){0};
    for (int i = 0; i < 50; i++)
        viewer_says(write_pli);
    CHECK_EQ(publisher->asked.plis, 1);
    CHECK_EQ(publisher->asked.last_pli_ssrc, page_ssrc(publisher, CONTROL_VIDEO));
    stage_pass(&s, SECOND_US); /* no answer: asked again by itself */
    CHECK(publisher->asked.plis >= 3 && publisher->asked.plis <= 5);
    frame(CONTROL_VIDEO, 101, true);
    publisher->asked = (struct page_asked){0};
    stage_pass(&s, 2 * SECOND_US);
    CHECK_EQ(publisher->asked.plis, 0);
    viewer_says(write_fir);
    CHECK_EQ(publisher->asked.plis, 1);
    stage_close(&s);
}

/* However often one viewer asks, and however well it is answered, all others are not to pay for it
 * with a source that sends nothing but key frames. */
static void one_viewer_never_spoils_the_rest(void)
{
    begin();
    stage_pass(&s, SECOND_US);
    publisher->asked = (struct page_asked){0};
    unsigned answered = 0;
    for (uint16_t i = 0; i < 500; i++) { /* 20 s */
        stage_pass(&s, FRAME_US);
        viewer_says(write_pli);
        bool key = publisher->asked.plis > answered;
        answered = publisher->asked.plis;
        frame(CONTROL_VIDEO, (uint16_t)(101 + i), key);
    }
    CHECK(publisher->asked.plis >= 10 && publisher->asked.plis <= 14);
    stage_close(&s);
}

/* An empty seat has no picture to mend. */
static void drops_wishes_of_empty_seats(void)
{
    begin();
    stage_pass(&s, SECOND_US);
    CHECK_EQ(stage_seat(&s, viewer, 0, CONTROL_VIDEO, 0), 0);
    publisher->asked = (struct page_asked){0};
    viewer_says(write_pli);
    stage_pass(&s, SECOND_US);
    CHECK_EQ(publisher->asked.plis, 0);
    stage_close(&s);
}

/* A source that never answers is asked ever more seldom. */
static void spares_a_dark_source(void)
{
    begin();
    publisher->asked = (struct page_asked){0};
    viewer_says(write_pli);
    stage_pass(&s, 30 * SECOND_US);
    CHECK(publisher->asked.plis >= 12 && publisher->asked.plis <= 20);
    stage_close(&s);
}

/* A hole is asked for, filled by RTX in the original's form, and forwarded in its place. */
static void repairs(void)
{
    begin();
    frame(CONTROL_VIDEO, 101, false);
    uint16_t base = page_seat(viewer, 0, CONTROL_VIDEO)->last.seq;
    frame(CONTROL_VIDEO, 103, false);
    stage_pass(&s, 60000);
    CHECK(publisher->asked.nacks >= 1);
    CHECK_EQ(publisher->asked.last_nack, 102);
    page_send_rtx(&s, publisher, 1, 102, 102 * 1800u, false);
    const struct page_stream *got = page_seat(viewer, 0, CONTROL_VIDEO);
    CHECK_EQ((uint16_t)(got->last.seq - base), 1);
    unsigned nacks = publisher->asked.nacks, packets = got->packets;
    page_send_rtx(&s, publisher, 2, 102, 102 * 1800u, false); /* a duplicate is not forwarded */
    stage_pass(&s, SECOND_US);
    CHECK_EQ(publisher->asked.nacks, nacks);
    CHECK_EQ(got->packets, packets);
    stage_close(&s);
}

/* Once a second a report says what came; loss shows in it. */
static void reports_to_publishers(void)
{
    begin();
    for (uint16_t seq = 101; seq < 151; seq++)
        if (seq % 5)
            frame(CONTROL_AUDIO, seq, false);
    stage_pass(&s, SECOND_US + 40000);
    CHECK(publisher->asked.receiver_reports >= 1);
    stage_pass(&s, 3 * SECOND_US);
    CHECK(publisher->asked.receiver_reports >= 3 && publisher->asked.receiver_reports <= 5);
    CHECK(publisher->asked.transport_feedbacks >= 1);
    stage_close(&s);
}

/* What is of no stream came all the same, and its path is no worse for it. */
static void tells_of_what_is_nobodys_too(void)
{
    begin();
    publisher->asked = (struct page_asked){0};
    const uint64_t id = publisher->id;
    for (uint16_t i = 1; i <= 20; i++) {
        publisher->id = i % 3 ? id : id + 7; /* of no announced SSRC */
        frame(CONTROL_VIDEO, (uint16_t)(100 + i), false);
    }
    publisher->id = id;
    stage_pass(&s, SECOND_US);
    CHECK(publisher->asked.told_arrived >= 20);
    CHECK_EQ(publisher->asked.told_lost, 0);
    CHECK(s.c.counters[CONTROL_METRIC_DROPPED_UNROUTED] >= 6);
    stage_close(&s);
}

/* A page without transport-wide feedback is told a rate: it grows, and falls when packets are lost.
 * A page with it is told none. */
static void tells_a_rate_without_transport_feedback(void)
{
    begin();
    CHECK_EQ(publisher->asked.rembs, 0);
    stage_pass(&s, 2 * SECOND_US);
    CHECK_EQ(publisher->asked.rembs, 0);
    struct page *old = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 1, true);
    old->without_transport_cc = true;
    CHECK_EQ(stage_publish(&s, old, CONTROL_VIDEO, false), 0);
    uint16_t seq = 0;
    for (int i = 0; i < 150; i++, seq++) {
        stage_pass(&s, FRAME_US);
        page_send(&s, old, CONTROL_VIDEO, seq, seq * 1800u, i == 0);
    }
    CHECK(old->asked.rembs >= 2 && old->asked.rembs <= 4);
    uint64_t grown = old->asked.remb_bps;
    CHECK(grown > 800000);
    for (int i = 0; i < 150; i++, seq++) {
        stage_pass(&s, FRAME_US);
        if (i % 3)
            page_send(&s, old, CONTROL_VIDEO, seq, seq * 1800u, false);
    }
    CHECK(old->asked.remb_bps < grown * 8 / 10 && old->asked.remb_bps >= 100000);
    stage_close(&s);
}

/* A publisher's sender report comes out with the seat's SSRC and timestamp and on our clock, so
 * that sound and picture stay in step. */
static void passes_sender_reports_on(void)
{
    begin();
    const uint64_t their_ntp = 1000ull << 32; /* another clock than ours altogether */
    const struct rtcp_sender_info info = {.ntp = their_ntp, .rtp_timestamp = 100 * 1800u};
    uint8_t rtcp[128];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_sender_report(&w, page_ssrc(publisher, CONTROL_VIDEO), &info, NULL, 0);
    page_send_rtcp(&s, publisher->up, rtcp, writer_len(&w));
    uint64_t ntp_then = context_ntp(&s.c);
    stage_pass(&s, 2 * SECOND_US);
    const struct page_stream *got = page_seat(viewer, 0, CONTROL_VIDEO);
    CHECK(got->reports >= 1);
    CHECK_EQ(page_seat(viewer, 0, CONTROL_AUDIO)->reports, 0); /* none came for it */
    /* What it says: at our time `report.ntp` the timestamp was so and so; our time ran 90,000 ticks
     * a second since the source's own report, whose timestamp became last.timestamp. */
    uint64_t since = got->report.ntp - ntp_then;
    uint32_t ticks = (uint32_t)((since * 90000) >> 32);
    uint32_t expected = got->last.timestamp + ticks;
    CHECK(expected - got->report.rtp_timestamp + 90 < 180);
    CHECK_EQ(got->report.packet_count, 1);
    stage_close(&s);
}

static uint64_t ntp_apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* The wall clock is set, forth and back: our reports say the new time at once, and the timestamps
 * in them go on as if nothing was. Clocks read a little apart were not set. */
static void follows_a_wall_clock_that_is_set(void)
{
    begin();
    const struct rtcp_sender_info info = {.ntp = 1000ull << 32, .rtp_timestamp = 100 * 1800u};
    uint8_t rtcp[128];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_sender_report(&w, page_ssrc(publisher, CONTROL_VIDEO), &info, NULL, 0);
    page_send_rtcp(&s, publisher->up, rtcp, writer_len(&w));
    stage_pass(&s, 2 * SECOND_US);
    const struct page_stream *got = page_seat(viewer, 0, CONTROL_VIDEO);
    struct rtcp_sender_info before = got->report;
    static const int64_t steps_us[] = {3600000000, 400000, -86400000000};
    uint64_t passed_us = 0;
    uint64_t begun_us = s.c.now_us;
    for (size_t i = 0; i < sizeof(steps_us) / sizeof(steps_us[0]); i++) {
        uint64_t wall_us = s.c.now_us + s.c.wall_offset_us + (uint64_t)steps_us[i];
        CHECK(context_follow_wall(&s.c, wall_us));
        CHECK(!context_follow_wall(&s.c, wall_us + CONTEXT_STEP_US - 1));
        CHECK(!context_follow_wall(&s.c, wall_us - CONTEXT_STEP_US + 1));
        unsigned reports = got->reports;
        stage_pass(&s, 2 * SECOND_US);
        CHECK(got->reports > reports);
        passed_us = s.c.now_us - begun_us;
        uint64_t said = ntp_from_wall_us(s.c.now_us + s.c.wall_offset_us + (uint64_t)steps_us[i]);
        CHECK(ntp_apart(got->report.ntp, said) < 2ull << 32);
        uint32_t ticks = got->report.rtp_timestamp - before.rtp_timestamp;
        CHECK(ticks > (passed_us - 2 * SECOND_US) * 9 / 100);
        CHECK(ticks < (passed_us + 2 * SECOND_US) * 9 / 100);
    }
    CHECK_EQ(got->last.seq, page_seat(viewer, 0, CONTROL_VIDEO)->last.seq);
    stage_close(&s);
}

/* What the viewer says it lost of the sound it was sent. */
static int32_t lost_by_viewer;

static void write_report(struct writer *w)
{
    /* The viewer got a report half a second ago; it took 100 ms in all to come back. */
    uint32_t now = ntp_middle(context_ntp_told(&s.c));
    const struct page_stream *got = page_seat(viewer, 0, CONTROL_AUDIO);
    const struct rtcp_report_block block = {
        .ssrc = got->ssrc,
        .total_lost = lost_by_viewer,
        .highest_seq = got->last.seq,
        .last_sr = now - 39322,
        .delay_since_sr = 32768,
    };
    rtcp_write_receiver_report(w, 2, &block, 1);
}

/* The viewer's next statistics, which come within 2 s and a tick. */
static struct control_peer_stats viewer_statistics(void)
{
    stage_forget(&s);
    for (unsigned passed = 0; passed < 21; passed++) {
        stage_pass(&s, SECOND_US / 10);
        for (size_t i = 0; i < s.event_count; i++)
            if (s.events[i].type == CONTROL_PEER_STATS && s.events[i].peer_stats.peer == viewer->id)
                return s.events[i].peer_stats;
    }
    CHECK(false);
    return (struct control_peer_stats){0};
}

/* Sends 100 audio packets from `seq` on; every tenth is lost on the publisher's link, the last not.
 */
static void hundred_frames(uint16_t seq)
{
    for (uint16_t i = 0; i < 100; i++)
        if (i % 10)
            frame(CONTROL_AUDIO, (uint16_t)(seq + i), false);
}

/* What a viewer reports is told as its statistics; what was lost before it came to
 * us is not the viewer's loss, even if it comes late. */
static void tells_statistics(void)
{
    begin();
    lost_by_viewer = 0;
    viewer_says(write_report);
    (void)viewer_statistics();
    hundred_frames(101);
    lost_by_viewer = 10 + 18; /* 90 of 100 were sent, a fifth of those did not arrive */
    viewer_says(write_report);
    struct control_peer_stats stats = viewer_statistics();
    CHECK(stats.rtt_us > 99000 && stats.rtt_us < 101000);
    CHECK_EQ(stats.down_loss_permille, 200);
    CHECK_EQ(stats.down_packets, 92);

    hundred_frames(201);
    lost_by_viewer += 10;
    viewer_says(write_report);
    CHECK_EQ(viewer_statistics().down_loss_permille, 0);

    for (uint16_t i = 0; i < 10; i++) /* what the publisher sends again, after the others */
        frame(CONTROL_AUDIO, (uint16_t)(201 + 10 * i), false);
    hundred_frames(301);
    viewer_says(write_report); /* 10 missing, 10 found again */
    CHECK_EQ(viewer_statistics().down_loss_permille, 0);
    stage_close(&s);
}

/* Every packet the viewer got, 8 ms apart. */
static void write_arrivals(struct writer *w)
{
    static struct twcc twcc;
    for (uint16_t i = 0; i < viewer->got_transport_seq; i++)
        twcc_received(&twcc, i, s.c.now_us + i * 8000ull);
    CHECK_EQ(twcc_build(&twcc, w, 2, 1, s.c.now_us + SECOND_US), 0);
}

/* What the way to a viewer carries is estimated once it tells when packets came; lies of it, and
 * too many, are counted. */
static void estimates_the_way_to_a_viewer(void)
{
    begin();
    hundred_frames(101);
    CHECK_EQ(viewer_statistics().down_estimate_bps, 0);
    viewer_says(write_arrivals);
    CHECK(viewer_statistics().down_estimate_bps >= BWE_LEAST_BPS);

    static const uint8_t claims[] = {0x8f, 0xcd, 0, 5, 0, 0, 0,    2,    0, 0, 0, 1,
                                     0,    0,    8, 1, 0, 0, 0x1f, 0xff, 0, 0, 0, 0};
    uint64_t junk = s.c.counters[CONTROL_METRIC_DROPPED_JUNK];
    uint64_t flood = s.c.counters[CONTROL_METRIC_DROPPED_FLOOD];
    for (unsigned i = 0; i < DOWNLINK_FEEDBACKS_PER_SECOND; i++)
        page_send_rtcp(&s, viewer->down, claims, sizeof(claims));
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_JUNK] - junk, DOWNLINK_FEEDBACKS_PER_SECOND / 2);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_FLOOD] - flood, DOWNLINK_FEEDBACKS_PER_SECOND / 2);
    stage_close(&s);
}

/* A late packet is known to us before the viewer can tell of it: that is not loss when it does. */
static void counts_no_loss_for_being_ahead(void)
{
    begin();
    lost_by_viewer = 0;
    viewer_says(write_report);
    hundred_frames(101);
    viewer_says(write_report); /* as if none were missing yet */
    CHECK_EQ(viewer_statistics().down_loss_permille, 0);
    CHECK_EQ(viewer_statistics().down_loss_permille, 0); /* and no report for a while */
    for (uint16_t seq = 201; seq < 231; seq++)
        frame(CONTROL_AUDIO, seq, false);
    lost_by_viewer = 10;
    viewer_says(write_report);
    CHECK_EQ(viewer_statistics().down_loss_permille, 0);
    stage_close(&s);
}

/* Numbers of a page that began anew, or that are wrong, say nothing. */
static void takes_no_impossible_report(void)
{
    static const int32_t lies[] = {0x7fffff, -0x800000, 101, 0};
    begin();
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        frame(CONTROL_AUDIO, (uint16_t)(101 + i), false);
        lost_by_viewer = lies[i];
        viewer_says(write_report);
        CHECK_EQ(viewer_statistics().down_loss_permille, 0);
    }
    frame(CONTROL_AUDIO, 105, false);
    frame(CONTROL_AUDIO, 106, false);
    lost_by_viewer = 1;
    viewer_says(write_report);
    CHECK_EQ(viewer_statistics().down_loss_permille, 500);
    stage_close(&s);
}

/* A report block about a report of before the wall clock was set tells no round-trip time; later
 * ones do. */
static uint32_t jitter_told; /* ticks of the sound's clock */

static void write_jitter(struct writer *w)
{
    const struct page_stream *got = page_seat(viewer, 0, CONTROL_AUDIO);
    const struct rtcp_report_block block = {
        .ssrc = got->ssrc, .highest_seq = got->last.seq, .jitter = jitter_told};
    rtcp_write_receiver_report(w, 2, &block, 1);
}

/* What of a camera and of sound comes, and what of them is sent on, is told of both. */
static void tells_what_is_sent(void)
{
    struct control_peer_stats seen = {0}, shown = {0};
    begin();
    for (uint16_t i = 0; i < 110; i++) {
        frame(CONTROL_VIDEO, (uint16_t)(101 + i), false);
        frame(CONTROL_AUDIO, (uint16_t)(101 + i), false); /* 20 ms of sound every 60 ms */
        jitter_told = i % 2 ? 480 : 4800;                 /* the worst is told */
        viewer_says(write_jitter);
        stage_pass(&s, FRAME_US);
    }
    for (size_t i = 0; i < s.event_count; i++) {
        if (s.events[i].type != CONTROL_PEER_STATS)
            continue;
        if (s.events[i].peer_stats.peer == viewer->id)
            seen = s.events[i].peer_stats;
        else
            shown = s.events[i].peer_stats;
    }
    CHECK_EQ(seen.up_layers, 0);
    CHECK_EQ(seen.up_jitter_us, 0);
    CHECK_EQ(seen.down_jitter_us, 100000);
    CHECK_EQ(seen.down_pictures, 1);
    CHECK_EQ(seen.down_held, 0);
    CHECK_EQ(shown.up_layers, 1);
    CHECK(shown.up_jitter_us > 35000 && shown.up_jitter_us < 45000);
    CHECK_EQ(shown.down_jitter_us, 0);
    CHECK_EQ(shown.down_pictures, 0);

    jitter_told = UINT32_MAX; /* nonsense */
    viewer_says(write_jitter);
    (void)viewer_statistics();
    viewer_says(write_jitter);
    seen = viewer_statistics();
    CHECK_EQ(seen.down_jitter_us, 0);
    CHECK_EQ(seen.down_pictures, 0); /* the camera fell silent meanwhile */
    stage_close(&s);
}

static void measures_no_round_trip_over_a_step(void)
{
    begin();
    stage_pass(&s, 3 * SECOND_US);
    uint64_t wall_us = s.c.now_us + s.c.wall_offset_us;
    CHECK(context_follow_wall(&s.c, wall_us + 300000));
    for (int after = 0; after < 2; after++) {
        stage_forget(&s);
        viewer_says(write_report);
        stage_pass(&s, 2 * SECOND_US);
        uint32_t rtt_us = 0;
        for (size_t i = 0; i < s.event_count; i++)
            if (s.events[i].type == CONTROL_PEER_STATS && s.events[i].peer_stats.peer == viewer->id)
                rtt_us = s.events[i].peer_stats.rtt_us;
        CHECK_EQ(rtt_us > 0, after);
        stage_pass(&s, CONTEXT_STEP_MEMORY_US);
    }
    stage_close(&s);
}

/* Loss on the way up is told of the publisher. */
static void tells_loss_on_the_way_up(void)
{
    begin();
    for (uint16_t seq = 101; seq < 201; seq++)
        if (seq % 10)
            frame(CONTROL_AUDIO, seq, false);
    frame(CONTROL_AUDIO, 201, false);
    stage_pass(&s, 2 * SECOND_US);
    uint32_t worst = 0;
    for (size_t i = 0; i < s.event_count; i++)
        if (s.events[i].type == CONTROL_PEER_STATS && s.events[i].peer_stats.peer == publisher->id)
            worst = s.events[i].peer_stats.up_loss_permille > worst
                        ? s.events[i].peer_stats.up_loss_permille
                        : worst;
    CHECK(worst >= 80 && worst <= 110);
    stage_close(&s);
}

/* Packets that begin and cease are told, each once. */
static void tells_flow(void)
{
    begin();
    stage_pass(&s, 200000);
    CHECK_EQ(stage_count(&s, CONTROL_STREAM_STATE), 2);
    CHECK(stage_last(&s, CONTROL_STREAM_STATE)->stream_state.flowing);
    stage_pass(&s, 3 * SECOND_US);
    CHECK_EQ(stage_count(&s, CONTROL_STREAM_STATE), 4);
    CHECK(!stage_last(&s, CONTROL_STREAM_STATE)->stream_state.flowing);
    stage_close(&s);
}

/* RTCP that lies about its lengths, or speaks of what is not there, changes nothing. */
static void takes_no_harm(void)
{
    begin();
    publisher->asked = (struct page_asked){0};
    static const uint8_t lies[][16] = {
        {0x81, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0},
        {0x9f, 201, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0},
        {0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7},
        {0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 200},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        page_send_rtcp(&s, viewer->down, lies[i], sizeof(lies[i]));
        page_send_rtcp(&s, publisher->up, lies[i], sizeof(lies[i]));
    }
    CHECK_EQ(publisher->asked.plis, 0);
    unsigned packets = page_packets(viewer);
    frame(CONTROL_VIDEO, 101, true);
    CHECK_EQ(page_packets(viewer), packets + 1);
    stage_close(&s);
}

/* A publisher's reports are packets like others: a flood of them is dropped unread, with what it
 * sends beside them, until it stops. */
static void bounds_a_flood_of_reports(void)
{
    begin();
    s.c.now_us += SECOND_US;
    const struct rtcp_sender_info info = {.ntp = 77, .rtp_timestamp = 88};
    uint8_t rtcp[128];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_sender_report(&w, page_ssrc(publisher, CONTROL_VIDEO), &info, NULL, 0);
    enum { OVER = 20 };
    for (unsigned i = 0; i < LIMIT_PEER_PACKETS + OVER; i++)
        page_send_rtcp(&s, publisher->up, rtcp, writer_len(&w));
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_FLOOD], OVER);
    unsigned packets = page_packets(viewer);
    page_send(&s, publisher, CONTROL_AUDIO, 101, 101 * 960u, false);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_FLOOD], OVER + 1);
    CHECK_EQ(page_packets(viewer), packets);
    s.c.now_us += SECOND_US;
    frame(CONTROL_AUDIO, 102, false);
    CHECK_EQ(page_packets(viewer), packets + 1);
    stage_close(&s);
}

/* Whoever begins to publish after having been quiet is looked at in the next ticks, not when the
 * clocks of a quiet peer come round (100 ms): whatever those are at. */
static void asks_at_once_of_a_quiet_peer(void)
{
    for (unsigned phase = 0; phase < 5; phase++) {
        CHECK_EQ(stage_open(&s), 0);
        stage_open_court(&s);
        publisher = stage_join(&s, 1, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 1, true);
        stage_pass(&s, SECOND_US + phase * FRAME_US);
        CHECK_EQ(stage_publish(&s, publisher, CONTROL_VIDEO, false), 0);
        frame(CONTROL_VIDEO, 100, true);
        frame(CONTROL_VIDEO, 102, false);
        publisher->asked = (struct page_asked){0};
        stage_pass(&s, 2 * WHEEL_TICK_US);
        CHECK_EQ(publisher->asked.nacks, 1);
        CHECK_EQ(publisher->asked.last_nack, 101);
        stage_close(&s);
    }
}

int main(void)
{
    asks_at_once_of_a_quiet_peer();
    passes_key_frame_wishes_on();
    one_viewer_never_spoils_the_rest();
    drops_wishes_of_empty_seats();
    spares_a_dark_source();
    repairs();
    reports_to_publishers();
    tells_of_what_is_nobodys_too();
    tells_a_rate_without_transport_feedback();
    passes_sender_reports_on();
    follows_a_wall_clock_that_is_set();
    measures_no_round_trip_over_a_step();
    tells_statistics();
    tells_what_is_sent();
    estimates_the_way_to_a_viewer();
    counts_no_loss_for_being_ahead();
    takes_no_impossible_report();
    tells_loss_on_the_way_up();
    tells_flow();
    takes_no_harm();
    bounds_a_flood_of_reports();
    return 0;
}
