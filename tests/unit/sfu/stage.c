/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sfu/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/codecs.h"
#include "common/log.h"
#include "peer/link.h"
#include "sfu/arrivals.h"
#include "sfu/directory.h"
#include "sfu/dtls.h"
#include "sfu/forward.h"
#include "sfu/orders.h"
#include "sfu/packet.h"
#include "sfu/room.h"
#include "sfu/rtpext.h"
#include "sfu/transmit.h"
#include "sfu/udp.h"
#include "unit/check.h"

#define START_US 1000000000ull
#define STEP_US  20000ull

/* The pages' own numbers. */
enum {
    PAGE_PT_OPUS = 111,
    PAGE_PT_VP8 = STAGE_PT_VP8,
    PAGE_PT_RTX = 97,
    PAGE_EXT_TRANSPORT = CODEC_EXT_TRANSPORT_CC,
};

static void take_event(struct letter *l, void *owner)
{
    struct stage *s = owner;
    struct control_letter *letter = (struct control_letter *)l;
    CHECK(s->event_count < STAGE_EVENTS);
    s->events[s->event_count++] = letter->message;
    control_letter_destroy(letter);
}

int stage_open(struct stage *s)
{
    *s = (struct stage){.fd = -1};
    log_start("test", LOG_ERROR);
    struct context *c = &s->c;
    c->now_us = START_US;
    wheel_init(&c->peers, c->now_us);
    list_init(&c->paced);
    c->wall_offset_us = 1700000000000000ull;
    c->boot_id = 7;
    handshakes_init(&c->handshakes);
    struct address any;
    CHECK_EQ(address_from_text("127.0.0.1", 0, &any), 0);
    s->fd = udp_open(&any);
    int r = s->fd < 0 ? s->fd : udp_local(s->fd, &s->address);
    if (r == 0)
        r = sealer_create(SEALER_AUTO, &c->sealer);
    if (r == 0)
        r = send_queue_create(s->fd, c->sealer, &s->queue);
    if (r == 0)
        r = udp_reader_create(&s->reader);
    if (r == 0)
        r = directory_create(&c->directory);
    if (r == 0)
        r = dtls_context_create(&c->dtls);
    if (r == 0)
        r = dtls_context_create(&s->page_dtls);
    if (r == 0)
        r = packet_pool_create(512, &c->pool);
    if (r == 0)
        r = table_create(LIMIT_HEARINGS_RETURNED, 1, &s->rooms);
    if (r == 0)
        r = mailbox_create(STAGE_EVENTS, &s->desk);
    c->outbox = (struct outbox){.to = s->desk, .deliver = take_event};
    return r;
}

void stage_close(struct stage *s)
{
    for (size_t i = 0; i < STAGE_PAGES; i++) {
        link_destroy(s->pages[i].up);
        link_destroy(s->pages[i].down);
    }
    if (s->rooms)
        orders_end(&s->c, s->rooms);
    table_destroy(s->rooms);
    mailbox_destroy(s->desk);
    packet_pool_destroy(s->c.pool);
    dtls_context_destroy(s->page_dtls);
    dtls_context_destroy(s->c.dtls);
    directory_destroy(s->c.directory);
    udp_reader_destroy(s->reader);
    send_queue_destroy(s->queue);
    sealer_destroy(s->c.sealer);
    if (s->fd >= 0)
        close(s->fd);
}

static int status_of(const struct control_message *m)
{
    switch (m->type) {
    case CONTROL_PEER_READY:
        return m->peer_ready.status;
    case CONTROL_TRANSPORT_RESTARTED:
        return m->transport_restarted.status;
    case CONTROL_SEAT_SWITCHED:
        return m->seat_switched.status;
    case CONTROL_PRESENT_END:
        return 0;
    default:
        CHECK_EQ(m->type, CONTROL_DONE);
        return m->done.status;
    }
}

