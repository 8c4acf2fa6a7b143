/* Reads transport-wide feedback as a sender does
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). The media core only writes it,
 * so only its tests read it. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_ARRIVALS_H
#define TESTS_PEER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

struct arrivals {
    uint32_t media_ssrc;
    uint16_t base_seq;
    uint16_t status_count;
    int32_t reference_time; /* 24 bits, in 64 ms */
    uint8_t feedback_count;

    struct reader chunks;
    struct reader deltas;
    uint16_t next_seq;
    uint16_t left;  /* statuses still to come */
    uint16_t chunk; /* the current one, and how many of its symbols are left */
    uint16_t in_chunk;
};

struct arrival {
    uint16_t seq;
    bool received;
    int16_t delta; /* since the one received before (first: since the reference time), 250 us */
};

/* Whether an RTCP packet is such feedback, by its header. */
bool arrivals_are_in(const uint8_t *rtcp, size_t len);

/* Begins to read the one packet `rtcp` (borrowed). Returns 0, or -EBADMSG unless its chunks cover
 * all statuses and its deltas are all there. */
int arrivals_begin(const uint8_t *rtcp, size_t len, struct arrivals *ret_arrivals);

/* False at the end. */
bool arrivals_next(struct arrivals *arrivals, struct arrival *ret_arrival);

#endif
