/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/tapereader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/crc32c.h"

#define SCAN_BYTES 65536
#define CRC_LEN    4
/* The seal has a block of its own. */
#define SEAL_BYTES (TAPE_BLOCK_HEADER_LEN + TAPE_RECORD_EXTRA + TAPE_HEAD_LEN + TAPE_HASH_LEN)

struct tapereader {
    int dir_fd;
    int fd; /* of the segment; -1: the next one is to be opened */
    uint32_t segment;
    uint32_t newest;
    struct tape_header header;
    struct tape_position position;
    bool chain_known;   /* false after damage: the next block's own hash is believed */
    bool place_known;   /* the same for numbers and indexes */
    uint64_t offset;    /* of the next block in the file */
    uint64_t delivered; /* offset of the block last delivered */
    uint64_t size;      /* of the file */
    uint64_t total;     /* bytes of the segments before */
    uint8_t *buffer;
    size_t buffer_size;
    struct tapereader_damage damage;
    uint8_t damage_chain[TAPE_HASH_LEN]; /* what the damaged block should continue */
    bool damage_chain_known;
};

int tapereader_newest(const char *dir, uint32_t *ret_segment)
{
    DIR *d = opendir(dir);
    if (!d)
        return -errno;
    bool found = false;
    uint32_t newest = 0;
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(d))) {
        char *end = NULL;
        if (strncmp(entry->d_name, "tape-", 5) != 0)
            continue;
        unsigned long number = strtoul(entry->d_name + 5, &end, 10);
        if (end == entry->d_name + 5 || strcmp(end, ".tape") != 0 || number >= 1000000)
            continue;
        found = true;
        if (number > newest)
            newest = (uint32_t)number;
    }
    int error = -errno; /* a newest one overlooked would be written over */
    closedir(d);
    if (error || !found)
        return error ? error : -ENOENT;
    *ret_segment = newest;
    return 0;
}

int tapereader_open(const char *dir, uint32_t first, struct tapereader **ret_reader)
{
    CLEANUP(tapereader_close) struct tapereader *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->fd = -1;
    r->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir_fd < 0)
        return -errno;
    int error = tapereader_newest(dir, &r->newest);
    if (error)
        return error;
    r->segment = first == TAPEREADER_NEWEST ? r->newest : first;
    r->place_known = first == 0; /* a tape read from its start begins at block 0, index 1 */
    r->position.next_index = 1;
    if (r->segment > r->newest)
        return -ENOENT;
    *ret_reader = STEAL(r);
    return 0;
}

void tapereader_close(struct tapereader *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    free(r->buffer);
    free(r);
}

const struct tapereader_damage *tapereader_damage(const struct tapereader *r)
{
    return &r->damage;
}

const struct tape_header *tapereader_header(const struct tapereader *r)
{
    return &r->header;
}

const struct tape_position *tapereader_position(const struct tapereader *r)
{
    return &r->position;
}

uint64_t tapereader_offset(const struct tapereader *r)
{
    return r->offset;
}

uint64_t tapereader_size(const struct tapereader *r)
{
    return r->size;
}

uint64_t tapereader_total(const struct tapereader *r)
{
    return r->total + r->size;
}

uint64_t tapereader_block_offset(const struct tapereader *r)
{
    return r->delivered;
}

/* Reads up to `len` bytes at `offset` of the segment. Returns how many (fewer at its end), or a
 * negative errno. */
