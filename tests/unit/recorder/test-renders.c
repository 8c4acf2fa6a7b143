/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of hearings to be rendered, with a renderer that is any program. */
#include "recorder/renders.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "recorder/tapewriter.h"
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

/* A record whose tape is sealed, or is not. */
static void make_record(const char *records_dir, uint64_t hearing, bool seal)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%016" PRIx64, records_dir, hearing);
    const struct tape_time now = {.monotonic_us = 1, .wall_us = 1};
    CLEANUP(tapewriter_close) struct tapewriter *w = NULL;
    CHECK_EQ(tapewriter_open(path, hearing, &now, &w), 0);
    CHECK_EQ(seal ? tapewriter_seal(w, &now) : tapewriter_flush(w, &now), 0);
}

static void remove_record(const char *records_dir, uint64_t hearing)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%016" PRIx64 "/" TAPE_SEGMENT_NAME, records_dir, hearing, 0);
    CHECK_EQ(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    CHECK_EQ(rmdir(path), 0);
}

static unsigned count_running(const struct renders *r, uint64_t last)
{
    unsigned running = 0;
    for (uint64_t hearing = 1; hearing <= last; hearing++)
        running += renders_state(r, hearing).phase == CONTROL_RENDER_RUNNING;
    return running;
}

/* Sealed tapes that nobody rendered are found, unsealed ones not; a few records are looked at in
 * one step, and nothing is before the first. */
static void sealed_tapes_are_found(void)
{
    char dir[64] = "/tmp/assize-renders-XXXXXX";
    CHECK(mkdtemp(dir));
    enum { RECORDS = 3 * RENDERS_LOOKS };
    for (uint64_t hearing = 1; hearing <= RECORDS; hearing++)
        make_record(dir, hearing, hearing % 4 != 0);
    const struct renders_how how = {.program = "/bin/true", .records_dir = dir};
    struct renders *r;
    CHECK_EQ(renders_create(&how, &r), 0);
    CHECK_EQ(renders_look(r), 0);
    CHECK_EQ(count_running(r, RECORDS), 0);
    struct control_render_state state;
    bool told = renders_step(r, clock_now_us(), &state);
    unsigned running = count_running(r, RECORDS);
    CHECK(told && running > 0 && running <= RENDERS_LOOKS);
    for (unsigned done = 0; done < RECORDS * 3 / 4; done++)
        CHECK_EQ(run_one(r), CONTROL_RENDER_DONE);
    CHECK(!renders_step(r, clock_now_us(), &state));
    CHECK_EQ(count_running(r, RECORDS), 0);
    renders_destroy(r);
    for (uint64_t hearing = 1; hearing <= RECORDS; hearing++)
        remove_record(dir, hearing);
    CHECK_EQ(rmdir(dir), 0);
}

#define STILL_US (LIMIT_RENDER_STILL_S * 1000000ull)

/* Steps at a time of the test's own until something is told of a renderer that ended. */
static enum control_render_phase end_at(struct renders *r, uint64_t now_us)
{
    struct control_render_state state;
    while (!renders_step(r, now_us, &state) || state.phase == CONTROL_RENDER_RUNNING)
        (void)poll(NULL, 0, 1); /* nothing tells us that a killed child can be taken */
    return (enum control_render_phase)state.phase;
}

/* A renderer that is silent for LIMIT_RENDER_STILL_S is ended, once and for all, and the next has
 * its turn; any line of it is a sign of life. */
static void a_hung_renderer_is_ended(void)
{
    char script[64] = "/tmp/assize-renders-XXXXXX";
    int fd = mkstemp(script);
    static const char text[] = "#!/bin/sh\necho >&3\nexec sleep 1000\n";
    CHECK_EQ(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    CHECK_EQ(fchmod(fd, 0700), 0);
    CHECK_EQ(close(fd), 0);
    const struct renders_how how = {.program = script, .records_dir = "/nonexistent"};
    struct renders *r;
    CHECK_EQ(renders_create(&how, &r), 0);
    CHECK_EQ(renders_add(r, 1), 0);
    CHECK_EQ(renders_add(r, 2), 0);
    struct control_render_state state;
    uint64_t now_us = 1000000000;
    (void)renders_step(r, now_us, &state);
    struct pollfd wait = {.fd = renders_fd(r), .events = POLLIN};
    CHECK_EQ(poll(&wait, 1, 20000), 1);
    now_us += STILL_US - 1;
    (void)renders_step(r, now_us, &state); /* takes the line */
    now_us += STILL_US - 1;
    (void)renders_step(r, now_us, &state);
    CHECK(renders_fd(r) >= 0);
    CHECK_EQ(renders_state(r, 1).phase, CONTROL_RENDER_RUNNING);
    CHECK_EQ(end_at(r, now_us + 1), CONTROL_RENDER_FAILED);
    CHECK_EQ(renders_state(r, 1).phase, CONTROL_RENDER_NONE);
    (void)renders_step(r, now_us + 1, &state);
    CHECK_EQ(state.hearing, 2);
    CHECK_EQ(state.phase, CONTROL_RENDER_RUNNING);
    CHECK(renders_fd(r) >= 0);
    renders_destroy(r);
    CHECK_EQ(unlink(script), 0);
}

int main(void)
{
    a_hung_renderer_is_ended();
    sealed_tapes_are_found();
    the_queue_is_bounded();
    failures_are_told();
    return 0;
}
