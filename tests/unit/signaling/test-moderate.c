/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/moderate.h"

#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "signaling/session.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, WITNESS, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [CLERK] = {CONTROL_ROLE_CLERK, "Anna"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
    [WITNESS] = {CONTROL_ROLE_WITNESS, "Sam"},
};

static struct scene s;
static struct ws_connection *judge, *party;

/* Judge and party in the courtroom of an open hearing; what led there is forgotten. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    judge = scene_join(&s, JUDGE);
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":9,\"state\":\"open\"}");
    party = scene_join(&s, PARTY);
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    CHECK_EQ(scene_told(party, "\"type\":\"room\",\"room\":\"courtroom\""), 1);
    scene_forget(&s);
}

static void act(struct ws_connection *page, const char *type, size_t on)
{
    scene_say(&s, page, "{\"type\":\"%s\",\"id\":20,\"person\":\"%s\"}", type,
              scene_id(s.people[on]->stored.id));
}

static void set_state(struct ws_connection *page, const char *state)
{
    scene_say(&s, page, "{\"type\":\"setState\",\"id\":20,\"state\":\"%s\"}", state);
}

#define DONE(page)       CHECK_EQ(scene_told((page), "{\"type\":\"ok\",\"id\":20}"), 1)
#define REFUSED(page, c) CHECK_EQ(scene_told((page), "\"id\":20,\"code\":\"" c "\""), 1)

static size_t good_invitations(size_t guest)
{
    struct store_invitation *list = NULL;
    size_t count = 0, good = 0;
    CHECK_EQ(store_invitation_list(s.court.store, s.hearing, &list, &count), 0);
    for (size_t i = 0; i < count; i++)
        good += list[i].person == s.people[guest]->stored.id && list[i].revoked_us == 0;
    free(list);
    return good;
}

/* Put out: three lines in this order, no invitation, no media, and the page is told and closed. */
static void a_removed_person_is_out_for_good(void)
{
    begin();
    scene_produce(&s, party);
    act(judge, "remove", PARTY);
    DONE(judge);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"invitation.revoked\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    char by[64];
    (void)snprintf(by, sizeof(by), "\"by\":\"%s\",\"prev\"", scene_id(s.people[JUDGE]->stored.id));
    CHECK_EQ(scene_lines(&s, by), 3); /* waiting, admitted, revoked */
    (void)snprintf(by, sizeof(by), "\"by\":\"%s\",\"reason\":null",
                   scene_id(s.people[JUDGE]->stored.id));
    CHECK_EQ(scene_lines(&s, by), 2); /* opened, removed */
    CHECK_EQ(good_invitations(PARTY), 0);
    CHECK_EQ(good_invitations(WITNESS), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
    CHECK_EQ(scene_told(party, "\"type\":\"room\",\"room\":\"outside\",\"by\":\""), 1);
    CHECK_EQ(party->code, 4002);
    CHECK_EQ(judge->code, 0);

    struct ws_connection *again = scene_arrive(&s, PARTY, "");
    CHECK_EQ(scene_told(again, "\"code\":\"revoked-token\""), 1);
    scene_forget(&s);
    act(judge, "remove", PARTY);
    REFUSED(judge, "wrong-state");
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 1);
    scene_end(&s);
}

/* Somebody who never came cannot leave; a page that is away was last heard of when it went. */
static void who_is_not_there_is_removed_too(void)
{
    begin();
    act(judge, "remove", WITNESS);
    DONE(judge);
    CHECK_EQ(scene_lines(&s, "\"event\":\"invitation.revoked\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 0);
    scene_hang_up(party);
    struct live_presence *presence = court_presence(s.live, s.people[PARTY]);
    presence->lost_wall_us = 1700000000ull * 1000000;
    scene_forget(&s);
    act(judge, "remove", PARTY);
    DONE(judge);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\",\"since\":\"2023-11-14T22:13:20.000Z\""), 1);
    CHECK_EQ(presence->lost_us, 0);
    scene_end(&s);
}

/* The administrator's revocation works on a running server; the line of it is the administrator's.
 */
static void revoked_from_outside(void)
{
    begin();
    struct store *other = NULL;
    CHECK_EQ(store_open(s.place.path, &other), 0);
    session_tick(&s.court); /* takes the store as it is */
    CHECK_EQ(party->code, 0);
    CHECK_EQ(store_invitation_revoke_person(other, s.people[PARTY]->stored.id, s.court.wall_us), 0);
    session_tick(&s.court);
    scene_serve(&s);
    CHECK_EQ(party->code, 4004);
    CHECK_EQ(judge->code, 0);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"invitation.revoked\""), 0);
    CHECK_EQ(scene_lines(&s, "\"by\":null,\"reason\":null,\"prev\""), 1);
    session_tick(&s.court);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 1);
    store_close(other);
    scene_end(&s);
}

/* New links: who is in by an old one goes out at once, and whoever holds the new one comes back to
 * the same place. */
