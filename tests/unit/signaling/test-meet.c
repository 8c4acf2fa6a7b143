/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/meet.h"

#include <string.h>

#include "scene.h"
#include "signaling/rooms.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, LAWYER, OTHER, WITNESS, INTERPRETER, OBSERVER, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏", 0},
    [CLERK] = {CONTROL_ROLE_CLERK, "Anna", 0},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟", 1},
    [LAWYER] = {CONTROL_ROLE_LAWYER, "Ines", 1},
    [OTHER] = {CONTROL_ROLE_PARTY, "Mark", 2},
    [WITNESS] = {CONTROL_ROLE_WITNESS, "Sam", 1},
    [INTERPRETER] = {CONTROL_ROLE_INTERPRETER, "Rosa", 0},
    [OBSERVER] = {CONTROL_ROLE_OBSERVER, "Press", 0},
};

static struct scene s;
static struct ws_connection *pages[GUESTS];

static uint64_t id_of(size_t guest)
{
    return s.people[guest]->stored.id;
}

static void say_state(const char *state)
{
    scene_say(&s, pages[JUDGE], "{\"type\":\"setState\",\"id\":9,\"state\":\"%s\"}", state);
}

/* Everybody in the courtroom of an open hearing but the witness, who waits. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    for (size_t i = 0; i < GUESTS; i++)
        pages[i] = scene_join(&s, i);
    for (size_t i = PARTY; i < GUESTS; i++)
        if (i != WITNESS)
            scene_say(&s, pages[JUDGE], "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
                      scene_id(id_of(i)));
    say_state("open");
    CHECK_EQ(hearing_room(s.people[LAWYER]), TERMS_ROOM_COURTROOM);
    CHECK_EQ(hearing_room(s.people[WITNESS]), TERMS_ROOM_WAITING);
    scene_forget(&s);
}

static void meet(size_t by, const char *room, size_t with)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"meet\",\"id\":20,\"room\":\"%s\",\"people\":[\"%s\"]}",
              room, scene_id(id_of(with)));
}

static void enter(size_t who, unsigned number)
{
    scene_forget(&s);
    scene_say(&s, pages[who], "{\"type\":\"enter\",\"id\":20,\"number\":%u}", number);
}

static void say(size_t who, const char *type)
{
    scene_forget(&s);
    scene_say(&s, pages[who], "{\"type\":\"%s\",\"id\":20}", type);
}

static void call_back(size_t by, size_t who)
{
    scene_forget(&s);
    scene_say(&s, pages[by], "{\"type\":\"callBack\",\"id\":20,\"person\":\"%s\"}",
              scene_id(id_of(who)));
}

#define MET(who, n)                                                                                \
    CHECK_EQ(scene_told(pages[who], "{\"type\":\"met\",\"id\":20,\"number\":" #n "}"), 1)
#define DONE(who)       CHECK_EQ(scene_told(pages[who], "{\"type\":\"ok\",\"id\":20}"), 1)
#define REFUSED(who, c) CHECK_EQ(scene_told(pages[who], "\"id\":20,\"code\":\"" c "\""), 1)
#define IN(who, k, n)                                                                              \
    do {                                                                                           \
        CHECK_EQ(hearing_room(s.people[who]), TERMS_ROOM_##k);                                     \
        CHECK_EQ(s.people[who]->aside.number, n);                                                  \
    } while (0)

/* The last PEER_MOVE that the media core got of this person; all zeros: none. */
static struct control_peer_move move_of(size_t guest)
{
    for (size_t i = s.sfu.count; i-- > 0;)
        if (s.sfu.got[i].type == CONTROL_PEER_MOVE && s.sfu.got[i].peer_move.peer == id_of(guest))
            return s.sfu.got[i].peer_move;
    return (struct control_peer_move){0};
}

/* Lawyer and client in a recess: both go on purpose, the media core has them in a room of their
 * own, the bench sees where they are, the others see them go. */
