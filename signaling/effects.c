/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/effects.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "signaling/figures.h"
#include "signaling/gaps.h"
#include "signaling/rooms.h"
#include "signaling/view.h"

/* A `seat` event waits for its picture this long, then comes without. Ours: two key frames' time.
 */
#define SEAT_PATIENCE_US 700000ull

static void tell_sfu(struct live *live, struct control_message *message, int fd)
{
    /* Away: links.c makes it good when it is back, by what the media core then tells it has. */
    (void)media_tell(live->court->sfu, message, fd);
}

static struct page *page_of(const struct live *live, uint64_t person)
{
    const struct hearing_person *p = hearing_find(live->hearing, person);
    return p ? p->session : NULL;
}

static void tell_screens(struct live *live)
{
    const struct hearing *hearing = live->hearing;
    struct control_message message = {
        .type = CONTROL_SCREENS,
        .screens = {.hearing = hearing->stored.id, .count = (uint8_t)hearing->screen_count},
    };
    for (size_t i = 0; i < hearing->screen_count; i++)
        message.screens.screens[i] = (struct control_screen){
            hearing->screens[i].from, hearing->screens[i].to, hearing->screens[i].kinds};
    tell_sfu(live, &message, -1);
}

void effects_open_media(struct live *live)
{
    uint64_t id = live->hearing->stored.id;
    bool is_over = live->hearing->stored.state == TERMS_STATE_CLOSED; /* its tape may come late */
    if (is_over || !media_is_connected(live->court->sfu))
        return;
    struct control_message open = {
        .type = CONTROL_HEARING_OPEN,
        .hearing_open = {.hearing = id,
                         .recorded = live->ring_fd >= 0,
                         .accepted = court_was_accepted(live)},
    };
    struct control_message matrix = {.type = CONTROL_MATRIX};
    access_matrix(id, hearing_state(live->hearing), &matrix.matrix);
    tell_screens(live); /* before anybody is there whom they concern */
    if (live->ring_fd >= 0) {
        const struct media_ticket ticket = {.purpose = COURT_MEDIA_OPEN, .hearing = id};
        live->ring_asked = media_ask(live->court->sfu, &open, live->ring_fd, &ticket) == 0;
    } else {
        tell_sfu(live, &open, -1);
    }
    tell_sfu(live, &matrix, -1);
    live->media_open = true;
}

static void remove_peer(struct live *live, const struct hearing_person *person)
{
    struct control_message message = {
        .type = CONTROL_PEER_REMOVE,
        .peer = {.hearing = live->hearing->stored.id, .peer = person->stored.id},
    };
    court_presence(live, person)->media = false;
    tell_sfu(live, &message, -1);
}

static void move_peer(struct live *live, uint64_t person)
{
    const struct hearing_person *p = hearing_find(live->hearing, person);
    if (!p)
        return;
    if (p->stored.room == TERMS_ROOM_OUTSIDE) {
        remove_peer(live, p);
        return;
    }
    struct control_message message = {
        .type = CONTROL_PEER_MOVE,
        .peer_move = {.hearing = live->hearing->stored.id,
                      .peer = person,
                      .room_kind = (uint8_t)access_room_kind(hearing_room(p)),
                      .room = p->aside.number},
    };
    tell_sfu(live, &message, -1);
}

/* What somebody publishes while beside the courtroom is in no line: it ends as it goes there, and
 * begins as it comes back. */
static void write_producers(struct live *live, const struct hearing_change *change)
{
    const struct hearing_person *p = hearing_find(live->hearing, change->about);
    bool is_aside = p && p->aside.number != 0;
    for (size_t i = 0; p && is_aside != change->was_aside && i < LIMIT_STREAMS_PER_PEER; i++) {
        const struct journal_entry entry = {
            .event = is_aside ? JOURNAL_PRODUCER_STOPPED : JOURNAL_PRODUCER_STARTED,
            .person = change->about,
            .stream = p->producers[i].id,
            .source = p->producers[i].source,
        };
        if (entry.stream)
            (void)court_journal(live, &entry); /* it goes on whether or not the line stands */
    }
}

