/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/keyframe.h"

#include <errno.h>

#include "sfu/h264.h"

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
        r = vp8_parse(payload, len, &view.vp8);
        if (r < 0)
            return r;
        view.key_frame = view.vp8.key_frame;
        view.frame_start = view.vp8.frame_start;
        view.width = view.vp8.width;
        view.height = view.vp8.height;
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
