/* Simulated receivers: what leaves, when, in which order, and what is kept at most.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sfu/pacer.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define KBPS   1000u
#define SECOND 1000000ull
#define LEN    1200u
#define POOL   1024u

#ifdef TEST_FAULTS
/* Without memory nothing is paced, and all goes on. */
static void no_memory(void)
{
    struct pacer p = {0};
    int r = pacer_set_estimate(&p, 300 * KBPS);
    CHECK(r == 0 || r == -ENOMEM);
    if (r < 0)
        CHECK(pacer_passes(&p, SECOND));
    pacer_finish(&p);
}
#else
static struct packet_pool *pool;
static struct pacer p;
static uint64_t now_us;
static uint16_t next_seq[4], left_seq[4]; /* by lane */
static uint64_t bytes_left;               /* that left */
static uint64_t waited_us;                /* the longest */

static void begin(uint32_t estimate_bps)
{
    p = (struct pacer){0};
    now_us = 100 * SECOND;
    bytes_left = waited_us = 0;
    memset(next_seq, 0, sizeof(next_seq));
    memset(left_seq, 0, sizeof(left_seq));
    CHECK_EQ(pacer_set_estimate(&p, estimate_bps), 0);
}

static void end(void)
{
    pacer_finish(&p);
    CHECK_EQ(packet_pool_free(pool), POOL); /* no reference is left */
}

/* One packet comes. True: it left at once. */
static bool arrive(uint16_t lane, uint16_t len, int *ret_put)
{
    CLEANUP(packet_unref) struct packet *packet = NULL;
    CHECK_EQ(packet_take(pool, &packet), 0);
    packet->len = len;
    packet->arrived_us = now_us;
    packet->rtp.seq = next_seq[lane]++;
    *ret_put = 0;
    if (pacer_passes(&p, now_us)) {
        CHECK_EQ(packet->rtp.seq, left_seq[lane]++);
        pacer_sent(&p, len, now_us);
        bytes_left += len;
        return true;
    }
    *ret_put = pacer_put(&p, &(struct pacer_item){packet, packet->len, lane + 7u, lane, true});
    return false;
}

/* What is due leaves, each lane's in order. */
static size_t leave(void)
{
    size_t count = 0;
    struct pacer_item item;
    for (; pacer_take(&p, now_us, &item); count++) {
        CHECK_EQ(item.source, item.lane + 7u);
        CHECK_EQ(item.packet->rtp.seq, left_seq[item.lane]++);
        if (now_us - item.packet->arrived_us > waited_us)
            waited_us = now_us - item.packet->arrived_us;
        pacer_sent(&p, item.packet->len, now_us);
        bytes_left += item.packet->len;
        packet_unref(item.packet);
    }
    return count;
}

static void arrive_frame(uint16_t lane, size_t bytes)
{
    int r;
    for (size_t i = 0; i * LEN < bytes; i++) {
        (void)arrive(lane, LEN, &r);
        CHECK_EQ(r, 0);
    }
}

/* Not known yet, or fast: however large, at once, and no memory is taken. */
static void fast_lines_wait_for_nothing(void)
{
    static const uint32_t estimates[] = {0, PACER_FAST_BPS, UINT32_MAX};
    for (size_t i = 0; i < sizeof(estimates) / sizeof(estimates[0]); i++) {
        begin(estimates[i]);
        int r;
        for (int k = 0; k < 1000; k++)
            CHECK(arrive(0, LEN, &r));
        CHECK(!p.items);
        CHECK_EQ(pacer_due_us(&p), (intmax_t)UINT64_MAX);
        end();
    }
}

/* Frames of what the line carries on average never wait. */
static void ordinary_frames_pass(void)
{
    begin(1000 * KBPS);
    for (int i = 0; i < 300; i++, now_us += SECOND / 30) {
        arrive_frame(0, 4 * LEN); /* 1.15 Mbit/s */
        CHECK(pacer_is_empty(&p));
    }
    end();
}

/* At 1.5 times the estimate from the first step to the last, no faster; who fits sooner is sooner.
 */
static void key_frame_is_spread(void)
{
    static const struct {
        uint32_t kbps, bytes;
        uint64_t least_us, most_us; /* until its last packet left */
    } cases[] = {
        /* 30 kB less 40 ms of it, at 1.5 Mbit/s: 160 - 40 ms */
        {1000, 30000, 110000, 135000},
        {1000, 60000, 270000, 300000},
        /* would be 533 - 40, is LIMIT_PACED_MS */
        {1000, 100000, 390000, 400000},
        {300, 30000, 390000, 400000},
        {3900, 100000, 85000, 110000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].kbps * KBPS);
        uint64_t begun_us = now_us;
        arrive_frame(1, cases[i].bytes);
        uint64_t first = bytes_left;
        uint64_t most_bps = cases[i].kbps * PACER_PERMILLE;
        if (most_bps < cases[i].bytes * 8000ull / LIMIT_PACED_MS)
            most_bps = cases[i].bytes * 8000ull / LIMIT_PACED_MS;
        uint64_t burst = (uint64_t)cases[i].kbps * PACER_PERMILLE / 8 * PACER_BURST_US / SECOND;
        CHECK(first <= burst + 2 * LEN);
        uint64_t last_us = now_us;
        while (!pacer_is_empty(&p)) {
            uint64_t due_us = pacer_due_us(&p);
            now_us += PACER_STEP_US;
            size_t count = leave();
            CHECK(count > 0 || due_us > now_us);
            CHECK(count <= 2 + most_bps / 8 * PACER_STEP_US / SECOND / LEN); /* evenly */
            if (count > 0)
                last_us = now_us;
            CHECK(now_us < begun_us + SECOND);
        }
        CHECK(last_us - begun_us >= cases[i].least_us && last_us - begun_us <= cases[i].most_us);
        CHECK_EQ(left_seq[1], next_seq[1]);
        end();
    }
}

