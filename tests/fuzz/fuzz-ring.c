/* SPDX-License-Identifier: Apache-2.0 */
/* A ring whose other side wrote anything at all: the input is laid over the header's positions and
 * the beginning of the area. The reader stays within the memory and comes to an end, and the writer
 * stays within it too. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/ring.h"
#include "unit/check.h"

#define CAPACITY      ((size_t)64 << 10)
#define HEADER        ((size_t)64 << 10)
#define POSITIONS_AT  64 /* ring.c: after magic and capacity */
#define POSITIONS_LEN 72

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Reads to the end; returns the sum of all bytes, so that each is touched. */
static unsigned read_all(struct ring *ring)
{
    unsigned sum = 0;
    size_t total = 0;
    struct ring_record record;
    uint64_t last = 0;
    while (ring_next(ring, &record) > 0) {
        CHECK(last == 0 || record.index == last + 1);
        last = record.index;
        for (size_t i = 0; i < record.len; i++)
            sum += record.data[i];
        total += record.len;
        CHECK(total <= CAPACITY);
    }
    CHECK(ring_skip_to_head(ring) <= CAPACITY);
    ring_release(ring);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ring *ring;
    static uint8_t *memory;
    if (!ring) {
        CHECK_EQ(ring_create(CAPACITY, &ring), 0);
        memory =
            mmap(NULL, HEADER + CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(ring), 0);
        CHECK(memory != MAP_FAILED);
    }
    size_t header = len < POSITIONS_LEN ? len : POSITIONS_LEN;
    memset(memory + POSITIONS_AT, 0, POSITIONS_LEN);
    if (header > 0)
        memcpy(memory + POSITIONS_AT, data, header);
    if (len > header)
        memcpy(memory + HEADER, data + header, len - header < CAPACITY ? len - header : CAPACITY);
    struct ring *other = NULL;
    if (ring_attach(ring_fd(ring), &other) < 0)
        return 0;
    volatile unsigned sum = read_all(other);
    (void)sum; /* only made so that every byte is read */
    for (int i = 0; i < 100; i++) {
        if (ring_put(other, RING_RTP, 1, 0, "0123456789", 10, data, len < 2000 ? len : 2000) < 0)
            break;
    }
    ring_destroy(other);
    return 0;
}
