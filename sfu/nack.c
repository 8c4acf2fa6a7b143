/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/nack.h"

#include <string.h>

/* The retry clock until a round trip was measured, and its bounds. Ours. */
#define ROUND_TRIP_DEFAULT_US (100 * 1000ull)
#define ROUND_TRIP_MIN_US     (20 * 1000ull)
#define RETRY_MAX_US          (600 * 1000ull)

/* After so many requests at the pace of the round trip, each waits twice as long. Ours. */
#define QUICK_REQUESTS 4

void nack_init(struct nack *nack, bool video)
{
    nack->video = video;
    nack->started = false;
    nack->want_key_frame = false;
    nack->newest = 0;
    nack->key_seq = 0;
    nack->key_asked_us = 0;
    nack->missing_count = 0;
    nack->run_count = 0;
}

/* Whether the hole at `seq` keeps a decoder from going on. */
static bool hurts(const struct nack *nack, uint64_t seq)
{
    return nack->video && seq > nack->key_seq;
}

/* Tells `count` packets from `first` on as lost for good. */
static void give_up(struct nack *nack, uint64_t first, uint64_t count)
{
    if (count == 0)
        return;
    if (hurts(nack, first + count - 1))
        nack->want_key_frame = true;
    struct nack_run *last = nack->run_count > 0 ? &nack->runs[nack->run_count - 1] : NULL;
    uint64_t ahead = last ? (uint16_t)((uint16_t)first - last->first) : 0;
    bool joins = last && ahead == last->count;
    bool full = nack->run_count == NACK_GIVEN_UP_MAX;
    if (joins || full) {
        uint64_t covered = ahead + count;
        last->count = covered > UINT16_MAX ? UINT16_MAX : (uint16_t)covered;
        return;
    }
    nack->runs[nack->run_count++] = (struct nack_run){
        .first = (uint16_t)first,
        .count = count > UINT16_MAX ? UINT16_MAX : (uint16_t)count,
    };
}

static void remove_oldest(struct nack *nack, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        give_up(nack, nack->missing[i].seq, 1);
    nack->missing_count -= count;
    memmove(nack->missing, nack->missing + count, nack->missing_count * sizeof(nack->missing[0]));
}

bool nack_give_up(struct nack *nack)
{
    uint32_t count = 0;
    while (count < nack->missing_count && nack->run_count < NACK_GIVEN_UP_MAX)
        give_up(nack, nack->missing[count++].seq, 1);
    nack->missing_count -= count;
    memmove(nack->missing, nack->missing + count, nack->missing_count * sizeof(nack->missing[0]));
    return nack->missing_count > 0;
}

void nack_reset(struct nack *nack)
{
    remove_oldest(nack, nack->missing_count);
    nack->started = false;
}

/* Everything from `first` up to `end` is missing. */
static void add_missing(struct nack *nack, uint64_t first, uint64_t end, uint64_t now_us)
{
    uint64_t count = end - first;
    uint64_t room = NACK_MISSING_MAX - nack->missing_count;
    if (count > room) {
        uint64_t need = count - room;
        uint32_t oldest = need < nack->missing_count ? (uint32_t)need : nack->missing_count;
        remove_oldest(nack, oldest);
        give_up(nack, first, need - oldest);
        first += need - oldest;
    }
    for (uint64_t seq = first; seq < end; seq++) {
        nack->missing[nack->missing_count++] = (struct nack_missing){
            .seq = seq,
            .since_us = now_us,
            .ask_us = now_us + NACK_REORDER_US,
        };
    }
}

