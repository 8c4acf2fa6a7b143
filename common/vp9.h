/* VP9 payload descriptor (RFC 9628 section 4.2): which layer of which picture a packet is of. The
 * media core chooses layers by it, the recorder puts pictures together.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_VP9_H
#define COMMON_VP9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* N_S says one less in three bits. */
#define VP9_LAYERS_MAX 8
/* Earlier pictures that one may name. */
#define VP9_REFERENCES_MAX 3

struct vp9_descriptor {
    uint16_t picture_id;
    uint8_t picture_id_at;   /* offset in the payload; 0: none (the first byte is never it) */
    uint8_t picture_id_bits; /* 7 or 15; 0: none */
    uint8_t tl0picidx;
    uint8_t tl0picidx_at;   /* offset in the payload; 0: none, as in flexible mode */
    uint8_t temporal_layer; /* TID; 0 when absent */
    uint8_t spatial_layer;  /* SID; 0 when absent */
    bool flexible;          /* F: it names the pictures it is predicted from */
    uint8_t reference_count;
    uint8_t references[VP9_REFERENCES_MAX]; /* P_DIFF: so many pictures back */
    bool inter_predicted; /* P: of an earlier picture; without it and with SID 0 a key picture */
    bool layer_predicted; /* D: of the layer below it in the same picture */
    bool layer_sync;      /* U: of the temporal layers below its own it needs no other frame */
    bool frame_start;     /* B: of a layer's frame */
    bool frame_end;       /* E: of a layer's frame */
    uint8_t layer_count;  /* of the scalability structure, which key pictures bring; 0: none */
    uint16_t widths[VP9_LAYERS_MAX], heights[VP9_LAYERS_MAX]; /* with it, pixels; 0: not told */
    size_t len;                                               /* bytes before the VP9 payload */
};

/* Returns 0, or -EBADMSG if the descriptor is longer than the payload, is no descriptor, or nothing
 * follows it. */
int vp9_read_descriptor(const uint8_t *payload, size_t len, struct vp9_descriptor *ret_descriptor);

#endif
