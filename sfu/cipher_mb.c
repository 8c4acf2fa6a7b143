/* SPDX-License-Identifier: Apache-2.0 */
/* By libipsec-mb: AES-GCM, whose functions for one packet keep nothing between two, so one manager
 * serves all keys of a worker; AES-CM, whose HMAC-SHA1 it makes for as many packets at once as the
 * processor's registers have lanes. */
#include "sfu/cipher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without its names of old, such as SHA1, which OpenSSL has too. */
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include "sfu/hmac.h"

/* As the library's vector loads want it. */
#define KEY_ALIGN 64
/* AES-128's key and ten round keys. */
#define SCHEDULE_LEN (11 * 16)
/* AES-CM's tail in the tag's place: the last bytes of what is authenticated. */
#define TAIL_LEN sizeof(((struct cipher_packet *)NULL)->tail)

struct cipher_mb {
    IMB_MGR *manager;
    IMB_ARCH arch;
    size_t lanes; /* of its HMAC-SHA1 */
    size_t owed;  /* tags, the first of `jobs` */
    IMB_JOB jobs[IMB_MAX_BURST_SIZE];
    uint8_t digests[IMB_MAX_BURST_SIZE][SHA_DIGEST_LENGTH];
};

struct gcm_cipher {
    struct cipher cipher;
    aes_gcm_enc_dec_t seal, open;
    _Alignas(KEY_ALIGN) struct gcm_key_data key;
};

int cipher_mb_open(struct cipher_mb **ret_mb)
{
    struct cipher_mb *mb = calloc(1, sizeof(*mb));
    if (!mb)
        return -ENOMEM;
    mb->manager = alloc_mb_mgr(0);
    if (!mb->manager) {
        free(mb);
        return -ENOMEM;
    }
    init_mb_mgr_auto(mb->manager, &mb->arch);
    const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
    if (mb->arch == IMB_ARCH_NONE || imb_get_errno(mb->manager) != 0 ||
        (mb->manager->features & needed) != needed) {
        cipher_mb_close(mb);
        return -ENOTSUP;
    }
    mb->lanes = mb->arch == IMB_ARCH_AVX512 ? 16 : mb->arch == IMB_ARCH_AVX2 ? 8 : 4;
    *ret_mb = mb;
    return 0;
}

void cipher_mb_close(struct cipher_mb *mb)
{
    if (!mb)
        return;
    free_mb_mgr(mb->manager);
    free(mb);
}

const char *cipher_mb_name(const struct cipher_mb *mb)
{
    switch (mb->arch) {
    case IMB_ARCH_AVX512:
        return "AVX512";
    case IMB_ARCH_AVX2:
        return "AVX2";
    case IMB_ARCH_AVX:
        return "AVX";
    default:
        return "SSE";
    }
}

static bool seal_gcm(struct cipher *base, const struct cipher_packet *p)
{
    struct gcm_cipher *c = (struct gcm_cipher *)(void *)base;
    struct gcm_context_data context;
    c->seal(&c->key, &context, p->out, p->plain, p->len, p->iv, p->head, p->head_len, p->tag,
            CIPHER_TAG_GCM);
    return true;
}

static bool open_gcm(struct cipher *base, const struct cipher_sealed *p)
{
    struct gcm_cipher *c = (struct gcm_cipher *)(void *)base;
    struct gcm_context_data context;
    uint8_t tag[CIPHER_TAG_GCM];
    c->open(&c->key, &context, p->out, p->sealed, p->sealed_len, p->iv, p->head, p->head_len, tag,
            sizeof(tag));
    return CRYPTO_memcmp(tag, p->tag, sizeof(tag)) == 0;
}

static void destroy_gcm(struct cipher *base)
{
    struct gcm_cipher *c = (struct gcm_cipher *)(void *)base;
    explicit_bzero(c, sizeof(*c));
    free(c);
}

int cipher_mb_create_gcm(const struct cipher_mb *mb, enum keys_suite suite, const uint8_t *key,
                         struct cipher **ret_cipher)
{
    struct gcm_cipher *c = aligned_alloc(KEY_ALIGN, sizeof(*c));
    if (!c)
        return -ENOMEM;
    const IMB_MGR *m = mb->manager;
    bool long_key = keys_key_len(suite) == 32;
    *c = (struct gcm_cipher){
        .cipher = {.seal = seal_gcm, .open = open_gcm, .destroy = destroy_gcm},
        .seal = long_key ? m->gcm256_enc : m->gcm128_enc,
        .open = long_key ? m->gcm256_dec : m->gcm128_dec,
    };
    if (long_key)
        IMB_AES256_GCM_PRE(m, key, &c->key);
    else
        IMB_AES128_GCM_PRE(m, key, &c->key);
    *ret_cipher = &c->cipher;
    return 0;
}

struct cm_cipher {
    struct cipher cipher;
    struct cipher_mb *mb;
    struct hmac hmac;
    _Alignas(16) uint8_t schedule[SCHEDULE_LEN]; /* AES's */
};

