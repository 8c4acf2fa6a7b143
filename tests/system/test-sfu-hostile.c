/* The real media core under bad input, from strangers and from its own pages: everything is counted
 * and dropped, and the hearing beside it goes on without one packet lost.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "peer/crowd.h"
#include "sfu/ice.h"
#include "sfu/udp.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define HEARING   0x4ea2ull

enum { SPEAKER, LISTENER, ATTACKER, PEOPLE };
enum { STREAM = 0x77, FLOW = 0x88, SPEAKER_SSRC = 4711 };

static struct desk *desk;
static struct crowd *crowd;
static struct page *pages[PEOPLE];

static void join(int who)
{
    struct control_peer_add add = {.hearing = HEARING,
                                   .peer = 0xa0u + (unsigned)who,
                                   .role = CONTROL_ROLE_PARTY,
                                   .room = 1,
                                   .seats = 2};
    CHECK_EQ(crowd_admit(crowd, &add, &pages[who]), 0);
}

static void publish_and_watch(void)
{
    struct flow_options video = {.kind = CONTROL_VIDEO,
                                 .id = FLOW,
                                 .ssrc = SPEAKER_SSRC,
                                 .payload_type = 96,
                                 .ext_transport_cc = 4,
                                 .packets_per_frame = 4,
                                 .frames_per_s = 25,
                                 .payload_len = 900};
    CHECK_EQ(page_publish(crowd, pages[SPEAKER], STREAM, &video), 0);
    CHECK_EQ(page_watch(crowd, pages[LISTENER], 0, CONTROL_VIDEO, STREAM), 0);
}

static const struct page_inbound *heard(void)
{
    return page_seat(pages[LISTENER], 0, CONTROL_VIDEO);
}

/* Two fresh sets of metrics: what happened before this call is in the second. */
static void fresh_metrics(void)
{
    uint64_t wanted = desk_metrics_count(desk) + 2, end_us = clock_now_us() + 5 * SECOND_US;
    while (desk_metrics_count(desk) < wanted)
        CHECK(crowd_step(crowd, end_us));
}

static void until_heard(uint64_t more)
{
    uint64_t wanted = (heard() ? heard()->packets : 0) + more,
             end_us = clock_now_us() + 10 * SECOND_US;
    while (!heard() || heard()->packets < wanted)
        CHECK(crowd_step(crowd, end_us));
}

/* The hearing goes on: more comes, all of it whole, in order and the speaker's. */
static void check_unharmed(void)
{
    until_heard(20);
    CHECK_EQ(heard()->flow, FLOW);
    CHECK_EQ(heard()->lost, 0);
    CHECK_EQ(heard()->skipped, 0);
    CHECK_EQ(heard()->bad, 0);
    CHECK_EQ(heard()->opened, heard()->packets);
    CHECK_EQ(heard()->switches, 0);
}

/* A socket of nobody's. */
struct stranger {
    int fd;
    struct send_queue *queue;
    struct udp_reader *reader;
    struct address core;
};

static void stranger_open(struct stranger *s)
{
    struct address any;
    const struct control_candidate *c = &pages[SPEAKER]->ready.candidates[0];
    CHECK_EQ(address_from_text("127.0.0.1", 0, &any), 0);
    CHECK_EQ(address_from_text(c->address, c->port, &s->core), 0);
    s->fd = udp_open(&any);
    CHECK(s->fd >= 0);
    CHECK_EQ(send_queue_create(s->fd, NULL, &s->queue), 0);
    CHECK_EQ(udp_reader_create(&s->reader), 0);
}

static void stranger_close(struct stranger *s)
{
    send_queue_destroy(s->queue);
    udp_reader_destroy(s->reader);
    close(s->fd);
}

static void stranger_sends(struct stranger *s, const uint8_t *bytes, size_t len)
{
    uint8_t *room = send_reserve(s->queue);
    CHECK(room);
    memcpy(room, bytes, len);
    send_commit(s->queue, &s->core, len);
}

/* Sends what waits, and lets the hearing go on meanwhile. */
static void breathe(struct stranger *s)
{
    CHECK(send_flush(s->queue));
    crowd_run(crowd, 2000);
}

static void check_no_answer(struct stranger *s)
{
    const struct udp_datagram *d;
    CHECK_EQ(udp_read(s->reader, s->fd, &d), 0);
}

/* Datagrams of every first byte and of many lengths from somebody unknown: not one answer. */
static void junk_from_a_stranger(struct stranger *s)
{
    fresh_metrics();
    uint64_t before = desk_metric(desk, CONTROL_METRIC_DROPPED_JUNK) +
                      desk_metric(desk, CONTROL_METRIC_STUN_REFUSED);
    uint8_t bytes[1500];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 89 + 3);
    for (unsigned i = 0; i < 5120; i++) {
        bytes[0] = (uint8_t)i;
        stranger_sends(s, bytes, 1 + i * 7 % sizeof(bytes));
        if (i % 256 == 255)
            breathe(s);
    }
    fresh_metrics();
    CHECK_EQ(desk_metric(desk, CONTROL_METRIC_DROPPED_JUNK) +
                 desk_metric(desk, CONTROL_METRIC_STUN_REFUSED),
             before + 5120);
    check_no_answer(s);
    check_unharmed();
}

