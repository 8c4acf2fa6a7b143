/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/publication.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "sfu/rtcp.h"

/* All SSRCs that the peers of one hearing may announce. */
#define HEARING_SSRCS   (LIMIT_PEERS_PER_HEARING * PUBLISHER_SSRCS)
#define HEARING_STREAMS ((size_t)LIMIT_PEERS_PER_HEARING * LIMIT_STREAMS_PER_PEER)

int hearing_init(struct hearing *h, struct context *c, uint64_t id)
{
    *h = (struct hearing){.id = id};
    int r = speakers_create(LIMIT_PEERS_PER_HEARING, &h->speakers);
    if (r == 0)
        r = table_create(HEARING_SSRCS, c->boot_id, &h->ssrcs);
    if (r == 0)
        r = table_create(HEARING_STREAMS, c->boot_id, &h->streams);
    if (r < 0)
        hearing_finish(h);
    return r;
}

void hearing_finish(struct hearing *h)
{
    tap_finish(&h->tap);
    speakers_destroy(h->speakers);
    table_destroy(h->ssrcs);
    table_destroy(h->streams);
    h->speakers = NULL;
    h->ssrcs = NULL;
    h->streams = NULL;
}

int publisher_init(struct publisher *p, struct context *c, struct hearing *hearing, uint64_t peer)
{
    p->hearing = hearing;
    p->peer = peer;
    history_share_init(&p->history, &c->histories);
    const struct transport_config config = {
        .directory = c->directory,
        .dtls = c->dtls,
        .handshakes = &c->handshakes,
        .sealer = c->sealer,
        .stats = &c->transport_stats,
        .owner = p,
        .direction = CONTROL_UP,
        .out_streams = 0,
    };
    return transport_create(&config, c->now_us, &p->up);
}

void publisher_finish(struct publisher *p, struct context *c)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i])
            publisher_remove(p, c, p->publications[i]);
    history_share_finish(&p->history);
    transport_destroy(p->up);
    p->up = NULL;
}

/* Reserves `ssrc` in the hearing for one encoding of `p`. */
static int claim_ssrc(struct publisher *p, uint32_t ssrc, struct encoding *e)
{
    if (p->ssrc_count == PUBLISHER_SSRCS)
        return -ENOSPC;
    int r = table_put(p->hearing->ssrcs, ssrc, p);
    if (r < 0)
        return r;
    p->ssrcs[p->ssrc_count++] = (struct publisher_ssrc){ssrc, e};
    return 0;
}

static void release_ssrcs(struct publisher *p, const struct encoding *e)
{
    for (size_t i = p->ssrc_count; i-- > 0;) {
        if (p->ssrcs[i].encoding != e)
            continue;
        table_remove(p->hearing->ssrcs, p->ssrcs[i].ssrc);
        p->ssrcs[i] = p->ssrcs[--p->ssrc_count];
    }
}

/* The media SSRC of `e` is known: from here on packets are taken. */
static int start_stream(struct publisher *p, struct encoding *e, uint32_t ssrc)
{
    const struct publication *pub = e->publication;
    struct stream_config config = {
        .history = &p->history,
        .ssrc = ssrc,
        .rtx_ssrc = e->rtx_ssrc,
        .video = pub->kind == CONTROL_VIDEO,
        .codec_count = (uint8_t)pub->codec_count,
    };
    memcpy(config.codecs, pub->codecs, sizeof(config.codecs));
    struct stream *stream;
    int r = stream_create(&config, &stream);
    if (r < 0)
        return r;
    r = claim_ssrc(p, ssrc, e);
    if (r < 0) {
        stream_destroy(stream);
        return r;
    }
    for (size_t i = 0; i < encoding_layers(e); i++) {
        e[i].stream = stream;
        e[i].ssrc = ssrc;
    }
    return 0;
}

static int set_rtx(struct publisher *p, struct encoding *e, uint32_t rtx_ssrc)
{
    int r = claim_ssrc(p, rtx_ssrc, e);
    if (r < 0)
        return r;
    e->rtx_ssrc = rtx_ssrc;
    if (e->stream)
        stream_set_rtx_ssrc(e->stream, rtx_ssrc);
    return 0;
}

static void end_encoding(struct publisher *p, struct context *c, struct encoding *e)
{
    assert(e->subscriber_count == 0);
    free(e->subscribers);
    if (encoding_of_stream(e) != e)
        return;
    release_ssrcs(p, e);
    for (bool more = e->stream; more;) { /* what is still missing will not come */
        more = stream_give_up(e->stream);
        encoding_tell_losses(e, c);
    }
    tap_end(&p->hearing->tap, c, &e->track, e->publication->id);
    stream_destroy(e->stream);
}

