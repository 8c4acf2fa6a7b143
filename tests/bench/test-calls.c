/* A media worker under load allocates nothing, takes no lock and logs nothing for a packet: counted
 * in the real media core by calls.c, between two moments of a hearing that is recorded.
 *
 * What there is besides belongs to the second, not to the packet:
 * - what the worker tells (METRICS every second, PEER_STATS of each peer every two, SPEAKERS five
 *   times a second at most) is a letter in the mailbox of the desk: one allocation and one lock
 *   each; who gets it frees it;
 * - a check of ICE, which each transport gets every 2.5 s (link.c, as from Chromium), is hashed
 *   twice by libnice, which allocates four times for it and frees that again.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/calls.h"
#include "bench/clients.h"
#include "bench/place.h"
#include "bench/server.h"
#include "common/clock.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define WAIT_US   (30 * SECOND_US)

/* Packets received before it counts as steady, and while it is counted. */
#define STEADY_PACKETS 8000
#define PACKETS        20000

/* Letters a second: of a worker, and of a peer. */
#define WORKER_LETTERS 6 /* METRICS, SPEAKERS */
#define PEER_LETTERS   1 /* PEER_STATS, and one to spare every two seconds */

/* Checks of a transport, no closer than this; allocations for one. */
#define CHECK_S           2.5
#define CHECK_ALLOCATIONS 4

static const struct load hearings[] = {
    {"1to30", "1 to 8", 1, 9, 1, true, 1000, 1, 50, 1180, true},
    {"all12", "5 receive each other, 3 layers", 1, 5, 5, false, 400, 3, 50, 1180, true},
    {"audio", "12 receive the audio of 6", 1, 12, 6, false, 0, 0, 50, 0, true},
};

struct moment {
    uint64_t us, received;
    uint64_t counts[CALL_COUNT]; /* of the thread that receives */
};

static struct calls *calls;

static void share_memory(const char *library)
{
    char text[12];
    int fd = memfd_create("calls", 0);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, sizeof(*calls)), 0);
    calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(calls != MAP_FAILED);
    (void)snprintf(text, sizeof(text), "%d", fd);
    CHECK_EQ(setenv(CALLS_VARIABLE, text, 1), 0);
    CHECK_EQ(setenv("LD_PRELOAD", library, 1), 0); /* for what is started from here on */
}

/* The one thread that reads media. */
static unsigned find_worker(void)
{
    unsigned worker = CALLS_THREADS_MAX, count = 0;
    CHECK(atomic_load(&calls->threads) <= CALLS_THREADS_MAX);
    for (unsigned t = 0; t < CALLS_THREADS_MAX; t++)
        if (atomic_load(&calls->thread[t].counts[CALL_RECEIVE]) > 0) {
            worker = t;
            count++;
        }
    CHECK_EQ(count, 1);
    return worker;
}

static struct moment now(const struct clients *c)
{
    struct moment m = {.us = clock_now_us(), .received = clients_sum(c).received};
    unsigned worker = find_worker();
    for (int i = 0; i < CALL_COUNT; i++)
        m.counts[i] = atomic_load(&calls->thread[worker].counts[i]);
    return m;
}

static void run_until(struct clients *c, uint64_t received)
{
    uint64_t end_us = clock_now_us() + WAIT_US;
    while (clients_sum(c).received < received)
        CHECK(clients_step(c, end_us));
}

static void check_load(const struct load *l, const char *binary)
{
    const struct place place = {
        .server = "127.0.0.1", .load = "127.0.0.1", .server_core = -1, .load_core = -1};
    const struct server_options server_options = {
        .load = l, .place = &place, .binary = binary, .workers = 1};
    const struct clients_options options = {.max = 2 * (size_t)l->pages, .sample = CLIENTS_SAMPLE};
    struct clients *c;
    uint64_t idle_bytes;
    CHECK_EQ(clients_create(&options, &c), 0);
    *calls = (struct calls){0};
    struct server *s = core_record_kind.start(&core_record_kind, &server_options, c, &idle_bytes);
    run_until(c, clients_sum(c).received + STEADY_PACKETS);
    struct moment a = now(c);
    run_until(c, a.received + PACKETS);
    struct moment b = now(c);
    core_record_kind.stop(s);
    clients_destroy(c);

    uint64_t d[CALL_COUNT], seconds = (b.us - a.us) / SECOND_US + 2;
    for (int i = 0; i < CALL_COUNT; i++)
        d[i] = b.counts[i] - a.counts[i];
    printf("%s: %llu packets in %.1f s: %llu allocations, %llu frees, %llu locks, %llu logged; "
           "%llu epoll_wait, %llu recvmmsg, %llu sendmmsg\n",
           l->title, (unsigned long long)(b.received - a.received), (double)(b.us - a.us) / 1e6,
           (unsigned long long)d[CALL_ALLOCATE], (unsigned long long)d[CALL_FREE],
           (unsigned long long)d[CALL_LOCK], (unsigned long long)d[CALL_LOG],
           (unsigned long long)d[CALL_WAIT], (unsigned long long)d[CALL_RECEIVE],
           (unsigned long long)d[CALL_SEND]);
    fflush(stdout);
    CHECK(d[CALL_RECEIVE] > 100 && d[CALL_SEND] > 100); /* it is counted */
    unsigned transports = load_receivers(l) + l->hearings * l->publishing;
    double checks = transports * ((double)seconds / CHECK_S + 1);
    CHECK((double)d[CALL_FREE] <= CHECK_ALLOCATIONS * checks);
    CHECK_EQ(d[CALL_ALLOCATE] - d[CALL_FREE], d[CALL_LOCK]); /* the letters */
    CHECK(d[CALL_LOCK] > 0 && d[CALL_LOCK] <= seconds * (WORKER_LETTERS + PEER_LETTERS * l->pages));
    CHECK_EQ(d[CALL_LOG], 0);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 3); /* calls.c's library, the media core */
    share_memory(argv[1]);
    for (size_t i = 0; i < sizeof(hearings) / sizeof(hearings[0]); i++)
        check_load(&hearings[i], argv[2]);
    return 0;
}
