/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/floor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "peer/flow.h"
#include "sfu/seal.h"
#include "sfu/send.h"
#include "sfu/udp.h"

#define SECOND_US 1000000ull
#define DRAIN_MS  200

struct receiver {
    struct send_flow flow;
    unsigned hearing, page;
    int fd;
    struct address address;
    struct seal *seal;
    struct seal_stream *streams; /* of each flow */
};

struct fan_out {
    const struct floor_plan *plan;
    struct receiver *receivers;
    unsigned receiver_count;
    struct flow *flows; /* of all publishers, audio and video in turn */
    unsigned flow_count;
    int fd;
    struct send_queue *queue;
    struct sealer *sealer;
    atomic_bool done;
    uint64_t sent;
    uint64_t cpu_ns;
};

static void fan_out_destroy(struct fan_out *f)
{
    if (!f)
        return;
    for (unsigned i = 0; f->receivers && i < f->receiver_count; i++) {
        if (f->receivers[i].fd > 0)
            close(f->receivers[i].fd);
        seal_destroy(f->receivers[i].seal);
        free(f->receivers[i].streams);
    }
    free(f->receivers);
    free(f->flows);
    send_queue_destroy(f->queue);
    sealer_destroy(f->sealer);
    if (f->fd > 0)
        close(f->fd);
    free(f);
}
DEFINE_CLEANUP(struct fan_out, fan_out_destroy)

static int open_socket(const char *text, int *ret_fd)
{
    struct address local;
    int r = address_from_text(text, 0, &local);
    int fd = r == 0 ? udp_open(&local) : r;
    if (fd >= 0)
        *ret_fd = fd;
    return fd < 0 ? fd : 0;
}

static int open_receiver(const struct fan_out *f, unsigned number, struct receiver *r)
{
    const struct load *l = f->plan->load;
    unsigned each = load_receivers(l) / l->hearings;
    struct keys keys = {.suite = KEYS_AEAD_AES_128_GCM};
    memcpy(keys.key, &number, sizeof(number));
    r->hearing = number / each;
    r->page = number % each + (l->one_way ? l->publishing : 0);
    int e = open_socket(f->plan->place->load, &r->fd);
    if (e == 0)
        e = udp_local(r->fd, &r->address);
    if (e == 0)
        e = seal_create(f->sealer, SEAL_RTP_OUT, &keys, &r->seal);
    if (e < 0)
        return e;
    r->streams = calloc(f->flow_count, sizeof(*r->streams));
    return r->streams ? 0 : -ENOMEM;
}

static void open_flows(struct fan_out *f)
{
    const struct load *l = f->plan->load;
    uint64_t now_us = clock_now_us();
    for (unsigned i = 0; i < f->flow_count; i++) {
        enum control_kind kind = i % load_streams(l);
        unsigned number = i / load_streams(l);
        struct flow_options o = load_flow(l, number, kind, l->layers ? l->layers - 1 : 0);
        flow_init(&f->flows[i], &o, now_us + load_phase_us(number, kind, o.frames_per_s));
    }
}

static int open_all(struct fan_out *f)
{
    const struct load *l = f->plan->load;
    f->flow_count = l->hearings * l->publishing * load_streams(l);
    f->receivers = calloc(load_receivers(l), sizeof(*f->receivers));
    f->flows = calloc(f->flow_count, sizeof(*f->flows));
    if (!f->receivers || !f->flows)
        return -ENOMEM;
    f->receiver_count = load_receivers(l);
    place_enter_server(f->plan->place);
    int r = open_socket(f->plan->place->server, &f->fd);
    place_enter_load(f->plan->place);
    if (r == 0)
        r = sealer_create(SEALER_AUTO, &f->sealer);
    if (r == 0)
        r = send_queue_create(f->fd, f->sealer, &f->queue);
    for (unsigned i = 0; i < f->receiver_count && r == 0; i++)
        r = open_receiver(f, i, &f->receivers[i]);
    open_flows(f);
    return r;
}

/* Whether flow `i` goes there: to the same hearing, but not back to its publisher. */
static bool goes_to(const struct fan_out *f, size_t i, const struct receiver *r)
{
    unsigned number = (unsigned)i / load_streams(f->plan->load);
    unsigned publishing = f->plan->load->publishing;
    return number / publishing == r->hearing && number % publishing != r->page;
}