/* stun_flood: checks for the right user name without its password. */
static void checks_without_the_password(struct stranger *s)
{
    CLEANUP(ice_client_destroy) struct ice_client *forger = NULL;
    struct control_ice own = {"forger", "forgerspassword"},
                       victim = pages[SPEAKER]->ready.ice[CONTROL_UP];
    memset(victim.password, 'x', strlen(victim.password));
    CHECK_EQ(ice_client_create(&own, &victim, &forger), 0);
    uint8_t check[ICE_STUN_MAX];
    size_t len = ice_client_request(forger, true, check, sizeof(check));
    CHECK(len > 0);
    fresh_metrics();
    uint64_t before = desk_metric(desk, CONTROL_METRIC_STUN_REFUSED);
    for (unsigned i = 0; i < 20000; i++) {
        stranger_sends(s, check, len);
        if (i % 500 == 499)
            breathe(s);
    }
    fresh_metrics();
    CHECK(desk_metric(desk, CONTROL_METRIC_STUN_REFUSED) >= before + 19000);
    check_no_answer(s);
    check_unharmed();
}

/* rtp_from_another_address: the speaker's own sealed packets, played by somebody else. */
static void speakers_packets_from_elsewhere(struct stranger *s)
{
    uint8_t rtp[60] = {0x80, 96, 0xff, 0, 0, 0, 0, 0, 0, 0, SPEAKER_SSRC >> 8, SPEAKER_SSRC & 255};
    for (unsigned i = 0; i < 1000; i++) {
        rtp[3] = (uint8_t)i;
        stranger_sends(s, rtp, sizeof(rtp));
    }
    breathe(s);
    check_no_answer(s);
    check_unharmed();
}

/* rtp_with_another_peers_ssrc: properly sealed by a page of the same room, and still not forwarded:
 * a stream is what its own publisher sends. */
static void another_peers_ssrc(void)
{
    fresh_metrics();
    uint64_t before = desk_metric(desk, CONTROL_METRIC_DROPPED_UNROUTED);
    uint64_t strays = pages[LISTENER]->strays;
    struct flow fake;
    struct flow_options options = {.kind = CONTROL_VIDEO,
                                   .id = 666,
                                   .ssrc = SPEAKER_SSRC,
                                   .payload_type = 96,
                                   .packets_per_frame = 500,
                                   .frames_per_s = 1,
                                   .payload_len = 900};
    flow_init(&fake, &options, clock_now_us());
    struct flow_packet packet;
    uint16_t transport_seq = 0;
    for (unsigned i = 0; i < 500; i++) {
        CHECK(flow_next(&fake, clock_now_us(), &transport_seq, &packet));
        struct seal_packet parts = {.header = packet.header,
                                    .header_len = packet.header_len,
                                    .payload = packet.payload,
                                    .payload_len = packet.payload_len};
        CHECK_EQ(link_send_rtp(pages[ATTACKER]->links[CONTROL_UP], &parts), 0);
        if (i % 50 == 49) {
            link_flush(pages[ATTACKER]->links[CONTROL_UP]);
            crowd_run(crowd, 2000);
        }
    }
    fresh_metrics();
    CHECK_EQ(desk_metric(desk, CONTROL_METRIC_DROPPED_UNROUTED), before + 500);
    CHECK_EQ(pages[LISTENER]->strays, strays);
    check_unharmed();
}

/* forged_srtp, and clear RTP and RTCP, from a page's own proven address. */
static void forged_and_clear_from_a_page(void)
{
    fresh_metrics();
    uint64_t before = desk_metric(desk, CONTROL_METRIC_DROPPED_FORGED);
    uint8_t rtp[200] = {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, SPEAKER_SSRC >> 8, SPEAKER_SSRC & 255};
    uint8_t rtcp[200] = {0x80, 201, 0, 49};
    struct link *l = pages[ATTACKER]->links[CONTROL_UP];
    for (unsigned i = 0; i < 2000; i++) {
        rtp[3] = (uint8_t)i;
        rtp[100] = (uint8_t)(i >> 8);
        CHECK_EQ(link_send_raw(l, rtp, sizeof(rtp)), 0);
        CHECK_EQ(link_send_raw(l, rtcp, sizeof(rtcp)), 0);
        if (i % 100 == 99) {
            link_flush(l);
            crowd_run(crowd, 2000);
        }
    }
    fresh_metrics();
    CHECK_EQ(desk_metric(desk, CONTROL_METRIC_DROPPED_FORGED), before + 4000);
    CHECK(page_is_connected(pages[ATTACKER]));
    check_unharmed();
}

