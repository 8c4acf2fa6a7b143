/* SPDX-License-Identifier: Apache-2.0 */
/* Where people sit in the picture: the judge first, then by role, and of one role who came first;
 * never by the order in which the media core happened to meet their tracks. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/ring.h"
#include "recorder/seating.h"
#include "unit/check.h"
#include "unit/recorder/handtape.h"

enum { JUDGE = 1, FIRST_PARTY, SECOND_PARTY, WITNESS, UNKNOWN };

static void note(struct roster *r, int64_t at_us, uint64_t person, const char *name,
                 const char *role)
{
    char text[256];
    int len = snprintf(text, sizeof(text),
                       "{\"event\":\"person.joined\",\"person\":\"%016" PRIx64
                       "\",\"name\":\"%s\",\"role\":\"%s\"}",
                       person, name, role);
    roster_note(r, at_us, text, (size_t)len);
}

int main(void)
{
    static const uint64_t met[] = {UNKNOWN, WITNESS, SECOND_PARTY, FIRST_PARTY, JUDGE};
    static const char *const seated[] = {"Judge Okafor", "Li Wei", "Wang Fang", "Zoë Müller", ""};
    struct handtape tape;
    handtape_begin(&tape);
    handtape_number(&tape, RING_PRODUCER, 0, 1);
    for (uint32_t i = 0; i < 5; i++) {
        handtape_track(&tape, i + 1, met[i], 10 + i, false, 1000 * i);
        handtape_rtp(&tape, i + 1, 1, 960, 1000 * i + 500);
    }
    handtape_finish(&tape, 1000000);

    struct roster roster = {0};
    note(&roster, HANDTAPE_START_US, FIRST_PARTY, "Li Wei", "party");
    note(&roster, HANDTAPE_START_US, WITNESS, "Zoë Müller", "witness");
    note(&roster, HANDTAPE_START_US, SECOND_PARTY, "Wang Fang", "party");
    note(&roster, HANDTAPE_START_US, JUDGE, "Judge Okafor", "judge");

    CLEANUP(timeline_free) struct timeline *t = NULL;
    CHECK_EQ(timeline_read(tape.dir, NULL, NULL, &t), 0);
    timeline_set_zero(t, HANDTAPE_START_US);
    struct seating s;
    CHECK_EQ(seating_plan(t, &roster, 1000000, &s), 0);
    CHECK_EQ(s.tile_count, 5);
    for (size_t i = 0; i < s.tile_count; i++) {
        CHECK(strcmp(s.tiles[i].name, seated[i]) == 0);
        CHECK(seating_is_shown(&s, i, 500000));
        CHECK(!seating_is_shown(&s, i, 1000000));
    }
    seating_finish(&s);
    roster_finish(&roster);
    handtape_remove(&tape);
    return 0;
}
