/* The figures of everybody's connection in one hearing: a file of JSON lines beside its journal,
 * which only grows, and whose bytes a line of the journal vouches for (docs/journal.md). They are
 * too many for the journal itself: each line of that waits for the disk and goes onto the tape.
 *
 * One thread, one process. A line is in the hands of the system when evidence_append() returns, and
 * on disk after evidence_keep().
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_EVIDENCE_H
#define SIGNALING_EVIDENCE_H

#include "common/cleanup.h"
#include "signaling/digest.h"
#include "signaling/terms.h"

/* Characters of a file's name with the final NUL. */
#define EVIDENCE_NAME (TERMS_ID_TEXT + sizeof(".connections.jsonl"))

/* The longest line, bytes without its newline. Ours: a person of the longest name, every byte of it
 * escaped. */
#define EVIDENCE_LINE_MAX 1024

struct evidence;

/* The name of this hearing's file in `<data_dir>/journals`. Returns `name`. */
const char *evidence_name(uint64_t hearing, char name[static EVIDENCE_NAME]);

/* Opens (makes, at first) the file, whose directory is there since the hearing has a journal. What
 * a crash left unfinished at its end is cut off. -ENOMEM or what the system says. */
int evidence_open(const char *data_dir, uint64_t hearing, struct evidence **ret_evidence);
void evidence_close(struct evidence *evidence);
DEFINE_CLEANUP(struct evidence, evidence_close)

/* Appends a line; `text` is without newline. -EFBIG when LIMIT_EVIDENCE_BYTES would be passed,
 * -EINVAL for an empty or too long line, or what the system says: then nothing was appended. */
int evidence_append(struct evidence *evidence, const char *text, size_t len);

/* Bytes of whole lines. */
uint64_t evidence_bytes(const struct evidence *evidence);

/* Waits until all of it is on disk (fdatasync), and gives the SHA-256 of it. */
int evidence_keep(struct evidence *evidence, uint8_t ret_sha256[static DIGEST_LEN]);

/* The last whole lines of it, with their newlines: at most `capacity` bytes to `buffer`. */
int evidence_tail(const struct evidence *evidence, char *buffer, size_t capacity, size_t *ret_len);

#endif