/* Authentic RTCP whose lengths lie, and RTP whose extensions and padding do. */
static void lying_packets_from_a_page(void)
{
    struct link *links[] = {pages[ATTACKER]->links[CONTROL_UP],
                            pages[ATTACKER]->links[CONTROL_DOWN]};
    uint32_t seed = 12345;
    for (unsigned i = 0; i < 4000; i++) {
        uint8_t bytes[120];
        size_t len = 12 + i % (sizeof(bytes) - 12);
        for (size_t k = 0; k < len; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[k] = (uint8_t)(seed >> 24);
        }
        bytes[0] = (uint8_t)(0x80 | (bytes[0] & 0x3f));
        if (i % 2) {
            bytes[1] = (uint8_t)(200 + i / 2 % 8);
            (void)link_send_rtcp(links[i / 2 % 2], bytes, len);
        } else {
            bytes[1] = 96;
            bytes[2] = (uint8_t)(i >> 8);
            bytes[3] = (uint8_t)i;
            memset(bytes + 8, 9, 4);
            struct seal_packet p = {
                .header = bytes, .header_len = 12, .payload = bytes + 12, .payload_len = len - 12};
            CHECK_EQ(link_send_rtp(links[0], &p), 0);
        }
        if (i % 100 == 99) {
            link_flush(links[0]);
            link_flush(links[1]);
            crowd_run(crowd, 2000);
        }
    }
    check_unharmed();
}

/* rtp_before_dtls: a page that has proven its address sends media before its handshake. */
static void rtp_before_dtls(void)
{
    struct control_message m = {.type = CONTROL_PEER_ADD,
                                .peer_add = {.hearing = HEARING,
                                             .peer = 0xee,
                                             .role = CONTROL_ROLE_PARTY,
                                             .room = 1,
                                             .seats = 1}},
                           answer;
    CHECK_EQ(desk_ask(desk, &m, &answer), 0);
    struct stranger s;
    stranger_open(&s);
    /* The new peer's hearing is on the same worker, hence the same port. */
    CLEANUP(ice_client_destroy) struct ice_client *page = NULL;
    struct control_ice own = {"early", "earlyspassword"};
    CHECK_EQ(ice_client_create(&own, &answer.peer_ready.ice[CONTROL_UP], &page), 0);
    uint8_t check[ICE_STUN_MAX];
    stranger_sends(&s, check, ice_client_request(page, true, check, sizeof(check)));
    CHECK(send_flush(s.queue));
    const struct udp_datagram *d;
    uint64_t end_us = clock_now_us() + 5 * SECOND_US;
    while (udp_read(s.reader, s.fd, &d) == 0)
        CHECK(crowd_step(crowd, clock_now_us() + 1000) || clock_now_us() < end_us);
    struct address mapped;
    CHECK_EQ(ice_client_response(page, d[0].bytes, d[0].len, &mapped), 0);

    fresh_metrics();
    uint64_t before = desk_metric(desk, CONTROL_METRIC_DROPPED_JUNK);
    uint8_t rtp[100] = {0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, SPEAKER_SSRC >> 8, SPEAKER_SSRC & 255};
    uint8_t rtcp[100] = {0x80, 200, 0, 24};
    for (unsigned i = 0; i < 200; i++) {
        rtp[3] = (uint8_t)i;
        stranger_sends(&s, rtp, sizeof(rtp));
        stranger_sends(&s, rtcp, sizeof(rtcp));
    }
    breathe(&s);
    fresh_metrics();
    CHECK_EQ(desk_metric(desk, CONTROL_METRIC_DROPPED_JUNK), before + 400);
    check_unharmed();
    check_no_answer(&s);
    stranger_close(&s);
    m = (struct control_message){.type = CONTROL_PEER_REMOVE,
                                 .peer = {.hearing = HEARING, .peer = 0xee}};
    CHECK_EQ(desk_ask(desk, &m, NULL), 0);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    const struct crowd_options options = {
        .pages_max = PEOPLE, .open_every = 1, .reports = true, .nacks = true};
    CHECK_EQ(desk_start(argv[1], 1, &desk), 0);
    CHECK_EQ(crowd_create(desk, &options, &crowd), 0);
    CHECK_EQ(desk_open_hearing(desk, HEARING, -1), 0);
    for (int i = 0; i < PEOPLE; i++)
        join(i);
    publish_and_watch();
    check_unharmed();
    struct stranger s;
    stranger_open(&s);
    junk_from_a_stranger(&s);
    checks_without_the_password(&s);
    speakers_packets_from_elsewhere(&s);
    another_peers_ssrc();
    forged_and_clear_from_a_page();
    lying_packets_from_a_page();
    rtp_before_dtls();
    stranger_close(&s);
    crowd_destroy(crowd);
    CHECK_EQ(desk_end(desk), 0);
    return 0;
}
