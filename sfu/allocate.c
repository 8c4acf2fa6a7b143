/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/allocate.h"

#include <stdbool.h>

/* A picture may be drawn larger than it comes by a quarter before a better encoding is worth it. */
static bool is_high_enough(const struct allocate_step *s, uint16_t height)
{
    return s->height * 5u >= height * 4u;
}

/* All frames of the smallest encoding that is as high as it is shown; else of the highest. */
static int best_of(const struct allocate_picture *p)
{
    int best = ALLOCATE_NONE;
    for (int i = 0; i < p->step_count; i++) {
        const struct allocate_step *before = best == ALLOCATE_NONE ? NULL : &p->steps[best];
        if (before && before->encoding != p->steps[i].encoding && is_high_enough(before, p->height))
            break;
        best = i;
    }
    return best;
}

static uint32_t cost(const struct allocate_picture *p, int step)
{
    return step == ALLOCATE_NONE ? 0 : p->steps[step].bps;
}

/* Takes the next better step if there is one that can be paid. */
static bool improve(struct allocate_picture *p, uint64_t *left)
{
    int next = p->chosen + 1;
    if (next > best_of(p))
        return false;
    uint64_t more = cost(p, next) > cost(p, p->chosen) ? cost(p, next) - cost(p, p->chosen) : 0;
    uint64_t needed = next > p->now ? more * (1000 + ALLOCATE_HEADROOM_PERMILLE) / 1000
                                    : more * (1000 - ALLOCATE_LEEWAY_PERMILLE) / 1000;
    if (needed > *left)
        return false;
    *left -= more < *left ? more : *left;
    p->chosen = next;
    return true;
}

/* Of those not done, the one that goes first; of equals the earlier seat. NULL: none is left. */
static struct allocate_picture *first_of(struct allocate_picture *pictures, size_t count,
                                         const bool *done)
{
    struct allocate_picture *first = NULL;
    for (size_t i = 0; i < count; i++) {
        struct allocate_picture *p = &pictures[i];
        if (!done[i] && (!first || p->rank < first->rank ||
                         (p->rank == first->rank && p->height > first->height)))
            first = p;
    }
    return first;
}

/* First each its smallest, in order; but of an exhibit all that is looked at, as a text that cannot
 * be read is none. Then each as good as it is looked at, in order: what matters more is not made
 * worse for the rest. */
uint64_t allocate(struct allocate_picture *pictures, size_t count, uint32_t bps)
{
    uint64_t wanted = 0, left = bps;
    for (size_t i = 0; i < count; i++) {
        pictures[i].chosen = ALLOCATE_NONE;
        wanted += cost(&pictures[i], best_of(&pictures[i]));
    }
    for (unsigned turn = 0; turn < 2; turn++) {
        bool done[LIMIT_SEATS] = {false};
        struct allocate_picture *p;
        while ((p = first_of(pictures, count, done))) {
            done[p - pictures] = true;
            bool all = turn == 1 || p->rank == ALLOCATE_EXHIBIT;
            while (improve(p, &left) && all)
                ;
        }
    }
    return wanted;
}
