/* What the court does to the hearing's course beyond opening, recess and closing: closed doors,
 * suspension, reasons, and what is missing at the opening.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "scene.h"
#include "signaling/access.h"
#include "signaling/moderate.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, OTHER, OBSERVER, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏", 0},        [CLERK] = {CONTROL_ROLE_CLERK, "Anna", 0},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟", 1},        [OTHER] = {CONTROL_ROLE_PARTY, "Mark", 2},
    [OBSERVER] = {CONTROL_ROLE_OBSERVER, "Press", 0},
};

static struct scene s;
static struct ws_connection *pages[GUESTS];

static void join(size_t guest)
{
    pages[guest] = scene_join(&s, guest);
}

/* All are there, in a hearing that waits. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    for (size_t i = 0; i < GUESTS; i++)
        join(i);
    for (size_t i = PARTY; i < GUESTS; i++)
        scene_say(&s, pages[JUDGE], "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
                  scene_id(s.people[i]->stored.id));
    scene_forget(&s);
}

static void set_state(size_t by, const char *state, const char *reason)
{
    scene_forget(&s);
    if (reason)
        scene_say(&s, pages[by],
                  "{\"type\":\"setState\",\"id\":20,\"state\":\"%s\",\"reason\":\"%s\"}", state,
                  reason);
    else
        scene_say(&s, pages[by], "{\"type\":\"setState\",\"id\":20,\"state\":\"%s\"}", state);
}

static void doors(size_t by, bool closed)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"inCamera\",\"id\":20,\"on\":%s%s}",
              closed ? "true" : "false", closed ? ",\"reason\":\"A minor.\"" : "");
}

static void consent(size_t by, bool given)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"consent\",\"id\":20,\"given\":%s}",
              given ? "true" : "false");
}

#define DONE(who)       CHECK_EQ(scene_told(pages[who], "{\"type\":\"ok\",\"id\":20}"), 1)
#define REFUSED(who, c) CHECK_EQ(scene_told(pages[who], "\"id\":20,\"code\":\"" c "\""), 1)
#define STATE(state)    CHECK_EQ(hearing_state(s.live->hearing), TERMS_STATE_##state)

/* Whether the matrix last told lets an observer receive the judge. */
static bool is_public(void)
{
    for (size_t i = s.sfu.count; i-- > 0;)
        if (s.sfu.got[i].type == CONTROL_MATRIX)
            return s.sfu.got[i].matrix.receivers[CONTROL_ROOM_COURTROOM][CONTROL_ROLE_JUDGE] >>
                       CONTROL_ROLE_OBSERVER &
                   1;
    return true;
}

/* Observers receive nothing, the record goes on; the doors stay closed through a recess. */
static void behind_closed_doors(void)
{
    begin();
    set_state(JUDGE, "open", NULL);
    DONE(JUDGE);
    doors(CLERK, true);
    REFUSED(CLERK, "not-allowed");
    doors(JUDGE, true);
    DONE(JUDGE);
    STATE(IN_CAMERA);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_OPEN);
    CHECK(!is_public());
    CHECK_EQ(s.sfu.got[0].matrix.recorded[CONTROL_ROOM_COURTROOM] != 0, 1);
    CHECK_EQ(scene_told(pages[OBSERVER], "\"state\":\"in-camera\""), 1);
    CHECK_EQ(scene_told(pages[OBSERVER], "\"inCamera\":true,\"reason\":\"A minor.\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.in-camera\""), 1);
    CHECK_EQ(scene_lines(&s, "\"reason\":\"A minor.\""), 1);
    set_state(CLERK, "recess", NULL);
    STATE(RECESS);
    CHECK(s.live->hearing->in_camera);
    set_state(CLERK, "open", NULL);
    STATE(IN_CAMERA);
    CHECK(!is_public());
    scene_restart(&s);
    STATE(IN_CAMERA);
    scene_connect(&s);
    scene_settle(&s);
    join(JUDGE);
    doors(JUDGE, false);
    DONE(JUDGE);
    STATE(OPEN);
    CHECK(is_public());
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.public\""), 1);
    set_state(JUDGE, "closed", NULL);
    DONE(JUDGE);
    scene_end(&s);
}

/* Closed before, it is opened so. */
static void opened_in_camera(void)
{
    begin();
    doors(JUDGE, true);
    DONE(JUDGE);
    STATE(WAITING);
    set_state(JUDGE, "open", NULL);
    STATE(IN_CAMERA);
    scene_end(&s);
}

