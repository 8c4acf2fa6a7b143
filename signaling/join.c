/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/join.h"

#include <errno.h>
#include <inttypes.h>

#include "common/log.h"
#include "signaling/effects.h"

/* The lines that a join writes before it has an effect: once the media core has made room, as one
 * that is refused brought nobody in and may be asked for again every few seconds. */
static int write_lines(struct live *live, const struct hearing_person *person)
{
    const struct journal_entry waiting = {
        .event = JOURNAL_HEARING_WAITING,
        .by = person->stored.id,
    };
    const struct journal_entry joined = {
        .event = JOURNAL_PERSON_JOINED,
        .person = person->stored.id,
        .name = person->stored.name,
        .role = person->stored.role,
        .room = hearing_room_on_join(person),
    };
    int r = 0;
    /* The line may stand already, without its effect. */
    if (hearing_begins_on_join(live->hearing, person) &&
        journal_summary(live->journal).state == TERMS_STATE_SCHEDULED)
        r = court_journal(live, &waiting);
    /* Who joins again, because its transports were lost, was here all the time. */
    if (r < 0 || person->stored.room == joined.room)
        return r;
    return court_journal(live, &joined);
}

static int ask_media(struct page *page, int32_t request)
{
    const struct live *live = page->live;
    const struct hearing_person *person = page->person;
    bool is_aside = person->aside.number != 0; /* it stays there */
    enum terms_room room = is_aside ? person->aside.kind : hearing_room_on_join(person);
    struct control_message message = {
        .type = CONTROL_PEER_ADD,
        .peer_add = {.hearing = live->hearing->stored.id,
                     .peer = person->stored.id,
                     .role = (uint8_t)person->stored.role,
                     .room_kind = (uint8_t)access_room_kind(room),
                     .room = person->aside.number,
                     .seats = page->seats,
                     .red = page->takes_red},
    };
    const struct media_ticket ticket = {
        .purpose = COURT_JOIN,
        .hearing = live->hearing->stored.id,
        .person = person->stored.id,
        .page = page->serial,
        .request = request,
    };
    return media_ask(page->court->sfu, &message, -1, &ticket);
}

/* Whether the media core is to be told of the hearing: it was not, or for an observer alone, for
 * whom it may have been refused. */
static bool is_to_be_opened(const struct live *live)
{
    return !live->media_open || (!court_is_attended(live) && court_was_accepted(live));
}

void join_handle(struct page *page, const struct message *message)
{
    struct live *live = page->live;
    int r = hearing_check(live->hearing, page->person, ACCESS_JOIN, 0);
    if (r < 0) {
        page_error(page, message->id, page_error_of(r), "joining is not possible now");
        return;
    }
    if (hearing_keeps_out(live->hearing, page->person)) {
        page_error(page, message->id, MESSAGE_ROOM_LOCKED, "the court lets nobody new in now");
        return;
    }
    if (!media_is_connected(page->court->sfu)) {
        page_error(page, message->id, MESSAGE_MEDIA_UNAVAILABLE, "the media core is away");
        return;
    }
    if (!live->media_open && !court_is_attended(live) && court_lacks_tape(live)) {
        page_error(page, message->id, MESSAGE_SERVER_FULL, "the recorder has no tape left");
        return;
    }
    page->seats = message->join.seats;
    page->takes_red = message->join.red;
    page->state = PAGE_AWAITS_MEDIA;
    if (is_to_be_opened(live))
        effects_open_media(live);
    r = ask_media(page, message->id);
    if (r < 0) {
        page->state = PAGE_OUTSIDE;
        page_error(page, message->id, MESSAGE_MEDIA_UNAVAILABLE, "the media core is busy");
    }
}

/* Enters the room in memory and in the store. */
static void enter(struct live *live, struct page *page)
{
    struct court *court = live->court;
    bool begins = hearing_begins_on_join(live->hearing, page->person);
    hearing_join(live->hearing, page->person, page->seats, court->wall_us, &court->changes);
    court_save(live, page->person);
    int r = begins ? store_hearing_set_state(court->store, live->hearing->stored.id,
                                             live->hearing->stored.state, court->wall_us, 0)
                   : 0;
    if (r < 0)
        log_error("hearing %016" PRIx64 ": state not stored: %s", live->hearing->stored.id,
                  log_errno(r));
}

