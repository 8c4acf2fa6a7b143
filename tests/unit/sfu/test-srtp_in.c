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

/* What the page seals with. */
#define PAGE_KEYS 100

/* The two ends of an association. */
static int open_pair(enum keys_suite suite, struct srtp_in **page, struct srtp_in **server)
{
    struct keys a = some_keys(suite, 1), b = some_keys(suite, PAGE_KEYS);
    int r = srtp_in_create(NULL, &a, &b, page);
    return r < 0 ? r : srtp_in_create(NULL, &b, &a, server);
}

#ifdef TEST_FAULTS
static int build(void)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    return open_pair(KEYS_AEAD_AES_128_GCM, &page, &server);
}
#else

#define PACKET_MAX 2048
typedef int (*open_function)(struct srtp_in *, const uint8_t *, size_t, uint64_t, uint8_t *,
                             size_t *);

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

static void seal(struct seal *page, struct seal_stream *stream, const uint8_t *rtp, size_t rtp_len,
                 uint8_t *out, size_t *ret_len)
{
    const struct seal_packet p = {
        .header = rtp, .header_len = 12, .payload = rtp + 12, .payload_len = rtp_len - 12};
    CHECK_EQ(seal_rtp(page, stream, &p, out, PACKET_MAX, ret_len), 0);
}

/* What one end seals the other opens, once; a flipped bit or a cut tail is refused. */
static void opens_once(enum keys_suite suite)
{
    CLEANUP(srtp_in_destroy) struct srtp_in *page = NULL, *server = NULL;
    CHECK_EQ(open_pair(suite, &page, &server), 0);
    struct keys keys = some_keys(suite, PAGE_KEYS);
    CLEANUP(seal_destroy) struct seal *sealing = NULL;
    CHECK_EQ(seal_create(NULL, SEAL_RTP_OUT, &keys, &sealing), 0);
    struct seal_stream stream = {0};
    _Alignas(4) uint8_t sealed[PACKET_MAX], opened[PACKET_MAX], plain[PACKET_MAX];
    for (uint16_t i = 0; i < 300; i++) {
        size_t plain_len = write_rtp(plain, (uint16_t)(65400 + i), 9, i * 4u);
        size_t len, opened_len = 0;
        seal(sealing, &stream, plain, plain_len, sealed, &len);
        CHECK_EQ(len, plain_len + keys_tag_len(suite));

        sealed[2 + i % (len - 2)] ^= 0x10;
        CHECK_EQ(srtp_in_open_rtp(server, sealed, len, 0, opened, &opened_len), -EACCES);
        sealed[2 + i % (len - 2)] ^= 0x10;
        CHECK(srtp_in_open_rtp(server, sealed, len - 1, 0, opened, &opened_len) < 0);

        CHECK_EQ(srtp_in_open_rtp(server, sealed, len, 0, opened, &opened_len), 0);
        CHECK_EQ(opened_len, plain_len);
        CHECK(memcmp(opened, plain, plain_len) == 0);
        CHECK_EQ(srtp_in_open_rtp(server, sealed, len, 0, opened, &opened_len), -EALREADY);
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
        CHECK(len <= sizeof(report) + SEAL_RTCP_TRAILER_MAX);
        size_t copy_len = 0;
        CHECK_EQ(srtp_in_open_rtcp(ends[1 - i % 2], packet, len, 0, copy, &copy_len), 0);
        CHECK_EQ(copy_len, sizeof(report));
        CHECK(memcmp(copy, report, copy_len) == 0);
        CHECK_EQ(srtp_in_open_rtcp(ends[1 - i % 2], packet, len, 0, copy, &copy_len), -EALREADY);
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
                _Alignas(4) uint8_t packet[128], plain[128];
                (void)write_rtp(packet, 1, 1, sizeof(packet) - 12);
                packet[0] = (uint8_t)(0x80 | len % 64);
                packet[1] = (uint8_t)type;
                size_t plain_len;
                CHECK(opens[f](server, packet, len, 0, plain, &plain_len) < 0);
            }
}

/* The two ends, and what the page seals with. */
struct pair {
    struct srtp_in *page, *server;
    struct seal *sealing;
};

