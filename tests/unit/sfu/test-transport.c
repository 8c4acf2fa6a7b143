/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/limits.h"
#include "peer/link.h"
#include "sfu/directory.h"
#include "sfu/dtls.h"
#include "sfu/ice.h"
#include "sfu/udp.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define SECOND_US 1000000ull

/* One clock for us and for OpenSSL, which reads gettimeofday() itself: hours pass in no time. */
static uint64_t now_us = 1000 * SECOND_US;

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(now_us / SECOND_US);
    tv->tv_usec = (suseconds_t)(now_us % SECOND_US);
    return 0;
}

/* A worker's part: one socket, and what its transports share. */
struct server {
    int fd;
    struct send_queue *queue;
    struct udp_reader *reader;
    struct directory *directory;
    struct dtls_context *dtls, *page_dtls;
    struct transport_stats stats;
    struct address address;
    uint64_t unknown; /* datagrams of nobody */
    bool deaf;        /* everything that comes is lost */
};

static int server_open(struct server *s, const char *address)
{
    *s = (struct server){.fd = -1};
    struct address any;
    CHECK_EQ(address_from_text(address, 0, &any), 0);
    s->fd = udp_open(&any);
    int r = s->fd < 0 ? s->fd : udp_local(s->fd, &s->address);
    if (r == 0)
        r = send_queue_create(s->fd, &s->queue);
    if (r == 0)
        r = udp_reader_create(&s->reader);
    if (r == 0)
        r = directory_create(&s->directory);
    if (r == 0)
        r = dtls_context_create(&s->dtls);
    if (r == 0)
        r = dtls_context_create(&s->page_dtls);
    return r;
}

static void server_close(struct server *s)
{
    send_queue_destroy(s->queue);
    udp_reader_destroy(s->reader);
    directory_destroy(s->directory);
    dtls_context_destroy(s->dtls);
    dtls_context_destroy(s->page_dtls);
    if (s->fd >= 0)
        close(s->fd);
}

static int add_transport(struct server *s, struct transport **ret_transport)
{
    struct transport_config config = {.directory = s->directory,
                                      .dtls = s->dtls,
                                      .stats = &s->stats,
                                      .owner = s,
                                      .direction = CONTROL_UP,
                                      .out_streams = 4};
    return transport_create(&config, now_us, ret_transport);
}

/* The last packet that came out on each side. */
static _Alignas(4) uint8_t plain[2048], page_plain[2048];
static struct transport_received last;
static size_t opened, page_opened;
static size_t page_len;

static size_t serve(struct server *s)
{
    const struct udp_datagram *d;
    int n = udp_read(s->reader, s->fd, &d);
    CHECK(n >= 0);
    for (int i = 0; i < n && !s->deaf; i++) {
        struct path from = {.via = s->queue, .remote = d[i].from};
        struct transport *t = transport_find(s->directory, &from, d[i].bytes, d[i].len);
        if (!t) {
            s->unknown++;
            continue;
        }
        last = transport_receive(t, &from, d[i].bytes, d[i].len, plain, now_us);
        if (last.outcome == TRANSPORT_RTP || last.outcome == TRANSPORT_RTCP)
            opened++;
    }
    CHECK(send_flush(s->queue));
    return (size_t)n;
}

static size_t step_page(struct server *s, struct link *l)
{
    const struct udp_datagram *d;
    link_flush(l);
    int n = udp_read(s->reader, link_fd(l), &d);
    CHECK(n >= 0);
    for (int i = 0; i < n; i++) {
        struct link_received r = link_receive(l, d[i].bytes, d[i].len, page_plain, now_us);
        if (r.outcome == LINK_RTP || r.outcome == LINK_RTCP) {
            page_opened++;
            page_len = r.len;
        }
    }
    link_flush(l);
    return (size_t)n;
}

/* Until nothing moves. Loopback delivers within the send, so this waits for nothing. */
static void settle(struct server *s, struct link *l)
{
    (void)link_tick(l, now_us);
    size_t moved;
    do {
        moved = serve(s);
        moved += step_page(s, l);
    } while (moved);
}

