/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sfu/link.h"

#define STEP_US     1000
#define FEEDBACK_US 100000
#define SOUND_US    20000
#define FRAME_US    33333
#define LATE_US     30000

#define VIDEO_LEAST_BPS 2000u
#define PACKET_MOST     1200u

#define TRAIN_PACKETS 8
#define TRAIN_GAP_US  5000
#define TRAIN_BYTES   5000 /* at least, as the prober's */

/* What was told longer ago is not told again. */
#define BACK 256

static struct bwe_packet told[LINK_PACKETS];

void link_init(struct link *l, uint32_t rate_bps)
{
    *l = (struct link){
        .path = {.rate_bps = rate_bps, .delay_us = 25000},
        .now_us = 7000000,
        .begun_us = 7000000,
        .random = 0x9e3779b97f4a7c15,
    };
    link_queue(l, 400000);
    bwe_init(&l->bwe, l->now_us);
    l->next_sound_us = l->next_video_us = l->next_train_us = l->now_us;
    l->next_feedback_us = l->now_us + FEEDBACK_US;
    link_measure(l);
}

void link_queue(struct link *l, uint32_t us)
{
    l->path.queue_bytes = (uint32_t)((uint64_t)l->path.rate_bps * us / 8000000);
}

void link_measure(struct link *l)
{
    l->samples = l->estimate_sum = l->packets = l->queue_sum_us = l->queue_most_us = 0;
    l->estimate_least = UINT32_MAX;
    l->estimate_most = 0;
}

uint32_t link_mean_bps(const struct link *l)
{
    return l->samples > 0 ? (uint32_t)(l->estimate_sum / l->samples) : 0;
}

uint32_t link_random(struct link *l, uint32_t bound)
{
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return (uint32_t)(l->random >> 32) % bound;
}

/* When the packet comes out at the other end. */
static uint64_t arrival(struct link *l, uint32_t bytes)
{
    struct link_path *p = &l->path;
    if (p->cut)
        return UINT64_MAX;
    double now_us = (double)l->now_us;
    double idle_us = now_us - p->pass_bytes * 8e6 / p->rate_bps;
    double start_us = l->free_us > idle_us ? l->free_us : idle_us;
    if ((start_us - now_us) * p->rate_bps / 8e6 + bytes > p->queue_bytes + PACKET_MOST)
        return UINT64_MAX;
    l->free_us = start_us + bytes * 8e6 / p->rate_bps;
    uint64_t waits_us = p->polices || l->free_us < now_us ? 0 : (uint64_t)(l->free_us - now_us);
    l->packets++;
    l->queue_sum_us += waits_us;
    if (waits_us > l->queue_most_us)
        l->queue_most_us = waits_us;
    if (p->outage_every_us > 0 && (l->now_us - l->begun_us) % p->outage_every_us < p->outage_us)
        return UINT64_MAX;
    if (link_random(l, 1000) < p->loss_permille)
        return UINT64_MAX;
    uint64_t arrives_us = l->now_us + waits_us + p->delay_us;
    arrives_us += link_random(l, p->jitter_us + 1);
    arrives_us += link_random(l, 1000) < p->late_permille ? LATE_US : 0;
    return arrives_us > p->held_until_us ? arrives_us : p->held_until_us;
}

static void send_one(struct link *l, uint32_t bytes, uint16_t train)
{
    if (l->sender.silent)
        return;
    l->sent[l->seq++ % LINK_PACKETS] = (struct link_packet){
        .sent_us = l->now_us,
        .arrives_us = arrival(l, bytes),
        .bytes = (uint16_t)bytes,
        .train = train,
    };
}

static void send_sound(struct link *l)
{
    for (; l->next_sound_us <= l->now_us; l->next_sound_us += SOUND_US)
        send_one(l, LINK_SOUND / 8 / (1000000 / SOUND_US), 0);
}

