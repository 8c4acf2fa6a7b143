/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/transmit.h"

#include <errno.h>
#include <string.h>

#include "common/codecs.h"

/* RFC 4588 section 4: the original sequence number stands before the payload. */
#define RTX_OSN_BYTES 2
/* From here on a packet of padding is one of the last so many once more, if there is one: it may
 * repair something, and is longer than what the padding's one byte can count. */
#define PAD_REPEAT_BYTES 600
#define PAD_REPEATED     32
/* Sound waits so long for what follows, if that does not come. Ours: 60 ms and a network's jitter.
 */
#define JOINED_WAIT_US (100 * 1000ull)
/* Sealing adds, the most (RFC 7714 section 12). */
#define TAG_BYTES 16

static const uint8_t rtx_payload_types[CODEC_COUNT] = {
    [CODEC_VP8] = CODEC_PT_VP8_RTX,
    [CODEC_VP9] = CODEC_PT_VP9_RTX,
    [CODEC_H264] = CODEC_PT_H264_RTX,
};

/* The rewritten beginning of the payload, after `prefix` bytes that the caller fills. Returns its
 * length, the prefix included; `ret_skipped`: how much of the payload it replaces. */
static size_t rewrite_head(const struct packet *packet, const struct rewrite_output *out,
                           uint8_t head[RTX_OSN_BYTES + DESCRIPTOR_HEAD_MAX], size_t prefix,
                           size_t *ret_skipped)
{
    const struct descriptor *d = &packet->payload.descriptor;
    *ret_skipped = d->head_len;
    if (d->head_len > 0) {
        memcpy(head + prefix, packet->rtp.payload, d->head_len);
        descriptor_patch(d, &out->patch, head + prefix);
    }
    return prefix + d->head_len;
}

/* So much was sent to it. */
static void account(struct subscriber *to, size_t sealed, bool audio, uint64_t now_us)
{
    uint8_t train = prober_train(&to->prober);
    downlink_sent(&to->downlink, sealed, audio, train, now_us);
    if (train)
        prober_sent(&to->prober, (uint32_t)sealed + DOWNLINK_OVERHEAD_BYTES);
    pacer_sent(&to->pacer, sealed + DOWNLINK_OVERHEAD_BYTES, now_us);
    to->packets++;
    to->bytes += sealed;
}

/* Seals and queues `plain`, whose header at `header_bytes` is written here. */
static int deliver(struct subscription *s, struct context *c, unsigned out_stream,
                   struct rtp_header *header, uint8_t header_bytes[static RTP_HEADER_BYTES],
                   const struct seal_packet *plain)
{
    struct subscriber *to = s->subscriber;
    header->transport_seq = downlink_seq(&to->downlink);
    rtp_write_header(header, header_bytes);
    size_t sealed = 0;
    int r = transport_send_rtp(to->down, out_stream, plain, &sealed);
    if (r < 0)
        return r;
    account(to, sealed, s->kind == CONTROL_AUDIO, c->now_us);
    context_count(c, CONTROL_METRIC_PACKETS_OUT);
    c->counters[CONTROL_METRIC_BYTES_OUT] += sealed;
    return 0;
}

/* As it is, or as RTX (`osn`). */
static int transmit(struct subscription *s, struct context *c, unsigned out_stream,
                    struct rtp_header *header, const struct packet *packet,
                    const struct rewrite_output *out, const uint16_t *osn)
{
    uint8_t head[RTX_OSN_BYTES + DESCRIPTOR_HEAD_MAX];
    uint8_t header_bytes[RTP_HEADER_BYTES];
    size_t prefix = 0, skipped;
    if (osn) {
        head[0] = (uint8_t)(*osn >> 8);
        head[1] = (uint8_t)*osn;
        prefix = RTX_OSN_BYTES;
    }
    size_t head_len = rewrite_head(packet, out, head, prefix, &skipped);
    const struct seal_packet plain = {
        .header = header_bytes,
        .header_len = sizeof(header_bytes),
        .head = head,
        .head_len = head_len,
        .payload = packet->rtp.payload + skipped,
        .payload_len = packet->rtp.payload_len - skipped,
        .padding = packet->padding,
    };
    return deliver(s, c, out_stream, header, header_bytes, &plain);
}

