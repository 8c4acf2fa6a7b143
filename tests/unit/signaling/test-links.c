/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/links.h"

#include <string.h>

#include "scene.h"
#include "signaling/seats.h"
#include "unit/check.h"

enum { JUDGE, A, B, C, GUESTS };
static const struct invite_guest guests[GUESTS] = {
    [JUDGE] = {CONTROL_ROLE_JUDGE, "陈敏"},
    [A] = {CONTROL_ROLE_PARTY, "Anna"},
    [B] = {CONTROL_ROLE_PARTY, "Bo"},
    [C] = {CONTROL_ROLE_PARTY, "Chao"},
};

static struct scene s;
static struct ws_connection *pages[GUESTS];
static uint64_t streams[GUESTS];

/* C, B, A, then at last the judge come into the courtroom, each with a microphone. */
static void begin(void)
{
    scene_begin(&s, guests, GUESTS);
    for (size_t i = 0; i < s.count; i++)
        s.people[i]->stored.admitted = true;
    scene_say(&s, scene_join(&s, JUDGE), "{\"type\":\"leave\",\"id\":9}"); /* it waits now */
    scene_hang_up(&s.pages[0]);
    for (size_t i = GUESTS; i-- > 0;) {
        pages[i] = scene_join(&s, i);
        streams[i] = scene_produce(&s, pages[i]);
        CHECK(streams[i]);
    }
}

static uint64_t id_of(size_t guest)
{
    return s.people[guest]->stored.id;
}

/* What a living media core tells a new signaling: peers, their streams, and the seats in use as in
 * `seats`, two each. */
static void tell_present(uint64_t seats[GUESTS][2])
{
    const struct control_message hearing = {.type = CONTROL_HEARING_PRESENT,
                                            .hearing_open = {.hearing = s.hearing}};
    scene_sfu_says(&s, &hearing);
    for (size_t i = 0; i < GUESTS; i++) {
        const struct control_message peer = {.type = CONTROL_PEER_PRESENT,
                                             .peer_add = {s.hearing, id_of(i),
                                                          (uint8_t)guests[i].role,
                                                          CONTROL_ROOM_COURTROOM, 0, 2}};
        const struct control_message stream = {
            .type = CONTROL_STREAM_PRESENT,
            .stream_present = {s.hearing, id_of(i), streams[i], CONTROL_AUDIO,
                               CONTROL_SOURCE_MICROPHONE, false}};
        scene_sfu_says(&s, &peer);
        scene_sfu_says(&s, &stream);
        for (uint8_t seat = 0; seat < 2; seat++) {
            const struct control_message shown = {
                .type = CONTROL_SEAT_SWITCHED,
                .seat_switched = {0, s.hearing, id_of(i), seat, CONTROL_AUDIO, seats[i][seat]}};
            if (seats[i][seat])
                scene_sfu_says(&s, &shown);
        }
    }
    scene_settle(&s);
}

/* Killed and started again, signaling leaves everybody where they sit, though by the rules for
 * free seats others would come first. */
static void nobody_changes_seats_by_our_restart(void)
{
    uint64_t sitting[GUESTS][2], routed[GUESTS][2];
    begin();
    for (size_t i = 0; i < GUESTS; i++)
        for (size_t seat = 0; seat < 2; seat++) {
            sitting[i][seat] = s.people[i]->seats.sitting[seat];
            routed[i][seat] = s.people[i]->seats.seats[seat].audio;
            CHECK(sitting[i][seat]);
        }
    /* The judge came last and took a seat from somebody: not the first, as it would now. */
    CHECK(sitting[B][0] != id_of(JUDGE) && sitting[B][1] == id_of(JUDGE));

    scene_restart(&s);
    scene_connect(&s);
    tell_present(routed);
    for (size_t i = 0; i < GUESTS; i++)
        for (size_t seat = 0; seat < 2; seat++) {
            CHECK_EQ(s.people[i]->seats.sitting[seat], sitting[i][seat]);
            CHECK_EQ(s.people[i]->seats.seats[seat].audio, routed[i][seat]);
        }
    scene_end(&s);
}

