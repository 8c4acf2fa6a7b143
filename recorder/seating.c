/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/seating.h"

#include <errno.h>
#include <stdlib.h>

#include "common/control.h"

/* A screen whose track ended goes at once; a person who said nothing stays in their seat. */
#define SCREEN_LINGER_US 1000000

void seating_finish(struct seating *s)
{
    free(s->tiles);
    free(s->spans);
    free(s->tile_of_leg);
    *s = (struct seating){0};
}

static bool is_screen(const struct timeline_leg *leg)
{
    return leg->source == CONTROL_SOURCE_SCREEN;
}

/* A screen's sound belongs to nobody's tile. */
static bool is_shown(const struct timeline_leg *leg)
{
    return leg->packets > 0 && leg->source != CONTROL_SOURCE_SCREEN_AUDIO;
}

static size_t find_tile(const struct seating *s, uint64_t peer, bool screen)
{
    for (size_t i = 0; i < s->tile_count; i++) {
        if (s->tiles[i].peer == peer && s->tiles[i].screen == screen)
            return i;
    }
    return SIZE_MAX;
}

static int add_span(struct seating *s, struct seating_span span)
{
    if (s->span_count == s->span_capacity) {
        size_t more = s->span_capacity ? 2 * s->span_capacity : 16;
        struct seating_span *grown = reallocarray(s->spans, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        s->spans = grown;
        s->span_capacity = more;
    }
    s->spans[s->span_count++] = span;
    return 0;
}

/* When the person next left after `from_us`, or the end. */
static int64_t leaves_us(const struct timeline *t, const struct roster *roster, uint64_t peer,
                         int64_t from_us, int64_t end_us)
{
    for (size_t i = 0; i < roster->moment_count; i++) {
        const struct roster_moment *m = &roster->moments[i];
        int64_t at_us = timeline_since_zero(t, m->at_us);
        if (m->person == peer && m->event == ROSTER_LEFT && at_us >= from_us)
            return at_us < end_us ? at_us : end_us;
    }
    return end_us;
}

static int compare_tiles(const void *a, const void *b)
{
    const struct seating_tile *x = a, *y = b;
    if (x->screen != y->screen)
        return x->screen - y->screen;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

/* Stable, for those the journal never told of: qsort keeps no order, so tiles are put in one by
 * one. */
static void insert_tile(struct seating *s, struct seating_tile tile)
{
    size_t i = s->tile_count++;
    for (; i > 0 && compare_tiles(&tile, &s->tiles[i - 1]) < 0; i--)
        s->tiles[i] = s->tiles[i - 1];
    s->tiles[i] = tile;
}

static struct seating_tile tile_of(const struct roster *roster, uint64_t peer, bool screen)
{
    const struct roster_person *person = roster_find(roster, peer);
    return (struct seating_tile){
        .peer = peer,
        .screen = screen,
        .rank = roster_rank(person ? person->role : ""),
        .arrival = person ? (size_t)(person - roster->people) : SIZE_MAX,
        .name = person ? person->name : "",
    };
}

int seating_plan(const struct timeline *t, const struct roster *roster, int64_t end_us,
                 struct seating *ret_seating)
{
    struct seating s = {0};
    size_t legs = timeline_leg_count(t);
    s.tiles = calloc(legs > 0 ? legs : 1, sizeof(*s.tiles));
    s.tile_of_leg = calloc(legs > 0 ? legs : 1, sizeof(*s.tile_of_leg));
    int error = s.tiles && s.tile_of_leg ? 0 : -ENOMEM;
    for (size_t i = 0; !error && i < legs; i++) {
        const struct timeline_leg *leg = timeline_leg(t, i);
        if (!is_shown(leg) || find_tile(&s, leg->peer, is_screen(leg)) != SIZE_MAX)
            continue;
        insert_tile(&s, tile_of(roster, leg->peer, is_screen(leg)));
    }
    for (size_t i = 0; !error && i < legs; i++) {
        const struct timeline_leg *leg = timeline_leg(t, i);
        s.tile_of_leg[i] = SIZE_MAX;
        if (!is_shown(leg))
            continue;
        s.tile_of_leg[i] = find_tile(&s, leg->peer, is_screen(leg));
        struct seating_span span = {.tile = s.tile_of_leg[i], .from_us = leg->first_us};
        span.to_us = is_screen(leg)
                         ? leg->last_us + SCREEN_LINGER_US
                         : leaves_us(t, roster, leg->peer, leg->last_us - 1000000, end_us);
        error = add_span(&s, span);
    }
    if (error)
        seating_finish(&s);
    else
        *ret_seating = s;
    return error;
}

bool seating_is_shown(const struct seating *s, size_t tile, int64_t at_us)
{
    for (size_t i = 0; i < s->span_count; i++) {
        const struct seating_span *span = &s->spans[i];
        if (span->tile == tile && at_us >= span->from_us && at_us < span->to_us)
            return true;
    }
    return false;
}
