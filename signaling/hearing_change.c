/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/hearing_change.h"

#include <assert.h>

const struct hearing_aside change_not_aside = {TERMS_ROOM_OUTSIDE, 0};

void change_note(const struct hearing *h, struct hearing_changes *changes,
                 struct hearing_change change)
{
    if (change.to != 0) {
        const struct hearing_person *p = hearing_find(h, change.to);
        if (!p || !p->connected)
            return;
    }
    assert(changes->count < HEARING_CHANGES_MAX);
    changes->changes[changes->count++] = change;
}

void change_note_person(const struct hearing *h, const struct hearing_person *about,
                        struct hearing_changes *changes)
{
    for (size_t i = 0; i < h->count; i++)
        if (hearing_sees(h->people[i], about))
            change_note(h, changes,
                        (struct hearing_change){.type = HEARING_CHANGE_PERSON,
                                                .to = h->people[i]->stored.id,
                                                .about = about->stored.id});
}

void change_note_may(const struct hearing *h, const struct hearing_person *p, uint32_t before,
                     struct hearing_changes *changes)
{
    if (hearing_may(h, p) != before)
        change_note(h, changes,
                    (struct hearing_change){.type = HEARING_CHANGE_MAY, .to = p->stored.id});
}

static void end_producers(struct hearing *h, struct hearing_person *p, bool was_aside,
                          struct hearing_changes *changes)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        if (p->producers[i].id == 0)
            continue;
        change_note(h, changes,
                    (struct hearing_change){.type = HEARING_CHANGE_UNPRODUCE,
                                            .about = p->stored.id,
                                            .was_aside = was_aside,
                                            .producer = p->producers[i]});
        p->producers[i] = (struct hearing_producer){0};
    }
}

void change_end_producers(struct hearing *h, struct hearing_person *p,
                          struct hearing_changes *changes)
{
    end_producers(h, p, p->aside.number != 0, changes);
}

void change_empty_seats(struct hearing_person *p)
{
    p->seats = (struct seats){.count = p->stored.seats};
}

void change_close_microphone(struct hearing *h, struct hearing_person *p, uint64_t by,
                             struct hearing_changes *changes)
{
    struct hearing_producer *microphone = hearing_producer_of(p, CONTROL_SOURCE_MICROPHONE);
    if (!microphone || microphone->paused)
        return;
    microphone->paused = true;
    change_note(h, changes,
                (struct hearing_change){.type = HEARING_CHANGE_PAUSE,
                                        .about = p->stored.id,
                                        .by = by,
                                        .producer = *microphone});
    change_note(
        h, changes,
        (struct hearing_change){.type = HEARING_CHANGE_MUTED, .to = p->stored.id, .by = by});
    change_note_person(h, p, changes);
}

/* Where somebody is. */
struct place {
    enum terms_room room;
    struct hearing_aside aside;
};

static struct place place_of(const struct hearing_person *p)
{
    return (struct place){p->stored.room, p->aside};
}

static void set_place(struct hearing_person *p, const struct place *place)
{
    p->stored.room = place->room;
    p->aside = place->aside;
}

/* After `about` went from `from` to where it is: tells the others of it, and it whom it sees from
 * now on; those were there before. */
static void note_views(const struct hearing *h, struct hearing_person *about,
                       const struct place *from, struct hearing_changes *changes)
{
    const struct place to = place_of(about);
    bool sees_others = false;
    for (size_t i = 0; i < h->count; i++) {
        struct hearing_person *other = h->people[i];
        bool sees_now = hearing_sees(other, about), seen_now = hearing_sees(about, other);
        set_place(about, from);
        bool saw = hearing_sees(other, about), was_seen = hearing_sees(about, other);
        set_place(about, &to);
        if (sees_now || saw)
            change_note(h, changes,
                        (struct hearing_change){.type = sees_now ? HEARING_CHANGE_PERSON
                                                                 : HEARING_CHANGE_GONE,
                                                .to = other->stored.id,
                                                .about = about->stored.id});
        sees_others = sees_others || seen_now != was_seen;
    }
    if (sees_others)
        change_note(h, changes,
                    (struct hearing_change){.type = HEARING_CHANGE_PEOPLE, .to = about->stored.id});
}

void change_end_empty_rooms(struct hearing *h)
{
    for (size_t i = 0; i < LIMIT_ROOMS; i++) {
        uint32_t number = h->rooms[i].number;
        bool is_used = false;
        for (size_t k = 0; k < h->count; k++)
            is_used =
                is_used || h->people[k]->aside.number == number || h->people[k]->asked == number;
        if (!is_used)
            h->rooms[i] = (struct hearing_room){0};
    }
}

static bool may_publish_in(enum terms_room room)
{
    return room == TERMS_ROOM_COURTROOM || terms_is_aside(room);
}

/* What follows of a move for pages that are not the person's. */
static void note_rest(struct hearing *h, struct hearing_person *p, const struct place *from,
                      struct hearing_changes *changes)
{
    bool is_gone = hearing_room(p) != TERMS_ROOM_COURTROOM;
    if (is_gone && (h->floor == p->stored.id || h->spotlight == p->stored.id)) {
        h->floor = h->floor == p->stored.id ? 0 : h->floor;
        h->spotlight = h->spotlight == p->stored.id ? 0 : h->spotlight;
        change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_STATE});
    }
    change_end_empty_rooms(h);
    const struct place to = place_of(p);
    set_place(p, from);
    bool knew = hearing_knows_course(p);
    set_place(p, &to);
    if (knew != hearing_knows_course(p))
        change_note(h, changes,
                    (struct hearing_change){.type = HEARING_CHANGE_STATE, .to = p->stored.id});
    note_views(h, p, from, changes);
}

void change_move(struct hearing *h, struct hearing_person *p, enum terms_room room,
                 struct hearing_aside aside, uint64_t by, struct hearing_changes *changes)
{
    const struct place from = place_of(p), to = {room, aside};
    bool is_moved = from.room != room || from.aside.number != aside.number;
    bool was_aside = from.aside.number != 0;
    uint32_t may = hearing_may(h, p);
    set_place(p, &to);
    if (room == TERMS_ROOM_OUTSIDE)
        p->stored.hand = false;
    if (is_moved)
        p->asked = 0;
    if (is_moved && may_publish_in(hearing_room(p)) &&
        (hearing_is_closed(h, p) || (was_aside && by)))
        change_close_microphone(h, p, by, changes);
    if (is_moved)
        change_note(h, changes,
                    (struct hearing_change){.type = HEARING_CHANGE_MOVE,
                                            .about = p->stored.id,
                                            .by = by,
                                            .was_aside = was_aside});
    if (!may_publish_in(hearing_room(p)))
        end_producers(h, p, was_aside, changes);
    if (is_moved)
        change_note(
            h, changes,
            (struct hearing_change){.type = HEARING_CHANGE_ROOM, .to = p->stored.id, .by = by});
    note_rest(h, p, &from, changes);
    change_note_may(h, p, may, changes);
}
