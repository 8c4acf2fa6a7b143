/* The bare fan-out: one thread seals each packet for each receiver and sends it, and that is all.
 * The least that any media core of this kind can cost on this machine with these calls.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_FLOOR_H
#define TESTS_BENCH_FLOOR_H

#include <stdint.h>

enum floor_way {
    FLOOR_SENDTO,   /* one call a packet */
    FLOOR_SENDMMSG, /* one call for what comes due together */
    FLOOR_SEGMENTS, /* the same, and the kernel splits what goes to one receiver */
};

struct floor_plan {
    enum floor_way way;
    unsigned senders;   /* streams of one video and one audio each */
    unsigned receivers; /* of every packet, each with its own keys and socket */
    unsigned video_pps, audio_pps, payload_len;
    unsigned seconds;
    int core; /* to run on; -1: any */
};

struct floor_result {
    uint64_t sent, received;
    uint64_t cpu_ns; /* of the sending thread */
};

/* Runs it over loopback, counting on the calling thread. Returns 0 or a negative errno. */
int floor_run(const struct floor_plan *plan, struct floor_result *ret_result);

#endif
