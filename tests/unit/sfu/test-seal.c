/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "unit/check.h"
#include "unit/sfu/reference.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define PAYLOAD_MAX 1500
#define PACKET_MAX  2048

/* OpenSSL's allocations, counted, and failing when malloc() is made to. */
static int allocations;

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return malloc(size);
}

static void *count_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return realloc(old, size);
}

static void count_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

static struct keys some_keys(enum keys_suite suite)
{
    struct keys k = {.suite = suite};
    for (size_t i = 0; i < KEYS_KEY_MAX; i++)
        k.key[i] = (uint8_t)(i * 7 + 1);
    for (size_t i = 0; i < KEYS_SALT_MAX; i++)
        k.salt[i] = (uint8_t)(i * 13 + 5);
    return k;
}

#ifdef TEST_FAULTS
static int build_and_seal(enum sealer_library library)
{
    CLEANUP(sealer_destroy) struct sealer *sealer = NULL;
    int made = sealer_create(library, &sealer);
    if (made < 0)
        return made;
    for (int suite = 0; suite < KEYS_SUITE_COUNT; suite++) {
        struct keys k = some_keys(suite);
        CLEANUP(seal_destroy) struct seal *s = NULL;
        int r = seal_create(sealer, SEAL_RTP_OUT, &k, &s);
        if (r < 0)
            return r;
        uint8_t header[12] = {0x80}, out[64];
        struct seal_stream stream = {0};
        struct seal_packet p = {.header = header, .header_len = 12};
        size_t len;
        r = seal_rtp(s, &stream, &p, out, sizeof(out), &len);
        if (r < 0)
            return r;
        sealer_settle(sealer);
    }
    return 0;
}
#else

static void write_header(uint8_t *header, size_t header_len, uint16_t seq, uint32_t ssrc)
{
    memset(header, 0xa5, header_len);
    header[0] = 0x80;
    if (header_len == 12 + 8) { /* a header extension of one word */
        header[0] = 0x90;
        header[12] = 0xbe;
        header[13] = 0xde;
        header[14] = 0;
        header[15] = 1;
    } else if (header_len == 12 + 4) { /* one CSRC */
        header[0] = 0x81;
    }
    header[1] = 96;
    header[2] = (uint8_t)(seq >> 8);
    header[3] = (uint8_t)seq;
    for (int i = 0; i < 4; i++)
        header[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
}

/* Both seal the same packet: from parts, and from one piece by libsrtp2. */
static void seal_both(struct sealer *sealer, struct seal *s, struct seal_stream *stream,
                      struct reference *reference, const struct seal_packet *p)
{
    uint8_t out[PACKET_MAX];
    _Alignas(4) uint8_t whole[PACKET_MAX] = {0};
    size_t whole_len = p->header_len + p->head_len + p->payload_len + p->padding;
    uint8_t *at = whole;
    memcpy(at, p->header, p->header_len);
    at += p->header_len;
    if (p->head_len)
        memcpy(at, p->head, p->head_len);
    at += p->head_len;
    memcpy(at, p->payload, p->payload_len);
    if (p->padding) {
        whole[0] |= 0x20;
        whole[whole_len - 1] = p->padding;
    }
    CHECK_EQ(reference_seal(reference, whole, &whole_len), 0);

    size_t len;
    int before = allocations;
    CHECK_EQ(seal_rtp(s, stream, p, out, whole_len, &len), 0);
    sealer_settle(sealer);
    CHECK_EQ(allocations, before);
    CHECK_EQ(len, whole_len);
    CHECK(memcmp(out, whole, len) == 0);
}

/* Every size, over a roll-over of the sequence number, in parts and padded: as libsrtp2 does. */
static void equal_to_libsrtp2(struct sealer *sealer, enum keys_suite suite)
{
    struct keys k = some_keys(suite);
    CLEANUP(seal_destroy) struct seal *s = NULL;
    CLEANUP(reference_destroy) struct reference *reference = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &k, &s), 0);
    CHECK_EQ(reference_create(&k, &reference), 0);
    uint8_t payload[PAYLOAD_MAX], head[6] = {9, 8, 7, 6, 5, 4};
    for (size_t i = 0; i < PAYLOAD_MAX; i++)
        payload[i] = (uint8_t)(i * 31 + i / 256);

    static const size_t header_lens[] = {12, 16, 20};
    struct seal_stream stream = {0};
    for (size_t size = 0; size <= PAYLOAD_MAX; size++) {
        uint8_t header[20];
        size_t header_len = header_lens[size % 3];
        write_header(header, header_len, (uint16_t)(65000 + size), 0xcafe0001);
        struct seal_packet p = {.header = header,
                                .header_len = header_len,
                                .head = head,
                                .head_len = size % 7,
                                .payload = payload,
                                .payload_len = size,
                                .padding = (uint8_t)(size % 5 ? 0 : size % 256)};
        seal_both(sealer, s, &stream, reference, &p);
    }
}

