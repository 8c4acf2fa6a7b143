/* SPDX-License-Identifier: Apache-2.0 */
/* What sending one packet costs, nothing else: by one call each, by one call for many, and by
 * messages that the kernel splits; for frames of packets of equal size and as a browser's differ.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sfu/send.h"
#include "sfu/udp.h"

#define ROUNDS    5
#define RECEIVERS 30
#define FRAMES    200 /* a round, to each receiver */
#define LEN       1208
#define FRAME_MAX 16

enum way { SENDTO, SENDMMSG, SEGMENTS, WAYS };
static const char *const way_names[WAYS] = {"sendto", "sendmmsg", "segments"};

struct receiver {
    int fd;
    struct address address;
    struct send_flow flow;
};

static struct receiver receivers[RECEIVERS];
static uint8_t packet[LEN + 1];

static void must(const char *what, int result)
{
    if (result >= 0)
        return;
    fprintf(stderr, "send: %s: %s\n", what, strerror(-result));
    exit(1);
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int open_socket(struct address *ret_at)
{
    must("address", address_from_text("127.0.0.1", 0, ret_at));
    int fd = udp_open(ret_at);
    must("socket", fd);
    must("socket", udp_local(fd, ret_at));
    return fd;
}

/* One frame to one receiver; with `uneven` its first half is a byte longer than the rest. */
static void send_frame(int fd, struct send_queue *queue, enum way way, struct receiver *r,
                       unsigned packets, bool uneven)
{
    for (unsigned i = 0; i < packets; i++) {
        size_t len = LEN + (uneven && i < packets / 2);
        if (way == SENDTO) {
            (void)sendto(fd, packet, len, 0, &r->address.any, r->address.len); /* counted by time */
            continue;
        }
        uint8_t *room = send_reserve(queue);
        if (!room)
            continue;
        memcpy(room, packet, len);
        if (way == SEGMENTS)
            send_commit_flow(queue, &r->flow, &r->address, len);
        else
            send_commit(queue, &r->address, len);
    }
}

/* Nanoseconds a packet; receivers' sockets are emptied in between, not counted. */
static double run(enum way way, unsigned packets, bool uneven, double *ret_per_message)
{
    CLEANUP(send_queue_destroy) struct send_queue *queue = NULL;
    CLEANUP(udp_reader_destroy) struct udp_reader *reader = NULL;
    struct address own;
    int fd = open_socket(&own);
    must("queue", send_queue_create(fd, NULL, &queue));
    must("reader", udp_reader_create(&reader));
    double ns = 0;
    for (unsigned frame = 0; frame < FRAMES; frame++) {
        double began = cpu_ns();
        for (unsigned i = 0; i < RECEIVERS; i++)
            send_frame(fd, queue, way, &receivers[i], packets, uneven);
        (void)send_flush(queue); /* loopback takes all */
        ns += cpu_ns() - began;
        for (unsigned i = 0; i < RECEIVERS; i++) {
            const struct udp_datagram *d;
            while (udp_read(reader, receivers[i].fd, &d) > 0)
                ;
        }
    }
    const struct send_stats *s = send_queue_stats(queue);
    *ret_per_message = s->messages ? (double)s->datagrams / (double)s->messages : 1;
    close(fd);
    return ns / (FRAMES * RECEIVERS * packets);
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void measure(enum way way, bool uneven)
{
    static const unsigned frames[] = {1, 3, 8, FRAME_MAX};
    printf("%-10s %-7s", way_names[way], uneven ? "uneven" : "equal");
    for (size_t k = 0; k < sizeof(frames) / sizeof(frames[0]); k++) {
        double ns[ROUNDS], per_message = 1;
        for (size_t round = 0; round < ROUNDS; round++)
            ns[round] = run(way, frames[k], uneven, &per_message);
        qsort(ns, ROUNDS, sizeof(ns[0]), compare);
        printf("   %6.0f (%4.1f)", ns[ROUNDS / 2], per_message);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        printf("bench-send: processor time of sending one packet of %d bytes over loopback, the "
               "kernel's delivery included,\nnanoseconds, median of %d rounds, %d receivers; in "
               "brackets the packets of one message\n",
               LEN, ROUNDS, RECEIVERS);
        return 0;
    }
    for (unsigned i = 0; i < RECEIVERS; i++)
        receivers[i].fd = open_socket(&receivers[i].address);
    printf("ns a packet        packets of a frame:\nway        sizes  %16d%16d%16d%16d\n", 1, 3, 8,
           FRAME_MAX);
    for (int way = 0; way < WAYS; way++) {
        measure((enum way)way, false);
        measure((enum way)way, true);
    }
    return 0;
}
