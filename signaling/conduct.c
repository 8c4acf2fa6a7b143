/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/conduct.h"

#include "signaling/act.h"
#include "signaling/effects.h"
#include "signaling/order.h"
#include "signaling/testimony.h"

/* What was changed is told, and the request is answered. */
static void finish(struct page *page, int32_t request)
{
    effects_apply(page->live);
    page_ok(page, request);
}

/* False after telling the page: `error` is 0 or what it is refused for. */
static bool goes(struct page *page, int32_t request, int error)
{
    if (error < 0)
        act_refuse(page, request, error);
    return error == 0;
}

void conduct_swear(struct page *page, const struct message *message)
{
    const struct message_swear *swear = &message->swear;
    const struct journal_entry entry = {
        .event = JOURNAL_OATH_ASKED,
        .person = swear->person,
        .form = swear->form,
    };
    struct hearing *hearing = page->live->hearing;
    if (!act_may(page, message->id, ACCESS_SWEAR, swear->person) ||
        !act_write(page, message->id, entry))
        return;
    testimony_ask(hearing, hearing_find(hearing, swear->person), swear->form,
                  &page->court->changes);
    finish(page, message->id);
}

void conduct_sworn(struct page *page, const struct message *message)
{
    struct hearing_person *person = page->person;
    const struct journal_entry entry = {
        .event = JOURNAL_PERSON_SWORN,
        .person = person->stored.id,
        .form = person->oath.form,
        .language = message->language,
    };
    if (!act_may(page, message->id, ACCESS_TAKE_OATH, 0) ||
        !goes(page, message->id, testimony_check_take(person)) ||
        !act_write(page, message->id, entry))
        return;
    testimony_take(page->live->hearing, person, &page->court->changes);
    finish(page, message->id);
}

void conduct_release(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {
        .event = JOURNAL_PERSON_RELEASED,
        .person = message->person,
    };
    struct hearing *hearing = page->live->hearing;
    if (!act_may(page, message->id, ACCESS_RELEASE, message->person) ||
        !act_write(page, message->id, entry))
        return;
    testimony_ask(hearing, hearing_find(hearing, message->person), TERMS_OATH_NONE,
                  &page->court->changes);
    finish(page, message->id);
}

void conduct_object(struct page *page, const struct message *message)
{
    struct live *live = page->live;
    uint64_t by = page->person->stored.id;
    uint32_t number = live->hearing->objections.raised + 1;
    const struct journal_entry entry = {
        .event = JOURNAL_OBJECTION_RAISED,
        .person = by,
        .number = number,
    };
    if (!act_may(page, message->id, ACCESS_OBJECT, 0) ||
        !goes(page, message->id, testimony_check_object(live->hearing, page->person)) ||
        !act_write(page, message->id, entry))
        return;
    testimony_object(live->hearing, number, by, &page->court->changes);
    effects_apply(live);
    order_close_microphones(live, by);
    page_ok(page, message->id);
}

/* Who raised it may withdraw it; else a judge rules. */
static enum access_action action_of(const struct page *page, const struct message_rule *rule)
{
    const struct objection *found = objections_find(&page->live->hearing->objections, rule->number);
    bool is_own = found && found->by == page->person->stored.id;
    return is_own && rule->ruling == TERMS_RULING_WITHDRAWN ? ACCESS_OBJECT : ACCESS_RULE;
}

void conduct_rule(struct page *page, const struct message *message)
{
    const struct message_rule *rule = &message->rule;
    struct hearing *hearing = page->live->hearing;
    const struct journal_entry entry = {
        .event = JOURNAL_OBJECTION_RULED,
        .number = rule->number,
        .ruling = rule->ruling,
    };
    if (!act_may(page, message->id, action_of(page, rule), 0) ||
        !goes(page, message->id, testimony_check_rule(hearing, rule->number)) ||
        !act_write(page, message->id, entry))
        return;
    testimony_rule(hearing, rule->number, rule->ruling, &page->court->changes);
    finish(page, message->id);
}

void conduct_lock_room(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {
        .event = message->on ? JOURNAL_ROOM_LOCKED : JOURNAL_ROOM_UNLOCKED,
    };
    if (!act_may(page, message->id, ACCESS_LOCK_ROOM, 0) || !act_write(page, message->id, entry))
        return;
    testimony_lock_room(page->live->hearing, message->on, &page->court->changes);
    finish(page, message->id);
}

void conduct_mark(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {.event = JOURNAL_MARK, .words = message->words};
    if (act_may(page, message->id, ACCESS_MARK, 0) && act_write(page, message->id, entry))
        page_ok(page, message->id);
}
