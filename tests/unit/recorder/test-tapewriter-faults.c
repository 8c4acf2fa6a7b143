/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation and system call of the tape's writer fails once in turn: what was called durable
 * is on the disk afterwards, once and in order, and the tape goes on. */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/ring.h"
#include "recorder/tapereader.h"
#include "recorder/tapewriter.h"
#include "unit/check.h"
#include "unit/faults.h"

#define HEARING 0x1122334455667788u

static char dir[64];
static struct tape_time now = {.monotonic_us = 5000000, .wall_us = 1700000000000000};

static int put(struct tapewriter *w, uint64_t ring_index)
{
    const uint8_t body[100] = {(uint8_t)ring_index};
    struct tape_record record = {.kind = RING_RTP, .ring_index = ring_index, .time_us = 1};
    return tapewriter_append(w, &record, body, sizeof(body));
}

/* Writes 40 records in blocks of four over several segments; goes on after each failure as the
 * recorder does, by trying again. Returns what was called durable. */
static uint64_t write_tape(void)
{
    struct tapewriter *w = NULL;
    int error = tapewriter_open(dir, HEARING, &now, &w);
    if (error) {
        CHECK(error < 0);
        error = tapewriter_open(dir, HEARING, &now, &w);
    }
    CHECK_EQ(error, 0);
    tapewriter_set_segment_bytes(w, 3000);
    uint64_t durable = tapewriter_durable(w)->ring_index;
    for (uint64_t i = durable + 1; i <= 40; i++) {
        CHECK_EQ(put(w, i), 0);
        if (i % 4 == 0) {
            now.monotonic_us += 250000;
            error = tapewriter_flush(w, &now);
            CHECK(error <= 0);
            CHECK(error == 0 || tapewriter_durable(w)->ring_index == durable);
            durable = tapewriter_durable(w)->ring_index;
        }
    }
    error = tapewriter_seal(w, &now);
    if (error)
        error = tapewriter_seal(w, &now);
    CHECK_EQ(error, 0);
    durable = tapewriter_durable(w)->ring_index;
    CHECK(tapewriter_durable(w)->sealed);
    tapewriter_close(w);
    return durable;
}

static void check_tape(uint64_t durable)
{
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    CHECK_EQ(tapereader_open(dir, 0, &r), 0);
    struct tape_block block;
    uint64_t seen = 0;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        CHECK_EQ(more, 1);
        struct reader left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (tape_record_decode(&left, &record) == 1) {
            if (record.kind == RING_RTP)
                CHECK_EQ(record.ring_index, ++seen);
        }
    }
    CHECK_EQ(seen, durable);
    CHECK_EQ(seen, 40);
    CHECK(tapereader_position(r)->sealed);
}

static void remove_dir(void)
{
    for (unsigned i = 0; i < 8; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/" TAPE_SEGMENT_NAME, dir, i);
        (void)unlink(path); /* most do not exist */
    }
    CHECK_EQ(rmdir(dir), 0);
}

int main(void)
{
    int n = 0;
    bool failed = true;
    for (; failed; n++) {
        snprintf(dir, sizeof(dir), "%s/assize-faults-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        CHECK(mkdtemp(dir));
        faults_fail_at(n);
        uint64_t durable = write_tape();
        failed = faults_happened();
        faults_fail_at(-1);
        check_tape(durable);
        remove_dir();
    }
    printf("%d calls failed in turn\n", n - 1);
    CHECK(n > 30);
    return 0;
}
