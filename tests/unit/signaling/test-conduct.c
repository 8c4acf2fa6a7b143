/* The evidence: oaths and who is bound by them, objections and the microphones they hold, the lock
 * of the room, marks. SPDX-License-Identifier: Apache-2.0 */
#include "signaling/conduct.h"

#include <string.h>

#include "scene.h"
#include "signaling/rooms.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, LAWYER, WITNESS, EXPERT, INTERPRETER, LATE, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏", 0},
    [CLERK] = {CONTROL_ROLE_CLERK, "Anna", 0},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟", 1},
    [LAWYER] = {CONTROL_ROLE_LAWYER, "Ines", 2},
    [WITNESS] = {CONTROL_ROLE_WITNESS, "Sam", 0},
    [EXPERT] = {CONTROL_ROLE_EXPERT, "Dr Ray", 0},
    [INTERPRETER] = {CONTROL_ROLE_INTERPRETER, "Rosa", 0},
    [LATE] = {CONTROL_ROLE_LAWYER, "Theo", 2},
};

static struct scene s;
static struct ws_connection *pages[GUESTS];
static uint64_t streams[GUESTS];

static uint64_t id_of(size_t guest)
{
    return s.people[guest]->stored.id;
}

static void act(size_t by, const char *type, const char *members)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"%s\",\"id\":20%s}", type, members);
}

static void act_on(size_t by, const char *type, size_t on, const char *members)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"%s\",\"id\":20,\"person\":\"%s\"%s}", type,
              scene_id(id_of(on)), members);
}

/* All but the late one are in the courtroom of an open hearing, with open microphones. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    for (size_t i = 0; i < LATE; i++)
        pages[i] = scene_join(&s, i);
    for (size_t i = PARTY; i < LATE; i++)
        act_on(JUDGE, "admit", i, "");
    act(JUDGE, "setState", ",\"state\":\"open\"");
    for (size_t i = 0; i < LATE; i++)
        streams[i] = scene_produce(&s, pages[i]);
    scene_forget(&s);
}

static bool is_ok(size_t guest)
{
    return strstr(pages[guest]->told, "\"type\":\"ok\"") != NULL;
}

static bool is_refused(size_t guest, const char *code)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "\"code\":\"%s\"", code);
    return strstr(pages[guest]->told, text) != NULL;
}

static bool is_open(size_t guest)
{
    return !hearing_producer(s.people[guest], streams[guest])->paused;
}

static void open_microphone(size_t guest)
{
    char members[96];
    (void)snprintf(members, sizeof(members), ",\"producer\":\"%s\",\"paused\":false",
                   scene_id(streams[guest]));
    act(guest, "pause", members);
}

static void swear(size_t guest)
{
    act_on(CLERK, "swear", guest, ",\"form\":\"oath\"");
    CHECK(is_ok(CLERK));
    act(guest, "sworn", ",\"language\":\"zh-Hans\"");
    CHECK(is_ok(guest));
}

static void test_oath(void)
{
    begin();
    act_on(PARTY, "swear", WITNESS, ",\"form\":\"oath\"");
    CHECK(is_refused(PARTY, "not-allowed"));
    act_on(JUDGE, "swear", PARTY, ",\"form\":\"oath\"");
    CHECK(is_refused(JUDGE, "not-allowed"));
    act(WITNESS, "sworn", ",\"language\":\"en\"");
    CHECK(is_refused(WITNESS, "wrong-state")); /* nobody has asked */
    act_on(CLERK, "swear", WITNESS, ",\"form\":\"affirmation\"");
    CHECK(is_ok(CLERK));
    CHECK(strstr(pages[WITNESS]->told, "\"oath\":\"affirmation\",\"sworn\":false"));
    act_on(CLERK, "swear", WITNESS, ",\"form\":\"oath\"");
    CHECK(is_refused(CLERK, "wrong-state"));
    act(WITNESS, "sworn", ",\"language\":\"zh-Hans\"");
    CHECK(is_ok(WITNESS));
    CHECK(strstr(pages[LAWYER]->told, "\"oath\":\"affirmation\",\"sworn\":true"));
    CHECK_EQ(scene_lines(&s, "\"form\":\"affirmation\",\"language\":\"zh-Hans\""), 1);
    act(WITNESS, "sworn", ",\"language\":\"en\"");
    CHECK(is_refused(WITNESS, "wrong-state"));
    act_on(CLERK, "release", WITNESS, "");
    CHECK(is_refused(CLERK, "not-allowed"));
    act_on(JUDGE, "release", WITNESS, "");
    CHECK(is_ok(JUDGE));
    CHECK(!s.people[WITNESS]->oath.form);
    act_on(JUDGE, "release", WITNESS, "");
    CHECK(is_refused(JUDGE, "wrong-state"));
    scene_end(&s);
}

