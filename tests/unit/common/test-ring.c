/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define CAPACITY ((size_t)64 << 10)
#define HEADER   ((size_t)64 << 10) /* ring.c: before the area */

/* ring.c: where in the shared memory its fields lie, bytes. */
enum { AT_MAGIC = 0, AT_CAPACITY = 8, AT_HEAD = 64, AT_COMMITS = 80, AT_TAIL = 128 };

static int put_text(struct ring *ring, enum ring_kind kind, uint32_t track, const char *text)
{
    size_t half = strlen(text) / 2;
    return ring_put(ring, kind, track, 1000 + track, text, half, text + half, strlen(text) - half);
}

static int build(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    int result = ring_create(CAPACITY, &ring);
    if (result < 0)
        return result;
    CLEANUP(ring_destroy) struct ring *other = NULL;
    result = ring_attach(ring_fd(ring), &other);
    if (result < 0)
        return result;
    CHECK_EQ(put_text(ring, RING_RTP, 5, "hello ring"), 0);
    struct ring_record record;
    CHECK_EQ(ring_next(other, &record), 1);
    CHECK_EQ(record.kind, RING_RTP);
    CHECK_EQ(record.track, 5);
    CHECK_EQ(record.index, 1);
    CHECK_EQ(record.arrived_us, 1005);
    CHECK_EQ(record.len, 10);
    CHECK_EQ(memcmp(record.data, "hello ring", 10), 0);
    CHECK_EQ(ring_next(other, &record), 0);
    return 0;
}

#ifndef TEST_FAULTS
static uint64_t overrun_of(const struct ring_record *record)
{
    struct reader r = reader_over(record->data, record->len);
    CHECK_EQ(record->len, 8);
    return reader_u64(&r);
}

static void sizes(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(0, &ring), -EINVAL);
    CHECK_EQ(ring_create(CAPACITY / 2, &ring), -EINVAL);
    CHECK_EQ(ring_create(CAPACITY + 8, &ring), -EINVAL);
    CHECK_EQ(ring_create((size_t)2 << 30, &ring), -EINVAL);
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    CHECK_EQ(fcntl(ring_fd(ring), F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    CHECK_EQ(ftruncate(ring_fd(ring), 0), -1);
    static uint8_t big[CAPACITY];
    CHECK_EQ(ring_put(ring, RING_RTP, 1, 0, NULL, 0, big, CAPACITY / 4), -EMSGSIZE);
    CHECK_EQ(ring_put(ring, RING_RTP, 1, 0, big, SIZE_MAX, big, 2), -EMSGSIZE);
    CHECK_EQ(ring_put(ring, RING_RTP, 1, 0, NULL, 0, big, CAPACITY / 4 - 32), 0);
    CHECK_EQ(ring_put(ring, RING_TRACK_END, 1, 0, NULL, 0, NULL, 0), 0);
    CHECK_EQ(ring_dropped(ring), 0);
}

/* Every length many times round: what is read is what was put, across the end of the area too. */
static void wraps(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    uint8_t bytes[1500];
    for (unsigned n = 1; n < 6000; n++) {
        size_t len = n % sizeof(bytes);
        memset(bytes, (int)n, sizeof(bytes));
        CHECK_EQ(ring_put(ring, RING_RTP, n, n, bytes, len / 3, bytes, len - len / 3), 0);
        struct ring_record record;
        CHECK_EQ(ring_next(ring, &record), 1);
        CHECK_EQ(record.index, n);
        CHECK_EQ(record.len, len);
        CHECK_EQ(memcmp(record.data, bytes, len), 0);
        ring_release(ring);
    }
}

/* A full ring takes nothing and says so; what is not released stays; the gap is told exactly. */
static void overrun(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    struct ring_record record;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    uint64_t put = 0;
    uint64_t next = 1;
    for (uint64_t round = 1; round < 40; round++) {
        while (ring_put(ring, RING_RTP, 1, 0, "0123456789", 10, NULL, 0) == 0)
            put++;
        for (uint64_t i = 1; i < round; i++) /* one was counted above */
            CHECK_EQ(ring_put(ring, RING_RTP, 1, 0, "0123456789", 10, NULL, 0), -ENOBUFS);
        /* Read but not on disk: still not overwritten. */
        while (ring_next(ring, &record) > 0)
            CHECK_EQ(record.index, next++);
        CHECK_EQ(ring_put(ring, RING_RTP, 1, 0, "0123456789", 10, NULL, 0), -ENOBUFS);
        ring_release(ring);
        CHECK_EQ(ring_put(ring, RING_RTP, 1, 77, "x", 1, NULL, 0), 0);
        CHECK_EQ(ring_next(ring, &record), 1);
        CHECK_EQ(record.kind, RING_OVERRUN);
        CHECK_EQ(record.index, next++);
        CHECK_EQ(record.track, 0);
        CHECK_EQ(record.arrived_us, 77);
        CHECK_EQ(overrun_of(&record), round + 1);
        CHECK_EQ(ring_next(ring, &record), 1);
        CHECK_EQ(record.kind, RING_RTP);
        CHECK_EQ(record.index, next++);
    }
    CHECK_EQ(ring_dropped(ring), 39 * 40 / 2 + 39);
    CHECK(put > 1000);
}

/* A reader that comes after another begins behind what that one released. */
static void reader_restart(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    struct ring_record record;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), 0);
    CLEANUP(ring_destroy) struct ring *first = NULL;
    CHECK_EQ(ring_attach(ring_fd(ring), &first), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(ring_next(first, &record), 1);
    ring_release(first);
    CHECK_EQ(ring_next(first, &record), 1); /* read, not released */
    CLEANUP(ring_destroy) struct ring *second = NULL;
    CHECK_EQ(ring_attach(ring_fd(ring), &second), 0);
    CHECK_EQ(ring_next(second, &record), 1);
    CHECK_EQ(record.index, 5);
    CHECK_EQ(ring_skip_to_head(second), 5 * (32 + 8));
    CHECK_EQ(ring_next(second, &record), 0);
    CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), 0);
    CHECK_EQ(ring_next(second, &record), 1);
    CHECK_EQ(record.index, 11);
}

