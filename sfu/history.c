/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/history.h"

#include <errno.h>
#include <stdlib.h>

#include "sfu/seqnum.h"

struct history {
    struct list link; /* in its share's list */
    struct history_share *share;
    size_t capacity;
    size_t count;
    uint16_t newest; /* meaningful while count > 0 */
    uint16_t oldest; /* nothing is kept before it; meaningful while count > 0 */
    struct packet *slots[];
};

void history_share_init(struct history_share *share, struct history_shares *all)
{
    *share = (struct history_share){.all = all};
    list_init(&share->histories);
}

void history_share_finish(struct history_share *share)
{
    if (share->all && share->all->heaviest == share)
        share->all->heaviest = NULL;
}

int history_create(size_t capacity, struct history_share *share, struct history **ret_history)
{
    if (capacity == 0 || capacity > 0x8000 || (capacity & (capacity - 1)) != 0)
        return -EINVAL;
    struct history *h = calloc(1, sizeof(*h) + capacity * sizeof(struct packet *));
    if (!h)
        return -ENOMEM;
    h->capacity = capacity;
    h->share = share;
    list_append(&share->histories, &h->link);
    *ret_history = h;
    return 0;
}

void history_destroy(struct history *h)
{
    if (!h)
        return;
    history_clear(h);
    list_remove(&h->link);
    free(h);
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
    h->share->kept--;
}

void history_clear(struct history *h)
{
    for (size_t i = 0; i < h->capacity && h->count > 0; i++)
        drop(h, &h->slots[i]);
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

/* Its oldest packet; NULL when it keeps none. */
static const struct packet *find_oldest(struct history *h)
{
    if (h->count == 0)
        return NULL;
    while (!*slot_of(h, h->oldest))
        h->oldest++;
    return *slot_of(h, h->oldest);
}

/* Of all its streams the packet that came first. */
static void drop_oldest(struct history_share *share)
{
    struct history *of = NULL;
    const struct packet *oldest = NULL;
    LIST_FOR_EACH(it, &share->histories)
    {
        struct history *h = LIST_ENTRY(it, struct history, link);
        const struct packet *packet = find_oldest(h);
        if (packet && (!oldest || packet->arrived_us < oldest->arrived_us)) {
            oldest = packet;
            of = h;
        }
    }
    if (of)
        drop(of, slot_of(of, of->oldest));
}

/* Somebody's oldest packet goes: of who keeps most, or of `share` itself if nobody keeps more. */
static void make_way(struct history_share *share)
{
    struct history_share *most = share->all->heaviest;
    drop_oldest(most && most->kept > share->kept ? most : share);
}

void history_put(struct history *h, struct packet *packet, uint64_t now_us)
{
    uint16_t seq = packet->rtp.seq;
    history_expire(h, now_us);
    if (packet_pool_is_scarce(packet->pool)) {
        make_way(h->share);
        make_way(h->share);
        if (h->share->kept == 0 && packet_pool_is_scarce(packet->pool))
            return;
    }
    if (h->share->kept == LIMIT_HISTORY_PER_PEER)
        drop_oldest(h->share);
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
    h->share->kept++;
    struct history_shares *all = h->share->all;
    if (!all->heaviest || h->share->kept > all->heaviest->kept)
        all->heaviest = h->share;
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
