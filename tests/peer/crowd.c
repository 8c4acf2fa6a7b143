/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/codecs.h"
#include "common/limits.h"
#include "sfu/rtp.h"
#include "sfu/udp.h"

#define SECOND_US 1000000ull
#define ADMIT_US  (10 * SECOND_US)
/* Of the first byte: as the server sends it, no contributing source, and its one extension. */
#define RTP_FLAGS      0x10
#define RTP_FLAGS_MASK 0x1f

/* RFC 3550 section 12.1, RFC 4585 section 6.1. */
enum {
    RTCP_PT_SR = 200,
    RTCP_PT_RR = 201,
    RTCP_PT_RTPFB = 205,
    RTCP_PT_PSFB = 206,
    RTPFB_NACK = 1,
    RTPFB_TRANSPORT_CC = 15,
    PSFB_PLI = 1,
    PSFB_FIR = 4,
};

int crowd_create(struct desk *desk, const struct crowd_options *options, struct crowd **ret_crowd)
{
    CLEANUP(crowd_destroy) struct crowd *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->options = *options;
    c->desk = desk;
    c->pages = calloc(options->pages_max, sizeof(*c->pages));
    c->latency = calloc(CROWD_LATENCY_STEPS, sizeof(*c->latency));
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll_fd < 0)
        return -errno;
    if (!c->pages || !c->latency)
        return -ENOMEM;
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, desk_fd(desk), &wake) < 0)
        return -errno;
    int r = dtls_context_create(&c->dtls);
    if (r == 0)
        r = udp_reader_create(&c->reader);
    if (r < 0)
        return r;
    *ret_crowd = STEAL(c);
    return 0;
}

void crowd_destroy(struct crowd *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->page_count; i++)
        for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++)
            link_destroy(c->pages[i].links[d]);
    if (c->epoll_fd >= 0)
        close(c->epoll_fd);
    udp_reader_destroy(c->reader);
    dtls_context_destroy(c->dtls);
    free(c->pages);
    free(c->latency);
    free(c);
}

static int connect_link(struct crowd *c, struct page *p, enum control_direction direction)
{
    const struct control_peer_ready *ready = &p->ready;
    struct address server;
    int r = address_from_text(ready->candidates[0].address, ready->candidates[0].port, &server);
    if (r == 0)
        r = link_create(c->dtls, &ready->ice[direction], &server, &p->links[direction]);
    if (r < 0)
        return r;
    link_expect(p->links[direction], ready->fingerprint);
    struct epoll_event wake = {.events = EPOLLIN,
                               .data.u64 = (uint64_t)(p - c->pages) << 1 | direction};
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, link_fd(p->links[direction]), &wake) < 0)
        return -errno;
    struct control_message connect = {.type = CONTROL_TRANSPORT_CONNECT,
                                      .transport_connect = {.hearing = p->hearing,
                                                            .peer = p->id,
                                                            .direction = (uint8_t)direction}};
    memcpy(connect.transport_connect.fingerprint, dtls_context_fingerprint(c->dtls),
           CONTROL_FINGERPRINT_LEN);
    return desk_ask(c->desk, &connect, NULL);
}

int crowd_join(struct crowd *c, const struct control_peer_add *add, struct page **ret_page)
{
    if (c->page_count == c->options.pages_max)
        return -ENOSPC;
    struct control_message request = {.type = CONTROL_PEER_ADD, .peer_add = *add}, answer;
    int r = desk_ask(c->desk, &request, &answer);
    if (r < 0)
        return r;
    if (answer.type != CONTROL_PEER_READY || answer.peer_ready.candidate_count == 0)
        return -EPROTO;
    struct page *p = &c->pages[c->page_count++];
    *p = (struct page){.hearing = add->hearing, .id = add->peer, .ready = answer.peer_ready};
    for (int d = 0; d < CONTROL_DIRECTION_COUNT && r == 0; d++)
        r = connect_link(c, p, d);
    if (r < 0)
        return r;
    *ret_page = p;
    return 0;
}

bool page_is_connected(const struct page *p)
{
    return link_is_connected(p->links[CONTROL_UP]) && link_is_connected(p->links[CONTROL_DOWN]);
}

