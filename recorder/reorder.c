/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/reorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

void reorder_finish(struct reorder *r)
{
    for (size_t i = r->first; i < r->count; i++)
        free(r->waiting[i].data);
    free(r->waiting);
    *r = (struct reorder){0};
}

/* Index of the first waiting packet that is not before `seq`; most often the end. */
static size_t find(const struct reorder *r, int64_t seq)
{
    size_t i = r->count;
    while (i > r->first && r->waiting[i - 1].seq >= seq)
        i--;
    return i;
}

static int make_room(struct reorder *r)
{
    if (r->first > 0 && r->count == r->capacity) {
        memmove(r->waiting, r->waiting + r->first, (r->count - r->first) * sizeof(r->waiting[0]));
        r->count -= r->first;
        r->first = 0;
    }
    if (r->count < r->capacity)
        return 0;
    size_t more = r->capacity ? 2 * r->capacity : 64;
    struct reorder_packet *grown = reallocarray(r->waiting, more, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    r->waiting = grown;
    r->capacity = more;
    return 0;
}

int reorder_put(struct reorder *r, int64_t seq, int64_t rtp_ticks, int64_t at_us, const void *data,
                size_t len)
{
    if (r->started && seq < r->next_seq)
        return 0; /* a copy, or given up */
    int error = make_room(r);
    if (error)
        return error;
    size_t at = find(r, seq);
    if (at < r->count && r->waiting[at].seq == seq)
        return 0;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, data, len);
    memmove(r->waiting + at + 1, r->waiting + at, (r->count - at) * sizeof(r->waiting[0]));
    r->waiting[at] = (struct reorder_packet){seq, rtp_ticks, at_us, copy, len};
    r->count++;
    return 0;
}

bool reorder_take(struct reorder *r, int64_t now_us, struct reorder_packet *ret_packet)
{
    if (r->first == r->count)
        return false;
    const struct reorder_packet *next = &r->waiting[r->first];
    bool in_order = r->started && next->seq == r->next_seq;
    /* The first packets of a track wait too: an earlier one may be late. */
    bool given_up =
        next->at_us <= now_us - REORDER_WAIT_US || r->count - r->first > LIMIT_REORDER_PACKETS;
    if (!in_order && !given_up)
        return false;
    r->started = true;
    r->next_seq = next->seq + 1;
    *ret_packet = *next;
    if (++r->first == r->count)
        r->first = r->count = 0;
    return true;
}