static bool may_ask(size_t by, size_t whom, const char *room)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"meet\",\"id\":20,\"room\":\"%s\",\"people\":[\"%s\"]}",
              room, scene_id(id_of(whom)));
    bool is_met = strstr(pages[by]->told, "\"type\":\"met\"") != NULL;
    if (is_met) {
        act(whom, "decline", "");
        act(by, "comeBack", "");
    }
    return is_met;
}

static void test_under_oath(void)
{
    begin();
    CHECK(may_ask(CLERK, WITNESS, "consultation"));
    scene_say(&s, pages[CLERK],
              "{\"type\":\"meet\",\"id\":20,\"room\":\"consultation\",\"people\":[\"%s\"]}",
              scene_id(id_of(WITNESS)));
    uint32_t asked = s.people[WITNESS]->asked;
    CHECK(asked);
    swear(WITNESS);
    swear(EXPERT);
    swear(INTERPRETER);
    CHECK_EQ(s.people[WITNESS]->asked, 0); /* what it was asked into is over */
    char members[32];
    (void)snprintf(members, sizeof(members), ",\"number\":%u", (unsigned)asked);
    act(WITNESS, "enter", members);
    CHECK(is_refused(WITNESS, "not-found"));
    static const size_t bound[] = {WITNESS, EXPERT};
    for (size_t i = 0; i < 2; i++) {
        CHECK(!may_ask(CLERK, bound[i], "consultation"));
        CHECK(!may_ask(CLERK, bound[i], "caucus"));
        CHECK(may_ask(JUDGE, bound[i], "caucus"));
    }
    CHECK(may_ask(CLERK, INTERPRETER, "consultation"));

    /* Through a recess, the waiting room and our own death. */
    act_on(JUDGE, "dismiss", WITNESS, "");
    act(JUDGE, "setState", ",\"state\":\"recess\"");
    CHECK(!may_ask(CLERK, WITNESS, "consultation"));
    scene_restart(&s);
    CHECK(hearing_is_under_oath(s.people[WITNESS]));
    CHECK(hearing_is_under_oath(s.people[EXPERT]));
    CHECK(!hearing_is_under_oath(s.people[INTERPRETER]));
    CHECK(s.people[INTERPRETER]->oath.taken);
    scene_end(&s);
}

static void test_objection(void)
{
    begin();
    act(WITNESS, "object", "");
    CHECK(is_refused(WITNESS, "not-allowed"));
    act(LAWYER, "object", "");
    CHECK(is_ok(LAWYER));
    CHECK(is_open(WITNESS)); /* this hearing was not made to hold them */
    CHECK(strstr(pages[PARTY]->told, "\"objections\":[{\"number\":1,\"by\":"));
    act(LAWYER, "object", "");
    CHECK(is_refused(LAWYER, "wrong-state")); /* its own waits */
    act(PARTY, "rule", ",\"number\":1,\"ruling\":\"withdrawn\"");
    CHECK(is_refused(PARTY, "not-allowed"));
    act(LAWYER, "rule", ",\"number\":1,\"ruling\":\"sustained\"");
    CHECK(is_refused(LAWYER, "not-allowed"));
    act(LAWYER, "rule", ",\"number\":1,\"ruling\":\"withdrawn\"");
    CHECK(is_ok(LAWYER));
    CHECK_EQ(scene_lines(&s, "\"event\":\"objection.ruled\",\"number\":1,\"ruling\":\"withdrawn\""),
             1);
    act(JUDGE, "rule", ",\"number\":1,\"ruling\":\"overruled\"");
    CHECK(is_refused(JUDGE, "not-found"));
    act(PARTY, "object", "");
    act(JUDGE, "rule", ",\"number\":2,\"ruling\":\"overruled\"");
    CHECK(is_ok(JUDGE));
    CHECK(strstr(pages[LAWYER]->told, "\"ruling\":{\"number\":2,\"ruling\":\"overruled\"}"));
    scene_end(&s);
}

