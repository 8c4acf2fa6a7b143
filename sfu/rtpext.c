/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rtpext.h"

#include <errno.h>
#include <string.h>

enum {
    ONE_BYTE_PROFILE = 0xbede, /* RFC 8285 section 4.2 */
    TWO_BYTE_PROFILE = 0x1000, /* RFC 8285 section 4.3; the low 4 bits are the application's */
    TWO_BYTE_PROFILE_MASK = 0xfff0,
    ONE_BYTE_ID_END = 15,
    LEVEL_VOICE_BIT = 0x80, /* RFC 6464 section 3 */
};

struct rtpext_cursor rtpext_begin(const struct rtp_view *view)
{
    bool two_byte = (view->ext_profile & TWO_BYTE_PROFILE_MASK) == TWO_BYTE_PROFILE;
    bool known = two_byte || view->ext_profile == ONE_BYTE_PROFILE;
    return (struct rtpext_cursor){
        .left = reader_over(view->ext, known ? view->ext_len : 0),
        .two_byte = two_byte,
    };
}

int rtpext_next(struct rtpext_cursor *cursor, struct rtpext *ret_ext)
{
    struct reader *r = &cursor->left;
    while (reader_left(r) > 0) {
        uint8_t id = reader_u8(r);
        uint8_t len = 0;
        if (cursor->two_byte) {
            if (id == 0)
                continue; /* padding is one byte, without a length */
            len = reader_u8(r);
        } else {
            /* RFC 8285 section 4.2: the length is one less than the bytes that follow; the whole
             * byte 0 is padding, id 0 with a length and id 15 end the walk. */
            uint8_t head = id;
            if (head == 0)
                continue;
            id = head >> 4;
            len = (uint8_t)((head & 0x0f) + 1);
            if (id == 0 || id == ONE_BYTE_ID_END)
                break;
        }
        const uint8_t *data = reader_skip(r, len);
        if (r->failed)
            return -EBADMSG;
        *ret_ext = (struct rtpext){.id = id, .len = len, .data = data};
        return 1;
    }
    r->pos = r->end;
    return 0;
}

bool rtpext_find(const struct rtp_view *view, uint8_t id, struct rtpext *ret_ext)
{
    struct rtpext_cursor cursor = rtpext_begin(view);
    struct rtpext ext;
    while (rtpext_next(&cursor, &ext) > 0) {
        if (ext.id == id) {
            *ret_ext = ext;
            return true;
        }
    }
    return false;
}

static struct rtpext_text text_of(const struct rtpext *ext)
{
    return (struct rtpext_text){.text = (const char *)ext->data, .len = ext->len};
}

static void read_number(const struct rtpext *ext, const struct rtpext_ids *ids,
                        struct rtpext_values *values)
{
    struct reader r = reader_over(ext->data, ext->len);
    if (ext->id == ids->transport_cc && ext->len == 2) {
        values->transport_seq = reader_u16(&r);
        values->has_transport_seq = true;
    } else if (ext->id == ids->abs_send_time && ext->len == 3) {
        values->abs_send_time = reader_u24(&r);
        values->has_abs_send_time = true;
    } else if (ext->id == ids->audio_level && ext->len >= 1) {
        /* RFC 6464 section 3: one byte, or two and more in the two-byte form with padding. */
        uint8_t level = reader_u8(&r);
        values->voice = level & LEVEL_VOICE_BIT;
        values->audio_level = level & (uint8_t)~LEVEL_VOICE_BIT;
        values->has_audio_level = true;
    }
}

int rtpext_read(const struct rtp_view *view, const struct rtpext_ids *ids,
                struct rtpext_values *ret_values)
{
    struct rtpext_values values = {0};
    struct rtpext_cursor cursor = rtpext_begin(view);
    struct rtpext ext;
    int r;
    while ((r = rtpext_next(&cursor, &ext)) > 0) {
        if (ext.id == ids->mid)
            values.mid = text_of(&ext);
        else if (ext.id == ids->rid)
            values.rid = text_of(&ext);
        else if (ext.id == ids->repaired_rid)
            values.repaired_rid = text_of(&ext);
        else
            read_number(&ext, ids, &values);
    }
    if (r < 0)
        return r;
    *ret_values = values;
    return 0;
}

bool rtpext_text_is(struct rtpext_text text, const char *wanted)
{
    return text.len > 0 && strlen(wanted) == text.len && memcmp(text.text, wanted, text.len) == 0;
}
