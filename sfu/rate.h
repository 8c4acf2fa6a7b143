/* Bits a second over about the last second, in ten buckets. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_RATE_H
#define SFU_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_BUCKETS   10
#define RATE_BUCKET_US 100000ull

/* Zeroed to begin with. */
struct rate {
    uint64_t bucket; /* number of the newest since time 0 */
    uint32_t bytes[RATE_BUCKETS];
};

void rate_add(struct rate *rate, size_t bytes, uint64_t now_us);
uint32_t rate_bps(const struct rate *rate, uint64_t now_us);

#endif
