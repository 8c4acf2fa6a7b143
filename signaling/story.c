/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/story.h"

#include <string.h>

/* Its place among the people; their count: not there. */
static size_t index_of(const struct story *story, uint64_t person)
{
    size_t i = 0;
    while (i < story->count && story->people[i].person != person)
        i++;
    return i;
}

static struct story_person *find(struct story *story, uint64_t person)
{
    size_t i = index_of(story, person);
    return i < story->count ? &story->people[i] : NULL;
}

const struct story_person *story_person(const struct story *story, uint64_t person)
{
    size_t i = index_of(story, person);
    return i < story->count ? &story->people[i] : NULL;
}

/* NULL when there are more people than a hearing has: a journal of somebody else's making. */
static struct story_person *find_or_add(struct story *story, uint64_t person)
{
    struct story_person *known = find(story, person);
    if (known || story->count == LIMIT_PEOPLE_PER_HEARING)
        return known;
    known = &story->people[story->count++];
    *known = (struct story_person){.person = person};
    return known;
}

static void take_state(struct story *story, const struct journal_line *l)
{
    struct journal_summary *s = &story->summary;
    static const struct {
        enum journal_event event;
        enum terms_state state;
    } states[] = {
        {JOURNAL_HEARING_CREATED, TERMS_STATE_SCHEDULED},
        {JOURNAL_HEARING_WAITING, TERMS_STATE_WAITING},
        {JOURNAL_HEARING_OPENED, TERMS_STATE_OPEN},
        {JOURNAL_HEARING_RECESS, TERMS_STATE_RECESS},
        {JOURNAL_HEARING_SUSPENDED, TERMS_STATE_RECESS},
        {JOURNAL_HEARING_RESUMED, TERMS_STATE_OPEN},
        {JOURNAL_HEARING_CLOSED, TERMS_STATE_CLOSED},
    };
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (states[i].event == l->event) {
            s->state = states[i].state;
            s->state_since_us = l->at_us;
            story->suspended = l->event == JOURNAL_HEARING_SUSPENDED;
        }
    if (l->event == JOURNAL_HEARING_IN_CAMERA || l->event == JOURNAL_HEARING_PUBLIC)
        story->in_camera = l->event == JOURNAL_HEARING_IN_CAMERA;
    if (l->event == JOURNAL_ROOM_LOCKED || l->event == JOURNAL_ROOM_UNLOCKED)
        story->locked = l->event == JOURNAL_ROOM_LOCKED;
    if (l->event == JOURNAL_HEARING_OPENED && s->opened_us == 0)
        s->opened_us = l->at_us;
}

/* Nobody is beside a closed hearing, nobody has the floor in it, and nothing waits for a ruling. */
static void end_rooms(struct story *story)
{
    for (size_t i = 0; i < story->count; i++)
        story->people[i].aside = story->people[i].asked = 0;
    story->floor = story->spotlight = 0;
    story->objections.count = 0;
}

static bool is_used(const struct story *story, uint32_t room)
{
    for (size_t i = 0; i < story->count; i++)
        if (story->people[i].aside == room || story->people[i].asked == room)
            return true;
    return false;
}

/* Those that are over make way: of those in use there are less than LIMIT_ROOMS when one is opened.
 */
static void take_room(struct story *story, const struct journal_line *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < story->room_count; i++)
        if (is_used(story, story->rooms[i].number))
            story->rooms[kept++] = story->rooms[i];
    story->room_count = kept;
    if (kept < LIMIT_ROOMS)
        story->rooms[story->room_count++] = (struct story_room){l->number, l->room, l->by};
    story->rooms_opened = l->number;
}

static void take_screen(struct story *story, const struct journal_line *l)
{
    size_t i = 0;
    while (i < story->screen_count &&
           (story->screens[i].from != l->from || story->screens[i].to != l->person))
        i++;
    if (l->event == JOURNAL_SCREEN_SET && i < LIMIT_SCREENS) {
        story->screens[i] = (struct story_screen){l->from, l->person, l->kinds};
        story->screen_count += i == story->screen_count;
    } else if (l->event == JOURNAL_SCREEN_LIFTED && i < story->screen_count) {
        story->screens[i] = story->screens[--story->screen_count];
    }
}

