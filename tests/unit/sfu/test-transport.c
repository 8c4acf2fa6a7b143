/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/transport.h"

#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "sfu/paths.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif
#include "wire.h"

#ifndef TEST_FAULTS

static struct wire wire;

static void check_phase(struct transport *t, enum control_transport_phase phase)
{
    CHECK_EQ(transport_phase(t), phase);
}

/* Media and reports flow both ways, over IPv4 and over IPv6. */
static void carries_media(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    CHECK_EQ(wire.stats.dtls_connected, 1);

    wire.opened = wire.page_opened = 0;
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
    CHECK_EQ(wire.last.outcome, TRANSPORT_RTP);
    CHECK_EQ(wire.last.len, 12 + 7);
    CHECK(memcmp(wire.plain + 12, "hear me", 7) == 0);
    CHECK_EQ(link_send_rtcp(l, wire_report, sizeof(wire_report)), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.last.outcome, TRANSPORT_RTCP);
    CHECK_EQ(wire.last.len, sizeof(wire_report));

    CHECK_EQ(wire_server_sends(t, 7, 5), 0);
    CHECK_EQ(transport_send_rtcp(t, wire_report, sizeof(wire_report)), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.page_opened, 2);
    CHECK_EQ(wire.page_len, sizeof(wire_report));
}

static void phases_are_told_once(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    enum control_transport_phase phase;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK(!transport_take_phase(t, &phase));
    CHECK_EQ(wire_open_link(&wire, t, &l), 0);
    wire_settle(&wire, l);
    CHECK(transport_take_phase(t, &phase));
    CHECK_EQ(phase, CONTROL_TRANSPORT_ICE);
    CHECK(!transport_take_phase(t, &phase));
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
    CHECK(transport_take_phase(t, &phase));
    CHECK_EQ(phase, CONTROL_TRANSPORT_CONNECTED);
    /* Repeated requests do no harm; another certificate is refused. */
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
    CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.dtls), wire_now_us), -EALREADY);
}

/* After an ICE restart the old credentials live until the new ones are used, then no more. */
static void ice_restart(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    struct control_ice old, fresh, fresher;
    transport_ice(t, &old);
    CHECK_EQ(transport_restart(t, &fresh), 0);
    CHECK(strcmp(old.ufrag, fresh.ufrag) != 0);
    CHECK_EQ(transport_restart(t, &fresher), 0);

    wire_now_us += 3 * SECOND_US; /* the page goes on with the old ones */
    uint64_t answered = link_stats(l)->checks_answered;
    wire_settle(&wire, l);
    CHECK_EQ(link_stats(l)->checks_answered, answered + 1);

    CLEANUP(link_destroy) struct link *dead = NULL;
    CHECK_EQ(link_create(wire.page_dtls, &fresh, &wire.address, &dead), 0);
    wire_settle(&wire, dead); /* the ones that a second restart replaced */
    CHECK_EQ(link_stats(dead)->checks_answered, 0);

    CHECK_EQ(link_move(l), 0);
    CHECK_EQ(link_restart(l, &fresher), 0);
    wire_settle(&wire, l);
    wire.opened = wire.page_opened = 0;
    CHECK_EQ(wire_page_sends(l, 9, 5), 0);
    CHECK_EQ(wire_server_sends(t, 9, 1), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 1);
    CHECK_EQ(wire.page_opened, 1);

    /* dead_pair_after_restart */
    CHECK_EQ(link_restart(dead, &old), 0);
    wire_settle(&wire, dead);
    CHECK_EQ(link_stats(dead)->checks_answered, 0);
}

