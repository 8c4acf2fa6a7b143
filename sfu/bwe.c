/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/bwe.h"

/* Delays that change by more between two packets are another clock, not a queue. As libwebrtc. */
#define JUMP_US (3000 * 1000ll)
/* The receiver's times begin there, so that earlier ones are none below 0. */
#define ORIGIN_US (1ull << 40)

/* Overuse that leaves a longer queue than this is drained until it is as short as that, by sending
 * less in proportion to it, for a while at most. Ours: 0.85 of a rate takes seconds to empty the
 * queue of one, with all sound late. */
#define DRAIN_FROM_MS  100.0
#define DRAIN_UNTIL_MS 60.0
#define DRAIN_WHOLE_MS 1000.0
#define DRAIN_MOST     0.8
#define DRAIN_US       (5000 * 1000ull)

#define BIN_US 25000
/* What the rate is measured over: half a second; a quarter for a fall, where that saw so much less
 * that what came before says little any more; but twice that, and again, if it saw fewer packets
 * than these. Ours. */
#define BINS_FALL 10
#define BINS      20
#define BINS_MOST 40
#define PACKETS   8
#define STEEP     0.7

/* Section 5.5: the fall, the growth a second, and how far ahead of what arrives. */
#define DECREASE 0.85
#define INCREASE 0.08
#define AHEAD    1.5
/* More than was assumed that arrived in the first half second without a queue is carried, and so
 * much more taken to be. Ours: it does not wait for many seconds of growth. */
#define CARRIED    1.25
#define AHEAD_BPS  10000.0
#define ELAPSED_US (1000 * 1000ull)
/* As libwebrtc: how the capacity is averaged, the bounds of its deviation, and how many of those
 * off a rate is another capacity; a frame of 30 a second in packets of this size at most. */
#define CAPACITY_SHARE  0.05
#define DEVIATION_LEAST 0.4
#define DEVIATION_MOST  2.5
#define DEVIATIONS      3.0
#define FRAMES_A_SECOND 30.0
/* So long without overuse, with so much of it arriving, what is sent counts as carried. Ours. */
#define CALM_US      (5000 * 1000ull)
#define CALM_ARRIVED 0.85
#define HEEDED       1.1
/* Near the capacity a packet a round trip, but not slower than this a second. Ours. */
#define INCREASE_LEAST 0.02
/* So long without overuse, it is not believed any more. Ours. */
#define CAPACITY_US (20 * 1000ull * 1000)
#define PACKET_BITS 9600.0

/* A round trip that is not known, and the bounds of what is waited between two falls. */
#define RTT_US        200000u
#define WAIT_LEAST_US 10000u
#define WAIT_MOST_US  200000u
/* Feedback comes so often; a change shows a round trip and this later. */
#define FEEDBACK_US 100000u

/* The rate we send at is measured over this. Who sends less than half of the estimate says little
 * about it: only overuse that left a queue of so long is answered then, not a moment's jitter. */
#define SENT_US       (500 * 1000ull)
#define IDLE_QUEUE_MS 60.0

/* For so long what a train found of the path's end holds. Ours: two trains that find no more. */
#define END_US (8 * 1000000ull)

/* Section 6, but counted over more packets: of 20, one in ten lost may be chance. */
#define LOSS_LOW     20 /* permille over the path's own */
#define LOSS_HIGH    100
#define LOSS_US      (1000 * 1000ull)
#define LOSS_LONG_US (2000 * 1000ull)
#define LOSS_PACKETS 100u
#define LOSS_LEAST   20u /* packets, when they take longer than LOSS_LONG_US */
/* This much is not waited with. */
#define LOSS_HEAVY    500
#define LOSS_HEAVY_US (500 * 1000ull)
/* Lost in one go for longer: an outage. A policer at a hundredth of a rate lets one through in
 * this time. Ours. */
#define OUTAGE_US (150 * 1000ull)
/* Counts in a row before a trial, over high and over low; what is sent in it, of what arrives; and
 * how deep it goes. Ours. */
#define TRIAL_OVER  2
#define TRIAL_HELD  3
#define TRIAL_RATE  0.9
#define TRIAL_DEPTH 0.25
#define TRIAL_GONE  30  /* permille over the path's own */
#define TRIAL_LESS  150 /* permille */