/* A seat that shows whom we do not know is emptied, and given away. */
static void a_seat_of_a_stranger_is_given_away(void)
{
    begin();
    scene_restart(&s);
    scene_connect(&s);
    scene_forget(&s);
    uint64_t seats[GUESTS][2] = {[A] = {0x99, streams[C]}};
    tell_present(seats);
    CHECK_EQ(s.people[A]->seats.sitting[0], id_of(JUDGE));
    CHECK_EQ(s.people[A]->seats.sitting[1], id_of(C));
    unsigned set = 0;
    for (size_t i = 0; i < s.sfu.count; i++)
        set += s.sfu.got[i].type == CONTROL_SEAT_SET && s.sfu.got[i].seat_set.peer == id_of(A) &&
               s.sfu.got[i].seat_set.seat == 0 && s.sfu.got[i].seat_set.stream == streams[JUDGE];
    CHECK(set > 0);
    scene_end(&s);
}

/* New transports, the same places: a media core that died leaves people where they sat. */
static void nobody_changes_seats_by_joining_again(void)
{
    begin();
    uint64_t first = s.people[B]->seats.sitting[0], second = s.people[B]->seats.sitting[1];
    CHECK_EQ(second, id_of(JUDGE));
    scene_say(&s, pages[B], "{\"type\":\"join\",\"id\":12,\"seats\":2}");
    CHECK_EQ(s.people[B]->seats.sitting[0], first);
    CHECK_EQ(s.people[B]->seats.sitting[1], second);
    scene_end(&s);
}

/* What the media core still has and we do not want any more is ended. */
static void strangers_are_ended(void)
{
    begin();
    scene_lose_sfu(&s);
    scene_greet_sfu(&s);
    scene_forget(&s);
    const struct control_message said[] = {
        {.type = CONTROL_HEARING_PRESENT, .hearing_open = {.hearing = 0x77}},
        {.type = CONTROL_PEER_PRESENT,
         .peer_add = {.hearing = s.hearing, .peer = 0x78, .seats = 2}},
        {.type = CONTROL_PEER_PRESENT, .peer_add = {.hearing = 0x77, .peer = id_of(A), .seats = 2}},
        {.type = CONTROL_STREAM_PRESENT,
         .stream_present = {.hearing = s.hearing, .peer = 0x78, .stream = 5}},
        {.type = CONTROL_SPEAKERS, .speakers = {.hearing = 0x77}},
        {.type = CONTROL_SEAT_SWITCHED, .seat_switched = {.hearing = s.hearing, .peer = 0x78}},
        {.type = CONTROL_STREAM_STATE, .stream_state = {.hearing = s.hearing, .peer = 0x78}},
    };
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        scene_sfu_says(&s, &said[i]);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), 1);
    CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), 2);
    scene_end(&s);
}

/* The media core has everybody's peer and this one stream of A's. */
static void tell_stream(uint64_t stream, bool paused)
{
    const struct control_message said = {.type = CONTROL_STREAM_PRESENT,
                                         .stream_present = {s.hearing, id_of(A), stream,
                                                            CONTROL_AUDIO,
                                                            CONTROL_SOURCE_MICROPHONE, paused}};
    for (size_t i = 0; i < GUESTS; i++) {
        const struct control_message peer = {.type = CONTROL_PEER_PRESENT,
                                             .peer_add = {s.hearing, id_of(i),
                                                          (uint8_t)guests[i].role,
                                                          CONTROL_ROOM_COURTROOM, 0, 2}};
        scene_sfu_says(&s, &peer);
    }
    scene_sfu_says(&s, &said);
    scene_settle(&s);
}

/* What of this type signaling said about A's stream: 0 nothing, 1 to go on or to end, 2 to pause.
 * It said it once. */
static unsigned said_of_stream(enum control_type type, uint64_t stream)
{
    unsigned said = 0;
    for (size_t i = 0; i < s.sfu.count; i++) {
        const struct control_message *m = &s.sfu.got[i];
        bool is_pause = type == CONTROL_STREAM_PAUSE;
        if (m->type != type || (is_pause ? m->stream_pause.stream : m->stream.stream) != stream)
            continue;
        CHECK_EQ(said, 0);
        CHECK_EQ(is_pause ? m->stream_pause.peer : m->stream.peer, id_of(A));
        said = is_pause && m->stream_pause.paused ? 2 : 1;
    }
    return said;
}

/* Opened or muted while the media core was out of reach, and answered with ok: so it is, when it
 * is back. */