/* Packets that arrive out of order round the roll-over keep their own counter. */
static void reordered_over_the_wrap(struct sealer *sealer, enum keys_suite suite)
{
    static const uint16_t order[] = {65530, 65533, 65531, 2, 65535, 0, 65534, 1, 3, 65532};
    struct keys k = some_keys(suite);
    CLEANUP(seal_destroy) struct seal *s = NULL;
    CLEANUP(reference_destroy) struct reference *reference = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &k, &s), 0);
    CHECK_EQ(reference_create(&k, &reference), 0);
    struct seal_stream stream = {0};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        uint8_t header[12];
        write_header(header, 12, order[i], 77);
        struct seal_packet p = {
            .header = header, .header_len = 12, .payload = header, .payload_len = 12};
        seal_both(sealer, s, &stream, reference, &p);
    }
}

/* A packet as a page might send it: `kind` chooses contributing sources, a header extension,
 * padding. Returns its length. */
static size_t write_packet(uint8_t *packet, unsigned kind, uint16_t seq, size_t payload_len)
{
    size_t len = 12;
    write_header(packet, len, seq, 0xcafe0002);
    if (kind & 1) {
        packet[0] |= 2;
        memset(packet + len, 0xc5, 8);
        len += 8;
    }
    if (kind & 2) {
        packet[0] |= 0x10;
        static const uint8_t extension[] = {0xbe, 0xde, 0, 2, 0x12, 1, 2, 3, 0, 0, 0, 0};
        memcpy(packet + len, extension, sizeof(extension));
        len += sizeof(extension);
    }
    for (size_t i = 0; i < payload_len; i++)
        packet[len + i] = (uint8_t)(i * 31 + seq);
    return len + payload_len;
}

/* Tags of many packets under several keys, of unlike lengths, settled together: each its own. More
 * than one burst, and every remainder of the lanes. */
static void many_at_once(struct sealer *sealer, enum keys_suite suite)
{
    enum { MOST = 300, KEYS = 3 };
    static _Alignas(4) uint8_t ours[MOST][256], theirs[MOST][256];
    static size_t our_lens[MOST], their_lens[MOST];
    CLEANUP(seal_destroy) struct seal *first = NULL, *second = NULL, *third = NULL;
    CLEANUP(reference_destroy) struct reference *one = NULL, *two = NULL, *three = NULL;
    struct seal **seals[KEYS] = {&first, &second, &third};
    struct reference **references[KEYS] = {&one, &two, &three};
    struct seal_stream streams[KEYS] = {0};
    for (uint8_t i = 0; i < KEYS; i++) {
        struct keys k = some_keys(suite);
        k.key[0] = i;
        CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &k, seals[i]), 0);
        CHECK_EQ(reference_create(&k, references[i]), 0);
    }
    uint16_t seq = 0;
    for (size_t count = 1; count <= MOST; count += count < 40 ? 1 : 26) {
        for (size_t i = 0; i < count; i++) {
            size_t key = i % KEYS;
            uint8_t plain[256];
            size_t len = write_packet(plain, i % 4, ++seq, (i * 37 + count) % 200);
            their_lens[i] = len;
            memcpy(theirs[i], plain, len);
            CHECK_EQ(reference_seal(*references[key], theirs[i], &their_lens[i]), 0);
            size_t header_len = len - (i * 37 + count) % 200;
            struct seal_packet p = {.header = plain,
                                    .header_len = header_len,
                                    .payload = plain + header_len,
                                    .payload_len = len - header_len};
            CHECK_EQ(seal_rtp(*seals[key], &streams[key], &p, ours[i], 256, &our_lens[i]), 0);
        }
        int before = allocations;
        sealer_settle(sealer);
        CHECK_EQ(allocations, before);
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ(our_lens[i], their_lens[i]);
            CHECK(memcmp(ours[i], theirs[i], our_lens[i]) == 0);
        }
    }
}

