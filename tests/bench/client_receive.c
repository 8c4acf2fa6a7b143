/* What a client does with a datagram: counts it, and of every so many opens and checks one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/clients.h"

#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "sfu/rtcp.h"
#include "sfu/rtp.h"
#include "sfu/rtpext.h"
#include "sfu/udp.h"

/* Of a sealed packet: what its header is in. */
#define HEAD_BYTES  64
#define PADDING_BIT 0x20

static struct inbound *find(struct client *e, uint32_t ssrc)
{
    for (size_t i = 0; i < e->inbound_count; i++)
        if (e->inbound[i].ssrc == ssrc)
            return &e->inbound[i];
    return NULL;
}

static bool is_repair(const struct client *e, uint32_t ssrc)
{
    for (size_t i = 0; i < e->inbound_count; i++)
        if (e->inbound[i].rtx_ssrc && e->inbound[i].rtx_ssrc == ssrc)
            return true;
    return false;
}

/* Extends and counts it; returns the extended number. */
static uint32_t count(struct inbound *in, uint16_t seq)
{
    in->packets++;
    if (!in->begun) {
        in->begun = true;
        in->highest = in->first = 0x10000u + seq;
        in->reported_highest = in->highest - 1;
        return in->highest;
    }
    uint32_t extended = in->highest + (uint32_t)(int16_t)(seq - (uint16_t)in->highest);
    if ((int32_t)(extended - in->highest) > 0)
        in->highest = extended;
    else
        in->late++;
    return extended;
}

static void end_burst(struct clients *c, const struct burst *b)
{
    if (b->receivers > 1)
        histogram_add(&c->span, (int64_t)(b->last_us - b->first_us));
}

static void add_to_burst(struct clients *c, const struct flow_mark *mark, uint64_t arrived_us)
{
    if (mark->id >= LOAD_FLOWS_MAX)
        return;
    struct burst *b = &c->bursts[mark->id][mark->counter / CLIENTS_SAMPLE % BURSTS_AT_ONCE];
    if (b->receivers == 0 || b->counter != mark->counter) {
        end_burst(c, b);
        *b =
            (struct burst){.counter = mark->counter, .first_us = arrived_us, .last_us = arrived_us};
    }
    b->receivers++;
    if (arrived_us < b->first_us)
        b->first_us = arrived_us;
    if (arrived_us > b->last_us)
        b->last_us = arrived_us;
}

static void check(struct clients *c, struct inbound *in, const uint8_t *packet, size_t len,
                  uint32_t seq, uint64_t arrived_us)
{
    struct rtp_view rtp;
    struct flow_mark mark = {0};
    in->opened++;
    enum control_kind kind = CONTROL_AUDIO;
    int r = rtp_parse(packet, len, &rtp);
    if (r == 0) {
        kind = rtp.payload_type == CODEC_PT_OPUS || rtp.payload_type == 111 ? CONTROL_AUDIO
                                                                            : CONTROL_VIDEO;
        r = flow_check(kind, rtp.payload, rtp.payload_len, &mark);
    }
    if (r < 0) {
        in->bad++;
        return;
    }
    if (!in->known || in->flow != mark.id) {
        in->known = true;
        in->flow = mark.id;
        in->ahead = seq - mark.counter;
    } else if (mark.counter != seq - in->ahead) {
        in->skipped++; /* numbers go on, but not what they number */
        in->ahead = seq - mark.counter;
    }
    in->counter = mark.counter;
    histogram_add(&c->latency, (int64_t)(arrived_us - mark.sent_us));
    add_to_burst(c, &mark, arrived_us);
}

