/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/room.h"

#include <errno.h>
#include <string.h>

#include "sfu/packet.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

/* Opens a room, joins two peers, publishes and seats: everything that allocates. */
static int build(void)
{
    static struct stage s;
    int r = stage_open(&s);
    const struct control_message requests[] = {
        {.type = CONTROL_HEARING_OPEN, .hearing_open = {.hearing = STAGE_HEARING}},
        {.type = CONTROL_MATRIX, .matrix = stage_full_matrix()},
        {.type = CONTROL_PEER_ADD,
         .peer_add = {STAGE_HEARING, 0x100, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2}},
        {.type = CONTROL_PEER_ADD,
         .peer_add = {STAGE_HEARING, 0x101, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2}},
        {.type = CONTROL_STREAM_ADD,
         .stream_add = {.hearing = STAGE_HEARING,
                        .peer = 0x101,
                        .stream = 5,
                        .kind = CONTROL_VIDEO,
                        .source = CONTROL_SOURCE_CAMERA,
                        .codec_count = 1,
                        .codecs = {{CODEC_VP8, 96, 97}},
                        .encoding_count = 1,
                        .encodings = {{11, 12, ""}}}},
        {.type = CONTROL_SEAT_SET, .seat_set = {STAGE_HEARING, 0x100, 0, CONTROL_VIDEO, 5}},
    };
    for (size_t i = 0; r == 0 && i < sizeof(requests) / sizeof(requests[0]); i++) {
        r = stage_request(&s, &requests[i], -1, NULL);
        if (r == 1 && requests[i].type == CONTROL_SEAT_SET)
            r = 0;
        else if (r == 1)
            r = -ENOMEM; /* there was no memory for the answer */
    }
    stage_close(&s);
    return r;
}

#ifndef TEST_FAULTS

static struct stage s;
static uint16_t seq = 100;

/* A packet of `from` in both kinds; how many of them `to` gets. */
static unsigned passes(struct page *from, struct page *to)
{
    unsigned before = page_packets(to);
    s.c.now_us += 20000; /* a seat's sound follows the clock */
    page_send(&s, from, CONTROL_AUDIO, seq, seq * 960u, false);
    page_send(&s, from, CONTROL_VIDEO, seq, seq * 3000u, true);
    seq++;
    return page_packets(to) - before;
}

static void seat_both(struct page *to, uint8_t seat, struct page *from, int audio, int video)
{
    CHECK_EQ(stage_seat(&s, to, seat, CONTROL_AUDIO, page_stream_id(from, CONTROL_AUDIO)), audio);
    CHECK_EQ(stage_seat(&s, to, seat, CONTROL_VIDEO, page_stream_id(from, CONTROL_VIDEO)), video);
}

static struct page *join_and_publish(size_t index, enum control_role role,
                                     enum control_room_kind kind, uint32_t room)
{
    struct page *p = stage_join(&s, index, role, kind, room, 2, true);
    CHECK_EQ(stage_publish(&s, p, CONTROL_AUDIO, false), 0);
    CHECK_EQ(stage_publish(&s, p, CONTROL_VIDEO, false), 0);
    return p;
}

/* A party and a judge who receives it. */
static void begin(struct page **ret_party, struct page **ret_judge)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    *ret_party = join_and_publish(0, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0);
    *ret_judge = join_and_publish(1, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0);
    seat_both(*ret_judge, 0, *ret_party, 1, 1);
    CHECK_EQ(passes(*ret_party, *ret_judge), 2);
    stage_forget(&s);
}

static void matrix_allows(enum control_role from, enum control_role to, bool allowed)
{
    struct control_matrix m = {.hearing = STAGE_HEARING};
    if (allowed)
        m.receivers[CONTROL_ROOM_COURTROOM][from] = (uint16_t)(1u << to);
    stage_set_matrix(&s, &m);
}

