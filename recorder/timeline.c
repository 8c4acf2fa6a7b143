/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "common/ring.h"
#include "recorder/clockmap.h"

/* Tracks are numbered by the media core; a number beyond is not believed. */
#define TRACKS_MAX 65536
/* Kernels that a hearing may have lived under. Ours: a machine that restarts more often in one
 * hearing is not fit for recording; later ones take the last one's offset. */
#define BOOTS_MAX 64
/* Picture and sound of one person are moved against each other by at most this. Ours: more means
 * that their sender reports are not of one clock. */
#define LIPSYNC_MAX_US 1000000
/* What a packet without a follower still lasts: one audio packet, about one frame. */
#define TAIL_US 20000
/* Of a sender's reports within such a time one is kept. Ours: browsers send one a second. */
#define REPORT_EVERY_US 100000

/* A sender report: the sender's wall clock against a track's. */
struct report {
    int64_t seq; /* the newest packet before it */
    int64_t rtp_ticks;
    int64_t sender_us;
};

struct leg {
    struct timeline_leg public;
    struct packet_counters counters;
    struct clockmap clock;
    struct report *reports;
    size_t report_count, report_capacity;
    int64_t reported_us; /* when the newest came */
    int64_t first_seq, seen;
    int64_t shift_us; /* for lip sync */
};

struct boot {
    uint8_t id[TAPE_BOOT_LEN];
    int64_t wall_less_monotonic_us;
};

struct timeline {
    uint64_t hearing;
    struct leg *legs;
    size_t leg_count, leg_capacity;
    struct boot boots[BOOTS_MAX];
    size_t boot_count;
    struct timeline_faults faults;
    int64_t first_us;        /* in the first boot's monotonic time */
    int64_t first_packet_us; /* INT64_MAX: none */
    int64_t zero_us;
};

struct timeline_cursor {
    size_t next_leg;          /* legs are met in one order by every reading */
    const struct timeline *t; /* NULL in the first reading */
    size_t leg_of[TRACKS_MAX];
};

void timeline_free(struct timeline *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->leg_count; i++) {
        clockmap_finish(&t->legs[i].clock);
        free(t->legs[i].reports);
    }
    free(t->legs);
    free(t);
}

uint64_t timeline_hearing(const struct timeline *t)
{
    return t->hearing;
}

size_t timeline_leg_count(const struct timeline *t)
{
    return t->leg_count;
}

const struct timeline_leg *timeline_leg(const struct timeline *t, size_t leg)
{
    return &t->legs[leg].public;
}

struct timeline_faults timeline_faults(const struct timeline *t)
{
    return t->faults;
}

int64_t timeline_since_zero(const struct timeline *t, int64_t at_us)
{
    return at_us - t->zero_us;
}

uint64_t timeline_zero_wall_us(const struct timeline *t)
{
    int64_t offset_us = t->boot_count > 0 ? t->boots[0].wall_less_monotonic_us : 0;
    return (uint64_t)(t->zero_us + offset_us);
}

/* Monotonic time of the segment's boot, in the first boot's. Within one boot the two clocks' first
 * distance holds: a wall clock that is set later moves nothing. */
static int64_t absolute_us(const struct timeline *t, const struct tape_header *header,
                           uint64_t time_us)
{
    for (size_t i = 0; i < t->boot_count; i++) {
        if (memcmp(t->boots[i].id, header->boot_id, TAPE_BOOT_LEN) == 0)
            return (int64_t)time_us + t->boots[i].wall_less_monotonic_us -
                   t->boots[0].wall_less_monotonic_us;
    }
    return (int64_t)time_us;
}

int64_t timeline_record_us(const struct timeline *t, const struct tape_header *header,
                           const struct tape_record *record)
{
    return absolute_us(t, header, record->time_us) - t->zero_us;
}

static void learn_boot(struct timeline *t, const struct tape_header *header)
{
    if (header->hearing == 0)
        return; /* a damaged header */
    t->hearing = header->hearing;
    for (size_t i = 0; i < t->boot_count; i++) {
        if (memcmp(t->boots[i].id, header->boot_id, TAPE_BOOT_LEN) == 0)
            return;
    }
    if (t->boot_count == BOOTS_MAX)
        return;
    struct boot *boot = &t->boots[t->boot_count++];
    memcpy(boot->id, header->boot_id, TAPE_BOOT_LEN);
    boot->wall_less_monotonic_us =
        (int64_t)(header->started.wall_us - header->started.monotonic_us);
}

