/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/time.h>

#include "sfu/dtls.h"
#include "unit/check.h"

/* Two ends and a path that loses chosen datagrams of the handshake, on a clock of the test's. */

#define STEP_US 5000u
/* Each way. A datagram that is sent between two steps comes a step later. */
#define ON_THE_WAY_MAX 64
#define MTU            1200
/* Three lost flights in a row, at twice the time each. */
#define BOUND_US 1000000u
/* Seven of them, where a quarter is lost. */
#define BOUND_MANY_US 12000000u
/* Of one handshake, both ways: more than the longest below has. */
#define DATAGRAMS_MAX 64

static uint64_t now_us = 1000000000;

/* OpenSSL finds ours first. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(now_us / 1000000);
    tv->tv_usec = (suseconds_t)(now_us % 1000000);
    return 0;
}

struct way {
    bool packs; /* a flight that is said again is one datagram, as browsers do; OpenSSL makes one a
                   message */
    size_t count;
    size_t lens[ON_THE_WAY_MAX];
    uint8_t bytes[ON_THE_WAY_MAX][MTU];
};

struct path {
    struct way up, down;
    size_t sent;     /* datagrams, both ways */
    uint64_t lost;   /* bit n: the nth is */
    uint64_t random; /* or: so many percent of them, by this seed; 0: none */
    unsigned share;
};

static bool is_lost(struct path *p)
{
    size_t n = p->sent++;
    if (p->share) {
        p->random = p->random * 6364136223846793005u + 1442695040888963407u;
        return (p->random >> 33) % 100 < p->share;
    }
    return n < DATAGRAMS_MAX && p->lost >> n & 1;
}

static void put(struct path *p, struct way *way, const uint8_t *datagram, size_t len)
{
    if (is_lost(p))
        return;
    CHECK(way->count < ON_THE_WAY_MAX);
    memcpy(way->bytes[way->count], datagram, len);
    way->lens[way->count++] = len;
}

static void put_all(struct path *p, struct way *way, struct dtls *from)
{
    uint8_t open[MTU];
    size_t open_len = 0, len;
    for (const uint8_t *d = dtls_next_datagram(from, &len); d; d = dtls_next_datagram(from, &len)) {
        if (open_len && (!way->packs || open_len + len > MTU)) {
            put(p, way, open, open_len);
            open_len = 0;
        }
        CHECK(len <= MTU - open_len);
        memcpy(open + open_len, d, len);
        open_len += len;
    }
    if (open_len)
        put(p, way, open, open_len);
}

static void deliver(struct path *p, struct way *way, struct dtls *to, struct way *answers)
{
    for (size_t i = 0; i < way->count; i++) {
        (void)dtls_receive(to, way->bytes[i], way->lens[i], now_us);
        put_all(p, answers, to);
    }
    way->count = 0;
}

static struct dtls_context *page_context, *context;

/* Whether both ends have keys, and the same ones. */
static bool agree(const struct dtls *page, const struct dtls *server)
{
    struct keys local, remote, page_local, page_remote;
    if (dtls_keys(server, dtls_context_fingerprint(page_context), &local, &remote) < 0 ||
        dtls_keys(page, dtls_context_fingerprint(context), &page_local, &page_remote) < 0)
        return false;
    CHECK(memcmp(&local, &page_remote, sizeof(local)) == 0);
    CHECK(memcmp(&remote, &page_local, sizeof(remote)) == 0);
    return true;
}

/* Returns how long it took, at most `most_us`. `lag`: the server looks at its timers once in so
 * many steps, as a worker does, so that the page's are over first. */
static uint64_t shake_hands(struct path *p, unsigned lag, uint64_t most_us)
{
    CLEANUP(dtls_destroy) struct dtls *page = NULL;
    CLEANUP(dtls_destroy) struct dtls *server = NULL;
    CHECK_EQ(dtls_create(page_context, DTLS_CLIENT, &page), 0);
    CHECK_EQ(dtls_create(context, DTLS_SERVER, &server), 0);
    uint64_t began_us = now_us;
    dtls_start(page, now_us);
    put_all(p, &p->up, page);
    for (unsigned step = 1; !agree(page, server) && now_us - began_us < most_us; step++) {
        now_us += STEP_US;
        (void)dtls_tick(page, now_us);
        put_all(p, &p->up, page);
        deliver(p, &p->up, server, &p->down);
        if (step % lag == 0)
            (void)dtls_tick(server, now_us);
        put_all(p, &p->down, server);
        deliver(p, &p->down, page, &p->up);
    }
    return now_us - began_us;
}

static uint64_t longest_us;

static void check_lost(uint64_t lost, unsigned lag, bool packs)
{
    struct path p = {.lost = lost, .up.packs = packs};
    uint64_t took_us = shake_hands(&p, lag, BOUND_US);
    if (took_us >= BOUND_US)
        printf("lost %llx, lag %u, packs %d: no keys\n", (unsigned long long)lost, lag, packs);
    CHECK(took_us < BOUND_US);
    CHECK(p.sent <= DATAGRAMS_MAX);
    if (took_us > longest_us)
        longest_us = took_us;
}

/* Both sides have keys within a second whichever one or two datagrams are lost. */
static void any_two_lost(unsigned lag, bool packs)
{
    enum { AMONG = 24 }; /* what is sent after three timers of the page */
    longest_us = 0;
    for (unsigned a = 0; a < AMONG; a++)
        for (unsigned b = a; b < AMONG; b++)
            check_lost(1ull << a | 1ull << b, lag, packs);
    printf("one or two lost, lag %u: keys within %llu ms\n", lag,
           (unsigned long long)longest_us / 1000);
}

/* And sooner or later on a line that loses a quarter of all. */
static void many_lost(unsigned lag, bool packs)
{
    longest_us = 0;
    for (unsigned seed = 0; seed < 100; seed++) {
        struct path p = {.share = 25, .random = seed, .up.packs = packs};
        uint64_t took_us = shake_hands(&p, lag, BOUND_MANY_US);
        CHECK(took_us < BOUND_MANY_US);
        if (took_us > longest_us)
            longest_us = took_us;
    }
    printf("25 %% lost, lag %u: keys within %llu ms\n", lag, (unsigned long long)longest_us / 1000);
}

int main(void)
{
    CHECK_EQ(dtls_context_create(&page_context), 0);
    CHECK_EQ(dtls_context_create(&context), 0);
    for (unsigned lag = 1; lag <= 4; lag += 3) {
        any_two_lost(lag, false);
        any_two_lost(lag, true);
        many_lost(lag, false);
        many_lost(lag, true);
    }
    dtls_context_destroy(context);
    dtls_context_destroy(page_context);
    return 0;
}