/* A suspension is a recess with a reason, and says so after a restart too. */
static void suspended(void)
{
    begin();
    set_state(JUDGE, "open", NULL);
    set_state(CLERK, "suspended", NULL);
    CHECK_EQ(scene_told(pages[CLERK], "\"code\":\"bad-message\""), 1);
    set_state(CLERK, "suspended", "The interpreter is lost.");
    DONE(CLERK);
    STATE(SUSPENDED);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_RECESS);
    CHECK_EQ(scene_told(pages[PARTY], "\"reason\":\"The interpreter is lost.\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.suspended\""), 1);
    set_state(CLERK, "recess", NULL);
    REFUSED(CLERK, "wrong-state");
    scene_restart(&s);
    STATE(SUSPENDED);
    scene_connect(&s);
    scene_settle(&s);
    join(CLERK);
    set_state(CLERK, "open", NULL);
    DONE(CLERK);
    STATE(OPEN);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.resumed\""), 1);
    set_state(CLERK, "recess", NULL);
    STATE(RECESS);
    set_state(CLERK, "suspended", "No light.");
    STATE(SUSPENDED);
    scene_end(&s);
}

/* The hearing is opened by a clerk only with a judge there, and with the recorder. */
static void what_is_missing(void)
{
    scene_begin(&s, guests, GUESTS);
    join(CLERK);
    set_state(CLERK, "open", NULL);
    CHECK_EQ(
        scene_told(pages[CLERK], "\"missing\":{\"judge\":true,\"record\":false,\"consent\":[]}"),
        1);
    STATE(WAITING);
    join(JUDGE);
    scene_lose_recorder(&s);
    set_state(CLERK, "open", NULL);
    CHECK_EQ(
        scene_told(pages[CLERK], "\"missing\":{\"judge\":false,\"record\":true,\"consent\":[]}"),
        1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.opened\""), 0);
    scene_find_recorder(&s);
    set_state(CLERK, "open", NULL);
    DONE(CLERK);
    scene_end(&s);
}

/* Nobody's consent is taken for granted, and it may be withdrawn until the opening. */
static void consent_of_every_party(void)
{
    begin();
    s.live->hearing->stored.needs_consent = true;
    consent(CLERK, true);
    REFUSED(CLERK, "not-allowed");
    consent(PARTY, true);
    DONE(PARTY);
    CHECK_EQ(scene_told(pages[JUDGE], "\"consent\":\"given\""), 1);
    set_state(JUDGE, "open", NULL);
    char missing[96];
    (void)snprintf(missing, sizeof(missing), "\"consent\":[\"%s\"]",
                   scene_id(s.people[OTHER]->stored.id));
    CHECK_EQ(scene_told(pages[JUDGE], missing), 1);
    consent(OTHER, true);
    consent(PARTY, false);
    CHECK_EQ(scene_told(pages[JUDGE], "\"consent\":\"withdrawn\""), 1);
    set_state(JUDGE, "open", NULL);
    REFUSED(JUDGE, "missing");
    scene_restart(&s);
    CHECK_EQ(s.people[PARTY]->consent, STORY_CONSENT_WITHDRAWN);
    CHECK_EQ(s.people[OTHER]->consent, STORY_CONSENT_GIVEN);
    s.live->hearing->stored.needs_consent = true;
    scene_connect(&s);
    scene_settle(&s);
    join(JUDGE);
    join(PARTY);
    consent(PARTY, true);
    DONE(PARTY);
    set_state(JUDGE, "open", NULL);
    DONE(JUDGE);
    consent(PARTY, false);
    REFUSED(PARTY, "wrong-state");
    CHECK_EQ(scene_lines(&s, "\"event\":\"consent.given\""), 3);
    CHECK_EQ(scene_lines(&s, "\"event\":\"consent.withdrawn\""), 1);
    scene_end(&s);
}

static void without_a_line_nothing_is_done(void)
{
    begin();
    scene_block_journal(&s, true);
    doors(JUDGE, true);
    REFUSED(JUDGE, "internal");
    CHECK(!s.live->hearing->in_camera);
    consent(PARTY, true);
    REFUSED(PARTY, "internal");
    CHECK_EQ(s.people[PARTY]->consent, STORY_CONSENT_NONE);
    scene_block_journal(&s, false);
    scene_end(&s);
}

int main(void)
{
    behind_closed_doors();
    opened_in_camera();
    suspended();
    what_is_missing();
    consent_of_every_party();
    without_a_line_nothing_is_done();
    return 0;
}
