/* A hash table from small fixed keys to borrowed pointers: network addresses, ICE user names and
 * ids to what they belong to. One thread; bounded; a look-up touches one or two cache lines.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TABLE_H
#define SFU_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

struct table_key {
    uint64_t words[4];
};

struct table;

/* Makes an empty table that holds at most `limit` entries. `seed` is random, so that nobody outside
 * can choose keys that collide. Returns 0 or -ENOMEM. */
int table_create(size_t limit, uint64_t seed, struct table **ret_table);

/* Forgets the entries; what they point at is the caller's. Accepts NULL. */
void table_destroy(struct table *table);
DEFINE_CLEANUP(struct table, table_destroy)

/* Puts `value` (not NULL, borrowed) under `key`. Returns 0, -EEXIST when the key is taken, -ENOSPC
 * at the limit, or -ENOMEM. */
int table_put(struct table *table, const struct table_key *key, void *value);

/* The value under `key`, or NULL. */
void *table_get(const struct table *table, const struct table_key *key);

/* Takes `key` out and returns what was there, or NULL. */
void *table_remove(struct table *table, const struct table_key *key);

size_t table_count(const struct table *table);

/* The value of the entry at or after position `*cursor`, which is moved behind it, or NULL at the
 * end. Begin with 0; the table must not change meanwhile. */
void *table_next(const struct table *table, size_t *cursor);

struct table_key table_key_of_id(uint64_t id);

/* Of a NUL-terminated text; two texts that agree in their first 32 bytes have one key. */
struct table_key table_key_of_text(const char *text);

/* Of a remote address as seen on our socket number `socket_index`. IPv4 and IPv4-mapped IPv6 are
 * told apart by the socket they came in by. */
struct table_key table_key_of_address(const struct sockaddr *address, unsigned socket_index);

#endif
