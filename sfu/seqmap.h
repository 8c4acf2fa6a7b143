/* Rewrites RTP sequence numbers for one subscriber, closing the gaps left by packets that
 * were withheld from it, so that the receiver does not see them as loss.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SEQMAP_H
#define SFU_SEQMAP_H

#include <stdbool.h>
#include <stdint.h>

/* How far back a late packet may be and still be placed; older ones are dropped. 512 packets
 * are about 4 s of 1 Mbit/s video. Our choice, not a standard's. */
#define SEQMAP_HISTORY 512

struct seqmap {
    bool started;
    uint16_t newest;                    /* highest input seen, modulo 2^16 */
    uint16_t withheld;                  /* how many were withheld so far, modulo 2^16 */
    uint16_t offset_at[SEQMAP_HISTORY]; /* `withheld` as of each recent input */
    uint8_t withheld_bits[SEQMAP_HISTORY / 8];
};

/* Maps `seq` to the number to send in `*ret_seq`. Returns 0, -EALREADY when `seq` was
 * withheld, or -ERANGE when it is too old to place. */
int seqmap_forward(struct seqmap *map, uint16_t seq, uint16_t *ret_seq);

/* Records that `seq` is not sent to this subscriber. Only a packet newer than all before it
 * can be withheld; for others this returns -ERANGE. */
int seqmap_withhold(struct seqmap *map, uint16_t seq);

#endif
