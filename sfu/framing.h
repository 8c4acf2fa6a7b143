/* Datagrams in a TCP stream (RFC 4571): each behind two bytes of its length. Takes a stream apart,
 * however it was cut into pieces.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_FRAMING_H
#define SFU_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* RFC 4571 section 2: the length before each datagram, in network order, without itself. */
#define FRAMING_LENGTH_BYTES 2
/* Longest datagram taken, bytes; longer ones are passed over. Ours: as over UDP. */
#define FRAMING_DATAGRAM_MAX 1500

/* What came of a datagram so far; zeroed at first. */
struct framing {
    uint16_t kept_len;
    uint16_t to_pass; /* bytes of one that is too long, still to be passed over */
    uint8_t kept[FRAMING_LENGTH_BYTES + FRAMING_DATAGRAM_MAX];
};

enum framing_found {
    FRAMING_MORE,     /* nothing whole is left: `stream` is at its end */
    FRAMING_DATAGRAM, /* of 1 to FRAMING_DATAGRAM_MAX bytes */
    FRAMING_TOO_LONG, /* one begins that is longer: what follows of it is passed over */
};

/* Valid until the next call, and as long as the stream's bytes. */
struct framing_datagram {
    const uint8_t *bytes;
    size_t len;
};

/* Finds the next datagram and moves `stream` behind it: call again until it says FRAMING_MORE, then
 * with the next piece. Empty ones (RFC 4571 section 2 allows them) are passed over. `ret_datagram`
 * is written on FRAMING_DATAGRAM. */
enum framing_found framing_next(struct framing *framing, struct reader *stream,
                                struct framing_datagram *ret_datagram);

#endif