/* What the library starts from is what SHA1_Init and the key block have left, in its order. */
_Static_assert(offsetof(SHA_CTX, h0) == 0 && offsetof(SHA_CTX, h4) == 4 * sizeof(uint32_t),
               "SHA-1's state is five words");

/* The digest of owed tag `i` by itself. */
static void make_alone(struct cipher_mb *mb, size_t i)
{
    const IMB_JOB *job = &mb->jobs[i];
    const struct cm_cipher *c = job->user_data;
    const struct hmac_piece whole = {job->src, job->msg_len_to_hash_in_bytes};
    hmac_digest(&c->hmac, &whole, 1, mb->digests[i]);
}

void cipher_mb_settle(struct cipher_mb *mb)
{
    size_t owed = mb->owed;
    mb->owed = 0;
    /* A round of the library's takes as long for one packet as for all its lanes, which OpenSSL
     * needs for about four packets: what would leave most lanes empty is made one by one. */
    size_t rest = owed % mb->lanes;
    size_t at_once = rest < mb->lanes / 4 ? owed - rest : owed;
    if (at_once)
        (void)IMB_SUBMIT_HASH_BURST_NOCHECK(mb->manager, mb->jobs, (uint32_t)at_once,
                                            IMB_AUTH_HMAC_SHA_1);
    for (size_t i = 0; i < owed; i++) {
        const IMB_JOB *job = &mb->jobs[i];
        if (i >= at_once || !(job->status & IMB_STATUS_COMPLETED_AUTH))
            make_alone(mb, i);
        uint8_t *message = (uint8_t *)(uintptr_t)job->src; /* ours, see owe() */
        memcpy(message + job->msg_len_to_hash_in_bytes - TAIL_LEN, mb->digests[i], CIPHER_TAG_CM);
    }
}

/* The tag of `message`, whose last bytes, the tail, it is to replace. */
static void owe(struct cm_cipher *c, const uint8_t *message, size_t len)
{
    struct cipher_mb *mb = c->mb;
    if (mb->owed == IMB_MAX_BURST_SIZE)
        cipher_mb_settle(mb);
    IMB_JOB *job = &mb->jobs[mb->owed];
    *job = (IMB_JOB){
        .cipher_mode = IMB_CIPHER_NULL,
        .hash_alg = IMB_AUTH_HMAC_SHA_1,
        .src = message,
        .msg_len_to_hash_in_bytes = len,
        .auth_tag_output = mb->digests[mb->owed],
        .auth_tag_output_len_in_bytes = SHA_DIGEST_LENGTH,
        .u.HMAC._hashed_auth_key_xor_ipad = (const uint8_t *)&c->hmac.inner,
        .u.HMAC._hashed_auth_key_xor_opad = (const uint8_t *)&c->hmac.outer,
        .user_data = c,
    };
    mb->owed++;
}

static bool seal_cm(struct cipher *base, const struct cipher_packet *p)
{
    struct cm_cipher *c = (struct cm_cipher *)(void *)base;
    memcpy(p->tag, p->tail, sizeof(p->tail));
    IMB_JOB job = {
        .cipher_mode = IMB_CIPHER_CNTR,
        .cipher_direction = IMB_DIR_ENCRYPT,
        .hash_alg = IMB_AUTH_NULL,
        .enc_keys = c->schedule,
        .dec_keys = c->schedule,
        .key_len_in_bytes = IMB_KEY_128_BYTES,
        .iv = p->iv,
        .iv_len_in_bytes = CIPHER_IV_CM,
        .src = p->plain,
        .dst = p->out,
        .msg_len_to_cipher_in_bytes = p->len,
    };
    if (p->len && IMB_SUBMIT_CIPHER_BURST_NOCHECK(c->mb->manager, &job, 1, IMB_CIPHER_CNTR,
                                                  IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) != 1)
        return false;
    owe(c, p->head, p->head_len + p->len + sizeof(p->tail));
    return true;
}

static void destroy_cm(struct cipher *base)
{
    struct cm_cipher *c = (struct cm_cipher *)(void *)base;
    cipher_mb_settle(c->mb); /* what it owes needs its key */
    explicit_bzero(c, sizeof(*c));
    free(c);
}

int cipher_mb_create_cm(struct cipher_mb *mb, const uint8_t *key, const uint8_t *auth_key,
                        struct cipher **ret_cipher)
{
    struct cm_cipher *c =
        aligned_alloc(KEY_ALIGN, (sizeof(*c) + KEY_ALIGN - 1) / KEY_ALIGN * KEY_ALIGN);
    if (!c)
        return -ENOMEM;
    c->cipher = (struct cipher){.seal = seal_cm, .destroy = destroy_cm};
    c->mb = mb;
    hmac_set_key(&c->hmac, auth_key);
    _Alignas(16) uint8_t unused[SCHEDULE_LEN]; /* for deciphering blocks; counter mode does not */
    IMB_AES_KEYEXP_128(mb->manager, key, c->schedule, unused);
    explicit_bzero(unused, sizeof(unused));
    *ret_cipher = &c->cipher;
    return 0;
}
