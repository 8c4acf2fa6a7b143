/* The real media core with a page over TCP and strangers at its TCP port: connections that are
 * reset under streaming media, a page that does not read, garbage, slow loris, thousands of
 * connections. The hearing beside it, over UDP, goes on without one packet lost.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "peer/crowd.h"
#include "peer/tunnel.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define HEARING   0x4ea2ull
#define STRANGERS (LIMIT_TCP_LINKS + 500)

enum { SPEAKER, LISTENER, WALLED, PEOPLE }; /* the last is behind a firewall */

static struct desk *desk;
static struct crowd *crowd;
static struct page *pages[PEOPLE];
static struct tunnel tunnels[CONTROL_DIRECTION_COUNT];
static struct address tcp;

static void join(int who)
{
    const struct control_peer_add add = {.hearing = HEARING,
                                         .peer = 0xa0u + (unsigned)who,
                                         .role = CONTROL_ROLE_PARTY,
                                         .room = 1,
                                         .seats = 2};
    CHECK_EQ(crowd_join(crowd, &add, &pages[who]), 0);
}

static void find_tcp(void)
{
    const struct control_peer_ready *ready = &pages[SPEAKER]->ready;
    CHECK_EQ(ready->candidate_count, 2);
    CHECK(!ready->candidates[0].tcp && ready->candidates[1].tcp);
    CHECK_EQ(address_from_text(ready->candidates[1].address, ready->candidates[1].port, &tcp), 0);
}

/* The walled page's next connection for each of its transports. */
static void dial(void)
{
    for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++) {
        CHECK_EQ(tunnel_open(&tunnels[d], &tcp, NULL), 0);
        CHECK_EQ(
            link_meet(pages[WALLED]->links[d], &pages[WALLED]->ready.ice[d], &tunnels[d].front), 0);
        pages[WALLED]->due_us = 0; /* it checks at once */
    }
}

/* All go on for a while; what the walled page is sent waits where `reads` is not. */
static void run_for(uint64_t us, bool reads)
{
    for (uint64_t end_us = clock_now_us() + us; clock_now_us() < end_us;) {
        crowd_run(crowd, 2000);
        for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++)
            if (reads && tunnels[d].tcp_fd >= 0)
                (void)tunnel_pump(&tunnels[d]);
    }
}

static uint64_t packets(int who, uint8_t seat)
{
    const struct page_inbound *in = page_seat(pages[who], seat, CONTROL_VIDEO);
    return in ? in->packets : 0;
}

static void until_seen(int who, uint8_t seat, uint64_t more)
{
    uint64_t wanted = packets(who, seat) + more, end_us = clock_now_us() + 20 * SECOND_US;
    while (packets(who, seat) < wanted) {
        CHECK(clock_now_us() < end_us);
        run_for(1000, true);
    }
}

static void fresh_metrics(void)
{
    uint64_t wanted = desk_metrics_count(desk) + 2, end_us = clock_now_us() + 5 * SECOND_US;
    while (desk_metrics_count(desk) < wanted) {
        CHECK(clock_now_us() < end_us);
        run_for(1000, true);
    }
}

/* What goes from the speaker to the listener is whole and in order. */
static void check_unharmed(void)
{
    until_seen(LISTENER, 0, 20);
    const struct page_inbound *in = page_seat(pages[LISTENER], 0, CONTROL_VIDEO);
    CHECK_EQ(in->lost, 0);
    CHECK_EQ(in->skipped, 0);
    CHECK_EQ(in->bad, 0);
    CHECK_EQ(in->opened, in->packets);
}

static void publish(int who, uint64_t stream)
{
    const struct flow_options video = {.kind = CONTROL_VIDEO,
                                       .id = (uint32_t)stream,
                                       .ssrc = 4711u + (unsigned)who,
                                       .payload_type = 96,
                                       .ext_transport_cc = 4,
                                       .packets_per_frame = 10,
                                       .frames_per_s = 25,
                                       .payload_len = 1000};
    CHECK_EQ(page_publish(crowd, pages[who], stream, &video), 0);
}

static void meets_over_tcp(void)
{
    uint64_t end_us = clock_now_us() + 10 * SECOND_US;
    for (int i = 0; i < PEOPLE; i++)
        join(i);
    find_tcp();
    dial();
    while (!page_is_connected(pages[SPEAKER]) || !page_is_connected(pages[LISTENER]) ||
           !page_is_connected(pages[WALLED])) {
        CHECK(clock_now_us() < end_us);
        run_for(1000, true);
    }
    publish(SPEAKER, 0x77);
    publish(WALLED, 0x78);
    CHECK_EQ(page_watch(crowd, pages[LISTENER], 0, CONTROL_VIDEO, 0x77), 0);
    CHECK_EQ(page_watch(crowd, pages[LISTENER], 1, CONTROL_VIDEO, 0x78), 0);
    CHECK_EQ(page_watch(crowd, pages[WALLED], 0, CONTROL_VIDEO, 0x77), 0);
    until_seen(LISTENER, 1, 100);
    until_seen(WALLED, 0, 100);
    const struct page_inbound *in = page_seat(pages[WALLED], 0, CONTROL_VIDEO);
    CHECK_EQ(in->bad + in->lost, 0);
    fresh_metrics();
    CHECK_EQ(desk_metric(desk, CONTROL_METRIC_TCP_CONNECTIONS), 2);
    CHECK(desk_metric(desk, CONTROL_METRIC_TCP_SENT) > 100);
    check_unharmed();
}