/* What goes along with the packet just rewritten, which is of `e`; NULL: nothing. */
static const struct red_head *red_of(const struct subscription *s, struct context *c,
                                     struct encoding *e, const struct packet *packet,
                                     const struct rewrite_output *out)
{
    unsigned earlier = s->subscriber->red;
    bool newest = out->header.seq == rewrite_newest_seq(&s->rewrite);
    /* What was said before it was shown here, under another matrix or muted, is not for it. */
    while (earlier > 0 && earlier >= rewrite_span(&s->rewrite))
        earlier--;
    return earlier > 0 && newest ? encoding_red(e, c, packet, earlier) : NULL;
}

/* Sound with what was said just before it. */
static int transmit_red(struct subscription *s, struct context *c, struct rtp_header *header,
                        const struct packet *packet, const struct red_head *red)
{
    uint8_t header_bytes[RTP_HEADER_BYTES];
    const struct seal_packet plain = {
        .header = header_bytes,
        .header_len = sizeof(header_bytes),
        .head = red->bytes,
        .head_len = red->len,
        .payload = packet->rtp.payload,
        .payload_len = packet->rtp.payload_len,
    };
    header->payload_type = CODEC_PT_RED;
    int r = deliver(s, c, s->out, header, header_bytes, &plain);
    if (r == 0)
        context_count(c, CONTROL_METRIC_RED_SENT);
    return r;
}

/* Whether the packet is of a frame that the seat is to do without. Fewer frames are sent from any
 * frame on, more from one that builds on nothing left out (RFC 7741 section 4.2, Y; RFC 9628
 * section 4.2, U). */
static bool is_left_out(struct subscription *s, const struct encoding *e,
                        const struct packet *packet, bool newest)
{
    const struct descriptor *d = &packet->payload.descriptor;
    if (s->shown != e || d->picture_id_bits == 0)
        return false;
    bool begins = packet->payload.frame_start && newest;
    if (begins && (packet->payload.key_frame || s->tier < s->tier_now))
        s->tier_now = s->tier;
    else if (begins && d->layer_sync && s->tier_now < s->tier &&
             d->temporal_layer == s->tier_now + 1)
        s->tier_now++;
    if (d->temporal_layer <= s->tier_now || s->tier_now == TIERS_ALL)
        return false;
    /* Where pictures name others by how far back they are, their ids keep their steps. */
    int r = d->flexible ? rewrite_withhold(&s->rewrite, e->source, packet->rtp.seq)
                        : rewrite_withhold_picture(&s->rewrite, e->source, &packet->rtp, d);
    return r == 0;
}

/* Whether the seat goes over to another spatial layer of the same stream with this packet. */
static bool leaves_with(const struct subscription *s, const struct encoding *e,
                        const struct packet *packet, bool newest)
{
    return s->shown == e && s->wanted != e && newest && packet->payload.key_frame &&
           s->wanted->stream == e->stream && encoding_carries(s->wanted, packet);
}

/* Whether nothing is sent now. However many pass by: the first one that can be sent goes on without
 * a hole. */
static bool is_kept_back(struct subscription *s, const struct encoding *e)
{
    if (!s->held && transport_can_send(s->subscriber->down))
        return false;
    rewrite_restart(&s->rewrite, e->source);
    s->broken = s->broken || (s->shown == e && s->kind == CONTROL_VIDEO);
    return true;
}

/* In its turn, or as it came at `came_us`. */
static void send_now(struct subscription *s, struct context *c, struct encoding *e,
                     const struct packet *packet, bool newest, uint64_t came_us)
{
    if (is_kept_back(s, e))
        return;
    if (s->broken && s->shown == e) {
        /* Of the same picture another layer may be wanted by now, which goes on instead. */
        bool goes_on = s->wanted == e || s->wanted->publication != e->publication;
        if (goes_on && !packet->payload.key_frame)
            encoding_ask_key_frame(e, c);
        /* A key picture may have no such layer: then nothing goes on with it. */
        if (!goes_on || !packet->payload.key_frame || !encoding_carries(e, packet))
            return;
        s->broken = false;
    }
    if (!encoding_carries(e, packet)) {
        (void)rewrite_withhold(&s->rewrite, e->source, packet->rtp.seq); /* not if only wanted */
        return;
    }
    if (leaves_with(s, e, packet, newest) || is_left_out(s, e, packet, newest))
        return;
    struct rewrite_output out;
    if (rewrite_forward(&s->rewrite, e->source, &packet->rtp, &packet->payload, came_us, &out) < 0)
        return;
    if (out.switched)
        subscription_switch_over(s, c, e);
    out.header.marker = encoding_ends(e, packet);
    const struct red_head *red = NULL;
    if (s->subscriber->red > 0 && s->kind == CONTROL_AUDIO)
        red = red_of(s, c, e, packet, &out);
    int r = red ? transmit_red(s, c, &out.header, packet, red)
                : transmit(s, c, s->out, &out.header, packet, &out, NULL);
    if (r == 0)
        rewrite_sent(&s->rewrite, packet->rtp.payload_len + (red ? red->len : 0));
}

