/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/downlink.h"

#include <errno.h>
#include <stdlib.h>

#include "sfu/arrivals.h"

/* Packets given to the estimator at once. */
#define BATCH 128

/* So far from 0 that years of feedback which goes back as far as it can do not come there; a
 * multiple of the 24 bits. */
#define FIRST_REFERENCE ((int64_t)1 << 46)

#define FEEDBACK_US       (1000000u / DOWNLINK_FEEDBACKS_PER_SECOND)
#define FEEDBACKS_AT_ONCE (DOWNLINK_FEEDBACKS_PER_SECOND / 2)

void downlink_init(struct downlink *d, uint64_t now_us)
{
    *d = (struct downlink){0};
    bwe_init(&d->bwe, now_us);
}

void downlink_finish(struct downlink *d)
{
    free(d->sent);
    d->sent = NULL;
}

void downlink_open(struct downlink *d)
{
    if (!d->sent)
        d->sent = calloc(DOWNLINK_WINDOW, sizeof(*d->sent));
}

void downlink_sent(struct downlink *d, size_t bytes, bool audio, uint8_t train, uint64_t now_us)
{
    if (d->sent)
        d->sent[d->next % DOWNLINK_WINDOW] =
            (struct downlink_sent){.sent_us = (uint32_t)now_us,
                                   .bytes = (uint16_t)(bytes + DOWNLINK_OVERHEAD_BYTES),
                                   .train = train,
                                   .audio = audio};
    if (d->untold_us == 0 && (!audio || d->tells_audio))
        d->untold_us = now_us;
    d->next++;
}

static bool may_read(struct downlink *d, uint64_t now_us)
{
    uint64_t from_us = d->feedbacks_us > now_us ? d->feedbacks_us : now_us;
    if (from_us + FEEDBACK_US > now_us + (uint64_t)FEEDBACKS_AT_ONCE * FEEDBACK_US)
        return false;
    d->feedbacks_us = from_us + FEEDBACK_US;
    return true;
}

/* The receiver's 24 bits, unwrapped: nearest to those of the feedback before. */
static int64_t unwrap_reference(struct downlink *d, int32_t reference)
{
    uint32_t step = ((uint32_t)reference - (uint32_t)d->reference) & 0xffffff;
    if (!d->heard)
        d->reference = FIRST_REFERENCE + reference;
    else
        d->reference += (int32_t)(step << 8) >> 8;
    d->heard = true;
    return d->reference;
}

/* What was sent under that number, if anything is still to be learned of it. */
static struct downlink_sent *find(struct downlink *d, uint16_t seq)
{
    uint16_t back = (uint16_t)(d->next - 1 - seq);
    if (back >= DOWNLINK_WINDOW || back >= d->next)
        return NULL;
    struct downlink_sent *sent = &d->sent[(d->next - 1 - back) % DOWNLINK_WINDOW];
    return sent->bytes > 0 ? sent : NULL;
}

/* Whether a packet that is not told as received is lost. */
static bool is_news(const struct downlink *d, const struct downlink_sent *sent)
{
    return !sent->told_lost && (!sent->audio || d->tells_audio);
}

/* False: nothing new. */
static bool learn(struct downlink *d, const struct arrival *arrival, uint64_t arrived_us,
                  uint64_t now_us, struct bwe_packet *ret_packet)
{
    struct downlink_sent *sent = find(d, arrival->seq);
    if (!sent || (!arrival->received && !is_news(d, sent)))
        return false;
    d->estimated = true;
    d->tells_audio = d->tells_audio || (sent->audio && arrival->received);
    *ret_packet = (struct bwe_packet){
        .sent_us = now_us - (uint32_t)((uint32_t)now_us - sent->sent_us),
        .arrived_us = arrived_us,
        .bytes = sent->bytes,
        .train = sent->train,
        .lost = !arrival->received,
    };
    if (arrival->received)
        sent->bytes = 0;
    else
        sent->told_lost = true;
    return true;
}

int downlink_feedback(struct downlink *d, const struct rtcp_view *view, uint32_t rtt_us,
                      uint64_t now_us)
{
    struct arrivals arrivals;
    struct arrival arrival;
    struct bwe_packet packets[BATCH];
    size_t count = 0;
    if (!d->sent)
        return 0;
    if (!may_read(d, now_us))
        return -EBUSY;
    int r = arrivals_begin(view, &arrivals);
    if (r < 0)
        return r;
    d->untold_us = 0;
    uint64_t arrived_us =
        (uint64_t)unwrap_reference(d, arrivals.reference_time) * ARRIVALS_REFERENCE_US;
    while (arrivals_next(&arrivals, &arrival)) {
        if (arrival.received)
            arrived_us += (uint64_t)((int64_t)arrival.delta * ARRIVALS_DELTA_US);
        count += learn(d, &arrival, arrived_us, now_us, &packets[count]);
        if (count < BATCH)
            continue;
        bwe_feedback(&d->bwe, packets, count, rtt_us, now_us);
        count = 0;
    }
    if (count > 0)
        bwe_feedback(&d->bwe, packets, count, rtt_us, now_us);
    return 0;
}

bool downlink_is_silent(const struct downlink *d, uint32_t rtt_us, uint64_t now_us)
{
    return d->heard && d->untold_us > 0 && now_us - d->untold_us > DOWNLINK_SILENCE_US + rtt_us;
}

uint32_t downlink_estimate_bps(const struct downlink *d)
{
    uint32_t bps = bwe_estimate_bps(&d->bwe);
    bool learnt = bwe_arrived_bps(&d->bwe) > 0 || bps < BWE_FIRST_BPS;
    return d->estimated && learnt ? bps : 0;
}

uint32_t downlink_met_bps(const struct downlink *d, uint64_t now_us)
{
    return bwe_is_met(&d->bwe, now_us) ? downlink_estimate_bps(d) : 0;
}
