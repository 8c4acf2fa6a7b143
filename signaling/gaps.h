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

/* Who has transports but has not published the source again for so long did not mean to: its gap
 * ended when it was there without it. Ours: a page that joins again opens its devices in less. */
#define GAPS_WITHOUT_US (10 * 1000000ull)

/* From now on packets of this stream are due: the media core took it, or it is not paused any more.
 * It brings none until STREAM_STATE says so. */
void gaps_expect(struct live *live, uint64_t person, uint64_t stream);

/* STREAM_STATE: packets of a stream stopped or came. A paused one, or a shared screen (a still one
 * sends nothing), has no gap. */
void gaps_on_flow(struct live *live, const struct control_stream_state *state);

/* The media core is away: whatever is published and not paused has a gap, by our fault. One that
 * ends before it is back is not written before gaps_on_core_told(). */
void gaps_on_core_lost(struct live *live);

/* STREAM_PRESENT: the core was but out of our reach and has carried this stream all the time,
 * unless it has it paused. So what began by the loss was no gap. */
void gaps_on_stream_told(struct live *live, const struct control_stream_present *stream);

/* PRESENT_END: what began by the loss, ended before the core was back and was a gap is written. */
void gaps_on_core_told(struct live *live);

/* Ends the gaps of whom nobody should hear any more: gone from the courtroom, or paused. */
void gaps_settle(struct live *live);

/* Ends the gaps of who is there and has not published the source again for GAPS_WITHOUT_US. */
void gaps_tick(struct live *live);

/* The page itself ends what it published from `source`. */
void gaps_end(struct live *live, const struct hearing_person *person, enum control_source source);

#endif
