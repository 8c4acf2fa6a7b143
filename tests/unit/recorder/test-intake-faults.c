/* SPDX-License-Identifier: Apache-2.0 */
/* From the ring onto the tape while every allocation, system call and append fails once in turn,
 * appends fail for long, and the ring holds nonsense: each packet is on the tape once and in order,
 * or a TAPE_GAP says what is not. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ring.h"
#include "recorder/intake.h"
#include "recorder/tapereader.h"
#include "recorder/tapewriter.h"
#include "unit/check.h"
#include "unit/faults.h"

#define HEARING 0x1122334455667788u
#define STEP_US 50000u
#define PACKETS 240
#define NOTES   24
/* More than a tape's record holds, less than the ring takes. */
#define TOO_LONG (LIMIT_TAPE_RECORD_BYTES + 1)
/* Where ring.c keeps the first record, and in it a field that is always zero. */
#define RING_AREA 65536
#define RING_ZERO 12

static char dir[64];
static char tape_dir[96];
static struct tape_time now;
static int appends_until_failure; /* -1: none fails */
static int appends_that_fail;     /* from then on, one after another */

int __real_tapewriter_append(struct tapewriter *w, const struct tape_record *record,
                             const void *body, size_t body_len);
int __wrap_tapewriter_append(struct tapewriter *w, const struct tape_record *record,
                             const void *body, size_t body_len);
int __wrap_tapewriter_append(struct tapewriter *w, const struct tape_record *record,
                             const void *body, size_t body_len)
{
    if (appends_until_failure == 0 && appends_that_fail > 0) {
        appends_that_fail--;
        return -ENOMEM;
    }
    if (appends_until_failure > 0)
        appends_until_failure--;
    return __real_tapewriter_append(w, record, body, body_len);
}

static void fail_appends(int from, int count)
{
    appends_until_failure = from;
    appends_that_fail = count;
}

static void begin(void)
{
    now = (struct tape_time){.monotonic_us = 5000000, .wall_us = 1700000000000000};
    snprintf(dir, sizeof(dir), "%s/assize-intake-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(dir));
    snprintf(tape_dir, sizeof(tape_dir), "%s/%016" PRIx64, dir, (uint64_t)HEARING);
}

static void end(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/" TAPE_SEGMENT_NAME, tape_dir, 0);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(tape_dir), 0);
    CHECK_EQ(rmdir(dir), 0);
}

static void step(struct intake *in)
{
    now.monotonic_us += STEP_US;
    now.wall_us += STEP_US;
    intake_step(in, &now);
}

/* As the recorder: asked again after a failure. */
static struct intake *open_intake(int ring)
{
    struct intake *in = NULL;
    int error = intake_open(dir, HEARING, ring, ring < 0, &now, &in);
    if (error) {
        CHECK(error < 0);
        error = intake_open(dir, HEARING, ring, ring < 0, &now, &in);
    }
    CHECK_EQ(error, 0);
    return in;
}

/* The media core's end. */
static struct ring *attach(int fd)
{
    struct ring *ring = NULL;
    int error = ring_attach(fd, &ring);
    if (error)
        error = ring_attach(fd, &ring);
    CHECK_EQ(error, 0);
    return ring;
}

static void put(struct ring *ring, uint64_t number, size_t len)
{
    static uint8_t body[TOO_LONG];
    memset(body, 0, sizeof(body));
    memcpy(body, &number, sizeof(number));
    CHECK_EQ(ring_put(ring, RING_RTP, 1, now.monotonic_us, NULL, 0, body, len), 0);
}

static void put_note(struct intake *in, unsigned seq)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "{\"seq\":%u,\"event\":\"test\"}", seq);
    uint64_t index;
    int error = intake_note(in, now.wall_us, text, (size_t)len, &now, &index);
    if (error)
        error = intake_note(in, now.wall_us, text, (size_t)len, &now, &index);
    CHECK_EQ(error, 0);
}

static void seal(struct intake *in)
{
    intake_seal(in);
    for (int i = 0; i < 100 && !intake_is_sealed(in); i++)
        step(in);
    CHECK(intake_is_sealed(in));
}

struct content {
    uint64_t packets, notes, gaps, gap_bytes, last;
};