/* Nothing flows before there is a matrix. */
static void denies_by_default(void)
{
    CHECK_EQ(stage_open(&s), 0);
    const struct control_message open = {.type = CONTROL_HEARING_OPEN,
                                         .hearing_open = {.hearing = STAGE_HEARING}};
    CHECK_EQ(stage_request(&s, &open, -1, NULL), 0);
    struct page *party = join_and_publish(0, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0);
    struct page *judge = join_and_publish(1, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0);
    seat_both(judge, 0, party, -EACCES, -EACCES);
    CHECK_EQ(passes(party, judge), 0);
    stage_close(&s);
}

/* Each cell of roles by itself: what is set flows, what is not set is refused. */
static void cell_counts(uint8_t from, uint8_t to)
{
    struct room room = {0};
    struct peer a = {.role = from}, b = {.role = to};
    CHECK(!room_may_receive(&room, &a, &b, CONTROL_AUDIO));
    room.matrix.receivers[CONTROL_ROOM_COURTROOM][from] = (uint16_t)(1u << to);
    CHECK(room_may_receive(&room, &a, &b, CONTROL_AUDIO));
    CHECK(room_may_receive(&room, &a, &b, CONTROL_VIDEO));
    CHECK(!room_may_receive(&room, &a, &a, CONTROL_AUDIO));
    CHECK(from == to || !room_may_receive(&room, &b, &a, CONTROL_AUDIO));
    b.room = 1;
    CHECK(!room_may_receive(&room, &a, &b, CONTROL_AUDIO));
    b.room = 0;
    b.room_kind = CONTROL_ROOM_WAITING;
    CHECK(!room_may_receive(&room, &a, &b, CONTROL_AUDIO));
}

static void every_cell_counts(void)
{
    for (unsigned from = 0; from < CONTROL_ROLE_COUNT; from++)
        for (unsigned to = 0; to < CONTROL_ROLE_COUNT; to++)
            cell_counts((uint8_t)from, (uint8_t)to);
}

static void is_empty_event(struct page *to, enum control_kind kind)
{
    bool found = false;
    for (size_t i = 0; i < s.event_count; i++) {
        const struct control_seat_switched *e = &s.events[i].seat_switched;
        found = found || (s.events[i].type == CONTROL_SEAT_SWITCHED && !s.events[i].request &&
                          e->peer == to->id && e->kind == kind && e->seat == 0 && e->stream == 0 &&
                          e->status == 0);
    }
    CHECK(found);
}

#define BOTH_KINDS 2

/* One screen, and no others: of a kind, or of both. */
static struct control_message screen(const struct page *from, const struct page *to, unsigned kind)
{
    return (struct control_message){
        .type = CONTROL_SCREENS,
        .screens = {
            .hearing = STAGE_HEARING,
            .count = 1,
            .screens = {{from->id, to->id, (uint8_t)(kind == BOTH_KINDS ? 3 : 1u << kind)}}}};
}

/* What ends the route of a party to a judge. After each, not one packet more comes through, and
 * signaling is told of both halves of the seat. */
