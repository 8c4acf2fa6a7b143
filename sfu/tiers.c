/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tiers.h"

static uint32_t up_to(const struct tiers *t, uint8_t tier)
{
    uint32_t sum = 0;
    for (uint8_t i = 0; i <= tier; i++)
        sum += t->bytes[i];
    return sum;
}

void tiers_add(struct tiers *t, uint8_t temporal_layer, size_t bytes)
{
    t->bytes[temporal_layer < TIERS ? temporal_layer : TIERS_ALL] += (uint32_t)bytes;
    if (up_to(t, TIERS_ALL) < 2 * TIERS_BYTES)
        return;
    for (uint8_t i = 0; i < TIERS; i++)
        t->bytes[i] /= 2;
}

uint32_t tiers_permille(const struct tiers *t, uint8_t tier)
{
    if (tier >= TIERS_ALL)
        return 1000;
    uint32_t all = up_to(t, TIERS_ALL);
    if (all == 0 || t->bytes[tier + 1] == 0)
        return 0;
    return (uint32_t)((uint64_t)up_to(t, tier) * 1000 / all);
}