/* A peer was made in vain, perhaps for a page that went meanwhile. If another page of the same
 * person has asked since, the peer is that one's already: PEER_ADD replaces. */
static void remove_peer(struct court *court, const struct media_ticket *ticket)
{
    struct live *live = court_find(court, ticket->hearing);
    struct hearing_person *person = live ? hearing_find(live->hearing, ticket->person) : NULL;
    const struct page *page = person ? person->session : NULL;
    struct control_message message = {
        .type = CONTROL_PEER_REMOVE,
        .peer = {.hearing = ticket->hearing, .peer = ticket->person},
    };
    if (page && (page->state == PAGE_AWAITS_MEDIA || page->state == PAGE_JOINED))
        return;
    (void)media_tell(court->sfu, &message, -1); /* away: then so is the peer */
    if (person)
        court_presence(live, person)->media = false;
}

void join_on_media_ready(struct court *court, const struct media_ticket *ticket,
                         const struct control_peer_ready *ready)
{
    struct page *page = court_page(court, ticket->page);
    if (!page || page->state != PAGE_AWAITS_MEDIA || page->person->stored.id != ticket->person) {
        join_abandon(court, ticket, -ECANCELED);
        return;
    }
    struct live *live = page->live;
    if (write_lines(live, page->person) < 0) {
        page->state = PAGE_OUTSIDE;
        remove_peer(court, ticket);
        page_error(page, ticket->request, MESSAGE_INTERNAL, "the journal takes no line");
        return;
    }
    struct live_presence *presence = court_presence(live, page->person);
    presence->media = true;
    presence->page_closed = false;
    presence->view = (struct live_view){0}; /* of a new peer: the page says it anew */
    page->state = PAGE_JOINED;
    court->counters.joins++;
    enter(live, page);

    struct jsontext t = {0};
    struct turn_offer turn;
    reply_joined(&t, ticket->request, page->person, ready, page->takes_red,
                 page->live->hearing->stored.vp9, court_turn(court, page->person, &turn));
    page_send(page, &t);
    effects_apply(live);
}

static enum message_error refusal(int error)
{
    switch (-error) {
    case EUSERS:
        return MESSAGE_SERVER_FULL;
    case ENOSPC:
    case ENOBUFS:
        return MESSAGE_FULL;
    default:
        return MESSAGE_MEDIA_UNAVAILABLE;
    }
}

void join_abandon(struct court *court, const struct media_ticket *ticket, int error)
{
    struct page *page = court_page(court, ticket->page);
    /* A page asks a full server every few seconds, and the media core counts that. */
    enum log_level level = error == -EUSERS ? LOG_DEBUG : LOG_WARN;
    log_line(level, "person %016" PRIx64 ": not joined: %s", ticket->person, log_errno(error));
    if (error == -ECANCELED)
        remove_peer(court, ticket);
    bool is_asked = page && page->state == PAGE_AWAITS_MEDIA;
    if (is_asked)
        page->state = PAGE_OUTSIDE;
    if (!is_asked)
        return;
    /* It may be the hearing that was refused, or is not there: the next join opens it again. */
    if ((error == -EUSERS || error == -ENOENT) && !court_has_media(page->live) &&
        !court_is_being_joined(page->live))
        page->live->media_open = false;
    page_error(page, ticket->request, refusal(error), "the media core did not make room");
}

void join_leave(struct page *page, const struct message *message)
{
    if (page->person->stored.room == TERMS_ROOM_OUTSIDE && page->state == PAGE_OUTSIDE) {
        page_error(page, message->id, MESSAGE_NOT_JOINED, "nothing to leave");
        return;
    }
    page->state = PAGE_OUTSIDE;
    effects_leave(page->live, page->person, JOURNAL_CAUSE_LEFT);
    page_ok(page, message->id);
}
