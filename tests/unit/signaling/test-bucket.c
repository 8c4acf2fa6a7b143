/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/bucket.h"

#include "unit/check.h"

#define SECOND 1000000ull

static unsigned take_all(struct bucket *b, unsigned rate, unsigned burst, uint64_t now_us)
{
    unsigned n = 0;
    while (bucket_take(b, rate, burst, now_us))
        CHECK(++n <= burst);
    return n;
}

/* A burst at once, then the rate; a pause saves up to a burst, whenever the first one comes. */
static void rates(uint64_t start_us, unsigned rate, unsigned burst)
{
    struct bucket b = {0};
    CHECK_EQ(take_all(&b, rate, burst, start_us), burst);
    CHECK_EQ(take_all(&b, rate, burst, start_us), 0);
    CHECK_EQ(take_all(&b, rate, burst, start_us + SECOND), rate);
    CHECK_EQ(take_all(&b, rate, burst, start_us + SECOND + SECOND / rate / 2), 0);
    CHECK_EQ(take_all(&b, rate, burst, start_us + SECOND + SECOND / rate + 1), 1);
    CHECK_EQ(take_all(&b, rate, burst, start_us + 3600 * SECOND), burst);
}

int main(void)
{
    rates(1, 5, 20);
    rates(5000 * SECOND, 5, 220);
    rates(5000 * SECOND, 1, 1);
    return 0;
}
