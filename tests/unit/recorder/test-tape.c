/* SPDX-License-Identifier: Apache-2.0 */
/* The tape as written and read back: what is durable is there once and in order, whatever is cut,
 * flipped or killed. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ring.h"
#include "recorder/tapereader.h"
#include "recorder/tapewriter.h"
#include "unit/check.h"

#define HEARING 0x1122334455667788u

static char dir[64];
static struct tape_time now = {.monotonic_us = 5000000, .wall_us = 1700000000000000};

static void fresh_dir(void)
{
    snprintf(dir, sizeof(dir), "%s/assize-tape-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(dir));
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

static void path_of(unsigned segment, char *path, size_t size)
{
    snprintf(path, size, "%s/" TAPE_SEGMENT_NAME, dir, segment);
}

/* A record of the ring whose payload is told by its index. */
static void put(struct tapewriter *w, uint64_t ring_index)
{
    uint8_t body[600];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(ring_index + i);
    struct tape_record record = {
        .kind = RING_RTP, .track = 7, .ring_index = ring_index, .time_us = now.monotonic_us};
    CHECK_EQ(tapewriter_append(w, &record, body, (size_t)(ring_index * 37 % sizeof(body))), 0);
}

static void flush(struct tapewriter *w)
{
    now.monotonic_us += 250000;
    now.wall_us += 250000;
    CHECK_EQ(tapewriter_flush(w, &now), 0);
}

/* Reads everything; returns how many ring records came, checking order and content. */
static uint64_t read_all(int *ret_damages, struct tapereader_damage *ret_damage)
{
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    CHECK_EQ(tapereader_open(dir, 0, &r), 0);
    uint64_t records = 0, last_ring = 0, last_index = 0;
    struct tape_block block;
    int more;
    *ret_damages = 0;
    while ((more = tapereader_next(r, &block)) != 0) {
        if (more == -EBADMSG) {
            if (++*ret_damages == 1 && ret_damage)
                *ret_damage = *tapereader_damage(r);
            continue;
        }
        CHECK_EQ(more, 1);
        struct reader records_left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (tape_record_decode(&records_left, &record) == 1) {
            CHECK(record.index > last_index);
            CHECK(*ret_damages > 0 || record.index == last_index + 1);
            last_index = record.index;
            if (record.kind != RING_RTP)
                continue;
            CHECK(record.ring_index > last_ring);
            last_ring = record.ring_index;
            CHECK_EQ(record.len, record.ring_index * 37 % 600);
            for (size_t i = 0; i < record.len; i++)
                CHECK_EQ(record.data[i], (uint8_t)(record.ring_index + i));
            records++;
        }
    }
    return records;
}

static void open_writer(struct tapewriter **ret_writer)
{
    CHECK_EQ(tapewriter_open(dir, HEARING, &now, ret_writer), 0);
}

/* Ten blocks of ten records. */
static void write_some(void)
{
    CLEANUP(tapewriter_close) struct tapewriter *w = NULL;
    open_writer(&w);
    for (uint64_t i = 1; i <= 100; i++) {
        put(w, i);
        if (i % 10 == 0)
            flush(w);
    }
}

static void test_reads_what_was_written(void)
{
    fresh_dir();
    write_some();
    int damages;
    CHECK_EQ(read_all(&damages, NULL), 100);
    CHECK_EQ(damages, 0);
    remove_dir();
}

/* A second writer is kept away from an open tape. */
static void test_locked(void)
{
    fresh_dir();
    struct tapewriter *w = NULL, *second = NULL;
    open_writer(&w);
    CHECK_EQ(tapewriter_open(dir, HEARING, &now, &second), -EBUSY);
    tapewriter_close(w);
    open_writer(&w);
    flush(w);
    tapewriter_close(w);
    CHECK_EQ(tapewriter_open(dir, HEARING + 1, &now, &w), -EINVAL);
    remove_dir();
}

static size_t load_file(const char *path, uint8_t *bytes, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    ssize_t len = read(fd, bytes, capacity);
    CHECK(len > 0 && (size_t)len < capacity);
    close(fd);
    return (size_t)len;
}

static void store_file(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, len), len);
    close(fd);
}

/* Where each block ends in the file. */
static void find_ends(uint64_t ends[10])
{
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    CHECK_EQ(tapereader_open(dir, 0, &r), 0);
    struct tape_block block;
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(tapereader_next(r, &block), 1);
        ends[i] = tapereader_offset(r);
    }
}

/* How many ring records are in the blocks that are whole in the first `cut` bytes. */
static uint64_t whole_before(const uint64_t ends[10], size_t cut)
{
    uint64_t records = 0;
    for (int i = 0; i < 10 && ends[i] <= cut; i++)
        records += 10;
    return records;
}

/* Cut at any byte, the tape is taken up behind its last whole block, and every block before is
 * there. */
