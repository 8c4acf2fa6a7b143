/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/h264.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/sps.h"

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

bool h264_size(const uint8_t *data, size_t len, uint16_t *ret_width, uint16_t *ret_height)
{
    const uint8_t *nal;
    size_t nal_len;
    return find_nal(data, len, H264_NAL_SPS, &nal, &nal_len) &&
           sps_size(nal, nal_len, ret_width, ret_height);
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
