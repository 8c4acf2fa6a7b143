/* SPDX-License-Identifier: Apache-2.0 */
/* SHA1_Update and its kind are deprecated in favour of EVP_MAC, which allocates for every packet.
 */
#define OPENSSL_API_COMPAT 10100
#include "sfu/hmac.h"

#include <string.h>

#include <openssl/crypto.h>

#define BLOCK      64
#define INNER_BYTE 0x36
#define OUTER_BYTE 0x5c

static void begin(SHA_CTX *hash, const uint8_t key[HMAC_KEY_LEN], uint8_t pad)
{
    uint8_t block[BLOCK];
    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < HMAC_KEY_LEN; i++)
        block[i] ^= key[i];
    SHA1_Init(hash);
    SHA1_Update(hash, block, sizeof(block));
    OPENSSL_cleanse(block, sizeof(block));
}

void hmac_set_key(struct hmac *h, const uint8_t key[HMAC_KEY_LEN])
{
    begin(&h->inner, key, INNER_BYTE);
    begin(&h->outer, key, OUTER_BYTE);
}

void hmac_digest(const struct hmac *h, const struct hmac_piece *pieces, size_t count,
                 uint8_t digest[SHA_DIGEST_LENGTH])
{
    SHA_CTX hash = h->inner;
    for (size_t i = 0; i < count; i++)
        SHA1_Update(&hash, pieces[i].data, pieces[i].len);
    SHA1_Final(digest, &hash);
    hash = h->outer;
    SHA1_Update(&hash, digest, SHA_DIGEST_LENGTH);
    SHA1_Final(digest, &hash);
}
