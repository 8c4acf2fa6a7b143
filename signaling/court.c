/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/court.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "signaling/rooms.h"

void court_wake(struct court *court)
{
    court->now_us = clock_now_us();
    court->wall_us = clock_wall_us();
}

static void live_destroy(struct live *live)
{
    if (!live)
        return;
    list_remove(&live->link);
    if (live->ring_fd >= 0)
        (void)close(live->ring_fd); /* the recorder and the media core have theirs */
    evidence_close(live->evidence);
    journal_close(live->journal);
    hearing_destroy(live->hearing);
    free(live);
}
DEFINE_CLEANUP(struct live, live_destroy)

static bool is_bench(const struct store_person *person)
{
    return person->role == CONTROL_ROLE_JUDGE || person->role == CONTROL_ROLE_CLERK;
}

/* The court's last word on the person, whose line may stand without its effect. */
static void follow_word(struct store_person *person, const struct journal_standing *said)
{
    if (said->word == JOURNAL_PERSON_REMOVED) {
        person->removed = true;
        return;
    }
    bool is_in = said->word == JOURNAL_PERSON_ADMITTED;
    if (!is_bench(person)) /* they come in whatever was said */
        person->admitted = is_in;
    if (said->lasts && person->room != TERMS_ROOM_OUTSIDE)
        person->room = is_in ? TERMS_ROOM_COURTROOM : TERMS_ROOM_WAITING;
}

/* Puts a stored person where the journal says it is: whoever is removed is out with its
 * invitations, and out of a closed hearing is everybody. */
static int follow_person(struct live *live, struct store_person *person)
{
    const struct store_person was = *person;
    const struct story_person *known = story_person(journal_story(live->journal), person->id);
    struct journal_standing said = {0};
    if (known)
        said = known->standing;
    if (said.person)
        follow_word(person, &said);
    if (person->removed)
        person->admitted = false;
    if (person->removed || live->hearing->stored.state == TERMS_STATE_CLOSED)
        person->room = TERMS_ROOM_OUTSIDE;
    if (person->room == was.room && person->admitted == was.admitted &&
        person->removed == was.removed)
        return 0;
    if (person->room == TERMS_ROOM_OUTSIDE)
        person->hand = false;
    const struct journal_entry left = {
        .event = JOURNAL_PERSON_LEFT,
        .person = person->id,
        .cause = JOURNAL_CAUSE_REMOVED,
        .since_us = live->court->wall_us,
    };
    if (person->removed && said.lasts && was.room != TERMS_ROOM_OUTSIDE)
        (void)court_journal(live, &left); /* it is gone whether or not the line stands */
    int r = person->removed ? store_invitation_revoke_person(live->court->store, person->id,
                                                             live->court->wall_us)
                            : 0;
    return r < 0 ? r : store_person_set(live->court->store, person);
}

static int add_people(struct live *live)
{
    struct store_person *list = NULL;
    size_t count = 0;
    int r = store_person_list(live->court->store, live->hearing->stored.id, &list, &count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct hearing_person *person = NULL;
        r = follow_person(live, &list[i]);
        if (r == 0)
            r = hearing_add(live->hearing, &list[i], &person);
        if (r < 0 || list[i].room == TERMS_ROOM_OUTSIDE)
            continue;
        /* It was here when we went: it has the usual time to come back to us. */
        struct live_presence *presence = court_presence(live, person);
        presence->lost_us = live->court->now_us;
        presence->lost_wall_us = live->court->wall_us;
        presence->ours = true;
        /* Until the media core says otherwise; it has told that of all it has, once settled. */
        presence->media = !live->court->settled;
    }
    free(list);
    return r;
}

/* The journal is the truth: a line may stand in it whose change the store missed. */
static int follow_journal(struct live *live)
{
    struct store_hearing *stored = &live->hearing->stored;
    struct journal_summary summary = journal_summary(live->journal);
    bool is_same = summary.state == stored->state && (stored->opened_us || !summary.opened_us);
    if (summary.lines == 0 || is_same)
        return 0;
    int r = store_hearing_set_state(live->court->store, stored->id, summary.state,
                                    summary.state_since_us, summary.opened_us);
    return r < 0 ? r : store_hearing_get(live->court->store, stored->id, stored);
}

static bool was_open(const struct store_hearing *stored)
{
    return stored->opened_us != 0;
}

#define SEALED_KEY_MAX 32

static const char *sealed_key(uint64_t hearing, char key[static SEALED_KEY_MAX])
{
    (void)snprintf(key, SEALED_KEY_MAX, "sealed-%016" PRIx64, hearing);
    return key;
}

bool court_is_sealed(struct court *court, uint64_t hearing)
{
    char key[SEALED_KEY_MAX], value[8];
    return store_setting_get(court->store, sealed_key(hearing, key), value, sizeof(value)) == 0;
}

