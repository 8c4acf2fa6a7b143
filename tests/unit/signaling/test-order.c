/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/order.h"

#include <string.h>

#include "scene.h"
#include "signaling/measures.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, OTHER, WITNESS, INTERPRETER, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏", 0},
    [CLERK] = {CONTROL_ROLE_CLERK, "Anna", 0},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟", 1},
    [OTHER] = {CONTROL_ROLE_PARTY, "Mark", 2},
    [WITNESS] = {CONTROL_ROLE_WITNESS, "Sam", 0},
    [INTERPRETER] = {CONTROL_ROLE_INTERPRETER, "R", 0},
};

static struct scene s;
static struct ws_connection *pages[GUESTS];
static uint64_t streams[GUESTS];

static uint64_t id_of(size_t guest)
{
    return s.people[guest]->stored.id;
}

static void say_state(const char *state)
{
    scene_say(&s, pages[JUDGE], "{\"type\":\"setState\",\"id\":9,\"state\":\"%s\"}", state);
}

/* All in the courtroom of an open hearing, with open microphones. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    for (size_t i = 0; i < GUESTS; i++)
        pages[i] = scene_join(&s, i);
    for (size_t i = PARTY; i < GUESTS; i++)
        scene_say(&s, pages[JUDGE], "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
                  scene_id(id_of(i)));
    say_state("open");
    for (size_t i = 0; i < GUESTS; i++)
        streams[i] = scene_produce(&s, pages[i]);
    scene_forget(&s);
}

static bool is_open(size_t guest)
{
    return !hearing_producer(s.people[guest], streams[guest])->paused;
}

static void act(size_t by, const char *type, size_t on)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"%s\",\"id\":20,\"person\":\"%s\"}", type,
              scene_id(id_of(on)));
}

static void say(size_t by, const char *type)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"%s\",\"id\":20}", type);
}

static void act_so(size_t by, const char *type, size_t on, bool so)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"%s\",\"id\":20,\"person\":\"%s\",\"on\":%s}", type,
              scene_id(id_of(on)), so ? "true" : "false");
}

static void lock(size_t by, size_t on, bool locked)
{
    act_so(by, "lock", on, locked);
}

static void open_own(size_t who)
{
    scene_forget(&s);
    scene_say(&s, pages[who], "{\"type\":\"pause\",\"id\":20,\"producer\":\"%s\",\"paused\":false}",
              scene_id(streams[who]));
}

static void screen(size_t by, size_t to, size_t from, const char *what)
{
    scene_forget(&s);
    scene_say(&s, pages[by],
              "{\"type\":\"screen\",\"id\":20,\"person\":\"%s\",\"from\":\"%s\",\"what\":\"%s\"}",
              scene_id(id_of(to)), scene_id(id_of(from)), what);
}

#define DONE(who)       CHECK_EQ(scene_told(pages[who], "{\"type\":\"ok\",\"id\":20}"), 1)
#define REFUSED(who, c) CHECK_EQ(scene_told(pages[who], "\"id\":20,\"code\":\"" c "\""), 1)

/* Closed in the media core, and it stays so whatever the page does. */
static void a_locked_microphone_stays_closed(void)
{
    begin();
    lock(CLERK, PARTY, true);
    DONE(CLERK);
    CHECK(!is_open(PARTY));
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_PAUSE), 1);
    CHECK_EQ(scene_told(pages[PARTY], "\"type\":\"muted\""), 1);
    CHECK_EQ(scene_told(pages[OTHER], "\"locked\":true") > 0, 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.locked\""), 1);
    open_own(PARTY);
    REFUSED(PARTY, "wrong-state");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_PAUSE), 0);
    streams[PARTY] = scene_produce(&s, pages[PARTY]); /* published anew: as closed */
    CHECK(!is_open(PARTY));
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_ADD), 1);
    for (size_t i = 0; i < s.sfu.count; i++)
        CHECK(s.sfu.got[i].type != CONTROL_STREAM_ADD || s.sfu.got[i].stream_add.paused);
    CHECK_EQ(scene_told(pages[PARTY], "{\"type\":\"muted\",\"by\":null}"), 1);
    lock(CLERK, PARTY, false);
    DONE(CLERK);
    CHECK(!is_open(PARTY)); /* until its person opens it */
    open_own(PARTY);
    DONE(PARTY);
    CHECK(is_open(PARTY));
    lock(CLERK, JUDGE, true);
    REFUSED(CLERK, "not-allowed");
    lock(PARTY, OTHER, true);
    REFUSED(PARTY, "not-allowed");
    scene_end(&s);
}

/* All others are closed but who runs the hearing and who interprets; it ends with its holder's
 * going. */
