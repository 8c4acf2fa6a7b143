/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/downlink.h"

#include <errno.h>

#include "sfu/arrivals.h"
#include "sfu/twcc.h"
#include "unit/check.h"

#define MS        1000ull
#define PACKET    1200
#define SECOND_US 1000000ull

static struct downlink down;
static struct twcc receiver;
static uint64_t now_us;

static void begin(void)
{
    now_us = 5 * SECOND_US;
    receiver = (struct twcc){0};
    downlink_init(&down, now_us);
    downlink_open(&down);
    CHECK(down.sent != NULL);
}

/* What the receiver has to tell, as it tells it. Returns what the first one that is refused gets.
 */
static int feed_back(void)
{
    uint8_t bytes[1200];
    int more = 1;
    while (more == 1) {
        struct writer w = writer_over(bytes, sizeof(bytes));
        struct rtcp_cursor cursor;
        struct rtcp_view view;
        more = twcc_build(&receiver, &w, 1, 2, now_us);
        CHECK(more >= 0);
        CHECK_EQ(rtcp_begin(bytes, writer_len(&w), &cursor), 0);
        CHECK_EQ(rtcp_next(&cursor, &view), 1);
        int r = downlink_feedback(&down, &view, 20000, now_us);
        if (r < 0)
            return r;
    }
    return 0;
}

/* 10 ms, a packet; it arrives 15 ms later, or not. */
static void step(bool arrives)
{
    now_us += 10 * MS;
    uint16_t seq = downlink_seq(&down);
    downlink_sent(&down, PACKET, false, 0, now_us);
    CHECK_EQ(downlink_seq(&down), (uint16_t)(seq + 1));
    if (arrives)
        twcc_received(&receiver, seq, now_us + 15 * MS);
}

/* So many seconds, every tenth packet lost when `lossy`; feedback ten times a second. */
static void run(unsigned seconds, bool lossy)
{
    for (unsigned i = 0; i < seconds * 100; i++) {
        step(!lossy || i % 10 != 5);
        if (i % 10 == 9) {
            now_us += 20 * MS; /* what is under way arrives */
            CHECK_EQ(feed_back(), 0);
        }
    }
}

/* Rate and loss are those of the packets, headers included, over wraps of all numbers. */
static void learns_rate_and_loss(void)
{
    begin();
    CHECK_EQ(downlink_estimate_bps(&down), 0);
    run(30, true);
    CHECK(downlink_estimate_bps(&down) >= BWE_LEAST_BPS);
    /* 9 packets in 120 ms. */
    uint32_t bps = bwe_arrived_bps(&down.bwe);
    uint32_t expected = (PACKET + DOWNLINK_OVERHEAD_BYTES) * 8 * 9 * 1000 / 120;
    CHECK(bps > expected / 10 * 9 && bps < expected / 10 * 11);
    CHECK(bwe_loss_permille(&down.bwe) > 80 && bwe_loss_permille(&down.bwe) < 120);
    run(700, false); /* over the 16 bits of the numbers */
    CHECK(down.next > 70000);
    CHECK_EQ(bwe_loss_permille(&down.bwe), 0);
    bps = bwe_arrived_bps(&down.bwe);
    CHECK(bps > expected && bps < expected / 10 * 13);
    downlink_finish(&down);
}

/* A browser that tells of video alone loses no audio by that; one that tells of both does. */
static void audio_that_is_never_told_is_not_lost(bool tells)
{
    begin();
    for (unsigned i = 0; i < 200; i++) {
        step(true);
        uint16_t seq = downlink_seq(&down);
        downlink_sent(&down, 120, true, 0, now_us);
        if (tells && i % 5)
            twcc_received(&receiver, seq, now_us + 15 * MS);
        if (i % 10 == 9) {
            now_us += 20 * MS;
            CHECK_EQ(feed_back(), 0);
        }
    }
    uint16_t permille = bwe_loss_permille(&down.bwe);
    CHECK(tells ? permille > 80 && permille < 120 : permille == 0);
    downlink_finish(&down);
}

