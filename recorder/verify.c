/* SPDX-License-Identifier: Apache-2.0 */
/* assize-verify DIR: checks a record offline, without any part of the server. It reads every byte
 * of the tape, follows its chain, and compares every file with the manifest; it says OK, or exactly
 * what is wrong and where. Exit status: 0 sound, 1 not, 2 it could not be read. TAPE.md says how to
 * build it by hand. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#ifndef ASSIZE_VERSION /* built by hand, as TAPE.md says */
#define ASSIZE_VERSION "unknown"
#endif

#include "recorder/filehash.h"
#include "recorder/tapereader.h"

static const char help[] = "assize-verify DIR: checks the record in DIR, offline: every block of "
                           "the tape, its chain, and\n"
                           "every file against the manifest. Says OK, or what is wrong and where.\n"
                           "\n"
                           "  --help       this text\n"
                           "  --version    the version\n"
                           "\n"
                           "Status: 0 sound, 1 not, 2 it could not be read.";

struct found {
    uint64_t blocks, records, faults, files;
    uint64_t bytes_before; /* of the segments and blocks before the last block read */
    uint32_t segments;
    bool has_head; /* the seal was the last record */
    struct tape_record head;
    uint8_t head_payload[TAPE_HEAD_LEN];
    uint8_t chain[TAPE_HASH_LEN];
};

static void print_hash(const uint8_t *hash)
{
    for (int i = 0; i < TAPE_HASH_LEN; i++)
        printf("%02x", hash[i]);
}

static void tell_damage(struct tapereader *r, struct found *found)
{
    const struct tapereader_damage *d = tapereader_damage(r);
    found->faults++;
    printf("BAD " TAPE_SEGMENT_NAME ": ", d->segment);
    if (d->fault == TAPE_FAULT_INDEX && d->skipped == 0 && d->block_offset == 0) {
        printf("the segment is missing, or not the one that belongs here\n");
        return;
    }
    printf("block %" PRIu32 " at byte %" PRIu64 ": %s, at byte %" PRIu64, d->block, d->block_offset,
           tape_fault_text(d->fault), d->offset);
    uint64_t at = 0;
    uint8_t value = 0;
    if (tapereader_locate(r, &at, &value) == 0)
        printf("; the one wrong byte is %" PRIu64 ", which was 0x%02x", at, value);
    if (d->skipped > 0)
        printf("; %" PRIu64 " bytes given up", d->skipped);
    if (d->at_end)
        printf("; nothing sound follows in this segment");
    printf("\n");
}

static void take_block(struct found *found, const struct tape_block *block)
{
    struct reader left = reader_over(block->records, block->records_len);
    struct tape_record record;
    found->blocks++;
    memcpy(found->chain, block->hash, TAPE_HASH_LEN);
    while (tape_record_decode(&left, &record) == 1) {
        found->records++;
        found->has_head = record.kind == TAPE_HEAD && record.len == sizeof(found->head_payload);
        if (!found->has_head)
            continue;
        found->head = record;
        memcpy(found->head_payload, record.data, sizeof(found->head_payload));
    }
}

/* The seal says how much was before it, so that nothing can be cut off unseen. */
static void check_head(struct found *found)
{
    if (!found->has_head) {
        printf("BAD the tape is not sealed: its end may be missing\n");
        found->faults++;
        return;
    }
    struct reader r = reader_over(found->head_payload, sizeof(found->head_payload));
    uint64_t records = reader_u64(&r);
    uint64_t bytes = reader_u64(&r);
    uint32_t segments = reader_u32(&r);
    if (records != found->head.index - 1 || bytes != found->bytes_before ||
        segments != found->segments) {
        printf("BAD the seal counts %" PRIu64 " records, %" PRIu64 " bytes, %" PRIu32
               " segments before it; there are %" PRIu64 ", %" PRIu64 ", %" PRIu32 "\n",
               records, bytes, segments, found->head.index - 1, found->bytes_before,
               found->segments);
        found->faults++;
    }
}

