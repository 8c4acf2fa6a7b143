/* SPDX-License-Identifier: Apache-2.0 */
/* Any text either becomes a request within all bounds, or a fault with a detail of printable ASCII.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/message.h"
#include "signaling/rtpparams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(int cond)
{
    if (!cond)
        abort();
}

static void check_message(const struct message *m)
{
    struct control_stream_add add;
    require(m->id >= 1 && m->type < MESSAGE_TYPE_COUNT);
    if (m->type == MESSAGE_JOIN)
        require(m->join.seats >= 1 && m->join.seats <= LIMIT_SEATS);
    if (m->type == MESSAGE_HELLO)
        require(strlen(m->hello.token) < MESSAGE_TOKEN_MAX && m->hello.token[0]);
    if (m->type != MESSAGE_PRODUCE)
        return;
    require(m->produce.rtp.codec_count <= MESSAGE_CODECS_MAX &&
            m->produce.rtp.encoding_count <= LIMIT_ENCODINGS &&
            m->produce.rtp.extension_count <= MESSAGE_EXTENSIONS_MAX);
    if (rtpparams_stream(&m->produce, true, &add) == 0) {
        unsigned char buffer[LIMIT_CONTROL_BYTES];
        size_t out = 0;
        struct control_message c = {.type = CONTROL_STREAM_ADD, .stream_add = add};
        /* What passes here the media core's decoder takes. */
        require(control_encode(&c, buffer, sizeof(buffer), &out) == 0);
        require(control_decode(buffer, out, &c) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct message m;
    struct message_fault fault;
    char token[MESSAGE_TOKEN_MAX];
    if (message_parse((const char *)data, len, &m, &fault) == 0) {
        check_message(&m);
    } else {
        require(fault.error > MESSAGE_OK && fault.error < MESSAGE_ERROR_COUNT && fault.id >= 0);
        for (const char *c = fault.detail; *c; c++)
            require(*c >= ' ' && *c <= '~');
    }
    (void)message_parse_session((const char *)data, len, token);
    return 0;
}
