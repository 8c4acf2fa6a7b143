/* SHA-256, HMAC-SHA-256, constant-time comparison and base64url: only file with libcrypto here.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_DIGEST_H
#define SIGNALING_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DIGEST_LEN  32 /* bytes of SHA-256 (FIPS 180-4) */
#define DIGEST_TEXT 65 /* the same in hex, with a NUL */

/* SHA-256 of two pieces one after the other (`more` may be NULL with 0). 0 or -ENOMEM. */
int digest_sha256(const void *data, size_t len, const void *more, size_t more_len,
                  uint8_t ret_hash[static DIGEST_LEN]);

/* SHA-256 of what grows: may be read at any time, and goes on. */
struct digest_sum;
int digest_sum_create(struct digest_sum **ret_sum); /* 0 or -ENOMEM */
void digest_sum_destroy(struct digest_sum *sum);
int digest_sum_add(struct digest_sum *sum, const void *data, size_t len);
int digest_sum_read(const struct digest_sum *sum, uint8_t ret_hash[static DIGEST_LEN]);

/* HMAC-SHA-256 (RFC 2104). 0 or -ENOMEM. */
int digest_hmac(const void *key, size_t key_len, const void *data, size_t len,
                uint8_t ret_mac[static DIGEST_LEN]);

/* The password of the REST convention of TURN servers: the HMAC-SHA1 (RFC 2104; that convention
 * knows no other) as base64 with padding. 0 or -ENOMEM. */
#define DIGEST_SHA1_BASE64_TEXT 29
int digest_hmac_sha1_base64(const void *key, size_t key_len, const void *data, size_t len,
                            char text[static DIGEST_SHA1_BASE64_TEXT]);

/* Takes the same time whatever differs. */
bool digest_is_equal(const uint8_t a[static DIGEST_LEN], const uint8_t b[static DIGEST_LEN]);

/* Overwrites a secret in a way the compiler keeps. */
void digest_wipe(void *secret, size_t len);

/* Lower-case hex of a digest, and a NUL. Returns `text`. */
const char *digest_text(const uint8_t hash[static DIGEST_LEN], char text[static DIGEST_TEXT]);

/* Characters of base64url without padding for `len` bytes, without NUL. */
#define DIGEST_BASE64URL_LEN(len) (((len)*4 + 2) / 3)

/* RFC 4648 section 5, no padding. Writes DIGEST_BASE64URL_LEN(len) characters and a NUL. */
void digest_base64url(const void *data, size_t len, char *text);

/* Returns the number of bytes, or -EBADMSG: a character of another alphabet, an impossible length,
 * bits left over that are not 0 (so each byte string has one text), or more than `capacity`. */
ssize_t digest_from_base64url(const char *text, size_t len, void *data, size_t capacity);

#endif
