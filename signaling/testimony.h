/* Oaths, objections, and the lock of the room. Pure, as hearing.h; what follows for microphones is
 * measures.h's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_TESTIMONY_H
#define SIGNALING_TESTIMONY_H

#include "signaling/hearing.h"

/* Each change begins `changes` anew. The caller has asked hearing_check() and written the line. */

/* The court asks for one, or (`form` NONE) releases from it or takes the asking back. */
void testimony_ask(struct hearing *hearing, struct hearing_person *person, enum terms_oath form,
                   struct hearing_changes *changes);

/* 0, or -ESTALE when it was not asked, or has taken it. ACCESS_TAKE_OATH is asked before. */
int testimony_check_take(const struct hearing_person *person);
/* What it was asked into meanwhile is over: only a judge asks it from now on. */
void testimony_take(struct hearing *hearing, struct hearing_person *person,
                    struct hearing_changes *changes);

/* 0, or -ENOSPC when LIMIT_OBJECTIONS wait, -ESTALE when one of this person's does. */
int testimony_check_object(const struct hearing *hearing, const struct hearing_person *person);
void testimony_object(struct hearing *hearing, uint32_t number, uint64_t by,
                      struct hearing_changes *changes);

/* 0, or -ENOENT: there is none of this number that waits. */
int testimony_check_rule(const struct hearing *hearing, uint32_t number);
void testimony_rule(struct hearing *hearing, uint32_t number, enum terms_ruling ruling,
                    struct hearing_changes *changes);

void testimony_lock_room(struct hearing *hearing, bool locked, struct hearing_changes *changes);

#endif
