/* Timers of one worker in a wheel: what is due is found without a look at what is not, however much
 * that is. One turn of it is over a second, divided into ticks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_WHEEL_H
#define SFU_WHEEL_H

#include <stdint.h>

#include "common/list.h"

/* How often the worker's clock ticks. Ours: what is lost is asked for again within one, or two when
 * nothing else comes. */
#define WHEEL_TICK_US (20 * 1000ull)
/* Ticks of one turn; a timer further away goes round again. */
#define WHEEL_TICKS 64

/* In the thing that waits; zeroed, it waits for nothing. */
struct wheel_timer {
    struct list link;
    uint64_t tick; /* in which it is due */
};

struct wheel {
    uint64_t tick; /* the one that is on */
    struct list ticks[WHEEL_TICKS];
};

/* May not be moved afterwards. */
void wheel_init(struct wheel *wheel, uint64_t now_us);

/* Sets the timer, or sets it anew: it will be due in the tick of `due_us`, that is up to one tick
 * early, and in the next one at the soonest. The timer stays its owner's. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_us);

/* Harmless for one that is not set. */
void wheel_cancel(struct wheel_timer *timer);

/* The next one due until now, set no more; NULL: none is left. */
struct wheel_timer *wheel_take(struct wheel *wheel, uint64_t now_us);

#endif
