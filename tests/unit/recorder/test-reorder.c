/* SPDX-License-Identifier: Apache-2.0 */
/* Packets come as the network likes and leave in order, once; numbers wrap and start anew. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "recorder/packet.h"
#include "recorder/reorder.h"
#include "unit/check.h"

#define MS 1000

/* Takes all that is ready; returns the numbers as text. */
static const char *take(struct reorder *r, int64_t now_us)
{
    static char text[256];
    struct reorder_packet p;
    size_t at = 0;
    text[0] = '\0';
    while (reorder_take(r, now_us, &p)) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%jd ", (intmax_t)p.seq);
        CHECK_EQ(p.len, 1);
        CHECK_EQ(p.data[0], (uint8_t)p.seq);
        free(p.data);
    }
    return text;
}

static void put(struct reorder *r, int64_t seq, int64_t at_us)
{
    uint8_t byte = (uint8_t)seq;
    CHECK_EQ(reorder_put(r, seq, 0, at_us, &byte, 1), 0);
}

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *a_ = (actual);                                                                 \
        if (strcmp(a_, expected) != 0) {                                                           \
            fprintf(stderr, "%s:%d: '%s', expected '%s'\n", __FILE__, __LINE__, a_, expected);     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void test_order(void)
{
    struct reorder r = {0};
    put(&r, 10, 0);
    put(&r, 9, 10 * MS); /* the first of a track may be late too */
    CHECK_TEXT(take(&r, 20 * MS), "");
    CHECK_TEXT(take(&r, REORDER_WAIT_US + 10 * MS), "9 10 ");
    put(&r, 12, 5000 * MS);
    put(&r, 14, 5010 * MS);
    put(&r, 12, 5015 * MS); /* a copy */
    CHECK_TEXT(take(&r, 5020 * MS), "");
    put(&r, 11, 5030 * MS);
    CHECK_TEXT(take(&r, 5030 * MS), "11 12 ");
    put(&r, 11, 5040 * MS); /* a copy of what was given */
    CHECK_TEXT(take(&r, 5040 * MS), "");
    CHECK_TEXT(take(&r, 5010 * MS + REORDER_WAIT_US), "14 "); /* 13 is given up */
    put(&r, 13, 9100 * MS);
    CHECK_TEXT(take(&r, 9100 * MS), "");
    put(&r, 20, 9200 * MS);
    CHECK_TEXT(take(&r, INT64_MAX), "20 ");
    reorder_finish(&r);
}

/* A hole is given up when too many wait behind it. */
static void test_bound(void)
{
    struct reorder r = {0};
    put(&r, 0, 0);
    CHECK_TEXT(take(&r, REORDER_WAIT_US), "0 ");
    for (int64_t i = 2; i <= LIMIT_REORDER_PACKETS + 1; i++)
        put(&r, i, REORDER_WAIT_US);
    struct reorder_packet p;
    CHECK(!reorder_take(&r, REORDER_WAIT_US, &p));
    put(&r, LIMIT_REORDER_PACKETS + 2, REORDER_WAIT_US);
    CHECK(reorder_take(&r, REORDER_WAIT_US, &p));
    CHECK_EQ(p.seq, 2);
    free(p.data);
    reorder_finish(&r);
}

/* Sequence numbers over wraps, pauses and new beginnings; timestamps over their own wrap. */
static void test_unwrap(void)
{
    static const struct {
        uint16_t seq;
        uint32_t ticks;
        int64_t at_us;
        int64_t want_seq, want_ticks;
    } rows[] = {
        {65534, 0xfffffff0, 0, 65534, 0xfffffff0},
        {65535, 0xfffffff8, 20 * MS, 65535, 0xfffffff8},
        {1, 0x8, 60 * MS, 65537, 0x100000008},
        {0, 0x0, 70 * MS, 65536, 0x100000000},          /* late */
        {60000, 0x10, 20000 * MS, 125536, 0x100000010}, /* after 20 s nothing can be late */
        {59999, 0x8, 20010 * MS, 125535, 0x100000008},
        {20000, 0x900, 20020 * MS, 151072, 0x100000900}, /* began again elsewhere */
    };
    struct packet_counters c = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct packet p = {.seq = rows[i].seq, .rtp_ticks = rows[i].ticks};
        int64_t seq, ticks;
        packet_unwrap(&c, &p, rows[i].at_us, &seq, &ticks);
        CHECK_EQ(seq, rows[i].want_seq);
        CHECK_EQ(ticks, rows[i].want_ticks);
    }
}

int main(void)
{
    test_order();
    test_bound();
    test_unwrap();
    return 0;
}
