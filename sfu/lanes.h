/* What waits for one TCP connection, framed (RFC 4571): sound and control overtake pictures between
 * whole datagrams, each lane has its bounds, and what does not fit is dropped whole before it is
 * queued. Pure: bytes in, parts of a message out.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_LANES_H
#define SFU_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/limits.h"
#include "sfu/framing.h"

/* Bytes of one datagram sent. Ours: SEND_DATAGRAM_MAX. */
#define LANES_DATAGRAM_MAX 1536
/* Parts of one message: the rest of a datagram begun, and two of each lane. */
#define LANES_PARTS_MAX 5

/* What is dropped first comes last. */
enum lanes_kind {
    LANES_CONTROL, /* STUN, DTLS and RTCP: dropped when nothing fits at all */
    LANES_SOUND,   /* leaves LIMIT_TCP_CONTROL_BYTES to control, and never waits for pictures */
    LANES_PICTURE,
};

/* A ring of whole frames, none of which is split where it ends. */
struct lane {
    uint8_t *bytes;
    uint32_t size;
    uint32_t first;  /* where the oldest byte is */
    uint32_t next;   /* where the next frame goes */
    uint32_t end;    /* where the ring was left for its beginning; meaningless unless wrapped */
    uint32_t queued; /* bytes that wait */
    bool wrapped;
    /* Bytes that have waited since `since_us`, until they are gone; 0: none is looked at. */
    uint32_t marked;
    uint64_t since_us;
    bool late;
};

enum { LANE_FIRST, LANE_PICTURES, LANE_COUNT };

/* Large, and its memory is used only as far as it was needed: allocate without clearing. */
struct lanes {
    struct lane lanes[LANE_COUNT];
    struct lane *begun;    /* of its oldest frame some bytes are gone: the rest goes first */
    uint32_t begun_left;   /* of that frame */
    struct lane *reserved; /* of the last lanes_reserve() */
    uint32_t reserved_at;
    uint8_t first[LIMIT_TCP_SOUND_BYTES];
    uint8_t pictures[LIMIT_TCP_PICTURE_BYTES];
};

/* Nothing waits. `l` may not be moved afterwards. */
void lanes_init(struct lanes *l);

/* Room for one datagram of up to LANES_DATAGRAM_MAX bytes: the caller writes it and commits it, or
 * leaves it. It stays where it is until it is sent. NULL: the lane is full, or what waits in it has
 * waited too long (lanes_look()); the datagram is to be dropped. */
uint8_t *lanes_reserve(struct lanes *l, enum lanes_kind kind);

/* Queues what was written into the last reserved room. `len` is not 0. */
void lanes_commit(struct lanes *l, size_t len);

bool lanes_are_empty(const struct lanes *l);

/* All that waits, in the order it is to be sent, as parts of one message. Returns how many parts.
 */
size_t lanes_parts(const struct lanes *l, struct iovec parts[static LANES_PARTS_MAX]);

/* So many bytes of lanes_parts() were sent, perhaps in the middle of a datagram. Returns how many
 * datagrams were ended. */
size_t lanes_sent(struct lanes *l, size_t len);

/* Looks how long what waits has waited: a lane in which something has for longer than its
 * LIMIT_TCP_..._LATE_MS takes no more until that is gone, so that what comes then is fresh. To be
 * called again after each change. */
void lanes_look(struct lanes *l, uint64_t now_us);

#endif
