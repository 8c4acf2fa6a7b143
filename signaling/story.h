/* What the lines of a journal say so far: the truth after a crash between a line and its effect,
 * and for what nothing else keeps: rooms beside the courtroom, locks, the floor, screens,
 * oaths, objections. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_STORY_H
#define SIGNALING_STORY_H

#include "signaling/journal_line.h"
#include "signaling/objections.h"

/* A room beside the courtroom, as it was opened. */
struct story_room {
    uint32_t number; /* from 1, in the order they were opened */
    enum terms_room kind;
    uint64_t by;
};

/* To an online hearing. */
enum story_consent {
    STORY_CONSENT_NONE = 0, /* the party has not said */
    STORY_CONSENT_GIVEN,
    STORY_CONSENT_WITHDRAWN,
};

struct story_oath {
    enum terms_oath form; /* NONE: it was not asked for one, or was released */
    bool taken;
};

/* Of a person of whom the lines say more than that it came and went. */
struct story_person {
    uint64_t person;
    struct journal_standing standing; /* its `person` is 0 where the court has said nothing */
    uint32_t aside;                   /* number of the room beside that it is in; 0: in none */
    uint32_t asked;                   /* the same of one it was asked into, and has not answered */
    uint64_t asked_by;
    bool locked;
    enum story_consent consent;
    struct story_oath oath;
};

/* `to` receives nothing of `from`. */
struct story_screen {
    uint64_t from;
    uint64_t to;
    uint8_t kinds; /* bits 1 << enum control_kind */
};

struct story {
    struct journal_summary summary;
    size_t count;
    struct story_person people[LIMIT_PEOPLE_PER_HEARING];
    size_t room_count;
    struct story_room rooms[LIMIT_ROOMS]; /* some may be over */
    uint32_t rooms_opened;
    uint64_t floor;     /* who has it; 0: it is open to all */
    uint64_t spotlight; /* whom everybody is shown large; 0: nobody */
    bool in_camera;
    bool suspended; /* the recess is a suspension */
    bool locked;    /* to whoever was not here before */
    struct objections objections;
    size_t screen_count;
    struct story_screen screens[LIMIT_SCREENS];
};

/* Takes one line of `len` bytes without newline, which is known to continue the chain. */
void story_take(struct story *story, const struct journal_line *line, size_t len);

/* NULL where the lines say nothing of it. */
const struct story_person *story_person(const struct story *story, uint64_t person);

#endif