static void test_torn_anywhere(void)
{
    fresh_dir();
    write_some();
    char path[128];
    path_of(0, path, sizeof(path));
    static uint8_t whole[65536];
    size_t size = load_file(path, whole, sizeof(whole));
    uint64_t ends[10];
    find_ends(ends);
    for (size_t cut = size; cut != SIZE_MAX; cut -= cut > 3000 ? 97 : 1) {
        store_file(path, whole, cut);
        struct tapewriter *w = NULL;
        open_writer(&w);
        uint64_t had = tapewriter_durable(w)->ring_index;
        CHECK_EQ(had, whole_before(ends, cut));
        put(w, had + 1);
        flush(w);
        CHECK_EQ(tapewriter_durable(w)->ring_index, had + 1);
        tapewriter_close(w);
        int damages;
        CHECK_EQ(read_all(&damages, NULL), had + 1);
        CHECK_EQ(damages, 0);
    }
    remove_dir();
}

static void flip(const char *path, off_t at, uint8_t with)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    uint8_t byte;
    CHECK_EQ(pread(fd, &byte, 1, at), 1);
    byte ^= with;
    CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Whichever byte is changed, it is found, named, and the value it had is told; at most its own
 * block is lost to the reader. */
static void test_flip_anywhere(void)
{
    fresh_dir();
    write_some();
    char path[128];
    path_of(0, path, sizeof(path));
    struct stat status;
    CHECK_EQ(stat(path, &status), 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    int located = 0, flips = 0;
    for (off_t at = 0; at < status.st_size; at += at < 2000 ? 1 : 89) {
        uint8_t was;
        CHECK_EQ(pread(fd, &was, 1, at), 1);
        flip(path, at, (uint8_t)(1 + at % 255));
        int damages;
        struct tapereader_damage damage = {0};
        CHECK(read_all(&damages, &damage) >= 90);
        CHECK(damages >= 1);
        CHECK(damage.block_offset <= (uint64_t)at || damage.fault == TAPE_FAULT_HEADER);

        CLEANUP(tapereader_close) struct tapereader *r = NULL;
        CHECK_EQ(tapereader_open(dir, 0, &r), 0);
        struct tape_block block;
        while (tapereader_next(r, &block) == 1)
            ;
        uint64_t offset = 0;
        uint8_t value = 0;
        flips++;
        int found = tapereader_locate(r, &offset, &value);
        if (found == 0) {
            CHECK_EQ(offset, at);
            CHECK_EQ(value, was);
            located++;
        } else {
            fprintf(stderr, "byte %jd not located: %s\n", (intmax_t)at,
                    tape_fault_text(damage.fault));
        }
        flip(path, at, (uint8_t)(1 + at % 255));
    }
    close(fd);
    CHECK_EQ(located, flips);
    remove_dir();
}

/* Damage in the middle is not a torn tail: nothing is cut, writing goes on in a new segment. */
static void test_damage_is_not_cut(void)
{
    fresh_dir();
    write_some();
    char path[128];
    path_of(0, path, sizeof(path));
    flip(path, 3000, 0x40);
    struct stat before, after;
    CHECK_EQ(stat(path, &before), 0);
    struct tapewriter *w = NULL;
    open_writer(&w);
    CHECK_EQ(tapewriter_durable(w)->ring_index, 100);
    put(w, 101);
    flush(w);
    tapewriter_close(w);
    CHECK_EQ(stat(path, &after), 0);
    CHECK_EQ(after.st_size, before.st_size);
    path_of(1, path, sizeof(path));
    CHECK_EQ(stat(path, &after), 0);
    int damages;
    CHECK_EQ(read_all(&damages, NULL), 91);
    CHECK_EQ(damages, 1);
    remove_dir();
}

/* After the seal nothing is written any more, also not by a later opening. */
static void test_sealed(void)
{
    fresh_dir();
    struct tapewriter *w = NULL;
    open_writer(&w);
    put(w, 1);
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    CHECK(tapewriter_durable(w)->sealed);
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    struct tape_record record = {.kind = TAPE_NOTE};
    CHECK_EQ(tapewriter_append(w, &record, NULL, 0), -EROFS);
    tapewriter_close(w);
    open_writer(&w);
    CHECK(tapewriter_durable(w)->sealed);
    CHECK_EQ(tapewriter_append(w, &record, NULL, 0), -EROFS);
    tapewriter_close(w);
    int damages;
    CHECK_EQ(read_all(&damages, NULL), 1);
    CHECK_EQ(damages, 0);
    remove_dir();
}

/* Bytes this process has read so far (proc(5), rchar). */
static uint64_t bytes_read(void)
{
    FILE *f = fopen("/proc/self/io", "re");
    uint64_t bytes = 0;
    CHECK(f && fscanf(f, "rchar: %" SCNu64, &bytes) == 1);
    (void)fclose(f); /* was only read */
    return bytes;
}

static bool is_sealed(void)
{
    bool sealed = false;
    CHECK_EQ(tapereader_is_sealed(dir, &sealed), 0);
    return sealed;
}

/* Whether a tape is sealed is seen from its last bytes, however long it is; with one of them
 * changed in a record or a header, cut or grown, or with a segment behind it, it is not. */
static void test_seal_is_seen(void)
{
    fresh_dir();
    bool sealed;
    CHECK_EQ(tapereader_is_sealed(dir, &sealed), -ENOENT);
    struct tapewriter *w = NULL;
    open_writer(&w);
    tapewriter_set_segment_bytes(w, 1000000);
    for (uint64_t i = 1; i <= 5000; i++) {
        put(w, i);
        if (i % 50 == 0)
            flush(w);
    }
    CHECK(!is_sealed());
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    tapewriter_close(w);
    uint64_t before = bytes_read();
    CHECK(is_sealed());
    CHECK(bytes_read() - before < 4096);

    char path[128];
    path_of(1, path, sizeof(path));
    struct stat status;
    CHECK_EQ(stat(path, &status), 0);
    CHECK(status.st_size > 400000);
    off_t start =
        status.st_size - TAPE_HASH_LEN - TAPE_HEAD_LEN - TAPE_RECORD_EXTRA - TAPE_BLOCK_HEADER_LEN;
    for (off_t at = start; at < status.st_size - TAPE_HASH_LEN; at++) {
        flip(path, at, 0x10);
        CHECK(!is_sealed());
        flip(path, at, 0x10);
    }
    CHECK(is_sealed());
    CHECK_EQ(truncate(path, status.st_size + 1), 0);
    CHECK(!is_sealed());
    CHECK_EQ(truncate(path, start), 0);
    CHECK(!is_sealed());
    path_of(2, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK(!is_sealed());
    remove_dir();
}

/* A full block refuses, keeps what it has, and a record over the bound is refused always. */
static void test_bounds(void)
{
    fresh_dir();
    struct tapewriter *w = NULL;
    open_writer(&w);
    static uint8_t body[LIMIT_TAPE_RECORD_BYTES + 1];
    struct tape_record record = {.kind = TAPE_NOTE};
    CHECK_EQ(tapewriter_append(w, &record, body, sizeof(body)), -EMSGSIZE);
    int error, count = 0;
    while ((error = tapewriter_append(w, &record, body, sizeof(body) - 1)) == 0)
        count++;
    CHECK_EQ(error, -ENOBUFS);
    CHECK_EQ(count, LIMIT_TAPE_BLOCK_BYTES / (LIMIT_TAPE_RECORD_BYTES + TAPE_RECORD_EXTRA));
    flush(w);
    CHECK_EQ(tapewriter_append(w, &record, body, sizeof(body) - 1), 0);
    tapewriter_close(w);
    remove_dir();
}

/* Writing goes over into new segments, and all of them read as one; recovery needs only the newest.
 */
static void test_segments(void)
{
    fresh_dir();
    struct tapewriter *w = NULL;
    open_writer(&w);
    tapewriter_set_segment_bytes(w, 50000);
    for (uint64_t i = 1; i <= 600; i++) {
        put(w, i);
        if (i % 20 == 0)
            flush(w);
    }
    uint64_t bytes = tapewriter_bytes(w);
    tapewriter_close(w);
    uint32_t newest;
    CHECK_EQ(tapereader_newest(dir, &newest), 0);
    CHECK_EQ(newest, 4);
    int damages;
    CHECK_EQ(read_all(&damages, NULL), 600);
    CHECK_EQ(damages, 0);

    open_writer(&w);
    CHECK_EQ(tapewriter_bytes(w), bytes);
    CHECK_EQ(tapewriter_durable(w)->ring_index, 600);
    put(w, 601);
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    tapewriter_close(w);
    CHECK_EQ(read_all(&damages, NULL), 601);
    CHECK_EQ(damages, 0);

    /* A segment whose header was never synced is made anew. */
    char path[128];
    path_of(5, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "ASZTAPE", 7), 7);
    close(fd);
    open_writer(&w);
    CHECK(tapewriter_durable(w)->sealed);
    tapewriter_close(w);

    /* A segment that is gone is told, and what follows is read. */
    (void)unlink(path);
    path_of(2, path, sizeof(path));
    CHECK_EQ(unlink(path), 0);
    struct tapereader_damage damage;
    CHECK(read_all(&damages, &damage) > 400);
    CHECK(damages >= 1);
    CHECK_EQ(damage.fault, TAPE_FAULT_INDEX);
    CHECK_EQ(damage.segment, 2);
    remove_dir();
}

/* The journal's number is found where it stands, and nowhere else. */
static void test_note_seq(void)
{
    static const struct {
        const char *text;
        uint64_t seq;
    } rows[] = {
        {"{\"seq\":1,\"at\":\"x\"}", 1},
        {"{\"seq\": 4711}", 4711},
        {"{\"at\":1,\"seq\":2}", 0},
        {"", 0},
        {"{\"seq\":", 0},
        {"{\"seq\":-3}", 0},
        {"{\"seq\":99999999999999999999}", 999999999999999999ull},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_EQ(tape_note_seq(rows[i].text, strlen(rows[i].text)), rows[i].seq);
}

int main(void)
{
    test_reads_what_was_written();
    test_locked();
    test_torn_anywhere();
    test_flip_anywhere();
    test_damage_is_not_cut();
    test_sealed();
    test_seal_is_seen();
    test_bounds();
    test_segments();
    test_note_seq();
    return 0;
}