/* What goes past (sound, what is sent again) is reckoned with, but puts nothing off for ever. */
static void what_passes_counts(void)
{
    begin(300 * KBPS);
    arrive_frame(0, 10 * LEN);
    uint64_t due_us = pacer_due_us(&p);
    pacer_sent(&p, 3000, now_us);
    CHECK(pacer_due_us(&p) > due_us);
    for (int i = 0; i < 1000; i++)
        pacer_sent(&p, 3000, now_us);
    CHECK(pacer_due_us(&p) <= now_us + LIMIT_PACED_MS * 1000);
    now_us += LIMIT_PACED_MS * 1000;
    CHECK(leave() > 0);
    CHECK(pacer_is_empty(&p));
    end();
}

/* The line turns out to be fast, or nothing is known any more: all that waits is due. */
static void estimate_moves(void)
{
    for (unsigned i = 0; i < 2; i++) {
        begin(300 * KBPS);
        arrive_frame(2, 20 * LEN);
        CHECK_EQ(leave(), 0);
        CHECK_EQ(pacer_set_estimate(&p, i ? PACER_FAST_BPS : 0), 0);
        CHECK(!pacer_passes(&p, now_us)); /* not before what waits */
        CHECK(leave() > 15);
        CHECK_EQ(left_seq[2], 20);
        CHECK(pacer_passes(&p, now_us));
        end();
    }
}

/* A seat is emptied, held or given to another: its packets go, the others' stay in order. */
static void lane_is_dropped(void)
{
    begin(100 * KBPS);
    int r;
    for (int i = 0; i < 60; i++) {
        (void)arrive(i % 3 == 0, LEN, &r);
        CHECK_EQ(r, 0);
    }
    uint32_t waiting = p.count;
    size_t dropped = pacer_drop(&p, 1);
    CHECK(dropped >= 18 && dropped <= 20);
    CHECK_EQ(p.count, waiting - dropped);
    CHECK_EQ(p.bytes, p.count * (uint64_t)LEN);
    CHECK_EQ(pacer_drop(&p, 1), 0);
    now_us += SECOND;
    CHECK_EQ(leave(), waiting - dropped);
    CHECK_EQ(left_seq[0], next_seq[0]);
    CHECK_EQ(pacer_drop(&p, 0), 0);
    end();
}

/* Number and bytes have a bound; beyond it nothing is kept, and what is kept goes on. */
static void is_bounded(void)
{
    static const uint16_t lens[] = {100, 1200, 1500};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        begin(50 * KBPS);
        int r = 0;
        while (r == 0)
            (void)arrive(0, lens[i], &r);
        CHECK_EQ(r, -ENOBUFS);
        CHECK(p.count <= LIMIT_PACED_PACKETS && p.bytes <= LIMIT_PACED_BYTES);
        CHECK(p.count == LIMIT_PACED_PACKETS || p.bytes + lens[i] > LIMIT_PACED_BYTES);
        uint32_t waiting = p.count;
        CHECK_EQ(waiting, next_seq[0] - left_seq[0] - 1);
        CHECK_EQ(pacer_drop(&p, 0), waiting);
        (void)arrive(1, lens[i], &r);
        CHECK_EQ(r, 0);
        end();
    }
}

static uint32_t random_below(uint32_t bound)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % bound;
}

/* An hour of pictures with key frames over lines that change, sound beside them, the worker late
 * now and then. What leaves is what came; nothing waits longer than it may. */
static void hour(void)
{
    begin(500 * KBPS);
    uint64_t begun_us = now_us, frame_us = now_us, sound_us = now_us, estimate_us = now_us;
    uint64_t came = 0, spread = 0;
    while (now_us < begun_us + 3600 * SECOND) {
        if (now_us >= estimate_us) {
            estimate_us += SECOND;
            CHECK_EQ(pacer_set_estimate(&p, random_below(20) ? 50 * KBPS << random_below(10) : 0),
                     0);
        }
        if (now_us >= sound_us) {
            sound_us += 20000;
            pacer_sent(&p, 120, now_us); /* never asks */
        }
        if (now_us >= frame_us) {
            frame_us += SECOND / 30;
            size_t bytes = random_below(150) ? random_below(8000) : 20000 + random_below(60000);
            int r;
            for (size_t i = 0; i * LEN < bytes; i++, came += LEN) {
                (void)arrive((uint16_t)random_below(4), LEN, &r);
                CHECK_EQ(r, 0);
            }
            spread += p.count > 0;
        }
        uint64_t step_us = random_below(100) ? PACER_STEP_US : random_below(50000);
        now_us += step_us;
        uint64_t before_us = waited_us;
        leave();
        if (waited_us > before_us) /* no longer than it may, but by how late the worker is */
            CHECK(waited_us <= LIMIT_PACED_MS * 1000 + step_us);
        CHECK(p.count <= LIMIT_PACED_PACKETS && p.bytes <= LIMIT_PACED_BYTES);
    }
    now_us += SECOND;
    leave();
    CHECK_EQ(bytes_left, came);
    CHECK(spread > 1000);
    end();
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        no_memory();
        if (!faults_happened())
            return 0;
    }
#else
    CHECK_EQ(packet_pool_create(POOL, &pool), 0);
    fast_lines_wait_for_nothing();
    ordinary_frames_pass();
    key_frame_is_spread();
    what_passes_counts();
    estimate_moves();
    lane_is_dropped();
    is_bounded();
    hour();
    packet_pool_destroy(pool);
    return 0;
#endif
}