void court_set_sealed(struct court *court, uint64_t hearing)
{
    char key[SEALED_KEY_MAX];
    int r = store_setting_set(court->store, sealed_key(hearing, key), "1");
    if (r < 0) /* it is sealed again at the next start, which changes nothing */
        log_error("hearing %016" PRIx64 ": not stored as sealed: %s", hearing, log_errno(r));
}

static int live_create(struct court *court, const struct store_hearing *stored,
                       struct live **ret_live)
{
    CLEANUP(live_destroy) struct live *live = calloc(1, sizeof(*live));
    if (!live)
        return -ENOMEM;
    live->court = court;
    live->ring_fd = -1;
    int r = hearing_create(stored, &live->hearing);
    if (r == 0)
        r = journal_open(court->config->data_dir, stored->id, court->wall_us, &live->journal);
    if (r == 0)
        r = follow_journal(live);
    if (r == 0)
        r = add_people(live);
    if (r < 0)
        return r;
    rooms_follow(live->hearing, journal_story(live->journal));
    live->opened_us = court->now_us;
    live->record.since_us = live->hearing->stored.since_us;
    if (was_open(&live->hearing->stored))
        live->tape = live->hearing->stored.state == TERMS_STATE_CLOSED ? LIVE_TAPE_CLOSING
                                                                       : LIVE_TAPE_WANTED;
    live->sealed_before = court_is_sealed(court, stored->id);
    list_append(&court->lives, &live->link);
    *ret_live = STEAL(live);
    return 0;
}

/* Whether the store has somebody in one of its rooms. If it cannot say: loaded, it is let go. */
static bool is_left_attended(struct court *court, uint64_t hearing)
{
    struct store_person *list = NULL;
    size_t count = 0;
    bool is_attended = store_person_list(court->store, hearing, &list, &count) < 0;
    for (size_t i = 0; i < count; i++)
        is_attended = is_attended || list[i].room != TERMS_ROOM_OUTSIDE;
    free(list);
    return is_attended;
}

int court_load(struct court *court)
{
    unsigned states = (1u << TERMS_STATE_COUNT) - 1;
    struct store_hearing *list = NULL;
    size_t count = 0;
    int r = store_hearing_list(court->store, states, &list, &count);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        struct live *live = NULL;
        bool is_over = list[i].state == TERMS_STATE_CLOSED &&
                       (!was_open(&list[i]) || court_is_sealed(court, list[i].id));
        bool is_ahead =
            list[i].state == TERMS_STATE_SCHEDULED && !is_left_attended(court, list[i].id);
        if (is_over || is_ahead)
            continue; /* loaded when somebody comes */
        r = live_create(court, &list[i], &live);
        if (r < 0) /* one damaged hearing must not keep the others out */
            log_error("hearing %016" PRIx64 ": cannot be loaded, left alone: %s", list[i].id,
                      log_errno(r));
    }
    free(list);
    return 0;
}

void court_unload(struct court *court)
{
    LIST_FOR_EACH_SAFE(it, &court->lives)
    {
        live_destroy(LIST_ENTRY(it, struct live, link));
    }
}

bool court_is_attended(const struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        if (live->hearing->people[i]->stored.room != TERMS_ROOM_OUTSIDE)
            return true;
    return false;
}

bool court_has_media(const struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        if (live->presence[i].media)
            return true;
    return false;
}

static bool has_pages(const struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        if (live->hearing->people[i]->session)
            return true;
    return false;
}

static bool awaits_media(const struct hearing_person *person)
{
    const struct page *page = person->session;
    return page && page->state == PAGE_AWAITS_MEDIA;
}

bool court_is_being_joined(const struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        if (awaits_media(live->hearing->people[i]))
            return true;
    return false;
}

bool court_was_accepted(const struct live *live)
{
    bool is_wanted = false;
    for (size_t i = 0; i < live->hearing->count; i++) {
        const struct hearing_person *person = live->hearing->people[i];
        is_wanted =
            is_wanted || (awaits_media(person) && person->stored.role != CONTROL_ROLE_OBSERVER);
    }
    return court_is_attended(live) || (was_open(&live->hearing->stored) && is_wanted);
}

/* What was sealed before is only asked for anew whether it is. */
static bool holds_tape(const struct live *live)
{
    return live->tape != LIVE_TAPE_NONE && live->tape != LIVE_TAPE_SEALED && !live->sealed_before;
}

bool court_lacks_tape(const struct live *live)
{
    size_t held = 0;
    if (live->tape != LIVE_TAPE_NONE)
        return false;
    LIST_FOR_EACH(it, &live->court->lives)
    {
        held += holds_tape(LIST_ENTRY(it, struct live, link));
    }
    return held >= LIMIT_HEARINGS;
}

/* Whether it is needed no more until somebody comes: over, or not begun, and no record in the
 * making. */
static bool is_dormant(const struct live *live)
{
    enum terms_state state = live->hearing->stored.state;
    bool is_over = state == TERMS_STATE_CLOSED && live->record.state != REPLY_RECORD_SEALING &&
                   live->record.state != REPLY_RECORD_RENDERING &&
                   (live->tape == LIVE_TAPE_NONE || live->tape == LIVE_TAPE_SEALED);
    return state == TERMS_STATE_SCHEDULED || is_over;
}

