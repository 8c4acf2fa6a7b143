/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "signaling/effects.h"
#include "signaling/gaps.h"
#include "signaling/rtpparams.h"

static bool direction_of(const struct page *page, uint64_t transport, uint8_t *ret_direction)
{
    for (unsigned direction = 0; direction < CONTROL_DIRECTION_COUNT; direction++) {
        if (reply_transport_id(page->person->stored.id, (enum control_direction)direction) !=
            transport)
            continue;
        *ret_direction = (uint8_t)direction;
        return true;
    }
    return false;
}

static struct media_ticket ticket_of(const struct page *page, int32_t request, int purpose)
{
    return (struct media_ticket){
        .purpose = purpose,
        .hearing = page->live->hearing->stored.id,
        .person = page->person->stored.id,
        .page = page->serial,
        .request = request,
    };
}

/* Asks the media core for the page; what cannot be asked is answered at once. */
static void ask(struct page *page, struct control_message *message,
                const struct media_ticket *ticket)
{
    if (media_ask(page->court->sfu, message, -1, ticket) < 0)
        page_error(page, ticket->request, MESSAGE_MEDIA_UNAVAILABLE, "the media core is away");
}

/* The error of an answer of the media core. */
static enum message_error error_of(int status)
{
    if (status == -ENOTCONN || status == -ETIMEDOUT)
        return MESSAGE_MEDIA_UNAVAILABLE;
    return page_error_of(status);
}

void publish_connect(struct page *page, const struct message *message)
{
    struct control_message c = {
        .type = CONTROL_TRANSPORT_CONNECT,
        .transport_connect = {.hearing = page->live->hearing->stored.id,
                              .peer = page->person->stored.id},
    };
    const struct media_ticket ticket = ticket_of(page, message->id, COURT_CONNECT);
    if (!direction_of(page, message->connect.transport, &c.transport_connect.direction)) {
        page_error(page, message->id, MESSAGE_NOT_FOUND, "no such transport");
        return;
    }
    memcpy(c.transport_connect.fingerprint, message->connect.fingerprint, CONTROL_FINGERPRINT_LEN);
    ask(page, &c, &ticket);
}

void publish_on_connected(struct court *court, const struct media_ticket *ticket, int status)
{
    struct page *page = court_page(court, ticket->page);
    if (!page)
        return;
    if (status < 0)
        page_error(page, ticket->request, error_of(status), "the transport was not connected");
    else
        page_ok(page, ticket->request);
}

void publish_restart_ice(struct page *page, const struct message *message)
{
    struct control_message c = {
        .type = CONTROL_TRANSPORT_RESTART,
        .transport_restart = {.hearing = page->live->hearing->stored.id,
                              .peer = page->person->stored.id},
    };
    const struct media_ticket ticket = ticket_of(page, message->id, COURT_RESTART_ICE);
    if (!direction_of(page, message->transport, &c.transport_restart.direction)) {
        page_error(page, message->id, MESSAGE_NOT_FOUND, "no such transport");
        return;
    }
    ask(page, &c, &ticket);
}

void publish_on_ice_restarted(struct court *court, const struct media_ticket *ticket, int status,
                              const struct control_transport_restarted *restarted)
{
    struct page *page = court_page(court, ticket->page);
    if (!page)
        return;
    if (status < 0) {
        page_error(page, ticket->request, error_of(status), "ICE was not restarted");
        return;
    }
    struct jsontext t = {0};
    struct turn_offer turn;
    reply_ice_restarted(&t, ticket->request, &restarted->ice,
                        court_turn(court, page->person, &turn));
    page_send(page, &t);
}

void publish_path(struct page *page, const struct message *message)
{
    if (!bucket_take(&page->paths, LIMIT_PATH_RATE, LIMIT_PATH_BURST, page->court->now_us)) {
        page->court->counters.errors++;
        page_error(page, message->id, MESSAGE_TOO_FAST, "over 1 a second of what is said of it");
        return;
    }
    hearing_set_path(page->live->hearing, page->person, message->path, &page->court->changes);
    effects_apply(page->live);
    page_ok(page, message->id);
}

/* Whether the person may publish this now. Returns 0 or what the page is told. */
static enum message_error check_produce(const struct page *page,
                                        const struct message_produce *produce,
                                        struct control_stream_add *ret_add)
{
    int r = hearing_check(page->live->hearing, page->person, ACCESS_PRODUCE, 0);
    if (r == 0)
        r = hearing_can_produce(page->person, produce->kind, produce->source);
    if (r == -EEXIST)
        r = 0; /* end_stale() makes room */
    if (r == 0)
        r = rtpparams_stream(produce, page->live->hearing->stored.vp9, ret_add);
    return r < 0 ? page_error_of(r) : MESSAGE_OK;
}

