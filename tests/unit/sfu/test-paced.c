/* Key frames towards a slow line beside a fast one, through everything but the worker's thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "sfu/pacer.h"
#include "sfu/room.h"
#include "sfu/transmit.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define KBPS    1000u
#define MS      1000ull
#define PACKETS 30u
#define LEN     1100u

static struct stage s;

/* Who speaks, who hears over a slow line, and over a fast one. */
static struct page *speaker, *slow, *fast;
static uint16_t seq, sound_seq;

static struct subscriber *subscriber(const struct page *p)
{
    size_t cursor = 0;
    return &room_find_peer(table_next(s.rooms, &cursor), p->id)->subscriber;
}

/* The way to it is taken to carry so much; `met`: it showed that it ends there. The estimator is
 * test-bwe's. */
static void carries(const struct page *p, uint32_t bps, bool met)
{
    struct downlink *d = &subscriber(p)->downlink;
    d->heard = d->estimated = true;
    d->bwe.estimate_bps = bps;
    d->bwe.reduced_us = met ? s.c.now_us : 0;
    d->untold_us = 0;
}

static unsigned pictures(const struct page *p)
{
    return page_seat(p, 0, CONTROL_VIDEO)->packets;
}

static void pass(uint64_t duration_us)
{
    for (; duration_us > 0; duration_us -= 20 * MS) {
        stage_pass(&s, 20 * MS);
        subscriber(slow)->downlink.untold_us = 0; /* they tell of all they get */
        subscriber(fast)->downlink.untold_us = 0;
    }
}

/* So many packets of one picture, read in one batch. */
static void send_picture(unsigned packets, bool key)
{
    s.gathers = true;
    for (unsigned i = 0; i < packets; i++) {
        uint8_t payload[LEN] = {0x10, key && i == 0 ? 0 : 1, 0, 0, 0x9d, 1, 0x2a, 64, 1, 104, 1};
        payload[0] = i == 0 ? 0x10 : 0;
        page_send_bytes(&s, speaker, CONTROL_VIDEO, seq++, STAGE_PT_VP8, payload, sizeof(payload));
    }
    s.gathers = false;
    stage_settle(&s);
}

static void begin(void)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    slow = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    fast = stage_join(&s, 1, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    speaker = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    seq = 100;
    sound_seq = 7;
    struct page *viewers[] = {slow, fast};
    for (int kind = CONTROL_AUDIO; kind <= CONTROL_VIDEO; kind++) {
        CHECK_EQ(stage_publish(&s, speaker, (enum control_kind)kind, false), 0);
        for (int i = 0; i < 2; i++)
            CHECK_EQ(stage_seat(&s, viewers[i], 0, (enum control_kind)kind,
                                page_stream_id(speaker, (enum control_kind)kind)),
                     1);
    }
    carries(slow, 500 * KBPS, true);
    carries(fast, 500 * KBPS, false); /* it is sent little, and that is all that is known */
    pass(100 * MS);
    send_picture(1, true);
    pass(500 * MS);
    CHECK_EQ(pictures(slow), 1);
    CHECK_EQ(pictures(fast), 1);
}

/* A key frame that the slow line would carry in half a second: the fast one has it at once, the
 * slow one bit by bit and in order, and sound goes past it. */
static void key_frame_is_spread(void)
{
    begin();
    uint16_t first = page_seat(slow, 0, CONTROL_VIDEO)->last.seq;
    send_picture(PACKETS, true);
    CHECK_EQ(pictures(fast), 1 + PACKETS);
    unsigned at_once = pictures(slow) - 1;
    CHECK(at_once >= 2 && at_once <= 5);
    unsigned before = at_once;
    for (unsigned i = 0; i < 10; i++) {
        page_send(&s, speaker, CONTROL_AUDIO, sound_seq, sound_seq * 960u, false);
        sound_seq++;
        CHECK_EQ(page_seat(slow, 0, CONTROL_AUDIO)->packets, i + 1);
        pass(20 * MS);
        unsigned now = pictures(slow) - 1;
        CHECK(now > before && now - before <= 4); /* 1.5 to 2 times the estimate */
        CHECK_EQ((uint16_t)(page_seat(slow, 0, CONTROL_VIDEO)->last.seq - first), now);
        before = now;
    }
    CHECK(before < PACKETS);
    pass(LIMIT_PACED_MS * MS);
    CHECK_EQ(pictures(slow), 1 + PACKETS);
    CHECK_EQ((uint16_t)(page_seat(slow, 0, CONTROL_VIDEO)->last.seq - first), PACKETS);
    CHECK(list_is_empty(&s.c.paced));
    CHECK(!subscriber(fast)->pacer.items);
    stage_close(&s);
}

