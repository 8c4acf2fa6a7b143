/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/filehash.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#define READ_BYTES 65536
#define HASH_LEN   32

static int hash_stream(FILE *f, EVP_MD_CTX *context, uint8_t ret_hash[HASH_LEN],
                       uint64_t *ret_bytes)
{
    uint8_t *bytes = malloc(READ_BYTES);
    if (!bytes)
        return -ENOMEM;
    bool good = EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    uint64_t total = 0;
    size_t len;
    while (good && (len = fread(bytes, 1, READ_BYTES, f)) > 0) {
        good = EVP_DigestUpdate(context, bytes, len);
        total += len;
    }
    free(bytes);
    if (ferror(f))
        return -EIO;
    if (!good || !EVP_DigestFinal_ex(context, ret_hash, NULL))
        return -ENOMEM;
    *ret_bytes = total;
    return 0;
}

int filehash(const char *dir, const char *name, char ret_hex[FILEHASH_HEX], uint64_t *ret_bytes)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return -errno;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t hash[HASH_LEN];
    int error = context ? hash_stream(f, context, hash, ret_bytes) : -ENOMEM;
    EVP_MD_CTX_free(context);
    (void)fclose(f); /* only read from */
    for (size_t i = 0; !error && i < sizeof(hash); i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
    return error;
}