static void ends_at_once(void)
{
    enum way {
        MATRIX,
        SCREEN,
        MOVE_SENDER,
        MOVE_RECEIVER,
        MOVE_KIND,
        PAUSE,
        REMOVE_STREAM,
        REMOVE_PEER,
        WAYS
    };
    for (enum way way = MATRIX; way < WAYS; way++) {
        struct page *party, *judge;
        begin(&party, &judge);
        const uint64_t audio = page_stream_id(party, CONTROL_AUDIO);
        const uint64_t video = page_stream_id(party, CONTROL_VIDEO);
        const struct control_message requests[WAYS][2] = {
            [SCREEN] = {screen(party, judge, CONTROL_AUDIO), screen(party, judge, BOTH_KINDS)},
            [MOVE_SENDER] = {{.type = CONTROL_PEER_MOVE,
                              .peer_move = {STAGE_HEARING, party->id, CONTROL_ROOM_COURTROOM, 1}}},
            [MOVE_RECEIVER] = {{.type = CONTROL_PEER_MOVE,
                                .peer_move = {STAGE_HEARING, judge->id, CONTROL_ROOM_COURTROOM,
                                              2}}},
            [MOVE_KIND] = {{.type = CONTROL_PEER_MOVE,
                            .peer_move = {STAGE_HEARING, party->id, CONTROL_ROOM_WAITING, 0}}},
            [PAUSE] = {{.type = CONTROL_STREAM_PAUSE,
                        .stream_pause = {STAGE_HEARING, party->id, audio, true}},
                       {.type = CONTROL_STREAM_PAUSE,
                        .stream_pause = {STAGE_HEARING, party->id, video, true}}},
            [REMOVE_STREAM] = {{.type = CONTROL_STREAM_REMOVE,
                                .stream = {STAGE_HEARING, party->id, audio}},
                               {.type = CONTROL_STREAM_REMOVE,
                                .stream = {STAGE_HEARING, party->id, video}}},
            [REMOVE_PEER] = {{.type = CONTROL_PEER_REMOVE, .peer = {STAGE_HEARING, party->id}}},
        };
        if (way == MATRIX)
            matrix_allows(CONTROL_ROLE_JUDGE, CONTROL_ROLE_PARTY, true);
        for (size_t i = 0; i < 2; i++)
            if (requests[way][i].type)
                CHECK_EQ(stage_request(&s, &requests[way][i], -1, NULL), 0);
        is_empty_event(judge, CONTROL_AUDIO);
        is_empty_event(judge, CONTROL_VIDEO);
        CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 2);
        CHECK_EQ(passes(party, judge), 0);
        stage_close(&s);
    }
}

/* One way, one kind, of one pair; it may be set before either is there, and is over when it is not
 * among them any more. */
static void screens_one_from_one(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    struct page *witness = join_and_publish(2, CONTROL_ROLE_WITNESS, CONTROL_ROOM_COURTROOM, 0);
    seat_both(witness, 0, party, 1, 1);
    seat_both(party, 0, judge, 1, 1);
    struct control_message m = screen(party, judge, CONTROL_VIDEO);
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    CHECK_EQ(passes(party, judge), 1); /* the sound */
    CHECK_EQ(passes(party, witness), 2);
    CHECK_EQ(passes(judge, party), 2);
    CHECK_EQ(stage_seat(&s, judge, 1, CONTROL_VIDEO, page_stream_id(party, CONTROL_VIDEO)),
             -EACCES);
    seat_both(judge, 1, witness, 1, 1);
    CHECK_EQ(passes(witness, judge), 2);
    const struct page ghost = {.id = 0xdead};
    m = screen(&ghost, judge, BOTH_KINDS);
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    CHECK_EQ(stage_seat(&s, judge, 0, CONTROL_VIDEO, page_stream_id(party, CONTROL_VIDEO)), 1);
    CHECK_EQ(passes(party, judge), 2);
    m.screens.hearing = 0xdead;
    CHECK_EQ(stage_request(&s, &m, -1, NULL), -ENOENT);
    stage_close(&s);
}

/* What the matrix allows again does not come back by itself. */
static void stays_ended_until_set_again(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    matrix_allows(CONTROL_ROLE_PARTY, CONTROL_ROLE_JUDGE, false);
    CHECK_EQ(passes(party, judge), 0);
    matrix_allows(CONTROL_ROLE_PARTY, CONTROL_ROLE_JUDGE, true);
    CHECK_EQ(passes(party, judge), 0);
    seat_both(judge, 0, party, 1, 1);
    CHECK_EQ(passes(party, judge), 2);
    stage_close(&s);
}

/* A route that only waits for its key frame is cut as well, and whoever set it is told why. */
static void cuts_what_waits(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    struct page *witness = join_and_publish(2, CONTROL_ROLE_WITNESS, CONTROL_ROOM_COURTROOM, 0);
    CHECK_EQ(stage_seat(&s, judge, 0, CONTROL_VIDEO, page_stream_id(witness, CONTROL_VIDEO)), 1);
    stage_forget(&s);
    matrix_allows(CONTROL_ROLE_PARTY, CONTROL_ROLE_JUDGE, true);
    const struct control_message *told = stage_last(&s, CONTROL_SEAT_SWITCHED);
    CHECK(told && told->request != 0);
    CHECK_EQ(told->seat_switched.status, -EACCES);
    CHECK_EQ(told->seat_switched.stream, page_stream_id(witness, CONTROL_VIDEO));
    CHECK_EQ(passes(witness, judge), 0);
    CHECK_EQ(passes(party, judge), 2); /* the old picture went on and still does */
    stage_close(&s);
}