static void one_has_the_floor(void)
{
    begin();
    act(CLERK, "giveFloor", PARTY);
    REFUSED(CLERK, "not-allowed");
    act(JUDGE, "giveFloor", PARTY);
    DONE(JUDGE);
    CHECK(is_open(JUDGE) && is_open(CLERK) && is_open(PARTY) && is_open(INTERPRETER));
    CHECK(!is_open(OTHER) && !is_open(WITNESS));
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_PAUSE), 2);
    char floor[48];
    (void)snprintf(floor, sizeof(floor), "\"floor\":\"%s\"", scene_id(id_of(PARTY)));
    CHECK_EQ(scene_told(pages[OTHER], floor), 1);
    open_own(OTHER);
    REFUSED(OTHER, "wrong-state");
    act(JUDGE, "giveFloor", OTHER);
    CHECK(!is_open(PARTY));
    open_own(OTHER);
    DONE(OTHER);
    say(PARTY, "openFloor");
    REFUSED(PARTY, "not-allowed");
    say(JUDGE, "openFloor");
    DONE(JUDGE);
    CHECK_EQ(scene_told(pages[PARTY], "\"floor\":null"), 1);
    CHECK(!is_open(PARTY));
    open_own(PARTY);
    DONE(PARTY);
    say(JUDGE, "openFloor");
    DONE(JUDGE);
    CHECK_EQ(scene_lines(&s, "\"event\":\"floor.opened\""), 1);
    act(JUDGE, "giveFloor", WITNESS);
    act(JUDGE, "dismiss", WITNESS);
    CHECK_EQ(s.live->hearing->floor, 0);
    open_own(PARTY);
    DONE(PARTY);
    act(JUDGE, "giveFloor", WITNESS);
    REFUSED(JUDGE, "wrong-state"); /* not in the courtroom */
    scene_end(&s);
}

/* In a recess nobody is heard, and afterwards only who opens on purpose. */
static void a_recess_closes_them(void)
{
    begin();
    say_state("recess");
    for (size_t i = 0; i < GUESTS; i++)
        CHECK(!is_open(i));
    open_own(PARTY);
    REFUSED(PARTY, "wrong-state");
    say_state("open");
    for (size_t i = 0; i < GUESTS; i++)
        CHECK(!is_open(i));
    open_own(PARTY);
    DONE(PARTY);
    CHECK(is_open(PARTY));
    scene_end(&s);
}

static void all_at_once(void)
{
    begin();
    say(PARTY, "muteAll");
    REFUSED(PARTY, "not-allowed");
    say(CLERK, "muteAll");
    DONE(CLERK);
    for (size_t i = 0; i < GUESTS; i++)
        CHECK_EQ(is_open(i), i == JUDGE);
    CHECK_EQ(scene_lines(&s, "\"event\":\"microphones.closed\""), 1);
    open_own(PARTY);
    DONE(PARTY);
    scene_end(&s);
}

/* What the media core was told last; of no hearing: nothing. */
static struct control_screens screens_told(void)
{
    for (size_t i = s.sfu.count; i-- > 0;)
        if (s.sfu.got[i].type == CONTROL_SCREENS)
            return s.sfu.got[i].screens;
    return (struct control_screens){0};
}

static void a_screen_keeps_one_from_one(void)
{
    begin();
    screen(CLERK, PARTY, WITNESS, "both");
    DONE(CLERK);
    struct control_screens told = screens_told();
    CHECK_EQ(told.hearing, s.hearing);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.screens[0].from, id_of(WITNESS));
    CHECK_EQ(told.screens[0].to, id_of(PARTY));
    CHECK_EQ(told.screens[0].kinds, 3);
    CHECK(hearing_is_screened(s.live->hearing, id_of(WITNESS), id_of(PARTY), CONTROL_AUDIO));
    CHECK(!hearing_is_screened(s.live->hearing, id_of(PARTY), id_of(WITNESS), CONTROL_AUDIO));
    CHECK_EQ(scene_lines(&s, "\"event\":\"screen.set\""), 1);
    for (size_t i = 0; i < GUESTS; i++)
        CHECK_EQ(scene_told(pages[i], "{\"type\":\"screens\",\"screens\":[{"),
                 i == JUDGE || i == CLERK || i == PARTY || i == WITNESS);
    /* Its seat is there, and nothing flows in it. */
    bool is_seated = false;
    for (size_t i = 0; i < s.people[PARTY]->seats.count; i++) {
        const struct seats_seat *seat = &s.people[PARTY]->seats.seats[i];
        CHECK(seat->audio != streams[WITNESS]);
        is_seated = is_seated || seat->person == id_of(WITNESS);
    }
    (void)is_seated; /* there are two seats for five */
    screen(CLERK, PARTY, WITNESS, "picture");
    CHECK_EQ(screens_told().count, 1);
    CHECK_EQ(screens_told().screens[0].kinds, 2);
    screen(CLERK, PARTY, WITNESS, "none");
    DONE(CLERK);
    CHECK_EQ(screens_told().count, 0);
    CHECK_EQ(scene_told(pages[PARTY], "{\"type\":\"screens\",\"screens\":[]}"), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"screen.lifted\""), 1);
    scene_end(&s);
}