static void renewed_from_outside(void)
{
    begin();
    struct store *other = NULL;
    CHECK_EQ(store_open(s.place.path, &other), 0);
    session_tick(&s.court); /* takes the store as it is */
    const struct invite_place place = {s.place.path, other};
    CHECK_EQ(invite_renew(&place, s.hearing, s.court.wall_us + 3600000000ull, s.court.wall_us), 0);
    session_tick(&s.court);
    scene_serve(&s);
    CHECK_EQ(party->code, 4004);
    CHECK_EQ(judge->code, 4004);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 2);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 0);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 2);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK(!s.people[PARTY]->stored.removed);
    CHECK_EQ(good_invitations(PARTY), 1);
    scene_hang_up(party);
    party = scene_join(&s, PARTY);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    session_tick(&s.court);
    CHECK_EQ(party->code, 0);
    store_close(other);
    scene_end(&s);
}

/* The same for whoever's page is away: its place, and the media that still flows, do not wait for
 * it. */
static void revoked_while_its_page_is_away(void)
{
    begin();
    struct store *other = NULL;
    CHECK_EQ(store_open(s.place.path, &other), 0);
    session_tick(&s.court); /* takes the store as it is */
    scene_hang_up(party);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    CHECK_EQ(store_invitation_revoke_person(other, s.people[PARTY]->stored.id, s.court.wall_us), 0);
    session_tick(&s.court);
    scene_serve(&s);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK(s.people[PARTY]->stored.removed);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.removed\""), 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 1);
    store_close(other);
    scene_end(&s);
}

static void renewed_while_its_page_is_away(void)
{
    begin();
    struct store *other = NULL;
    CHECK_EQ(store_open(s.place.path, &other), 0);
    session_tick(&s.court); /* takes the store as it is */
    const struct invite_place place = {s.place.path, other};
    scene_hang_up(party);
    /* Nothing of theirs: somebody else's change. */
    CHECK_EQ(store_setting_set(other, "x", "1"), 0);
    session_tick(&s.court);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    CHECK_EQ(invite_renew(&place, s.hearing, s.court.wall_us + 3600000000ull, s.court.wall_us), 0);
    session_tick(&s.court);
    scene_serve(&s);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK(!s.people[PARTY]->stored.removed);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"removed\""), 2); /* and the judge */
    party = scene_join(&s, PARTY);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    store_close(other);
    scene_end(&s);
}

/* After a restart of ours whoever comes back is not known by its invitation: good is who has one.
 */
static void revoked_while_we_were_away(void)
{
    begin();
    CHECK_EQ(store_invitation_revoke_person(s.court.store, s.people[PARTY]->stored.id, 5), 0);
    scene_restart(&s);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    session_tick(&s.court);
    CHECK(s.people[PARTY]->stored.removed);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_COURTROOM);
    scene_end(&s);
}

/* Removed while the media core makes new transports for it: it does not come in by their being
 * ready before its connection is closed. */
static void removed_while_joining_again(void)
{
    static const char join[] = "{\"type\":\"join\",\"id\":21,\"seats\":2}";
    begin();
    session_receive(party->page, join, sizeof(join) - 1);
    act(judge, "remove", PARTY);
    DONE(judge);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_ADD), 1);
    CHECK_EQ(s.sfu.got[s.sfu.count - 1].type, CONTROL_PEER_REMOVE);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK_EQ(scene_told(party, "\"type\":\"joined\""), 0);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 1);
    scene_end(&s);
}

/* What a role may not do, and what makes no sense now, writes no line and has no effect. */
static void refusals(void)
{
    static const struct {
        const char *type;
        size_t on;
        const char *code;
    } of_party[] = {{"admit", WITNESS, "not-allowed"},
                    {"dismiss", JUDGE, "not-allowed"},
                    {"mute", JUDGE, "not-allowed"},
                    {"remove", JUDGE, "not-allowed"},
                    {"lowerHand", JUDGE, "not-allowed"}},
      of_judge[] = {{"admit", PARTY, "wrong-state"},     {"admit", WITNESS, "wrong-state"},
                    {"dismiss", WITNESS, "wrong-state"}, {"dismiss", JUDGE, "not-allowed"},
                    {"mute", WITNESS, "wrong-state"},    {"remove", JUDGE, "not-allowed"}};
    begin();
    uint64_t lines = journal_summary(s.live->journal).lines;
    char expected[64];
    for (size_t i = 0; i < sizeof(of_party) / sizeof(of_party[0]); i++) {
        scene_forget(&s);
        act(party, of_party[i].type, of_party[i].on);
        (void)snprintf(expected, sizeof(expected), "\"id\":20,\"code\":\"%s\"", of_party[i].code);
        CHECK_EQ(scene_told(party, expected), 1);
    }
    for (size_t i = 0; i < sizeof(of_judge) / sizeof(of_judge[0]); i++) {
        scene_forget(&s);
        act(judge, of_judge[i].type, of_judge[i].on);
        (void)snprintf(expected, sizeof(expected), "\"id\":20,\"code\":\"%s\"", of_judge[i].code);
        CHECK_EQ(scene_told(judge, expected), 1);
    }
    static const char *const states[] = {"open", "recess", "closed"};
    for (size_t i = 0; i < 3; i++) {
        scene_forget(&s);
        set_state(party, states[i]);
        REFUSED(party, "not-allowed");
    }
    scene_forget(&s);
    set_state(judge, "open");
    REFUSED(judge, "wrong-state");
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":21,\"person\":\"00000000000000ff\"}");
    CHECK_EQ(scene_told(judge, "\"id\":21,\"code\":\"not-found\""), 1);
    CHECK_EQ(journal_summary(s.live->journal).lines, lines);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_OPEN);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    scene_end(&s);
}

