/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/h264.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

/* Finds 0 0 1 from `from`; returns its place, or `len`. */
static size_t find_start(const uint8_t *data, size_t len, size_t from)
{
    for (size_t i = from; i + 3 <= len; i++) {
        if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1)
            return i;
    }
    return len;
}

bool h264_next_nal(const uint8_t *data, size_t len, size_t *pos, const uint8_t **ret_nal,
                   size_t *ret_len)
{
    size_t start = find_start(data, len, *pos);
    if (start == len)
        return false;
    start += 3;
    size_t end = find_start(data, len, start);
    *pos = end;
    if (end < len && end > start && data[end - 1] == 0)
        end--; /* the fourth byte of a long start code */
    *ret_nal = data + start;
    *ret_len = end - start;
    return true;
}

/* The first unit of a type. */
static bool find_nal(const uint8_t *data, size_t len, int type, const uint8_t **ret_nal,
                     size_t *ret_len)
{
    size_t pos = 0;
    while (h264_next_nal(data, len, &pos, ret_nal, ret_len)) {
        if (*ret_len > 0 && ((*ret_nal)[0] & 0x1f) == type)
            return true;
    }
    return false;
}

bool h264_has_parameters(const uint8_t *data, size_t len)
{
    const uint8_t *nal;
    size_t nal_len;
    return find_nal(data, len, H264_NAL_SPS, &nal, &nal_len) &&
           find_nal(data, len, H264_NAL_PPS, &nal, &nal_len);
}

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
            int delta = code & 1 ? (int)(code / 2 + 1) : -(int)(code / 2);
            next = (last + delta + 256) % 256;
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

bool h264_size(const uint8_t *data, size_t len, uint16_t *ret_width, uint16_t *ret_height)
{
    const uint8_t *sps;
    size_t sps_len;
    if (!find_nal(data, len, H264_NAL_SPS, &sps, &sps_len))
        return false;
    struct bits b = {.data = sps, .len = sps_len, .pos = 8};
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
    if (b.failed || width == 0 || height == 0 || width > 8192 || height > 8192)
        return false;
    *ret_width = (uint16_t)width;
    *ret_height = (uint16_t)height;
    return true;
}

int h264_config(const uint8_t *data, size_t len, uint8_t *buffer, size_t capacity, size_t *ret_len)
{
    const uint8_t *sps, *pps;
    size_t sps_len, pps_len;
    if (!find_nal(data, len, H264_NAL_SPS, &sps, &sps_len) || sps_len < 4 ||
        !find_nal(data, len, H264_NAL_PPS, &pps, &pps_len))
        return -ENOENT;
    if (sps_len > UINT16_MAX || pps_len > UINT16_MAX)
        return -EMSGSIZE;
    struct writer w = writer_over(buffer, capacity);
    writer_u8(&w, 1);
    writer_bytes(&w, sps + 1, 3); /* profile, constraints, level */
    writer_u8(&w, 0xff);          /* lengths of four bytes */
    writer_u8(&w, 0xe1);          /* one sequence parameter set */
    writer_u16(&w, (uint16_t)sps_len);
    writer_bytes(&w, sps, sps_len);
    writer_u8(&w, 1);
    writer_u16(&w, (uint16_t)pps_len);
    writer_bytes(&w, pps, pps_len);
    if (w.failed)
        return -EMSGSIZE;
    *ret_len = writer_len(&w);
    return 0;
}

size_t h264_to_lengths(const uint8_t *data, size_t len, uint8_t *out, size_t capacity)
{
    struct writer w = writer_over(out, capacity);
    size_t pos = 0;
    const uint8_t *nal;
    size_t nal_len;
    while (h264_next_nal(data, len, &pos, &nal, &nal_len)) {
        if (nal_len == 0)
            continue;
        writer_u32(&w, (uint32_t)nal_len);
        writer_bytes(&w, nal, nal_len);
    }
    return w.failed ? 0 : writer_len(&w);
}