static int open_link(struct server *s, struct transport *t, struct link **ret_link)
{
    struct control_ice ice;
    transport_ice(t, &ice);
    int r = link_create(s->page_dtls, &ice, &s->address, ret_link);
    if (r == 0)
        link_expect(*ret_link, dtls_context_fingerprint(s->dtls));
    return r;
}

static int connect_page(struct server *s, struct transport **ret_transport, struct link **ret_link)
{
    int r = add_transport(s, ret_transport);
    if (r == 0)
        r = transport_connect(*ret_transport, dtls_context_fingerprint(s->page_dtls), now_us);
    if (r == 0)
        r = open_link(s, *ret_transport, ret_link);
    if (r == 0)
        settle(s, *ret_link);
    return r;
}

#ifndef TEST_FAULTS

static struct server server;

static void check_phase(struct transport *t, enum control_transport_phase phase)
{
    CHECK_EQ(transport_phase(t), phase);
}

static uint64_t drops(enum transport_drop reason)
{
    return server.stats.dropped[reason];
}

static void connected(struct transport **t, struct link **l)
{
    CHECK_EQ(connect_page(&server, t, l), 0);
    check_phase(*t, CONTROL_TRANSPORT_CONNECTED);
    CHECK(link_is_connected(*l));
}

static const uint8_t sender_report[] = {0x80, 201, 0, 1, 0, 0, 0, 9};

static int page_sends(struct link *l, uint16_t seq, uint32_t ssrc)
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

static int server_sends(struct transport *t, uint16_t seq, uint32_t ssrc)
{
    uint8_t header[12] = {0x80, 96, (uint8_t)(seq >> 8), (uint8_t)seq};
    header[11] = (uint8_t)ssrc;
    unsigned stream;
    CHECK_EQ(transport_add_stream(t, ssrc, &stream), 0);
    struct seal_packet p = {
        .header = header, .header_len = 12, .payload = (const uint8_t *)"heard", .payload_len = 5};
    return transport_send_rtp(t, stream, &p, NULL);
}

/* Media and reports flow both ways, over IPv4 and over IPv6. */
static void carries_media(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    CHECK_EQ(transport_overhead(t), 16); /* AES-GCM */
    CHECK_EQ(server.stats.dtls_connected, 1);

    opened = page_opened = 0;
    CHECK_EQ(page_sends(l, 1, 5), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);
    CHECK_EQ(last.outcome, TRANSPORT_RTP);
    CHECK_EQ(last.len, 12 + 7);
    CHECK(memcmp(plain + 12, "hear me", 7) == 0);
    CHECK_EQ(link_send_rtcp(l, sender_report, sizeof(sender_report)), 0);
    settle(&server, l);
    CHECK_EQ(last.outcome, TRANSPORT_RTCP);
    CHECK_EQ(last.len, sizeof(sender_report));

    CHECK_EQ(server_sends(t, 7, 5), 0);
    CHECK_EQ(transport_send_rtcp(t, sender_report, sizeof(sender_report)), 0);
    settle(&server, l);
    CHECK_EQ(page_opened, 2);
    CHECK_EQ(page_len, sizeof(sender_report));
}

static void phases_are_told_once(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    enum control_transport_phase phase;
    CHECK_EQ(add_transport(&server, &t), 0);
    CHECK(!transport_take_phase(t, &phase));
    CHECK_EQ(open_link(&server, t, &l), 0);
    settle(&server, l);
    CHECK(transport_take_phase(t, &phase));
    CHECK_EQ(phase, CONTROL_TRANSPORT_ICE);
    CHECK(!transport_take_phase(t, &phase));
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(server.page_dtls), now_us), 0);
    CHECK(transport_take_phase(t, &phase));
    CHECK_EQ(phase, CONTROL_TRANSPORT_CONNECTED);
    /* Repeated requests do no harm; another certificate is refused. */
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(server.page_dtls), now_us), 0);
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(server.dtls), now_us), -EALREADY);
}

