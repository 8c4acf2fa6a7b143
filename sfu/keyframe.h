/* What the media core must know of a payload, whatever its codec, read once per packet.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_KEYFRAME_H
#define SFU_KEYFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codecs.h"
#include "common/limits.h"
#include "sfu/descriptor.h"

struct payload_view {
    enum codec codec;
    bool key_frame;         /* a decoder may start with this packet; always true for audio */
    bool frame_start;       /* first packet of a frame; H.264: of a NAL unit */
    uint16_t width, height; /* pixels, with a key frame; 0: not known */
    struct descriptor descriptor;
    /* VP9, with a key frame: its spatial layers, 0 to LIMIT_ENCODINGS, and how high each is. Frames
     * of more are of no use here. */
    uint8_t layer_count;
    uint16_t layer_heights[LIMIT_ENCODINGS];
};

/* Returns 0, -EBADMSG for a payload its codec does not allow, or -EINVAL for no such codec. */
int payload_parse(enum codec codec, const uint8_t *payload, size_t len,
                  struct payload_view *ret_view);

#endif
