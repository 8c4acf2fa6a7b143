/* A simulated path with a bottleneck, a sender that fills it as far as its estimate says, and the
 * transport-wide feedback that comes back: a clock of its own, an hour in a moment.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LINK_H
#define TESTS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "sfu/bwe.h"

#define LINK_PACKETS 16384
#define LINK_SOUND   40000u /* bit/s, always sent */

/* What the test sets, at any time. */
struct link_path {
    uint32_t rate_bps;
    uint32_t queue_bytes; /* what would make it longer is dropped */
    uint32_t pass_bytes;  /* a shaper lets so many pass at once, which it did not need before */
    uint32_t delay_us;    /* each way */
    uint32_t jitter_us;   /* up to so much more, each packet for itself: they overtake */
    uint32_t loss_permille;
    uint32_t late_permille; /* come 30 ms after their place */
    uint32_t outage_us, outage_every_us;
    uint64_t held_until_us; /* nothing comes before, all of it then */
    int32_t drift_ppm;      /* of the receiver's clock */
    uint32_t feedback_loss_permille;
    bool polices; /* drops what exceeds the rate and the queue, but delays nothing */
    bool cut;
};

struct link_sender {
    uint32_t most_bps; /* there is no more to send; 0: there always is */
    bool frames;       /* 30 bursts a second; else paced */
    bool silent;       /* sends nothing at all */
    uint32_t train_every_us;
};

struct link_packet {
    uint64_t sent_us;
    uint64_t arrives_us; /* UINT64_MAX: never */
    uint16_t bytes, train;
    bool told; /* as arrived */
};

struct link {
    struct link_path path;
    struct link_sender sender;
    struct bwe bwe;
    uint64_t now_us, begun_us;

    /* Since link_measure(). */
    uint64_t samples, estimate_sum, packets, queue_sum_us;
    uint32_t estimate_least, estimate_most;
    uint64_t queue_most_us;

    /* Only link.c looks inside. */
    uint64_t random;
    double free_us; /* when the bottleneck will have sent all it has */
    uint64_t next_sound_us, next_video_us, next_train_us, next_feedback_us;
    uint16_t train, train_left;
    uint64_t train_sent_us;
    uint64_t seq, told_until;
    struct link_packet sent[LINK_PACKETS];
};

/* With an empty queue of 0.4 s and 25 ms each way. */
void link_init(struct link *link, uint32_t rate_bps);

/* A queue of so long at the present rate. */
void link_queue(struct link *link, uint32_t us);

void link_run(struct link *link, uint64_t for_us);

/* Begins the measurement anew. */
void link_measure(struct link *link);

/* Of the estimate, since link_measure(). */
uint32_t link_mean_bps(const struct link *link);

uint32_t link_random(struct link *link, uint32_t bound);

#endif