/* Where the estimate begins anew after a silence: at half, but not for less than this. Ours. */
#define RESTART_LEAST_BPS 100000u

void bwe_init(struct bwe *b, uint64_t now_us)
{
    *b = (struct bwe){
        .estimate_bps = BWE_FIRST_BPS,
        .delay_bps = BWE_FIRST_BPS,
        .loss_bps = BWE_MOST_BPS,
        .changed_us = now_us,
    };
    trend_init(&b->trend);
}

static uint32_t bounded(double bps)
{
    if (!(bps > BWE_LEAST_BPS))
        return BWE_LEAST_BPS;
    return bps < BWE_MOST_BPS ? (uint32_t)bps : BWE_MOST_BPS;
}

static double within(double value, double least, double most)
{
    if (value < least)
        return least;
    return value < most ? value : most;
}

static double lesser(double a, double b)
{
    return a < b ? a : b;
}

static uint64_t since(uint64_t then_us, uint64_t now_us)
{
    return now_us > then_us ? now_us - then_us : 0;
}

/* Forgets what was measured, but not what was learnt of the path. */
static void measure_anew(struct bwe *b)
{
    trend_restart(&b->trend);
    if (b->loss.trial)
        b->loss_bps = b->loss.before_bps;
    b->loss = (struct bwe_loss){
        .permille = b->loss.permille,
        .own_permille = b->loss.own_permille,
        .tried_permille = b->loss.tried_permille,
    };
    b->rate.any = false;
    b->rate.left_out_us = 0;
    b->train = (struct train){0};
    b->sent.from_us = 0;
    b->sent.bytes = 0;
    b->sent.bps = 0;
    b->has_origin = false;
    b->draining = false;
    b->blind_bps = 0;
}

static void count_arrived(struct bwe *b, const struct bwe_packet *p)
{
    uint64_t bin = (p->arrived_us - b->rate.left_out_us) / BIN_US;
    if (!b->rate.any) {
        b->rate.any = true;
        b->rate.first = bin;
        b->rate.newest = bin;
        for (int i = 0; i < BWE_RATE_BINS; i++)
            b->rate.bytes[i] = b->rate.packets[i] = 0;
    }
    if (bin + BWE_RATE_BINS <= b->rate.newest)
        return;
    if (bin > b->rate.newest + BWE_RATE_BINS)
        b->rate.newest = bin - BWE_RATE_BINS;
    while (b->rate.newest < bin) {
        b->rate.newest++;
        b->rate.bytes[b->rate.newest % BWE_RATE_BINS] = 0;
        b->rate.packets[b->rate.newest % BWE_RATE_BINS] = 0;
    }
    b->rate.bytes[bin % BWE_RATE_BINS] += p->bytes;
    b->rate.packets[bin % BWE_RATE_BINS]++;
}

/* bit/s of the bins that are over, of `bins` or more; 0: not known. */
static uint32_t arrived_bps(const struct bwe *b, unsigned bins)
{
    uint64_t bps = 0;
    for (; bins <= BINS_MOST && b->rate.any && b->rate.newest - bins > b->rate.first; bins *= 2) {
        uint64_t bytes = 0;
        uint32_t packets = 0;
        for (unsigned i = 1; i <= bins; i++) {
            bytes += b->rate.bytes[(b->rate.newest - i) % BWE_RATE_BINS];
            packets += b->rate.packets[(b->rate.newest - i) % BWE_RATE_BINS];
        }
        bps = bytes * 8 * (1000000 / BIN_US) / bins;
        if (packets >= PACKETS)
            break;
    }
    return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}

static void count_sent(struct bwe *b, const struct bwe_packet *p)
{
    uint64_t elapsed_us = since(b->sent.from_us, p->sent_us);
    if (b->sent.from_us == 0) {
        b->sent.from_us = p->sent_us;
    } else if (elapsed_us >= SENT_US) {
        uint64_t bps = (uint64_t)b->sent.bytes * 8 * 1000000 / elapsed_us;
        b->sent.bps = bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
        b->sent.bytes = 0;
        b->sent.from_us = p->sent_us;
    }
    b->sent.bytes += p->bytes;
}

/* Whether there was less to send than might have been. */
static bool is_idle(const struct bwe *b)
{
    return b->sent.bps > 0 && b->sent.bps < b->estimate_bps / 2;
}

