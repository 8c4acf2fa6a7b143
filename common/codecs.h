/* The codecs, payload types and header extensions the server offers every page. Signaling writes
 * them into the capabilities, the media core sends with them: one list, so they cannot disagree.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CODECS_H
#define COMMON_CODECS_H

enum codec {
    CODEC_NONE = 0,
    CODEC_OPUS = 1, /* RFC 7587, 48,000 Hz, 2 channels in the name */
    CODEC_VP8 = 2,  /* RFC 7741, 90,000 Hz */
    CODEC_H264 = 3, /* RFC 6184, packetization-mode 1, profile 42e01f */
    CODEC_VP9 = 4,  /* RFC 9628, 90,000 Hz */
    CODEC_COUNT = 5,
};

/* Payload types of everything the server sends (and what the pages are offered). A page sends with
 * its own; STREAM_ADD tells the media core which. */
enum {
    CODEC_PT_OPUS = 100,
    CODEC_PT_VP8 = 101,
    CODEC_PT_VP8_RTX = 102,
    CODEC_PT_VP9 = 103,
    CODEC_PT_VP9_RTX = 104,
    CODEC_PT_H264 = 105,
    CODEC_PT_H264_RTX = 106,
    CODEC_PT_RED = 107, /* RFC 2198 of Opus; only to pages that say they take it */
};

/* RFC 8285 ids offered to the pages; a page announces its own in STREAM_ADD. Of these the server
 * sends only the transport-wide sequence number: browsers demultiplex by SSRC alone (tried in
 * both).
 */
enum {
    CODEC_EXT_MID = 1,
    CODEC_EXT_RID = 2,
    CODEC_EXT_REPAIRED_RID = 3,
    CODEC_EXT_ABS_SEND_TIME = 4,
    CODEC_EXT_TRANSPORT_CC = 5,
    CODEC_EXT_AUDIO_LEVEL = 10, /* RFC 6464 */
};

#endif
