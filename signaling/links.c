/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/links.h"

#include <errno.h>
#include <inttypes.h>

#include "common/log.h"
#include "signaling/effects.h"
#include "signaling/gaps.h"
#include "signaling/join.h"
#include "signaling/order.h"
#include "signaling/publish.h"
#include "signaling/record.h"
#include "signaling/view.h"

/* A gap that is our fault, in the journal of every hearing that felt it. */
static void write_fault(struct court *court, enum journal_process process, uint64_t since_us)
{
    const struct journal_entry entry = {
        .event = JOURNAL_FAULT,
        .process = process,
        .since_us = since_us,
        .until_us = court->wall_us,
    };
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        bool is_felt = process == JOURNAL_PROCESS_RECORDER
                           ? live->hearing->stored.state == TERMS_STATE_OPEN
                           : court_is_attended(live);
        if (is_felt)
            (void)court_journal(live, &entry); /* the gap is over, whether or not it stands */
    }
    court->counters.faults++;
}

void links_write_own_fault(struct court *court)
{
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        uint64_t last_us = journal_summary(live->journal).last_us;
        const struct journal_entry entry = {
            .event = JOURNAL_FAULT,
            .process = JOURNAL_PROCESS_SIGNALING,
            .since_us = court->was_alive_us > last_us ? court->was_alive_us : last_us,
            .until_us = court->wall_us,
        };
        if (court_is_attended(live))
            (void)court_journal(live, &entry); /* the gap is over, whether or not it stands */
    }
}

static void sfu_connected(void *context, uint64_t boot_id)
{
    struct court *court = context;
    court_wake(court);
    (void)boot_id; /* what it tells shows whether it is another */
    if (court->sfu_lost_us)
        write_fault(court, JOURNAL_PROCESS_SFU, court->sfu_lost_us);
    court->sfu_lost_us = 0;
    court->sfu_tells = true;
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        live->media_open = false;
        for (size_t i = 0; i < live->hearing->count; i++)
            live->presence[i].seen = false;
    }
}

static void sfu_lost(void *context)
{
    struct court *court = context;
    court_wake(court);
    court->sfu_lost_us = court->wall_us;
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        live->media_open = false;
        live->ring_taken = false;
        gaps_on_core_lost(live);
        record_evaluate(live);
    }
}

/* Whether it is to have its place in the media core: one that waits or is not begun gives it up
 * when nobody is in it. */
static bool has_place(const struct live *live)
{
    enum terms_state state = live->hearing->stored.state;
    if (state == TERMS_STATE_SCHEDULED || state == TERMS_STATE_WAITING)
        return live->media_open || court_is_attended(live);
    return state != TERMS_STATE_CLOSED;
}

/* A hearing that the media core has and we do not want: closed, or left by all, meanwhile. */
static void take_over_hearing(struct court *court, uint64_t hearing)
{
    const struct live *live = court_find(court, hearing);
    if (live && has_place(live))
        return;
    struct control_message message = {
        .type = CONTROL_HEARING_CLOSE,
        .hearing = {.hearing = hearing},
    };
    (void)media_tell(court->sfu, &message, -1); /* away: then so is the hearing */
}

static void take_over_peer(struct court *court, const struct control_peer_add *peer)
{
    struct live *live = court_find(court, peer->hearing);
    struct hearing_person *person = live ? hearing_find(live->hearing, peer->peer) : NULL;
    if (person && person->stored.room != TERMS_ROOM_OUTSIDE &&
        person->stored.seats == peer->seats) {
        court_presence(live, person)->seen = true;
        return;
    }
    struct control_message message = {
        .type = CONTROL_PEER_REMOVE,
        .peer = {.hearing = peer->hearing, .peer = peer->peer},
    };
    (void)media_tell(court->sfu, &message, -1); /* away: then so is the peer */
}

static void tell_pause(struct court *court, const struct control_stream_present *stream,
                       bool paused)
{
    struct control_message message = {
        .type = CONTROL_STREAM_PAUSE,
        .stream_pause = {.hearing = stream->hearing,
                         .peer = stream->peer,
                         .stream = stream->stream,
                         .paused = paused},
    };
    (void)media_tell(court->sfu, &message, -1); /* away: then it is told again when it is back */
}

static void end_stream(struct court *court, const struct control_stream_present *stream)
{
    struct control_message message = {
        .type = CONTROL_STREAM_REMOVE,
        .stream = {.hearing = stream->hearing, .peer = stream->peer, .stream = stream->stream},
    };
    (void)media_tell(court->sfu, &message, -1); /* the same */
}

static void adopt_stream(struct live *live, struct hearing_person *person,
                         const struct control_stream_present *stream)
{
    const struct hearing_producer producer = {
        .id = stream->stream,
        .kind = (enum control_kind)stream->kind,
        .source = (enum control_source)stream->source,
        .paused = stream->paused,
        .started_us = live->court->wall_us,
    };
    hearing_produce(live->hearing, person, &producer, &live->court->changes);
    effects_tell(live);
}

