/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/peer.h"

#include <errno.h>
#include <stdlib.h>

#include "sfu/feedback.h"
#include "sfu/forward.h"
#include "sfu/pictures.h"

#define SLOW_INTERVAL_US  (100 * 1000ull)
#define LAYER_INTERVAL_US (1000 * 1000ull)
/* Behind the newest packet of another layer by so much, a layer has stopped. Ours: several frames
 * at the lowest rate of a camera. */
#define LAYER_BEHIND_US   (500 * 1000ull)
#define STATS_INTERVAL_US (2000 * 1000ull)

int peer_create(struct context *c, struct hearing *hearing, const struct control_peer_add *add,
                struct peer **ret_peer)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (!peer)
        return -ENOMEM;
    peer->id = add->peer;
    peer->role = add->role;
    peer->room_kind = add->room_kind;
    peer->room = add->room;
    peer->stats_us = c->now_us + STATS_INTERVAL_US;
    peer->told_at_us = c->now_us;
    int r = publisher_init(&peer->publisher, c, hearing, add->peer);
    if (r == 0)
        r = subscriber_init(&peer->subscriber, c, hearing->id, add->peer, add->seats);
    peer->subscriber.takes_red = add->red;
    if (r < 0) {
        peer_destroy(peer, c);
        return r;
    }
    peer_hurry(peer, c);
    *ret_peer = peer;
    return 0;
}

void peer_destroy(struct peer *peer, struct context *c)
{
    if (!peer)
        return;
    list_remove(&peer->link);
    wheel_cancel(&peer->timer);
    subscriber_finish(&peer->subscriber);
    publisher_finish(&peer->publisher, c);
    free(peer);
}

static void tell_stream_state(const struct publication *pub, struct context *c)
{
    const struct publisher *p = pub->publisher;
    struct control_message m = {
        .type = CONTROL_STREAM_STATE,
        .stream_state = {p->hearing->id, p->peer, pub->id, pub->told_flowing},
    };
    outbox_tell(&c->outbox, &m);
}

/* A layer stops while others of the same picture go on: its viewers need not wait until it is
 * silent for long. Still pictures make all layers pause alike, and none falls behind. */
static bool fell_behind(const struct encoding *e, uint64_t newest_us)
{
    return newest_us - encoding_last_us(e) > LAYER_BEHIND_US;
}

/* The tape changes to the best layer with its next key frame. */
static void ask_for_tape(struct publication *pub, struct context *c)
{
    struct encoding *best = publication_best(pub);
    if (pub->recorded && pub->taped != best)
        encoding_ask_key_frame(best, c);
}

static void watch_flow(struct publication *pub, struct context *c)
{
    uint64_t newest_us = 0;
    for (size_t i = 0; i < pub->encoding_count; i++) {
        uint64_t last_us = encoding_last_us(&pub->encodings[i]);
        newest_us = last_us > newest_us ? last_us : newest_us;
    }
    bool flows = false;
    bool stopped = false;
    for (size_t i = 0; i < pub->encoding_count; i++) {
        struct encoding *e = &pub->encodings[i];
        bool flowed = e->flowing;
        e->flowing = encoding_is_flowing(e, c->now_us) && !fell_behind(e, newest_us);
        flows = flows || e->flowing;
        stopped = stopped || (flowed && !e->flowing);
    }
    for (size_t i = 0; stopped && flows && i < pub->encoding_count; i++) {
        struct encoding *e = &pub->encodings[i];
        for (size_t k = e->subscriber_count; k-- > 0;) /* it may leave the list */
            if (!e->flowing)
                subscription_choose_layer(e->subscribers[k], c);
    }
    if (stopped && flows)
        ask_for_tape(pub, c);
    if (flows == pub->told_flowing)
        return;
    pub->told_flowing = flows;
    tell_stream_state(pub, c);
}

