/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/srtp_in.h"

#include <errno.h>
#include <string.h>

#include "common/limits.h"
#include "sfu/seal.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

static struct keys some_keys(enum keys_suite suite, uint8_t start)
{
    struct keys k = {.suite = suite};
    for (size_t i = 0; i < KEYS_KEY_MAX; i++)
        k.key[i] = (uint8_t)(start + i);
    for (size_t i = 0; i < KEYS_SALT_MAX; i++)
        k.salt[i] = (uint8_t)(start * 3 + i);
    return k;
}

/* The two ends of an association. */
static int open_pair(enum keys_suite suite, struct srtp_in **page, struct srtp_in **server)
{
    struct keys a = some_keys(suite, 1), b = some_keys(suite, 100);
    int r = srtp_in_create(&a, &b, page);
    return r < 0 ? r : srtp_in_create(&b, &a, server);
}

#ifdef TEST_FAULTS
static int build(void)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    return open_pair(KEYS_AEAD_AES_128_GCM, &page, &server);
}
#else

#define PACKET_MAX 2048
typedef int (*open_function)(struct srtp_in *, uint8_t *, size_t *, uint64_t);

static size_t write_rtp(uint8_t *packet, uint16_t seq, uint32_t ssrc, size_t payload_len)
{
    memset(packet, 0x77, 12 + payload_len);
    packet[0] = 0x80;
    packet[1] = 96;
    packet[2] = (uint8_t)(seq >> 8);
    packet[3] = (uint8_t)seq;
    for (int i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    return 12 + payload_len;
}

/* What one end protects the other opens, once; a flipped bit or a cut tail is refused. */
static void opens_once(enum keys_suite suite)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    CHECK_EQ(open_pair(suite, &page, &server), 0);
    _Alignas(4) uint8_t sealed[PACKET_MAX], copy[PACKET_MAX], plain[PACKET_MAX];
    for (uint16_t i = 0; i < 300; i++) {
        size_t plain_len = write_rtp(plain, (uint16_t)(65400 + i), 9, i * 4u);
        memcpy(sealed, plain, plain_len);
        size_t len = plain_len;
        CHECK_EQ(srtp_in_protect_rtp(page, sealed, &len), 0);
        CHECK_EQ(len, plain_len + keys_tag_len(suite));

        memcpy(copy, sealed, len);
        copy[2 + i % (len - 2)] ^= 0x10;
        size_t bad_len = len;
        CHECK_EQ(srtp_in_open_rtp(server, copy, &bad_len, 0), -EACCES);
        memcpy(copy, sealed, len);
        bad_len = len - 1;
        CHECK(srtp_in_open_rtp(server, copy, &bad_len, 0) < 0);

        memcpy(copy, sealed, len);
        size_t copy_len = len;
        CHECK_EQ(srtp_in_open_rtp(server, copy, &copy_len, 0), 0);
        CHECK_EQ(copy_len, plain_len);
        CHECK(memcmp(copy, plain, plain_len) == 0);
        memcpy(copy, sealed, len);
        copy_len = len;
        CHECK_EQ(srtp_in_open_rtp(server, copy, &copy_len, 0), -EALREADY);
    }
}

static void rtcp_both_ways(enum keys_suite suite)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    CHECK_EQ(open_pair(suite, &page, &server), 0);
    static const uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 0, 9};
    struct srtp_in *ends[] = {page, server};
    for (int i = 0; i < 100; i++) {
        _Alignas(4) uint8_t packet[64], copy[64];
        size_t len = sizeof(report);
        memcpy(packet, report, len);
        CHECK_EQ(srtp_in_protect_rtcp(ends[i % 2], packet, &len), 0);
        CHECK(len <= sizeof(report) + SRTP_IN_RTCP_TRAILER_MAX);
        memcpy(copy, packet, len);
        size_t copy_len = len;
        CHECK_EQ(srtp_in_open_rtcp(ends[1 - i % 2], copy, &copy_len, 0), 0);
        CHECK_EQ(copy_len, sizeof(report));
        CHECK(memcmp(copy, report, copy_len) == 0);
        CHECK_EQ(srtp_in_open_rtcp(ends[1 - i % 2], packet, &len, 0), -EALREADY);
    }
}