static void lawyer_and_client_consult(void)
{
    begin();
    say_state("recess");
    meet(LAWYER, "consultation", PARTY);
    MET(LAWYER, 1);
    IN(LAWYER, CONSULTATION, 1);
    IN(PARTY, COURTROOM, 0);
    CHECK_EQ(move_of(LAWYER).room_kind, CONTROL_ROOM_CONSULTATION);
    CHECK_EQ(move_of(LAWYER).room, 1);
    CHECK_EQ(move_of(PARTY).peer, 0);
    CHECK_EQ(scene_told(pages[PARTY], "{\"type\":\"asked\",\"room\":\"consultation\",\"number\":1"),
             1);
    CHECK_EQ(scene_told(pages[OTHER], "\"type\":\"asked\""), 0);
    CHECK_EQ(scene_told(pages[OTHER], "\"type\":\"gone\""), 1);
    CHECK_EQ(scene_told(pages[JUDGE], "\"room\":\"consultation\""), 1);
    CHECK_EQ(scene_told(pages[LAWYER], "{\"type\":\"room\",\"room\":\"consultation\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"room.opened\",\"room\":\"consultation\",\"number\":1,"),
             1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.asked\""), 1);
    enter(PARTY, 1);
    DONE(PARTY);
    IN(PARTY, CONSULTATION, 1);
    CHECK_EQ(move_of(PARTY).room, 1);
    CHECK_EQ(s.people[PARTY]->asked, 0);
    CHECK(hearing_is_together(s.people[PARTY], s.people[LAWYER]));
    CHECK(!hearing_is_together(s.people[PARTY], s.people[JUDGE]));
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.moved\""), 2);
    say(PARTY, "comeBack");
    DONE(PARTY);
    IN(PARTY, COURTROOM, 0);
    CHECK_EQ(move_of(PARTY).room_kind, CONTROL_ROOM_COURTROOM);
    CHECK_EQ(move_of(PARTY).room, 0);
    CHECK(rooms_find(s.live->hearing, 1));
    say(LAWYER, "comeBack");
    CHECK(!rooms_find(s.live->hearing, 1));
    say(LAWYER, "comeBack");
    REFUSED(LAWYER, "wrong-state");
    meet(LAWYER, "consultation", PARTY);
    MET(LAWYER, 2); /* a number is never used again */
    scene_end(&s);
}

/* What is published there is in no line, as if it had ended at the door; and nothing of it goes on
 * open into the courtroom in a recess. */
static void the_journal_has_only_that_they_met(void)
{
    begin();
    uint64_t stream = scene_produce(&s, pages[LAWYER]);
    say_state("recess");
    CHECK(hearing_producer(s.people[LAWYER], stream)->paused);
    meet(LAWYER, "consultation", PARTY);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_REMOVE), 0); /* it goes on there */
    scene_say(&s, pages[LAWYER],
              "{\"type\":\"pause\",\"id\":21,\"producer\":\"%s\",\"paused\":false}",
              scene_id(stream));
    CHECK(!hearing_producer(s.people[LAWYER], stream)->paused);
    enter(PARTY, 1);
    uint64_t other = scene_produce(&s, pages[PARTY]);
    CHECK(!hearing_producer(s.people[PARTY], other)->paused);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 1);
    say(PARTY, "comeBack");
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 2);
    CHECK(hearing_producer(s.people[PARTY], other)->paused);
    /* Closed before it is there. */
    CHECK_EQ(s.sfu.got[0].type, CONTROL_STREAM_PAUSE);
    say_state("open");
    scene_forget(&s);
    say(LAWYER, "comeBack");
    CHECK(!hearing_producer(s.people[LAWYER], stream)->paused); /* on purpose */
    /* From the waiting room one goes back with nothing that could be heard. */
    meet(JUDGE, "consultation", WITNESS);
    enter(WITNESS, 2);
    DONE(WITNESS);
    CHECK(scene_produce(&s, pages[WITNESS]) != 0);
    say(WITNESS, "comeBack");
    IN(WITNESS, WAITING, 0);
    CHECK(!hearing_producer_of(s.people[WITNESS], CONTROL_SOURCE_MICROPHONE));
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.started\""), 3);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    scene_end(&s);
}

