/* Why a track has a hole: from what the tape itself tells of pauses, ends of tracks and what we
 * could not write, and from the journal's comings and goings. What began a hole names it: a network
 * that fails during a pause does not become one, nor the other way round.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_ABSENCE_H
#define RECORDER_ABSENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "recorder/roster.h"
#include "recorder/tape.h"
#include "recorder/timeline.h"

enum absence_why {
    ABSENCE_MUTED,       /* on purpose: paused by the person or the court, or closed */
    ABSENCE_RECONNECTED, /* connection, page, media core or the hearing's place there began anew */
    ABSENCE_LOST,        /* in the network, not repaired */
    ABSENCE_UNSENT,      /* no number is missing: the page, or its device, stood still */
    ABSENCE_UNRECORDED,  /* our fault: no room in the ring, or the tape is damaged */
    ABSENCE_WHY_COUNT
};

/* As the manifest says it. */
const char *absence_name(enum absence_why why);

struct absence;

/* `t` is borrowed for its life. Returns 0 or -ENOMEM. */
int absence_create(const struct timeline *t, struct absence **ret_absence);

/* Accepts NULL. */
void absence_free(struct absence *a);
DEFINE_CLEANUP(struct absence, absence_free)

/* Learns from a record of the tape, in its order: of pauses, ends, and what the ring or the writer
 * gave up. `at_us` is its time, `before_us` that of the record before it. Others are left. Returns
 * 0 or -ENOMEM. */
int absence_take(struct absence *a, size_t leg, const struct tape_record *record, int64_t before_us,
                 int64_t at_us);

/* Records between the two times are lost by our fault. Returns 0 or -ENOMEM. */
int absence_fault(struct absence *a, int64_t from_us, int64_t to_us);

/* A time without frames. */
struct absence_hole {
    size_t before, after; /* the legs of the frames around it */
    int64_t from_us, to_us;
    int64_t least_us;     /* shorter is none; what began it lies within so much of its beginning */
    bool numbers_missing; /* between the two frames, when of one leg */
};

struct absence_part {
    int64_t from_us, to_us;
    enum absence_why why;
};

/* A pause, and what came when it was over. */
#define ABSENCE_PARTS_MAX 2

/* The parts of a hole in their order, without time between them; at least one. Right once records
 * up to its end were taken. */
size_t absence_explain(const struct absence *a, const struct roster *roster,
                       const struct absence_hole *hole,
                       struct absence_part ret_parts[ABSENCE_PARTS_MAX]);

#endif