static void forget_tracks(struct timeline_cursor *c)
{
    for (size_t i = 0; i < TRACKS_MAX; i++)
        c->leg_of[i] = TIMELINE_NO_LEG;
}

int timeline_cursor_create(const struct timeline *t, struct timeline_cursor **ret_cursor)
{
    struct timeline_cursor *c = malloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->next_leg = 0;
    c->t = t;
    forget_tracks(c);
    *ret_cursor = c;
    return 0;
}

void timeline_cursor_free(struct timeline_cursor *c)
{
    free(c);
}

/* Decodes RING_TRACK. */
static bool read_track(const struct tape_record *record, struct timeline_leg *ret_leg)
{
    struct reader r = reader_over(record->data, record->len);
    struct timeline_leg leg = {.peer = reader_u64(&r), .stream = reader_u64(&r)};
    leg.kind = reader_u8(&r);
    leg.source = reader_u8(&r);
    leg.codec = reader_u8(&r);
    (void)reader_u8(&r); /* payload type */
    leg.clock_rate = reader_u32(&r);
    leg.ssrc = reader_u32(&r);
    if (r.failed || leg.clock_rate == 0 || leg.clock_rate > 1000000 || record->track >= TRACKS_MAX)
        return false;
    *ret_leg = leg;
    return true;
}

static bool is_same_track(const struct timeline_leg *a, const struct timeline_leg *b)
{
    return a->peer == b->peer && a->stream == b->stream && a->ssrc == b->ssrc &&
           a->codec == b->codec && a->clock_rate == b->clock_rate && a->source == b->source;
}

size_t timeline_cursor_leg(struct timeline_cursor *c, const struct tape_record *record)
{
    if (record->kind == RING_PRODUCER) {
        forget_tracks(c);
        return TIMELINE_NO_LEG;
    }
    struct timeline_leg leg;
    if (record->kind == RING_TRACK && read_track(record, &leg)) {
        size_t known = c->leg_of[record->track];
        if (known == TIMELINE_NO_LEG || !is_same_track(&leg, &c->t->legs[known].public))
            c->leg_of[record->track] = c->next_leg++;
    }
    size_t found = record->track < TRACKS_MAX ? c->leg_of[record->track] : TIMELINE_NO_LEG;
    return found != TIMELINE_NO_LEG && found < c->t->leg_count ? found : TIMELINE_NO_LEG;
}