static ssize_t read_at(const struct tapereader *r, void *buffer, size_t len, uint64_t offset)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(r->fd, (uint8_t *)buffer + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Grows the buffer. */
static int need(struct tapereader *r, size_t len)
{
    if (len <= r->buffer_size)
        return 0;
    uint8_t *grown = realloc(r->buffer, len);
    if (!grown)
        return -ENOMEM;
    r->buffer = grown;
    r->buffer_size = len;
    return 0;
}

/* Looks in a chunk of the file for a sound block header. */
static bool find_header(const uint8_t *chunk, size_t len, size_t *ret_at)
{
    static const uint8_t magic[] = {'B', 'L', 'C', 'K'};
    size_t at = 0;
    while (at + TAPE_BLOCK_HEADER_LEN <= len) {
        const uint8_t *hit = memmem(chunk + at, len - at, magic, sizeof(magic));
        if (!hit)
            return false;
        at = (size_t)(hit - chunk);
        if (tape_block_len(hit, len - at) > 0) {
            *ret_at = at;
            return true;
        }
        at++;
    }
    return false;
}

/* The offset of the next sound and whole block at or after `from`, or the file's size. */
static int resync(struct tapereader *r, uint64_t from, uint64_t *ret_offset)
{
    uint8_t *chunk = malloc(SCAN_BYTES);
    if (!chunk)
        return -ENOMEM;
    int error = 0;
    while (from + TAPE_BLOCK_HEADER_LEN <= r->size) {
        ssize_t got = read_at(r, chunk, SCAN_BYTES, from);
        size_t at = 0;
        if (got < TAPE_BLOCK_HEADER_LEN) {
            error = got < 0 ? (int)got : 0;
            break;
        }
        if (!find_header(chunk, (size_t)got, &at)) {
            from += (size_t)got - TAPE_BLOCK_HEADER_LEN + 1;
            continue;
        }
        if (from + at + tape_block_len(chunk + at, (size_t)got - at) <= r->size) {
            free(chunk);
            *ret_offset = from + at;
            return 0;
        }
        from += at + 1;
    }
    free(chunk);
    *ret_offset = r->size;
    return error;
}

/* Writes the damage down and moves to `next`, where reading goes on. */
static int damaged(struct tapereader *r, enum tape_fault fault, uint64_t at, uint64_t next)
{
    r->damage = (struct tapereader_damage){
        .fault = fault,
        .segment = r->segment,
        .block = r->position.next_block,
        .block_offset = r->offset,
        .offset = at,
        .skipped = next - r->offset,
        .at_end = next == r->size && fault != TAPE_FAULT_HEADER,
    };
    r->damage_chain_known = r->chain_known;
    memcpy(r->damage_chain, r->position.chain, TAPE_HASH_LEN);
    r->chain_known = false;
    r->place_known = false;
    r->offset = next;
    return -EBADMSG;
}

/* Opens the segment and reads its header. */
static int open_segment(struct tapereader *r)
{
    char name[TAPE_SEGMENT_NAME_MAX];
    snprintf(name, sizeof(name), TAPE_SEGMENT_NAME, r->segment);
    r->header = (struct tape_header){0};
    r->offset = 0;
    r->size = 0;
    r->fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (r->fd < 0 && errno == ENOENT) {
        (void)damaged(r, TAPE_FAULT_INDEX, 0, 0);
        r->segment++; /* the newest is there, so this ends */
        return -EBADMSG;
    }
    struct stat status;
    if (r->fd < 0 || fstat(r->fd, &status) < 0)
        return -errno;
    r->size = (uint64_t)status.st_size;

    uint8_t bytes[TAPE_HEADER_LEN] = {0};
    ssize_t got = read_at(r, bytes, sizeof(bytes), 0);
    if (got < 0)
        return (int)got;
    struct tape_header header;
    if (got < TAPE_HEADER_LEN || tape_header_decode(bytes, sizeof(bytes), &header) < 0 ||
        header.segment != r->segment) {
        uint64_t next = r->size;
        int error = resync(r, 0, &next);
        if (error)
            return error;
        return damaged(r, TAPE_FAULT_HEADER, 0, next);
    }
    bool follows = !r->place_known || (header.position.next_block == r->position.next_block &&
                                       header.position.next_index == r->position.next_index);
    bool chained =
        !r->chain_known || memcmp(header.position.chain, r->position.chain, TAPE_HASH_LEN) == 0;
    r->header = header;
    r->offset = TAPE_HEADER_LEN;
    uint8_t chain[TAPE_HASH_LEN];
    int error = tape_header_chain(bytes, chain);
    if (error)
        return error;
    if (!follows || !chained)
        (void)damaged(r, follows ? TAPE_FAULT_HASH : TAPE_FAULT_INDEX, 0, TAPE_HEADER_LEN);
    r->position = header.position;
    memcpy(r->position.chain, chain, TAPE_HASH_LEN);
    r->chain_known = true;
    r->place_known = true;
    return follows && chained ? 0 : -EBADMSG;
}

/* Loads the bytes at the offset: a whole block, or what there is of one. */
static int load(struct tapereader *r, size_t *ret_len)
{
    int error = need(r, SCAN_BYTES);
    if (error)
        return error;
    ssize_t got = read_at(r, r->buffer, TAPE_BLOCK_HEADER_LEN, r->offset);
    if (got < 0)
        return (int)got;
    size_t len = tape_block_len(r->buffer, (size_t)got);
    if (len > 0) {
        error = need(r, len);
        if (error)
            return error;
        got = read_at(r, r->buffer, len, r->offset);
        if (got < 0)
            return (int)got;
    }
    *ret_len = (size_t)got;
    return 0;
}

/* Damage within a block: goes on behind the block when its length is known, else at the next
 * header that is sound. A block whose hash alone is wrong is kept. */
static int skip_block(struct tapereader *r, enum tape_fault fault, size_t at, size_t loaded)
{
    uint64_t bad = r->offset + at;
    size_t len = tape_block_len(r->buffer, loaded);
    if (fault == TAPE_FAULT_HASH)
        return damaged(r, fault, bad, r->offset);
    uint64_t next = r->offset + len;
    if (len == 0 || next > r->size) {
        int error = resync(r, r->offset + 1, &next);
        if (error)
            return error;
    }
    return damaged(r, fault, bad, next);
}

static int next_in_segment(struct tapereader *r, struct tape_block *ret_block)
{
    size_t len = 0;
    int error = load(r, &len);
    if (error)
        return error;
    enum tape_fault fault = TAPE_SOUND;
    size_t at = 0;
    struct tape_block block;
    error = tape_block_decode(r->buffer, len, r->chain_known ? r->position.chain : NULL, &block,
                              &fault, &at);
    if (error == -EBADMSG)
        return skip_block(r, fault, at, len);
    if (error)
        return error;
    if (r->place_known &&
        (block.number != r->position.next_block || block.first_index != r->position.next_index))
        return damaged(r, TAPE_FAULT_INDEX, r->offset, r->offset);
    r->delivered = r->offset;
    r->offset += TAPE_BLOCK_HEADER_LEN + block.records_len + TAPE_HASH_LEN;
    tape_position_block(&r->position, &block);
    r->chain_known = true;
    r->place_known = true;
    *ret_block = block;
    return 1;
}

int tapereader_next(struct tapereader *r, struct tape_block *ret_block)
{
    for (;;) {
        if (r->segment > r->newest)
            return 0; /* the newest one was taken away under us */
        if (r->fd < 0) {
            int error = open_segment(r);
            if (error)
                return error;
        }
        if (r->offset < r->size)
            return next_in_segment(r, ret_block);
        if (r->segment >= r->newest)
            return 0;
        r->total += r->size;
        close(r->fd);
        r->fd = -1;
        r->segment++;
    }
}

/* Whether the block is the seal of a tape whose newest segment is `segment`. */
static bool is_seal(const uint8_t *bytes, size_t len, uint32_t segment)
{
    struct tape_block block;
    enum tape_fault fault = TAPE_SOUND;
    size_t at = 0;
    if (tape_block_decode(bytes, len, NULL, &block, &fault, &at) < 0)
        return false;
    struct reader records = reader_over(block.records, block.records_len);
    struct tape_record head;
    if (block.count != 1 || tape_record_decode(&records, &head) != 1 || head.kind != TAPE_HEAD ||
        head.len != TAPE_HEAD_LEN)
        return false;
    struct reader r = reader_over(head.data, head.len);
    uint64_t records_before = reader_u64(&r);
    (void)reader_u64(&r); /* bytes: assize-verify counts them */
    return records_before == head.index - 1 && reader_u32(&r) == segment + 1;
}

int tapereader_is_sealed(const char *dir, bool *ret_sealed)
{
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    int error = tapereader_open(dir, TAPEREADER_NEWEST, &r);
    if (!r)
        return error;
    char name[TAPE_SEGMENT_NAME_MAX];
    snprintf(name, sizeof(name), TAPE_SEGMENT_NAME, r->segment);
    r->fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (r->fd < 0 || fstat(r->fd, &status) < 0)
        return -errno;
    uint8_t bytes[SEAL_BYTES];
    ssize_t got = 0;
    if (status.st_size >= TAPE_HEADER_LEN + SEAL_BYTES)
        got = read_at(r, bytes, SEAL_BYTES, (uint64_t)status.st_size - SEAL_BYTES);
    if (got < 0)
        return (int)got;
    *ret_sealed = got == SEAL_BYTES && is_seal(bytes, SEAL_BYTES, r->segment);
    return 0;
}

/* Whether the bytes are sound with `error` undone: a block by its hash, a segment header by itself.
 */
static bool proves(const struct tapereader *r, uint8_t *bytes, size_t len,
                   const struct crc32c_error *error)
{
    enum tape_fault fault = TAPE_SOUND;
    size_t at = 0;
    struct tape_block block;
    struct tape_header header;
    bytes[error->offset] ^= error->flip;
    bool right = r->damage.fault == TAPE_FAULT_HEADER
                     ? tape_header_decode(bytes, len, &header) == 0 && header.segment == r->segment
                     : tape_block_decode(bytes, len, r->damage_chain_known ? r->damage_chain : NULL,
                                         &block, &fault, &at) == 0;
    bytes[error->offset] ^= error->flip;
    return right;
}

/* Tries every single-byte change that would give the part (`part_len` bytes, then their checksum)
 * its checksum. */
static bool explain_part(const struct tapereader *r, uint8_t *bytes, size_t len, size_t part,
                         size_t part_len, struct crc32c_error *ret_error)
{
    struct reader stored = reader_over(bytes + part + part_len, CRC_LEN);
    uint32_t expected = reader_u32(&stored);
    uint32_t actual = crc32c(bytes + part, part_len);
    uint32_t difference = actual ^ expected;
    struct crc32c_error error;
    for (size_t i = 0; i < CRC_LEN; i++) { /* the byte may be one of the checksum's own */
        error = (struct crc32c_error){part + part_len + i, (uint8_t)(difference >> (24 - 8 * i))};
        if (error.flip != 0 && proves(r, bytes, len, &error)) {
            *ret_error = error;
            return true;
        }
    }
    size_t offset = part_len;
    uint32_t syndrome = 0;
    while (crc32c_explain(actual, expected, part_len, &offset, &syndrome, &error)) {
        error.offset += part;
        if (proves(r, bytes, len, &error)) {
            *ret_error = error;
            return true;
        }
    }
    return false;
}

/* A record whose length is not to be trusted: it may end wherever a sound record, or the hash,
 * begins. */
static bool explain_record(const struct tapereader *r, uint8_t *bytes, size_t len, size_t part,
                           struct crc32c_error *ret_error)
{
    size_t end = tape_block_len(bytes, len);
    if (end == 0 || end > len)
        return false;
    end -= TAPE_HASH_LEN;
    for (size_t next = part + TAPE_RECORD_EXTRA; next <= end; next++) {
        struct reader rest = reader_over(bytes + next, end - next);
        struct tape_record record;
        if (next < end && tape_record_decode(&rest, &record) != 1)
            continue;
        if (explain_part(r, bytes, len, part, next - part - CRC_LEN, ret_error))
            return true;
    }
    return false;
}

/* The one differing byte of the stored hash. */
static bool explain_hash(const struct tapereader *r, const uint8_t *block, size_t len, size_t part,
                         struct crc32c_error *ret_error)
{
    uint8_t hash[TAPE_HASH_LEN];
    if (!r->damage_chain_known || part > len || len - part < TAPE_HASH_LEN ||
        tape_hash(r->damage_chain, block, part, hash) < 0)
        return false;
    int differing = 0;
    for (size_t i = 0; i < TAPE_HASH_LEN; i++) {
        if (hash[i] == block[part + i])
            continue;
        differing++;
        *ret_error = (struct crc32c_error){part + i, (uint8_t)(hash[i] ^ block[part + i])};
    }
    return differing == 1;
}

/* The span in the file to look at: the skipped bytes, or the block whose hash is wrong. */
static size_t damaged_span(const struct tapereader *r)
{
    const struct tapereader_damage *d = &r->damage;
    uint64_t span = d->skipped > 0 ? d->skipped : r->size - d->block_offset;
    uint64_t most = TAPE_BLOCK_HEADER_LEN + LIMIT_TAPE_BLOCK_BYTES + TAPE_HASH_LEN;
    return (size_t)(span < most ? span : most);
}

static bool explain(const struct tapereader *r, uint8_t *bytes, size_t len, size_t part,
                    struct crc32c_error *ret_error)
{
    switch (r->damage.fault) {
    case TAPE_FAULT_HEADER:
        return explain_part(r, bytes, len, 0, TAPE_HEADER_LEN - CRC_LEN, ret_error);
    case TAPE_FAULT_BLOCK_HEADER:
        return len >= TAPE_BLOCK_HEADER_LEN &&
               explain_part(r, bytes, len, 0, TAPE_BLOCK_HEADER_LEN - CRC_LEN, ret_error);
    case TAPE_FAULT_RECORD:
        return explain_record(r, bytes, len, part, ret_error);
    case TAPE_FAULT_HASH:
        return explain_hash(r, bytes, len, part, ret_error);
    case TAPE_SOUND:
    case TAPE_FAULT_INDEX:
    case TAPE_FAULT_SHORT:
        return false;
    }
    return false;
}

int tapereader_locate(struct tapereader *r, uint64_t *ret_offset, uint8_t *ret_value)
{
    const struct tapereader_damage *d = &r->damage;
    if (r->fd < 0 || d->segment != r->segment || d->fault == TAPE_FAULT_INDEX)
        return -ENOENT;
    uint64_t from = d->fault == TAPE_FAULT_HEADER ? 0 : d->block_offset;
    size_t len = d->fault == TAPE_FAULT_HEADER ? TAPE_HEADER_LEN : damaged_span(r);
    uint8_t *bytes = calloc(1, len);
    if (!bytes)
        return -ENOMEM;
    ssize_t got = read_at(r, bytes, len, from);
    struct crc32c_error error = {0};
    bool found = got == (ssize_t)len && explain(r, bytes, len, (size_t)(d->offset - from), &error);
    if (found) {
        *ret_offset = from + error.offset;
        *ret_value = bytes[error.offset] ^ error.flip;
    }
    free(bytes);
    if (got < 0)
        return (int)got;
    return found ? 0 : -ENOENT;
}