/* rtp_before_dtls: nothing is opened before keys are agreed and the certificate is checked. */
static void rtp_before_keys_is_dropped(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(add_transport(&server, &t), 0);
    CHECK_EQ(open_link(&server, t, &l), 0);
    settle(&server, l); /* the handshake is over, but nobody told us whom to expect */
    CHECK(link_is_connected(l));
    uint64_t before = drops(TRANSPORT_DROP_EARLY);
    CHECK_EQ(page_sends(l, 1, 5), 0);
    settle(&server, l);
    CHECK_EQ(drops(TRANSPORT_DROP_EARLY), before + 1);
    CHECK_EQ(server_sends(t, 1, 1), -ENOTCONN);
    CHECK_EQ(transport_overhead(t), 0);
}

/* wrong_fingerprint_derives_no_keys, whether it is announced before or after the handshake. */
static void wrong_certificate_fails(void)
{
    for (int late = 0; late < 2; late++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        uint8_t wrong[CONTROL_FINGERPRINT_LEN];
        memcpy(wrong, dtls_context_fingerprint(server.page_dtls), sizeof(wrong));
        wrong[31] ^= 1;
        uint64_t failed = server.stats.dtls_failed;
        CHECK_EQ(add_transport(&server, &t), 0);
        if (!late)
            CHECK_EQ(transport_connect(t, wrong, now_us), 0);
        CHECK_EQ(open_link(&server, t, &l), 0);
        settle(&server, l);
        if (late)
            CHECK_EQ(transport_connect(t, wrong, now_us), 0);
        check_phase(t, CONTROL_TRANSPORT_FAILED);
        CHECK_EQ(server.stats.dtls_failed, failed + 1);
        uint64_t before = drops(TRANSPORT_DROP_ENDED);
        CHECK_EQ(page_sends(l, 1, 5), 0);
        settle(&server, l);
        CHECK_EQ(drops(TRANSPORT_DROP_ENDED), before + 1);
        CHECK_EQ(server_sends(t, 1, 1), -ENOTCONN);
    }
}

/* clear_rtp_refused and clear_rtcp_refused. */
static void clear_media_is_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    uint8_t rtp[64] = {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5};
    uint8_t rtcp[64] = {0x80, 201, 0, 15};
    opened = 0;
    for (size_t len = 2; len <= sizeof(rtp); len++) {
        CHECK_EQ(link_send_raw(l, rtp, len), 0);
        CHECK_EQ(link_send_raw(l, rtcp, len), 0);
    }
    settle(&server, l);
    CHECK_EQ(opened, 0);
    CHECK_EQ(page_sends(l, 1, 5), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);
}

/* Catches what a page seals, to play it again later. */
static size_t catch_sealed(struct server *s, struct link *l, uint8_t *to)
{
    const struct udp_datagram *d;
    link_flush(l);
    CHECK_EQ(udp_read(s->reader, s->fd, &d), 1);
    memcpy(to, d[0].bytes, d[0].len);
    return d[0].len;
}

/* forged_srtp_tags and replayed packets end nothing and are let through never. */
static void forged_and_replayed_are_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    uint8_t sealed[128];
    CHECK_EQ(page_sends(l, 1, 5), 0);
    size_t len = catch_sealed(&server, l, sealed);
    uint64_t forged = drops(TRANSPORT_DROP_FORGED), replayed = drops(TRANSPORT_DROP_REPLAYED);
    opened = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t forgery[128];
        memcpy(forgery, sealed, len);
        /* Every part in turn but the first two bytes, which tell what it is. */
        forgery[2 + i % (len - 2)] ^= (uint8_t)(1 + i / (len - 2) % 255);
        CHECK_EQ(link_send_raw(l, forgery, len), 0);
        if (i % 64 == 63)
            settle(&server, l);
    }
    settle(&server, l);
    CHECK_EQ(opened, 0);
    CHECK_EQ(drops(TRANSPORT_DROP_FORGED), forged + 20000);

    for (int i = 0; i < 10; i++)
        CHECK_EQ(link_send_raw(l, sealed, len), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);
    CHECK_EQ(drops(TRANSPORT_DROP_REPLAYED), replayed + 9);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);
}

/* RTCP sent in clear but with a trailer as SRTCP has, its E bit unset (unencrypted SRTCP). */
static void unencrypted_srtcp_is_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    uint8_t sealed[128];
    CHECK_EQ(link_send_rtcp(l, sender_report, sizeof(sender_report)), 0);
    size_t len = catch_sealed(&server, l, sealed);
    sealed[len - 4] &= 0x7f;
    opened = 0;
    CHECK_EQ(link_send_raw(l, sealed, len), 0);
    settle(&server, l);
    CHECK_EQ(opened, 0);
    sealed[len - 4] |= 0x80;
    CHECK_EQ(link_send_raw(l, sealed, len), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);
}

