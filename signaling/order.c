/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/order.h"

#include "signaling/act.h"
#include "signaling/effects.h"
#include "signaling/measures.h"
#include "signaling/view.h"

void order_close_microphones(struct live *live, uint64_t by)
{
    while (measures_close_next(live->hearing, by, &live->court->changes))
        effects_apply(live);
}

void order_lock(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {
        .event = message->lock.on ? JOURNAL_PERSON_LOCKED : JOURNAL_PERSON_UNLOCKED,
        .person = message->lock.person,
    };
    if (!act_may(page, message->id, ACCESS_LOCK, message->lock.person) ||
        !act_write(page, message->id, entry))
        return;
    struct hearing *hearing = page->live->hearing;
    measures_lock(hearing, hearing_find(hearing, message->lock.person), message->lock.on,
                  &page->court->changes);
    effects_apply(page->live);
    order_close_microphones(page->live, page->person->stored.id);
    page_ok(page, message->id);
}

static void give_floor(struct page *page, int32_t request, uint64_t person)
{
    measures_give_floor(page->live->hearing, person, &page->court->changes);
    effects_apply(page->live);
    order_close_microphones(page->live, page->person->stored.id);
    page_ok(page, request);
}

void order_give_floor(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {
        .event = JOURNAL_FLOOR_GIVEN,
        .person = message->person,
    };
    if (act_may(page, message->id, ACCESS_FLOOR, message->person) &&
        act_write(page, message->id, entry))
        give_floor(page, message->id, message->person);
}

void order_open_floor(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {.event = JOURNAL_FLOOR_OPENED};
    uint64_t holder = page->live->hearing->floor;
    if (!act_may(page, message->id, ACCESS_FLOOR, holder ? holder : page->person->stored.id))
        return;
    if (!holder) /* there is nothing to open */
        page_ok(page, message->id);
    else if (act_write(page, message->id, entry))
        give_floor(page, message->id, 0);
}

void order_mute_all(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {.event = JOURNAL_MICROPHONES_CLOSED};
    struct live *live = page->live;
    uint64_t by = page->person->stored.id;
    if (!act_may(page, message->id, ACCESS_MUTE, by) || !act_write(page, message->id, entry))
        return;
    while (measures_close_next_of_all(live->hearing, by, &live->court->changes))
        effects_apply(live);
    page_ok(page, message->id);
}

/* How much each picture matters to the media core, where that is another now. */
static void tell_ranks(struct live *live, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < live->hearing->count; i++) {
        const struct hearing_person *viewer = live->hearing->people[i];
        for (uint8_t seat = 0; seat < viewer->seats.count; seat++) {
            uint64_t shown = viewer->seats.seats[seat].person;
            if (shown && (shown == a || shown == b))
                view_tell_seat(live, viewer, seat);
        }
    }
}

void order_spotlight(struct page *page, const struct message *message)
{
    struct live *live = page->live;
    uint64_t before = live->hearing->spotlight;
    const struct journal_entry entry = {
        .event = message->lock.on ? JOURNAL_SPOTLIGHT_SET : JOURNAL_SPOTLIGHT_ENDED,
        .person = message->lock.person,
    };
    if (!act_may(page, message->id, ACCESS_SPOTLIGHT, message->lock.person))
        return;
    if (message->lock.on ==
        (before == message->lock.person)) { /* it is so: also another's may go on */
        page_ok(page, message->id);
        return;
    }
    if (!act_write(page, message->id, entry))
        return;
    measures_spotlight(live->hearing, message->lock.on ? message->lock.person : 0,
                       &page->court->changes);
    effects_apply(live);
    tell_ranks(live, before, live->hearing->spotlight);
    page_ok(page, message->id);
}

void order_screen(struct page *page, const struct message *message)
{
    const struct message_screen *screen = &message->screen;
    struct live *live = page->live;
    const struct journal_entry entry = {
        .event = screen->kinds ? JOURNAL_SCREEN_SET : JOURNAL_SCREEN_LIFTED,
        .person = screen->person,
        .from = screen->from,
        .kinds = screen->kinds,
    };
    if (!act_may(page, message->id, ACCESS_SCREEN, screen->person))
        return;
    int r = measures_check_screen(live->hearing, screen->from, screen->person, screen->kinds);
    if (r < 0) {
        act_refuse(page, message->id, r);
        return;
    }
    if (!act_write(page, message->id, entry))
        return;
    measures_screen(live->hearing, screen->from, screen->person, screen->kinds,
                    &page->court->changes);
    effects_apply(live);
    page_ok(page, message->id);
}
