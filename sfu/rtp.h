/* RTP fixed header (RFC 3550 section 5.1) as a read-only view of a received packet, and a writer
 * of the headers we send.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_RTP_H
#define SFU_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A header as we send it: no contributing sources, and one extension, the transport-wide sequence
 * number (RFC 8285 section 4.2, as CODEC_EXT_TRANSPORT_CC). */
#define RTP_HEADER_BYTES 20

struct rtp_view {
    uint32_t ssrc;
    uint32_t timestamp; /* in ticks of the payload's clock, e.g. 90000 a second for video */
    uint16_t seq;
    uint8_t payload_type;
    bool marker;
    uint16_t ext_profile; /* 0xbede: one-byte form, 0x100x: two-byte form (RFC 8285); 0: none */
    const uint8_t *ext;   /* header extension elements, read with rtpext.h; borrowed, may be NULL */
    size_t ext_len;       /* bytes */
    const uint8_t *payload; /* borrowed from the packet */
    size_t payload_len;     /* bytes, padding removed */
};

/* Parses `packet` into `ret_view`. Returns 0, or -EBADMSG if the bytes are not one whole,
 * version 2 RTP packet; `ret_view` is written only on success. */
int rtp_parse(const uint8_t *packet, size_t len, struct rtp_view *ret_view);

/* Whether a datagram that RFC 7983 calls RTP or RTCP is RTCP (RFC 5761 section 4: packet types
 * 192 to 223 as the second byte). False for less than 2 bytes. */
bool rtp_is_rtcp(const uint8_t *packet, size_t len);

/* What we put in front of a payload. */
struct rtp_header {
    uint32_t ssrc;
    uint32_t timestamp;
    uint16_t seq;
    uint16_t transport_seq;
    uint8_t payload_type;
    bool marker;
};

/* Writes exactly RTP_HEADER_BYTES. */
void rtp_write_header(const struct rtp_header *header, uint8_t buffer[static RTP_HEADER_BYTES]);

#endif
