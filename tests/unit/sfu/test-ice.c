/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/ice.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/bytes.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

static const struct control_ice page = {"page", "pagepasswordpagepassword"};

#ifdef TEST_FAULTS
static int build(void)
{
    struct control_ice made;
    int r = ice_make_credentials(&made);
    if (r < 0)
        return r;
    CLEANUP(ice_client_destroy) struct ice_client *c = NULL;
    return ice_client_create(&page, &made, &c);
}
#else

static const struct control_ice server = {"serverufrag1", "serverpassword234serverpassword2"};

enum attribute {
    USERNAME = 0x0006,
    INTEGRITY = 0x0008,
    PRIORITY = 0x0024,
    USE_CANDIDATE = 0x0025,
    FINGERPRINT = 0x8028,
    CONTROLLED = 0x8029,
    CONTROLLING = 0x802a,
};

/* A STUN message written by hand, so that libnice is not compared with itself. */
struct message {
    uint8_t bytes[1600];
    struct writer w;
};

static void begin(struct message *m, uint16_t type)
{
    m->w = writer_over(m->bytes, sizeof(m->bytes));
    writer_u16(&m->w, type);
    writer_u16(&m->w, 0);
    writer_u32(&m->w, 0x2112A442);
    writer_bytes(&m->w, "transaction1", 12);
}

static void set_length(struct message *m, size_t to_come)
{
    size_t len = writer_len(&m->w) - 20 + to_come;
    m->bytes[2] = (uint8_t)(len >> 8);
    m->bytes[3] = (uint8_t)len;
}

static void add(struct message *m, uint16_t attribute, const void *value, size_t len)
{
    writer_u16(&m->w, attribute);
    writer_u16(&m->w, (uint16_t)len);
    writer_bytes(&m->w, value, len);
    writer_bytes(&m->w, "\0\0\0", (4 - len % 4) % 4);
    CHECK(!m->w.failed);
    set_length(m, 0);
}

/* RFC 8489 section 14.5. */
static void hmac_of(const uint8_t *bytes, size_t len, const char *password, uint8_t out[20])
{
    unsigned n = 20;
    CHECK(HMAC(EVP_sha1(), password, (int)strlen(password), bytes, len, out, &n));
}

static void add_integrity(struct message *m, const char *password)
{
    uint8_t mac[20];
    set_length(m, 24);
    hmac_of(m->bytes, writer_len(&m->w), password, mac);
    add(m, INTEGRITY, mac, 20);
}

