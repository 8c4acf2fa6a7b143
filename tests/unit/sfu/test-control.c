/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/ring.h"
#include "common/seqpacket.h"
#include "unit/check.h"
#include "unit/sfu/core.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#ifndef TEST_FAULTS

/* Whoever does not keep to the rules is hung up on; the next one is served. */
static void refuses_the_rude(struct core *c)
{
    const struct control_message early = core_open_hearing(1, false);
    const struct control_message wrong_version = {.type = CONTROL_HELLO, .hello = {99, 1, 1}};
    const struct control_message not_ours = {.type = CONTROL_TAPE_OPEN, .hearing = {1}};
    static const uint8_t nonsense[] = {0, 200, 1, 2, 3};
    static const uint8_t cut_short[] = {0, CONTROL_PEER_ADD, 0, 0, 0, 1, 0};
    struct control_message m;

    int fd = core_dial(c);
    core_put(fd, &early, -1);
    CHECK(!core_get(fd, &m));
    close(fd);

    fd = core_dial(c);
    core_put(fd, &wrong_version, -1);
    CHECK(core_get(fd, &m));
    CHECK_EQ(m.type, CONTROL_HELLO); /* so that it can see why */
    CHECK(!core_get(fd, &m));
    close(fd);

    unsigned peers;
    for (int i = 0; i < 3; i++) {
        fd = core_greet(c, &peers);
        if (i == 0)
            core_put_raw(fd, nonsense, sizeof(nonsense), -1);
        else if (i == 1)
            core_put_raw(fd, cut_short, sizeof(cut_short), -1);
        else
            core_put(fd, &not_ours, -1);
        while (core_get(fd, &m))
            CHECK(m.type == CONTROL_METRICS);
        close(fd);
    }
}

/* Each request of a hearing that is not open has the answer it is waited for with. */
static void answers_without_hearing(int fd)
{
    struct control_message a = core_ask(fd, core_add_peer(9, 1));
    CHECK_EQ(a.type, CONTROL_PEER_READY);
    CHECK_EQ(a.peer_ready.status, -ENOENT);
    a = core_ask(fd,
                 (struct control_message){.type = CONTROL_SEAT_SET, .seat_set = {9, 1, 0, 0, 7}});
    CHECK_EQ(a.type, CONTROL_SEAT_SWITCHED);
    CHECK_EQ(a.seat_switched.status, -ENOENT);
    a = core_ask(fd, (struct control_message){.type = CONTROL_TRANSPORT_RESTART,
                                              .transport_restart = {9, 1, 0}});
    CHECK_EQ(a.type, CONTROL_TRANSPORT_RESTARTED);
    CHECK_EQ(a.transport_restarted.status, -ENOENT);
    a = core_ask(fd, (struct control_message){.type = CONTROL_MATRIX, .matrix = {.hearing = 9}});
    CHECK_EQ(a.type, CONTROL_DONE);
    CHECK_EQ(a.done.status, -ENOENT);
    a = core_ask(fd, (struct control_message){.type = CONTROL_PEER_REMOVE, .peer = {9, 1}});
    CHECK_EQ(a.done.status, 0);
    a = core_ask(fd, (struct control_message){.type = CONTROL_HEARING_CLOSE, .hearing = {9}});
    CHECK_EQ(a.done.status, 0);
}

/* A ring is taken when it is one, and again without harm. */
static void takes_rings(int fd)
{
    CHECK_EQ(core_ask(fd, core_open_hearing(1, true)).done.status, -EINVAL); /* no descriptor */
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(null_fd >= 0);
    CHECK(core_ask_with(fd, core_open_hearing(1, true), null_fd).done.status < 0);
    close(null_fd);
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(1 << 16, &ring), 0);
    CHECK_EQ(core_ask_with(fd, core_open_hearing(1, true), ring_fd(ring)).done.status, 0);
    CHECK_EQ(core_ask_with(fd, core_open_hearing(1, true), ring_fd(ring)).done.status, 0);
    struct ring_record record;
    CHECK_EQ(ring_next(ring, &record), 1);
    CHECK_EQ(record.kind, RING_PRODUCER);
    CHECK_EQ(ring_next(ring, &record), 0); /* told once */
}

