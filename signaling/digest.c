/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "common/cleanup.h"

DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_CLEANUP(EVP_MAC, EVP_MAC_free)
DEFINE_CLEANUP(EVP_MAC_CTX, EVP_MAC_CTX_free)

int digest_sha256(const void *data, size_t len, const void *more, size_t more_len,
                  uint8_t ret_hash[static DIGEST_LEN])
{
    CLEANUP(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, data, len) != 1 ||
        (more_len > 0 && EVP_DigestUpdate(context, more, more_len) != 1) ||
        EVP_DigestFinal_ex(context, ret_hash, NULL) != 1)
        return -ENOMEM;
    return 0;
}

struct digest_sum {
    EVP_MD_CTX *context;
};

int digest_sum_create(struct digest_sum **ret_sum)
{
    struct digest_sum *sum = calloc(1, sizeof(*sum));
    if (sum)
        sum->context = EVP_MD_CTX_new();
    if (!sum || !sum->context || EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) != 1) {
        digest_sum_destroy(sum);
        return -ENOMEM;
    }
    *ret_sum = sum;
    return 0;
}

void digest_sum_destroy(struct digest_sum *sum)
{
    if (!sum)
        return;
    EVP_MD_CTX_free(sum->context);
    free(sum);
}

int digest_sum_add(struct digest_sum *sum, const void *data, size_t len)
{
    return EVP_DigestUpdate(sum->context, data, len) == 1 ? 0 : -ENOMEM;
}

int digest_sum_read(const struct digest_sum *sum, uint8_t ret_hash[static DIGEST_LEN])
{
    CLEANUP(EVP_MD_CTX_free) EVP_MD_CTX *copy = EVP_MD_CTX_new();
    if (!copy || EVP_MD_CTX_copy_ex(copy, sum->context) != 1 ||
        EVP_DigestFinal_ex(copy, ret_hash, NULL) != 1)
        return -ENOMEM;
    return 0;
}

static int hmac(char *hash, const void *key, size_t key_len, const void *data, size_t len,
                uint8_t *ret_mac, size_t expected_len)
{
    OSSL_PARAM options[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
                            OSSL_PARAM_construct_end()};
    CLEANUP(EVP_MAC_free) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    CLEANUP(EVP_MAC_CTX_free) EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    size_t mac_len = 0;
    if (!context || EVP_MAC_init(context, key, key_len, options) != 1 ||
        EVP_MAC_update(context, data, len) != 1 ||
        EVP_MAC_final(context, ret_mac, &mac_len, expected_len) != 1 || mac_len != expected_len)
        return -ENOMEM;
    return 0;
}

int digest_hmac(const void *key, size_t key_len, const void *data, size_t len,
                uint8_t ret_mac[static DIGEST_LEN])
{
    char hash[] = "SHA256";
    return hmac(hash, key, key_len, data, len, ret_mac, DIGEST_LEN);
}

int digest_hmac_sha1_base64(const void *key, size_t key_len, const void *data, size_t len,
                            char text[static DIGEST_SHA1_BASE64_TEXT])
{
    char hash[] = "SHA1";
    uint8_t mac[20];
    int r = hmac(hash, key, key_len, data, len, mac, sizeof(mac));
    if (r < 0)
        return r;
    (void)EVP_EncodeBlock((unsigned char *)text, mac, sizeof(mac)); /* always 28 and a NUL */
    return 0;
}

bool digest_is_equal(const uint8_t a[static DIGEST_LEN], const uint8_t b[static DIGEST_LEN])
{
    return CRYPTO_memcmp(a, b, DIGEST_LEN) == 0;
}

void digest_wipe(void *secret, size_t len)
{
    OPENSSL_cleanse(secret, len);
}

const char *digest_text(const uint8_t hash[static DIGEST_LEN], char text[static DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    text[DIGEST_TEXT - 1] = '\0';
    return text;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void digest_base64url(const void *data, size_t len, char *text)
{
    const uint8_t *bytes = data;
    uint32_t bits = 0;
    unsigned held = 0; /* bits not written yet */
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            *text++ = alphabet[bits >> held & 63];
        }
    }
    if (held > 0)
        *text++ = alphabet[bits << (6 - held) & 63];
    *text = '\0';
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ssize_t digest_from_base64url(const char *text, size_t len, void *data, size_t capacity)
{
    uint8_t *bytes = data;
    size_t count = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return -EBADMSG;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (count == capacity)
            return -EBADMSG;
        bytes[count++] = (uint8_t)(bits >> held);
    }
    /* Six left over bits are a lone character; others must be zero. */
    if (held >= 6 || (bits & ((1u << held) - 1)) != 0)
        return -EBADMSG;
    return (ssize_t)count;
}
