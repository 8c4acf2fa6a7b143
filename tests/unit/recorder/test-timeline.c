/* SPDX-License-Identifier: Apache-2.0 */
/* A tape's first reading: which legs there are, what was lost, where packets belong, picture moved
 * to sound by the sender reports. Built a second time, each allocation and system call of it fails
 * once in turn: then it says so, or finds the same. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/codecs.h"
#include "common/control.h"
#include "common/ring.h"
#include "recorder/timeline.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif
#include "unit/recorder/handtape.h"

#define PEER 0x0102030405060708u
/* The camera's frames are this much later on their way than sound. */
#define VIDEO_LATE_US 120000

static struct handtape tape;

/* One person's sound and picture from `from_us` on for 6 s; packet 100 of sound is lost. */
static void put_media(int64_t from_us)
{
    for (int64_t ms = 0; ms < 6000; ms += 20) {
        int64_t us = from_us + ms * 1000;
        if (ms != 2000)
            handtape_rtp(&tape, 1, (uint16_t)(ms / 20), (uint32_t)(ms * 48), us + 30000);
        if (ms % 40 == 0)
            handtape_rtp(&tape, 2, (uint16_t)(ms / 40), (uint32_t)(ms * 90),
                         us + 30000 + VIDEO_LATE_US);
        if (ms % 500 == 0) {
            handtape_report(&tape, 1, (uint32_t)(ms * 48), us);
            handtape_report(&tape, 2, (uint32_t)(ms * 90), us);
        }
    }
    handtape_flush(&tape, from_us + 6000000);
}

/* A media core, killed after 6 s and started again. */
static void make_tape(void)
{
    handtape_begin(&tape);
    for (int i = 0; i < 2; i++) {
        int64_t from_us = i * (int64_t)8000000;
        handtape_number(&tape, RING_PRODUCER, from_us, (uint64_t)i + 1);
        handtape_track(&tape, 1, PEER, 10, false, from_us);
        handtape_track(&tape, 2, PEER, 20, true, from_us);
        handtape_track(&tape, 2, PEER, 20, true, from_us); /* said twice, it is the same */
        put_media(from_us);
    }
    handtape_number(&tape, RING_OVERRUN, 15000000, 7);
    handtape_number(&tape, TAPE_GAP, 15000000, 1000);
    handtape_finish(&tape, 15000000);
}

/* What is compared. */
struct found {
    size_t legs;
    struct timeline_leg leg[4];
    struct timeline_faults faults;
    int64_t place[4];
    int notes;
};

static void on_note(void *context, int64_t at_us, const char *text, size_t len)
{
    (void)at_us, (void)len;
    *(int *)context += text != NULL;
}

/* A second reading: every packet is of the leg that the first one gave it. */
static int read_again(const struct timeline *t, size_t *ret_packets)
{
    CLEANUP(timeline_cursor_free) struct timeline_cursor *cursor = NULL;
    CLEANUP(tapereader_close) struct tapereader *r = NULL;
    int error = timeline_cursor_create(t, &cursor);
    if (!error)
        error = tapereader_open(tape.dir, 0, &r);
    if (error)
        return error;
    struct tape_block block;
    int more;
    size_t packets = 0;
    while ((more = tapereader_next(r, &block)) == 1) {
        struct reader left = reader_over(block.records, block.records_len);
        struct tape_record record;
        while (tape_record_decode(&left, &record) == 1) {
            size_t leg = timeline_cursor_leg(cursor, &record);
            bool second = timeline_record_us(t, tapereader_header(r), &record) >= 8000000;
            if (record.kind != RING_RTP)
                continue;
            packets++;
            CHECK_EQ(leg, record.track - 1 + (second ? 2 : 0));
        }
    }
    *ret_packets = packets;
    return more;
}

static int read_tape(struct found *found)
{
    CLEANUP(timeline_free) struct timeline *t = NULL;
    *found = (struct found){0};
    int error = timeline_read(tape.dir, on_note, &found->notes, &t);
    if (error) {
        CHECK(error < 0);
        CHECK(!t);
        return error;
    }
    size_t packets = 0;
    timeline_set_zero(t, HANDTAPE_START_US);
    error = read_again(t, &packets);
    if (error)
        return error;
    CHECK_EQ(packets, 2 * (299 + 150));
    found->legs = timeline_leg_count(t);
    found->faults = timeline_faults(t);
    for (size_t i = 0; i < found->legs && i < 4; i++) {
        found->leg[i] = *timeline_leg(t, i);
        /* Three seconds into the leg. */
        found->place[i] = timeline_place(t, i, i % 2 ? 75 : 150, i % 2 ? 270000 : 144000);
    }
    return 0;
}

static void test_reading(struct found *ret_found)
{
    struct found f;
    CHECK_EQ(read_tape(&f), 0);
    CHECK_EQ(f.legs, 4);
    CHECK_EQ(f.faults.overrun_packets, 7);
    CHECK_EQ(f.faults.ring_gaps, 1);
    CHECK_EQ(f.faults.damages, 0);
    CHECK(f.faults.sealed);
    for (size_t i = 0; i < 4; i++) {
        bool video = i % 2;
        CHECK_EQ(f.leg[i].peer, PEER);
        CHECK_EQ(f.leg[i].kind, video ? CONTROL_VIDEO : CONTROL_AUDIO);
        CHECK_EQ(f.leg[i].packets, video ? 150 : 299);
        CHECK_EQ(f.leg[i].lost, video ? 0 : 1);
        /* Sound where it arrived; the picture with it, though it arrived later. */
        int64_t should_us = (i < 2 ? 0 : 8000000) + 3030000;
        CHECK(llabs(f.place[i] - should_us) < 2000);
    }
    *ret_found = f;
}

