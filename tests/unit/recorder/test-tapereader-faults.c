/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation and system call of the tape's reader fails once in turn, over a damaged tape of
 * several segments: it says so, or finds the same. A disk that fails is never taken for a tape that
 * ends or is damaged. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/ring.h"
#include "recorder/tapereader.h"
#include "recorder/tapewriter.h"
#include "unit/check.h"
#include "unit/faults.h"

#define HEARING 0x1122334455667788u
#define RECORDS 60

static char dir[64];
static struct tape_time now = {.monotonic_us = 5000000, .wall_us = 1700000000000000};

static void path_of(unsigned segment, char *path, size_t size)
{
    snprintf(path, size, "%s/" TAPE_SEGMENT_NAME, dir, segment);
}

static void make_tape(void)
{
    struct tapewriter *w = NULL;
    CHECK_EQ(tapewriter_open(dir, HEARING, &now, &w), 0);
    tapewriter_set_segment_bytes(w, 5000);
    for (uint64_t i = 1; i <= RECORDS; i++) {
        const uint8_t body[200] = {(uint8_t)i};
        struct tape_record record = {.kind = RING_RTP, .ring_index = i, .time_us = i};
        CHECK_EQ(tapewriter_append(w, &record, body, sizeof(body)), 0);
        if (i % 4 == 0)
            CHECK_EQ(tapewriter_flush(w, &now), 0);
    }
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    tapewriter_close(w);
}

/* Changes one byte of a segment's file. */
static void flip(unsigned segment, off_t offset)
{
    char path[128];
    path_of(segment, path, sizeof(path));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    uint8_t byte;
    CHECK_EQ(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x40;
    CHECK_EQ(pwrite(fd, &byte, 1, offset), 1);
    CHECK_EQ(close(fd), 0);
}

struct found {
    size_t records, damages, located;
    uint64_t at[4];
    bool sealed;
};

static int read_tape(struct found *found)
{
    *found = (struct found){0};
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    int error = tapereader_open(dir, 0, &r);
    if (error) {
        CHECK(!r);
        return error;
    }
    struct tape_block block;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        uint8_t value;
        if (more == -EBADMSG) {
            CHECK(found->damages < 4);
            error = tapereader_locate(r, &found->at[found->damages++], &value);
            if (error && error != -ENOENT)
                return error;
            found->located += error == 0;
            continue;
        }
        if (more < 0)
            return more;
        struct reader left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (tape_record_decode(&left, &record) == 1)
            found->records += record.kind == RING_RTP;
    }
    found->sealed = tapereader_position(r)->sealed;
    return 0;
}

int main(void)
{
    snprintf(dir, sizeof(dir), "%s/assize-reader-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(dir));
    make_tape();
    flip(1, TAPE_HEADER_LEN + TAPE_BLOCK_HEADER_LEN + 100); /* within a record */
    flip(2, TAPE_HEADER_LEN + 10);                          /* a block's header */
    struct found right;
    CHECK_EQ(read_tape(&right), 0);
    CHECK_EQ(right.records, RECORDS - 8);
    CHECK_EQ(right.located, 2);
    CHECK(right.damages >= 2);
    CHECK(right.sealed);
    int n = 0, refused = 0;
    for (bool failed = true; failed; n++) {
        struct found found;
        faults_fail_at(n);
        int error = read_tape(&found);
        failed = faults_happened();
        faults_fail_at(-1);
        refused += error != 0;
        CHECK(error == 0 ? memcmp(&found, &right, sizeof(found)) == 0
                         : error < 0 && error != -ENOENT && error != -EBADMSG);
    }
    printf("%d calls failed in turn, %d readings refused\n", n - 1, refused);
    CHECK(n > 30);
    for (unsigned i = 0; i < 8; i++) {
        char path[128];
        path_of(i, path, sizeof(path));
        (void)unlink(path); /* the last ones do not exist */
    }
    CHECK_EQ(rmdir(dir), 0);
    return 0;
}