/* `late`: told as lost before. Returns the time of an outage that is over with this packet. */
static uint64_t count_loss(struct bwe_loss *l, const struct bwe_packet *p, bool late)
{
    if (l->from_us == 0)
        l->from_us = p->sent_us;
    if (late) {
        l->lost--;
        return 0;
    }
    if (p->sent_us < l->from_us)
        return 0;
    if (p->lost) {
        if (l->run++ == 0)
            l->run_from_us = p->sent_us;
        return 0;
    }
    uint64_t run_us = l->run > 0 ? since(l->run_from_us, p->sent_us) : 0;
    if (run_us <= OUTAGE_US) {
        l->fresh_expected += l->run;
        l->fresh_lost += l->run;
        run_us = 0;
    }
    l->run = 0;
    l->fresh_expected++;
    return run_us;
}

/* Whether a rate is above what is known of the capacity. */
static bool is_beyond(const struct bwe *b, double kbps)
{
    double off = (kbps - b->capacity_kbps) / DEVIATIONS;
    return off > 0 && off * off > b->deviation * b->capacity_kbps;
}

/* Overuse was found while this much came through. */
static void learn_capacity(struct bwe *b, double kbps)
{
    double off = b->capacity_kbps - kbps;
    if (b->capacity_kbps > 0 &&
        off * off > DEVIATIONS * DEVIATIONS * b->deviation * b->capacity_kbps)
        b->capacity_kbps = 0;
    if (b->capacity_kbps == 0) {
        b->capacity_kbps = kbps;
        b->deviation = DEVIATION_LEAST;
        return;
    }
    b->capacity_kbps -= CAPACITY_SHARE * off;
    b->deviation += CAPACITY_SHARE * (off * off / b->capacity_kbps - b->deviation);
    b->deviation = within(b->deviation, DEVIATION_LEAST, DEVIATION_MOST);
}

/* With more of its own, chance adds more to it. */
static bool is_low(const struct bwe_loss *l)
{
    return l->permille <= l->own_permille + l->own_permille / 5 + LOSS_LOW;
}

/* A train came slower than it was sent: that is what the path carries, but for what comes anyhow.
 * Not where a queue stands: overuse is about to be found there, and says it better. */
static void take_end(struct bwe *b, double bps, uint64_t now_us)
{
    double least = arrived_bps(b, BINS);
    if (trend_queue_ms(&b->trend) >= IDLE_QUEUE_MS)
        return;
    b->end_bps = bounded(bps > least ? bps : least);
    b->end_us = now_us;
    if (b->end_bps < b->delay_bps)
        b->delay_bps = b->end_bps;
}

static void judge_train(struct bwe *b, uint64_t now_us)
{
    bool slowed;
    double bps = train_bps(&b->train, &slowed);
    if (bps == 0 || trend_usage(&b->trend) == TREND_OVER || b->draining)
        return;
    b->end_bps = 0;
    if (slowed)
        take_end(b, bps, now_us);
    if (bps > b->delay_bps) {
        b->delay_bps = bounded(bps);
        if (is_beyond(b, bps / 1000))
            b->capacity_kbps = 0;
    }
    bool no_loss = !b->loss.trial && is_low(&b->loss);
    if (bps > b->loss_bps && no_loss)
        b->loss_bps = bounded(bps);
}

static void decrease(struct bwe *b, uint32_t rtt_us, uint64_t now_us)
{
    bool idle = is_idle(b);
    uint32_t bps = arrived_bps(b, BINS);
    uint32_t lately_bps = arrived_bps(b, BINS_FALL);
    if (lately_bps < STEEP * bps)
        bps = lately_bps;
    double wait_us = within(rtt_us, WAIT_LEAST_US, WAIT_MOST_US);
    bool far = !idle && bps > 0 && bps < b->delay_bps / 2;
    if (idle && trend_queue_ms(&b->trend) < IDLE_QUEUE_MS)
        return;
    if (b->reduced_us > 0 && !far && (double)since(b->reduced_us, now_us) < wait_us)
        return;
    double to = bps > 0 ? DECREASE * bps : b->delay_bps / 2.0;
    if (bps == 0 && b->blind_bps == 0)
        b->blind_bps = b->delay_bps;
    if (idle) {
        /* The little we send does not show the capacity, and fills no queue soon: no hurry. */
        to = within(DECREASE * b->delay_bps, to, BWE_MOST_BPS);
    } else if (bps > 0) {
        learn_capacity(b, bps / 1000.0);
    }
    if (to < b->delay_bps)
        b->delay_bps = bounded(to);
    b->reduced_us = now_us;
    if (trend_queue_ms(&b->trend) > DRAIN_FROM_MS)
        b->draining = true;
}

