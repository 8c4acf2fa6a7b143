/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/view.h"

#include <stdio.h>
#include <string.h>

#include "scene.h"
#include "unit/check.h"

enum { JUDGE, PARTY, WITNESS, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [PARTY] = {CONTROL_ROLE_PARTY, "李伟"},
    [WITNESS] = {CONTROL_ROLE_WITNESS, "Ana"},
};

static struct scene s;
static struct ws_connection *judge, *party;
static char secrets[GUESTS][64]; /* of their welcomes, as members of a hello */

static void keep_secret(size_t guest, const struct ws_connection *page)
{
    const char *at = strstr(page->told, "\"resume\":\"");
    CHECK(at);
    (void)snprintf(secrets[guest], sizeof(secrets[guest]), ",%.*s",
                   (int)(strcspn(at + 10, "\"") + 11), at);
}

/* The judge and a party in the courtroom; the party sees the judge in its first seat. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    judge = scene_join(&s, JUDGE);
    party = scene_join(&s, PARTY);
    keep_secret(JUDGE, judge);
    keep_secret(PARTY, party);
    scene_say(&s, judge, "{\"type\":\"admit\",\"id\":10,\"person\":\"%s\"}",
              scene_id(s.people[PARTY]->stored.id));
    CHECK(scene_produce(&s, judge));
    scene_forget(&s);
}

static void look(struct ws_connection *page, const char *heights)
{
    scene_say(&s, page, "{\"type\":\"view\",\"id\":40,\"heights\":[%s]}", heights);
}

static void sound_only(struct ws_connection *page, const char *on)
{
    scene_say(&s, page, "{\"type\":\"soundOnly\",\"id\":41,\"on\":%s}", on);
}

/* The last SEAT_VIEW of this person's seat; of no rank and height there are if there is none. */
static const struct control_seat_view *view_of(size_t guest, uint8_t seat)
{
    static const struct control_seat_view none = {.rank = UINT8_MAX, .height = UINT16_MAX};
    const struct control_seat_view *last = &none;
    for (size_t i = 0; i < s.sfu.count; i++) {
        const struct control_seat_view *v = &s.sfu.got[i].seat_view;
        if (s.sfu.got[i].type == CONTROL_SEAT_VIEW && v->seat == seat &&
            v->peer == s.people[guest]->stored.id)
            last = v;
    }
    return last;
}

/* What changed is told to the media core, with who is shown; a seat not named is not looked at. */
static void looking(void)
{
    begin();
    look(party, "720,180");
    CHECK_EQ(scene_told(party, "{\"type\":\"ok\",\"id\":40}"), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_SEAT_VIEW), 2);
    CHECK_EQ(view_of(PARTY, 0)->height, 720);
    CHECK_EQ(view_of(PARTY, 0)->rank, CONTROL_RANK_JUDGE);
    CHECK_EQ(view_of(PARTY, 1)->height, 180);
    CHECK_EQ(view_of(PARTY, 1)->rank, CONTROL_RANK_OTHER);
    scene_forget(&s);
    look(party, "720,90");
    CHECK_EQ(scene_got(&s.sfu, CONTROL_SEAT_VIEW), 1);
    CHECK_EQ(view_of(PARTY, 1)->height, 90);
    scene_forget(&s);
    look(party, "720");
    CHECK_EQ(view_of(PARTY, 1)->height, 0);
    scene_forget(&s);
    look(party, "");
    CHECK_EQ(view_of(PARTY, 0)->height, 0);
    scene_end(&s);
}

/* Another source in the seat is another rank: a judge's screen is an exhibit. */
static void ranks(void)
{
    begin();
    look(party, "720,180");
    scene_forget(&s);
    scene_say(&s, judge,
              "{\"type\":\"produce\",\"id\":5,\"source\":\"screen\",\"kind\":\"video\",\"paused\":"
              "false,\"rtpParameters\":{\"mid\":\"1\",\"codecs\":[{\"mimeType\":\"video/VP8\","
              "\"payloadType\":96,\"clockRate\":90000}],\"encodings\":[{\"ssrc\":77}]}}");
    CHECK_EQ(scene_told(judge, "\"type\":\"produced\",\"id\":5"), 1);
    CHECK_EQ(view_of(PARTY, 1)->rank, CONTROL_RANK_EXHIBIT);
    CHECK_EQ(view_of(PARTY, 1)->height, 180);
    scene_end(&s);
}

/* Over the rate it is refused and not done, and the connection stays; others are not slowed. */
static void rate(void)
{
    begin();
    for (unsigned i = 0; i < LIMIT_VIEW_BURST; i++)
        sound_only(party, i % 2 ? "false" : "true");
    CHECK_EQ(scene_told(party, "{\"type\":\"ok\",\"id\":41}"), LIMIT_VIEW_BURST);
    scene_forget(&s);
    look(party, "720,180");
    CHECK_EQ(scene_told(party, "\"id\":40,\"code\":\"too-fast\""), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_SEAT_VIEW), 0);
    CHECK_EQ(party->code, 0);
    look(judge, "720,180");
    CHECK_EQ(scene_told(judge, "{\"type\":\"ok\",\"id\":40}"), 1);
    scene_end(&s);
}

