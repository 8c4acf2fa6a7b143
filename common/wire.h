/* A struct as a table of its fields, and the one walk over such a table that writes the struct as
 * bytes and the one that reads it back: what a message is said once, not three times.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* Integers are big-endian in their own width, flags u8 0 or 1, strings u8 length and bytes, lists
 * u8 count and elements, texts u16 length and bytes. */
enum wire_kind {
    WIRE_KIND_UINT,   /* uint8_t to uint64_t, from `min` to `max` */
    WIRE_KIND_FLAG,   /* bool */
    WIRE_KIND_STATUS, /* int32_t, 0 or a negative errno */
    WIRE_KIND_STRING, /* char[size] with a final NUL */
    WIRE_KIND_BYTES,  /* uint8_t[size] */
    WIRE_KIND_EACH,   /* array of exactly `max` elements */
    WIRE_KIND_LIST,   /* array of at most `max` elements, as many as the uint8_t at `count` says */
    WIRE_KIND_TEXT,   /* const uint8_t * to as many bytes as the uint16_t at `count` says */
};

struct wire_field {
    enum wire_kind kind;
    size_t offset; /* in its struct */
    size_t size;   /* of the field, or of one element */
    size_t count;
    uint64_t min, max;
    const struct wire_field *fields; /* of an element, */
    size_t field_count;              /* so many */
};

/* Parts of the rows below; WIRE_TABLE alone is for a row written out. */
#define WIRE_SIZE(s, m)     sizeof(((struct s *)0)->m)
#define WIRE_AT(s, m)       .offset = offsetof(struct s, m), .size = WIRE_SIZE(s, m)
#define WIRE_ELEMENTS(s, m) .offset = offsetof(struct s, m), .size = WIRE_SIZE(s, m[0])
#define WIRE_BOUND(s, m)    (WIRE_SIZE(s, m) / WIRE_SIZE(s, m[0]))
#define WIRE_TABLE(t)       .fields = (t), .field_count = sizeof(t) / sizeof((t)[0])

/* A row of a table: member `m` of `struct s`; a list and a text count in member `n`; `t` is the
 * table of one element. */
#define WIRE_UINT(s, m)                                                                            \
    {                                                                                              \
        .kind = WIRE_KIND_UINT, WIRE_AT(s, m), .max = UINT64_MAX                                   \
    }
#define WIRE_RANGE(s, m, lo, hi)                                                                   \
    {                                                                                              \
        .kind = WIRE_KIND_UINT, WIRE_AT(s, m), .min = (lo), .max = (hi)                            \
    }
#define WIRE_FLAG(s, m)                                                                            \
    {                                                                                              \
        .kind = WIRE_KIND_FLAG, WIRE_AT(s, m)                                                      \
    }
#define WIRE_STATUS(s, m)                                                                          \
    {                                                                                              \
        .kind = WIRE_KIND_STATUS, WIRE_AT(s, m)                                                    \
    }
#define WIRE_STRING(s, m)                                                                          \
    {                                                                                              \
        .kind = WIRE_KIND_STRING, WIRE_AT(s, m)                                                    \
    }
#define WIRE_BYTES(s, m)                                                                           \
    {                                                                                              \
        .kind = WIRE_KIND_BYTES, WIRE_AT(s, m)                                                     \
    }
#define WIRE_EACH(s, m, t)                                                                         \
    {                                                                                              \
        .kind = WIRE_KIND_EACH, WIRE_ELEMENTS(s, m), .max = WIRE_BOUND(s, m), WIRE_TABLE(t)        \
    }
#define WIRE_LIST(s, m, n, t)                                                                      \
    {                                                                                              \
        .kind = WIRE_KIND_LIST, WIRE_ELEMENTS(s, m), .count = offsetof(struct s, n),               \
        .max = WIRE_BOUND(s, m), WIRE_TABLE(t)                                                     \
    }
#define WIRE_TEXT(s, m, n, bound)                                                                  \
    {                                                                                              \
        .kind = WIRE_KIND_TEXT, WIRE_AT(s, m), .count = offsetof(struct s, n), .max = (bound)      \
    }

/* Writes the struct at `body` by its table. 0; -EINVAL when a number is out of its range, -EMSGSIZE
 * when a string, list or text is longer than its field may be. What does not fit shows in `w`. */
int wire_encode(struct writer *w, const struct wire_field *fields, size_t count, const void *body);

/* Fills the struct at `body`, which is all zero, by its table. False when a field is not as it must
 * be or the bytes end early; `body` is then half filled. A text stays in the reader's bytes. */
bool wire_decode(struct reader *r, const struct wire_field *fields, size_t count, void *body);

#endif
