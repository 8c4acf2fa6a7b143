/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of RFC 3720 appendix B.4; and one changed byte, wherever it is, is found. */
#include <string.h>

#include "recorder/crc32c.h"
#include "unit/check.h"

static void vectors(void)
{
    uint8_t bytes[32];
    CHECK_EQ(crc32c("", 0), 0);
    CHECK_EQ(crc32c("123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof(bytes));
    CHECK_EQ(crc32c(bytes, sizeof(bytes)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof(bytes));
    CHECK_EQ(crc32c(bytes, sizeof(bytes)), 0x62a8ab43u);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    CHECK_EQ(crc32c(bytes, sizeof(bytes)), 0x46dd794eu);
}

static void finds_the_byte(void)
{
    enum { LEN = 300 };
    uint8_t bytes[LEN];
    for (size_t i = 0; i < LEN; i++)
        bytes[i] = (uint8_t)(i * 37);
    uint32_t right = crc32c(bytes, LEN);
    for (size_t at = 0; at < LEN; at++) {
        uint8_t flip = (uint8_t)(at % 255 + 1);
        bytes[at] ^= flip;
        size_t offset = LEN;
        uint32_t syndrome;
        struct crc32c_error error;
        CHECK(crc32c_explain(crc32c(bytes, LEN), right, LEN, &offset, &syndrome, &error));
        CHECK_EQ(error.offset, at);
        CHECK_EQ(error.flip, flip);
        CHECK(!crc32c_explain(crc32c(bytes, LEN), right, LEN, &offset, &syndrome, &error));
        bytes[at] ^= flip;
    }
}

int main(void)
{
    vectors();
    finds_the_byte();
    return 0;
}
