/* What tests read from the ring to the tape: how many records of each kind, and the last of each.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SFU_RINGLOOK_H
#define TESTS_UNIT_SFU_RINGLOOK_H

#include <stdint.h>
#include <string.h>

#include "common/ring.h"
#include "unit/check.h"

/* Records longer than this are not for these tests, bytes. */
#define RINGLOOK_BYTES 256

struct ringlook {
    unsigned kinds[RING_PRODUCER + 1];
    struct ring_record last[RING_PRODUCER + 1];
    uint8_t data[RING_PRODUCER + 1][RINGLOOK_BYTES];
};

/* What came since the last look. */
static inline void ringlook_take(struct ringlook *seen, struct ring *ring)
{
    memset(seen, 0, sizeof(*seen));
    struct ring_record record;
    int r;
    while ((r = ring_next(ring, &record)) == 1) {
        CHECK(record.kind <= RING_PRODUCER && record.len <= RINGLOOK_BYTES);
        seen->kinds[record.kind]++;
        seen->last[record.kind] = record;
        memcpy(seen->data[record.kind], record.data, record.len);
    }
    CHECK_EQ(r, 0);
    ring_release(ring);
}

#endif