/* Whether nobody has anything to do with it. Pages before the door count while the hearing waits:
 * without its place it might be refused. One in session or in recess gets it back in any case, with
 * the first who has a part in it. */
static bool is_idle(const struct live *live)
{
    enum terms_state state = live->hearing->stored.state;
    if (court_is_attended(live))
        return false;
    if (state == TERMS_STATE_OPEN || state == TERMS_STATE_RECESS)
        return !court_is_being_joined(live);
    return (state == TERMS_STATE_WAITING || is_dormant(live)) && !has_pages(live);
}

/* An idle hearing does not hold its place in the media core, nor its ring there. Said whether or
 * not it is open by what we know, as it may be there after somebody was refused; and again, without
 * harm, each time it has been idle for so long. */
static void give_up_place(struct live *live)
{
    struct control_message message = {
        .type = CONTROL_HEARING_CLOSE,
        .hearing = {.hearing = live->hearing->stored.id},
    };
    (void)media_tell(live->court->sfu, &message, -1); /* away: closed when it tells of it */
    live->media_open = live->ring_taken = false;
    live->idle_us = live->court->now_us;
}

static void let_go(struct live *live)
{
    give_up_place(live);
    if (is_dormant(live))
        live_destroy(live);
}

void court_let_go(struct court *court)
{
    LIST_FOR_EACH_SAFE(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        if (!is_idle(live))
            live->idle_us = 0;
        else if (!live->idle_us)
            live->idle_us = court->now_us;
        else if (court->now_us > live->idle_us + COURT_IDLE_US)
            let_go(live);
    }
}

struct live *court_find(struct court *court, uint64_t hearing)
{
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        if (live->hearing->stored.id == hearing)
            return live;
    }
    return NULL;
}

int court_live(struct court *court, uint64_t hearing, struct live **ret_live)
{
    struct live *live = court_find(court, hearing);
    struct store_hearing stored;
    if (!live) {
        int r = store_hearing_get(court->store, hearing, &stored);
        if (r == 0)
            r = live_create(court, &stored, &live);
        if (r < 0)
            return r;
    }
    *ret_live = live;
    return 0;
}

int court_person(struct live *live, uint64_t person, struct hearing_person **ret_person)
{
    struct hearing_person *found = hearing_find(live->hearing, person);
    struct store_person stored;
    if (!found) {
        int r = store_person_get(live->court->store, person, &stored);
        if (r == 0 && stored.hearing != live->hearing->stored.id)
            r = -ENOENT;
        if (r == 0)
            r = hearing_add(live->hearing, &stored, &found);
        if (r < 0)
            return r;
    }
    *ret_person = found;
    return 0;
}

struct live_presence *court_presence(struct live *live, const struct hearing_person *person)
{
    size_t i = 0;
    while (live->hearing->people[i] != person)
        i++;
    return &live->presence[i];
}

bool court_may_write(struct live *live, const struct hearing_person *person)
{
    unsigned burst = LIMIT_WRITE_BURST + (is_bench(&person->stored) ? LIMIT_PEOPLE_PER_HEARING : 0);
    return bucket_take(&court_presence(live, person)->writes, LIMIT_WRITE_RATE, burst,
                       live->court->now_us);
}

const struct turn_offer *court_turn(const struct court *court, const struct hearing_person *person,
                                    struct turn_offer *storage)
{
    if (!court->turn)
        return NULL;
    return turn_offer(court->turn, person->stored.id, court->wall_us, storage) < 0 ? NULL : storage;
}

struct page *court_page(struct court *court, uint64_t serial)
{
    LIST_FOR_EACH(it, &court->pages)
    {
        struct page *page = LIST_ENTRY(it, struct page, link);
        if (page->serial == serial)
            return page;
    }
    return NULL;
}

void court_tell_lines(struct live *live)
{
    const struct media_ticket ticket = {
        .purpose = COURT_TAPE_NOTE,
        .hearing = live->hearing->stored.id,
    };
    if (live->tape_there)
        notes_say(&live->notes, live->journal, live->court->recorder, &ticket, live->court->now_us);
}

int court_journal(struct live *live, const struct journal_entry *entry)
{
    int r = journal_append(live->journal, entry, live->court->wall_us, NULL, NULL);
    if (r < 0) {
        log_error("hearing %016" PRIx64 ": journal takes no line, refusing the action: %s",
                  live->hearing->stored.id, log_errno(r));
        return r;
    }
    log_info("hearing %016" PRIx64 ": %s %016" PRIx64, live->hearing->stored.id,
             journal_event_name(entry->event), entry->person);
    court_tell_lines(live);
    return 0;
}

void court_save(struct live *live, const struct hearing_person *person)
{
    int r = store_person_set(live->court->store, &person->stored);
    if (r < 0)
        log_error("person %016" PRIx64 ": not stored: %s", person->stored.id, log_errno(r));
}
