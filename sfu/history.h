/* Recent packets of one incoming stream, kept once and shared by all its subscribers, each of whom
 * asks by the source's sequence number to answer a NACK (RFC 4588). Bounded by count and by time;
 * those of one publisher together by LIMIT_HISTORY_PER_PEER, those of all by who keeps most.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_HISTORY_H
#define SFU_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/list.h"
#include "sfu/packet.h"

/* How long a packet can be asked for again. Ours: a NACK that comes later helps no live picture. */
#define HISTORY_AGE_US 1000000ull

struct history;
struct history_share;

/* What all publishers of a worker keep. Zeroed at first; heaviest as far as is known, or NULL. */
struct history_shares {
    struct history_share *heaviest;
};

/* What the streams of one publisher keep together. */
struct history_share {
    struct history_shares *all; /* borrowed */
    struct list histories;
    size_t kept; /* packets, at most LIMIT_HISTORY_PER_PEER */
};

/* May not be moved afterwards. */
void history_share_init(struct history_share *share, struct history_shares *all);
/* Its histories are destroyed before. Harmless for a zeroed one. */
void history_share_finish(struct history_share *share);

/* Room for `capacity` packets, a power of two, of what `share` (borrowed) may keep. Returns 0,
 * -EINVAL or -ENOMEM. */
int history_create(size_t capacity, struct history_share *share, struct history **ret_history);

/* Gives its references back. Accepts NULL. */
void history_destroy(struct history *history);
DEFINE_CLEANUP(struct history, history_destroy)

/* Keeps a reference to `packet` under packet->rtp.seq, in place of what stood there, and drops
 * what is older than HISTORY_AGE_US. A packet older than all kept is not kept. Where its publisher
 * keeps as much as it may, the oldest of that publisher's goes. While the packets' pool is scarce
 * each new one pushes out the two oldest of the publisher that keeps most, down to none: a flood
 * takes nothing from those who keep little. */
void history_put(struct history *history, struct packet *packet, uint64_t now_us);

/* The packet of that sequence number, or NULL if it was never here or is too old. Borrowed until
 * the next history_put() on the worker. */
struct packet *history_find(struct history *history, uint16_t seq, uint64_t now_us);

/* Drops what is too old; called when a stream is silent, so that it holds no buffers for ever. */
void history_expire(struct history *history, uint64_t now_us);

/* Drops everything: the stream began again with other numbers. */
void history_clear(struct history *history);

/* Packets kept now. */
size_t history_count(const struct history *history);

#endif
