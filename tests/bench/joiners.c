/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/joiners.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "peer/link.h"
#include "sfu/dtls.h"
#include "sfu/udp.h"

#define PATIENCE_US 10000000ull
#define EVENTS      64

struct joiner {
    struct link *link;
    uint64_t due_us, done_us; /* done: 0 while it is not */
};

struct joiners {
    int core;
    size_t links_max, count; /* the links of a page are neighbours */
    struct joiner *links;
    struct dtls_context *dtls;
    struct udp_reader *reader;
    int epoll_fd;
    bool started;
    pthread_t thread;
    atomic_bool over;
    uint64_t began_us;
    uint64_t cpu_ns;
};

int joiners_create(size_t pages_max, int core, struct joiners **ret_joiners)
{
    CLEANUP(joiners_destroy) struct joiners *j = calloc(1, sizeof(*j));
    if (!j)
        return -ENOMEM;
    j->core = core;
    j->links_max = CONTROL_DIRECTION_COUNT * pages_max;
    j->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (j->epoll_fd < 0)
        return -errno;
    j->links = calloc(j->links_max, sizeof(*j->links));
    if (!j->links)
        return -ENOMEM;
    int r = dtls_context_create(&j->dtls);
    if (r == 0)
        r = udp_reader_create(&j->reader);
    if (r < 0)
        return r;
    *ret_joiners = STEAL(j);
    return 0;
}

static void join_thread(struct joiners *j)
{
    if (j->started)
        pthread_join(j->thread, NULL);
    j->started = false;
}

void joiners_destroy(struct joiners *j)
{
    if (!j)
        return;
    join_thread(j);
    for (size_t i = 0; i < j->count; i++)
        link_destroy(j->links[i].link);
    free(j->links);
    udp_reader_destroy(j->reader);
    dtls_context_destroy(j->dtls);
    if (j->epoll_fd >= 0)
        close(j->epoll_fd);
    free(j);
}

const uint8_t *joiners_fingerprint(const struct joiners *j)
{
    return dtls_context_fingerprint(j->dtls);
}

int joiners_add(struct joiners *j, const struct control_peer_ready *ready)
{
    struct address server;
    int r = address_from_text(ready->candidates[0].address, ready->candidates[0].port, &server);
    for (int d = 0; d < CONTROL_DIRECTION_COUNT && r == 0; d++) {
        if (j->count == j->links_max)
            return -ENOSPC;
        struct joiner *l = &j->links[j->count];
        r = link_create(j->dtls, &ready->ice[d], &server, &l->link);
        if (r < 0)
            return r;
        j->count++;
        link_expect(l->link, ready->fingerprint);
        struct epoll_event wake = {.events = EPOLLIN, .data.ptr = l};
        if (epoll_ctl(j->epoll_fd, EPOLL_CTL_ADD, link_fd(l->link), &wake) < 0)
            r = -errno;
    }
    return r;
}

/* Sends what is due; returns when the next is. */
static uint64_t tick(struct joiners *j)
{
    uint64_t now_us = clock_now_us(), next_us = UINT64_MAX;
    for (size_t i = 0; i < j->count; i++) {
        struct joiner *l = &j->links[i];
        if (l->due_us <= now_us)
            l->due_us = link_tick(l->link, now_us);
        if (l->due_us < next_us)
            next_us = l->due_us;
    }
    return next_us;
}

static void read_link(struct joiners *j, struct joiner *l, size_t *connected)
{
    const struct udp_datagram *d;
    _Alignas(4) uint8_t plain[UDP_DATAGRAM_MAX];
    int n = udp_read(j->reader, link_fd(l->link), &d);
    for (int i = 0; i < n; i++)
        (void)link_receive(l->link, d[i].bytes, d[i].len, plain, clock_now_us());
    link_flush(l->link);
    l->due_us = 0;
    if (!l->done_us && link_is_connected(l->link)) {
        l->done_us = clock_now_us();
        ++*connected;
    }
}

static void *run(void *arg)
{
    struct joiners *j = arg;
    if (j->core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(j->core, &set);
        (void)sched_setaffinity(0, sizeof(set), &set); /* noisier without */
    }
    size_t connected = 0;
    j->began_us = clock_now_us();
    uint64_t end_us = j->began_us + PATIENCE_US;
    for (uint64_t now_us; connected < j->count && (now_us = clock_now_us()) < end_us;) {
        uint64_t next_us = tick(j);
        uint64_t wait_us = next_us > now_us ? next_us - now_us : 0;
        struct epoll_event events[EVENTS];
        int n = epoll_wait(j->epoll_fd, events, EVENTS, (int)((wait_us + 999) / 1000));
        for (int i = 0; i < n; i++)
            read_link(j, events[i].data.ptr, &connected);
    }
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    j->cpu_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    atomic_store(&j->over, true);
    return NULL;
}

/* Not as the thread that calls: the pages must not hold up whoever measures. */
int joiners_start(struct joiners *j, bool precedence)
{
    pthread_attr_t attributes;
    const struct sched_param priority = {.sched_priority = precedence};
    int r = pthread_attr_init(&attributes);
    if (r)
        return -r;
    (void)pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED); /* cannot fail */
    (void)pthread_attr_setschedpolicy(&attributes, precedence ? SCHED_FIFO : SCHED_OTHER);
    (void)pthread_attr_setschedparam(&attributes, &priority);
    r = pthread_create(&j->thread, &attributes, run, j);
    pthread_attr_destroy(&attributes);
    j->started = r == 0;
    return -r;
}

bool joiners_are_over(const struct joiners *j)
{
    return atomic_load(&j->over);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorts; writes the middle and the last. */
static void summarise(uint64_t *times, size_t count, uint64_t *ret_median, uint64_t *ret_worst)
{
    if (count == 0)
        return;
    qsort(times, count, sizeof(*times), compare);
    *ret_median = times[count / 2];
    *ret_worst = times[count - 1];
}

struct joiners_result joiners_end(struct joiners *j)
{
    join_thread(j);
    struct joiners_result r = {.cpu_ns = j->cpu_ns};
    uint64_t *links = calloc(j->count + 1, sizeof(*links));
    uint64_t *pages = calloc(j->count + 1, sizeof(*pages));
    size_t whole = 0;
    for (size_t i = 0; links && pages && i < j->count; i++) {
        if (!j->links[i].done_us)
            continue;
        links[r.connected++] = j->links[i].done_us - j->began_us;
        uint64_t other_us = j->links[i ^ 1].done_us;
        if (i % 2 && other_us)
            pages[whole++] =
                (other_us > j->links[i].done_us ? other_us : j->links[i].done_us) - j->began_us;
    }
    if (links && pages) {
        summarise(links, r.connected, &r.transport_median_us, &r.transport_worst_us);
        summarise(pages, whole, &r.page_median_us, &r.page_worst_us);
    }
    free(links);
    free(pages);
    return r;
}
