/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/codecs.h"

/* mediasoup-client probes with this SSRC of its own. */
#define PROBATOR_SSRC 1234
/* Of first sequence numbers: the lower half. */
#define FIRST_SEQ_MASK 0x7fff
/* The most packets one report block can tell of: half of the numbers there are. */
#define REPORT_SPAN_MAX 0x8000

/* A random SSRC that nothing of `s` uses yet. Returns 0 or -EIO. */
static int make_ssrc(const struct subscriber *s, uint32_t *ret_ssrc)
{
    for (;;) {
        uint32_t ssrc;
        if (getrandom(&ssrc, sizeof(ssrc), 0) != sizeof(ssrc))
            return -EIO;
        bool taken = ssrc <= PUBLISHER_RTCP_SSRC || ssrc == PROBATOR_SSRC;
        for (size_t i = 0; i < 2 * s->seat_count && !taken; i++)
            taken = s->subscriptions[i].ssrc == ssrc || s->subscriptions[i].rtx_ssrc == ssrc;
        if (!taken) {
            *ret_ssrc = ssrc;
            return 0;
        }
    }
}

static int init_subscription(struct subscriber *s, struct subscription *sub, uint8_t seat,
                             enum control_kind kind)
{
    bool video = kind == CONTROL_VIDEO;
    struct {
        uint16_t first_seq, rtx_seq;
        uint32_t first_timestamp;
    } random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    /* Far from the wrap: a page that loses all before it would never learn of the roll-over that we
     * sealed with (RFC 3711 section 3.3.1). */
    random.first_seq &= FIRST_SEQ_MASK;
    random.rtx_seq &= FIRST_SEQ_MASK;
    *sub = (struct subscription){
        .subscriber = s,
        .seat = seat,
        .kind = kind,
        .rtx_seq = random.rtx_seq,
        .rank = CONTROL_RANK_OTHER,
        .layer = LIMIT_ENCODINGS - 1,
        .tier = TIERS_ALL,
        .height = UINT16_MAX,
    };
    int r = make_ssrc(s, &sub->ssrc);
    if (r == 0 && video)
        r = make_ssrc(s, &sub->rtx_ssrc);
    if (r == 0)
        r = transport_add_stream(s->down, sub->ssrc, &sub->out);
    if (r == 0 && video)
        r = transport_add_stream(s->down, sub->rtx_ssrc, &sub->rtx_out);
    struct rewrite_config config = {
        .video = video,
        .ssrc = sub->ssrc,
        .clock_rate = video ? 90000 : 48000,
        .first_seq = random.first_seq,
        .first_timestamp = random.first_timestamp,
    };
    if (video) {
        config.payload_types[CODEC_VP8] = CODEC_PT_VP8;
        config.payload_types[CODEC_VP9] = CODEC_PT_VP9;
        config.payload_types[CODEC_H264] = CODEC_PT_H264;
    } else {
        config.payload_types[CODEC_OPUS] = CODEC_PT_OPUS;
    }
    rewrite_init(&sub->rewrite, &config);
    sub->reported.highest = random.first_seq - 1u;
    return r;
}

int subscriber_init(struct subscriber *s, struct context *c, uint64_t hearing, uint64_t peer,
                    size_t seats)
{
    if (seats == 0 || seats > LIMIT_SEATS)
        return -EINVAL;
    s->hearing = hearing;
    s->peer = peer;
    s->rtx_left = SUBSCRIBER_RTX_PER_SECOND;
    s->rtx_refill_us = c->now_us;
    downlink_init(&s->downlink, c->now_us);
    const struct transport_config config = {
        .directory = c->directory,
        .dtls = c->dtls,
        .handshakes = &c->handshakes,
        .sealer = c->sealer,
        .stats = &c->transport_stats,
        .owner = s,
        .direction = CONTROL_DOWN,
        .out_streams = 3 * seats,
    };
    int r = transport_create(&config, c->now_us, &s->down);
    if (r < 0)
        return r;
    s->subscriptions = calloc(2 * seats, sizeof(*s->subscriptions));
    if (!s->subscriptions)
        return -ENOMEM;
    s->seat_count = seats;
    for (size_t i = 0; i < 2 * seats && r == 0; i++)
        r = init_subscription(s, &s->subscriptions[i], (uint8_t)(i / 2),
                              i % 2 ? CONTROL_VIDEO : CONTROL_AUDIO);
    return r;
}

/* What waits for its turn is not sent. Returns whether there was a picture. */
static bool drop_waiting(struct subscription *s)
{
    s->entering = 0;
    repacketizer_drop(&s->joined);
    return s->kind == CONTROL_VIDEO &&
           pacer_drop(&s->subscriber->pacer, (uint16_t)(2 * s->seat + 1)) > 0;
}

/* Takes the seat out of the lists of its sources, but of `keep`. */
static void unlist(struct subscription *s, const struct encoding *keep)
{
    if (s->shown && s->shown != keep)
        encoding_unsubscribe(s->shown, s);
    if (s->wanted && s->wanted != keep)
        encoding_unsubscribe(s->wanted, s);
}

