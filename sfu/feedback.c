/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/feedback.h"

#include <errno.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "sfu/rtcp.h"
#include "sfu/transmit.h"

/* Between two reports to one peer. RFC 3550 section 6.2 allows down to 360 / kbit/s seconds. */
#define REPORT_INTERVAL_US (1000 * 1000ull)
/* A datagram of RTCP, bytes. Ours: fits every path, with room for SRTCP's trailer. */
#define RTCP_BYTES 1200
/* Numbers asked for again in one NACK. */
#define NACK_BATCH 64
/* RFC 3550 section 6.4.1: at most 31 blocks in a report. */
#define REPORT_BLOCKS_MAX 31
/* One name for all we send: audio and video of a seat are in step by it (RFC 3550 section 6.5.1).
 */
#define CNAME "assize"
/* What a page without transport-wide feedback may send: it begins here, falls with loss and rises
 * without. All ours; the steps are those of draft-ietf-rmcat-gcc-02 section 6. */
#define REMB_FIRST_BPS 800000u
#define REMB_LEAST_BPS 100000u
#define REMB_MOST_BPS  4000000u
/* A report and a name for one SSRC: 28 and 4 + 4 + 2 + 6 + padding. */
#define REPORT_AND_NAME_BYTES 64
/* Jitter of sound that is told at most: more is nonsense, or a clock that was set. Ours. */
#define JITTER_MAX_US (10 * 1000000ull)

static void take_sender_report(struct context *c, struct publisher *p, const struct rtcp_view *view)
{
    struct encoding *e = publisher_encoding_of_ssrc(p, view->sender_ssrc);
    if (!e || !e->stream || e->ssrc != view->sender_ssrc)
        return;
    ntp_shift_learn(&p->clock, view->sender.ntp, context_ntp(c), c->now_us);
    stream_sender_report(e->stream, &view->sender, c->now_us);
    if (!e->publication->recorded || e->publication->taped != e)
        return;
    const struct tap_source source = publication_tap_source(e->publication);
    const struct tap_report report = {e->ssrc, view->sender.ntp, view->sender.rtp_timestamp};
    tap_sender_report(&p->hearing->tap, c, &e->track, &source, &report);
}