/* Keys that go settle what they owe. */
static void settled_at_the_end(struct sealer *sealer)
{
    struct keys k = some_keys(KEYS_AES_128_CM_HMAC_SHA1_80);
    struct seal *s = NULL;
    CLEANUP(reference_destroy) struct reference *reference = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &k, &s), 0);
    CHECK_EQ(reference_create(&k, &reference), 0);
    uint8_t plain[64], ours[64];
    _Alignas(4) uint8_t theirs[64];
    size_t len = write_packet(plain, 0, 1, 20), their_len = len, our_len;
    memcpy(theirs, plain, len);
    CHECK_EQ(reference_seal(reference, theirs, &their_len), 0);
    struct seal_stream stream = {0};
    struct seal_packet p = {
        .header = plain, .header_len = 12, .payload = plain + 12, .payload_len = len - 12};
    CHECK_EQ(seal_rtp(s, &stream, &p, ours, sizeof(ours), &our_len), 0);
    seal_destroy(s);
    CHECK_EQ(our_len, their_len);
    CHECK(memcmp(ours, theirs, our_len) == 0);
    memset(ours, 0x5a, sizeof(ours));
    sealer_settle(sealer); /* owes nothing any more */
    CHECK_EQ(ours[our_len - 1], 0x5a);
}

static int seal_seq(struct sealer *sealer, struct seal *s, struct seal_stream *stream, uint16_t seq,
                    size_t capacity)
{
    uint8_t header[12], out[64];
    write_header(header, 12, seq, 1);
    struct seal_packet p = {.header = header, .header_len = 12};
    size_t len;
    int r = seal_rtp(s, stream, &p, out, capacity, &len);
    sealer_settle(sealer);
    return r;
}

/* A page that libsrtp2 seals for, and both that open what it sends: ours, and libsrtp2. */
struct receiving {
    struct reference *page, *reference;
    struct seal *seal;
    struct seal_stream stream;
};

static void begin_receiving(struct receiving *r, const struct sealer *sealer, enum keys_suite suite)
{
    struct keys k = some_keys(suite);
    *r = (struct receiving){0};
    CHECK_EQ(seal_create(sealer, SEAL_RTP_IN, &k, &r->seal), 0);
    CHECK_EQ(reference_create(&k, &r->page), 0);
    CHECK_EQ(reference_create(&k, &r->reference), 0);
}

static void end_receiving(struct receiving *r)
{
    seal_destroy(r->seal);
    reference_destroy(r->page);
    reference_destroy(r->reference);
}

/* Both open, or both refuse for the same reason; nothing else is written than what was opened. */
static int open_both(struct receiving *in, const uint8_t *packet, size_t len)
{
    uint8_t out[PACKET_MAX];
    _Alignas(4) uint8_t other[PACKET_MAX];
    size_t out_len = 0, other_len = len;
    memset(out, 0xee, sizeof(out));
    memcpy(other, packet, len);
    int before = allocations;
    int r = seal_open_rtp(in->seal, &in->stream, packet, len, out, &out_len);
    CHECK_EQ(allocations, before);
    int expected = reference_open(in->reference, other, &other_len);
    /* A packet too short for its tag is forged to us, and no packet to libsrtp2. */
    CHECK(r == expected || (r == -EACCES && expected == -EBADMSG));
    CHECK_EQ(out[len], 0xee);
    if (r < 0)
        return r;
    CHECK_EQ(out_len, other_len);
    CHECK(memcmp(out, other, out_len) == 0);
    return 0;
}