/* Takes `seq` out of the missing; returns whether it had been asked for. */
static bool remove_missing(struct nack *nack, uint64_t seq)
{
    uint32_t low = 0;
    uint32_t high = nack->missing_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (nack->missing[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == nack->missing_count || nack->missing[low].seq != seq)
        return false;
    bool asked = nack->missing[low].asked > 0;
    nack->missing_count--;
    memmove(nack->missing + low, nack->missing + low + 1,
            (nack->missing_count - low) * sizeof(nack->missing[0]));
    return asked;
}

bool nack_received(struct nack *nack, uint64_t seq, bool key_frame, uint64_t now_us)
{
    bool asked = false;
    if (!nack->started) {
        nack->started = true;
        nack->newest = seq;
        nack->key_seq = 0;
    } else if (seq > nack->newest) {
        add_missing(nack, nack->newest + 1, seq, now_us);
        nack->newest = seq;
    } else {
        asked = remove_missing(nack, seq);
    }
    if (key_frame && seq > nack->key_seq) {
        nack->key_seq = seq;
        nack->want_key_frame = false;
    }
    return asked;
}

static uint64_t retry_after_us(uint32_t rtt_us, uint32_t asked)
{
    uint64_t wait = rtt_us > 0 ? rtt_us : ROUND_TRIP_DEFAULT_US;
    if (wait < ROUND_TRIP_MIN_US)
        wait = ROUND_TRIP_MIN_US;
    wait += wait / 4; /* the answer's own jitter */
    for (; asked > QUICK_REQUESTS && wait < RETRY_MAX_US; asked--)
        wait *= 2;
    return wait < RETRY_MAX_US ? wait : RETRY_MAX_US;
}

static bool is_outdated(const struct nack *nack, const struct nack_missing *missing,
                        uint64_t now_us)
{
    return now_us - missing->since_us >= NACK_AGE_MAX_US && nack->run_count < NACK_GIVEN_UP_MAX;
}

size_t nack_ask(struct nack *nack, uint32_t rtt_us, uint64_t now_us, uint16_t *seqs,
                size_t capacity)
{
    uint32_t outdated = 0;
    while (outdated < nack->missing_count && is_outdated(nack, &nack->missing[outdated], now_us))
        give_up(nack, nack->missing[outdated++].seq, 1);
    if (outdated > 0) {
        nack->missing_count -= outdated;
        memmove(nack->missing, nack->missing + outdated,
                nack->missing_count * sizeof(nack->missing[0]));
    }

    size_t count = 0;
    for (uint32_t i = 0; i < nack->missing_count; i++) {
        struct nack_missing *m = &nack->missing[i];
        uint64_t age_us = now_us - m->since_us;
        if (age_us >= NACK_FREEZE_US && hurts(nack, m->seq))
            nack->want_key_frame = true;
        if (m->ask_us > now_us || age_us >= NACK_AGE_MAX_US || count == capacity)
            continue;
        m->asked++;
        m->ask_us = now_us + retry_after_us(rtt_us, m->asked);
        seqs[count++] = (uint16_t)m->seq;
    }
    return count;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t nack_next_us(const struct nack *nack)
{
    uint64_t next = UINT64_MAX;
    if (nack->want_key_frame)
        next = nack->key_asked_us > 0 ? nack->key_asked_us + NACK_KEY_FRAME_US : 0;
    for (uint32_t i = 0; i < nack->missing_count; i++) {
        const struct nack_missing *m = &nack->missing[i];
        next = earlier(next, earlier(m->ask_us, m->since_us + NACK_AGE_MAX_US));
        if (!nack->want_key_frame && hurts(nack, m->seq))
            next = earlier(next, m->since_us + NACK_FREEZE_US);
    }
    return next;
}

bool nack_given_up(struct nack *nack, struct nack_run *ret_run)
{
    if (nack->run_count == 0)
        return false;
    *ret_run = nack->runs[0];
    nack->run_count--;
    memmove(nack->runs, nack->runs + 1, nack->run_count * sizeof(nack->runs[0]));
    return true;
}

bool nack_wants_key_frame(struct nack *nack, uint64_t now_us)
{
    if (!nack->want_key_frame)
        return false;
    if (nack->key_asked_us > 0 && now_us - nack->key_asked_us < NACK_KEY_FRAME_US)
        return false;
    nack->key_asked_us = now_us;
    return true;
}