/* consent_expiry: 30 s without a check and nothing is sent any more, until an ICE restart. */
static void consent(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    wire_pass(&wire, t, l, 120 * SECOND_US); /* checks keep it alive */
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);

    wire_pass(&wire, t, NULL, 8 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_SILENT);
    CHECK_EQ(wire_server_sends(t, 1, 1), 0);
    CHECK_EQ(wire_page_sends(l, 1, 5), 0);
    wire_settle(&wire, l);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);

    wire_pass(&wire, t, NULL, 29 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_SILENT);
    CHECK_EQ(wire_server_sends(t, 2, 1), 0);
    wire_pass(&wire, t, NULL, 2 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_EXPIRED);
    CHECK_EQ(wire_server_sends(t, 3, 1), -ENOTCONN);
    CHECK_EQ(transport_send_rtcp(t, wire_report, sizeof(wire_report)), -ENOTCONN);
    CHECK_EQ(transport_tick(t, wire_now_us), UINT64_MAX);

    wire.opened = 0; /* neither media nor checks of old bring it back */
    CHECK_EQ(wire_page_sends(l, 2, 5), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.opened, 0);
    check_phase(t, CONTROL_TRANSPORT_EXPIRED);

    struct control_ice fresh;
    CHECK_EQ(transport_restart(t, &fresh), 0);
    CHECK_EQ(link_restart(l, &fresh), 0);
    wire_settle(&wire, l);
    check_phase(t, CONTROL_TRANSPORT_CONNECTED);
    wire.page_opened = 0;
    CHECK_EQ(wire_server_sends(t, 4, 1), 0);
    wire_settle(&wire, l);
    CHECK_EQ(wire.page_opened, 1);
}

/* Media alone is no consent (RFC 7675), but it is no silence either. */
static void media_is_no_consent(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    for (uint16_t i = 0; i < 29; i++) {
        wire_now_us += SECOND_US;
        CHECK_EQ(wire_page_sends(l, i, 5), 0);
        link_flush(l);
        (void)wire_serve(&wire);
        (void)transport_tick(t, wire_now_us);
        check_phase(t, CONTROL_TRANSPORT_CONNECTED);
    }
    wire_now_us += SECOND_US;
    (void)transport_tick(t, wire_now_us);
    check_phase(t, CONTROL_TRANSPORT_EXPIRED);
}

/* Whether what is sent to the page now reaches it where it is, and not before it says so. */
static bool reaches(struct transport *t, struct link *l, uint16_t seq)
{
    wire.page_opened = 0;
    CHECK_EQ(wire_server_sends(t, seq, 1), 0);
    (void)wire_serve(&wire);
    (void)wire_step_page(&wire, l);
    return wire.page_opened == 1;
}

/* A NAT began anew: the page is where its checks come from, though they do not nominate. By its
 * next check, or sooner by what it sends besides. */
static void nat_forgets(void)
{
    for (int media = 0; media < 2; media++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        wire_connected(&wire, &t, &l);
        link_nominates(l, false);
        wire_pass(&wire, t, l, 20 * SECOND_US);
        CHECK(reaches(t, l, 1));
        CHECK_EQ(link_move(l), 0);
        wire_now_us += SECOND_US;
        wire_settle(&wire, l); /* a check that may be of another path just as well */
        CHECK(!reaches(t, l, 2));
        wire_now_us += PATHS_STALE_US;
        CHECK(!reaches(t, l, 3));
        if (media) {
            CHECK_EQ(wire_page_sends(l, 1, 5), 0);
            (void)wire_step_page(&wire, l);
            (void)wire_serve(&wire);
        } else {
            wire_settle(&wire, l);
        }
        CHECK(reaches(t, l, 4));
    }
}

/* Checks that do not nominate take nothing from a path that is in use. */
static void spare_path_stays_spare(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CLEANUP(link_destroy) struct link *spare = NULL;
    wire_connected(&wire, &t, &l);
    CHECK_EQ(wire_open_link(&wire, t, &spare), 0);
    link_nominates(spare, false);
    for (uint16_t i = 0; i < 100; i++) {
        wire_now_us += SECOND_US / 2;
        (void)link_tick(spare, wire_now_us);
        (void)wire_serve(&wire);
        wire_settle(&wire, l);
        CHECK(reaches(t, l, i));
    }
    CHECK(link_stats(spare)->checks_sent > 10);
}

static void close_notify_both_ways(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    wire_connected(&wire, &t, &l);
    link_close(l);
    wire_settle(&wire, l);
    check_phase(t, CONTROL_TRANSPORT_CLOSED);
    CHECK_EQ(wire_server_sends(t, 1, 1), -ENOTCONN);

    struct transport *t2 = NULL;
    CLEANUP(link_destroy) struct link *l2 = NULL;
    wire_connected(&wire, &t2, &l2);
    CHECK(!link_is_closed(l2));
    transport_destroy(t2);
    wire_settle(&wire, l2);
    CHECK(link_is_closed(l2));
}

