/* The ciphers of SRTP under one direction's session keys, by one of several libraries: they write
 * sealed or opened bytes, and know nothing of roll-over counters or nonces, which are seal's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_CIPHER_H
#define SFU_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/keys.h"

#define CIPHER_IV_GCM       12
#define CIPHER_IV_CM        16
#define CIPHER_TAG_GCM      16 /* RFC 7714 section 13.1 */
#define CIPHER_TAG_CM       10 /* RFC 3711 section 4.2.1: 80 bits */
#define CIPHER_AUTH_KEY_LEN 20

/* A packet to be sealed. Authenticated are `head`, what is sealed, with CM `tail`. */
struct cipher_packet {
    const uint8_t *iv;   /* CIPHER_IV_GCM or CIPHER_IV_CM bytes */
    const uint8_t *head; /* stays in clear */
    size_t head_len;
    const uint8_t *plain;
    size_t len;
    uint8_t *out;    /* for `len` bytes, sealed; may be where the plain ones stand */
    uint8_t *tag;    /* where it goes */
    uint8_t tail[4]; /* RFC 3711 section 4.2: roll-over counter, or RTCP's index */
};

/* A packet to be opened. */
struct cipher_sealed {
    const uint8_t *iv; /* as above, like the rest */
    const uint8_t *head;
    size_t head_len;
    const uint8_t *sealed;
    size_t sealed_len;
    const uint8_t *tag;
    uint8_t *out; /* for sealed_len bytes */
    uint8_t tail[4];
};

enum cipher_direction { CIPHER_SEALS, CIPHER_OPENS };

/* One association's, one direction's. One thread. Embedded first in what a library needs. Nothing
 * is allocated per packet. */
struct cipher {
    /* Of CIPHER_SEALS: seals and writes the tag; a cipher that owes tags, its tag not before
     * cipher_mb_settle(). Returns whether it worked. */
    bool (*seal)(struct cipher *c, const struct cipher_packet *p);
    /* Of CIPHER_OPENS: returns whether the tag is right; if not, what `out` holds is worth nothing.
     */
    bool (*open)(struct cipher *c, const struct cipher_sealed *p);
    void (*destroy)(struct cipher *c);
};

/* Of OpenSSL: every suite, every machine. `auth_key` is of CIPHER_AUTH_KEY_LEN bytes, NULL for GCM.
 * Returns 0, -ENOMEM or -EIO. */
int cipher_evp_create(enum keys_suite suite, enum cipher_direction direction, const uint8_t *key,
                      const uint8_t *auth_key, struct cipher **ret_cipher);

/* The manager of libipsec-mb, made for this CPU. */
struct cipher_mb;

/* Returns 0, -ENOMEM, or -ENOTSUP: not in this build, or no AES and carry-less multiplication in
 * this CPU. */
int cipher_mb_open(struct cipher_mb **ret_mb);

/* Accepts NULL. */
void cipher_mb_close(struct cipher_mb *mb);

/* The instructions it was made for, such as "AVX512". */
const char *cipher_mb_name(const struct cipher_mb *mb);

/* Of AES-GCM suites only, for both directions; `mb` is borrowed. Returns 0 or -ENOMEM. */
int cipher_mb_create_gcm(const struct cipher_mb *mb, enum keys_suite suite, const uint8_t *key,
                         struct cipher **ret_cipher);

/* Of AES-CM, for CIPHER_SEALS only: it owes its tags, so that many are made at once. A packet must
 * lie in one piece, head, sealed and tag one behind another, and stay until cipher_mb_settle().
 * `mb` is borrowed, and the cipher's while it lives. Returns 0 or -ENOMEM. */
int cipher_mb_create_cm(struct cipher_mb *mb, const uint8_t *key, const uint8_t *auth_key,
                        struct cipher **ret_cipher);

/* Writes all tags that ciphers of `mb` owe. Nothing is allocated. */
void cipher_mb_settle(struct cipher_mb *mb);

#endif
