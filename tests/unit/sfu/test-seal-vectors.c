/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711's own examples: the key stream of appendix B.2, and the derived keys of appendix B.3 as
 * they come out in a sealed packet; and RFC 7714's, by each library that is here. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "sfu/cipher.h"
#include "sfu/seal.h"
#include "unit/check.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[n++] = (uint8_t)byte;
    return n;
}

/* Appendix B.2: the first three blocks under SSRC 0 and index 0. */
static void key_stream(void)
{
    uint8_t key[16], iv[16] = {0}, expected[48], out[64] = {0};
    static const uint8_t zeros[48], auth_key[CIPHER_AUTH_KEY_LEN];
    CHECK_EQ(from_hex("2B7E151628AED2A6ABF7158809CF4F3C", key), 16);
    CHECK_EQ(from_hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD", iv), 14);
    CHECK_EQ(from_hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
                      "41E95B3BB0A2E8DD477901E4FCA894C0",
                      expected),
             48);
    struct cipher *c = NULL;
    CHECK_EQ(cipher_evp_create(KEYS_AES_128_CM_HMAC_SHA1_80, CIPHER_SEALS, key, auth_key, &c), 0);
    const struct cipher_packet p = {
        .iv = iv,
        .head = zeros,
        .plain = zeros,
        .len = sizeof(zeros),
        .out = out,
        .tag = out + sizeof(zeros),
    };
    CHECK(c->seal(c, &p));
    CHECK(memcmp(out, expected, sizeof(expected)) == 0);
    c->destroy(c);
}

/* Appendix B.3's keys. Its authentication key is 94 bytes long; HMAC-SHA1 takes the first 20. */
static void derived_keys(void)
{
    enum { HEADER = 12, PAYLOAD = 100, TAG = 10 };
    struct keys keys = {.suite = KEYS_AES_128_CM_HMAC_SHA1_80};
    uint8_t key[16], iv[16] = {0}, auth_key[20];
    CHECK_EQ(from_hex("E1F97A0D3E018BE0D64FA32C06DE4139", keys.key), 16);
    CHECK_EQ(from_hex("0EC675AD498AFEEBB6960B3AABE6", keys.salt), 14);
    CHECK_EQ(from_hex("C61E7A93744F39EE10734AFE3FF7A087", key), 16);
    CHECK_EQ(from_hex("30CBBC08863D8C85D49DB34A9AE1", iv), 14);
    CHECK_EQ(from_hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4", auth_key), 20);

    uint8_t packet[HEADER + PAYLOAD] = {0x80, 96, 0x12, 0x34, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe};
    for (size_t i = HEADER; i < sizeof(packet); i++)
        packet[i] = (uint8_t)i;
    CLEANUP(seal_destroy) struct seal *s = NULL;
    CHECK_EQ(seal_create(NULL, SEAL_RTP_OUT, &keys, &s), 0);
    struct seal_stream stream = {0};
    const struct seal_packet p = {
        .header = packet, .header_len = HEADER, .payload = packet + HEADER, .payload_len = PAYLOAD};
    uint8_t out[256], expected[HEADER + PAYLOAD + 4];
    size_t len;
    CHECK_EQ(seal_rtp(s, &stream, &p, out, sizeof(out), &len), 0);
    CHECK_EQ(len, HEADER + PAYLOAD + TAG);

    /* Section 4.1.1: salt, SSRC and index, each in its place. Section 4.2: the tag covers the
     * roll-over counter, 0. */
    for (int i = 0; i < 4; i++)
        iv[4 + i] ^= packet[8 + i];
    iv[12] ^= packet[2];
    iv[13] ^= packet[3];
    memcpy(expected, packet, HEADER);
    memset(expected + HEADER + PAYLOAD, 0, 4);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    CHECK(c && EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), NULL, key, iv) == 1);
    CHECK_EQ(EVP_EncryptUpdate(c, expected + HEADER, &n, packet + HEADER, PAYLOAD), 1);
    EVP_CIPHER_CTX_free(c);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    CHECK(HMAC(EVP_sha1(), auth_key, sizeof(auth_key), expected, sizeof(expected), digest,
               &digest_len));
    CHECK(memcmp(out, expected, HEADER + PAYLOAD) == 0);
    CHECK(memcmp(out + HEADER + PAYLOAD, digest, TAG) == 0);
}

/* RFC 7714 sections 16.1.1 and 16.2.1. */
static void rfc7714_vectors(const struct sealer *sealer)
{
    static const struct {
        enum keys_suite suite;
        const char *sealed;
    } vectors[] = {
        {KEYS_AEAD_AES_128_GCM, "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d"
                                "294e6f42a5f47a51c7d19b36"
                                "de3adf8833899d7f27beb16a9152cf765ee4390cce"},
        {KEYS_AEAD_AES_256_GCM, "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a"
                                "58e2f3b50b2a0276ffae0f1b"
                                "a63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13"},
    };
    for (size_t v = 0; v < 2; v++) {
        uint8_t plain[64], expected[128], out[128];
        size_t plain_len = from_hex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064"
                                    "697669736120696e207061727465732074726573",
                                    plain);
        size_t expected_len = from_hex(vectors[v].sealed, expected);
        struct keys k = {.suite = vectors[v].suite};
        for (uint8_t i = 0; i < 32; i++)
            k.key[i] = i;
        memcpy(k.salt, "Quid pro quo", 12);
        CLEANUP(seal_destroy) struct seal *s = NULL;
        CHECK_EQ(seal_create_session(sealer, SEAL_RTP_OUT, &k, &s), 0);
        struct seal_stream stream = {0};
        struct seal_packet p = {.header = plain,
                                .header_len = 12,
                                .payload = plain + 12,
                                .payload_len = plain_len - 12};
        size_t len;
        CHECK_EQ(seal_rtp(s, &stream, &p, out, sizeof(out), &len), 0);
        CHECK_EQ(len, expected_len);
        CHECK(memcmp(out, expected, len) == 0);
    }
}

int main(void)
{
    static const enum sealer_library libraries[] = {SEALER_OPENSSL, SEALER_AUTO, SEALER_IPSEC_MB};
    key_stream();
    derived_keys();
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        CLEANUP(sealer_destroy) struct sealer *sealer = NULL;
        int r = sealer_create(libraries[i], &sealer);
        if (r == -ENOTSUP)
            continue; /* no ipsec-mb here */
        CHECK_EQ(r, 0);
        rfc7714_vectors(sealer);
    }
    return 0;
}