/* Seats that wait, and the tape, keep asking until they have their picture. */
static void choose_layers(struct peer *peer, struct context *c)
{
    struct subscriber *s = &peer->subscriber;
    for (size_t i = 0; i < 2 * s->seat_count; i++) {
        struct subscription *sub = &s->subscriptions[i];
        subscription_choose_layer(sub, c);
        if (sub->wanted && sub->wanted != sub->shown && !sub->held &&
            !sub->wanted->publication->paused && transport_can_send(s->down))
            encoding_ask_key_frame(sub->wanted, c);
    }
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        struct publication *pub = peer->publisher.publications[i];
        if (pub)
            ask_for_tape(pub, c);
    }
}

static uint32_t permille(uint64_t part, uint64_t whole)
{
    if (whole == 0 || part == 0)
        return 0;
    return part >= whole ? 1000 : (uint32_t)(part * 1000 / whole);
}

static uint32_t bps(uint64_t bytes, uint64_t interval_us)
{
    uint64_t value = interval_us ? bytes * 8 * 1000000 / interval_us : 0;
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Streams come and go, so a sum over them may fall: that interval then says nothing. */
static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static uint64_t positive(int64_t n)
{
    return n > 0 ? (uint64_t)n : 0;
}

/* What of its sound and of its camera comes. */
static void put_published(struct control_peer_stats *stats, const struct publisher *p)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        const struct publication *pub = p->publications[i];
        for (size_t k = 0; pub && k < pub->encoding_count; k++) {
            const struct encoding *e = &pub->encodings[k];
            if (!e->flowing)
                continue;
            if (pub->source == CONTROL_SOURCE_MICROPHONE)
                stats->up_jitter_us = stream_jitter_us(e->stream);
            if (pub->source != CONTROL_SOURCE_CAMERA)
                continue;
            stats->up_layers |= (uint8_t)(1u << k);
            if (e->height > stats->up_height)
                stats->up_height = e->height;
        }
    }
}

/* The pictures it is sent, and those it is not for want of bandwidth. */
static void put_pictures(struct control_peer_stats *stats, const struct subscriber *s)
{
    for (size_t i = 0; i < 2 * s->seat_count; i++) {
        const struct subscription *sub = &s->subscriptions[i];
        if (sub->kind != CONTROL_VIDEO)
            continue;
        stats->down_held += sub->told_held;
        if (!sub->shown || !sub->shown->flowing || sub->held || sub->broken)
            continue;
        stats->down_pictures++;
        if (sub->shown->height > stats->down_height)
            stats->down_height = sub->shown->height;
    }
}

static void tell_stats(struct peer *peer, struct context *c)
{
    struct publisher *p = &peer->publisher;
    struct subscriber *s = &peer->subscriber;
    uint64_t expected = 0, arrived = 0;
    for (size_t i = 0; i < p->ssrc_count; i++) {
        const struct encoding *e = p->ssrcs[i].encoding;
        if (!e->stream || p->ssrcs[i].ssrc != e->ssrc)
            continue;
        expected += stream_stats(e->stream)->expected;
        arrived += stream_stats(e->stream)->before_repair;
    }
    uint64_t due = grown(expected, peer->told_expected);
    uint64_t came = grown(arrived, peer->told_arrived);
    uint64_t interval_us = c->now_us - peer->told_at_us;
    struct control_message m = {
        .type = CONTROL_PEER_STATS,
        .peer_stats =
            {
                .hearing = p->hearing->id,
                .peer = peer->id,
                .rtt_us = s->rtt_us,
                .up_loss_permille = permille(grown(due, came), due),
                .down_loss_permille = permille(positive(s->lost), positive(s->expected)),
                .up_bps = bps(grown(p->bytes, peer->told_up_bytes), interval_us),
                .down_bps = bps(grown(s->bytes, peer->told_down_bytes), interval_us),
                .up_packets = p->packets,
                .down_packets = s->packets,
                .down_estimate_bps = downlink_estimate_bps(&s->downlink),
                .down_jitter_us = s->jitter_us,
            },
    };
    put_published(&m.peer_stats, p);
    put_pictures(&m.peer_stats, s);
    outbox_tell(&c->outbox, &m);
    peer->told_at_us = c->now_us;
    peer->told_expected = expected;
    peer->told_arrived = arrived;
    peer->told_up_bytes = p->bytes;
    peer->told_down_bytes = s->bytes;
    /* What was counted ahead of the peer's reports is made up for by the next ones. */
    s->lost = s->lost < 0 && (s->expected <= 0 || -s->lost < s->expected) ? s->lost : 0;
    s->expected = 0;
    s->jitter_us = 0;
}

