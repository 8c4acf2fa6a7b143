/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "common/log.h"
#include "sfu/forward.h"
#include "sfu/room.h"

static struct room *find_room(const struct table *rooms, uint64_t hearing)
{
    return table_get(rooms, hearing);
}

struct load_people orders_people(const struct table *rooms)
{
    struct load_people people = {0};
    size_t cursor = 0;
    const struct room *room;
    while ((room = table_next(rooms, &cursor)))
        load_add_hearing(&people, room_peer_count(room));
    return people;
}

static int open_hearing(struct context *c, struct table *rooms,
                        const struct control_hearing_open *open, int fd)
{
    struct room *room = find_room(rooms, open->hearing);
    if (!room) {
        int r = room_create(c, open->hearing, &room);
        if (r < 0)
            return r;
        r = table_put(rooms, open->hearing, room);
        if (r < 0) {
            room_destroy(room, c);
            return r;
        }
        log_info("hearing %016" PRIx64 ": here", open->hearing);
    }
    /* Without a ring the present one stays: a restarted signaling may not have it yet. */
    return open->recorded ? room_attach_tape(room, c, fd) : 0;
}

static int close_hearing(struct context *c, struct table *rooms, uint64_t hearing)
{
    struct room *room = table_remove(rooms, hearing);
    if (room)
        log_info("hearing %016" PRIx64 ": ended", hearing);
    room_destroy(room, c);
    return 0;
}

/* Only the public is refused: whoever has a part in an accepted hearing comes in and comes again,
 * after a lapse, a reload or a restart of ours. Whoever is there already takes its own place. */
static bool is_full(const struct room *room, const struct context *c, const struct table *rooms,
                    const struct control_peer_add *add)
{
    return add->role == CONTROL_ROLE_OBSERVER && !room_find_peer(room, add->peer) &&
           !load_takes(&c->load, orders_people(rooms), room_peer_count(room));
}

static int add_peer(struct room *room, struct context *c, const struct orders_offer *offer,
                    const struct control_peer_add *add, struct control_peer_ready *ret_ready)
{
    struct peer *peer;
    int r = room_add_peer(room, c, add, &peer);
    if (r < 0)
        return r;
    transport_ice(peer->publisher.up, &ret_ready->ice[CONTROL_UP]);
    transport_ice(peer->subscriber.down, &ret_ready->ice[CONTROL_DOWN]);
    memcpy(ret_ready->fingerprint, offer->fingerprint, sizeof(ret_ready->fingerprint));
    memcpy(ret_ready->candidates, offer->candidates, sizeof(ret_ready->candidates));
    ret_ready->candidate_count = offer->candidate_count;
    ret_ready->seat_count = add->seats;
    for (uint8_t i = 0; i < add->seats; i++) {
        const struct subscription *audio = subscriber_seat(&peer->subscriber, i, CONTROL_AUDIO);
        const struct subscription *video = subscriber_seat(&peer->subscriber, i, CONTROL_VIDEO);
        ret_ready->seats[i] =
            (struct control_seat_ssrcs){audio->ssrc, video->ssrc, video->rtx_ssrc};
    }
    return 0;
}

/* NULL when there is no such peer. */
static struct transport *find_transport(const struct room *room, uint64_t id, uint8_t direction)
{
    struct peer *peer = room_find_peer(room, id);
    if (!peer)
        return NULL;
    return direction == CONTROL_UP ? peer->publisher.up : peer->subscriber.down;
}

static int connect_transport(struct room *room, struct context *c,
                             const struct control_transport_connect *connect)
{
    struct transport *t = find_transport(room, connect->peer, connect->direction);
    if (!t)
        return -ENOENT;
    int r = transport_connect(t, connect->fingerprint, c->now_us);
    forward_phase(c, t);
    return r;
}

/* Requests of an existing room. `ret_answer` is prepared with status 0; returns whether there is
 * one to send. */