/* A paused stream may be seated; it shows when it goes on, and not a packet of the pause does. */
static void paused_stream_is_silent(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    struct control_message pause = {
        .type = CONTROL_STREAM_PAUSE,
        .stream_pause = {STAGE_HEARING, party->id, page_stream_id(party, CONTROL_AUDIO), true}};
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    CHECK_EQ(stage_seat(&s, judge, 0, CONTROL_AUDIO, page_stream_id(party, CONTROL_AUDIO)), 1);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(passes(party, judge), 1); /* the picture */
    pause.stream_pause.paused = false;
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    CHECK_EQ(passes(party, judge), 2);
    /* Shown when it was paused, it goes on by itself, each way told. */
    for (int i = 0; i < 2; i++) {
        stage_forget(&s);
        pause.stream_pause.paused = i == 0;
        CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
        CHECK_EQ(passes(party, judge), i == 0 ? 1 : 2);
        CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 1);
        CHECK_EQ(stage_last(&s, CONTROL_SEAT_SWITCHED)->seat_switched.stream,
                 i == 0 ? 0 : pause.stream_pause.stream);
    }
    /* But not where its route was cut meanwhile. */
    pause.stream_pause.paused = true;
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    matrix_allows(CONTROL_ROLE_PARTY, CONTROL_ROLE_JUDGE, false);
    matrix_allows(CONTROL_ROLE_PARTY, CONTROL_ROLE_JUDGE, true);
    pause.stream_pause.paused = false;
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), 0);
    CHECK_EQ(passes(party, judge), 0);
    pause.stream_pause.stream = 12345;
    CHECK_EQ(stage_request(&s, &pause, -1, NULL), -ENOENT);
    stage_close(&s);
}