static uint32_t crc32_of(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

/* RFC 8489 section 14.7. */
static void add_fingerprint(struct message *m)
{
    set_length(m, 8);
    uint32_t crc = crc32_of(m->bytes, writer_len(&m->w)) ^ 0x5354554e;
    uint8_t value[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                        (uint8_t)crc};
    add(m, FINGERPRINT, value, 4);
}

struct request {
    const char *username;
    const char *password;
    uint16_t role;
    bool nominate;
    uint16_t extra; /* an attribute more; 0: none */
};

static const struct request good = {"serverufrag1:page", "serverpassword234serverpassword2",
                                    CONTROLLING, true, 0};

static void write_request(struct message *m, const struct request *q)
{
    begin(m, 0x0001);
    add(m, USERNAME, q->username, strlen(q->username));
    add(m, q->role, "tiebreak", 8);
    if (q->nominate)
        add(m, USE_CANDIDATE, "", 0);
    add(m, PRIORITY, "\x7e\xff\xff\xff", 4);
    if (q->extra)
        add(m, q->extra, "huh?", 4);
    add_integrity(m, q->password);
    add_fingerprint(m);
}

static struct address some_address(const char *text)
{
    struct address a;
    CHECK_EQ(address_from_text(text, 40000, &a), 0);
    return a;
}

/* The answer is whole, signed with our password, and its error code is `code` (0: success). */
static void check_answer(const uint8_t *answer, size_t len, unsigned code)
{
    struct reader r = reader_over(answer, len);
    CHECK_EQ(reader_u16(&r), code ? 0x0111 : 0x0101);
    CHECK_EQ(reader_u16(&r), len - 20);
    CHECK_EQ(reader_u32(&r), 0x2112A442);
    CHECK(memcmp(reader_skip(&r, 12), "transaction1", 12) == 0);
    bool integrity = false, fingerprint = false, coded = false;
    while (reader_left(&r)) {
        size_t at = len - reader_left(&r);
        uint16_t attribute = reader_u16(&r), value_len = reader_u16(&r);
        const uint8_t *value = reader_skip(&r, value_len);
        reader_skip(&r, (4 - value_len % 4) % 4);
        CHECK(!r.failed);
        if (attribute == INTEGRITY) {
            uint8_t copy[1600], mac[20];
            memcpy(copy, answer, at);
            copy[2] = (uint8_t)((at - 20 + 24) >> 8);
            copy[3] = (uint8_t)(at - 20 + 24);
            hmac_of(copy, at, server.password, mac);
            CHECK(memcmp(mac, value, 20) == 0);
            integrity = true;
        } else if (attribute == FINGERPRINT) {
            uint32_t crc = crc32_of(answer, at) ^ 0x5354554e;
            struct reader v = reader_over(value, 4);
            CHECK(reader_u32(&v) == crc);
            fingerprint = true;
        } else if (attribute == 0x0009) {
            CHECK_EQ(value[2] * 100 + value[3], code);
            coded = true;
        }
    }
    CHECK(integrity && fingerprint && coded == (code != 0));
}

static void check_mapped(const uint8_t *answer, size_t len, const struct address *from)
{
    struct reader r = reader_over(answer, len);
    reader_skip(&r, 20);
    while (reader_left(&r)) {
        uint16_t attribute = reader_u16(&r), value_len = reader_u16(&r);
        const uint8_t *v = reader_skip(&r, value_len);
        reader_skip(&r, (4 - value_len % 4) % 4);
        if (attribute != 0x0020)
            continue;
        CHECK_EQ((v[2] << 8 | v[3]) ^ 0x2112, address_port(from));
        bool v4 = from->any.sa_family == AF_INET;
        CHECK_EQ(v[1], v4 ? 1 : 2);
        const uint8_t *real = v4 ? (const uint8_t *)&from->v4.sin_addr : from->v6.sin6_addr.s6_addr;
        for (int i = 0; i < (v4 ? 4 : 16); i++)
            CHECK_EQ(v[4 + i] ^ answer[4 + i], real[i]);
        return;
    }
    CHECK(false); /* there was none */
}

/* A right check is answered with where it came from, over IPv4 and IPv6, with no more bytes than
 * the answer needs: a sender of forged addresses gains nothing by it. */
static void answers_a_check(void)
{
    static const char *const from[] = {"192.0.2.7", "2001:db8::7"};
    for (size_t i = 0; i < 2; i++) {
        struct message m;
        struct address a = some_address(from[i]);
        struct ice_view view;
        struct ice_answer result;
        uint8_t answer[ICE_STUN_MAX];
        write_request(&m, &good);
        CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), 0);
        CHECK_EQ(view.local_ufrag_len, strlen(server.ufrag));
        CHECK(memcmp(view.local_ufrag, server.ufrag, view.local_ufrag_len) == 0);
        CHECK_EQ(
            ice_answer(&server, m.bytes, writer_len(&m.w), &a, answer, sizeof(answer), &result), 0);
        CHECK(result.nominated);
        check_answer(answer, result.len, 0);
        check_mapped(answer, result.len, &a);
        CHECK(result.len <= writer_len(&m.w));
    }
}

static void nominates_only_when_told(void)
{
    struct request q = good;
    q.nominate = false;
    struct message m;
    struct address a = some_address("192.0.2.7");
    struct ice_answer result;
    uint8_t answer[ICE_STUN_MAX];
    write_request(&m, &q);
    CHECK_EQ(ice_answer(&server, m.bytes, writer_len(&m.w), &a, answer, sizeof(answer), &result),
             0);
    CHECK(!result.nominated);
}

/* stun_username_or_integrity_wrong: no answer at all. */
static void refuses_without_the_password(void)
{
    static const struct request bad[] = {
        {"serverufrag1:page", "wrongpassword", CONTROLLING, true, 0},
        {"serverufrag2:page", "serverpassword234serverpassword2", CONTROLLING, true, 0},
        {"serverufrag12:page", "serverpassword234serverpassword2", CONTROLLING, true, 0},
        {"server:page", "serverpassword234serverpassword2", CONTROLLING, true, 0},
    };
    struct address a = some_address("192.0.2.7");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct message m;
        struct ice_answer result = {.len = 99};
        uint8_t answer[ICE_STUN_MAX];
        write_request(&m, &bad[i]);
        CHECK_EQ(
            ice_answer(&server, m.bytes, writer_len(&m.w), &a, answer, sizeof(answer), &result),
            -EACCES);
        CHECK_EQ(result.len, 99);
    }
}

/* One flipped bit anywhere and it is not answered. */
static void refuses_every_flipped_bit(void)
{
    struct message m;
    struct address a = some_address("192.0.2.7");
    write_request(&m, &good);
    size_t len = writer_len(&m.w);
    for (size_t bit = 0; bit < len * 8; bit++) {
        uint8_t copy[1600], answer[ICE_STUN_MAX];
        struct ice_view view;
        struct ice_answer result;
        memcpy(copy, m.bytes, len);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ice_view(copy, len, &view) < 0 ||
              ice_answer(&server, copy, len, &a, answer, sizeof(answer), &result) == -EACCES);
    }
}

