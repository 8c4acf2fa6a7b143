/* What strangers and dishonest pages may try: each row of the security list that a transport meets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sfu/transport.h"

#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "sfu/ice.h"
#include "unit/check.h"
#include "wire.h"

static struct wire wire;

static void check_phase(struct transport *t, enum control_transport_phase phase)
{
    CHECK_EQ(transport_phase(t), phase);
}

static uint64_t drops(enum transport_drop reason)
{
    return wire.stats.dropped[reason];
}

/* rtp_before_dtls: nothing is opened before keys are agreed and the certificate is checked. */
static void rtp_before_keys_is_dropped(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK_EQ(wire_open_link(&wire, t, &l), 0);
    wire_settle(&wire, l); /* the handshake is over, but nobody told us whom to expect */
    CHECK(link_is_connected(l));
    uint64_t before = drops(TRANSPORT_DROP_EARLY);
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    wire_settle(&wire, l);
    CHECK_EQ(drops(TRANSPORT_DROP_EARLY), before + 1);
    CHECK_EQ(wire_server_sends(t, 1, 1), -ENOTCONN);
}

/* wrong_fingerprint_derives_no_keys, whether it is announced before or after the handshake. */
static void wrong_certificate_fails(void)
{
    for (int late = 0; late < 2; late++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        uint8_t wrong[CONTROL_FINGERPRINT_LEN];
        memcpy(wrong, dtls_context_fingerprint(wire.page_dtls), sizeof(wrong));
        wrong[31] ^= 1;
        uint64_t failed = wire.stats.dtls_failed;
        CHECK_EQ(wire_add(&wire, &t), 0);
        if (!late)
            CHECK_EQ(transport_connect(t, wrong, wire_now_us), 0);
        CHECK_EQ(wire_open_link(&wire, t, &l), 0);
        wire_settle(&wire, l);
        if (late)
            CHECK_EQ(transport_connect(t, wrong, wire_now_us), 0);
        check_phase(t, CONTROL_TRANSPORT_FAILED);
        CHECK_EQ(wire.stats.dtls_failed, failed + 1);
        uint64_t before = drops(TRANSPORT_DROP_ENDED);
        CHECK_EQ(wire_page_sends(l, 1, 5), 0);
        wire_settle(&wire, l);
        CHECK_EQ(drops(TRANSPORT_DROP_ENDED), before + 1);
        CHECK_EQ(wire_server_sends(t, 1, 1), -ENOTCONN);
    }
}

/* clear_rtp_refused and clear_rtcp_refused. */
static void clear_media_is_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    uint8_t rtp[64] = {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5};
    uint8_t rtcp[64] = {0x80, 201, 0, 15};
    wire.opened = 0;
    for (size_t len = 2; len <= sizeof(rtp); len++) {
        CHECK_EQ(link_send_raw(l, rtp, len), 0);
        CHECK_EQ(link_send_raw(l, rtcp, len), 0);
    }
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 0);
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
}

/* Catches what a page seals, to play it again later. */
static size_t catch_sealed(struct wire *w, struct link *l, uint8_t *to)
{
    const struct udp_datagram *d;
    link_flush(l);
    CHECK_EQ(udp_read(w->reader, w->fd, &d), 1);
    memcpy(to, d[0].bytes, d[0].len);
    return d[0].len;
}

/* forged_srtp_tags and replayed packets end nothing and are let through never. */
static void forged_and_replayed_are_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    uint8_t sealed[128];
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    size_t len = catch_sealed(&wire, l, sealed);
    uint64_t forged = drops(TRANSPORT_DROP_FORGED), replayed = drops(TRANSPORT_DROP_REPLAYED);
    wire.opened = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t forgery[128];
        memcpy(forgery, sealed, len);
        /* Every part in turn but the first two bytes, which tell what it is. */
        forgery[2 + i % (len - 2)] ^= (uint8_t)(1 + i / (len - 2) % 255);
        CHECK_EQ(link_send_raw(l, forgery, len), 0);
        if (i % 64 == 63)
            wire_settle(&wire, l);
    }
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 0);
    CHECK_EQ(drops(TRANSPORT_DROP_FORGED), forged + 20000);

    for (int i = 0; i < 10; i++)
        CHECK_EQ(link_send_raw(l, sealed, len), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
    CHECK_EQ(drops(TRANSPORT_DROP_REPLAYED), replayed + 9);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);
}

/* RTCP sent in clear but with a trailer as SRTCP has, its E bit unset (unencrypted SRTCP). */
static void unencrypted_srtcp_is_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    uint8_t sealed[128];
    CHECK_EQ(link_send_rtcp(l, wire_report, sizeof(wire_report)), 0);
    size_t len = catch_sealed(&wire, l, sealed);
    sealed[len - 4] &= 0x7f;
    wire.opened = 0;
    CHECK_EQ(link_send_raw(l, sealed, len), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 0);
    sealed[len - 4] |= 0x80;
    CHECK_EQ(link_send_raw(l, sealed, len), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
}

