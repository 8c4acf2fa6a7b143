/* Seals outgoing RTP and RTCP (RFC 3711, RFC 7714), RTP from a shared plaintext straight into the
 * receiver's own buffer, with the key schedule kept; opens what comes in. Byte for byte what
 * libsrtp2 does, faster.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SEAL_H
#define SFU_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/keys.h"

/* Out-of-order distance in packets that seal_rtp() accepts, and within which seal_open_rtp() tells
 * a replay from a late packet. Ours: 1 s of 8 Mbit/s. */
#define SEAL_WINDOW 1024

enum sealer_library {
    SEALER_AUTO, /* the fastest that this CPU can */
    SEALER_IPSEC_MB,
    SEALER_OPENSSL,
};

/* The library that seals on one worker, made for its CPU. One thread. */
struct sealer;

/* Returns 0, -ENOMEM, or -ENOTSUP: this CPU, or this build, is without SEALER_IPSEC_MB. */
int sealer_create(enum sealer_library wanted, struct sealer **ret_sealer);

/* Accepts NULL. */
void sealer_destroy(struct sealer *sealer);
DEFINE_CLEANUP(struct sealer, sealer_destroy)

/* Writes the tags that seal_rtp() owes; NULL owes none. Nothing is allocated. */
void sealer_settle(struct sealer *sealer);

/* Which it is, for people: "ipsec-mb AVX512", "openssl". */
const char *sealer_name(const struct sealer *sealer);

/* Keys of one association for one use. One thread. */
struct seal;

enum seal_use { SEAL_RTP_OUT, SEAL_RTP_IN, SEAL_RTCP_OUT, SEAL_RTCP_IN };

/* The keys are copied; `sealer` is borrowed, and NULL for OpenSSL. seal_destroy() settles what the
 * keys owe. Returns 0, -ENOMEM or -EIO (OpenSSL refuses). */
int seal_create(const struct sealer *sealer, enum seal_use use, const struct keys *keys,
                struct seal **ret_seal);

/* As above, with keys that are session keys already: RFC 7714's test vectors. AES-CM keys need an
 * authentication key besides, so for them it returns -EINVAL. */
int seal_create_session(const struct sealer *sealer, enum seal_use use, const struct keys *session,
                        struct seal **ret_seal);
void seal_destroy(struct seal *seal);
DEFINE_CLEANUP(struct seal, seal_destroy)

/* Roll-over state of one SSRC's RTP (RFC 3711 section 3.3.1), or of its RTCP the indices, zeroed at
 * first. Of an outgoing one it must
 * live as long as the keys: an index sealed twice would break AES-GCM, so it remembers which ones
 * were. Of an incoming one it is the replay window (section 3.3.2). */
struct seal_stream {
    uint64_t highest;                /* 48-bit index */
    uint64_t used[SEAL_WINDOW / 64]; /* bit i % SEAL_WINDOW: index i was sealed, or opened */
    bool started;
};

/* A packet in parts, all borrowed: only `header` is the receiver's own. */
struct seal_packet {
    const uint8_t *header; /* RTP header with CSRCs and extension: authenticated, in clear */
    size_t header_len;     /* at least 12 */
    const uint8_t *head;   /* rewritten start of the payload, such as RTX's sequence number */
    size_t head_len;       /* may be 0 */
    const uint8_t *payload;
    size_t payload_len; /* may be 0 */
    uint8_t padding;    /* bytes of RTP padding to add (RFC 3550 section 5.1); sets the P bit */
};

/* Writes header, sealed payload and tag to `out`. The sequence number and SSRC are the header's;
 * `stream` must be that SSRC's. Returns 0, -EMSGSIZE when it does not fit `capacity`, -EALREADY
 * when that index was sealed before or is too old to know, -EINVAL for a short header, -EIO.
 * Nothing is allocated. The tag may be owed until sealer_settle(): `out` stays where it is, and
 * nobody reads or writes it, until then. */
int seal_rtp(struct seal *seal, struct seal_stream *stream, const struct seal_packet *packet,
             uint8_t *out, size_t capacity, size_t *ret_len);

/* Opens the SRTP packet of `len` bytes at `packet` into `out`, which has room for as many and is
 * elsewhere; `stream` must be its SSRC's and learns of it only when it is authentic. Returns 0,
 * -EBADMSG (no whole RTP header), -EACCES (forged or in clear), -EALREADY (opened before, or too
 * old to know). Nothing is allocated. */
int seal_open_rtp(struct seal *seal, struct seal_stream *stream, const uint8_t *packet, size_t len,
                  uint8_t *out, size_t *ret_len);

/* The most bytes seal_rtcp() adds: a tag and the index. */
#define SEAL_RTCP_TRAILER_MAX 20
/* Indices there are (RFC 3711 section 3.4): under one key no more are sealed. */
#define SEAL_RTCP_INDEX_MAX 0x7fffffffu

/* Seals the compound RTCP packet of `*len` bytes in place; there must be room for
 * SEAL_RTCP_TRAILER_MAX more. Its index is one more than `*index`, which counts for all SSRCs of
 * the association, from 0. Returns 0, -EBADMSG (shorter than a header), -EALREADY (no index is
 * left), -EIO. Nothing is allocated. */
int seal_rtcp(struct seal *seal, uint32_t *index, uint8_t *packet, size_t *len);

/* As seal_open_rtp(), for SRTCP; authentic but not encrypted is -EACCES too. */
int seal_open_rtcp(struct seal *seal, struct seal_stream *stream, const uint8_t *packet, size_t len,
                   uint8_t *out, size_t *ret_len);

#endif
