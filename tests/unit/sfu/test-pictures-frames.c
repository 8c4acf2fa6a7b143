/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "sfu/pictures.h"
#include "sfu/room.h"
#include "unit/check.h"
#include "unit/sfu/stage.h"

#define KBPS   1000u
#define SECOND 1000000ull
#define FRAMES 25 /* a second */
#define ALL    6u

static struct stage s;

/* Who looks, and who is looked at. */
static struct page *viewer, *two;
static uint16_t seq, picture;
static uint8_t tl0picidx;
static unsigned syncs; /* by layer, bits: its first frame of four builds on the lowest alone */

/* What the viewer got of it, frame by frame. */
static struct got {
    unsigned frames[3]; /* of each temporal layer */
    unsigned packets;
    uint16_t picture, seq; /* the last ones */
    bool begun;
} got;

static struct peer *peer_of(const struct page *p)
{
    size_t cursor = 0;
    struct room *room = table_next(s.rooms, &cursor);
    return room_find_peer(room, p->id);
}

/* The way to the viewer is taken to carry so much. The estimator is test-bwe's. */
static void carries(uint32_t bps)
{
    struct downlink *d = &peer_of(viewer)->subscriber.downlink;
    d->heard = d->estimated = true;
    d->bwe.estimate_bps = bps;
    d->untold_us = 0;
}

static void begin(uint8_t rank)
{
    CHECK_EQ(stage_open(&s), 0);
    stage_open_court(&s);
    viewer = stage_join(&s, 0, CONTROL_ROLE_JUDGE, CONTROL_ROOM_COURTROOM, 0, 2, true);
    two = stage_join(&s, 2, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0, 2, true);
    CHECK_EQ(stage_publish(&s, two, CONTROL_VIDEO, false), 0);
    CHECK_EQ(stage_seat(&s, viewer, 0, CONTROL_VIDEO, page_stream_id(two, CONTROL_VIDEO)), 1);
    const struct control_message view = {.type = CONTROL_SEAT_VIEW,
                                         .seat_view = {STAGE_HEARING, viewer->id, 0, rank, 720}};
    CHECK_EQ(stage_request(&s, &view, -1, NULL), 0);
    seq = 65000;
    picture = 32700; /* both wrap on the way */
    syncs = ALL;
    got = (struct got){0};
}

/* Notes what came of a packet: numbers and pictures go on without a hole. */
static void take(uint8_t tid, bool starts)
{
    const struct page_stream *seat = page_seat(viewer, 0, CONTROL_VIDEO);
    if (seat->packets == got.packets)
        return;
    CHECK_EQ(seat->packets, got.packets + 1);
    uint16_t id = (uint16_t)((seat->payload[2] & 0x7f) << 8 | seat->payload[3]);
    if (got.begun) {
        CHECK_EQ(seat->last.seq, (uint16_t)(got.seq + 1));
        CHECK_EQ(id, (got.picture + starts) & 0x7fff);
    }
    CHECK_EQ(seat->payload[5] >> 6, tid);
    got.packets = seat->packets;
    got.seq = seat->last.seq;
    got.picture = id;
    got.begun = true;
    got.frames[tid] += starts;
}

/* One frame of two packets, of the temporal layer `tid`. */
static void frame(uint8_t tid, bool sync, bool key)
{
    if (tid == 0)
        tl0picidx++;
    for (unsigned half = 0; half < 2; half++) {
        uint8_t payload[60] = {half == 0 ? 0x90 : 0x80,
                               0xe0, /* I, L, T */
                               (uint8_t)(0x80 | (picture >> 8 & 0x7f)),
                               (uint8_t)picture,
                               tl0picidx,
                               (uint8_t)(tid << 6 | (sync ? 0x20 : 0)),
                               key ? 0 : 1,
                               0,
                               0,
                               0x9d,
                               1,
                               0x2a,
                               64,
                               1,
                               104,
                               1};
        page_send_bytes(&s, two, CONTROL_VIDEO, seq++, STAGE_PT_VP8, payload, sizeof(payload));
        take(tid, half == 0);
    }
    picture = (picture + 1) & 0x7fff;
}

/* Of four frames one, one and two; as libwebrtc's. A key frame as soon as it is asked for. */
static void run(uint64_t duration_us)
{
    static const uint8_t layer[] = {0, 2, 1, 2};
    static unsigned plis, i;
    for (uint64_t end_us = s.c.now_us + duration_us; s.c.now_us < end_us; i++) {
        bool key = two->asked.plis != plis;
        plis = two->asked.plis;
        i = key ? 0 : i;
        uint8_t tid = layer[i % 4];
        frame(tid, i % 4 < 3 && syncs >> tid & 1, key);
        peer_of(viewer)->subscriber.downlink.untold_us = 0;
        stage_pass(&s, SECOND / FRAMES);
    }
}

/* Frames of each layer in the next four seconds. */
static void expect(unsigned lowest, unsigned middle, unsigned highest)
{
    got.frames[0] = got.frames[1] = got.frames[2] = 0;
    run(4 * SECOND);
    CHECK_EQ(got.frames[0], lowest);
    CHECK_EQ(got.frames[1], middle);
    CHECK_EQ(got.frames[2], highest);
}

/* Where all frames do not fit, half of them, then a quarter; and all again when they do. Nothing is
 * missed, nothing asked for: a receiver sees fewer frames, not losses. */
static void fewer_frames(void)
{
    begin(CONTROL_RANK_OTHER);
    carries(200 * KBPS);
    run(4 * SECOND);
    expect(25, 25, 50);
    unsigned plis = two->asked.plis;
    carries(20 * KBPS);
    run(SECOND);
    expect(25, 25, 0);
    carries(9 * KBPS);
    run(SECOND);
    expect(25, 0, 0);
    carries(200 * KBPS);
    run(SECOND);
    expect(25, 25, 50);
    CHECK_EQ(two->asked.plis, plis);
    stage_close(&s);
}

/* More frames only from one that builds on none of those left out, or from a key frame. */
static void more_frames_from_where_it_can(void)
{
    begin(CONTROL_RANK_OTHER);
    carries(200 * KBPS);
    run(4 * SECOND);
    carries(9 * KBPS);
    run(SECOND);
    expect(25, 0, 0);
    carries(200 * KBPS);
    for (syncs = 0; syncs <= 4; syncs += 4) { /* none, the highest alone */
        run(SECOND);
        expect(25, 0, 0);
    }
    two->asked.plis++; /* it begins anew by itself */
    run(SECOND);
    expect(25, 25, 50);
    carries(9 * KBPS);
    run(SECOND);
    carries(200 * KBPS);
    syncs = ALL;
    run(SECOND);
    expect(25, 25, 50);
    stage_close(&s);
}

/* Signs are not read at a few frames a second: all of them, or none. */
static void interpreter_keeps_all(void)
{
    begin(CONTROL_RANK_INTERPRETER);
    carries(200 * KBPS);
    run(4 * SECOND);
    carries(20 * KBPS);
    run(2 * SECOND);
    expect(0, 0, 0);
    carries(200 * KBPS);
    run(2 * SECOND);
    expect(25, 25, 50);
    stage_close(&s);
}

int main(void)
{
    fewer_frames();
    more_frames_from_where_it_can();
    interpreter_keeps_all();
    return 0;
}
