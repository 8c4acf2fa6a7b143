/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/history.h"

#include <errno.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define MS 1000ull

/* Puts a packet of that number; the history alone holds it then. */
static void put(struct history *h, struct packet_pool *pool, uint16_t seq, uint64_t now_us)
{
    struct packet *packet = NULL;
    CHECK_EQ(packet_take(pool, &packet), 0);
    packet->rtp.seq = seq;
    packet->arrived_us = now_us;
    history_put(h, packet, now_us);
    packet_unref(packet);
}

static bool has(struct history *h, uint16_t seq, uint64_t now_us)
{
    struct packet *packet = history_find(h, seq, now_us);
    if (packet)
        CHECK_EQ(packet->rtp.seq, seq);
    return packet;
}

/* A share of its own for each: as if each were another publisher's. */
static struct history_shares all;

/* Streams together would fill the pool many times over: a quarter stays free for what comes, and
 * no more than a quarter is left unused for it. */
static int leaves_a_quarter(void)
{
    enum { STREAMS = 5 };
    CLEANUP(packet_pool_destroy) struct packet_pool *pool = NULL;
    struct history *h[STREAMS] = {NULL};
    struct history_share shares[STREAMS];
    int r = packet_pool_create(64, &pool);
    for (int i = 0; i < STREAMS; i++)
        history_share_init(&shares[i], &all);
    for (int i = 0; r == 0 && i < STREAMS; i++)
        r = history_create(32, &shares[i], &h[i]);
    for (uint16_t seq = 0; r == 0 && seq < 200; seq++) {
        for (int i = 0; i < STREAMS; i++) {
            put(h[i], pool, seq, 10 * MS);
            CHECK(packet_pool_free(pool) >= 64 / 4);
        }
    }
    size_t kept = 0;
    for (int i = 0; r == 0 && i < STREAMS; i++)
        kept += history_count(h[i]);
    CHECK(r < 0 || kept >= 64 / 2);
    for (int i = 0; i < STREAMS; i++) {
        history_destroy(h[i]);
        history_share_finish(&shares[i]);
    }
    CHECK(!all.heaviest);
    return r;
}

/* Whoever publishes most streams in the most layers keeps LIMIT_HISTORY_PER_PEER, those that came
 * last, of whichever stream. */
static int bounds_a_publisher(void)
{
    enum { STREAMS = LIMIT_STREAMS_PER_PEER * LIMIT_ENCODINGS, PUT = 6000 };
    CLEANUP(packet_pool_destroy) struct packet_pool *pool = NULL;
    struct history *h[STREAMS] = {NULL};
    struct history_share share;
    history_share_init(&share, &all);
    int r = packet_pool_create(4 * (size_t)LIMIT_HISTORY_PER_PEER, &pool);
    for (int i = 0; r == 0 && i < STREAMS; i++)
        r = history_create(512, &share, &h[i]);
    for (unsigned n = 0; r == 0 && n < PUT; n++) {
        put(h[n % STREAMS], pool, (uint16_t)(n / STREAMS), n);
        CHECK(share.kept <= LIMIT_HISTORY_PER_PEER);
        CHECK_EQ(packet_pool_free(pool), 4 * LIMIT_HISTORY_PER_PEER - share.kept);
    }
    for (unsigned n = 0; r == 0 && n < PUT; n++)
        CHECK_EQ(has(h[n % STREAMS], (uint16_t)(n / STREAMS), PUT),
                 n >= PUT - LIMIT_HISTORY_PER_PEER);
    for (int i = 0; i < STREAMS; i++)
        history_destroy(h[i]);
    CHECK_EQ(share.kept, 0);
    history_share_finish(&share);
    return r;
}

/* The same at a moment when the pool is scarce, if it is about to be. */
static void put_when_scarce(struct history *h, struct packet_pool *pool, size_t count, uint16_t seq,
                            uint64_t now_us)
{
    enum { MORE = 8 };
    struct packet *on_their_way[MORE] = {NULL};
    bool soon = packet_pool_free(pool) < count / 4 + MORE;
    for (int i = 0; soon && i < MORE; i++)
        CHECK_EQ(packet_take(pool, &on_their_way[i]), 0);
    CHECK_EQ(packet_pool_is_scarce(pool), soon);
    put(h, pool, seq, now_us);
    for (int i = 0; i < MORE; i++)
        packet_unref(on_their_way[i]);
}

/* Several who send all they may make the pool scarce: they pay for it themselves, and of one who
 * speaks among them not one packet goes before its time. */
