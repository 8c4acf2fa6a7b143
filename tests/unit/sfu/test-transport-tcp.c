/* Transports over TCP: media both ways, paths beside UDP's, and connections that end under them in
 * every state.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/codecs.h"
#include "peer/tunnel.h"
#include "sfu/paths.h"
#include "sfu/tcp.h"
#include "sfu/transport.h"
#include "unit/check.h"
#include "wire.h"

static struct wire wire;
static struct tcp *tcp;
static struct address tcp_server;

/* A worker's turn: TCP as wire_serve() does UDP. */
static size_t serve(void)
{
    size_t count = wire_serve(&wire);
    struct framing_datagram d;
    struct path from;
    tcp_wake(tcp, wire_now_us);
    while (tcp_next(tcp, &from, &d)) {
        count++;
        struct transport *t = transport_find(wire.directory, &from, d.bytes, d.len);
        if (!t) {
            wire.unknown++;
            continue;
        }
        wire.last = transport_receive(t, &from, d.bytes, d.len, wire.plain, wire_now_us);
        if (wire.last.outcome == TRANSPORT_RTP || wire.last.outcome == TRANSPORT_RTCP)
            wire.opened++;
    }
    while (transport_shake_hands(&wire.handshakes, wire_now_us))
        ;
    tcp_flush(tcp, wire_now_us);
    struct list *users;
    while ((users = tcp_take_ended(tcp)))
        paths_lose(users);
    return count;
}

/* Until nothing moves for two turns: whoever is accepted in one is read in the next. */
static void settle(struct tunnel *tunnel, struct link *l)
{
    if (l)
        (void)link_tick(l, wire_now_us);
    for (int idle = 0; idle < 3; idle++) {
        size_t moved = serve();
        if (l)
            moved += wire_step_page(&wire, l);
        if (tunnel && tunnel->tcp_fd >= 0)
            moved += tunnel_pump(tunnel);
        if (moved)
            idle = 0;
    }
}

/* A page for `t` behind a connection of its own. */
static void dial(struct transport *t, struct tunnel *tunnel, struct link **ret_link)
{
    struct control_ice ice;
    transport_ice(t, &ice);
    CHECK_EQ(tunnel_open(tunnel, &tcp_server, NULL), 0);
    CHECK_EQ(link_create(wire.page_dtls, &ice, &tunnel->front, ret_link), 0);
    link_expect(*ret_link, dtls_context_fingerprint(wire.dtls));
}

