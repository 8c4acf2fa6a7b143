/* SPDX-License-Identifier: Apache-2.0 */
/* What a hole in a track is called: by what began it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/control.h"
#include "common/ring.h"
#include "recorder/absence.h"
#include "unit/check.h"
#include "unit/recorder/handtape.h"

#define PEER 0x0102030405060708u
#define S    1000000
/* Of sound. */
#define LEAST_US 200000

static struct timeline *t;
static struct absence *a;
static struct roster roster;

/* Two microphones of one person, one after the other. */
static void begin(void)
{
    struct handtape tape;
    handtape_begin(&tape);
    handtape_number(&tape, RING_PRODUCER, 0, 1);
    for (uint32_t i = 0; i < 2; i++) {
        handtape_track(&tape, i + 1, PEER, 10 + i, false, 0);
        handtape_rtp(&tape, i + 1, 1, 960, 1000);
    }
    handtape_finish(&tape, 2000);
    CHECK_EQ(timeline_read(tape.dir, NULL, NULL, &t), 0);
    timeline_set_zero(t, HANDTAPE_START_US);
    handtape_remove(&tape);
    CHECK_EQ(absence_create(t, &a), 0);
}

static void end(void)
{
    absence_free(a);
    timeline_free(t);
    roster_finish(&roster);
}

static void take(uint8_t kind, size_t leg, int64_t before_us, int64_t at_us, bool muted)
{
    const uint8_t body[9] = {[7] = 10, [8] = muted};
    const struct tape_record record = {.kind = kind, .data = body, .len = sizeof(body)};
    CHECK_EQ(absence_take(a, leg, &record, before_us, at_us), 0);
}

static void pause_from_to(int64_t from_us, int64_t to_us)
{
    take(RING_TRACK_MUTE, 0, from_us, from_us, true);
    if (to_us != INT64_MAX)
        take(RING_TRACK_MUTE, 0, to_us, to_us, false);
}

static void left(int64_t at_us)
{
    char text[128];
    int len = snprintf(text, sizeof(text),
                       "{\"event\":\"person.left\",\"person\":\"%016" PRIx64 "\"}", PEER);
    roster_note(&roster, HANDTAPE_START_US + at_us, text, (size_t)len);
}

/* The hole from 2 s on, within one leg or to the next, is one part and called so. */
static void check(int64_t to_us, size_t after, bool numbers_missing, enum absence_why why)
{
    const struct absence_hole hole = {0, after, 2 * S, to_us, LEAST_US, numbers_missing};
    struct absence_part parts[ABSENCE_PARTS_MAX];
    CHECK_EQ(absence_explain(a, &roster, &hole, parts), 1);
    CHECK_EQ(parts[0].from_us, 2 * S);
    CHECK_EQ(parts[0].to_us, to_us);
    CHECK_EQ(parts[0].why, why);
}

static void tells_loss_from_standing_still(void)
{
    begin();
    check(5 * S, 0, true, ABSENCE_LOST);
    check(5 * S, 0, false, ABSENCE_UNSENT);
    check(5 * S, 1, false, ABSENCE_RECONNECTED); /* the media core died: nothing ended the track */
    end();
}

static void a_pause_is_muted(void)
{
    begin();
    pause_from_to(2 * S + 10000, 4 * S);
    check(4 * S + 100000, 0, false, ABSENCE_MUTED);
    end();
    begin();
    pause_from_to(S, 2 * S - 100000); /* over before the hole */
    check(4 * S, 0, true, ABSENCE_LOST);
    end();
    begin();
    pause_from_to(2 * S, INT64_MAX); /* and closed within it */
    check(9 * S, 1, false, ABSENCE_MUTED);
    end();
}

/* The network fails while it is paused: told apart where the pause ends. */
static void a_pause_that_ends_into_a_dead_path_is_two(void)
{
    begin();
    pause_from_to(2 * S, 4 * S);
    const struct absence_hole hole = {0, 0, 2 * S, 8 * S, LEAST_US, true};
    struct absence_part parts[ABSENCE_PARTS_MAX];
    CHECK_EQ(absence_explain(a, &roster, &hole, parts), 2);
    CHECK_EQ(parts[0].from_us, 2 * S);
    CHECK_EQ(parts[0].to_us, 4 * S);
    CHECK_EQ(parts[0].why, ABSENCE_MUTED);
    CHECK_EQ(parts[1].from_us, 4 * S);
    CHECK_EQ(parts[1].to_us, 8 * S);
    CHECK_EQ(parts[1].why, ABSENCE_LOST);
    end();
}

/* Muted by button on a dead network: the network did it. */
static void a_pause_within_a_loss_is_no_mute(void)
{
    begin();
    pause_from_to(3 * S, 4 * S);
    check(8 * S, 0, true, ABSENCE_LOST);
    end();
}

static void an_end_is_on_purpose_only_while_all_was_well(void)
{
    begin();
    take(RING_TRACK_END, 0, 0, 2 * S + 50000, false); /* turned off, and on again */
    check(5 * S, 1, false, ABSENCE_MUTED);
    left(2 * S + 60000); /* no: the page went away */
    check(5 * S, 1, false, ABSENCE_RECONNECTED);
    end();
    begin();
    take(RING_TRACK_END, 0, 0, 30 * S, false); /* the grace of a dead network is over */
    check(40 * S, 1, false, ABSENCE_RECONNECTED);
    end();
}

static void what_we_could_not_write_is_our_fault(void)
{
    begin();
    take(RING_OVERRUN, TIMELINE_NO_LEG, 2 * S, 4 * S, false);
    check(4 * S, 0, true, ABSENCE_UNRECORDED);
    end();
    begin();
    take(TAPE_GAP, TIMELINE_NO_LEG, 2 * S, 4 * S, false);
    check(4 * S, 0, true, ABSENCE_UNRECORDED);
    end();
    begin();
    CHECK_EQ(absence_fault(a, 2 * S, 2 * S + 250000),
             0); /* damage: until the track is told again */
    check(4 * S, 1, false, ABSENCE_UNRECORDED);
    end();
    begin();
    CHECK_EQ(absence_fault(a, 3 * S, 3 * S + 250000), 0); /* it had begun before */
    check(4 * S, 0, true, ABSENCE_LOST);
    end();
}

/* The page of the record explains each. */
static void each_is_documented(const char *path)
{
    static char page[1 << 16];
    FILE *f = fopen(path, "re");
    CHECK(f);
    page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
    CHECK_EQ(fclose(f), 0);
    for (int why = 0; why < ABSENCE_WHY_COUNT; why++) {
        char row[64];
        snprintf(row, sizeof(row), "\n| `%s` | ", absence_name((enum absence_why)why));
        CHECK(strstr(page, row));
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    each_is_documented(argv[1]);
    tells_loss_from_standing_still();
    a_pause_is_muted();
    a_pause_that_ends_into_a_dead_path_is_two();
    a_pause_within_a_loss_is_no_mute();
    an_end_is_on_purpose_only_while_all_was_well();
    what_we_could_not_write_is_our_fault();
    return 0;
}
