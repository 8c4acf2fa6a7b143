/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rate.h"

#include "unit/check.h"

int main(void)
{
    struct rate r = {0};
    const uint64_t t = 5000000;
    CHECK_EQ(rate_bps(&r, t), 0);
    /* 1,250 bytes every 10 ms: 1 Mbit/s. */
    for (unsigned i = 0; i < 200; i++)
        rate_add(&r, 1250, t + i * 10000ull);
    CHECK_EQ(rate_bps(&r, t + 2000000), 1000000);
    /* It fades with what is not added, and a long pause costs no time. */
    CHECK(rate_bps(&r, t + 2500000) < 600000);
    CHECK_EQ(rate_bps(&r, t + 60000000), 0);
    rate_add(&r, 1250, t + 3600000000000ull);
    CHECK_EQ(rate_bps(&r, t + 3600000100000ull), 1250 * 8 * 10 / 9);
    return 0;
}
