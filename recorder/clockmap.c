/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/clockmap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A queue in the network that is gone within this time does not move anything; a change that lasts
 * longer is believed, from its first packet on. Ours. */
#define WINDOW_POINTS (10000000 / CLOCKMAP_POINT_US)
/* Between two packets: the capture stood still meanwhile, or a queue began. Ours. */
#define SPLIT_US 300000
/* Points averaged to each side. */
#define SMOOTH_POINTS 25
/* Neighbouring points that differ by more are a step of the sender's clock: not averaged over. */
#define STEP_US 80000

void clockmap_finish(struct clockmap *map)
{
    for (size_t i = 0; i < map->count; i++)
        free(map->spans[i].points);
    free(map->spans);
    *map = (struct clockmap){0};
}

static int grow(void **items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return 0;
    size_t more = *capacity ? *capacity * 2 : 16;
    void *grown = reallocarray(*items, more, size);
    if (!grown)
        return -ENOMEM;
    *items = grown;
    *capacity = more;
    return 0;
}

static struct clockmap_span *span_of(const struct clockmap *map, int64_t seq)
{
    size_t i = map->count;
    while (i > 1 && map->spans[i - 1].first_seq > seq)
        i--;
    return i > 0 ? &map->spans[i - 1] : NULL;
}

static int64_t slot_of(int64_t media_us)
{
    int64_t slot = media_us / CLOCKMAP_POINT_US;
    return media_us % CLOCKMAP_POINT_US < 0 ? slot - 1 : slot;
}

/* The point that the packet belongs to; for one before all points, the first. */
static size_t find(const struct clockmap_span *span, int64_t seq)
{
    size_t low = 0, high = span->count;
    if (span->count > 0 && span->points[span->count - 1].first_seq <= seq)
        return span->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span->points[middle].first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

static int append(struct clockmap_span *span, int64_t seq, int64_t slot, int64_t offset_us)
{
    int error = grow((void **)&span->points, &span->capacity, span->count, sizeof(*span->points));
    if (error)
        return error;
    span->points[span->count++] = (struct clockmap_point){seq, slot, offset_us};
    return 0;
}

int clockmap_add(struct clockmap *map, int64_t seq, int64_t media_us, int64_t arrival_us)
{
    int64_t offset_us = arrival_us - media_us;
    bool newest = map->count == 0 || seq > map->newest_seq;
    if (map->count == 0 ||
        (newest && llabs(offset_us - map->newest_offset_us) > CLOCKMAP_JUMP_US)) {
        int error = grow((void **)&map->spans, &map->capacity, map->count, sizeof(*map->spans));
        if (error)
            return error;
        map->spans[map->count++] = (struct clockmap_span){.first_seq = seq};
    }
    bool split = llabs(offset_us - map->newest_offset_us) > SPLIT_US;
    if (newest) {
        map->newest_seq = seq;
        map->newest_offset_us = offset_us;
    }
    struct clockmap_span *span = span_of(map, seq);
    int64_t slot = slot_of(media_us);
    if (newest && (span->count == 0 || split || span->points[span->count - 1].slot != slot))
        return append(span, seq, slot, offset_us);
    struct clockmap_point *point = &span->points[find(span, seq)];
    if (point->slot == slot && offset_us < point->offset_us)
        point->offset_us = offset_us;
    return 0;
}

/* Least offset of the points from `from` to `to`, both included. */
static int64_t least(const struct clockmap_span *span, size_t from, size_t to)
{
    int64_t min = span->points[from].offset_us;
    for (size_t i = from + 1; i <= to; i++) {
        if (span->points[i].offset_us < min)
            min = span->points[i].offset_us;
    }
    return min;
}

/* A delay is real when all that came before it in the window, or all that comes after, has it: so
 * the greater of the two least values. A queue that fills and empties again is under neither. */
static int64_t level(const struct clockmap_span *span, size_t i)
{
    size_t from = i > WINDOW_POINTS ? i - WINDOW_POINTS : 0;
    size_t to = i + WINDOW_POINTS < span->count ? i + WINDOW_POINTS : span->count - 1;
    int64_t after = least(span, i, to);
    if (i < WINDOW_POINTS)
        return after; /* too little before to tell a queue at the start */
    int64_t before = least(span, from, i);
    return before > after ? before : after;
}

/* The mean of the levels around `i`, up to the next step. */
static int64_t mean(const int64_t *levels, size_t count, size_t i)
{
    int64_t sum = levels[i], n = 1;
    for (size_t k = i; k > 0 && i - k < SMOOTH_POINTS; k--) {
        if (llabs(levels[k - 1] - levels[k]) > STEP_US)
            break;
        sum += levels[k - 1];
        n++;
    }
    for (size_t k = i; k + 1 < count && k - i < SMOOTH_POINTS; k++) {
        if (llabs(levels[k + 1] - levels[k]) > STEP_US)
            break;
        sum += levels[k + 1];
        n++;
    }
    return sum / n;
}

static int smooth_span(struct clockmap_span *span)
{
    if (span->count == 0)
        return 0;
    int64_t *levels = reallocarray(NULL, span->count, sizeof(*levels));
    if (!levels)
        return -ENOMEM;
    for (size_t i = 0; i < span->count; i++)
        levels[i] = level(span, i);
    for (size_t i = 0; i < span->count; i++)
        span->points[i].offset_us = mean(levels, span->count, i);
    free(levels);
    return 0;
}

int clockmap_smooth(struct clockmap *map)
{
    for (size_t i = 0; i < map->count; i++) {
        int error = smooth_span(&map->spans[i]);
        if (error)
            return error;
    }
    return 0;
}

int64_t clockmap_place(const struct clockmap *map, int64_t seq, int64_t media_us)
{
    const struct clockmap_span *span = span_of(map, seq);
    if (!span || span->count == 0)
        return media_us;
    size_t at = find(span, seq);
    const struct clockmap_point *here = &span->points[at];
    /* A point stands for the middle of its slot; between two of one level we interpolate. */
    int64_t into_us = media_us - here->slot * CLOCKMAP_POINT_US - CLOCKMAP_POINT_US / 2;
    bool back = into_us < 0;
    if (llabs(into_us) > CLOCKMAP_POINT_US || (back && at == 0) || (!back && at + 1 == span->count))
        return media_us + here->offset_us;
    const struct clockmap_point *beside = back ? here - 1 : here + 1;
    int64_t difference = beside->offset_us - here->offset_us;
    if (beside->slot != here->slot + (back ? -1 : 1) || llabs(difference) > STEP_US)
        return media_us + here->offset_us;
    return media_us + here->offset_us + difference * llabs(into_us) / CLOCKMAP_POINT_US;
}
