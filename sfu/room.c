/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/room.h"

#include <errno.h>
#include <stdlib.h>

#include "common/limits.h"
#include "sfu/pictures.h"

#define SPEAKERS_INTERVAL_US (200 * 1000ull)

#define PEER(item) LIST_ENTRY(item, struct peer, link)

int room_create(struct context *c, uint64_t hearing, struct room **ret_room)
{
    struct room *room = calloc(1, sizeof(*room));
    if (!room)
        return -ENOMEM;
    list_init(&room->peers);
    int r = hearing_init(&room->hearing, c, hearing);
    if (r == 0)
        r = table_create(LIMIT_PEERS_PER_HEARING, c->boot_id, &room->peer_ids);
    if (r < 0) {
        hearing_finish(&room->hearing);
        free(room);
        return r;
    }
    *ret_room = room;
    return 0;
}

/* Empties the seats that show or want `pub`, whoever's they are. */
static void cut_publication(struct context *c, struct publication *pub)
{
    for (size_t i = 0; i < pub->encoding_count; i++) {
        struct encoding *e = &pub->encodings[i];
        while (e->subscriber_count > 0)
            subscription_cut(e->subscribers[e->subscriber_count - 1], c, pub);
    }
}

/* The same for a pause, after which they show it again. */
static void suspend_publication(struct context *c, struct publication *pub)
{
    for (size_t i = 0; i < pub->encoding_count; i++) {
        struct encoding *e = &pub->encodings[i];
        for (size_t k = e->subscriber_count; k-- > 0;)
            subscription_suspend(e->subscribers[k], c, pub);
    }
}

static void resume_publication(struct context *c, struct publication *pub)
{
    for (size_t i = 0; i < pub->encoding_count; i++)
        if (pub->encodings[i].subscriber_count > 0)
            encoding_ask_key_frame(&pub->encodings[i], c);
}

static void end_peer(struct room *room, struct context *c, struct peer *peer)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (peer->publisher.publications[i])
            cut_publication(c, peer->publisher.publications[i]);
    speakers_remove(room->hearing.speakers, peer->id);
    table_remove(room->peer_ids, peer->id);
    peer_destroy(peer, c);
}

void room_destroy(struct room *room, struct context *c)
{
    if (!room)
        return;
    LIST_FOR_EACH_SAFE(it, &room->peers)
    end_peer(room, c, PEER(it));
    table_destroy(room->peer_ids);
    hearing_finish(&room->hearing);
    free(room);
}

static bool has_bit(uint16_t bits, uint8_t bit)
{
    return bits >> bit & 1;
}

static bool is_screened(const struct control_screens *screens, uint64_t from, uint64_t to,
                        enum control_kind kind)
{
    for (size_t i = 0; i < screens->count; i++) {
        const struct control_screen *s = &screens->screens[i];
        if (s->from == from && s->to == to && has_bit(s->kinds, (uint8_t)kind))
            return true;
    }
    return false;
}

bool room_may_receive(const struct room *room, const struct peer *from, const struct peer *to,
                      enum control_kind kind)
{
    return from != to && from->room_kind == to->room_kind && from->room == to->room &&
           has_bit(room->matrix.receivers[from->room_kind][from->role], to->role) &&
           !is_screened(&room->screens, from->id, to->id, kind);
}

static bool may_show(const struct room *room, const struct publication *pub, const struct peer *to)
{
    return room_may_receive(room, peer_of_publisher(pub->publisher), to,
                            (enum control_kind)pub->kind);
}

static void enforce_in_seat(struct room *room, struct context *c, struct subscription *sub)
{
    const struct peer *to = peer_of_subscriber(sub->subscriber);
    struct encoding *shown = sub->shown, *wanted = sub->wanted;
    if (shown && !may_show(room, shown->publication, to))
        subscription_cut(sub, c, shown->publication);
    /* Still there unless it was the same publication. */
    if (wanted && sub->wanted == wanted && !may_show(room, wanted->publication, to))
        subscription_cut(sub, c, wanted->publication);
}

static void update_recording(struct room *room, struct context *c, struct publication *pub)
{
    const struct peer *peer = peer_of_publisher(pub->publisher);
    bool recorded = tap_is_attached(&room->hearing.tap) && !pub->paused &&
                    has_bit(room->matrix.recorded[peer->room_kind], peer->role);
    if (recorded != pub->recorded)
        publication_record(pub, c, recorded);
}

