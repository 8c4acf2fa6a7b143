/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wheel.h"

#include "unit/check.h"

#define TICK  WHEEL_TICK_US
#define BEGUN (1000 * TICK + 7)

static struct wheel wheel;

/* How many are due at `now_us`; each is cleared of the bit it stands for. */
static unsigned take(const struct wheel_timer *timers, uint64_t now_us)
{
    unsigned due = 0;
    for (const struct wheel_timer *t; (t = wheel_take(&wheel, now_us));) {
        CHECK(!(due & 1u << (t - timers)));
        due |= 1u << (t - timers);
    }
    return due;
}

/* In the tick of its time, whatever the worker's clock is within its ticks; not before, once. */
static void is_due_in_its_tick(void)
{
    struct wheel_timer t[4] = {0};
    wheel_init(&wheel, BEGUN);
    wheel_set(&wheel, &t[0], BEGUN + TICK);
    wheel_set(&wheel, &t[1], BEGUN + 5 * TICK);
    wheel_set(&wheel, &t[2], BEGUN + 5 * TICK + TICK / 2);
    wheel_set(&wheel, &t[3], BEGUN + (WHEEL_TICKS - 1) * TICK);
    CHECK_EQ(take(t, BEGUN), 0);
    CHECK_EQ(take(t, BEGUN + TICK - 8), 0);
    CHECK_EQ(take(t, BEGUN + TICK - 7), 1);
    CHECK_EQ(take(t, BEGUN + 4 * TICK), 0);
    CHECK_EQ(take(t, BEGUN + 5 * TICK), 2 + 4);
    CHECK_EQ(take(t, BEGUN + (WHEEL_TICKS - 2) * TICK), 0);
    CHECK_EQ(take(t, BEGUN + (WHEEL_TICKS - 1) * TICK), 8);
    CHECK_EQ(take(t, BEGUN + 1000 * TICK), 0);
}

/* What is over, or now, is due in the next tick, not in this one: whoever sets it again while it is
 * served has the others served too. */
static void is_not_due_at_once(void)
{
    struct wheel_timer t[1] = {0};
    wheel_init(&wheel, BEGUN);
    wheel_set(&wheel, t, 0);
    for (unsigned i = 1; i < 5; i++) {
        CHECK(wheel_take(&wheel, BEGUN + i * TICK) == t);
        wheel_set(&wheel, t, BEGUN + i * TICK);
        CHECK(!wheel_take(&wheel, BEGUN + i * TICK));
    }
}

/* Further away than a turn, it goes round as often as it takes. */
static void goes_round(void)
{
    static const uint64_t away[] = {WHEEL_TICKS, WHEEL_TICKS + 1, 3 * WHEEL_TICKS - 1,
                                    10 * WHEEL_TICKS};
    struct wheel_timer t[4] = {0};
    wheel_init(&wheel, BEGUN);
    for (int i = 0; i < 4; i++)
        wheel_set(&wheel, &t[i], BEGUN + away[i] * TICK);
    for (uint64_t tick = 0; tick <= 11 * WHEEL_TICKS; tick++) {
        unsigned due = take(t, BEGUN + tick * TICK);
        for (int i = 0; i < 4; i++)
            CHECK_EQ((due & 1u << i) != 0, tick == away[i]);
    }
}

/* A worker that stood still, for less than a turn or for years, finds all that is due, and what is
 * not stays. */
static void is_found_late(void)
{
    static const uint64_t late[] = {
        7, WHEEL_TICKS - 1, WHEEL_TICKS, WHEEL_TICKS + 1, 5 * WHEEL_TICKS + 3, 5000000000ull};
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
        struct wheel_timer t[3] = {0};
        wheel_init(&wheel, BEGUN);
        wheel_set(&wheel, &t[0], BEGUN + TICK);
        wheel_set(&wheel, &t[1], BEGUN + late[i] * TICK);
        wheel_set(&wheel, &t[2], BEGUN + (late[i] + 1) * TICK);
        CHECK_EQ(take(t, BEGUN + late[i] * TICK), 1 + 2);
        CHECK_EQ(take(t, BEGUN + (late[i] + 1) * TICK), 4);
    }
}

/* Set anew it is due once, by its new time; cancelled never. */
static void is_set_anew(void)
{
    struct wheel_timer t[3] = {0};
    wheel_init(&wheel, BEGUN);
    wheel_cancel(&t[0]); /* was never set */
    for (int i = 0; i < 3; i++)
        wheel_set(&wheel, &t[i], BEGUN + 3 * TICK);
    wheel_set(&wheel, &t[0], BEGUN + 9 * TICK);
    wheel_set(&wheel, &t[1], BEGUN + TICK);
    wheel_cancel(&t[2]);
    CHECK_EQ(take(t, BEGUN + TICK), 2);
    CHECK_EQ(take(t, BEGUN + 8 * TICK), 0);
    CHECK_EQ(take(t, BEGUN + 9 * TICK), 1);
}

int main(void)
{
    is_due_in_its_tick();
    is_not_due_at_once();
    goes_round();
    is_found_late();
    is_set_anew();
    return 0;
}