static void send_one(struct fan_out *f, struct receiver *r, size_t flow,
                     const struct seal_packet *packet)
{
    size_t len;
    if (f->plan->way == FLOOR_SENDTO) {
        uint8_t sealed[SEND_DATAGRAM_MAX];
        if (seal_rtp(r->seal, &r->streams[flow], packet, sealed, sizeof(sealed), &len) < 0)
            return;
        sealer_settle(f->sealer);
        if (sendto(f->fd, sealed, len, 0, &r->address.any, r->address.len) > 0)
            f->sent++;
        return;
    }
    uint8_t *room = send_reserve(f->queue);
    if (room && seal_rtp(r->seal, &r->streams[flow], packet, room, SEND_DATAGRAM_MAX, &len) == 0) {
        if (f->plan->way == FLOOR_SEGMENTS)
            send_commit_flow(f->queue, &r->flow, &r->address, len);
        else
            send_commit(f->queue, &r->address, len);
        f->sent++;
    }
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Sends what is due; returns when the next is. Making the packets is not counted: the media core
 * gets them made. */
static uint64_t send_due(struct fan_out *f, uint64_t *making_ns)
{
    uint64_t now_us = clock_now_us(), next_us = UINT64_MAX;
    for (size_t i = 0; i < f->flow_count; i++) {
        struct flow_packet packet;
        uint16_t transport_seq = 0;
        for (;;) {
            uint64_t before_ns = thread_cpu_ns();
            bool due = flow_next(&f->flows[i], now_us, &transport_seq, &packet);
            *making_ns += thread_cpu_ns() - before_ns;
            if (!due)
                break;
            struct seal_packet parts = {.header = packet.header,
                                        .header_len = packet.header_len,
                                        .payload = packet.payload,
                                        .payload_len = packet.payload_len};
            for (unsigned r = 0; r < f->receiver_count; r++)
                if (goes_to(f, i, &f->receivers[r]))
                    send_one(f, &f->receivers[r], i, &parts);
        }
        if (f->flows[i].due_us < next_us)
            next_us = f->flows[i].due_us;
    }
    (void)send_flush(f->queue); /* loopback drops at the receiver, never here */
    return next_us;
}

static void *send_all(void *arg)
{
    struct fan_out *f = arg;
    place_pin(0, f->plan->place->server_core);
    uint64_t making_ns = 0, start_ns = thread_cpu_ns();
    uint64_t end_us = clock_now_us() + f->plan->seconds * SECOND_US;
    for (uint64_t next_us = 0; next_us < end_us;) {
        next_us = send_due(f, &making_ns);
        struct timespec until = {.tv_sec = (time_t)(next_us / SECOND_US),
                                 .tv_nsec = (long)(next_us % SECOND_US) * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    f->cpu_ns = thread_cpu_ns() - start_ns - making_ns;
    atomic_store(&f->done, true);
    return NULL;
}

/* Counts what arrives until the sender is done and nothing more comes. */
static int count_arrivals(struct fan_out *f, struct udp_reader *reader, uint64_t *ret_received)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        return -errno;
    int r = 0;
    for (unsigned i = 0; i < f->receiver_count && r == 0; i++) {
        struct epoll_event wake = {.events = EPOLLIN, .data.fd = f->receivers[i].fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, f->receivers[i].fd, &wake) < 0)
            r = -errno;
    }
    uint64_t received = 0;
    while (r >= 0) {
        struct epoll_event events[64];
        bool done = atomic_load(&f->done);
        int n = epoll_wait(epoll_fd, events, 64, DRAIN_MS);
        if (n == 0 && done)
            break;
        for (int i = 0; i < n && r >= 0; i++) {
            const struct udp_datagram *d;
            r = udp_read(reader, events[i].data.fd, &d);
            received += r > 0 ? (uint64_t)r : 0;
        }
    }
    close(epoll_fd);
    *ret_received = received;
    return r < 0 ? r : 0;
}

int floor_run(const struct floor_plan *plan, struct floor_result *ret_result)
{
    CLEANUP(udp_reader_destroy) struct udp_reader *reader = NULL;
    CLEANUP(fan_out_destroy) struct fan_out *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->plan = plan;
    int r = open_all(f);
    if (r == 0)
        r = udp_reader_create(&reader);
    if (r < 0)
        return r;
    pthread_t thread;
    r = pthread_create(&thread, NULL, send_all, f);
    if (r)
        return -r;
    uint64_t received = 0;
    r = count_arrivals(f, reader, &received);
    pthread_join(thread, NULL);
    const struct send_stats *stats = send_queue_stats(f->queue);
    *ret_result = (struct floor_result){.sent = f->sent,
                                        .received = received,
                                        .cpu_ns = f->cpu_ns,
                                        .messages = stats->messages,
                                        .calls = stats->calls};
    return r;
}