/* Sends quicker than the estimate for a moment; instead of video. */
static void send_train(struct link *l)
{
    uint32_t bps = 2 * bwe_estimate_bps(&l->bwe);
    uint32_t bytes = (uint32_t)((uint64_t)bps * TRAIN_GAP_US / 8000000);
    bytes = bytes > PACKET_MOST ? PACKET_MOST : bytes;
    if (l->train_left == 0 && l->sender.train_every_us > 0 && l->next_train_us <= l->now_us) {
        l->next_train_us = l->now_us + l->sender.train_every_us;
        l->train = l->train == UINT16_MAX ? 1 : (uint16_t)(l->train + 1);
        uint32_t least = TRAIN_BYTES / (bytes + 1) + 1;
        l->train_left = (uint16_t)(least > TRAIN_PACKETS ? least : TRAIN_PACKETS);
        l->train_sent_us = l->now_us;
    }
    for (; l->train_left > 0 && l->train_sent_us <= l->now_us; l->train_left--) {
        send_one(l, bytes, l->train);
        l->train_sent_us += bytes * 8000000ull / bps;
    }
}

static void send_video(struct link *l)
{
    uint32_t bps = bwe_estimate_bps(&l->bwe);
    if (l->sender.most_bps > 0 && bps > l->sender.most_bps)
        bps = l->sender.most_bps;
    bps = bps > LINK_SOUND ? bps - LINK_SOUND : 0;
    while (l->next_video_us <= l->now_us) {
        uint32_t frame = bps / 8 / 30;
        uint32_t packets = frame / PACKET_MOST + 1;
        uint32_t at_once = l->sender.frames ? packets : 1;
        if (bps >= VIDEO_LEAST_BPS && l->train_left == 0)
            for (uint32_t i = 0; i < at_once; i++)
                send_one(l, frame / packets, 0);
        l->next_video_us += l->sender.frames ? FRAME_US : FRAME_US / packets;
    }
}

/* The receiver's clock: it wraps a minute after the beginning, and is told in steps of 250 us. */
static uint64_t receiver_us(const struct link *l, uint64_t at_us)
{
    int64_t elapsed_us = (int64_t)(at_us - l->begun_us);
    int64_t us = elapsed_us + elapsed_us * l->path.drift_ppm / 1000000;
    return ((uint64_t)us - 60000000) / 250 * 250;
}

/* The receiver tells what came until one way ago, as the sender hears of it now. */
static void feed_back(struct link *l)
{
    uint64_t then_us = l->now_us - l->path.delay_us;
    uint64_t from = l->told_until > BACK ? l->told_until - BACK : 0;
    uint64_t end = from;
    bool news = false;
    for (uint64_t seq = from; seq < l->seq; seq++) {
        const struct link_packet *p = &l->sent[seq % LINK_PACKETS];
        if (p->arrives_us > then_us)
            continue;
        end = seq + 1;
        if (!p->told)
            news = true;
    }
    if (!news)
        return;
    bool lost = link_random(l, 1000) < l->path.feedback_loss_permille;
    size_t count = 0;
    for (uint64_t seq = from; seq < end; seq++) {
        struct link_packet *p = &l->sent[seq % LINK_PACKETS];
        bool came = p->arrives_us <= then_us;
        if (p->told || (!came && seq < l->told_until))
            continue;
        p->told = came;
        told[count++] = (struct bwe_packet){
            .sent_us = p->sent_us,
            .bytes = p->bytes,
            .train = p->train,
            .lost = !came,
            .arrived_us = came ? receiver_us(l, p->arrives_us) : 0,
        };
    }
    if (end > l->told_until)
        l->told_until = end;
    if (!lost)
        bwe_feedback(&l->bwe, told, count, 2 * l->path.delay_us, l->now_us);
}

void link_run(struct link *l, uint64_t for_us)
{
    for (uint64_t end_us = l->now_us + for_us; l->now_us < end_us; l->now_us += STEP_US) {
        send_sound(l);
        send_train(l);
        send_video(l);
        if (l->now_us >= l->next_feedback_us) {
            l->next_feedback_us += FEEDBACK_US;
            feed_back(l);
        }
        uint32_t bps = bwe_estimate_bps(&l->bwe);
        l->samples++;
        l->estimate_sum += bps;
        if (bps < l->estimate_least)
            l->estimate_least = bps;
        if (bps > l->estimate_most)
            l->estimate_most = bps;
    }
}