/* One that we know is paused and heard as we have it, whatever was lost on the way. One that we do
 * not know was ended while the media core was out of reach, unless we were restarted and so forgot
 * it: then the person goes on publishing it. */
static void take_over_stream(struct court *court, const struct control_stream_present *stream)
{
    struct live *live = court_find(court, stream->hearing);
    struct hearing_person *person = live ? hearing_find(live->hearing, stream->peer) : NULL;
    if (live)
        gaps_on_stream_told(live, stream);
    if (!person || !court_presence(live, person)->seen)
        return; /* the whole peer was ended */
    const struct hearing_producer *known = hearing_producer(person, stream->stream);
    bool is_forgotten = !court->settled && hearing_room(person) != TERMS_ROOM_WAITING &&
                        hearing_room(person) != TERMS_ROOM_OUTSIDE &&
                        hearing_can_produce(person, (enum control_kind)stream->kind,
                                            (enum control_source)stream->source) == 0;
    if (known && known->paused != stream->paused)
        tell_pause(court, stream, known->paused);
    else if (!known && is_forgotten)
        adopt_stream(live, person, stream);
    else if (!known)
        end_stream(court, stream);
}

/* What a seat shows, which we forgot when we were restarted: nobody is to change places by it. */
static void take_over_seat(struct live *live, const struct control_seat_switched *seat)
{
    struct hearing_person *person = hearing_find(live->hearing, seat->peer);
    if (person && court_presence(live, person)->seen)
        hearing_find_seat(person, seat->seat, (enum control_kind)seat->kind, seat->stream);
}

static void settle_person(struct live *live, struct hearing_person *person,
                          struct live_presence *presence)
{
    bool had_media = presence->media;
    presence->media = presence->seen;
    if (!presence->seen) {
        if (had_media || person->session)
            effects_media_lost(live, person);
        return;
    }
    struct control_message move = {
        .type = CONTROL_PEER_MOVE,
        .peer_move = {.hearing = live->hearing->stored.id,
                      .peer = person->stored.id,
                      .room_kind = (uint8_t)access_room_kind(hearing_room(person)),
                      .room = person->aside.number},
    };
    (void)media_tell(live->court->sfu, &move, -1); /* away: said again when it is back */
}

/* All is known: what is still wanted is said, and who lost its media is told. */
static void settle(struct live *live)
{
    if (live->hearing->stored.state == TERMS_STATE_CLOSED || !court_is_attended(live))
        return;
    effects_open_media(live);
    for (size_t i = 0; i < live->hearing->count; i++)
        if (live->hearing->people[i]->stored.room != TERMS_ROOM_OUTSIDE)
            settle_person(live, live->hearing->people[i], &live->presence[i]);
    hearing_resume_seats(live->hearing);
    effects_reseat(live);
    for (size_t i = 0; i < live->hearing->count; i++)
        if (live->presence[i].media)
            effects_repeat_seats(live, live->hearing->people[i]);
    /* A line may stand whose effect we were not there to bring about. */
    order_close_microphones(live, 0);
}

static void settle_all(struct court *court)
{
    court->settled = true;
    court->sfu_tells = false;
    LIST_FOR_EACH(it, &court->lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        gaps_on_core_told(live);
        settle(live);
    }
}

static void sfu_answered(void *context, const struct media_ticket *ticket, int status,
                         const struct control_message *answer, int fd)
{
    struct court *court = context;
    (void)fd;
    court_wake(court);
    struct live *live = court_find(court, ticket->hearing);
    switch ((enum court_purpose)ticket->purpose) {
    case COURT_JOIN:
        if (status == 0 && answer->type == CONTROL_PEER_READY)
            join_on_media_ready(court, ticket, &answer->peer_ready);
        else
            join_abandon(court, ticket, status ? status : -EPROTO);
        return;
    case COURT_CONNECT:
        publish_on_connected(court, ticket, status);
        return;
    case COURT_RESTART_ICE:
        if (status == 0 && answer->type != CONTROL_TRANSPORT_RESTARTED)
            status = -EPROTO;
        publish_on_ice_restarted(court, ticket, status,
                                 status == 0 ? &answer->transport_restarted : NULL);
        return;
    case COURT_PRODUCE:
        publish_on_produced(court, ticket, status);
        if (live && status == 0)
            gaps_expect(live, ticket->person, ticket->stream);
        return;
    case COURT_MEDIA_OPEN:
        if (live)
            record_on_ring_taken(live, status);
        return;
    case COURT_MEDIA_CLOSE:
        if (live)
            record_on_media_closed(live);
        return;
    case COURT_TAPE_OPEN:
    case COURT_TAPE_NOTE:
    case COURT_TAPE_CLOSE:
    case COURT_TAPE_RENDER:
        return;
    }
}