/* Packets are in order and none is there twice. */
static struct content read_tape(void)
{
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    CHECK_EQ(tapereader_open(tape_dir, 0, &r), 0);
    struct content c = {0};
    struct tape_block block;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        CHECK_EQ(more, 1);
        struct reader left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (tape_record_decode(&left, &record) == 1) {
            struct reader payload = reader_over(record.data, record.len);
            c.notes += record.kind == TAPE_NOTE;
            c.gaps += record.kind == TAPE_GAP;
            c.gap_bytes += record.kind == TAPE_GAP ? reader_u64(&payload) : 0;
            if (record.kind != RING_RTP)
                continue;
            uint64_t number;
            memcpy(&number, record.data, sizeof(number));
            CHECK(number > c.last);
            c.last = number;
            c.packets++;
        }
    }
    CHECK(tapereader_position(r)->sealed);
    return c;
}

/* A hearing of 240 packets, one of them too long for the tape, with a restart of the recorder.
 * Returns whether what was to fail has failed. */
static bool live(void)
{
    struct intake *in = open_intake(-1);
    struct ring *ring = attach(intake_ring_fd(in));
    unsigned notes = 0;
    for (uint64_t i = 1; i <= PACKETS; i++) {
        put(ring, i, i == PACKETS / 3 ? TOO_LONG : 100 + i);
        if (i % 10 == 0) {
            put_note(in, ++notes);
            step(in);
        }
        if (i == PACKETS / 2) {
            struct ring *kept = attach(intake_ring_fd(in));
            intake_flush(in, &now);
            intake_close(in);
            in = open_intake(ring_fd(kept));
            ring_destroy(kept);
            for (unsigned seq = 1; seq <= notes; seq++)
                put_note(in, seq); /* signaling says again what was not called durable */
        }
    }
    seal(in);
    CHECK_EQ(ring_dropped(ring), 0);
    ring_destroy(ring);
    intake_close(in);
    bool failed = faults_happened() || (appends_until_failure == 0 && appends_that_fail == 0);
    faults_fail_at(-1);
    fail_appends(-1, 0);
    struct content c = read_tape();
    CHECK_EQ(c.packets, PACKETS - 1);
    CHECK_EQ(c.notes, NOTES);
    CHECK_EQ(c.gaps, 1);
    CHECK_EQ(c.gap_bytes, TOO_LONG);
    return failed;
}

static void test_each_call(void)
{
    int n = 0;
    for (bool failed = true; failed; n++) {
        begin();
        faults_fail_at(n);
        failed = live();
        end();
    }
    printf("%d calls failed in turn\n", n - 1);
    CHECK(n > 40);
}

static void test_each_append(void)
{
    int n = 0;
    for (bool failed = true; failed; n++) {
        begin();
        fail_appends(n, 1);
        failed = live();
        end();
    }
    printf("%d appends failed in turn\n", n - 1);
    CHECK(n > PACKETS);
}

static struct control_tape_mark mark_of(const struct intake *in)
{
    struct control_tape_mark mark;
    intake_mark(in, &mark);
    return mark;
}

/* Two seconds without a working append: the mark is not renewed and says why, everything waits in
 * the ring, and comes in order when it works again, after a restart too. */
static void test_appends_fail_for_long(bool restart)
{
    begin();
    struct intake *in = open_intake(-1);
    struct ring *ring = attach(intake_ring_fd(in));
    uint64_t number = 0;
    put(ring, ++number, 100);
    step(in);
    while (mark_of(in).checked_us != now.monotonic_us)
        step(in);
    uint64_t checked_us = mark_of(in).checked_us;
    fail_appends(0, 40);
    while (appends_that_fail > 0) {
        put(ring, ++number, 100);
        put(ring, ++number, 200);
        step(in);
        CHECK_EQ(mark_of(in).checked_us, checked_us);
        CHECK_EQ(mark_of(in).error, -ENOMEM);
    }
    if (restart) {
        intake_close(in);
        in = open_intake(ring_fd(ring));
    }
    for (int i = 0; i < 10; i++)
        step(in);
    CHECK_EQ(mark_of(in).error, 0);
    CHECK(mark_of(in).checked_us > checked_us);
    CHECK_EQ(mark_of(in).ring_index, number);
    seal(in);
    ring_destroy(ring);
    intake_close(in);
    struct content c = read_tape();
    CHECK_EQ(c.packets, number);
    CHECK_EQ(c.gaps, 0);
    end();
}

/* Spoils the ring's record that begins at byte `at` of its area. */
static void spoil(const struct ring *ring, size_t at)
{
    size_t len = RING_AREA + 65536;
    uint8_t *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(ring), 0);
    CHECK(memory != MAP_FAILED);
    CHECK_EQ(memory[RING_AREA + at + RING_ZERO], 0);
    memory[RING_AREA + at + RING_ZERO] = 1;
    CHECK_EQ(munmap(memory, len), 0);
}

