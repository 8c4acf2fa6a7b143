/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static uint64_t load_uint(const void *from, size_t size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (size) {
    case sizeof(u8):
        memcpy(&u8, from, sizeof(u8));
        return u8;
    case sizeof(u16):
        memcpy(&u16, from, sizeof(u16));
        return u16;
    case sizeof(u32):
        memcpy(&u32, from, sizeof(u32));
        return u32;
    default:
        assert(size == sizeof(u64));
        memcpy(&u64, from, sizeof(u64));
        return u64;
    }
}

static void store_uint(void *to, size_t size, uint64_t value)
{
    const uint8_t u8 = (uint8_t)value;
    const uint16_t u16 = (uint16_t)value;
    const uint32_t u32 = (uint32_t)value;
    switch (size) {
    case sizeof(u8):
        memcpy(to, &u8, sizeof(u8));
        break;
    case sizeof(u16):
        memcpy(to, &u16, sizeof(u16));
        break;
    case sizeof(u32):
        memcpy(to, &u32, sizeof(u32));
        break;
    default:
        assert(size == sizeof(value));
        memcpy(to, &value, sizeof(value));
    }
}

static void write_uint(struct writer *w, size_t size, uint64_t value)
{
    uint8_t *to = writer_skip(w, size);
    for (size_t i = 0; to && i < size; i++)
        to[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t read_uint(struct reader *r, size_t size)
{
    const uint8_t *from = reader_skip(r, size);
    uint64_t value = 0;
    for (size_t i = 0; from && i < size; i++)
        value = value << 8 | from[i];
    return value;
}

static int encode_elements(struct writer *w, const struct wire_field *f, const uint8_t *from,
                           uint64_t count)
{
    if (count > f->max)
        return -EMSGSIZE;
    for (uint64_t i = 0; i < count; i++) {
        int result = wire_encode(w, f->fields, f->field_count, from + i * f->size);
        if (result < 0)
            return result;
    }
    return 0;
}

static int encode_uint(struct writer *w, const struct wire_field *f, uint64_t value)
{
    if (value < f->min || value > f->max)
        return -EINVAL;
    write_uint(w, f->size, value);
    return 0;
}

static int encode_string(struct writer *w, const struct wire_field *f, const uint8_t *from)
{
    size_t len = strnlen((const char *)from, f->size);
    if (len == f->size)
        return -EMSGSIZE;
    writer_u8(w, (uint8_t)len);
    writer_bytes(w, from, len);
    return 0;
}

static int encode_text(struct writer *w, const struct wire_field *f, const uint8_t *body)
{
    uint64_t len = load_uint(body + f->count, sizeof(uint16_t));
    const uint8_t *text;
    memcpy(&text, body + f->offset, sizeof(text));
    if (len > f->max)
        return -EMSGSIZE;
    writer_u16(w, (uint16_t)len);
    writer_bytes(w, text, len);
    return 0;
}

static int encode_field(struct writer *w, const struct wire_field *f, const uint8_t *body)
{
    const uint8_t *from = body + f->offset;
    switch (f->kind) {
    case WIRE_KIND_UINT:
        return encode_uint(w, f, load_uint(from, f->size));
    case WIRE_KIND_FLAG:
        writer_u8(w, *from != 0);
        return 0;
    case WIRE_KIND_STATUS:
        if ((int32_t)load_uint(from, sizeof(int32_t)) > 0)
            return -EINVAL;
        write_uint(w, sizeof(int32_t), load_uint(from, sizeof(int32_t)));
        return 0;
    case WIRE_KIND_STRING:
        return encode_string(w, f, from);
    case WIRE_KIND_BYTES:
        writer_bytes(w, from, f->size);
        return 0;
    case WIRE_KIND_EACH:
        return encode_elements(w, f, from, f->max);
    case WIRE_KIND_LIST:
        writer_u8(w, body[f->count]);
        return encode_elements(w, f, from, body[f->count]);
    case WIRE_KIND_TEXT:
        return encode_text(w, f, body);
    }
    return -EINVAL;
}

int wire_encode(struct writer *w, const struct wire_field *fields, size_t count, const void *body)
{
    for (size_t i = 0; i < count; i++) {
        int result = encode_field(w, &fields[i], body);
        if (result < 0)
            return result;
    }
    return 0;
}

static bool decode_elements(struct reader *r, const struct wire_field *f, uint8_t *to,
                            uint64_t count)
{
    if (count > f->max)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!wire_decode(r, f->fields, f->field_count, to + i * f->size))
            return false;
    }
    return true;
}

static bool decode_uint(struct reader *r, const struct wire_field *f, uint8_t *to)
{
    uint64_t value = read_uint(r, f->size);
    if (value < f->min || value > f->max)
        return false;
    store_uint(to, f->size, value);
    return true;
}

static bool decode_flag(struct reader *r, uint8_t *to)
{
    uint8_t value = reader_u8(r);
    const bool flag = value == 1;
    memcpy(to, &flag, sizeof(flag));
    return value <= 1;
}

static bool decode_string(struct reader *r, const struct wire_field *f, uint8_t *to)
{
    size_t len = reader_u8(r);
    const uint8_t *text = reader_skip(r, len);
    if (!text || len >= f->size || memchr(text, '\0', len))
        return false;
    memcpy(to, text, len); /* the rest is zero: the message began so */
    return true;
}

static bool decode_text(struct reader *r, const struct wire_field *f, uint8_t *body)
{
    size_t len = reader_u16(r);
    const uint8_t *text = reader_skip(r, len);
    if (!text || len > f->max)
        return false;
    store_uint(body + f->count, sizeof(uint16_t), len);
    memcpy(body + f->offset, &text, sizeof(text));
    return true;
}

/* Whether the field is as it must be; a short read shows in `r` at the end. */
static bool decode_field(struct reader *r, const struct wire_field *f, uint8_t *body)
{
    uint8_t *to = body + f->offset;
    switch (f->kind) {
    case WIRE_KIND_UINT:
        return decode_uint(r, f, to);
    case WIRE_KIND_FLAG:
        return decode_flag(r, to);
    case WIRE_KIND_STATUS:
        store_uint(to, sizeof(int32_t), reader_u32(r));
        return (int32_t)load_uint(to, sizeof(int32_t)) <= 0;
    case WIRE_KIND_STRING:
        return decode_string(r, f, to);
    case WIRE_KIND_BYTES: {
        const uint8_t *bytes = reader_skip(r, f->size);
        if (bytes)
            memcpy(to, bytes, f->size);
        return bytes != NULL;
    }
    case WIRE_KIND_EACH:
        return decode_elements(r, f, to, f->max);
    case WIRE_KIND_LIST:
        body[f->count] = reader_u8(r);
        return decode_elements(r, f, to, body[f->count]);
    case WIRE_KIND_TEXT:
        return decode_text(r, f, body);
    }
    return false;
}

bool wire_decode(struct reader *r, const struct wire_field *fields, size_t count, void *body)
{
    for (size_t i = 0; i < count; i++) {
        if (!decode_field(r, &fields[i], body))
            return false;
    }
    return !r->failed;
}