/* Of one peer: what it receives, and whether it is recorded. */
static void enforce_for(struct room *room, struct context *c, struct peer *peer)
{
    for (size_t i = 0; i < 2 * peer->subscriber.seat_count; i++)
        enforce_in_seat(room, c, &peer->subscriber.subscriptions[i]);
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (peer->publisher.publications[i])
            update_recording(room, c, peer->publisher.publications[i]);
}

/* Of one peer: who receives it. */
static void enforce_from(struct room *room, struct context *c, struct peer *peer)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        struct publication *pub = peer->publisher.publications[i];
        for (size_t k = 0; pub && k < pub->encoding_count; k++) {
            struct encoding *e = &pub->encodings[k];
            for (size_t j = e->subscriber_count; j-- > 0;) /* it may leave the list */
                enforce_in_seat(room, c, e->subscribers[j]);
        }
    }
}

/* Brings everything into agreement with matrix and rooms: what is forbidden ends here. */
static void enforce(struct room *room, struct context *c)
{
    LIST_FOR_EACH(it, &room->peers)
    enforce_for(room, c, PEER(it));
}

int room_attach_tape(struct room *room, struct context *c, int fd)
{
    uint32_t generation = room->hearing.tap.generation;
    int r = tap_attach(&room->hearing.tap, c, fd);
    if (r < 0)
        return r;
    if (room->hearing.tap.generation != generation) {
        /* Another tape: every track begins anew on it, with a key frame. */
        LIST_FOR_EACH(it, &room->peers)
        for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
            if (PEER(it)->publisher.publications[i])
                publication_leave_tape(PEER(it)->publisher.publications[i]);
    }
    enforce(room, c);
    return 0;
}

void room_set_matrix(struct room *room, struct context *c, const struct control_matrix *matrix)
{
    room->matrix = *matrix;
    enforce(room, c);
}

void room_set_screens(struct room *room, struct context *c, const struct control_screens *screens)
{
    room->screens = *screens;
    enforce(room, c);
}

struct peer *room_find_peer(const struct room *room, uint64_t id)
{
    return table_get(room->peer_ids, id);
}

int room_add_peer(struct room *room, struct context *c, const struct control_peer_add *add,
                  struct peer **ret_peer)
{
    if (add->peer == 0)
        return -EINVAL;
    room_remove_peer(room, c, add->peer);
    if (room_peer_count(room) == LIMIT_PEERS_PER_HEARING)
        return -ENOSPC;
    struct peer *peer;
    int r = peer_create(c, &room->hearing, add, &peer);
    if (r < 0)
        return r;
    r = table_put(room->peer_ids, peer->id, peer);
    if (r < 0) {
        peer_destroy(peer, c);
        return r;
    }
    list_append(&room->peers, &peer->link);
    *ret_peer = peer;
    return 0;
}

void room_remove_peer(struct room *room, struct context *c, uint64_t id)
{
    struct peer *peer = room_find_peer(room, id);
    if (peer)
        end_peer(room, c, peer);
}

int room_move_peer(struct room *room, struct context *c, const struct control_peer_move *move)
{
    struct peer *peer = room_find_peer(room, move->peer);
    if (!peer)
        return -ENOENT;
    if (peer->room_kind != move->room_kind || peer->room != move->room)
        speakers_remove(room->hearing.speakers, peer->id);
    peer->room_kind = move->room_kind;
    peer->room = move->room;
    enforce_for(room, c, peer);
    enforce_from(room, c, peer);
    return 0;
}

int room_add_stream(struct room *room, struct context *c, const struct control_stream_add *add)
{
    struct peer *peer = room_find_peer(room, add->peer);
    if (!peer)
        return -ENOENT;
    if (publisher_find(&peer->publisher, add->stream)) {
        const struct control_stream_pause pause = {add->hearing, add->peer, add->stream,
                                                   add->paused};
        return room_pause_stream(room, c, &pause); /* said again */
    }
    struct publication *pub;
    int r = publisher_add(&peer->publisher, c, add, &pub);
    if (r < 0)
        return r;
    update_recording(room, c, pub);
    peer_hurry(peer, c);
    return 0;
}

void room_remove_stream(struct room *room, struct context *c, uint64_t peer_id, uint64_t stream)
{
    struct peer *peer = room_find_peer(room, peer_id);
    struct publication *pub = peer ? publisher_find(&peer->publisher, stream) : NULL;
    if (!pub)
        return;
    cut_publication(c, pub);
    publisher_remove(&peer->publisher, c, pub);
}