static void increase(struct bwe *b, uint32_t rtt_us, uint64_t now_us)
{
    double bps = arrived_bps(b, BINS);
    double most = AHEAD * bps + AHEAD_BPS;
    /* Where a train has met the path's end, the next one tells of more. */
    if (b->end_bps > 0 && bps <= b->end_bps && since(b->end_us, now_us) < END_US)
        most = lesser(most, b->end_bps);
    if (bps == 0 || b->delay_bps >= most)
        return;
    if (is_beyond(b, bps / 1000) || since(b->reduced_us, now_us) > CAPACITY_US)
        b->capacity_kbps = 0;
    double a_second = INCREASE * b->delay_bps;
    if (b->capacity_kbps > 0) {
        double frame = b->delay_bps / FRAMES_A_SECOND;
        double packets = (uint32_t)(frame / PACKET_BITS) + 1;
        double packet = frame / packets * 1e6 / ((double)rtt_us + FEEDBACK_US);
        a_second = within(packet, INCREASE_LEAST * b->delay_bps, a_second);
    }
    uint64_t elapsed_us = since(b->changed_us, now_us);
    double to = b->delay_bps + a_second * lesser((double)elapsed_us, ELAPSED_US) / 1e6;
    b->delay_bps = bounded(lesser(to, most));
}

static void judge_delay(struct bwe *b, uint32_t rtt_us, uint64_t now_us)
{
    uint32_t bps = arrived_bps(b, BINS);
    if (b->blind_bps > 0 && bps > 0) {
        double to = lesser(DECREASE * bps, b->blind_bps);
        if (to > b->delay_bps)
            b->delay_bps = bounded(to);
        b->blind_bps = 0;
    }
    if (!b->begun && bps > 0) {
        b->begun = true;
        if (b->reduced_us == 0 && bps > b->delay_bps)
            b->delay_bps = bounded(CARRIED * bps);
    }
    if (trend_take_overuse(&b->trend))
        decrease(b, rtt_us, now_us);
    else if (trend_usage(&b->trend) == TREND_NORMAL)
        increase(b, rtt_us, now_us);
    b->changed_us = now_us;
}

static void begin_trial(struct bwe *b, uint64_t now_us)
{
    struct bwe_loss *l = &b->loss;
    double bps = arrived_bps(b, BINS);
    if (bps == 0)
        return;
    if (is_idle(b)) {
        /* So little is sent already that the rate is not the reason. */
        l->own_permille = l->tried_permille = l->permille;
        l->over = l->held = 0;
        return;
    }
    l->trial = true;
    l->before_permille = l->permille;
    l->before_bps = b->loss_bps;
    b->loss_bps = bounded(within(TRIAL_RATE * bps, TRIAL_DEPTH * b->loss_bps, b->loss_bps));
    l->over = 0;
    l->held = 0;
    l->run = 0;
    l->fresh_expected = 0;
    l->fresh_lost = 0;
    l->from_us = now_us;
}

/* If what was lost in it is the path's own, or much less than before, the rate was the reason. */
static void end_trial(struct bwe *b, uint64_t now_us)
{
    struct bwe_loss *l = &b->loss;
    l->trial = false;
    bool gone = l->permille * 2 < l->before_permille && l->permille <= l->own_permille + TRIAL_GONE;
    bool less = l->permille + TRIAL_LESS < l->before_permille || l->permille > LOSS_HEAVY;
    if (gone) {
        if (l->permille < l->own_permille)
            l->own_permille = l->permille;
        l->tried_permille = l->own_permille;
    } else if (less) {
        begin_trial(b, now_us); /* right, but not enough */
    } else {
        l->own_permille = (uint16_t)((l->permille + l->before_permille) / 2);
        l->tried_permille = l->own_permille;
        if (l->before_bps > b->loss_bps)
            b->loss_bps = l->before_bps;
    }
}

