/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/arrivals.h"

#include <errno.h>

enum {
    PADDING_BIT = 0x20,
    FIRST_BYTE = 0x8f, /* version 2, format 15 */
    PT_TRANSPORT_FEEDBACK = 205,
};

bool arrivals_are_in(const uint8_t *rtcp, size_t len)
{
    return len >= 2 && (rtcp[0] & ~PADDING_BIT) == FIRST_BYTE && rtcp[1] == PT_TRANSPORT_FEEDBACK;
}

/* The symbols of the current chunk, one at a time (section 3.1.3 and 3.1.4). */
static uint8_t next_symbol(struct arrivals *a)
{
    if (a->in_chunk == 0) {
        a->chunk = reader_u16(&a->chunks);
        if (!(a->chunk & 0x8000))
            a->in_chunk = a->chunk & 0x1fff;
        else
            a->in_chunk = a->chunk & 0x4000 ? 7 : 14;
        if (a->in_chunk == 0) /* an empty run: nothing but a waste, and no way to go on */
            a->chunks.failed = true;
    }
    if (a->chunks.failed)
        return 0;
    a->in_chunk--;
    if (!(a->chunk & 0x8000))
        return a->chunk >> 13 & 3;
    if (a->chunk & 0x4000)
        return a->chunk >> (2 * a->in_chunk) & 3;
    return a->chunk >> a->in_chunk & 1;
}

/* Finds where the deltas begin. */
static int check(struct arrivals *a)
{
    struct arrivals walk = *a;
    size_t delta_bytes = 0;
    for (; walk.left > 0; walk.left--) {
        uint8_t symbol = next_symbol(&walk);
        if (walk.chunks.failed || symbol == 3)
            return -EBADMSG;
        delta_bytes += symbol;
    }
    if (delta_bytes > reader_left(&walk.chunks))
        return -EBADMSG;
    a->deltas = walk.chunks;
    return 0;
}

int arrivals_begin(const uint8_t *rtcp, size_t len, struct arrivals *ret_arrivals)
{
    if (!arrivals_are_in(rtcp, len))
        return -EBADMSG;
    size_t padding = rtcp[0] & PADDING_BIT ? rtcp[len - 1] : 0;
    if (padding > len)
        return -EBADMSG;
    struct reader r = reader_over(rtcp, len - padding);
    (void)reader_u16(&r);
    if (4 * ((size_t)reader_u16(&r) + 1) != len)
        return -EBADMSG;
    (void)reader_u32(&r);
    struct arrivals a = {.media_ssrc = reader_u32(&r)};
    a.base_seq = a.next_seq = reader_u16(&r);
    a.status_count = a.left = reader_u16(&r);
    a.reference_time = (int32_t)(reader_u24(&r) << 8) >> 8;
    a.feedback_count = reader_u8(&r);
    a.chunks = r;
    int e = r.failed ? -EBADMSG : check(&a);
    if (e == 0)
        *ret_arrivals = a;
    return e;
}

bool arrivals_next(struct arrivals *a, struct arrival *ret_arrival)
{
    if (a->left == 0)
        return false;
    a->left--;
    struct arrival arrival = {.seq = a->next_seq++};
    uint8_t symbol = next_symbol(a);
    if (symbol == 1)
        arrival.delta = reader_u8(&a->deltas);
    else if (symbol == 2)
        arrival.delta = (int16_t)reader_u16(&a->deltas);
    arrival.received = symbol != 0;
    *ret_arrival = arrival;
    return true;
}
