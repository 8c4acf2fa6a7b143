/* One hearing's way from the ring onto the tape: copies what the media core put into the ring, and
 * journal lines, makes it durable about every 250 ms, and only then lets the ring overwrite it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_INTAKE_H
#define RECORDER_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/control.h"
#include "recorder/tape.h"

/* How long a record waits for its flush. Ours: at most this is lost when the whole machine stops.
 */
#define INTAKE_FLUSH_US 250000u
/* A tape without traffic gets an empty block this often: it proves that the disk still takes it. */
#define INTAKE_IDLE_US 1000000u
/* After a failed flush the next try comes this much later. */
#define INTAKE_RETRY_US 500000u

struct intake;

/* Opens the tape of `hearing` under `records_dir`, with the ring at `ring_fd` (borrowed), a new one
 * if it is -1 and `make_ring`, or none. One thread. Returns 0, -EALREADY when the tape is sealed,
 * or what tapewriter_open, ring_create and ring_attach say. */
int intake_open(const char *records_dir, uint64_t hearing, int ring_fd, bool make_ring,
                const struct tape_time *now, struct intake **ret_intake);

/* What is not durable stays in the ring. Accepts NULL. */
void intake_close(struct intake *in);
DEFINE_CLEANUP(struct intake, intake_close)

uint64_t intake_hearing(const struct intake *in);

/* The ring's descriptor to be passed on, or -1. Borrowed. */
int intake_ring_fd(const struct intake *in);

/* Gives a tape that has none a ring. Returns 0 or what ring_create says. */
int intake_make_ring(struct intake *in, const struct tape_time *now);

/* Adds a journal line; one whose number is on the tape already is not added again. It is durable
 * when tapewriter_durable()'s next_index has passed `*ret_index` (0: it was there before). Returns
 * 0, -ERANGE when a line before it is missing (so that one not taken leaves no hole: whoever says
 * them begins again), -ENOBUFS while the disk does not take what waits, -EMSGSIZE over
 * LIMIT_NOTE_BYTES, or -EROFS when the tape is being sealed. */
int intake_note(struct intake *in, uint64_t wall_us, const void *text, size_t len,
                const struct tape_time *now, uint64_t *ret_index);

/* From now on: take what is in the ring, then seal. Repeatable. */
void intake_seal(struct intake *in);

/* Moves what the ring holds into the block and flushes when it is time. Call at least every 50 ms.
 * What cannot be taken stays in the ring and is tried again; what never can (nonsense, a record too
 * long) is told on the tape by a TAPE_GAP. Errors are told by intake_mark(). */
void intake_step(struct intake *in, const struct tape_time *now);

/* As intake_step(), and flushes what waits although it is not time: an orderly end. */
void intake_flush(struct intake *in, const struct tape_time *now);

/* Everything up to the seal is on disk. */
bool intake_is_sealed(const struct intake *in);

/* What is durable now. */
void intake_mark(const struct intake *in, struct control_tape_mark *ret_mark);

/* Since this intake was opened; adds to `totals`. */
struct intake_totals {
    uint64_t bytes;
    uint64_t records;
    uint64_t errors;
    uint64_t sync_us; /* the longest of the last flushes */
};
void intake_count(const struct intake *in, struct intake_totals *totals);

#endif
