/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64 /* slots; a power of two, as every later one */

struct slot {
    uint64_t id;
    void *value; /* NULL: free */
};

struct table {
    struct slot *slots;
    size_t capacity;
    size_t count;
    size_t limit;
    uint64_t seed;
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static size_t home_of(const struct table *t, uint64_t id)
{
    return (size_t)mix(id ^ t->seed) & (t->capacity - 1);
}

int table_create(size_t limit, uint64_t seed, struct table **ret_table)
{
    CLEANUP(table_destroy) struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    *t = (struct table){.capacity = FIRST_CAPACITY, .limit = limit, .seed = seed};
    t->slots = calloc(t->capacity, sizeof(*t->slots));
    if (!t->slots)
        return -ENOMEM;
    *ret_table = STEAL(t);
    return 0;
}

void table_destroy(struct table *t)
{
    if (!t)
        return;
    free(t->slots);
    free(t);
}

/* The slot that holds `id`, or the free one where it would go. */
static size_t find(const struct table *t, uint64_t id)
{
    size_t i = home_of(t, id);
    while (t->slots[i].value && t->slots[i].id != id)
        i = (i + 1) & (t->capacity - 1);
    return i;
}

static int grow(struct table *t)
{
    struct table bigger = *t;
    bigger.capacity = t->capacity * 2;
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < t->capacity; i++)
        if (t->slots[i].value)
            bigger.slots[find(&bigger, t->slots[i].id)] = t->slots[i];
    free(t->slots);
    *t = bigger;
    return 0;
}

int table_put(struct table *t, uint64_t id, void *value)
{
    assert(value);
    size_t i = find(t, id);
    if (t->slots[i].value)
        return -EEXIST;
    if (t->count == t->limit)
        return -ENOSPC;
    /* Half full at most: an unsuccessful look-up then takes 2.5 probes on average. */
    if (2 * (t->count + 1) > t->capacity) {
        int r = grow(t);
        if (r < 0)
            return r;
        i = find(t, id);
    }
    t->slots[i] = (struct slot){.id = id, .value = value};
    t->count++;
    return 0;
}

void *table_get(const struct table *t, uint64_t id)
{
    return t->slots[find(t, id)].value;
}

void *table_remove(struct table *t, uint64_t id)
{
    size_t hole = find(t, id);
    void *value = t->slots[hole].value;
    if (!value)
        return NULL;
    t->slots[hole].value = NULL;
    t->count--;

    /* Move back what was displaced past the hole, so that no search ends there too early. */
    size_t mask = t->capacity - 1;
    for (size_t i = (hole + 1) & mask; t->slots[i].value; i = (i + 1) & mask) {
        size_t home = home_of(t, t->slots[i].id);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        t->slots[hole] = t->slots[i];
        t->slots[i].value = NULL;
        hole = i;
    }
    return value;
}

size_t table_count(const struct table *t)
{
    return t->count;
}

void *table_next(const struct table *t, size_t *cursor)
{
    while (*cursor < t->capacity) {
        void *value = t->slots[(*cursor)++].value;
        if (value)
            return value;
    }
    return NULL;
}
