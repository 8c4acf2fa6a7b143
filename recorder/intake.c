/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/ring.h"
#include "recorder/tapewriter.h"

/* A block that has less room than this is flushed before anything more is read. */
#define ROOM_NEEDED (LIMIT_TAPE_RECORD_BYTES + TAPE_RECORD_EXTRA)

struct intake {
    uint64_t hearing;
    struct tapewriter *writer;
    struct ring *ring; /* NULL: the tape has none (yet) */
    bool sealing;
    bool holding; /* `held` is read from the ring and not on the tape yet */
    struct ring_record held;
    uint64_t given_up_len;  /* bytes of the ring that were no packets and are not told yet */
    uint64_t checked_us;    /* as in struct control_tape_mark */
    uint64_t drained_us;    /* when the ring was last read empty; 0: it is not */
    uint64_t next_flush_us; /* with records waiting */
    uint64_t next_proof_us; /* without */
    int error;              /* of the last flush */
    int append_error;       /* of the last record taken */
    uint64_t errors;
    uint64_t bytes_before, records_before; /* of the tape when it was opened */
};

static int append_u64(struct intake *in, uint8_t kind, uint64_t value, const struct tape_time *now)
{
    uint8_t payload[8];
    struct writer w = writer_over(payload, sizeof(payload));
    writer_u64(&w, value);
    struct tape_record record = {
        .kind = kind,
        .time_us = now->monotonic_us,
        .data = payload,
        .len = sizeof(payload),
    };
    return tapewriter_append(in->writer, &record, NULL, 0);
}

/* A ring is known by its memory's inode: unique among the rings of one boot. Across boots no ring
 * lives on, and the tape's writer forgets the one it knew. */
static int ring_identity(const struct ring *ring, uint64_t *ret_id)
{
    struct stat status;
    if (fstat(ring_fd(ring), &status) < 0)
        return -errno;
    *ret_id = status.st_ino;
    return 0;
}

/* Tells the tape that another ring begins, unless it is the one it knows. */
static int adopt_ring(struct intake *in, const struct tape_time *now)
{
    uint64_t id = 0;
    int error = ring_identity(in->ring, &id);
    if (error)
        return error;
    if (tapewriter_pending(in->writer)->ring_id == id)
        return 0;
    return append_u64(in, TAPE_RING, id, now);
}

int intake_make_ring(struct intake *in, const struct tape_time *now)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    int error = ring_create(LIMIT_RING_BYTES, &ring);
    if (error)
        return error;
    in->ring = STEAL(ring);
    error = adopt_ring(in, now);
    if (error) {
        ring_destroy(in->ring);
        in->ring = NULL;
    }
    return error;
}

int intake_open(const char *records_dir, uint64_t hearing, int ring_fd, bool make_ring,
                const struct tape_time *now, struct intake **ret_intake)
{
    char dir[PATH_MAX];
    int len = snprintf(dir, sizeof(dir), "%s/%016" PRIx64, records_dir, hearing);
    if (len < 0 || (size_t)len >= sizeof(dir))
        return -ENAMETOOLONG;
    CLEANUP(intake_close) struct intake *in = calloc(1, sizeof(*in));
    if (!in)
        return -ENOMEM;
    in->hearing = hearing;
    int error = tapewriter_open(dir, hearing, now, &in->writer);
    if (error)
        return error;
    if (tapewriter_durable(in->writer)->sealed)
        return -EALREADY;
    in->bytes_before = tapewriter_bytes(in->writer);
    in->records_before = tapewriter_durable(in->writer)->next_index;
    if (ring_fd >= 0) {
        error = ring_attach(ring_fd, &in->ring);
        if (!error)
            error = adopt_ring(in, now);
    } else if (make_ring) {
        error = intake_make_ring(in, now);
    }
    if (error)
        return error;
    *ret_intake = STEAL(in);
    return 0;
}

void intake_close(struct intake *in)
{
    if (!in)
        return;
    ring_destroy(in->ring);
    tapewriter_close(in->writer);
    free(in);
}

uint64_t intake_hearing(const struct intake *in)
{
    return in->hearing;
}

int intake_ring_fd(const struct intake *in)
{
    return in->ring ? ring_fd(in->ring) : -1;
}

int intake_note(struct intake *in, uint64_t wall_us, const void *text, size_t len,
                const struct tape_time *now, uint64_t *ret_index)
{
    if (len > LIMIT_NOTE_BYTES)
        return -EMSGSIZE;
    const struct tape_position *pending = tapewriter_pending(in->writer);
    uint64_t seq = tape_note_seq(text, len);
    if (seq != 0 && seq <= pending->note_seq) {
        /* If it still waits for its flush it is durable when all that waits is. */
        bool is_durable = seq <= tapewriter_durable(in->writer)->note_seq;
        *ret_index = is_durable ? 0 : pending->next_index - 1;
        return 0;
    }
    if (in->sealing)
        return -EROFS;
    if (seq > pending->note_seq + 1)
        return -ERANGE;
    uint8_t head[8];
    struct writer w = writer_over(head, sizeof(head));
    writer_u64(&w, wall_us);
    struct tape_record record = {
        .kind = TAPE_NOTE,
        .time_us = now->monotonic_us,
        .data = head,
        .len = sizeof(head),
    };
    int error = tapewriter_append(in->writer, &record, text, len);
    if (error)
        return error;
    *ret_index = pending->next_index - 1;
    return 0;
}

