/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/dtls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "common/limits.h"
#include "sfu/dtls_record.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#else
#include "unit/sfu/plain_page.h"
#endif

/* OpenSSL's allocations go through ours, which fail in their turn and are counted. */
static size_t live_blocks;

static void *our_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *block = malloc(size);
    live_blocks += block != NULL;
    return block;
}

static void *our_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *block = realloc(old, size);
    live_blocks += !old && block;
    return block;
}

static void our_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    live_blocks -= old != NULL;
    free(old);
}

static size_t largest;

struct pair {
    struct dtls_context *page_context, *context;
    struct dtls *page, *server;
};

/* Everything `from` wants to send goes to `to`, one datagram at a time. */
static bool carry(struct dtls *from, struct dtls *to)
{
    size_t len;
    bool any = false;
    for (const uint8_t *d = dtls_next_datagram(from, &len); d; d = dtls_next_datagram(from, &len)) {
        if (len > largest)
            largest = len;
        (void)dtls_receive(to, d, len, 0);
        any = true;
    }
    return any;
}

/* Returns 0 when both sides are done. */
static int shake_hands(struct dtls *client, struct dtls *server)
{
    dtls_start(client, 0);
    for (int i = 0; i < 10 && (carry(client, server) || carry(server, client)); i++)
        (void)carry(server, client);
    return dtls_state(client) == DTLS_DONE && dtls_state(server) == DTLS_DONE ? 0 : -EPROTO;
}

static int open_contexts(struct pair *p)
{
    *p = (struct pair){0};
    int r = dtls_context_create(&p->page_context);
    return r < 0 ? r : dtls_context_create(&p->context);
}

static int open_ends(struct pair *p)
{
    int r = dtls_create(p->page_context, DTLS_CLIENT, &p->page);
    if (r == 0)
        r = dtls_create(p->context, DTLS_SERVER, &p->server);
    return r;
}

static void close_ends(struct pair *p)
{
    dtls_destroy(STEAL(p->page));
    dtls_destroy(STEAL(p->server));
}

static void close_contexts(struct pair *p)
{
    dtls_context_destroy(STEAL(p->page_context));
    dtls_context_destroy(STEAL(p->context));
}

#ifdef TEST_FAULTS
static int connect_once(struct pair *p)
{
    int r = open_ends(p);
    if (r == 0)
        r = shake_hands(p->page, p->server);
    struct keys local, remote;
    if (r == 0)
        r = dtls_keys(p->server, dtls_context_fingerprint(p->page_context), &local, &remote);
    close_ends(p);
    return r;
}

static int open_and_close_context(struct pair *p)
{
    *p = (struct pair){0};
    int r = dtls_context_create(&p->context);
    close_contexts(p);
    return r;
}

/* Our own calls come early; of OpenSSL's thousands, each of the first and some of the rest. */
#define EACH_UP_TO 200
#define STEP_AFTER 7

static void fail_each(int (*run)(struct pair *), struct pair *p)
{
    CHECK_EQ(run(p), 0); /* what OpenSSL loads once is there from here on */
    for (int n = 0, failed = 0;; n += n < EACH_UP_TO ? 1 : STEP_AFTER, failed++) {
        faults_fail_at(n);
        int r = run(p);
        if (!faults_happened()) {
            faults_fail_at(-1);
            CHECK_EQ(r, 0);
            printf("failed %d of %d calls, one at a time\n", failed, n);
            return;
        }
        faults_fail_at(-1);
        CHECK(r <= 0);
    }
}
#else

static int open_pair(struct pair *p)
{
    int r = open_contexts(p);
    return r < 0 ? r : open_ends(p);
}

static void close_pair(struct pair *p)
{
    close_ends(p);
    close_contexts(p);
}