/* What seal makes, libsrtp2 opens. */
static void opens_what_seal_made(enum keys_suite suite)
{
    struct keys keys = some_keys(suite, 1);
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL;
    CLEANUP(sealer_destroy) struct sealer *sealer = NULL;
    CLEANUP(seal_destroy) struct seal *s = NULL;
    CHECK_EQ(srtp_in_create(&keys, &keys, &page), 0);
    CHECK_EQ(sealer_create(SEALER_OPENSSL, &sealer), 0);
    CHECK_EQ(seal_create(sealer, &keys, &s), 0);
    struct seal_stream stream = {0};
    for (uint32_t i = 0; i < 70000; i += 7) {
        _Alignas(4) uint8_t header[12], out[PACKET_MAX];
        (void)write_rtp(header, (uint16_t)i, 3, 0);
        struct seal_packet p = {
            .header = header, .header_len = 12, .payload = header, .payload_len = i % 13};
        size_t len;
        CHECK_EQ(seal_rtp(s, &stream, &p, out, sizeof(out), &len), 0);
        CHECK_EQ(srtp_in_open_rtp(page, out, &len, 0), 0);
        CHECK_EQ(len, 12 + i % 13);
    }
}

/* Bytes of any length in clear, with every payload type: 0 accepted. */
static void clear_is_refused(enum keys_suite suite)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    CHECK_EQ(open_pair(suite, &page, &server), 0);
    static const open_function opens[] = {srtp_in_open_rtp, srtp_in_open_rtcp};
    for (size_t len = 0; len < 100; len++)
        for (unsigned type = 0; type < 256; type += 5)
            for (size_t f = 0; f < 2; f++) {
                _Alignas(4) uint8_t packet[128];
                (void)write_rtp(packet, 1, 1, sizeof(packet) - 12);
                packet[0] = (uint8_t)(0x80 | len % 64);
                packet[1] = (uint8_t)type;
                size_t n = len;
                CHECK(opens[f](server, packet, &n, 0) < 0);
            }
}

static int send_ssrc(struct srtp_in *page, struct srtp_in *server, uint16_t seq, uint32_t ssrc,
                     uint64_t now_us)
{
    _Alignas(4) uint8_t packet[64];
    size_t len = write_rtp(packet, seq, ssrc, 4);
    CHECK_EQ(srtp_in_protect_rtp(page, packet, &len), 0);
    return srtp_in_open_rtp(server, packet, &len, now_us);
}

/* The longest silent SSRC makes way, not one that is in use. */
static void ssrcs_make_way(void)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    CHECK_EQ(open_pair(KEYS_AEAD_AES_128_GCM, &page, &server), 0);
    for (uint32_t ssrc = 0; ssrc < LIMIT_SSRCS_PER_TRANSPORT; ssrc++)
        CHECK_EQ(send_ssrc(page, server, 1, ssrc, 1000), 0);
    CHECK_EQ(send_ssrc(page, server, 1, 1000, 1000), -ENOSPC);
    /* A forged packet of a new SSRC never takes a place. */
    _Alignas(4) uint8_t forged[64];
    size_t len = write_rtp(forged, 1, 2000, 40);
    CHECK_EQ(send_ssrc(page, server, 2, 0, 12000000), 0);
    CHECK_EQ(send_ssrc(page, server, 2, 1001, 12000000), 0);
    CHECK_EQ(srtp_in_open_rtp(server, forged, &len, 12000000), -EACCES);
    CHECK_EQ(send_ssrc(page, server, 3, 0, 12000000), 0);
    CHECK_EQ(send_ssrc(page, server, 3, 1001, 12000000), 0);
}

/* Nor does it drive out a silent one, which would open old packets once more. */
static void forged_ssrcs_drive_out_nobody(void)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    CHECK_EQ(open_pair(KEYS_AEAD_AES_128_GCM, &page, &server), 0);
    _Alignas(4) uint8_t old[64], again[64], forged[64];
    size_t old_len = write_rtp(old, 1, 0, 4);
    CHECK_EQ(srtp_in_protect_rtp(page, old, &old_len), 0);
    memcpy(again, old, old_len);
    size_t again_len = old_len;
    CHECK_EQ(srtp_in_open_rtp(server, old, &old_len, 1000), 0);
    for (uint32_t ssrc = 1; ssrc < LIMIT_SSRCS_PER_TRANSPORT; ssrc++)
        CHECK_EQ(send_ssrc(page, server, 1, ssrc, 2000), 0);
    size_t len = write_rtp(forged, 1, 2000, 40);
    CHECK_EQ(srtp_in_open_rtp(server, forged, &len, 12000000), -EACCES);
    CHECK_EQ(srtp_in_open_rtp(server, again, &again_len, 12000000), -EALREADY);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = build();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    for (int suite = 0; suite < KEYS_SUITE_COUNT; suite++) {
        opens_once(suite);
        rtcp_both_ways(suite);
        opens_what_seal_made(suite);
        clear_is_refused(suite);
    }
    ssrcs_make_way();
    forged_ssrcs_drive_out_nobody();
    return 0;
#endif
}
