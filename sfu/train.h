/* A train: packets sent quicker than the estimate, to find out whether the path carries more. What
 * rate it came through at. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TRAIN_H
#define SFU_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

/* The one whose packets are being told. Embedded by value; only train.c looks inside. Zeroed, there
 * is none. */
struct train {
    uint16_t number, told, arrived;
    uint16_t last_bytes, first_bytes; /* of the last to leave, the first to arrive */
    bool news;
    uint32_t bytes, burst_bytes; /* of all that arrived; of those that left in the last burst */
    uint32_t head_bytes;         /* of those that left first */
    uint64_t first_sent_us, last_sent_us, burst_sent_us; /* the last: when that burst began */
    uint64_t first_arrived_us, last_arrived_us;
    uint64_t head_sent_us, head_arrived_us; /* the last of those */
};

/* A packet of train `number` is told, as arrived or as lost; `late`: not for the first time. False
 * if it is one of an earlier train. */
bool train_told(struct train *train, uint16_t number, bool late);

/* It arrived; after train_told() was true. Both clocks may have any origin. */
void train_arrived(struct train *train, uint64_t sent_us, uint64_t arrived_us, uint16_t bytes);

/* bit/s at which the train came through; 0: there is no news of it, or it does not say.
 * `ret_slowed`: it came slower than it was sent, so that is what the path carries. */
double train_bps(struct train *train, bool *ret_slowed);

#endif
