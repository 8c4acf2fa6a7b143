/* What everybody's connection is like, as the media core tells it: shown to those of the court who
 * watch it, and kept beside the journal for who asks later whether somebody could hear.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_FIGURES_H
#define SIGNALING_FIGURES_H

#include "signaling/court.h"

/* Those who watch are told so often, of so many people at a time: the rest the next time. Ours. */
#define FIGURES_TELL_US      (1000 * 1000ull)
#define FIGURES_TOLD_AT_ONCE 50
/* Who begins to watch is told the last of what was kept, at most so many bytes: of ten people the
 * last ten minutes. Ours. */
#define FIGURES_PAST_BYTES (128u << 10)
/* A line of each person is kept so often, in a hearing of up to so many; of twice as many people
 * half as often. Ours: ten people and four hours are under 5 MB. */
#define FIGURES_KEEP_US    (10 * 1000000ull)
#define FIGURES_KEPT_OFTEN 16
/* The journal vouches for what is kept at least so often. Ours. */
#define FIGURES_VOUCH_US (600 * 1000000ull)

/* `watchConnections` of a page: judge, clerk and technician in the courtroom, of whom they see. */
void figures_watch(struct page *page, const struct message *message);

/* PEER_STATS, with what they mean. */
void figures_take(struct live *live, const struct hearing_person *person,
                  const struct control_peer_stats *stats, uint8_t quality);

/* Whether one of its transports was connected and nothing comes over it any more. */
bool figures_is_cut(struct live *live, const struct hearing_person *person);

/* Every WS_TICK_US. */
void figures_tick(struct live *live);

/* Keeps what is not kept yet, waits until it is on disk, and has the journal vouch for it: before a
 * line of the hearing's course. */
void figures_settle(struct live *live);

#endif
