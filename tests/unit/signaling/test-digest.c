/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/digest.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"

static void known_digests(void)
{
    uint8_t hash[DIGEST_LEN];
    char text[DIGEST_TEXT];
    /* FIPS 180-2, appendix B.1: "abc". */
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    CHECK_EQ(digest_sha256("abc", 3, NULL, 0, hash), 0);
    CHECK(strcmp(digest_text(hash, text), abc) == 0);
    CHECK_EQ(digest_sha256("a", 1, "bc", 2, hash), 0);
    CHECK(strcmp(digest_text(hash, text), abc) == 0);

    /* RFC 4231 section 4.3. */
    CHECK_EQ(digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, hash), 0);
    CHECK(strcmp(digest_text(hash, text),
                 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") == 0);
    uint8_t other[DIGEST_LEN];
    memcpy(other, hash, sizeof(other));
    CHECK(digest_is_equal(hash, other));
    other[DIGEST_LEN - 1] ^= 1;
    CHECK(!digest_is_equal(hash, other));
    digest_wipe(other, sizeof(other));
    for (size_t i = 0; i < sizeof(other); i++)
        CHECK_EQ(other[i], 0);
}

/* RFC 4648 section 10, without padding; and the two characters of the URL alphabet. */
static void base64url(void)
{
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].bytes);
        char text[16], back[16];
        digest_base64url(cases[i].bytes, len, text);
        CHECK(strcmp(text, cases[i].text) == 0);
        CHECK_EQ(DIGEST_BASE64URL_LEN(len), strlen(text));
        CHECK_EQ(digest_from_base64url(text, strlen(text), back, sizeof(back)), (intmax_t)len);
        CHECK(memcmp(back, cases[i].bytes, len) == 0);
    }
    static const char *const bad[] = {"Z", "Zm9vY", "Zg==", "Zh", "Zm9", "+/8", "Zm 9", "Zm\n9v"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char back[16];
        CHECK_EQ(digest_from_base64url(bad[i], strlen(bad[i]), back, sizeof(back)), -EBADMSG);
    }
    char back[2];
    CHECK_EQ(digest_from_base64url("Zm9v", 4, back, sizeof(back)), -EBADMSG); /* no room */
}

/* What grows has at each moment the digest of what it is then. */
static void sums(void)
{
    static const char text[] = "The quick brown fox";
    struct digest_sum *sum = NULL;
    CHECK_EQ(digest_sum_create(&sum), 0);
    for (size_t len = 0; len < sizeof(text); len++) {
        uint8_t grown[DIGEST_LEN], whole[DIGEST_LEN];
        for (int again = 0; again < 2; again++) {
            CHECK_EQ(digest_sum_read(sum, grown), 0);
            CHECK_EQ(digest_sha256(text, len, NULL, 0, whole), 0);
            CHECK(digest_is_equal(grown, whole));
        }
        CHECK_EQ(digest_sum_add(sum, text + len, 1), 0);
    }
    digest_sum_destroy(sum);
    digest_sum_destroy(NULL);
}

int main(void)
{
    known_digests();
    sums();
    base64url();
    return 0;
}