/* More waits than may: the picture goes on with a key frame. */
static void give_up(struct subscription *s, struct context *c, struct encoding *e, uint16_t lane)
{
    (void)pacer_drop(&s->subscriber->pacer, lane);
    s->entering = 0;
    subscription_break(s);
    context_count(c, CONTROL_METRIC_PACED_DROPPED);
    encoding_ask_key_frame(e, c);
}

/* Behind what waits. False: it is nothing to wait with, as the seat will not show it. */
static bool wait_turn(struct subscription *s, struct context *c, struct encoding *e,
                      struct packet *packet, bool newest)
{
    if (s->held || !transport_can_send(s->subscriber->down))
        return false;
    if (packet->payload.key_frame && newest)
        s->entering = e->source;
    else if ((s->shown != e || s->broken) && s->entering != e->source)
        return false;
    struct subscriber *to = s->subscriber;
    uint16_t lane = (uint16_t)(s - to->subscriptions);
    uint16_t bytes = encoding_carries(e, packet) ? packet->len : 0;
    const struct pacer_item item = {packet, bytes, e->source, lane, newest};
    if (pacer_put(&to->pacer, &item) < 0) {
        give_up(s, c, e, lane);
        return true;
    }
    context_count(c, CONTROL_METRIC_PACED);
    if (list_is_empty(&c->paced))
        c->paced_us = c->now_us + PACER_STEP_US;
    if (!to->paced.next)
        list_append(&c->paced, &to->paced);
    return true;
}

/* The source that a packet which waited is of, while the seat shows or wants it; else NULL. */
static struct encoding *source_of(const struct subscription *s, uint64_t source)
{
    struct encoding *e = s->shown && s->shown->source == source ? s->shown : s->wanted;
    return e && e->source == source ? e : NULL;
}

/* The packets of sound that wait, as one with the numbers and the time of the first. */
static void transmit_joined(struct subscription *s, struct context *c, struct encoding *e)
{
    const struct repacketizer *r = &s->joined;
    const struct packet *first = r->packets[0], *last = r->packets[r->count - 1];
    struct rewrite_output out;
    if (is_kept_back(s, e) || rewrite_forward(&s->rewrite, e->source, &first->rtp, &first->payload,
                                              first->arrived_us, &out) < 0)
        return;
    if (out.switched)
        subscription_switch_over(s, c, e);
    for (size_t i = 1; i < r->count; i++)
        (void)rewrite_withhold(&s->rewrite, e->source, r->packets[i]->rtp.seq);
    uint8_t head[REPACKETIZE_HEAD_MAX], header_bytes[RTP_HEADER_BYTES];
    const struct seal_packet plain = {
        .header = header_bytes,
        .header_len = sizeof(header_bytes),
        .head = head,
        .head_len = repacketizer_write(r, head),
        .payload = last->rtp.payload + 1,
        .payload_len = last->rtp.payload_len - 1,
    };
    if (deliver(s, c, s->out, &out.header, header_bytes, &plain) == 0) {
        rewrite_sent(&s->rewrite, plain.head_len + plain.payload_len);
        context_count(c, CONTROL_METRIC_JOINED_SENT);
    }
}

/* What of sound waits goes, all that came. */
static void send_joined(struct subscription *s, struct context *c)
{
    struct repacketizer *r = &s->joined;
    struct encoding *e = source_of(s, r->source);
    if (e && r->count == 1)
        send_now(s, c, e, r->packets[0], true, r->packets[0]->arrived_us);
    else if (e && r->count > 1)
        transmit_joined(s, c, e);
    repacketizer_drop(r);
}