/* dtls_hello_from_another_address: the join succeeds under a spray of foreign hellos, and the
 * sprayer hears not one byte. */
static void foreign_hello_is_ignored(void)
{
    CLEANUP(link_destroy) struct link *stranger = NULL;
    CLEANUP(dtls_destroy) struct dtls *hello = NULL;
    struct control_ice none = {"nobody", "nobodyspasswordnobodys"};
    CHECK_EQ(link_create(server.page_dtls, &none, &server.address, &stranger), 0);
    CHECK_EQ(dtls_create(server.page_dtls, DTLS_CLIENT, &hello), 0);
    dtls_start(hello, now_us);
    size_t len;
    const uint8_t *bytes = dtls_next_datagram(hello, &len);
    CHECK(bytes && bytes[0] == 22);

    for (int join = 0; join < 100; join++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        uint64_t unknown = server.unknown;
        CHECK_EQ(add_transport(&server, &t), 0);
        CHECK_EQ(transport_connect(t, dtls_context_fingerprint(server.page_dtls), now_us), 0);
        CHECK_EQ(open_link(&server, t, &l), 0);
        (void)link_tick(l, now_us);
        for (int round = 0; !link_is_connected(l); round++) {
            CHECK(round < 20);
            CHECK_EQ(link_send_raw(stranger, bytes, len), 0);
            link_flush(stranger);
            (void)serve(&server);
            (void)step_page(&server, l);
        }
        settle(&server, l);
        CHECK(server.unknown > unknown);
        check_phase(t, CONTROL_TRANSPORT_CONNECTED);
        /* Also when it is handed to the transport itself. */
        struct address elsewhere;
        CHECK_EQ(address_from_text("127.0.0.9", 9, &elsewhere), 0);
        struct path from = {.via = server.queue, .remote = elsewhere};
        last = transport_receive(t, &from, bytes, len, plain, now_us);
        CHECK_EQ(last.reason, TRANSPORT_DROP_FOREIGN);
    }
    const struct udp_datagram *d;
    CHECK_EQ(udp_read(server.reader, link_fd(stranger), &d), 0);
}

/* stun_without_password: no answer, no path, counted. */
static void check_without_password_is_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(add_transport(&server, &t), 0);
    struct control_ice ice;
    transport_ice(t, &ice);
    ice.password[0] ^= 1;
    CHECK_EQ(link_create(server.page_dtls, &ice, &server.address, &l), 0);
    uint64_t before = drops(TRANSPORT_DROP_STUN);
    settle(&server, l);
    CHECK_EQ(drops(TRANSPORT_DROP_STUN), before + 1);
    CHECK_EQ(link_stats(l)->checks_answered, 0);
    check_phase(t, CONTROL_TRANSPORT_NEW);
}

/* rtp_bleed: sealed media from a new address neither moves the destination nor is opened; an
 * authentic check from there moves it. */
static void destination_moves_by_check_only(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    CHECK_EQ(link_move(l), 0);
    CHECK_EQ(page_sends(l, 1, 5), 0);
    uint64_t unknown = server.unknown;
    opened = page_opened = 0;
    link_flush(l);
    (void)serve(&server);
    CHECK_EQ(server.unknown, unknown + 1);
    CHECK_EQ(opened, 0);
    CHECK_EQ(server_sends(t, 1, 1), 0);
    (void)serve(&server);
    (void)step_page(&server, l);
    CHECK_EQ(page_opened, 0);

    settle(&server, l); /* the check goes out from the new address */
    CHECK_EQ(page_sends(l, 2, 5), 0);
    CHECK_EQ(server_sends(t, 2, 1), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);
    CHECK_EQ(page_opened, 1);
}

