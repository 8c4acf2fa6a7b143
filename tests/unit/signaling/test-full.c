/* SPDX-License-Identifier: Apache-2.0 */
/* A server that is full: what is refused, to whom, and what that leaves behind. */
#include <errno.h>
#include <stdlib.h>

#include "scene.h"
#include "signaling/effects.h"
#include "signaling/join.h"
#include "signaling/record.h"
#include "signaling/session.h"
#include "unit/check.h"

enum { JUDGE, PARTY, OBSERVER, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
    [OBSERVER] = {CONTROL_ROLE_OBSERVER, "Ada"},
};

static struct scene s;

static const char join[] = "{\"type\":\"join\",\"id\":20,\"seats\":2}";
#define JOINED(page)     CHECK_EQ(scene_told((page), "\"type\":\"joined\",\"id\":20"), 1)
#define REFUSED(page, n) CHECK_EQ(scene_told((page), "\"id\":" n ",\"code\":\"server-full\""), 1)

static void set_state(struct ws_connection *page, const char *state)
{
    scene_say(&s, page, "{\"type\":\"setState\",\"id\":9,\"state\":\"%s\"}", state);
}

static struct live *tapes[LIMIT_HEARINGS];

/* Another hearing of the court whose tape stands so. */
static struct live *add_live(uint64_t id, enum live_tape tape)
{
    const struct store_hearing stored = {.id = id, .state = TERMS_STATE_OPEN, .opened_us = 1};
    struct live *live = calloc(1, sizeof(*live));
    CHECK(live);
    live->court = &s.court;
    live->ring_fd = -1;
    live->tape = tape;
    CHECK_EQ(hearing_create(&stored, &live->hearing), 0);
    list_append(&s.court.lives, &live->link);
    return live;
}

/* All tapes but `left` are in use; hearings that hold none do not count. */
static void fill_tapes(size_t left)
{
    static const enum live_tape held[] = {LIVE_TAPE_WANTED, LIVE_TAPE_OPEN, LIVE_TAPE_CLOSING};
    for (size_t i = 0; i < LIMIT_HEARINGS - left; i++)
        tapes[i] = add_live(1000 + i, held[i % 3]);
    (void)add_live(1, LIVE_TAPE_NONE);
    (void)add_live(2, LIVE_TAPE_SEALED);
    add_live(3, LIVE_TAPE_CLOSING)->sealed_before = true; /* only looked at again */
}

/* Without a tape no hearing is opened: its judge is told so before a line stands, and opens it when
 * there is one. The last one is as good as any. */
static void no_hearing_opens_without_a_tape(void)
{
    for (size_t left = 0; left < 2; left++) {
        scene_begin(&s, guests, GUESTS);
        struct ws_connection *judge = scene_join(&s, JUDGE);
        fill_tapes(left);
        scene_forget(&s);
        set_state(judge, "open");
        CHECK_EQ(scene_told(judge, "{\"type\":\"ok\",\"id\":9}"), left);
        CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_OPEN), left);
        CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.opened\""), left);
        if (left == 0) {
            REFUSED(judge, "9");
            CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_WAITING);
            tapes[7]->tape = LIVE_TAPE_SEALED;
            set_state(judge, "open");
        }
        CHECK_EQ(s.live->tape, LIVE_TAPE_OPEN);
        CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.opened\""), 1);
        set_state(judge, "recess"); /* it holds one of the full number itself */
        set_state(judge, "open");
        CHECK_EQ(s.live->hearing->stored.state, TERMS_STATE_OPEN);
        scene_end(&s);
    }
}

/* Nor is anybody let into one that could not be opened, and the media core is not asked; those who
 * are in one already, and come again, are. */
