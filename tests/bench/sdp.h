/* As much of SDP as it takes to meet Janus: our offer of what we publish, our answer to what it
 * offers, and what its side says. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_SDP_H
#define TESTS_BENCH_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load.h"
#include "common/control.h"
#include "sfu/address.h"

#define SDP_BYTES   32768
#define SDP_STREAMS (2 * LIMIT_SEATS)

/* Who we are in one transport. */
struct sdp_self {
    const struct control_ice *ice;
    const uint8_t *fingerprint; /* SHA-256 */
    const char *address;
    uint16_t port;
};

struct sdp_stream {
    enum control_kind kind;
    uint32_t ssrc; /* 0: none said */
};

/* What the other side says. */
struct sdp_view {
    struct control_ice ice;
    uint8_t fingerprint[CONTROL_FINGERPRINT_LEN];
    struct address address;
    uint8_t ext_transport_cc; /* RFC 8285 id; 0: none */
    struct sdp_stream streams[SDP_STREAMS];
    size_t stream_count;
};

/* Publisher `number`'s offer into `to` of SDP_BYTES. */
void sdp_offer(const struct load *load, unsigned number, const struct sdp_self *self, char *to);

/* False when something is missing in it. */
bool sdp_read(const char *sdp, struct sdp_view *ret_view);

/* Takes everything that was offered, to receive it, and its transport-wide numbers. */
void sdp_answer(const char *offer, const struct sdp_self *self, char *to);

#endif
