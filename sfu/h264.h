/* H.264 payloads (RFC 6184): does this packet begin a key frame, and of what size. Single NAL
 * units, STAP-A, FU-A; of parameter sets a sequence's that is whole in the packet is read.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_H264_H
#define SFU_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h264_view {
    bool key_frame;   /* an SPS, or the first bytes of an IDR slice: a decoder may start here */
    bool frame_start; /* begins a NAL unit (with FU-A: its start bit) */
    uint16_t width, height; /* with a sequence parameter set, pixels; 0: not known */
};

/* Returns 0, or -EBADMSG for an empty payload, a NAL unit type the mode does not allow (0, 24 but
 * STAP-A, MTAPs, FU-B: RFC 6184 section 5.4 table 3) or aggregated lengths past the end. */
int h264_parse(const uint8_t *payload, size_t len, struct h264_view *ret_view);

#endif
