/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sfu/keyframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A patch changes the picture id and TL0PICIDX, as far as there are any, and not one bit else. */
static void check_vp8(const struct vp8_view *view, const uint8_t *payload, size_t len)
{
    if (view->descriptor_len >= len || view->descriptor_len == 0 ||
        (view->picture_id_bits > 0 && view->picture_id_at >= view->descriptor_len) ||
        view->tl0picidx_at >= view->descriptor_len)
        abort();
    uint8_t *copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, payload, len);
    struct vp8_patch patch = {.picture_id = 0x5a5a, .tl0picidx = 0xc3};
    vp8_patch_apply(view, &patch, copy);
    struct vp8_view again;
    if (vp8_parse(copy, len, &again) < 0)
        abort();
    if (view->picture_id_bits > 0 &&
        again.picture_id != (patch.picture_id & ((1u << view->picture_id_bits) - 1)))
        abort();
    if (view->tl0picidx_at > 0 && again.tl0picidx != patch.tl0picidx)
        abort();
    patch = (struct vp8_patch){.picture_id = view->picture_id, .tl0picidx = view->tl0picidx};
    vp8_patch_apply(&again, &patch, copy);
    if (memcmp(copy, payload, len) != 0)
        abort();
    free(copy);
}

/* The first byte chooses the codec. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    struct payload_view view;
    if (payload_parse((enum codec)data[0], data + 1, len - 1, &view) < 0)
        return 0;
    if (len == 1 || view.codec != (enum codec)data[0])
        abort(); /* nothing is no payload */
    if (view.key_frame && !view.frame_start)
        abort();
    if (view.codec == CODEC_VP8)
        check_vp8(&view.vp8, data + 1, len - 1);
    return 0;
}