static void end_producer(struct live *live, const struct hearing_change *change)
{
    struct control_message message = {
        .type = CONTROL_STREAM_REMOVE,
        .stream = {.hearing = live->hearing->stored.id,
                   .peer = change->about,
                   .stream = change->producer.id},
    };
    const struct journal_entry entry = {
        .event = JOURNAL_PRODUCER_STOPPED,
        .person = change->about,
        .stream = change->producer.id,
        .source = change->producer.source,
    };
    tell_sfu(live, &message, -1);
    if (!change->was_aside)
        (void)court_journal(live, &entry); /* it has ended whether or not the line stands */
}

static void pause_producer(struct live *live, const struct hearing_change *change)
{
    struct control_message message = {
        .type = CONTROL_STREAM_PAUSE,
        .stream_pause = {.hearing = live->hearing->stored.id,
                         .peer = change->about,
                         .stream = change->producer.id,
                         .paused = change->producer.paused},
    };
    tell_sfu(live, &message, -1);
    gaps_expect(live, change->about, change->producer.id);
}

static void tell_matrix(struct live *live)
{
    struct control_message message = {.type = CONTROL_MATRIX};
    access_matrix(live->hearing->stored.id, hearing_state(live->hearing), &message.matrix);
    tell_sfu(live, &message, -1);
}

/* Writes the event of a change that is meant for a page; false for one that is not. */
static bool write_event(const struct live *live, const struct hearing_change *change,
                        struct jsontext *t)
{
    const struct hearing_person *to = hearing_find(live->hearing, change->to);
    const struct hearing_person *about = hearing_find(live->hearing, change->about);
    switch (change->type) {
    case HEARING_CHANGE_ROOM:
        if (to)
            reply_room(t, to, change->by);
        return to;
    case HEARING_CHANGE_MUTED:
        reply_muted(t, change->by);
        return true;
    case HEARING_CHANGE_PERSON:
        if (about)
            reply_person(t, about);
        return about;
    case HEARING_CHANGE_GONE:
        reply_gone(t, change->about);
        return true;
    case HEARING_CHANGE_PEOPLE:
        if (to)
            reply_people(t, live->hearing, to);
        return to;
    case HEARING_CHANGE_MAY:
        if (to)
            reply_may(t, hearing_may(live->hearing, to));
        return to;
    case HEARING_CHANGE_ASKED:
        if (to)
            reply_asked(t, rooms_find(live->hearing, to->asked), to->asked_by);
        return to;
    case HEARING_CHANGE_SCREENED:
        if (to)
            reply_screens(t, live->hearing, to);
        return to;
    case HEARING_CHANGE_STATE: /* not the same for all: tell_state() */
    case HEARING_CHANGE_SCREENS:
    case HEARING_CHANGE_MATRIX:
    case HEARING_CHANGE_MOVE:
    case HEARING_CHANGE_UNPRODUCE:
    case HEARING_CHANGE_PAUSE:
        return false;
    }
    return false;
}

/* To `to`, or (0) to all: those in the courtroom know more of it than those who wait. */
static void tell_state(struct live *live, uint64_t to)
{
    for (unsigned knows = 0; knows < 2; knows++) {
        struct jsontext t = {0};
        size_t len = 0;
        reply_hearing(&t, live->hearing, knows);
        char *text = jsontext_take(&t, &len);
        for (size_t i = 0; text && i < live->hearing->count; i++) {
            const struct hearing_person *person = live->hearing->people[i];
            struct page *page = person->session;
            if (page && hearing_knows_course(person) == knows && (!to || to == person->stored.id))
                (void)ws_send(page->connection, text, len); /* too slow: dropped there */
        }
        free(text);
    }
}

static void tell_pages(struct live *live, const struct hearing_change *change)
{
    struct jsontext t = {0};
    struct page *page = page_of(live, change->to);
    if (change->type == HEARING_CHANGE_STATE)
        tell_state(live, change->to);
    else if (write_event(live, change, &t) && page)
        page_send(page, &t);
    jsontext_finish(&t);
}

