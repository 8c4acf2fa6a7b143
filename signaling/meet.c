/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/meet.h"

#include <string.h>

#include "signaling/act.h"
#include "signaling/effects.h"
#include "signaling/rooms.h"

/* A line for each who is asked and is not yet. False after telling the page. */
static bool write_asked(struct page *page, const struct message *message, uint32_t number)
{
    for (size_t i = 0; i < message->meet.count; i++) {
        const struct hearing_person *person =
            hearing_find(page->live->hearing, message->meet.people[i]);
        const struct journal_entry asked = {
            .event = JOURNAL_PERSON_ASKED,
            .person = message->meet.people[i],
            .number = number,
        };
        if (person->asked != number && !act_write(page, message->id, asked))
            return false;
    }
    return true;
}

static struct journal_entry moved(const struct hearing_person *person, enum terms_room room,
                                  uint32_t number)
{
    return (struct journal_entry){
        .event = JOURNAL_PERSON_MOVED,
        .person = person->stored.id,
        .room = room,
        .number = number,
    };
}

/* Its line stands. */
static void enter(struct page *page, uint32_t number)
{
    rooms_enter(page->live->hearing, page->person, number, &page->court->changes);
    court_save(page->live, page->person);
    effects_apply(page->live);
}

static bool is_there(const struct hearing_person *person, uint32_t number)
{
    return person->aside.number == number;
}

void meet_handle(struct page *page, const struct message *message)
{
    struct hearing *hearing = page->live->hearing;
    const struct message_meet *meet = &message->meet;
    int r = rooms_check_meet(hearing, page->person, meet->kind, meet->people, meet->count);
    if (r < 0) {
        act_refuse(page, message->id, r);
        return;
    }
    uint32_t number = rooms_number(hearing, page->person, meet->kind);
    const struct journal_entry opened = {
        .event = JOURNAL_ROOM_OPENED,
        .room = meet->kind,
        .number = number,
    };
    bool goes = rooms_goes_along(page->person, meet->kind) && !is_there(page->person, number);
    if (!rooms_find(hearing, number) && !act_write(page, message->id, opened))
        return;
    if (!write_asked(page, message, number) ||
        (goes && !act_write(page, message->id, moved(page->person, meet->kind, number))))
        return;
    rooms_open(hearing, number, meet->kind, page->person);
    for (size_t i = 0; i < meet->count; i++) {
        rooms_ask(hearing, hearing_find(hearing, meet->people[i]), number, page->person->stored.id,
                  &page->court->changes);
        effects_tell(page->live);
    }
    if (goes)
        enter(page, number);
    struct jsontext t = {0};
    reply_met(&t, message->id, number);
    page_send(page, &t);
}

void meet_enter(struct page *page, const struct message *message)
{
    int r = rooms_check_enter(page->live->hearing, page->person, message->number);
    if (r < 0) {
        act_refuse(page, message->id, r);
        return;
    }
    const struct hearing_room *room = rooms_find(page->live->hearing, message->number);
    if (!act_write(page, message->id, moved(page->person, room->kind, room->number)))
        return;
    enter(page, message->number);
    page_ok(page, message->id);
}

void meet_decline(struct page *page, const struct message *message)
{
    /* No line: that it was asked and did not come is told by what stands there already. */
    rooms_decline(page->live->hearing, page->person, &page->court->changes);
    effects_tell(page->live);
    page_ok(page, message->id);
}

/* Back to where it belongs. */
static void bring_back(struct page *page, int32_t request, struct hearing_person *person,
                       uint64_t by)
{
    if (!act_write(page, request, moved(person, person->stored.room, 0)))
        return;
    rooms_come_back(page->live->hearing, person, by, &page->court->changes);
    court_save(page->live, person);
    effects_apply(page->live);
    page_ok(page, request);
}

void meet_come_back(struct page *page, const struct message *message)
{
    if (act_may(page, message->id, ACCESS_COME_BACK, 0))
        bring_back(page, message->id, page->person, 0);
}

void meet_call_back(struct page *page, const struct message *message)
{
    if (act_may(page, message->id, ACCESS_CALL_BACK, message->person))
        bring_back(page, message->id, hearing_find(page->live->hearing, message->person),
                   page->person->stored.id);
}
