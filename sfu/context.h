/* What everything on one worker shares: the time of this turn, the packet pool, the directory of
 * transports, the counters and the way to the control thread. Passed down, never global.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_CONTEXT_H
#define SFU_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"
#include "common/list.h"
#include "sfu/handshakes.h"
#include "sfu/history.h"
#include "sfu/letters.h"
#include "sfu/load.h"
#include "sfu/ntp.h"
#include "sfu/red.h"
#include "sfu/table.h"
#include "sfu/transport.h"
#include "sfu/wheel.h"

/* A wall clock that differs by less was not set: reading two clocks takes time. Ours. */
#define CONTEXT_STEP_US (5 * 1000u)
/* Report blocks are about reports of the last 10 s (ntp_round_trip_us). */
#define CONTEXT_STEP_MEMORY_US (12 * 1000000ull)

struct encoding;
struct packet;
struct packet_pool;

/* Packets of a batch that go to the same receivers wait for each other: what is known of a receiver
 * is fetched from memory once for all of them. Ours: a frame. */
#define BURST_PACKETS 16

struct burst {
    struct encoding *encoding; /* borrowed; they are all of it. Meaningless when `count` is 0 */
    size_t count;
    struct packet *packets[BURST_PACKETS]; /* references */
    bool newest[BURST_PACKETS];            /* when it came, of its encoding */
};

/* Borrowed parts are the worker's and outlive all hearings on it. */
struct context {
    uint64_t now_us; /* CLOCK_MONOTONIC when the loop woke, or the batch was read */
    /* Wall time minus monotonic time when the worker began. All that is reckoned with NTP time
     * (context_ntp) keeps to this for ever: publishers' clocks are learned against it and their
     * reports carried on by it, so a wall clock that is set moves no timestamp. */
    uint64_t wall_offset_us;
    int64_t wall_step_us;     /* by how much the wall clock was set since; only said, see below */
    uint64_t wall_stepped_us; /* when that was last noticed; 0: never */
    uint64_t boot_id;         /* of the process */
    uint64_t next_source;     /* for the next encoding's id, see rewrite.h */
    uint64_t counters[CONTROL_METRIC_COUNT];
    struct transport_stats transport_stats;
    struct directory *directory;
    struct dtls_context *dtls;
    struct handshakes handshakes; /* those of all its transports that wait */
    struct sealer *sealer;
    struct packet_pool *pool;
    struct history_shares histories;
    struct burst burst; /* empty between two batches, see forward_burst() */
    struct outbox outbox;
    struct wheel peers; /* their timers, see peers_tick() */
    struct load load;
    struct red_heads red; /* of the packet that is sent now */
    struct list paced;    /* subscribers for whom pictures wait, see transmit_paced() */
    uint64_t paced_us;    /* when it is looked at them again */
};

static inline void context_count(struct context *c, enum control_metric metric)
{
    c->counters[metric]++;
}

/* The time of this turn as we reckon with it: never goes back, never jumps. */
static inline uint64_t context_ntp(const struct context *c)
{
    return ntp_from_wall_us(c->now_us + c->wall_offset_us);
}

/* The time of this turn as our sender reports say it: the wall clock's, even after it was set. All
 * seats of a page hear of it in the same turn, so sound and picture move together. */
static inline uint64_t context_ntp_told(const struct context *c)
{
    return ntp_from_wall_us(c->now_us + c->wall_offset_us + (uint64_t)c->wall_step_us);
}

/* The wall clock shows `wall_us` at now_us. Returns whether it was set since the last call: NTP
 * slews the monotonic clock along with it, so that nothing less than CONTEXT_STEP_US is a step. */
bool context_follow_wall(struct context *c, uint64_t wall_us);

/* Whether a report block may speak of times said before the wall clock was last set. */
static inline bool context_stepped_lately(const struct context *c)
{
    return c->wall_stepped_us && c->now_us - c->wall_stepped_us < CONTEXT_STEP_MEMORY_US;
}

#endif
