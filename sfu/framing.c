/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/framing.h"

#include <stdbool.h>
#include <string.h>

static size_t at_most(const struct reader *stream, size_t wanted)
{
    size_t left = reader_left(stream);
    return left < wanted ? left : wanted;
}

/* Keeps bytes of the stream until there are `wanted`. Returns whether there are. */
static bool keep(struct framing *f, struct reader *stream, size_t wanted)
{
    size_t len = at_most(stream, wanted - f->kept_len);
    memcpy(f->kept + f->kept_len, reader_skip(stream, len), len);
    f->kept_len = (uint16_t)(f->kept_len + len);
    return f->kept_len == wanted;
}

static void pass_over(struct framing *f, struct reader *stream)
{
    size_t len = at_most(stream, f->to_pass);
    (void)reader_skip(stream, len); /* there are as many */
    f->to_pass = (uint16_t)(f->to_pass - len);
}

/* A datagram of `len` bytes whose length is kept: where it lies, or NULL while some of it is yet to
 * come. One that lies in this piece whole is not copied. */
static const uint8_t *take(struct framing *f, struct reader *stream, size_t len)
{
    bool whole = f->kept_len == FRAMING_LENGTH_BYTES && reader_left(stream) >= len;
    if (!whole && !keep(f, stream, FRAMING_LENGTH_BYTES + len))
        return NULL;
    f->kept_len = 0;
    return whole ? reader_skip(stream, len) : f->kept + FRAMING_LENGTH_BYTES;
}

enum framing_found framing_next(struct framing *f, struct reader *stream,
                                struct framing_datagram *ret_datagram)
{
    for (;;) {
        pass_over(f, stream);
        if (f->kept_len < FRAMING_LENGTH_BYTES && !keep(f, stream, FRAMING_LENGTH_BYTES))
            return FRAMING_MORE;
        struct reader length = reader_over(f->kept, FRAMING_LENGTH_BYTES);
        uint16_t len = reader_u16(&length);
        if (len == 0) {
            f->kept_len = 0;
        } else if (len > FRAMING_DATAGRAM_MAX) {
            f->kept_len = 0;
            f->to_pass = len;
            return FRAMING_TOO_LONG;
        } else {
            const uint8_t *bytes = take(f, stream, len);
            if (!bytes)
                return FRAMING_MORE;
            *ret_datagram = (struct framing_datagram){bytes, len};
            return FRAMING_DATAGRAM;
        }
    }
}
