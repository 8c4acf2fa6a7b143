/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "common/log.h"
#include "signaling/archive.h"
#include "signaling/effects.h"

/* A recorder that refused is asked again after this. */
#define RETRY_US 1000000ull

static struct control_message about(const struct live *live, enum control_type type)
{
    return (struct control_message){
        .type = type,
        .hearing = {.hearing = live->hearing->stored.id},
    };
}

static int ask_recorder(struct live *live, enum control_type type, int purpose)
{
    struct control_message message = about(live, type);
    const struct media_ticket ticket = {
        .purpose = purpose,
        .hearing = live->hearing->stored.id,
    };
    return media_ask(live->court->recorder, &message, -1, &ticket);
}

/* Takes the next step of the tape that can be taken now; the tick comes back to what cannot. */
static void step(struct live *live)
{
    if (live->tape_asked || live->court->now_us < live->tape_retry_us)
        return;
    bool is_closing = live->tape == LIVE_TAPE_CLOSING;
    bool is_opened_first = live->tape == LIVE_TAPE_WANTED || (is_closing && !live->sealed_before);
    if (is_opened_first && !live->tape_there)
        live->tape_asked = ask_recorder(live, CONTROL_TAPE_OPEN, COURT_TAPE_OPEN) == 0;
    else if (is_closing && (live->sealed_before || notes_are_sure(&live->notes, live->journal)))
        live->tape_asked = ask_recorder(live, CONTROL_TAPE_CLOSE, COURT_TAPE_CLOSE) == 0;
}

void record_open(struct live *live)
{
    live->opened_us = live->court->now_us;
    if (live->tape == LIVE_TAPE_NONE) {
        live->tape = LIVE_TAPE_WANTED;
        live->ring_counted = true;
    }
    step(live);
}

void record_close(struct live *live)
{
    struct control_message message = about(live, CONTROL_HEARING_CLOSE);
    const struct media_ticket ticket = {
        .purpose = COURT_MEDIA_CLOSE,
        .hearing = live->hearing->stored.id,
    };
    live->media_open = false;
    if (media_ask(live->court->sfu, &message, -1, &ticket) < 0)
        record_on_media_closed(live);
}

void record_on_media_closed(struct live *live)
{
    if (live->tape == LIVE_TAPE_NONE || live->tape == LIVE_TAPE_SEALED)
        return;
    live->tape = LIVE_TAPE_CLOSING;
    court_tell_lines(live);
    step(live);
    record_evaluate(live);
}

void record_on_connected(struct court *court)
{
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        live->tape_asked = live->tape_there = false;
        if (live->tape == LIVE_TAPE_OPEN)
            live->tape = LIVE_TAPE_WANTED;
        step(live);
    }
}

void record_on_lost(struct court *court)
{
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        live->tape_asked = live->tape_there = false;
        if (live->tape == LIVE_TAPE_OPEN)
            live->tape = LIVE_TAPE_WANTED;
        record_evaluate(live);
    }
}

/* A tape that takes lines takes all of them: those from before it was there, among them who is who,
 * and those from while the recorder was away. Of a sealed one nothing is left but to hear that. */
static void begin_lines(struct live *live, bool is_sealed)
{
    live->tape_there = true;
    notes_begin(&live->notes);
    if (is_sealed)
        notes_give_up(&live->notes);
    court_tell_lines(live);
    step(live);
}

void record_on_tape_ready(struct live *live, int status, int fd)
{
    live->tape_asked = false;
    bool is_closing = live->tape == LIVE_TAPE_CLOSING;
    if (live->tape != LIVE_TAPE_WANTED && !is_closing)
        return;
    if (is_closing && (status == 0 || status == -EALREADY)) {
        begin_lines(live, status < 0);
        return;
    }
    int ring_fd = status == 0 && fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (ring_fd < 0) {
        log_error("hearing %016" PRIx64 ": no tape, trying on: %s", live->hearing->stored.id,
                  log_errno(status < 0 ? status : -EBADF));
        live->mark.error = status;
        live->tape_retry_us = live->court->now_us + RETRY_US;
        return; /* the tick asks again */
    }
    if (live->ring_fd >= 0)
        (void)close(live->ring_fd); /* a duplicate */
    live->ring_fd = ring_fd;
    live->ring_taken = false;
    live->tape = LIVE_TAPE_OPEN;
    live->mark = (struct control_tape_mark){0};
    /* One that has no place in the media core is given it with the next who joins. */
    if (live->media_open || court_is_attended(live))
        effects_open_media(live);
    begin_lines(live, false);
}

void record_on_noted(struct live *live, uint64_t seq, int status)
{
    notes_answered(&live->notes, seq, status, live->court->now_us);
    court_tell_lines(live);
    step(live);
}

/* Ours: how soon a media core that refused the ring is offered it again. */
#define RING_RETRY_US 1000000ull

