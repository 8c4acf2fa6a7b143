/* Reads a tape from its directory, block by block, checking everything on the way. It says exactly
 * where damage lies and goes on behind it, so that one bad byte does not cost the rest.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_TAPEREADER_H
#define RECORDER_TAPEREADER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "recorder/tape.h"

/* As `first`: begin at the newest segment. */
#define TAPEREADER_NEWEST UINT32_MAX

struct tapereader;

struct tapereader_damage {
    enum tape_fault fault;
    uint32_t segment;      /* number of the file */
    uint32_t block;        /* number of the block that should be there */
    uint64_t block_offset; /* where it begins in the file, bytes */
    uint64_t offset;       /* where its first bad part (header, record, hash) begins in the file */
    uint64_t skipped;      /* bytes given up, up to the next sound block or the end of the file */
    bool at_end; /* nothing sound follows: the torn block of a crash, when this is the newest
                    segment */
};

/* Opens the tape in `dir` at segment `first`. One thread. Returns 0, -ENOENT when there is no such
 * segment, -ENOMEM, or what open says. */
int tapereader_open(const char *dir, uint32_t first, struct tapereader **ret_reader);

/* Accepts NULL. */
void tapereader_close(struct tapereader *r);
DEFINE_CLEANUP(struct tapereader, tapereader_close)

/* Reads the next block; its bytes are borrowed until the next call. Returns 1; 0 at the end;
 * -EBADMSG at damage, described by tapereader_damage() (the next call goes on behind it: a block
 * whose hash or place alone is wrong is then delivered, as is a segment without its header);
 * -ENOMEM, or an errno of read. */
int tapereader_next(struct tapereader *r, struct tape_block *ret_block);

/* The damage last met. */
const struct tapereader_damage *tapereader_damage(const struct tapereader *r);

/* The header of the segment being read; zeroed when it was damaged. */
const struct tape_header *tapereader_header(const struct tapereader *r);

/* Where the reader stands after the last sound block: for the writer, which goes on there. */
const struct tape_position *tapereader_position(const struct tapereader *r);
uint64_t tapereader_offset(const struct tapereader *r); /* in the file of this segment, bytes */

/* Bytes of this segment's file, and of all segments from the first read to this one. */
uint64_t tapereader_size(const struct tapereader *r);
uint64_t tapereader_total(const struct tapereader *r);

/* The offset in the file of the block last delivered. */
uint64_t tapereader_block_offset(const struct tapereader *r);

/* The number of the newest segment in `dir`: returns 0, -ENOENT, or an errno of the directory. */
int tapereader_newest(const char *dir, uint32_t *ret_segment);

/* Whether the tape in `dir` ends with its seal, from the newest segment's last bytes alone, however
 * long the tape is. The seal's checksums and its counts of records and segments are checked, the
 * chain is not followed. Returns 0, or what tapereader_open() and read say. */
int tapereader_is_sealed(const char *dir, bool *ret_sealed);

/* Finds the one byte whose change explains the damage last met, proving it by the block's hash.
 * Returns 0 with the byte's offset in the file and the value it had, -ENOENT when there is none
 * (more than one byte is bad), or an errno. Slow; for reports. */
int tapereader_locate(struct tapereader *r, uint64_t *ret_offset, uint8_t *ret_value);

#endif
