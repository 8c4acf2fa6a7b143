/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/view.h"

#include <string.h>

static struct page *joined_page(const struct hearing_person *person)
{
    struct page *page = person ? person->session : NULL;
    return page && page->state == PAGE_JOINED ? page : NULL;
}

bool view_is_within_rate(struct page *page, int32_t request)
{
    if (bucket_take(&page->views, LIMIT_VIEW_RATE, LIMIT_VIEW_BURST, page->court->now_us))
        return true;
    page->court->counters.errors++;
    page_error(page, request, MESSAGE_TOO_FAST, "over 4 a second of what is said of the screen");
    return false;
}

static enum control_rank rank_of(const struct live *live, const struct seats_seat *seat)
{
    const struct hearing_person *shown = hearing_find(live->hearing, seat->person);
    if (shown && seat->source == CONTROL_SOURCE_SCREEN)
        return CONTROL_RANK_EXHIBIT;
    bool is_spotlit = shown && shown->stored.id == live->hearing->spotlight;
    if (shown && (shown->stored.role == CONTROL_ROLE_JUDGE || is_spotlit))
        return CONTROL_RANK_JUDGE;
    if (shown && shown->stored.role == CONTROL_ROLE_INTERPRETER)
        return CONTROL_RANK_INTERPRETER;
    return CONTROL_RANK_OTHER;
}

void view_tell_seat(struct live *live, const struct hearing_person *person, uint8_t seat)
{
    const struct live_view *view = &court_presence(live, person)->view;
    struct control_message message = {
        .type = CONTROL_SEAT_VIEW,
        .seat_view = {.hearing = live->hearing->stored.id,
                      .peer = person->stored.id,
                      .seat = seat,
                      .rank = (uint8_t)rank_of(live, &person->seats.seats[seat]),
                      .height = view->told ? view->heights[seat] : UINT16_MAX},
    };
    (void)media_tell(live->court->sfu, &message, -1); /* away: said again when it is back */
}

static void tell_video(struct live *live, const struct hearing_person *person)
{
    struct control_message message = {
        .type = CONTROL_PEER_VIDEO,
        .peer_video = {.hearing = live->hearing->stored.id,
                       .peer = person->stored.id,
                       .on = !court_presence(live, person)->view.sound_only},
    };
    (void)media_tell(live->court->sfu, &message, -1); /* the same */
}

void view_handle(struct page *page, const struct message *message)
{
    struct live_view *view = &court_presence(page->live, page->person)->view;
    if (!view_is_within_rate(page, message->id))
        return;
    const struct live_view before = *view;
    view->told = true;
    memcpy(view->heights, message->view.heights, sizeof(view->heights));
    for (uint8_t seat = 0; seat < page->person->seats.count; seat++)
        if (!before.told || before.heights[seat] != view->heights[seat])
            view_tell_seat(page->live, page->person, seat);
    page_ok(page, message->id);
}

void view_sound_only(struct page *page, const struct message *message)
{
    if (!view_is_within_rate(page, message->id))
        return;
    court_presence(page->live, page->person)->view.sound_only = message->on;
    tell_video(page->live, page->person);
    page_ok(page, message->id);
}

void view_device(struct page *page, const struct message *message)
{
    if (!view_is_within_rate(page, message->id))
        return;
    struct live_view *view = &court_presence(page->live, page->person)->view;
    view->overloaded = message->device.overloaded;
    view->thin_line = message->device.thin_line;
    page_ok(page, message->id);
}

static void tell_held(struct page *page, uint8_t seat, bool is_held)
{
    struct jsontext t = {0};
    reply_seat_picture(&t, seat, is_held);
    page_send(page, &t);
}

static void tell_layers(struct page *page, const struct hearing_producer *producer)
{
    struct jsontext t = {0};
    reply_layers(&t, producer->id, producer->layers);
    page_send(page, &t);
}

static void tell_line(struct page *page, uint32_t bps)
{
    struct jsontext t = {0};
    reply_line(&t, bps);
    page_send(page, &t);
}

void view_repeat(struct live *live, struct hearing_person *person)
{
    const struct live_view *view = &court_presence(live, person)->view;
    struct page *page = joined_page(person);
    tell_video(live, person);
    for (uint8_t seat = 0; seat < person->seats.count; seat++) {
        view_tell_seat(live, person, seat);
        if (page)
            tell_held(page, seat, view->held >> seat & 1);
    }
    for (size_t i = 0; page && i < LIMIT_STREAMS_PER_PEER; i++)
        if (person->producers[i].id && person->producers[i].layers)
            tell_layers(page, &person->producers[i]);
    if (page && view->line_bps)
        tell_line(page, view->line_bps);
}

void view_on_picture(struct live *live, const struct control_seat_picture *picture)
{
    const struct hearing_person *person = hearing_find(live->hearing, picture->peer);
    if (!person || picture->seat >= LIMIT_SEATS)
        return;
    struct live_view *view = &court_presence(live, person)->view;
    bool is_held = picture->picture == CONTROL_PICTURE_HELD;
    struct page *page = joined_page(person);
    view->held &= ~(1u << picture->seat);
    view->held |= (uint32_t)is_held << picture->seat;
    if (page && picture->seat < person->seats.count)
        tell_held(page, picture->seat, is_held);
}

void view_on_layers(struct live *live, const struct control_layers *layers)
{
    struct hearing_person *person = hearing_find(live->hearing, layers->peer);
    struct hearing_producer *producer = person ? hearing_producer(person, layers->stream) : NULL;
    struct page *page = joined_page(person);
    if (!producer)
        return;
    producer->layers = layers->received;
    if (page && producer->layers)
        tell_layers(page, producer);
}

void view_on_line(struct live *live, const struct hearing_person *person, uint32_t bps)
{
    struct live_view *view = &court_presence(live, person)->view;
    struct page *page = joined_page(person);
    uint64_t change = bps > view->line_bps ? bps - view->line_bps : view->line_bps - bps;
    if (!page || bps == 0 || change * 1000 < (uint64_t)view->line_bps * VIEW_LINE_PERMILLE ||
        bps == view->line_bps)
        return;
    view->line_bps = bps;
    tell_line(page, bps);
}
