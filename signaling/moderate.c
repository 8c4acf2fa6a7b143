/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/moderate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "signaling/act.h"
#include "signaling/effects.h"
#include "signaling/figures.h"
#include "signaling/order.h"
#include "signaling/record.h"

static bool write_line(struct page *page, int32_t request, enum journal_event event,
                       uint64_t person)
{
    return act_write(page, request, (struct journal_entry){.event = event, .person = person});
}

void moderate_hand(struct page *page, const struct message *message)
{
    if (message->up && !act_may(page, message->id, ACCESS_HAND, 0))
        return;
    hearing_set_hand(page->live->hearing, page->person, message->up, &page->court->changes);
    court_save(page->live, page->person);
    effects_apply(page->live);
    page_ok(page, message->id);
}

void moderate_lower_hand(struct page *page, const struct message *message)
{
    if (!act_may(page, message->id, ACCESS_LOWER_HAND, message->person))
        return;
    struct hearing_person *target = hearing_find(page->live->hearing, message->person);
    hearing_set_hand(page->live->hearing, target, false, &page->court->changes);
    court_save(page->live, target);
    effects_apply(page->live);
    page_ok(page, message->id);
}

void moderate_admit(struct page *page, const struct message *message)
{
    if (!act_may(page, message->id, ACCESS_ADMIT, message->person) ||
        !write_line(page, message->id, JOURNAL_PERSON_ADMITTED, message->person))
        return;
    struct hearing_person *target = hearing_find(page->live->hearing, message->person);
    hearing_admit(page->live->hearing, target, page->person->stored.id, &page->court->changes);
    court_save(page->live, target);
    effects_apply(page->live);
    page_ok(page, message->id);
}

void moderate_dismiss(struct page *page, const struct message *message)
{
    if (!act_may(page, message->id, ACCESS_DISMISS, message->person) ||
        !write_line(page, message->id, JOURNAL_PERSON_DISMISSED, message->person))
        return;
    struct hearing_person *target = hearing_find(page->live->hearing, message->person);
    hearing_dismiss(page->live->hearing, target, page->person->stored.id, &page->court->changes);
    court_save(page->live, target);
    effects_apply(page->live);
    page_ok(page, message->id);
}

void moderate_mute(struct page *page, const struct message *message)
{
    if (!act_may(page, message->id, ACCESS_MUTE, message->person) ||
        !write_line(page, message->id, JOURNAL_PERSON_MUTED, message->person))
        return;
    hearing_mute(page->live->hearing, hearing_find(page->live->hearing, message->person),
                 page->person->stored.id, &page->court->changes);
    effects_apply(page->live);
    page_ok(page, message->id);
}

/* Revokes what invitations the person still has: a line each, then the store. */
static int revoke_invitations(struct live *live, const struct hearing_person *target, uint64_t by)
{
    struct court *court = live->court;
    struct store_invitation *list = NULL;
    size_t count = 0;
    int r = store_invitation_list(court->store, live->hearing->stored.id, &list, &count);
    for (size_t i = 0; i < count; i++) {
        const struct journal_entry entry = {
            .event = JOURNAL_INVITATION_REVOKED,
            .invitation = list[i].id,
            .person = target->stored.id,
            .by = by,
        };
        if (list[i].person == target->stored.id && !list[i].revoked_us)
            (void)court_journal(live, &entry); /* "removed" stands: it is revoked in any case */
    }
    free(list);
    return r < 0 ? r
                 : store_invitation_revoke_person(court->store, target->stored.id, court->wall_us);
}

/* Ends a person's invitation and its page. */
static void put_out(struct live *live, struct hearing_person *target, uint64_t by, uint16_t code)
{
    struct court *court = live->court;
    struct page *page = target->session;
    int r = revoke_invitations(live, target, by);
    if (r < 0) /* `removed` keeps it out as well */
        log_error("person %016" PRIx64 ": invitation not revoked: %s", target->stored.id,
                  log_errno(r));
    effects_write_left(live, target, JOURNAL_CAUSE_REMOVED);
    hearing_remove(live->hearing, target, by, &court->changes);
    court_save(live, target);
    effects_apply(live);
    if (!page)
        return;
    page->state = PAGE_OUTSIDE; /* a join under way comes to nothing */
    ws_close(page->connection, code, code == 4002 ? "removed" : "token no longer good");
}

void moderate_remove(struct page *page, const struct message *message)
{
    const struct message_remove *remove = &message->remove;
    const struct journal_entry entry = {
        .event = JOURNAL_PERSON_REMOVED,
        .person = remove->person,
        .words = remove->reason[0] ? remove->reason : NULL,
    };
    if (!act_may(page, message->id, ACCESS_REMOVE, remove->person) ||
        !act_write(page, message->id, entry))
        return;
    put_out(page->live, hearing_find(page->live->hearing, remove->person), page->person->stored.id,
            4002);
    page_ok(page, message->id);
}

void moderate_revoked(struct live *live, struct hearing_person *person)
{
    const struct journal_entry entry = {
        .event = JOURNAL_PERSON_REMOVED,
        .person = person->stored.id,
    };
    (void)court_journal(live, &entry); /* who revoked it stands there already */
    put_out(live, person, 0, 4004);
}

void moderate_renewed(struct live *live, struct hearing_person *person)
{
    struct page *page = person->session;
    if (page)
        page->state = PAGE_OUTSIDE; /* a join under way comes to nothing */
    effects_leave(live, person, JOURNAL_CAUSE_REMOVED);
    if (page)
        ws_close(page->connection, 4004, "token no longer good");
}