static void tell_media(struct live *live, const struct hearing_change *change)
{
    switch (change->type) {
    case HEARING_CHANGE_MATRIX:
        tell_matrix(live);
        return;
    case HEARING_CHANGE_SCREENS:
        tell_screens(live);
        return;
    case HEARING_CHANGE_MOVE:
        move_peer(live, change->about);
        write_producers(live, change);
        return;
    case HEARING_CHANGE_UNPRODUCE:
        end_producer(live, change);
        return;
    case HEARING_CHANGE_PAUSE:
        pause_producer(live, change);
        return;
    case HEARING_CHANGE_STATE:
    case HEARING_CHANGE_ROOM:
    case HEARING_CHANGE_MUTED:
    case HEARING_CHANGE_PERSON:
    case HEARING_CHANGE_GONE:
    case HEARING_CHANGE_PEOPLE:
    case HEARING_CHANGE_MAY:
    case HEARING_CHANGE_ASKED:
    case HEARING_CHANGE_SCREENED:
        return;
    }
}

void effects_tell_measures(struct live *live, const struct hearing_person *person)
{
    const struct hearing_change changes[] = {
        {.type = HEARING_CHANGE_ASKED, .to = person->stored.id},
        {.type = HEARING_CHANGE_SCREENED, .to = person->stored.id},
    };
    if (person->asked)
        tell_pages(live, &changes[0]);
    if (live->hearing->screen_count)
        tell_pages(live, &changes[1]);
}

void effects_tell(struct live *live)
{
    const struct hearing_changes *changes = &live->court->changes;
    for (size_t i = 0; i < changes->count; i++)
        tell_pages(live, &changes->changes[i]);
}

void effects_apply(struct live *live)
{
    const struct hearing_changes *changes = &live->court->changes;
    for (size_t i = 0; i < changes->count; i++)
        tell_media(live, &changes->changes[i]);
    effects_tell(live);
    gaps_settle(live);
    effects_reseat(live);
}

void effects_tell_all(struct live *live, struct jsontext *t)
{
    size_t len = 0;
    char *text = jsontext_take(t, &len);
    for (size_t i = 0; text && i < live->hearing->count; i++) {
        struct page *page = live->hearing->people[i]->session;
        if (page)
            (void)ws_send(page->connection, text, len); /* too slow: dropped there */
    }
    free(text);
}

static void tell_seat(struct live *live, const struct hearing_person *person, uint8_t seat)
{
    struct page *page = person->session;
    court_presence(live, person)->seats_due &= ~(1u << seat);
    if (!page || page->state != PAGE_JOINED)
        return;
    struct jsontext t = {0};
    reply_seat(&t, seat, &person->seats.seats[seat]);
    page_send(page, &t);
}

static void set_seat(struct live *live, uint64_t person, uint8_t seat, enum control_kind kind,
                     uint64_t stream)
{
    struct control_message message = {
        .type = CONTROL_SEAT_SET,
        .seat_set = {.hearing = live->hearing->stored.id,
                     .peer = person,
                     .seat = seat,
                     .kind = (uint8_t)kind,
                     .stream = stream},
    };
    tell_sfu(live, &message, -1);
}

static void change_seat(struct live *live, struct hearing_person *person,
                        const struct seats_change *change)
{
    struct live_presence *presence = court_presence(live, person);
    if (change->route_audio)
        set_seat(live, person->stored.id, change->seat, CONTROL_AUDIO, change->now.audio);
    if (change->route_video)
        set_seat(live, person->stored.id, change->seat, CONTROL_VIDEO, change->now.video);
    if (change->route_video)
        view_tell_seat(live, person, change->seat);
    if (!change->shown)
        return;
    /* A name waits for its picture or voice, so that it does not stand under another's face; an
     * emptied seat is told at once, and so is one where nothing flows. */
    bool waits = (change->route_audio && change->now.audio_on) ||
                 (change->route_video && change->now.video_on);
    if (!waits) {
        tell_seat(live, person, change->seat);
        return;
    }
    presence->seats_due |= 1u << change->seat;
    presence->seats_due_us = live->court->now_us;
}

