/* Bounds-checked big-endian reader and writer: the only way bytes from outside are parsed.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cursor over borrowed bytes. After the first short read it stays failed and yields zeros,
 * so a parser may read a whole header and check `failed` once. */
struct reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool failed;
};

struct reader reader_over(const void *data, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u24(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

/* Returns `len` borrowed bytes and steps over them, or NULL on a short read. */
const uint8_t *reader_skip(struct reader *r, size_t len);
size_t reader_left(const struct reader *r);

/* A cursor over a buffer of the caller's. After the first write that does not fit it stays
 * failed and writes nothing more, so a whole message is written and `failed` checked once. */
struct writer {
    uint8_t *start;
    uint8_t *pos;
    uint8_t *end;
    bool failed;
};

struct writer writer_over(void *buffer, size_t capacity);
void writer_u8(struct writer *w, uint8_t value);
void writer_u16(struct writer *w, uint16_t value);
void writer_u24(struct writer *w, uint32_t value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_bytes(struct writer *w, const void *data, size_t len);

/* Returns room for `len` bytes that the caller fills, or NULL if they do not fit. */
uint8_t *writer_skip(struct writer *w, size_t len);

/* Bytes written so far. */
size_t writer_len(const struct writer *w);

#endif