static void connect_by_tcp(struct transport **t, struct tunnel *tunnel, struct link **l)
{
    CHECK_EQ(wire_add(&wire, t), 0);
    CHECK_EQ(transport_connect(*t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
    dial(*t, tunnel, l);
    settle(tunnel, *l);
    CHECK_EQ(transport_phase(*t), CONTROL_TRANSPORT_CONNECTED);
    CHECK(link_is_connected(*l));
}

/* The same page over another connection, or the first one again. */
static void redial(struct tunnel *tunnel, struct link *l, struct transport *t)
{
    struct control_ice ice;
    transport_ice(t, &ice);
    CHECK_EQ(tunnel_open(tunnel, &tcp_server, NULL), 0);
    CHECK_EQ(link_meet(l, &ice, &tunnel->front), 0);
    settle(tunnel, l);
}

static int send_picture(struct transport *t, uint16_t seq)
{
    static const uint8_t payload[1100];
    uint8_t header[12] = {0x80, CODEC_PT_VP8, (uint8_t)(seq >> 8), (uint8_t)seq};
    header[11] = 2;
    unsigned stream;
    CHECK_EQ(transport_add_stream(t, 2, &stream), 0);
    struct seal_packet p = {
        .header = header, .header_len = 12, .payload = payload, .payload_len = sizeof(payload)};
    return transport_send_rtp(t, stream, &p, NULL);
}

static int send_sound(struct transport *t, uint16_t seq)
{
    static const uint8_t payload[80];
    uint8_t header[12] = {0x80, CODEC_PT_OPUS, (uint8_t)(seq >> 8), (uint8_t)seq};
    header[11] = 3;
    unsigned stream;
    CHECK_EQ(transport_add_stream(t, 3, &stream), 0);
    struct seal_packet p = {
        .header = header, .header_len = 12, .payload = payload, .payload_len = sizeof(payload)};
    return transport_send_rtp(t, stream, &p, NULL);
}

static void carries_media(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    struct tunnel tunnel;
    connect_by_tcp(&t, &tunnel, &l);
    wire.opened = wire.page_opened = 0;
    for (uint16_t seq = 0; seq < 100; seq++) {
        CHECK_EQ(wire_page_sends(l, seq, 5), 0);
        CHECK_EQ(send_picture(t, seq), 0);
        CHECK_EQ(send_sound(t, seq), 0);
    }
    CHECK_EQ(transport_send_rtcp(t, wire_report, sizeof(wire_report)), 0);
    CHECK_EQ(link_send_rtcp(l, wire_report, sizeof(wire_report)), 0);
    settle(&tunnel, l);
    CHECK_EQ(wire.opened, 101);
    CHECK_EQ(wire.page_opened, 201);
    /* Checks keep it, as over UDP; without them it lapses, and then the connection ends too. */
    for (int s = 0; s < 60; s++) {
        wire_now_us += SECOND_US;
        settle(&tunnel, l);
        (void)transport_tick(t, wire_now_us);
        tcp_tick(tcp, wire_now_us);
    }
    CHECK_EQ(transport_phase(t), CONTROL_TRANSPORT_CONNECTED);
    for (int s = 0; s < 45; s++) {
        wire_now_us += SECOND_US;
        settle(NULL, NULL);
        (void)transport_tick(t, wire_now_us);
        tcp_tick(tcp, wire_now_us);
    }
    CHECK_EQ(transport_phase(t), CONTROL_TRANSPORT_EXPIRED);
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
    tunnel_close(&tunnel);
}

/* Where pictures find no room, sound and reports do, and come first. */
static void prefers_sound(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    struct tunnel tunnel;
    connect_by_tcp(&t, &tunnel, &l);
    uint16_t pictures = 0, sounds = 0;
    while (send_picture(t, pictures) == 0)
        pictures++;
    CHECK_EQ(send_picture(t, pictures + 1), -ENOBUFS);
    CHECK(pictures > 200);
    while (sounds < 100)
        CHECK_EQ(send_sound(t, sounds++), 0);
    CHECK_EQ(transport_send_rtcp(t, wire_report, sizeof(wire_report)), 0);
    wire.page_opened = 0;
    settle(&tunnel, l);
    CHECK_EQ(wire.page_opened, pictures + sounds + 1);
    tunnel_close(&tunnel);
    settle(NULL, NULL);
}

/* A connection that is lost takes no consent with it: the page comes again by another and goes on
 * with the same keys, within 30 s of its last check. */
static void comes_again(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    struct tunnel tunnel;
    connect_by_tcp(&t, &tunnel, &l);
    uint16_t seq = 0;
    for (int round = 0; round < 5; round++) {
        while (seq % 50 != 49)
            CHECK_EQ(send_picture(t, seq++), 0);
        if (round % 2)
            tunnel_reset(&tunnel);
        else
            tunnel_close(&tunnel);
        (void)send_picture(t, seq++); /* into what is lost already */
        settle(NULL, NULL);
        CHECK(!transport_can_send(t));
        CHECK_EQ(send_picture(t, seq++), -ENOTCONN);
        CHECK_EQ(transport_send_rtcp(t, wire_report, sizeof(wire_report)), -ENOTCONN);
        wire_now_us += 2 * SECOND_US;
        (void)transport_tick(t, wire_now_us);
        CHECK_EQ(transport_phase(t), CONTROL_TRANSPORT_CONNECTED);
        redial(&tunnel, l, t);
        CHECK(transport_can_send(t));
        wire.opened = wire.page_opened = 0;
        CHECK_EQ(send_picture(t, seq++), 0);
        CHECK_EQ(wire_page_sends(l, seq, 5), 0);
        settle(&tunnel, l);
        CHECK_EQ(wire.page_opened, 1);
        CHECK_EQ(wire.opened, 1);
    }
    tunnel_close(&tunnel);
    settle(NULL, NULL);
    for (int s = 0; s < 29; s++) {
        wire_now_us += SECOND_US;
        (void)transport_tick(t, wire_now_us);
    }
    CHECK_EQ(transport_phase(t), CONTROL_TRANSPORT_SILENT);
    wire_now_us += 2 * SECOND_US;
    (void)transport_tick(t, wire_now_us);
    CHECK_EQ(transport_phase(t), CONTROL_TRANSPORT_EXPIRED);
}

/* Beside a path over UDP: the one nominated last carries, and when the connection ends the other
 * does at once. */
static void falls_back_to_udp(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CLEANUP(link_destroy) struct link *second = NULL;
    struct tunnel tunnel;
    wire_connected(&wire, &t, &l);
    dial(t, &tunnel, &second); /* the page's checks alone go by it */
    settle(&tunnel, second);
    CHECK(tunnel.datagrams > 0);
    uint64_t before = tcp_stats(tcp)->datagrams;
    CHECK_EQ(send_picture(t, 1), 0);
    settle(&tunnel, NULL);
    CHECK_EQ(tcp_stats(tcp)->datagrams, before + 1);
    tunnel_reset(&tunnel);
    settle(NULL, NULL);
    wire.page_opened = 0;
    CHECK_EQ(send_picture(t, 2), 0);
    settle(NULL, l);
    CHECK_EQ(wire.page_opened, 1);
}

/* Whatever lies in a connection's queue when its transport ends, or the other way round. */
static void ends_in_any_order(void)
{
    for (int order = 0; order < 4; order++) {
        struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        struct tunnel tunnel;
        connect_by_tcp(&t, &tunnel, &l);
        for (uint16_t seq = 0; seq < 200; seq++) {
            (void)send_picture(t, seq);
            (void)send_sound(t, seq);
        }
        if (order % 2)
            tunnel_reset(&tunnel);
        if (order / 2)
            transport_destroy(STEAL(t)); /* with what waits sealed by its keys */
        settle(order % 2 ? NULL : &tunnel, l);
        if (!t && order == 2)
            CHECK(link_is_closed(l)); /* close_notify came */
        transport_destroy(t);
        tunnel_close(&tunnel);
        settle(NULL, NULL);
        CHECK_EQ(tcp_stats(tcp)->connections, 0);
    }
}

/* A handshake that waits for its turn while its connection goes, and another comes. */
static void handshake_outlives_its_connection(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    struct tunnel tunnel;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
    dial(t, &tunnel, &l);
    /* By hand, up to the first flight that waits. */
    (void)link_tick(l, wire_now_us);
    for (int i = 0; i < 20 && !handshakes_wait(&wire.handshakes); i++) {
        struct framing_datagram d;
        struct path from;
        tunnel_pump(&tunnel);
        tcp_wake(tcp, wire_now_us);
        while (tcp_next(tcp, &from, &d)) {
            struct transport *whose = transport_find(wire.directory, &from, d.bytes, d.len);
            CHECK(whose == t);
            (void)transport_receive(t, &from, d.bytes, d.len, wire.plain, wire_now_us);
        }
        tcp_flush(tcp, wire_now_us);
        tunnel_pump(&tunnel);
        wire_step_page(&wire, l);
    }
    CHECK(handshakes_wait(&wire.handshakes));
    tunnel_reset(&tunnel);
    uint64_t foreign = wire.stats.dropped[TRANSPORT_DROP_FOREIGN];
    struct framing_datagram d;
    struct path from;
    tcp_wake(tcp, wire_now_us);
    CHECK(!tcp_next(tcp, &from, &d));
    struct list *users;
    while ((users = tcp_take_ended(tcp)))
        paths_lose(users);
    settle(NULL, NULL);
    CHECK(wire.stats.dropped[TRANSPORT_DROP_FOREIGN] > foreign);
    wire_now_us += 2 * SECOND_US; /* the page's flight comes again */
    redial(&tunnel, l, t);
    CHECK(link_is_connected(l));
    tunnel_close(&tunnel);
    settle(NULL, NULL);
}

/* A connection two transports have proven, the second when the first was silent: both lose it. */
static void is_lost_by_all(void)
{
    CLEANUP(transport_destroy) struct transport *one = NULL;
    CLEANUP(transport_destroy) struct transport *other = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    struct tunnel tunnel;
    connect_by_tcp(&one, &tunnel, &l);
    CHECK_EQ(wire_add(&wire, &other), 0);
    wire_now_us += 8 * SECOND_US;
    struct control_ice ice;
    transport_ice(other, &ice);
    CHECK_EQ(link_meet(l, &ice, &tunnel.front), 0);
    settle(&tunnel, l);
    CHECK_EQ(transport_phase(other), CONTROL_TRANSPORT_ICE);
    CHECK(transport_can_send(one));
    tunnel_reset(&tunnel);
    settle(NULL, NULL);
    CHECK(!transport_can_send(one));
    CHECK_EQ(send_picture(one, 1), -ENOTCONN);
    (void)transport_tick(other, wire_now_us);
    (void)transport_tick(one, wire_now_us);
    CHECK_EQ(tcp_stats(tcp)->connections, 0);
}

static void run_all(const char *address)
{
    uint16_t port = 0;
    CHECK_EQ(wire_open(&wire, address), 0);
    CHECK_EQ(tcp_create(wire.sealer, &tcp), 0);
    CHECK_EQ(address_from_text(address, 0, &tcp_server), 0);
    CHECK_EQ(tcp_listen(tcp, &tcp_server, &port), 0);
    address_set_port(&tcp_server, port);
    carries_media();
    prefers_sound();
    comes_again();
    falls_back_to_udp();
    ends_in_any_order();
    handshake_outlives_its_connection();
    is_lost_by_all();
    tcp_destroy(tcp);
    wire_close(&wire);
}

int main(void)
{
    run_all("127.0.0.1");
    run_all("::1");
    return 0;
}
