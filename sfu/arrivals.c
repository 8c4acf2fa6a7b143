/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/arrivals.h"

#include <errno.h>

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

int arrivals_begin(const struct rtcp_view *view, struct arrivals *ret_arrivals)
{
    struct reader r = reader_over(view->items, view->items_len);
    struct arrivals a = {.base_seq = reader_u16(&r)};
    a.status_count = a.left = reader_u16(&r);
    a.reference_time = (int32_t)(reader_u24(&r) << 8) >> 8;
    a.feedback_count = reader_u8(&r);
    a.next_seq = a.base_seq;
    a.chunks = r;
    if (r.failed || a.status_count > ARRIVALS_STATUSES_MAX)
        return -EBADMSG;
    int e = check(&a);
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