void publisher_remove(struct publisher *p, struct context *c, struct publication *pub)
{
    for (size_t i = 0; i < pub->encoding_count; i++)
        end_encoding(p, c, &pub->encodings[i]);
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i] == pub)
            p->publications[i] = NULL;
    table_remove(p->hearing->streams, pub->id);
    if (pub->kind == CONTROL_AUDIO)
        speakers_remove(p->hearing->speakers, p->peer);
    free(pub);
}

/* Whether anything could ever be made of `add`. */
static bool makes_sense(const struct control_stream_add *add)
{
    bool video = add->kind == CONTROL_VIDEO;
    if (add->stream == 0 || add->codec_count == 0 || add->encoding_count == 0)
        return false;
    if (!video && add->encoding_count > 1)
        return false;
    for (size_t i = 0; i < add->codec_count; i++)
        if ((add->codecs[i].codec == CODEC_OPUS) == video)
            return false;
    if (add->spatial_layers > 1 &&
        (add->encoding_count != 1 || add->codec_count != 1 || add->codecs[0].codec != CODEC_VP9))
        return false;
    for (size_t i = 0; i < add->encoding_count; i++) {
        const struct control_encoding *e = &add->encodings[i];
        bool by_rid = e->rid[0] && add->ext_rid;
        bool by_mid = add->encoding_count == 1 && add->mid[0] && add->ext_mid;
        if (!e->ssrc && !by_rid && !by_mid)
            return false;
    }
    return true;
}

static void name_encodings(struct publication *pub, struct context *c,
                           const struct control_stream_add *add)
{
    bool layered = add->spatial_layers > 1;
    pub->stream_count = add->encoding_count;
    pub->encoding_count = layered ? add->spatial_layers : add->encoding_count;
    pub->layer_count = add->spatial_layers;
    for (size_t i = 0; i < pub->encoding_count; i++) {
        pub->encodings[i].publication = pub;
        pub->encodings[i].source = ++c->next_source;
    }
    pub->taped = pub->stream_count == 1 ? &pub->encodings[0] : NULL;
}

static int begin_stream(struct publisher *p, struct encoding *e,
                        const struct control_encoding *wanted)
{
    memcpy(e->rid, wanted->rid, sizeof(e->rid));
    int r = 0;
    if (wanted->ssrc)
        r = start_stream(p, e, wanted->ssrc);
    if (r == 0 && wanted->rtx_ssrc)
        r = set_rtx(p, e, wanted->rtx_ssrc);
    return r;
}

int publisher_add(struct publisher *p, struct context *c, const struct control_stream_add *add,
                  struct publication **ret_publication)
{
    if (!makes_sense(add))
        return -EINVAL;
    struct publication **place = NULL;
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER && !place; i++)
        if (!p->publications[i])
            place = &p->publications[i];
    if (!place)
        return -ENOSPC;

    struct publication *pub = calloc(1, sizeof(*pub));
    if (!pub)
        return -ENOMEM;
    *pub = (struct publication){
        .publisher = p,
        .id = add->stream,
        .kind = (enum control_kind)add->kind,
        .source = (enum control_source)add->source,
        .paused = add->paused,
        .ext = {add->ext_mid, add->ext_rid, add->ext_repaired_rid, add->ext_transport_cc,
                add->ext_abs_send_time, add->ext_audio_level},
        .codec_count = add->codec_count,
    };
    memcpy(pub->mid, add->mid, sizeof(pub->mid));
    for (size_t i = 0; i < add->codec_count; i++) {
        pub->sends_red = pub->sends_red || add->codecs[i].red_payload_type != 0;
        pub->codecs[i] =
            (struct stream_codec){(enum codec)add->codecs[i].codec, add->codecs[i].payload_type,
                                  add->codecs[i].rtx_payload_type, add->codecs[i].red_payload_type};
    }
    int r = table_put(p->hearing->streams, pub->id, pub);
    if (r < 0) {
        free(pub);
        return r;
    }
    *place = pub;
    name_encodings(pub, c, add);
    for (size_t i = 0; i < pub->stream_count; i++) {
        r = begin_stream(p, &pub->encodings[i], &add->encodings[i]);
        if (r < 0) {
            publisher_remove(p, c, pub);
            return r;
        }
    }
    *ret_publication = pub;
    return 0;
}