int stage_request(struct stage *s, const struct control_message *request, int fd,
                  struct control_message *ret_answer)
{
    static const struct orders_offer offer;
    struct control_message m = *request;
    m.request = ++s->request;
    size_t before = s->event_count;
    s->c.outbox.connection = 1;
    orders_serve(&s->c, s->rooms, &offer, &m, fd);
    s->c.outbox.connection = 0;
    mailbox_drain(s->desk, s, STAGE_EVENTS);
    for (size_t i = before; i < s->event_count; i++) {
        if (s->events[i].request != m.request)
            continue;
        struct control_message answer = s->events[i];
        memmove(&s->events[i], &s->events[i + 1], (--s->event_count - i) * sizeof(s->events[0]));
        if (ret_answer)
            *ret_answer = answer;
        return status_of(&answer);
    }
    return 1;
}

void stage_forget(struct stage *s)
{
    s->event_count = 0;
}

size_t stage_count(const struct stage *s, enum control_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < s->event_count; i++)
        count += s->events[i].type == type;
    return count;
}

const struct control_message *stage_last(const struct stage *s, enum control_type type)
{
    for (size_t i = s->event_count; i-- > 0;)
        if (s->events[i].type == type)
            return &s->events[i];
    return NULL;
}

static struct page_stream *stream_of(struct page *p, uint32_t ssrc)
{
    for (size_t i = 0; i < p->stream_count; i++)
        if (p->streams[i].ssrc == ssrc)
            return &p->streams[i];
    CHECK(p->stream_count < STAGE_SSRCS);
    p->streams[p->stream_count].ssrc = ssrc;
    return &p->streams[p->stream_count++];
}

static void page_take_rtp(struct page *p, const uint8_t *plain, size_t len)
{
    const struct rtpext_ids ids = {.transport_cc = CODEC_EXT_TRANSPORT_CC};
    struct rtpext_values values;
    struct rtp_view rtp;
    CHECK_EQ(rtp_parse(plain, len, &rtp), 0);
    /* Whatever it belongs to: all that is sent is numbered in one row. */
    CHECK_EQ(rtpext_read(&rtp, &ids, &values), 0);
    CHECK(values.has_transport_seq);
    CHECK_EQ(values.transport_seq, p->got_transport_seq++);
    struct page_stream *stream = stream_of(p, rtp.ssrc);
    stream->packets++;
    stream->len = len;
    size_t most = sizeof(stream->payload);
    stream->payload_len = rtp.payload_len < most ? rtp.payload_len : most;
    memcpy(stream->payload, rtp.payload, stream->payload_len);
    rtp.payload = NULL;
    stream->last = rtp;
}

static void count_arrivals(struct page_asked *asked, const struct rtcp_view *view)
{
    struct arrivals arrivals;
    struct arrival arrival;
    CHECK_EQ(arrivals_begin(view, &arrivals), 0);
    while (arrivals_next(&arrivals, &arrival))
        *(arrival.received ? &asked->told_arrived : &asked->told_lost) += 1;
}

static void page_take_rtcp(struct page *p, const uint8_t *plain, size_t len)
{
    struct rtcp_cursor cursor;
    struct rtcp_view view;
    CHECK_EQ(rtcp_begin(plain, len, &cursor), 0);
    while (rtcp_next(&cursor, &view) == 1) {
        struct page_stream *stream;
        switch (view.kind) {
        case RTCP_SENDER_REPORT:
            stream = stream_of(p, view.sender_ssrc);
            stream->reports++;
            stream->report = view.sender;
            break;
        case RTCP_RECEIVER_REPORT:
            p->asked.receiver_reports++;
            if (view.item_count > 0)
                p->asked.block = rtcp_report_block(&view, 0);
            break;
        case RTCP_PLI:
            p->asked.plis++;
            p->asked.last_pli_ssrc = view.media_ssrc;
            break;
        case RTCP_NACK:
            p->asked.nacks++;
            p->asked.last_nack = rtcp_nack_pair(&view, 0).pid;
            break;
        case RTCP_REMB:
            p->asked.rembs++;
            p->asked.remb_bps = view.remb_bps;
            break;
        case RTCP_TRANSPORT_CC:
            p->asked.transport_feedbacks++;
            count_arrivals(&p->asked, &view);
            break;
        case RTCP_FIR:
        case RTCP_BYE:
        case RTCP_OTHER:
            break;
        }
    }
}

