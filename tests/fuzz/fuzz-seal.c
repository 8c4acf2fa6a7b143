/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sfu/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct seal *make(enum keys_suite suite, enum seal_use use)
{
    static struct sealer *sealer;
    const struct keys keys = {.suite = suite, .key = {1, 2, 3}, .salt = {4, 5, 6}};
    struct seal *seal = NULL;
    if ((!sealer && sealer_create(SEALER_AUTO, &sealer) < 0) ||
        seal_create(sealer, use, &keys, &seal) < 0)
        abort();
    return seal;
}

/* Nobody has a key to make a right tag with. In and out are as long as the packet and no longer. */
static void refuses(struct seal *rtp, struct seal *rtcp, const uint8_t *data, size_t len)
{
    uint8_t *in = malloc(len), *out = malloc(len);
    struct seal_stream stream = {0};
    size_t plain_len;
    if (len)
        memcpy(in, data, len);
    if (seal_open_rtp(rtp, &stream, in, len, out, &plain_len) == 0 ||
        seal_open_rtcp(rtcp, &stream, in, len, out, &plain_len) == 0 || stream.started)
        abort();
    free(in);
    free(out);
}

/* What is sealed by the one key is opened by the other as it was. */
static void opens_again(struct seal *out, struct seal *in, const uint8_t *data, size_t len)
{
    uint8_t *packet = malloc(len + SEAL_RTCP_TRAILER_MAX);
    struct seal_stream stream = {0};
    uint32_t index = 0;
    size_t sealed_len = len, plain_len = 0;
    if (len)
        memcpy(packet, data, len);
    if ((seal_rtcp(out, &index, packet, &sealed_len) == 0) != (len >= 8))
        abort();
    if (len >= 8) {
        uint8_t *plain = malloc(sealed_len);
        if (seal_open_rtcp(in, &stream, packet, sealed_len, plain, &plain_len) < 0 ||
            plain_len != len || memcmp(plain, data, len) != 0)
            abort();
        free(plain);
    }
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct seal *seals[KEYS_SUITE_COUNT][4];
    if (len == 0 || len > 2048)
        return 0;
    struct seal **s = seals[data[0] % KEYS_SUITE_COUNT];
    for (int use = 0; use < 4 && !s[use]; use++)
        s[use] = make((enum keys_suite)(data[0] % KEYS_SUITE_COUNT), (enum seal_use)use);
    refuses(s[SEAL_RTP_IN], s[SEAL_RTCP_IN], data + 1, len - 1);
    opens_again(s[SEAL_RTCP_OUT], s[SEAL_RTCP_IN], data + 1, len - 1);
    return 0;
}
