/* HMAC-SHA1 (RFC 2104) under a key whose block is hashed once.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_HMAC_H
#define SFU_HMAC_H

#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_KEY_LEN 20

/* The two hashes after their key block. It is as secret as the key. */
struct hmac {
    SHA_CTX inner, outer;
};

struct hmac_piece {
    const uint8_t *data;
    size_t len;
};

void hmac_set_key(struct hmac *h, const uint8_t key[HMAC_KEY_LEN]);

/* Of the pieces, one behind another. Nothing is allocated. */
void hmac_digest(const struct hmac *h, const struct hmac_piece *pieces, size_t count,
                 uint8_t digest[SHA_DIGEST_LENGTH]);

#endif
