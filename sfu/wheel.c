/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wheel.h"

#include <stddef.h>

void wheel_init(struct wheel *w, uint64_t now_us)
{
    w->tick = now_us / WHEEL_TICK_US;
    for (size_t i = 0; i < WHEEL_TICKS; i++)
        list_init(&w->ticks[i]);
}

static void place(struct wheel *w, struct wheel_timer *t)
{
    uint64_t tick = t->tick;
    if (tick <= w->tick)
        tick = w->tick + 1;
    else if (tick - w->tick >= WHEEL_TICKS)
        tick = w->tick + WHEEL_TICKS - 1; /* looked at then, and placed again */
    list_append(&w->ticks[tick % WHEEL_TICKS], &t->link);
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_us)
{
    list_remove(&t->link);
    t->tick = due_us / WHEEL_TICK_US;
    place(w, t);
}

void wheel_cancel(struct wheel_timer *t)
{
    list_remove(&t->link);
}

struct wheel_timer *wheel_take(struct wheel *w, uint64_t now_us)
{
    uint64_t last = now_us / WHEEL_TICK_US;
    if (last > w->tick + WHEEL_TICKS)
        w->tick = last - WHEEL_TICKS; /* the worker stood still: one turn passes all of them */
    for (;; w->tick++) {
        struct list *here = &w->ticks[w->tick % WHEEL_TICKS];
        while (!list_is_empty(here)) {
            struct wheel_timer *t = LIST_ENTRY(here->next, struct wheel_timer, link);
            list_remove(&t->link);
            if (t->tick <= w->tick)
                return t;
            place(w, t);
        }
        if (w->tick >= last)
            return NULL;
    }
}
