/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/forward.h"

#include <errno.h>

#include "sfu/feedback.h"
#include "sfu/packet.h"
#include "sfu/publication.h"
#include "sfu/rtp.h"
#include "sfu/seqnum.h"
#include "sfu/subscription.h"
#include "sfu/transmit.h"

void forward_phase(struct context *c, struct transport *transport)
{
    enum control_transport_phase phase;
    if (!transport_take_phase(transport, &phase))
        return;
    bool up = transport_direction(transport) == CONTROL_UP;
    struct publisher *p = up ? transport_owner(transport) : NULL;
    struct subscriber *s = up ? NULL : transport_owner(transport);
    struct control_message event = {
        .type = CONTROL_TRANSPORT_STATE,
        .transport_state = {up ? p->hearing->id : s->hearing, up ? p->peer : s->peer,
                            up ? CONTROL_UP : CONTROL_DOWN, (uint8_t)phase},
    };
    outbox_tell(&c->outbox, &event);
    if (s && phase == CONTROL_TRANSPORT_CONNECTED)
        subscriber_connected(s, c);
}

/* The levels the sender measured itself (RFC 6464): nothing is decoded here. */
static void hear(struct context *c, const struct publication *pub, const struct rtpext_values *ext)
{
    struct publisher *p = pub->publisher;
    if (pub->source == CONTROL_SOURCE_MICROPHONE && ext->has_audio_level)
        (void)speakers_heard(p->hearing->speakers, p->peer, ext->audio_level,
                             c->now_us); /* bounded */
}

/* What waits for slow lines of a picture goes out before what follows. From the last on, as one may
 * leave the list by it. */
static void send_waiting(struct context *c, struct encoding *e)
{
    for (size_t l = 0; l < encoding_layers(e) && e->publication->kind == CONTROL_VIDEO; l++)
        for (size_t i = e[l].subscriber_count; i-- > 0;)
            if (i < e[l].subscriber_count)
                transmit_waiting(e[l].subscribers[i]->subscriber, c);
}

/* A packet that is not sent on: its number must not become a hole for those who watch. */
static void withhold(struct context *c, struct encoding *e, uint16_t seq)
{
    forward_burst(c); /* those before it */
    send_waiting(c, e);
    for (size_t l = 0; l < encoding_layers(e); l++)
        for (size_t i = 0; i < e[l].subscriber_count; i++)
            if (e[l].subscribers[i]->shown == &e[l])
                (void)rewrite_withhold(&e[l].subscribers[i]->rewrite, e[l].source, seq);
}

/* The source goes on with other numbers: its watchers' go on without a seam all the same. */
static void restart(struct context *c, struct encoding *e)
{
    forward_burst(c); /* of the numbers before */
    send_waiting(c, e);
    for (size_t l = 0; l < encoding_layers(e); l++)
        for (size_t i = 0; i < e[l].subscriber_count; i++)
            rewrite_restart(&e[l].subscribers[i]->rewrite, e[l].source);
}

static void tape(struct context *c, struct encoding *e, const struct packet *packet,
                 const struct stream_arrival *arrival)
{
    struct publication *pub = e->publication;
    if (!pub->recorded)
        return;
    if (pub->taped != e) {
        /* Another layer of the same picture; the tape changes over where a decoder can: a key
         * frame begun by a straggler lacks what went by since. */
        if (!packet->payload.key_frame || publication_best(pub) != e)
            return;
        if (packet->rtp.seq != e->newest_seq) {
            encoding_ask_key_frame(e, c);
            return;
        }
        pub->taped = e;
        tap_reset(&e->track, packet->rtp.seq); /* its numbers ran on while another was taped */
    }
    const struct tap_source source = publication_tap_source(pub);
    /* A straggler of a time that was not recorded begins no recording. */
    if (!e->track.recording && packet->rtp.seq != e->newest_seq)
        return;
    if (arrival->reset)
        tap_reset(&e->track, packet->rtp.seq);
    tap_packet(&pub->publisher->hearing->tap, c, &e->track, &source, packet, arrival->repaired);
}

/* The source is here (again): those who wait for its picture need not wait for the next try. */
static void begin_flow(struct context *c, struct encoding *e)
{
    e->flowing = true;
    if (!e->key_frame_wanted)
        return;
    e->key_frame_tries = 0;
    e->key_frame_ask_us = 0;
    encoding_retry_key_frame(e, c);
}

