/* How a hearing changes: for hearing.c, rooms.c and measures.c alone, which say why.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_HEARING_CHANGE_H
#define SIGNALING_HEARING_CHANGE_H

#include "signaling/hearing.h"

/* In no room beside the courtroom. */
extern const struct hearing_aside change_not_aside;

/* Notes a change; what is meant for a page that is not there is left out. */
void change_note(const struct hearing *hearing, struct hearing_changes *changes,
                 struct hearing_change change);

/* Tells everybody who sees `about` how it is now. */
void change_note_person(const struct hearing *hearing, const struct hearing_person *about,
                        struct hearing_changes *changes);

/* Tells the person what it may, unless that is as `before`. */
void change_note_may(const struct hearing *hearing, const struct hearing_person *person,
                     uint32_t before, struct hearing_changes *changes);

/* Closes an open microphone, and tells its person and all who see it. */
void change_close_microphone(struct hearing *hearing, struct hearing_person *person, uint64_t by,
                             struct hearing_changes *changes);

void change_end_producers(struct hearing *hearing, struct hearing_person *person,
                          struct hearing_changes *changes);
void change_empty_seats(struct hearing_person *person);

/* Rooms beside the courtroom end with the last who is in them or was asked in. */
void change_end_empty_rooms(struct hearing *hearing);

/* Moves a person and says everything that follows from it. Where its microphone is to be closed,
 * that is before it is there; and it is closed for whoever is brought out of a room beside by
 * somebody else, and may not know yet who listens. */
void change_move(struct hearing *hearing, struct hearing_person *person, enum terms_room room,
                 struct hearing_aside aside, uint64_t by, struct hearing_changes *changes);

#endif
