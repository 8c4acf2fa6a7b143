/* A page's way over TCP (RFC 6544, active side): a connection to the server that a test may abuse,
 * and in front of it a UDP address for a link (peer/link.h) that knows nothing of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_TUNNEL_H
#define TESTS_PEER_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/address.h"
#include "sfu/framing.h"

struct tunnel {
    int tcp_fd, udp_fd;   /* -1: closed */
    struct address front; /* what the link takes for its server */
    struct address page;  /* where the link is; len 0: it has not sent yet */
    bool ended;           /* the server closed it, or reset it */
    uint64_t datagrams;   /* that came from the server */
    struct framing framing;
};

/* Connects to `server` from `from` (NULL: any address). Returns 0 or a negative errno. */
int tunnel_open(struct tunnel *t, const struct address *server, const struct address *from);
/* Harmless when repeated. */
void tunnel_close(struct tunnel *t);
/* The same with a reset instead of an end. */
void tunnel_reset(struct tunnel *t);

/* Any bytes, or a datagram behind its length. Returns 0 or a negative errno such as -EPIPE. */
int tunnel_send_raw(struct tunnel *t, const void *bytes, size_t len);
int tunnel_send(struct tunnel *t, const uint8_t *datagram, size_t len);

/* What has come from the server, without waiting: the next datagram's length, 0 for none. */
size_t tunnel_receive(struct tunnel *t, uint8_t datagram[static FRAMING_DATAGRAM_MAX]);

/* Moves what is there between link and server. Returns how many datagrams. */
size_t tunnel_pump(struct tunnel *t);

#endif
