/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sfu/keyframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A patch changes the picture id and TL0PICIDX, as far as there are any, and not one bit else. */
static void check_descriptor(enum codec codec, const struct descriptor *d, const uint8_t *payload,
                             size_t len)
{
    if (d->head_len >= len || d->head_len > DESCRIPTOR_HEAD_MAX ||
        (d->picture_id_bits > 0 && d->picture_id_at + d->picture_id_bits / 7u > d->head_len) ||
        (d->tl0picidx_at > 0 && d->tl0picidx_at >= d->head_len))
        abort();
    uint8_t *copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, payload, len);
    struct descriptor_patch patch = {.picture_id = 0x5a5a, .tl0picidx = 0xc3};
    descriptor_patch(d, &patch, copy);
    struct payload_view again;
    if (payload_parse(codec, copy, len, &again) < 0)
        abort();
    if (d->picture_id_bits > 0 &&
        again.descriptor.picture_id != (patch.picture_id & ((1u << d->picture_id_bits) - 1)))
        abort();
    if (d->tl0picidx_at > 0 && again.descriptor.tl0picidx != patch.tl0picidx)
        abort();
    patch = (struct descriptor_patch){.picture_id = d->picture_id, .tl0picidx = d->tl0picidx};
    descriptor_patch(&again.descriptor, &patch, copy);
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
    if (view.layer_count > LIMIT_ENCODINGS || (view.layer_count > 0 && !view.key_frame))
        abort();
    check_descriptor(view.codec, &view.descriptor, data + 1, len - 1);
    return 0;
}
