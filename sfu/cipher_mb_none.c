/* SPDX-License-Identifier: Apache-2.0 */
/* Where libipsec-mb does not exist: it is for x86-64 alone. */
#include "sfu/cipher.h"

#include <errno.h>

int cipher_mb_open(struct cipher_mb **ret_mb)
{
    (void)ret_mb;
    return -ENOTSUP;
}

void cipher_mb_close(struct cipher_mb *mb)
{
    (void)mb;
}

const char *cipher_mb_name(const struct cipher_mb *mb)
{
    (void)mb;
    return "";
}

int cipher_mb_create_gcm(const struct cipher_mb *mb, enum keys_suite suite, const uint8_t *key,
                         struct cipher **ret_cipher)
{
    (void)mb, (void)suite, (void)key, (void)ret_cipher;
    return -ENOTSUP;
}

int cipher_mb_create_cm(struct cipher_mb *mb, const uint8_t *key, const uint8_t *auth_key,
                        struct cipher **ret_cipher)
{
    (void)mb, (void)key, (void)auth_key, (void)ret_cipher;
    return -ENOTSUP;
}

void cipher_mb_settle(struct cipher_mb *mb)
{
    (void)mb;
}