bool publisher_may_send(struct publisher *p, size_t len, uint64_t now_us)
{
    const uint64_t packet_ns = 1000000000ull / LIMIT_PEER_PACKETS;
    const uint64_t bytes_ns = len * 1000000000ull / LIMIT_PEER_BYTES;
    uint64_t now_ns = now_us * 1000;
    uint64_t from_ns = p->sent_until_ns > now_ns ? p->sent_until_ns : now_ns;
    uint64_t until_ns = from_ns + (bytes_ns > packet_ns ? bytes_ns : packet_ns);
    if (until_ns > now_ns + LIMIT_PEER_BURST_MS * 1000000ull)
        return false;
    p->sent_until_ns = until_ns;
    return true;
}

bool publisher_has_streams(const struct publisher *p)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i])
            return true;
    return false;
}

struct publication *publisher_find(const struct publisher *p, uint64_t id)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->publications[i] && p->publications[i]->id == id)
            return p->publications[i];
    return NULL;
}

struct encoding *publisher_encoding_of_ssrc(const struct publisher *p, uint32_t ssrc)
{
    for (size_t i = 0; i < p->ssrc_count; i++)
        if (p->ssrcs[i].ssrc == ssrc)
            return p->ssrcs[i].encoding;
    return NULL;
}

/* RFC 8843 section 9.2 (MID) and RFC 8852 section 3 (RID): which encoding of `pub` names itself in
 * these extensions; `ret_repair`: its RTX does. */
static struct encoding *match(struct publication *pub, const struct rtpext_values *v,
                              bool *ret_repair)
{
    if (v->mid.text && pub->mid[0] && !rtpext_text_is(v->mid, pub->mid))
        return NULL;
    for (size_t i = 0; i < pub->stream_count; i++) {
        struct encoding *e = &pub->encodings[i];
        *ret_repair = rtpext_text_is(v->repaired_rid, e->rid);
        if (*ret_repair && !e->rtx_ssrc)
            return e;
        bool named = e->rid[0] ? rtpext_text_is(v->rid, e->rid) : rtpext_text_is(v->mid, pub->mid);
        if (named && !e->stream)
            return e;
    }
    return NULL;
}

/* Slow path: the first packets of a stream announced without SSRC. */
static struct encoding *learn(struct publisher *p, struct context *c, const struct rtp_view *rtp)
{
    if (rtp->ssrc == 0)
        return NULL; /* our word for none; RFC 3550 section 8.1 makes it one in 2^32 */
    if (table_get(p->hearing->ssrcs, rtp->ssrc))
        return NULL; /* announced by another peer: refused */
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        struct publication *pub = p->publications[i];
        struct rtpext_values values;
        bool repair;
        if (!pub || rtpext_read(rtp, &pub->ext, &values) < 0)
            continue;
        struct encoding *e = match(pub, &values, &repair);
        if (!e)
            continue;
        int r = repair ? set_rtx(p, e, rtp->ssrc) : start_stream(p, e, rtp->ssrc);
        if (r < 0)
            return NULL;
        if (!repair && encoding_is_needed(e))
            encoding_ask_key_frame(e, c);
        return e->stream ? e : NULL;
    }
    return NULL;
}

struct encoding *publisher_encoding_of(struct publisher *p, struct context *c,
                                       const struct rtp_view *rtp)
{
    struct encoding *e = publisher_encoding_of_ssrc(p, rtp->ssrc);
    if (!e)
        e = learn(p, c, rtp);
    return e && e->stream ? e : NULL;
}

struct tap_source publication_tap_source(const struct publication *p)
{
    return (struct tap_source){p->publisher->peer, p->id, (uint8_t)p->kind, (uint8_t)p->source};
}

struct encoding *publication_best(struct publication *p)
{
    for (size_t i = p->stream_count; i-- > 0;)
        if (p->encodings[i].flowing)
            return &p->encodings[i];
    return &p->encodings[0];
}

void publication_set_round_trip(struct publication *p, uint32_t rtt_us)
{
    for (size_t i = 0; i < p->stream_count; i++)
        if (p->encodings[i].stream)
            stream_set_round_trip(p->encodings[i].stream, rtt_us);
}

void publication_record(struct publication *p, struct context *c, bool recorded)
{
    struct tap *tap = &p->publisher->hearing->tap;
    p->recorded = recorded;
    for (size_t i = 0; i < p->stream_count; i++) {
        struct encoding *e = &p->encodings[i];
        if (recorded) {
            tap_unmute(tap, c, &e->track, p->id);
            encoding_ask_key_frame(e, c);
        } else {
            tap_mute(tap, c, &e->track, p->id);
        }
    }
}

void publication_leave_tape(struct publication *p)
{
    p->recorded = false;
    for (size_t i = 0; i < p->stream_count; i++)
        p->encodings[i].track.recording = false;
}

uint64_t encoding_last_us(const struct encoding *e)
{
    if (!e->stream)
        return 0;
    return encoding_is_layer(e) ? e->last_us : stream_last_us(e->stream);
}

