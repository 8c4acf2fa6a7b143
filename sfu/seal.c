/* SPDX-License-Identifier: Apache-2.0 */
/* SHA1_Update and its kind are deprecated in favour of EVP_MAC, which allocates for every packet.
 */
#define OPENSSL_API_COMPAT 10100
#include "sfu/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define RTP_HEADER_MIN 12
#define HMAC_BLOCK     64
#define HMAC_TAG       10 /* RFC 3711 section 4.2.1: 80 bits */
#define AUTH_KEY_LEN   20
#define PADDING_BIT    0x20
#define PADDING_MAX    255

/* RFC 3711 section 4.3.1: labels of the keys derived for RTP. */
enum label { LABEL_CIPHER = 0, LABEL_AUTH = 1, LABEL_SALT = 2 };

struct seal {
    enum keys_suite suite;
    EVP_CIPHER_CTX *cipher; /* keyed; only the IV changes per packet */
    uint8_t salt[KEYS_SALT_MAX];
    SHA_CTX inner, outer; /* HMAC's two hashes after their key block (RFC 2104) */
};

/* RFC 3711 section 4.3.3: the key stream of AES counter mode under the master key, at the salt with
 * the label put in. A 12-byte salt is followed by zeros (RFC 7714 section 11). */
static int derive(const struct keys *keys, enum label label, uint8_t *out, size_t len)
{
    uint8_t iv[16] = {0};
    memcpy(iv, keys->salt, keys_salt_len(keys->suite));
    iv[7] ^= (uint8_t)label;
    const EVP_CIPHER *aes = keys_key_len(keys->suite) == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c)
        return -ENOMEM;
    int n;
    memset(out, 0, len);
    int ok = EVP_EncryptInit_ex(c, aes, NULL, keys->key, iv) == 1 &&
             EVP_EncryptUpdate(c, out, &n, out, (int)len) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? 0 : -EIO;
}

static int set_cipher(struct seal *s, const uint8_t *key)
{
    static const char *const names[KEYS_SUITE_COUNT] = {
        [KEYS_AEAD_AES_128_GCM] = "AES-128-GCM",
        [KEYS_AEAD_AES_256_GCM] = "AES-256-GCM",
        [KEYS_AES_128_CM_HMAC_SHA1_80] = "AES-128-CTR",
    };
    s->cipher = EVP_CIPHER_CTX_new();
    if (!s->cipher)
        return -ENOMEM;
    /* Fetched: looking an implementation up by name costs more than sealing a packet. */
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, names[s->suite], NULL);
    int ok = fetched && EVP_EncryptInit_ex2(s->cipher, fetched, key, NULL, NULL) == 1;
    EVP_CIPHER_free(fetched); /* the context holds its own reference */
    return ok ? 0 : -EIO;
}

static void set_auth_key(struct seal *s, const uint8_t key[AUTH_KEY_LEN])
{
    uint8_t block[HMAC_BLOCK] = {0};
    memcpy(block, key, AUTH_KEY_LEN);
    for (size_t i = 0; i < HMAC_BLOCK; i++)
        block[i] ^= 0x36;
    SHA1_Init(&s->inner);
    SHA1_Update(&s->inner, block, HMAC_BLOCK);
    for (size_t i = 0; i < HMAC_BLOCK; i++)
        block[i] ^= 0x36 ^ 0x5c;
    SHA1_Init(&s->outer);
    SHA1_Update(&s->outer, block, HMAC_BLOCK);
    OPENSSL_cleanse(block, sizeof(block));
}

int seal_create_session(const struct keys *session, struct seal **ret_seal)
{
    if (session->suite == KEYS_AES_128_CM_HMAC_SHA1_80)
        return -EINVAL;
    CLEANUP(seal_destroy) struct seal *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->suite = session->suite;
    memcpy(s->salt, session->salt, sizeof(s->salt));
    int r = set_cipher(s, session->key);
    if (r < 0)
        return r;
    *ret_seal = STEAL(s);
    return 0;
}

int seal_create(const struct keys *keys, struct seal **ret_seal)
{
    CLEANUP(seal_destroy) struct seal *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->suite = keys->suite;
    uint8_t key[KEYS_KEY_MAX], auth_key[AUTH_KEY_LEN];
    int r = derive(keys, LABEL_CIPHER, key, keys_key_len(s->suite));
    if (r == 0)
        r = derive(keys, LABEL_SALT, s->salt, keys_salt_len(s->suite));
    if (r == 0)
        r = derive(keys, LABEL_AUTH, auth_key, sizeof(auth_key));
    if (r == 0)
        r = set_cipher(s, key);
    if (r == 0)
        set_auth_key(s, auth_key);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(auth_key, sizeof(auth_key));
    if (r < 0)
        return r;
    *ret_seal = STEAL(s);
    return 0;
}

