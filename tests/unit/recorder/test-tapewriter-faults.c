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
static uint64_t segment_bytes = 3000, records = 40;
static struct tape_time now = {.monotonic_us = 5000000, .wall_us = 1700000000000000};

static int put(struct tapewriter *w, uint64_t ring_index)
{
    const uint8_t body[100] = {(uint8_t)ring_index};
    struct tape_record record = {.kind = RING_RTP, .ring_index = ring_index, .time_us = 1};
    return tapewriter_append(w, &record, body, sizeof(body));
}

/* Opens the tape, once more after a failure. */
static struct tapewriter *open_tape(void)
{
    struct tapewriter *w = NULL;
    int error = tapewriter_open(dir, HEARING, &now, &w);
    if (error) {
        CHECK(error < 0);
        error = tapewriter_open(dir, HEARING, &now, &w);
    }
    CHECK_EQ(error, 0);
    tapewriter_set_segment_bytes(w, segment_bytes);
    return w;
}

/* Writes records up to number `last` in blocks of four; goes on after each failure as the recorder
 * does, by trying again. */
static void write_records(struct tapewriter *w, uint64_t last)
{
    uint64_t durable = tapewriter_durable(w)->ring_index;
    for (uint64_t i = durable + 1; i <= last; i++) {
        CHECK_EQ(put(w, i), 0);
        if (i % 4 == 0) {
            now.monotonic_us += 250000;
            int error = tapewriter_flush(w, &now);
            CHECK(error <= 0);
            CHECK(error == 0 || tapewriter_durable(w)->ring_index == durable);
            durable = tapewriter_durable(w)->ring_index;
        }
    }
}

/* All records over several segments, by two writers one after the other. Returns what was called
 * durable. */
static uint64_t write_tape(void)
{
    struct tapewriter *w = open_tape();
    write_records(w, 22);
    uint64_t before = tapewriter_durable(w)->ring_index;
    CHECK(before >= 16);
    tapewriter_close(w); /* what is not durable is lost with it */
    w = open_tape();
    CHECK_EQ(tapewriter_durable(w)->ring_index, before);
    write_records(w, records);
    int error = tapewriter_seal(w, &now);
    if (error)
        error = tapewriter_seal(w, &now);
    CHECK_EQ(error, 0);
    uint64_t durable = tapewriter_durable(w)->ring_index;
    CHECK(tapewriter_durable(w)->sealed);
    tapewriter_close(w);
    return durable;
}

/* Every record is there once and in order, and the seal counts what is before it. */
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
            if (record.kind != TAPE_HEAD)
                continue;
            struct reader head = reader_over(record.data, record.len);
            CHECK_EQ(reader_u64(&head), record.index - 1);
            CHECK_EQ(reader_u64(&head),
                     tapereader_total(r) - tapereader_size(r) + tapereader_block_offset(r));
            CHECK_EQ(reader_u32(&head), tapereader_header(r)->segment + 1);
        }
    }
    CHECK_EQ(seen, durable);
    CHECK_EQ(seen, records);
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

/* Runs with call number `n` failing (negative: none). Returns whether it came to it. */
static bool run(int n)
{
    snprintf(dir, sizeof(dir), "%s/assize-faults-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(dir));
    faults_fail_at(n);
    uint64_t durable = write_tape();
    bool failed = faults_happened();
    faults_fail_at(-1);
    check_tape(durable);
    remove_dir();
    return failed;
}

int main(void)
{
    int n = 0;
    while (run(n))
        n++;
    printf("%d calls failed in turn\n", n);
    CHECK(n > 60);
    /* Wherever the segment's end falls: also between the last record and the seal. */
    for (records = 36; records <= 44; records += 4) {
        for (segment_bytes = 2000; segment_bytes < 3000; segment_bytes += 8)
            (void)run(-1); /* nothing was to fail */
    }
    return 0;
}