void effects_reseat(struct live *live)
{
    struct seats_changes changes;
    for (size_t i = 0; i < live->hearing->count; i++) {
        struct hearing_person *person = live->hearing->people[i];
        if (!live->presence[i].media)
            continue;
        hearing_reseat(live->hearing, person, live->court->now_us, &changes);
        for (size_t j = 0; j < changes.count; j++)
            change_seat(live, person, &changes.changes[j]);
    }
}

void effects_repeat_seats(struct live *live, struct hearing_person *person)
{
    for (uint8_t seat = 0; seat < person->seats.count; seat++) {
        const struct seats_seat *now = &person->seats.seats[seat];
        set_seat(live, person->stored.id, seat, CONTROL_AUDIO, now->audio);
        set_seat(live, person->stored.id, seat, CONTROL_VIDEO, now->video);
        tell_seat(live, person, seat);
    }
    view_repeat(live, person);
}

void effects_on_seat_switched(struct live *live, const struct control_seat_switched *switched)
{
    struct hearing_person *person = hearing_find(live->hearing, switched->peer);
    if (!person || switched->seat >= person->seats.count)
        return;
    const struct seats_seat *now = &person->seats.seats[switched->seat];
    bool is_due = court_presence(live, person)->seats_due & 1u << switched->seat;
    if (switched->status < 0)
        log_debug("peer %016" PRIx64 ": seat %u not switched: %s", switched->peer, switched->seat,
                  log_errno(switched->status));
    uint64_t stream = switched->kind == CONTROL_AUDIO ? now->audio : now->video;
    if (is_due && stream && switched->stream == stream)
        tell_seat(live, person, switched->seat);
}

/* Who speaks of those whom this person hears. */
static void tell_speaking(struct live *live, const struct hearing_person *to,
                          const uint64_t *people, size_t count)
{
    uint64_t heard[CONTROL_SPEAKERS_MAX];
    size_t heard_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hearing_person *p = hearing_find(live->hearing, people[i]);
        if (p && hearing_is_together(p, to) &&
            !hearing_is_screened(live->hearing, people[i], to->stored.id, CONTROL_AUDIO))
            heard[heard_count++] = people[i];
    }
    struct jsontext t = {0};
    reply_speaking(&t, heard, heard_count);
    page_send(to->session, &t);
}

void effects_on_speakers(struct live *live, const struct control_speakers *speakers)
{
    uint64_t people[CONTROL_SPEAKERS_MAX];
    for (size_t i = 0; i < speakers->count; i++)
        people[i] = speakers->speakers[i].peer;
    hearing_spoke(live->hearing, people, speakers->count, live->court->now_us);
    size_t bytes = speakers->count * sizeof(people[0]);
    bool is_same =
        speakers->count == live->speaker_count && memcmp(people, live->speakers, bytes) == 0;
    memcpy(live->speakers, people, bytes);
    live->speaker_count = speakers->count;
    for (size_t i = 0; i < live->hearing->count; i++) {
        const struct hearing_person *person = live->hearing->people[i];
        struct page *page = person->session;
        if (!is_same && page)
            tell_speaking(live, person, people, speakers->count);
    }
    effects_reseat(live);
}

/* What the way to a page carries, bit/s: sound and the smallest picture, or little but sound. Ours.
 */
#define POOR_BPS 300000
#define BAD_BPS  100000
/* Of what it carries, permille that is in use at least when it is too little: a way is not known to
 * carry more than was ever sent over it. Ours. */
#define FULL_PERMILLE 900

/* How good a connection is, from what both ends lose, how long the way is and what it carries.
 * Ours: 1 % is heard by nobody, 3 % is repaired, at 8 % pictures freeze; 150 ms one way is ITU-T
 * G.114's comfort. */
static uint8_t quality_of(const struct control_peer_stats *stats)
{
    uint32_t loss = stats->up_loss_permille > stats->down_loss_permille ? stats->up_loss_permille
                                                                        : stats->down_loss_permille;
    if (stats->up_packets == 0 && stats->down_packets == 0)
        return 0;
    uint32_t bps = stats->down_estimate_bps;
    if (bps == 0 || (uint64_t)stats->down_bps * 1000 < (uint64_t)bps * FULL_PERMILLE)
        bps = UINT32_MAX;
    if (loss > 80 || stats->rtt_us > 1000000 || bps < BAD_BPS)
        return 1;
    if (loss > 30 || stats->rtt_us > 500000 || bps < POOR_BPS)
        return 2;
    return loss > 10 || stats->rtt_us > 300000 ? 3 : 4;
}