/* It is out of any room beside, and out of what it was asked into. */
static void put(struct story *story, const struct journal_line *l, uint32_t aside)
{
    struct story_person *p = aside ? find_or_add(story, l->person) : find(story, l->person);
    if (p) {
        p->aside = aside;
        p->asked = 0;
    }
    if (l->event == JOURNAL_PERSON_ADMITTED)
        return;
    if (story->floor == l->person)
        story->floor = 0;
    if (story->spotlight == l->person)
        story->spotlight = 0;
}

static void take_word(struct story *story, const struct journal_line *l)
{
    struct story_person *p = find_or_add(story, l->person);
    if (p)
        p->standing = (struct journal_standing){l->person, l->event, true};
    put(story, l, 0);
}

static void take_measure(struct story *story, const struct journal_line *l)
{
    struct story_person *p = find_or_add(story, l->person);
    if (!p)
        return;
    if (l->event == JOURNAL_PERSON_ASKED) {
        p->asked = l->number;
        p->asked_by = l->by;
    } else if (l->event == JOURNAL_CONSENT_GIVEN || l->event == JOURNAL_CONSENT_WITHDRAWN) {
        p->consent =
            l->event == JOURNAL_CONSENT_GIVEN ? STORY_CONSENT_GIVEN : STORY_CONSENT_WITHDRAWN;
    } else {
        p->locked = l->event == JOURNAL_PERSON_LOCKED;
    }
}

static void take_oath(struct story *story, const struct journal_line *l)
{
    struct story_person *p = find_or_add(story, l->person);
    if (!p)
        return;
    if (l->event == JOURNAL_PERSON_RELEASED)
        p->oath = (struct story_oath){0};
    else
        p->oath = (struct story_oath){l->form, l->event == JOURNAL_PERSON_SWORN};
    if (p->oath.taken)
        p->asked = 0;
}

static void take_person(struct story *story, const struct journal_line *l)
{
    struct story_person *p;
    switch (l->event) {
    case JOURNAL_PERSON_ADMITTED:
    case JOURNAL_PERSON_DISMISSED:
    case JOURNAL_PERSON_REMOVED:
        take_word(story, l);
        return;
    case JOURNAL_PERSON_JOINED:
    case JOURNAL_PERSON_LEFT:
        p = find(story, l->person);
        if (p)
            p->standing.lasts = false;
        put(story, l, 0);
        return;
    case JOURNAL_PERSON_MOVED:
        put(story, l, terms_is_aside(l->room) ? l->number : 0);
        return;
    case JOURNAL_PERSON_ASKED:
    case JOURNAL_PERSON_LOCKED:
    case JOURNAL_PERSON_UNLOCKED:
    case JOURNAL_CONSENT_GIVEN:
    case JOURNAL_CONSENT_WITHDRAWN:
        take_measure(story, l);
        return;
    case JOURNAL_OATH_ASKED:
    case JOURNAL_PERSON_SWORN:
    case JOURNAL_PERSON_RELEASED:
        take_oath(story, l);
        return;
    case JOURNAL_OBJECTION_RAISED:
        objections_raise(&story->objections, l->number, l->person);
        return;
    case JOURNAL_FLOOR_GIVEN:
        story->floor = l->person;
        return;
    case JOURNAL_SPOTLIGHT_SET:
        story->spotlight = l->person;
        return;
    case JOURNAL_SCREEN_SET:
    case JOURNAL_SCREEN_LIFTED:
        take_screen(story, l);
        return;
    default: /* what else is said of people is over as it is said */
        return;
    }
}

void story_take(struct story *story, const struct journal_line *l, size_t len)
{
    struct journal_summary *s = &story->summary;
    take_state(story, l);
    s->lines++;
    s->bytes += len + 1;
    s->last_us = l->at_us;
    memcpy(s->hash, l->hash, DIGEST_LEN);
    if (l->event == JOURNAL_HEARING_CLOSED)
        end_rooms(story);
    else if (l->event == JOURNAL_ROOM_OPENED)
        take_room(story, l);
    else if (l->event == JOURNAL_FLOOR_OPENED)
        story->floor = 0;
    else if (l->event == JOURNAL_SPOTLIGHT_ENDED)
        story->spotlight = 0;
    else if (l->event == JOURNAL_OBJECTION_RULED)
        objections_rule(&story->objections, l->number, l->ruling);
    else if (l->person)
        take_person(story, l);
}
