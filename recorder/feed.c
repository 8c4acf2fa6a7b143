/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ring.h"
#include "recorder/depay.h"
#include "recorder/reorder.h"

/* A frame is given once the tape is read this far past its time: nothing earlier can come any more.
 * Ours: the wait for repairs, and as much again for queues in the network. */
#define HOLD_US 10000000
/* How often tracks are looked at for packets to be given up, by the tape's clock. */
#define SWEEP_US 200000

struct track {
    struct packet_counters counters;
    struct reorder reorder;
    struct depay depay;
    int64_t last_pts_us;
    int64_t taken_seq; /* of the newest packet taken; INT64_MIN: none yet */
    bool hole;         /* numbers are missing since the newest frame */
};

/* A frame on the heap, the earliest on top. */
struct entry {
    struct feed_frame frame;
    uint64_t number; /* keeps what has one time in the order it came */
};

struct feed {
    const struct timeline *t;
    struct tapereader *reader;
    struct timeline_cursor *cursor;
    struct absence *absence;
    struct track *tracks; /* one per leg */
    struct entry *heap;
    size_t count, capacity;
    uint64_t next_number;
    int64_t now_us; /* of the tape */
    int64_t swept_us;
    bool damaged; /* something was passed over since now_us */
    bool at_end;
    bool ungot;
    struct feed_frame given;
};

int feed_open(const char *dir, const struct timeline *t, struct feed **ret_feed)
{
    CLEANUP(feed_close) struct feed *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->t = t;
    f->now_us = INT64_MIN;
    f->swept_us = INT64_MIN;
    size_t legs = timeline_leg_count(t);
    f->tracks = calloc(legs > 0 ? legs : 1, sizeof(*f->tracks));
    if (!f->tracks)
        return -ENOMEM;
    for (size_t i = 0; i < legs; i++) {
        depay_init(&f->tracks[i].depay, timeline_leg(t, i)->codec);
        f->tracks[i].last_pts_us = INT64_MIN;
        f->tracks[i].taken_seq = INT64_MIN;
    }
    int error = timeline_cursor_create(t, &f->cursor);
    if (!error)
        error = absence_create(t, &f->absence);
    if (!error)
        error = tapereader_open(dir, 0, &f->reader);
    if (error)
        return error;
    *ret_feed = STEAL(f);
    return 0;
}

void feed_close(struct feed *f)
{
    if (!f)
        return;
    for (size_t i = 0; f->tracks && i < timeline_leg_count(f->t); i++) {
        reorder_finish(&f->tracks[i].reorder);
        depay_finish(&f->tracks[i].depay);
    }
    for (size_t i = 0; i < f->count; i++)
        free(f->heap[i].frame.data);
    free(f->heap);
    free(f->given.data);
    free(f->tracks);
    absence_free(f->absence);
    timeline_cursor_free(f->cursor);
    tapereader_close(f->reader);
    free(f);
}

unsigned feed_permille(const struct feed *f)
{
    uint64_t whole = timeline_faults(f->t).bytes;
    uint64_t read =
        tapereader_total(f->reader) - tapereader_size(f->reader) + tapereader_offset(f->reader);
    return whole > 0 && read < whole ? (unsigned)(read * 1000 / whole) : 1000;
}

static bool is_before(const struct entry *a, const struct entry *b)
{
    return a->frame.pts_us != b->frame.pts_us ? a->frame.pts_us < b->frame.pts_us
                                              : a->number < b->number;
}

static void swap(struct entry *a, struct entry *b)
{
    struct entry c = *a;
    *a = *b;
    *b = c;
}