int crowd_admit(struct crowd *c, const struct control_peer_add *add, struct page **ret_page)
{
    struct page *p;
    int r = crowd_join(c, add, &p);
    uint64_t end_us = clock_now_us() + ADMIT_US;
    while (r == 0 && !page_is_connected(p))
        r = crowd_step(c, end_us) ? 0 : -ETIMEDOUT;
    if (r == 0)
        *ret_page = p;
    return r;
}

int page_publish(struct crowd *c, struct page *p, uint64_t stream,
                 const struct flow_options *options)
{
    struct page_flow *f = p->flows;
    while (f < p->flows + PAGE_FLOWS_MAX && f->stream)
        f++;
    if (f == p->flows + PAGE_FLOWS_MAX)
        return -ENOSPC;
    bool audio = options->kind == CONTROL_AUDIO;
    struct control_message m = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {
            .hearing = p->hearing,
            .peer = p->id,
            .stream = stream,
            .kind = (uint8_t)options->kind,
            .source = audio ? CONTROL_SOURCE_MICROPHONE : CONTROL_SOURCE_CAMERA,
            .codec_count = 1,
            .codecs = {{.codec = audio ? CODEC_OPUS : CODEC_VP8,
                        .payload_type = options->payload_type}},
            .encoding_count = 1,
            .encodings = {{.ssrc = options->ssrc}},
            .mid = "0",
            .ext_transport_cc = options->ext_transport_cc,
            .ext_audio_level = options->ext_audio_level,
        }};
    int r = desk_ask(c->desk, &m, NULL);
    if (r < 0)
        return r;
    f->stream = stream;
    flow_init(&f->flow, options, clock_now_us());
    return 0;
}

int page_watch(struct crowd *c, struct page *p, uint8_t seat, enum control_kind kind,
               uint64_t stream)
{
    struct control_message m = {.type = CONTROL_SEAT_SET,
                                .seat_set = {.hearing = p->hearing,
                                             .peer = p->id,
                                             .seat = seat,
                                             .kind = (uint8_t)kind,
                                             .stream = stream}};
    return desk_tell(c->desk, &m);
}

static uint32_t seat_ssrc(const struct page *p, uint8_t seat, enum control_kind kind)
{
    return kind == CONTROL_AUDIO ? p->ready.seats[seat].audio_ssrc
                                 : p->ready.seats[seat].video_ssrc;
}

const struct page_inbound *page_seat(const struct page *p, uint8_t seat, enum control_kind kind)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if (p->inbound[i].ssrc == seat_ssrc(p, seat, kind))
            return &p->inbound[i];
    return NULL;
}

uint64_t page_received(const struct page *p)
{
    uint64_t sum = p->strays;
    for (size_t i = 0; i < p->inbound_count; i++)
        sum += p->inbound[i].packets;
    return sum;
}

static bool is_seat(const struct page *p, uint32_t ssrc)
{
    for (uint8_t i = 0; i < p->ready.seat_count; i++)
        if (p->ready.seats[i].audio_ssrc == ssrc || p->ready.seats[i].video_ssrc == ssrc ||
            p->ready.seats[i].video_rtx_ssrc == ssrc)
            return true;
    return false;
}

static struct page_inbound *find_inbound(struct page *p, uint32_t ssrc, uint16_t seq)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if (p->inbound[i].ssrc == ssrc)
            return &p->inbound[i];
    if (p->inbound_count == PAGE_INBOUND_MAX || !is_seat(p, ssrc))
        return NULL;
    struct page_inbound *in = &p->inbound[p->inbound_count++];
    *in = (struct page_inbound){.ssrc = ssrc, .last_seq = (uint16_t)(seq - 1)};
    return in;
}

static void write_feedback_header(struct writer *w, uint8_t format, uint8_t type, uint16_t words,
                                  uint32_t media_ssrc)
{
    writer_u8(w, (uint8_t)(0x80 | format));
    writer_u8(w, type);
    writer_u16(w, words);
    writer_u32(w, 1); /* our own SSRC: we send nothing on this link */
    writer_u32(w, media_ssrc);
}