/* role_conflict: a page that thinks itself controlled is told so, and proves nothing by it. */
static void tells_role_conflict(void)
{
    struct request q = good;
    q.role = CONTROLLED;
    struct message m;
    struct address a = some_address("192.0.2.7");
    struct ice_answer result;
    uint8_t answer[ICE_STUN_MAX];
    write_request(&m, &q);
    CHECK_EQ(ice_answer(&server, m.bytes, writer_len(&m.w), &a, answer, sizeof(answer), &result),
             -EPROTO);
    check_answer(answer, result.len, 487);
}

static void refuses_unknown_required_attributes(void)
{
    struct request q = good;
    q.extra = 0x0077;
    struct message m;
    struct address a = some_address("192.0.2.7");
    struct ice_answer result;
    uint8_t answer[ICE_STUN_MAX];
    write_request(&m, &q);
    CHECK_EQ(ice_answer(&server, m.bytes, writer_len(&m.w), &a, answer, sizeof(answer), &result),
             -EPROTO);
    CHECK(result.len > 0);
    check_answer(answer, result.len, 420);
    q.extra = 0xc057; /* optional: what Chromium sends */
    write_request(&m, &q);
    CHECK_EQ(ice_answer(&server, m.bytes, writer_len(&m.w), &a, answer, sizeof(answer), &result),
             0);
}

static void view_refuses(void)
{
    struct message m;
    struct ice_view view;
    write_request(&m, &good);
    size_t len = writer_len(&m.w);
    for (size_t cut = 0; cut < len; cut++)
        CHECK_EQ(ice_view(m.bytes, cut, &view), -EBADMSG);
    CHECK_EQ(ice_view(m.bytes, len + 4, &view), -EBADMSG);

    begin(&m, 0x0001); /* no integrity */
    add(&m, USERNAME, "serverufrag1:page", 17);
    add_fingerprint(&m);
    CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), -EBADMSG);

    begin(&m, 0x0001); /* no fingerprint */
    add(&m, USERNAME, "serverufrag1:page", 17);
    add_integrity(&m, server.password);
    CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), -EBADMSG);

    begin(&m, 0x0001); /* the user name is not covered by the integrity */
    add_integrity(&m, server.password);
    add(&m, USERNAME, "serverufrag1:page", 17);
    add_fingerprint(&m);
    CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), -EBADMSG);

    begin(&m, 0x0101); /* an answer, not a request */
    add(&m, USERNAME, "serverufrag1:page", 17);
    add_integrity(&m, server.password);
    add_fingerprint(&m);
    CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), -EBADMSG);

    static const char *const names[] = {
        "", ":", "serverufrag1", "serverufrag1:", ":page", "abc:page", "serverufrag1:abc"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct request q = good;
        q.username = names[i];
        write_request(&m, &q);
        CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), -EBADMSG);
    }

    begin(&m, 0x0001); /* more attributes than anybody needs */
    add(&m, USERNAME, "serverufrag1:page", 17);
    for (int i = 0; i < 40; i++)
        add(&m, 0xc001, "", 0);
    add_integrity(&m, server.password);
    add_fingerprint(&m);
    CHECK_EQ(ice_view(m.bytes, writer_len(&m.w), &view), -EBADMSG);
}

static void client_and_server_agree(void)
{
    CLEANUP(ice_client_destroy) struct ice_client *c = NULL;
    CHECK_EQ(ice_client_create(&page, &server, &c), 0);
    uint8_t request[ICE_STUN_MAX], answer[ICE_STUN_MAX];
    size_t len = ice_client_request(c, true, request, sizeof(request));
    CHECK(len > 0);
    struct address a = some_address("198.51.100.9"), mapped;
    struct ice_answer result;
    CHECK_EQ(ice_answer(&server, request, len, &a, answer, sizeof(answer), &result), 0);
    answer[30] ^= 1;
    CHECK_EQ(ice_client_response(c, answer, result.len, &mapped), -EACCES);
    answer[30] ^= 1;
    CHECK_EQ(ice_client_response(c, answer, result.len, &mapped), 0);
    CHECK(address_equal(&a, &mapped));
}

static void credentials_are_fresh(void)
{
    struct control_ice a, b;
    CHECK_EQ(ice_make_credentials(&a), 0);
    CHECK_EQ(ice_make_credentials(&b), 0);
    CHECK_EQ(strlen(a.ufrag), 12);
    CHECK_EQ(strlen(a.password), 32);
    CHECK(strcmp(a.ufrag, b.ufrag) != 0 && strcmp(a.password, b.password) != 0);
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
        CHECK(r == -ENOMEM || r == -EIO);
    }
#else
    answers_a_check();
    nominates_only_when_told();
    refuses_without_the_password();
    refuses_every_flipped_bit();
    tells_role_conflict();
    refuses_unknown_required_attributes();
    view_refuses();
    client_and_server_agree();
    credentials_are_fresh();
    return 0;
#endif
}
