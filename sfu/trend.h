/* Whether the delay of a path grows: more is sent than it carries, and a queue builds up. Read from
 * how much later than the one before each group of packets came (draft-ietf-rmcat-gcc-02 sections
 * 5.2 to 5.4, with libwebrtc's fitted line in place of the filter). Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TREND_H
#define SFU_TREND_H

#include <stdbool.h>
#include <stdint.h>

/* Points the growth of the delay is read from. As libwebrtc's. */
#define TREND_POINTS 20

enum trend_usage { TREND_NORMAL, TREND_OVER, TREND_UNDER };

/* Packets that left, or were let through, together. */
struct trend_group {
    uint64_t sent_us, first_sent_us;
    uint64_t arrived_us, first_arrived_us;
    bool any;
};

/* Embedded by value; only trend.c looks inside. */
struct trend {
    struct trend_group group, before;
    struct {
        uint32_t arrived_us; /* modulo 2^32 */
        float delay_ms;
    } points[TREND_POINTS];
    uint8_t point_count, point_next;
    bool raised; /* overuse was found since trend_take_overuse() */
    enum trend_usage usage;
    uint32_t deltas;
    uint32_t over_count;
    double over_ms;
    uint64_t origin_us; /* what the first packet took, by two clocks */
    uint32_t sudden;    /* packets in a row that were much later than those before */
    double delay_ms;    /* of the last group, more than the first packet's */
    double smoothed_ms;
    double lowest_ms, lowest_before_ms; /* delay_ms of this while, and of the one before */
    uint64_t lowest_us;                 /* when this while began */
    double slope;
    double threshold_ms;
};

void trend_init(struct trend *trend);

/* Forgets all delays, but not what jitter is usual. */
void trend_restart(struct trend *trend);

/* A packet arrived. They come here in the order they were sent; `arrived_us` is of a clock of any
 * origin, and may go back. */
void trend_packet(struct trend *trend, uint64_t sent_us, uint64_t arrived_us);

enum trend_usage trend_usage(const struct trend *trend);

/* Whether overuse was found, or found again, since the last call. */
bool trend_take_overuse(struct trend *trend);

/* How much later than the quickest of the last 10 to 20 s what came last is. */
double trend_queue_ms(const struct trend *trend);

#endif
