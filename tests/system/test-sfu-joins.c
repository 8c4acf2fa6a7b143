/* The real media core, many handshakes at once: while it is stopped, the ClientHellos of many pages
 * and after them a speaker's packets come to its socket. The speaker is heard before the pages are
 * answered, by the kernel's own times of arrival. Then all of them connect.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "peer/crowd.h"
#include "sfu/udp.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define HEARING   0x4ea2ull
#define JOINED    0x4ea3ull
#define JOINERS   60
#define LINKS     ((size_t)CONTROL_DIRECTION_COUNT * JOINERS)

/* Of the worker's loop: 8 batches of 64. */
#define DATAGRAMS_OF_A_TURN 512

enum { SPEAKER, LISTENER, PEOPLE };
enum { STREAM = 0x77, FLOW = 0x88 };

static struct desk *desk;
static struct crowd *crowd;
static struct page *pages[PEOPLE];
static struct dtls_context *dtls;
static struct link *links[LINKS];

static struct control_peer_add person(uint64_t hearing, unsigned number)
{
    return (struct control_peer_add){.hearing = hearing,
                                     .peer = 0xa0u + number,
                                     .role = CONTROL_ROLE_PARTY,
                                     .room = 1,
                                     .seats = 2};
}

static void speak_and_listen(void)
{
    static const struct flow_options audio = {.kind = CONTROL_AUDIO,
                                              .id = FLOW,
                                              .ssrc = 4711,
                                              .payload_type = 111,
                                              .packets_per_frame = 1,
                                              .frames_per_s = 50,
                                              .payload_len = 120};
    for (unsigned who = 0; who < PEOPLE; who++) {
        struct control_peer_add add = person(HEARING, who);
        CHECK_EQ(crowd_admit(crowd, &add, &pages[who]), 0);
    }
    CHECK_EQ(page_publish(crowd, pages[SPEAKER], STREAM, &audio), 0);
    CHECK_EQ(page_watch(crowd, pages[LISTENER], 0, CONTROL_AUDIO, STREAM), 0);
    uint64_t end_us = clock_now_us() + 10 * SECOND_US;
    while (!page_seat(pages[LISTENER], 0, CONTROL_AUDIO))
        CHECK(crowd_step(crowd, end_us));
}

static void add_joiner(unsigned number)
{
    struct control_message m = {.type = CONTROL_PEER_ADD, .peer_add = person(JOINED, number)},
                           answer;
    CHECK_EQ(desk_ask(desk, &m, &answer), 0);
    const struct control_peer_ready *ready = &answer.peer_ready;
    struct address core;
    CHECK_EQ(address_from_text(ready->candidates[0].address, ready->candidates[0].port, &core), 0);
    for (unsigned d = 0; d < CONTROL_DIRECTION_COUNT; d++) {
        struct link **l = &links[CONTROL_DIRECTION_COUNT * number + d];
        CHECK_EQ(link_create(dtls, &ready->ice[d], &core, l), 0);
        link_expect(*l, ready->fingerprint);
        m = (struct control_message){.type = CONTROL_TRANSPORT_CONNECT,
                                     .transport_connect = {.hearing = JOINED,
                                                           .peer = 0xa0u + number,
                                                           .direction = (uint8_t)d}};
        memcpy(m.transport_connect.fingerprint, dtls_context_fingerprint(dtls),
               CONTROL_FINGERPRINT_LEN);
        CHECK_EQ(desk_ask(desk, &m, NULL), 0);
    }
}

static void await_datagram(int fd)
{
    struct pollfd wake = {.fd = fd, .events = POLLIN};
    CHECK_EQ(poll(&wake, 1, 10000), 1);
}

static void read_link(struct link *l)
{
    const struct udp_datagram *d;
    _Alignas(4) uint8_t plain[UDP_DATAGRAM_MAX];
    int n = udp_read(crowd->reader, link_fd(l), &d);
    for (int i = 0; i < n; i++)
        (void)link_receive(l, d[i].bytes, d[i].len, plain, clock_now_us());
    link_flush(l);
}

static void stop_core(void)
{
    int status;
    CHECK_EQ(kill(desk_pid(desk), SIGSTOP), 0);
    CHECK_EQ(waitpid(desk_pid(desk), &status, WUNTRACED), desk_pid(desk));
    CHECK(WIFSTOPPED(status));
}

