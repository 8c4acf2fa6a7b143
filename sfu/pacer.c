/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/pacer.h"

#include <errno.h>
#include <stdlib.h>

#define WAIT_MOST_US (LIMIT_PACED_MS * 1000ull)

static struct pacer_item *item_at(const struct pacer *p, uint32_t index)
{
    return &p->items[(p->first + index) % LIMIT_PACED_PACKETS];
}

void pacer_finish(struct pacer *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        packet_unref(item_at(p, i)->packet);
    free(p->items);
    *p = (struct pacer){0};
}

int pacer_set_estimate(struct pacer *p, uint32_t estimate_bps)
{
    bool slow = estimate_bps > 0 && estimate_bps < PACER_FAST_BPS;
    if (slow && !p->items) {
        p->items = malloc(LIMIT_PACED_PACKETS * sizeof(*p->items));
        if (!p->items)
            return -ENOMEM;
    }
    p->bps = slow ? (uint32_t)((uint64_t)estimate_bps * PACER_PERMILLE / 1000) + 1 : 0;
    uint64_t least_us = slow ? PACER_BURST_BYTES * 8000000ull / p->bps : 0;
    if (least_us > WAIT_MOST_US)
        least_us = WAIT_MOST_US;
    p->burst_us = (uint32_t)(least_us > PACER_BURST_US ? least_us : PACER_BURST_US);
    return 0;
}

/* By when the oldest has to have left. */
static uint64_t deadline_us(const struct pacer *p)
{
    return item_at(p, 0)->packet->arrived_us + WAIT_MOST_US;
}

/* The rate of now: what waits is to be gone when the oldest of it is due at the latest, or a
 * picture that never fits in would never come. */
static uint64_t rate_bps(const struct pacer *p, uint64_t now_us)
{
    if (p->count == 0)
        return p->bps;
    uint64_t until_us = deadline_us(p);
    uint64_t left_us = until_us > now_us + PACER_STEP_US ? until_us - now_us : PACER_STEP_US;
    uint64_t needed_bps = p->bytes * 8000000 / left_us;
    return needed_bps > p->bps ? needed_bps : p->bps;
}

void pacer_sent(struct pacer *p, size_t bytes, uint64_t now_us)
{
    if (p->bps == 0)
        return;
    uint64_t from_us = p->until_us > now_us ? p->until_us : now_us;
    /* Sound and what is sent again may not put pictures off for ever. */
    uint64_t most_us = now_us + WAIT_MOST_US;
    p->until_us = from_us + bytes * 8000000 / rate_bps(p, now_us);
    if (p->until_us > most_us)
        p->until_us = most_us;
}

int pacer_put(struct pacer *p, const struct pacer_item *item)
{
    if (!p->items || p->count == LIMIT_PACED_PACKETS || p->bytes + item->bytes > LIMIT_PACED_BYTES)
        return -ENOBUFS;
    struct pacer_item *last = item_at(p, p->count++);
    *last = *item;
    packet_ref(last->packet);
    p->bytes += last->bytes;
    return 0;
}

uint64_t pacer_due_us(const struct pacer *p)
{
    if (p->count == 0)
        return UINT64_MAX;
    if (p->bps == 0 || p->until_us <= p->burst_us)
        return 0;
    uint64_t by_rate_us = p->until_us - p->burst_us, latest_us = deadline_us(p);
    return by_rate_us < latest_us ? by_rate_us : latest_us;
}

bool pacer_take(struct pacer *p, uint64_t now_us, struct pacer_item *ret_item)
{
    if (p->count == 0 || pacer_due_us(p) > now_us)
        return false;
    *ret_item = *item_at(p, 0);
    p->first = (p->first + 1) % LIMIT_PACED_PACKETS;
    p->count--;
    p->bytes -= ret_item->bytes;
    return true;
}

size_t pacer_drop(struct pacer *p, uint16_t lane)
{
    uint32_t kept = 0, before = p->count;
    for (uint32_t i = 0; i < before; i++) {
        struct pacer_item *item = item_at(p, i);
        if (item->lane == lane) {
            p->bytes -= item->bytes;
            packet_unref(item->packet);
        } else {
            *item_at(p, kept++) = *item;
        }
    }
    p->count = kept;
    return before - kept;
}
