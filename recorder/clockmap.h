/* One sender's clock against ours: from pairs of media time and arrival to a smooth map. Late
 * packets, queues in the network and drifting or stalled clocks must not move what is placed by it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_CLOCKMAP_H
#define RECORDER_CLOCKMAP_H

#include <stddef.h>
#include <stdint.h>

/* How far media time may jump against arrival before it counts as a new clock. Ours. */
#define CLOCKMAP_JUMP_US 10000000
/* Media time per point of the map. */
#define CLOCKMAP_POINT_US 200000

/* What a run of packets says: those of one slot of media time, without a jump among them. */
struct clockmap_point {
    int64_t first_seq;
    int64_t slot;      /* media time divided by CLOCKMAP_POINT_US, rounded down */
    int64_t offset_us; /* arrival less media time: the least of the run; later smoothed */
};

/* The points of one clock: from the packet numbered `first_seq` on. */
struct clockmap_span {
    int64_t first_seq;
    struct clockmap_point *points; /* by first_seq */
    size_t count, capacity;
};

struct clockmap {
    struct clockmap_span *spans;
    size_t count, capacity;
    int64_t newest_seq;
    int64_t newest_offset_us;
};

void clockmap_finish(struct clockmap *map);

/* Adds what one packet says. Returns 0 or -ENOMEM. */
int clockmap_add(struct clockmap *map, int64_t seq, int64_t media_us, int64_t arrival_us);

/* Once after the last packet: makes the map smooth. Returns 0 or -ENOMEM. */
int clockmap_smooth(struct clockmap *map);

/* When the packet would have arrived on an empty network: media time in our clock. An empty map
 * gives `media_us`. */
int64_t clockmap_place(const struct clockmap *map, int64_t seq, int64_t media_us);

#endif