static size_t serve(struct stage *s)
{
    const struct udp_datagram *d;
    int count = udp_read(s->reader, s->fd, &d);
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        const struct path from = {.via = s->queue, .remote = d[i].from};
        forward_datagram(&s->c, &from, d[i].bytes, d[i].len);
    }
    forward_burst(&s->c);
    for (struct transport *t; (t = transport_shake_hands(&s->c.handshakes, s->c.now_us));)
        forward_phase(&s->c, t);
    CHECK(send_flush(s->queue));
    return (size_t)count;
}

static size_t page_serve(struct stage *s, struct page *p, struct link *link)
{
    static _Alignas(8) uint8_t plain[2048];
    const struct udp_datagram *d;
    if (!link)
        return 0;
    link_flush(link);
    int count = udp_read(s->reader, link_fd(link), &d);
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        struct link_received got = link_receive(link, d[i].bytes, d[i].len, plain, s->c.now_us);
        if (got.outcome == LINK_RTP)
            page_take_rtp(p, plain, got.len);
        else if (got.outcome == LINK_RTCP)
            page_take_rtcp(p, plain, got.len);
    }
    link_flush(link);
    return (size_t)count;
}

void stage_settle(struct stage *s)
{
    size_t moved;
    do {
        moved = serve(s);
        for (size_t i = 0; i < STAGE_PAGES; i++) {
            moved += page_serve(s, &s->pages[i], s->pages[i].up);
            moved += page_serve(s, &s->pages[i], s->pages[i].down);
        }
    } while (moved);
    mailbox_drain(s->desk, s, STAGE_EVENTS);
}

void stage_pass(struct stage *s, uint64_t duration_us)
{
    for (uint64_t passed = 0; passed < duration_us; passed += STEP_US) {
        s->c.now_us += STEP_US;
        peers_tick(&s->c);
        size_t cursor = 0;
        struct room *room;
        while ((room = table_next(s->rooms, &cursor)))
            room_tick(room, &s->c);
        transmit_paced(&s->c);
        CHECK(send_flush(s->queue));
        for (size_t i = 0; i < STAGE_PAGES; i++) {
            if (s->pages[i].up)
                (void)link_tick(s->pages[i].up, s->c.now_us);
            if (s->pages[i].down)
                (void)link_tick(s->pages[i].down, s->c.now_us);
        }
        stage_settle(s);
    }
}

struct control_matrix stage_full_matrix(void)
{
    struct control_matrix m = {.hearing = STAGE_HEARING};
    for (int role = 0; role < CONTROL_ROLE_COUNT; role++)
        m.receivers[CONTROL_ROOM_COURTROOM][role] = (1 << CONTROL_ROLE_COUNT) - 1;
    m.recorded[CONTROL_ROOM_COURTROOM] = (1 << CONTROL_ROLE_COUNT) - 1;
    return m;
}

void stage_set_matrix(struct stage *s, const struct control_matrix *matrix)
{
    const struct control_message m = {.type = CONTROL_MATRIX, .matrix = *matrix};
    CHECK_EQ(stage_request(s, &m, -1, NULL), 0);
}

void stage_open_court(struct stage *s)
{
    const struct control_message m = {.type = CONTROL_HEARING_OPEN,
                                      .hearing_open = {STAGE_HEARING, false}};
    CHECK_EQ(stage_request(s, &m, -1, NULL), 0);
    const struct control_matrix matrix = stage_full_matrix();
    stage_set_matrix(s, &matrix);
}

