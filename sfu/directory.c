/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Ours: a full worker has a few thousand entries; more only lengthen the chains. */
#define BUCKETS 8192

struct directory {
    uint64_t seed;
    struct directory_entry *buckets[BUCKETS];
};

int directory_create(struct directory **ret_directory)
{
    CLEANUP(directory_destroy) struct directory *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    if (getrandom(&d->seed, sizeof(d->seed), 0) != sizeof(d->seed))
        return -EIO;
    *ret_directory = STEAL(d);
    return 0;
}

void directory_destroy(struct directory *d)
{
    free(d);
}

static uint32_t hash_ufrag(const struct directory *d, const char *ufrag, size_t len)
{
    uint64_t h = d->seed;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)ufrag[i]) * 0x100000001B3ull;
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t hash_path(const struct directory *d, const struct path *path)
{
    return address_hash(&path->remote, d->seed ^ (uintptr_t)path->via ^ (uintptr_t)path->link);
}

void directory_add(struct directory *d, struct directory_entry *e)
{
    if (e->ufrag) {
        e->hash = hash_ufrag(d, e->ufrag, strlen(e->ufrag));
    } else {
        e->hash = hash_path(d, &e->path);
        for (struct directory_entry *o = d->buckets[e->hash % BUCKETS]; o; o = o->next)
            if (!o->ufrag && path_equal(&o->path, &e->path)) {
                directory_remove(d, o);
                break;
            }
    }
    e->next = d->buckets[e->hash % BUCKETS];
    d->buckets[e->hash % BUCKETS] = e;
}

void directory_remove(struct directory *d, struct directory_entry *e)
{
    for (struct directory_entry **at = &d->buckets[e->hash % BUCKETS]; *at; at = &(*at)->next)
        if (*at == e) {
            *at = e->next;
            e->next = NULL;
            return;
        }
}

void *directory_find_path(const struct directory *d, const struct path *path)
{
    uint32_t hash = hash_path(d, path);
    for (const struct directory_entry *e = d->buckets[hash % BUCKETS]; e; e = e->next)
        if (e->hash == hash && !e->ufrag && path_equal(&e->path, path))
            return e->owner;
    return NULL;
}

void *directory_find_ufrag(const struct directory *d, const char *ufrag, size_t len)
{
    uint32_t hash = hash_ufrag(d, ufrag, len);
    for (const struct directory_entry *e = d->buckets[hash % BUCKETS]; e; e = e->next)
        if (e->hash == hash && e->ufrag && strlen(e->ufrag) == len &&
            memcmp(e->ufrag, ufrag, len) == 0)
            return e->owner;
    return NULL;
}