/* After an ICE restart the old credentials live until the new ones are used, then no more. */
static void ice_restart(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    struct control_ice old, fresh, fresher;
    transport_ice(t, &old);
    CHECK_EQ(transport_restart(t, &fresh), 0);
    CHECK(strcmp(old.ufrag, fresh.ufrag) != 0);
    CHECK_EQ(transport_restart(t, &fresher), 0);

    now_us += 3 * SECOND_US; /* the page goes on with the old ones */
    uint64_t answered = link_stats(l)->checks_answered;
    settle(&server, l);
    CHECK_EQ(link_stats(l)->checks_answered, answered + 1);

    CLEANUP(link_destroy) struct link *dead = NULL;
    CHECK_EQ(link_create(server.page_dtls, &fresh, &server.address, &dead), 0);
    settle(&server, dead); /* the ones that a second restart replaced */
    CHECK_EQ(link_stats(dead)->checks_answered, 0);

    CHECK_EQ(link_move(l), 0);
    CHECK_EQ(link_restart(l, &fresher), 0);
    settle(&server, l);
    opened = page_opened = 0;
    CHECK_EQ(page_sends(l, 9, 5), 0);
    CHECK_EQ(server_sends(t, 9, 1), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);
    CHECK_EQ(page_opened, 1);

    /* dead_pair_after_restart */
    CHECK_EQ(link_restart(dead, &old), 0);
    settle(&server, dead);
    CHECK_EQ(link_stats(dead)->checks_answered, 0);
}

static void pass(struct server *s, struct transport *t, struct link *l, uint64_t us)
{
    for (uint64_t end = now_us + us; now_us < end;) {
        now_us += 100000;
        if (l)
            settle(s, l);
        (void)transport_tick(t, now_us);
    }
}

/* consent_expiry: 30 s without a check and nothing is sent any more, until an ICE restart. */
static void consent(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    pass(&server, t, l, 120 * SECOND_US); /* checks keep it alive */
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);

    pass(&server, t, NULL, 8 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_SILENT);
    CHECK_EQ(server_sends(t, 1, 1), 0);
    CHECK_EQ(page_sends(l, 1, 5), 0);
    settle(&server, l);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);

    pass(&server, t, NULL, 29 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_SILENT);
    CHECK_EQ(server_sends(t, 2, 1), 0);
    pass(&server, t, NULL, 2 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_EXPIRED);
    CHECK_EQ(server_sends(t, 3, 1), -ENOTCONN);
    CHECK_EQ(transport_send_rtcp(t, sender_report, sizeof(sender_report)), -ENOTCONN);
    CHECK_EQ(transport_tick(t, now_us), UINT64_MAX);

    opened = 0; /* neither media nor checks of old bring it back */
    CHECK_EQ(page_sends(l, 2, 5), 0);
    settle(&server, l);
    CHECK_EQ(opened, 0);
    check_phase(t, CONTROL_TRANSPORT_EXPIRED);

    struct control_ice fresh;
    CHECK_EQ(transport_restart(t, &fresh), 0);
    CHECK_EQ(link_restart(l, &fresh), 0);
    settle(&server, l);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);
    page_opened = 0;
    CHECK_EQ(server_sends(t, 4, 1), 0);
    settle(&server, l);
    CHECK_EQ(page_opened, 1);
}

/* Media alone is no consent (RFC 7675), but it is no silence either. */
static void media_is_no_consent(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    for (uint16_t i = 0; i < 29; i++) {
        now_us += SECOND_US;
        CHECK_EQ(page_sends(l, i, 5), 0);
        link_flush(l);
        (void)serve(&server);
        (void)transport_tick(t, now_us);
        check_phase(t, CONTROL_TRANSPORT_CONNECTED);
    }
    now_us += SECOND_US;
    (void)transport_tick(t, now_us);
    check_phase(t, CONTROL_TRANSPORT_EXPIRED);
}

static void close_notify_both_ways(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    link_close(l);
    settle(&server, l);
    check_phase(t, CONTROL_TRANSPORT_CLOSED);
    CHECK_EQ(server_sends(t, 1, 1), -ENOTCONN);

    struct transport *t2 = NULL;
    CLEANUP(link_destroy) struct link *l2 = NULL;
    connected(&t2, &l2);
    CHECK(!link_is_closed(l2));
    transport_destroy(t2);
    settle(&server, l2);
    CHECK(link_is_closed(l2));
}

