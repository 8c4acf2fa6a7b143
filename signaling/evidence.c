/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"

/* Read at once while a file is looked through. */
enum { CHUNK = 65536 };

struct evidence {
    int fd;
    uint64_t bytes;         /* of whole lines: the file's length */
    struct digest_sum *sum; /* of them */
};

const char *evidence_name(uint64_t hearing, char name[static EVIDENCE_NAME])
{
    char id[TERMS_ID_TEXT];
    (void)snprintf(name, EVIDENCE_NAME, "%s.connections.jsonl", terms_id_text(hearing, id));
    return name;
}

static int open_file(const char *data_dir, uint64_t hearing)
{
    char name[EVIDENCE_NAME];
    int data_fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (data_fd < 0)
        return -errno;
    int dir_fd = openat(data_fd, "journals", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = dir_fd < 0 ? -errno : 0;
    (void)close(data_fd); /* was only a place */
    if (r < 0)
        return r;
    int fd = openat(dir_fd, evidence_name(hearing, name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0 || fsync(dir_fd) < 0) /* its name is durable too */
        r = -errno;
    (void)close(dir_fd); /* was only read */
    if (r < 0 && fd >= 0)
        (void)close(fd); /* nothing was written */
    return r < 0 ? r : fd;
}

static ssize_t read_at(int fd, char *buffer, size_t len, uint64_t offset)
{
    ssize_t n;
    do
        n = pread(fd, buffer, len, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Adds the whole lines of the file; where a crash left a hole, they end before it. */
static int follow(struct evidence *e, char chunk[static CHUNK])
{
    uint64_t offset = 0;
    for (bool has_hole = false; !has_hole;) {
        ssize_t n = read_at(e->fd, chunk, CHUNK, offset);
        if (n <= 0)
            return (int)n;
        const char *hole = memchr(chunk, '\0', (size_t)n);
        has_hole = hole;
        size_t len = hole ? (size_t)(hole - chunk) : (size_t)n;
        const char *newline = memrchr(chunk, '\n', len);
        if (!newline)
            return 0; /* no line of ours is as long as a chunk */
        len = (size_t)(newline + 1 - chunk);
        int r = digest_sum_add(e->sum, chunk, len);
        if (r < 0)
            return r;
        offset += len;
        e->bytes = offset;
    }
    return 0;
}

int evidence_open(const char *data_dir, uint64_t hearing, struct evidence **ret_evidence)
{
    CLEANUP(evidence_close) struct evidence *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->fd = open_file(data_dir, hearing);
    if (e->fd < 0)
        return e->fd;
    int r = digest_sum_create(&e->sum);
    char *chunk = r == 0 ? malloc(CHUNK) : NULL;
    if (r == 0)
        r = chunk ? follow(e, chunk) : -ENOMEM;
    free(chunk);
    if (r == 0 && ftruncate(e->fd, (off_t)e->bytes) < 0)
        r = -errno;
    if (r < 0)
        return r;
    *ret_evidence = STEAL(e);
    return 0;
}

void evidence_close(struct evidence *e)
{
    if (!e)
        return;
    if (e->fd >= 0)
        (void)close(e->fd); /* what must be on disk is there since evidence_keep() */
    digest_sum_destroy(e->sum);
    free(e);
}

int evidence_append(struct evidence *e, const char *text, size_t len)
{
    char line[EVIDENCE_LINE_MAX + 1];
    if (len == 0 || len > EVIDENCE_LINE_MAX)
        return -EINVAL;
    if (e->bytes + len + 1 > LIMIT_EVIDENCE_BYTES)
        return -EFBIG;
    memcpy(line, text, len);
    line[len++] = '\n';
    ssize_t n;
    do
        n = pwrite(e->fd, line, len, (off_t)e->bytes);
    while (n < 0 && errno == EINTR);
    int r = n < 0 ? -errno : (size_t)n < len ? -ENOSPC : digest_sum_add(e->sum, line, len);
    if (r < 0) {
        if (n > 0) /* else the next line writes over it, or the next start cuts it off */
            (void)ftruncate(e->fd, (off_t)e->bytes);
        return r;
    }
    e->bytes += len;
    return 0;
}

uint64_t evidence_bytes(const struct evidence *e)
{
    return e->bytes;
}

int evidence_keep(struct evidence *e, uint8_t ret_sha256[static DIGEST_LEN])
{
    if (fdatasync(e->fd) < 0)
        return -errno;
    return digest_sum_read(e->sum, ret_sha256);
}

int evidence_tail(const struct evidence *e, char *buffer, size_t capacity, size_t *ret_len)
{
    size_t len = e->bytes < capacity ? (size_t)e->bytes : capacity;
    ssize_t n = read_at(e->fd, buffer, len, e->bytes - len);
    if (n < 0)
        return (int)n;
    if ((size_t)n != len)
        return -EIO; /* somebody shortened it */
    const char *start = buffer;
    if (len < e->bytes) { /* the first one is cut */
        const char *newline = memchr(buffer, '\n', len);
        start = newline ? newline + 1 : buffer + len;
    }
    *ret_len = (size_t)(buffer + len - start);
    memmove(buffer, start, *ret_len);
    return 0;
}
