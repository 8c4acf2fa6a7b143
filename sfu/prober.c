/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/prober.h"

#include "sfu/wheel.h"

/* A train found more if the estimate rose by this, permille. */
#define MORE_PERMILLE 1050

static uint32_t burst_bytes(const struct prober *p)
{
    return (uint32_t)((uint64_t)p->bps * WHEEL_TICK_US / 8000000);
}

/* The longest after this train. */
static uint64_t most_pause_us(const struct prober *p, uint32_t estimate_bps)
{
    uint64_t bits = (uint64_t)p->bursts * burst_bytes(p) * 8;
    uint64_t by_share_us = bits * 1000000000 / PROBER_SHARE_PERMILLE / (estimate_bps + 1ull);
    return by_share_us > PROBER_PAUSE_MOST_US ? by_share_us : PROBER_PAUSE_MOST_US;
}

static void begin(struct prober *p, uint32_t estimate_bps, uint64_t wanted_bps, bool careful,
                  uint64_t now_us)
{
    bool found = p->before_bps > 0 && estimate_bps > (uint64_t)p->before_bps * MORE_PERMILLE / 1000;
    bool again = p->before_bps > 0 && !found;
    uint64_t permille = again || careful ? PROBER_CAREFUL_PERMILLE : PROBER_EAGER_PERMILLE;
    uint64_t bps = estimate_bps * permille / 1000;
    uint64_t most = wanted_bps + wanted_bps / 4;
    p->bps = (uint32_t)(bps < most ? bps : most);
    p->before_bps = estimate_bps;
    uint32_t one = burst_bytes(p) > 0 ? burst_bytes(p) : 1;
    uint32_t bursts = (PROBER_BYTES + one - 1) / one;
    if (bursts < PROBER_BURSTS)
        bursts = PROBER_BURSTS;
    p->bursts = (uint8_t)(bursts < PROBER_BURSTS_MOST ? bursts : PROBER_BURSTS_MOST);
    uint64_t pause_us = again ? 2 * (uint64_t)p->pause_us : 0;
    if (again && pause_us == 0)
        pause_us = PROBER_PAUSE_US;
    uint64_t most_us = most_pause_us(p, estimate_bps);
    p->pause_us = (uint32_t)(pause_us < most_us ? pause_us : most_us);
    p->burst = 0;
    p->sent = 0;
    p->begun_us = now_us;
    p->number = p->number < PROBER_TRAIN_MAX ? p->number + 1 : 1;
    p->on = true;
}

void prober_tick(struct prober *p, uint32_t estimate_bps, uint64_t wanted_bps, enum prober_way way,
                 uint32_t rtt_us, uint64_t now_us)
{
    if (p->on && (p->burst == p->bursts || way == PROBER_NOT)) {
        p->on = false;
        p->next_us = now_us + PROBER_ANSWER_US + rtt_us + p->pause_us;
    }
    if (p->on) {
        p->burst++;
        return;
    }
    if (way == PROBER_NOT || now_us < p->next_us || wanted_bps <= estimate_bps)
        return;
    begin(p, estimate_bps, wanted_bps, way == PROBER_CAREFUL, now_us);
    p->burst = 1;
}

uint32_t prober_owes(const struct prober *p)
{
    uint32_t due = p->on ? p->burst * burst_bytes(p) : 0;
    return due > p->sent ? due - p->sent : 0;
}

void prober_hurry(struct prober *p, uint64_t now_us)
{
    if (p->on)
        return;
    p->pause_us = 0;
    if (p->next_us > now_us + PROBER_ANSWER_US)
        p->next_us = now_us + PROBER_ANSWER_US;
}
