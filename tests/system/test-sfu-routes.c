/* The real media core and three scripted pages: what is routed arrives whole and without a hole,
 * and what is not routed does not arrive at all. SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "peer/crowd.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define HEARING   0x4ea1ull
#define ROOM      1
#define LOBBY     2

enum { JUDGE, PARTY, WITNESS, PEOPLE };

static const struct control_peer_add people[PEOPLE] = {
    {HEARING, 0xa, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, ROOM, 4},
    {HEARING, 0xb, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, ROOM, 4},
    {HEARING, 0xc, CONTROL_ROLE_WITNESS, CONTROL_ROOM_WAITING, LOBBY, 4},
};

static struct desk *desk;
static struct crowd *crowd;
static struct page *pages[PEOPLE];

#define ALL_ROLES ((1u << CONTROL_ROLE_COUNT) - 1)

/* In the courtroom everybody receives everybody, or nobody anybody. */
static void set_matrix(bool open)
{
    struct control_message m = {.type = CONTROL_MATRIX, .matrix = {.hearing = HEARING}};
    for (int role = 0; role < CONTROL_ROLE_COUNT; role++)
        m.matrix.receivers[CONTROL_ROOM_COURTROOM][role] = open ? ALL_ROLES : 0;
    CHECK_EQ(desk_ask(desk, &m, NULL), 0);
}

static uint64_t stream_id(int who, enum control_kind kind)
{
    return 0x100u + 2u * (unsigned)who + kind;
}

static uint32_t flow_id(int who, enum control_kind kind)
{
    return 0x500u + 2u * (uint32_t)who + kind;
}

static void publish(int who)
{
    struct flow_options audio = {.kind = CONTROL_AUDIO,
                                 .id = flow_id(who, CONTROL_AUDIO),
                                 .ssrc = 1000u + (uint32_t)who,
                                 .payload_type = 111,
                                 .ext_transport_cc = 4,
                                 .ext_audio_level = 10,
                                 .packets_per_frame = 1,
                                 .frames_per_s = 50,
                                 .payload_len = 120,
                                 .level_dbov = 30,
                                 .first_seq = (uint16_t)(65500 + who)};
    struct flow_options video = {.kind = CONTROL_VIDEO,
                                 .id = flow_id(who, CONTROL_VIDEO),
                                 .ssrc = 2000u + (uint32_t)who,
                                 .payload_type = 96,
                                 .ext_transport_cc = 4,
                                 .packets_per_frame = 5,
                                 .frames_per_s = 30,
                                 .payload_len = 1000,
                                 .first_seq = (uint16_t)(65400 + who)};
    CHECK_EQ(page_publish(crowd, pages[who], stream_id(who, CONTROL_AUDIO), &audio), 0);
    CHECK_EQ(page_publish(crowd, pages[who], stream_id(who, CONTROL_VIDEO), &video), 0);
}

/* Shows `who` (-1: nobody) to `viewer` and waits until it does. Returns SEAT_SWITCHED's status. */
static int watch(int viewer, uint8_t seat, enum control_kind kind, int who)
{
    uint64_t wanted = who < 0 ? 0 : stream_id(who, kind), end_us = clock_now_us() + 5 * SECOND_US;
    const struct control_message *before = desk_last(desk, CONTROL_SEAT_SWITCHED, 0);
    CHECK_EQ(page_watch(crowd, pages[viewer], seat, kind, wanted), 0);
    for (;;) {
        const struct control_message *m = desk_last(desk, CONTROL_SEAT_SWITCHED, pages[viewer]->id);
        if (m && m != before && m->seat_switched.seat == seat && m->seat_switched.kind == kind)
            return m->seat_switched.status;
        CHECK(crowd_step(crowd, end_us));
    }
}

static void join_all(void)
{
    CHECK_EQ(desk_open_hearing(desk, HEARING, -1), 0);
    for (int i = 0; i < PEOPLE; i++) {
        CHECK_EQ(crowd_admit(crowd, &people[i], &pages[i]), 0);
        publish(i);
    }
}

/* Whole, without a hole, `who`'s and nobody else's. */
static void check_seat(int viewer, uint8_t seat, enum control_kind kind, int who, uint64_t least)
{
    const struct page_inbound *in = page_seat(pages[viewer], seat, kind);
    CHECK(in);
    CHECK(in->packets >= least);
    CHECK_EQ(in->opened, in->packets);
    CHECK_EQ(in->bad, 0);
    CHECK_EQ(in->lost, 0);
    CHECK_EQ(in->late, 0);
    CHECK_EQ(in->skipped, 0);
    CHECK_EQ(in->flow, flow_id(who, kind));
}

