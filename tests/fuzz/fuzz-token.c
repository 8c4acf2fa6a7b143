/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the text: it is no good token of ours, unless it is exactly one we make; reading stays
 * in bounds; decoded base64url has one text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signaling/token.h"
#include "unit/check.h"

#define NOW_US (1800000000ull * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A key of fixed bytes, so that finds can be run again. */
static struct token_key *fixed_key(void)
{
    char dir[] = "/tmp/assize-fuzz-XXXXXX", path[64];
    struct token_key *key;
    CHECK(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/token.key", dir);
    FILE *f = fopen(path, "we");
    CHECK(f && fwrite("0123456789abcdef0123456789abcdef", 1, 32, f) == 32 && fclose(f) == 0);
    CHECK_EQ(chmod(path, 0600), 0);
    CHECK_EQ(token_key_open(dir, &key), 0);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(dir), 0);
    return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct token_key *key;
    if (!key)
        key = fixed_key();
    /* Exactly as long as said, so that reading past the end is seen. */
    char *text = malloc(len + 1);
    CHECK(text);
    memcpy(text, data, len);

    struct token token;
    int r = token_check(key, text, len, NOW_US, &token);
    CHECK(r == 0 || r == -EBADMSG || r == -EXDEV || r == -EKEYEXPIRED);
    if (r == 0) {
        char again[TOKEN_TEXT_MAX];
        CHECK_EQ(token_make(key, &token, again), 0);
        CHECK(strlen(again) == len && memcmp(again, text, len) == 0);
    }
    uint8_t hash[STORE_HASH_LEN];
    r = token_secret_hash(text, len, hash);
    CHECK(r == -EBADMSG || (r == 0 && len == TOKEN_SECRET_TEXT - 1));

    char bytes[64], back[DIGEST_BASE64URL_LEN(sizeof(bytes)) + 1];
    ssize_t n = digest_from_base64url(text, len, bytes, sizeof(bytes));
    if (n >= 0) {
        digest_base64url(bytes, (size_t)n, back);
        CHECK(strlen(back) == len && memcmp(back, text, len) == 0);
    }
    free(text);
    return 0;
}