/* Hearings are spread over the workers; peers are told their own worker's port. */
static void spreads_hearings(int fd, struct core *c)
{
    bool used[CORE_WORKERS] = {false};
    for (uint64_t h = 1; h <= CORE_WORKERS; h++) {
        CHECK_EQ(core_ask(fd, core_open_hearing(h, false)).done.status, 0);
        struct control_message a = core_ask(fd, core_add_peer(h, 0x50 + h));
        CHECK_EQ(a.peer_ready.status, 0);
        CHECK_EQ(a.peer_ready.candidate_count, 2);
        CHECK_EQ(a.peer_ready.seat_count, 2);
        CHECK(strcmp(a.peer_ready.candidates[0].address, "127.0.0.1") == 0);
        const struct control_candidate *udp = &a.peer_ready.candidates[0], *tcp = udp + 1;
        CHECK(!udp->tcp && tcp->tcp && strcmp(tcp->address, "127.0.0.1") == 0);
        CHECK(tcp->priority < udp->priority);
        CHECK_EQ(tcp->priority >> 24, 90);
        CHECK_EQ(tcp->priority >> 21 & 7, 4); /* RFC 6544 section 4.2: passive */
        for (int i = 0; i < CORE_WORKERS; i++)
            used[i] = used[i] || (worker_port(c->workers[i]) == udp->port &&
                                  worker_tcp_port(c->workers[i]) == tcp->port);
    }
    for (int i = 0; i < CORE_WORKERS; i++)
        CHECK(used[i]);
}

static void tells_metrics(int fd)
{
    struct control_message m;
    do
        m = core_wait_for(fd, CONTROL_METRICS);
    while (m.metrics.values[CONTROL_METRIC_HEARINGS] != CORE_WORKERS ||
           m.metrics.values[CONTROL_METRIC_PEERS] != CORE_WORKERS);
}

static _Atomic int64_t wall_shift_us;

uint64_t __real_clock_wall_us(void);
uint64_t __wrap_clock_wall_us(void);
uint64_t __wrap_clock_wall_us(void)
{
    return __real_clock_wall_us() + (uint64_t)wall_shift_us;
}

/* The wall clock is looked at every second, and one that was set is told. */
static void notices_a_wall_clock_that_is_set(int fd)
{
    CHECK_EQ(core_wait_for(fd, CONTROL_METRICS).metrics.values[CONTROL_METRIC_WALL_STEPS], 0);
    for (uint64_t steps = 1; steps <= 2; steps++) {
        wall_shift_us = steps == 1 ? 3600000000 : -1000000;
        while (core_wait_for(fd, CONTROL_METRICS).metrics.values[CONTROL_METRIC_WALL_STEPS] !=
               steps) {
        }
    }
}

/* A new connection takes over, finds everything there, and the old one is ended. */
static int takes_over(struct core *c, int old)
{
    unsigned peers;
    int fd = core_greet(c, &peers);
    CHECK_EQ(peers, CORE_WORKERS);
    struct control_message m;
    while (core_get(old, &m))
        ;
    close(old);
    return fd;
}

/* One that asks and never reads is ended with, and the next one finds everything as it was. */
static int ends_the_deaf(struct core *c, int fd)
{
    const struct control_message m = {
        .type = CONTROL_SEAT_SET, .request = 7, .seat_set = {1, 0x51, 0, 0, 0x777}};
    uint8_t data[LIMIT_CONTROL_BYTES];
    size_t len;
    CHECK_EQ(control_encode(&m, data, sizeof(data), &len), 0);
    int r;
    do {
        r = seqpacket_send(fd, data, len, -1);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        CHECK(r != -EAGAIN || poll(&p, 1, CORE_PATIENCE_MS) == 1);
    } while (r == 0 || r == -EAGAIN);
    CHECK(r == -EPIPE || r == -ECONNRESET);
    close(fd);
    unsigned peers;
    fd = core_greet(c, &peers);
    CHECK_EQ(peers, CORE_WORKERS);
    return fd;
}