/* What a page sends, of every size and kind of header, over a roll-over, is opened as libsrtp2
 * opens it; a flipped bit anywhere, or a cut tail, is refused and leaves no trace. */
static void opens_as_libsrtp2(const struct sealer *sealer, enum keys_suite suite)
{
    struct receiving in;
    begin_receiving(&in, sealer, suite);
    for (size_t size = 0; size <= PAYLOAD_MAX; size++) {
        _Alignas(4) uint8_t packet[PACKET_MAX];
        size_t len = write_packet(packet, size % 4, (uint16_t)(65000 + size), size);
        CHECK_EQ(reference_seal(in.page, packet, &len), 0);
        size_t at = 2 + size % (len - 2);
        packet[at] ^= 0x20;
        CHECK(open_both(&in, packet, len) < 0);
        packet[at] ^= 0x20;
        CHECK(open_both(&in, packet, len - 1) < 0);
        CHECK_EQ(open_both(&in, packet, len), 0);
        CHECK_EQ(open_both(&in, packet, len), -EALREADY);
    }
    end_receiving(&in);
}

/* Late packets, replays and leaps round a roll-over: opened once, as long as can be known.
 */
static void keeps_the_window_of_libsrtp2(const struct sealer *sealer, enum keys_suite suite)
{
    enum { KEPT = 2048, STEPS = 20000, FIRST = 60000 };
    static struct {
        uint8_t packet[64];
        size_t len;
    } sent[KEPT];
    struct receiving in;
    begin_receiving(&in, sealer, suite);
    uint32_t random = 1, opened = 0, replayed = 0;
    for (uint32_t i = 0; i < STEPS; i++) {
        _Alignas(4) uint8_t packet[64];
        size_t len = write_packet(packet, 0, (uint16_t)(FIRST + i), i % 20);
        CHECK_EQ(reference_seal(in.page, packet, &len), 0);
        memcpy(sent[i % KEPT].packet, packet, len);
        sent[i % KEPT].len = len;
        random = random * 1664525 + 1013904223;
        uint32_t back = random >> 24 < 200 ? random >> 28 : random >> 21;
        if (back > i || back >= KEPT)
            back = 0;
        memcpy(packet, sent[(i - back) % KEPT].packet, sent[(i - back) % KEPT].len);
        int r = open_both(&in, packet, sent[(i - back) % KEPT].len);
        opened += r == 0;
        replayed += r == -EALREADY;
    }
    CHECK(opened > STEPS / 3 && replayed > STEPS / 10);
    CHECK_EQ(opened + replayed, STEPS);
    end_receiving(&in);
}

