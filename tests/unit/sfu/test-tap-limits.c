/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/tap.h"

#include <string.h>

#include "common/bytes.h"
#include "common/ring.h"
#include "unit/check.h"

#define SECOND_US 1000000ull

/* What one peer can have written on a tape, whatever it sends. */

static struct context c;
static struct tap tap;
static struct ring *ring;

/* How many records of each kind were read since the last look. */
static unsigned seen[RING_PRODUCER + 1];

static void look(void)
{
    memset(seen, 0, sizeof(seen));
    struct ring_record record;
    int r;
    while ((r = ring_next(ring, &record)) == 1)
        seen[record.kind]++;
    CHECK_EQ(r, 0);
    ring_release(ring);
}

static void begin(void)
{
    c = (struct context){.now_us = 1000 * SECOND_US};
    CHECK_EQ(ring_create(LIMIT_RING_BYTES, &ring), 0);
    CHECK_EQ(tap_attach(&tap, &c, ring_fd(ring)), 0);
    look();
}

static void end(void)
{
    tap_finish(&tap);
    tap = (struct tap){0};
    ring_destroy(ring);
}

static struct tap_source camera_of(uint64_t peer)
{
    return (struct tap_source){peer, 16 * peer, CONTROL_VIDEO, CONTROL_SOURCE_CAMERA};
}

/* A packet of `len` bytes. */
static void put(struct tap_track *track, uint64_t peer, uint16_t seq, enum codec codec,
                uint16_t len)
{
    static uint8_t bytes[PACKET_BYTES];
    const struct packet packet = {
        .data = bytes,
        .len = len,
        .arrived_us = c.now_us,
        .rtp = {.seq = seq, .ssrc = 77, .payload_type = codec == CODEC_VP8 ? 96 : 98},
        .payload = {.codec = codec},
    };
    const struct tap_source source = camera_of(peer);
    tap_packet(&tap, &c, track, &source, &packet, false);
}

/* Publishes, sends one packet, and takes it back. Returns whether that packet was taken. */
static bool publish_once(uint64_t peer)
{
    struct tap_track track = {0};
    put(&track, peer, 1, CODEC_VP8, 100);
    tap_end(&tap, &c, &track, 16 * peer);
    look();
    CHECK_EQ(seen[RING_TRACK], seen[RING_RTP]);
    CHECK_EQ(seen[RING_TRACK], seen[RING_TRACK_END]);
    return seen[RING_RTP] == 1;
}

/* A page that changes codecs with every packet is told of once a second; in between one of them is
 * recorded, and what is not is counted. */
static void tells_codecs_once_a_second(void)
{
    begin();
    struct tap_track track = {0};
    enum { PACKETS = 5000, SECONDS = 10 };
    for (unsigned i = 0; i < SECONDS * PACKETS; i++) {
        put(&track, 1, (uint16_t)i, i % 2 ? CODEC_H264 : CODEC_VP8, 100);
        c.now_us += SECOND_US / PACKETS;
    }
    look();
    CHECK(seen[RING_TRACK] >= SECONDS - 1 && seen[RING_TRACK] <= SECONDS);
    CHECK(seen[RING_RTP] >= SECONDS * PACKETS / 2);
    CHECK_EQ(seen[RING_RTP] + c.counters[CONTROL_METRIC_DROPPED_FLOOD], SECONDS * PACKETS);
    end();
}

/* One that changes its codec and keeps it loses nothing. */
static void follows_a_codec(void)
{
    begin();
    struct tap_track track = {0};
    for (uint16_t i = 0; i < 100; i++) {
        put(&track, 1, i, i < 50 ? CODEC_VP8 : CODEC_H264, 100);
        c.now_us += SECOND_US / 25;
    }
    look();
    CHECK_EQ(seen[RING_TRACK], 2);
    CHECK_EQ(seen[RING_RTP], 100);
    CHECK_EQ(c.counters[CONTROL_METRIC_DROPPED_FLOOD], 0);
    end();
}

/* A page that publishes and takes back in a loop begins so many tracks and no more, nor with other
 * codecs of an old one; others are not told apart for it. Later it may again. */
static void bounds_tracks(void)
{
    begin();
    struct tap_track old = {0};
    put(&old, 1, 1, CODEC_VP8, 100);
    look();
    for (int i = 1; i < LIMIT_TRACKS_AT_ONCE; i++)
        CHECK(publish_once(1));
    for (int i = 0; i < 1000; i++)
        CHECK(!publish_once(1));
    CHECK_EQ(c.counters[CONTROL_METRIC_DROPPED_FLOOD], 1000);
    CHECK_EQ(tap.last_track, LIMIT_TRACKS_AT_ONCE);
    c.now_us += 2 * LIMIT_TRACK_CODEC_MS * 1000ull;
    put(&old, 1, 2, CODEC_H264, 100);
    put(&old, 1, 3, CODEC_VP8, 100);
    look();
    CHECK_EQ(seen[RING_TRACK], 0);
    CHECK_EQ(seen[RING_RTP], 1); /* as it began it goes on */
    CHECK(publish_once(2));
    c.now_us += LIMIT_TRACK_INTERVAL_MS * 1000ull;
    CHECK(publish_once(1));
    CHECK(!publish_once(1));
    c.now_us += (uint64_t)LIMIT_TRACKS_AT_ONCE * LIMIT_TRACK_INTERVAL_MS * 1000;
    for (int i = 0; i < LIMIT_TRACKS_AT_ONCE; i++)
        CHECK(publish_once(1));
    CHECK(!publish_once(1));
    end();
}