/* Whatever flight is lost, both sides send it again in time. */
static void lost_flights_come_again(void)
{
    for (int lost = 0; lost < 8; lost++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        CHECK_EQ(add_transport(&server, &t), 0);
        CHECK_EQ(transport_connect(t, dtls_context_fingerprint(server.page_dtls), now_us), 0);
        CHECK_EQ(open_link(&server, t, &l), 0);
        for (int round = 0; round < 200 && !(link_is_connected(l) && transport_can_send(t));
             round++) {
            server.deaf = round == lost;
            (void)link_tick(l, now_us);
            (void)serve(&server);
            if (round == lost + 1) { /* and the other way */
                const struct udp_datagram *d;
                (void)udp_read(server.reader, link_fd(l), &d);
            } else {
                (void)step_page(&server, l);
            }
            now_us += 20000;
            (void)transport_tick(t, now_us);
            CHECK(send_flush(server.queue));
        }
        check_phase(t, CONTROL_TRANSPORT_CONNECTED);
        CHECK(link_is_connected(l));
    }
    server.deaf = false;
}

/* A handshake that goes nowhere ends by itself. */
static void dead_handshake_ends(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(add_transport(&server, &t), 0);
    CHECK_EQ(open_link(&server, t, &l), 0);
    (void)link_tick(l, now_us);
    (void)serve(&server);
    (void)step_page(&server, l); /* proven; the hello goes out */
    (void)serve(&server);
    check_phase(t, CONTROL_TRANSPORT_ICE);
    uint64_t failed = server.stats.dtls_failed;
    pass(&server, t, NULL, 29 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_FAILED);
    CHECK_EQ(server.stats.dtls_failed, failed + 1);
}

static void handshake_bytes_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(add_transport(&server, &t), 0);
    CHECK_EQ(open_link(&server, t, &l), 0);
    (void)link_tick(l, now_us);
    (void)serve(&server);
    uint8_t record[1000] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0xdb};
    for (int i = 0; i < LIMIT_DTLS_HANDSHAKE_BYTES / 1000; i++) {
        CHECK_EQ(link_send_raw(l, record, sizeof(record)), 0);
        link_flush(l);
        (void)serve(&server);
        if (transport_phase(t) != CONTROL_TRANSPORT_ICE)
            return; /* OpenSSL had enough earlier */
        CHECK_EQ(last.outcome, TRANSPORT_HANDLED);
    }
    CHECK_EQ(link_send_raw(l, record, sizeof(record)), 0);
    link_flush(l);
    (void)serve(&server);
    CHECK_EQ(last.reason, TRANSPORT_DROP_DTLS);
}

/* LIMIT_SSRCS_PER_TRANSPORT: one more is refused until one has been silent for 10 s. */
static void ssrcs_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    opened = 0;
    uint64_t before = drops(TRANSPORT_DROP_SSRCS);
    uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 1, 0};
    for (int i = 0; i <= LIMIT_SSRCS_PER_TRANSPORT; i++) {
        report[7] = (uint8_t)i;
        CHECK_EQ(link_send_rtcp(l, report, sizeof(report)), 0);
        settle(&server, l);
    }
    CHECK_EQ(opened, LIMIT_SSRCS_PER_TRANSPORT);
    CHECK_EQ(drops(TRANSPORT_DROP_SSRCS), before + 1);
    now_us += 11 * SECOND_US;
    CHECK_EQ(link_send_rtcp(l, report, sizeof(report)), 0);
    settle(&server, l);
    CHECK_EQ(opened, LIMIT_SSRCS_PER_TRANSPORT + 1);
}

/* LIMIT_ICE_PATHS: the newest stays reachable, the oldest makes way. */
static void paths_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    for (int i = 0; i < 3 * LIMIT_ICE_PATHS; i++) {
        now_us += 1000;
        CHECK_EQ(link_move(l), 0);
        settle(&server, l);
        page_opened = 0;
        CHECK_EQ(server_sends(t, (uint16_t)i, 1), 0);
        settle(&server, l);
        CHECK_EQ(page_opened, 1);
    }
}

