/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/packet.h"

#include <errno.h>

#include "common/bytes.h"

int packet_parse(const void *data, size_t len, struct packet *ret_packet)
{
    struct reader r = reader_over(data, len);
    uint8_t flags = reader_u8(&r);
    uint8_t type = reader_u8(&r);
    struct packet p = {.marker = type >> 7, .payload_type = type & 0x7f};
    p.seq = reader_u16(&r);
    p.rtp_ticks = reader_u32(&r);
    p.ssrc = reader_u32(&r);
    (void)reader_skip(&r, 4 * (size_t)(flags & 0x0f)); /* contributing sources */
    if (flags & 0x10) {                                /* header extension */
        (void)reader_u16(&r);
        (void)reader_skip(&r, 4 * (size_t)reader_u16(&r));
    }
    if (r.failed || flags >> 6 != 2)
        return -EBADMSG;
    p.payload = r.pos;
    p.payload_len = reader_left(&r);
    if (flags & 0x20) { /* padding: its length is the last byte */
        uint8_t padding = p.payload_len > 0 ? p.payload[p.payload_len - 1] : 0;
        if (padding == 0 || padding > p.payload_len)
            return -EBADMSG;
        p.payload_len -= padding;
    }
    *ret_packet = p;
    return 0;
}

int64_t packet_unwrap_ticks(const struct packet_counters *c, uint32_t rtp_ticks)
{
    return c->rtp_ticks + (int32_t)(rtp_ticks - (uint32_t)c->rtp_ticks);
}

void packet_unwrap(struct packet_counters *c, const struct packet *packet, int64_t at_us,
                   int64_t *ret_seq, int64_t *ret_rtp_ticks)
{
    if (!c->started)
        *c = (struct packet_counters){true, packet->seq, packet->rtp_ticks, at_us};
    uint16_t behind = (uint16_t)((uint16_t)c->seq - packet->seq);
    bool late = behind < PACKET_LATE_MAX && at_us < c->at_us + PACKET_LATE_US;
    int64_t seq = late ? c->seq - behind : c->seq + (uint16_t)(packet->seq - (uint16_t)c->seq);
    int64_t ticks = packet_unwrap_ticks(c, packet->rtp_ticks);
    if (seq > c->seq) {
        c->seq = seq;
        c->rtp_ticks = ticks;
        c->at_us = at_us;
    }
    *ret_seq = seq;
    *ret_rtp_ticks = ticks;
}
