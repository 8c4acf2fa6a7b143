/* The bare fan-out: one thread seals each packet for each receiver and sends it, and that is all.
 * The least that any media core of this kind can cost on this machine with these calls.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_FLOOR_H
#define TESTS_BENCH_FLOOR_H

#include <stdint.h>

#include "bench/load.h"
#include "bench/place.h"

enum floor_way {
    FLOOR_SENDTO,   /* one call a packet */
    FLOOR_SENDMMSG, /* one call for what comes due together */
    FLOOR_SEGMENTS, /* the same, and the kernel splits what goes to one receiver */
};

struct floor_plan {
    enum floor_way way;
    const struct load *load; /* of its layers the best ones only: the others go to nobody */
    const struct place *place;
    unsigned seconds;
};

struct floor_result {
    uint64_t sent, received;
    uint64_t cpu_ns; /* of the sending thread, without the making of the packets */
    uint64_t messages, calls;
};

/* Runs it, sending as the server, and counting on the calling thread as the load. Returns 0 or a
 * negative errno. */
int floor_run(const struct floor_plan *plan, struct floor_result *ret_result);

#endif
