/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/prober.h"

#include "sfu/wheel.h"
#include "unit/check.h"

#define KBPS   1000u
#define SECOND 1000000ull
#define RTT_US 50000u

static struct prober p;
static uint64_t now_us;
static uint32_t estimate;
static unsigned trains;
static enum prober_way way;

/* What a path of this rate lets through of a train, as the estimator would find out. */
static uint32_t path_bps;

/* One tick, and what is owed is sent. */
static void tick(uint64_t wanted)
{
    bool was = p.on;
    now_us += WHEEL_TICK_US;
    prober_tick(&p, estimate, wanted, way, RTT_US, now_us);
    if (!was && p.on)
        trains++;
    prober_sent(&p, prober_owes(&p));
    CHECK_EQ(prober_owes(&p), 0);
    if (was && !p.on) {
        uint32_t through = p.bps < path_bps ? p.bps : path_bps;
        if (through > estimate)
            estimate = through;
    }
}

static void begin(uint32_t bps)
{
    p = (struct prober){0};
    now_us = SECOND;
    trains = 0;
    estimate = bps;
    way = PROBER_EAGER;
}

/* From what is assumed at first to a bench of twelve in a second and a half. */
static void climbs_quickly(void)
{
    begin(600 * KBPS);
    path_bps = 100000 * KBPS;
    uint64_t begun_us = now_us;
    while (estimate < 20000 * KBPS && now_us < begun_us + 10 * SECOND)
        tick(20000 * KBPS);
    CHECK(now_us - begun_us < 2 * SECOND);
    unsigned enough = trains;
    for (int i = 0; i < 500; i++)
        tick(20000 * KBPS);
    CHECK_EQ(trains, enough); /* nothing more is wanted */
}

/* On a full path few trains, and what they add is little; when it widens, that is found soon. */
static void asks_seldom_in_vain(void)
{
    begin(300 * KBPS);
    path_bps = 300 * KBPS;
    for (int i = 0; i < 50; i++)
        tick(4000 * KBPS);
    trains = 0;
    uint64_t bytes = 0;
    for (int i = 0; i < 3000; i++) {
        uint32_t before = p.on ? p.sent : 0;
        tick(4000 * KBPS);
        bytes += p.on ? p.sent - (p.burst > 1 ? before : 0) : 0;
    }
    CHECK(trains >= 18 && trains <= 22); /* in a minute */
    CHECK(bytes * 8 / 60 < path_bps / 20);
    path_bps = 4000 * KBPS;
    uint64_t begun_us = now_us;
    while (estimate < 4000 * KBPS && now_us < begun_us + 20 * SECOND)
        tick(4000 * KBPS);
    CHECK(now_us - begun_us < 5 * SECOND);
}

/* A thin line is full with sound: in vain trains take 5 % of it at most, so they are rarer there.
 */
static void leaves_room_for_sound(void)
{
    static const uint32_t kbps[] = {32, 64, 150, 600, 4000};
    for (size_t i = 0; i < sizeof(kbps) / sizeof(kbps[0]); i++) {
        begin(kbps[i] * KBPS);
        path_bps = kbps[i] * KBPS;
        while (now_us < 60 * SECOND)
            tick(10000 * KBPS);
        uint64_t bytes = 0;
        trains = 0;
        for (uint64_t end_us = now_us + 600 * SECOND; now_us < end_us;) {
            tick(10000 * KBPS);
            bytes += p.on ? p.bps / 50 / 8 : 0;
        }
        CHECK(bytes * 8 / 600 <= path_bps * 52ull / 1000);
        CHECK(trains >= 600 / 25);
    }
}

/* Where the path has shown where it ends, at 1.5 times the estimate, whatever was found before. */
static void is_careful_at_the_end(void)
{
    begin(300 * KBPS);
    path_bps = 4000 * KBPS;
    way = PROBER_CAREFUL;
    for (unsigned found = 1; found < 5; found++) {
        uint32_t before = estimate;
        while (trains < found)
            tick(10000 * KBPS);
        CHECK_EQ(p.bps, before * 3 / 2);
        while (p.on)
            tick(10000 * KBPS);
    }
    way = PROBER_EAGER;
    while (trains < 5)
        tick(10000 * KBPS);
    CHECK_EQ(p.bps, estimate * 2);
}

/* A train has enough bytes at the lowest rates too, and takes so long at most. */
static void trains_tell(void)
{
    static const uint32_t kbps[] = {32, 64, 150, 600, 4000, 30000};
    for (size_t i = 0; i < sizeof(kbps) / sizeof(kbps[0]); i++) {
        begin(kbps[i] * KBPS);
        path_bps = 0;
        unsigned ticks = 0;
        tick(100000 * KBPS);
        CHECK_EQ(prober_train(&p), 1);
        uint32_t sent = 0;
        for (; prober_train(&p); ticks++) {
            sent = p.sent;
            tick(100000 * KBPS);
        }
        CHECK(ticks >= PROBER_BURSTS && ticks <= PROBER_BURSTS_MOST);
        CHECK(sent >= PROBER_BYTES || ticks == PROBER_BURSTS_MOST);
        CHECK_EQ(sent, ticks * (2 * kbps[i] * KBPS / 50 / 8));
    }
}

/* What is sent besides counts: only what is missing to the rate is owed. */
static void media_counts(void)
{
    begin(1000 * KBPS);
    prober_tick(&p, estimate, 10000 * KBPS, PROBER_EAGER, 0, now_us);
    CHECK_EQ(prober_owes(&p), 5000);
    prober_sent(&p, 4000);
    CHECK_EQ(prober_owes(&p), 1000);
    prober_sent(&p, 2000);
    CHECK_EQ(prober_owes(&p), 0);
    prober_tick(&p, estimate, 10000 * KBPS, PROBER_EAGER, 0, now_us + WHEEL_TICK_US);
    CHECK_EQ(prober_owes(&p), 4000);
}

/* A path that is gone ends the train; numbers go round and are never 0. */
static void ends(void)
{
    begin(1000 * KBPS);
    prober_tick(&p, estimate, 10000 * KBPS, PROBER_EAGER, 0, now_us);
    CHECK_EQ(prober_train(&p), 1);
    prober_tick(&p, estimate, 10000 * KBPS, PROBER_NOT, 0, now_us + WHEEL_TICK_US);
    CHECK_EQ(prober_train(&p), 0);
    CHECK_EQ(prober_owes(&p), 0);
    for (unsigned i = 0; i < 40000; i++) {
        tick(100000 * KBPS);
        CHECK(!p.on || (p.number >= 1 && p.number <= PROBER_TRAIN_MAX));
    }
    CHECK(trains > PROBER_TRAIN_MAX);
}

/* Something larger is looked at: it is not waited for the end of a long pause. */
static void hurries(void)
{
    begin(300 * KBPS);
    path_bps = 300 * KBPS;
    for (int i = 0; i < 1000 || p.on; i++)
        tick(600 * KBPS);
    trains = 0;
    prober_hurry(&p, now_us);
    for (int i = 0; i < 15; i++)
        tick(900 * KBPS);
    CHECK_EQ(trains, 1);
}

int main(void)
{
    climbs_quickly();
    asks_seldom_in_vain();
    leaves_room_for_sound();
    is_careful_at_the_end();
    trains_tell();
    media_counts();
    ends();
    hurries();
    return 0;
}