int room_pause_stream(struct room *room, struct context *c,
                      const struct control_stream_pause *pause)
{
    struct peer *peer = room_find_peer(room, pause->peer);
    struct publication *pub = peer ? publisher_find(&peer->publisher, pause->stream) : NULL;
    if (!pub)
        return -ENOENT;
    if (pub->paused == pause->paused)
        return 0;
    pub->paused = pause->paused;
    if (pub->paused) {
        suspend_publication(c, pub);
        if (pub->source == CONTROL_SOURCE_MICROPHONE)
            speakers_remove(room->hearing.speakers, peer->id);
    } else {
        resume_publication(c, pub);
    }
    update_recording(room, c, pub);
    return 0;
}

size_t room_peer_count(const struct room *room)
{
    return table_count(room->peer_ids);
}

size_t room_stream_count(const struct room *room)
{
    return table_count(room->hearing.streams);
}

/* Whether `pub` may be shown to `to` as `kind`. */
static int check_route(const struct room *room, const struct publication *pub,
                       const struct peer *to, uint8_t kind)
{
    if (!pub)
        return -ENOENT;
    if (pub->kind != kind)
        return -EINVAL;
    return may_show(room, pub, to) ? 0 : -EACCES;
}

void room_set_seat(struct room *room, struct context *c, const struct control_message *request)
{
    const struct control_seat_set *set = &request->seat_set;
    struct peer *peer = room_find_peer(room, set->peer);
    struct subscription *sub =
        peer ? subscriber_seat(&peer->subscriber, set->seat, (enum control_kind)set->kind) : NULL;
    struct publication *pub = set->stream ? table_get(room->hearing.streams, set->stream) : NULL;
    int r = 0;
    if (!sub)
        r = -ENOENT;
    else if (set->stream)
        r = check_route(room, pub, peer, set->kind);
    if (r < 0) {
        struct control_message refusal = letters_answer(request, r);
        outbox_tell(&c->outbox, &refusal);
    } else if (pub) {
        subscription_set(sub, c, pub, request->request);
    } else {
        subscription_empty(sub, c, request->request);
    }
}

int room_set_view(struct room *room, const struct control_seat_view *view)
{
    struct peer *peer = room_find_peer(room, view->peer);
    struct subscription *sub =
        peer ? subscriber_seat(&peer->subscriber, view->seat, CONTROL_VIDEO) : NULL;
    if (!sub)
        return -ENOENT;
    pictures_view(sub, view->rank, view->height);
    return 0;
}

int room_set_video(struct room *room, const struct control_peer_video *video)
{
    struct peer *peer = room_find_peer(room, video->peer);
    if (!peer)
        return -ENOENT;
    pictures_set_on(&peer->subscriber, video->on);
    return 0;
}

static void watch_speakers(struct room *room, struct context *c)
{
    if (c->now_us < room->speakers_us)
        return;
    room->speakers_us = c->now_us + SPEAKERS_INTERVAL_US;
    bool news = speakers_update(room->hearing.speakers, c->now_us);
    struct speaker list[CONTROL_SPEAKERS_MAX];
    size_t count = speakers_list(room->hearing.speakers, list, CONTROL_SPEAKERS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct peer *peer = room_find_peer(room, list[i].id);
        if (peer)
            peer->publisher.spoke_us = c->now_us;
    }
    if (!news)
        return;
    struct control_message m = {
        .type = CONTROL_SPEAKERS,
        .speakers = {.hearing = room->hearing.id, .count = (uint8_t)count},
    };
    for (size_t i = 0; i < count; i++)
        m.speakers.speakers[i] = (struct control_speaker){list[i].id, list[i].level_dbov};
    outbox_tell(&c->outbox, &m);
}

void room_tick(struct room *room, struct context *c)
{
    watch_speakers(room, c);
}

void room_tell_presence(const struct room *room, struct context *c)
{
    struct control_message m = {
        .type = CONTROL_HEARING_PRESENT,
        .hearing_open = {room->hearing.id, tap_is_attached(&room->hearing.tap)},
    };
    outbox_tell(&c->outbox, &m);
    LIST_FOR_EACH(it, &room->peers)
    peer_tell_presence(PEER(it), c);
}
