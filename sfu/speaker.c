/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/speaker.h"

#include <errno.h>
#include <stdlib.h>

#include "common/limits.h"

/* Levels are kept in 1/256 dB below full scale. */
#define LEVEL(dbov) ((int32_t)(dbov)*256)

/* Speech in a usual room is at -20 to -40 dBov, its background below -55. Ours. */
#define SPEAKS_LEVEL  LEVEL(50)
#define SILENT_LEVEL  LEVEL(55)
#define LOWEST_LEVEL  LEVEL(127)
#define CHANGED_LEVEL LEVEL(6)

/* Ours: a cough is not speech, a breath between words is not silence. */
#define ATTACK_US  (100 * 1000ull)
#define RELEASE_US (700 * 1000ull)

#define FIRST_ROOM 16 /* people */

/* Time constants of the smoothed level. Ours. */
#define RISE_US 40000
#define FALL_US 200000

struct person {
    int32_t level; /* smoothed */
    int32_t told;  /* at the last change that was reported */
    bool speaks;   /* as of the last update */
    uint64_t heard_us;
    uint64_t above_us; /* since when at or above the one threshold; 0: is not */
    uint64_t below_us; /* since when below the other; 0: is not */
};

struct speakers {
    size_t capacity;
    size_t room; /* people that both arrays have memory for */
    size_t count;
    bool left;     /* someone who spoke is gone since the last update */
    uint64_t *ids; /* apart from the people, so that a search touches little memory */
    struct person *people;
};

int speakers_create(size_t capacity, struct speakers **ret_speakers)
{
    if (capacity == 0 || capacity > LIMIT_PEERS_PER_HEARING)
        return -EINVAL;
    struct speakers *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->capacity = capacity;
    *ret_speakers = s;
    return 0;
}

void speakers_destroy(struct speakers *s)
{
    if (!s)
        return;
    free(s->ids);
    free(s->people);
    free(s);
}

static size_t find(const struct speakers *s, uint64_t id)
{
    size_t i = 0;
    while (i < s->count && s->ids[i] != id)
        i++;
    return i;
}

static int grow(struct speakers *s)
{
    if (s->room == s->capacity)
        return -ENOBUFS;
    size_t room = s->room ? 2 * s->room : FIRST_ROOM;
    if (room > s->capacity)
        room = s->capacity;
    uint64_t *ids = realloc(s->ids, room * sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    s->ids = ids;
    struct person *people = realloc(s->people, room * sizeof(*people));
    if (!people)
        return -ENOMEM;
    s->people = people;
    s->room = room;
    return 0;
}

int speakers_heard(struct speakers *s, uint64_t id, uint8_t level_dbov, uint64_t now_us)
{
    size_t i = find(s, id);
    if (i == s->count) {
        int r = s->count == s->room ? grow(s) : 0;
        if (r < 0)
            return r;
        s->ids[s->count] = id;
        s->people[s->count++] = (struct person){.level = LOWEST_LEVEL, .heard_us = now_us};
    }
    struct person *p = &s->people[i];
    int64_t elapsed = now_us > p->heard_us ? (int64_t)(now_us - p->heard_us) : 0;
    if (elapsed > RISE_US || elapsed == 0)
        elapsed = 20000; /* the first, or after a pause: as if packets had gone on */
    int32_t target = LEVEL(level_dbov & 0x7f);
    int64_t constant = target < p->level ? RISE_US : FALL_US;
    p->level += (int32_t)((target - p->level) * elapsed / (elapsed + constant));
    p->heard_us = now_us;

    if (p->level <= SPEAKS_LEVEL) {
        p->below_us = 0;
        if (p->above_us == 0)
            p->above_us = now_us;
    } else if (p->level >= SILENT_LEVEL) {
        p->above_us = 0;
        if (p->below_us == 0)
            p->below_us = now_us;
    } else if (p->speaks) {
        p->below_us = 0;
    } else {
        p->above_us = 0;
    }
    return 0;
}

void speakers_remove(struct speakers *s, uint64_t id)
{
    size_t i = find(s, id);
    if (i == s->count)
        return;
    s->left |= s->people[i].speaks;
    s->count--;
    s->ids[i] = s->ids[s->count];
    s->people[i] = s->people[s->count];
}

static bool update_person(struct person *p, uint64_t now_us)
{
    bool gone = now_us - p->heard_us >= RELEASE_US;
    bool spoke = p->speaks;
    if (gone) {
        p->level = LOWEST_LEVEL;
        p->above_us = 0;
    }
    if (!p->speaks)
        p->speaks = p->above_us > 0 && now_us - p->above_us >= ATTACK_US;
    else if (gone || (p->below_us > 0 && now_us - p->below_us >= RELEASE_US))
        p->speaks = false;

    int32_t moved = p->level - p->told;
    bool changed =
        p->speaks != spoke || (p->speaks && (moved >= CHANGED_LEVEL || moved <= -CHANGED_LEVEL));
    if (changed)
        p->told = p->level;
    return changed;
}

bool speakers_update(struct speakers *s, uint64_t now_us)
{
    bool changed = s->left;
    s->left = false;
    for (size_t i = 0; i < s->count; i++)
        changed |= update_person(&s->people[i], now_us);
    return changed;
}

size_t speakers_list(const struct speakers *s, struct speaker *list, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->people[i].speaks)
            continue;
        struct speaker new = {.id = s->ids[i], .level_dbov = (uint8_t)(s->people[i].level / 256)};
        size_t at = count;
        while (at > 0 && list[at - 1].level_dbov > new.level_dbov)
            at--;
        if (at == capacity)
            continue;
        count += count < capacity;
        for (size_t j = count - 1; j > at; j--)
            list[j] = list[j - 1];
        list[at] = new;
    }
    return count;
}
