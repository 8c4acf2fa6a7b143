/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/measures.h"

#include <errno.h>

#include "signaling/hearing_change.h"

void measures_lock(struct hearing *h, struct hearing_person *p, bool locked,
                   struct hearing_changes *changes)
{
    changes->count = 0;
    if (p->locked == locked)
        return;
    p->locked = locked;
    change_note_person(h, p, changes);
}

void measures_give_floor(struct hearing *h, uint64_t person, struct hearing_changes *changes)
{
    changes->count = 0;
    if (h->floor == person)
        return;
    h->floor = person;
    change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_STATE});
}

void measures_spotlight(struct hearing *h, uint64_t person, struct hearing_changes *changes)
{
    changes->count = 0;
    if (h->spotlight == person)
        return;
    h->spotlight = person;
    change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_STATE});
}

static bool has_open_microphone(struct hearing_person *p)
{
    const struct hearing_producer *microphone = hearing_producer_of(p, CONTROL_SOURCE_MICROPHONE);
    return microphone && !microphone->paused;
}

/* Closes the first open microphone that is to be closed. */
static bool close_next(struct hearing *h,
                       bool (*is_to_close)(const struct hearing *, const struct hearing_person *),
                       uint64_t by, struct hearing_changes *changes)
{
    changes->count = 0;
    for (size_t i = 0; i < h->count; i++) {
        struct hearing_person *p = h->people[i];
        if (!has_open_microphone(p) || !is_to_close(h, p))
            continue;
        change_close_microphone(h, p, by, changes);
        return true;
    }
    return false;
}

bool measures_close_next(struct hearing *h, uint64_t by, struct hearing_changes *changes)
{
    return close_next(h, hearing_is_closed, by, changes);
}

static bool is_of_all(const struct hearing *h, const struct hearing_person *p)
{
    (void)h;
    return p->stored.role != CONTROL_ROLE_JUDGE && hearing_room(p) == TERMS_ROOM_COURTROOM;
}

bool measures_close_next_of_all(struct hearing *h, uint64_t by, struct hearing_changes *changes)
{
    return close_next(h, is_of_all, by, changes);
}

static size_t index_of(const struct hearing *h, uint64_t from, uint64_t to)
{
    size_t i = 0;
    while (i < h->screen_count && (h->screens[i].from != from || h->screens[i].to != to))
        i++;
    return i;
}

int measures_check_screen(const struct hearing *h, uint64_t from, uint64_t to, uint8_t kinds)
{
    const struct hearing_person *person = hearing_find(h, from);
    if (!person)
        return -ENOENT;
    if (from == to || person->stored.role == CONTROL_ROLE_JUDGE)
        return -EPERM;
    return kinds && index_of(h, from, to) == LIMIT_SCREENS ? -ENOSPC : 0;
}

bool measures_knows_screen(const struct hearing_person *p, const struct story_screen *screen)
{
    return hearing_is_bench(p) || p->stored.id == screen->from || p->stored.id == screen->to;
}

void measures_screen(struct hearing *h, uint64_t from, uint64_t to, uint8_t kinds,
                     struct hearing_changes *changes)
{
    const struct story_screen screen = {from, to, kinds};
    size_t i = index_of(h, from, to);
    changes->count = 0;
    if (kinds && i < LIMIT_SCREENS) {
        h->screens[i] = screen;
        h->screen_count += i == h->screen_count;
    } else if (!kinds && i < h->screen_count) {
        h->screens[i] = h->screens[--h->screen_count];
    }
    change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_SCREENS});
    for (i = 0; i < h->count; i++)
        if (measures_knows_screen(h->people[i], &screen))
            change_note(h, changes,
                        (struct hearing_change){.type = HEARING_CHANGE_SCREENED,
                                                .to = h->people[i]->stored.id});
}