/* Both sides hold the same keys, each other's the other way round, and only for the right page. */
static void agrees_on_keys(void)
{
    struct pair p;
    struct keys local, remote, page_local, page_remote;
    CHECK_EQ(open_pair(&p), 0);
    const uint8_t *page_print = dtls_context_fingerprint(p.page_context);
    CHECK(memcmp(page_print, dtls_context_fingerprint(p.context), DTLS_FINGERPRINT_LEN) != 0);
    CHECK_EQ(dtls_keys(p.server, page_print, &local, &remote), -EAGAIN);
    CHECK_EQ(shake_hands(p.page, p.server), 0);
    CHECK_EQ(dtls_keys(p.server, page_print, &local, &remote), 0);
    CHECK_EQ(dtls_keys(p.page, dtls_context_fingerprint(p.context), &page_local, &page_remote), 0);
    CHECK_EQ(local.suite, KEYS_AEAD_AES_128_GCM);
    CHECK(memcmp(&local, &page_remote, sizeof(local)) == 0);
    CHECK(memcmp(&remote, &page_local, sizeof(remote)) == 0);
    CHECK(memcmp(local.key, remote.key, 16) != 0);
    CHECK(largest <= 1200);
    close_pair(&p);
}

/* One wrong bit anywhere in the fingerprint and nothing is exported. */
static void wrong_fingerprint_derives_no_keys(void)
{
    struct pair p;
    CHECK_EQ(open_pair(&p), 0);
    CHECK_EQ(shake_hands(p.page, p.server), 0);
    for (int bit = 0; bit < DTLS_FINGERPRINT_LEN * 8; bit++) {
        uint8_t wrong[DTLS_FINGERPRINT_LEN];
        struct keys local = {.salt = "untouched"}, remote = {.salt = "untouched"};
        memcpy(wrong, dtls_context_fingerprint(p.page_context), sizeof(wrong));
        wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(dtls_keys(p.server, wrong, &local, &remote), -EACCES);
        CHECK(memcmp(local.salt, "untouched", 9) == 0 && memcmp(remote.salt, "untouched", 9) == 0);
    }
    close_pair(&p);
}

static void close_is_heard(void)
{
    struct pair p;
    CHECK_EQ(open_pair(&p), 0);
    CHECK_EQ(shake_hands(p.page, p.server), 0);
    dtls_close(p.page);
    (void)carry(p.page, p.server);
    CHECK_EQ(dtls_state(p.server), DTLS_CLOSED);
    CHECK_EQ(dtls_receive(p.server, (const uint8_t *)"x", 1, 0), -EPIPE);
    close_pair(&p);
}

static void suites_and_certificates(void)
{
    static const struct {
        const char *srtp;
        enum plain_certificate certificate;
        enum dtls_state state;
        int keys;
        enum keys_suite suite;
    } cases[] = {
        /* Ours is preferred whatever the page prefers. */
        {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", PLAIN_ECDSA,
         DTLS_DONE, 0, KEYS_AEAD_AES_128_GCM},
        {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM", PLAIN_ECDSA, DTLS_DONE, 0,
         KEYS_AEAD_AES_256_GCM},
        {"SRTP_AES128_CM_SHA1_80", PLAIN_ECDSA, DTLS_DONE, 0, KEYS_AES_128_CM_HMAC_SHA1_80},
        {"SRTP_AEAD_AES_128_GCM", PLAIN_RSA_2048, DTLS_DONE, 0, KEYS_AEAD_AES_128_GCM},
        /* No SRTP, or only a suite with a short tag: no keys. */
        {NULL, PLAIN_ECDSA, DTLS_DONE, -EPROTO, 0},
        {"SRTP_AES128_CM_SHA1_32", PLAIN_ECDSA, DTLS_DONE, -EPROTO, 0},
        /* Keys whose proof is dear to check, and that no browser makes: no handshake. */
        {"SRTP_AEAD_AES_128_GCM", PLAIN_ECDSA_P_384, DTLS_FAILED, -EAGAIN, 0},
        {"SRTP_AEAD_AES_128_GCM", PLAIN_RSA_LONG_EXPONENT, DTLS_FAILED, -EAGAIN, 0},
        /* No certificate: no handshake. */
        {"SRTP_AEAD_AES_128_GCM", PLAIN_NONE, DTLS_FAILED, -EAGAIN, 0},
    };
    CLEANUP(dtls_context_destroy) struct dtls_context *context = NULL;
    CHECK_EQ(dtls_context_create(&context), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(dtls_destroy) struct dtls *server = NULL;
        const struct plain_page_options options = {.srtp = cases[i].srtp,
                                                   .certificate = cases[i].certificate};
        struct plain_page page;
        struct keys local, remote;
        CHECK_EQ(dtls_create(context, DTLS_SERVER, &server), 0);
        plain_page_open(&options, &page);
        (void)plain_page_handshake(&page, server);
        CHECK_EQ(dtls_state(server), cases[i].state);
        CHECK_EQ(dtls_keys(server, page.fingerprint, &local, &remote), cases[i].keys);
        if (cases[i].keys == 0)
            CHECK_EQ(local.suite, cases[i].suite);
        plain_page_close(&page);
    }
}