void stage_connect(struct stage *s, struct page *p)
{
    struct link **links[] = {[CONTROL_UP] = &p->up, [CONTROL_DOWN] = &p->down};
    for (unsigned d = 0; d < CONTROL_DIRECTION_COUNT; d++) {
        CHECK_EQ(link_create(s->page_dtls, &p->ready.ice[d], &s->address, links[d]), 0);
        link_expect(*links[d], dtls_context_fingerprint(s->c.dtls));
        struct control_message m = {.type = CONTROL_TRANSPORT_CONNECT,
                                    .transport_connect = {STAGE_HEARING, p->id, (uint8_t)d, {0}}};
        memcpy(m.transport_connect.fingerprint, dtls_context_fingerprint(s->page_dtls),
               CONTROL_FINGERPRINT_LEN);
        CHECK_EQ(stage_request(s, &m, -1, NULL), 0);
        (void)link_tick(*links[d], s->c.now_us);
        stage_settle(s);
        CHECK(link_is_connected(*links[d]));
    }
}

struct page *stage_join(struct stage *s, size_t index, enum control_role role,
                        enum control_room_kind kind, uint32_t room, uint8_t seats, bool connect)
{
    struct page *p = &s->pages[index];
    link_destroy(p->up);
    link_destroy(p->down);
    *p = (struct page){.id = 0x100 + index};
    const struct control_message m = {
        .type = CONTROL_PEER_ADD,
        .peer_add = {STAGE_HEARING, p->id, (uint8_t)role, (uint8_t)kind, room, seats},
    };
    struct control_message answer;
    CHECK_EQ(stage_request(s, &m, -1, &answer), 0);
    p->ready = answer.peer_ready;
    if (connect)
        stage_connect(s, p);
    return p;
}

uint64_t page_stream_id(const struct page *p, enum control_kind kind)
{
    return p->id * 16 + kind;
}

uint32_t page_ssrc(const struct page *p, enum control_kind kind)
{
    return (uint32_t)(p->id - 0x100 + 2) * 1000 + kind;
}

int stage_publish(struct stage *s, struct page *p, enum control_kind kind, bool paused)
{
    bool video = kind == CONTROL_VIDEO;
    uint32_t ssrc = page_ssrc(p, kind);
    struct control_message m = {
        .type = CONTROL_STREAM_ADD,
        .stream_add =
            {
                .hearing = STAGE_HEARING,
                .peer = p->id,
                .stream = page_stream_id(p, kind),
                .kind = (uint8_t)kind,
                .source = video ? CONTROL_SOURCE_CAMERA : CONTROL_SOURCE_MICROPHONE,
                .paused = paused,
                .codec_count = 1,
                .codecs = {{video ? CODEC_VP8 : CODEC_OPUS, video ? PAGE_PT_VP8 : PAGE_PT_OPUS,
                            video ? PAGE_PT_RTX : 0}},
                .encoding_count = 1,
                .encodings = {{ssrc, video ? ssrc + STAGE_RTX_SSRC : 0, ""}},
                .ext_transport_cc = p->without_transport_cc ? 0 : PAGE_EXT_TRANSPORT,
            },
    };
    return stage_request(s, &m, -1, NULL);
}

int stage_seat(struct stage *s, const struct page *to, uint8_t seat, enum control_kind kind,
               uint64_t stream)
{
    const struct control_message m = {
        .type = CONTROL_SEAT_SET, .seat_set = {STAGE_HEARING, to->id, seat, (uint8_t)kind, stream}};
    int r = stage_request(s, &m, -1, NULL);
    CHECK(send_flush(s->queue));
    return r;
}

/* The payload of page_send() under a header like ours. */
static void send_packet(struct stage *s, struct page *p, struct rtp_header *h,
                        const uint8_t *payload, size_t len)
{
    uint8_t header[RTP_HEADER_BYTES];
    h->transport_seq = p->transport_seq++;
    rtp_write_header(h, header);
    const struct seal_packet packet = {
        .header = header, .header_len = sizeof(header), .payload = payload, .payload_len = len};
    CHECK_EQ(link_send_rtp(p->up, &packet), 0);
    link_flush(p->up);
    if (!s->gathers)
        stage_settle(s);
}

