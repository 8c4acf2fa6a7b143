/* Signed invitations: what stands after the '#' of a link. A token names an invitation; whether
 * that is still good only the store knows. Also makes the secrets that are kept as hashes. None of
 * this is ever logged. SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_TOKEN_H
#define SIGNALING_TOKEN_H

#include "common/cleanup.h"
#include "signaling/digest.h"
#include "signaling/store.h"

#define TOKEN_KEY_LEN 32

/* The text of a token: base64url("v1.<invitation>.<hearing or records>.<expiry>.<key id>") "."
 * base64url(mac), with ids as 16 hex digits, expiry in seconds since 1970, mac = HMAC-SHA-256 over
 * the first part as base64url text. The key id (8 hex digits of the key's SHA-256) tells another
 * server's link from an altered one; it is a hint, the mac alone decides. */

/* Characters of the longest token, with a NUL; a longer text is bad without being looked at. */
#define TOKEN_TEXT_MAX 160

/* The key in `<data_dir>/token.key`. */
struct token_key;

struct token {
    uint64_t invitation;
    uint64_t hearing;    /* 0: a pass to records */
    uint64_t expires_us; /* wall; whole seconds */
};

/* Loads the key, or makes it (mode 0600) when there is none; two processes that start together
 * agree on one. -EPERM when group or others may read or write it, or it belongs to another user;
 * -EBADMSG when it is not 32 bytes; else what the system says. */
int token_key_open(const char *data_dir, struct token_key **ret_key);
void token_key_close(struct token_key *key);
DEFINE_CLEANUP(struct token_key, token_key_close)

/* Writes the token's text. The same token always has the same text. */
int token_make(const struct token_key *key, const struct token *token,
               char text[static TOKEN_TEXT_MAX]);

/* Reads and checks signature and expiry. -EBADMSG: not a token, or altered (`bad-token`);
 * -EXDEV: of another server (`bad-token` too); -EKEYEXPIRED (`expired-token`). */
int token_check(const struct token_key *key, const char *text, size_t len, uint64_t now_us,
                struct token *ret_token);

/* As above, and asks the store. -EXDEV also when the invitation is not in it; -EKEYREVOKED
 * (`revoked-token`); other errors are the store's (`internal`). */
int token_admit(const struct token_key *key, struct store *store, const char *text, size_t len,
                uint64_t now_us, struct store_invitation *ret_invitation);

/* A secret for a `resume` or a cookie: 128 random bits, told once, kept as its SHA-256. */
#define TOKEN_SECRET_TEXT 23 /* 22 characters of base64url and a NUL */
int token_secret_make(char text[static TOKEN_SECRET_TEXT], uint8_t ret_hash[static STORE_HASH_LEN]);

/* The hash of a secret that came from outside. -EBADMSG when it cannot be one of ours. */
int token_secret_hash(const char *text, size_t len, uint8_t ret_hash[static STORE_HASH_LEN]);

#endif
