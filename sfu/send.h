/* Collects datagrams written in place and gives them to the kernel a batch at a time (sendmmsg; the
 * interface leaves room for segmentation offload). One queue a socket, used by one thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SEND_H
#define SFU_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/address.h"

/* Bytes of one datagram. Ours: what Ethernet carries, and the growth of one RTX header. */
#define SEND_DATAGRAM_MAX 1536
/* Datagrams waiting for one socket. Ours: one batch read, to 200 receivers, takes several flushes.
 */
#define SEND_QUEUE_MAX 1024

struct send_queue;

/* One 5-tuple as we see it: the socket (its queue) and the remote address. */
struct path {
    struct send_queue *via; /* borrowed */
    struct address remote;
};

static inline bool path_equal(const struct path *a, const struct path *b)
{
    return a->via == b->via && address_equal(&a->remote, &b->remote);
}

/* `fd` is borrowed and must outlive the queue. Returns 0 or -ENOMEM. */
int send_queue_create(int fd, struct send_queue **ret_queue);

/* What still waits is dropped. */
void send_queue_destroy(struct send_queue *queue);
DEFINE_CLEANUP(struct send_queue, send_queue_destroy)

/* Room for one datagram of up to SEND_DATAGRAM_MAX bytes: the caller writes into it and then calls
 * send_commit(), or leaves it (the next send_reserve() gives the same room). A full queue is
 * flushed first. NULL: the kernel takes no more now; the datagram is to be dropped and is already
 * counted. No allocation, no system call but that flush. */
uint8_t *send_reserve(struct send_queue *queue);

/* Queues what was written into the last reserved room. */
void send_commit(struct send_queue *queue, const struct address *to, size_t len);

/* Gives everything that waits to the kernel, in order. Returns true when all is gone; false when
 * the socket is full: wait for EPOLLOUT and call again. A datagram the kernel refuses for its own
 * sake (unreachable, too long) is dropped and counted, and does not hold back the others. */
bool send_flush(struct send_queue *queue);

struct send_stats {
    uint64_t datagrams; /* taken by the kernel */
    uint64_t bytes;
    uint64_t calls;
    uint64_t dropped_full;    /* the queue was full */
    uint64_t dropped_refused; /* the kernel refused them */
};

/* Counters since creation, borrowed. */
const struct send_stats *send_queue_stats(const struct send_queue *queue);

#endif