/* What comes of each encoding that the packet, of the stream of `e`, is of. */
static void note(struct context *c, struct encoding *e, const struct packet *packet, bool newest)
{
    const struct payload_view *payload = &packet->payload;
    struct publication *pub = e->publication;
    if (payload->layer_count > 0 && newest)
        pub->layer_count = payload->layer_count;
    for (size_t l = 0; l < encoding_layers(e); l++) {
        if (!encoding_carries(&e[l], packet))
            continue;
        uint16_t height = encoding_is_layer(e) ? payload->layer_heights[l] : payload->height;
        e[l].last_us = c->now_us;
        e[l].flowing = true;
        if (height)
            e[l].height = height;
        rate_add(&e[l].rate, packet->rtp.payload_len, c->now_us);
        if (payload->descriptor.picture_id_bits > 0)
            tiers_add(&e[l].tiers, payload->descriptor.temporal_layer, packet->rtp.payload_len);
    }
}

/* What arrived means for the numbers of `e`. Returns whether it is the newest of them. */
static bool follow(struct context *c, struct encoding *e, const struct packet *packet,
                   const struct stream_arrival *arrival)
{
    bool first = stream_stats(e->stream)->packets == 1;
    if (first || arrival->reset || seqnum_is_newer(packet->rtp.seq, e->newest_seq))
        e->newest_seq = packet->rtp.seq;
    bool newest = packet->rtp.seq == e->newest_seq;
    if (arrival->reset) {
        encoding_tell_losses(e, c); /* of the old numbers */
        restart(c, e);
    }
    if (arrival->began || !e->flowing)
        begin_flow(c, e);
    if (arrival->repaired)
        context_count(c, CONTROL_METRIC_PACKETS_REPAIRED);
    if (packet->payload.key_frame && e->publication->kind == CONTROL_VIDEO) {
        context_count(c, CONTROL_METRIC_KEY_FRAMES);
        if (newest) /* a straggler opens no seat */
            encoding_key_frame_came(e);
    }
    note(c, e, packet, newest);
    return newest;
}

/* To all who show it; and it opens the seats that wait for it, unless it is a straggler: what
 * followed it went by, and it may be from before they were allowed to see it. */
static void send_burst(struct context *c, const struct burst *b, struct encoding *e)
{
    for (size_t i = 0; i < e->subscriber_count; i++) {
        struct subscription *s = e->subscribers[i];
        for (size_t k = 0; k < b->count; k++)
            if (b->newest[k] || s->shown == e)
                transmit_packet(s, c, e, b->packets[k], b->newest[k]);
    }
}

void forward_burst(struct context *c)
{
    struct burst *b = &c->burst;
    for (size_t l = 0; b->count > 0 && l < encoding_layers(b->encoding); l++)
        send_burst(c, b, &b->encoding[l]);
    while (b->count > 0)
        packet_unref(b->packets[--b->count]);
}

static void fan_out(struct context *c, struct encoding *e, struct packet *packet, bool newest)
{
    struct burst *b = &c->burst;
    /* A seat changes spatial layers with this very packet: what was before it goes first, to all
     * layers, and what follows it later. */
    bool turns = encoding_is_layer(e) && packet->payload.key_frame;
    if (b->count == BURST_PACKETS || (b->count > 0 && (b->encoding != e || turns)))
        forward_burst(c);
    b->encoding = e;
    b->newest[b->count] = newest;
    b->packets[b->count++] = packet_ref(packet);
    if (turns)
        forward_burst(c);
}

/* What is nobody's came all the same. A browser that is told it was lost takes its path to be bad:
 * its first RTX comes before we know whose it is. All its streams number together, under one id. */
static void note_arrival(struct context *c, struct publisher *p, const struct rtp_view *rtp)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        const struct publication *pub = p->publications[i];
        struct rtpext_values ext = {0};
        if (!pub || !pub->ext.transport_cc)
            continue;
        if (rtpext_read(rtp, &pub->ext, &ext) == 0 && ext.has_transport_seq)
            twcc_received(&p->twcc, ext.transport_seq, c->now_us);
        return;
    }
}

