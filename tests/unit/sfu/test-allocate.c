/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/allocate.h"

#include "unit/check.h"

#define KBPS 1000u
#define MANY 4

static struct allocate_picture pictures[LIMIT_SEATS];

/* Three layers as a browser's: 180, 360 and 720 pixels high, 100, 300 and 1,500 kbit/s. */
static void layers(size_t seat, enum allocate_rank rank, uint16_t height)
{
    pictures[seat] = (struct allocate_picture){
        .rank = rank,
        .height = height,
        .step_count = 3,
        .steps = {{100 * KBPS, 180, 0, 2}, {300 * KBPS, 360, 1, 2}, {1500 * KBPS, 720, 2, 2}},
        .now = ALLOCATE_NONE,
    };
}

static int chosen(size_t seat)
{
    return pictures[seat].chosen;
}

/* Four of them, of which the third speaks, the second is the judge. */
static void court(uint16_t height)
{
    layers(0, ALLOCATE_OTHER, height);
    layers(1, ALLOCATE_JUDGE, height);
    layers(2, ALLOCATE_SPEAKER, height);
    layers(3, ALLOCATE_OTHER, height);
}

/* With less and less, the rest gets worse first, then the judge, then who speaks; and nobody gets a
 * better picture while another has none. */
static void sheds_in_order(void)
{
    static const struct {
        uint32_t kbps;
        int chosen[MANY];
    } rows[] = {
        {20000, {2, 2, 2, 2}},   {5400, {2, 2, 2, 1}},  {2700, {1, 1, 2, 1}},
        {1000, {0, 1, 1, 0}},    {630, {0, 0, 1, 0}},   {440, {0, 0, 0, 0}},
        {330, {0, 0, 0, -1}},    {220, {-1, 0, 0, -1}}, {110, {-1, -1, 0, -1}},
        {100, {-1, -1, -1, -1}}, {0, {-1, -1, -1, -1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        court(UINT16_MAX);
        CHECK_EQ(allocate(pictures, MANY, rows[i].kbps * KBPS), 6000 * KBPS);
        for (size_t k = 0; k < MANY; k++)
            CHECK_EQ(chosen(k), rows[i].chosen[k]);
    }
}

/* No better picture than is looked at, up to a quarter larger; it is not even wanted. */
static void no_better_than_shown(void)
{
    static const struct {
        uint16_t height;
        int chosen;
    } rows[] = {{90, 0}, {225, 0}, {226, 1}, {450, 1}, {451, 2}, {2000, 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        layers(0, ALLOCATE_OTHER, rows[i].height);
        uint64_t wanted = allocate(pictures, 1, UINT32_MAX);
        CHECK_EQ(chosen(0), rows[i].chosen);
        CHECK_EQ(wanted, pictures[0].steps[rows[i].chosen].bps);
    }
    layers(0, ALLOCATE_OTHER, 100);
    pictures[0].steps[0].height = 0; /* not known: the next may be what is wanted */
    (void)allocate(pictures, 1, UINT32_MAX);
    CHECK_EQ(chosen(0), 1);
}

/* A text that cannot be read is none: the exhibit is as good as can be before others have any. */
static void the_exhibit_is_readable(void)
{
    court(UINT16_MAX);
    pictures[0].rank = ALLOCATE_EXHIBIT;
    (void)allocate(pictures, MANY, 1700 * KBPS);
    CHECK_EQ(chosen(0), 2);
    CHECK_EQ(chosen(1), -1);
    CHECK_EQ(chosen(2), 0);
    CHECK_EQ(chosen(3), -1);
}

/* The interpreter of signs before the rest; among the rest the larger. */
static void interpreter_then_size(void)
{
    for (size_t i = 0; i < MANY; i++)
        layers(i, ALLOCATE_OTHER, (uint16_t)(100 + 10 * i));
    pictures[0].rank = ALLOCATE_INTERPRETER;
    (void)allocate(pictures, MANY, 220 * KBPS);
    CHECK_EQ(chosen(0), 0);
    CHECK_EQ(chosen(1), -1);
    CHECK_EQ(chosen(2), -1);
    CHECK_EQ(chosen(3), 0);
}

/* What is sent goes on at the edge; what is not, does not begin there. */
static void does_not_waver(void)
{
    layers(0, ALLOCATE_OTHER, UINT16_MAX);
    (void)allocate(pictures, 1, 310 * KBPS);
    CHECK_EQ(chosen(0), 0);
    pictures[0].now = 1;
    (void)allocate(pictures, 1, 310 * KBPS);
    CHECK_EQ(chosen(0), 1);
    (void)allocate(pictures, 1, 261 * KBPS);
    CHECK_EQ(chosen(0), 1);
    (void)allocate(pictures, 1, 259 * KBPS);
    CHECK_EQ(chosen(0), 0);
}

/* Three layers, each at a quarter, half and all of its frames. */
static void tiers(size_t seat, enum allocate_rank rank, uint16_t height)
{
    static const uint32_t kbps[] = {40, 60, 100, 120, 180, 300, 600, 900, 1500};
    layers(seat, rank, height);
    pictures[seat].step_count = 9;
    for (uint8_t i = 0; i < 9; i++)
        pictures[seat].steps[i] =
            (struct allocate_step){kbps[i] * KBPS, (uint16_t)(180 << i / 3), i / 3, i % 3};
}

/* With less and less, frames go before size does; and more is not wanted than is looked at. */
static void frames_before_size(void)
{
    static const struct {
        uint16_t height;
        uint32_t kbps;
        int chosen;
    } rows[] = {
        {720, 1700, 8}, {720, 1400, 7}, {720, 700, 6},  {720, 590, 5}, {720, 200, 4},
        {720, 150, 3},  {720, 115, 2},  {720, 70, 1},   {720, 45, 0},  {720, 43, -1},
        {360, 9999, 5}, {360, 150, 3},  {100, 9999, 2}, {100, 50, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tiers(0, ALLOCATE_OTHER, rows[i].height);
        (void)allocate(pictures, 1, rows[i].kbps * KBPS);
        CHECK_EQ(chosen(0), rows[i].chosen);
    }
    /* Each a few frames, before one has many; then who speaks, then the rest in turn. */
    for (size_t i = 0; i < MANY; i++)
        tiers(i, i == 2 ? ALLOCATE_SPEAKER : ALLOCATE_OTHER, 360);
    CHECK_EQ(allocate(pictures, MANY, 400 * KBPS), 1200 * KBPS);
    CHECK_EQ(chosen(2), 4);
    CHECK_EQ(chosen(0), 3);
    CHECK_EQ(chosen(1), 0);
    CHECK_EQ(chosen(3), 0);
}

/* Of what is not to be had nothing is chosen. */
static void nothing_to_be_had(void)
{
    layers(0, ALLOCATE_OTHER, UINT16_MAX);
    pictures[0].step_count = 0;
    CHECK_EQ(allocate(pictures, 1, UINT32_MAX), 0);
    CHECK_EQ(chosen(0), -1);
    CHECK_EQ(allocate(pictures, 0, 0), 0);
}

/* Whatever it is given, it spends no more than it may, and leaves nothing that it could pay. */
static void spends_what_there_is(void)
{
    uint32_t random = 1;
    for (unsigned run = 0; run < 20000; run++) {
        uint32_t bps = run * 997 % (20000 * KBPS);
        for (size_t i = 0; i < LIMIT_SEATS; i++) {
            random = random * 1664525u + 1013904223u;
            layers(i, (enum allocate_rank)(random >> 8) % 5, (uint16_t)(random >> 16));
            for (size_t k = 0; k < 3; k++)
                if (random >> k & 1)
                    pictures[i].steps[k].bps = random >> (8 + k);
        }
        (void)allocate(pictures, LIMIT_SEATS, bps);
        uint64_t spent = 0;
        for (size_t i = 0; i < LIMIT_SEATS; i++)
            spent += chosen(i) < 0 ? 0 : pictures[i].steps[chosen(i)].bps;
        CHECK(spent <= bps);
    }
}

int main(void)
{
    sheds_in_order();
    no_better_than_shown();
    the_exhibit_is_readable();
    interpreter_then_size();
    does_not_waver();
    frames_before_size();
    nothing_to_be_had();
    spends_what_there_is();
    return 0;
}