/* Sound for a thin line waits for what follows it at once. */
static void send_sound(struct subscription *s, struct context *c, struct encoding *e,
                       struct packet *packet, bool newest)
{
    struct subscriber *to = s->subscriber;
    struct repacketizer *r = &s->joined;
    bool joins = to->frames > 1 && newest;
    if (r->count > 0 && !(joins && repacketizer_takes(r, e->source, packet)))
        send_joined(s, c);
    if (!joins || !repacketizer_takes(r, e->source, packet)) {
        send_now(s, c, e, packet, newest, c->now_us);
        return;
    }
    repacketizer_put(r, e->source, packet);
    to->joins = true;
    if (r->count >= to->frames)
        send_joined(s, c);
}

void transmit_late(struct subscriber *to, struct context *c)
{
    bool waits = false;
    for (size_t i = 0; to->joins && i < 2 * to->seat_count; i++) {
        struct subscription *s = &to->subscriptions[i];
        if (s->joined.count > 0 && c->now_us - s->joined.packets[0]->arrived_us >= JOINED_WAIT_US)
            send_joined(s, c);
        waits = waits || s->joined.count > 0;
    }
    to->joins = waits;
}

void transmit_packet(struct subscription *s, struct context *c, struct encoding *e,
                     struct packet *packet, bool newest)
{
    if (s->kind == CONTROL_AUDIO) {
        send_sound(s, c, e, packet, newest);
        return;
    }
    bool waits =
        !pacer_passes(&s->subscriber->pacer, c->now_us) && wait_turn(s, c, e, packet, newest);
    if (!waits)
        send_now(s, c, e, packet, newest, c->now_us);
}

/* Its turn has come, if the seat still shows it. */
static void leave(struct subscriber *to, struct context *c, const struct pacer_item *item)
{
    struct subscription *s = &to->subscriptions[item->lane];
    struct encoding *e = source_of(s, item->source);
    if (!e || (e != s->shown && !item->newest))
        return;
    if (item->packet->payload.key_frame && s->entering == item->source)
        s->entering = 0;
    send_now(s, c, e, item->packet, item->newest, item->packet->arrived_us);
}

static void leave_until(struct subscriber *to, struct context *c, uint64_t until_us)
{
    struct pacer_item item;
    while (pacer_take(&to->pacer, until_us, &item)) {
        leave(to, c, &item);
        packet_unref(item.packet);
    }
}

void transmit_waiting(struct subscriber *to, struct context *c)
{
    if (!pacer_is_empty(&to->pacer))
        leave_until(to, c, UINT64_MAX);
}

void transmit_early(struct subscriber *to, struct context *c, uint64_t bytes)
{
    uint64_t enough = to->bytes + bytes;
    struct pacer_item item;
    while (to->bytes < enough && pacer_take(&to->pacer, UINT64_MAX, &item)) {
        leave(to, c, &item);
        packet_unref(item.packet);
    }
}

void transmit_paced(struct context *c)
{
    c->paced_us = c->now_us + PACER_STEP_US;
    /* Where packets are scarce, what waits is wanted for what comes. */
    uint64_t until_us = packet_pool_is_scarce(c->pool) ? UINT64_MAX : c->now_us;
    LIST_FOR_EACH_SAFE(it, &c->paced)
    {
        struct subscriber *to = LIST_ENTRY(it, struct subscriber, paced);
        leave_until(to, c, until_us);
        if (pacer_is_empty(&to->pacer))
            list_remove(it);
    }
}

/* Takes one number asked for off the peer's allowance, if there is one left. */
static bool may_ask_again(struct subscriber *s, uint64_t now_us)
{
    uint64_t gained = (now_us - s->rtx_refill_us) * SUBSCRIBER_RTX_PER_SECOND / 1000000;
    if (gained > 0) {
        uint64_t left = s->rtx_left + gained;
        s->rtx_left = left > SUBSCRIBER_RTX_PER_SECOND ? SUBSCRIBER_RTX_PER_SECOND : (uint32_t)left;
        s->rtx_refill_us = now_us;
    }
    if (s->rtx_left == 0)
        return false;
    s->rtx_left--;
    return true;
}

/* Whether the way carries one more retransmission now. */
static bool has_room_again(const struct subscriber *s, uint64_t now_us)
{
    return s->rtx_until_us <= now_us + SUBSCRIBER_RTX_AHEAD_US;
}

/* `bytes` were sent again. */
static void account_again(struct subscriber *s, uint64_t bytes, uint64_t now_us)
{
    uint64_t bps = (uint64_t)downlink_estimate_bps(&s->downlink) * SUBSCRIBER_RTX_PERMILLE / 1000;
    if (bps == 0)
        return; /* not known */
    if (s->rtx_until_us < now_us)
        s->rtx_until_us = now_us;
    s->rtx_until_us += (bytes + DOWNLINK_OVERHEAD_BYTES) * 8000000 / bps;
}

