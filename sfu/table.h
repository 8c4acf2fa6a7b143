/* A hash table from ids to borrowed pointers. One thread; bounded; a look-up touches one or two
 * cache lines.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TABLE_H
#define SFU_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct table;

/* Makes an empty table that holds at most `limit` entries. `seed` is random, so that nobody outside
 * can choose ids that collide. Returns 0 or -ENOMEM. */
int table_create(size_t limit, uint64_t seed, struct table **ret_table);

/* Forgets the entries; what they point at is the caller's. Accepts NULL. */
void table_destroy(struct table *table);
DEFINE_CLEANUP(struct table, table_destroy)

/* Puts `value` (not NULL, borrowed) under `id`. Returns 0, -EEXIST when the id is taken, -ENOSPC
 * at the limit, or -ENOMEM. */
int table_put(struct table *table, uint64_t id, void *value);

/* The value under `id`, or NULL. */
void *table_get(const struct table *table, uint64_t id);

/* Takes `id` out and returns what was there, or NULL. */
void *table_remove(struct table *table, uint64_t id);

size_t table_count(const struct table *table);

/* The value of the entry at or after position `*cursor`, which is moved behind it, or NULL at the
 * end. Begin with 0; the table must not change meanwhile. */
void *table_next(const struct table *table, size_t *cursor);

#endif
