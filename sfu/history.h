/* Recent packets of one incoming stream, kept once and shared by all its subscribers, each of whom
 * asks by the source's sequence number to answer a NACK (RFC 4588). Bounded by count and by time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_HISTORY_H
#define SFU_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/packet.h"

/* How long a packet can be asked for again. Ours: a NACK that comes later helps no live picture. */
#define HISTORY_AGE_US 1000000ull

struct history;

/* Room for `capacity` packets, a power of two. Returns 0, -EINVAL or -ENOMEM. */
int history_create(size_t capacity, struct history **ret_history);

/* Gives its references back. Accepts NULL. */
void history_destroy(struct history *history);
DEFINE_CLEANUP(struct history, history_destroy)

/* Keeps a reference to `packet` under packet->rtp.seq, in place of what stood there, and drops
 * what is older than HISTORY_AGE_US. A packet older than all kept is not kept. While the packets'
 * pool is scarce each new one pushes out two old ones, down to none. */
void history_put(struct history *history, struct packet *packet, uint64_t now_us);

/* The packet of that sequence number, or NULL if it was never here or is too old. Borrowed until
 * the next call on this history. */
struct packet *history_find(struct history *history, uint16_t seq, uint64_t now_us);

/* Drops what is too old; called when a stream is silent, so that it holds no buffers for ever. */
void history_expire(struct history *history, uint64_t now_us);

/* Drops everything: the stream began again with other numbers. */
void history_clear(struct history *history);

/* Packets kept now. */
size_t history_count(const struct history *history);

#endif