void intake_seal(struct intake *in)
{
    in->sealing = true;
}

bool intake_is_sealed(const struct intake *in)
{
    return tapewriter_durable(in->writer)->sealed;
}

/* Puts the record held onto the tape, unless it is there already from before a restart. */
static int take(struct intake *in)
{
    const struct ring_record *record = &in->held;
    if (record->index <= tapewriter_pending(in->writer)->ring_index)
        return 0;
    if (record->len > LIMIT_TAPE_RECORD_BYTES) {
        log_error("hearing %016" PRIx64 ": a record of %zu bytes in the ring, leaving it out",
                  in->hearing, record->len);
        in->given_up_len += record->len;
        return 0;
    }
    struct tape_record copy = {
        .kind = (uint8_t)record->kind,
        .track = record->track,
        .ring_index = record->index,
        .time_us = record->arrived_us,
        .data = record->data,
        .len = record->len,
    };
    return tapewriter_append(in->writer, &copy, NULL, 0);
}

static bool has_room(const struct intake *in)
{
    return tapewriter_waiting(in->writer) + ROOM_NEEDED <= LIMIT_TAPE_BLOCK_BYTES;
}

/* The next step of the way from ring to tape; what fails is kept and tried again. Returns 1, 0 when
 * the ring is empty, -EBADMSG when it is damaged (it goes on at its head), or what the tape's
 * writer says. */
static int take_next(struct intake *in, const struct tape_time *now)
{
    int error = 0;
    if (in->given_up_len > 0) {
        error = append_u64(in, TAPE_GAP, in->given_up_len, now);
        in->given_up_len = error ? in->given_up_len : 0;
        return error ? error : 1;
    }
    if (!in->holding) {
        int more = ring_next(in->ring, &in->held);
        if (more == 0)
            return 0;
        in->holding = more == 1;
        if (more < 0) {
            in->given_up_len = ring_skip_to_head(in->ring);
            return more; /* the next step tells it: a ring that stays damaged fills no disk */
        }
    }
    error = take(in);
    in->holding = error != 0;
    return error ? error : 1;
}

/* Reads the ring until it is empty or the block full. */
static void drain(struct intake *in, const struct tape_time *now)
{
    in->drained_us = 0;
    int more = 1;
    while (more > 0 && has_room(in))
        more = take_next(in, now);
    if (more == 0)
        in->drained_us = now->monotonic_us;
    int error = more < 0 ? more : 0;
    if (error && !in->append_error)
        log_error("hearing %016" PRIx64 ": cannot take from the ring, trying again: %s",
                  in->hearing, log_errno(error));
    in->append_error = error;
}

static void flush(struct intake *in, const struct tape_time *now)
{
    bool seal = in->sealing && (!in->ring || in->drained_us != 0);
    int error = seal ? tapewriter_seal(in->writer, now) : tapewriter_flush(in->writer, now);
    in->next_flush_us = now->monotonic_us + (error ? INTAKE_RETRY_US : INTAKE_FLUSH_US);
    in->next_proof_us = now->monotonic_us + (error ? INTAKE_RETRY_US : INTAKE_IDLE_US);
    if (error && !in->error)
        log_error("hearing %016" PRIx64 ": the tape cannot be written, trying again: %s",
                  in->hearing, log_errno(error));
    if (!error && in->error)
        log_info("hearing %016" PRIx64 ": the tape is written again", in->hearing);
    in->errors += error != 0;
    in->error = error;
    /* Everything read from the ring so far was in this block, but for what waits to be taken. */
    if (!error && in->ring && !in->holding && in->given_up_len == 0)
        ring_release(in->ring);
}

void intake_step(struct intake *in, const struct tape_time *now)
{
    if (intake_is_sealed(in))
        return;
    if (!in->ring)
        in->drained_us = now->monotonic_us;
    else if (!tapewriter_pending(in->writer)->sealed)
        drain(in, now);
    bool waiting = tapewriter_waiting(in->writer) > 0;
    bool due = now->monotonic_us >= (waiting ? in->next_flush_us : in->next_proof_us);
    bool full = !has_room(in) && !in->error;
    if (due || full || (in->sealing && !in->error))
        flush(in, now);
    if (!in->error && tapewriter_waiting(in->writer) == 0 && in->drained_us != 0)
        in->checked_us = in->drained_us;
}

void intake_flush(struct intake *in, const struct tape_time *now)
{
    intake_step(in, now);
    if (!intake_is_sealed(in) && tapewriter_waiting(in->writer) > 0)
        flush(in, now);
}

void intake_mark(const struct intake *in, struct control_tape_mark *ret_mark)
{
    const struct tape_position *durable = tapewriter_durable(in->writer);
    *ret_mark = (struct control_tape_mark){
        .hearing = in->hearing,
        .checked_us = in->checked_us,
        .durable_index = durable->next_index - 1,
        .ring_index = durable->ring_index,
        .ring_dropped = in->ring ? ring_dropped(in->ring) : 0,
        .bytes = tapewriter_bytes(in->writer),
        .error = in->error ? in->error : in->append_error,
    };
}

void intake_count(const struct intake *in, struct intake_totals *totals)
{
    totals->bytes += tapewriter_bytes(in->writer) - in->bytes_before;
    totals->records += tapewriter_durable(in->writer)->next_index - in->records_before;
    totals->errors += in->errors;
    if (tapewriter_sync_us(in->writer) > totals->sync_us)
        totals->sync_us = tapewriter_sync_us(in->writer);
}
