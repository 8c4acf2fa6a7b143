/* Numbers that wrap: which of two is newer, and the unwrapped form of a short one.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SEQNUM_H
#define SFU_SEQNUM_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 3550 appendix A.1 compares sequence numbers modulo 2^16. */
static inline bool seqnum_is_newer(uint16_t a, uint16_t b)
{
    return a != b && (uint16_t)(a - b) < 0x8000;
}

/* The same for RTP timestamps, modulo 2^32. */
static inline bool seqnum_ticks_newer(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000u;
}

/* The number nearest to `near` whose low 16 bits are `seq`; `near` must be at least 0x8000. */
static inline uint64_t seqnum_extend(uint64_t near, uint16_t seq)
{
    int16_t step = (int16_t)(uint16_t)(seq - (uint16_t)near);
    return near + (uint64_t)(int64_t)step;
}

#endif
