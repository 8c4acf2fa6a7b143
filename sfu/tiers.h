/* What an encoding's temporal layers (RFC 7741 section 4.2, TID) take of it: a tier is all packets
 * up to one of them, that is a frame rate the picture can be had at. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TIERS_H
#define SFU_TIERS_H

#include <stddef.h>
#include <stdint.h>

/* Tiers told apart: a quarter, half and all of the frames, as browsers divide them. */
#define TIERS 3
/* The best: nothing is left out, whatever its TID. */
#define TIERS_ALL (TIERS - 1)

/* Zeroed to begin with. */
struct tiers {
    uint32_t bytes[TIERS]; /* of each temporal layer, of the last TIERS_BYTES or so */
};

/* What the shares are reckoned from: 2 s of 250 kbit/s. Ours. */
#define TIERS_BYTES (64 * 1024u)

void tiers_add(struct tiers *t, uint8_t temporal_layer, size_t bytes);

/* What `tier` takes of the whole, permille; 0: it is none, as the next better one is the same. */
uint32_t tiers_permille(const struct tiers *t, uint8_t tier);

#endif
