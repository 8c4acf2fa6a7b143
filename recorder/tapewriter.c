/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/tapewriter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ring.h"
#include "recorder/tapereader.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BUFFER_BYTES (TAPE_BLOCK_HEADER_LEN + LIMIT_TAPE_BLOCK_BYTES + TAPE_HASH_LEN)
#define NO_SEGMENT   UINT32_MAX

struct tapewriter {
    int dir_fd; /* also carries the lock */
    int fd;     /* of the segment, -1: a new one is to be made */
    uint64_t hearing;
    uint8_t boot_id[TAPE_BOOT_LEN];
    uint32_t segment; /* number of the newest; NO_SEGMENT before the first */
    uint64_t offset;  /* durable bytes of the segment */
    uint64_t before;  /* bytes of the segments before */
    uint64_t segment_bytes;
    uint64_t sync_us;

    struct tape_position durable;
    struct tape_position pending; /* with the records in the buffer */
    uint32_t count;               /* records in the buffer */
    struct writer records;        /* over the buffer's middle part */
    uint8_t *buffer;
};

const struct tape_position *tapewriter_durable(const struct tapewriter *w)
{
    return &w->durable;
}

const struct tape_position *tapewriter_pending(const struct tapewriter *w)
{
    return &w->pending;
}

size_t tapewriter_waiting(const struct tapewriter *w)
{
    return writer_len(&w->records);
}

void tapewriter_set_segment_bytes(struct tapewriter *w, uint64_t bytes)
{
    w->segment_bytes = bytes;
}

uint64_t tapewriter_bytes(const struct tapewriter *w)
{
    return w->before + w->offset;
}

uint64_t tapewriter_sync_us(const struct tapewriter *w)
{
    return w->sync_us;
}

static void clear_buffer(struct tapewriter *w)
{
    w->count = 0;
    w->records = writer_over(w->buffer + TAPE_BLOCK_HEADER_LEN, LIMIT_TAPE_BLOCK_BYTES);
}

/* The kernel's boot id: 32 hex digits with dashes. */
static int read_boot_id(uint8_t ret_id[TAPE_BOOT_LEN])
{
    int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char text[64] = "";
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    unsigned value = 0;
    size_t digits = 0;
    for (ssize_t i = 0; i < len && digits < 2 * (size_t)TAPE_BOOT_LEN; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (unsigned)(c - 'a' + 10);
        else
            continue;
        if (digits % 2 == 1)
            ret_id[digits / 2] = (uint8_t)value;
        digits++;
    }
    return digits == 2 * (size_t)TAPE_BOOT_LEN ? 0 : -EBADMSG;
}

static int write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, (const uint8_t *)data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        done += (size_t)n;
    }
    return 0;
}

