/* What the court orders of microphones and of who receives whom: locks, the floor, screens. Pure,
 * as hearing.h; what it forbids is enforced by the media core.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_MEASURES_H
#define SIGNALING_MEASURES_H

#include "signaling/hearing.h"

/* Each begins `changes` anew. The caller has asked hearing_check() and written the line.
 * Microphones that are to be closed by it are closed by measures_close_next() afterwards. */
void measures_lock(struct hearing *hearing, struct hearing_person *person, bool locked,
                   struct hearing_changes *changes);
/* `person` 0: it is open to all. Their microphones stay closed until they open them. */
void measures_give_floor(struct hearing *hearing, uint64_t person, struct hearing_changes *changes);

/* `person` 0: nobody is in it. */
void measures_spotlight(struct hearing *hearing, uint64_t person, struct hearing_changes *changes);

/* Closes one microphone that hearing_is_closed() says is to be. False: there is none left. */
bool measures_close_next(struct hearing *hearing, uint64_t by, struct hearing_changes *changes);
/* The same for every open one in the courtroom but the judges'. */
bool measures_close_next_of_all(struct hearing *hearing, uint64_t by,
                                struct hearing_changes *changes);

/* Whether a screen may be set before `to` and around `from` by who may do so to `to`: `from` is
 * asked here. -ENOENT, -EPERM: a judge, or both the same; -ENOSPC: LIMIT_SCREENS are there. */
int measures_check_screen(const struct hearing *hearing, uint64_t from, uint64_t to, uint8_t kinds);
/* `kinds` 0 lifts it. */
void measures_screen(struct hearing *hearing, uint64_t from, uint64_t to, uint8_t kinds,
                     struct hearing_changes *changes);

/* Whether this person is to know of the screen: the bench of all, the two of theirs. */
bool measures_knows_screen(const struct hearing_person *person, const struct story_screen *screen);

#endif
