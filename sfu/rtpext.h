/* RTP header extensions (RFC 8285), one-byte and two-byte form, and the ones we read: MID, RID
 * (RFC 8852), transport-wide sequence number, absolute send time, audio level (RFC 6464).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_RTPEXT_H
#define SFU_RTPEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "sfu/rtp.h"

/* One element. Borrowed from the packet. */
struct rtpext {
    uint8_t id; /* 1 to 14 in the one-byte form, 1 to 255 in the two-byte form */
    uint8_t len;
    const uint8_t *data;
};

struct rtpext_cursor {
    struct reader left;
    bool two_byte;
};

/* A cursor before the first element; at once at its end if there are none or the profile is
 * neither form (such an extension is skipped whole, RFC 3550 section 5.3.1). */
struct rtpext_cursor rtpext_begin(const struct rtp_view *view);

/* Steps to the next element, past padding. Returns 1, 0 at the end (also at id 15, or 0 with a
 * length, of the one-byte form, which ends it: RFC 8285 section 4.2), or -EBADMSG for a length past
 * the end. */
int rtpext_next(struct rtpext_cursor *cursor, struct rtpext *ret_ext);

/* Finds the first element of `id` (never 0). False if there is none before the end or an error. */
bool rtpext_find(const struct rtp_view *view, uint8_t id, struct rtpext *ret_ext);

/* The ids a publisher uses, of its own choice; 0: not used. */
struct rtpext_ids {
    uint8_t mid;
    uint8_t rid;
    uint8_t repaired_rid;
    uint8_t transport_cc;
    uint8_t abs_send_time;
    uint8_t audio_level;
};

/* Text of a MID or RID, not NUL-terminated. Borrowed from the packet; NULL and 0 when absent. */
struct rtpext_text {
    const char *text;
    uint8_t len;
};

struct rtpext_values {
    struct rtpext_text mid;
    struct rtpext_text rid;
    struct rtpext_text repaired_rid;
    uint32_t abs_send_time; /* 24 bits: 6.18 fixed point seconds, wraps every 64 s */
    uint16_t transport_seq; /* of the transport, all streams together */
    uint8_t audio_level;    /* -dBov: 0 loudest to 127 silent */
    bool voice;             /* RFC 6464 V bit */
    bool has_abs_send_time, has_transport_seq, has_audio_level;
};

/* Reads all that `ids` names in one walk; elements of a wrong length are left out. Returns 0, or
 * -EBADMSG if an element's length lies; `ret_values` is written only on success. */
int rtpext_read(const struct rtp_view *view, const struct rtpext_ids *ids,
                struct rtpext_values *ret_values);

/* Whether `text` is exactly the NUL-terminated `wanted`; false for absent or empty. */
bool rtpext_text_is(struct rtpext_text text, const char *wanted);

#endif