/* dtls_hello_from_another_address: the join succeeds under a spray of foreign hellos, and the
 * sprayer hears not one byte. */
static void foreign_hello_is_ignored(void)
{
    CLEANUP(link_destroy) struct link *stranger = NULL;
    CLEANUP(dtls_destroy) struct dtls *hello = NULL;
    struct control_ice none = {"nobody", "nobodyspasswordnobodys"};
    CHECK_EQ(link_create(wire.page_dtls, &none, &wire.address, &stranger), 0);
    CHECK_EQ(dtls_create(wire.page_dtls, DTLS_CLIENT, &hello), 0);
    dtls_start(hello, wire_now_us);
    size_t len;
    const uint8_t *bytes = dtls_next_datagram(hello, &len);
    CHECK(bytes && bytes[0] == 22);

    for (int join = 0; join < 100; join++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        uint64_t unknown = wire.unknown;
        CHECK_EQ(wire_add(&wire, &t), 0);
        CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
        CHECK_EQ(wire_open_link(&wire, t, &l), 0);
        (void)link_tick(l, wire_now_us);
        for (int round = 0; !link_is_connected(l); round++) {
            CHECK(round < 20);
            CHECK_EQ(link_send_raw(stranger, bytes, len), 0);
            link_flush(stranger);
            (void)wire_serve(&wire);
            (void)wire_step_page(&wire, l);
        }
        wire_settle(&wire, l);
        CHECK(wire.unknown > unknown);
        check_phase(t, CONTROL_TRANSPORT_CONNECTED);
        /* Also when it is handed to the transport itself. */
        struct address elsewhere;
        CHECK_EQ(address_from_text("127.0.0.9", 9, &elsewhere), 0);
        struct path from = {.via = wire.queue, .remote = elsewhere};
        wire.last = transport_receive(t, &from, bytes, len, wire.plain, wire_now_us);
        CHECK_EQ(wire.last.reason, TRANSPORT_DROP_FOREIGN);
    }
    const struct udp_datagram *d;
    CHECK_EQ(udp_read(wire.reader, link_fd(stranger), &d), 0);
}

/* stun_without_password: no answer, no path, counted. */
static void check_without_password_is_refused(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(wire_add(&wire, &t), 0);
    struct control_ice ice;
    transport_ice(t, &ice);
    ice.password[0] ^= 1;
    CHECK_EQ(link_create(wire.page_dtls, &ice, &wire.address, &l), 0);
    uint64_t before = drops(TRANSPORT_DROP_STUN);
    wire_settle(&wire, l);
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
    wire_connected(&wire, &t, &l);
    CHECK_EQ(link_move(l), 0);
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    uint64_t unknown = wire.unknown;
    wire.opened = wire.page_opened = 0;
    link_flush(l);
    (void)wire_serve(&wire);
    CHECK_EQ(wire.unknown, unknown + 1);
    CHECK_EQ(wire.opened, 0);
    CHECK_EQ(wire_server_sends(t, 1, 1), 0);
    (void)wire_serve(&wire);
    (void)wire_step_page(&wire, l);
    CHECK_EQ(wire.page_opened, 0);

    wire_settle(&wire, l); /* the check goes out from the new address */
    CHECK_EQ(wire_page_sends(l, 2, 5), 0);
    CHECK_EQ(wire_server_sends(t, 2, 1), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
    CHECK_EQ(wire.page_opened, 1);
}

static void handshake_bytes_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK_EQ(wire_open_link(&wire, t, &l), 0);
    (void)link_tick(l, wire_now_us);
    (void)wire_serve(&wire);
    uint8_t record[1000] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0xdb};
    for (int i = 0; i < LIMIT_DTLS_HANDSHAKE_BYTES / 1000; i++) {
        CHECK_EQ(link_send_raw(l, record, sizeof(record)), 0);
        link_flush(l);
        (void)wire_serve(&wire);
        if (transport_phase(t) != CONTROL_TRANSPORT_ICE)
            return; /* OpenSSL had enough earlier */
        CHECK_EQ(wire.last.outcome, TRANSPORT_HANDLED);
    }
    CHECK_EQ(link_send_raw(l, record, sizeof(record)), 0);
    link_flush(l);
    (void)wire_serve(&wire);
    CHECK_EQ(wire.last.reason, TRANSPORT_DROP_DTLS);
}

/* LIMIT_SSRCS_PER_TRANSPORT: one more is refused until one has been silent for 10 s. */
static void ssrcs_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    wire.opened = 0;
    uint64_t before = drops(TRANSPORT_DROP_SSRCS);
    uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 1, 0};
    for (int i = 0; i <= LIMIT_SSRCS_PER_TRANSPORT; i++) {
        report[7] = (uint8_t)i;
        CHECK_EQ(link_send_rtcp(l, report, sizeof(report)), 0);
        wire_settle(&wire, l);
    }
    CHECK_EQ(wire.opened, LIMIT_SSRCS_PER_TRANSPORT);
    CHECK_EQ(drops(TRANSPORT_DROP_SSRCS), before + 1);
    wire_now_us += 11 * SECOND_US;
    CHECK_EQ(link_send_rtcp(l, report, sizeof(report)), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, LIMIT_SSRCS_PER_TRANSPORT + 1);
}

