/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/join.h"

#include <errno.h>

#include "scene.h"
#include "signaling/session.h"
#include "unit/check.h"

enum { JUDGE, CLERK, PARTY, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [CLERK] = {CONTROL_ROLE_CLERK, "Anna"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
};

static struct scene s;

#define JOIN  "{\"type\":\"join\",\"id\":20,\"seats\":2}"
#define LEAVE "{\"type\":\"leave\",\"id\":21}"
#define REFUSED(page, c)                                                                           \
    CHECK_EQ(scene_told((page), "\"type\":\"error\",\"id\":20,\"code\":\"" c "\""), 1)

/* The first judge or clerk begins the waiting; each comes into the room of the role; and what the
 * media core is told agrees. */
static void who_goes_where(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *party = scene_join(&s, PARTY);
    CHECK_EQ(scene_told(party, "\"type\":\"joined\",\"id\":2,\"room\":\"waiting\""), 1);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_SCHEDULED);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.waiting\""), 0);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    CHECK_EQ(scene_told(judge, "\"type\":\"joined\",\"id\":2,\"room\":\"courtroom\""), 1);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_WAITING);
    (void)scene_join(&s, CLERK);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.waiting\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.joined\""), 3);
    CHECK_EQ(scene_lines(&s, "\"role\":\"party\",\"room\":\"waiting\""), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_ADD), 3);
    for (size_t i = 0; i < s.sfu.count; i++) {
        const struct control_message *m = &s.sfu.got[i];
        bool is_party = m->peer_add.peer == s.people[PARTY]->stored.id;
        if (m->type == CONTROL_PEER_ADD)
            CHECK_EQ(m->peer_add.room_kind,
                     is_party ? CONTROL_ROOM_WAITING : CONTROL_ROOM_COURTROOM);
    }
    scene_end(&s);
}

/* Joining again makes new transports; the person was here all the time. */
static void joining_again(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    CHECK(scene_produce(&s, judge));
    scene_forget(&s);
    scene_say(&s, judge, JOIN);
    CHECK_EQ(scene_told(judge, "\"type\":\"joined\",\"id\":20"), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_ADD), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.joined\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
    CHECK_EQ(s.court.counters.joins, 2);
    scene_end(&s);
}

/* One at a time: a second join, or anything but a ping, waits for the first. */
static void while_one_is_under_way(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_arrive(&s, JUDGE, "");
    static const char join[] = JOIN, hand[] = "{\"type\":\"hand\",\"id\":22,\"up\":true}",
                      ping[] = "{\"type\":\"ping\",\"id\":23}";
    session_receive(judge->page, join, sizeof(join) - 1); /* and nobody answers yet */
    session_receive(judge->page, join, sizeof(join) - 1);
    session_receive(judge->page, hand, sizeof(hand) - 1);
    session_receive(judge->page, ping, sizeof(ping) - 1);
    REFUSED(judge, "wrong-state");
    CHECK_EQ(scene_told(judge, "\"id\":22,\"code\":\"wrong-state\""), 1);
    CHECK_EQ(scene_told(judge, "\"type\":\"pong\",\"id\":23"), 1);
    scene_serve(&s);
    CHECK_EQ(scene_told(judge, "\"type\":\"joined\",\"id\":20"), 1);
    scene_end(&s);
}

/* What the media core refuses, or cannot hear, leaves the page outside and free to try again; who
 * was never in is not in the journal, however often it asks. */
static void without_the_media_core(void)
{
    static const struct {
        int status;
        const char *code;
    } rows[] = {{-ENOSPC, "\"code\":\"full\""},
                {-ENOBUFS, "\"code\":\"full\""},
                {-EUSERS, "\"code\":\"server-full\""},
                {-ENOMEM, "\"code\":\"media-unavailable\""}};
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_arrive(&s, JUDGE, "");
    uint64_t before = journal_summary(s.live->journal).lines;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_forget(&s);
        s.sfu.status = rows[i].status;
        scene_say(&s, judge, JOIN);
        CHECK_EQ(scene_told(judge, rows[i].code), 1);
        CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_OUTSIDE);
        CHECK_EQ(journal_summary(s.live->journal).lines, before);
    }
    s.sfu.status = 0;
    scene_forget(&s);
    scene_lose_sfu(&s);
    scene_say(&s, judge, JOIN);
    REFUSED(judge, "media-unavailable");
    scene_find_sfu(&s);
    scene_say(&s, judge, JOIN);
    CHECK_EQ(scene_told(judge, "\"type\":\"joined\",\"id\":20"), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.joined\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.waiting\""), 1);
    CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_WAITING);
    scene_end(&s);
}

enum opened { NOT_OPENED, OPENED, OPENED_AS_ACCEPTED };

/* What HEARING_OPEN said last since scene_forget(). */
static enum opened last_open(void)
{
    for (size_t i = s.sfu.count; i > 0; i--)
        if (s.sfu.got[i - 1].type == CONTROL_HEARING_OPEN)
            return s.sfu.got[i - 1].hearing_open.accepted ? OPENED_AS_ACCEPTED : OPENED;
    return NOT_OPENED;
}

/* A hearing that was refused, or that the media core does not have, is asked for again by the next
 * join; where somebody has media it is there, and only the one who asked is refused. */
