/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/twcc.h"

#include <errno.h>
#include <stddef.h>

#include "sfu/seqnum.h"

enum {
    RTCP_FIRST_BYTE = 2 << 6 | 15, /* version 2, format 15 */
    RTCP_TYPE = 205,
    FIXED_BYTES = 20, /* header, two SSRCs, and the feedback's own fixed fields */

    SYMBOL_LOST = 0,
    SYMBOL_SMALL = 1, /* delta in one byte, 0 to 255 */
    SYMBOL_LARGE = 2, /* delta in two bytes, signed */

    RUN_MAX = 0x1fff,    /* section 3.1.3 */
    BITS_PER_CHUNK = 14, /* section 3.1.4 */
    PAIRS_PER_CHUNK = 7,

    TICK_US = 250,
    TICKS_PER_REFERENCE = 256, /* 64 ms */
};

/* What one feedback will tell. */
struct plan {
    size_t count; /* statuses */
    size_t delta_bytes;
    int64_t reference; /* in 64 ms since the epoch */
    uint8_t symbols[TWCC_WINDOW];
    int16_t deltas[TWCC_WINDOW]; /* of the received ones, by status */
};

static uint64_t *slot_of(struct twcc *t, uint64_t seq)
{
    return &t->arrived_us[seq % TWCC_WINDOW];
}

static void begin(struct twcc *t, uint64_t seq)
{
    for (size_t i = 0; i < TWCC_WINDOW; i++)
        t->arrived_us[i] = 0;
    t->base = seq;
    t->newest = seq;
    t->unreported = 0;
}

void twcc_received(struct twcc *t, uint16_t seq16, uint64_t now_us)
{
    if (!t->started) {
        t->started = true;
        t->epoch_us = now_us;
        t->built_us = now_us;
        begin(t, 0x10000u + (uint64_t)seq16);
    }
    uint64_t seq = seqnum_extend(t->newest, seq16);
    if (seq > t->newest) {
        if (seq - t->newest >= TWCC_WINDOW)
            begin(t, seq);
        while (t->newest < seq)
            *slot_of(t, ++t->newest) = 0;
        if (t->newest - t->base >= TWCC_WINDOW)
            t->base = t->newest - TWCC_WINDOW + 1;
    } else if (t->newest - seq >= TWCC_WINDOW) {
        return;
    }
    if (*slot_of(t, seq) != 0)
        return;
    *slot_of(t, seq) = now_us > 0 ? now_us : 1;
    t->unreported++;
    /* One that was told as lost is told again: senders keep what was not received. */
    if (seq < t->base)
        t->base = seq;
}

bool twcc_is_due(const struct twcc *t, uint64_t now_us)
{
    return t->unreported >= TWCC_PACKETS || now_us >= twcc_next_us(t);
}

uint64_t twcc_next_us(const struct twcc *t)
{
    return t->unreported > 0 ? t->built_us + TWCC_INTERVAL_US : UINT64_MAX;
}

static size_t chunk_bytes_at_most(size_t count)
{
    return 2 * ((count + PAIRS_PER_CHUNK - 1) / PAIRS_PER_CHUNK);
}

/* Decides how many statuses fit and what each says. */
static void make_plan(struct twcc *t, size_t room, struct plan *plan)
{
    bool any = false;
    int64_t last_ticks = 0;
    plan->count = 0;
    plan->delta_bytes = 0;
    plan->reference = 0;
    for (uint64_t seq = t->base; seq <= t->newest; seq++) {
        uint64_t arrived_us = *slot_of(t, seq);
        int64_t delta = 0;
        uint8_t symbol = SYMBOL_LOST;
        if (arrived_us != 0) {
            int64_t ticks = (int64_t)(arrived_us - t->epoch_us) / TICK_US;
            if (!any) {
                plan->reference = ticks / TICKS_PER_REFERENCE;
                last_ticks = plan->reference * TICKS_PER_REFERENCE;
                any = true;
            }
            delta = ticks - last_ticks;
            if (delta < INT16_MIN || delta > INT16_MAX)
                return; /* the next feedback begins here, with its own reference */
            last_ticks = ticks;
            symbol = delta >= 0 && delta <= UINT8_MAX ? SYMBOL_SMALL : SYMBOL_LARGE;
        }
        if (chunk_bytes_at_most(plan->count + 1) + plan->delta_bytes + symbol > room)
            return;
        plan->symbols[plan->count] = symbol;
        plan->deltas[plan->count] = (int16_t)delta;
        plan->count++;
        plan->delta_bytes += symbol;
    }
}