/* Each time with packets of both directions on their way. */
static void is_reset_under_media(void)
{
    for (int i = 0; i < 20; i++) {
        for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++)
            if (i % 3)
                tunnel_reset(&tunnels[d]);
            else
                tunnel_close(&tunnels[d]);
        run_for(i % 4 * 5000u, true);
        dial();
        until_seen(LISTENER, 1, 5);
        until_seen(WALLED, 0, 5);
    }
    check_unharmed();
}

/* It loses pictures while it does not read, and gets new ones when it does. */
static void does_not_read(void)
{
    fresh_metrics();
    uint64_t before = desk_metric(desk, CONTROL_METRIC_DROPPED_TCP);
    uint64_t end_us = clock_now_us() + 20 * SECOND_US;
    while (desk_metric(desk, CONTROL_METRIC_DROPPED_TCP) < before + 20) {
        CHECK(clock_now_us() < end_us);
        run_for(100000, false);
    }
    CHECK_EQ(desk_metric(desk, CONTROL_METRIC_DROPPED_SEND), 0);
    run_for(SECOND_US, true);
    until_seen(WALLED, 0, 100);
    CHECK_EQ(page_seat(pages[WALLED], 0, CONTROL_VIDEO)->bad, 0);
    check_unharmed();
}

static struct tunnel strangers[STRANGERS];

/* More than there is room for: silent ones, half a frame, garbage, a hello of TLS, zeros, media,
 * half closed, reset at once. Those who are known stay, and new people come in. */
static void strangers_come(void)
{
    static const uint8_t media[1000] = {0x80, 96};
    fresh_metrics();
    uint64_t refused = desk_metric(desk, CONTROL_METRIC_TCP_REFUSED);
    for (unsigned i = 0; i < STRANGERS; i++) {
        struct tunnel *t = &strangers[i];
        struct address from;
        char home[ADDRESS_TEXT_MAX];
        (void)snprintf(home, sizeof(home), "127.2.%u.%u", i / 1000, 1 + i % 250);
        CHECK_EQ(address_from_text(home, 0, &from), 0);
        CHECK_EQ(tunnel_open(t, &tcp, &from), 0);
        close(t->udp_fd);
        t->udp_fd = -1;
        switch (i % 8) {
        case 0: /* says nothing */
        case 1: /* the beginning of a frame */
            (void)tunnel_send_raw(t, "\x04\x00\x00", i % 8 * 3);
            break;
        case 2:
            (void)tunnel_send_raw(t, "GET / HTTP/1.1\r\n\r\n", 18);
            break;
        case 3:
            (void)tunnel_send_raw(t, "\x16\x03\x01\x02\x00\x01\x00", 7);
            break;
        case 4:
            (void)tunnel_send_raw(t, "\x00\x00\x00\x00\xff\xff", 6);
            break;
        case 5:
            (void)tunnel_send(t, media, sizeof(media));
            break;
        case 6:
            (void)shutdown(t->tcp_fd, SHUT_WR);
            break;
        case 7:
            tunnel_reset(t);
            break;
        }
        if (i % 20 == 19)
            run_for(1000, true);
    }
    fresh_metrics();
    CHECK(desk_metric(desk, CONTROL_METRIC_TCP_CONNECTIONS) <= LIMIT_TCP_LINKS);
    CHECK(desk_metric(desk, CONTROL_METRIC_TCP_REFUSED) >= refused + STRANGERS / 2);
    CHECK(!tunnels[CONTROL_UP].ended && !tunnels[CONTROL_DOWN].ended);
    until_seen(WALLED, 0, 20);
    until_seen(LISTENER, 1, 20);
    for (unsigned i = 0; i < STRANGERS; i++)
        tunnel_close(&strangers[i]);
    check_unharmed();
}

int main(int argc, char **argv)
{
    struct rlimit files;
    CHECK_EQ(argc, 2);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    const struct crowd_options options = {
        .pages_max = PEOPLE, .open_every = 1, .reports = true, .nacks = true};
    CHECK_EQ(desk_start(argv[1], 1, &desk), 0);
    CHECK_EQ(crowd_create(desk, &options, &crowd), 0);
    CHECK_EQ(desk_open_hearing(desk, HEARING, -1), 0);
    meets_over_tcp();
    is_reset_under_media();
    does_not_read();
    strangers_come();
    for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++)
        tunnel_close(&tunnels[d]);
    crowd_destroy(crowd);
    CHECK_EQ(desk_end(desk), 0);
    return 0;
}