/* RTX of a packet that came too late to be passed over and is not of what the seat shows: no
 * payload, so that the page asks for that number no more. */
static int transmit_nothing(struct subscription *s, struct context *c, struct rtp_header *header,
                            uint16_t osn)
{
    const uint8_t head[RTX_OSN_BYTES] = {(uint8_t)(osn >> 8), (uint8_t)osn};
    uint8_t header_bytes[RTP_HEADER_BYTES];
    const struct seal_packet plain = {
        .header = header_bytes,
        .header_len = sizeof(header_bytes),
        .head = head,
        .head_len = sizeof(head),
    };
    return deliver(s, c, s->rtx_out, header, header_bytes, &plain);
}

/* Returns the bytes of SRTP; 0: it is not to be had. */
static size_t send_again(struct subscription *s, struct context *c, uint16_t seq)
{
    uint64_t source;
    uint16_t source_seq;
    /* Of what it showed before it gets nothing any more: that route may be forbidden by now. */
    if (rewrite_origin(&s->rewrite, seq, &source, &source_seq) < 0 || source != s->shown->source)
        return 0;
    const struct packet *packet = stream_find(s->shown->stream, source_seq, c->now_us);
    struct rewrite_output out;
    if (!packet || rewrite_again(&s->rewrite, seq, &packet->rtp, &packet->payload, &out) < 0)
        return 0;
    bool carried = encoding_carries(s->shown, packet);
    struct rtp_header header = out.header;
    header.ssrc = s->rtx_ssrc;
    header.payload_type = rtx_payload_types[packet->payload.codec];
    header.seq = s->rtx_seq++;
    header.marker = carried && encoding_ends(s->shown, packet);
    uint64_t before = s->subscriber->bytes;
    int r = carried ? transmit(s, c, s->rtx_out, &header, packet, &out, &seq)
                    : transmit_nothing(s, c, &header, seq);
    return r < 0 ? 0 : (size_t)(s->subscriber->bytes - before);
}

bool transmit_again(struct subscription *s, struct context *c, uint16_t seq)
{
    if (!s->rtx_ssrc || !s->shown || s->held || !may_ask_again(s->subscriber, c->now_us) ||
        !has_room_again(s->subscriber, c->now_us))
        return false;
    size_t sent = send_again(s, c, seq);
    if (sent == 0)
        return true;
    account_again(s->subscriber, sent, c->now_us);
    context_count(c, CONTROL_METRIC_RTX_SENT);
    return true;
}

size_t transmit_padding(struct subscription *s, struct context *c, size_t bytes)
{
    struct subscriber *to = s->subscriber;
    if (!s->rtx_ssrc)
        return 0;
    if (bytes >= PAD_REPEAT_BYTES && s->shown && !s->held) {
        uint16_t seq = (uint16_t)(rewrite_newest_seq(&s->rewrite) - s->repeated++ % PAD_REPEATED);
        size_t sent = send_again(s, c, seq);
        if (sent > 0) {
            context_count(c, CONTROL_METRIC_PADDING_SENT);
            return sent + DOWNLINK_OVERHEAD_BYTES;
        }
    }
    size_t overhead = RTP_HEADER_BYTES + TAG_BYTES + DOWNLINK_OVERHEAD_BYTES;
    size_t padding = bytes > overhead ? bytes - overhead : 1;
    const struct rtp_header header = {
        .ssrc = s->rtx_ssrc,
        .timestamp = rewrite_newest_timestamp(&s->rewrite),
        .seq = s->rtx_seq++,
        .transport_seq = downlink_seq(&to->downlink),
        .payload_type = CODEC_PT_VP8_RTX,
    };
    uint8_t header_bytes[RTP_HEADER_BYTES];
    rtp_write_header(&header, header_bytes);
    const struct seal_packet plain = {
        .header = header_bytes,
        .header_len = sizeof(header_bytes),
        .padding = (uint8_t)(padding < UINT8_MAX ? padding : UINT8_MAX),
    };
    size_t sealed = 0;
    if (transport_send_rtp(to->down, s->rtx_out, &plain, &sealed) < 0)
        return 0;
    account(to, sealed, false, c->now_us);
    context_count(c, CONTROL_METRIC_PADDING_SENT);
    return sealed + DOWNLINK_OVERHEAD_BYTES;
}
