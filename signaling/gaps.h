/* When a microphone or camera that should be heard or seen brings nothing: since when, and, once it
 * does again or is given up, the journal's line of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_GAPS_H
#define SIGNALING_GAPS_H

#include "signaling/court.h"

/* A shorter silence is no line, unless it is our fault. Ours: what a listener notices. */
#define GAPS_MIN_US (2 * 1000000ull)

/* How long a stream brings nothing before the media core says that it stopped: STREAM_STOPPED_US of
 * sfu/stream.h. */
#define GAPS_TOLD_LATE_US (1 * 1000000ull)

/* STREAM_STATE: packets of a stream stopped or came. A paused one, or a shared screen (a still one
 * sends nothing), has no gap. */
void gaps_on_flow(struct live *live, const struct control_stream_state *state);

/* The media core is away: whatever is published and not paused has a gap, by our fault. */
void gaps_on_core_lost(struct live *live);

/* It was but out of our reach and has gone on: those gaps were none. */
void gaps_on_core_unhurt(struct live *live);

/* Ends the gaps of whom nobody should hear any more: gone from the courtroom, or paused. */
void gaps_settle(struct live *live);

/* The page itself ends what it published from `source`. */
void gaps_end(struct live *live, const struct hearing_person *person, enum control_source source);

#endif