void subscriber_finish(struct subscriber *s)
{
    for (size_t i = 0; i < 2 * s->seat_count; i++) {
        unlist(&s->subscriptions[i], NULL);
        repacketizer_drop(&s->subscriptions[i].joined);
        free(s->subscriptions[i].past);
    }
    transport_destroy(s->down);
    list_remove(&s->paced);
    pacer_finish(&s->pacer);
    downlink_finish(&s->downlink);
    free(s->subscriptions);
    s->down = NULL;
    s->subscriptions = NULL;
    s->seat_count = 0;
}

struct subscription *subscriber_seat(const struct subscriber *s, uint8_t seat,
                                     enum control_kind kind)
{
    return seat < s->seat_count ? &s->subscriptions[2 * seat + (kind == CONTROL_VIDEO)] : NULL;
}

struct subscription *subscriber_of_ssrc(const struct subscriber *s, uint32_t ssrc)
{
    for (size_t i = 0; i < 2 * s->seat_count; i++)
        if (s->subscriptions[i].ssrc == ssrc)
            return &s->subscriptions[i];
    return NULL;
}

static bool is_waiting(const struct subscription *s)
{
    return s->wanted && s->wanted != s->shown;
}

void subscriber_connected(struct subscriber *s, struct context *c)
{
    downlink_open(&s->downlink);
    s->connected_us = c->now_us;
    s->pictures_us = 0;
    for (size_t i = 0; i < 2 * s->seat_count; i++) {
        const struct subscription *sub = &s->subscriptions[i];
        if (is_waiting(sub))
            encoding_ask_key_frame(sub->wanted, c);
        else if (sub->shown && sub->broken)
            encoding_ask_key_frame(sub->shown, c);
    }
}

static uint64_t stream_of(const struct encoding *e)
{
    return e ? e->publication->id : 0;
}

static void tell(const struct subscription *s, struct context *c, int status, uint64_t stream,
                 uint32_t request, uint32_t connection)
{
    struct control_message m = {
        .type = CONTROL_SEAT_SWITCHED,
        .request = request,
        .seat_switched = {status, s->subscriber->hearing, s->subscriber->peer, s->seat,
                          (uint8_t)s->kind, stream},
    };
    outbox_answer(&c->outbox, &m, connection);
}

/* Answers a SEAT_SET that waits, if any. */
static void settle(struct subscription *s, struct context *c, int status)
{
    if (!s->awaited)
        return;
    s->awaited = false;
    tell(s, c, status, stream_of(s->wanted), s->request, s->connection);
}

/* Before its first source: most seats of most pages are never set. */
static int give_memory(struct subscription *s)
{
    if (s->past)
        return 0;
    s->past = calloc(1, sizeof(*s->past));
    if (!s->past)
        return -ENOMEM;
    rewrite_remember(&s->rewrite, s->past);
    return 0;
}

/* Wants `e`; what is shown goes on. Returns 0 or -ENOMEM, and then nothing has changed. */
static int want(struct subscription *s, struct context *c, struct encoding *e)
{
    int r = give_memory(s);
    if (r == 0)
        r = encoding_subscribe(e, s);
    if (r < 0)
        return r;
    if (is_waiting(s) && s->wanted != e)
        encoding_unsubscribe(s->wanted, s);
    s->wanted = e;
    rewrite_select(&s->rewrite, e->source);
    if (is_waiting(s))
        encoding_ask_key_frame(e, c);
    return 0;
}

/* Of the encodings up to `layer` the best that comes; else the smallest that does. */
static struct encoding *allowed_of(const struct subscription *s, struct publication *pub)
{
    struct encoding *smallest = NULL;
    for (size_t i = pub->encoding_count; i-- > 0;) {
        if (!pub->encodings[i].flowing)
            continue;
        smallest = &pub->encodings[i];
        if (i <= s->layer)
            break;
    }
    return smallest ? smallest : &pub->encodings[0];
}

void subscription_set(struct subscription *s, struct context *c, struct publication *pub,
                      uint32_t request)
{
    settle(s, c, -ECANCELED);
    s->layer = s->subscriber->limited ? 0 : LIMIT_ENCODINGS - 1;
    s->tier = TIERS_ALL;
    s->subscriber->pictures_us = 0; /* chosen anew in the next tick */
    struct encoding *e = allowed_of(s, pub);
    if (s->shown && s->shown->publication == pub)
        e = s->shown;
    else if (s->wanted && s->wanted->publication == pub)
        e = s->wanted;
    int r = want(s, c, e);
    if (r < 0 || !is_waiting(s)) {
        tell(s, c, r, pub->id, request, c->outbox.connection);
        return;
    }
    s->awaited = true;
    s->request = request;
    s->connection = c->outbox.connection;
}