/* RFC 4585 section 6.2.1: `count` packets from `first` on, at most 17. */
static void ask_again(struct page *p, uint32_t ssrc, uint16_t first, unsigned count)
{
    uint8_t bytes[64];
    struct writer w = writer_over(bytes, sizeof(bytes));
    write_feedback_header(&w, RTPFB_NACK, RTCP_PT_RTPFB, 3, ssrc);
    writer_u16(&w, first);
    writer_u16(&w, (uint16_t)((1u << (count > 17 ? 16 : count - 1)) - 1));
    (void)link_send_rtcp(p->links[CONTROL_DOWN], bytes, writer_len(&w)); /* asked once only */
}

int page_ask_key(struct page *p, uint8_t seat)
{
    uint8_t bytes[64];
    struct writer w = writer_over(bytes, sizeof(bytes));
    write_feedback_header(&w, PSFB_PLI, RTCP_PT_PSFB, 2, p->ready.seats[seat].video_ssrc);
    int r = link_send_rtcp(p->links[CONTROL_DOWN], bytes, writer_len(&w));
    link_flush(p->links[CONTROL_DOWN]);
    return r;
}

static void count_seq(struct crowd *c, struct page *p, struct page_inbound *in, uint16_t seq)
{
    int16_t ahead = (int16_t)(seq - in->last_seq);
    if (ahead > 0) {
        if (ahead > 1 && c->options.nacks)
            ask_again(p, in->ssrc, (uint16_t)(in->last_seq + 1), (unsigned)(ahead - 1));
        in->lost += (uint64_t)(ahead - 1);
        in->last_seq = seq;
    } else {
        in->late++;
        if (in->lost)
            in->lost--;
    }
}

static void check_payload(struct crowd *c, struct page_inbound *in, const uint8_t *packet,
                          size_t len, uint64_t now_us)
{
    enum control_kind kind = in->payload_type == CODEC_PT_OPUS ? CONTROL_AUDIO : CONTROL_VIDEO;
    struct flow_mark mark;
    in->opened++;
    size_t padding = packet[0] & 0x20 ? packet[len - 1] : 0;
    if (len < RTP_HEADER_BYTES + padding || (packet[0] & RTP_FLAGS_MASK) != RTP_FLAGS ||
        flow_check(kind, packet + RTP_HEADER_BYTES, len - RTP_HEADER_BYTES - padding, &mark) < 0) {
        in->bad++;
        return;
    }
    if (mark.id != in->flow) {
        in->switches += in->flow != 0;
        in->switches_on_key += in->flow != 0 && mark.key;
    } else if (mark.counter > in->counter) {
        in->skipped += mark.counter - in->counter - 1;
    } else if (in->skipped) {
        in->skipped--; /* a late one */
    }
    if (mark.id != in->flow || mark.counter > in->counter)
        in->counter = mark.counter;
    in->flow = mark.id;
    if (mark.sent_us > in->newest_sent_us)
        in->newest_sent_us = mark.sent_us;
    uint64_t step = (now_us - mark.sent_us) / CROWD_LATENCY_STEP_US;
    c->latency[step < CROWD_LATENCY_STEPS ? step : CROWD_LATENCY_STEPS - 1]++;
}

static void take_rtp(struct crowd *c, struct page *p, const struct udp_datagram *d, uint64_t now_us)
{
    struct reader r = reader_over(d->bytes, d->len);
    reader_u8(&r);
    uint8_t payload_type = reader_u8(&r) & 0x7f;
    uint16_t seq = reader_u16(&r);
    reader_u32(&r);
    uint32_t ssrc = reader_u32(&r);
    struct page_inbound *in = r.failed ? NULL : find_inbound(p, ssrc, seq);
    if (!in) {
        p->strays++;
        return;
    }
    count_seq(c, p, in, seq);
    in->payload_type = payload_type;
    in->bytes += d->len;
    if (in->packets++ % c->options.open_every || payload_type == CODEC_PT_VP8_RTX)
        return;
    _Alignas(4) uint8_t plain[UDP_DATAGRAM_MAX];
    struct link_received got =
        link_receive(p->links[CONTROL_DOWN], d->bytes, d->len, plain, now_us);
    if (got.outcome == LINK_RTP)
        check_payload(c, in, plain, got.len, now_us);
    else
        in->bad++;
}

