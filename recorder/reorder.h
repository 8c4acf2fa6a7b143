/* Puts one track's packets in order and leaves copies out: waits for a missing one as long as its
 * repair may still come, then gives it up. Bounded.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_REORDER_H
#define RECORDER_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a missing packet is waited for, by the tape's clock: repairs are asked for up to 3 s. */
#define REORDER_WAIT_US 4000000

struct reorder_packet {
    int64_t seq, rtp_ticks;
    int64_t at_us; /* arrival */
    uint8_t *data; /* owned */
    size_t len;
};

/* Zeroed is a valid start. */
struct reorder {
    bool started;
    int64_t next_seq;               /* all before were given or given up */
    struct reorder_packet *waiting; /* by seq */
    size_t count, capacity;
    size_t first; /* of `waiting` still there */
};

void reorder_finish(struct reorder *r);

/* Adds a copy of the packet, unless it came before. Returns 0 or -ENOMEM. */
int reorder_put(struct reorder *r, int64_t seq, int64_t rtp_ticks, int64_t at_us, const void *data,
                size_t len);

/* Gives the next packet in order if it is there, or if what is missing before it is given up by
 * `now_us` (INT64_MAX: all). The caller frees `data`. */
bool reorder_take(struct reorder *r, int64_t now_us, struct reorder_packet *ret_packet);

#endif