/* Returns when the desk has taken a turn: a request of it has reached a worker. */
static void let_it_turn(int fd, uint64_t hearing)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(1 << 16, &ring), 0);
    const struct control_message open = core_open_hearing(hearing, true);
    core_put(fd, &open, ring_fd(ring));
    struct ring_record record;
    while (ring_next(ring, &record) == 0) {
        struct pollfd p = {.fd = fd};
        CHECK(poll(&p, 1, 1) == 0); /* not hung up on */
    }
}

/* More at once than may wait for signaling, as when it comes back to a full media core: it is told
 * all of it, in order, however late it begins to read, and has room for answers all the while. */
static void tells_more_than_can_wait(struct core *c, int fd)
{
    enum { EVENTS = LIMIT_CONTROL_QUEUE + 2000, ROOM_FOR_OTHERS = 100 };
    for (uint64_t i = 1; i <= EVENTS; i++) {
        const struct control_message m = {.type = CONTROL_STREAM_STATE,
                                          .stream_state = {1, 0x51, i, true}};
        struct control_letter *letter = control_letter_create(&m, control_desk_deliver);
        CHECK(letter);
        CHECK_EQ(mailbox_post(c->mailbox, &letter->letter), 0);
    }
    let_it_turn(fd, 1); /* it takes from the mailbox in this turn, */
    let_it_turn(fd, 2); /* and has done so before this one */
    const struct control_message lost = {
        .type = CONTROL_STREAM_PAUSE, .request = 1, .stream_pause = {0x6000, 0x51, 1, true}};
    for (int i = 0; i < LIMIT_CONTROL_QUEUE / 2 - ROOM_FOR_OTHERS; i++)
        core_put(fd, &lost, -1);
    let_it_turn(fd, 1);
    for (uint64_t i = 1; i <= EVENTS; i++)
        CHECK_EQ(core_wait_for(fd, CONTROL_STREAM_STATE).stream_state.stream, i);
}

/* At its limit the server is full, whatever it could carry, and says so to whoever comes into a
 * hearing that was refused; those that were accepted before have room beyond it. */
static void bounds_hearings(int fd)
{
    for (uint64_t h = CORE_WORKERS + 1; h <= LIMIT_HEARINGS; h++)
        CHECK_EQ(core_ask(fd, core_open_hearing(h, false)).done.status, 0);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x5000, false)).done.status, -EUSERS);
    CHECK_EQ(core_ask(fd, core_add_peer(0x5000, 1)).peer_ready.status, -EUSERS);
    for (uint64_t h = LIMIT_HEARINGS + 1; h <= LIMIT_HEARINGS_RETURNED; h++)
        CHECK_EQ(core_open_again(fd, h), 0);
    CHECK_EQ(core_open_again(fd, 0x5000), -ENOSPC);
    for (uint64_t h = LIMIT_HEARINGS + 1; h <= LIMIT_HEARINGS_RETURNED; h++)
        core_close_hearing(fd, h);
    core_close_hearing(fd, 9);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x5000, false)).done.status, 0);
    CHECK_EQ(core_ask(fd, core_open_hearing(0, false)).done.status, -EINVAL);
}
#endif

int main(void)
{
    static struct core core;
    log_start("test", LOG_ERROR - 1); /* it is all as wanted here */
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = core_make(&core, 0);
        bool happened = faults_happened();
        faults_fail_at(-1);
        core_free(&core);
        if (!happened) {
            CHECK_EQ(r, 0);
            CHECK(n > 20);
            return 0;
        }
        /* r == 0: it was a worker's letter, which that worker copes with. */
    }
#else
    core_start(&core, 0);
    refuses_the_rude(&core);
    unsigned peers;
    int fd = core_greet(&core, &peers);
    CHECK_EQ(peers, 0);
    answers_without_hearing(fd);
    takes_rings(fd);
    spreads_hearings(fd, &core);
    tells_metrics(fd);
    notices_a_wall_clock_that_is_set(fd);
    fd = takes_over(&core, fd);
    fd = ends_the_deaf(&core, fd);
    tells_more_than_can_wait(&core, fd);
    bounds_hearings(fd);
    close(fd);
    core_stop(&core);
    return 0;
#endif
}