static void a_pause_said_while_it_was_away_is_made_good(void)
{
    static const struct {
        bool before, after, in_core; /* paused */
        unsigned said;
    } rows[] = {
        {true, false, true, 1},  /* "microphone on", heard by nobody */
        {false, true, false, 2}, /* muted, still heard */
        {false, false, false, 0},
        {true, true, true, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        if (rows[i].before)
            scene_say(&s, pages[JUDGE], "{\"type\":\"mute\",\"id\":11,\"person\":\"%s\"}",
                      scene_id(id_of(A)));
        scene_lose_sfu(&s);
        if (rows[i].after != rows[i].before)
            scene_say(&s, pages[A],
                      "{\"type\":\"pause\",\"id\":12,\"producer\":\"%s\",\"paused\":%s}",
                      scene_id(streams[A]), rows[i].after ? "true" : "false");
        scene_greet_sfu(&s);
        scene_forget(&s);
        tell_stream(streams[A], rows[i].in_core);
        CHECK_EQ(said_of_stream(CONTROL_STREAM_PAUSE, streams[A]), rows[i].said);
        CHECK_EQ(said_of_stream(CONTROL_STREAM_REMOVE, streams[A]), 0);
        const struct hearing_producer *producer = hearing_producer(s.people[A], streams[A]);
        CHECK(producer && producer->paused == rows[i].after);
        scene_end(&s);
    }
}

/* Closed, or its person put out, while the media core was out of reach: it does not come back as
 * something published, and the media core lets it go. */
static void a_stream_ended_while_it_was_away_is_ended(void)
{
    for (unsigned i = 0; i < 2; i++) {
        begin();
        scene_lose_sfu(&s);
        if (i == 0)
            scene_say(&s, pages[A], "{\"type\":\"closeProducer\",\"id\":12,\"producer\":\"%s\"}",
                      scene_id(streams[A]));
        else
            scene_say(&s, pages[JUDGE], "{\"type\":\"dismiss\",\"id\":12,\"person\":\"%s\"}",
                      scene_id(id_of(A)));
        CHECK_EQ(scene_lines(&s, "\"event\":\"producer.stopped\""), 1);
        scene_greet_sfu(&s);
        scene_forget(&s);
        tell_stream(streams[A], false);
        CHECK_EQ(said_of_stream(CONTROL_STREAM_REMOVE, streams[A]), 1);
        CHECK(!hearing_producer(s.people[A], streams[A]));
        unsigned moved = 0;
        for (size_t k = 0; k < s.sfu.count; k++)
            moved += s.sfu.got[k].type == CONTROL_PEER_MOVE &&
                     s.sfu.got[k].peer_move.peer == id_of(A) &&
                     s.sfu.got[k].peer_move.room_kind ==
                         (i == 0 ? CONTROL_ROOM_COURTROOM : CONTROL_ROOM_WAITING);
        CHECK_EQ(moved, 1);
        scene_end(&s);
    }
}

/* Started again, signaling knows no stream: who is in the courtroom goes on publishing, whoever was
 * put out of it does not. Its word of streams is the last only once it has heard of all. */
static void a_new_signaling_adopts_streams(void)
{
    for (unsigned i = 0; i < 2; i++) {
        begin();
        if (i == 1)
            scene_say(&s, pages[JUDGE], "{\"type\":\"dismiss\",\"id\":12,\"person\":\"%s\"}",
                      scene_id(id_of(A)));
        scene_restart(&s);
        scene_connect(&s);
        scene_lose_sfu(&s); /* before it told anything */
        scene_greet_sfu(&s);
        scene_forget(&s);
        tell_stream(streams[A], true);
        const struct hearing_producer *producer = hearing_producer(s.people[A], streams[A]);
        CHECK_EQ(producer && producer->paused, i == 0);
        CHECK_EQ(said_of_stream(CONTROL_STREAM_PAUSE, streams[A]), 0);
        CHECK_EQ(said_of_stream(CONTROL_STREAM_REMOVE, streams[A]), i);
        scene_end(&s);
    }
}

/* Removed, or the hearing closed, while the media core was out of reach: so is the peer, so is the
 * hearing. */
static void who_was_removed_while_it_was_away_is_removed(void)
{
    for (unsigned i = 0; i < 2; i++) {
        begin();
        scene_say(&s, pages[JUDGE], "{\"type\":\"setState\",\"id\":11,\"state\":\"open\"}");
        scene_lose_sfu(&s);
        if (i == 0)
            scene_say(&s, pages[JUDGE], "{\"type\":\"remove\",\"id\":12,\"person\":\"%s\"}",
                      scene_id(id_of(A)));
        else
            scene_say(&s, pages[JUDGE], "{\"type\":\"setState\",\"id\":12,\"state\":\"closed\"}");
        CHECK_EQ(scene_told(pages[JUDGE], "{\"type\":\"ok\",\"id\":12}"), 1);
        scene_greet_sfu(&s);
        scene_forget(&s);
        const struct control_message hearing = {.type = CONTROL_HEARING_PRESENT,
                                                .hearing_open = {.hearing = s.hearing}};
        scene_sfu_says(&s, &hearing);
        tell_stream(streams[A], false);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_PEER_REMOVE), i == 0 ? 1 : GUESTS);
        CHECK_EQ(scene_got(&s.sfu, CONTROL_HEARING_CLOSE), i);
        CHECK(!hearing_producer(s.people[A], streams[A]));
        scene_end(&s);
    }
}

