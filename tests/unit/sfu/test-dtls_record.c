/* What is said once a handshake is over, between OpenSSL and what is left of our end: goodbyes and
 * other alerts, under each cipher. SPDX-License-Identifier: Apache-2.0 */
#include "sfu/dtls_record.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/bytes.h"
#include "unit/check.h"
#include "unit/sfu/plain_page.h"

/* RFC 5246 section 7.2. */
enum { WARNING = 1, FATAL = 2 };
enum { CLOSE_NOTIFY = 0, HANDSHAKE_FAILURE = 40, USER_CANCELED = 90, NO_RENEGOTIATION = 100 };

#define TAG_LEN    16
#define RECORD_MAX 128

static const struct {
    const char *name;
    size_t explicit_nonce_len; /* of a record: RFC 5288 section 3, RFC 7905 section 2 */
    const EVP_CIPHER *(*evp)(void);
} ciphers[] = {
    {"ECDHE-ECDSA-AES128-GCM-SHA256", 8, EVP_aes_128_gcm},
    {"ECDHE-ECDSA-CHACHA20-POLY1305", 0, EVP_chacha20_poly1305},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", 8, EVP_aes_256_gcm},
};
#define CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

static struct dtls_context *context;
static struct dtls *server;
static struct plain_page page;

static void begin(size_t cipher)
{
    const struct plain_page_options options = {.srtp = "SRTP_AEAD_AES_128_GCM",
                                               .certificate = PLAIN_ECDSA,
                                               .cipher = ciphers[cipher].name};
    CHECK_EQ(dtls_create(context, DTLS_SERVER, &server), 0);
    plain_page_open(&options, &page);
    (void)plain_page_handshake(&page, server);
    CHECK_EQ(dtls_state(server), DTLS_DONE);
    CHECK(SSL_is_init_finished(page.ssl));
    CHECK_EQ(strcmp(SSL_get_cipher_name(page.ssl), ciphers[cipher].name), 0);
}

static void end(void)
{
    plain_page_close(&page);
    dtls_destroy(server);
}

/* Ours is one that OpenSSL believes. */
static void says_goodbye(void)
{
    size_t len;
    uint8_t byte;
    dtls_close(server);
    const uint8_t *d = dtls_next_datagram(server, &len);
    CHECK(d);
    BIO_write(page.in, d, (int)len);
    CHECK(SSL_read(page.ssl, &byte, 1) <= 0);
    CHECK_EQ(SSL_get_shutdown(page.ssl), SSL_RECEIVED_SHUTDOWN);
}

/* The page's is heard, and no forged one is. */
static void hears_goodbye(void)
{
    page.count = 0;
    (void)SSL_shutdown(page.ssl);
    CHECK_EQ(page.count, 1);
    uint8_t *goodbye = page.datagrams[0];
    size_t len = page.lens[0];
    for (size_t bit = 0; bit < len * 8; bit++) {
        goodbye[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(dtls_receive(server, goodbye, len, 0), 0);
        goodbye[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = DTLS_RECORD_HEADER; cut < len; cut++)
        CHECK_EQ(dtls_receive(server, goodbye, cut, 0), 0);
    /* Behind another sealed record, as whoever fills datagrams with them would have it. */
    uint8_t two[2 * PLAIN_DATAGRAM_BYTES];
    memcpy(two, goodbye, len);
    two[len - 1] ^= 1;
    memcpy(two + len, goodbye, len);
    CHECK_EQ(dtls_receive(server, two, 2 * len, 0), 0);
    CHECK_EQ(dtls_state(server), DTLS_DONE);
    CHECK_EQ(dtls_receive(server, goodbye, len, 0), 0);
    CHECK_EQ(dtls_state(server), DTLS_CLOSED);
}

/* The key under which the page seals. */
static struct dtls_opener page_key(void)
{
    struct dtls_opener key;
    struct dtls_secrets secrets = {
        .cipher = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(page.ssl))};
    CHECK_EQ(SSL_SESSION_get_master_key(SSL_get_session(page.ssl), secrets.master, DTLS_MASTER_LEN),
             DTLS_MASTER_LEN);
    CHECK_EQ(SSL_get_client_random(page.ssl, secrets.client_random, DTLS_RANDOM_LEN),
             DTLS_RANDOM_LEN);
    CHECK_EQ(SSL_get_server_random(page.ssl, secrets.server_random, DTLS_RANDOM_LEN),
             DTLS_RANDOM_LEN);
    CHECK_EQ(dtls_opener_init(&key, &secrets, true), 0);
    return key;
}

/* A record of epoch 1 as the page seals it (RFC 6347 section 4.1.2.1), which OpenSSL gives no way
 * to have of any alert. Returns its length. */
static size_t seal_record(size_t cipher, enum dtls_record_type type, const uint8_t *plain,
                          size_t plain_len, uint8_t out[RECORD_MAX])
{
    static uint32_t number = 1000; /* OpenSSL's are far below */
    const struct dtls_opener key = page_key();
    size_t explicit_len = ciphers[cipher].explicit_nonce_len;
    struct writer w = writer_over(out, RECORD_MAX);
    writer_u8(&w, (uint8_t)type);
    writer_u16(&w, 0xfefd);
    writer_u16(&w, 1);
    writer_u16(&w, 0);
    writer_u32(&w, ++number);
    writer_u16(&w, (uint16_t)(explicit_len + plain_len + TAG_LEN));
    writer_bytes(&w, out + 3, explicit_len);

    uint8_t nonce[12], aad[13];
    memcpy(nonce, key.iv, sizeof(nonce));
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] = explicit_len ? out[3 + i] : nonce[4 + i] ^ out[3 + i];
    memcpy(aad, out + 3, 8);
    memcpy(aad + 8, out, 3);
    aad[11] = 0;
    aad[12] = (uint8_t)plain_len;
    uint8_t *sealed = out + DTLS_RECORD_HEADER + explicit_len;
    int n;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    CHECK_EQ(EVP_EncryptInit_ex(c, ciphers[cipher].evp(), NULL, key.key, nonce), 1);
    CHECK_EQ(EVP_EncryptUpdate(c, NULL, &n, aad, sizeof(aad)), 1);
    CHECK_EQ(EVP_EncryptUpdate(c, sealed, &n, plain, (int)plain_len), 1);
    CHECK_EQ(EVP_EncryptFinal_ex(c, sealed + n, &n), 1);
    CHECK_EQ(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + plain_len), 1);
    EVP_CIPHER_CTX_free(c);
    return DTLS_RECORD_HEADER + explicit_len + plain_len + TAG_LEN;
}