void seal_destroy(struct seal *s)
{
    if (!s)
        return;
    EVP_CIPHER_CTX_free(s->cipher);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

/* RFC 3711 section 3.3.1 and appendix A: the index nearest to the highest one so far. Returns false
 * when that would lie before the first. */
static bool guess_index(const struct seal_stream *st, uint16_t seq, uint64_t *ret_index)
{
    if (!st->started) {
        *ret_index = seq;
        return true;
    }
    uint64_t roc = st->highest >> 16;
    uint16_t top = (uint16_t)st->highest;
    if (top < 0x8000 && seq > top && seq - top > 0x8000) {
        if (roc == 0)
            return false;
        roc--;
    } else if (top >= 0x8000 && top - 0x8000 > seq) {
        roc++;
    }
    *ret_index = roc << 16 | seq;
    return true;
}

static bool is_used(const struct seal_stream *st, uint64_t index)
{
    return st->used[index % SEAL_WINDOW / 64] >> index % 64 & 1;
}

static void set_used(struct seal_stream *st, uint64_t index, bool used)
{
    uint64_t bit = 1ull << index % 64;
    uint64_t *word = &st->used[index % SEAL_WINDOW / 64];
    *word = used ? *word | bit : *word & ~bit;
}

/* Claims the index of `seq` for one packet. A nonce used twice reveals AES-GCM's key, so an index
 * is claimed before it is sealed and never given back. */
static int claim_index(struct seal_stream *st, uint16_t seq, uint64_t *ret_index)
{
    uint64_t index;
    if (!guess_index(st, seq, &index))
        return -EALREADY;
    if (!st->started) {
        st->started = true;
        st->highest = index;
    } else if (index > st->highest) {
        uint64_t from =
            index - st->highest < SEAL_WINDOW ? st->highest + 1 : index - SEAL_WINDOW + 1;
        for (uint64_t i = from; i < index; i++)
            set_used(st, i, false);
        st->highest = index;
    } else if (st->highest - index >= SEAL_WINDOW || is_used(st, index)) {
        return -EALREADY;
    }
    set_used(st, index, true);
    *ret_index = index;
    return 0;
}

/* Bytes of an RTP packet that we write or encrypt: what a cipher is to see, in order. */
static bool encrypt_parts(struct seal *s, const struct seal_packet *p, uint8_t *out)
{
    int n;
    if (p->head_len && EVP_EncryptUpdate(s->cipher, out, &n, p->head, (int)p->head_len) != 1)
        return false;
    out += p->head_len;
    if (p->payload_len &&
        EVP_EncryptUpdate(s->cipher, out, &n, p->payload, (int)p->payload_len) != 1)
        return false;
    out += p->payload_len;
    if (!p->padding)
        return true;
    /* RFC 3550 section 5.1: zeros, and in the last byte how many. */
    uint8_t padding[PADDING_MAX] = {0};
    padding[p->padding - 1] = p->padding;
    return EVP_EncryptUpdate(s->cipher, out, &n, padding, p->padding) == 1;
}

/* RFC 7714 section 8.1: 16 zero bits, SSRC, roll-over counter, sequence number, under the salt. */
static bool seal_gcm(struct seal *s, const struct seal_packet *p, uint64_t index, uint8_t *out)
{
    uint8_t iv[12];
    memcpy(iv, s->salt, sizeof(iv));
    for (size_t i = 0; i < 4; i++)
        iv[2 + i] ^= out[8 + i];
    for (size_t i = 0; i < 6; i++)
        iv[6 + i] ^= (uint8_t)(index >> (40 - 8 * i));

    size_t sealed_len = p->head_len + p->payload_len + p->padding;
    uint8_t *sealed = out + p->header_len;
    int n;
    return EVP_EncryptInit_ex2(s->cipher, NULL, NULL, iv, NULL) == 1 &&
           EVP_EncryptUpdate(s->cipher, NULL, &n, out, (int)p->header_len) == 1 &&
           encrypt_parts(s, p, sealed) &&
           EVP_EncryptFinal_ex(s->cipher, sealed + sealed_len, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_MAX,
                               sealed + sealed_len) == 1;
}

/* RFC 3711 section 4.1.1: salt, SSRC and index each in their place, two bytes of block counter. The
 * tag (section 4.2) covers header, sealed payload and roll-over counter. */
static bool seal_cm(struct seal *s, const struct seal_packet *p, uint64_t index, uint8_t *out)
{
    uint8_t iv[16] = {0};
    memcpy(iv, s->salt, KEYS_SALT_MAX);
    for (size_t i = 0; i < 4; i++)
        iv[4 + i] ^= out[8 + i];
    for (size_t i = 0; i < 6; i++)
        iv[8 + i] ^= (uint8_t)(index >> (40 - 8 * i));
    if (EVP_EncryptInit_ex2(s->cipher, NULL, NULL, iv, NULL) != 1 ||
        !encrypt_parts(s, p, out + p->header_len))
        return false;

    size_t len = p->header_len + p->head_len + p->payload_len + p->padding;
    uint8_t roc[4] = {(uint8_t)(index >> 40), (uint8_t)(index >> 32), (uint8_t)(index >> 24),
                      (uint8_t)(index >> 16)};
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA_CTX hash = s->inner;
    SHA1_Update(&hash, out, len);
    SHA1_Update(&hash, roc, sizeof(roc));
    SHA1_Final(digest, &hash);
    hash = s->outer;
    SHA1_Update(&hash, digest, sizeof(digest));
    SHA1_Final(digest, &hash);
    memcpy(out + len, digest, HMAC_TAG);
    return true;
}

int seal_rtp(struct seal *s, struct seal_stream *stream, const struct seal_packet *p, uint8_t *out,
             size_t capacity, size_t *ret_len)
{
    if (p->header_len < RTP_HEADER_MIN)
        return -EINVAL;
    size_t len = p->header_len + p->head_len + p->payload_len + p->padding + keys_tag_len(s->suite);
    if (len > capacity)
        return -EMSGSIZE;
    uint64_t index;
    int r = claim_index(stream, (uint16_t)(p->header[2] << 8 | p->header[3]), &index);
    if (r < 0)
        return r;

    memcpy(out, p->header, p->header_len);
    if (p->padding)
        out[0] |= PADDING_BIT;
    bool ok = s->suite == KEYS_AES_128_CM_HMAC_SHA1_80 ? seal_cm(s, p, index, out)
                                                       : seal_gcm(s, p, index, out);
    if (!ok)
        return -EIO;
    *ret_len = len;
    return 0;
}
