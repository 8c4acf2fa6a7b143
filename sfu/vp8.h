/* VP8 payload descriptor (RFC 7741 section 4.2), and whether a key frame begins.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_VP8_H
#define SFU_VP8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/descriptor.h"

struct vp8_view {
    struct descriptor descriptor;
    bool frame_start;       /* S bit with partition 0 */
    bool key_frame;         /* frame_start, and the frame header's P bit is 0 */
    uint16_t width, height; /* of a key frame, pixels; 0 if cut short */
};

/* Returns 0, or -EBADMSG if the descriptor is longer than the payload or nothing follows it. */
int vp8_parse(const uint8_t *payload, size_t len, struct vp8_view *ret_view);

#endif