void record_on_ring_taken(struct live *live, int status)
{
    live->ring_asked = false;
    live->ring_taken = status == 0 && live->media_open; /* not if its place was given up since */
    live->ring_try_us = live->court->now_us + RING_RETRY_US;
    /* -EUSERS: the server is full for a hearing that nobody is in. */
    if (status < 0 && status != live->ring_error && status != -EUSERS)
        log_error("hearing %016" PRIx64 ": the media core does not record, trying on: %s",
                  live->hearing->stored.id, log_errno(status));
    live->ring_error = status;
    record_evaluate(live);
}

/* Offers the ring again to a media core that refused it. */
static void offer_ring(struct live *live)
{
    const struct court *court = live->court;
    if (live->tape == LIVE_TAPE_OPEN && live->ring_fd >= 0 && !live->ring_taken &&
        !live->ring_asked && live->media_open && media_is_connected(court->sfu) &&
        court->now_us >= live->ring_try_us)
        effects_open_media(live);
}

void record_on_sealed(struct live *live, int status)
{
    live->tape_asked = false;
    if (live->tape != LIVE_TAPE_CLOSING)
        return;
    if (status == -ENOENT && live->sealed_before) {
        live->tape = LIVE_TAPE_NONE; /* it was sealed, and taken away since */
        record_evaluate(live);
        return;
    }
    if (status < 0) {
        log_error("hearing %016" PRIx64 ": tape not sealed, trying on: %s",
                  live->hearing->stored.id, log_errno(status));
        live->tape_retry_us = live->court->now_us + RETRY_US;
        live->tape_there = false; /* opened once more: it may be gone */
        return;
    }
    const struct journal_entry entry = {.event = JOURNAL_RECORD_SEALED};
    live->tape_there = false; /* takes no more lines, nor that one */
    if (!live->sealed_before) {
        (void)court_journal(live, &entry); /* it is sealed whether or not the line stands */
        court_set_sealed(live->court, live->hearing->stored.id);
        live->sealed_before = true;
    }
    live->tape = LIVE_TAPE_SEALED;
    if (live->render.phase == CONTROL_RENDER_NONE &&
        archive_is_rendered(live->court->config->recorder.records_dir, live->hearing->stored.id))
        live->render.phase = CONTROL_RENDER_DONE;
    if (live->ring_fd >= 0)
        (void)close(live->ring_fd); /* a duplicate */
    live->ring_fd = -1;
    record_evaluate(live);
}

/* The ring was full and packets are not on the tape: a gap that is our fault. */
static void write_gap(struct live *live, const struct control_tape_mark *mark)
{
    uint64_t now_us = live->court->now_us;
    uint64_t known_us = live->mark.checked_us ? live->mark.checked_us : live->opened_us;
    uint64_t ago_us = now_us > known_us ? now_us - known_us : 0;
    const struct journal_entry entry = {
        .event = JOURNAL_FAULT,
        .process = JOURNAL_PROCESS_RECORDER,
        .since_us = live->court->wall_us - ago_us,
        .until_us = live->court->wall_us,
    };
    log_error("hearing %016" PRIx64 ": %" PRIu64 " packets are missing from its tape",
              live->hearing->stored.id, mark->ring_dropped - live->ring_lost);
    (void)court_journal(live, &entry); /* the gap is there, whether or not the line is */
    live->court->counters.faults++;
}

void record_on_mark(struct live *live, const struct control_tape_mark *mark)
{
    /* What was lost while we were away stands on the tape itself. */
    if (live->ring_counted && mark->ring_dropped > live->ring_lost)
        write_gap(live, mark);
    live->ring_lost = mark->ring_dropped;
    live->ring_counted = true;
    live->mark = *mark;
    record_evaluate(live);
}

void record_on_render(struct live *live, const struct control_render_state *render)
{
    live->render = *render;
    live->render_told = true;
    record_evaluate(live);
}

void record_on_render_asked(struct live *live, int status)
{
    const struct control_render_state waits = {.phase = CONTROL_RENDER_RUNNING};
    if (status == 0 && live->render.phase != CONTROL_RENDER_RUNNING)
        record_on_render(live, &waits); /* until the recorder tells more, when its turn comes */
}

/* How the record of an open hearing stands, by what can be proven now. */
static void judge_open(const struct live *live, struct reply_record *record)
{
    const struct court *court = live->court;
    uint64_t now_us = court->now_us;
    bool is_fresh = live->tape == LIVE_TAPE_OPEN && live->mark.checked_us &&
                    now_us < live->mark.checked_us + RECORD_FRESH_US;
    /* Nobody is in it, and the media core has let it go: there is nothing to lose. */
    record->state = REPLY_RECORD_OFF;
    if (!live->ring_taken && !court_is_attended(live))
        return;
    record->state = REPLY_RECORD_LOST;
    if (!media_is_connected(court->recorder))
        record->reason = JOURNAL_REASON_RECORDER_AWAY;
    else if (live->mark.error == -ENOSPC || live->mark.error == -EDQUOT)
        record->reason = JOURNAL_REASON_DISK_FULL;
    else if (live->mark.error)
        record->reason = JOURNAL_REASON_DISK_ERROR;
    else if (!media_is_connected(court->sfu))
        record->reason = JOURNAL_REASON_MEDIA_CORE_AWAY;
    else if (!is_fresh || !live->ring_taken)
        record->reason = JOURNAL_REASON_STALE;
    else
        record->state = REPLY_RECORD_ON;
}

