/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/rooms.h"

#include <errno.h>
#include <string.h>

#include "signaling/hearing_change.h"

const struct hearing_room *rooms_find(const struct hearing *h, uint32_t number)
{
    for (size_t i = 0; number != 0 && i < LIMIT_ROOMS; i++)
        if (h->rooms[i].number == number)
            return &h->rooms[i];
    return NULL;
}

static bool is_full(const struct hearing *h)
{
    for (size_t i = 0; i < LIMIT_ROOMS; i++)
        if (h->rooms[i].number == 0)
            return false;
    return true;
}

static enum access_action action_of(enum terms_room kind)
{
    if (kind == TERMS_ROOM_DELIBERATION)
        return ACCESS_DELIBERATE;
    return kind == TERMS_ROOM_CAUCUS ? ACCESS_CAUCUS : ACCESS_CONSULT;
}

static bool is_in_such(const struct hearing_person *p, enum terms_room kind)
{
    return p->aside.number != 0 && p->aside.kind == kind;
}

/* Whether `actor` may ask this one. */
static int check_asked(const struct hearing_person *actor, enum terms_room kind,
                       const struct hearing_person *person)
{
    enum control_role role = person->stored.role;
    if (person->stored.room == TERMS_ROOM_OUTSIDE)
        return -ENOENT;
    if (person == actor || !access_has_place(access_room_kind(kind), role))
        return -EPERM;
    if (hearing_is_under_oath(person) && actor->stored.role != CONTROL_ROLE_JUDGE)
        return -EPERM;
    if (hearing_is_bench(actor) || role == CONTROL_ROLE_INTERPRETER)
        return 0;
    bool is_own_side = actor->stored.side && actor->stored.side == person->stored.side;
    return is_own_side && role != CONTROL_ROLE_WITNESS ? 0 : -EPERM;
}

int rooms_check_meet(const struct hearing *h, const struct hearing_person *actor,
                     enum terms_room kind, const uint64_t *people, size_t count)
{
    int r = hearing_check(h, actor, action_of(kind), 0);
    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct hearing_person *person = hearing_find(h, people[i]);
        r = person && hearing_sees(actor, person) ? check_asked(actor, kind, person) : -ENOENT;
    }
    if (r == 0 && !is_in_such(actor, kind) && is_full(h))
        r = -ENOSPC;
    return r;
}

uint32_t rooms_number(const struct hearing *h, const struct hearing_person *actor,
                      enum terms_room kind)
{
    return is_in_such(actor, kind) ? actor->aside.number : h->rooms_opened + 1;
}

bool rooms_goes_along(const struct hearing_person *actor, enum terms_room kind)
{
    return access_has_place(access_room_kind(kind), actor->stored.role);
}

static void add(struct hearing *h, const struct hearing_room *room)
{
    for (size_t i = 0; i < LIMIT_ROOMS; i++)
        if (h->rooms[i].number == 0) {
            h->rooms[i] = *room;
            return;
        }
}

void rooms_open(struct hearing *h, uint32_t number, enum terms_room kind,
                const struct hearing_person *by)
{
    if (rooms_find(h, number))
        return;
    add(h, &(struct hearing_room){number, kind, hearing_is_bench(by)});
    h->rooms_opened = number;
}

void rooms_ask(struct hearing *h, struct hearing_person *p, uint32_t number, uint64_t by,
               struct hearing_changes *changes)
{
    changes->count = 0;
    p->asked = number;
    p->asked_by = by;
    change_note(h, changes,
                (struct hearing_change){.type = HEARING_CHANGE_ASKED, .to = p->stored.id});
}

int rooms_check_enter(const struct hearing *h, const struct hearing_person *p, uint32_t number)
{
    const struct hearing_room *room = rooms_find(h, number);
    int r = hearing_check(h, p, ACCESS_ENTER, 0);
    if (r < 0)
        return r;
    if (!room || p->asked != number)
        return -ENOENT;
    bool needs_leave =
        h->stored.state == TERMS_STATE_OPEN && hearing_room(p) == TERMS_ROOM_COURTROOM;
    return needs_leave && !room->by_leave ? -ESTALE : 0;
}

void rooms_enter(struct hearing *h, struct hearing_person *p, uint32_t number,
                 struct hearing_changes *changes)
{
    const struct hearing_room *room = rooms_find(h, number);
    changes->count = 0;
    if (room)
        change_move(h, p, p->stored.room, (struct hearing_aside){room->kind, number}, 0, changes);
}

void rooms_decline(struct hearing *h, struct hearing_person *p, struct hearing_changes *changes)
{
    changes->count = 0;
    if (p->asked == 0)
        return;
    p->asked = 0;
    change_end_empty_rooms(h);
    change_note(h, changes,
                (struct hearing_change){.type = HEARING_CHANGE_ASKED, .to = p->stored.id});
}

void rooms_come_back(struct hearing *h, struct hearing_person *p, uint64_t by,
                     struct hearing_changes *changes)
{
    changes->count = 0;
    change_move(h, p, p->stored.room, change_not_aside, by, changes);
}

/* Where one person is, and what it is under, as the lines say. */
static void follow_person(struct hearing *h, const struct story_person *said)
{
    struct hearing_person *p = hearing_find(h, said->person);
    if (!p)
        return;
    p->locked = said->locked;
    p->consent = said->consent;
    p->oath = said->oath;
    const struct hearing_room *room = rooms_find(h, said->aside);
    if (p->stored.room == TERMS_ROOM_OUTSIDE)
        return;
    if (room)
        p->aside = (struct hearing_aside){room->kind, room->number};
    p->asked = rooms_find(h, said->asked) ? said->asked : 0;
    p->asked_by = said->asked_by;
}

void rooms_follow(struct hearing *h, const struct story *story)
{
    for (size_t i = 0; i < story->room_count; i++) {
        const struct story_room *said = &story->rooms[i];
        const struct hearing_person *by = hearing_find(h, said->by);
        add(h, &(struct hearing_room){said->number, said->kind, by && hearing_is_bench(by)});
    }
    h->rooms_opened = story->rooms_opened;
    for (size_t i = 0; i < story->count; i++)
        follow_person(h, &story->people[i]);
    change_end_empty_rooms(h);
    const struct hearing_person *holder = hearing_find(h, story->floor);
    if (holder && hearing_room(holder) == TERMS_ROOM_COURTROOM)
        h->floor = story->floor;
    const struct hearing_person *shown = hearing_find(h, story->spotlight);
    if (shown && hearing_room(shown) == TERMS_ROOM_COURTROOM)
        h->spotlight = story->spotlight;
    memcpy(h->screens, story->screens, story->screen_count * sizeof(story->screens[0]));
    h->screen_count = story->screen_count;
    h->locked = story->locked;
    h->objections = story->objections;
    h->in_camera = story->in_camera;
    h->suspended = story->suspended && h->stored.state == TERMS_STATE_RECESS;
}
