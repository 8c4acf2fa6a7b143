/* SRTP and SRTCP as libsrtp2 does it: what our own sealing and opening is compared with.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SFU_REFERENCE_H
#define TESTS_UNIT_SFU_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/keys.h"

/* One direction. */
struct reference;

/* Returns 0 or -EIO. */
int reference_create(const struct keys *keys, struct reference **ret_reference);
/* One that authenticates RTCP and does not encrypt it. */
int reference_create_clear(const struct keys *keys, struct reference **ret_reference);
void reference_destroy(struct reference *reference);
DEFINE_CLEANUP(struct reference, reference_destroy)

/* In place, aligned to 4. Return 0 or what seal_rtp(), seal_open_rtp() and so on would. */
int reference_seal(struct reference *reference, uint8_t *packet, size_t *len);
int reference_open(struct reference *reference, uint8_t *packet, size_t *len);
int reference_seal_rtcp(struct reference *reference, uint8_t *packet, size_t *len);
int reference_open_rtcp(struct reference *reference, uint8_t *packet, size_t *len);

#endif