/* A writer that comes after another goes on with index, head and what is still to be told. */
static void writer_restart(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    struct ring_record record;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    uint64_t last = 0;
    for (int life = 0; life < 5; life++) {
        CLEANUP(ring_destroy) struct ring *writer = NULL;
        CHECK_EQ(ring_attach(ring_fd(ring), &writer), 0);
        while (ring_put(writer, RING_RTP, 1, 0, "0123456789", 10, NULL, 0) == 0) {
        }
        uint64_t told = 0;
        while (ring_next(ring, &record) > 0) {
            CHECK_EQ(record.index, ++last);
            if (record.kind == RING_OVERRUN)
                told += overrun_of(&record);
        }
        CHECK_EQ(told, life == 0 ? 0 : 1); /* of the writer before */
        ring_release(ring);
    }
    CHECK_EQ(ring_dropped(ring), 5);
}

/* The shared memory as the other side may write it. */
static uint8_t *scribble(const struct ring *ring)
{
    uint8_t *memory =
        mmap(NULL, HEADER + CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(ring), 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void set_u64(uint8_t *memory, size_t at, uint64_t value)
{
    memcpy(memory + at, &value, sizeof(value));
}

/* No position or record the writer may leave makes the reader touch what is outside. */
static void hostile_writer(void)
{
    const struct {
        size_t at;
        uint64_t value;

    } bad[] = {
        {AT_HEAD, 3},
        {AT_HEAD, CAPACITY + 8},
        {AT_HEAD, UINT64_MAX - 7},
        {AT_HEAD, 8},                             /* shorter than a record's head */
        {HEADER, 0xffffffff | (uint64_t)1 << 32}, /* length */
        {HEADER, 4096 | (uint64_t)1 << 32},       /* beyond the head */
        {HEADER, 8},                              /* kind 0 */
        {HEADER, 8 | (uint64_t)99 << 32},         /* kind 99 */
        {HEADER + 8, (uint64_t)1 << 32},          /* what must be zero */
        {HEADER + 16, 0},                         /* index 0 */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CLEANUP(ring_destroy) struct ring *ring = NULL;
        CLEANUP(ring_destroy) struct ring *reader = NULL;
        struct ring_record record = {.len = 99};
        CHECK_EQ(ring_create(CAPACITY, &ring), 0);
        CHECK_EQ(ring_attach(ring_fd(ring), &reader), 0);
        CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), 0);
        uint8_t *memory = scribble(ring);
        set_u64(memory, bad[i].at, bad[i].value);
        CHECK_EQ(ring_next(reader, &record), -EBADMSG);
        CHECK_EQ(record.len, 99);
        CHECK(ring_skip_to_head(reader) <= CAPACITY);
        ring_release(reader);
        CHECK_EQ(ring_next(reader, &record), 0);
        CHECK_EQ(munmap(memory, HEADER + CAPACITY), 0);
    }
}

/* An index that leaves out or repeats a number is nonsense; after a skip any is taken. */
static void holes(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    struct ring_record record;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), 0);
    uint8_t *memory = scribble(ring);
    set_u64(memory, HEADER + 40 + 16, 7);
    CHECK_EQ(ring_next(ring, &record), 1);
    CHECK_EQ(ring_next(ring, &record), -EBADMSG);
    CHECK_EQ(ring_skip_to_head(ring), 80);
    CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), 0);
    CHECK_EQ(ring_next(ring, &record), 1);
    CHECK_EQ(record.index, 4);
    CHECK_EQ(munmap(memory, HEADER + CAPACITY), 0);
}