/* In the first reading legs are made as the cursor meets them. */
static int add_leg(struct timeline *t, const struct tape_record *record)
{
    struct timeline_leg leg;
    if (!read_track(record, &leg))
        return 0;
    if (t->leg_count == LIMIT_TIMELINE_LEGS) {
        t->faults.tracks_left_out++; /* whoever floods the tape takes nothing from those before */
        return 0;
    }
    if (t->leg_count == t->leg_capacity) {
        size_t more = t->leg_capacity ? 2 * t->leg_capacity : 16;
        struct leg *grown = reallocarray(t->legs, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        t->legs = grown;
        t->leg_capacity = more;
    }
    t->legs[t->leg_count] = (struct leg){.public = leg};
    t->leg_count++;
    return 0;
}

static int64_t media_us(const struct leg *leg, int64_t rtp_ticks)
{
    return rtp_ticks * 1000000 / leg->public.clock_rate;
}

bool timeline_is_packet(const struct timeline *t, size_t leg, const struct tape_record *record,
                        struct packet *ret_packet)
{
    return leg != TIMELINE_NO_LEG &&
           (record->kind == RING_RTP || record->kind == RING_RTP_REPAIRED) &&
           packet_parse(record->data, record->len, ret_packet) == 0 &&
           ret_packet->ssrc == t->legs[leg].public.ssrc;
}

static int read_rtp(struct timeline *t, size_t index, const struct tape_record *record,
                    int64_t at_us)
{
    struct packet packet;
    if (!timeline_is_packet(t, index, record, &packet))
        return 0;
    struct leg *leg = &t->legs[index];
    if (at_us < t->first_packet_us)
        t->first_packet_us = at_us;
    bool first = !leg->counters.started;
    int64_t seq, ticks;
    packet_unwrap(&leg->counters, &packet, at_us, &seq, &ticks);
    if (first) {
        leg->first_seq = seq;
        leg->public.first_us = at_us;
    }
    leg->first_seq = seq < leg->first_seq ? seq : leg->first_seq;
    leg->seen++;
    leg->public.last_us = at_us > leg->public.last_us ? at_us : leg->public.last_us;
    /* A repair says when it was asked for, not when its packet was sent. */
    if (record->kind == RING_RTP_REPAIRED && leg->clock.count > 0)
        return 0;
    return clockmap_add(&leg->clock, seq, media_us(leg, ticks), at_us);
}

static int read_report(struct leg *leg, const struct tape_record *record, int64_t at_us)
{
    struct reader r = reader_over(record->data, record->len);
    uint32_t ssrc = reader_u32(&r);
    uint64_t ntp = reader_u64(&r);
    uint32_t ticks = reader_u32(&r);
    if (r.failed || ssrc != leg->public.ssrc || !leg->counters.started || ntp == 0 ||
        (leg->report_count > 0 && at_us < leg->reported_us + REPORT_EVERY_US))
        return 0;
    if (leg->report_count == leg->report_capacity) {
        size_t more = leg->report_capacity ? 2 * leg->report_capacity : 16;
        struct report *grown = reallocarray(leg->reports, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        leg->reports = grown;
        leg->report_capacity = more;
    }
    /* RFC 3550 section 4: seconds and their 2^32th parts. */
    int64_t sender_us =
        (int64_t)(ntp >> 32) * 1000000 + (int64_t)(((ntp & 0xffffffff) * 1000000) >> 32);
    leg->reports[leg->report_count++] = (struct report){
        .seq = leg->counters.seq,
        .rtp_ticks = packet_unwrap_ticks(&leg->counters, ticks),
        .sender_us = sender_us,
    };
    leg->reported_us = at_us;
    leg->public.reports = leg->report_count;
    return 0;
}

/* Where the record says the note was made, by its wall time when that is believable. */
static int64_t note_us(const struct timeline *t, int64_t at_us, uint64_t wall_us)
{
    int64_t made_us = (int64_t)wall_us - t->boots[0].wall_less_monotonic_us;
    /* It may have waited for the writer; it cannot come from the future. */
    return made_us < at_us && made_us > at_us - 60000000 ? made_us : at_us;
}

struct reading {
    struct timeline *t;
    struct timeline_cursor *cursor;
    timeline_note_fn *on_note;
    void *context;
};

static int read_record(struct reading *reading, const struct tape_header *header,
                       const struct tape_record *record)
{
    struct timeline *t = reading->t;
    int64_t at_us = absolute_us(t, header, record->time_us);
    if (t->first_us == INT64_MAX)
        t->first_us = at_us;
    size_t next = reading->cursor->next_leg;
    size_t index = timeline_cursor_leg(reading->cursor, record);
    if (reading->cursor->next_leg > next) {
        int error = add_leg(t, record);
        if (error)
            return error;
        index = next < t->leg_count ? next : TIMELINE_NO_LEG;
    }
    struct reader r = reader_over(record->data, record->len);
    uint64_t first = reader_u64(&r);
    switch (record->kind) {
    case RING_RTP:
    case RING_RTP_REPAIRED:
        return read_rtp(t, index, record, at_us);
    case RING_SENDER_REPORT:
        return index == TIMELINE_NO_LEG ? 0 : read_report(&t->legs[index], record, at_us);
    case RING_OVERRUN:
        t->faults.overrun_packets += first;
        return 0;
    case TAPE_GAP:
        t->faults.ring_gaps++;
        return 0;
    case TAPE_NOTE:
        if (!r.failed && reading->on_note)
            reading->on_note(reading->context, note_us(t, at_us, first), (const char *)r.pos,
                             reader_left(&r));
        return 0;
    default:
        return 0;
    }
}

static int compare_us(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* How far a leg's arrival lies behind its sender's clock: the median over its reports. Returns 1,
 * 0 when there are none, or -ENOMEM. */
static int sender_offset(const struct leg *leg, int64_t *ret_us)
{
    if (leg->report_count == 0)
        return 0;
    int64_t *offsets = reallocarray(NULL, leg->report_count, sizeof(*offsets));
    if (!offsets)
        return -ENOMEM;
    for (size_t i = 0; i < leg->report_count; i++) {
        const struct report *report = &leg->reports[i];
        offsets[i] = clockmap_place(&leg->clock, report->seq, media_us(leg, report->rtp_ticks)) -
                     report->sender_us;
    }
    qsort(offsets, leg->report_count, sizeof(*offsets), compare_us);
    *ret_us = offsets[leg->report_count / 2];
    free(offsets);
    return 1;
}

/* Sound arrives first; a person's picture is moved to it by what their sender reports say of the
 * one clock behind both. */
static int sync_lips(struct timeline *t)
{
    for (size_t v = 0; v < t->leg_count; v++) {
        struct leg *video = &t->legs[v];
        int64_t video_us = 0;
        int told = video->public.kind == CONTROL_VIDEO ? sender_offset(video, &video_us) : 0;
        if (told < 0)
            return told;
        if (told == 0)
            continue;
        for (size_t a = 0; a < t->leg_count; a++) {
            const struct leg *audio = &t->legs[a];
            int64_t audio_us = 0;
            if (audio->public.kind != CONTROL_AUDIO || audio->public.peer != video->public.peer ||
                audio->public.last_us < video->public.first_us ||
                audio->public.first_us > video->public.last_us)
                continue;
            told = sender_offset(audio, &audio_us);
            if (told < 0)
                return told;
            if (told == 0 || llabs(audio_us - video_us) > LIPSYNC_MAX_US)
                continue;
            video->shift_us = audio_us - video_us;
            break;
        }
    }
    return 0;
}

/* After the whole tape: clocks made smooth, times of the legs as places. */
static int conclude(struct timeline *t)
{
    for (size_t i = 0; i < t->leg_count; i++) {
        struct leg *leg = &t->legs[i];
        int error = clockmap_smooth(&leg->clock);
        if (error)
            return error;
        if (!leg->counters.started)
            continue;
        int64_t span = leg->counters.seq - leg->first_seq + 1;
        leg->public.packets = (uint64_t)(leg->seen < span ? leg->seen : span);
        leg->public.lost = (uint64_t)span - leg->public.packets;
        /* Where the newest packet belongs: the last to arrive may be a late repair. */
        leg->public.last_us =
            clockmap_place(&leg->clock, leg->counters.seq, media_us(leg, leg->counters.rtp_ticks)) +
            TAIL_US;
    }
    return sync_lips(t);
}

int timeline_read(const char *dir, timeline_note_fn *on_note, void *context,
                  struct timeline **ret_timeline)
{
    CLEANUP(timeline_free) struct timeline *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->first_us = INT64_MAX;
    t->first_packet_us = INT64_MAX;
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    int error = tapereader_open(dir, 0, &r);
    if (error)
        return error;
    CLEANUP(timeline_cursor_free) struct timeline_cursor *cursor = NULL;
    error = timeline_cursor_create(t, &cursor);
    if (error)
        return error;
    struct reading reading = {t, cursor, on_note, context};
    struct tape_block block;
    int more;
    while ((more = tapereader_next(r, &block)) != 0) {
        if (more == -EBADMSG) {
            t->faults.damages++;
            continue;
        }
        if (more < 0)
            return more;
        learn_boot(t, tapereader_header(r));
        struct reader left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (!error && tape_record_decode(&left, &record) == 1)
            error = read_record(&reading, tapereader_header(r), &record);
        if (error)
            return error;
        if (on_note)
            on_note(context, 0, NULL, 0);
    }
    t->faults.bytes = tapereader_total(r);
    t->faults.sealed = tapereader_position(r)->sealed;
    error = conclude(t);
    if (error)
        return error;
    t->zero_us = t->first_us == INT64_MAX ? 0 : t->first_us;
    *ret_timeline = STEAL(t);
    return 0;
}

void timeline_set_zero(struct timeline *t, int64_t at_us)
{
    if (t->first_packet_us < at_us)
        at_us = t->first_packet_us;
    int64_t change_us = at_us; /* legs' times are still absolute */
    t->zero_us = at_us;
    for (size_t i = 0; i < t->leg_count; i++) {
        t->legs[i].public.first_us -= change_us;
        t->legs[i].public.last_us -= change_us;
    }
}

int64_t timeline_place(const struct timeline *t, size_t leg, int64_t seq, int64_t rtp_ticks)
{
    const struct leg *l = &t->legs[leg];
    return clockmap_place(&l->clock, seq, media_us(l, rtp_ticks)) + l->shift_us - t->zero_us;
}