static void want_key(struct page *p, uint32_t ssrc)
{
    for (size_t i = 0; i < PAGE_FLOWS_MAX; i++)
        if (p->flows[i].stream && p->flows[i].flow.options.ssrc == ssrc)
            p->flows[i].flow.key_wanted = true;
}

static void take_feedback(struct page *p, uint8_t type, uint8_t format, struct reader *body)
{
    reader_u32(body); /* sender */
    uint32_t media = reader_u32(body);
    if (type == RTCP_PT_RTPFB) {
        p->asked.nacks += format == RTPFB_NACK;
        p->asked.transport_feedbacks += format == RTPFB_TRANSPORT_CC;
    } else if (format == PSFB_PLI) {
        p->asked.plis++;
        want_key(p, media);
    } else if (format == PSFB_FIR) {
        p->asked.firs++;
        want_key(p, reader_u32(body)); /* RFC 5104 section 4.3.1.1 */
    }
}

static void take_rtcp(struct page *p, const uint8_t *bytes, size_t len)
{
    struct reader r = reader_over(bytes, len);
    while (reader_left(&r) >= 4) {
        uint8_t format = reader_u8(&r) & 0x1f;
        uint8_t type = reader_u8(&r);
        size_t body_len = reader_u16(&r) * 4u;
        const uint8_t *body = reader_skip(&r, body_len);
        if (!body)
            return;
        struct reader b = reader_over(body, body_len);
        p->asked.sender_reports += type == RTCP_PT_SR;
        p->asked.receiver_reports += type == RTCP_PT_RR;
        if (type == RTCP_PT_RTPFB || type == RTCP_PT_PSFB)
            take_feedback(p, type, format, &b);
    }
}

static void read_link(struct crowd *c, struct page *p, enum control_direction direction)
{
    struct link *l = p->links[direction];
    const struct udp_datagram *d;
    int n = udp_read(c->reader, link_fd(l), &d);
    uint64_t now_us = clock_now_us();
    for (int i = 0; i < n; i++) {
        bool media = d[i].len >= 2 && d[i].bytes[0] >= 128;
        if (media && !(d[i].bytes[1] >= 192 && d[i].bytes[1] <= 223)) {
            if (link_is_connected(l))
                take_rtp(c, p, &d[i], now_us);
            continue;
        }
        _Alignas(4) uint8_t plain[UDP_DATAGRAM_MAX];
        struct link_received got = link_receive(l, d[i].bytes, d[i].len, plain, now_us);
        if (got.outcome == LINK_RTCP)
            take_rtcp(p, plain, got.len);
        p->due_us = 0; /* what was waited for may be there */
    }
    link_flush(l);
}

static void send_flows(struct crowd *c, struct page *p, uint64_t now_us)
{
    struct link *up = p->links[CONTROL_UP];
    for (size_t i = 0; i < PAGE_FLOWS_MAX; i++) {
        struct page_flow *f = &p->flows[i];
        struct flow_packet packet;
        if (!f->stream || f->muted)
            continue;
        while (flow_next(&f->flow, now_us, &p->transport_seq, &packet)) {
            struct seal_packet parts = {.header = packet.header,
                                        .header_len = packet.header_len,
                                        .payload = packet.payload,
                                        .payload_len = packet.payload_len};
            if (link_send_rtp(up, &parts) == 0)
                c->sent++;
        }
        if (f->flow.due_us < p->due_us)
            p->due_us = f->flow.due_us;
    }
}

/* RFC 3550 section 6.4.2: what the first few seats got; only what a media core looks at is real. */
static void send_report(struct page *p)
{
    uint8_t bytes[800];
    struct writer w = writer_over(bytes, sizeof(bytes));
    size_t blocks = p->inbound_count < 31 ? p->inbound_count : 31;
    writer_u8(&w, (uint8_t)(0x80 | blocks));
    writer_u8(&w, RTCP_PT_RR);
    writer_u16(&w, (uint16_t)(1 + 6 * blocks));
    writer_u32(&w, 1);
    for (size_t i = 0; i < blocks; i++) {
        const struct page_inbound *in = &p->inbound[i];
        writer_u32(&w, in->ssrc);
        writer_u32(&w, (uint32_t)in->lost & 0xffffff);
        writer_u32(&w, in->last_seq);
        writer_u32(&w, 0);
        writer_u32(&w, 0);
        writer_u32(&w, 0);
    }
    (void)link_send_rtcp(p->links[CONTROL_DOWN], bytes, writer_len(&w)); /* the next one comes */
}

