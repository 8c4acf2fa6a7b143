/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of hearings to be rendered, with a renderer that is any program. */
#include "recorder/renders.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "common/clock.h"
#include "unit/check.h"

/* Until the one that runs has ended; returns how. */
static enum control_render_phase run_one(struct renders *r)
{
    struct control_render_state state;
    uint64_t end_us = clock_now_us() + 20000000;
    for (;;) {
        CHECK(clock_now_us() < end_us);
        if (renders_step(r, clock_now_us(), &state) && state.phase != CONTROL_RENDER_RUNNING)
            return (enum control_render_phase)state.phase;
        struct pollfd wait = {.fd = renders_fd(r), .events = POLLIN};
        (void)poll(&wait, 1, 10);
    }
}

/* LIMIT_RENDER_QUEUE wait; one more is refused; a hearing waits once however often it is asked. */
static void the_queue_is_bounded(void)
{
    const struct renders_how how = {.program = "/bin/true", .records_dir = "/nonexistent"};
    struct renders *r;
    CHECK_EQ(renders_create(&how, &r), 0);
    for (uint64_t hearing = 1; hearing <= LIMIT_RENDER_QUEUE; hearing++) {
        CHECK_EQ(renders_add(r, hearing), 0);
        CHECK_EQ(renders_add(r, hearing), 0);
    }
    CHECK_EQ(renders_add(r, LIMIT_RENDER_QUEUE + 1), -ENOBUFS);
    CHECK_EQ(run_one(r), CONTROL_RENDER_DONE);
    CHECK_EQ(renders_add(r, LIMIT_RENDER_QUEUE + 1), 0);
    CHECK_EQ(renders_state(r, LIMIT_RENDER_QUEUE + 1).phase, CONTROL_RENDER_RUNNING);
    renders_destroy(r);
}

/* A renderer that fails, or is not there, is told as failed, and the next has its turn. */
static void failures_are_told(void)
{
    static const char *const programs[] = {"/bin/false", "/nonexistent/renderer"};
    for (size_t i = 0; i < 2; i++) {
        const struct renders_how how = {.program = programs[i], .records_dir = "/nonexistent"};
        struct renders *r;
        CHECK_EQ(renders_create(&how, &r), 0);
        CHECK_EQ(renders_add(r, 1), 0);
        CHECK_EQ(renders_add(r, 2), 0);
        CHECK_EQ(run_one(r), CONTROL_RENDER_FAILED);
        CHECK_EQ(run_one(r), CONTROL_RENDER_FAILED);
        CHECK_EQ(renders_state(r, 1).phase, CONTROL_RENDER_NONE);
        renders_destroy(r);
    }
    const struct renders_how off = {.records_dir = "/nonexistent"};
    struct renders *r;
    CHECK_EQ(renders_create(&off, &r), 0);
    CHECK_EQ(renders_add(r, 1), -ENOTSUP);
    renders_destroy(r);
}

int main(void)
{
    the_queue_is_bounded();
    failures_are_told();
    return 0;
}
