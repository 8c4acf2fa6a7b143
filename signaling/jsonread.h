/* Reads JSON text strictly: bounded size and depth, no doubled members, every member asked for by
 * name and type. The only file with jansson.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_JSONREAD_H
#define SIGNALING_JSONREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* Why a text was refused: English, names the member, holds no value of the text's. */
#define JSONREAD_FAULT_MAX 128

struct jsonread_fault {
    bool happened;
    char detail[JSONREAD_FAULT_MAX];
};

/* A whole text. */
struct jsonread;

/* An object or array being read; a value, valid while its text is. The first fault stays; after it
 * every read yields zeros, so a text is read whole and the fault looked at once. */
struct jsonread_value {
    const void *json; /* NULL: not there */
    size_t taken;     /* members asked for and found */
    bool required;    /* whether the member read next must be there */
    struct jsonread_fault *fault;
};

/* Parses `text` of at most `size_max` bytes and `depth_max` brackets within brackets, whose top
 * must be an object; `ret_top` reads it, with members required at first, and reports to `fault`,
 * which must be zeroed. Returns 0, -EMSGSIZE (too long), -EBADMSG (see `fault`) or -ENOMEM. */
int jsonread_open(const char *text, size_t len, size_t size_max, unsigned depth_max,
                  struct jsonread_fault *fault, struct jsonread **ret_read,
                  struct jsonread_value *ret_top);
void jsonread_close(struct jsonread *read);
DEFINE_CLEANUP(struct jsonread, jsonread_close)

/* Notes a fault unless there is one. */
void jsonread_refuse(struct jsonread_fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Members of an object. What is not there and not required reads as 0, false or "". */
int64_t jsonread_integer(struct jsonread_value *object, const char *key, int64_t least,
                         int64_t most);
bool jsonread_bool(struct jsonread_value *object, const char *key);
double jsonread_number(struct jsonread_value *object, const char *key);
/* At least `least` and less than `capacity` bytes. */
void jsonread_string(struct jsonread_value *object, const char *key, char *ret_text,
                     size_t capacity, size_t least);
/* 16 lower-case hex digits (terms.h). */
uint64_t jsonread_id(struct jsonread_value *object, const char *key);
/* The index in `names` of a string; refused when it is none of them. */
size_t jsonread_name(struct jsonread_value *object, const char *key, const char *const *names,
                     size_t count);
/* A number from 0 to 255, also as a string of one digit; -1 for anything else. Never refused. */
int jsonread_small(struct jsonread_value *object, const char *key);

struct jsonread_value jsonread_object(struct jsonread_value *object, const char *key);
/* At most `most` elements. */
struct jsonread_value jsonread_array(struct jsonread_value *object, const char *key, size_t most);
size_t jsonread_count(const struct jsonread_value *array);
/* The element, which must be an object. */
struct jsonread_value jsonread_element(const struct jsonread_value *array, size_t index);

/* The element, which must be an id as jsonread_id()'s. */
uint64_t jsonread_id_at(const struct jsonread_value *array, size_t index);

/* The element, which must be an integer in this range. */
int64_t jsonread_integer_at(const struct jsonread_value *array, size_t index, int64_t least,
                            int64_t most);

/* To be called last on an object that may hold nothing else: what was not taken is refused. */
void jsonread_refuse_others(const struct jsonread_value *object);

#endif