static int push(struct feed *f, const struct feed_frame *frame)
{
    if (f->count == f->capacity) {
        size_t more = f->capacity ? 2 * f->capacity : 256;
        struct entry *grown = reallocarray(f->heap, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        f->heap = grown;
        f->capacity = more;
    }
    size_t i = f->count++;
    f->heap[i] = (struct entry){*frame, f->next_number++};
    for (; i > 0 && is_before(&f->heap[i], &f->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&f->heap[i], &f->heap[(i - 1) / 2]);
    return 0;
}

static struct feed_frame pop(struct feed *f)
{
    struct feed_frame top = f->heap[0].frame;
    f->heap[0] = f->heap[--f->count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < f->count; child++) {
            if (is_before(&f->heap[child], &f->heap[least]))
                least = child;
        }
        if (least == i)
            return top;
        swap(&f->heap[i], &f->heap[least]);
        i = least;
    }
}

/* Puts a frame in its place in time. */
static int place(struct feed *f, size_t leg, const struct depay_frame *whole)
{
    struct track *track = &f->tracks[leg];
    int64_t pts_us = timeline_place(f->t, leg, whole->seq, whole->rtp_ticks);
    if (pts_us <= track->last_pts_us)
        pts_us = track->last_pts_us + 1000; /* a clock's correction never turns time back */
    track->last_pts_us = pts_us;
    struct feed_frame frame = {.leg = leg,
                               .pts_us = pts_us,
                               .key = whole->key,
                               .after_loss = track->hole,
                               .len = whole->len};
    track->hole = false;
    frame.data = malloc(whole->len > 0 ? whole->len : 1);
    if (!frame.data)
        return -ENOMEM;
    memcpy(frame.data, whole->data, whole->len);
    int error = push(f, &frame);
    if (error)
        free(frame.data);
    return error;
}

/* Takes from a track what is in order or given up. */
static int advance(struct feed *f, size_t leg, int64_t now_us)
{
    struct track *track = &f->tracks[leg];
    struct reorder_packet next;
    int error = 0;
    while (!error && reorder_take(&track->reorder, now_us, &next)) {
        struct packet packet;
        struct depay_frame whole;
        if (track->taken_seq != INT64_MIN && next.seq != track->taken_seq + 1)
            track->hole = true;
        track->taken_seq = next.seq;
        if (packet_parse(next.data, next.len, &packet) == 0) {
            int more = depay_push(&track->depay, &packet, next.seq, next.rtp_ticks, &whole);
            error = more == 1 ? place(f, leg, &whole) : more;
        }
        free(next.data);
    }
    return error;
}

const struct absence *feed_absence(const struct feed *f)
{
    return f->absence;
}

/* The tape goes on at `at_us`: behind damage, what lies between is lost. */
static int pass_time(struct feed *f, int64_t at_us)
{
    int error =
        f->damaged && f->now_us != INT64_MIN ? absence_fault(f->absence, f->now_us, at_us) : 0;
    f->damaged = false;
    f->now_us = at_us > f->now_us ? at_us : f->now_us;
    return error;
}

static int take_record(struct feed *f, const struct tape_record *record)
{
    int64_t at_us = timeline_record_us(f->t, tapereader_header(f->reader), record);
    int64_t before_us = f->now_us != INT64_MIN ? f->now_us : at_us;
    int error = pass_time(f, at_us);
    size_t leg = timeline_cursor_leg(f->cursor, record);
    if (!error)
        error = absence_take(f->absence, leg, record, before_us, at_us);
    struct packet packet;
    if (error || !timeline_is_packet(f->t, leg, record, &packet))
        return error;
    struct track *track = &f->tracks[leg];
    int64_t seq, ticks;
    packet_unwrap(&track->counters, &packet, at_us, &seq, &ticks);
    error = reorder_put(&track->reorder, seq, ticks, at_us, record->data, record->len);
    return error ? error : advance(f, leg, at_us);
}

/* Gives up what is missing in tracks that went quiet. */
static int sweep(struct feed *f, int64_t now_us)
{
    f->swept_us = now_us;
    int error = 0;
    for (size_t leg = 0; !error && leg < timeline_leg_count(f->t); leg++)
        error = advance(f, leg, now_us);
    return error;
}

/* Reads one block of the tape. */
static int read_block(struct feed *f)
{
    struct tape_block block;
    int more = tapereader_next(f->reader, &block);
    if (more == -EBADMSG) { /* counted by the timeline */
        f->damaged = true;
        return 0;
    }
    if (more < 0)
        return more;
    if (more == 0) {
        f->at_end = true;
        return sweep(f, INT64_MAX);
    }
    struct reader left = reader_over(block.records, block.records_len);
    struct tape_record record;
    int error = 0;
    while (!error && tape_record_decode(&left, &record) == 1)
        error = take_record(f, &record);
    if (!error && f->now_us > f->swept_us + SWEEP_US)
        error = sweep(f, f->now_us);
    return error;
}

int feed_next(struct feed *f, struct feed_frame *ret_frame)
{
    if (f->ungot) {
        f->ungot = false;
        *ret_frame = f->given;
        return 1;
    }
    while (!f->at_end && (f->count == 0 || f->heap[0].frame.pts_us > f->now_us - HOLD_US)) {
        int error = read_block(f);
        if (error)
            return error;
    }
    if (f->count == 0)
        return 0;
    free(f->given.data);
    f->given = pop(f);
    *ret_frame = f->given;
    return 1;
}

void feed_unget(struct feed *f)
{
    f->ungot = true;
}
