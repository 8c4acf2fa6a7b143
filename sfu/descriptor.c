/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/descriptor.h"

/* M of both: the picture id has 15 bits. */
#define PICTURE_ID_LONG 0x80

void descriptor_patch(const struct descriptor *descriptor, const struct descriptor_patch *patch,
                      uint8_t *payload)
{
    uint8_t *id = payload + descriptor->picture_id_at;
    if (descriptor->picture_id_bits == 7) {
        id[0] = patch->picture_id & 0x7f;
    } else if (descriptor->picture_id_bits == 15) {
        id[0] = (uint8_t)(PICTURE_ID_LONG | patch->picture_id >> 8);
        id[1] = (uint8_t)patch->picture_id;
    }
    if (descriptor->tl0picidx_at > 0)
        payload[descriptor->tl0picidx_at] = patch->tl0picidx;
}