/* Makes the next segment with its header, durable. On an error it is as if it had not been. */
static int begin_segment(struct tapewriter *w, const struct tape_time *now)
{
    struct tape_header header = {
        .segment = w->segment == NO_SEGMENT ? 0 : w->segment + 1,
        .hearing = w->hearing,
        .started = *now,
        .position = w->durable,
    };
    memcpy(header.boot_id, w->boot_id, TAPE_BOOT_LEN);
    uint8_t bytes[TAPE_HEADER_LEN];
    tape_header_encode(&header, bytes);
    uint8_t chain[TAPE_HASH_LEN];
    int error = tape_header_chain(bytes, chain);
    if (error)
        return error;

    char name[TAPE_SEGMENT_NAME_MAX];
    snprintf(name, sizeof(name), TAPE_SEGMENT_NAME, header.segment);
    int fd = openat(w->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    error = write_at(fd, bytes, sizeof(bytes), 0);
    if (!error && (fdatasync(fd) < 0 || fsync(w->dir_fd) < 0))
        error = -errno;
    if (error) {
        close(fd);
        (void)unlinkat(w->dir_fd, name, 0); /* or the next try overwrites it */
        return error;
    }
    if (w->fd >= 0)
        close(w->fd);
    w->before += w->offset;
    w->fd = fd;
    w->segment = header.segment;
    w->offset = TAPE_HEADER_LEN;
    memcpy(w->durable.chain, chain, TAPE_HASH_LEN);
    return 0;
}

int tapewriter_append(struct tapewriter *w, const struct tape_record *record, const void *body,
                      size_t body_len)
{
    if (w->pending.sealed)
        return -EROFS;
    if (record->len > LIMIT_TAPE_RECORD_BYTES || body_len > LIMIT_TAPE_RECORD_BYTES - record->len)
        return -EMSGSIZE;
    struct tape_record numbered = *record;
    numbered.index = w->pending.next_index;
    struct writer before = w->records;
    tape_record_encode(&w->records, &numbered, body, body_len);
    if (w->records.failed) {
        w->records = before;
        return -ENOBUFS;
    }
    /* What is said of it later is read from the bytes themselves. */
    struct reader written = reader_over(before.pos, (size_t)(w->records.pos - before.pos));
    struct tape_record whole;
    (void)tape_record_decode(&written, &whole); /* we have just written it */
    tape_position_record(&w->pending, &whole);
    w->count++;
    return 0;
}

/* Waits for the disk; after an error the file is as long as its durable part. */
static int write_block(struct tapewriter *w, size_t len)
{
    int error = write_at(w->fd, w->buffer, len, w->offset);
    if (!error && fdatasync(w->fd) < 0)
        error = -errno;
    /* If this fails too, the next try overwrites, and recovery cuts. */
    if (error)
        (void)!ftruncate(w->fd, (off_t)w->offset);
    return error;
}

int tapewriter_flush(struct tapewriter *w, const struct tape_time *now)
{
    if (w->durable.sealed)
        return 0;
    uint64_t started_us = clock_now_us();
    size_t records_len = writer_len(&w->records);
    size_t len = TAPE_BLOCK_HEADER_LEN + records_len + TAPE_HASH_LEN;
    /* The seal stays in the segment that it counts, though it be a little too long then. */
    bool full = !w->pending.sealed && w->offset + len > w->segment_bytes;
    if (w->fd < 0 || full) {
        int error = begin_segment(w, now);
        if (error)
            return error;
    }
    struct tape_block block = {
        .number = w->durable.next_block,
        .count = w->count,
        .first_index = w->durable.next_index,
        .written = *now,
        .records_len = records_len,
    };
    int error = tape_block_encode(&block, w->durable.chain, w->buffer);
    if (!error)
        error = write_block(w, len);
    if (error)
        return error;
    w->offset += len;
    w->pending.next_block = block.number + 1;
    memcpy(w->pending.chain, block.hash, TAPE_HASH_LEN);
    w->durable = w->pending;
    clear_buffer(w);
    w->sync_us = clock_now_us() - started_us;
    return 0;
}

/* The number of records and bytes before the head's own block, so that cutting either shows. */
static int append_head(struct tapewriter *w, const struct tape_time *now)
{
    uint8_t payload[TAPE_HEAD_LEN];
    struct writer p = writer_over(payload, sizeof(payload));
    writer_u64(&p, w->pending.next_index - 1);
    writer_u64(&p, tapewriter_bytes(w));
    writer_u32(&p, w->segment + 1);
    writer_u64(&p, now->wall_us);
    struct tape_record head = {
        .kind = TAPE_HEAD,
        .time_us = now->monotonic_us,
        .data = payload,
        .len = sizeof(payload),
    };
    return tapewriter_append(w, &head, NULL, 0);
}

int tapewriter_seal(struct tapewriter *w, const struct tape_time *now)
{
    if (!w->pending.sealed) {
        /* What waits goes first, so that the head has a block of its own, in the newest segment. */
        int error = tapewriter_flush(w, now);
        if (error)
            return error;
        error = append_head(w, now);
        if (error)
            return error;
    }
    int error = tapewriter_flush(w, now);
    if (error)
        return error;
    return fsync(w->fd) < 0 || fsync(w->dir_fd) < 0 ? -errno : 0;
}

/* How a tape found on disk ends. */
struct ending {
    bool damaged; /* in the middle: nothing may be cut */
    uint64_t torn_bytes;
    bool same_boot;
};

/* A ring is known within one boot: after another, its number may be that of a new ring, and what
 * that one holds is on no tape yet. */
static void forget_ring(struct tape_position *position)
{
    position->ring_id = 0;
    position->ring_index = 0;
}

/* Reads the newest segment through. */
static int read_ending(struct tapewriter *w, struct tapereader *r, struct ending *ret_ending)
{
    struct ending ending = {0};
    uint64_t sound = 0;
    struct tape_block block;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        const struct tapereader_damage *damage = tapereader_damage(r);
        if (more == 1) {
            sound = tapereader_offset(r);
        } else if (more == -EBADMSG && damage->at_end) {
            ending.torn_bytes = damage->skipped;
        } else if (more == -EBADMSG) {
            ending.damaged = true;
        } else {
            return more;
        }
    }
    const struct tape_header *header = tapereader_header(r);
    if (sound == 0 && header->hearing != 0)
        sound = TAPE_HEADER_LEN;
    if (header->hearing != 0 && header->hearing != w->hearing)
        return -EINVAL;
    ending.same_boot = memcmp(header->boot_id, w->boot_id, TAPE_BOOT_LEN) == 0;
    w->durable = *tapereader_position(r);
    if (!ending.same_boot)
        forget_ring(&w->durable);
    w->offset = sound;
    *ret_ending = ending;
    return 0;
}

