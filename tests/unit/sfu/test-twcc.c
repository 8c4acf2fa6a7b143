/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/twcc.h"

#include <errno.h>

#include "sfu/arrivals.h"
#include "sfu/rtcp.h"
#include "unit/check.h"

#define MS 1000ull

static struct twcc twcc;
static uint8_t bytes[1200];

/* What the sender learns, by sequence number: ticks of 250 us, -1: lost, -2: not told. */
static int64_t told[65536];
static unsigned packets;
static unsigned next_count;

static void forget(void)
{
    twcc = (struct twcc){0};
    for (size_t i = 0; i < 65536; i++)
        told[i] = -2;
    packets = 0;
    next_count = 0;
}

/* Builds all feedback that is due with buffers of `capacity` and reads it as a sender would. */
static void feed_back(size_t capacity, uint64_t now_us)
{
    int more = 1;
    while (more == 1) {
        struct writer w = writer_over(bytes, capacity);
        more = twcc_build(&twcc, &w, 1, 2, now_us);
        CHECK(more >= 0);
        CHECK(!w.failed);
        struct rtcp_cursor c;
        struct rtcp_view v;
        CHECK_EQ(rtcp_begin(bytes, writer_len(&w), &c), 0);
        CHECK_EQ(rtcp_next(&c, &v), 1);
        CHECK_EQ(v.kind, RTCP_TRANSPORT_CC);
        CHECK_EQ(rtcp_next(&c, &v), 0);
        struct arrivals a;
        CHECK_EQ(arrivals_begin(&v, &a), 0);
        CHECK_EQ(v.media_ssrc, 2);
        CHECK_EQ(a.feedback_count, (uint8_t)next_count++);
        struct arrival arrival;
        int64_t ticks = (int64_t)a.reference_time * 256;
        unsigned count = 0;
        for (; arrivals_next(&a, &arrival); count++) {
            ticks += arrival.delta;
            told[arrival.seq] = arrival.received ? ticks : -1;
        }
        CHECK_EQ(count, a.status_count);
        packets++;
    }
}

static void times_and_losses(void)
{
    forget();
    uint64_t t = 5000 * MS;
    /* Around the wrap; every 5th lost; steps from nothing to over a byte; one pair changed over. */
    for (unsigned i = 0; i < 40; i++) {
        uint16_t seq = (uint16_t)(65520 + i);
        if (i % 5 != 3)
            twcc_received(&twcc, seq, t + i * i * MS);
    }
    twcc_received(&twcc, (uint16_t)(65520 + 33), t + 1600 * MS);
    feed_back(sizeof(bytes), t + 1600 * MS);
    CHECK_EQ(packets, 1);
    for (unsigned i = 0; i < 40; i++) {
        int64_t expected = i == 33 ? 6400 : i % 5 == 3 ? -1 : (int64_t)(i * i) * 4;
        CHECK_EQ(told[(uint16_t)(65520 + i)], expected);
    }
    struct writer w = writer_over(bytes, sizeof(bytes));
    CHECK_EQ(twcc_build(&twcc, &w, 1, 2, t), -ENODATA);
    CHECK_EQ(writer_len(&w), 0);

    /* One told as lost and come since is told again; a second arrival is not counted. */
    twcc_received(&twcc, (uint16_t)(65520 + 38), t + 1700 * MS);
    twcc_received(&twcc, (uint16_t)(65520 + 38), t + 1710 * MS);
    twcc_received(&twcc, (uint16_t)(65520 + 40), t + 1720 * MS);
    feed_back(sizeof(bytes), t + 1720 * MS);
    CHECK_EQ(told[(uint16_t)(65520 + 38)], 6800);
    CHECK_EQ(told[(uint16_t)(65520 + 40)], 6880);
}