/* What `packet` is about to bring along of sound that was lost goes on before it, in order. */
static void restore(struct context *c, struct publisher *p, struct encoding *e,
                    const struct packet *packet)
{
    for (int i = 0; i < RED_READ_MAX; i++) {
        CLEANUP(packet_unref) struct packet *lost = NULL;
        struct stream_arrival arrival;
        if (packet_take(c->pool, &lost) < 0 ||
            !stream_restore(e->stream, packet, c->now_us, lost) ||
            !publisher_may_send(p, lost->len, c->now_us) ||
            stream_take_restored(e->stream, lost, c->now_us, &arrival) < 0)
            return;
        bool newest = follow(c, e, lost, &arrival);
        if (e->publication->paused)
            continue;
        tape(c, e, lost, &arrival);
        fan_out(c, e, lost, newest);
    }
}

static void forward_rtp(struct context *c, struct publisher *p, struct packet *packet)
{
    if (!publisher_may_send(p, packet->len, c->now_us)) {
        context_count(c, CONTROL_METRIC_DROPPED_FLOOD);
        return;
    }
    if (rtp_parse(packet->data, packet->len, &packet->rtp) < 0) {
        context_count(c, CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    struct encoding *e = publisher_encoding_of(p, c, &packet->rtp);
    if (!e) {
        note_arrival(c, p, &packet->rtp);
        context_count(c, CONTROL_METRIC_DROPPED_UNROUTED);
        return;
    }
    struct publication *pub = e->publication;

    struct rtpext_values ext = {0};
    if (rtpext_read(&packet->rtp, &pub->ext, &ext) < 0) {
        context_count(c, CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    if (ext.has_transport_seq)
        twcc_received(&p->twcc, ext.transport_seq, c->now_us);

    struct stream_arrival arrival;
    size_t received_len = packet->len;
    uint16_t received_seq = packet->rtp.seq;
    bool is_media = packet->rtp.ssrc == e->ssrc;
    if (is_media && pub->sends_red)
        restore(c, p, e, packet);
    int r = stream_receive(e->stream, packet, c->now_us, &arrival);
    if (is_media && (r == -ENODATA || r == -ENOENT || r == -EBADMSG))
        withhold(c, e, received_seq);
    if (r == -ENOENT || r == -EBADMSG) {
        context_count(c,
                      r == -ENOENT ? CONTROL_METRIC_DROPPED_UNROUTED : CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    p->packets++;
    p->bytes += received_len;
    context_count(c, CONTROL_METRIC_PACKETS_IN);
    c->counters[CONTROL_METRIC_BYTES_IN] += received_len;
    if (r < 0)
        return;

    bool newest = follow(c, e, packet, &arrival);
    if (pub->paused)
        return;
    if (pub->kind == CONTROL_VIDEO)
        packet->padding = evener_padding(&e->evener, packet);
    hear(c, pub, &ext);
    tape(c, e, packet, &arrival);
    fan_out(c, e, packet, newest);
}

void forward_datagram(struct context *c, const struct path *from, const uint8_t *datagram,
                      size_t len)
{
    struct transport *t = transport_find(c->directory, from, datagram, len);
    if (!t) {
        context_count(c, CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    CLEANUP(packet_unref) struct packet *packet = NULL;
    if (len > PACKET_BYTES) {
        context_count(c, CONTROL_METRIC_DROPPED_JUNK);
        return;
    }
    if (packet_take(c->pool, &packet) < 0) {
        context_count(c, CONTROL_METRIC_DROPPED_POOL);
        return;
    }
    struct transport_received received =
        transport_receive(t, from, datagram, len, packet->data, c->now_us);
    bool up = transport_direction(t) == CONTROL_UP;
    if (received.outcome != TRANSPORT_RTP)
        forward_burst(c); /* what it says may be about those before it */
    switch (received.outcome) {
    case TRANSPORT_RTP:
        packet->len = (uint16_t)received.len;
        packet->arrived_us = c->now_us;
        if (up)
            forward_rtp(c, transport_owner(t), packet);
        else
            context_count(c, CONTROL_METRIC_DROPPED_UNROUTED);
        break;
    case TRANSPORT_RTCP:
        if (up)
            feedback_from_publisher(c, transport_owner(t), packet->data, received.len);
        else
            feedback_from_subscriber(c, transport_owner(t), packet->data, received.len);
        break;
    case TRANSPORT_HANDLED:
        forward_phase(c, t);
        break;
    case TRANSPORT_DROPPED: /* counted by the transport */
        break;
    }
}
