/* VP8 payload descriptor (RFC 7741 section 4.2): where the picture id and TL0PICIDX stand, so that
 * a seat can continue them across sources, and whether a key frame begins.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_VP8_H
#define SFU_VP8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vp8_view {
    uint16_t picture_id;
    uint8_t picture_id_at;   /* offset in the payload; 0: none (the first byte is never it) */
    uint8_t picture_id_bits; /* 7 or 15; 0: none */
    uint8_t tl0picidx;
    uint8_t tl0picidx_at;   /* offset in the payload; 0: none */
    uint8_t temporal_layer; /* TID; 0 when absent */
    bool layer_sync;        /* Y: of the layers below it needs the lowest alone */
    uint8_t descriptor_len; /* bytes before the VP8 payload */
    bool frame_start;       /* S bit with partition 0 */
    bool key_frame;         /* frame_start, and the frame header's P bit is 0 */
    uint16_t width, height; /* of a key frame, pixels; 0 if cut short */
};

/* Returns 0, or -EBADMSG if the descriptor is longer than the payload or nothing follows it. */
int vp8_parse(const uint8_t *payload, size_t len, struct vp8_view *ret_view);

/* What to write over a copy of the payload. */
struct vp8_patch {
    uint16_t picture_id;
    uint8_t tl0picidx;
};

/* Writes the patch into `payload`, a copy of what `view` was parsed from (or at least of its first
 * descriptor_len bytes). Fields the view has not are left alone. */
void vp8_patch_apply(const struct vp8_view *view, const struct vp8_patch *patch, uint8_t *payload);

#endif
