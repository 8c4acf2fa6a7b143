/* A recorded RTP packet (RFC 3550 section 5.1) as the renderer sees it, and its counters unwrapped.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_PACKET_H
#define RECORDER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
    uint16_t seq;
    uint32_t rtp_ticks;
    uint32_t ssrc;
    uint8_t payload_type;
    bool marker;
    const uint8_t *payload; /* borrowed from the bytes parsed; padding is taken off */
    size_t payload_len;
};

/* Returns 0 or -EBADMSG. */
int packet_parse(const void *data, size_t len, struct packet *ret_packet);

/* A packet this far behind the newest is late; further, and the sender began again elsewhere. Ours:
 * 3 s of repair at 2,700 packets a second. */
#define PACKET_LATE_MAX 8192
/* After this time without packets nothing late can come any more. */
#define PACKET_LATE_US 5000000

/* Sequence numbers and timestamps without wraps, relative to the newest packet seen. */
struct packet_counters {
    bool started;
    int64_t seq;       /* of the newest */
    int64_t rtp_ticks; /* of the newest */
    int64_t at_us;     /* when it arrived */
};

/* Unwraps a packet's counters; the first gives the values it has. `at_us` is its arrival. */
void packet_unwrap(struct packet_counters *c, const struct packet *packet, int64_t at_us,
                   int64_t *ret_seq, int64_t *ret_rtp_ticks);

/* The same for a timestamp alone (of a sender report), leaving the counters as they are. */
int64_t packet_unwrap_ticks(const struct packet_counters *c, uint32_t rtp_ticks);

#endif