/* Its clock's 24 bits of 64 ms wrap after 12 days. */
static void follows_the_reference_over_its_wrap(void)
{
    begin();
    run(1, false);
    int64_t before = down.reference;
    uint64_t wrap_us = (1ull << 24) * ARRIVALS_REFERENCE_US;
    for (unsigned i = 0; i < 20; i++) { /* 14 days in steps of less than half of that */
        now_us += wrap_us / 17;
        run(1, false);
    }
    CHECK(down.reference - before > 1 << 24);
    CHECK(down.reference - before < 20 * (1 << 24) / 16);
    downlink_finish(&down);
}

/* Writes feedback of `count` packets from `base` that all came at once. */
static struct rtcp_view all_came(uint8_t bytes[64], uint16_t base, uint16_t count)
{
    struct writer w = writer_over(bytes, 64);
    writer_u16(&w, base);
    writer_u16(&w, count);
    writer_u24(&w, 100);
    writer_u8(&w, 0);
    writer_u16(&w, (uint16_t)(1 << 13 | count));
    for (unsigned i = 0; i < count; i++)
        writer_u8(&w, 0);
    CHECK(!w.failed);
    return (struct rtcp_view){
        .kind = RTCP_TRANSPORT_CC, .item_count = 1, .items = bytes, .items_len = writer_len(&w)};
}

/* What was never sent, was told before, or went out too long ago is nothing. */
static void believes_only_what_it_sent(void)
{
    uint8_t bytes[64];
    struct rtcp_view view;
    begin();
    for (unsigned i = 0; i < 40; i++)
        step(false);
    view = all_came(bytes, 40, 20);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    view = all_came(bytes, 65530, 6);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    CHECK_EQ(down.sent[39].bytes, PACKET + DOWNLINK_OVERHEAD_BYTES);
    view = all_came(bytes, 30, 10);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    CHECK_EQ(down.sent[39].bytes, 0);
    CHECK_EQ(down.sent[29].bytes, PACKET + DOWNLINK_OVERHEAD_BYTES);
    uint64_t fed_us = down.bwe.fed_us;
    CHECK_EQ(fed_us, now_us);
    now_us += MS;
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    CHECK_EQ(down.bwe.fed_us, fed_us); /* once is enough */

    for (unsigned i = 0; i < DOWNLINK_WINDOW; i++)
        step(false);
    view = all_came(bytes, 0, 40);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    CHECK_EQ(down.bwe.fed_us, fed_us);
    downlink_finish(&down);
}

/* A receiver that gives much feedback costs no more than one that gives enough. */
static void reads_no_flood(void)
{
    uint8_t bytes[64];
    begin();
    step(true);
    struct rtcp_view view = all_came(bytes, 0, 1);
    unsigned read = 0;
    for (unsigned i = 0; i < 1000; i++)
        read += downlink_feedback(&down, &view, 0, now_us) == 0;
    CHECK_EQ(read, DOWNLINK_FEEDBACKS_PER_SECOND / 2);
    for (unsigned i = 0; i < 1000; i++) {
        now_us += 10 * MS;
        read += downlink_feedback(&down, &view, 0, now_us) == 0;
    }
    CHECK_EQ(read, DOWNLINK_FEEDBACKS_PER_SECOND / 2 + 10 * DOWNLINK_FEEDBACKS_PER_SECOND);
    downlink_finish(&down);
}

