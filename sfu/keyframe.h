/* What the media core must know of a payload, whatever its codec, read once per packet.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_KEYFRAME_H
#define SFU_KEYFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codecs.h"
#include "sfu/vp8.h"

struct payload_view {
    enum codec codec;
    bool key_frame;         /* a decoder may start with this packet; always true for audio */
    bool frame_start;       /* first packet of a frame; H.264: of a NAL unit */
    uint16_t width, height; /* pixels, with a key frame; 0: not known */
    struct vp8_view vp8;    /* for VP8 only, else zero */
};

/* Returns 0, -EBADMSG for a payload its codec does not allow, or -EINVAL for no such codec. */
int payload_parse(enum codec codec, const uint8_t *payload, size_t len,
                  struct payload_view *ret_view);

#endif