/* Each process that was away is a line naming it; nobody inside, nobody felt it. */
static void absences_are_faults(void)
{
    begin();
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\""), 0);
    scene_lose_sfu(&s);
    scene_find_sfu(&s);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\",\"process\":\"sfu\""), 1);
    for (size_t i = 0; i < GUESTS; i++)
        CHECK_EQ(scene_told(pages[i], "\"type\":\"mediaLost\""), 1);
    for (size_t i = 0; i < GUESTS; i++)
        scene_say(&s, pages[i], "{\"type\":\"leave\",\"id\":13}");
    scene_lose_sfu(&s);
    scene_find_sfu(&s);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\""), 1);
    CHECK_EQ(s.court.counters.faults, 2);
    scene_end(&s);
}

/* At our own start: who was inside felt our absence. */
static void our_own_absence_is_a_fault(void)
{
    begin();
    scene_restart(&s);
    links_write_own_fault(&s.court);
    CHECK_EQ(scene_lines(&s, "\"event\":\"fault\",\"process\":\"signaling\""), 1);
    scene_end(&s);
}

/* By what is lost, how long the way is, and what it carries, where that is in use: the worst says.
 */
static void how_good_a_connection_is(void)
{
    static const struct {
        struct control_peer_stats stats;
        uint8_t quality;
    } cases[] = {
        {{0}, 0},
        {{.up_packets = 1}, 4},
        {{.up_packets = 1, .up_loss_permille = 11}, 3},
        {{.up_packets = 1, .down_loss_permille = 31, .rtt_us = 300001}, 2},
        {{.up_packets = 1, .down_loss_permille = 81}, 1},
        {{.up_packets = 1, .rtt_us = 300001}, 3},
        {{.up_packets = 1, .rtt_us = 500001}, 2},
        {{.up_packets = 1, .rtt_us = 1000001}, 1},
        {{.down_packets = 1, .down_bps = 280000, .down_estimate_bps = 300000}, 4},
        {{.down_packets = 1, .down_bps = 280000, .down_estimate_bps = 299999}, 2},
        {{.down_packets = 1, .down_bps = 95000, .down_estimate_bps = 99999}, 1},
        /* It carries what is sent, and nobody tried more. */
        {{.down_packets = 1, .down_bps = 55000, .down_estimate_bps = 92000}, 4},
        {{.down_packets = 1, .down_bps = 280000, .down_estimate_bps = 290000, .rtt_us = 1000001},
         1},
    };
    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct control_message m = {.type = CONTROL_PEER_STATS, .peer_stats = cases[i].stats};
        m.peer_stats.hearing = s.hearing;
        m.peer_stats.peer = id_of(A);
        scene_sfu_says(&s, &m);
        CHECK_EQ(s.people[A]->quality, cases[i].quality);
    }
    scene_end(&s);
}

int main(void)
{
    how_good_a_connection_is();
    nobody_changes_seats_by_our_restart();
    a_seat_of_a_stranger_is_given_away();
    nobody_changes_seats_by_joining_again();
    strangers_are_ended();
    a_pause_said_while_it_was_away_is_made_good();
    a_stream_ended_while_it_was_away_is_ended();
    a_new_signaling_adopts_streams();
    who_was_removed_while_it_was_away_is_removed();
    absences_are_faults();
    our_own_absence_is_a_fault();
    return 0;
}
