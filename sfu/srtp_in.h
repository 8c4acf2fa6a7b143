/* Opens what a page sends as SRTP and SRTCP of a bounded number of SSRCs, and protects RTCP to it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SRTP_IN_H
#define SFU_SRTP_IN_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/keys.h"
#include "sfu/seal.h"

/* The keys of one association, both ways. One thread. */
struct srtp_in;

/* The keys are copied: `remote` is what the page seals with, `local` what we do; `sealer` is
 * borrowed (NULL: OpenSSL's). Returns 0, -ENOMEM or -EIO (OpenSSL refuses). */
int srtp_in_create(const struct sealer *sealer, const struct keys *remote, const struct keys *local,
                   struct srtp_in **ret_srtp);
void srtp_in_destroy(struct srtp_in *srtp);
DEFINE_CLEANUP(struct srtp_in, srtp_in_destroy)

/* Opens the packet of `len` bytes at `packet` into `plain`: elsewhere, aligned to 4, with room for
 * as many. Returns 0, -EBADMSG (too short, no RTP header), -EACCES (forged or in clear), -EALREADY
 * (replayed, or too old to know), -ENOSPC (LIMIT_SSRCS_PER_TRANSPORT), -ENOMEM (for a new SSRC). */
int srtp_in_open_rtp(struct srtp_in *srtp, const uint8_t *packet, size_t len, uint64_t now_us,
                     uint8_t *plain, size_t *ret_len);
int srtp_in_open_rtcp(struct srtp_in *srtp, const uint8_t *packet, size_t len, uint64_t now_us,
                      uint8_t *plain, size_t *ret_len);

/* Protects the compound packet of `*len` bytes in place; there must be room for
 * SEAL_RTCP_TRAILER_MAX more. Returns 0 or what seal_rtcp() says. */
int srtp_in_protect_rtcp(struct srtp_in *srtp, uint8_t *packet, size_t *len);

#endif