static void a_refused_hearing_is_asked_for_again(void)
{
    static const int rows[] = {-EUSERS, -ENOENT};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_begin(&s, guests, GUESTS);
        struct ws_connection *judge = scene_arrive(&s, JUDGE, "");
        struct ws_connection *party = scene_arrive(&s, PARTY, "");
        for (unsigned turn = 0; turn < 2; turn++) {
            scene_forget(&s);
            s.sfu.status = rows[i];
            scene_say(&s, judge, JOIN);
            CHECK_EQ(last_open(), OPENED);
            CHECK_EQ(scene_told(judge, "\"type\":\"error\",\"id\":20"), 1);
        }
        s.sfu.status = 0;
        scene_forget(&s);
        scene_say(&s, judge, JOIN);
        CHECK_EQ(last_open(), OPENED);
        CHECK_EQ(scene_told(judge, "\"type\":\"joined\",\"id\":20"), 1);
        scene_forget(&s);
        s.sfu.status = rows[i];
        scene_say(&s, party, JOIN);
        s.sfu.status = 0;
        scene_say(&s, party, JOIN);
        CHECK_EQ(last_open(), NOT_OPENED);
        CHECK_EQ(scene_told(party, "\"type\":\"joined\",\"id\":20"), 1);
        scene_end(&s);
    }
}

/* A hearing that somebody is in, or that is in session, was accepted: a media core that begins anew
 * is told so. */
static void an_accepted_hearing_comes_back(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    scene_lose_sfu(&s);
    scene_forget(&s);
    scene_find_sfu(&s);
    CHECK_EQ(last_open(), OPENED_AS_ACCEPTED);
    scene_say(&s, judge, JOIN);
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":9,\"state\":\"open\"}");
    scene_say(&s, judge, LEAVE);
    scene_lose_sfu(&s);
    scene_find_sfu(&s);
    scene_forget(&s);
    scene_say(&s, judge, JOIN); /* in session, and nobody was in it */
    CHECK_EQ(last_open(), OPENED_AS_ACCEPTED);
    scene_end(&s);
}

/* It dies while it is asked: the answer comes all the same. */
static void the_media_core_dies_under_a_join(void)
{
    static const char join[] = JOIN;
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_arrive(&s, JUDGE, "");
    session_receive(judge->page, join, sizeof(join) - 1);
    scene_lose_sfu(&s);
    REFUSED(judge, "media-unavailable");
    CHECK_EQ(judge->page->state, PAGE_OUTSIDE);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.joined\""), 0);
    scene_end(&s);
}

/* A page that goes while its peer is made leaves none behind. */
static void a_page_gone_meanwhile(void)
{
    static const char join[] = JOIN;
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_arrive(&s, JUDGE, "");
    session_receive(judge->page, join, sizeof(join) - 1);
    scene_hang_up(judge);
    scene_serve(&s);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_ADD), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
    CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK(!court_presence(s.live, s.people[JUDGE])->media);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person."), 0);
    scene_end(&s);
}

/* But one that another page of the same person has asked for since is that one's. */
static void another_page_took_over_meanwhile(void)
{
    static const char join[] = JOIN;
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *old = scene_arrive(&s, JUDGE, "");
    session_receive(old->page, join, sizeof(join) - 1);
    struct ws_connection *now = scene_arrive_silently(&s, JUDGE, ",\"takeOver\":true");
    CHECK_EQ(old->code, 4001);
    session_receive(now->page, join, sizeof(join) - 1);
    scene_serve(&s);
    CHECK_EQ(scene_told(now, "\"type\":\"joined\",\"id\":20"), 1);
    CHECK_EQ(scene_told(old, "\"type\":\"joined\""), 0);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 0);
    CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_COURTROOM);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.joined\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 0);
    scene_end(&s);
}

/* Leaving is once; who left may come back where they were. */
static void leaving(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE), *party = scene_join(&s, PARTY);
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    scene_say(&s, party, LEAVE);
    CHECK_EQ(scene_told(party, "{\"type\":\"ok\",\"id\":21}"), 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"left\""), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
    scene_say(&s, party, LEAVE);
    CHECK_EQ(scene_told(party, "\"id\":21,\"code\":\"not-joined\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 1);
    scene_say(&s, party, JOIN);
    CHECK_EQ(scene_told(party, "\"type\":\"joined\",\"id\":20,\"room\":\"courtroom\""), 1);
    scene_end(&s);
}

/* Nobody comes into a closed hearing; a join without its line is none, and leaves no peer. */
static void when_it_may_not_be(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE), *party = scene_arrive(&s, PARTY, "");
    scene_block_journal(&s, true);
    scene_say(&s, party, JOIN);
    REFUSED(party, "internal");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
    CHECK_EQ(party->page->state, PAGE_OUTSIDE);
    CHECK_EQ(s.people[PARTY]->stored.room, TERMS_ROOM_OUTSIDE);
    CHECK(!court_presence(s.live, s.people[PARTY])->media);
    scene_block_journal(&s, false);
    scene_say(&s, party, "{\"type\":\"join\",\"id\":23,\"seats\":2}");
    CHECK_EQ(scene_told(party, "\"type\":\"joined\",\"id\":23"), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.joined\""), 2);
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":9,\"state\":\"open\"}");
    scene_say(&s, judge, "{\"type\":\"setState\",\"id\":9,\"state\":\"closed\"}");
    scene_forget(&s);
    scene_say(&s, judge, JOIN);
    REFUSED(judge, "wrong-state");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_ADD), 0);
    scene_end(&s);
}

int main(void)
{
    who_goes_where();
    joining_again();
    while_one_is_under_way();
    without_the_media_core();
    a_refused_hearing_is_asked_for_again();
    an_accepted_hearing_comes_back();
    the_media_core_dies_under_a_join();
    a_page_gone_meanwhile();
    another_page_took_over_meanwhile();
    leaving();
    when_it_may_not_be();
    return 0;
}