/* A camera in three layers that is put off and on again every 12 s for hours, after somebody had
 * tried it a dozen times, is all on the tape. */
static void never_hits_who_means_well(void)
{
    begin();
    for (int i = 0; i < 12 * 3; i++) {
        CHECK(publish_once(1));
        c.now_us += SECOND_US / 3;
    }
    for (int i = 0; i < 2000; i++) {
        for (int layer = 0; layer < LIMIT_ENCODINGS; layer++)
            CHECK(publish_once(1));
        c.now_us += 12 * SECOND_US;
    }
    end();
}

/* So many at a time as a hearing has peers; the next one finds a place as soon as one is free. */
static void keeps_count_of_a_hearing(void)
{
    begin();
    for (uint64_t peer = 1; peer <= LIMIT_PEERS_PER_HEARING; peer++)
        CHECK(publish_once(peer));
    CHECK(!publish_once(LIMIT_PEERS_PER_HEARING + 1));
    CHECK(publish_once(1));
    c.now_us += LIMIT_TRACK_INTERVAL_MS * 1000ull;
    CHECK(publish_once(LIMIT_PEERS_PER_HEARING + 1));
    end();
}

/* A track that another tape is told of anew is none of its peer's. */
static void charges_nobody_for_another_tape(void)
{
    begin();
    struct tap_track track = {0};
    put(&track, 1, 1, CODEC_VP8, 100);
    look();
    for (int i = 1; i < LIMIT_TRACKS_AT_ONCE; i++)
        CHECK(publish_once(1));
    struct ring *other;
    CHECK_EQ(ring_create(1 << 16, &other), 0);
    CHECK_EQ(tap_attach(&tap, &c, ring_fd(other)), 0);
    ring_destroy(ring);
    ring = other;
    put(&track, 1, 2, CODEC_VP8, 100);
    look();
    CHECK_EQ(seen[RING_TRACK], 1);
    CHECK_EQ(seen[RING_RTP], 1);
    end();
}

/* Reports that follow close on each other are left out. */
static void thins_reports(void)
{
    begin();
    struct tap_track track = {0};
    put(&track, 1, 1, CODEC_VP8, 100);
    look();
    const struct tap_source source = camera_of(1);
    const struct tap_report report = {77, 1, 2};
    for (int ms = 0; ms < 10000; ms++) {
        tap_sender_report(&tap, &c, &track, &source, &report);
        c.now_us += 1000;
    }
    look();
    CHECK_EQ(seen[RING_SENDER_REPORT], 10000 / LIMIT_REPORT_MS);
    CHECK_EQ(seen[RING_TRACK], 10000 / LIMIT_REPORT_MS);
    end();
}

/* A peer that sends all it may, as small and with as many holes as makes most of it, for 11 s that
 * nobody reads: not one record is lost, so that nobody else's is. */
static void holds_the_worst_peer(void)
{
    begin();
    enum { TRACKS = LIMIT_STREAMS_PER_PEER * LIMIT_ENCODINGS };
    struct tap_track tracks[TRACKS] = {0};
    const struct tap_source source = camera_of(1);
    const struct tap_report report = {77, 1, 2};
    uint16_t seq = 0;
    for (unsigned i = 0; i < 11 * LIMIT_PEER_PACKETS; i++, seq = (uint16_t)(seq + 2)) {
        struct tap_track *track = &tracks[i % TRACKS];
        put(track, 1, seq, CODEC_VP8, LIMIT_PEER_BYTES / LIMIT_PEER_PACKETS);
        tap_loss(&tap, &c, track, (uint16_t)(seq + 1), 1);
        tap_sender_report(&tap, &c, track, &source, &report);
        c.now_us += SECOND_US / LIMIT_PEER_PACKETS;
    }
    CHECK_EQ(c.counters[CONTROL_METRIC_RING_DROPPED], 0);
    look();
    CHECK_EQ(seen[RING_RTP], 11 * LIMIT_PEER_PACKETS);
    CHECK_EQ(seen[RING_LOSS], 11 * LIMIT_PEER_PACKETS);
    end();
}

int main(void)
{
    tells_codecs_once_a_second();
    follows_a_codec();
    bounds_tracks();
    never_hits_who_means_well();
    keeps_count_of_a_hearing();
    charges_nobody_for_another_tape();
    thins_reports();
    holds_the_worst_peer();
    return 0;
}