/* Adds the length of a segment's file; one that is missing has none. */
static int add_file_bytes(const struct tapewriter *w, uint32_t segment, uint64_t *bytes)
{
    char name[TAPE_SEGMENT_NAME_MAX];
    snprintf(name, sizeof(name), TAPE_SEGMENT_NAME, segment);
    struct stat status;
    if (fstatat(w->dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    *bytes += (uint64_t)status.st_size;
    return 0;
}

/* Takes the newest segment over: cuts a torn block, or leaves the file as it is and has a new one
 * begun. */
static int take_segment(struct tapewriter *w, const struct ending *ending)
{
    char name[TAPE_SEGMENT_NAME_MAX];
    snprintf(name, sizeof(name), TAPE_SEGMENT_NAME, w->segment);
    if (ending->damaged || (!ending->same_boot && ending->torn_bytes == 0 && !w->durable.sealed)) {
        w->offset = 0;
        return add_file_bytes(w, w->segment, &w->offset); /* fd stays -1: a new segment begins */
    }
    int fd = openat(w->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (ending->torn_bytes > 0 && (ftruncate(fd, (off_t)w->offset) < 0 || fsync(fd) < 0)) {
        int error = -errno;
        close(fd);
        return error;
    }
    if (!ending->same_boot && !w->durable.sealed)
        close(fd);
    else
        w->fd = fd;
    return 0;
}

/* Finds the newest segment with a sound header; ones without (a crash between making the file and
 * syncing it) hold nothing and are made anew. */
static int recover(struct tapewriter *w, const char *dir, uint64_t *ret_torn)
{
    uint32_t newest = 0;
    int error = tapereader_newest(dir, &newest);
    if (error == -ENOENT)
        return 0;
    if (error)
        return error;
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    error = tapereader_open(dir, newest, &r);
    if (error)
        return error;
    struct ending ending;
    error = read_ending(w, r, &ending);
    if (error)
        return error;
    if (w->offset == 0 && newest > 0) {
        tapereader_close(STEAL(r));
        error = tapereader_open(dir, --newest, &r);
        if (error)
            return error;
        error = read_ending(w, r, &ending);
        if (error)
            return error;
    }
    if (w->offset == 0)
        return 0; /* nothing at all was durable */
    w->segment = newest;
    for (uint32_t i = 0; !error && i < newest; i++)
        error = add_file_bytes(w, i, &w->before);
    if (error)
        return error;
    *ret_torn = ending.torn_bytes;
    return take_segment(w, &ending);
}

static int append_resume(struct tapewriter *w, const struct tape_time *now, uint64_t torn_bytes)
{
    uint64_t start = 0;
    if (getrandom(&start, sizeof(start), 0) != sizeof(start))
        return -errno;
    uint8_t payload[16];
    struct writer p = writer_over(payload, sizeof(payload));
    writer_u64(&p, start);
    writer_u64(&p, torn_bytes);
    struct tape_record resume = {
        .kind = TAPE_RESUME,
        .time_us = now->monotonic_us,
        .data = payload,
        .len = sizeof(payload),
    };
    return tapewriter_append(w, &resume, NULL, 0);
}

int tapewriter_open(const char *dir, uint64_t hearing, const struct tape_time *now,
                    struct tapewriter **ret_writer)
{
    CLEANUP(tapewriter_close) struct tapewriter *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->fd = -1;
    w->dir_fd = -1;
    w->hearing = hearing;
    w->segment_bytes = TAPE_SEGMENT_BYTES;
    w->segment = NO_SEGMENT;
    w->durable.next_index = 1;
    w->buffer = malloc(BUFFER_BYTES);
    if (!w->buffer)
        return -ENOMEM;
    clear_buffer(w);
    int error = read_boot_id(w->boot_id);
    if (error)
        return error;
    if (mkdir(dir, 0750) < 0 && errno != EEXIST)
        return -errno;
    w->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir_fd < 0)
        return -errno;
    if (flock(w->dir_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    uint64_t torn_bytes = 0;
    error = recover(w, dir, &torn_bytes);
    if (error)
        return error;
    w->pending = w->durable;
    if (!w->durable.sealed) {
        error = append_resume(w, now, torn_bytes);
        if (error)
            return error;
    }
    *ret_writer = STEAL(w);
    return 0;
}

void tapewriter_close(struct tapewriter *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    if (w->dir_fd >= 0)
        close(w->dir_fd);
    free(w->buffer);
    free(w);
}
