/* SPDX-License-Identifier: Apache-2.0 */
/* Two real processes on one ring, either of them killed with SIGKILL again and again. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/ring.h"
#include "unit/check.h"

#define CAPACITY ((size_t)256 << 10)
#define KILLS    20

/* What the reader puts on its tape of each record. */
struct line {
    uint64_t index;
    uint64_t value;
};

/* What both processes count in memory that outlives either. */
struct counts {
    _Atomic uint64_t attempts;
    _Atomic uint64_t accepted;
    _Atomic uint64_t refused;
};

static pid_t start(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
        if (getppid() != parent)
            _exit(1);
    }
    return pid;
}

static void kill_hard(pid_t pid)
{
    int status;
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status)); /* it had found nothing wrong before */
}

/* Reads the last whole line of the tape and cuts off half a one. */
static struct line resume(int tape_fd)
{
    struct stat status;
    struct line last = {0, 0};
    CHECK_EQ(fstat(tape_fd, &status), 0);
    off_t whole = status.st_size - status.st_size % (off_t)sizeof(last);
    CHECK_EQ(ftruncate(tape_fd, whole), 0);
    if (whole > 0)
        CHECK_EQ(pread(tape_fd, &last, sizeof(last), whole - (off_t)sizeof(last)),
                 (ssize_t)sizeof(last));
    CHECK_EQ(lseek(tape_fd, 0, SEEK_END), whole);
    return last;
}

/* The tape writer: ring to tape, then release; says so after every batch. Never returns. */
static _Noreturn void write_tape(int fd, int tape_fd, int progress_fd)
{
    struct ring *ring = NULL;
    CHECK_EQ(ring_attach(fd, &ring), 0);
    struct line last = resume(tape_fd);
    for (;;) {
        struct ring_record record;
        struct line batch[16];
        size_t count = 0;
        int result = 0;
        while (count < 16 && (result = ring_next(ring, &record)) > 0) {
            if (record.index <= last.index)
                continue; /* on the tape already: killed before the release */
            struct reader r = reader_over(record.data, record.len);
            last = (struct line){.index = record.index, .value = reader_u64(&r)};
            batch[count++] = last;
        }
        CHECK(result >= 0);
        if (count == 0) {
            struct pollfd wait = {.fd = progress_fd, .events = POLLIN};
            CHECK(poll(&wait, 1, -1) == 1); /* the producer says there is more */
            char drained[256];
            CHECK(read(progress_fd, drained, sizeof(drained)) > 0);
            continue;
        }
        CHECK_EQ(write(tape_fd, batch, count * sizeof(batch[0])),
                 (ssize_t)(count * sizeof(batch[0])));
        ring_release(ring);
        CHECK_EQ(write(progress_fd, "p", 1), 1);
    }
}

static uint64_t lines_on(int tape_fd)
{
    struct stat status;
    CHECK_EQ(fstat(tape_fd, &status), 0);
    return (uint64_t)status.st_size / sizeof(struct line);
}

/* kill -9 of the reader, 20 times at whatever it does then: nothing lost, nothing doubled. */
static void reader_is_killed(void)
{
    const uint64_t total = 60000;
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    int tape_fd = memfd_create("tape", MFD_CLOEXEC);
    CHECK(tape_fd >= 0);
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    unsigned kills = 0;
    uint64_t put = 0;
    pid_t reader = start();
    if (reader == 0)
        write_tape(ring_fd(ring), tape_fd, pair[1]);
    while (lines_on(tape_fd) < total) {
        /* Half the ring ahead of the tape at most: what a writer that is not too slow gets. */
        uint64_t before = put;
        while (put < total && put - lines_on(tape_fd) < CAPACITY / 48 / 2) {
            uint8_t bytes[16];
            struct writer w = writer_over(bytes, sizeof(bytes));
            writer_u64(&w, ++put);
            CHECK_EQ(ring_put(ring, RING_RTP, 1, put, bytes, 8, NULL, 0), 0);
        }
        if (put > before)
            CHECK_EQ(write(pair[0], "g", 1), 1);
        if (lines_on(tape_fd) == total)
            break;
        struct pollfd wait = {.fd = pair[0], .events = POLLIN};
        CHECK_EQ(poll(&wait, 1, 20000), 1);
        char drained[64];
        CHECK(read(pair[0], drained, sizeof(drained)) > 0);
        if (kills < KILLS && lines_on(tape_fd) > total / (KILLS + 2) * (kills + 1)) {
            kill_hard(reader);
            kills++;
            CHECK_EQ(write(pair[0], "g", 1), 1); /* so that the next one looks at once */
            reader = start();
            if (reader == 0)
                write_tape(ring_fd(ring), tape_fd, pair[1]);
        }
    }
    kill_hard(reader);
    CHECK_EQ(kills, KILLS);
    CHECK_EQ(ring_dropped(ring), 0);
    (void)resume(tape_fd);
    CHECK_EQ(lines_on(tape_fd), total);
    for (uint64_t i = 1; i <= total; i++) {
        struct line line;
        CHECK_EQ(pread(tape_fd, &line, sizeof(line), (off_t)((i - 1) * sizeof(line))),
                 (ssize_t)sizeof(line));
        CHECK_EQ(line.index, i);
        CHECK_EQ(line.value, i);
    }
    close(tape_fd);
    close(pair[0]);
    close(pair[1]);
}

