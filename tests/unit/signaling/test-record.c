/* SPDX-License-Identifier: Apache-2.0 */
/* What the record's marks mean. */
#include "signaling/record.h"

#include "scene.h"
#include "unit/check.h"

static const struct invite_guest guests[] = {{CONTROL_ROLE_JUDGE, "陈敏"}};

static struct scene s;

static void mark(uint64_t dropped)
{
    const struct control_tape_mark m = {.hearing = s.live->hearing->stored.id,
                                        .checked_us = s.court.now_us,
                                        .ring_dropped = dropped};
    record_on_mark(s.live, &m);
}

/* Packets that the ring had no room for are a line naming our fault, each time more are lost. */
static void a_gap_is_our_fault(void)
{
    static const char gap[] = "\"event\":\"fault\",\"process\":\"recorder\"";
    scene_begin(&s, guests, 1);
    record_open(s.live);
    mark(0);
    CHECK_EQ(scene_lines(&s, gap), 0);
    mark(7);
    CHECK_EQ(scene_lines(&s, gap), 1);
    mark(7);
    CHECK_EQ(scene_lines(&s, gap), 1);
    mark(8);
    CHECK_EQ(scene_lines(&s, gap), 2);
    CHECK_EQ(s.court.counters.faults, 2);
    scene_end(&s);
}

/* A hearing that was open before our own start: what its ring had lost by then is no news. */
static void an_old_gap_is_not_told_again(void)
{
    scene_begin(&s, guests, 1);
    s.live->tape = LIVE_TAPE_WANTED;
    record_open(s.live);
    mark(7);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\""), 0);
    mark(9);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\""), 1);
    scene_end(&s);
}

int main(void)
{
    a_gap_is_our_fault();
    an_old_gap_is_not_told_again();
    return 0;
}