/* What the association is after each thing that a page may seal. */
static void takes_alerts(size_t cipher)
{
    static const struct {
        enum dtls_record_type type;
        uint8_t plain[3];
        size_t len;
        enum dtls_state state;
    } cases[] = {
        {DTLS_RECORD_ALERT, {WARNING, CLOSE_NOTIFY}, 2, DTLS_CLOSED},
        {DTLS_RECORD_ALERT, {FATAL, CLOSE_NOTIFY}, 2, DTLS_CLOSED},
        {DTLS_RECORD_ALERT, {FATAL, HANDSHAKE_FAILURE}, 2, DTLS_FAILED},
        {DTLS_RECORD_ALERT, {FATAL, 255}, 2, DTLS_FAILED}, /* nobody knows which */
        {DTLS_RECORD_ALERT, {WARNING, USER_CANCELED}, 2, DTLS_DONE},
        {DTLS_RECORD_ALERT, {WARNING, NO_RENEGOTIATION}, 2, DTLS_DONE},
        {DTLS_RECORD_ALERT, {FATAL}, 1, DTLS_DONE}, /* no alert is so long */
        {DTLS_RECORD_ALERT, {FATAL, HANDSHAKE_FAILURE, 0}, 3, DTLS_DONE},
        {(enum dtls_record_type)23, {FATAL, HANDSHAKE_FAILURE}, 2, DTLS_DONE}, /* data */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t record[RECORD_MAX];
        begin(cipher);
        size_t len = seal_record(cipher, cases[i].type, cases[i].plain, cases[i].len, record);
        record[len - 1] ^= 1; /* anybody could say that */
        CHECK_EQ(dtls_receive(server, record, len, 0), 0);
        CHECK_EQ(dtls_state(server), DTLS_DONE);
        record[len - 1] ^= 1;
        CHECK_EQ(dtls_receive(server, record, len, 0), 0);
        CHECK_EQ(dtls_state(server), cases[i].state);
        bool over = cases[i].state != DTLS_DONE;
        CHECK_EQ(dtls_receive(server, record, len, 0), over ? -EPIPE : 0);
        struct keys local, remote;
        CHECK_EQ(dtls_keys(server, page.fingerprint, &local, &remote), over ? -EAGAIN : 0);
        end();
    }
}

int main(void)
{
    CHECK_EQ(dtls_context_create(&context), 0);
    for (size_t i = 0; i < CIPHERS; i++) {
        begin(i);
        says_goodbye();
        end();
        begin(i);
        hears_goodbye();
        end();
        takes_alerts(i);
    }
    dtls_context_destroy(context);
    return 0;
}