/* Reports of every size, sealed and opened as libsrtp2 does; once, unbent and whole. */
static void rtcp_as_libsrtp2(const struct sealer *sealer, enum keys_suite suite)
{
    struct keys k = some_keys(suite);
    CLEANUP(seal_destroy) struct seal *out = NULL, *in = NULL;
    CLEANUP(reference_destroy) struct reference *reference = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTCP_OUT, &k, &out), 0);
    CHECK_EQ(seal_create(sealer, SEAL_RTCP_IN, &k, &in), 0);
    CHECK_EQ(reference_create(&k, &reference), 0);
    struct seal_stream stream = {0};
    uint32_t index = 0;
    for (size_t len = 8; len <= PAYLOAD_MAX; len += 4) {
        _Alignas(4) uint8_t plain[PACKET_MAX], ours[PACKET_MAX], theirs[PACKET_MAX];
        for (size_t i = 0; i < len; i++)
            plain[i] = (uint8_t)(i * 17 + len);
        memcpy(plain, (const uint8_t[]){0x81, 201, 0, 7, 0xca, 0xfe, 0, 9}, 8);
        memcpy(ours, plain, len);
        memcpy(theirs, plain, len);
        size_t our_len = len, their_len = len, opened_len = 0;
        int before = allocations;
        CHECK_EQ(seal_rtcp(out, &index, ours, &our_len), 0);
        CHECK_EQ(allocations, before);
        CHECK_EQ(reference_seal_rtcp(reference, theirs, &their_len), 0);
        CHECK_EQ(our_len, their_len);
        CHECK(our_len <= len + SEAL_RTCP_TRAILER_MAX);
        CHECK(memcmp(ours, theirs, our_len) == 0);

        uint8_t opened[PACKET_MAX];
        for (size_t bit = 0; bit < 8; bit++) {
            size_t at = 4 + (len * 7 + bit * 131) % (our_len - 4);
            ours[at] ^= (uint8_t)(1 << bit);
            CHECK(seal_open_rtcp(in, &stream, ours, our_len, opened, &opened_len) < 0);
            ours[at] ^= (uint8_t)(1 << bit);
        }
        CHECK(seal_open_rtcp(in, &stream, ours, our_len - 1, opened, &opened_len) < 0);
        CHECK_EQ(seal_open_rtcp(in, &stream, ours, our_len, opened, &opened_len), 0);
        CHECK_EQ(opened_len, len);
        CHECK(memcmp(opened, plain, len) == 0);
        CHECK_EQ(seal_open_rtcp(in, &stream, ours, our_len, opened, &opened_len), -EALREADY);
        CHECK_EQ(reference_open_rtcp(reference, ours, &our_len), 0);
        CHECK(our_len == len && memcmp(ours, plain, len) == 0);
    }
}

/* No index twice, not even when all are used up; short and unencrypted ones are refused. */
static void rtcp_bounds(const struct sealer *sealer, enum keys_suite suite)
{
    struct keys k = some_keys(suite);
    CLEANUP(seal_destroy) struct seal *out = NULL, *in = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTCP_OUT, &k, &out), 0);
    CHECK_EQ(seal_create(sealer, SEAL_RTCP_IN, &k, &in), 0);
    struct seal_stream stream = {0};
    uint8_t packet[64] = {0x80, 201, 0, 1}, opened[64];
    uint32_t index = SEAL_RTCP_INDEX_MAX - 1;
    size_t len = 8, opened_len;
    CHECK_EQ(seal_rtcp(out, &index, packet, &len), 0);
    CHECK_EQ(seal_open_rtcp(in, &stream, packet, len, opened, &opened_len), 0);
    CHECK_EQ(stream.highest, SEAL_RTCP_INDEX_MAX);
    size_t again = 8;
    CHECK_EQ(seal_rtcp(out, &index, packet, &again), -EALREADY);
    again = 7;
    index = 0;
    CHECK_EQ(seal_rtcp(out, &index, packet, &again), -EBADMSG);
    for (size_t n = 0; n < len; n++)
        CHECK(seal_open_rtcp(in, &stream, packet, n, opened, &opened_len) < 0);

    CLEANUP(reference_destroy) struct reference *page = NULL;
    CHECK_EQ(reference_create_clear(&k, &page), 0);
    _Alignas(4) uint8_t clear[64] = {0x80, 201, 0, 1}, copy[64];
    len = 8;
    CHECK_EQ(reference_seal_rtcp(page, clear, &len), 0);
    memcpy(copy, clear, len);
    struct seal_stream fresh = {0};
    CHECK_EQ(seal_open_rtcp(in, &fresh, clear, len, opened, &opened_len), -EACCES);
    CHECK_EQ(reference_open_rtcp(page, copy, &len), 0); /* authentic */
}