static void when_it_is_due(void)
{
    forget();
    uint64_t t = 5000 * MS;
    CHECK(!twcc_is_due(&twcc, t));
    CHECK_EQ(twcc_next_us(&twcc), UINT64_MAX);
    twcc_received(&twcc, 1, t);
    CHECK(!twcc_is_due(&twcc, t + 99 * MS));
    CHECK_EQ(twcc_next_us(&twcc), t + 100 * MS);
    CHECK(twcc_is_due(&twcc, t + 100 * MS));
    feed_back(sizeof(bytes), t + 100 * MS);
    CHECK(!twcc_is_due(&twcc, t + 10000 * MS));
    for (unsigned i = 0; i < TWCC_PACKETS; i++) {
        CHECK(!twcc_is_due(&twcc, t + 101 * MS));
        twcc_received(&twcc, (uint16_t)(2 + i), t + 101 * MS);
    }
    CHECK(twcc_is_due(&twcc, t + 101 * MS));
}

static void gaps_and_jumps(void)
{
    uint64_t t = 5000 * MS;
    /* A gap of 8.3 s does not fit a delta: a second packet with its own reference. */
    forget();
    twcc_received(&twcc, 10, t);
    twcc_received(&twcc, 11, t + 8300 * MS);
    feed_back(sizeof(bytes), t + 8300 * MS);
    CHECK_EQ(packets, 2);
    CHECK_EQ(told[10], 0);
    CHECK_EQ(told[11], 33200);

    /* 1,500 lost in a row cost a few bytes and no more packets. */
    forget();
    twcc_received(&twcc, 10, t);
    twcc_received(&twcc, 1511, t + MS);
    feed_back(sizeof(bytes), t + MS);
    CHECK_EQ(packets, 1);
    CHECK_EQ(told[1510], -1);
    CHECK_EQ(told[1511], 4);

    /* More than the window: begins anew and says nothing of what is between. */
    twcc_received(&twcc, 1511 + TWCC_WINDOW, t + 2 * MS);
    twcc_received(&twcc, 1511, t + 2 * MS); /* too old */
    feed_back(sizeof(bytes), t + 2 * MS);
    CHECK_EQ(told[1512], -2);
    CHECK_EQ(told[1511 + TWCC_WINDOW], 8);

    /* No feedback for long: the oldest are forgotten, the newest 2,048 told. */
    forget();
    for (unsigned i = 0; i < 5000; i++)
        twcc_received(&twcc, (uint16_t)i, t + i * MS);
    feed_back(sizeof(bytes), t + 5000 * MS);
    CHECK_EQ(told[5000 - TWCC_WINDOW - 1], -2);
    for (unsigned i = 5000 - TWCC_WINDOW; i < 5000; i++)
        CHECK_EQ(told[i], (int64_t)i * 4);

    /* Small buffers: several packets, nothing lost between them; too small: asked again later. */
    forget();
    for (unsigned i = 0; i < 100; i++)
        if (i % 3 != 1)
            twcc_received(&twcc, (uint16_t)i, t + i * 70 * MS);
    struct writer w = writer_over(bytes, 22);
    CHECK_EQ(twcc_build(&twcc, &w, 1, 2, t), -ENOBUFS);
    CHECK_EQ(writer_len(&w), 0);
    feed_back(60, t + 7000 * MS);
    CHECK(packets > 4);
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(told[i], i % 3 == 1 ? -1 : (int64_t)i * 280);
}

/* Two weeks: the 24-bit reference time, the feedback count and the numbers wrap. */
static void two_weeks(void)
{
    forget();
    uint64_t t = 5000 * MS;
    for (unsigned i = 0; i < 14 * 24 * 60; i++) {
        uint64_t now = t + i * 60000 * MS;
        twcc_received(&twcc, (uint16_t)(i * 100), now);
        feed_back(sizeof(bytes), now);
        int64_t ticks = (int64_t)i * 240000;
        int64_t reference = (int32_t)((uint32_t)(ticks / 256) << 8) >> 8; /* as 24 bits say it */
        CHECK_EQ(told[(uint16_t)(i * 100)], reference * 256 + ticks % 256);
    }
}

int main(void)
{
    times_and_losses();
    when_it_is_due();
    gaps_and_jumps();
    two_weeks();
    return 0;
}