/* A peer that can sign checks and forges another's address does not get the other's datagrams. */
static void live_path_is_not_taken(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL, *other = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CLEANUP(ice_client_destroy) struct ice_client *insider = NULL;
    connected(&t, &l);
    CHECK_EQ(add_transport(&server, &other), 0);
    struct control_ice ice, own = {"insider", "insiderspassword"};
    transport_ice(other, &ice);
    CHECK_EQ(ice_client_create(&own, &ice, &insider), 0);
    uint8_t request[ICE_STUN_MAX];
    size_t len = ice_client_request(insider, true, request, sizeof(request));
    CHECK_EQ(link_send_raw(l, request, len), 0); /* from the victim's own address */
    settle(&server, l);
    check_phase(other, CONTROL_TRANSPORT_NEW);
    opened = 0;
    CHECK_EQ(page_sends(l, 1, 5), 0);
    settle(&server, l);
    CHECK_EQ(opened, 1);

    now_us += 8 * SECOND_US; /* long unused, it may serve another */
    len = ice_client_request(insider, true, request, sizeof(request));
    CHECK_EQ(link_send_raw(l, request, len), 0);
    link_flush(l);
    (void)serve(&server);
    check_phase(other, CONTROL_TRANSPORT_ICE);
}

static void junk_is_counted(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    connected(&t, &l);
    uint64_t junk = drops(TRANSPORT_DROP_JUNK);
    for (unsigned first = 0; first < 256; first++) {
        if (first <= 3 || (first >= 20 && first <= 63) || (first >= 128 && first <= 191))
            continue;
        uint8_t bytes[40] = {(uint8_t)first};
        CHECK_EQ(link_send_raw(l, bytes, sizeof(bytes)), 0);
        junk++;
    }
    settle(&server, l);
    settle(&server, l);
    CHECK_EQ(drops(TRANSPORT_DROP_JUNK), junk);
    uint8_t dtls[] = {23, 0xfe, 0xfd, 0, 1};
    CHECK_EQ(link_send_raw(l, dtls, sizeof(dtls)), 0);
    settle(&server, l);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);
}

static void streams_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CHECK_EQ(add_transport(&server, &t), 0);
    unsigned first, stream;
    CHECK_EQ(transport_add_stream(t, 100, &first), 0);
    for (uint32_t ssrc = 101; ssrc < 104; ssrc++)
        CHECK_EQ(transport_add_stream(t, ssrc, &stream), 0);
    CHECK_EQ(transport_add_stream(t, 104, &stream), -ENOSPC);
    CHECK_EQ(transport_add_stream(t, 100, &stream), 0);
    CHECK_EQ(stream, first);
    struct transport_config config = {.directory = server.directory,
                                      .dtls = server.dtls,
                                      .stats = &server.stats,
                                      .out_streams = LIMIT_OUT_STREAMS + 1};
    struct transport *none;
    CHECK_EQ(transport_create(&config, now_us, &none), -EINVAL);
}

static void run_all(const char *address)
{
    CHECK_EQ(server_open(&server, address), 0);
    carries_media();
    phases_are_told_once();
    rtp_before_keys_is_dropped();
    wrong_certificate_fails();
    clear_media_is_refused();
    forged_and_replayed_are_refused();
    unencrypted_srtcp_is_refused();
    foreign_hello_is_ignored();
    check_without_password_is_refused();
    destination_moves_by_check_only();
    ice_restart();
    consent();
    media_is_no_consent();
    close_notify_both_ways();
    lost_flights_come_again();
    dead_handshake_ends();
    handshake_bytes_are_bounded();
    ssrcs_are_bounded();
    paths_are_bounded();
    live_path_is_not_taken();
    junk_is_counted();
    streams_are_bounded();
    server_close(&server);
}
#else
static int join_once(void)
{
    struct server s;
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    int r = server_open(&s, "127.0.0.1");
    if (r == 0)
        r = connect_page(&s, &t, &l);
    if (r == 0 && !(transport_can_send(t) && link_is_connected(l)))
        r = -EPROTO; /* keys could not be made */
    transport_destroy(STEAL(t));
    link_destroy(STEAL(l));
    server_close(&s);
    return r;
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    CHECK_EQ(join_once(), 0);
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = join_once();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        faults_fail_at(-1);
    }
#else
    run_all("127.0.0.1");
    run_all("::1");
    return 0;
#endif
}
