/* SPDX-License-Identifier: Apache-2.0 */
/* What sealing one packet costs: each suite, by each library that this machine has, for so many
 * receivers in turn that their keys are in the processor's nearest cache, or are not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sfu/seal.h"

#define ROUNDS      5
#define PACKETS     200000
#define KEYS_MOST   1000
#define PACKET_MOST 1536

struct receiver {
    struct seal *seal;
    struct seal_stream stream;
    uint16_t seq;
};

static struct receiver receivers[KEYS_MOST];
static uint8_t payload[1200], out[PACKET_MOST];

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a packet. */
static double run(size_t keys, size_t payload_len)
{
    uint8_t header[20] = {0x90, 96, [11] = 1, [12] = 0xbe, 0xde, 0, 1};
    double began = cpu_ns();
    for (size_t sealed = 0; sealed < PACKETS;) {
        for (size_t i = 0; i < keys && sealed < PACKETS; i++, sealed++) {
            struct receiver *r = &receivers[i];
            header[2] = (uint8_t)(++r->seq >> 8);
            header[3] = (uint8_t)r->seq;
            const struct seal_packet p = {.header = header,
                                          .header_len = sizeof(header),
                                          .payload = payload,
                                          .payload_len = payload_len};
            size_t len;
            if (seal_rtp(r->seal, &r->stream, &p, out, sizeof(out), &len) < 0)
                abort();
        }
    }
    return (cpu_ns() - began) / PACKETS;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int measure(const struct sealer *sealer, enum keys_suite suite, const char *name)
{
    static const size_t keys[] = {1, 30, KEYS_MOST}, sizes[] = {160, 1200};
    for (size_t i = 0; i < KEYS_MOST; i++) {
        struct keys k = {.suite = suite};
        memcpy(k.key, &i, sizeof(i));
        receivers[i] = (struct receiver){0};
        int r = seal_create(sealer, &k, &receivers[i].seal);
        if (r < 0)
            return r;
    }
    printf("%-18s %-24s", sealer_name(sealer), name);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            double ns[ROUNDS];
            for (size_t round = 0; round < ROUNDS; round++)
                ns[round] = run(keys[k], sizes[s]);
            qsort(ns, ROUNDS, sizeof(ns[0]), compare);
            printf(" %8.0f", ns[ROUNDS / 2]);
        }
    printf("\n");
    for (size_t i = 0; i < KEYS_MOST; i++)
        seal_destroy(receivers[i].seal);
    return 0;
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
    static const struct {
        enum keys_suite suite;
        const char *name;
    } suites[] = {{KEYS_AEAD_AES_128_GCM, "AEAD_AES_128_GCM"},
                  {KEYS_AEAD_AES_256_GCM, "AEAD_AES_256_GCM"},
                  {KEYS_AES_128_CM_HMAC_SHA1_80, "AES_CM_128_HMAC_SHA1_80"}};
    static const enum sealer_library libraries[] = {SEALER_IPSEC_MB, SEALER_OPENSSL};
    printf("%-18s %-24s %26s %26s\n%-18s %-24s", "ns a packet", "", "160 bytes", "1200 bytes",
           "library", "suite, keys in turn");
    printf(" %8d %8d %8d %8d %8d %8d\n", 1, 30, KEYS_MOST, 1, 30, KEYS_MOST);
    for (size_t l = 0; l < 2; l++) {
        CLEANUP(sealer_destroy) struct sealer *sealer = NULL;
        int r = sealer_create(libraries[l], &sealer);
        for (size_t i = 0; r == 0 && i < sizeof(suites) / sizeof(suites[0]); i++)
            r = measure(sealer, suites[i].suite, suites[i].name);
        if (r < 0 && r != -ENOTSUP)
            return 1;
    }
    return 0;
}