static void tick_slowly(struct peer *peer, struct context *c)
{
    struct publisher *p = &peer->publisher;
    struct subscriber *s = &peer->subscriber;
    peer->slow_us = c->now_us + SLOW_INTERVAL_US;

    (void)transport_tick(p->up, c->now_us);
    (void)transport_tick(s->down, c->now_us);
    forward_phase(c, p->up);
    forward_phase(c, s->down);
    feedback_to_subscriber(c, s);
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i]) {
            publication_set_round_trip(p->publications[i], s->rtt_us);
            watch_flow(p->publications[i], c);
            pictures_tell_layers(p->publications[i], c);
        }
    if (c->now_us >= peer->layer_us) {
        peer->layer_us = c->now_us + LAYER_INTERVAL_US;
        choose_layers(peer, c);
    }
    if (c->now_us >= peer->stats_us) {
        peer->stats_us = c->now_us + STATS_INTERVAL_US;
        tell_stats(peer, c);
    }
}

static void tick(struct peer *peer, struct context *c)
{
    if (publisher_has_streams(&peer->publisher))
        feedback_to_publisher(c, &peer->publisher);
    if (c->now_us + WHEEL_TICK_US > peer->slow_us) /* a timer may be due a tick early */
        tick_slowly(peer, c);
    pictures_tick(&peer->subscriber, c);
    bool fast = publisher_has_streams(&peer->publisher) || pictures_hurry(&peer->subscriber);
    wheel_set(&c->peers, &peer->timer, fast ? c->now_us + WHEEL_TICK_US : peer->slow_us);
}

void peers_tick(struct context *c)
{
    struct wheel_timer *t;
    while ((t = wheel_take(&c->peers, c->now_us)))
        tick(LIST_ENTRY(t, struct peer, timer), c);
}

void peer_hurry(struct peer *peer, struct context *c)
{
    wheel_set(&c->peers, &peer->timer, c->now_us);
}

static void tell_transport(const struct peer *peer, struct context *c,
                           const struct transport *transport)
{
    struct control_message m = {
        .type = CONTROL_TRANSPORT_STATE,
        .transport_state = {peer->publisher.hearing->id, peer->id,
                            (uint8_t)transport_direction(transport),
                            (uint8_t)transport_phase(transport)},
    };
    outbox_tell(&c->outbox, &m);
}

static void tell_seats(const struct subscriber *s, struct context *c)
{
    for (size_t i = 0; i < 2 * s->seat_count; i++) {
        const struct subscription *sub = &s->subscriptions[i];
        if (!sub->shown)
            continue;
        struct control_message m = {
            .type = CONTROL_SEAT_SWITCHED,
            .seat_switched = {0, s->hearing, s->peer, sub->seat, (uint8_t)sub->kind,
                              sub->shown->publication->id},
        };
        outbox_tell(&c->outbox, &m);
    }
}

void peer_tell_presence(const struct peer *peer, struct context *c)
{
    const struct publisher *p = &peer->publisher;
    struct control_message m = {
        .type = CONTROL_PEER_PRESENT,
        .peer_add = {p->hearing->id, peer->id, peer->role, peer->room_kind, peer->room,
                     (uint8_t)peer->subscriber.seat_count, peer->subscriber.takes_red},
    };
    outbox_tell(&c->outbox, &m);
    tell_transport(peer, c, p->up);
    tell_transport(peer, c, peer->subscriber.down);
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        const struct publication *pub = p->publications[i];
        if (!pub)
            continue;
        m = (struct control_message){
            .type = CONTROL_STREAM_PRESENT,
            .stream_present = {p->hearing->id, peer->id, pub->id, (uint8_t)pub->kind,
                               (uint8_t)pub->source, pub->paused},
        };
        outbox_tell(&c->outbox, &m);
        tell_stream_state(pub, c);
    }
    tell_seats(&peer->subscriber, c);
    pictures_tell_presence(p, &peer->subscriber, c);
}
