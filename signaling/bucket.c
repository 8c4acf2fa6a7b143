/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/bucket.h"

bool bucket_take(struct bucket *bucket, unsigned rate, unsigned burst, uint64_t now_us)
{
    bucket->spent -= (double)(now_us - bucket->at_us) * (rate / 1e6);
    if (bucket->spent < 0)
        bucket->spent = 0;
    bucket->at_us = now_us;
    if (bucket->spent > burst - 1)
        return false;
    bucket->spent += 1;
    return true;
}