/* Follows the path's own loss, to no more than a trial found. */
static void learn_own(struct bwe_loss *l)
{
    l->own_permille = (uint16_t)((7 * l->own_permille + l->permille) / 8);
    if (l->own_permille > l->tried_permille)
        l->own_permille = l->tried_permille;
    if (l->own_permille < l->tried_permille / 4)
        l->tried_permille = l->own_permille;
}

static void answer_loss(struct bwe *b, bool heavy, double elapsed_s, uint64_t now_us)
{
    struct bwe_loss *l = &b->loss;
    if (is_low(l)) {
        l->over = 0;
        l->held = 0;
        learn_own(l);
        b->loss_bps = bounded(b->loss_bps * (1 + INCREASE * elapsed_s));
        return;
    }
    if (b->loss_bps > b->delay_bps)
        b->loss_bps = b->delay_bps;
    if (l->held < TRIAL_HELD)
        l->held++;
    if (l->permille > l->own_permille + LOSS_HIGH) {
        if (l->over < TRIAL_OVER)
            l->over++;
    } else {
        l->over = 0;
        learn_own(l);
    }
    if (heavy || l->over == TRIAL_OVER || l->held == TRIAL_HELD)
        begin_trial(b, now_us);
}

static void judge_loss(struct bwe *b, uint64_t now_us)
{
    struct bwe_loss *l = &b->loss;
    uint64_t elapsed_us = since(l->from_us, l->until_us);
    if (l->expected < LOSS_LEAST)
        return;
    /* Of those counted before, some may have come late just now. */
    uint64_t lost = l->lost > 0 ? (uint64_t)l->lost : 0;
    uint16_t permille = (uint16_t)(lost * 1000 / l->expected);
    bool heavy = permille > LOSS_HEAVY && elapsed_us >= LOSS_HEAVY_US;
    bool enough = l->expected >= LOSS_PACKETS ? elapsed_us >= LOSS_US : elapsed_us >= LOSS_LONG_US;
    if (!heavy && !enough)
        return;
    l->permille = permille;
    l->expected = 0;
    l->lost = 0;
    l->from_us = l->until_us;
    if (l->trial)
        end_trial(b, now_us);
    else
        answer_loss(b, heavy, lesser((double)elapsed_us / 1e6, 2), now_us);
}

/* What was told just now is counted from the next feedback on: until then it may come late. */
static void settle_loss(struct bwe *b)
{
    struct bwe_loss *l = &b->loss;
    l->expected += l->fresh_expected;
    l->lost += (int32_t)l->fresh_lost;
    l->fresh_expected = 0;
    l->fresh_lost = 0;
    l->edge += l->fresh_edge;
    l->fresh_edge = 0;
    l->until_us = b->newest_sent_us;
}

/* What goes through is carried: where nothing speaks against it, no less is estimated than is sent,
 * which may become more quicker than an estimate grows. Where it is a little more, it is chance. */
static void heed_what_is_sent(struct bwe *b, uint64_t now_us)
{
    const struct bwe_loss *l = &b->loss;
    bool reduced = b->reduced_us > 0 && since(b->reduced_us, now_us) < CALM_US;
    if (reduced || l->trial || !is_low(l) || b->draining ||
        trend_usage(&b->trend) != TREND_NORMAL || arrived_bps(b, BINS) < CALM_ARRIVED * b->sent.bps)
        return;
    if (b->sent.bps <= HEEDED * lesser(b->delay_bps, b->loss_bps))
        return;
    if (b->sent.bps > b->delay_bps)
        b->delay_bps = bounded(b->sent.bps);
    if (b->sent.bps > b->loss_bps)
        b->loss_bps = bounded(b->sent.bps);
}

static void conclude(struct bwe *b, uint64_t now_us)
{
    heed_what_is_sent(b, now_us);
    double bps = lesser(b->delay_bps, b->loss_bps);
    double excess_ms = trend_queue_ms(&b->trend) - DRAIN_UNTIL_MS;
    if (excess_ms <= 0 || since(b->reduced_us, now_us) > DRAIN_US)
        b->draining = false;
    if (b->draining)
        bps *= 1 - lesser(excess_ms / DRAIN_WHOLE_MS, DRAIN_MOST);
    b->estimate_bps = bounded(bps);
}