static void who_may_not_be_screened(void)
{
    begin();
    screen(PARTY, OTHER, WITNESS, "both");
    REFUSED(PARTY, "not-allowed");
    screen(CLERK, JUDGE, WITNESS, "both");
    REFUSED(CLERK, "not-allowed");
    screen(CLERK, PARTY, JUDGE, "both");
    REFUSED(CLERK, "not-allowed");
    screen(CLERK, PARTY, PARTY, "both");
    REFUSED(CLERK, "not-allowed");
    scene_say(&s, pages[CLERK],
              "{\"type\":\"screen\",\"id\":21,\"person\":\"%s\",\"from\":\"00000000000000d3\","
              "\"what\":\"both\"}",
              scene_id(id_of(PARTY)));
    CHECK_EQ(scene_told(pages[CLERK], "\"id\":21,\"code\":\"not-found\""), 1);
    struct hearing_changes *changes = &s.court.changes;
    for (uint64_t i = 1; i <= LIMIT_SCREENS; i++)
        measures_screen(s.live->hearing, i, 1000, 3, changes);
    screen(CLERK, PARTY, WITNESS, "both");
    REFUSED(CLERK, "full");
    screen(CLERK, PARTY, WITNESS, "none");
    DONE(CLERK);
    scene_end(&s);
}

/* Shown large to all, until its person goes; the media core is told that the picture matters. */
static void one_in_the_spotlight(void)
{
    begin();
    char spotlight[64];
    (void)snprintf(spotlight, sizeof(spotlight), "\"spotlight\":\"%s\"", scene_id(id_of(WITNESS)));
    act_so(PARTY, "spotlight", WITNESS, true);
    REFUSED(PARTY, "not-allowed");
    act_so(CLERK, "spotlight", WITNESS, true);
    DONE(CLERK);
    CHECK_EQ(scene_told(pages[OTHER], spotlight), 1);
    CHECK(scene_got(&s.sfu, CONTROL_SEAT_VIEW) > 0);
    scene_restart(&s);
    CHECK_EQ(s.live->hearing->spotlight, id_of(WITNESS));
    scene_end(&s);
    begin();
    act_so(CLERK, "spotlight", WITNESS, true);
    act_so(CLERK, "spotlight", PARTY, false); /* another's goes on */
    DONE(CLERK);
    CHECK_EQ(s.live->hearing->spotlight, id_of(WITNESS));
    act_so(CLERK, "spotlight", WITNESS, false);
    CHECK_EQ(scene_told(pages[OTHER], "\"spotlight\":null"), 1);
    CHECK_EQ(s.live->hearing->spotlight, 0);
    act_so(CLERK, "spotlight", WITNESS, true);
    act(JUDGE, "dismiss", WITNESS);
    CHECK_EQ(s.live->hearing->spotlight, 0);
    act_so(CLERK, "spotlight", WITNESS, true);
    REFUSED(CLERK, "wrong-state"); /* not in the courtroom */
    scene_restart(&s);
    CHECK_EQ(s.live->hearing->spotlight, 0);
    scene_end(&s);
}

/* The journal keeps it all: after a restart of ours, and of the media core, it is in force. */
static void outlasts_a_restart(void)
{
    begin();
    screen(CLERK, PARTY, WITNESS, "both");
    screen(CLERK, OTHER, WITNESS, "sound");
    screen(CLERK, OTHER, PARTY, "both");
    screen(CLERK, OTHER, PARTY, "none");
    lock(CLERK, OTHER, true);
    lock(CLERK, PARTY, true);
    lock(CLERK, PARTY, false);
    act(JUDGE, "giveFloor", PARTY);
    scene_restart(&s);
    CHECK_EQ(s.live->hearing->screen_count, 2);
    CHECK_EQ(s.live->hearing->floor, id_of(PARTY));
    CHECK(s.people[OTHER]->locked && !s.people[PARTY]->locked);
    scene_connect(&s);
    scene_settle(&s);
    CHECK_EQ(screens_told().count, 2);
    pages[PARTY] = scene_arrive(&s, PARTY, "");
    CHECK_EQ(scene_told(pages[PARTY], "{\"type\":\"screens\",\"screens\":[{"), 1);
    scene_end(&s);
}

static void without_a_line_nothing_is_done(void)
{
    begin();
    scene_block_journal(&s, true);
    lock(CLERK, PARTY, true);
    REFUSED(CLERK, "internal");
    act(JUDGE, "giveFloor", PARTY);
    REFUSED(JUDGE, "internal");
    say(JUDGE, "muteAll");
    REFUSED(JUDGE, "internal");
    screen(CLERK, PARTY, WITNESS, "both");
    REFUSED(CLERK, "internal");
    CHECK_EQ(s.live->hearing->floor, 0);
    CHECK_EQ(s.live->hearing->screen_count, 0);
    for (size_t i = 0; i < GUESTS; i++)
        CHECK(is_open(i));
    scene_block_journal(&s, false);
    scene_end(&s);
}

int main(void)
{
    a_locked_microphone_stays_closed();
    one_has_the_floor();
    one_in_the_spotlight();
    a_recess_closes_them();
    all_at_once();
    a_screen_keeps_one_from_one();
    who_may_not_be_screened();
    outlasts_a_restart();
    without_a_line_nothing_is_done();
    return 0;
}
