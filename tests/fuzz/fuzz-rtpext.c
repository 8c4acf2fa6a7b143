/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sfu/rtpext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first two bytes are the profile, the next six the ids asked for, the rest the extension.
 * Elements come in order, inside the bytes, and apart; finding one id gives what the walk gives
 * first; reading fails exactly when the walk does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 8)
        return 0;
    struct rtpext_ids ids = {data[2], data[3], data[4], data[5], data[6], data[7]};
    struct rtp_view view = {
        .ext_profile = (uint16_t)(data[0] << 8 | data[1]), .ext = data + 8, .ext_len = len - 8};
    struct rtpext_cursor cursor = rtpext_begin(&view);
    const uint8_t *end = view.ext;
    const uint8_t *first[256] = {0};
    struct rtpext ext;
    int r;
    while ((r = rtpext_next(&cursor, &ext)) > 0) {
        if (ext.id == 0 || ext.data <= end || ext.len > data + len - ext.data)
            abort();
        end = ext.data + ext.len;
        if (!first[ext.id])
            first[ext.id] = ext.data;
    }
    for (unsigned id = 1; id < 256; id++) {
        bool found = rtpext_find(&view, (uint8_t)id, &ext);
        if (found != (first[id] != NULL) || (found && ext.data != first[id]))
            abort();
    }
    struct rtpext_values values;
    if (rtpext_read(&view, &ids, &values) != r)
        abort();
    if (r < 0)
        return 0;
    bool has_transport_seq = ids.transport_cc > 0 && first[ids.transport_cc];
    if ((values.has_transport_seq && !has_transport_seq) || values.audio_level > 127 ||
        (values.mid.len > 0 && values.mid.text < (const char *)view.ext))
        abort();
    return 0;
}