/* How many symbols from `i` on are the same as it. */
static size_t run_at(const struct plan *plan, size_t i)
{
    size_t end = i + 1;
    while (end < plan->count && end - i < RUN_MAX && plan->symbols[end] == plan->symbols[i])
        end++;
    return end - i;
}

static bool fits_bits(const struct plan *plan, size_t i)
{
    for (size_t n = 0; n < BITS_PER_CHUNK && i + n < plan->count; n++)
        if (plan->symbols[i + n] == SYMBOL_LARGE)
            return false;
    return true;
}

static uint16_t vector(const struct plan *plan, size_t i, size_t symbols, unsigned bits)
{
    unsigned chunk = 0;
    for (size_t n = 0; n < symbols; n++)
        chunk = chunk << bits | (i + n < plan->count ? plan->symbols[i + n] : 0);
    return (uint16_t)chunk;
}

static void write_chunks(struct writer *w, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count;) {
        size_t run = run_at(plan, i);
        if (run > PAIRS_PER_CHUNK) {
            writer_u16(w, (uint16_t)(plan->symbols[i] << 13 | run));
            i += run;
        } else if (fits_bits(plan, i)) {
            writer_u16(w, 0x8000 | vector(plan, i, BITS_PER_CHUNK, 1));
            i += BITS_PER_CHUNK;
        } else {
            writer_u16(w, 0xc000 | vector(plan, i, PAIRS_PER_CHUNK, 2));
            i += PAIRS_PER_CHUNK;
        }
    }
}

static void write_deltas(struct writer *w, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->symbols[i] == SYMBOL_SMALL)
            writer_u8(w, (uint8_t)plan->deltas[i]);
        else if (plan->symbols[i] == SYMBOL_LARGE)
            writer_u16(w, (uint16_t)plan->deltas[i]);
    }
}

static void write_feedback(struct twcc *t, struct writer *w, const struct plan *plan,
                           uint32_t sender_ssrc, uint32_t media_ssrc)
{
    uint8_t *start = writer_skip(w, 4);
    size_t before = writer_len(w);
    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
    writer_u16(w, (uint16_t)t->base);
    writer_u16(w, (uint16_t)plan->count);
    writer_u24(w, (uint32_t)plan->reference & 0xffffff);
    writer_u8(w, t->feedback_count);
    write_chunks(w, plan);
    write_deltas(w, plan);

    /* RFC 3550 section 6.4.1: padding up to 32 bits, its count in the last byte. */
    size_t padding = (4 - (writer_len(w) - before) % 4) % 4;
    for (size_t i = padding; i > 0; i--)
        writer_u8(w, i == 1 ? (uint8_t)padding : 0);
    struct writer head = writer_over(start, 4);
    writer_u8(&head, RTCP_FIRST_BYTE | (padding > 0 ? 0x20 : 0));
    writer_u8(&head, RTCP_TYPE);
    writer_u16(&head, (uint16_t)((writer_len(w) - before) / 4));
}

int twcc_build(struct twcc *t, struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
               uint64_t now_us)
{
    if (t->unreported == 0)
        return -ENODATA;
    size_t room = (size_t)(w->end - w->pos);
    if (w->failed || room < FIXED_BYTES + 3)
        return -ENOBUFS;
    struct plan plan;
    make_plan(t, room - FIXED_BYTES - 3, &plan);
    if (plan.count == 0)
        return -ENOBUFS;

    write_feedback(t, w, &plan, sender_ssrc, media_ssrc);
    t->feedback_count++;
    t->base += plan.count;
    t->built_us = now_us;
    if (t->base <= t->newest)
        return 1;
    t->unreported = 0;
    return 0;
}
