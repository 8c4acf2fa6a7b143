/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sfu/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All that was found, one behind the other, each behind its length; 0xffff for one too long. */
struct found {
    uint8_t bytes[2 << 20];
    size_t len;
};

static void note(struct found *found, enum framing_found what, const struct framing_datagram *d)
{
    size_t len = what == FRAMING_TOO_LONG ? 0 : d->len;
    if (what == FRAMING_DATAGRAM && (len == 0 || len > FRAMING_DATAGRAM_MAX))
        abort();
    if (found->len + 2 + len > sizeof(found->bytes))
        return;
    found->bytes[found->len++] = what == FRAMING_TOO_LONG ? 0xff : (uint8_t)(len >> 8);
    found->bytes[found->len++] = what == FRAMING_TOO_LONG ? 0xff : (uint8_t)len;
    if (len)
        memcpy(found->bytes + found->len, d->bytes, len);
    found->len += len;
}

/* One piece after the other, of exact size, so that a sanitizer sees one byte too far. */
static void find(const uint8_t *data, size_t len, size_t piece, struct found *found)
{
    struct framing f = {0};
    found->len = 0;
    for (size_t at = 0; at < len; at += piece) {
        size_t here = len - at < piece ? len - at : piece;
        uint8_t *copy = malloc(here);
        if (!copy)
            abort();
        memcpy(copy, data + at, here);
        struct reader stream = reader_over(copy, here);
        struct framing_datagram d;
        enum framing_found what;
        while ((what = framing_next(&f, &stream, &d)) != FRAMING_MORE)
            note(found, what, &d);
        if (reader_left(&stream))
            abort();
        free(copy);
    }
}

/* The first byte says how the rest is cut: whole, or in pieces, the same is found in it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct found whole, cut;
    if (len < 2)
        return 0;
    size_t piece = 1 + data[0];
    find(data + 1, len - 1, len - 1, &whole);
    find(data + 1, len - 1, piece, &cut);
    if (whole.len != cut.len || memcmp(whole.bytes, cut.bytes, whole.len) != 0)
        abort();
    return 0;
}
