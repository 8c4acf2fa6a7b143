/* SPDX-License-Identifier: Apache-2.0 */
/* What sealing and opening one packet costs: each suite, by each library that this machine has and
 * by libsrtp2, for so many receivers in turn that their keys are in the processor's nearest cache,
 * or are not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sfu/seal.h"
#include "unit/sfu/reference.h"

#define ROUNDS      5
#define BATCHES     100 /* a round */
#define KEYS_MOST   1000
#define PACKET_MOST 1536

enum { SEALING, OPENING, WAYS };
static const char *const way_names[WAYS] = {"seals", "opens"};

/* One receiver, and the page that it is to us the other way round. */
struct receiver {
    struct seal *seal, *open;
    struct seal_stream sealed, opened;
    struct reference *reference; /* instead of all these */
    uint16_t seq;
};

/* A batch is one packet for each of as many receivers in turn. */
static struct receiver receivers[KEYS_MOST];
static uint8_t payload[1200], out[PACKET_MOST];
_Alignas(4) static uint8_t packets[KEYS_MOST][PACKET_MOST];
static size_t lens[KEYS_MOST];

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void need(bool well)
{
    if (!well)
        abort();
}

static void seal_one(struct receiver *r, size_t payload_len, uint8_t *to, size_t *ret_len)
{
    uint8_t header[20] = {0x90, 96, [11] = 1, [12] = 0xbe, 0xde, 0, 1};
    header[2] = (uint8_t)(++r->seq >> 8);
    header[3] = (uint8_t)r->seq;
    if (r->reference) {
        memcpy(to, header, sizeof(header));
        memcpy(to + sizeof(header), payload, payload_len);
        *ret_len = sizeof(header) + payload_len;
        need(reference_seal(r->reference, to, ret_len) == 0);
        return;
    }
    const struct seal_packet p = {.header = header,
                                  .header_len = sizeof(header),
                                  .payload = payload,
                                  .payload_len = payload_len};
    need(seal_rtp(r->seal, &r->sealed, &p, to, PACKET_MOST, ret_len) == 0);
}

static void open_one(struct receiver *r, uint8_t *packet, size_t len)
{
    size_t plain_len = len;
    if (r->reference)
        need(reference_open(r->reference, packet, &plain_len) == 0);
    else
        need(seal_open_rtp(r->open, &r->opened, packet, len, out, &plain_len) == 0);
}

/* Nanoseconds a packet, one way and the other. */
static void run(struct sealer *sealer, size_t keys, size_t payload_len, double ret_ns[WAYS])
{
    ret_ns[SEALING] = ret_ns[OPENING] = 0;
    for (size_t batch = 0; batch < BATCHES; batch++) {
        double began = cpu_ns();
        for (size_t i = 0; i < KEYS_MOST; i++)
            seal_one(&receivers[i % keys], payload_len, packets[i], &lens[i]);
        sealer_settle(sealer);
        double between = cpu_ns();
        for (size_t i = 0; i < KEYS_MOST; i++)
            open_one(&receivers[i % keys], packets[i], lens[i]);
        ret_ns[SEALING] += (between - began) / (BATCHES * KEYS_MOST);
        ret_ns[OPENING] += (cpu_ns() - between) / (BATCHES * KEYS_MOST);
    }
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* By libsrtp2 when there is no sealer. */
static int make_receivers(const struct sealer *sealer, enum keys_suite suite)
{
    int r = 0;
    for (size_t i = 0; i < KEYS_MOST && r == 0; i++) {
        struct keys k = {.suite = suite};
        memcpy(k.key, &i, sizeof(i));
        receivers[i] = (struct receiver){0};
        if (!sealer) {
            r = reference_create(&k, &receivers[i].reference);
            continue;
        }
        r = seal_create(sealer, SEAL_RTP_OUT, &k, &receivers[i].seal);
        if (r == 0)
            r = seal_create(sealer, SEAL_RTP_IN, &k, &receivers[i].open);
    }
    return r;
}

static void end_receivers(void)
{
    for (size_t i = 0; i < KEYS_MOST; i++) {
        seal_destroy(receivers[i].seal);
        seal_destroy(receivers[i].open);
        reference_destroy(receivers[i].reference);
    }
}

static int measure(struct sealer *sealer, enum keys_suite suite, const char *name)
{
    static const size_t keys[] = {1, 30, KEYS_MOST}, sizes[] = {160, 1200};
    enum { COLUMNS = 6 };
    double ns[WAYS][COLUMNS][ROUNDS];
    int r = make_receivers(sealer, suite);
    if (r < 0)
        return r;
    for (size_t column = 0; column < COLUMNS; column++)
        for (size_t round = 0; round < ROUNDS; round++) {
            double both[WAYS];
            run(sealer, keys[column % 3], sizes[column / 3], both);
            for (size_t way = 0; way < WAYS; way++)
                ns[way][column][round] = both[way];
        }
    for (size_t way = 0; way < WAYS; way++) {
        printf("%-18s %-24s %s", sealer ? sealer_name(sealer) : "libsrtp2", name, way_names[way]);
        for (size_t column = 0; column < COLUMNS; column++) {
            qsort(ns[way][column], ROUNDS, sizeof(double), compare);
            printf(" %8.0f", ns[way][column][ROUNDS / 2]);
        }
        printf("\n");
    }
    end_receivers();
    return 0;
}

static int measure_suites(struct sealer *sealer)
{
    static const struct {
        enum keys_suite suite;
        const char *name;
    } suites[] = {{KEYS_AEAD_AES_128_GCM, "AEAD_AES_128_GCM"},
                  {KEYS_AEAD_AES_256_GCM, "AEAD_AES_256_GCM"},
                  {KEYS_AES_128_CM_HMAC_SHA1_80, "AES_CM_128_HMAC_SHA1_80"}};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(suites) / sizeof(suites[0]); i++)
        r = measure(sealer, suites[i].suite, suites[i].name);
    return r;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        printf(
            "usage: bench-seal\nPrints nanoseconds of one thread's processor time for one packet, "
            "the median of %d rounds.\n",
            ROUNDS);
        return 0;
    }
    static const enum sealer_library libraries[] = {SEALER_IPSEC_MB, SEALER_OPENSSL};
    printf("%-18s %-30s %26s %26s\n%-18s %-30s", "ns a packet", "", "160 bytes", "1200 bytes",
           "library", "suite, keys in turn");
    printf(" %8d %8d %8d %8d %8d %8d\n", 1, 30, KEYS_MOST, 1, 30, KEYS_MOST);
    for (size_t l = 0; l < 2; l++) {
        CLEANUP(sealer_destroy) struct sealer *sealer = NULL;
        int r = sealer_create(libraries[l], &sealer);
        if (r == 0)
            r = measure_suites(sealer);
        if (r < 0 && r != -ENOTSUP)
            return 1;
    }
    return measure_suites(NULL) < 0;
}
