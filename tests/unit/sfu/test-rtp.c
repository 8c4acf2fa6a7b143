/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rtp.h"

#include <errno.h>
#include <string.h>

#include "common/codecs.h"
#include "sfu/rtpext.h"
#include "sfu/seqnum.h"
#include "unit/check.h"

static void parsing(void)
{
    /* V=2, P=1, X=1, CC=1; M=1, PT=111; one CSRC; one extension word; 3 bytes; 2 padding. */
    static const uint8_t packet[] = {
        0xb1, 0xef, 0x12, 0x34, 0, 0, 3, 0xc0, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3,
        4,    0xbe, 0xde, 0,    1, 9, 9, 9,    9,    'a',  'b',  'c',  0, 2,
    };
    struct rtp_view view;

    CHECK_EQ(rtp_parse(packet, sizeof(packet), &view), 0);
    CHECK_EQ(view.seq, 0x1234);
    CHECK_EQ(view.timestamp, 960);
    CHECK_EQ(view.ssrc, 0xdeadbeef);
    CHECK_EQ(view.payload_type, 111);
    CHECK(view.marker);
    CHECK_EQ(view.ext_profile, 0xbede);
    CHECK(view.ext == packet + 20);
    CHECK_EQ(view.ext_len, 4);
    CHECK_EQ(view.payload_len, 3);
    CHECK_EQ(view.payload[0], 'a');

    /* Every shorter prefix is refused. */
    for (size_t len = 0; len < 24; len++)
        CHECK_EQ(rtp_parse(packet, len, &view), -EBADMSG);

    static const struct {
        const char *what;
        uint8_t first;
        uint8_t last;
        size_t len;
        int result;
        size_t payload_len;
    } cases[] = {
        {"version 1", 0x40, 0, 20, -EBADMSG, 0},
        {"plain", 0x80, 0, 20, 0, 8},
        {"no payload", 0x80, 0, 12, 0, 0},
        {"padding of 0", 0xa0, 0, 20, -EBADMSG, 0},
        {"padding longer than the payload", 0xa0, 9, 20, -EBADMSG, 0},
        {"nothing but padding", 0xa0, 8, 20, 0, 0},
        {"padding without a payload to hold its count", 0xa0, 0, 12, -EBADMSG, 0},
        {"15 sources and no room", 0x8f, 0, 20, -EBADMSG, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[20] = {cases[i].first};
        bytes[cases[i].len - 1] |= cases[i].len > 12 ? cases[i].last : 0;
        int r = rtp_parse(bytes, cases[i].len, &view);
        if (r != cases[i].result)
            fprintf(stderr, "%s\n", cases[i].what);
        CHECK_EQ(r, cases[i].result);
        if (r == 0)
            CHECK_EQ(view.payload_len, cases[i].payload_len);
    }
}

static void writing(void)
{
    struct rtp_header header = {.ssrc = 0xdeadbeef,
                                .timestamp = 0xfffffff0,
                                .seq = 65535,
                                .transport_seq = 0xfedc,
                                .payload_type = 101,
                                .marker = true};
    uint8_t bytes[RTP_HEADER_BYTES + 2];
    rtp_write_header(&header, bytes);
    struct rtp_view view;
    CHECK_EQ(rtp_parse(bytes, RTP_HEADER_BYTES, &view), 0);
    CHECK_EQ(view.ssrc, header.ssrc);
    CHECK_EQ(view.timestamp, header.timestamp);
    CHECK_EQ(view.seq, header.seq);
    CHECK_EQ(view.payload_type, header.payload_type);
    CHECK(view.marker);
    const struct rtpext_ids ids = {.transport_cc = CODEC_EXT_TRANSPORT_CC};
    struct rtpext_values values;
    CHECK_EQ(rtpext_read(&view, &ids, &values), 0);
    CHECK(values.has_transport_seq);
    CHECK_EQ(values.transport_seq, 0xfedc);
    CHECK_EQ(view.payload_len, 0);

    header.marker = false;
    rtp_write_header(&header, bytes);
    bytes[0] |= 0x20; /* padding, whose last byte counts it */
    bytes[RTP_HEADER_BYTES] = 0;
    bytes[RTP_HEADER_BYTES + 1] = 2;
    CHECK_EQ(rtp_parse(bytes, sizeof(bytes), &view), 0);
    CHECK(!view.marker);
    CHECK_EQ(view.payload_len, 0);
}

int main(void)
{
    parsing();
    writing();

    /* RFC 5761: RTP with payload types 0 to 63 and 96 to 127 is never taken for RTCP. */
    for (unsigned type = 0; type < 256; type++) {
        uint8_t head[2] = {0x80, (uint8_t)type};
        CHECK_EQ(rtp_is_rtcp(head, 2), type >= 192 && type <= 223);
    }
    CHECK(!rtp_is_rtcp((const uint8_t[]){0x80}, 1));

    CHECK(seqnum_is_newer(0, 65535));
    CHECK(!seqnum_is_newer(65535, 0));
    CHECK(!seqnum_is_newer(7, 7));
    CHECK(seqnum_ticks_newer(5, 0xfffffff0));
    CHECK_EQ(seqnum_extend(0x1ffff, 3), 0x20003);
    CHECK_EQ(seqnum_extend(0x20003, 0xffff), 0x1ffff);
    return 0;
}
