/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sps.h"

#include <string.h>

/* Reads bits of a unit, stepping over emulation prevention bytes. */
struct bits {
    const uint8_t *data;
    size_t len; /* bytes */
    size_t pos; /* bits */
    bool failed;
};

static unsigned read_bit(struct bits *b)
{
    size_t byte = b->pos / 8;
    if (b->pos % 8 == 0 && byte >= 2 && byte < b->len && b->data[byte] == 3 &&
        b->data[byte - 1] == 0 && b->data[byte - 2] == 0) {
        b->pos += 8;
        byte++;
    }
    if (byte >= b->len) {
        b->failed = true;
        return 0;
    }
    unsigned bit = b->data[byte] >> (7 - b->pos % 8) & 1;
    b->pos++;
    return bit;
}

static uint32_t read_bits(struct bits *b, int count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 1 | read_bit(b);
    return value;
}

/* Exp-Golomb, unsigned (section 9.1); the signed form has the same length. */
static uint32_t read_ue(struct bits *b)
{
    int zeros = 0;
    while (!b->failed && read_bit(b) == 0 && zeros < 32)
        zeros++;
    if (b->failed || zeros >= 32) {
        b->failed = true;
        return 0;
    }
    return (1u << zeros) - 1 + read_bits(b, zeros);
}

static void skip_scaling_list(struct bits *b, int size)
{
    int last = 8, next = 8;
    for (int i = 0; i < size && !b->failed; i++) {
        if (next != 0) {
            uint32_t code = read_ue(b);
            /* 64 bits: a code may stand for more than the standard's -128 to 127. */
            int64_t delta = code & 1 ? (int64_t)code / 2 + 1 : -(int64_t)(code / 2);
            next = (int)((last + delta + 256) % 256);
        }
        last = next == 0 ? last : next;
    }
}

/* Returns chroma_format_idc. */
static uint32_t read_high_profile(struct bits *b)
{
    uint32_t chroma = read_ue(b);
    if (chroma == 3)
        (void)read_bit(b);
    (void)read_ue(b); /* bit depths */
    (void)read_ue(b);
    (void)read_bit(b);
    if (!read_bit(b))
        return chroma;
    for (int i = 0; i < (chroma == 3 ? 12 : 8) && !b->failed; i++) {
        if (read_bit(b))
            skip_scaling_list(b, i < 6 ? 16 : 64);
    }
    return chroma;
}

static void skip_picture_order(struct bits *b)
{
    uint32_t type = read_ue(b);
    if (type == 0) {
        (void)read_ue(b);
    } else if (type == 1) {
        (void)read_bit(b);
        (void)read_ue(b);
        (void)read_ue(b);
        uint32_t count = read_ue(b);
        for (uint32_t i = 0; i < count && i < 256 && !b->failed; i++)
            (void)read_ue(b);
    }
}

bool sps_size(const uint8_t *nal, size_t len, uint16_t *ret_width, uint16_t *ret_height)
{
    struct bits b = {.data = nal, .len = len, .pos = 8};
    uint32_t profile = read_bits(&b, 8);
    (void)read_bits(&b, 16);
    (void)read_ue(&b);
    uint32_t chroma = 1;
    static const uint8_t high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    if (memchr(high, (int)profile, sizeof(high)))
        chroma = read_high_profile(&b);
    (void)read_ue(&b);
    skip_picture_order(&b);
    (void)read_ue(&b);
    (void)read_bit(&b);
    uint64_t width = 16 * ((uint64_t)read_ue(&b) + 1);
    uint64_t height = 16 * ((uint64_t)read_ue(&b) + 1);
    bool frames_only = read_bit(&b);
    if (!frames_only)
        (void)read_bit(&b);
    height *= frames_only ? 1 : 2;
    (void)read_bit(&b);
    if (read_bit(&b)) {
        uint64_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
        uint64_t unit_y = (uint64_t)(chroma == 1 ? 2 : 1) * (frames_only ? 1 : 2);
        width -= unit_x * ((uint64_t)read_ue(&b) + read_ue(&b));
        height -= unit_y * ((uint64_t)read_ue(&b) + read_ue(&b));
    }
    if (b.failed || width == 0 || height == 0 || width > SPS_SIZE_MAX || height > SPS_SIZE_MAX)
        return false;
    *ret_width = (uint16_t)width;
    *ret_height = (uint16_t)height;
    return true;
}