static int write_line(struct page *page, uint64_t stream, enum control_source source)
{
    const struct journal_entry entry = {
        .event = JOURNAL_PRODUCER_STARTED,
        .person = page->person->stored.id,
        .stream = stream,
        .source = source,
    };
    /* Of what is published beside the courtroom there is no line. */
    return page->person->aside.number ? 0 : court_journal(page->live, &entry);
}

/* A page that publishes a source again never had the answer of the first time (its connection was
 * lost, or we were restarted) and sends nothing by that any more. */
static void end_stale(struct page *page, enum control_source source)
{
    const struct hearing_producer *stale = hearing_producer_of(page->person, source);
    if (!stale)
        return;
    hearing_unproduce(page->live->hearing, page->person, stale->id, &page->court->changes);
    effects_apply(page->live);
}

/* Its person is not heard, though the page thinks so. */
static void tell_closed(struct page *page)
{
    struct jsontext t = {0};
    reply_muted(&t, 0);
    page_send(page, &t);
}

void publish_produce(struct page *page, const struct message *message)
{
    struct control_message c = {.type = CONTROL_STREAM_ADD};
    struct media_ticket ticket = ticket_of(page, message->id, COURT_PRODUCE);
    enum message_error error = check_produce(page, &message->produce, &c.stream_add);
    if (error != MESSAGE_OK) {
        page_error(page, message->id, error, "this cannot be published now");
        return;
    }
    struct hearing_producer producer = {
        .kind = message->produce.kind,
        .source = message->produce.source,
        .paused = message->produce.paused,
        .started_us = page->court->wall_us,
    };
    if (producer.source == CONTROL_SOURCE_MICROPHONE &&
        hearing_is_closed(page->live->hearing, page->person))
        producer.paused = true;
    if (terms_id_random(&producer.id) < 0 || write_line(page, producer.id, producer.source) < 0) {
        page_error(page, message->id, MESSAGE_INTERNAL, "the journal takes no line");
        return;
    }
    end_stale(page, producer.source);
    c.stream_add.hearing = ticket.hearing;
    c.stream_add.peer = ticket.person;
    c.stream_add.stream = ticket.stream = producer.id;
    c.stream_add.paused = producer.paused;
    int r = media_ask(page->court->sfu, &c, -1, &ticket);
    hearing_produce(page->live->hearing, page->person, &producer, &page->court->changes);
    effects_apply(page->live);
    if (producer.paused && !message->produce.paused)
        tell_closed(page);
    if (r < 0)
        publish_on_produced(page->court, &ticket, -ENOTCONN);
}

void publish_on_produced(struct court *court, const struct media_ticket *ticket, int status)
{
    struct page *page = court_page(court, ticket->page);
    struct live *live = court_find(court, ticket->hearing);
    struct hearing_person *person = live ? hearing_find(live->hearing, ticket->person) : NULL;
    if (status < 0 && person) {
        log_warn("stream %016" PRIx64 ": not published: %s", ticket->stream, log_errno(status));
        hearing_unproduce(live->hearing, person, ticket->stream, &court->changes);
        effects_apply(live);
    }
    if (!page)
        return;
    if (status < 0) {
        page_error(page, ticket->request, error_of(status), "the media core does not take it");
        return;
    }
    struct jsontext t = {0};
    reply_produced(&t, ticket->request, ticket->stream);
    page_send(page, &t);
}

/* The page's own producer, or NULL after telling it that there is none. */
static struct hearing_producer *own_producer(struct page *page, int32_t request, uint64_t id)
{
    struct hearing_producer *producer = hearing_producer(page->person, id);
    if (!producer)
        page_error(page, request, MESSAGE_NOT_FOUND, "no such producer of yours");
    return producer;
}

void publish_pause(struct page *page, const struct message *message)
{
    const struct hearing_producer *producer =
        own_producer(page, message->id, message->pause.producer);
    if (!producer)
        return;
    if (!message->pause.paused && producer->source == CONTROL_SOURCE_MICROPHONE &&
        hearing_is_closed(page->live->hearing, page->person)) {
        page_error(page, message->id, MESSAGE_WRONG_STATE, "the court keeps it closed");
        return;
    }
    hearing_pause(page->live->hearing, page->person, message->pause.producer, message->pause.paused,
                  &page->court->changes);
    effects_apply(page->live);
    page_ok(page, message->id);
}

void publish_close(struct page *page, const struct message *message)
{
    const struct hearing_producer *producer = own_producer(page, message->id, message->producer);
    if (!producer)
        return;
    gaps_end(page->live, page->person, producer->source);
    hearing_unproduce(page->live->hearing, page->person, message->producer, &page->court->changes);
    effects_apply(page->live);
    page_ok(page, message->id);
}