static void show_nothing(struct subscription *s)
{
    (void)drop_waiting(s); /* nothing goes on */
    unlist(s, NULL);
    s->shown = NULL;
    s->wanted = NULL;
    s->held = false;
    s->held_us = 0;
    rewrite_select(&s->rewrite, 0);
}

void subscription_empty(struct subscription *s, struct context *c, uint32_t request)
{
    settle(s, c, -ECANCELED);
    show_nothing(s);
    tell(s, c, 0, 0, request, request ? c->outbox.connection : 0);
}

void subscription_cut(struct subscription *s, struct context *c, const struct publication *pub)
{
    bool wants = s->wanted && s->wanted->publication == pub;
    bool shows = s->shown && s->shown->publication == pub;
    if (!wants && !shows)
        return;
    struct encoding *next = wants ? NULL : s->wanted;
    struct encoding *rest = shows ? NULL : s->shown;
    if (wants)
        settle(s, c, -EACCES);
    if (drop_waiting(s))
        subscription_break(s);

    unlist(s, next ? next : rest);
    s->shown = rest;
    s->wanted = next ? next : rest;
    if (shows || !s->wanted)
        rewrite_select(&s->rewrite, 0);
    if (s->wanted)
        rewrite_select(&s->rewrite, s->wanted->source);
    if (shows)
        tell(s, c, 0, 0, 0, 0);
}

bool subscription_may_ask_key_frame(struct subscription *s, const struct context *c)
{
    uint64_t from_us = s->key_frames_us > c->now_us ? s->key_frames_us : c->now_us;
    if (from_us + SUBSCRIPTION_KEY_FRAME_US >
        c->now_us + SUBSCRIPTION_KEY_FRAMES * SUBSCRIPTION_KEY_FRAME_US)
        return false;
    s->key_frames_us = from_us + SUBSCRIPTION_KEY_FRAME_US;
    return true;
}

void subscription_suspend(struct subscription *s, struct context *c, const struct publication *pub)
{
    if (s->wanted && s->wanted->publication == pub && drop_waiting(s))
        subscription_break(s); /* a key frame of before the pause */
    if (!s->shown || s->shown->publication != pub)
        return;
    (void)drop_waiting(s);
    if (s->wanted != s->shown)
        encoding_unsubscribe(s->shown, s);
    s->shown = NULL;
    rewrite_select(&s->rewrite, 0);
    rewrite_select(&s->rewrite, s->wanted->source);
    tell(s, c, 0, 0, 0, 0);
}

void subscription_choose_layer(struct subscription *s, struct context *c)
{
    if (!s->wanted || s->wanted->publication->encoding_count < 2)
        return;
    struct encoding *e = allowed_of(s, s->wanted->publication);
    if (e != s->wanted)
        (void)want(s, c, e); /* no memory: the present layer goes on */
}

void subscription_break(struct subscription *s)
{
    if (!s->shown || s->kind != CONTROL_VIDEO)
        return;
    (void)drop_waiting(s); /* left out like the rest */
    rewrite_restart(&s->rewrite, s->shown->source);
    s->broken = true;
}

void subscription_switch_over(struct subscription *s, struct context *c, struct encoding *e)
{
    bool news = stream_of(s->shown) != stream_of(e);
    if (s->shown && s->shown != e)
        encoding_unsubscribe(s->shown, s);
    s->shown = e;
    s->tier_now = s->tier;
    s->broken = false;
    if (s->awaited)
        settle(s, c, 0);
    else if (news)
        tell(s, c, 0, stream_of(e), 0, 0);
}

void subscription_take_report(struct subscription *s, const struct rtcp_report_block *block)
{
    uint32_t holes = rewrite_holes(&s->rewrite);
    uint32_t span = block->highest_seq - s->reported.highest;
    int32_t lost = (int32_t)((uint32_t)block->total_lost - s->reported.lost);
    int32_t never_sent = (int32_t)(holes - s->reported.holes);
    s->reported.highest = block->highest_seq;
    s->reported.lost = (uint32_t)block->total_lost;
    s->reported.holes = holes;
    /* The page's numbers began anew, or are wrong. */
    if (span > REPORT_SPAN_MAX || lost > (int64_t)span || -(int64_t)lost > REPORT_SPAN_MAX)
        return;
    s->subscriber->lost += (int64_t)lost - never_sent;
    s->subscriber->expected += (int64_t)span - never_sent;
}

bool subscription_sender_report(const struct subscription *s, const struct context *c,
                                struct rtcp_sender_info *ret_info)
{
    struct rtcp_sender_info last;
    if (!s->shown || !s->shown->stream || !stream_last_sender_info(s->shown->stream, &last))
        return false;
    last.ntp = ntp_shift_apply(&s->shown->publication->publisher->clock, last.ntp);
    if (rewrite_sender_report(&s->rewrite, s->shown->source, &last, context_ntp(c), ret_info) < 0)
        return false;
    ret_info->ntp = context_ntp_told(c);
    return true;
}
