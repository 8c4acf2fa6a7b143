/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/seqmap.h"

#include <errno.h>

#include "sfu/seqnum.h"

static uint8_t *byte_of(struct seqmap *map, uint16_t seq)
{
    return &map->withheld_bits[seq % SEQMAP_HISTORY / 8];
}

static uint8_t bit_of(uint16_t seq)
{
    return (uint8_t)(1u << seq % 8);
}

static void advance(struct seqmap *map, uint16_t seq)
{
    if (!map->started) {
        map->started = true;
        map->newest = (uint16_t)(seq - 1);
    }
    /* Older inputs than the history holds need no entry. */
    if ((uint16_t)(seq - map->newest) > SEQMAP_HISTORY)
        map->newest = (uint16_t)(seq - SEQMAP_HISTORY);
    while (map->newest != seq) {
        map->newest++;
        map->offset_at[map->newest % SEQMAP_HISTORY] = map->withheld;
        *byte_of(map, map->newest) &= (uint8_t)~bit_of(map->newest);
    }
}

int seqmap_forward(struct seqmap *map, uint16_t seq, uint16_t *ret_seq)
{
    if (!map->started || seqnum_is_newer(seq, map->newest))
        advance(map, seq);
    else if ((uint16_t)(map->newest - seq) >= SEQMAP_HISTORY)
        return -ERANGE;

    if (*byte_of(map, seq) & bit_of(seq))
        return -EALREADY;
    *ret_seq = (uint16_t)(seq - map->offset_at[seq % SEQMAP_HISTORY]);
    return 0;
}

int seqmap_withhold(struct seqmap *map, uint16_t seq)
{
    if (map->started && !seqnum_is_newer(seq, map->newest))
        return -ERANGE;
    advance(map, seq);
    *byte_of(map, seq) |= bit_of(seq);
    map->withheld++;
    return 0;
}