/* Whatever flight is lost, both sides send it again in time. */
static void lost_flights_come_again(void)
{
    for (int lost = 0; lost < 8; lost++) {
        CLEANUP(transport_destroy) struct transport *t = NULL;
        CLEANUP(link_destroy) struct link *l = NULL;
        CHECK_EQ(wire_add(&wire, &t), 0);
        CHECK_EQ(transport_connect(t, dtls_context_fingerprint(wire.page_dtls), wire_now_us), 0);
        CHECK_EQ(wire_open_link(&wire, t, &l), 0);
        for (int round = 0; round < 200 && !(link_is_connected(l) && transport_can_send(t));
             round++) {
            wire.deaf = round == lost;
            (void)link_tick(l, wire_now_us);
            (void)wire_serve(&wire);
            if (round == lost + 1) { /* and the other way */
                const struct udp_datagram *d;
                (void)udp_read(wire.reader, link_fd(l), &d);
            } else {
                (void)wire_step_page(&wire, l);
            }
            wire_now_us += 20000;
            (void)transport_tick(t, wire_now_us);
            CHECK(send_flush(wire.queue));
        }
        check_phase(t, CONTROL_TRANSPORT_CONNECTED);
        CHECK(link_is_connected(l));
    }
    wire.deaf = false;
}

/* A handshake that goes nowhere ends by itself. */
static void dead_handshake_ends(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    CHECK_EQ(wire_add(&wire, &t), 0);
    CHECK_EQ(wire_open_link(&wire, t, &l), 0);
    (void)link_tick(l, wire_now_us);
    (void)wire_serve(&wire);
    (void)wire_step_page(&wire, l); /* proven; the hello goes out */
    (void)wire_serve(&wire);
    check_phase(t, CONTROL_TRANSPORT_ICE);
    uint64_t failed = wire.stats.dtls_failed;
    wire_pass(&wire, t, NULL, 29 * SECOND_US);
    check_phase(t, CONTROL_TRANSPORT_FAILED);
    CHECK_EQ(wire.stats.dtls_failed, failed + 1);
}

static void streams_are_bounded(void)
{
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CHECK_EQ(wire_add(&wire, &t), 0);
    unsigned first, stream;
    CHECK_EQ(transport_add_stream(t, 100, &first), 0);
    for (uint32_t ssrc = 101; ssrc < 104; ssrc++)
        CHECK_EQ(transport_add_stream(t, ssrc, &stream), 0);
    CHECK_EQ(transport_add_stream(t, 104, &stream), -ENOSPC);
    CHECK_EQ(transport_add_stream(t, 100, &stream), 0);
    CHECK_EQ(stream, first);
    struct transport_config config = {.directory = wire.directory,
                                      .dtls = wire.dtls,
                                      .stats = &wire.stats,
                                      .out_streams = LIMIT_OUT_STREAMS + 1};
    struct transport *none;
    CHECK_EQ(transport_create(&config, wire_now_us, &none), -EINVAL);
}

static void run_all(const char *address)
{
    CHECK_EQ(wire_open(&wire, address), 0);
    carries_media();
    phases_are_told_once();
    ice_restart();
    consent();
    media_is_no_consent();
    nat_forgets();
    spare_path_stays_spare();
    close_notify_both_ways();
    lost_flights_come_again();
    dead_handshake_ends();
    streams_are_bounded();
    wire_close(&wire);
}
#else
static int join_once(void)
{
    struct wire w;
    CLEANUP(transport_destroy) struct transport *t = NULL;
    CLEANUP(link_destroy) struct link *l = NULL;
    int r = wire_open(&w, "127.0.0.1");
    if (r == 0)
        r = wire_connect(&w, &t, &l);
    if (r == 0 && !(transport_can_send(t) && link_is_connected(l)))
        r = -EPROTO; /* keys could not be made */
    transport_destroy(STEAL(t));
    link_destroy(STEAL(l));
    wire_close(&w);
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
