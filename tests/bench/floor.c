/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/floor.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
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
#define MARKS     2 /* a flow each for video and audio */

struct receiver {
    struct send_flow flow;
    int fd;
    struct address address;
    struct seal *seal;
    struct seal_stream *streams; /* of each sender's video and audio */
};

struct fan_out {
    const struct floor_plan *plan;
    struct receiver *receivers;
    struct flow *flows; /* senders * 2 */
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
    for (unsigned i = 0; f->receivers && i < f->plan->receivers; i++) {
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

static int open_receiver(struct receiver *r, const struct sealer *sealer, unsigned number,
                         unsigned flows)
{
    struct keys keys = {.suite = KEYS_AEAD_AES_128_GCM};
    memcpy(keys.key, &number, sizeof(number));
    struct address any;
    int e = address_from_text("127.0.0.1", 0, &any);
    if (e == 0)
        e = r->fd = udp_open(&any);
    if (e >= 0)
        e = udp_local(r->fd, &r->address);
    if (e == 0)
        e = seal_create(sealer, SEAL_OUTGOING, &keys, &r->seal);
    if (e < 0)
        return e;
    r->streams = calloc(flows, sizeof(*r->streams));
    return r->streams ? 0 : -ENOMEM;
}

static int open_all(struct fan_out *f)
{
    const struct floor_plan *p = f->plan;
    struct address any;
    f->receivers = calloc(p->receivers, sizeof(*f->receivers));
    f->flows = calloc(MARKS * p->senders, sizeof(*f->flows));
    if (!f->receivers || !f->flows)
        return -ENOMEM;
    int r = address_from_text("127.0.0.1", 0, &any);
    if (r == 0)
        r = f->fd = udp_open(&any);
    if (r >= 0)
        r = send_queue_create(f->fd, &f->queue);
    if (r >= 0)
        r = sealer_create(SEALER_AUTO, &f->sealer);
    for (unsigned i = 0; i < p->receivers && r >= 0; i++)
        r = open_receiver(&f->receivers[i], f->sealer, i, MARKS * p->senders);
    for (unsigned i = 0; i < p->senders; i++) {
        struct flow_options video = {.kind = CONTROL_VIDEO,
                                     .ssrc = 2 * i + 1,
                                     .packets_per_frame = p->video_pps / 25,
                                     .frames_per_s = 25,
                                     .payload_len = p->payload_len};
        struct flow_options audio = {.kind = CONTROL_AUDIO,
                                     .ssrc = 2 * i + 2,
                                     .packets_per_frame = 1,
                                     .frames_per_s = p->audio_pps,
                                     .payload_len = 120};
        flow_init(&f->flows[2 * i], &video, clock_now_us());
        flow_init(&f->flows[2 * i + 1], &audio, clock_now_us());
    }
    return r < 0 ? r : 0;
}

static void send_one(struct fan_out *f, struct receiver *r, size_t flow,
                     const struct seal_packet *packet)
{
    size_t len;
    if (f->plan->way == FLOOR_SENDTO) {
        uint8_t sealed[SEND_DATAGRAM_MAX];
        if (seal_rtp(r->seal, &r->streams[flow], packet, sealed, sizeof(sealed), &len) == 0 &&
            sendto(f->fd, sealed, len, 0, &r->address.any, r->address.len) > 0)
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
    for (size_t i = 0; i < MARKS * f->plan->senders; i++) {
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
            for (unsigned r = 0; r < f->plan->receivers; r++)
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
    if (f->plan->core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(f->plan->core, &set);
        (void)sched_setaffinity(0, sizeof(set), &set); /* noisier without */
    }
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
    for (unsigned i = 0; i < f->plan->receivers && r == 0; i++) {
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
    *ret_result = (struct floor_result){.sent = f->sent, .received = received, .cpu_ns = f->cpu_ns};
    return r;
}
