/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/nack.h"

#include "unit/check.h"

#define MS 1000ull

static struct nack nack;
static uint16_t asked[NACK_MISSING_MAX];

static size_t ask(uint32_t rtt_us, uint64_t now_us)
{
    return nack_ask(&nack, rtt_us, now_us, asked, NACK_MISSING_MAX);
}

static void retry_clock(void)
{
    nack_init(&nack, true);
    uint64_t t = 1000 * MS;
    CHECK(!nack_received(&nack, 70000, true, t));
    CHECK_EQ(nack_next_us(&nack), UINT64_MAX);
    CHECK(!nack_received(&nack, 70003, false, t));
    CHECK_EQ(nack_next_us(&nack), t + NACK_REORDER_US);

    /* One that only changed places is never asked for. */
    CHECK_EQ(ask(40000, t + NACK_REORDER_US - 1), 0);
    CHECK(!nack_received(&nack, 70001, false, t + 2 * MS));
    CHECK_EQ(ask(40000, t + NACK_REORDER_US), 1);
    CHECK_EQ(asked[0], (uint16_t)70002);

    /* Then once a round trip and a quarter, not in between. */
    CHECK_EQ(nack_next_us(&nack), t + NACK_REORDER_US + 50 * MS);
    CHECK_EQ(ask(40000, t + NACK_REORDER_US + 49 * MS), 0);
    CHECK_EQ(ask(40000, t + NACK_REORDER_US + 50 * MS), 1);
    CHECK(nack_received(&nack, 70002, false, t + 90 * MS));
    CHECK_EQ(nack_next_us(&nack), UINT64_MAX);
    CHECK(!nack_wants_key_frame(&nack, t + 5000 * MS));

    /* Without a measured round trip: 100 ms are assumed. */
    CHECK(!nack_received(&nack, 70005, false, t));
    CHECK_EQ(ask(0, t + NACK_REORDER_US), 1);
    CHECK_EQ(ask(0, t + NACK_REORDER_US + 124 * MS), 0);
    CHECK_EQ(ask(0, t + NACK_REORDER_US + 125 * MS), 1);
}

static void given_up_for_the_record(void)
{
    nack_init(&nack, true);
    uint64_t t = 1000 * MS;
    struct nack_run run;
    (void)nack_received(&nack, 65530, true, t);
    (void)nack_received(&nack, 65540, false, t); /* 65531 to 65539 missing, over a wrap */
    (void)nack_received(&nack, 65535, false, t + MS);

    size_t requests = 0;
    bool key_frame = false;
    for (uint64_t now = t; now < t + NACK_AGE_MAX_US; now += MS) {
        requests += ask(100000, now);
        CHECK(!nack_given_up(&nack, &run));
        if (!key_frame && nack_wants_key_frame(&nack, now)) {
            key_frame = true; /* half a second without a picture is long enough */
            CHECK_EQ(now, t + NACK_FREEZE_US);
        }
    }
    CHECK(key_frame);
    CHECK(requests >= 8 * 6 && requests <= 8 * 12);
    CHECK_EQ(ask(100000, t + NACK_AGE_MAX_US), 0);
    CHECK(nack_given_up(&nack, &run));
    CHECK_EQ(run.first, 65531);
    CHECK_EQ(run.count, 4);
    CHECK(nack_given_up(&nack, &run));
    CHECK_EQ(run.first, 0);
    CHECK_EQ(run.count, 4);
    CHECK(!nack_given_up(&nack, &run));
}

static void key_frames_at_most_once_a_second(void)
{
    nack_init(&nack, true);
    uint64_t t = 1000 * MS;
    (void)nack_received(&nack, 100000, true, t);
    (void)nack_received(&nack, 100002, false, t);
    CHECK_EQ(ask(0, t + 499 * MS), 1);
    CHECK(!nack_wants_key_frame(&nack, t + 499 * MS));
    (void)ask(0, t + 500 * MS);
    CHECK(nack_wants_key_frame(&nack, t + 500 * MS));
    CHECK(!nack_wants_key_frame(&nack, t + 501 * MS));
    CHECK(nack_next_us(&nack) <= t + 1500 * MS);
    CHECK(!nack_wants_key_frame(&nack, t + 1499 * MS));
    CHECK(nack_wants_key_frame(&nack, t + 1500 * MS));

    /* It came: the hole hurts nobody any more, but is asked for until it is too old. */
    (void)nack_received(&nack, 100003, true, t + 1600 * MS);
    CHECK(!nack_wants_key_frame(&nack, t + 2600 * MS));
    CHECK_EQ(ask(0, t + 2600 * MS), 1);
    (void)ask(0, t + 3000 * MS);
    struct nack_run run;
    CHECK(nack_given_up(&nack, &run));
    CHECK_EQ(run.count, 1);
    CHECK(!nack_wants_key_frame(&nack, t + 9000 * MS));

    /* Audio never needs one. */
    nack_init(&nack, false);
    (void)nack_received(&nack, 100000, true, t);
    (void)nack_received(&nack, 100002, true, t);
    (void)ask(0, t + 3000 * MS);
    CHECK(nack_given_up(&nack, &run));
    CHECK(!nack_wants_key_frame(&nack, t + 3000 * MS));
}

