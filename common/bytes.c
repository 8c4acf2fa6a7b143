/* SPDX-License-Identifier: Apache-2.0 */
#include "common/bytes.h"

#include <string.h>

struct reader reader_over(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    return (struct reader){.pos = bytes, .end = bytes ? bytes + len : NULL};
}

const uint8_t *reader_skip(struct reader *r, size_t len)
{
    if (r->failed || len > reader_left(r)) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *start = r->pos;
    r->pos += len;
    return start;
}

size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->pos);
}

uint8_t reader_u8(struct reader *r)
{
    const uint8_t *b = reader_skip(r, 1);
    return b ? b[0] : 0;
}

uint16_t reader_u16(struct reader *r)
{
    const uint8_t *b = reader_skip(r, 2);
    return b ? (uint16_t)((unsigned)b[0] << 8 | b[1]) : 0;
}

uint32_t reader_u24(struct reader *r)
{
    const uint8_t *b = reader_skip(r, 3);
    return b ? (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2] : 0;
}

uint32_t reader_u32(struct reader *r)
{
    const uint8_t *b = reader_skip(r, 4);
    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

uint64_t reader_u64(struct reader *r)
{
    uint64_t high = reader_u32(r);
    uint64_t low = reader_u32(r);
    return r->failed ? 0 : high << 32 | low;
}

struct writer writer_over(void *buffer, size_t capacity)
{
    uint8_t *bytes = buffer;
    return (struct writer){.start = bytes, .pos = bytes, .end = bytes ? bytes + capacity : NULL};
}

uint8_t *writer_skip(struct writer *w, size_t len)
{
    if (w->failed || len > (size_t)(w->end - w->pos)) {
        w->failed = true;
        return NULL;
    }
    uint8_t *start = w->pos;
    w->pos += len;
    return start;
}

size_t writer_len(const struct writer *w)
{
    return (size_t)(w->pos - w->start);
}

void writer_u8(struct writer *w, uint8_t value)
{
    uint8_t *b = writer_skip(w, 1);
    if (b)
        b[0] = value;
}

void writer_u16(struct writer *w, uint16_t value)
{
    uint8_t *b = writer_skip(w, 2);
    if (!b)
        return;
    b[0] = (uint8_t)(value >> 8);
    b[1] = (uint8_t)value;
}

void writer_u24(struct writer *w, uint32_t value)
{
    uint8_t *b = writer_skip(w, 3);
    if (!b)
        return;
    b[0] = (uint8_t)(value >> 16);
    b[1] = (uint8_t)(value >> 8);
    b[2] = (uint8_t)value;
}

void writer_u32(struct writer *w, uint32_t value)
{
    uint8_t *b = writer_skip(w, 4);
    if (!b)
        return;
    b[0] = (uint8_t)(value >> 24);
    b[1] = (uint8_t)(value >> 16);
    b[2] = (uint8_t)(value >> 8);
    b[3] = (uint8_t)value;
}

void writer_u64(struct writer *w, uint64_t value)
{
    uint8_t *b = writer_skip(w, 8);
    for (int i = 0; b && i < 8; i++)
        b[i] = (uint8_t)(value >> (56 - 8 * i));
}

void writer_bytes(struct writer *w, const void *data, size_t len)
{
    uint8_t *b = writer_skip(w, len);
    if (b && len > 0)
        memcpy(b, data, len);
}
