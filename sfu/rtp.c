/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rtp.h"

#include <errno.h>

#include "common/bytes.h"
#include "common/codecs.h"

enum {
    RTP_VERSION = 2,
    RTP_PADDING_BIT = 0x20,
    RTP_EXTENSION_BIT = 0x10,
    RTP_CSRC_COUNT_MASK = 0x0f,
    RTP_MARKER_BIT = 0x80,
    RTCP_TYPE_FIRST = 192, /* RFC 5761 section 4 */
    RTCP_TYPE_LAST = 223,
};

int rtp_parse(const uint8_t *packet, size_t len, struct rtp_view *ret_view)
{
    struct reader r = reader_over(packet, len);
    uint8_t flags = reader_u8(&r);
    uint8_t type = reader_u8(&r);
    struct rtp_view view = {
        .seq = reader_u16(&r),
        .marker = type & RTP_MARKER_BIT,
        .payload_type = type & (uint8_t)~RTP_MARKER_BIT,
    };
    view.timestamp = reader_u32(&r);
    view.ssrc = reader_u32(&r);
    reader_skip(&r, 4 * (size_t)(flags & RTP_CSRC_COUNT_MASK));

    if (flags & RTP_EXTENSION_BIT) {
        /* RFC 3550 section 5.3.1: a 16-bit profile word, then a length in 32-bit words. */
        view.ext_profile = reader_u16(&r);
        view.ext_len = 4 * (size_t)reader_u16(&r);
        view.ext = reader_skip(&r, view.ext_len);
    }
    if (r.failed || flags >> 6 != RTP_VERSION)
        return -EBADMSG;

    size_t padding = 0;
    if (flags & RTP_PADDING_BIT) {
        /* RFC 3550 section 5.1: the last octet counts the padding, itself included. */
        if (reader_left(&r) == 0)
            return -EBADMSG;
        padding = packet[len - 1];
        if (padding == 0 || padding > reader_left(&r))
            return -EBADMSG;
    }
    view.payload = r.pos;
    view.payload_len = reader_left(&r) - padding;
    *ret_view = view;
    return 0;
}

bool rtp_is_rtcp(const uint8_t *packet, size_t len)
{
    struct reader r = reader_over(packet, len);
    (void)reader_u8(&r);
    uint8_t type = reader_u8(&r);
    return type >= RTCP_TYPE_FIRST && type <= RTCP_TYPE_LAST;
}

void rtp_write_header(const struct rtp_header *header, uint8_t buffer[static RTP_HEADER_BYTES])
{
    /* Once for each receiver of each packet: written out, the compiler makes few stores of it. */
    buffer[0] = RTP_VERSION << 6 | RTP_EXTENSION_BIT;
    buffer[1] =
        (uint8_t)((header->marker ? RTP_MARKER_BIT : 0) | (header->payload_type & ~RTP_MARKER_BIT));
    buffer[2] = (uint8_t)(header->seq >> 8);
    buffer[3] = (uint8_t)header->seq;
    buffer[4] = (uint8_t)(header->timestamp >> 24);
    buffer[5] = (uint8_t)(header->timestamp >> 16);
    buffer[6] = (uint8_t)(header->timestamp >> 8);
    buffer[7] = (uint8_t)header->timestamp;
    buffer[8] = (uint8_t)(header->ssrc >> 24);
    buffer[9] = (uint8_t)(header->ssrc >> 16);
    buffer[10] = (uint8_t)(header->ssrc >> 8);
    buffer[11] = (uint8_t)header->ssrc;
    buffer[12] = 0xbe; /* one-byte elements, one word of them */
    buffer[13] = 0xde;
    buffer[14] = 0;
    buffer[15] = 1;
    buffer[16] = CODEC_EXT_TRANSPORT_CC << 4 | (sizeof(header->transport_seq) - 1);
    buffer[17] = (uint8_t)(header->transport_seq >> 8);
    buffer[18] = (uint8_t)header->transport_seq;
    buffer[19] = 0;
}