/* RFC 3550 section 6.4.1: the timestamp that belongs to now. */
static void send_sender_reports(struct page *p, uint64_t now_us)
{
    for (size_t i = 0; i < PAGE_FLOWS_MAX; i++) {
        const struct flow *f = &p->flows[i].flow;
        if (!p->flows[i].stream || f->counter == 0)
            continue;
        uint8_t bytes[64];
        struct writer w = writer_over(bytes, sizeof(bytes));
        writer_u8(&w, 0x80);
        writer_u8(&w, RTCP_PT_SR);
        writer_u16(&w, 6);
        writer_u32(&w, f->options.ssrc);
        writer_u32(&w, (uint32_t)(now_us / SECOND_US));
        writer_u32(&w, (uint32_t)((now_us % SECOND_US << 32) / SECOND_US));
        writer_u32(&w, flow_timestamp(f, now_us));
        writer_u32(&w, f->counter);
        writer_u32(&w, (uint32_t)f->bytes);
        (void)link_send_rtcp(p->links[CONTROL_UP], bytes, writer_len(&w)); /* the next one comes */
    }
}

static void run_page(struct crowd *c, struct page *p, uint64_t now_us)
{
    p->due_us = UINT64_MAX;
    if (!c->quiet && link_is_connected(p->links[CONTROL_UP]))
        send_flows(c, p, now_us);
    if (c->options.reports && now_us >= p->report_us && page_is_connected(p)) {
        p->report_us = now_us + SECOND_US;
        if (p->inbound_count)
            send_report(p);
        send_sender_reports(p, now_us);
    }
    for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++) {
        uint64_t due_us = link_tick(p->links[d], now_us);
        if (due_us < p->due_us)
            p->due_us = due_us;
    }
    if (c->options.reports && p->report_us < p->due_us && page_is_connected(p))
        p->due_us = p->report_us;
}

bool crowd_step(struct crowd *c, uint64_t until_us)
{
    uint64_t now_us = clock_now_us(), due_us = until_us;
    if (now_us >= until_us)
        return false;
    for (size_t i = 0; i < c->page_count; i++)
        if (c->pages[i].due_us < due_us)
            due_us = c->pages[i].due_us;
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    struct timespec wait = {.tv_sec = (time_t)(wait_us / SECOND_US),
                            .tv_nsec = (long)(wait_us % SECOND_US) * 1000};
    struct epoll_event events[64];
    int n = epoll_pwait2(c->epoll_fd, events, 64, &wait, NULL);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 == UINT64_MAX) {
            if (desk_read(c->desk) < 0)
                (void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, desk_fd(c->desk), NULL);
            continue;
        }
        struct page *p = &c->pages[events[i].data.u64 >> 1];
        read_link(c, p, events[i].data.u64 & 1);
    }
    now_us = clock_now_us();
    for (size_t i = 0; i < c->page_count; i++)
        if (c->pages[i].due_us <= now_us)
            run_page(c, &c->pages[i], now_us);
    return true;
}

void crowd_run(struct crowd *c, uint64_t us)
{
    uint64_t end_us = clock_now_us() + us;
    while (crowd_step(c, end_us))
        ;
}

uint64_t crowd_latency_us(const struct crowd *c, unsigned permille)
{
    uint64_t all = 0, below = 0;
    for (size_t i = 0; i < CROWD_LATENCY_STEPS; i++)
        all += c->latency[i];
    for (size_t i = 0; i < CROWD_LATENCY_STEPS; i++) {
        below += c->latency[i];
        if (below * 1000 >= all * permille && below)
            return (i + 1) * CROWD_LATENCY_STEP_US;
    }
    return 0;
}

void crowd_forget_latency(struct crowd *c)
{
    memset(c->latency, 0, CROWD_LATENCY_STEPS * sizeof(*c->latency));
}