/* When the next datagram came, ns of the wall clock, and its first byte. */
static uint64_t arrival_ns(int fd, uint8_t *ret_first)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec part = {.iov_base = ret_first, .iov_len = 1};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    await_datagram(fd);
    CHECK(recvmsg(fd, &m, MSG_TRUNC) > 0);
    const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    CHECK(c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS);
    struct timespec t;
    memcpy(&t, CMSG_DATA(c), sizeof(t));
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note_times(const struct link *l)
{
    const int on = 1;
    CHECK_EQ(setsockopt(link_fd(l), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
}

/* Of all pages, how many were answered before the listener got the first packet. */
static size_t answered_before_media(void)
{
    const struct link *listener = pages[LISTENER]->links[CONTROL_DOWN];
    uint8_t first = 0;
    uint64_t media_ns = 0;
    while (first < 128)
        media_ns = arrival_ns(link_fd(listener), &first);
    size_t before = 0;
    for (size_t i = 0; i < LINKS; i++)
        before += arrival_ns(link_fd(links[i]), &first) < media_ns;
    return before;
}

/* More than the media core reads in one turn, so that the speaker's packets come in the next one;
 * unless the system keeps its socket's buffer too small for that (net.core.rmem_max). */
static void fill_a_turn(struct link *l)
{
    const uint8_t junk = 255;
    int size = 0;
    socklen_t len = sizeof(size);
    CHECK_EQ(getsockopt(link_fd(l), SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
    if (size < 4 << 20)
        return;
    for (int i = 0; i < DATAGRAMS_OF_A_TURN; i++)
        CHECK_EQ(link_send_raw(l, &junk, 1), 0);
    link_flush(l);
}

static void media_goes_between(void)
{
    for (unsigned i = 0; i < JOINERS; i++)
        add_joiner(i);
    for (size_t i = 0; i < LINKS; i++) {
        (void)link_tick(links[i], clock_now_us());
        await_datagram(link_fd(links[i])); /* the answer to the check */
        note_times(links[i]);
    }
    crowd_run(crowd, 1000);
    stop_core();
    read_link(pages[LISTENER]->links[CONTROL_DOWN]); /* nothing of before is left */
    note_times(pages[LISTENER]->links[CONTROL_DOWN]);
    for (size_t i = 0; i < LINKS; i++)
        read_link(links[i]); /* and the hello goes out */
    fill_a_turn(links[0]);
    uint64_t sent = crowd->sent;
    uint64_t end_us = clock_now_us() + 10 * SECOND_US;
    while (crowd->sent == sent)
        CHECK(crowd_step(crowd, end_us));
    CHECK_EQ(kill(desk_pid(desk), SIGCONT), 0);
    size_t before = answered_before_media();
    printf("%zu of %zu handshakes were answered before the speaker was heard\n", before, LINKS);
    CHECK(before <= LINKS / 20);
}

/* What was read above was the first datagram of each flight: lost to the pages, and sent again. */
static void all_connect(void)
{
    uint64_t end_us = clock_now_us() + 30 * SECOND_US;
    for (size_t connected = 0; connected < LINKS;) {
        CHECK(clock_now_us() < end_us);
        crowd_run(crowd, 5000);
        connected = 0;
        for (size_t i = 0; i < LINKS; i++) {
            (void)link_tick(links[i], clock_now_us());
            read_link(links[i]);
            connected += link_is_connected(links[i]);
        }
    }
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    const struct crowd_options options = {
        .pages_max = PEOPLE, .open_every = 1, .reports = false, .nacks = false};
    CHECK_EQ(desk_start(argv[1], 1, &desk), 0);
    CHECK_EQ(crowd_create(desk, &options, &crowd), 0);
    CHECK_EQ(dtls_context_create(&dtls), 0);
    CHECK_EQ(desk_open_hearing(desk, HEARING, -1), 0);
    CHECK_EQ(desk_open_hearing(desk, JOINED, -1), 0);
    speak_and_listen();
    media_goes_between();
    all_connect();
    for (size_t i = 0; i < LINKS; i++)
        link_destroy(links[i]);
    dtls_context_destroy(dtls);
    crowd_destroy(crowd);
    CHECK_EQ(desk_end(desk), 0);
    return 0;
}