static uint64_t packets_of(int viewer, uint8_t seat, enum control_kind kind)
{
    const struct page_inbound *in = page_seat(pages[viewer], seat, kind);
    return in ? in->packets : 0;
}

static void until_more(int viewer, uint8_t seat, enum control_kind kind, uint64_t more)
{
    uint64_t end_us = clock_now_us() + 5 * SECOND_US,
             wanted = packets_of(viewer, seat, kind) + more;
    while (packets_of(viewer, seat, kind) < wanted)
        CHECK(crowd_step(crowd, end_us));
}

/* routed_streams_arrive_bit_exact_and_continuous */
static void routed_streams_arrive_whole(void)
{
    for (int kind = 0; kind < 2; kind++) {
        CHECK_EQ(watch(JUDGE, 0, kind, PARTY), 0);
        CHECK_EQ(watch(PARTY, 0, kind, JUDGE), 0);
    }
    crowd_run(crowd, 2 * SECOND_US);
    for (int viewer = JUDGE; viewer <= PARTY; viewer++) {
        check_seat(viewer, 0, CONTROL_AUDIO, PARTY - viewer, 90);
        check_seat(viewer, 0, CONTROL_VIDEO, PARTY - viewer, 270);
        CHECK_EQ(pages[viewer]->strays, 0);
        CHECK(pages[viewer]->asked.plis + pages[viewer]->asked.firs >= 1);
        CHECK(pages[viewer]->asked.transport_feedbacks >= 5);
        CHECK(pages[viewer]->asked.sender_reports >= 1);
        CHECK(pages[viewer]->asked.receiver_reports >= 1);
    }
}

/* witness_in_waiting_room_receives_not_one_packet, though it asks, and nobody receives it. */
static void other_room_receives_nothing(void)
{
    for (int kind = 0; kind < 2; kind++) {
        CHECK_EQ(watch(WITNESS, 0, kind, JUDGE), -EACCES);
        CHECK_EQ(watch(JUDGE, 1, kind, WITNESS), -EACCES);
    }
    until_more(JUDGE, 0, CONTROL_VIDEO, 150);
    CHECK_EQ(page_received(pages[WITNESS]), 0);
    CHECK_EQ(packets_of(JUDGE, 1, CONTROL_VIDEO) + packets_of(JUDGE, 1, CONTROL_AUDIO), 0);
}

/* Whatever was sent after `cut_us` is not seen in the seat. */
static void check_cut(int viewer, uint8_t seat, uint64_t cut_us)
{
    crowd_run(crowd, 300000);
    for (int kind = 0; kind < 2; kind++) {
        const struct page_inbound *in = page_seat(pages[viewer], seat, kind);
        CHECK(in && in->newest_sent_us <= cut_us);
    }
}

/* matrix_change_cuts_within_one_packet: of all that is sent after the answer, nothing arrives. */
static void matrix_cuts(void)
{
    set_matrix(false);
    uint64_t cut_us = clock_now_us();
    check_cut(JUDGE, 0, cut_us);
    check_cut(PARTY, 0, cut_us);
    CHECK_EQ(watch(JUDGE, 0, CONTROL_AUDIO, PARTY), -EACCES);

    set_matrix(true);
    for (int kind = 0; kind < 2; kind++) {
        CHECK_EQ(watch(JUDGE, 0, kind, PARTY), 0);
        CHECK_EQ(watch(PARTY, 0, kind, JUDGE), 0);
    }
    until_more(JUDGE, 0, CONTROL_VIDEO, 100);
    until_more(PARTY, 0, CONTROL_VIDEO, 100);
}

static void move(int who, enum control_room_kind kind, uint32_t room)
{
    struct control_message m = {.type = CONTROL_PEER_MOVE,
                                .peer_move = {.hearing = HEARING,
                                              .peer = people[who].peer,
                                              .room_kind = (uint8_t)kind,
                                              .room = room}};
    CHECK_EQ(desk_ask(desk, &m, NULL), 0);
}

