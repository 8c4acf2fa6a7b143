/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/even.h"

uint8_t evener_padding(struct evener *e, const struct packet *p)
{
    size_t len = p->rtp.payload_len;
    bool is_first = e->len == 0 || p->rtp.timestamp != e->timestamp;
    if (is_first || len > e->len) {
        e->timestamp = p->rtp.timestamp;
        /* A byte more than this one, as the next may have: nobody knows yet. */
        e->len = is_first && p->rtp.marker ? 0 : len + 1;
    }
    if (e->len < len || e->len - len > EVEN_PADDING_MAX)
        return 0;
    size_t padding = e->len - len;
    size_t most = p->len > EVEN_PACKET_MAX ? p->len : EVEN_PACKET_MAX;
    return RTP_HEADER_BYTES + len + padding <= most ? (uint8_t)padding : 0;
}
