/* Collects datagrams written in place and gives them to the kernel a batch at a time: what goes to
 * one receiver as few messages that the kernel splits (UDP_SEGMENT), the messages of all receivers
 * by few calls (sendmmsg). One queue a socket, used by one thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SEND_H
#define SFU_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/list.h"
#include "sfu/address.h"

/* Bytes of one datagram. Ours: what Ethernet carries, and the growth of one RTX header. */
#define SEND_DATAGRAM_MAX 1536
/* Datagrams waiting for one socket at most; their memory is used only once they were needed. */
#define SEND_QUEUE_MAX 8192
/* As many are given to the kernel without waiting for the end of a batch: what fits the processor's
 * second cache. Of many receivers some for each, so that each gets them as one message. Ours:
 * measured, docs/performance.md. */
#define SEND_QUEUE_DUE          1024
#define SEND_QUEUE_DUE_PER_FLOW 8

struct send_queue;
struct tcp_link; /* sfu/tcp.h */

/* One 5-tuple as we see it: the socket (its queue), or the connection, and the remote address. */
struct path {
    struct send_queue *via; /* borrowed; NULL: over TCP */
    struct tcp_link *link;  /* borrowed, until it ends; NULL: over UDP */
    struct address remote;
};

static inline bool path_equal(const struct path *a, const struct path *b)
{
    return a->via == b->via && a->link == b->link && address_equal(&a->remote, &b->remote);
}

/* What waits for one receiver, in order. Embedded in whoever sends to it, zeroed at first; of one
 * queue and one address while something waits. */
struct send_flow {
    struct list waiting;  /* in the queue's list of those that have something */
    uint16_t first, last; /* datagrams; meaningless when none waits */
    uint16_t count;
    bool counted; /* among the queue's flows */
    bool alone;   /* its path is too narrow for what the kernel would split */
};

struct sealer;

/* `fd` and `sealer` are borrowed and must outlive the queue. What is written into its rooms may
 * lack tags that `sealer` owes: it settles them before the kernel is given, or a room is used anew.
 * NULL: none is owed. Returns 0 or -ENOMEM. */
int send_queue_create(int fd, struct sealer *sealer, struct send_queue **ret_queue);

/* What still waits is dropped. */
void send_queue_destroy(struct send_queue *queue);
DEFINE_CLEANUP(struct send_queue, send_queue_destroy)

/* Room for one datagram of up to SEND_DATAGRAM_MAX bytes: the caller writes into it and then
 * commits it, or leaves it (the next send_reserve() gives the same room). A queue with enough in it
 * is flushed first. NULL: the kernel takes no more now; the datagram is to be dropped and is
 * already counted. No allocation, no system call but that flush. */
uint8_t *send_reserve(struct send_queue *queue);

/* Queues what was written into the last reserved room, on its own. */
void send_commit(struct send_queue *queue, const struct address *to, size_t len);

/* The same behind what waits in the flow. */
void send_commit_flow(struct send_queue *queue, struct send_flow *flow, const struct address *to,
                      size_t len);

/* Before the flow's memory goes, or its address changes: what waits in it is dropped. */
void send_flow_end(struct send_queue *queue, struct send_flow *flow);

/* Gives everything that waits to the kernel, each receiver's in order. Returns true when all is
 * gone; false when the socket is full: wait for EPOLLOUT and call again. What the kernel refuses
 * for its own sake (unreachable, too long) is dropped and counted, and does not hold back the
 * others; a kernel, or a network card, that splits nothing gets datagrams one by one from then on.
 */
bool send_flush(struct send_queue *queue);

struct send_stats {
    uint64_t datagrams; /* taken by the kernel */
    uint64_t bytes;
    uint64_t messages; /* that they were given as */
    uint64_t calls;
    uint64_t dropped_full;    /* the queue was full */
    uint64_t dropped_refused; /* the kernel refused them */
};

/* Counters since creation, borrowed. */
const struct send_stats *send_queue_stats(const struct send_queue *queue);

/* Whether the kernel splits messages for this queue. */
bool send_queue_has_segments(const struct send_queue *queue);

#endif
