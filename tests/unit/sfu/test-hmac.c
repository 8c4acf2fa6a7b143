/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/hmac.h"

#include <string.h>

#include "unit/check.h"

/* RFC 2202 section 3, the cases whose key is of HMAC_KEY_LEN bytes; in one piece and in two. */
int main(void)
{
    uint8_t fifty[50];
    memset(fifty, 0xdd, sizeof(fifty));
    const struct {
        uint8_t key_byte;
        const uint8_t *data;
        size_t len;
        uint8_t digest[SHA_DIGEST_LENGTH];
    } cases[] = {
        {0x0b, (const uint8_t *)"Hi There", 8, {0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72,
                                                0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37,
                                                0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00}},
        {0xaa, fifty, sizeof(fifty), {0x12, 0x5d, 0x73, 0x42, 0xb9, 0xac, 0x11, 0xcd, 0x91, 0xa3,
                                      0x9a, 0xf4, 0x8a, 0xa1, 0x7b, 0x4f, 0x63, 0xf1, 0x75, 0xd3}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t key[HMAC_KEY_LEN], digest[SHA_DIGEST_LENGTH];
        memset(key, cases[i].key_byte, sizeof(key));
        struct hmac h;
        hmac_set_key(&h, key);
        const struct hmac_piece pieces[] = {{cases[i].data, 3},
                                            {cases[i].data + 3, cases[i].len - 3}};
        hmac_digest(&h, pieces, 2, digest);
        CHECK(memcmp(digest, cases[i].digest, sizeof(digest)) == 0);
        const struct hmac_piece whole = {cases[i].data, cases[i].len};
        hmac_digest(&h, &whole, 1, digest);
        CHECK(memcmp(digest, cases[i].digest, sizeof(digest)) == 0);
    }
    return 0;
}