/* Events about a hearing that lives; others came too late. */
static void sfu_told_live(struct live *live, const struct control_message *event)
{
    switch ((int)event->type) {
    case CONTROL_SEAT_SWITCHED:
        if (live->court->sfu_tells)
            take_over_seat(live, &event->seat_switched);
        else
            effects_on_seat_switched(live, &event->seat_switched);
        return;
    case CONTROL_TRANSPORT_STATE:
        effects_on_transport(live, &event->transport_state);
        return;
    case CONTROL_STREAM_STATE:
        gaps_on_flow(live, &event->stream_state);
        return;
    case CONTROL_SPEAKERS:
        effects_on_speakers(live, &event->speakers);
        return;
    case CONTROL_SEAT_PICTURE:
        view_on_picture(live, &event->seat_picture);
        return;
    case CONTROL_LAYERS:
        view_on_layers(live, &event->layers);
        return;
    case CONTROL_PEER_STATS:
        effects_on_stats(live, &event->peer_stats);
        return;
    default:
        return;
    }
}

static uint64_t hearing_of(const struct control_message *event)
{
    switch ((int)event->type) {
    case CONTROL_SEAT_SWITCHED:
        return event->seat_switched.hearing;
    case CONTROL_TRANSPORT_STATE:
        return event->transport_state.hearing;
    case CONTROL_STREAM_STATE:
        return event->stream_state.hearing;
    case CONTROL_SPEAKERS:
        return event->speakers.hearing;
    case CONTROL_SEAT_PICTURE:
        return event->seat_picture.hearing;
    case CONTROL_LAYERS:
        return event->layers.hearing;
    case CONTROL_PEER_STATS:
        return event->peer_stats.hearing;
    default:
        return 0;
    }
}

static void sfu_told(void *context, const struct control_message *event)
{
    struct court *court = context;
    court_wake(court);
    struct live *live = court_find(court, hearing_of(event));
    switch ((int)event->type) {
    case CONTROL_METRICS:
        court->sfu_metrics = event->metrics;
        return;
    case CONTROL_HEARING_PRESENT:
        take_over_hearing(court, event->hearing_open.hearing);
        return;
    case CONTROL_PEER_PRESENT:
        take_over_peer(court, &event->peer_add);
        return;
    case CONTROL_STREAM_PRESENT:
        take_over_stream(court, &event->stream_present);
        return;
    case CONTROL_PRESENT_END:
        settle_all(court);
        return;
    default:
        if (live)
            sfu_told_live(live, event);
        return;
    }
}

static void recorder_connected(void *context, uint64_t boot_id)
{
    struct court *court = context;
    (void)boot_id;
    court_wake(court);
    if (court->recorder_lost_us)
        write_fault(court, JOURNAL_PROCESS_RECORDER, court->recorder_lost_us);
    court->recorder_lost_us = 0;
    record_on_connected(court);
}

static void recorder_lost(void *context)
{
    struct court *court = context;
    court_wake(court);
    court->recorder_lost_us = court->wall_us;
    record_on_lost(court);
}

static void recorder_answered(void *context, const struct media_ticket *ticket, int status,
                              const struct control_message *answer, int fd)
{
    struct court *court = context;
    (void)answer;
    court_wake(court);
    struct live *live = court_find(court, ticket->hearing);
    if (!live)
        return;
    if (ticket->purpose == COURT_TAPE_OPEN)
        record_on_tape_ready(live, status, fd);
    else if (ticket->purpose == COURT_TAPE_NOTE)
        record_on_noted(live, ticket->stream, status);
    else if (ticket->purpose == COURT_TAPE_CLOSE)
        record_on_sealed(live, status);
    else if (ticket->purpose == COURT_TAPE_RENDER)
        record_on_render_asked(live, status);
}

static void recorder_told(void *context, const struct control_message *event)
{
    struct court *court = context;
    court_wake(court);
    if (event->type == CONTROL_METRICS)
        court->recorder_metrics = event->metrics;
    if (event->type == CONTROL_TAPE_MARK) {
        struct live *live = court_find(court, event->tape_mark.hearing);
        if (live)
            record_on_mark(live, &event->tape_mark);
    }
    if (event->type == CONTROL_RENDER_STATE) {
        struct live *live = court_find(court, event->render_state.hearing);
        if (live)
            record_on_render(live, &event->render_state);
    }
}

struct media_handlers links_sfu(struct court *court)
{
    return (struct media_handlers){court, sfu_connected, sfu_lost, sfu_answered, sfu_told};
}

struct media_handlers links_recorder(struct court *court)
{
    return (struct media_handlers){court, recorder_connected, recorder_lost, recorder_answered,
                                   recorder_told};
}
