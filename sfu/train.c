/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/train.h"

/* As libwebrtc: a train's least packets, and of those arrived; its least and most time; what
 * arrives quicker than sent by this factor says nothing; slower by that, it is the path's rate. */
#define PACKETS  5
#define ARRIVED  4
#define LEAST_US 15000ull
#define MOST_US  (1000 * 1000ull)
#define ODD      2.0
#define SLOWER   0.9
#define TRUST    0.95
/* Of those told, so many of five have to arrive. Ours. */
#define OF_FIVE 4
/* A shaper lets some bytes pass at once, whatever its rate: a packet with Ethernet's own, and while
 * they are sent at twice its rate as many again. These say nothing of the path; with so many behind
 * them those alone count. Ours. */
#define HEAD_BYTES   3200
#define BEHIND_BYTES 1000
/* What leaves within this time counts as sent at once. */
#define BURST_US 5000

bool train_told(struct train *t, uint16_t number, bool late)
{
    if (t->number != number) {
        if (late)
            return false;
        *t = (struct train){.number = number};
    }
    if (t->told == UINT16_MAX)
        return false;
    if (!late)
        t->told++;
    return true;
}

void train_arrived(struct train *t, uint64_t sent_us, uint64_t arrived_us, uint16_t bytes)
{
    bool first = t->arrived++ == 0;
    t->news = true;
    t->bytes += bytes;
    if (first || sent_us < t->first_sent_us)
        t->first_sent_us = sent_us;
    if (first || sent_us > t->burst_sent_us + BURST_US) {
        t->burst_sent_us = sent_us;
        t->burst_bytes = 0;
    }
    if (sent_us >= t->burst_sent_us)
        t->burst_bytes += bytes;
    if (first || sent_us >= t->last_sent_us) {
        t->last_sent_us = sent_us;
        t->last_bytes = bytes;
    }
    if (first || (int64_t)(arrived_us - t->first_arrived_us) < 0) {
        t->first_arrived_us = arrived_us;
        t->first_bytes = bytes;
    }
    if (first || (int64_t)(arrived_us - t->last_arrived_us) > 0)
        t->last_arrived_us = arrived_us;
    if (sent_us <= t->first_sent_us + BURST_US || t->head_bytes < HEAD_BYTES) {
        if (t->head_bytes == 0 || (int64_t)(arrived_us - t->head_arrived_us) > 0)
            t->head_arrived_us = arrived_us;
        if (sent_us > t->head_sent_us)
            t->head_sent_us = sent_us;
        t->head_bytes += bytes;
    }
}

static double bps_of(uint32_t bytes, uint64_t us)
{
    return bytes * 8e6 / (double)us;
}

/* The rate of what came behind the head, if there is enough of it and it took longer than to send;
 * else 0. */
static double behind_bps(const struct train *t)
{
    uint32_t bytes = t->bytes - t->head_bytes;
    int64_t sent_us = (int64_t)(t->last_sent_us - t->head_sent_us);
    int64_t came_us = (int64_t)(t->last_arrived_us - t->head_arrived_us);
    bool enough = bytes >= BEHIND_BYTES && came_us >= (int64_t)LEAST_US;
    return enough && (double)sent_us < SLOWER * (double)came_us ? bps_of(bytes, (uint64_t)came_us)
                                                                : 0;
}

double train_bps(struct train *t, bool *ret_slowed)
{
    uint64_t sent_us = t->last_sent_us - t->first_sent_us;
    uint64_t arrived_us = t->last_arrived_us - t->first_arrived_us;
    bool news = t->news;
    t->news = false;
    *ret_slowed = false;
    if (!news || t->told < PACKETS || t->arrived < ARRIVED || t->arrived * 5 < t->told * OF_FIVE ||
        sent_us > MOST_US || arrived_us > MOST_US)
        return 0;
    /* Not told of to its end yet. */
    if ((uint64_t)t->bytes * t->told / t->arrived < HEAD_BYTES + BEHIND_BYTES)
        return 0;
    /* What left last took no time yet; a burst of it, sent at once, neither. */
    double sent_bps = sent_us < LEAST_US
                          ? bps_of(t->bytes - t->last_bytes, LEAST_US)
                          : bps_of(t->bytes - t->burst_bytes, t->burst_sent_us - t->first_sent_us);
    double behind = behind_bps(t);
    *ret_slowed = behind > 0;
    if (behind > 0)
        return TRUST * behind;
    double came_bps =
        bps_of(t->bytes - t->first_bytes, arrived_us > LEAST_US ? arrived_us : LEAST_US);
    if (came_bps > ODD * sent_bps)
        return 0;
    if (came_bps < SLOWER * sent_bps)
        return TRUST * came_bps;
    return came_bps < sent_bps ? came_bps : sent_bps;
}