/* One key stream is never used for two packets. */
static void no_index_twice(struct sealer *sealer)
{
    struct keys k = some_keys(KEYS_AEAD_AES_128_GCM);
    CLEANUP(seal_destroy) struct seal *s = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &k, &s), 0);
    struct seal_stream stream = {0};
    static const struct {
        uint16_t seq;
        int result;
    } steps[] = {
        {100, 0},
        {100, -EALREADY},
        {102, 0},
        {101, 0},
        {101, -EALREADY},
        {102, -EALREADY},
        {65000, -EALREADY} /* before the first */,
        {99, 0},
        {102 + SEAL_WINDOW, 0},
        {102, -EALREADY} /* too old */,
        {103, 0},
        {103, -EALREADY},
        {30000, 0},
        {30000 - SEAL_WINDOW + 1, 0},
        {60000, 0},
        {10, 0},
        {10, -EALREADY},
        {65535, 0},
        {65535, -EALREADY},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        CHECK_EQ(seal_seq(sealer, s, &stream, steps[i].seq, 64), steps[i].result);
}

static void bounds(struct sealer *sealer)
{
    struct keys k = some_keys(KEYS_AES_128_CM_HMAC_SHA1_80);
    CLEANUP(seal_destroy) struct seal *s = NULL;
    CHECK_EQ(seal_create(sealer, SEAL_RTP_OUT, &k, &s), 0);
    struct seal_stream stream = {0};
    CHECK_EQ(seal_seq(sealer, s, &stream, 1, 21), -EMSGSIZE);
    CHECK_EQ(seal_seq(sealer, s, &stream, 1, 22), 0);
    uint8_t header[11] = {0x80}, out[64];
    struct seal_packet p = {.header = header, .header_len = 11};
    size_t len;
    CHECK_EQ(seal_rtp(s, &stream, &p, out, sizeof(out), &len), -EINVAL);
    CHECK_EQ(seal_create_session(sealer, SEAL_RTP_OUT, &k, &s), -EINVAL);
}
#endif

#ifdef TEST_FAULTS
static void each_call_fails(enum sealer_library library)
{
    faults_fail_at(-1);
    CHECK_EQ(build_and_seal(library), 0); /* what OpenSSL loads once is there from here on */
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = build_and_seal(library);
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return;
        }
        CHECK(r == 0 || r == -ENOMEM || r == -EIO);
    }
}
#else
/* All of it by one library; -ENOTSUP where it cannot be. */
static int test_library(enum sealer_library library, const char *name)
{
    CLEANUP(sealer_destroy) struct sealer *sealer = NULL;
    int r = sealer_create(library, &sealer);
    if (r == -ENOTSUP)
        return r;
    CHECK_EQ(r, 0);
    printf("sealing by %s\n", sealer_name(sealer));
    CHECK(!name || strncmp(sealer_name(sealer), name, strlen(name)) == 0);
    for (int suite = 0; suite < KEYS_SUITE_COUNT; suite++) {
        equal_to_libsrtp2(sealer, suite);
        reordered_over_the_wrap(sealer, suite);
        many_at_once(sealer, suite);
        opens_as_libsrtp2(sealer, suite);
        keeps_the_window_of_libsrtp2(sealer, suite);
        rtcp_as_libsrtp2(sealer, suite);
        rtcp_bounds(sealer, suite);
    }
    settled_at_the_end(sealer);
    no_index_twice(sealer);
    bounds(sealer);
    return 0;
}
#endif

int main(void)
{
    CHECK(CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free));
#ifdef TEST_FAULTS
    static const enum sealer_library libraries[] = {SEALER_OPENSSL, SEALER_AUTO};
    for (size_t i = 0; i < 2; i++)
        each_call_fails(libraries[i]);
#else
    test_library(SEALER_OPENSSL, "openssl");
    test_library(SEALER_AUTO, NULL);
    if (test_library(SEALER_IPSEC_MB, "ipsec-mb ") == -ENOTSUP)
        printf("no ipsec-mb here\n");
#endif
    return 0;
}