/* VP8: X, I with 15 bits of picture id, then a frame header; a key frame says so, its start code
 * and its size. */
static size_t make_payload(const struct page *p, enum control_kind kind, uint16_t seq, bool key,
                           uint8_t payload[32])
{
    uint8_t vp8[] = {0x90,
                     0x80,
                     (uint8_t)(0x80 | (seq >> 8 & 0x7f)),
                     (uint8_t)seq,
                     key ? 0x10 : 0x11,
                     0,
                     0,
                     0x9d,
                     0x01,
                     0x2a,
                     0x40,
                     1,
                     0xf0,
                     0};
    static const uint8_t opus[] = {0xfc, 1, 2, 3};
    size_t len = kind == CONTROL_VIDEO ? sizeof(vp8) : sizeof(opus);
    memcpy(payload, kind == CONTROL_VIDEO ? vp8 : opus, len);
    uint32_t ssrc = page_ssrc(p, kind);
    for (int i = 0; i < 4; i++)
        payload[len++] = (uint8_t)(ssrc >> (24 - 8 * i));
    return len;
}

void page_send(struct stage *s, struct page *p, enum control_kind kind, uint16_t seq,
               uint32_t timestamp, bool key)
{
    uint8_t payload[32];
    size_t len = make_payload(p, kind, seq, key, payload);
    struct rtp_header h = {
        .ssrc = page_ssrc(p, kind),
        .timestamp = timestamp,
        .seq = seq,
        .payload_type = kind == CONTROL_VIDEO ? PAGE_PT_VP8 : PAGE_PT_OPUS,
        .marker = true,
    };
    send_packet(s, p, &h, payload, len);
}

void page_send_rtx(struct stage *s, struct page *p, uint16_t rtx_seq, uint16_t seq,
                   uint32_t timestamp, bool key)
{
    uint8_t payload[34] = {(uint8_t)(seq >> 8), (uint8_t)seq};
    size_t len = 2 + make_payload(p, CONTROL_VIDEO, seq, key, payload + 2);
    struct rtp_header h = {
        .ssrc = page_ssrc(p, CONTROL_VIDEO) + STAGE_RTX_SSRC,
        .timestamp = timestamp,
        .seq = rtx_seq,
        .payload_type = PAGE_PT_RTX,
        .marker = true,
    };
    send_packet(s, p, &h, payload, len);
}

void page_send_bytes(struct stage *s, struct page *p, enum control_kind kind, uint16_t seq,
                     uint8_t payload_type, const void *payload, size_t len)
{
    struct rtp_header h = {
        .ssrc = page_ssrc(p, kind), .timestamp = 0, .seq = seq, .payload_type = payload_type};
    send_packet(s, p, &h, payload, len);
}

void page_send_rtcp(struct stage *s, struct link *link, const uint8_t *rtcp, size_t len)
{
    CHECK_EQ(link_send_rtcp(link, rtcp, len), 0);
    link_flush(link);
    stage_settle(s);
}

const struct page_stream *page_got(const struct page *p, uint32_t ssrc)
{
    static const struct page_stream nothing;
    for (size_t i = 0; i < p->stream_count; i++)
        if (p->streams[i].ssrc == ssrc)
            return &p->streams[i];
    return &nothing;
}

const struct page_stream *page_seat(const struct page *p, uint8_t seat, enum control_kind kind)
{
    const struct control_seat_ssrcs *ssrcs = &p->ready.seats[seat];
    return page_got(p, kind == CONTROL_VIDEO ? ssrcs->video_ssrc : ssrcs->audio_ssrc);
}

unsigned page_packets(const struct page *p)
{
    unsigned packets = 0;
    for (size_t i = 0; i < p->stream_count; i++)
        packets += p->streams[i].packets;
    return packets;
}
