/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/seqmap.h"

#include <errno.h>

#include "sfu/seqnum.h"

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
        map->was_withheld[map->newest % SEQMAP_HISTORY] = false;
    }
}

int seqmap_forward(struct seqmap *map, uint16_t seq, uint16_t *ret_seq)
{
    if (!map->started || seqnum_is_newer(seq, map->newest))
        advance(map, seq);
    else if ((uint16_t)(map->newest - seq) >= SEQMAP_HISTORY)
        return -ERANGE;

    if (map->was_withheld[seq % SEQMAP_HISTORY])
        return -EALREADY;
    *ret_seq = (uint16_t)(seq - map->offset_at[seq % SEQMAP_HISTORY]);
    return 0;
}

int seqmap_withhold(struct seqmap *map, uint16_t seq)
{
    if (map->started && !seqnum_is_newer(seq, map->newest))
        return -ERANGE;
    advance(map, seq);
    map->was_withheld[seq % SEQMAP_HISTORY] = true;
    map->withheld++;
    return 0;
}
