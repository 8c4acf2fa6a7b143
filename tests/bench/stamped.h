/* Reads datagrams with the time at which the kernel got each: how late the reader is does not
 * count. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_STAMPED_H
#define TESTS_BENCH_STAMPED_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/address.h"

#define STAMPED_BATCH 64

/* Borrowed: valid until the next stamped_read(). */
struct stamped {
    uint8_t *bytes;
    size_t len;
    uint64_t arrived_us; /* CLOCK_MONOTONIC */
};

struct stamped_reader;

/* Returns 0 or -ENOMEM. */
int stamped_reader_create(struct stamped_reader **ret_reader);
void stamped_reader_destroy(struct stamped_reader *reader);
DEFINE_CLEANUP(struct stamped_reader, stamped_reader_destroy)

/* Once for a socket. Returns 0 or a negative errno. */
int stamped_enable(int fd);

/* Reads what is there, at most a batch. Returns how many (0: nothing), or a negative errno. */
int stamped_read(struct stamped_reader *reader, int fd, const struct stamped **ret_datagrams);

#endif