/* Every number is either received, missing, or given up exactly once, whatever is lost. */
static void bounded_table(void)
{
    nack_init(&nack, true);
    uint64_t t = 1000 * MS;
    struct nack_run run;
    (void)nack_received(&nack, 100000, true, t);
    /* An outage of 5,000 packets: all but the newest 512 are given up at once, as one run. */
    (void)nack_received(&nack, 105001, false, t);
    CHECK_EQ(nack.missing_count, NACK_MISSING_MAX);
    CHECK(nack_given_up(&nack, &run));
    CHECK_EQ(run.first, (uint16_t)100001);
    CHECK_EQ(run.count, 5000 - NACK_MISSING_MAX);
    CHECK(!nack_given_up(&nack, &run));
    CHECK(nack_wants_key_frame(&nack, t));
    /* The next holes push out the oldest. */
    (void)nack_received(&nack, 105012, false, t);
    CHECK_EQ(nack.missing_count, NACK_MISSING_MAX);
    CHECK(nack_given_up(&nack, &run));
    CHECK_EQ(run.first, (uint16_t)(105001 - NACK_MISSING_MAX));
    CHECK_EQ(run.count, 10);
    /* A full table is asked for in the portions the caller has room for, none left out. */
    size_t first = nack_ask(&nack, 0, t + 10 * MS, asked, 100);
    CHECK_EQ(first, 100);
    CHECK_EQ(asked[0], (uint16_t)(105011 - NACK_MISSING_MAX));
    CHECK_EQ(nack_ask(&nack, 0, t + 10 * MS, asked, 1000), NACK_MISSING_MAX - 100);

    /* Every other packet lost: 64 runs wait to be told, the rest stays until they are. */
    nack_init(&nack, true);
    (void)nack_received(&nack, 100000, true, t);
    for (unsigned i = 1; i <= 200; i++)
        (void)nack_received(&nack, 100000 + 2 * i, false, t);
    unsigned told = 0;
    for (unsigned turn = 0; turn < 4; turn++) {
        (void)ask(0, t + NACK_AGE_MAX_US);
        for (; nack_given_up(&nack, &run); told++) {
            CHECK_EQ(run.first, (uint16_t)(100001 + 2 * told));
            CHECK_EQ(run.count, 1);
        }
    }
    CHECK_EQ(told, 200);
    CHECK_EQ(nack.missing_count, 0);

    /* Other numbers: the holes of the old ones are given up. */
    (void)nack_received(&nack, 100500, false, t);
    nack_reset(&nack);
    CHECK_EQ(ask(0, t + 100 * MS), 0);
    CHECK(nack_given_up(&nack, &run));
    CHECK_EQ(run.first, (uint16_t)100401);
    CHECK_EQ(run.count, 99);
    CHECK(!nack_given_up(&nack, &run));
    (void)nack_received(&nack, 500000, false, t);
    CHECK_EQ(ask(0, t + 100 * MS), 0);

    /* The end: all is given up, as fast as it is told. */
    for (unsigned i = 1; i <= 100; i++)
        (void)nack_received(&nack, 500000 + 2 * i, false, t);
    CHECK(nack_give_up(&nack));
    for (told = 0; nack_given_up(&nack, &run); told++)
        CHECK_EQ(run.count, 1);
    CHECK(!nack_give_up(&nack));
    while (nack_given_up(&nack, &run))
        told += run.count;
    CHECK_EQ(told, 100);
}

int main(void)
{
    retry_clock();
    given_up_for_the_record();
    key_frames_at_most_once_a_second();
    bounded_table();
    return 0;
}