bool encoding_is_flowing(struct encoding *e, uint64_t now_us)
{
    return e->stream && stream_is_flowing(e->stream, now_us) &&
           now_us - encoding_last_us(e) <= STREAM_STOPPED_US;
}

bool encoding_is_needed(const struct encoding *e)
{
    bool needed = e->publication->recorded;
    for (size_t i = 0; i < encoding_layers(e); i++)
        needed = needed || e[i].subscriber_count > 0;
    return needed;
}

void encoding_tell_losses(struct encoding *e, struct context *c)
{
    const struct publication *pub = e->publication;
    bool taped = pub->recorded && pub->taped == e;
    struct nack_run run;
    while (stream_given_up(e->stream, &run)) {
        c->counters[CONTROL_METRIC_PACKETS_LOST] += run.count;
        if (taped)
            tap_loss(&pub->publisher->hearing->tap, c, &e->track, run.first, run.count);
    }
}

static void make_red(struct encoding *e, struct context *c, const struct packet *packet,
                     unsigned earlier, struct red_head *head)
{
    struct red_block blocks[RED_EARLIER];
    size_t count = 0;
    for (unsigned age = earlier; age > 0; age--) {
        const struct packet *p =
            stream_find(e->stream, (uint16_t)(packet->rtp.seq - age), c->now_us);
        if (p && p->payload.codec == CODEC_OPUS)
            blocks[count++] =
                (struct red_block){p->rtp.timestamp, p->rtp.payload, p->rtp.payload_len};
    }
    head->len = red_write(blocks, count, CODEC_PT_OPUS, packet->rtp.timestamp,
                          packet->rtp.payload_len, head->bytes);
}

const struct red_head *encoding_red(struct encoding *e, struct context *c,
                                    const struct packet *packet, unsigned earlier)
{
    struct red_heads *heads = &c->red;
    bool same = heads->source == e->source && heads->seq == packet->rtp.seq &&
                heads->arrived_us == packet->arrived_us;
    if (!same) {
        heads->source = e->source;
        heads->seq = packet->rtp.seq;
        heads->arrived_us = packet->arrived_us;
        heads->made[0] = heads->made[1] = false;
    }
    struct red_head *head = &heads->of[earlier - 1];
    if (!heads->made[earlier - 1]) {
        make_red(e, c, packet, earlier, head);
        heads->made[earlier - 1] = true;
    }
    return head->len > 0 ? head : NULL;
}

static void send_pli(struct encoding *e, struct context *c)
{
    struct publisher *p = e->publication->publisher;
    uint8_t pli[32];
    struct writer w = writer_over(pli, sizeof(pli));
    rtcp_write_pli(&w, PUBLISHER_RTCP_SSRC, e->ssrc);
    bool slow = ++e->key_frame_tries > KEY_FRAME_EAGER_TRIES;
    e->key_frame_ask_us = c->now_us + (slow ? KEY_FRAME_SLOW_INTERVAL_US : KEY_FRAME_INTERVAL_US);
    if (transport_send_rtcp(p->up, pli, writer_len(&w)) == 0)
        context_count(c, CONTROL_METRIC_PLI_SENT);
}

void encoding_ask_key_frame(struct encoding *e, struct context *c)
{
    if (e->publication->kind != CONTROL_VIDEO)
        return;
    e = encoding_of_stream(e);
    e->key_frame_wanted = true;
    encoding_retry_key_frame(e, c);
}

void encoding_retry_key_frame(struct encoding *e, struct context *c)
{
    if (!e->key_frame_wanted || !e->ssrc || c->now_us < e->key_frame_ask_us)
        return;
    if (transport_can_send(e->publication->publisher->up))
        send_pli(e, c);
}

int encoding_subscribe(struct encoding *e, struct subscription *s)
{
    for (size_t i = 0; i < e->subscriber_count; i++)
        if (e->subscribers[i] == s)
            return 0;
    if (e->subscriber_count == e->subscriber_room) {
        size_t room = e->subscriber_room ? 2 * e->subscriber_room : 8;
        struct subscription **grown = realloc(e->subscribers, room * sizeof(struct subscription *));
        if (!grown)
            return -ENOMEM;
        e->subscribers = grown;
        e->subscriber_room = room;
    }
    e->subscribers[e->subscriber_count++] = s;
    return 0;
}

void encoding_unsubscribe(struct encoding *e, const struct subscription *s)
{
    for (size_t i = 0; i < e->subscriber_count; i++) {
        if (e->subscribers[i] != s)
            continue;
        e->subscribers[i] = e->subscribers[--e->subscriber_count];
        return;
    }
}