void effects_on_stats(struct live *live, const struct control_peer_stats *stats)
{
    struct hearing_person *person = hearing_find(live->hearing, stats->peer);
    if (!person)
        return;
    view_on_line(live, person, stats->down_estimate_bps);
    uint8_t quality = figures_is_cut(live, person) ? 1 : quality_of(stats);
    figures_take(live, person, stats, quality);
    hearing_set_quality(live->hearing, person, quality, &live->court->changes);
    if (live->court->changes.count)
        effects_apply(live);
}

void effects_on_transport(struct live *live, const struct control_transport_state *state)
{
    struct hearing_person *person = hearing_find(live->hearing, state->peer);
    if (!person)
        return;
    court_presence(live, person)->figures.phases[state->direction] = state->phase;
    if (state->phase == CONTROL_TRANSPORT_CLOSED)
        court_presence(live, person)->page_closed = true;
    if (state->phase == CONTROL_TRANSPORT_CONNECTED)
        court_presence(live, person)->page_closed = false;
}

void effects_write_left(struct live *live, const struct hearing_person *person,
                        enum journal_cause cause)
{
    struct live_presence *presence = court_presence(live, person);
    const struct journal_entry entry = {
        .event = JOURNAL_PERSON_LEFT,
        .person = person->stored.id,
        .cause = cause,
        .since_us = presence->lost_us ? presence->lost_wall_us : live->court->wall_us,
    };
    presence->lost_us = 0;
    presence->page_closed = false;
    presence->ours = false;
    if (person->stored.room != TERMS_ROOM_OUTSIDE)
        (void)court_journal(live, &entry); /* it is gone whether or not the line stands */
}

void effects_leave(struct live *live, struct hearing_person *person, enum journal_cause cause)
{
    effects_write_left(live, person, cause);
    if (person->stored.room == TERMS_ROOM_OUTSIDE)
        return;
    hearing_leave(live->hearing, person, &live->court->changes);
    court_save(live, person);
    effects_apply(live);
}

void effects_media_lost(struct live *live, struct hearing_person *person)
{
    struct page *page = person->session;
    court_presence(live, person)->media = false;
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        if (!person->producers[i].id)
            continue;
        hearing_unproduce(live->hearing, person, person->producers[i].id, &live->court->changes);
        effects_apply(live);
    }
    if (!page || page->state != PAGE_JOINED)
        return;
    page->state = PAGE_OUTSIDE;
    struct jsontext t = {0};
    reply_media_lost(&t);
    page_send(page, &t);
}

enum journal_cause effects_cause(const struct live_presence *presence)
{
    if (presence->page_closed)
        return JOURNAL_CAUSE_CLOSED_PAGE;
    return presence->ours ? JOURNAL_CAUSE_OUR_FAULT : JOURNAL_CAUSE_NETWORK;
}

static void tick_person(struct live *live, struct hearing_person *person,
                        struct live_presence *presence)
{
    uint64_t now_us = live->court->now_us;
    uint64_t grace_us = presence->page_closed ? COURT_GRACE_CLOSED_US : COURT_GRACE_US;
    if (presence->lost_us && now_us > presence->lost_us + grace_us) {
        effects_leave(live, person, effects_cause(presence));
        return;
    }
    if (!presence->seats_due || now_us < presence->seats_due_us + SEAT_PATIENCE_US)
        return;
    for (uint8_t seat = 0; seat < person->seats.count; seat++)
        if (presence->seats_due & 1u << seat)
            tell_seat(live, person, seat);
}

void effects_tick(struct live *live)
{
    for (size_t i = 0; i < live->hearing->count; i++)
        tick_person(live, live->hearing->people[i], &live->presence[i]);
    gaps_tick(live);
    figures_tick(live);
}
