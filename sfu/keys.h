/* The SRTP keys of one direction, as a DTLS handshake yields them (RFC 5764): what dtls makes and
 * seal and srtp_in use.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_KEYS_H
#define SFU_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* In the order we prefer them. */
enum keys_suite {
    KEYS_AEAD_AES_128_GCM = 0,        /* RFC 7714, tag of 16 bytes */
    KEYS_AEAD_AES_256_GCM = 1,        /* the same */
    KEYS_AES_128_CM_HMAC_SHA1_80 = 2, /* RFC 3711, tag of 10 bytes */
    KEYS_SUITE_COUNT = 3,
};

#define KEYS_KEY_MAX  32
#define KEYS_SALT_MAX 14

struct keys {
    enum keys_suite suite;
    uint8_t key[KEYS_KEY_MAX];   /* keys_key_len(suite) bytes used */
    uint8_t salt[KEYS_SALT_MAX]; /* keys_salt_len(suite) bytes used */
};

static inline size_t keys_key_len(enum keys_suite suite)
{
    return suite == KEYS_AEAD_AES_256_GCM ? 32 : 16;
}

static inline size_t keys_salt_len(enum keys_suite suite)
{
    return suite == KEYS_AES_128_CM_HMAC_SHA1_80 ? 14 : 12;
}

/* Bytes that sealing an RTP packet adds. */
static inline size_t keys_tag_len(enum keys_suite suite)
{
    return suite == KEYS_AES_128_CM_HMAC_SHA1_80 ? 10 : 16;
}

#endif
