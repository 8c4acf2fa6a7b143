/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/context.h"

bool context_follow_wall(struct context *c, uint64_t wall_us)
{
    int64_t step_us = (int64_t)(wall_us - c->now_us - c->wall_offset_us);
    int64_t change_us = step_us - c->wall_step_us;
    if (change_us < (int64_t)CONTEXT_STEP_US && change_us > -(int64_t)CONTEXT_STEP_US)
        return false;
    c->wall_step_us = step_us;
    c->wall_stepped_us = c->now_us;
    return true;
}
