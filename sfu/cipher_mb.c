/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM by libipsec-mb: its functions for one packet keep nothing between two, so one manager
 * serves all keys of a worker. */
#include "sfu/cipher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

/* As the library's vector loads want it. */
#define KEY_ALIGN 64

struct cipher_mb {
    IMB_MGR *manager;
    IMB_ARCH arch;
};

struct mb_cipher {
    struct cipher cipher;
    aes_gcm_enc_dec_t whole, open;
    aes_gcm_init_t init;
    aes_gcm_enc_dec_update_t update;
    aes_gcm_enc_dec_finalize_t finalize;
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

/* A packet of one part is one call; of several, one each. */
static bool seal_gcm(struct cipher *base, const struct cipher_packet *p)
{
    struct mb_cipher *c = (struct mb_cipher *)(void *)base;
    struct gcm_context_data context;
    if (p->part_count == 1) {
        c->whole(&c->key, &context, p->out, p->parts[0].data, p->sealed_len, p->iv, p->head,
                 p->head_len, p->tag, CIPHER_TAG_GCM);
        return true;
    }
    uint8_t *out = p->out;
    c->init(&c->key, &context, p->iv, p->head, p->head_len);
    for (size_t i = 0; i < p->part_count; i++) {
        c->update(&c->key, &context, out, p->parts[i].data, p->parts[i].len);
        out += p->parts[i].len;
    }
    c->finalize(&c->key, &context, p->tag, CIPHER_TAG_GCM);
    return true;
}

static bool open_gcm(struct cipher *base, const struct cipher_sealed *p)
{
    struct mb_cipher *c = (struct mb_cipher *)(void *)base;
    struct gcm_context_data context;
    uint8_t tag[CIPHER_TAG_GCM];
    c->open(&c->key, &context, p->out, p->sealed, p->sealed_len, p->iv, p->head, p->head_len, tag,
            sizeof(tag));
    return CRYPTO_memcmp(tag, p->tag, sizeof(tag)) == 0;
}

static void destroy(struct cipher *base)
{
    struct mb_cipher *c = (struct mb_cipher *)(void *)base;
    explicit_bzero(c, sizeof(*c));
    free(c);
}

int cipher_mb_create(const struct cipher_mb *mb, enum keys_suite suite, const uint8_t *key,
                     struct cipher **ret_cipher)
{
    struct mb_cipher *c = aligned_alloc(KEY_ALIGN, sizeof(*c));
    if (!c)
        return -ENOMEM;
    const IMB_MGR *m = mb->manager;
    bool long_key = keys_key_len(suite) == 32;
    *c = (struct mb_cipher){
        .cipher = {.seal = seal_gcm, .open = open_gcm, .destroy = destroy},
        .whole = long_key ? m->gcm256_enc : m->gcm128_enc,
        .open = long_key ? m->gcm256_dec : m->gcm128_dec,
        .init = long_key ? m->gcm256_init : m->gcm128_init,
        .update = long_key ? m->gcm256_enc_update : m->gcm128_enc_update,
        .finalize = long_key ? m->gcm256_enc_finalize : m->gcm128_enc_finalize,
    };
    if (long_key)
        IMB_AES256_GCM_PRE(m, key, &c->key);
    else
        IMB_AES128_GCM_PRE(m, key, &c->key);
    *ret_cipher = &c->cipher;
    return 0;
}
