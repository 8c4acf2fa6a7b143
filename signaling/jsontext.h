/* Writes JSON text member by member: commas, escapes and growth in one place, and what is not valid
 * UTF-8 replaced, so that no name in the store can break a page's connection.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_JSONTEXT_H
#define SIGNALING_JSONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text in the making; start with {0}. After an allocation failed it stays failed, so a message is
 * written whole and jsontext_take() checked once. */
struct jsontext {
    char *data; /* ends with NUL when len > 0 */
    size_t len, capacity;
    bool after_value;
    bool failed;
};

/* Everywhere below `key` is the member's name, or NULL for an element of an array. */
void jsontext_open(struct jsontext *t, const char *key, char bracket);
void jsontext_close(struct jsontext *t, char bracket);

/* A NULL `value` writes null. */
void jsontext_string(struct jsontext *t, const char *key, const char *value);
void jsontext_integer(struct jsontext *t, const char *key, int64_t value);
void jsontext_unsigned(struct jsontext *t, const char *key, uint64_t value);
void jsontext_bool(struct jsontext *t, const char *key, bool value);
void jsontext_null(struct jsontext *t, const char *key);

/* A value that is JSON already. */
void jsontext_raw(struct jsontext *t, const char *key, const char *json, size_t len);

/* 16 lower-case hex digits. */
void jsontext_id(struct jsontext *t, const char *key, uint64_t id);

/* RFC 3339 in UTC with milliseconds; `wall_us` since 1970. */
void jsontext_time(struct jsontext *t, const char *key, uint64_t wall_us);

/* The text, the caller's to free, or NULL when an allocation failed. The writer is empty after. */
char *jsontext_take(struct jsontext *t, size_t *ret_len);

/* Frees what was not taken. */
void jsontext_finish(struct jsontext *t);

#endif