static void nobody_gathers_where_no_tape_is_left(void)
{
    scene_begin(&s, guests, GUESTS);
    fill_tapes(0);
    struct ws_connection *judge = scene_arrive(&s, JUDGE, ""), *party = scene_arrive(&s, PARTY, "");
    scene_forget(&s);
    scene_say(&s, judge, join);
    REFUSED(judge, "20");
    CHECK_EQ(judge->page->state, PAGE_OUTSIDE);
    CHECK_EQ(s.sfu.count, 0);
    CHECK_EQ(scene_lines(&s, "\"event\":\"hearing.waiting\""), 0);
    tapes[0]->tape = LIVE_TAPE_SEALED;
    scene_say(&s, judge, join);
    JOINED(judge);
    tapes[0]->tape = LIVE_TAPE_OPEN;
    scene_say(&s, party, join);
    JOINED(party);
    scene_lose_sfu(&s);
    scene_greet_sfu(&s); /* which has not told yet what it has: the hearing is not open there */
    scene_forget(&s);
    scene_say(&s, judge, join);
    JOINED(judge);
    scene_end(&s);
}

/* The judge's hearing, opened and left by all until it gave up its place. */
static struct ws_connection *begin_emptied(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE);
    set_state(judge, "open");
    CHECK_EQ(s.live->tape, LIVE_TAPE_OPEN);
    s.live->mark.checked_us = s.court.now_us;
    record_evaluate(s.live);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_ON);
    scene_say(&s, judge, "{\"type\":\"leave\",\"id\":21}");
    for (unsigned i = 0; i < 2; i++) {
        court_let_go(&s.court);
        s.court.now_us += COURT_IDLE_US + 1;
    }
    court_let_go(&s.court);
    scene_serve(&s);
    CHECK(!s.live->media_open);
    s.live->mark.checked_us = s.court.now_us;
    s.live->opened_us = 0; /* long ago: what is missing now is missed at once */
    return judge;
}

/* HEARING_OPEN since scene_forget() that says the hearing was accepted, or that does not. */
static unsigned opened(bool accepted)
{
    unsigned count = 0;
    for (size_t i = 0; i < s.sfu.count; i++)
        count += s.sfu.got[i].type == CONTROL_HEARING_OPEN &&
                 s.sfu.got[i].hearing_open.accepted == accepted;
    return count;
}

/* What nobody is in is not on record, and that is no loss: pages before the door are told so, and
 * who comes back finds it on record again without one. */
static void an_empty_room_is_not_on_record(void)
{
    struct ws_connection *judge = begin_emptied();
    struct ws_connection *party = scene_arrive(&s, PARTY, "");
    scene_forget(&s);
    record_evaluate(s.live);
    CHECK_EQ(scene_told(party, "\"type\":\"record\",\"state\":\"off\""), 1);
    session_receive(judge->page, join, sizeof(join) - 1); /* and nobody answers yet */
    record_evaluate(s.live);
    CHECK(s.live->ring_asked);
    scene_serve(&s);
    JOINED(judge);
    CHECK(s.live->ring_taken);
    record_evaluate(s.live);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_ON);
    CHECK_EQ(scene_told(party, "\"type\":\"record\""), 2);
    CHECK_EQ(scene_lines(&s, "\"event\":\"record.lost\""), 0);
    CHECK_EQ(scene_lines(&s, "\"event\":\"record.on\""), 2);
    s.sfu.status = -EBADF; /* with somebody in it the record is missed at once */
    effects_open_media(s.live);
    scene_serve(&s);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_LOST);
    scene_end(&s);
}

/* An answer that comes after the place was given up is about a ring that is gone. */
static void a_late_ring_is_gone(void)
{
    (void)begin_emptied();
    record_on_ring_taken(s.live, 0);
    CHECK(!s.live->ring_taken);
    CHECK_EQ(s.live->record.state, REPLY_RECORD_OFF);
    scene_end(&s);
}

/* A full server takes no place for an observer alone, though the hearing was accepted once; who has
 * a part in it has it back, while the observer is refused too. */
