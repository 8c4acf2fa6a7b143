/* Carries out what hearing.h says follows from a change: the media core first, then the pages, then
 * everybody's seats. Also how things stand between us and the media core.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_EFFECTS_H
#define SIGNALING_EFFECTS_H

#include "signaling/court.h"

/* Carries out court->changes, journals producers that ended, and seats everybody anew. */
void effects_apply(struct live *live);

/* Carries out their part for pages alone: the media core has it already. */
void effects_tell(struct live *live);

/* Tells a page that has just come into which room it is asked, and of screens; what is not told is
 * not. */
void effects_tell_measures(struct live *live, const struct hearing_person *person);

/* Why a person whose page went and did not come back is gone. */
enum journal_cause effects_cause(const struct live_presence *presence);

/* Seats everybody anew; SEAT_SET and `seat` events follow. */
void effects_reseat(struct live *live);

/* Says all of a person's seats again, to the media core and to its page. */
void effects_repeat_seats(struct live *live, struct hearing_person *person);

/* Opens the hearing in the media core, with its matrix and, once there is one, its ring.
 * Repeatable; nothing when the media core is away, or the hearing is closed. */
void effects_open_media(struct live *live);

/* The line that somebody leaves, unless it is in no room: last heard of when its page was lost, or
 * now. Its grace is over with that. */
void effects_write_left(struct live *live, const struct hearing_person *person,
                        enum journal_cause cause);

/* Whoever is in a room leaves it: journal line, media, room, events. `cause` says why. */
void effects_leave(struct live *live, struct hearing_person *person, enum journal_cause cause);

/* Its transports are gone: ends what it produced, and tells its page to join again. */
void effects_media_lost(struct live *live, struct hearing_person *person);

/* SEAT_SWITCHED, SPEAKERS, PEER_STATS, TRANSPORT_STATE. */
void effects_on_seat_switched(struct live *live, const struct control_seat_switched *switched);
void effects_on_speakers(struct live *live, const struct control_speakers *speakers);
void effects_on_stats(struct live *live, const struct control_peer_stats *stats);
void effects_on_transport(struct live *live, const struct control_transport_state *state);

/* Every WS_TICK_US: pages whose grace is over, seats that never showed. */
void effects_tick(struct live *live);

/* Sends one event to everybody connected. */
void effects_tell_all(struct live *live, struct jsontext *t);

#endif