#ifdef TEST_FAULTS
static bool is_same(const struct found *a, const struct found *b)
{
    bool same = a->legs == b->legs && a->faults.damages == b->faults.damages &&
                a->faults.bytes == b->faults.bytes && a->faults.sealed == b->faults.sealed;
    for (size_t i = 0; i < 4; i++)
        same = same && a->place[i] == b->place[i] && a->leg[i].packets == b->leg[i].packets &&
               a->leg[i].lost == b->leg[i].lost && a->leg[i].first_us == b->leg[i].first_us &&
               a->leg[i].last_us == b->leg[i].last_us;
    return same;
}

static void test_each_call(const struct found *right)
{
    int n = 0, refused = 0;
    for (bool failed = true; failed; n++) {
        struct found found;
        faults_fail_at(n);
        int error = read_tape(&found);
        failed = faults_happened();
        faults_fail_at(-1);
        if (error)
            refused++;
        else
            CHECK(is_same(&found, right));
    }
    printf("%d calls failed in turn, %d readings refused\n", n - 1, refused);
    CHECK(n > 30);
}
#else
/* As many legs as the bound says; of more it is told, and the rest stays whole. */
static void test_bound(void)
{
    for (size_t over = 0; over < 2; over++) {
        handtape_begin(&tape);
        for (uint32_t i = 0; i < LIMIT_TIMELINE_LEGS + over; i++) {
            handtape_track(&tape, i % 100, PEER, 1000 + i, false, i);
            if (i % 10000 == 9999)
                handtape_flush(&tape, i);
        }
        handtape_finish(&tape, LIMIT_TIMELINE_LEGS);
        CLEANUP(timeline_free) struct timeline *t = NULL;
        CHECK_EQ(timeline_read(tape.dir, NULL, NULL, &t), 0);
        CHECK_EQ(timeline_leg_count(t), LIMIT_TIMELINE_LEGS);
        CHECK_EQ(timeline_faults(t).tracks_left_out, over);
        handtape_remove(&tape);
    }
}

/* The block is damaged that says whose a number is from now on: what comes under it is nobody's
 * until that is said again, never another's. */
static void test_damage(void)
{
    handtape_begin(&tape);
    handtape_number(&tape, RING_PRODUCER, 0, 1);
    handtape_track(&tape, 1, PEER, 10, false, 0);
    handtape_rtp(&tape, 1, 1, 960, 1000);
    handtape_flush(&tape, 1000);
    uint64_t before = handtape_bytes(&tape);
    tape.producer = 2;
    handtape_number(&tape, RING_PRODUCER, 2000, 2);
    handtape_track(&tape, 1, PEER + 1, 11, false, 2000);
    handtape_flush(&tape, 2000);
    uint64_t after = handtape_bytes(&tape);
    for (uint16_t i = 0; i < 3; i++)
        handtape_rtp(&tape, 1, (uint16_t)(2 + i), 960u * i, 3000 + i);
    handtape_flush(&tape, 4000);
    handtape_track(&tape, 1, PEER + 1, 11, false, 5000);
    handtape_rtp(&tape, 1, 5, 960 * 4, 5000);
    handtape_finish(&tape, 6000);
    handtape_damage(&tape, (before + after) / 2 + 10);
    CLEANUP(timeline_free) struct timeline *t = NULL;
    CHECK_EQ(timeline_read(tape.dir, NULL, NULL, &t), 0);
    CHECK_EQ(timeline_faults(t).damages, 1);
    CHECK_EQ(timeline_leg_count(t), 2);
    CHECK_EQ(timeline_leg(t, 0)->packets, 1);
    CHECK_EQ(timeline_leg(t, 1)->peer, PEER + 1);
    CHECK_EQ(timeline_leg(t, 1)->packets, 1);
    handtape_remove(&tape);
}

/* A flood of sender reports is not kept. */
static void test_reports(void)
{
    handtape_begin(&tape);
    handtape_number(&tape, RING_PRODUCER, 0, 1);
    handtape_track(&tape, 1, PEER, 10, false, 0);
    handtape_rtp(&tape, 1, 1, 960, 1000);
    for (int64_t us = 0; us < 1000000; us += 10)
        handtape_report(&tape, 1, (uint32_t)(us * 48 / 1000), 1000 + us);
    handtape_finish(&tape, 1100000);
    CLEANUP(timeline_free) struct timeline *t = NULL;
    CHECK_EQ(timeline_read(tape.dir, NULL, NULL, &t), 0);
    CHECK_EQ(timeline_leg(t, 0)->reports, 10);
    handtape_remove(&tape);
}

#endif

int main(void)
{
    struct found right;
    make_tape();
    test_reading(&right);
#ifdef TEST_FAULTS
    test_each_call(&right);
    handtape_remove(&tape);
#else
    handtape_remove(&tape);
    test_bound();
    test_damage();
    test_reports();
#endif
    return 0;
}
