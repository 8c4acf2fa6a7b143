/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Ours: 2 GiB, far beyond what a worker has; keeps the size from overflowing. */
#define PACKETS_MAX (1u << 20)

struct packet_pool {
    struct packet *free; /* those that were taken before */
    size_t fresh;        /* the others begin here */
    size_t count;
    size_t free_count;
    uint64_t exhausted;
    struct packet packets[];
};

int packet_pool_create(size_t count, struct packet_pool **ret_pool)
{
    if (count == 0 || count > PACKETS_MAX)
        return -EINVAL;
    struct packet_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->packets[0]));
    if (!pool)
        return -ENOMEM;
    pool->count = count;
    pool->free_count = count;
    *ret_pool = pool;
    return 0;
}

void packet_pool_destroy(struct packet_pool *pool)
{
    if (!pool)
        return;
    assert(pool->free_count == pool->count);
    free(pool);
}

int packet_take(struct packet_pool *pool, struct packet **ret_packet)
{
    struct packet *packet = pool->free;
    if (!packet && pool->fresh < pool->count) {
        packet = &pool->packets[pool->fresh++];
        packet->pool = pool;
        packet->next_free = NULL;
    }
    if (!packet) {
        pool->exhausted++;
        return -ENOBUFS;
    }
    pool->free = packet->next_free;
    pool->free_count--;
    packet->next_free = NULL;
    packet->refs = 1;
    packet->len = 0;
    packet->data = packet->bytes;
    packet->arrived_us = 0;
    packet->rtp = (struct rtp_view){0};
    packet->payload = (struct payload_view){0};
    packet->padding = 0;
    *ret_packet = packet;
    return 0;
}

struct packet *packet_ref(struct packet *packet)
{
    assert(packet->refs > 0);
    packet->refs++;
    return packet;
}

void packet_unref(struct packet *packet)
{
    if (!packet)
        return;
    assert(packet->refs > 0);
    if (--packet->refs > 0)
        return;
    struct packet_pool *pool = packet->pool;
    packet->next_free = pool->free;
    pool->free = packet;
    pool->free_count++;
}

bool packet_pool_is_scarce(const struct packet_pool *pool)
{
    return pool->free_count < pool->count / 4;
}

size_t packet_pool_free(const struct packet_pool *pool)
{
    return pool->free_count;
}

uint64_t packet_pool_exhausted(const struct packet_pool *pool)
{
    return pool->exhausted;
}
