/* ICE over TCP (RFC 6544, passive side): listening sockets, and the connections of pages behind a
 * firewall that passes no UDP, bounded and never blocking. One a worker.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TCP_H
#define SFU_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/list.h"
#include "sfu/lanes.h"
#include "sfu/send.h"

/* What the kernel keeps of one connection each way, bytes as socket(7) counts them: of what is on
 * its way and not yet acknowledged, 4 Mbit/s over 250 ms of round trip. Ours: a whole second of
 * media in there would be heard a second late. */
#define TCP_BUFFER_BYTES (128 << 10)
/* What it keeps of that unsent (TCP_NOTSENT_LOWAT): the rest waits here, where sound overtakes
 * pictures. Ours: 30 ms of 4 Mbit/s, so that the line never runs dry between two turns of ours. */
#define TCP_UNSENT_BYTES (16 << 10)

struct tcp;

/* `sealer` as in send_queue_create(), borrowed. Returns 0, -ENOMEM, -EMFILE and the like. */
int tcp_create(struct sealer *sealer, struct tcp **ret_tcp);

/* Sends what the kernel takes at once, and closes everything. All paths over its connections must
 * be gone. Accepts NULL. */
void tcp_destroy(struct tcp *tcp);
DEFINE_CLEANUP(struct tcp, tcp_destroy)

/* Listens on `local`, port 0 for any. Returns 0 and the port, or a negative errno such as
 * -EADDRINUSE. */
int tcp_listen(struct tcp *tcp, const struct address *local, uint16_t *ret_port);

/* Readable when tcp_wake() has something to do. Borrowed. */
int tcp_fd(const struct tcp *tcp);

/* Begins a turn: accepts who waits, and sees whose bytes have come or who has room again. What is
 * there is then taken by tcp_next(). No connection's memory goes until tcp_take_ended(). */
void tcp_wake(struct tcp *tcp, uint64_t now_us);

/* The next datagram of this turn, of each connection no more than one read; its bytes are borrowed
 * until the next call. Returns false when there is none. A connection that has ended, or that sends
 * what is no framing or too much besides checks while no path over it is proven, is closed here. */
bool tcp_next(struct tcp *tcp, struct path *ret_from, struct framing_datagram *ret_datagram);

/* As send_reserve() and send_commit(), on the connection. The datagram is dropped, and counted,
 * when NULL. */
uint8_t *tcp_reserve(struct tcp_link *link, enum lanes_kind kind);
void tcp_commit(struct tcp_link *link, size_t len);

/* Names somebody who uses the connection: `user` is in its list until list_remove(). */
void tcp_use(struct tcp_link *link, struct list *user);

/* Gives the kernel what it takes of all that waits. */
void tcp_flush(struct tcp *tcp, uint64_t now_us);

/* About every second: ends those without a user for LIMIT_TCP_UNPROVEN_MS. */
void tcp_tick(struct tcp *tcp, uint64_t now_us);

/* The users of one connection that has ended, a list to be emptied before the next call, which
 * frees it. NULL: no other has. Not between tcp_wake() and the end of tcp_next(). */
struct list *tcp_take_ended(struct tcp *tcp);

struct tcp_stats {
    uint64_t connections; /* now */
    uint64_t accepted;
    uint64_t refused; /* over a bound, or ended without ever having been proven */
    uint64_t datagrams;
    uint64_t bytes; /* with their framing */
    uint64_t calls;
    uint64_t dropped[LANES_PICTURE + 1]; /* by enum lanes_kind */
    uint64_t dropped_in; /* datagrams passed over on the way in: too long, or before a check */
};

/* Borrowed. */
const struct tcp_stats *tcp_stats(const struct tcp *tcp);

#endif