static void judge(const struct live *live, struct reply_record *record)
{
    switch (live->hearing->stored.state) {
    case TERMS_STATE_OPEN:
        judge_open(live, record);
        return;
    case TERMS_STATE_CLOSED:
        break;
    case TERMS_STATE_SCHEDULED:
    case TERMS_STATE_WAITING:
    case TERMS_STATE_RECESS:
    case TERMS_STATE_IN_CAMERA: /* this and the next are never stored */
    case TERMS_STATE_SUSPENDED:
    case TERMS_STATE_COUNT:
        record->state = REPLY_RECORD_OFF;
        return;
    }
    if (live->tape == LIVE_TAPE_NONE)
        record->state = REPLY_RECORD_OFF;
    else if (live->tape != LIVE_TAPE_SEALED)
        record->state = REPLY_RECORD_SEALING;
    else if (live->render.phase == CONTROL_RENDER_DONE)
        record->state = REPLY_RECORD_READY;
    else if (live->render.phase == CONTROL_RENDER_RUNNING || !live->render_told)
        record->state = REPLY_RECORD_RENDERING;
    else
        record->state = REPLY_RECORD_FAILED; /* or nobody has taken it up: it may be asked for */
    record->percent = live->render.percent;
}

static bool is_same(const struct reply_record *a, const struct reply_record *b)
{
    return a->state == b->state && (a->state != REPLY_RECORD_LOST || a->reason == b->reason) &&
           (a->state != REPLY_RECORD_RENDERING || a->percent == b->percent);
}

static void write_line(struct live *live, const struct reply_record *record)
{
    const struct journal_entry on = {.event = JOURNAL_RECORD_ON};
    const struct journal_entry lost = {.event = JOURNAL_RECORD_LOST, .reason = record->reason};
    /* On a full disk the line may fail; the pages are told all the same. */
    if (record->state == REPLY_RECORD_ON)
        (void)court_journal(live, &on);
    else if (record->state == REPLY_RECORD_LOST)
        (void)court_journal(live, &lost);
}

void record_evaluate(struct live *live)
{
    struct reply_record record = {.since_us = live->court->wall_us};
    judge(live, &record);
    /* What is lost stays lost for its first reason until it is proven to be on again. */
    if (record.state == REPLY_RECORD_LOST && record.reason == JOURNAL_REASON_STALE &&
        live->record.state == REPLY_RECORD_LOST)
        record.reason = live->record.reason;
    /* A tape takes a moment to begin: that is not yet a loss. */
    bool is_beginning = record.state == REPLY_RECORD_LOST &&
                        live->record.state == REPLY_RECORD_OFF &&
                        live->court->now_us < live->opened_us + RECORD_FRESH_US;
    if (is_beginning || is_same(&record, &live->record))
        return;
    if (record.state == live->record.state && record.state == REPLY_RECORD_RENDERING)
        record.since_us = live->record.since_us;
    else
        write_line(live, &record);
    live->record = record;
    struct jsontext t = {0};
    reply_record(&t, &live->record);
    effects_tell_all(live, &t);
}

void record_tick(struct live *live)
{
    step(live);
    offer_ring(live);
    court_tell_lines(live);
    record_evaluate(live);
}

int record_render(struct court *court, uint64_t hearing)
{
    struct live *live = NULL;
    struct control_message message = {
        .type = CONTROL_TAPE_RENDER,
        .hearing = {.hearing = hearing},
    };
    const struct media_ticket ticket = {.purpose = COURT_TAPE_RENDER, .hearing = hearing};
    int r = court_live(court, hearing, &live); /* to follow its progress */
    if (r < 0)
        return r;
    if (live->tape != LIVE_TAPE_SEALED && !live->sealed_before)
        return -EBUSY;
    return media_ask(court->recorder, &message, -1, &ticket);
}

uint64_t record_mark_age(const struct court *court)
{
    uint64_t age_us = 0;
    LIST_FOR_EACH(it, &court->lives)
    {
        const struct live *live = LIST_ENTRY(it, struct live, link);
        uint64_t checked_us = live->mark.checked_us ? live->mark.checked_us : live->opened_us;
        if (live->hearing->stored.state == TERMS_STATE_OPEN && court->now_us > checked_us + age_us)
            age_us = court->now_us - checked_us;
    }
    return age_us;
}
