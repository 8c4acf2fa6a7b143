/* Many pages that begin at the same moment, on a thread of their own: ICE and DTLS of both
 * transports of each, and when each was done. Their orders to the media core were carried out
 * before. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_JOINERS_H
#define TESTS_BENCH_JOINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/control.h"

struct joiners;

/* Room for `pages_max` pages. `core` is where their thread runs; -1: anywhere. Returns 0 or a
 * negative errno. */
int joiners_create(size_t pages_max, int core, struct joiners **ret_joiners);

/* Waits for the thread. Accepts NULL. */
void joiners_destroy(struct joiners *joiners);
DEFINE_CLEANUP(struct joiners, joiners_destroy)

/* Of the certificate they show. Borrowed. */
const uint8_t *joiners_fingerprint(const struct joiners *joiners);

/* A page of which the media core has told this. Returns 0 or a negative errno. */
int joiners_add(struct joiners *joiners, const struct control_peer_ready *ready);

/* All begin now; `precedence` over ordinary threads of the machine, but not over who measures (2,
 * see desk_take_precedence()). Returns 0 or a negative errno. */
int joiners_start(struct joiners *joiners, bool precedence);

/* Any thread: all are connected, or 10 s are over. */
bool joiners_are_over(const struct joiners *joiners);

struct joiners_result {
    size_t connected; /* transports, of twice as many as pages */
    /* From the beginning of all until the keys of a transport, and of a page's second one, us. */
    uint64_t transport_median_us, transport_worst_us;
    uint64_t page_median_us, page_worst_us;
    uint64_t cpu_ns; /* of the pages' own thread */
};

/* Waits for the thread to end. */
struct joiners_result joiners_end(struct joiners *joiners);

#endif
