/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/history.h"

#include <errno.h>
#include <stdlib.h>

#include "sfu/seqnum.h"

struct history {
    size_t capacity;
    size_t count;
    uint16_t newest; /* meaningful while count > 0 */
    uint16_t oldest; /* nothing is kept before it; meaningful while count > 0 */
    struct packet *slots[];
};

int history_create(size_t capacity, struct history **ret_history)
{
    if (capacity == 0 || capacity > 0x8000 || (capacity & (capacity - 1)) != 0)
        return -EINVAL;
    struct history *h = calloc(1, sizeof(*h) + capacity * sizeof(struct packet *));
    if (!h)
        return -ENOMEM;
    h->capacity = capacity;
    *ret_history = h;
    return 0;
}

void history_destroy(struct history *h)
{
    if (!h)
        return;
    history_clear(h);
    free(h);
}

void history_clear(struct history *h)
{
    for (size_t i = 0; i < h->capacity && h->count > 0; i++) {
        if (h->slots[i])
            h->count--;
        packet_unref(h->slots[i]);
        h->slots[i] = NULL;
    }
}

static struct packet **slot_of(struct history *h, uint16_t seq)
{
    return &h->slots[seq & (h->capacity - 1)];
}

static void drop(struct history *h, struct packet **slot)
{
    if (!*slot)
        return;
    packet_unref(*slot);
    *slot = NULL;
    h->count--;
}

static bool is_old(const struct packet *packet, uint64_t now_us)
{
    return now_us > packet->arrived_us && now_us - packet->arrived_us > HISTORY_AGE_US;
}

void history_expire(struct history *h, uint64_t now_us)
{
    while (h->count > 0) {
        struct packet **slot = slot_of(h, h->oldest);
        if (*slot && !is_old(*slot, now_us))
            return;
        drop(h, slot);
        h->oldest++;
    }
}

static void drop_oldest(struct history *h)
{
    for (size_t before = h->count; h->count > 0 && h->count == before; h->oldest++)
        drop(h, slot_of(h, h->oldest));
}

void history_put(struct history *h, struct packet *packet, uint64_t now_us)
{
    uint16_t seq = packet->rtp.seq;
    history_expire(h, now_us);
    if (packet_pool_is_scarce(packet->pool)) {
        drop_oldest(h);
        drop_oldest(h);
        if (h->count == 0)
            return;
    }
    if (h->count == 0) {
        h->newest = seq;
        h->oldest = seq;
    } else if (seqnum_is_newer(seq, h->newest)) {
        /* What leaves the window goes; a jump over all of it empties it. */
        uint16_t first = (uint16_t)(seq - h->capacity + 1);
        while (h->count > 0 && seqnum_is_newer(first, h->oldest))
            drop(h, slot_of(h, h->oldest++));
        if (h->count == 0)
            h->oldest = seq;
        h->newest = seq;
    } else if ((uint16_t)(h->newest - seq) >= h->capacity) {
        return;
    } else if (seqnum_is_newer(h->oldest, seq)) {
        h->oldest = seq;
    }
    struct packet **slot = slot_of(h, seq);
    drop(h, slot);
    *slot = packet_ref(packet);
    h->count++;
}

struct packet *history_find(struct history *h, uint16_t seq, uint64_t now_us)
{
    if (h->count == 0 || seqnum_is_newer(seq, h->newest) || seqnum_is_newer(h->oldest, seq))
        return NULL;
    struct packet *packet = *slot_of(h, seq);
    if (!packet || packet->rtp.seq != seq || is_old(packet, now_us))
        return NULL;
    return packet;
}

size_t history_count(const struct history *h)
{
    return h->count;
}