/* After a silence: the path may be another one. */
static void resume(struct bwe *b, const struct bwe_packet *first, uint64_t now_us)
{
    if (!b->fed || since(b->fed_us, now_us) <= BWE_SILENCE_US)
        return;
    measure_anew(b);
    b->changed_us = now_us;
    if (since(b->newest_sent_us, first->sent_us) > BWE_SILENCE_US)
        return; /* we were silent, not the path */
    b->capacity_kbps = 0;
    double bps = lesser(b->delay_bps, b->loss_bps);
    double to = within(bps / 2, RESTART_LEAST_BPS, BWE_FIRST_BPS);
    b->delay_bps = bounded(lesser(bps, to));
}

/* The receiver's time, from ORIGIN_US on, and anew when its clock jumps. */
static void set_arrived(struct bwe *b, struct bwe_packet *p)
{
    uint64_t offset_us = p->arrived_us - p->sent_us;
    int64_t jump_us = (int64_t)(offset_us - b->offset_us);
    if (b->has_origin && (jump_us > JUMP_US || jump_us < -JUMP_US))
        measure_anew(b);
    if (!b->has_origin) {
        b->has_origin = true;
        b->origin_us = p->arrived_us - ORIGIN_US;
    }
    b->offset_us = offset_us;
    p->arrived_us -= b->origin_us;
}

static void take(struct bwe *b, struct bwe_packet p)
{
    bool late = p.sent_us < b->newest_sent_us;
    if (late && p.lost)
        return;
    /* Of several sent at the same time, one told as lost is likely to come first. */
    if (p.sent_us == b->newest_sent_us && !p.lost && b->loss.edge > 0) {
        b->loss.edge--;
        late = true;
    }
    if (!p.lost)
        set_arrived(b, &p);
    b->rate.left_out_us += count_loss(&b->loss, &p, late);
    if (p.train > 0 && train_told(&b->train, p.train, late) && !p.lost)
        train_arrived(&b->train, p.sent_us, p.arrived_us, p.bytes);
    if (!p.lost)
        count_arrived(b, &p);
    if (late)
        return;
    if (p.sent_us > b->newest_sent_us)
        b->loss.edge = b->loss.fresh_edge = 0;
    if (p.lost)
        b->loss.fresh_edge++;
    count_sent(b, &p);
    b->newest_sent_us = p.sent_us;
    if (!p.lost)
        trend_packet(&b->trend, p.sent_us, p.arrived_us);
}

void bwe_feedback(struct bwe *b, const struct bwe_packet *packets, size_t count, uint32_t rtt_us,
                  uint64_t now_us)
{
    if (count == 0)
        return;
    if (rtt_us == 0)
        rtt_us = RTT_US;
    resume(b, &packets[0], now_us);
    b->fed = true;
    b->fed_us = now_us;
    for (size_t i = 0; i < count; i++)
        if (packets[i].sent_us <= now_us)
            take(b, packets[i]);
    judge_delay(b, rtt_us, now_us);
    judge_train(b, now_us);
    judge_loss(b, now_us);
    settle_loss(b);
    conclude(b, now_us);
}

uint32_t bwe_estimate_bps(const struct bwe *b)
{
    return b->estimate_bps;
}

uint32_t bwe_arrived_bps(const struct bwe *b)
{
    return arrived_bps(b, BINS);
}

bool bwe_is_trying(const struct bwe *b)
{
    return b->loss.trial && b->loss.before_permille <= b->loss.own_permille + LOSS_HIGH;
}

bool bwe_is_met(const struct bwe *b, uint64_t now_us)
{
    return b->reduced_us > 0 && since(b->reduced_us, now_us) <= CAPACITY_US;
}

double bwe_queue_ms(const struct bwe *b)
{
    return trend_queue_ms(&b->trend);
}

uint16_t bwe_loss_permille(const struct bwe *b)
{
    return b->loss.permille;
}

uint16_t bwe_chance_permille(const struct bwe *b, uint64_t now_us)
{
    const struct bwe_loss *l = &b->loss;
    return bwe_is_met(b, now_us) && l->own_permille < l->permille ? l->own_permille : l->permille;
}