static void out_and_in_again(void)
{
    begin();
    uint64_t producer = scene_produce(&s, party);
    CHECK(producer);
    act(judge, "dismiss", PARTY);
    DONE(judge);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_WAITING);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_MOVE), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_REMOVE), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.dismissed\""), 1);
    scene_forget(&s);
    act(judge, "admit", PARTY);
    DONE(judge);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.admitted\""), 2);
    scene_end(&s);
}

/* Muted once; muting who is silent is done already. */
static void muting(void)
{
    begin();
    scene_produce(&s, party);
    for (unsigned times = 1; times <= 2; times++) {
        scene_forget(&s);
        act(judge, "mute", PARTY);
        DONE(judge);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_STREAM_PAUSE), times == 1);
        CHECK_EQ(scene_told(party, "\"type\":\"muted\""), times == 1);
        CHECK_EQ(scene_lines(&s, "\"event\":\"person.muted\""), times);
    }
    scene_end(&s);
}

static void hands(void)
{
    static const char up[] = "{\"type\":\"hand\",\"id\":20,\"up\":true}";
    begin();
    scene_say(&s, party, up);
    DONE(party);
    CHECK(s.people[PARTY]->stored.hand);
    CHECK_EQ(scene_told(judge, "\"hand\":true"), 1);
    scene_forget(&s);
    scene_say(&s, party, up);
    DONE(party);
    CHECK_EQ(scene_told(judge, "\"hand\":true"), 0);
    act(judge, "lowerHand", PARTY);
    DONE(judge);
    CHECK(!s.people[PARTY]->stored.hand);
    CHECK_EQ(scene_told(party, "\"hand\":false"), 1);
    scene_end(&s);
}

/* The course, each step a line; only a judge closes, and then everybody is out. */
static void the_course_of_a_hearing(void)
{
    begin();
    struct ws_connection *clerk = scene_join(&s, CLERK);
    set_state(clerk, "recess");
    DONE(clerk);
    CHECK_EQ(scene_told(party, "\"type\":\"hearing\",\"state\":\"recess\""), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_MATRIX) > 0, 1);
    scene_forget(&s);
    set_state(clerk, "open");
    DONE(clerk);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.resumed\""), 1);
    scene_forget(&s);
    set_state(clerk, "closed");
    REFUSED(clerk, "not-allowed");
    scene_forget(&s);
    set_state(judge, "closed");
    DONE(judge);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.closed\""), 1);
    CHECK_EQ(party->code, 4003);
    CHECK_EQ(judge->code, 0);
    CHECK_EQ(clerk->code, 0);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 1);
    for (size_t i = 0; i < s.count; i++)
        CHECK_EQ(s.people[i]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK_EQ(scene_lines(&s, "\"event\":\"record.sealed\""), 1);
    scene_forget(&s);
    set_state(judge, "open");
    REFUSED(judge, "not-joined");
    scene_end(&s);
}

/* What cannot be written is not done. */
static void without_a_line_nothing_is_done(void)
{
    begin();
    scene_block_journal(&s, true);
    act(judge, "dismiss", PARTY);
    REFUSED(judge, "internal");
    scene_forget(&s);
    act(judge, "remove", PARTY);
    REFUSED(judge, "internal");
    scene_forget(&s);
    set_state(judge, "closed");
    REFUSED(judge, "internal");
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_COURTROOM);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_OPEN);
    CHECK_EQ(party->code, 0);
    scene_block_journal(&s, false);
    scene_forget(&s);
    act(judge, "dismiss", PARTY);
    DONE(judge);
    scene_end(&s);
}

int main(void)
{
    a_removed_person_is_out_for_good();
    who_is_not_there_is_removed_too();
    revoked_from_outside();
    renewed_from_outside();
    revoked_while_its_page_is_away();
    renewed_while_its_page_is_away();
    revoked_while_we_were_away();
    removed_while_joining_again();
    refusals();
    out_and_in_again();
    muting();
    hands();
    the_course_of_a_hearing();
    without_a_line_nothing_is_done();
    return 0;
}
