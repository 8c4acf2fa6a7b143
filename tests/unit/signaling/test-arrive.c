/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/arrive.h"

#include <errno.h>
#include <string.h>

#include "scene.h"
#include "signaling/effects.h"
#include "signaling/session.h"
#include "unit/check.h"

enum { JUDGE, PARTY, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
};

static struct scene s;

/* The further member of a hello that has this page's secret. */
static const char *resume_of(const struct ws_connection *page)
{
    static char member[64];
    const char *at = strstr(page->told, "\"resume\":\"");
    CHECK(at);
    (void)snprintf(member, sizeof(member), ",%.*s", 10 + TOKEN_SECRET_TEXT, at);
    return member;
}

static void token_errors(void)
{
    static const struct {
        int error;
        enum message_error told;
    } rows[] = {{-EBADMSG, MESSAGE_BAD_TOKEN},
                {-EXDEV, MESSAGE_BAD_TOKEN},
                {-EKEYEXPIRED, MESSAGE_EXPIRED_TOKEN},
                {-EKEYREVOKED, MESSAGE_REVOKED_TOKEN},
                {-EIO, MESSAGE_INTERNAL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_EQ(arrive_token_error(rows[i].error), rows[i].told);
}

/* A pass to all records is no place in a hearing; a forged token none at all. */
static void tokens_that_let_nobody_in(void)
{
    char pass[TOKEN_TEXT_MAX];
    uint64_t until_us;
    scene_begin(&s, guests, GUESTS);
    until_us = (s.court.wall_us / 1000000 + 60) * 1000000;
    const struct invite_place at = {s.place.path, s.court.store};
    struct token token = {.expires_us = until_us};
    CHECK_EQ(invite_pass(&at, until_us, s.court.wall_us, &token.invitation), 0);
    CHECK_EQ(token_make(s.court.key, &token, pass), 0);
    struct ws_connection *page = scene_arrive(&s, PARTY, ",\"resume\":\"AAAAAAAAAAAAAAAAAAAAAA\"");
    CHECK_EQ(scene_told(page, "\"type\":\"welcome\""), 1); /* a wrong secret is as good as none */
    scene_hang_up(page);
    page = scene_arrive(&s, PARTY, ",\"protocol\":1"); /* a member twice */
    CHECK_EQ(scene_told(page, "\"code\":\"bad-message\""), 1);
    scene_say(&s, page, "{\"type\":\"hello\",\"id\":2,\"protocol\":1,\"token\":\"%s\"}", pass);
    CHECK_EQ(scene_told(page, "\"id\":2,\"code\":\"not-allowed\""), 1);
    pass[0] ^= 1;
    scene_say(&s, page, "{\"type\":\"hello\",\"id\":3,\"protocol\":1,\"token\":\"%s\"}", pass);
    CHECK_EQ(scene_told(page, "\"id\":3,\"code\":\"bad-token\""), 1);
    CHECK_EQ(page->page->state, PAGE_SAYS_HELLO);
    CHECK_EQ(s.people[PARTY]->session == NULL, 1);
    scene_end(&s);
}

/* One window an invitation: a second is refused, or takes over when told to, or when it knows the
 * secret. */
static void a_second_window(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *first = scene_join(&s, JUDGE), *second = scene_arrive(&s, JUDGE, "");
    CHECK_EQ(scene_told(second, "\"code\":\"already-joined\""), 1);
    CHECK_EQ(first->code, 0);
    struct ws_connection *third = scene_arrive(&s, JUDGE, ",\"takeOver\":true");
    CHECK_EQ(first->code, 4001);
    CHECK_EQ(scene_told(third, "\"media\":false"), 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"taken-over\""), 1);
    CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_OUTSIDE);

    scene_say(&s, third, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    struct ws_connection *fourth = scene_arrive(&s, JUDGE, resume_of(third));
    CHECK_EQ(third->code, 4001);
    CHECK_EQ(scene_told(fourth, "\"media\":true"), 1);
    CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_COURTROOM);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 1);
    /* The window that was put out is closed by its page: nothing of the new one is touched. */
    scene_hang_up(third);
    CHECK(s.people[JUDGE]->connected);
    CHECK_EQ(court_presence(s.live, s.people[JUDGE])->lost_us, 0);
    scene_end(&s);
}

