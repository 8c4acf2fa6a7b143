/* How often somebody may do something: so many a second, and so many at once after a pause.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_BUCKET_H
#define SIGNALING_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: nothing was done yet. */
struct bucket {
    double spent; /* of the burst, at `at_us` */
    uint64_t at_us;
};

/* Whether one more is within `rate` a second and `burst` at once; counts it if so. Both at least 1;
 * `now_us` is monotonic. */
bool bucket_take(struct bucket *bucket, unsigned rate, unsigned burst, uint64_t now_us);

#endif
