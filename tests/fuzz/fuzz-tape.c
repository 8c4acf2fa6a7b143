/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tape's segment: the reader ends, stays in bounds, delivers blocks only whose
 * records are sound and in order, and what it delivers encodes to the same bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/tapereader.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_block(const struct tape_block *block)
{
    size_t capacity = TAPE_BLOCK_HEADER_LEN + block->records_len + TAPE_HASH_LEN;
    uint8_t *again = malloc(capacity);
    require(again != NULL);
    struct writer w = writer_over(again + TAPE_BLOCK_HEADER_LEN, block->records_len);
    struct reader r = reader_over(block->records, block->records_len);
    struct tape_record record;
    uint32_t count = 0;
    while (tape_record_decode(&r, &record) == 1) {
        require(record.index == block->first_index + count++);
        require(record.len <= LIMIT_TAPE_RECORD_BYTES);
        tape_record_encode(&w, &record, NULL, 0);
    }
    require(count == block->count && !w.failed && writer_len(&w) == block->records_len);
    require(block->records_len == 0 ||
            memcmp(block->records, again + TAPE_BLOCK_HEADER_LEN, block->records_len) == 0);
    free(again);
}

/* Reads the segment through; returns how often something was met. */
static void read_through(const char *dir)
{
    struct tapereader *r = NULL;
    require(tapereader_open(dir, 0, &r) == 0);
    struct tape_block block;
    int more;
    size_t steps = 0;
    while ((more = tapereader_next(r, &block)) != 0) {
        require(more == 1 || more == -EBADMSG);
        require(steps++ < 65536);
        if (more == 1) {
            check_block(&block);
            continue;
        }
        uint64_t at = 0;
        uint8_t value = 0;
        int found = tapereader_locate(r, &at, &value);
        require(found == -ENOENT || (found == 0 && at < tapereader_size(r)));
    }
    tapereader_close(r);
}

static char dir[64];

static void remove_dir(void)
{
    (void)rmdir(dir); /* not empty when an input was found: it is kept beside it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char path[96];
    if (dir[0] == '\0') {
        snprintf(dir, sizeof(dir), "%s/assize-fuzz-tape-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        require(mkdtemp(dir) != NULL);
        require(atexit(remove_dir) == 0);
        snprintf(path, sizeof(path), "%s/tape-000000.tape", dir);
    }
    FILE *f = fopen(path, "we");
    require(f != NULL);
    require(fwrite(data, 1, len, f) == len);
    require(fclose(f) == 0);
    read_through(dir);
    require(unlink(path) == 0);
    return 0;
}
