/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/cipher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "sfu/hmac.h"

struct evp_cipher {
    struct cipher cipher;
    EVP_CIPHER_CTX *context; /* keyed; only the IV changes per packet */
    struct hmac hmac;        /* of AES-CM */
};

static bool encrypt(struct evp_cipher *c, const struct cipher_packet *p)
{
    int n;
    return p->len == 0 || EVP_EncryptUpdate(c->context, p->out, &n, p->plain, (int)p->len) == 1;
}

static bool decrypt(struct evp_cipher *c, const struct cipher_sealed *p)
{
    int n;
    return p->sealed_len == 0 ||
           EVP_DecryptUpdate(c->context, p->out, &n, p->sealed, (int)p->sealed_len) == 1;
}

static bool seal_gcm(struct cipher *base, const struct cipher_packet *p)
{
    struct evp_cipher *c = (struct evp_cipher *)(void *)base;
    int n;
    return EVP_EncryptInit_ex2(c->context, NULL, NULL, p->iv, NULL) == 1 &&
           EVP_EncryptUpdate(c->context, NULL, &n, p->head, (int)p->head_len) == 1 &&
           encrypt(c, p) && EVP_EncryptFinal_ex(c->context, p->tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_GCM, p->tag) == 1;
}

static bool open_gcm(struct cipher *base, const struct cipher_sealed *p)
{
    struct evp_cipher *c = (struct evp_cipher *)(void *)base;
    uint8_t tag[CIPHER_TAG_GCM]; /* a copy: the call wants to be allowed to write */
    memcpy(tag, p->tag, sizeof(tag));
    int n;
    return EVP_DecryptInit_ex2(c->context, NULL, NULL, p->iv, NULL) == 1 &&
           EVP_DecryptUpdate(c->context, NULL, &n, p->head, (int)p->head_len) == 1 &&
           decrypt(c, p) &&
           EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1 &&
           EVP_DecryptFinal_ex(c->context, p->out + p->sealed_len, &n) == 1;
}

static bool seal_cm(struct cipher *base, const struct cipher_packet *p)
{
    struct evp_cipher *c = (struct evp_cipher *)(void *)base;
    if (EVP_EncryptInit_ex2(c->context, NULL, NULL, p->iv, NULL) != 1 || !encrypt(c, p))
        return false;
    const struct hmac_piece pieces[] = {
        {p->head, p->head_len}, {p->out, p->len}, {p->tail, sizeof(p->tail)}};
    uint8_t digest[SHA_DIGEST_LENGTH];
    hmac_digest(&c->hmac, pieces, 3, digest);
    memcpy(p->tag, digest, CIPHER_TAG_CM);
    return true;
}

static bool open_cm(struct cipher *base, const struct cipher_sealed *p)
{
    struct evp_cipher *c = (struct evp_cipher *)(void *)base;
    const struct hmac_piece pieces[] = {
        {p->head, p->head_len}, {p->sealed, p->sealed_len}, {p->tail, sizeof(p->tail)}};
    uint8_t digest[SHA_DIGEST_LENGTH];
    hmac_digest(&c->hmac, pieces, 3, digest);
    return CRYPTO_memcmp(digest, p->tag, CIPHER_TAG_CM) == 0 &&
           EVP_DecryptInit_ex2(c->context, NULL, NULL, p->iv, NULL) == 1 && decrypt(c, p);
}

static int set_cipher(struct evp_cipher *c, enum keys_suite suite, enum cipher_direction direction,
                      const uint8_t *key)
{
    static const char *const names[KEYS_SUITE_COUNT] = {
        [KEYS_AEAD_AES_128_GCM] = "AES-128-GCM",
        [KEYS_AEAD_AES_256_GCM] = "AES-256-GCM",
        [KEYS_AES_128_CM_HMAC_SHA1_80] = "AES-128-CTR",
    };
    c->context = EVP_CIPHER_CTX_new();
    if (!c->context)
        return -ENOMEM;
    /* Fetched: looking an implementation up by name costs more than sealing a packet. */
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, names[suite], NULL);
    int ok = fetched && EVP_CipherInit_ex2(c->context, fetched, key, NULL,
                                           direction == CIPHER_SEALS, NULL) == 1;
    EVP_CIPHER_free(fetched); /* the context holds its own reference */
    return ok ? 0 : -EIO;
}

static void destroy(struct cipher *base)
{
    struct evp_cipher *c = (struct evp_cipher *)(void *)base;
    EVP_CIPHER_CTX_free(c->context);
    OPENSSL_cleanse(c, sizeof(*c));
    free(c);
}

int cipher_evp_create(enum keys_suite suite, enum cipher_direction direction, const uint8_t *key,
                      const uint8_t *auth_key, struct cipher **ret_cipher)
{
    struct evp_cipher *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    bool cm = suite == KEYS_AES_128_CM_HMAC_SHA1_80;
    c->cipher = (struct cipher){
        .seal = cm ? seal_cm : seal_gcm, .open = cm ? open_cm : open_gcm, .destroy = destroy};
    int r = set_cipher(c, suite, direction, key);
    if (r < 0) {
        destroy(&c->cipher);
        return r;
    }
    if (cm)
        hmac_set_key(&c->hmac, auth_key);
    *ret_cipher = &c->cipher;
    return 0;
}
