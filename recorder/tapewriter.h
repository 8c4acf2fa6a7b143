/* Appends to a hearing's tape so that what is called durable is on the disk, and goes on after a
 * crash behind the last whole block. It knows nothing of what it stores but the ring's indexes and
 * the journal's numbers, by which nothing is stored twice. SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_TAPEWRITER_H
#define RECORDER_TAPEWRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "recorder/tape.h"

struct tapewriter;

/* Opens or makes the directory `dir` and the tape in it. After a crash a torn block is cut off and
 * writing continues in the same segment (or a new one, if the machine was restarted or the segment
 * is damaged in its middle: then nothing is cut). Other than a sealed tape it begins with a
 * TAPE_RESUME record. The tape is locked against a second writer. One thread; blocks on the disk.
 * Returns 0, -EBUSY when locked, -EINVAL when the tape is another hearing's, -ENOMEM, or an errno
 * of the file system. */
int tapewriter_open(const char *dir, uint64_t hearing, const struct tape_time *now,
                    struct tapewriter **ret_writer);

/* Segments end at so many bytes (TAPE_SEGMENT_BYTES if never set): for tests. */
void tapewriter_set_segment_bytes(struct tapewriter *w, uint64_t bytes);

/* Does not write what is not yet durable. Accepts NULL. */
void tapewriter_close(struct tapewriter *w);
DEFINE_CLEANUP(struct tapewriter, tapewriter_close)

/* Adds a record (index and head from `record`, then `body`) to the block being filled;
 * record->index is given by the writer. Returns 0, -ENOBUFS when the block is full: flush first;
 * -EMSGSIZE over LIMIT_TAPE_RECORD_BYTES, -EROFS on a sealed tape. */
int tapewriter_append(struct tapewriter *w, const struct tape_record *record, const void *body,
                      size_t body_len);

/* Writes the block (an empty one too: it proves the disk) and waits until the disk has it. On an
 * error nothing is lost: the block stays and the next flush tries again, after adding what came
 * since. Returns 0 or an errno of write or fdatasync. */
int tapewriter_flush(struct tapewriter *w, const struct tape_time *now);

/* Writes the final record and flushes; repeat it after an error. Afterwards the tape is sealed. */
int tapewriter_seal(struct tapewriter *w, const struct tape_time *now);

/* What is on disk; and what will be with the block being filled. Borrowed. */
const struct tape_position *tapewriter_durable(const struct tapewriter *w);
const struct tape_position *tapewriter_pending(const struct tapewriter *w);

/* Whether records wait for a flush; how many bytes of them. */
size_t tapewriter_waiting(const struct tapewriter *w);

uint64_t tapewriter_bytes(const struct tapewriter *w);   /* durable, of all segments */
uint64_t tapewriter_sync_us(const struct tapewriter *w); /* duration of the last flush */

#endif
