/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/keyframe.h"

#include <errno.h>

#include "common/vp9.h"
#include "sfu/h264.h"
#include "sfu/vp8.h"

static int parse_vp8(const uint8_t *payload, size_t len, struct payload_view *view)
{
    struct vp8_view vp8;
    int r = vp8_parse(payload, len, &vp8);
    if (r < 0)
        return r;
    view->key_frame = vp8.key_frame;
    view->frame_start = vp8.frame_start;
    view->width = vp8.width;
    view->height = vp8.height;
    view->descriptor = vp8.descriptor;
    return 0;
}

static int parse_vp9(const uint8_t *payload, size_t len, struct payload_view *view)
{
    struct vp9_descriptor d;
    int r = vp9_read_descriptor(payload, len, &d);
    if (r < 0)
        return r;
    view->frame_start = d.frame_start;
    view->key_frame = d.frame_start && !d.inter_predicted && d.spatial_layer == 0;
    view->descriptor = (struct descriptor){
        .picture_id = d.picture_id,
        .picture_id_at = d.picture_id_at,
        .picture_id_bits = d.picture_id_bits,
        .tl0picidx = d.tl0picidx,
        .tl0picidx_at = d.tl0picidx_at,
        .head_len = d.tl0picidx_at ? d.tl0picidx_at + 1 : d.picture_id_at + d.picture_id_bits / 7,
        .temporal_layer = d.temporal_layer,
        .layer_sync = d.layer_sync,
        .flexible = d.flexible,
        .spatial_layer = d.spatial_layer,
        .inter_predicted = d.inter_predicted,
        .layer_end = d.frame_end,
    };
    if (!view->key_frame || d.layer_count == 0)
        return 0;
    view->layer_count = d.layer_count < LIMIT_ENCODINGS ? d.layer_count : LIMIT_ENCODINGS;
    for (unsigned i = 0; i < view->layer_count; i++)
        view->layer_heights[i] = d.heights[i];
    view->width = d.widths[view->layer_count - 1];
    view->height = d.heights[view->layer_count - 1];
    return 0;
}

int payload_parse(enum codec codec, const uint8_t *payload, size_t len,
                  struct payload_view *ret_view)
{
    if (codec <= CODEC_NONE || codec >= CODEC_COUNT)
        return -EINVAL;
    struct payload_view view = {.codec = codec};
    struct h264_view h264;
    int r;
    switch (codec) {
    case CODEC_OPUS:
        if (len == 0)
            return -EBADMSG;
        view.key_frame = true;
        view.frame_start = true;
        break;
    case CODEC_VP8:
        r = parse_vp8(payload, len, &view);
        if (r < 0)
            return r;
        break;
    case CODEC_VP9:
        r = parse_vp9(payload, len, &view);
        if (r < 0)
            return r;
        break;
    case CODEC_H264:
        r = h264_parse(payload, len, &h264);
        if (r < 0)
            return r;
        view.key_frame = h264.key_frame;
        view.frame_start = h264.frame_start;
        view.width = h264.width;
        view.height = h264.height;
        break;
    case CODEC_NONE:
    case CODEC_COUNT:
        return -EINVAL;
    }
    *ret_view = view;
    return 0;
}