/* Of the speaker not one packet more: paused, the seat emptied, the speaker gone, the viewer gone.
 */
static void stops_at_once(void)
{
    for (unsigned how = 0; how < 4; how++) {
        begin();
        send_picture(PACKETS / 2, false);
        send_picture(PACKETS / 2, true); /* all of it waits */
        unsigned before = pictures(slow);
        CHECK(before < PACKETS);
        struct control_message m = {.type = CONTROL_STREAM_PAUSE,
                                    .stream_pause = {STAGE_HEARING, speaker->id,
                                                     page_stream_id(speaker, CONTROL_VIDEO), true}};
        if (how > 0)
            m = (struct control_message){
                .type = CONTROL_PEER_REMOVE,
                .peer = {STAGE_HEARING, how == 1 ? speaker->id : slow->id}};
        if (how == 3)
            CHECK_EQ(stage_seat(&s, slow, 0, CONTROL_VIDEO, 0), 0);
        else
            CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
        transmit_paced(&s.c);
        if (how == 0) { /* nor when it goes on: a key frame of then opens it */
            m.stream_pause.paused = false;
            CHECK_EQ(stage_request(&s, &m, -1, NULL), 0);
        }
        if (how == 2)
            stage_pass(&s, 600 * MS);
        else
            pass(600 * MS);
        CHECK_EQ(pictures(slow), before);
        if (how == 0) {
            send_picture(1, false);
            CHECK_EQ(pictures(slow), before);
            send_picture(1, true);
            CHECK_EQ(pictures(slow), before + 1);
        }
        stage_close(&s);
    }
}

/* More than may wait: the picture is left out up to a key frame that is asked for, without a hole
 * in the numbers. */
static void too_much_is_left_out(void)
{
    begin();
    unsigned plis = speaker->asked.plis;
    uint16_t first = page_seat(slow, 0, CONTROL_VIDEO)->last.seq;
    for (unsigned i = 0; i < 12; i++)
        send_picture(PACKETS, i == 0);
    CHECK_EQ(pictures(fast), 1 + 12 * PACKETS);
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PACED_DROPPED], 1);
    CHECK(pictures(slow) < 10);
    pass(5000 * MS); /* it counted as too dear a picture for a moment */
    unsigned before = pictures(slow);
    CHECK(before < 10);
    CHECK(speaker->asked.plis > plis);
    send_picture(1, false);
    CHECK_EQ(pictures(slow), before);
    send_picture(1, true);
    CHECK_EQ(pictures(slow), before + 1);
    CHECK_EQ((uint16_t)(page_seat(slow, 0, CONTROL_VIDEO)->last.seq - first), before);
    stage_close(&s);
}

/* A train is made of what waits, not of padding; and it does not let all of it go. */
static void train_takes_what_waits(void)
{
    begin();
    send_picture(PACKETS, true);
    unsigned before = pictures(slow);
    prober_tick(&subscriber(slow)->prober, 500 * KBPS, 10000 * KBPS, PROBER_EAGER, 0, s.c.now_us);
    pass(20 * MS);
    unsigned taken = pictures(slow) - before;
    CHECK(taken >= 4 && taken <= 8); /* two bursts of 2,500 bytes */
    CHECK_EQ(s.c.counters[CONTROL_METRIC_PADDING_SENT], 0);
    stage_close(&s);
}

/* What waits holds no packets where they are wanted. */
static void nothing_waits_when_packets_are_scarce(void)
{
    begin();
    send_picture(PACKETS, true);
    CHECK(pictures(slow) < 10);
    struct packet *taken[512];
    size_t count = 0;
    while (!packet_pool_is_scarce(s.c.pool))
        CHECK_EQ(packet_take(s.c.pool, &taken[count++]), 0);
    pass(20 * MS);
    CHECK_EQ(pictures(slow), 1 + PACKETS);
    while (count > 0)
        packet_unref(taken[--count]);
    stage_close(&s);
}

int main(void)
{
    key_frame_is_spread();
    stops_at_once();
    too_much_is_left_out();
    train_takes_what_waits();
    nothing_waits_when_packets_are_scarce();
    return 0;
}
