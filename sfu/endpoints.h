/* The UDP sockets of one worker: two at each address. The kernel gives one of them what is RTCP,
 * the other all else. Only the latter wakes the worker, which reads the former when it is awake
 * anyway, or a few milliseconds later: what thirty receivers of one picture tell of it comes eight
 * times as often as the picture, and going to sleep and waking costs more than reading it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ENDPOINTS_H
#define SFU_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "sfu/address.h"
#include "sfu/context.h"

struct send_queue;
struct udp_reader;

/* RTCP waits so long at most, us, while the worker has nothing else to do. Ours: less than the
 * round trips it tells of, a hundredth of a second of sleep for a worker that is idle. */
#define ENDPOINTS_RTCP_US (20 * 1000ull)
/* It is read no more often than this, us: reading nothing costs a system call. Ours. */
#define ENDPOINTS_RTCP_APART_US (5 * 1000ull)

struct endpoint {
    int fd;
    int rtcp_fd; /* -1: the kernel cannot, RTCP comes at `fd` too */
    struct send_queue *queue;
    bool awaits_room;           /* the kernel was full: EPOLLOUT is asked for */
    uint32_t drops, rtcp_drops; /* of the receive queues, counted so far (udp_take_drops) */
    uint64_t read_us;           /* when `fd` was last read, in time worked */
};

/* One thread's. */
struct endpoints {
    int epoll_fd;  /* borrowed; watches each `fd` ... */
    uint64_t wake; /* ... as this and its number */
    uint16_t port; /* of all of them */
    size_t count;
    struct endpoint all[LIMIT_ADDRESSES];
    struct udp_reader *reader; /* owned */
    uint64_t rtcp_us;          /* when RTCP was last read; 0: there is more */
    /* How far reads are apart, in us worked: sleeping is left out. */
    uint64_t worked_us;  /* until this turn */
    uint64_t turn_us;    /* worked_us when the turn before this one began */
    uint64_t woke_us;    /* CLOCK_MONOTONIC, when this turn began */
    uint64_t longest_us; /* since the owner last set it to 0 */
};

/* `epoll_fd` is told of what `add` opens as `wake` and its number. Returns 0 or -ENOMEM. */
int endpoints_create(int epoll_fd, uint64_t wake, uint16_t port, struct endpoints *e);
void endpoints_destroy(
    struct endpoints *e); /* what waits to be sent is given to the kernel first */

/* Opens the sockets of one more address (its port does not count), at most LIMIT_ADDRESSES. With
 * port 0 the first gets a free one, the others the same. `sealer` is borrowed. Returns 0 or a
 * negative errno such as -EADDRINUSE. */
int endpoints_add(struct endpoints *e, const struct address *on, struct sealer *sealer);

/* A turn of the loop begins at c->now_us, and ends. */
void endpoints_begin(struct endpoints *e, const struct context *c);
void endpoints_end(struct endpoints *e);

/* Forwards a batch of what came at address `i`: of its RTCP, or of all else. What that causes to be
 * sent waits to be flushed. Returns how many datagrams: when UDP_BATCH or more, there may be
 * others.
 */
int endpoints_read(struct endpoints *e, size_t i, bool rtcp, struct context *c);

/* When RTCP is to be read next, us of CLOCK_MONOTONIC: from then on where the worker is awake, a
 * few milliseconds later where it sleeps. */
uint64_t endpoints_rtcp_us(const struct endpoints *e);
uint64_t endpoints_wake_us(const struct endpoints *e);

/* It was read at c->now_us, but for what is left when `more`. */
void endpoints_note_rtcp(struct endpoints *e, const struct context *c, bool more);

/* Gives what waits to the kernel; what it does not take now goes when it has room. */
void endpoints_flush(struct endpoints *e);

/* What was lost before it could be read, since the last call. System calls: once in a while. */
uint64_t endpoints_take_drops(struct endpoints *e);

#endif
