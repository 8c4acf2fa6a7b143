/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/ntp.h"

/* RFC 868: seconds from 1900 to 1970. */
#define EPOCH_1970_S 2208988800ull

/* The quickest report counts for this long; then the next one renews it, as clocks drift. Ours. */
#define SHIFT_AGE_US (60 * 1000000ull)

/* A shift that changes by more than this is a clock that was set, not a delay. Ours: 5 s. */
#define SHIFT_JUMP (5ll << 32)

uint64_t ntp_from_wall_us(uint64_t wall_us)
{
    uint64_t seconds = wall_us / 1000000 + EPOCH_1970_S;
    uint64_t fraction = ((wall_us % 1000000) << 32) / 1000000;
    return seconds << 32 | fraction;
}

uint32_t ntp_middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

uint32_t ntp_round_trip_us(uint64_t ntp_now, uint32_t last_sr, uint32_t delay_since_sr)
{
    if (last_sr == 0)
        return 0;
    uint32_t units = ntp_middle(ntp_now) - last_sr - delay_since_sr; /* 1/65536 s */
    if (units > 10u << 16)
        return 0;
    return (uint32_t)((uint64_t)units * 1000000 >> 16);
}

void ntp_shift_learn(struct ntp_shift *shift, uint64_t ntp, uint64_t ntp_now, uint64_t now_us)
{
    int64_t seen = (int64_t)(ntp_now - ntp);
    int64_t change = (int64_t)((uint64_t)seen - (uint64_t)shift->shift);
    bool quicker = change < 0;
    bool jumped = change > SHIFT_JUMP || change < -SHIFT_JUMP;
    if (shift->known && !quicker && !jumped && now_us - shift->measured_us < SHIFT_AGE_US)
        return;
    shift->known = true;
    shift->shift = seen;
    shift->measured_us = now_us;
}

uint64_t ntp_shift_apply(const struct ntp_shift *shift, uint64_t ntp)
{
    return ntp + (uint64_t)shift->shift;
}