void feedback_from_publisher(struct context *c, struct publisher *p, const uint8_t *rtcp,
                             size_t len)
{
    struct rtcp_cursor cursor;
    struct rtcp_view view;
    if (!publisher_may_send(p, len, c->now_us)) {
        context_count(c, CONTROL_METRIC_DROPPED_FLOOD);
        return;
    }
    if (rtcp_begin(rtcp, len, &cursor) < 0) {
        context_count(c, CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    while (rtcp_next(&cursor, &view) == 1)
        if (view.kind == RTCP_SENDER_REPORT)
            take_sender_report(c, p, &view);
}

/* `ticks` of Opus's clock. */
static void take_jitter(struct subscriber *s, uint32_t ticks)
{
    uint64_t jitter_us = ticks * 1000000ull / 48000;
    if (jitter_us <= JITTER_MAX_US && jitter_us > s->jitter_us)
        s->jitter_us = (uint32_t)jitter_us;
}

/* What a page says of the packets it got from us. */
static void take_report_blocks(struct context *c, struct subscriber *s,
                               const struct rtcp_view *view)
{
    for (size_t i = 0; i < view->item_count; i++) {
        struct rtcp_report_block block = rtcp_report_block(view, i);
        struct subscription *sub = subscriber_of_ssrc(s, block.ssrc);
        if (!sub)
            continue;
        uint32_t rtt_us =
            ntp_round_trip_us(context_ntp_told(c), block.last_sr, block.delay_since_sr);
        if (rtt_us && !context_stepped_lately(c))
            s->rtt_us = s->rtt_us ? (7 * s->rtt_us + rtt_us) / 8 : rtt_us;
        subscription_take_report(sub, &block);
        if (sub->kind == CONTROL_AUDIO && sub->shown)
            take_jitter(s, block.jitter);
    }
}

static void take_nack(struct context *c, struct subscriber *s, const struct rtcp_view *view)
{
    struct subscription *sub = subscriber_of_ssrc(s, view->media_ssrc);
    context_count(c, CONTROL_METRIC_NACK_RECEIVED);
    for (size_t i = 0; sub && i < view->item_count; i++) {
        struct rtcp_nack_pair pair = rtcp_nack_pair(view, i);
        if (!transmit_again(sub, c, pair.pid))
            return;
        for (uint16_t bit = 0; bit < 16; bit++)
            if (pair.blp >> bit & 1 && !transmit_again(sub, c, (uint16_t)(pair.pid + bit + 1)))
                return;
    }
}

/* The picture of a seat is broken at the page. An empty seat has none to be mended. */
static void take_key_frame_request(struct context *c, struct subscriber *s, uint32_t ssrc)
{
    struct subscription *sub = subscriber_of_ssrc(s, ssrc);
    context_count(c, CONTROL_METRIC_PLI_RECEIVED);
    /* One that is asked for already is asked for again by itself. */
    if (sub && sub->shown && !encoding_of_stream(sub->shown)->key_frame_wanted &&
        subscription_may_ask_key_frame(sub, c))
        encoding_ask_key_frame(sub->shown, c);
}

/* When what we sent it came. */
static void take_arrivals(struct context *c, struct subscriber *s, const struct rtcp_view *view)
{
    int r = downlink_feedback(&s->downlink, view, s->rtt_us, c->now_us);
    if (r < 0)
        context_count(c, r == -EBUSY ? CONTROL_METRIC_DROPPED_FLOOD : CONTROL_METRIC_DROPPED_JUNK);
}

void feedback_from_subscriber(struct context *c, struct subscriber *s, const uint8_t *rtcp,
                              size_t len)
{
    struct rtcp_cursor cursor;
    struct rtcp_view view;
    if (rtcp_begin(rtcp, len, &cursor) < 0) {
        context_count(c, CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    while (rtcp_next(&cursor, &view) == 1) {
        switch (view.kind) {
        case RTCP_SENDER_REPORT:
        case RTCP_RECEIVER_REPORT:
            take_report_blocks(c, s, &view);
            break;
        case RTCP_NACK:
            take_nack(c, s, &view);
            break;
        case RTCP_PLI:
            take_key_frame_request(c, s, view.media_ssrc);
            break;
        case RTCP_FIR:
            for (size_t i = 0; i < view.item_count; i++)
                take_key_frame_request(c, s, rtcp_fir_entry(&view, i).ssrc);
            break;
        case RTCP_TRANSPORT_CC:
            take_arrivals(c, s, &view);
            break;
        case RTCP_OTHER:
        case RTCP_BYE:
        case RTCP_REMB:
            break; /* nothing of ours depends on them yet */
        }
    }
}

static void send_rtcp(struct transport *t, struct writer *w)
{
    if (!w->failed && writer_len(w) > 0)
        (void)transport_send_rtcp(t, w->start, writer_len(w)); /* lost RTCP is said again */
    *w = writer_over(w->start, (size_t)(w->end - w->start));
}

/* Repair: asks again for what is missing, if that can be sent, and writes down what will not come.
 */
static void repair(struct context *c, struct publisher *p, struct encoding *e, bool can_send)
{
    if (!e->stream || c->now_us < stream_next_us(e->stream))
        return;
    uint16_t seqs[NACK_BATCH];
    size_t count = stream_ask_again(e->stream, c->now_us, seqs, can_send ? NACK_BATCH : 0);
    if (count > 0) {
        uint8_t rtcp[RTCP_BYTES];
        struct writer w = writer_over(rtcp, sizeof(rtcp));
        rtcp_write_nack(&w, PUBLISHER_RTCP_SSRC, e->ssrc, seqs, count);
        send_rtcp(p->up, &w);
        context_count(c, CONTROL_METRIC_NACK_SENT);
    }
    encoding_tell_losses(e, c);
    if (can_send && stream_wants_key_frame(e->stream, c->now_us) && encoding_is_needed(e))
        encoding_ask_key_frame(e, c);
}

static void send_transport_feedback(struct context *c, struct publisher *p)
{
    if (!twcc_is_due(&p->twcc, c->now_us))
        return;
    uint32_t media_ssrc = p->ssrc_count ? p->ssrcs[0].ssrc : 0;
    uint8_t rtcp[RTCP_BYTES];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    int r;
    do {
        r = twcc_build(&p->twcc, &w, PUBLISHER_RTCP_SSRC, media_ssrc, c->now_us);
        send_rtcp(p->up, &w);
    } while (r == 1);
}

/* Whether the page's own estimate can live on transport-wide feedback. */
static bool has_transport_feedback(const struct publisher *p)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i] && p->publications[i]->ext.transport_cc)
            return true;
    return false;
}

/* A new estimate from the loss since the last one. */
static uint32_t estimate(struct publisher *p, uint64_t expected, uint64_t arrived)
{
    uint64_t due = expected > p->remb_expected ? expected - p->remb_expected : 0;
    uint64_t came = arrived > p->remb_arrived ? arrived - p->remb_arrived : 0;
    uint64_t lost = due > came ? due - came : 0;
    uint64_t bps = p->remb_bps ? p->remb_bps : REMB_FIRST_BPS;
    if (lost * 10 > due)
        bps -= bps * lost / (2 * due);
    else if (p->remb_bps && lost * 50 < due)
        bps += bps / 12;
    p->remb_expected = expected;
    p->remb_arrived = arrived;
    if (bps < REMB_LEAST_BPS)
        return REMB_LEAST_BPS;
    return bps > REMB_MOST_BPS ? REMB_MOST_BPS : (uint32_t)bps;
}

static void write_remb(struct publisher *p, struct writer *w)
{
    uint32_t ssrcs[PUBLISHER_SSRCS];
    size_t count = 0;
    uint64_t expected = 0, arrived = 0;
    for (size_t i = 0; i < p->ssrc_count; i++) {
        const struct encoding *e = p->ssrcs[i].encoding;
        if (!e->stream || e->publication->kind != CONTROL_VIDEO)
            continue;
        ssrcs[count++] = p->ssrcs[i].ssrc;
        if (p->ssrcs[i].ssrc != e->ssrc)
            continue;
        expected += stream_stats(e->stream)->expected;
        arrived += stream_stats(e->stream)->before_repair;
    }
    if (count == 0)
        return;
    p->remb_bps = estimate(p, expected, arrived);
    rtcp_write_remb(w, PUBLISHER_RTCP_SSRC, p->remb_bps, ssrcs, count);
}

static void send_receiver_report(struct context *c, struct publisher *p)
{
    if (c->now_us < p->report_us)
        return;
    p->report_us = c->now_us + REPORT_INTERVAL_US;
    struct rtcp_report_block blocks[REPORT_BLOCKS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->ssrc_count && count < REPORT_BLOCKS_MAX; i++) {
        struct encoding *e = p->ssrcs[i].encoding;
        if (e->stream && p->ssrcs[i].ssrc == e->ssrc &&
            stream_report_block(e->stream, c->now_us, &blocks[count]))
            count++;
    }
    if (count == 0)
        return;
    uint8_t rtcp[RTCP_BYTES];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    rtcp_write_receiver_report(&w, PUBLISHER_RTCP_SSRC, blocks, count);
    rtcp_write_cname(&w, PUBLISHER_RTCP_SSRC, CNAME);
    if (!has_transport_feedback(p))
        write_remb(p, &w);
    send_rtcp(p->up, &w);
}

void feedback_to_publisher(struct context *c, struct publisher *p)
{
    bool can_send = transport_can_send(p->up);
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        struct publication *pub = p->publications[i];
        for (size_t k = 0; pub && k < pub->stream_count; k++) {
            repair(c, p, &pub->encodings[k], can_send);
            encoding_retry_key_frame(&pub->encodings[k], c);
        }
    }
    if (!can_send)
        return;
    send_transport_feedback(c, p);
    send_receiver_report(c, p);
}

void feedback_to_subscriber(struct context *c, struct subscriber *s)
{
    if (c->now_us < s->report_us || !transport_can_send(s->down))
        return;
    s->report_us = c->now_us + REPORT_INTERVAL_US;
    uint8_t rtcp[RTCP_BYTES];
    struct writer w = writer_over(rtcp, sizeof(rtcp));
    for (size_t i = 0; i < 2 * s->seat_count; i++) {
        const struct subscription *sub = &s->subscriptions[i];
        struct rtcp_sender_info info;
        if (!subscription_sender_report(sub, c, &info))
            continue;
        if (writer_len(&w) + REPORT_AND_NAME_BYTES > RTCP_BYTES)
            send_rtcp(s->down, &w);
        rtcp_write_sender_report(&w, sub->ssrc, &info, NULL, 0);
        rtcp_write_cname(&w, sub->ssrc, CNAME);
    }
    send_rtcp(s->down, &w);
}