/* Moved out of the room, a party neither receives nor is received; the witness called in does. */
static void moves_cut_and_connect(void)
{
    move(PARTY, CONTROL_ROOM_WAITING, LOBBY);
    uint64_t cut_us = clock_now_us();
    check_cut(JUDGE, 0, cut_us);
    check_cut(PARTY, 0, cut_us);

    move(WITNESS, CONTROL_ROOM_COURTROOM, ROOM);
    for (int kind = 0; kind < 2; kind++) {
        CHECK_EQ(watch(WITNESS, 0, kind, JUDGE), 0);
        CHECK_EQ(watch(JUDGE, 0, kind, WITNESS), 0);
    }
    until_more(WITNESS, 0, CONTROL_VIDEO, 100);
    check_seat(WITNESS, 0, CONTROL_VIDEO, JUDGE, 100);
    move(PARTY, CONTROL_ROOM_COURTROOM, ROOM);
    CHECK_EQ(watch(PARTY, 0, CONTROL_VIDEO, JUDGE), 0);
}

/* Switched to and fro, a seat stays one stream without a gap in its numbers, and each new picture
 * begins with a key frame. */
static void seat_switches_are_seamless(void)
{
    const struct page_inbound *video = page_seat(pages[JUDGE], 0, CONTROL_VIDEO);
    uint64_t before = video->switches;
    for (int i = 0; i < 20; i++) {
        int who = i % 2 ? WITNESS : PARTY;
        CHECK_EQ(watch(JUDGE, 0, CONTROL_VIDEO, who), 0);
        CHECK_EQ(watch(JUDGE, 0, CONTROL_AUDIO, who), 0);
        until_more(JUDGE, 0, CONTROL_VIDEO, 20);
        until_more(JUDGE, 0, CONTROL_AUDIO, 3);
        CHECK_EQ(video->flow, flow_id(who, CONTROL_VIDEO));
    }
    CHECK_EQ(video->switches, before + 20);
    CHECK_EQ(video->switches_on_key, video->switches);
    CHECK_EQ(video->lost, 0);
    CHECK_EQ(video->late, 0);
    CHECK_EQ(video->bad, 0);
    const struct page_inbound *audio = page_seat(pages[JUDGE], 0, CONTROL_AUDIO);
    CHECK_EQ(audio->lost, 0);
    CHECK_EQ(audio->bad, 0);
    CHECK_EQ(watch(JUDGE, 0, CONTROL_VIDEO, -1), 0); /* emptied: silence */
    uint64_t cut_us = clock_now_us();
    crowd_run(crowd, 200000);
    CHECK(video->newest_sent_us <= cut_us);
}

/* A page that goes on from another address, and one that restarts ICE, lose next to nothing. */
static void page_changes_its_network(void)
{
    CHECK_EQ(watch(JUDGE, 0, CONTROL_VIDEO, PARTY), 0);
    struct control_message m = {.type = CONTROL_TRANSPORT_RESTART,
                                .transport_restart = {.hearing = HEARING,
                                                      .peer = people[PARTY].peer,
                                                      .direction = CONTROL_UP}},
                           answer;
    CHECK_EQ(desk_ask(desk, &m, &answer), 0);
    CHECK_EQ(answer.type, CONTROL_TRANSPORT_RESTARTED);
    CHECK_EQ(link_restart(pages[PARTY]->links[CONTROL_UP], &answer.transport_restarted.ice), 0);
    pages[PARTY]->due_us = 0;
    until_more(JUDGE, 0, CONTROL_VIDEO, 200);
    CHECK_EQ(page_seat(pages[JUDGE], 0, CONTROL_VIDEO)->lost, 0);
}

/* A page that leaves says so, and the others are told why it is gone. */
static void leaving_is_told(void)
{
    link_close(pages[PARTY]->links[CONTROL_UP]);
    uint64_t end_us = clock_now_us() + 5 * SECOND_US;
    for (;;) {
        const struct control_message *m =
            desk_last(desk, CONTROL_TRANSPORT_STATE, people[PARTY].peer);
        if (m && m->transport_state.phase == CONTROL_TRANSPORT_CLOSED)
            break;
        CHECK(crowd_step(crowd, end_us));
    }
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    const struct crowd_options options = {
        .pages_max = PEOPLE, .open_every = 1, .reports = true, .nacks = true};
    CHECK_EQ(desk_start(argv[1], 2, &desk), 0);
    CHECK_EQ(crowd_create(desk, &options, &crowd), 0);
    join_all();
    routed_streams_arrive_whole();
    other_room_receives_nothing();
    matrix_cuts();
    moves_cut_and_connect();
    seat_switches_are_seamless();
    page_changes_its_network();
    leaving_is_told();
    crowd_destroy(crowd);
    CHECK_EQ(desk_end(desk), 0);
    return 0;
}