/* The media core: puts without end, whether there is room or not. Never returns. */
static _Noreturn void put_packets(int fd, struct counts *counts)
{
    struct ring *ring = NULL;
    CHECK_EQ(ring_attach(fd, &ring), 0);
    for (uint64_t n = 0;; n++) {
        uint8_t bytes[300];
        size_t len = 16 + n % 280;
        memset(bytes, (int)(n & 0xff), sizeof(bytes));
        atomic_fetch_add(&counts->attempts, 1);
        int result = ring_put(ring, RING_RTP, (uint32_t)len, n, bytes, 16, bytes, len - 16);
        atomic_fetch_add(result == 0 ? &counts->accepted : &counts->refused, 1);
    }
}

/* A record of put_packets(), whole: as long as it says, one byte over and over. */
static void check_whole(const struct ring_record *record)
{
    CHECK_EQ(record->len, record->track);
    CHECK_EQ(record->len, 16 + record->arrived_us % 280);
    for (size_t i = 0; i < record->len; i++)
        CHECK_EQ(record->data[i], record->arrived_us & 0xff);
}

/* What the reader has met. */
struct seen {
    uint64_t index;
    uint64_t packets;
    uint64_t told; /* not taken, as the ring says */
};

/* Reads whole records without a hole in their numbers: up to `until`, or `to_end`. */
static void read_until(struct ring *ring, struct seen *seen, uint64_t until, bool to_end)
{
    struct ring_record record;
    int result;
    while ((result = ring_next(ring, &record)) >= 0) {
        if (result == 0 && to_end)
            return;
        if (result == 0)
            continue;
        CHECK_EQ(record.index, ++seen->index);
        if (record.kind == RING_OVERRUN) {
            struct reader r = reader_over(record.data, record.len);
            seen->told += reader_u64(&r);
        } else {
            check_whole(&record);
            seen->packets++;
        }
        if (seen->index % 64 == 0)
            ring_release(ring);
        if (seen->index == until && !to_end)
            return;
    }
    CHECK(result >= 0);
}

/* kill -9 of the writer, 20 times at whatever it does then: nothing half is ever seen, the index
 * has no hole, and every packet not taken is counted and told. */
static void writer_is_killed(void)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(CAPACITY, &ring), 0);
    struct counts *counts =
        mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    struct seen seen = {0};
    unsigned random = 12345;
    for (unsigned life = 0; life <= KILLS; life++) {
        pid_t writer = life < KILLS ? start() : 0;
        if (writer == 0 && life < KILLS)
            put_packets(ring_fd(ring), counts);
        /* In the last life the writer is dead: what it left is read to the end. */
        random = random * 1103515245u + 12345u;
        read_until(ring, &seen, seen.index + 1000 + random % 5000, life == KILLS);
        ring_release(ring);
        if (life < KILLS)
            kill_hard(writer);
    }
    /* One more, by this process as the next incarnation, tells the rest. */
    CHECK_EQ(ring_put(ring, RING_PRODUCER, 0, 0, "12345678", 8, NULL, 0), 0);
    struct ring_record record;
    CHECK_EQ(ring_next(ring, &record), 1);
    CHECK_EQ(record.index, seen.index + 1);
    if (record.kind == RING_OVERRUN) {
        struct reader r = reader_over(record.data, record.len);
        seen.told += reader_u64(&r);
    }
    CHECK_EQ(seen.told, ring_dropped(ring));
    /* Killed between the ring's count and ours, once a life at most. */
    uint64_t accepted = atomic_load(&counts->accepted);
    uint64_t refused = atomic_load(&counts->refused);
    uint64_t attempts = atomic_load(&counts->attempts);
    CHECK(seen.packets >= accepted && seen.packets <= accepted + KILLS);
    CHECK(seen.told >= refused && seen.told <= refused + KILLS);
    CHECK(seen.packets + seen.told <= attempts && seen.packets + seen.told + KILLS >= attempts);
    CHECK_EQ(munmap(counts, sizeof(*counts)), 0);
}

int main(void)
{
    reader_is_killed();
    writer_is_killed();
    return 0;
}