/* No tail the reader may leave makes the writer write outside or stop for good. */
static void hostile_reader(void)
{
    const uint64_t tails[] = {8, 3, CAPACITY, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        CLEANUP(ring_destroy) struct ring *ring = NULL;
        CHECK_EQ(ring_create(CAPACITY, &ring), 0);
        uint8_t *memory = scribble(ring);
        set_u64(memory, AT_TAIL, tails[i]);
        CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), -ENOBUFS);
        CHECK_EQ(ring_dropped(ring), 1);
        set_u64(memory, AT_TAIL, 0);
        CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), 0);
        CHECK_EQ(munmap(memory, HEADER + CAPACITY), 0);
    }
    /* Commits that belong to no head: a new writer does not guess. */
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    uint8_t *memory = scribble(ring);
    set_u64(memory, AT_HEAD, 40);
    CHECK_EQ(put_text(ring, RING_RTP, 1, "abcdefgh"), -EBADMSG);
    CHECK_EQ(munmap(memory, HEADER + CAPACITY), 0);
}

static int attach_result(int fd)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    return ring_attach(fd, &ring);
}

/* What is no ring of ours is not mapped. */
static void strange_memory(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    uint8_t *memory = scribble(ring);
    CHECK_EQ(attach_result(ring_fd(ring)), 0);
    const size_t places[] = {AT_MAGIC, AT_CAPACITY, AT_HEAD, AT_TAIL};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t old;
        memcpy(&old, memory + places[i], sizeof(old));
        set_u64(memory, places[i], old + 1);
        CHECK_EQ(attach_result(ring_fd(ring)), -EBADMSG);
        set_u64(memory, places[i], old);
    }
    CHECK_EQ(attach_result(ring_fd(ring)), 0);
    CHECK_EQ(munmap(memory, HEADER + CAPACITY), 0);

    CHECK_EQ(attach_result(-1), -EBADF);
    int plain = open("/dev/zero", O_RDWR | O_CLOEXEC);
    CHECK_EQ(attach_result(plain), -EBADMSG);
    close(plain);
    const size_t lengths[] = {0, 4096, HEADER, HEADER + CAPACITY - 8, HEADER + CAPACITY + 4096};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        int fd = memfd_create("strange", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CHECK_EQ(ftruncate(fd, (off_t)lengths[i]), 0);
        CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
        CHECK_EQ(attach_result(fd), -EBADMSG);
        close(fd);
    }
    /* The right size, but it could be cut off under us. */
    int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_EQ(ftruncate(fd, (off_t)(HEADER + CAPACITY)), 0);
    CHECK_EQ(attach_result(fd), -EBADMSG);
    close(fd);
}

#define THREAD_RECORDS 100000u

struct shared_run {
    struct ring *ring;
    _Atomic bool done;
    uint64_t attempts, refused;
};

static void *produce(void *argument)
{
    struct shared_run *run = argument;
    uint64_t value[3];
    for (uint64_t i = 0; i < THREAD_RECORDS; i++) {
        value[0] = value[1] = value[2] = i;
        size_t len = 8 + i % 17;
        run->attempts++;
        run->refused += ring_put(run->ring, RING_RTP, 1, i, value, 8, value + 1, len - 8) < 0;
    }
    atomic_store(&run->done, true);
    return NULL;
}

/* Writer and reader at once: every packet is either read whole and in order or counted as dropped,
 * and what the ring tells of drops adds up. */
static void two_threads(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    struct shared_run run = {.ring = ring};
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, produce, &run), 0);
    uint64_t packets = 0;
    uint64_t told = 0;
    uint64_t index = 0;
    uint64_t next_value = 0;
    for (bool last = false;;) {
        struct ring_record record;
        int result = ring_next(ring, &record);
        CHECK(result >= 0);
        if (result == 0) {
            ring_release(ring);
            if (last)
                break;
            last = atomic_load(&run.done); /* then once more round */
            continue;
        }
        CHECK_EQ(record.index, ++index);
        if (record.kind == RING_OVERRUN) {
            told += overrun_of(&record);
            continue;
        }
        uint64_t value;
        memcpy(&value, record.data, sizeof(value));
        CHECK(value >= next_value);
        CHECK_EQ(record.len, 8 + value % 17);
        CHECK_EQ(record.arrived_us, value);
        next_value = value + 1;
        packets++;
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(packets + run.refused, run.attempts);
    CHECK_EQ(ring_dropped(ring), run.refused);
    CHECK(told <= run.refused);
    CHECK_EQ(ring_put(ring, RING_RTP, 1, 0, "x", 1, NULL, 0), 0); /* tells the rest */
    struct ring_record record;
    CHECK_EQ(ring_next(ring, &record), 1);
    if (record.kind == RING_OVERRUN)
        told += overrun_of(&record);
    CHECK_EQ(told, run.refused);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    int n = 0;
    bool happened = true;
    for (; happened; n++) {
        faults_fail_at(n);
        int result = build();
        happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened ? result < 0 : result == 0);
    }
    CHECK(n > 10);
#else
    CHECK_EQ(build(), 0);
    sizes();
    wraps();
    overrun();
    reader_restart();
    writer_restart();
    hostile_writer();
    holes();
    hostile_reader();
    strange_memory();
    two_threads();
#endif
    return 0;
}
