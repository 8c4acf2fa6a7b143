/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"

/* "assizeR1"; changed with every change of the layout. */
#define RING_MAGIC 0x617373697a655231u

#define RING_CAPACITY_MIN ((size_t)64 << 10)
#define RING_CAPACITY_MAX ((size_t)1 << 30)

/* The header's share of the memory: a multiple of every page size Linux has. */
#define HEADER_BYTES ((size_t)64 << 10)

/* Records begin at multiples of this. */
#define RECORD_ALIGN 8u

/* What a producer needs to go on after `head`. There are two, written in turn before `head` moves,
 * so whichever value of `head` a killed producer left, one of them belongs to it. */
struct commit {
    _Atomic uint64_t head;  /* the value of shared.head that this belongs to */
    _Atomic uint64_t index; /* of the last record before it */
    _Atomic uint64_t told;  /* how many of shared.dropped are told in the ring */
};

/* The beginning of the shared memory. Positions count bytes since the ring was made and only grow;
 * taken modulo the capacity they are offsets into the area behind the header. */
struct shared {
    uint64_t magic;
    uint64_t capacity;
    alignas(64) _Atomic uint64_t head; /* producer: everything before it is whole */
    _Atomic uint64_t dropped;          /* producer: packets not taken */
    struct commit commits[2];          /* producer */
    alignas(64) _Atomic uint64_t tail; /* consumer: everything before it is on disk */
};

static_assert(sizeof(struct shared) <= HEADER_BYTES, "the header has room");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics work between processes");

/* Before each record's payload, in the machine's own byte order: both ends run on one machine. */
struct record_head {
    uint32_t len; /* of the payload, bytes */
    uint32_t kind;
    uint32_t track;
    uint32_t zero;
    uint64_t index;
    uint64_t arrived_us;
};

static_assert(sizeof(struct record_head) % RECORD_ALIGN == 0, "payloads are aligned");

#define OVERRUN_LEN sizeof(uint64_t)

struct ring {
    int fd;
    size_t capacity;
    struct shared *shared;
    uint8_t *area; /* mapped twice in a row, so no record is ever broken in two */

    /* Producer. */
    bool producing;
    uint64_t head;
    uint64_t index; /* last put */
    uint64_t told;

    /* Consumer. */
    uint64_t read;       /* position after the last record read */
    uint64_t read_index; /* its index; 0: any may follow */
};

static size_t record_size(size_t len)
{
    return sizeof(struct record_head) + ((len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1));
}

/* Longest payload. Ours: far above any datagram, and four fit the smallest ring. */
static size_t payload_max(const struct ring *ring)
{
    return ring->capacity / 4 - sizeof(struct record_head);
}

static uint8_t *at(const struct ring *ring, uint64_t position)
{
    return ring->area + (position & (ring->capacity - 1));
}

/* Maps header, area and the area again. Returns NULL with errno set when it cannot. */
static struct shared *map(int fd, size_t capacity)
{
    size_t total = HEADER_BYTES + 2 * capacity;
    uint8_t *base = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    int protection = PROT_READ | PROT_WRITE;
    uint8_t *again = base + HEADER_BYTES + capacity;
    if (mmap(base, HEADER_BYTES + capacity, protection, MAP_SHARED | MAP_FIXED, fd, 0) ==
            MAP_FAILED ||
        mmap(again, capacity, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)HEADER_BYTES) ==
            MAP_FAILED) {
        int error = errno;
        (void)munmap(base, total); /* of a mapping just made: cannot fail */
        errno = error;
        return NULL;
    }
    return (struct shared *)(void *)base;
}

static uint8_t *area_of(struct shared *shared)
{
    return (uint8_t *)shared + HEADER_BYTES;
}

static bool is_capacity(uint64_t capacity)
{
    return capacity >= RING_CAPACITY_MIN && capacity <= RING_CAPACITY_MAX &&
           (capacity & (capacity - 1)) == 0;
}