/* LIMIT_ICE_PATHS: the newest stays reachable, the oldest makes way. */
static void paths_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    for (int i = 0; i < 3 * LIMIT_ICE_PATHS; i++) {
        wire_now_us += 1000;
        CHECK_EQ(link_move(l), 0);
        wire_settle(&wire, l);
        wire.page_opened = 0;
        CHECK_EQ(wire_server_sends(t, (uint16_t)i, 1), 0);
        wire_settle(&wire, l);
        CHECK_EQ(wire.page_opened, 1);
    }
}

/* A peer that can sign checks and forges another's address does not get the other's datagrams. */
static void live_path_is_not_taken(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL, *other = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CLEANUP(ice_client_destroy) struct ice_client *insider = NULL;
    wire_connected(&wire, &t, &l);
    CHECK_EQ(wire_add(&wire, &other), 0);
    struct control_ice ice, own = {"insider", "insiderspassword"};
    transport_ice(other, &ice);
    CHECK_EQ(ice_client_create(&own, &ice, &insider), 0);
    uint8_t request[ICE_STUN_MAX];
    size_t len = ice_client_request(insider, true, request, sizeof(request));
    CHECK_EQ(link_send_raw(l, request, len), 0); /* from the victim's own address */
    wire_settle(&wire, l);
    check_phase(other, CONTROL_TRANSPORT_NEW);
    wire.opened = 0;
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);

    wire_now_us += 8 * SECOND_US; /* long unused, it may serve another */
    len = ice_client_request(insider, true, request, sizeof(request));
    CHECK_EQ(link_send_raw(l, request, len), 0);
    link_flush(l);
    (void)wire_serve(&wire);
    check_phase(other, CONTROL_TRANSPORT_ICE);
}

/* Its media alone holds a path; one that another did take comes back with the next check, so that
 * the checks are not answered for ever while the media is the other's junk. */
static void taken_path_comes_back(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CLEANUP(ice_client_destroy) struct ice_client *insider = NULL;
    struct transport *other = NULL;
    wire_connected(&wire, &t, &l);
    CHECK_EQ(wire_add(&wire, &other), 0);
    struct control_ice ice, own = {"insider", "insiderspassword"};
    transport_ice(other, &ice);
    CHECK_EQ(ice_client_create(&own, &ice, &insider), 0);
    uint8_t request[ICE_STUN_MAX];
    wire_now_us += 5 * SECOND_US;
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    link_flush(l);
    (void)wire_serve(&wire); /* without a check of the page's */
    wire_now_us += 5 * SECOND_US;
    size_t len = ice_client_request(insider, true, request, sizeof(request));
    CHECK_EQ(link_send_raw(l, request, len), 0);
    link_flush(l);
    (void)wire_serve(&wire);
    check_phase(other, CONTROL_TRANSPORT_NEW);

    wire_now_us += 8 * SECOND_US;
    len = ice_client_request(insider, true, request, sizeof(request));
    CHECK_EQ(link_send_raw(l, request, len), 0);
    link_flush(l);
    (void)wire_serve(&wire);
    check_phase(other, CONTROL_TRANSPORT_ICE);
    transport_destroy(other);
    wire_pass(&wire, t, l, 6 * SECOND_US);
    wire.opened = 0;
    CHECK_EQ(wire_page_sends(l, 2, 5), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
}

static void junk_is_counted(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    uint64_t junk = drops(TRANSPORT_DROP_JUNK);
    for (unsigned first = 0; first < 256; first++) {
        if (first <= 3 || (first >= 20 && first <= 63) || (first >= 128 && first <= 191))
            continue;
        uint8_t bytes[40] = {(uint8_t)first};
        CHECK_EQ(link_send_raw(l, bytes, sizeof(bytes)), 0);
        junk++;
    }
    wire_settle(&wire, l);
    wire_settle(&wire, l);
    CHECK_EQ(drops(TRANSPORT_DROP_JUNK), junk);
    uint8_t dtls[] = {23, 0xfe, 0xfd, 0, 1};
    CHECK_EQ(link_send_raw(l, dtls, sizeof(dtls)), 0);
    wire_settle(&wire, l);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);
}

static void run_all(const char *address)
{
    CHECK_EQ(wire_open(&wire, address), 0);
    rtp_before_keys_is_dropped();
    wrong_certificate_fails();
    clear_media_is_refused();
    forged_and_replayed_are_refused();
    unencrypted_srtcp_is_refused();
    foreign_hello_is_ignored();
    check_without_password_is_refused();
    destination_moves_by_check_only();
    handshake_bytes_are_bounded();
    ssrcs_are_bounded();
    paths_are_bounded();
    live_path_is_not_taken();
    taken_path_comes_back();
    junk_is_counted();
    wire_close(&wire);
}

int main(void)
{
    run_all("127.0.0.1");
    run_all("::1");
    return 0;
}
