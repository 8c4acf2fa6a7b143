/* Records when each packet of a publisher's transport came and builds the feedback its bandwidth
 * estimate lives on (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TWCC_H
#define SFU_TWCC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

/* Arrivals kept between feedbacks, a power of two. Ours: 100 ms at 160 Mbit/s. */
#define TWCC_WINDOW 2048
/* A feedback goes out when one of these is reached. Ours; browsers expect 50 to 250 ms. */
#define TWCC_INTERVAL_US (100 * 1000ull)
#define TWCC_PACKETS     200

/* Embedded by value; only twcc.c looks inside. Zeroed is a valid start. */
struct twcc {
    bool started;
    uint8_t feedback_count;           /* of the next feedback */
    uint32_t unreported;              /* arrivals since the last feedback */
    uint64_t epoch_us;                /* time 0 of what we send */
    uint64_t base;                    /* extended number the next feedback begins with */
    uint64_t newest;                  /* extended */
    uint64_t built_us;                /* when the last feedback was built */
    uint64_t arrived_us[TWCC_WINDOW]; /* by extended number; 0: not come */
};

/* The transport's packet `seq` came. A second arrival of one number is ignored; one too old to be
 * reported is dropped; a jump of TWCC_WINDOW or more begins anew. */
void twcc_received(struct twcc *twcc, uint16_t seq, uint64_t now_us);

/* Whether feedback should go out now. */
bool twcc_is_due(const struct twcc *twcc, uint64_t now_us);

/* When it will be due by time alone; UINT64_MAX while there is nothing to tell. */
uint64_t twcc_next_us(const struct twcc *twcc);

/* Appends one feedback packet for what has come (padded, so nothing may follow it in its datagram);
 * call again while it returns 1 (more is left than one packet can tell). Returns 1, 0 (this was
 * all), -ENODATA when nothing came, or -ENOBUFS when `w` is too small for even a few statuses
 * (nothing is lost: ask again with more room). */
int twcc_build(struct twcc *twcc, struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
               uint64_t now_us);

#endif