/* Cut short, or of more packets than may be. */
static void refuses_what_does_not_hold_together(void)
{
    uint8_t bytes[64];
    begin();
    step(true);
    struct rtcp_view view = all_came(bytes, 0, 3);
    for (size_t len = 0; len < view.items_len; len++) {
        now_us += SECOND_US;
        struct rtcp_view cut = view;
        cut.items_len = len;
        CHECK_EQ(downlink_feedback(&down, &cut, 0, now_us), -EBADMSG);
    }
    struct writer w = writer_over(bytes, sizeof(bytes));
    writer_u16(&w, 0);
    writer_u16(&w, ARRIVALS_STATUSES_MAX + 1);
    writer_u32(&w, 0);
    writer_u16(&w, 0x1fff); /* two runs, of more than that */
    writer_u16(&w, 0x1fff);
    now_us += SECOND_US;
    view.items_len = writer_len(&w);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), -EBADMSG);
    bytes[2] = ARRIVALS_STATUSES_MAX >> 8;
    bytes[3] = ARRIVALS_STATUSES_MAX & 0xff;
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    downlink_finish(&down);
}

/* Without memory, or before it is there: numbers go on. */
static void numbers_without_memory(void)
{
    uint8_t bytes[64];
    now_us = SECOND_US;
    downlink_init(&down, now_us);
    downlink_sent(&down, PACKET, false, 0, now_us);
    CHECK_EQ(downlink_seq(&down), 1);
    struct rtcp_view view = all_came(bytes, 0, 1);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    CHECK_EQ(downlink_estimate_bps(&down), 0);
    downlink_finish(&down);
}

/* Overdue is only what feedback is to tell of, after a round trip; any feedback ends it. */
static void notices_silence(void)
{
    uint8_t bytes[64];
    begin();
    step(false);
    now_us += 10 * SECOND_US;
    CHECK(!downlink_is_silent(&down, 0, now_us)); /* it may give none at all */
    struct rtcp_view view = all_came(bytes, 0, 1);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    now_us += 10 * SECOND_US;
    CHECK(!downlink_is_silent(&down, 0, now_us)); /* nothing was sent */
    downlink_sent(&down, 120, true, 0, now_us);
    now_us += 10 * SECOND_US;
    CHECK(!downlink_is_silent(&down, 0, now_us)); /* sound, of which it does not tell */
    downlink_sent(&down, PACKET, false, 0, now_us);
    downlink_sent(&down, PACKET, false, 0, now_us + DOWNLINK_SILENCE_US);
    CHECK(!downlink_is_silent(&down, 100 * MS, now_us + DOWNLINK_SILENCE_US + 100 * MS));
    CHECK(downlink_is_silent(&down, 100 * MS, now_us + DOWNLINK_SILENCE_US + 101 * MS));
    now_us += 2 * SECOND_US;
    view = all_came(bytes, 2, 1);
    CHECK_EQ(downlink_feedback(&down, &view, 0, now_us), 0);
    CHECK(!downlink_is_silent(&down, 100 * MS, now_us));
    downlink_finish(&down);
}

/* What was sent as a train raises the estimate at once. */
static void trains_are_told(void)
{
    for (uint8_t train = 0; train < 2; train++) {
        begin();
        run(100, false);
        uint32_t before = downlink_estimate_bps(&down);
        for (unsigned i = 0; i < 60; i++) {
            now_us += MS;
            uint16_t seq = downlink_seq(&down);
            downlink_sent(&down, PACKET, false, train, now_us);
            twcc_received(&receiver, seq, now_us + 15 * MS);
        }
        now_us += 20 * MS;
        CHECK_EQ(feed_back(), 0);
        CHECK(train ? downlink_estimate_bps(&down) > 3 * before
                    : downlink_estimate_bps(&down) < 2 * before);
        downlink_finish(&down);
    }
}

int main(void)
{
    notices_silence();
    trains_are_told();
    learns_rate_and_loss();
    audio_that_is_never_told_is_not_lost(false);
    audio_that_is_never_told_is_not_lost(true);
    follows_the_reference_over_its_wrap();
    believes_only_what_it_sent();
    reads_no_flood();
    refuses_what_does_not_hold_together();
    numbers_without_memory();
    return 0;
}
