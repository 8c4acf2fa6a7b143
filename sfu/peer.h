/* One participant: what it publishes, what it receives, and where it stands in its hearing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PEER_H
#define SFU_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/list.h"
#include "sfu/context.h"
#include "sfu/publication.h"
#include "sfu/subscription.h"

struct peer {
    struct list link; /* in its room's list */
    uint64_t id;
    uint8_t role;      /* enum control_role */
    uint8_t room_kind; /* enum control_room_kind */
    uint32_t room;
    struct publisher publisher;
    struct subscriber subscriber;

    struct wheel_timer timer;
    uint64_t slow_us;  /* when the slow half of its timers runs next */
    uint64_t layer_us; /* when its layers are chosen next */
    uint64_t stats_us; /* when its statistics are told next, and the sums when they were last: */
    uint64_t told_at_us, told_up_bytes, told_down_bytes, told_expected, told_arrived;
};

/* Makes the peer with both transports and its seats; it stands in no room's list yet. Returns 0 or
 * what publisher_init() and subscriber_init() say. */
int peer_create(struct context *c, struct hearing *hearing, const struct control_peer_add *add,
                struct peer **ret_peer);

/* Nothing may be subscribed to it any more. Takes it out of its list. Accepts NULL. */
void peer_destroy(struct peer *peer, struct context *c);

static inline struct peer *peer_of_publisher(struct publisher *p)
{
    return LIST_ENTRY(p, struct peer, publisher);
}

static inline struct peer *peer_of_subscriber(struct subscriber *s)
{
    return LIST_ENTRY(s, struct peer, subscriber);
}

/* What the clocks of all peers of the worker ask for: repair, reports, transports, states and
 * statistics to be told. Every WHEEL_TICK_US; only those are looked at for whom it is time. */
void peers_tick(struct context *c);

/* It begins to publish: its clocks ask for something in the next tick. */
void peer_hurry(struct peer *peer, struct context *c);

/* Tells all about it to a signaling that has just come: PEER_PRESENT and what belongs to it. */
void peer_tell_presence(const struct peer *peer, struct context *c);

#endif