/* Both browsers send a hello of over 1,400 bytes in two datagrams; here also in many. */
static void long_hellos_in_fragments(void)
{
    CLEANUP(dtls_context_destroy) struct dtls_context *context = NULL;
    CHECK_EQ(dtls_context_create(&context), 0);
    static const struct {
        size_t bytes;
        long mtu;
        size_t datagrams;
    } hellos[] = {{0, 1200, 1}, {1400, 1200, 2}, {1800, 1200, 2}, {1400, 300, 6}};
    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        CLEANUP(dtls_destroy) struct dtls *server = NULL;
        const struct plain_page_options options = {.srtp = "SRTP_AEAD_AES_128_GCM",
                                                   .certificate = PLAIN_ECDSA,
                                                   .hello_bytes = hellos[i].bytes,
                                                   .mtu = hellos[i].mtu};
        struct plain_page page;
        struct keys local, remote;
        CHECK_EQ(dtls_create(context, DTLS_SERVER, &server), 0);
        plain_page_open(&options, &page);
        CHECK(plain_page_handshake(&page, server) >= hellos[i].datagrams);
        CHECK_EQ(dtls_keys(server, page.fingerprint, &local, &remote), 0);
        plain_page_close(&page);
    }
}

/* Our last flight is lost: the page says its Finished again, and gets ours again, after OpenSSL is
 * gone from our side. */
static void lost_last_flight_is_sent_again(void)
{
    struct pair p;
    CHECK_EQ(open_pair(&p), 0);
    dtls_start(p.page, 0);
    (void)carry(p.page, p.server);
    (void)carry(p.server, p.page);
    (void)carry(p.page, p.server);
    CHECK_EQ(dtls_state(p.server), DTLS_DONE);
    uint64_t now_us = 0;
    for (int i = 0; i < 3; i++) {
        size_t len;
        while (dtls_next_datagram(p.server, &len))
            ;
        CHECK_EQ(dtls_state(p.page), DTLS_HANDSHAKING);
        do /* its timer is OpenSSL's, of 50 ms and more by the real clock */
            (void)dtls_tick(p.page, now_us += 10000000);
        while (!carry(p.page, p.server));
    }
    CHECK(carry(p.server, p.page));
    CHECK_EQ(dtls_state(p.page), DTLS_DONE);
    dtls_close(p.page);
    (void)carry(p.page, p.server);
    CHECK_EQ(dtls_state(p.server), DTLS_CLOSED);
    close_pair(&p);
}

/* Records of a future epoch, undersized ones and a flood of stale ones: dropped, the association
 * goes on, and memory is flat. */
