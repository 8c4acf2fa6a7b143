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
#include "recorder/tapewriter.h"
#include "recorder/timeline.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define HEARING    0x1122334455667788u
#define PEER       0x0102030405060708u
#define START_US   5000000
#define AUDIO_SSRC 0x11111111u
#define VIDEO_SSRC 0x22222222u
/* The camera's frames are this much later on their way than sound. */
#define VIDEO_LATE_US 120000
/* Seconds since 1900 on the sender's clock when the hearing begins. */
#define SENDER_S 3900000000u

static char dir[64];
static uint64_t ring_index;

static struct tape_time at(int64_t since_start_us)
{
    return (struct tape_time){.monotonic_us = (uint64_t)(START_US + since_start_us),
                              .wall_us = (uint64_t)(1700000000000000 + since_start_us)};
}

static struct tapewriter *begin(void)
{
    ring_index = 0;
    snprintf(dir, sizeof(dir), "%s/assize-timeline-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(dir));
    struct tapewriter *w = NULL;
    struct tape_time now = at(0);
    CHECK_EQ(tapewriter_open(dir, HEARING, &now, &w), 0);
    return w;
}

static void flush(struct tapewriter *w, int64_t since_start_us)
{
    struct tape_time now = at(since_start_us);
    CHECK_EQ(tapewriter_flush(w, &now), 0);
}

static void finish(struct tapewriter *w, int64_t since_start_us)
{
    struct tape_time now = at(since_start_us);
    CHECK_EQ(tapewriter_seal(w, &now), 0);
    tapewriter_close(w);
}

static void end(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/" TAPE_SEGMENT_NAME, dir, 0);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(dir), 0);
}

static void put(struct tapewriter *w, uint8_t kind, uint32_t track, int64_t since_start_us,
                const struct writer *payload)
{
    struct tape_record record = {
        .kind = kind,
        .track = track,
        .ring_index = kind < TAPE_NOTE ? ++ring_index : 0,
        .time_us = at(since_start_us).monotonic_us,
    };
    CHECK(!payload->failed);
    CHECK_EQ(tapewriter_append(w, &record, payload->start, writer_len(payload)), 0);
}

static void put_u64(struct tapewriter *w, uint8_t kind, int64_t since_start_us, uint64_t value)
{
    uint8_t bytes[8];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u64(&p, value);
    put(w, kind, 0, since_start_us, &p);
}

static void put_track(struct tapewriter *w, uint32_t track, uint64_t stream, bool video,
                      int64_t since_start_us)
{
    uint8_t bytes[28];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u64(&p, PEER);
    writer_u64(&p, stream);
    writer_u8(&p, video ? CONTROL_VIDEO : CONTROL_AUDIO);
    writer_u8(&p, 0);
    writer_u8(&p, video ? CODEC_VP8 : CODEC_OPUS);
    writer_u8(&p, 96);
    writer_u32(&p, video ? 90000 : 48000);
    writer_u32(&p, video ? VIDEO_SSRC : AUDIO_SSRC);
    put(w, RING_TRACK, track, since_start_us, &p);
}

/* RFC 3550 section 5.1. */
static void put_rtp(struct tapewriter *w, uint32_t track, uint16_t seq, uint32_t ticks,
                    int64_t since_start_us)
{
    uint8_t bytes[13];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u8(&p, 0x80);
    writer_u8(&p, 96);
    writer_u16(&p, seq);
    writer_u32(&p, ticks);
    writer_u32(&p, track == 1 ? AUDIO_SSRC : VIDEO_SSRC);
    writer_u8(&p, 0x10);
    put(w, RING_RTP, track, since_start_us, &p);
}

static void put_report(struct tapewriter *w, uint32_t track, uint32_t ticks, int64_t since_start_us)
{
    uint8_t bytes[16];
    struct writer p = writer_over(bytes, sizeof(bytes));
    writer_u32(&p, track == 1 ? AUDIO_SSRC : VIDEO_SSRC);
    writer_u32(&p, SENDER_S + (uint32_t)(since_start_us / 1000000));
    writer_u32(&p, (uint32_t)((uint64_t)(since_start_us % 1000000) * 0x100000000u / 1000000));
    writer_u32(&p, ticks);
    put(w, RING_SENDER_REPORT, track, since_start_us, &p);
}

/* One person's sound and picture from `from_us` on for 6 s; packet 100 of sound is lost. */
static void put_media(struct tapewriter *w, int64_t from_us)
{
    for (int64_t ms = 0; ms < 6000; ms += 20) {
        int64_t us = from_us + ms * 1000;
        if (ms != 2000)
            put_rtp(w, 1, (uint16_t)(ms / 20), (uint32_t)(ms * 48), us + 30000);
        if (ms % 40 == 0)
            put_rtp(w, 2, (uint16_t)(ms / 40), (uint32_t)(ms * 90), us + 30000 + VIDEO_LATE_US);
        if (ms % 500 == 0) {
            put_report(w, 1, (uint32_t)(ms * 48), us);
            put_report(w, 2, (uint32_t)(ms * 90), us);
        }
    }
    flush(w, from_us + 6000000);
}

/* A media core, killed after 6 s and started again. */
static void make_tape(void)
{
    struct tapewriter *w = begin();
    for (int i = 0; i < 2; i++) {
        int64_t from_us = i * (int64_t)8000000;
        put_u64(w, RING_PRODUCER, from_us, (uint64_t)i + 1);
        put_track(w, 1, 10, false, from_us);
        put_track(w, 2, 20, true, from_us);
        put_track(w, 2, 20, true, from_us); /* said twice, it is the same */
        put_media(w, from_us);
    }
    put_u64(w, RING_OVERRUN, 15000000, 7);
    put_u64(w, TAPE_GAP, 15000000, 1000);
    finish(w, 15000000);
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
        error = tapereader_open(dir, 0, &r);
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
    int error = timeline_read(dir, on_note, &found->notes, &t);
    if (error) {
        CHECK(error < 0);
        CHECK(!t);
        return error;
    }
    size_t packets = 0;
    timeline_set_zero(t, START_US);
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
/* As many legs as the bound says, and no more. */
static void test_bound(void)
{
    for (size_t over = 0; over < 2; over++) {
        struct tapewriter *w = begin();
        for (uint32_t i = 0; i < LIMIT_TIMELINE_LEGS + over; i++) {
            put_track(w, i % 100, 1000 + i, false, i);
            if (i % 10000 == 9999)
                flush(w, i);
        }
        finish(w, LIMIT_TIMELINE_LEGS);
        CLEANUP(timeline_free) struct timeline *t = NULL;
        CHECK_EQ(timeline_read(dir, NULL, NULL, &t), over ? -E2BIG : 0);
        if (!over)
            CHECK_EQ(timeline_leg_count(t), LIMIT_TIMELINE_LEGS);
        end();
    }
}

#endif

int main(void)
{
    struct found right;
    make_tape();
    test_reading(&right);
#ifdef TEST_FAULTS
    test_each_call(&right);
    end();
#else
    end();
    test_bound();
#endif
    return 0;
}
