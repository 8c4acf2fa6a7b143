/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/h264.h"

#include <errno.h>

#include "common/bytes.h"
#include "common/sps.h"

/* RFC 6184 section 5.2 table 1; 1 to 23 are single NAL units. */
enum {
    NAL_TYPE_MASK = 0x1f,
    NAL_IDR = 5,
    NAL_SPS = 7,
    NAL_SINGLE_LAST = 23,
    NAL_STAP_A = 24,
    NAL_FU_A = 28,
    FU_START_BIT = 0x80,
};

static bool is_key(uint8_t type)
{
    return type == NAL_IDR || type == NAL_SPS;
}

/* One whole unit. */
static void look_at(const uint8_t *unit, size_t len, struct h264_view *view)
{
    uint8_t type = unit[0] & NAL_TYPE_MASK;
    view->key_frame |= is_key(type);
    if (type == NAL_SPS)
        (void)sps_size(unit, len, &view->width, &view->height); /* else not known */
}

/* RFC 6184 section 5.7.1: 16-bit sizes, each with its NAL unit, up to the end. */
static int parse_aggregate(struct reader *r, struct h264_view *view)
{
    view->frame_start = true;
    do {
        size_t size = reader_u16(r);
        const uint8_t *unit = reader_skip(r, size);
        if (r->failed || size == 0)
            return -EBADMSG;
        look_at(unit, size, view);
    } while (reader_left(r) > 0);
    return 0;
}

int h264_parse(const uint8_t *payload, size_t len, struct h264_view *ret_view)
{
    struct reader r = reader_over(payload, len);
    uint8_t type = reader_u8(&r) & NAL_TYPE_MASK;
    if (r.failed || type == 0)
        return -EBADMSG;

    struct h264_view view = {0};
    if (type <= NAL_SINGLE_LAST) {
        view.frame_start = true;
        look_at(payload, len, &view);
    } else if (type == NAL_STAP_A) {
        int e = parse_aggregate(&r, &view);
        if (e < 0)
            return e;
    } else if (type == NAL_FU_A) {
        uint8_t fu = reader_u8(&r);
        if (r.failed || reader_left(&r) == 0)
            return -EBADMSG;
        view.frame_start = fu & FU_START_BIT;
        view.key_frame = view.frame_start && is_key(fu & NAL_TYPE_MASK);
    } else {
        return -EBADMSG;
    }
    *ret_view = view;
    return 0;
}
