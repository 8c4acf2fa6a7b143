/* What a browser tells of what it got and sends: when and how much libwebrtc does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/clients.h"

#include "common/bytes.h"
#include "sfu/rtcp.h"

#define SECOND_US 1000000ull
#define OWN_SSRC  1 /* of who only receives (as libwebrtc) */
#define CNAME     "bench"
/* libwebrtc, remote_bitrate_estimator/transport_sequence_number_feedback_generator.cc: 5 % of the
 * rate, at 68 bytes each, between 50 and 250 ms; of a picture's rate always 50. */
#define FEEDBACK_US 50000
/* NTP's seconds begin 1900, and reports only need to agree among themselves. */
#define NTP_PER_SECOND 65536

/* Somewhere from half to one and a half of it. */
static uint64_t around(struct clients *c, uint64_t us)
{
    c->random = c->random * 1664525u + 1013904223u;
    return us / 2 + (uint64_t)(c->random >> 8) * us / (UINT32_MAX >> 8);
}

static void report_inbound(struct client *e, struct inbound *in, uint64_t now_us)
{
    uint8_t bytes[128];
    struct writer w = writer_over(bytes, sizeof(bytes));
    uint32_t expected = in->highest - in->first + 1;
    int64_t lost = (int64_t)expected - (int64_t)in->packets;
    uint32_t span = in->highest - in->reported_highest;
    uint32_t got = (uint32_t)in->packets - in->reported_packets;
    in->reported_highest = in->highest;
    in->reported_packets = (uint32_t)in->packets;
    const struct rtcp_report_block block = {
        .ssrc = in->ssrc,
        .fraction_lost = span > got ? (uint8_t)((span - got) * 255 / span) : 0,
        .total_lost = (int32_t)lost,
        .highest_seq = in->highest - 0x10000u,
        .last_sr = in->sender_report,
        .delay_since_sr = in->sender_report ? (uint32_t)((now_us - in->sender_report_us) *
                                                         NTP_PER_SECOND / SECOND_US)
                                            : 0,
    };
    rtcp_write_receiver_report(&w, OWN_SSRC, &block, 1);
    (void)link_send_rtcp(e->link, bytes, writer_len(&w)); /* the next one comes */
}

/* libwebrtc sends them more often the more it sends: 360 / kbit/s seconds, at most the interval. */
static uint64_t report_flow(struct client *e, const struct flow *f, uint64_t now_us)
{
    uint8_t bytes[128];
    struct writer w = writer_over(bytes, sizeof(bytes));
    uint64_t wall_us = now_us + 3900000000ull * SECOND_US;
    const struct rtcp_sender_info info = {.ntp = (wall_us / SECOND_US) << 32 |
                                                 ((wall_us % SECOND_US) << 32) / SECOND_US,
                                          .rtp_timestamp = flow_timestamp(f, now_us),
                                          .packet_count = f->counter,
                                          .octet_count = (uint32_t)f->bytes};
    rtcp_write_sender_report(&w, f->options.ssrc, &info, NULL, 0);
    rtcp_write_cname(&w, f->options.ssrc, CNAME);
    (void)link_send_rtcp(e->link, bytes, writer_len(&w)); /* the next one comes */
    uint64_t interval_us = (f->options.kind == CONTROL_AUDIO ? 5 : 1) * SECOND_US;
    uint64_t kbit =
        f->options.payload_len * 8 * f->options.packets_per_frame * f->options.frames_per_s / 1000;
    uint64_t least_us = kbit ? 360000000ull / kbit : interval_us;
    return least_us < interval_us ? least_us : interval_us;
}

static void report_arrivals(struct client *e, uint64_t now_us)
{
    int r;
    do {
        uint8_t bytes[1100];
        struct writer w = writer_over(bytes, sizeof(bytes));
        r = twcc_build(e->arrivals, &w, OWN_SSRC, e->inbound_count ? e->inbound[0].ssrc : 0,
                       now_us);
        if (writer_len(&w))
            (void)link_send_rtcp(e->link, bytes, writer_len(&w)); /* the next one comes */
    } while (r == 1);
    e->feedback_us = now_us + FEEDBACK_US;
}

void client_report(struct clients *c, struct client *e, uint64_t now_us)
{
    bool any = false;
    for (size_t i = 0; i < e->inbound_count; i++) {
        struct inbound *in = &e->inbound[i];
        if (!in->begun || now_us < in->report_us)
            continue;
        report_inbound(e, in, now_us);
        in->report_us = now_us + around(c, in->interval_us);
        any = true;
    }
    for (size_t i = 0; i < e->flow_count; i++) {
        if (e->flows[i].counter == 0 || now_us < e->flow_report_us[i])
            continue;
        e->flow_report_us[i] = now_us + around(c, report_flow(e, &e->flows[i], now_us));
        any = true;
    }
    if (e->arrivals && now_us >= e->feedback_us) {
        report_arrivals(e, now_us);
        any = true;
    }
    if (any)
        link_flush(e->link);
}
