/* One transport as a page has it: controlling ICE agent, DTLS client, SRTP both ways, over a real
 * UDP socket. The mirror of sfu/transport.h, for tests and load.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_LINK_H
#define TESTS_PEER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/control.h"
#include "sfu/dtls.h"
#include "sfu/seal.h"
#include "sfu/send.h"

/* SSRCs one link sends RTP of. */
#define LINK_STREAMS_MAX 16

struct link;

/* Opens a socket of the server address's family on loopback or the default route. `dtls` is
 * borrowed: the page's certificate. Returns 0 or a negative errno. */
int link_create(const struct dtls_context *dtls, const struct control_ice *server,
                const struct address *server_address, struct link **ret_link);
void link_destroy(struct link *link);
DEFINE_CLEANUP(struct link, link_destroy)

/* Our own ICE credentials, for a server that wants to be told them. Borrowed. */
const struct control_ice *link_ice(const struct link *link);

/* For a link made before its server was known: that server. Our credentials stay. Returns 0 or
 * -ENOMEM. */
int link_meet(struct link *link, const struct control_ice *server, const struct address *address);

/* The socket, borrowed: wait on it, read it with udp_read() and hand each datagram over. */
int link_fd(const struct link *link);

/* From here to a new server address or from a new port: as a page does when its network changes.
 * The DTLS association goes on. Returns 0 or a negative errno. */
int link_move(struct link *link);

/* New server credentials after an ICE restart. Returns 0 or -ENOMEM. */
int link_restart(struct link *link, const struct control_ice *server);

/* Whether its checks nominate, as they do from the start. */
void link_nominates(struct link *link, bool nominates);

/* Checks and handshake; returns when to call next. Call once to start. */
uint64_t link_tick(struct link *link, uint64_t now_us);

enum link_outcome {
    LINK_HANDLED,
    LINK_RTP,     /* opened into `plain` */
    LINK_RTCP,    /* the same */
    LINK_DROPPED, /* not authentic, or before the keys */
};

struct link_received {
    enum link_outcome outcome;
    size_t len;
};

struct link_received link_receive(struct link *link, const uint8_t *datagram, size_t len,
                                  uint8_t *plain, uint64_t now_us);

/* Keys are agreed. The server's certificate is checked when link_expect() named one. */
bool link_is_connected(const struct link *link);
/* Whether close_notify came. */
bool link_is_closed(const struct link *link);
void link_expect(struct link *link, const uint8_t fingerprint[DTLS_FINGERPRINT_LEN]);

/* Seals and queues; link_flush() sends. Returns 0 or a negative errno. */
int link_send_rtp(struct link *link, const struct seal_packet *packet);
int link_send_rtcp(struct link *link, const uint8_t *rtcp, size_t len);
/* Any bytes at all, for hostile tests. */
int link_send_raw(struct link *link, const uint8_t *datagram, size_t len);
void link_flush(struct link *link);

/* Sends close_notify and flushes. */
void link_close(struct link *link);

struct link_stats {
    uint64_t checks_sent, checks_answered, dropped;
};
const struct link_stats *link_stats(const struct link *link);

#endif