static struct pair make_pair(void)
{
    struct pair p = {0};
    struct keys keys = some_keys(KEYS_AEAD_AES_128_GCM, PAGE_KEYS);
    CHECK_EQ(open_pair(KEYS_AEAD_AES_128_GCM, &p.page, &p.server), 0);
    CHECK_EQ(seal_create(NULL, SEAL_RTP_OUT, &keys, &p.sealing), 0);
    return p;
}

static void end_pair(struct pair *p)
{
    srtp_in_destroy(p->page);
    srtp_in_destroy(p->server);
    seal_destroy(p->sealing);
}

/* A first packet of that number and SSRC, whether one went before or not. */
static size_t seal_ssrc(struct pair *p, uint16_t seq, uint32_t ssrc, uint8_t *sealed)
{
    uint8_t plain[64];
    struct seal_stream stream = {0};
    size_t len;
    seal(p->sealing, &stream, plain, write_rtp(plain, seq, ssrc, 4), sealed, &len);
    return len;
}

static int send_ssrc(struct pair *p, uint16_t seq, uint32_t ssrc, uint64_t now_us)
{
    _Alignas(4) uint8_t sealed[PACKET_MAX], plain[PACKET_MAX];
    size_t len = seal_ssrc(p, seq, ssrc, sealed);
    return srtp_in_open_rtp(p->server, sealed, len, now_us, plain, &len);
}

static void forge(struct pair *p, uint64_t now_us)
{
    _Alignas(4) uint8_t forged[64], plain[64];
    size_t len = write_rtp(forged, 1, 2000, 40);
    CHECK_EQ(srtp_in_open_rtp(p->server, forged, len, now_us, plain, &len), -EACCES);
}

/* The longest silent SSRC makes way, not one that is in use. */
static void ssrcs_make_way(void)
{
    struct pair p = make_pair();
    for (uint32_t ssrc = 0; ssrc < LIMIT_SSRCS_PER_TRANSPORT; ssrc++)
        CHECK_EQ(send_ssrc(&p, 1, ssrc, 1000), 0);
    CHECK_EQ(send_ssrc(&p, 1, 1000, 1000), -ENOSPC);
    /* A forged packet of a new SSRC never takes a place. */
    CHECK_EQ(send_ssrc(&p, 2, 0, 12000000), 0);
    CHECK_EQ(send_ssrc(&p, 2, 1001, 12000000), 0);
    forge(&p, 12000000);
    CHECK_EQ(send_ssrc(&p, 3, 0, 12000000), 0);
    CHECK_EQ(send_ssrc(&p, 3, 1001, 12000000), 0);
    end_pair(&p);
}

/* Nor does it drive out a silent one, which would open old packets once more. */
static void forged_ssrcs_drive_out_nobody(void)
{
    struct pair p = make_pair();
    for (uint32_t ssrc = 0; ssrc < LIMIT_SSRCS_PER_TRANSPORT; ssrc++)
        CHECK_EQ(send_ssrc(&p, 1, ssrc, 1000 + ssrc), 0);
    forge(&p, 12000000);
    CHECK_EQ(send_ssrc(&p, 1, 0, 12000000), -EALREADY);
    end_pair(&p);
}

/* The same bound and the same way out for SSRCs of RTCP. */
static void rtcp_ssrcs_make_way(void)
{
    struct pair p = make_pair();
    for (uint32_t i = 0; i <= LIMIT_SSRCS_PER_TRANSPORT + 1; i++) {
        _Alignas(4) uint8_t packet[64] = {0x80, 201, 0, 1, 0, 0, 1, (uint8_t)i}, plain[64];
        size_t len = 8;
        CHECK_EQ(srtp_in_protect_rtcp(p.page, packet, &len), 0);
        uint64_t now_us = i > LIMIT_SSRCS_PER_TRANSPORT ? 12000000 : 1000 + i;
        CHECK_EQ(srtp_in_open_rtcp(p.server, packet, len, now_us, plain, &len),
                 i == LIMIT_SSRCS_PER_TRANSPORT ? -ENOSPC : 0);
    }
    end_pair(&p);
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
        clear_is_refused(suite);
    }
    ssrcs_make_way();
    forged_ssrcs_drive_out_nobody();
    rtcp_ssrcs_make_way();
    return 0;
#endif
}
