/* Pool of fixed packet buffers with counted references. One worker thread owns a pool and all its
 * packets; nothing here is locked. A packet is filled and opened in place, parsed once into its
 * views, and is const from then on.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PACKET_H
#define SFU_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/keyframe.h"
#include "sfu/rtp.h"

/* Capacity of one packet, bytes. Ours: an Ethernet frame; with its views 1,656, so that three
 * layers of a camera with full histories are 2.5 MB. */
#define PACKET_BYTES 1536

struct packet_pool;

struct packet {
    struct packet_pool *pool; /* the pool's own, like the next two */
    struct packet *next_free;
    uint32_t refs;

    uint16_t len;                /* bytes at `data` */
    uint8_t padding;             /* that we send behind it, see even.h */
    uint8_t *data;               /* into `bytes`; moves forward when RTX is unwrapped in place */
    uint64_t arrived_us;         /* CLOCK_MONOTONIC, when the datagram was read */
    struct rtp_view rtp;         /* of `data`; the filler's to set */
    struct payload_view payload; /* set by stream_receive() */
    uint8_t bytes[PACKET_BYTES];
};

/* Makes a pool of `count` packets, allocated at once; one that was never taken costs no memory.
 *  Returns 0, -EINVAL for 0 or over
 * 2^20, or -ENOMEM. */
int packet_pool_create(size_t count, struct packet_pool **ret_pool);

/* All packets must be back (asserted: a reference left is our bug). Accepts NULL. */
void packet_pool_destroy(struct packet_pool *pool);
DEFINE_CLEANUP(struct packet_pool, packet_pool_destroy)

/* Takes a packet with one reference, `data` at the start of `bytes`, lengths 0. Returns 0, or
 * -ENOBUFS when all are in use (counted). */
int packet_take(struct packet_pool *pool, struct packet **ret_packet);

/* One more reference; returns `packet`. */
struct packet *packet_ref(struct packet *packet);

/* One reference less; the last gives the buffer back. Accepts NULL. */
void packet_unref(struct packet *packet);
DEFINE_CLEANUP(struct packet, packet_unref)

/* Whether less than a quarter is free: what is kept only in case it is asked for makes way then, so
 * that there is a packet for each datagram that comes. */
bool packet_pool_is_scarce(const struct packet_pool *pool);

/* Packets free now, and how often there was none. */
size_t packet_pool_free(const struct packet_pool *pool);
uint64_t packet_pool_exhausted(const struct packet_pool *pool);

#endif