/* In the waiting room it may be said too: nothing is shown there, whatever it asks for. */
static void waiting(void)
{
    begin();
    struct ws_connection *witness = scene_join(&s, WITNESS);
    scene_forget(&s);
    look(witness, "720,720");
    sound_only(witness, "true");
    CHECK_EQ(scene_told(witness, "\"type\":\"ok\""), 2);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_SEAT_SET), 0);
    CHECK_EQ(view_of(WITNESS, 0)->rank, CONTROL_RANK_OTHER);
    /* Not before one has joined. */
    scene_say(&s, witness, "{\"type\":\"leave\",\"id\":15}");
    look(witness, "720");
    CHECK_EQ(scene_told(witness, "\"id\":40,\"code\":\"not-joined\""), 1);
    scene_end(&s);
}

static unsigned videos(bool on)
{
    unsigned count = 0;
    for (size_t i = 0; i < s.sfu.count; i++)
        count += s.sfu.got[i].type == CONTROL_PEER_VIDEO &&
                 s.sfu.got[i].peer_video.peer == s.people[PARTY]->stored.id &&
                 s.sfu.got[i].peer_video.on == on;
    return count;
}

/* A media core that was out of reach is told all of it again. */
static void told_again(void)
{
    begin();
    look(party, "720,180");
    sound_only(party, "true");
    CHECK_EQ(videos(false), 1);
    scene_forget(&s);
    scene_lose_sfu(&s);
    scene_greet_sfu(&s);
    for (size_t guest = JUDGE; guest <= PARTY; guest++) {
        const struct control_message present = {
            .type = CONTROL_PEER_PRESENT,
            .peer_add = {.hearing = s.hearing,
                         .peer = s.people[guest]->stored.id,
                         .role = (uint8_t)s.people[guest]->stored.role,
                         .seats = 2},
        };
        scene_sfu_says(&s, &present);
    }
    scene_settle(&s);
    CHECK_EQ(view_of(PARTY, 0)->height, 720);
    CHECK_EQ(view_of(PARTY, 1)->height, 180);
    CHECK_EQ(videos(false), 1);
    /* A new join is of a page that says it anew. */
    scene_forget(&s);
    scene_say(&s, party, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    CHECK(!court_presence(s.live, s.people[PARTY])->view.told);
    CHECK_EQ(videos(false), 0);
    scene_end(&s);
}

static void say_picture(uint8_t seat, enum control_picture picture)
{
    const struct control_message m = {
        .type = CONTROL_SEAT_PICTURE,
        .seat_picture = {s.hearing, s.people[PARTY]->stored.id, seat, (uint8_t)picture},
    };
    scene_sfu_says(&s, &m);
}

static void say_layers(uint64_t stream, uint8_t received)
{
    const struct control_message m = {
        .type = CONTROL_LAYERS,
        .layers = {s.hearing, s.people[JUDGE]->stored.id, stream, received},
    };
    scene_sfu_says(&s, &m);
}

static void say_line(uint32_t bps)
{
    const struct control_message m = {
        .type = CONTROL_PEER_STATS,
        .peer_stats = {.hearing = s.hearing,
                       .peer = s.people[PARTY]->stored.id,
                       .down_estimate_bps = bps},
    };
    scene_sfu_says(&s, &m);
}

#define HELD  "{\"type\":\"seatPicture\",\"seat\":0,\"picture\":\"held\",\"reason\":\"bandwidth\"}"
#define SHOWN "{\"type\":\"seatPicture\",\"seat\":0,\"picture\":\"shown\"}"

/* Held pictures, layers and the line go to the page they concern, and again when it comes back. */
static void what_pages_are_told(void)
{
    begin();
    uint64_t stream = s.people[JUDGE]->producers[0].id;
    say_picture(0, CONTROL_PICTURE_HELD);
    say_picture(5, CONTROL_PICTURE_HELD); /* it has two seats */
    CHECK_EQ(scene_told(party, HELD), 1);
    CHECK_EQ(scene_told(party, "seatPicture"), 1);
    CHECK_EQ(scene_told(judge, "seatPicture"), 0);
    say_layers(stream, 5);
    say_layers(stream + 1, 5); /* no such stream */
    CHECK_EQ(scene_told(judge, "\"type\":\"layers\""), 1);
    CHECK_EQ(scene_told(judge, "\"received\":[0,2]"), 1);
    CHECK_EQ(scene_told(party, "\"type\":\"layers\""), 0);
    say_line(0);
    say_line(400000);
    say_line(420000); /* no eighth more */
    say_line(300000);
    CHECK_EQ(scene_told(party, "\"type\":\"line\""), 2);
    CHECK_EQ(scene_told(party, "{\"type\":\"line\",\"bps\":300000}"), 1);
    scene_hang_up(party);
    scene_hang_up(judge);
    say_picture(0, CONTROL_PICTURE_HELD);
    scene_forget(&s);
    party = scene_arrive(&s, PARTY, secrets[PARTY]);
    judge = scene_arrive(&s, JUDGE, secrets[JUDGE]);
    CHECK_EQ(scene_told(party, HELD), 1);
    CHECK_EQ(scene_told(party, "\"seat\":1,\"picture\":\"shown\""), 1);
    CHECK_EQ(scene_told(party, "{\"type\":\"line\",\"bps\":300000}"), 1);
    CHECK_EQ(scene_told(judge, "\"received\":[0,2]"), 1);
    scene_forget(&s);
    say_picture(0, CONTROL_PICTURE_SHOWN);
    CHECK_EQ(scene_told(party, SHOWN), 1);
    scene_end(&s);
}

int main(void)
{
    looking();
    ranks();
    rate();
    waiting();
    told_again();
    what_pages_are_told();
    return 0;
}