/* A peer of the same id takes the place of the old one, whose routes end. */
static void replaces_a_peer(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    const struct control_peer_ready old = party->ready;
    party = stage_join(&s, 0, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    is_empty_event(judge, CONTROL_AUDIO);
    is_empty_event(judge, CONTROL_VIDEO);
    CHECK(strcmp(old.ice[0].ufrag, party->ready.ice[0].ufrag) != 0);
    CHECK_EQ(stage_publish(&s, party, CONTROL_AUDIO, false), 0);
    CHECK_EQ(stage_publish(&s, party, CONTROL_VIDEO, false), 0);
    CHECK_EQ(passes(party, judge), 0);
    seat_both(judge, 0, party, 1, 1);
    CHECK_EQ(passes(party, judge), 2);
    stage_close(&s);
}

static int ask(enum control_type type, struct control_message m)
{
    m.type = type;
    return stage_request(&s, &m, -1, NULL);
}

/* Requests in a wrong order, twice, or about what is not there: each has its answer. */
static void answers_the_absurd(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    const uint64_t h = STAGE_HEARING, none = 0xdead;
    const uint64_t audio = page_stream_id(party, CONTROL_AUDIO);
    CHECK_EQ(ask(CONTROL_PEER_ADD, (struct control_message){.peer_add = {none, 1, 0, 0, 0, 1}}),
             -ENOENT);
    CHECK_EQ(ask(CONTROL_PEER_ADD, (struct control_message){.peer_add = {h, 0, 0, 0, 0, 1}}),
             -EINVAL);
    CHECK_EQ(ask(CONTROL_PEER_ADD, (struct control_message){.peer_add = {h, 9, 0, 0, 0, 0}}),
             -EINVAL);
    CHECK_EQ(ask(CONTROL_PEER_REMOVE, (struct control_message){.peer = {h, none}}), 0);
    CHECK_EQ(ask(CONTROL_PEER_MOVE, (struct control_message){.peer_move = {h, none, 0, 0}}),
             -ENOENT);
    CHECK_EQ(ask(CONTROL_TRANSPORT_CONNECT,
                 (struct control_message){.transport_connect = {h, none, 0, {0}}}),
             -ENOENT);
    CHECK_EQ(ask(CONTROL_TRANSPORT_CONNECT,
                 (struct control_message){.transport_connect = {h, party->id, 0, {1}}}),
             -EALREADY);
    CHECK_EQ(
        ask(CONTROL_TRANSPORT_RESTART, (struct control_message){.transport_restart = {h, none, 1}}),
        -ENOENT);
    CHECK_EQ(ask(CONTROL_TRANSPORT_RESTART,
                 (struct control_message){.transport_restart = {h, party->id, 1}}),
             0);
    CHECK_EQ(ask(CONTROL_STREAM_REMOVE, (struct control_message){.stream = {h, party->id, none}}),
             0);
    CHECK_EQ(ask(CONTROL_STREAM_ADD, (struct control_message){.stream_add = {.hearing = h}}),
             -ENOENT);
    CHECK_EQ(ask(CONTROL_STREAM_ADD,
                 (struct control_message){.stream_add = {.hearing = h, .peer = judge->id}}),
             -EINVAL);
    CHECK_EQ(stage_publish(&s, party, CONTROL_AUDIO, false), 0); /* said again */
    CHECK_EQ(stage_seat(&s, judge, 9, CONTROL_AUDIO, audio), -ENOENT);
    CHECK_EQ(stage_seat(&s, judge, 0, CONTROL_AUDIO, none), -ENOENT);
    CHECK_EQ(stage_seat(&s, judge, 0, CONTROL_VIDEO, audio), -EINVAL);
    CHECK_EQ(stage_seat(&s, party, 0, CONTROL_AUDIO, audio), -EACCES);
    CHECK_EQ(passes(party, judge), 2);
    const struct control_message close = {.type = CONTROL_HEARING_CLOSE, .hearing = {h}};
    CHECK_EQ(stage_request(&s, &close, -1, NULL), 0);
    CHECK_EQ(stage_request(&s, &close, -1, NULL), 0);
    CHECK_EQ(passes(party, judge), 0);
    stage_close(&s);
}

/* Streams are refused over their bound, with an SSRC of another peer, or an id in use. */
static void bounds_streams(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    struct control_message m = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = STAGE_HEARING,
                       .peer = party->id,
                       .kind = CONTROL_AUDIO,
                       .codec_count = 1,
                       .codecs = {{CODEC_OPUS, 111, 0}},
                       .encoding_count = 1},
    };
    m.stream_add.stream = 50;
    m.stream_add.encodings[0].ssrc = page_ssrc(judge, CONTROL_AUDIO);
    CHECK_EQ(stage_request(&s, &m, -1, NULL), -EEXIST);
    m.stream_add.stream = page_stream_id(judge, CONTROL_AUDIO);
    m.stream_add.encodings[0].ssrc = 50;
    CHECK_EQ(stage_request(&s, &m, -1, NULL), -EEXIST);
    for (uint32_t i = 2; i < LIMIT_STREAMS_PER_PEER; i++) {
        m.stream_add.stream = 50 + i;
        m.stream_add.encodings[0].ssrc = 50 + i;
        CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    }
    m.stream_add.stream = 90;
    m.stream_add.encodings[0].ssrc = 90;
    CHECK_EQ(stage_request(&s, &m, -1, NULL), -ENOSPC);
    stage_close(&s);
}

static void bounds_peers(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    struct control_message m = {.type = CONTROL_PEER_ADD,
                                .peer_add = {STAGE_HEARING, 0, 0, 0, 0, 1}};
    for (uint64_t i = 1; i <= LIMIT_PEERS_PER_HEARING; i++) {
        m.peer_add.peer = i;
        CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    }
    m.peer_add.peer = LIMIT_PEERS_PER_HEARING + 1;
    CHECK_EQ(stage_request(&s, &m, -1, NULL), -ENOSPC);
    m.peer_add.peer = 1; /* takes its own place */
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    stage_close(&s);
}