/* The action and the line that a wanted state means now. */
static enum access_action action_of(enum terms_state from, enum terms_state to,
                                    enum journal_event *ret_event)
{
    if (to == TERMS_STATE_CLOSED) {
        *ret_event = JOURNAL_HEARING_CLOSED;
        return ACCESS_CLOSE;
    }
    if (to == TERMS_STATE_RECESS) {
        *ret_event = JOURNAL_HEARING_RECESS;
        return ACCESS_RECESS;
    }
    if (to == TERMS_STATE_SUSPENDED) {
        *ret_event = JOURNAL_HEARING_SUSPENDED;
        return ACCESS_SUSPEND;
    }
    *ret_event = from == TERMS_STATE_RECESS ? JOURNAL_HEARING_RESUMED : JOURNAL_HEARING_OPENED;
    return from == TERMS_STATE_RECESS ? ACCESS_RESUME : ACCESS_OPEN;
}

/* Whether all is there that the hearing needs to be opened. False after telling the page. */
static bool has_all(struct page *page, int32_t request, enum journal_event event)
{
    struct hearing_missing missing;
    bool lacks = hearing_lacks(page->live->hearing, &missing);
    missing.record = !media_is_connected(page->court->recorder);
    if (event != JOURNAL_HEARING_OPENED || (!lacks && !missing.record))
        return true;
    struct jsontext t = {0};
    reply_missing(&t, request, &missing);
    page_send(page, &t);
    return false;
}

/* The line of a step of the course, with the reason that pages are told too. */
static bool write_course(struct page *page, const struct message *message, enum journal_event event)
{
    const char *reason = message->course.reason;
    const struct journal_entry entry = {.event = event, .words = reason[0] ? reason : NULL};
    if (!act_write(page, message->id, entry))
        return false;
    memcpy(page->live->hearing->reason, reason, sizeof(message->course.reason));
    return true;
}

/* Whether there is a tape for what is about to begin. False after telling the page. */
static bool has_tape(struct page *page, int32_t request, enum journal_event event)
{
    if (event != JOURNAL_HEARING_OPENED || !court_lacks_tape(page->live))
        return true;
    log_warn("hearing %016" PRIx64 ": not opened, as the recorder has no tape left for it",
             page->live->hearing->stored.id);
    page_error(page, request, MESSAGE_SERVER_FULL, "the recorder has no tape left");
    return false;
}

/* Everybody out, and the media core lets the hearing go; then the tape is sealed. */
static void close_hearing(struct live *live)
{
    struct hearing *hearing = live->hearing;
    for (size_t i = 0; i < hearing->count; i++) {
        struct hearing_person *person = hearing->people[i];
        struct page *page = person->session;
        live->presence[i].lost_us = 0;
        if (person->stored.room != TERMS_ROOM_OUTSIDE) {
            hearing_leave(hearing, person, &live->court->changes);
            court_save(live, person);
            effects_apply(live);
        }
        if (!page)
            continue;
        page->state = PAGE_OUTSIDE;
        if (person->stored.role != CONTROL_ROLE_JUDGE && person->stored.role != CONTROL_ROLE_CLERK)
            ws_close(page->connection, 4003, "hearing closed");
    }
    record_close(live);
}

void moderate_set_state(struct page *page, const struct message *message)
{
    struct court *court = page->court;
    struct live *live = page->live;
    enum terms_state from = live->hearing->stored.state;
    enum journal_event event;
    enum access_action action = action_of(from, message->course.state, &event);
    if (!act_may(page, message->id, action, 0) || !has_all(page, message->id, event) ||
        !has_tape(page, message->id, event))
        return;
    figures_settle(live);
    if (!write_course(page, message, event))
        return;
    hearing_set_state(live->hearing, message->course.state, court->wall_us, &court->changes);
    int r =
        store_hearing_set_state(court->store, live->hearing->stored.id, live->hearing->stored.state,
                                court->wall_us, live->hearing->stored.opened_us);
    if (r < 0) /* the journal has it and is followed at the next start */
        log_error("hearing %016" PRIx64 ": state not stored: %s", live->hearing->stored.id,
                  log_errno(r));
    effects_apply(live);
    order_close_microphones(live, 0);
    if (message->course.state == TERMS_STATE_OPEN)
        record_open(live);
    page_ok(page, message->id);
    if (message->course.state == TERMS_STATE_CLOSED)
        close_hearing(live);
    record_evaluate(live);
}

void moderate_in_camera(struct page *page, const struct message *message)
{
    struct live *live = page->live;
    bool on = message->course.on;
    if (!act_may(page, message->id, ACCESS_IN_CAMERA, 0) ||
        !write_course(page, message, on ? JOURNAL_HEARING_IN_CAMERA : JOURNAL_HEARING_PUBLIC))
        return;
    hearing_set_in_camera(live->hearing, on, page->court->wall_us, &page->court->changes);
    effects_apply(live);
    page_ok(page, message->id);
}

void moderate_consent(struct page *page, const struct message *message)
{
    const struct journal_entry entry = {
        .event = message->given ? JOURNAL_CONSENT_GIVEN : JOURNAL_CONSENT_WITHDRAWN,
        .person = page->person->stored.id,
    };
    if (!act_may(page, message->id, ACCESS_CONSENT, 0) || !act_write(page, message->id, entry))
        return;
    hearing_set_consent(page->live->hearing, page->person, message->given, &page->court->changes);
    effects_apply(page->live);
    page_ok(page, message->id);
}