static void odd_records_are_dropped(void)
{
    struct pair p;
    CHECK_EQ(open_pair(&p), 0);
    CHECK_EQ(shake_hands(p.page, p.server), 0);
    size_t after_2000 = 0;
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t record[64] = {(uint8_t)(20 + i % 4),
                              0xfe,
                              0xfd,
                              0,
                              (uint8_t)(i % 5),
                              0,
                              0,
                              0,
                              0,
                              (uint8_t)(i >> 8),
                              (uint8_t)i,
                              0,
                              (uint8_t)(i % 51)};
        (void)dtls_receive(p.server, record, i % sizeof(record), 0);
        size_t len;
        while (dtls_next_datagram(p.server, &len))
            ;
        CHECK_EQ(dtls_state(p.server), DTLS_DONE);
        if (i == 2000)
            after_2000 = live_blocks;
    }
    CHECK(live_blocks <= after_2000);
    dtls_close(p.page);
    (void)carry(p.page, p.server);
    CHECK_EQ(dtls_state(p.server), DTLS_CLOSED);
    close_pair(&p);
}

/* A handshake whose last flight is played again and again: answered or dropped, and forgotten. */
static void replayed_handshake_is_flat(void)
{
    struct pair p;
    CHECK_EQ(open_pair(&p), 0);
    uint8_t flight[8][1300];
    size_t lens[8], count = 0, len;
    dtls_start(p.page, 0);
    for (int i = 0; i < 10 && dtls_state(p.server) == DTLS_HANDSHAKING; i++) {
        count = 0;
        for (const uint8_t *d = dtls_next_datagram(p.page, &len); d && count < 8;
             d = dtls_next_datagram(p.page, &len)) {
            memcpy(flight[count], d, len);
            lens[count++] = len;
            (void)dtls_receive(p.server, d, len, 0);
        }
        (void)carry(p.server, p.page);
    }
    CHECK_EQ(dtls_state(p.server), DTLS_DONE);
    size_t before = live_blocks;
    for (int i = 0; i < 2000; i++) {
        for (size_t k = 0; k < count; k++)
            (void)dtls_receive(p.server, flight[k], lens[k], 0);
        while (dtls_next_datagram(p.server, &len))
            ;
    }
    CHECK_EQ(dtls_state(p.server), DTLS_DONE);
    CHECK(live_blocks <= before + 16);
    close_pair(&p);
}

static void handshake_bytes_are_bounded(void)
{
    CLEANUP(dtls_context_destroy) struct dtls_context *context = NULL;
    CLEANUP(dtls_destroy) struct dtls *server = NULL;
    CHECK_EQ(dtls_context_create(&context), 0);
    CHECK_EQ(dtls_create(context, DTLS_SERVER, &server), 0);
    uint8_t record[1024] = {22, 0xfe, 0xfd, 0, 7};
    for (int i = 0; i < LIMIT_DTLS_HANDSHAKE_BYTES / 1024; i++)
        CHECK_EQ(dtls_receive(server, record, sizeof(record), 0), 0);
    CHECK_EQ(dtls_receive(server, record, 13, 0), -EMSGSIZE);
    CHECK_EQ(dtls_receive(server, record, 12, 0), -EBADMSG);
    CHECK_EQ(dtls_state(server), DTLS_HANDSHAKING);
}
#endif

int main(void)
{
    CHECK(CRYPTO_set_mem_functions(our_malloc, our_realloc, our_free));
#ifdef TEST_FAULTS
    struct pair p;
    fail_each(open_and_close_context, &p);
    CHECK_EQ(open_contexts(&p), 0);
    fail_each(connect_once, &p);
    close_contexts(&p);
    return 0;
#else
    agrees_on_keys();
    wrong_fingerprint_derives_no_keys();
    close_is_heard();
    suites_and_certificates();
    long_hellos_in_fragments();
    lost_last_flight_is_sent_again();
    odd_records_are_dropped();
    replayed_handshake_is_flat();
    handshake_bytes_are_bounded();
    return 0;
#endif
}
