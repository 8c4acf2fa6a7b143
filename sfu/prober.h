/* When to find out whether a path carries more, and how: trains of packets sent at a higher rate
 * than the estimate for a moment, in bursts one tick of the worker apart. The caller sends what is
 * missing to that rate as padding; what comes of it is the estimator's (bwe.h). Pure: times are
 * passed in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PROBER_H
#define SFU_PROBER_H

#include <stdbool.h>
#include <stdint.h>

/* The bursts of a train: as many, or more until it has so many bytes. Ours: over two ticks a rate
 * can be told, and of a shaper's only behind what it lets through at once (train.c). */
#define PROBER_BURSTS      3
#define PROBER_BURSTS_MOST 40
#define PROBER_BYTES       4500
/* Of the estimate, permille: after a train that found nothing, or where the path has shown lately
 * where it ends (PROBER_CAREFUL); and after one that found more. What a train sends beyond what the
 * path carries waits there, sound with it: 30 and 60 ms. Ours. */
#define PROBER_CAREFUL_PERMILLE 1500
#define PROBER_EAGER_PERMILLE   2000
/* Until the next train: the estimator has to be told of the last one (and a round trip), ... */
#define PROBER_ANSWER_US (200 * 1000ull)
/* ... and as long after one that found nothing, doubled each time up to the most. Ours: what is
 * better again is found within the most. */
#define PROBER_PAUSE_US      (500 * 1000ull)
#define PROBER_PAUSE_MOST_US (2500 * 1000ull)
/* Trains that find nothing take no more of the estimate than this, permille: on a thin line, where
 * they are long, sound needs the rest. Ours: one in 12 s at 64 kbit/s. */
#define PROBER_SHARE_PERMILLE 50
/* Numbers of trains are from 1 up to this. */
#define PROBER_TRAIN_MAX 63

/* What a path may be sent now. */
enum prober_way {
    PROBER_NOT,     /* it is known to be full, or nothing can be sent on it */
    PROBER_CAREFUL, /* it has shown lately where it ends */
    PROBER_EAGER,
};

/* Zeroed is a valid start; only prober.c looks inside. */
struct prober {
    uint64_t begun_us; /* the train that is on; or the last */
    uint64_t next_us;  /* the next one not before */
    uint32_t bps;
    uint32_t sent;       /* bytes of it */
    uint32_t before_bps; /* the estimate when it began; 0: there was none yet */
    uint32_t pause_us;
    uint8_t bursts, burst; /* in all, and already sent */
    uint8_t number;
    bool on;
};

/* One tick. `wanted_bps`: the most there is to send. */
void prober_tick(struct prober *prober, uint32_t estimate_bps, uint64_t wanted_bps,
                 enum prober_way way, uint32_t rtt_us, uint64_t now_us);

/* The train that what is sent now belongs to, from 1; 0: none. */
static inline uint8_t prober_train(const struct prober *prober)
{
    return prober->on ? prober->number : 0;
}

/* Bytes, UDP and IP included, that are missing to the train's rate in this tick; after
 * prober_tick() in the same. */
uint32_t prober_owes(const struct prober *prober);

/* So many were sent while a train is on. */
static inline void prober_sent(struct prober *prober, uint32_t bytes)
{
    prober->sent += bytes;
}

/* What is to be sent has changed: a pause is over. */
void prober_hurry(struct prober *prober, uint64_t now_us);

#endif
