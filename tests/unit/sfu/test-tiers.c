/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tiers.h"

#include "unit/check.h"

/* As browsers send it: of four frames one, one and two. */
static void shares_of_frames(void)
{
    struct tiers t = {0};
    CHECK_EQ(tiers_permille(&t, 0), 0);
    CHECK_EQ(tiers_permille(&t, TIERS_ALL), 1000);
    for (unsigned i = 0; i < 4000; i++) {
        static const uint8_t layer[] = {0, 2, 1, 2};
        tiers_add(&t, layer[i % 4], i % 4 == 0 ? 400 : 200);
    }
    CHECK(tiers_permille(&t, 0) >= 390 && tiers_permille(&t, 0) <= 410);
    CHECK(tiers_permille(&t, 1) >= 590 && tiers_permille(&t, 1) <= 610);
    CHECK_EQ(tiers_permille(&t, 2), 1000);
    /* More layers than are told apart are part of the whole. */
    tiers_add(&t, 3, 1);
    CHECK_EQ(tiers_permille(&t, 3), 1000);
}

/* A tier that adds nothing is none: without temporal layers, or without the lowest but one. */
static void no_tier_where_there_is_no_layer(void)
{
    struct tiers t = {0};
    for (unsigned i = 0; i < 10; i++)
        tiers_add(&t, 0, 100);
    CHECK_EQ(tiers_permille(&t, 0), 0);
    CHECK_EQ(tiers_permille(&t, 1), 0);
    CHECK_EQ(tiers_permille(&t, 2), 1000);
    for (unsigned i = 0; i < 10; i++)
        tiers_add(&t, 1, 100);
    CHECK_EQ(tiers_permille(&t, 0), 500);
    CHECK_EQ(tiers_permille(&t, 1), 0);
}

/* What was long ago is forgotten, and no count runs over. */
static void forgets(void)
{
    struct tiers t = {0};
    for (unsigned i = 0; i < 100000; i++)
        tiers_add(&t, 0, 1500);
    CHECK(t.bytes[0] <= 2 * TIERS_BYTES);
    for (unsigned i = 0; i < 1000; i++)
        tiers_add(&t, i % 2, 1000);
    CHECK(tiers_permille(&t, 0) > 480 && tiers_permille(&t, 0) < 520);
}

int main(void)
{
    shares_of_frames();
    no_tier_where_there_is_no_layer();
    forgets();
    return 0;
}