static void who_may_ask_whom(void)
{
    begin();
    meet(LAWYER, "consultation", PARTY);
    REFUSED(LAWYER, "wrong-state"); /* nobody leaves an open hearing by himself */
    say_state("recess");
    meet(LAWYER, "consultation", OTHER);
    REFUSED(LAWYER, "not-allowed");
    meet(LAWYER, "consultation", JUDGE);
    REFUSED(LAWYER, "not-allowed");
    meet(LAWYER, "consultation", WITNESS);
    REFUSED(LAWYER, "not-found");
    meet(LAWYER, "consultation", LAWYER);
    REFUSED(LAWYER, "not-allowed");
    meet(LAWYER, "caucus", PARTY);
    REFUSED(LAWYER, "not-allowed");
    meet(CLERK, "deliberation", JUDGE);
    REFUSED(CLERK, "not-allowed");
    meet(JUDGE, "deliberation", CLERK);
    REFUSED(JUDGE, "not-allowed");
    meet(JUDGE, "caucus", OBSERVER);
    REFUSED(JUDGE, "not-allowed");
    meet(WITNESS, "consultation", PARTY);
    REFUSED(WITNESS, "not-allowed");
    CHECK_EQ(scene_lines(&s, "\"event\":\"room.opened\""), 0);
    meet(LAWYER, "consultation", INTERPRETER);
    MET(LAWYER, 1);
    meet(LAWYER, "consultation", PARTY); /* one more, whom it still sees: of its side */
    MET(LAWYER, 1);
    meet(LAWYER, "consultation", OTHER); /* whom it does not see from there */
    REFUSED(LAWYER, "not-found");
    enter(OTHER, 1);
    REFUSED(OTHER, "not-found");
    enter(OBSERVER, 1);
    REFUSED(OBSERVER, "not-allowed");
    meet(CLERK, "caucus", OTHER);
    MET(CLERK, 2);
    IN(CLERK, CAUCUS, 2);
    scene_end(&s);
}

/* The court sends people to a consultation that is none of its business, also while the hearing is
 * open; into one that it did not open nobody goes then. */
static void by_leave_of_the_court(void)
{
    begin();
    meet(CLERK, "consultation", PARTY);
    MET(CLERK, 1);
    IN(CLERK, COURTROOM, 0);
    enter(PARTY, 1);
    DONE(PARTY);
    IN(PARTY, CONSULTATION, 1);
    say_state("recess");
    meet(LAWYER, "consultation", INTERPRETER);
    MET(LAWYER, 2);
    say_state("open");
    enter(INTERPRETER, 2);
    REFUSED(INTERPRETER, "wrong-state");
    say(INTERPRETER, "decline");
    DONE(INTERPRETER);
    CHECK_EQ(scene_told(pages[INTERPRETER], "{\"type\":\"asked\",\"room\":null,\"number\":0"), 1);
    say_state("recess");
    enter(INTERPRETER, 2);
    REFUSED(INTERPRETER, "not-found");
    scene_end(&s);
}

/* Called back, one comes with a closed microphone, closed before it is there. */
static void called_back(void)
{
    begin();
    meet(JUDGE, "consultation", PARTY);
    enter(PARTY, 1);
    uint64_t stream = scene_produce(&s, pages[PARTY]);
    call_back(OTHER, PARTY);
    REFUSED(OTHER, "not-allowed");
    call_back(CLERK, OTHER);
    REFUSED(CLERK, "wrong-state");
    call_back(CLERK, PARTY);
    DONE(CLERK);
    IN(PARTY, COURTROOM, 0);
    CHECK(hearing_producer(s.people[PARTY], stream)->paused);
    CHECK_EQ(s.sfu.got[0].type, CONTROL_STREAM_PAUSE);
    CHECK(move_of(PARTY).peer != 0);
    CHECK_EQ(scene_told(pages[PARTY], "\"type\":\"muted\""), 1);
    /* The same for who is let in, or sent out, from there. */
    meet(JUDGE, "consultation", WITNESS);
    enter(WITNESS, 2);
    stream = scene_produce(&s, pages[WITNESS]);
    scene_forget(&s);
    scene_say(&s, pages[JUDGE], "{\"type\":\"admit\",\"id\":20,\"person\":\"%s\"}",
              scene_id(id_of(WITNESS)));
    IN(WITNESS, COURTROOM, 0);
    CHECK(hearing_producer(s.people[WITNESS], stream)->paused);
    CHECK_EQ(s.sfu.got[0].type, CONTROL_STREAM_PAUSE);
    scene_end(&s);
}

