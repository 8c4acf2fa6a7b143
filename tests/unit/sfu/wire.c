/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <sys/time.h>
#include <unistd.h>

#include "unit/check.h"

uint64_t wire_now_us = 1000 * SECOND_US;

/* OpenSSL finds ours first. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(wire_now_us / SECOND_US);
    tv->tv_usec = (suseconds_t)(wire_now_us % SECOND_US);
    return 0;
}

int wire_open(struct wire *w, const char *address)
{
    *w = (struct wire){.fd = -1};
    handshakes_init(&w->handshakes);
    struct address any;
    CHECK_EQ(address_from_text(address, 0, &any), 0);
    w->fd = udp_open(&any);
    int r = w->fd < 0 ? w->fd : udp_local(w->fd, &w->address);
    if (r == 0)
        r = sealer_create(SEALER_AUTO, &w->sealer);
    if (r == 0)
        r = send_queue_create(w->fd, w->sealer, &w->queue);
    if (r == 0)
        r = udp_reader_create(&w->reader);
    if (r == 0)
        r = directory_create(&w->directory);
    if (r == 0)
        r = dtls_context_create(&w->dtls);
    if (r == 0)
        r = dtls_context_create(&w->page_dtls);
    return r;
}

void wire_close(struct wire *w)
{
    send_queue_destroy(w->queue);
    udp_reader_destroy(w->reader);
    directory_destroy(w->directory);
    dtls_context_destroy(w->dtls);
    dtls_context_destroy(w->page_dtls);
    sealer_destroy(w->sealer);
    if (w->fd >= 0)
        close(w->fd);
}

int wire_add(struct wire *w, struct transport **ret_transport)
{
    struct transport_config config = {.directory = w->directory,
                                      .dtls = w->dtls,
                                      .handshakes = &w->handshakes,
                                      .sealer = w->sealer,
                                      .stats = &w->stats,
                                      .owner = w,
                                      .direction = CONTROL_UP,
                                      .out_streams = 4};
    return transport_create(&config, wire_now_us, ret_transport);
}

size_t wire_serve(struct wire *w)
{
    const struct udp_datagram *d;
    int n = udp_read(w->reader, w->fd, &d);
    CHECK(n >= 0);
    for (int i = 0; i < n && !w->deaf; i++) {
        struct path from = {.via = w->queue, .remote = d[i].from};
        struct transport *t = transport_find(w->directory, &from, d[i].bytes, d[i].len);
        if (!t) {
            w->unknown++;
            continue;
        }
        w->last = transport_receive(t, &from, d[i].bytes, d[i].len, w->plain, wire_now_us);
        if (w->last.outcome == TRANSPORT_RTP || w->last.outcome == TRANSPORT_RTCP)
            w->opened++;
    }
    while (!w->patient && transport_shake_hands(&w->handshakes, wire_now_us))
        ;
    CHECK(send_flush(w->queue));
    return (size_t)n;
}

size_t wire_step_page(struct wire *w, struct link *l)
{
    const struct udp_datagram *d;
    link_flush(l);
    int n = udp_read(w->reader, link_fd(l), &d);
    CHECK(n >= 0);
    for (int i = 0; i < n; i++) {
        struct link_received r = link_receive(l, d[i].bytes, d[i].len, w->page_plain, wire_now_us);
        if (r.outcome == LINK_RTP || r.outcome == LINK_RTCP) {
            w->page_opened++;
            w->page_len = r.len;
        }
    }
    link_flush(l);
    return (size_t)n;
}

void wire_settle(struct wire *w, struct link *l)
{
    (void)link_tick(l, wire_now_us);
    size_t moved;
    do {
        moved = wire_serve(w);
        moved += wire_step_page(w, l);
    } while (moved);
}

int wire_open_link(struct wire *w, struct transport *t, struct link **ret_link)
{
    struct control_ice ice;
    transport_ice(t, &ice);
    int r = link_create(w->page_dtls, &ice, &w->address, ret_link);
    if (r == 0)
        link_expect(*ret_link, dtls_context_fingerprint(w->dtls));
    return r;
}

int wire_connect(struct wire *w, struct transport **ret_transport, struct link **ret_link)
{
    int r = wire_add(w, ret_transport);
    if (r == 0)
        r = transport_connect(*ret_transport, dtls_context_fingerprint(w->page_dtls), wire_now_us);
    if (r == 0)
        r = wire_open_link(w, *ret_transport, ret_link);
    if (r == 0)
        wire_settle(w, *ret_link);
    return r;
}

void wire_connected(struct wire *w, struct transport **t, struct link **l)
{
    CHECK_EQ(wire_connect(w, t, l), 0);
    CHECK_EQ(transport_phase(*t), CONTROL_TRANSPORT_CONNECTED);
    CHECK(link_is_connected(*l));
}

void wire_pass(struct wire *w, struct transport *t, struct link *l, uint64_t us)
{
    for (uint64_t end = wire_now_us + us; wire_now_us < end;) {
        wire_now_us += 100000;
        if (l)
            wire_settle(w, l);
        (void)transport_tick(t, wire_now_us);
    }
}

const uint8_t wire_report[8] = {0x80, 201, 0, 1, 0, 0, 0, 9};

int wire_page_sends(struct link *l, uint16_t seq, uint32_t ssrc)
{
    uint8_t header[12] = {0x80, 96, (uint8_t)(seq >> 8), (uint8_t)seq};
    header[8] = (uint8_t)(ssrc >> 24);
    header[9] = (uint8_t)(ssrc >> 16);
    header[10] = (uint8_t)(ssrc >> 8);
    header[11] = (uint8_t)ssrc;
    struct seal_packet p = {.header = header,
                            .header_len = 12,
                            .payload = (const uint8_t *)"hear me",
                            .payload_len = 7};
    return link_send_rtp(l, &p);
}

int wire_server_sends(struct transport *t, uint16_t seq, uint32_t ssrc)
{
    uint8_t header[12] = {0x80, 96, (uint8_t)(seq >> 8), (uint8_t)seq};
    header[11] = (uint8_t)ssrc;
    unsigned stream;
    CHECK_EQ(transport_add_stream(t, ssrc, &stream), 0);
    struct seal_packet p = {
        .header = header, .header_len = 12, .payload = (const uint8_t *)"heard", .payload_len = 5};
    return transport_send_rtp(t, stream, &p, NULL);
}
