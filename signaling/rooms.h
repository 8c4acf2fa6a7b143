/* Rooms beside the courtroom: consultation, deliberation, caucus. Whoever opens one asks others in;
 * each enters on purpose and comes back on purpose. What is said there reaches nobody else, no tape
 * and no journal: that has only who was in which, and when. Pure, as hearing.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ROOMS_H
#define SIGNALING_ROOMS_H

#include "signaling/hearing.h"

/* NULL when there is none of that number. Borrowed. */
const struct hearing_room *rooms_find(const struct hearing *hearing, uint32_t number);

/* Whether `actor` may ask these people into a room of this kind: into the one of that kind that it
 * is in, or a new one. -EPERM `not-allowed`: not this role, or not somebody of that role; -ESTALE
 * `wrong-state`; -ENOENT `not-found`: somebody it does not see, or who is outside; -ENOSPC `full`:
 * LIMIT_ROOMS are there; and as hearing_check(). Parties and lawyers ask people of their side, and
 * interpreters whom they see; witnesses are asked by the court alone. */
int rooms_check_meet(const struct hearing *hearing, const struct hearing_person *actor,
                     enum terms_room kind, const uint64_t *people, size_t count);

/* The number of the room that such a meeting is in. */
uint32_t rooms_number(const struct hearing *hearing, const struct hearing_person *actor,
                      enum terms_room kind);

/* Whether the actor goes there itself: the court may send others to a consultation, which is none
 * of its business. */
bool rooms_goes_along(const struct hearing_person *actor, enum terms_room kind);

/* The changes; each begins `changes` anew. The caller has asked the checks, and written the lines.
 */

/* Opens the room unless it is there. */
void rooms_open(struct hearing *hearing, uint32_t number, enum terms_room kind,
                const struct hearing_person *by);
/* Asks one person in, who is told; a room it was asked into before is forgotten. */
void rooms_ask(struct hearing *hearing, struct hearing_person *person, uint32_t number, uint64_t by,
               struct hearing_changes *changes);

/* Whether the person may enter the room it was asked into. -ENOENT: it was not asked into that one,
 * or it is over; -ESTALE: not while the hearing is open, unless the court opened the room; and as
 * hearing_check(). */
int rooms_check_enter(const struct hearing *hearing, const struct hearing_person *person,
                      uint32_t number);
void rooms_enter(struct hearing *hearing, struct hearing_person *person, uint32_t number,
                 struct hearing_changes *changes);
/* It does not come. Nothing when it was not asked. */
void rooms_decline(struct hearing *hearing, struct hearing_person *person,
                   struct hearing_changes *changes);
/* Back to the courtroom or waiting room. `by` another: its microphone is closed. */
void rooms_come_back(struct hearing *hearing, struct hearing_person *person, uint64_t by,
                     struct hearing_changes *changes);

/* After a restart of ours: what the journal alone has: rooms, locks, floor, screens, closed
 * doors, suspension, consent, oaths, objections, the lock. People are
 * there already. */
void rooms_follow(struct hearing *hearing, const struct story *story);

#endif
