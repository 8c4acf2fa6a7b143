/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711's own examples: the key stream of appendix B.2, and the derived keys of appendix B.3 as
 * they come out in a sealed packet. */
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

int main(void)
{
    key_stream();
    derived_keys();
    return 0;
}
