/* What everything on one worker shares: the time of this turn, the packet pool, the directory of
 * transports, the counters and the way to the control thread. Passed down, never global.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_CONTEXT_H
#define SFU_CONTEXT_H

#include <stdint.h>

#include "common/control.h"
#include "sfu/letters.h"
#include "sfu/ntp.h"
#include "sfu/table.h"
#include "sfu/transport.h"

struct packet_pool;

/* Borrowed parts are the worker's and outlive all hearings on it. */
struct context {
    uint64_t now_us; /* CLOCK_MONOTONIC when the loop woke, or the batch was read */
    uint64_t
        wall_offset_us;   /* wall time minus monotonic time, taken once: steps do not reach RTP */
    uint64_t boot_id;     /* of the process */
    uint64_t next_source; /* for the next encoding's id, see rewrite.h */
    uint64_t counters[CONTROL_METRIC_COUNT];
    struct transport_stats transport_stats;
    struct directory *directory;
    struct dtls_context *dtls;
    struct packet_pool *pool;
    struct outbox outbox;
};

static inline void context_count(struct context *c, enum control_metric metric)
{
    c->counters[metric]++;
}

/* The time of this turn as RTCP says it. */
static inline uint64_t context_ntp(const struct context *c)
{
    return ntp_from_wall_us(c->now_us + c->wall_offset_us);
}

#endif