/* Nonsense in the ring costs what is behind it, and the tape says how much, though the append of
 * just this fails at first. The ring is not released before that. */
static void test_damage(void)
{
    begin();
    struct intake *in = open_intake(-1);
    struct ring *ring = attach(intake_ring_fd(in));
    for (uint64_t i = 1; i <= 10; i++)
        put(ring, i, 104); /* 136 bytes in the ring */
    step(in);
    for (uint64_t i = 11; i <= 15; i++)
        put(ring, i, 104);
    spoil(ring, (size_t)12 * 136);
    uint64_t checked_us = mark_of(in).checked_us;
    fail_appends(2, 3); /* 11 and 12 are taken; the gap's append fails */
    while (appends_that_fail > 0) {
        step(in);
        CHECK(mark_of(in).error != 0);
        CHECK_EQ(mark_of(in).checked_us, checked_us);
    }
    fail_appends(-1, 0);
    put(ring, 16, 104);
    seal(in);
    CHECK_EQ(mark_of(in).error, 0);
    ring_destroy(ring);
    intake_close(in);
    struct content c = read_tape();
    CHECK_EQ(c.packets, 13);
    CHECK_EQ(c.last, 16);
    CHECK_EQ(c.gaps, 1);
    CHECK_EQ(c.gap_bytes, 3 * 136);
    end();
}

/* A tape that ends within the ring `ring_id`, at its record `ring_index`; boot id zeros: no kernel
 * gives that. */
static void write_tape_of_another_boot(uint64_t ring_id, uint64_t ring_index)
{
    static uint8_t bytes[TAPE_BLOCK_HEADER_LEN + 1024 + TAPE_HASH_LEN];
    uint8_t header[TAPE_HEADER_LEN], chain[TAPE_HASH_LEN], identity[8];
    tape_header_encode(
        &(struct tape_header){.hearing = HEARING, .started = now, .position.next_index = 1},
        header);
    CHECK_EQ(tape_header_chain(header, chain), 0);
    struct writer w = writer_over(identity, sizeof(identity));
    writer_u64(&w, ring_id);
    w = writer_over(bytes + TAPE_BLOCK_HEADER_LEN, 1024);
    const struct tape_record ring = {
        .kind = TAPE_RING, .index = 1, .data = identity, .len = sizeof(identity)};
    const struct tape_record sound = {
        .kind = RING_LOSS, .index = 2, .ring_index = ring_index, .data = identity, .len = 4};
    tape_record_encode(&w, &ring, NULL, 0);
    tape_record_encode(&w, &sound, NULL, 0);
    struct tape_block block = {
        .count = 2, .first_index = 1, .written = now, .records_len = writer_len(&w)};
    CHECK_EQ(tape_block_encode(&block, chain, bytes), 0);
    char path[128];
    snprintf(path, sizeof(path), "%s/" TAPE_SEGMENT_NAME, tape_dir, 0);
    CHECK_EQ(mkdir(tape_dir, 0700), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    size_t len = TAPE_BLOCK_HEADER_LEN + block.records_len + TAPE_HASH_LEN;
    CHECK_EQ(write(fd, header, sizeof(header)), sizeof(header));
    CHECK_EQ(write(fd, bytes, len), len);
    CHECK_EQ(close(fd), 0);
}

/* After the machine was restarted a new ring may have the number of the old one: what it holds is
 * taken, though the old one had come further. */
static void test_another_boot(void)
{
    begin();
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(LIMIT_RING_BYTES, &ring), 0);
    struct stat status;
    CHECK_EQ(fstat(ring_fd(ring), &status), 0);
    write_tape_of_another_boot(status.st_ino, 1000000);
    struct intake *in = open_intake(ring_fd(ring));
    for (uint64_t i = 1; i <= 20; i++)
        put(ring, i, 100);
    seal(in);
    intake_close(in);
    CHECK_EQ(read_tape().packets, 20);
    char path[128];
    snprintf(path, sizeof(path), "%s/" TAPE_SEGMENT_NAME, tape_dir, 1);
    CHECK_EQ(unlink(path), 0); /* of the new boot */
    end();
}

int main(void)
{
    fail_appends(-1, 0);
    faults_fail_at(-1);
    test_each_call();
    test_each_append();
    test_appends_fail_for_long(false);
    test_appends_fail_for_long(true);
    test_damage();
    test_another_boot();
    return 0;
}