static void judges_alone_deliberate(void)
{
    begin();
    meet(JUDGE, "caucus", PARTY);
    MET(JUDGE, 1);
    enter(PARTY, 1);
    CHECK(hearing_is_together(s.people[PARTY], s.people[JUDGE]));
    call_back(CLERK, JUDGE);
    REFUSED(CLERK, "not-allowed");
    /* The judge may preside from there. */
    scene_say(&s, pages[JUDGE], "{\"type\":\"admit\",\"id\":22,\"person\":\"%s\"}",
              scene_id(id_of(WITNESS)));
    IN(WITNESS, COURTROOM, 0);
    scene_end(&s);
}

/* A lost page comes back to its room; a restart of ours changes nothing; who stays away is out. */
static void outlasts_what_breaks(void)
{
    begin();
    say_state("recess");
    meet(LAWYER, "consultation", PARTY);
    enter(PARTY, 1);
    scene_hang_up(pages[PARTY]);
    pages[PARTY] = scene_join(&s, PARTY); /* without the secret: it left, and came anew */
    IN(PARTY, COURTROOM, 0);
    meet(LAWYER, "consultation", PARTY);
    scene_restart(&s);
    IN(LAWYER, CONSULTATION, 1);
    CHECK_EQ(s.people[PARTY]->asked, 1);
    CHECK_EQ(s.people[PARTY]->asked_by, id_of(LAWYER));
    CHECK_EQ(s.live->hearing->rooms_opened, 1);
    CHECK(!rooms_find(s.live->hearing, 1)->by_leave);
    scene_connect(&s);
    scene_settle(&s);
    for (size_t i = 0; i < GUESTS; i++)
        pages[i] = scene_join(&s, i);
    IN(LAWYER, COURTROOM, 0); /* anew, as above */
    scene_end(&s);
}

/* However many were opened and left meanwhile, a restart takes nobody out of a room. */
static void an_old_room_is_not_forgotten(void)
{
    begin();
    say_state("recess");
    meet(LAWYER, "consultation", PARTY);
    enter(PARTY, 1);
    for (unsigned i = 2; i <= LIMIT_ROOMS + 3; i++) {
        meet(CLERK, "consultation", OTHER);
        enter(OTHER, i);
        say(OTHER, "comeBack");
        /* Requests that write are 5 a second of one person. */
        court_presence(s.live, s.people[OTHER])->writes = (struct bucket){0};
    }
    scene_restart(&s);
    IN(PARTY, CONSULTATION, 1);
    IN(LAWYER, CONSULTATION, 1);
    CHECK_EQ(s.live->hearing->rooms_opened, LIMIT_ROOMS + 3);
    scene_connect(&s);
    scene_settle(&s);
    scene_end(&s);
}

static void there_are_so_many_rooms(void)
{
    begin();
    for (unsigned i = 0; i < LIMIT_ROOMS; i++)
        rooms_open(s.live->hearing, 100 + i, TERMS_ROOM_CAUCUS, s.people[JUDGE]);
    meet(CLERK, "consultation", PARTY);
    REFUSED(CLERK, "full");
    scene_end(&s);
}

static void without_a_line_nothing_is_done(void)
{
    begin();
    scene_block_journal(&s, true);
    meet(CLERK, "consultation", PARTY);
    REFUSED(CLERK, "internal");
    CHECK_EQ(s.people[PARTY]->asked, 0);
    CHECK_EQ(scene_told(pages[PARTY], "asked"), 0);
    scene_block_journal(&s, false);
    meet(CLERK, "consultation", PARTY);
    MET(CLERK, 1);
    scene_block_journal(&s, true);
    enter(PARTY, 1);
    REFUSED(PARTY, "internal");
    IN(PARTY, COURTROOM, 0);
    CHECK_EQ(move_of(PARTY).peer, 0);
    scene_block_journal(&s, false);
    scene_end(&s);
}

/* The end takes everybody out of every room. */
static void the_end(void)
{
    begin();
    meet(CLERK, "consultation", PARTY);
    enter(PARTY, 1);
    say_state("closed");
    CHECK_EQ(hearing_room(s.people[PARTY]), TERMS_ROOM_OUTSIDE);
    CHECK(!rooms_find(s.live->hearing, 1));
    scene_end(&s);
}

int main(void)
{
    lawyer_and_client_consult();
    the_journal_has_only_that_they_met();
    who_may_ask_whom();
    by_leave_of_the_court();
    called_back();
    judges_alone_deliberate();
    outlasts_what_breaks();
    an_old_room_is_not_forgotten();
    there_are_so_many_rooms();
    without_a_line_nothing_is_done();
    the_end();
    return 0;
}
