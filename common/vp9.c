/* SPDX-License-Identifier: Apache-2.0 */
#include "common/vp9.h"

#include <errno.h>

#include "common/bytes.h"

/* RFC 9628 section 4.2. */
enum {
    HAS_PICTURE_ID = 0x80,       /* I */
    INTER_PREDICTED = 0x40,      /* P */
    HAS_LAYERS = 0x20,           /* L */
    FLEXIBLE = 0x10,             /* F */
    FRAME_START = 0x08,          /* B */
    FRAME_END = 0x04,            /* E */
    HAS_STRUCTURE = 0x02,        /* V */
    PICTURE_ID_LONG = 0x80,      /* M */
    LAYER_SYNC = 0x10,           /* U */
    LAYER_PREDICTED = 0x01,      /* D */
    MORE_REFERENCES = 0x01,      /* N */
    STRUCTURE_HAS_SIZES = 0x10,  /* Y */
    STRUCTURE_HAS_GROUP = 0x08,  /* G */
    GROUP_REFERENCES_MASK = 0x3, /* R, behind two bits */
};

static void read_picture_id(struct reader *r, const uint8_t *payload, struct vp9_descriptor *d)
{
    d->picture_id_at = (uint8_t)(r->pos - payload);
    uint8_t first = reader_u8(r);
    d->picture_id_bits = 7;
    d->picture_id = first;
    if (first & PICTURE_ID_LONG) {
        d->picture_id_bits = 15;
        d->picture_id = (uint16_t)((first & ~PICTURE_ID_LONG) << 8 | reader_u8(r));
    }
}

static void read_layers(struct reader *r, const uint8_t *payload, struct vp9_descriptor *d)
{
    uint8_t layers = reader_u8(r);
    d->temporal_layer = layers >> 5;
    d->layer_sync = layers & LAYER_SYNC;
    d->spatial_layer = layers >> 1 & 7;
    d->layer_predicted = layers & LAYER_PREDICTED;
    if (d->flexible)
        return;
    d->tl0picidx_at = (uint8_t)(r->pos - payload);
    d->tl0picidx = reader_u8(r);
}

/* False: more than there may be. */
static bool read_references(struct reader *r, struct vp9_descriptor *d)
{
    while (d->reference_count < VP9_REFERENCES_MAX) {
        uint8_t reference = reader_u8(r);
        d->references[d->reference_count++] = reference >> 1;
        if (!(reference & MORE_REFERENCES))
            return true;
    }
    return false;
}

static void read_structure(struct reader *r, struct vp9_descriptor *d)
{
    uint8_t flags = reader_u8(r);
    d->layer_count = (uint8_t)((flags >> 5) + 1);
    for (unsigned i = 0; flags & STRUCTURE_HAS_SIZES && i < d->layer_count; i++) {
        d->widths[i] = reader_u16(r);
        d->heights[i] = reader_u16(r);
    }
    unsigned pictures = flags & STRUCTURE_HAS_GROUP ? reader_u8(r) : 0;
    for (unsigned i = 0; i < pictures; i++)
        (void)reader_skip(r, reader_u8(r) >> 2 & GROUP_REFERENCES_MASK);
}

int vp9_read_descriptor(const uint8_t *payload, size_t len, struct vp9_descriptor *ret_descriptor)
{
    struct reader r = reader_over(payload, len);
    uint8_t first = reader_u8(&r);
    struct vp9_descriptor d = {
        .flexible = first & FLEXIBLE,
        .inter_predicted = first & INTER_PREDICTED,
        .frame_start = first & FRAME_START,
        .frame_end = first & FRAME_END,
    };
    if (first & HAS_PICTURE_ID)
        read_picture_id(&r, payload, &d);
    if (first & HAS_LAYERS)
        read_layers(&r, payload, &d);
    if (d.flexible && d.inter_predicted && !read_references(&r, &d))
        return -EBADMSG;
    if (first & HAS_STRUCTURE)
        read_structure(&r, &d);
    if (r.failed || reader_left(&r) == 0)
        return -EBADMSG;
    d.len = (size_t)(r.pos - payload);
    *ret_descriptor = d;
    return 0;
}