static int floods_starve_nobody(void)
{
    enum { FLOODS = 4, SPEAKER = FLOODS, PACKETS = 4096, EACH = 100 };
    CLEANUP(packet_pool_destroy) struct packet_pool *pool = NULL;
    struct history *h[FLOODS + 1] = {NULL};
    struct history_share shares[FLOODS + 1];
    uint16_t seq = 0;
    unsigned scarce = 0;
    int r = packet_pool_create(PACKETS, &pool);
    for (int i = 0; i <= SPEAKER; i++)
        history_share_init(&shares[i], &all);
    for (int i = 0; r == 0 && i <= SPEAKER; i++)
        r = history_create(i == SPEAKER ? 64 : 2048, &shares[i], &h[i]);
    for (unsigned spoken = 0; r == 0 && spoken < 200; spoken++) { /* a packet each 20 ms */
        uint64_t now_us = spoken * 20 * MS;
        put_when_scarce(h[SPEAKER], pool, PACKETS, (uint16_t)spoken, now_us);
        for (unsigned k = 0; k < EACH; k++, seq++)
            for (int i = 0; i < FLOODS; i++)
                put(h[i], pool, seq, now_us);
        scarce += packet_pool_free(pool) < PACKETS / 4 + FLOODS;
        for (unsigned n = 0; n <= spoken && n <= 50; n++)
            CHECK(has(h[SPEAKER], (uint16_t)(spoken - n), now_us));
    }
    CHECK(r < 0 || scarce > 100);
    for (int i = 0; r == 0 && i < FLOODS; i++)
        CHECK(shares[i].kept > PACKETS / 2 / FLOODS); /* none of them at another's cost */
    for (int i = 0; i <= SPEAKER; i++) {
        history_destroy(h[i]);
        history_share_finish(&shares[i]);
    }
    return r;
}

static int bounds(void)
{
    CLEANUP(packet_pool_destroy) struct packet_pool *pool = NULL;
    struct history_share share;
    history_share_init(&share, &all);
    CLEANUP(history_destroy) struct history *h = NULL;
    int r = packet_pool_create(64, &pool);
    if (r < 0)
        return r;
    r = history_create(8, &share, &h);
    if (r < 0)
        return r;
    CHECK(!has(h, 0, 0));

    /* By count: the newest 8, across the wrap, and their buffers only. */
    for (unsigned i = 0; i < 20; i++)
        put(h, pool, (uint16_t)(65530 + i), 10 * MS);
    CHECK_EQ(history_count(h), 8);
    CHECK_EQ(packet_pool_free(pool), 64 - 8);
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(has(h, (uint16_t)(65530 + i), 10 * MS), i >= 12);
    CHECK(!has(h, 14, 10 * MS));

    /* A late one takes its place; one older than the window is not kept. */
    put(h, pool, 17, 20 * MS);
    CHECK(!has(h, 16, 20 * MS));
    put(h, pool, 16, 21 * MS);
    CHECK(has(h, 16, 21 * MS));
    put(h, pool, 9, 21 * MS);
    CHECK(!has(h, 9, 21 * MS));
    /* The same number again: the later copy, no second buffer. */
    size_t before = packet_pool_free(pool);
    put(h, pool, 16, 22 * MS);
    CHECK_EQ(packet_pool_free(pool), before);

    /* By time: each goes a second after it came, asked for or not. */
    CHECK(has(h, 17, 20 * MS + HISTORY_AGE_US));
    CHECK(!has(h, 17, 21 * MS + HISTORY_AGE_US));
    CHECK(!has(h, 13, 11 * MS + HISTORY_AGE_US));
    history_expire(h, 11 * MS + HISTORY_AGE_US);
    CHECK_EQ(history_count(h), 2);
    history_expire(h, 100 * MS + HISTORY_AGE_US);
    CHECK_EQ(history_count(h), 0);
    CHECK_EQ(packet_pool_free(pool), 64);

    /* A jump over the whole window empties it; so does clearing. */
    put(h, pool, 100, 5000 * MS);
    put(h, pool, 30000, 5000 * MS);
    CHECK_EQ(history_count(h), 1);
    CHECK(!has(h, 100, 5000 * MS));
    CHECK(has(h, 30000, 5000 * MS));
    history_clear(h);
    CHECK_EQ(packet_pool_free(pool), 64);
    put(h, pool, 5, 5000 * MS); /* left to destroy */
    history_destroy(STEAL(h));
    history_share_finish(&share);
    return 0;
}

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = bounds();
        if (r == 0)
            r = leaves_a_quarter();
        if (r == 0)
            r = bounds_a_publisher();
        if (r == 0)
            r = floods_starve_nobody();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    struct history *none = NULL;
    struct history_share share;
    history_share_init(&share, &all);
    CHECK_EQ(history_create(0, &share, &none), -EINVAL);
    CHECK_EQ(history_create(100, &share, &none), -EINVAL);
    CHECK_EQ(bounds(), 0);
    CHECK_EQ(leaves_a_quarter(), 0);
    CHECK_EQ(bounds_a_publisher(), 0);
    CHECK_EQ(floods_starve_nobody(), 0);
    return 0;
#endif
}
