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
}

static double bps_of(uint32_t bytes, uint64_t us)
{
    return bytes * 8e6 / (double)us;
}

double train_bps(struct train *t)
{
    uint64_t sent_us = t->last_sent_us - t->first_sent_us;
    uint64_t arrived_us = t->last_arrived_us - t->first_arrived_us;
    bool news = t->news;
    t->news = false;
    if (!news || t->told < PACKETS || t->arrived < ARRIVED || t->arrived * 5 < t->told * OF_FIVE ||
        sent_us > MOST_US || arrived_us > MOST_US)
        return 0;
    /* What left last took no time yet; a burst of it, sent at once, neither. */
    double sent_bps = sent_us < LEAST_US
                          ? bps_of(t->bytes - t->last_bytes, LEAST_US)
                          : bps_of(t->bytes - t->burst_bytes, t->burst_sent_us - t->first_sent_us);
    double came_bps =
        bps_of(t->bytes - t->first_bytes, arrived_us > LEAST_US ? arrived_us : LEAST_US);
    if (came_bps > ODD * sent_bps)
        return 0;
    if (came_bps < SLOWER * sent_bps)
        return TRUST * came_bps;
    return came_bps < sent_bps ? came_bps : sent_bps;
}
