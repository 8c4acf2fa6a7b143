/* Reads what a receiver tells of the packets it got: transport-wide feedback
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ARRIVALS_H
#define SFU_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "sfu/rtcp.h"

/* Packets one feedback may tell of. Ours: a browser's feedback of 50 to 250 ms has a few hundred,
 * the first after a cut all that were missed, of a full page for 2.5 s; forty bytes can claim
 * 65,535.
 */
#define ARRIVALS_STATUSES_MAX 8192

/* Microseconds of one unit of the reference time and of a delta. */
#define ARRIVALS_REFERENCE_US 64000
#define ARRIVALS_DELTA_US     250

struct arrivals {
    uint16_t base_seq;
    uint16_t status_count;
    int32_t reference_time; /* 24 bits, in ARRIVALS_REFERENCE_US of the receiver's clock */
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
    int16_t delta; /* in ARRIVALS_DELTA_US, since the one received before (first: since the
                      reference time) */
};

/* Begins to read a view of RTCP_TRANSPORT_CC; its bytes are borrowed. Returns 0, or -EBADMSG unless
 * its chunks cover all statuses, ARRIVALS_STATUSES_MAX at most, and its deltas are all there. */
int arrivals_begin(const struct rtcp_view *view, struct arrivals *ret_arrivals);

/* False at the end. */
bool arrivals_next(struct arrivals *arrivals, struct arrival *ret_arrival);

#endif
