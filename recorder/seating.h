/* Who is shown when: from the tracks on the tape and the comings and goings in the journal.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_SEATING_H
#define RECORDER_SEATING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/roster.h"
#include "recorder/timeline.h"

/* Somebody's camera (or bare name) or screen, for the whole hearing. */
struct seating_tile {
    uint64_t peer;
    bool screen;
    int rank;       /* by role */
    size_t arrival; /* of two with the same role, who is told of first in the journal comes first */
    const char *name; /* borrowed from the roster; "" unknown */
};

/* A time during which the tile is shown. */
struct seating_span {
    size_t tile;
    int64_t from_us, to_us;
};

struct seating {
    struct seating_tile *tiles; /* in the order they are laid out */
    size_t tile_count;
    struct seating_span *spans;
    size_t span_count, span_capacity;
    size_t *tile_of_leg; /* SIZE_MAX: none */
};

/* Returns 0 or -ENOMEM. The roster must outlive it. */
int seating_plan(const struct timeline *t, const struct roster *roster, int64_t end_us,
                 struct seating *ret_seating);
void seating_finish(struct seating *s);

bool seating_is_shown(const struct seating *s, size_t tile, int64_t at_us);

#endif
