/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/table.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64 /* slots; a power of two, as every later one */

struct slot {
    struct table_key key;
    void *value; /* NULL: free */
};

struct table {
    struct slot *slots;
    size_t capacity;
    size_t count;
    size_t limit;
    uint64_t seed;
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014), over each word in turn. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static size_t home_of(const struct table *t, const struct table_key *key)
{
    uint64_t h = t->seed;
    for (size_t i = 0; i < 4; i++)
        h = mix(h ^ key->words[i]) + t->seed;
    return (size_t)h & (t->capacity - 1);
}

static bool same_key(const struct table_key *a, const struct table_key *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1] && a->words[2] == b->words[2] &&
           a->words[3] == b->words[3];
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

/* The slot that holds `key`, or the free one where it would go. */
static size_t find(const struct table *t, const struct table_key *key)
{
    size_t i = home_of(t, key);
    while (t->slots[i].value && !same_key(&t->slots[i].key, key))
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
            bigger.slots[find(&bigger, &t->slots[i].key)] = t->slots[i];
    free(t->slots);
    *t = bigger;
    return 0;
}

int table_put(struct table *t, const struct table_key *key, void *value)
{
    assert(value);
    size_t i = find(t, key);
    if (t->slots[i].value)
        return -EEXIST;
    if (t->count == t->limit)
        return -ENOSPC;
    /* Half full at most: an unsuccessful look-up then takes 2.5 probes on average. */
    if (2 * (t->count + 1) > t->capacity) {
        int r = grow(t);
        if (r < 0)
            return r;
        i = find(t, key);
    }
    t->slots[i] = (struct slot){.key = *key, .value = value};
    t->count++;
    return 0;
}

void *table_get(const struct table *t, const struct table_key *key)
{
    return t->slots[find(t, key)].value;
}

void *table_remove(struct table *t, const struct table_key *key)
{
    size_t hole = find(t, key);
    void *value = t->slots[hole].value;
    if (!value)
        return NULL;
    t->slots[hole].value = NULL;
    t->count--;

    /* Move back what was displaced past the hole, so that no search ends there too early. */
    size_t mask = t->capacity - 1;
    for (size_t i = (hole + 1) & mask; t->slots[i].value; i = (i + 1) & mask) {
        size_t home = home_of(t, &t->slots[i].key);
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

struct table_key table_key_of_id(uint64_t id)
{
    return (struct table_key){.words = {id}};
}

struct table_key table_key_of_text(const char *text)
{
    struct table_key key = {.words = {0}};
    memcpy(key.words, text, strnlen(text, sizeof(key.words)));
    return key;
}

struct table_key table_key_of_address(const struct sockaddr *address, unsigned socket_index)
{
    struct table_key key = {.words = {0}};
    uint16_t port = 0;
    uint32_t scope = 0;
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        memcpy(key.words, &in6.sin6_addr, sizeof(in6.sin6_addr));
        port = in6.sin6_port;
        scope = in6.sin6_scope_id;
    } else {
        struct sockaddr_in in4;
        memcpy(&in4, address, sizeof(in4));
        memcpy(key.words, &in4.sin_addr, sizeof(in4.sin_addr));
        port = in4.sin_port;
    }
    key.words[2] = (uint64_t)scope << 32 | port;
    key.words[3] = (uint64_t)address->sa_family << 32 | socket_index;
    return key;
}