static int check_tape(const char *dir, struct found *found)
{
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    int error = tapereader_open(dir, 0, &r);
    if (error)
        return error;
    struct tape_block block;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        if (more == -EBADMSG) {
            tell_damage(r, found);
            continue;
        }
        if (more < 0)
            return more;
        found->bytes_before = tapereader_total(r) - tapereader_size(r) + tapereader_block_offset(r);
        found->segments = tapereader_header(r)->segment + 1;
        take_block(found, &block);
    }
    check_head(found);
    return 0;
}

/* One entry of the manifest. */
static int check_file(const char *dir, const json_t *file, struct found *found)
{
    const char *name = json_string_value(json_object_get(file, "file"));
    const char *hash = json_string_value(json_object_get(file, "sha256"));
    const json_t *size = json_object_get(file, "bytes");
    if (!name || !hash || !json_is_integer(size) || strchr(name, '/')) {
        printf("BAD manifest.json: an entry without file, sha256 or bytes\n");
        found->faults++;
        return 0;
    }
    char hex[FILEHASH_HEX];
    uint64_t bytes = 0;
    int error = filehash(dir, name, hex, &bytes);
    found->files++;
    if (error) {
        printf("BAD %s: cannot be read: %s\n", name, strerror(-error));
        found->faults++;
        return 0;
    }
    if (bytes != (uint64_t)json_integer_value(size)) {
        printf("BAD %s: has %" PRIu64 " bytes, the manifest says %" PRIu64 "\n", name, bytes,
               (uint64_t)json_integer_value(size));
        found->faults++;
    } else if (strcmp(hex, hash) != 0) {
        printf("BAD %s: its SHA-256 is %s, the manifest says %s\n", name, hex, hash);
        found->faults++;
    }
    return 0;
}

static int check_manifest(const char *dir, struct found *found)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/manifest.json", dir);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    FILE *f = fopen(path, "rbe");
    if (!f && errno == ENOENT) {
        printf("no manifest.json: only the tape is checked\n");
        return 0;
    }
    if (!f)
        return -errno;
    json_error_t problem;
    json_t *manifest = json_loadf(f, JSON_REJECT_DUPLICATES, &problem);
    (void)fclose(f); /* only read from */
    if (!manifest) {
        printf("BAD manifest.json: line %d: %s\n", problem.line, problem.text);
        found->faults++;
        return 0;
    }
    size_t i;
    const json_t *file;
    int error = 0;
    json_array_foreach(json_object_get(manifest, "files"), i, file)
    {
        error = check_file(dir, file, found);
        if (error)
            break;
    }
    if (found->files == 0) {
        printf("BAD manifest.json: names no files\n");
        found->faults++;
    }
    json_decref(manifest);
    return error;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts(help);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("assize-verify " ASSIZE_VERSION);
        return 0;
    }
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "assize-verify: %s: not one directory; see assize-verify --help\n",
                argc < 2 ? "nothing" : argv[1]);
        return 2;
    }
    struct found found = {0};
    int error = check_tape(argv[1], &found);
    if (error) {
        fprintf(stderr, "assize-verify: %s: %s\n", argv[1],
                error == -ENOENT ? "there is no tape" : strerror(-error));
        return 2;
    }
    error = check_manifest(argv[1], &found);
    if (error) {
        fprintf(stderr, "assize-verify: %s/manifest.json: %s\n", argv[1], strerror(-error));
        return 2;
    }
    printf("%s %" PRIu64 " records in %" PRIu64 " blocks of %" PRIu32 " segments, %" PRIu64
           " files, %" PRIu64 " faults; the chain ends with ",
           found.faults ? "BAD" : "OK", found.records, found.blocks, found.segments, found.files,
           found.faults);
    print_hash(found.chain);
    printf("\n");
    return found.faults ? 1 : 0;
}
