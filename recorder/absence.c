/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/absence.h"

#include <errno.h>
#include <stdlib.h>

#include "common/ring.h"

/* A track that ends this soon after its last frame was closed while it was well: a network that
 * failed is waited for much longer. Ours: four frames of a camera in the dark. */
#define CLOSED_US 500000
/* Whose page goes away is said in the journal this soon after its tracks ended. */
#define TOLD_US 1000000

struct span {
    int64_t from_us, to_us;
};

struct spans {
    struct span *items;
    size_t count, capacity;
};

struct silence {
    struct spans pauses; /* the last may be open: to_us INT64_MAX */
    int64_t end_us;      /* of the track; INT64_MAX: not told */
};

struct absence {
    const struct timeline *t;
    struct silence *legs;
    struct spans faults;
};

const char *absence_name(enum absence_why why)
{
    static const char *const names[ABSENCE_WHY_COUNT] = {
        [ABSENCE_MUTED] = "muted",   [ABSENCE_RECONNECTED] = "reconnected", [ABSENCE_LOST] = "lost",
        [ABSENCE_UNSENT] = "unsent", [ABSENCE_UNRECORDED] = "unrecorded",
    };
    return names[why];
}

int absence_create(const struct timeline *t, struct absence **ret_absence)
{
    CLEANUP(absence_free) struct absence *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->t = t;
    size_t legs = timeline_leg_count(t);
    a->legs = calloc(legs > 0 ? legs : 1, sizeof(*a->legs));
    if (!a->legs)
        return -ENOMEM;
    for (size_t i = 0; i < legs; i++)
        a->legs[i].end_us = INT64_MAX;
    *ret_absence = STEAL(a);
    return 0;
}

void absence_free(struct absence *a)
{
    if (!a)
        return;
    for (size_t i = 0; a->legs && i < timeline_leg_count(a->t); i++)
        free(a->legs[i].pauses.items);
    free(a->legs);
    free(a->faults.items);
    free(a);
}

static struct span *last_of(const struct spans *s)
{
    return s->count > 0 ? &s->items[s->count - 1] : NULL;
}

static int add_span(struct spans *s, int64_t from_us, int64_t to_us)
{
    if (!s->items || s->count == s->capacity) {
        size_t more = s->capacity ? 2 * s->capacity : 8;
        struct span *grown = reallocarray(s->items, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        s->items = grown;
        s->capacity = more;
    }
    s->items[s->count++] = (struct span){from_us, to_us};
    return 0;
}

int absence_fault(struct absence *a, int64_t from_us, int64_t to_us)
{
    struct span *last = last_of(&a->faults);
    if (!last || from_us > last->to_us)
        return add_span(&a->faults, from_us, to_us);
    last->to_us = to_us > last->to_us ? to_us : last->to_us;
    return 0;
}

static int take_pause(struct silence *silence, const struct tape_record *record, int64_t at_us)
{
    struct reader r = reader_over(record->data, record->len);
    (void)reader_u64(&r); /* the stream; the leg is known */
    bool paused = reader_u8(&r) != 0;
    struct span *last = last_of(&silence->pauses);
    bool open = last && last->to_us == INT64_MAX;
    if (r.failed || open == paused)
        return 0;
    if (paused)
        return add_span(&silence->pauses, at_us, INT64_MAX);
    last->to_us = at_us;
    return 0;
}

int absence_take(struct absence *a, size_t leg, const struct tape_record *record, int64_t before_us,
                 int64_t at_us)
{
    if (record->kind == RING_OVERRUN || record->kind == TAPE_GAP)
        return absence_fault(a, before_us, at_us);
    if (leg == TIMELINE_NO_LEG)
        return 0;
    if (record->kind == RING_TRACK_MUTE)
        return take_pause(&a->legs[leg], record, at_us);
    if (record->kind == RING_TRACK_END && a->legs[leg].end_us == INT64_MAX)
        a->legs[leg].end_us = at_us;
    return 0;
}

/* The span that a time lies in, or that begins within `slack_us` of it; NULL: none. */
static const struct span *span_at(const struct spans *s, int64_t at_us, int64_t slack_us)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].from_us <= at_us + slack_us && s->items[i].to_us > at_us)
            return &s->items[i];
    }
    return NULL;
}

/* Whether the track before the hole was closed by a page that stayed: a camera turned off. */
static bool was_closed(const struct absence *a, const struct roster *roster,
                       const struct absence_hole *hole)
{
    int64_t end_us = a->legs[hole->before].end_us;
    if (end_us == INT64_MAX || end_us > hole->from_us + CLOSED_US)
        return false;
    uint64_t person = timeline_leg(a->t, hole->before)->peer;
    for (size_t i = 0; i < roster->moment_count; i++) {
        const struct roster_moment *m = &roster->moments[i];
        int64_t at_us = timeline_since_zero(a->t, m->at_us);
        bool moves = m->event == ROSTER_LEFT || m->event == ROSTER_JOINED;
        if (m->person == person && moves && at_us > hole->from_us - TOLD_US &&
            at_us < end_us + TOLD_US)
            return false;
    }
    return true;
}

static enum absence_why why_of(const struct absence *a, const struct roster *roster,
                               const struct absence_hole *hole)
{
    if (span_at(&a->faults, hole->from_us, hole->least_us))
        return ABSENCE_UNRECORDED;
    if (hole->before != hole->after)
        return was_closed(a, roster, hole) ? ABSENCE_MUTED : ABSENCE_RECONNECTED;
    return hole->numbers_missing ? ABSENCE_LOST : ABSENCE_UNSENT;
}

size_t absence_explain(const struct absence *a, const struct roster *roster,
                       const struct absence_hole *hole,
                       struct absence_part ret_parts[ABSENCE_PARTS_MAX])
{
    const struct span *pause =
        span_at(&a->legs[hole->before].pauses, hole->from_us, hole->least_us);
    if (!pause) {
        ret_parts[0] = (struct absence_part){hole->from_us, hole->to_us, why_of(a, roster, hole)};
        return 1;
    }
    struct absence_hole rest = *hole;
    rest.from_us = pause->to_us;
    bool more = pause->to_us < hole->to_us - hole->least_us;
    ret_parts[0] =
        (struct absence_part){hole->from_us, more ? rest.from_us : hole->to_us, ABSENCE_MUTED};
    if (more)
        ret_parts[1] = (struct absence_part){rest.from_us, rest.to_us, why_of(a, roster, &rest)};
    return more ? 2 : 1;
}
