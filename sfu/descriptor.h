/* What VP8 (RFC 7741) and VP9 (RFC 9628) say before each payload: of which picture and which layer
 * it is, and where the picture id and TL0PICIDX stand, so that a seat continues them across
 * sources.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_DESCRIPTOR_H
#define SFU_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

/* The most bytes before the end of the last field that is written anew: of VP8 flags, X, picture
 * id, TL0PICIDX, TID; of VP9 one less. */
#define DESCRIPTOR_HEAD_MAX 6

/* Zeroed: a codec without one. */
struct descriptor {
    uint16_t picture_id;
    uint8_t picture_id_at;   /* offset in the payload; 0: none (the first byte is never it) */
    uint8_t picture_id_bits; /* 7 or 15; 0: none */
    uint8_t tl0picidx;
    uint8_t tl0picidx_at;   /* offset in the payload; 0: none */
    uint8_t head_len;       /* leading bytes that hold both, at most DESCRIPTOR_HEAD_MAX */
    uint8_t temporal_layer; /* TID; 0 when absent */
    bool layer_sync;        /* Y, of VP9 U: it needs the temporal layers below its own alone */
    bool flexible;          /* VP9: F, it names what it is predicted from by picture ids' steps */
    uint8_t spatial_layer;  /* VP9: SID, 0 when absent; of VP8 each is a stream of its own */
    bool inter_predicted;   /* VP9: P, of an earlier picture */
    bool layer_end;         /* VP9: E, the last packet of its layer in this picture */
};

/* What to write over a copy of the payload. */
struct descriptor_patch {
    uint16_t picture_id;
    uint8_t tl0picidx;
};

/* Writes the patch into `payload`, a copy of at least the first head_len bytes of what `descriptor`
 * was parsed from. Fields it has not are left alone. */
void descriptor_patch(const struct descriptor *descriptor, const struct descriptor_patch *patch,
                      uint8_t *payload);

#endif