static bool serve_in_room(struct room *room, struct context *c, const struct orders_offer *offer,
                          const struct control_message *m, struct control_message *ret_answer)
{
    struct transport *t;
    int r = 0;
    switch (m->type) {
    case CONTROL_MATRIX:
        room_set_matrix(room, c, &m->matrix);
        break;
    case CONTROL_SCREENS:
        room_set_screens(room, c, &m->screens);
        break;
    case CONTROL_PEER_ADD:
        r = add_peer(room, c, offer, &m->peer_add, &ret_answer->peer_ready);
        break;
    case CONTROL_PEER_REMOVE:
        room_remove_peer(room, c, m->peer.peer);
        break;
    case CONTROL_PEER_MOVE:
        r = room_move_peer(room, c, &m->peer_move);
        break;
    case CONTROL_TRANSPORT_CONNECT:
        r = connect_transport(room, c, &m->transport_connect);
        break;
    case CONTROL_TRANSPORT_RESTART:
        t = find_transport(room, m->transport_restart.peer, m->transport_restart.direction);
        r = t ? transport_restart(t, &ret_answer->transport_restarted.ice) : -ENOENT;
        break;
    case CONTROL_STREAM_ADD:
        r = room_add_stream(room, c, &m->stream_add);
        break;
    case CONTROL_STREAM_REMOVE:
        room_remove_stream(room, c, m->stream.peer, m->stream.stream);
        break;
    case CONTROL_STREAM_PAUSE:
        r = room_pause_stream(room, c, &m->stream_pause);
        break;
    case CONTROL_SEAT_VIEW:
        r = room_set_view(room, &m->seat_view);
        break;
    case CONTROL_PEER_VIDEO:
        r = room_set_video(room, &m->peer_video);
        break;
    case CONTROL_SEAT_SET:
        room_set_seat(room, c, m);
        return false;
    default: /* the control thread lets nothing else through */
        r = -EINVAL;
        break;
    }
    if (r < 0)
        *ret_answer = letters_answer(m, r);
    return true;
}

static void tell_presence(struct context *c, const struct table *rooms,
                          const struct control_message *m)
{
    size_t cursor = 0;
    const struct room *room;
    while ((room = table_next(rooms, &cursor)))
        room_tell_presence(room, c);
    const struct control_message end = {.type = CONTROL_PRESENT_END, .request = m->request};
    outbox_answer(&c->outbox, &end, c->outbox.connection);
}

void orders_serve(struct context *c, struct table *rooms, const struct orders_offer *offer,
                  const struct control_message *m, int fd)
{
    if (m->type == CONTROL_PRESENT_END) {
        tell_presence(c, rooms, m);
        return;
    }
    struct control_message answer = letters_answer(m, 0);
    if (m->type == CONTROL_HEARING_OPEN) {
        answer = letters_answer(m, open_hearing(c, rooms, &m->hearing_open, fd));
    } else if (m->type == CONTROL_HEARING_CLOSE) {
        answer = letters_answer(m, close_hearing(c, rooms, m->hearing.hearing));
    } else {
        struct room *room = find_room(rooms, m->hearing.hearing);
        if (!room) {
            answer = letters_answer(m, -ENOENT);
        } else if (m->type == CONTROL_PEER_ADD && is_full(room, c, rooms, &m->peer_add)) {
            context_count(c, CONTROL_METRIC_REFUSED);
            answer = letters_answer(m, -EUSERS);
        } else if (!serve_in_room(room, c, offer, m, &answer)) {
            return;
        }
    }
    if (answer.request)
        outbox_tell(&c->outbox, &answer);
}

void orders_end(struct context *c, struct table *rooms)
{
    for (;;) {
        size_t cursor = 0;
        struct room *room = table_next(rooms, &cursor);
        if (!room)
            return;
        table_remove(rooms, room->hearing.id);
        room_destroy(room, c);
    }
}