static void test_held(void)
{
    begin();
    s.live->hearing->stored.objection_holds = true;
    act(LAWYER, "object", "");
    CHECK(!is_open(WITNESS));
    CHECK(!is_open(EXPERT));
    CHECK(is_open(PARTY));
    CHECK(is_open(INTERPRETER));
    CHECK(is_open(LAWYER));
    open_microphone(WITNESS);
    CHECK(is_refused(WITNESS, "wrong-state"));
    act(PARTY, "object", "");
    act(JUDGE, "rule", ",\"number\":1,\"ruling\":\"overruled\"");
    open_microphone(WITNESS);
    CHECK(is_refused(WITNESS, "wrong-state")); /* another waits */
    act(JUDGE, "rule", ",\"number\":2,\"ruling\":\"sustained\"");
    CHECK(!is_open(WITNESS)); /* by its own hand alone */
    open_microphone(WITNESS);
    CHECK(is_open(WITNESS));

    /* Who waits is told of none, and of all that wait once it is there. */
    act_on(JUDGE, "dismiss", WITNESS, "");
    act(LAWYER, "object", "");
    CHECK(strstr(pages[WITNESS]->told, "\"objections\":[],\"holds\":false,\"ruling\":null"));
    act_on(JUDGE, "admit", WITNESS, "");
    CHECK(strstr(pages[WITNESS]->told, "\"objections\":[{\"number\":3,"));
    streams[WITNESS] = scene_produce(&s, pages[WITNESS]);
    CHECK(!is_open(WITNESS));
    scene_restart(&s);
    CHECK_EQ(s.live->hearing->objections.count, 1);
    CHECK_EQ(s.live->hearing->objections.raised, 3);
    CHECK_EQ(s.live->hearing->objections.ruled, 2);
    scene_end(&s);
}

static void test_room_locked(void)
{
    begin();
    act(PARTY, "lockRoom", ",\"on\":true");
    CHECK(is_refused(PARTY, "not-allowed"));
    act(CLERK, "lockRoom", ",\"on\":true");
    CHECK(is_ok(CLERK));
    pages[LATE] = scene_arrive(&s, LATE, "");
    act(LATE, "join", ",\"seats\":4");
    CHECK(is_refused(LATE, "room-locked"));
    CHECK_EQ(s.people[LATE]->stored.room, TERMS_ROOM_OUTSIDE);
    act(PARTY, "leave", "");
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    act(PARTY, "join", ",\"seats\":4"); /* who was here comes back */
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    scene_restart(&s);
    CHECK(s.live->hearing->locked);
    scene_connect(&s);
    scene_settle(&s);
    pages[CLERK] = scene_join(&s, CLERK);
    act(CLERK, "lockRoom", ",\"on\":false");
    pages[LATE] = scene_join(&s, LATE);
    CHECK_EQ(s.people[LATE]->stored.room, TERMS_ROOM_WAITING);
    scene_end(&s);
}

static void test_words(void)
{
    begin();
    act(LAWYER, "mark", ",\"words\":\"Mine.\"");
    CHECK(is_refused(LAWYER, "not-allowed"));
    act(CLERK, "mark", ",\"words\":\"Exhibit 3 is shown.\"");
    CHECK(is_ok(CLERK));
    CHECK_EQ(scene_lines(&s, "\"words\":\"Exhibit 3 is shown.\""), 1);
    act(CLERK, "mark", ",\"words\":\" \"");
    CHECK(is_refused(CLERK, "bad-message"));
    act_on(JUDGE, "remove", LAWYER, ",\"reason\":\"Shouts.\"");
    CHECK(is_ok(JUDGE));
    CHECK_EQ(scene_lines(&s, "\"reason\":\"Shouts.\""), 1);
    act_on(JUDGE, "remove", PARTY, "");
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 2);
    scene_end(&s);
}

int main(void)
{
    test_oath();
    test_under_oath();
    test_objection();
    test_held();
    test_room_locked();
    test_words();
    return 0;
}
