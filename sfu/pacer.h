/* Spreads a burst of pictures, a key frame above all, over a slow line at a little more than it
 * carries: at once it would fill the line's queue, where sound waits behind it, or overflow it.
 * What waits is references to packets, in order; numbers and seal are given when they leave, so
 * that what is dropped here leaves no hole. Sound, retransmissions and trains (prober.h) never wait
 * here, but count as sent. Over TCP the connection's lanes (lanes.h) hold what the kernel does not
 * take, and know the line better than any estimate: their owner sets no rate here, so that nothing
 * waits twice; a TURN server's own queue is part of the line. Pure: times are passed in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PACER_H
#define SFU_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "sfu/packet.h"

/* Of the estimate, permille, at which a burst leaves. More than all, as the estimate is of 70 % of
 * the line at the least, and what the allocator lets through on average is less than it. libwebrtc
 * paces at 2.5 times its target; the line is one queue, so what is sent faster than it carries
 * arrives no sooner, and delays sound. Ours. */
#define PACER_PERMILLE 1500
/* So much of it leaves at once, and so many bytes at any rate: an ordinary frame does not wait at
 * all. Ours. */
#define PACER_BURST_US    (40 * 1000ull)
#define PACER_BURST_BYTES 2400
/* How often it is looked whether something may leave; only while something waits. Ours: what
 * libwebrtc does. */
#define PACER_STEP_US (5 * 1000ull)
/* From this estimate on, bit/s, nothing waits: a key frame of 720 lines, 50 kB, stands in such a
 * line's queue for 100 ms at most, which a page's buffer of sound bears. Ours. */
#define PACER_FAST_BPS 4000000u

/* One packet that waits. */
struct pacer_item {
    struct packet *packet; /* one reference */
    uint16_t bytes;        /* it takes of the line; 0: it is to be passed over, in its turn */
    uint64_t source;       /* whose it is: an encoding's id */
    uint16_t lane;         /* whose it is to be: a subscription's number */
    bool newest;           /* of its source, when it came */
};

/* Zeroed it paces nothing; only pacer.c looks inside, but for what is inline here. */
struct pacer {
    uint32_t bps;      /* at which it leaves; 0: at once */
    uint32_t burst_us; /* of that rate, that leave at once */
    uint32_t first, count;
    uint64_t bytes;           /* that wait */
    uint64_t until_us;        /* when all that was sent has left at that rate */
    struct pacer_item *items; /* owned, LIMIT_PACED_PACKETS of them; NULL: never slow yet */
};

/* What waits is dropped. Harmless for a zeroed one. */
void pacer_finish(struct pacer *pacer);

/* What the line carries by now, 0: its end was not met. An estimate alone will not do: of a fast
 * line that little is sent over it is little more than that, and would put key frames off for
 * nothing. From PACER_FAST_BPS on, and for 0, nothing waits any more: what does is due at once.
 * Returns 0 or -ENOMEM: then nothing is paced. */
int pacer_set_estimate(struct pacer *pacer, uint32_t estimate_bps);

/* Whether a packet of a picture leaves at once; else it is to be put behind what waits. */
static inline bool pacer_passes(const struct pacer *pacer, uint64_t now_us)
{
    return pacer->count == 0 && (pacer->bps == 0 || pacer->until_us <= now_us + pacer->burst_us);
}

/* Whether anything waits. */
static inline bool pacer_is_empty(const struct pacer *pacer)
{
    return pacer->count == 0;
}

/* So many bytes left, whatever they were. */
void pacer_sent(struct pacer *pacer, size_t bytes, uint64_t now_us);

/* Puts it last, to leave LIMIT_PACED_MS after it came at the latest, whatever the rate; takes a
 * reference to the packet on 0. Returns -ENOBUFS when too much waits: its lane is to be dropped,
 * and to go on with a key frame. */
int pacer_put(struct pacer *pacer, const struct pacer_item *item);

/* The next packet that is due, the caller's reference from here on; false: none is yet. The caller
 * says what it sent (pacer_sent()) before it asks for the next. With UINT64_MAX for a time it is
 * due in any case. */
bool pacer_take(struct pacer *pacer, uint64_t now_us, struct pacer_item *ret_item);

/* What waits of one lane is dropped, the order of the rest stays. Returns how many those were. */
size_t pacer_drop(struct pacer *pacer, uint16_t lane);

/* When the next may leave; UINT64_MAX: nothing waits. */
uint64_t pacer_due_us(const struct pacer *pacer);

#endif
