/* SPDX-License-Identifier: Apache-2.0 */
/* A sender's clock and network do all they can to move a packet from its place. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "recorder/clockmap.h"
#include "unit/check.h"

#define PACKET_US 20000
#define PACKETS   5000 /* 100 s */
#define DELAY_US  30000

/* How the world of one row is. Seconds. */
struct row {
    const char *what;
    double ppm;
    double queue_at, queue_len;  /* everything is held back until its end */
    double stall_at, stall_len;  /* nothing is captured and the media clock stands */
    double jump_at, jump_by;     /* the media clock is set otherwise */
    double slower_at, slower_by; /* the network gets slower for good */
    int64_t most_off_us;
};

static const struct row rows[] = {
    {.what = "a good network", .most_off_us = 4000},
    {.what = "a clock 500 ppm fast", .ppm = 500, .most_off_us = 8000},
    {.what = "a clock 500 ppm slow", .ppm = -500, .most_off_us = 8000},
    {.what = "a queue of 5 s", .queue_at = 40, .queue_len = 5, .most_off_us = 8000},
    {.what = "a queue at the start", .queue_at = 0.001, .queue_len = 3, .most_off_us = 8000},
    {.what = "a capture that stalls", .stall_at = 50, .stall_len = 3.9, .most_off_us = 8000},
    {.what = "a media clock set anew", .jump_at = 60, .jump_by = 7777, .most_off_us = 8000},
    {.what = "and back", .jump_at = 60, .jump_by = -7777, .most_off_us = 8000},
    {.what = "a slower way", .slower_at = 30, .slower_by = 0.06, .most_off_us = 70000},
};

static unsigned dice = 1;

static int64_t jitter_us(void)
{
    dice = dice * 1103515245u + 12345u;
    unsigned value = dice / 65536u % 1000u;
    return value * value / 50; /* up to 20 ms, mostly little */
}

static int64_t media_us(const struct row *row, double t)
{
    double m = t;
    if (row->stall_len > 0 && t > row->stall_at)
        m -= fmin(t - row->stall_at, row->stall_len);
    if (row->jump_at > 0 && t >= row->jump_at)
        m += row->jump_by;
    return (int64_t)(m * (1 + row->ppm * 1e-6) * 1e6);
}

static int64_t arrival_us(const struct row *row, double t)
{
    double at = t;
    if (row->queue_len > 0 && t >= row->queue_at && t < row->queue_at + row->queue_len)
        at = row->queue_at + row->queue_len;
    if (row->slower_at > 0 && t >= row->slower_at)
        at += row->slower_by;
    return (int64_t)(at * 1e6) + DELAY_US;
}

static bool is_stalled(const struct row *row, double t)
{
    return row->stall_len > 0 && t >= row->stall_at && t < row->stall_at + row->stall_len;
}

static void run(const struct row *row)
{
    struct clockmap map = {0};
    for (int i = 0; i < PACKETS; i++) {
        double t = i * (PACKET_US / 1e6);
        if (!is_stalled(row, t))
            CHECK_EQ(clockmap_add(&map, i, media_us(row, t), arrival_us(row, t) + jitter_us()), 0);
        if (i % 10 == 9) /* a repair of an earlier one comes 2 s late */
            CHECK_EQ(
                clockmap_add(&map, i - 5, media_us(row, t - 0.1), arrival_us(row, t) + 2000000), 0);
    }
    CHECK_EQ(clockmap_smooth(&map), 0);
    int64_t worst_us = 0;
    for (int i = 0; i < PACKETS; i++) {
        double t = i * (PACKET_US / 1e6);
        if (is_stalled(row, t))
            continue;
        int64_t off_us = clockmap_place(&map, i, media_us(row, t)) - (int64_t)(t * 1e6) - DELAY_US;
        worst_us = llabs(off_us) > llabs(worst_us) ? off_us : worst_us;
    }
    printf("%s: at most %jd us off\n", row->what, (intmax_t)worst_us);
    CHECK(llabs(worst_us) <= row->most_off_us);
    clockmap_finish(&map);
}

int main(void)
{
    setbuf(stdout, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        run(&rows[i]);
    struct clockmap empty = {0};
    CHECK_EQ(clockmap_place(&empty, 1, 4711), 4711);
    return 0;
}
