/* A synthetic stream: RTP packets that look like Opus or VP8 from outside and that carry a mark, so
 * that a receiver can say of each whether it is whole, whose it is, and when it was sent.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_FLOW_H
#define TESTS_PEER_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

#define FLOW_HEADER_MAX  32
#define FLOW_PAYLOAD_MAX 1300
/* Smallest payloads that hold the mark. */
#define FLOW_AUDIO_MIN 28
#define FLOW_VIDEO_MIN 44

struct flow_options {
    enum control_kind kind;
    uint32_t id; /* the mark's; unlike any other flow's */
    uint32_t ssrc;
    uint8_t payload_type;
    uint8_t ext_transport_cc, ext_audio_level; /* RFC 8285 ids; 0: none */
    unsigned packets_per_frame;
    unsigned frames_per_s;
    size_t payload_len; /* bytes of each packet's payload; with `uneven`, the most */
    /* As libwebrtc makes them: frames of various sizes, the packets of each as long as the others
     * or a byte longer. */
    bool uneven;
    uint8_t level_dbov; /* audio: RFC 6464 */
    uint16_t first_seq;
};

struct flow {
    struct flow_options options;
    uint16_t seq;
    uint32_t timestamp; /* of the frame being sent */
    uint32_t counter;   /* packets made */
    uint32_t frames;
    bool key_wanted; /* the next frame is to be a key frame; begins true */
    bool key;        /* of the frame being sent */
    unsigned part;   /* next packet of the frame */
    uint64_t due_us; /* of the next frame */
    uint32_t key_frames;
    uint64_t bytes;
};

struct flow_packet {
    uint8_t header[FLOW_HEADER_MAX];
    size_t header_len;
    uint8_t payload[FLOW_PAYLOAD_MAX];
    size_t payload_len;
};

void flow_init(struct flow *flow, const struct flow_options *options, uint64_t now_us);

/* Makes the next packet that is due, if one is. `*transport_seq` is the transport-wide sequence
 * number, advanced. */
bool flow_next(struct flow *flow, uint64_t now_us, uint16_t *transport_seq,
               struct flow_packet *ret_packet);

/* The RTP timestamp that belongs to that time. */
uint32_t flow_timestamp(const struct flow *flow, uint64_t now_us);

/* What a packet said of itself. */
struct flow_mark {
    uint32_t id;
    uint32_t counter;
    uint64_t sent_us;
    bool key;
};

/* Checks a received payload bit by bit, but for the parts of the VP8 descriptor that a media core
 * rewrites. Returns 0 or -EBADMSG. */
int flow_check(enum control_kind kind, const uint8_t *payload, size_t len,
               struct flow_mark *ret_mark);

#endif