/* RTP under an SSRC that another peer announced goes nowhere, and neither does an unknown one. */
static void refuses_foreign_ssrcs(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    struct page *expert =
        stage_join(&s, 2, CONTROL_ROLE_EXPERT, CONTROL_ROOM_COURTROOM, 0, 1, true);
    const uint64_t id = expert->id;
    unsigned before = page_packets(judge);
    expert->id = party->id; /* sends as if it were the party */
    page_send(&s, expert, CONTROL_AUDIO, seq++, 0, false);
    expert->id = id;
    page_send(&s, expert, CONTROL_AUDIO, seq++, 0, false); /* nothing announced at all */
    CHECK_EQ(page_packets(judge), before);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_UNROUTED], 2);
    CHECK_EQ(passes(party, judge), 2);
    stage_close(&s);
}

/* Who floods us with its own stream, taken in full by nobody, is heard again when it stops. */
static void drops_a_flood(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    s.c.now_us += 1000000;
    unsigned before = page_packets(judge);
    enum { OVER = 20 };
    for (unsigned i = 0; i < LIMIT_PEER_PACKETS + OVER; i++)
        page_send(&s, party, CONTROL_AUDIO, seq++, 0, false);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_FLOOD], OVER);
    CHECK(page_packets(judge) - before <= LIMIT_PEER_PACKETS);
    s.c.now_us += 1000000;
    CHECK_EQ(passes(party, judge), 2);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_FLOOD], OVER);
    stage_close(&s);
}

/* Without a free buffer a datagram is dropped and counted as that, not as somebody's junk. */
static void counts_what_it_has_no_buffer_for(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    CHECK_EQ(passes(party, judge), 2);
    static struct packet *taken[1024];
    size_t count = 0;
    while (packet_take(s.c.pool, &taken[count]) == 0)
        CHECK(++count < 1024);
    uint64_t junk = s.c.counters[CONTROL_METRIC_DROPPED_JUNK];
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_POOL], 0);
    CHECK_EQ(passes(party, judge), 0);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_POOL], 2);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_JUNK], junk);
    while (count > 0)
        packet_unref(taken[--count]);
    CHECK_EQ(passes(party, judge), 2);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_DROPPED_POOL], 2);
    stage_close(&s);
}

/* A restarted signaling is told everything that is there. */
static void tells_presence(void)
{
    struct page *party, *judge;
    begin(&party, &judge);
    const struct control_message m = {.type = CONTROL_PRESENT_END};
    CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
    CHECK_EQ(stage_count(&s, CONTROL_HEARING_PRESENT), 1);
    CHECK_EQ(stage_count(&s, CONTROL_PEER_PRESENT), 2);
    CHECK_EQ(stage_count(&s, CONTROL_STREAM_PRESENT), 4);
    CHECK_EQ(stage_count(&s, CONTROL_TRANSPORT_STATE), 4);
    CHECK_EQ(stage_count(&s, CONTROL_SEAT_SWITCHED), 2);
    CHECK_EQ(stage_last(&s, CONTROL_TRANSPORT_STATE)->transport_state.phase,
             CONTROL_TRANSPORT_CONNECTED);
    stage_close(&s);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    int succeeded = 0;
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = build();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            CHECK(n > 20);
            return 0;
        }
        succeeded += r == 0; /* larger socket buffers are a wish, for one */
        CHECK(succeeded < 16);
    }
#else
    CHECK_EQ(build(), 0);
    denies_by_default();
    every_cell_counts();
    ends_at_once();
    screens_one_from_one();
    stays_ended_until_set_again();
    cuts_what_waits();
    paused_stream_is_silent();
    replaces_a_peer();
    answers_the_absurd();
    bounds_streams();
    bounds_peers();
    refuses_foreign_ssrcs();
    drops_a_flood();
    counts_what_it_has_no_buffer_for();
    tells_presence();
    return 0;
#endif
}