/* A connection lost and found again: place, media and secret stay, and both are in the journal. */
static void coming_back(void)
{
    scene_begin(&s, guests, GUESTS);
    struct ws_connection *judge = scene_join(&s, JUDGE), *party = scene_join(&s, PARTY);
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    const char *resume = resume_of(party);
    scene_forget(&s);
    scene_hang_up(party);
    CHECK_EQ(scene_told(judge, "\"connected\":false"), 1);
    struct ws_connection *back = scene_arrive(&s, PARTY, resume);
    CHECK_EQ(scene_told(back, "\"media\":true"), 1);
    CHECK_EQ(strcmp(resume_of(back), resume), 0);
    CHECK_EQ(scene_told(judge, "\"connected\":true"), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.returned\""), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 0);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 0);
    /* Without the secret it is another window: what was is left first. */
    scene_hang_up(back);
    struct ws_connection *anew = scene_arrive(&s, PARTY, "");
    CHECK_EQ(scene_told(anew, "\"media\":false"), 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"network\""), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
    scene_end(&s);
}

static void wait_us(uint64_t us)
{
    court_wake(&s.court);
    s.court.now_us += us;
    s.court.wall_us += us;
    effects_tick(s.live);
    scene_serve(&s);
}

/* Who does not come back has left when the grace is over, and why stands there: fallen silent,
 * closed in order by the browser, or by our own restart. */
static void not_coming_back(void)
{
    for (int closed = 0; closed <= 1; closed++) {
        scene_begin(&s, guests, GUESTS);
        struct ws_connection *judge = scene_join(&s, JUDGE);
        const struct control_message bye = {
            .type = CONTROL_TRANSPORT_STATE,
            .transport_state = {s.hearing, s.people[JUDGE]->stored.id, CONTROL_UP,
                                CONTROL_TRANSPORT_CLOSED}};
        if (closed)
            scene_sfu_says(&s, &bye);
        scene_hang_up(judge);
        uint64_t grace_us = closed ? COURT_GRACE_CLOSED_US : COURT_GRACE_US;
        wait_us(grace_us - 1000000);
        CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 0);
        wait_us(grace_us + 1);
        CHECK_EQ(scene_lines(&s, closed ? "\"cause\":\"closed-page\"" : "\"cause\":\"network\""),
                 1);
        wait_us(2 * grace_us);
        CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 1);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 1);
        CHECK_EQ(s.people[JUDGE]->stored.room, TERMS_ROOM_OUTSIDE);
        scene_end(&s);
    }
    scene_begin(&s, guests, GUESTS);
    (void)scene_join(&s, JUDGE);
    scene_restart(&s);
    scene_connect(&s);
    wait_us(COURT_GRACE_US + 1);
    CHECK_EQ(scene_lines(&s, "\"cause\":\"our-fault\""), 1);
    scene_end(&s);
}

/* Back within the grace after our own restart: they were never away. */
static void back_after_our_restart(void)
{
    char resume[64];
    scene_begin(&s, guests, GUESTS);
    (void)snprintf(resume, sizeof(resume), "%s", resume_of(scene_join(&s, JUDGE)));
    scene_restart(&s);
    scene_connect(&s);
    struct ws_connection *back = scene_arrive(&s, JUDGE, resume);
    CHECK_EQ(scene_told(back, "\"media\":true"), 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.returned\""), 0);
    wait_us(COURT_GRACE_US + 1);
    CHECK_EQ(scene_lines(&s, "\"event\":\"person.left\""), 0);
    scene_end(&s);
}

/* Invited while the hearing was loaded already. */
static void invited_meanwhile(void)
{
    scene_begin(&s, guests, GUESTS);
    const struct store_person late = {
        .id = 0x99, .hearing = s.hearing, .role = CONTROL_ROLE_WITNESS, .name = "Late"};
    const struct store_invitation invitation = {.id = 0x98,
                                                .hearing = s.hearing,
                                                .person = 0x99,
                                                .role = CONTROL_ROLE_WITNESS,
                                                .created_us = 1,
                                                .expires_us = s.court.wall_us + 60000000};
    CHECK_EQ(store_person_add(s.court.store, &late), 0);
    CHECK_EQ(store_invitation_add(s.court.store, &invitation), 0);
    char text[TOKEN_TEXT_MAX];
    const struct token token = {
        .invitation = 0x98, .hearing = s.hearing, .expires_us = invitation.expires_us};
    CHECK_EQ(token_make(s.court.key, &token, text), 0);
    struct ws_connection *page =
        scene_arrive(&s, PARTY, ",\"x\":1"); /* refused: may say hello again */
    scene_say(&s, page, "{\"type\":\"hello\",\"id\":2,\"protocol\":1,\"token\":\"%s\"}", text);
    CHECK_EQ(scene_told(page, "\"type\":\"welcome\",\"id\":2"), 1);
    CHECK_EQ(s.live->hearing->count, GUESTS + 1);
    scene_end(&s);
}

int main(void)
{
    token_errors();
    tokens_that_let_nobody_in();
    a_second_window();
    coming_back();
    not_coming_back();
    back_after_our_restart();
    invited_meanwhile();
    return 0;
}
