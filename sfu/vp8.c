/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/vp8.h"

#include <errno.h>

#include "common/bytes.h"

/* RFC 7741 section 4.2. */
enum {
    DESCRIPTOR_EXTENDED = 0x80,  /* X */
    DESCRIPTOR_START = 0x10,     /* S */
    DESCRIPTOR_PARTITION = 0x07, /* PID */
    EXTENSION_PICTURE_ID = 0x80, /* I */
    EXTENSION_TL0PICIDX = 0x40,  /* L */
    EXTENSION_TID = 0x20,        /* T */
    EXTENSION_KEYIDX = 0x10,     /* K */
    PICTURE_ID_LONG = 0x80,      /* M */
    LAYER_SYNC = 0x20,           /* Y */
    FRAME_INTER = 0x01,          /* P of RFC 7741 section 4.3: 0 in a key frame */
    DIMENSION_MASK = 0x3fff,     /* RFC 6386 section 9.1: two bits of scale above */
};

static void read_extension(struct reader *r, const uint8_t *payload, struct descriptor *d)
{
    uint8_t flags = reader_u8(r);
    if (flags & EXTENSION_PICTURE_ID) {
        d->picture_id_at = (uint8_t)(r->pos - payload);
        uint8_t first = reader_u8(r);
        d->picture_id_bits = 7;
        d->picture_id = first;
        if (first & PICTURE_ID_LONG) {
            d->picture_id_bits = 15;
            d->picture_id = (uint16_t)((first & ~PICTURE_ID_LONG) << 8 | reader_u8(r));
        }
    }
    if (flags & EXTENSION_TL0PICIDX) {
        d->tl0picidx_at = (uint8_t)(r->pos - payload);
        d->tl0picidx = reader_u8(r);
    }
    if (flags & (EXTENSION_TID | EXTENSION_KEYIDX)) {
        uint8_t layer = reader_u8(r);
        if (flags & EXTENSION_TID) {
            d->temporal_layer = layer >> 6;
            d->layer_sync = layer & LAYER_SYNC;
        }
    }
}

/* RFC 7741 section 4.3 and RFC 6386 section 9.1: 3 bytes of header, then in a key frame 3 bytes of
 * start code and, little-endian, width and height. */
static void read_frame_header(struct reader *r, struct vp8_view *view)
{
    view->key_frame = !(reader_u8(r) & FRAME_INTER);
    if (!view->key_frame)
        return;
    (void)reader_skip(r, 2);
    bool start_code = reader_u24(r) == 0x9d012a;
    uint16_t width = __builtin_bswap16(reader_u16(r)) & DIMENSION_MASK;
    uint16_t height = __builtin_bswap16(reader_u16(r)) & DIMENSION_MASK;
    if (r->failed || !start_code)
        return;
    view->width = width;
    view->height = height;
}

int vp8_parse(const uint8_t *payload, size_t len, struct vp8_view *ret_view)
{
    struct reader r = reader_over(payload, len);
    uint8_t first = reader_u8(&r);
    struct vp8_view view = {
        .frame_start = (first & DESCRIPTOR_START) && !(first & DESCRIPTOR_PARTITION),
    };
    if (first & DESCRIPTOR_EXTENDED)
        read_extension(&r, payload, &view.descriptor);
    if (r.failed || reader_left(&r) == 0)
        return -EBADMSG;
    view.descriptor.head_len = (uint8_t)(r.pos - payload);
    if (view.frame_start)
        read_frame_header(&r, &view);
    *ret_view = view;
    return 0;
}
