/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/dtls_record.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#define VERSION_DTLS_1_2 0xfefd
#define TAG_LEN          16
#define NONCE_LEN        12
#define AAD_LEN          13
#define EPOCH_SEALED     1 /* of the one handshake: renegotiation is off */

/* The three that dtls.c offers. */
struct suite {
    uint16_t cipher;
    const char *digest; /* of its pseudo-random function */
    size_t key_len;
    size_t iv_len;             /* that of the handshake, ... */
    size_t explicit_nonce_len; /* ... and what each record brings (RFC 5288 section 3) */
    const EVP_CIPHER *(*evp)(void);
};

static const struct suite suites[] = {
    {0xc02b, "SHA256", 16, 4, 8, EVP_aes_128_gcm},        /* RFC 5289 */
    {0xc02c, "SHA384", 32, 4, 8, EVP_aes_256_gcm},        /* RFC 5289 */
    {0xcca9, "SHA256", 32, 12, 0, EVP_chacha20_poly1305}, /* RFC 7905 */
};

static const struct suite *find_suite(uint16_t cipher)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (suites[i].cipher == cipher)
            return &suites[i];
    return NULL;
}

/* RFC 5246 section 5, with the seed of section 6.3. */
static bool expand(const struct suite *suite, const struct dtls_secrets *secrets, uint8_t *out,
                   size_t len)
{
    uint8_t seed[13 + 2 * DTLS_RANDOM_LEN] = "key expansion";
    memcpy(seed + 13, secrets->server_random, DTLS_RANDOM_LEN);
    memcpy(seed + 13 + DTLS_RANDOM_LEN, secrets->client_random, DTLS_RANDOM_LEN);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)suite->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secrets->master,
                                          DTLS_MASTER_LEN),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = context && EVP_KDF_derive(context, out, len, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return ok;
}

int dtls_opener_init(struct dtls_opener *o, const struct dtls_secrets *secrets, bool of_client)
{
    const struct suite *suite = find_suite(secrets->cipher);
    if (!suite)
        return -ENOTSUP;
    /* These ciphers have no MAC keys: client's key, server's key, client's IV, server's IV. */
    uint8_t block[2 * (sizeof(o->key) + sizeof(o->iv))];
    if (!expand(suite, secrets, block, 2 * (suite->key_len + suite->iv_len))) {
        ERR_clear_error();
        return -EIO;
    }
    *o = (struct dtls_opener){.cipher = secrets->cipher};
    memcpy(o->key, block + (of_client ? 0 : suite->key_len), suite->key_len);
    memcpy(o->iv, block + 2 * suite->key_len + (of_client ? 0 : suite->iv_len), suite->iv_len);
    OPENSSL_cleanse(block, sizeof(block));
    return 0;
}

static bool decrypt(const struct suite *suite, const struct dtls_opener *o, const uint8_t *nonce,
                    const uint8_t *aad, const uint8_t *sealed, struct dtls_record *record)
{
    uint8_t tag[TAG_LEN];
    memcpy(tag, sealed + record->len, TAG_LEN);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    bool ok = c && EVP_DecryptInit_ex(c, suite->evp(), NULL, o->key, nonce) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, aad, AAD_LEN) == 1 &&
              EVP_DecryptUpdate(c, record->plain, &n, sealed, (int)record->len) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
              EVP_DecryptFinal_ex(c, record->plain + n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    ERR_clear_error();
    return ok;
}

/* RFC 5246 section 6.2.3.3, with epoch and sequence number as the number (RFC 6347 section 4.1.2).
 */
static bool open_record(const struct dtls_opener *o, const uint8_t *header, const uint8_t *body,
                        size_t body_len, struct dtls_record *record)
{
    const struct suite *suite = find_suite(o->cipher);
    size_t around = suite ? suite->explicit_nonce_len + TAG_LEN : SIZE_MAX;
    if (body_len <= around || body_len - around > DTLS_RECORD_PLAIN_MAX)
        return false;
    record->len = body_len - around;
    uint8_t nonce[NONCE_LEN], aad[AAD_LEN];
    memcpy(nonce, o->iv, sizeof(nonce));
    if (suite->explicit_nonce_len)
        memcpy(nonce + suite->iv_len, body, suite->explicit_nonce_len);
    for (size_t i = 0; !suite->explicit_nonce_len && i < 8; i++)
        nonce[4 + i] ^= header[3 + i]; /* RFC 7905 section 2 */
    memcpy(aad, header + 3, 8);
    memcpy(aad + 8, header, 3);
    aad[11] = 0;
    aad[12] = (uint8_t)record->len;
    return decrypt(suite, o, nonce, aad, body + suite->explicit_nonce_len, record);
}

bool dtls_record_next(const struct dtls_opener *o, struct reader *datagram,
                      struct dtls_record *ret_record)
{
    const uint8_t *header = reader_skip(datagram, DTLS_RECORD_HEADER);
    if (!header)
        return false;
    struct reader h = reader_over(header, DTLS_RECORD_HEADER);
    struct dtls_record record = {.type = reader_u8(&h)};
    uint16_t version = reader_u16(&h);
    uint16_t epoch = reader_u16(&h);
    reader_skip(&h, 6); /* the sequence number */
    uint16_t len = reader_u16(&h);
    const uint8_t *body = reader_skip(datagram, len);
    if (!body)
        return false;
    record.sealed = version == VERSION_DTLS_1_2 && epoch == EPOCH_SEALED;
    record.opened = record.sealed && open_record(o, header, body, len, &record);
    *ret_record = record;
    return true;
}
