/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rate.h"

void rate_add(struct rate *r, size_t bytes, uint64_t now_us)
{
    uint64_t bucket = now_us / RATE_BUCKET_US;
    if (bucket > r->bucket + RATE_BUCKETS)
        r->bucket = bucket - RATE_BUCKETS;
    while (r->bucket < bucket)
        r->bytes[++r->bucket % RATE_BUCKETS] = 0;
    r->bytes[bucket % RATE_BUCKETS] += (uint32_t)bytes;
}

uint32_t rate_bps(const struct rate *r, uint64_t now_us)
{
    /* Whole buckets only: the nine before the current one. */
    uint64_t now_bucket = now_us / RATE_BUCKET_US;
    uint64_t bits = 0;
    for (uint64_t age = 1; age < RATE_BUCKETS && age <= now_bucket; age++) {
        uint64_t bucket = now_bucket - age;
        if (bucket <= r->bucket && bucket + RATE_BUCKETS > r->bucket)
            bits += 8ull * r->bytes[bucket % RATE_BUCKETS];
    }
    return (uint32_t)(bits * 1000000 / ((RATE_BUCKETS - 1) * RATE_BUCKET_US));
}
