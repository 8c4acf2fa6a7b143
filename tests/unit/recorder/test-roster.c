/* SPDX-License-Identifier: Apache-2.0 */
/* Who was there and when, by the journal's lines; of lines it does not know, or that are none, it
 * keeps nothing and loses nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recorder/roster.h"
#include "unit/check.h"

static struct roster r;

static void note(int64_t at_us, const char *text)
{
    roster_note(&r, at_us, text, strlen(text));
}

static void a_hearing(void)
{
    note(1, "{\"seq\":1,\"event\":\"invitation.created\",\"person\":\"00000000000000a1\",\"name\":"
            "\"李明\",\"role\":\"judge\"}");
    note(2, "{\"seq\":2,\"event\":\"hearing.opened\"}");
    note(3, "{\"seq\":3,\"event\":\"hearing.recess\"}");
    note(4, "{\"seq\":4,\"event\":\"hearing.resumed\"}");
    note(5, "{\"seq\":5,\"event\":\"person.joined\",\"person\":\"00000000000000a1\",\"name\":"
            "\"李明法官\"}");
    note(6, "{\"seq\":6,\"event\":\"hearing.closed\"}");
    CHECK_EQ(r.person_count, 1);
    const struct roster_person *judge = roster_find(&r, 0xa1);
    CHECK(judge);
    CHECK(strcmp(judge->name, "李明法官") == 0); /* as told last */
    CHECK(strcmp(judge->role, "judge") == 0);
    CHECK(!roster_find(&r, 0xa2));
    int64_t at_us = 0;
    CHECK(roster_first(&r, ROSTER_OPENED, &at_us));
    CHECK_EQ(at_us, 2);
    CHECK(roster_last(&r, ROSTER_CLOSED, &at_us));
    CHECK_EQ(at_us, 6);
    CHECK(!roster_first(&r, ROSTER_LEFT, &at_us));
    CHECK_EQ(at_us, 6);
    roster_finish(&r);
}

static void what_is_none_is_left(void)
{
    static const char *const none[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"event\":7,\"person\":8,\"name\":9}",
        "{\"event\":\"person.sang\",\"person\":\"00000000000000a1x\"}",
        "{\"event\":\"person.sang\",\"person\":\"0000000000000000\",\"name\":\"Nobody\"}",
        "{\"event\":\"hearing.opened\"", /* cut off */
    };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        note(1, none[i]);
    CHECK_EQ(r.person_count, 0);
    CHECK_EQ(r.moment_count, 0);
    roster_finish(&r);
}

/* A name too long is cut between characters. */
static void names_are_bounded(void)
{
    char name_told[1 + 3 * 200 + 1] = "a", text[1200];
    for (size_t i = 0; i < 200; i++)
        memcpy(name_told + 1 + 3 * i, "王", 4); /* 3 bytes each, and the end */
    snprintf(text, sizeof(text),
             "{\"event\":\"person.joined\",\"person\":\"00000000000000a1\",\"name\":\"%s\"}",
             name_told);
    note(1, text);
    const char *name = roster_find(&r, 0xa1)->name;
    CHECK(strlen(name) <= LIMIT_NAME_BYTES);
    CHECK(strlen(name) > LIMIT_NAME_BYTES - 3);
    CHECK_EQ(strlen(name) % 3, 1);
    roster_finish(&r);
}

static void bounds(void)
{
    for (size_t i = 1; i <= ROSTER_PEOPLE_MAX + 1; i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"event\":\"person.joined\",\"person\":\"%016zx\"}", i);
        note(1, text);
    }
    CHECK_EQ(r.person_count, ROSTER_PEOPLE_MAX);
    while (r.moment_count < ROSTER_MOMENTS_MAX)
        note(2, "{\"event\":\"hearing.recess\"}");
    note(3, "{\"event\":\"hearing.resumed\"}");
    CHECK_EQ(r.moment_count, ROSTER_MOMENTS_MAX);
    roster_finish(&r);
}

int main(void)
{
    a_hearing();
    what_is_none_is_left();
    names_are_bounded();
    bounds();
    CHECK_EQ(roster_rank("judge"), 0);
    CHECK(roster_rank("clerk") < roster_rank("party") && roster_rank("party") < roster_rank("?"));
    return 0;
}
