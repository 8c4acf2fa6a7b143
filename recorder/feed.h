/* The tape as frames: reads it once more, orders, repairs and places every track's packets, and
 * gives whole frames of all tracks in the order of their time in the hearing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_FEED_H
#define RECORDER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "recorder/absence.h"
#include "recorder/timeline.h"

struct feed;

struct feed_frame {
    size_t leg;     /* index in the timeline */
    int64_t pts_us; /* since the record's zero; within a leg ever growing */
    bool key;
    bool after_loss; /* numbers are missing between the leg's frame before and this one */
    uint8_t *data;   /* the feed's until the next call */
    size_t len;
};

/* `t` is borrowed for the feed's life. Returns 0, -ENOMEM or what opening the tape says. */
int feed_open(const char *dir, const struct timeline *t, struct feed **ret_feed);

/* Accepts NULL. */
void feed_close(struct feed *f);
DEFINE_CLEANUP(struct feed, feed_close)

/* The next frame. Returns 1, 0 at the end, -ENOMEM, or an errno of read. */
int feed_next(struct feed *f, struct feed_frame *ret_frame);

/* The same frame again at the next call. */
void feed_unget(struct feed *f);

/* How much of the tape was read, in per mille. */
unsigned feed_permille(const struct feed *f);

/* Why tracks have holes; right for all before the frame given last. Borrowed, until closed. */
const struct absence *feed_absence(const struct feed *f);

#endif