static void hear_transport_seq(struct client *e, const uint8_t *packet, size_t len,
                               uint64_t arrived_us)
{
    const struct rtpext_ids ids = {.transport_cc = e->ext_transport_cc};
    struct rtpext_values values = {0};
    struct rtp_view rtp;
    uint8_t head[HEAD_BYTES];
    size_t head_len = len < sizeof(head) ? len : sizeof(head);
    memcpy(head, packet, head_len);
    head[0] &= (uint8_t)~PADDING_BIT; /* its count is not to be read yet */
    if (rtp_parse(head, head_len, &rtp) == 0 && rtpext_read(&rtp, &ids, &values) == 0 &&
        values.has_transport_seq)
        twcc_received(e->arrivals, values.transport_seq, arrived_us);
}

static bool is_lost(struct clients *c, const struct client *e)
{
    c->random = c->random * 1664525u + 1013904223u;
    return (uint64_t)(c->random >> 8) * 1000 >> 24 < e->loss_permille;
}

static void take_rtp(struct clients *c, struct client *e, const struct stamped *d)
{
    if (e->loss_permille && is_lost(c, e))
        return;
    struct reader r = reader_over(d->bytes, d->len);
    reader_skip(&r, 2);
    uint16_t seq16 = reader_u16(&r);
    reader_u32(&r);
    uint32_t ssrc = reader_u32(&r);
    struct inbound *in = find(e, ssrc);
    if (!r.failed && !in && is_repair(e, ssrc)) {
        e->repairs++;
        if (e->arrivals)
            hear_transport_seq(e, d->bytes, d->len, d->arrived_us);
        return;
    }
    if (r.failed || !in) {
        e->strays++;
        return;
    }
    uint32_t seq = count(in, seq16);
    if (e->arrivals)
        hear_transport_seq(e, d->bytes, d->len, d->arrived_us);
    if (in->known && (seq - in->ahead) % c->options.sample != 0)
        return;
    _Alignas(4) uint8_t plain[UDP_DATAGRAM_MAX];
    struct link_received got = link_receive(e->link, d->bytes, d->len, plain, d->arrived_us);
    if (got.outcome == LINK_RTP)
        check(c, in, plain, got.len, seq, d->arrived_us);
    else
        in->bad++;
}

static void want_key(struct client *e, uint32_t ssrc)
{
    e->plis++;
    for (size_t i = 0; i < e->flow_count; i++)
        if (e->flows[i].options.ssrc == ssrc)
            e->flows[i].key_wanted = true;
}

static void take_rtcp(struct client *e, const uint8_t *bytes, size_t len, uint64_t now_us)
{
    struct rtcp_cursor cursor;
    struct rtcp_view view;
    if (rtcp_begin(bytes, len, &cursor) < 0)
        return;
    while (rtcp_next(&cursor, &view) == 1) {
        if (view.kind == RTCP_PLI)
            want_key(e, view.media_ssrc);
        for (size_t i = 0; view.kind == RTCP_FIR && i < view.item_count; i++)
            want_key(e, rtcp_fir_entry(&view, i).ssrc);
        struct inbound *in = view.kind == RTCP_SENDER_REPORT ? find(e, view.sender_ssrc) : NULL;
        if (in) {
            in->sender_report = (uint32_t)(view.sender.ntp >> 16);
            in->sender_report_us = now_us;
        }
    }
}

void client_receive(struct clients *c, struct client *e)
{
    const struct stamped *d;
    int n = stamped_read(c->reader, link_fd(e->link), &d);
    for (int i = 0; i < n; i++) {
        bool media = d[i].len >= 2 && d[i].bytes[0] >= 128;
        if (media && !(d[i].bytes[1] >= 192 && d[i].bytes[1] <= 223)) {
            if (link_is_connected(e->link))
                take_rtp(c, e, &d[i]);
            continue;
        }
        _Alignas(4) uint8_t plain[UDP_DATAGRAM_MAX];
        struct link_received got =
            link_receive(e->link, d[i].bytes, d[i].len, plain, d[i].arrived_us);
        if (got.outcome == LINK_RTCP)
            take_rtcp(e, plain, got.len, d[i].arrived_us);
        link_flush(e->link);
        e->due_us = 0; /* what was waited for may be there */
        if (!media)
            c->timers_us = 0;
    }
}