static void an_observer_takes_no_place(void)
{
    struct ws_connection *judge = begin_emptied();
    struct ws_connection *observer = scene_arrive(&s, OBSERVER, "");
    for (unsigned turn = 0; turn < 2; turn++) {
        scene_forget(&s);
        s.sfu.status = -EUSERS;
        scene_say(&s, observer, join);
        REFUSED(observer, "20");
        CHECK_EQ(opened(true), 0);
        CHECK_EQ(opened(false), 1);
        CHECK(!s.live->media_open);
        CHECK_EQ(s.live->record.state, REPLY_RECORD_OFF);
    }
    scene_forget(&s);
    session_receive(observer->page, join, sizeof(join) - 1); /* and nobody answers yet */
    session_receive(judge->page, join, sizeof(join) - 1);
    s.sfu.status = 0;
    scene_serve(&s);
    JOINED(judge);
    CHECK_EQ(opened(true), 1);
    CHECK(s.live->ring_taken);
    CHECK_EQ(scene_lines(&s, "\"event\":\"record.lost\""), 0);
    scene_forget(&s);
    scene_lose_sfu(&s);
    scene_greet_sfu(&s);
    scene_say(&s, observer, join); /* somebody is in it */
    CHECK_EQ(opened(true), 1);
    CHECK_EQ(opened(false), 0);
    scene_end(&s);
}

/* One who is refused does not take it from another whose answer is under way. */
static void a_refusal_is_not_for_all(void)
{
    (void)begin_emptied();
    struct ws_connection *observer = scene_arrive(&s, OBSERVER, "");
    struct ws_connection *party = scene_arrive(&s, PARTY, "");
    session_receive(observer->page, join, sizeof(join) - 1);
    session_receive(party->page, join, sizeof(join) - 1);
    const struct media_ticket refused = {.hearing = s.hearing,
                                         .person = s.people[OBSERVER]->stored.id,
                                         .page = observer->page->serial,
                                         .request = 20};
    CHECK(s.live->media_open);
    join_abandon(&s.court, &refused, -EUSERS);
    CHECK(s.live->media_open);
    scene_serve(&s);
    JOINED(party);
    CHECK(s.live->ring_taken);
    scene_end(&s);
}

/* A recorder, or a signaling, that begins anew takes no places for hearings that nobody is in; who
 * comes in later finds them recorded. */
static void a_tape_takes_no_place(void)
{
    for (unsigned restarted = 0; restarted < 2; restarted++) {
        struct ws_connection *judge = begin_emptied();
        scene_forget(&s);
        if (restarted) {
            scene_restart(&s);
            scene_connect(&s);
            scene_settle(&s);
            judge = scene_arrive(&s, JUDGE, "");
        } else {
            scene_lose_recorder(&s);
            scene_find_recorder(&s);
        }
        CHECK_EQ(s.live->tape, LIVE_TAPE_OPEN);
        CHECK_EQ(scene_got(&s.recorder, CONTROL_TAPE_OPEN), 1);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_OPEN), 0);
        s.live->opened_us = 0;
        s.live->mark.checked_us = s.court.now_us;
        record_tick(s.live);
        scene_serve(&s);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_OPEN), 0);
        CHECK_EQ(s.live->record.state, REPLY_RECORD_OFF);
        session_receive(judge->page, join, sizeof(join) - 1); /* and nobody answers yet */
        record_evaluate(s.live);
        scene_serve(&s);
        JOINED(judge);
        CHECK_EQ(opened(true), 1);
        CHECK(s.live->ring_taken);
        record_evaluate(s.live);
        CHECK_EQ(s.live->record.state, REPLY_RECORD_ON);
        CHECK_EQ(scene_lines(&s, "\"event\":\"record.lost\""), 0);
        scene_end(&s);
    }
}

int main(void)
{
    no_hearing_opens_without_a_tape();
    nobody_gathers_where_no_tape_is_left();
    an_empty_room_is_not_on_record();
    a_late_ring_is_gone();
    an_observer_takes_no_place();
    a_refusal_is_not_for_all();
    a_tape_takes_no_place();
    return 0;
}
