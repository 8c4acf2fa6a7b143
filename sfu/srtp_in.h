/* Opens what a page sends as SRTP and SRTCP, and protects RTCP to it: the only file with libsrtp2.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SRTP_IN_H
#define SFU_SRTP_IN_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/keys.h"

/* The most bytes srtp_in_protect_rtcp() adds: a tag and the index. */
#define SRTP_IN_RTCP_TRAILER_MAX 20

/* The keys of one association, both ways. One thread. */
struct srtp_in;

/* The keys are copied: `remote` is what the page seals with, `local` what we do. Returns 0, -ENOMEM
 * or -EIO (libsrtp2 refuses). */
int srtp_in_create(const struct keys *remote, const struct keys *local, struct srtp_in **ret_srtp);
void srtp_in_destroy(struct srtp_in *srtp);
DEFINE_CLEANUP(struct srtp_in, srtp_in_destroy)

/* Opens the packet of `*len` bytes at `packet` (aligned to 4) in place and sets `*len` to the
 * plaintext's. Returns 0, -EBADMSG (too short, no RTP header), -EACCES (forged or in clear),
 * -EALREADY (replayed, or too old to know), -ENOSPC (LIMIT_SSRCS_PER_TRANSPORT). */
int srtp_in_open_rtp(struct srtp_in *srtp, uint8_t *packet, size_t *len, uint64_t now_us);
int srtp_in_open_rtcp(struct srtp_in *srtp, uint8_t *packet, size_t *len, uint64_t now_us);

/* Protects the compound packet of `*len` bytes in place; there must be room for
 * SRTP_IN_RTCP_TRAILER_MAX more. Returns 0 or -EIO. */
int srtp_in_protect_rtcp(struct srtp_in *srtp, uint8_t *packet, size_t *len);

/* Seals RTP as the fan-out does; the scripted peer sends with it and tests compare seal with it. */
int srtp_in_protect_rtp(struct srtp_in *srtp, uint8_t *packet, size_t *len);

#endif
