/* Handshake datagrams that wait for their turn. One costs as much as forwarding a hundred packets,
 * so a worker takes one, then looks at its sockets again: media of running hearings goes between,
 * however many join at once. One a worker.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_HANDSHAKES_H
#define SFU_HANDSHAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "sfu/send.h"

/* Those that have had no turn yet, and those that have. Their turns alternate: of many that come at
 * once the first are soon done, and neither kind can keep the other waiting. */
enum handshake_kind { HANDSHAKE_NEW, HANDSHAKE_BEGUN, HANDSHAKE_KINDS };

struct handshakes {
    struct list turns[HANDSHAKE_KINDS]; /* of struct handshake: those of which something waits */
    enum handshake_kind next;
    size_t bytes; /* that wait, of all; at most LIMIT_DTLS_WAITING_BYTES */
};

/* One association's place in the queue; embedded in its transport. */
struct handshake {
    struct list turn;
    struct list waiting; /* of struct handshake_datagram, oldest first */
    size_t count;        /* of them; at most LIMIT_DTLS_WAITING */
    enum handshake_kind kind;
};

struct handshake_datagram {
    struct list entry;
    struct path from;
    size_t len;
    uint8_t bytes[];
};

/* Nothing waits. Neither may be moved afterwards. */
void handshakes_init(struct handshakes *handshakes);
void handshake_init(struct handshake *handshake);

/* Keeps a copy of the datagram until its turn: each association has one of its own in turn, so who
 * sends many delays nobody but itself. `len` is not 0. Returns 0, -ENOBUFS (over a bound) or
 * -ENOMEM: it is lost then, as on a network, and sent again. */
int handshakes_put(struct handshakes *handshakes, struct handshake *handshake,
                   const struct path *from, const uint8_t *datagram, size_t len);

/* The datagram whose turn it is, the caller's to free(), and whose it is. NULL: none waits. */
struct handshake_datagram *handshakes_take(struct handshakes *handshakes,
                                           struct handshake **ret_handshake);

static inline bool handshakes_wait(const struct handshakes *handshakes)
{
    return handshakes->bytes > 0; /* none is empty */
}

/* Before the handshake's memory goes: drops what waits of it. */
void handshakes_forget(struct handshakes *handshakes, struct handshake *handshake);

#endif
