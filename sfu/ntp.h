/* NTP time as RTCP carries it (RFC 3550 section 4), and each publisher's clock against ours, so
 * that sender reports we pass on speak of one clock whoever is in the seat.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_NTP_H
#define SFU_NTP_H

#include <stdbool.h>
#include <stdint.h>

/* `wall_us`: since 1970 (clock_wall_us). 32.32 fixed point seconds since 1900. */
uint64_t ntp_from_wall_us(uint64_t wall_us);

/* The middle 32 bits, in 1/65536 s: what report blocks carry. */
uint32_t ntp_middle(uint64_t ntp);

/* Round-trip time by RFC 3550 section 6.4.1 from a report block about what we sent. Returns us, 0
 * if the block names no report or the result is negative or over 10 s. */
uint32_t ntp_round_trip_us(uint64_t ntp_now, uint32_t last_sr, uint32_t delay_since_sr);

/* One publisher's clock, shared by all its streams: the shift to ours, taken from the report that
 * came the quickest. Zeroed is a valid start. */
struct ntp_shift {
    bool known;
    int64_t shift;        /* ours minus theirs, 32.32 */
    uint64_t measured_us; /* when it was last lowered or renewed */
};

/* A report with their time `ntp` came when ours was `ntp_now`. */
void ntp_shift_learn(struct ntp_shift *shift, uint64_t ntp, uint64_t ntp_now, uint64_t now_us);

/* Their time in ours; as it is while unknown. */
uint64_t ntp_shift_apply(const struct ntp_shift *shift, uint64_t ntp);

#endif
