/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sfu/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_inside(const uint8_t *part, size_t part_len, const uint8_t *data, size_t len)
{
    return part >= data && part_len <= len && (size_t)(part - data) <= len - part_len;
}

/* Whatever the bytes, what an accepted packet points at lies inside them, extension before payload;
 * and its header, written again, is read as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rtp_view view;
    if (rtp_parse(data, len, &view) < 0)
        return 0;
    if (!is_inside(view.payload, view.payload_len, data, len))
        abort();
    if (view.ext &&
        (!is_inside(view.ext, view.ext_len, data, len) || view.ext + view.ext_len != view.payload))
        abort();

    uint8_t bytes[RTP_HEADER_BYTES];
    struct rtp_header header = {.ssrc = view.ssrc,
                                .timestamp = view.timestamp,
                                .seq = view.seq,
                                .transport_seq = (uint16_t)view.timestamp,
                                .payload_type = view.payload_type,
                                .marker = view.marker};
    struct rtp_view again;
    rtp_write_header(&header, bytes);
    if (rtp_parse(bytes, sizeof(bytes), &again) < 0 || again.ssrc != view.ssrc ||
        again.timestamp != view.timestamp || again.seq != view.seq ||
        again.payload_type != view.payload_type || again.marker != view.marker)
        abort();
    return 0;
}