int ring_create(size_t capacity, struct ring **ret_ring)
{
    if (!is_capacity(capacity))
        return -EINVAL;
    CLEANUP(ring_destroy) struct ring *ring = calloc(1, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    ring->capacity = capacity;
    ring->fd = memfd_create("assize-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (ring->fd < 0)
        return -errno;
    if (ftruncate(ring->fd, (off_t)(HEADER_BYTES + capacity)) < 0)
        return -errno;
    if (fcntl(ring->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    ring->shared = map(ring->fd, capacity);
    if (!ring->shared)
        return -errno;
    ring->area = area_of(ring->shared);
    ring->shared->capacity = capacity;
    ring->shared->magic = RING_MAGIC;
    *ret_ring = STEAL(ring);
    return 0;
}

/* The size is fixed (nobody can make a later read fail with SIGBUS) and is a ring's. */
static int check_memory(struct ring *ring)
{
    int seals = fcntl(ring->fd, F_GET_SEALS);
    if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
        return -EBADMSG;
    struct stat status;
    if (fstat(ring->fd, &status) < 0)
        return -errno;
    if (status.st_size < (off_t)HEADER_BYTES ||
        !is_capacity((uint64_t)status.st_size - HEADER_BYTES))
        return -EBADMSG;
    ring->capacity = (size_t)status.st_size - HEADER_BYTES;
    return 0;
}

static bool are_positions(const struct ring *ring, uint64_t head, uint64_t tail)
{
    return head % RECORD_ALIGN == 0 && tail % RECORD_ALIGN == 0 && head - tail <= ring->capacity;
}

int ring_attach(int fd, struct ring **ret_ring)
{
    CLEANUP(ring_destroy) struct ring *ring = calloc(1, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    ring->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (ring->fd < 0)
        return -errno;
    int result = check_memory(ring);
    if (result < 0)
        return result;
    ring->shared = map(ring->fd, ring->capacity);
    if (!ring->shared)
        return -errno;
    ring->area = area_of(ring->shared);
    if (ring->shared->magic != RING_MAGIC || ring->shared->capacity != ring->capacity)
        return -EBADMSG;
    /* In this order: the one that grows in another process meanwhile must not seem behind. */
    uint64_t tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
    if (!are_positions(ring, head, tail))
        return -EBADMSG;
    ring->read = tail;
    *ret_ring = STEAL(ring);
    return 0;
}

void ring_destroy(struct ring *ring)
{
    if (!ring)
        return;
    if (ring->shared)
        (void)munmap(ring->shared, HEADER_BYTES + 2 * ring->capacity); /* ours: cannot fail */
    if (ring->fd >= 0)
        (void)close(ring->fd); /* memory; nothing can be lost */
    free(ring);
}

int ring_fd(const struct ring *ring)
{
    return ring->fd;
}

/* Takes up the work where this or another producer left it. */
static int start_producing(struct ring *ring)
{
    struct shared *shared = ring->shared;
    uint64_t head = atomic_load_explicit(&shared->head, memory_order_acquire);
    if (head % RECORD_ALIGN != 0)
        return -EBADMSG;
    for (int i = 0; i < 2; i++) {
        const struct commit *commit = &shared->commits[i];
        if (atomic_load_explicit(&commit->head, memory_order_relaxed) != head)
            continue;
        ring->head = head;
        ring->index = atomic_load_explicit(&commit->index, memory_order_relaxed);
        ring->told = atomic_load_explicit(&commit->told, memory_order_relaxed);
        ring->producing = true;
        return 0;
    }
    return -EBADMSG;
}

/* Writes a record at `position`, where there is room; returns the position after it. */
static uint64_t write_record(struct ring *ring, uint64_t position, const struct record_head *head,
                             const void *first, size_t first_len, const void *second)
{
    uint8_t *to = at(ring, position);
    memcpy(to, head, sizeof(*head));
    to += sizeof(*head);
    if (first_len > 0)
        memcpy(to, first, first_len);
    if (second && head->len > first_len)
        memcpy(to + first_len, second, head->len - first_len);
    return position + record_size(head->len);
}

static void publish(struct ring *ring, uint64_t head)
{
    struct shared *shared = ring->shared;
    /* Never the one that belongs to the present head. */
    struct commit *commit =
        atomic_load_explicit(&shared->commits[0].head, memory_order_relaxed) == ring->head
            ? &shared->commits[1]
            : &shared->commits[0];
    atomic_store_explicit(&commit->index, ring->index, memory_order_relaxed);
    atomic_store_explicit(&commit->told, ring->told, memory_order_relaxed);
    /* Its head last: a half-written commit still says the head of two records ago. */
    atomic_store_explicit(&commit->head, head, memory_order_release);
    atomic_store_explicit(&shared->head, head, memory_order_release);
    ring->head = head;
}

/* NOLINTNEXTLINE(readability-function-size): as declared */
int ring_put(struct ring *ring, enum ring_kind kind, uint32_t track, uint64_t arrived_us,
             const void *head, size_t head_len, const void *body, size_t body_len)
{
    size_t max = payload_max(ring);
    if (head_len > max || body_len > max - head_len)
        return -EMSGSIZE;
    int result = ring->producing ? 0 : start_producing(ring);
    if (result < 0)
        return result;
    struct shared *shared = ring->shared;
    uint64_t dropped = atomic_load_explicit(&shared->dropped, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
    uint64_t untold = dropped - ring->told;
    size_t need = record_size(head_len + body_len) + (untold > 0 ? record_size(OVERRUN_LEN) : 0);
    uint64_t used = ring->head - tail;
    /* A tail that cannot be counts as full: it is the consumer's to mend. */
    if (used > ring->capacity || need > ring->capacity - used) {
        atomic_store_explicit(&shared->dropped, dropped + 1, memory_order_relaxed);
        return -ENOBUFS;
    }
    uint64_t position = ring->head;
    if (untold > 0) {
        uint8_t count[OVERRUN_LEN];
        struct writer w = writer_over(count, sizeof(count));
        writer_u64(&w, untold);
        struct record_head overrun = {.len = sizeof(count),
                                      .kind = RING_OVERRUN,
                                      .index = ++ring->index,
                                      .arrived_us = arrived_us};
        position = write_record(ring, position, &overrun, count, sizeof(count), NULL);
        ring->told = dropped;
    }
    struct record_head record = {.len = (uint32_t)(head_len + body_len),
                                 .kind = (uint32_t)kind,
                                 .track = track,
                                 .index = ++ring->index,
                                 .arrived_us = arrived_us};
    position = write_record(ring, position, &record, head, head_len, body);
    publish(ring, position);
    return 0;
}

uint64_t ring_dropped(const struct ring *ring)
{
    return atomic_load_explicit(&ring->shared->dropped, memory_order_relaxed);
}

int ring_next(struct ring *ring, struct ring_record *ret_record)
{
    uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
    uint64_t unread = head - ring->read;
    if (unread == 0)
        return 0;
    if (!are_positions(ring, head, ring->read) || unread < sizeof(struct record_head))
        return -EBADMSG;
    /* A copy: what is checked is what is used, whatever the other side writes meanwhile. */
    struct record_head record;
    const uint8_t *from = at(ring, ring->read);
    memcpy(&record, from, sizeof(record));
    if (record.kind < RING_RTP || record.kind > RING_PRODUCER || record.zero != 0 ||
        record.index == 0 || record.len > payload_max(ring) || record_size(record.len) > unread)
        return -EBADMSG;
    if (ring->read_index != 0 && record.index != ring->read_index + 1)
        return -EBADMSG;
    ring->read += record_size(record.len);
    ring->read_index = record.index;
    *ret_record = (struct ring_record){
        .kind = (enum ring_kind)record.kind,
        .track = record.track,
        .index = record.index,
        .arrived_us = record.arrived_us,
        .data = from + sizeof(record),
        .len = record.len,
    };
    return 1;
}

void ring_release(struct ring *ring)
{
    atomic_store_explicit(&ring->shared->tail, ring->read, memory_order_release);
}

size_t ring_skip_to_head(struct ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
    uint64_t unread = head - ring->read;
    ring->read = head; /* where nothing is unread, whatever it is: a tape can be sealed */
    ring->read_index = 0;
    return unread < ring->capacity ? (size_t)unread : ring->capacity;
}
