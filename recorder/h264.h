/* The little of H.264 (ITU-T H.264 section 7.3) that putting it into Matroska needs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_H264_H
#define RECORDER_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    H264_NAL_IDR = 5,
    H264_NAL_SPS = 7,
    H264_NAL_PPS = 8,
};

/* The next unit of an Annex B stream at `*pos`, without its start code; false at the end. */
bool h264_next_nal(const uint8_t *data, size_t len, size_t *pos, const uint8_t **ret_nal,
                   size_t *ret_len);

/* Whether both parameter sets are in it. */
bool h264_has_parameters(const uint8_t *data, size_t len);

/* The picture's size by the first sequence parameter set, cropping applied. */
bool h264_size(const uint8_t *data, size_t len, uint16_t *ret_width, uint16_t *ret_height);

/* AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1) from the first parameter sets.
 * Returns 0 with its length, -ENOENT without them, -EMSGSIZE. */
int h264_config(const uint8_t *data, size_t len, uint8_t *buffer, size_t capacity, size_t *ret_len);

/* Rewrites start codes to four-byte lengths. `out` needs len + 4 bytes for every unit of 3-byte
 * start codes; ours all have four: `len` is enough. Returns the length, 0 if it does not fit. */
size_t h264_to_lengths(const uint8_t *data, size_t len, uint8_t *out, size_t capacity);

#endif
