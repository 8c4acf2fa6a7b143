/* ICE, DTLS and SRTP of one of a page's two transports, as one state machine: datagrams in, opened
 * packets out as return values, no calls upwards. Lives on one worker.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TRANSPORT_H
#define SFU_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/control.h"
#include "sfu/handshakes.h"
#include "sfu/seal.h"
#include "sfu/send.h"

struct directory;
struct dtls_context;

/* Why a datagram was dropped. */
enum transport_drop {
    TRANSPORT_DROP_NONE = 0,
    TRANSPORT_DROP_JUNK,     /* no class of RFC 7983, or cut short */
    TRANSPORT_DROP_STUN,     /* not a binding request, or its integrity does not hold */
    TRANSPORT_DROP_FOREIGN,  /* from an address no check has proven */
    TRANSPORT_DROP_DTLS,     /* no DTLS record, over a bound, or after the end */
    TRANSPORT_DROP_EARLY,    /* RTP or RTCP before keys were agreed and the certificate checked */
    TRANSPORT_DROP_FORGED,   /* SRTP tag wrong, or not encrypted at all */
    TRANSPORT_DROP_REPLAYED, /* seen before, or too old to know */
    TRANSPORT_DROP_SSRCS,    /* more SSRCs than LIMIT_SSRCS_PER_TRANSPORT */
    TRANSPORT_DROP_ENDED,    /* the transport is expired, closed or failed */
    TRANSPORT_DROP_COUNT
};

/* Counters of all transports of one worker: one struct, borrowed by each of them. */
struct transport_stats {
    uint64_t dropped[TRANSPORT_DROP_COUNT];
    uint64_t dtls_failed;    /* handshakes that failed, wrong certificates among them */
    uint64_t dtls_connected; /* handshakes done and certificate right */
};

/* All pointers borrowed and outliving the transport. */
struct transport_config {
    struct directory *directory;      /* the transport lists itself there while it lives */
    struct dtls_context *dtls;        /* of the process */
    struct handshakes *handshakes;    /* of the worker */
    const struct sealer *sealer;      /* of the worker */
    struct transport_stats *stats;    /* of the worker */
    void *owner;                      /* whom transport_owner() names: the peer */
    enum control_direction direction; /* whom transport_direction() names */
    size_t out_streams;               /* SSRCs that will be sent, at most LIMIT_OUT_STREAMS */
};

struct transport;

/* Makes new ICE credentials. Returns 0, -ENOMEM, -EINVAL (out_streams over its bound) or -EIO (no
 * random numbers, OpenSSL refuses). */
int transport_create(const struct transport_config *config, uint64_t now_us,
                     struct transport **ret_transport);

/* Takes it out of the directory. Sends close_notify if connected; the caller flushes. */
void transport_destroy(struct transport *transport);
DEFINE_CLEANUP(struct transport, transport_destroy)

void *transport_owner(const struct transport *transport);
enum control_direction transport_direction(const struct transport *transport);

/* The server's credentials, to be told to the page. */
void transport_ice(const struct transport *transport, struct control_ice *ret_ice);

/* TRANSPORT_CONNECT: whom to expect. May come before, during or after the handshake; keys are
 * derived only once it matches. Returns 0, also when repeated; -EALREADY for another fingerprint
 * than before. A mismatch with a finished handshake fails the transport (see the phase). */
int transport_connect(struct transport *transport,
                      const uint8_t fingerprint[CONTROL_FINGERPRINT_LEN], uint64_t now_us);

/* TRANSPORT_RESTART: new credentials; the old ones and their addresses go on until the page
 * nominates an address with the new ones. Returns 0 or -EIO. */
int transport_restart(struct transport *transport, struct control_ice *ret_ice);

/* The transport a datagram is for: of a proven 5-tuple, or of the user name in a STUN request from
 * a new one. NULL: nobody's; count it. Costs one hash look-up for media. */
struct transport *transport_find(const struct directory *directory, const struct path *from,
                                 const uint8_t *datagram, size_t len);

enum transport_outcome {
    TRANSPORT_HANDLED, /* STUN or DTLS, or nothing to do; answers are queued on `from->via`, those
                          of a handshake only in its turn: transport_shake_hands() */
    TRANSPORT_RTP,     /* opened: `ret_plain` holds an RTP packet, header checked by nobody yet */
    TRANSPORT_RTCP,    /* opened: a compound RTCP packet */
    TRANSPORT_DROPPED, /* counted in stats by reason */
};

struct transport_received {
    enum transport_outcome outcome;
    enum transport_drop reason; /* when dropped */
    size_t len;                 /* of the opened packet in the caller's buffer */
};

/* Takes one datagram. An opened packet is written to `plain` (at least `len` bytes, aligned to 4; a
 * buffer of the packet pool, so that it is not copied again). After it, ask transport_take_phase().
 */
struct transport_received transport_receive(struct transport *transport, const struct path *from,
                                            const uint8_t *datagram, size_t len, uint8_t *plain,
                                            uint64_t now_us);

/* Takes the one handshake datagram whose turn it is and answers it, 0.1 to 0.5 ms of work. Returns
 * whose it was: ask transport_take_phase(). NULL: none waits (handshakes_wait()). */
struct transport *transport_shake_hands(struct handshakes *handshakes, uint64_t now_us);

/* Timers: DTLS retransmission, consent (RFC 7675). Returns when it wants to be called next
 * (UINT64_MAX: not before the next datagram). Calling early or often is harmless; a datagram or a
 * call may bring the time forward, so a worker that ticks each transport about every 100 ms
 * needs no other bookkeeping. */
uint64_t transport_tick(struct transport *transport, uint64_t now_us);

enum control_transport_phase transport_phase(const struct transport *transport);

/* True once after each change of phase, with the phase now. */
bool transport_take_phase(struct transport *transport, enum control_transport_phase *ret_phase);

/* Whether RTP and RTCP may be sent now: connected or silent, and there is a path to it. */
bool transport_can_send(const struct transport *transport);

/* Whether what is sent goes over TCP now. */
bool transport_is_stream(const struct transport *transport);

/* Names an SSRC that will be sent, for transport_send_rtp(). The same SSRC gives the same number.
 * Returns 0 or -ENOSPC (more than config.out_streams). */
int transport_add_stream(struct transport *transport, uint32_t ssrc, unsigned *ret_stream);

/* Seals one RTP packet of `stream` straight into the send queue of the nominated path; the caller
 * flushes that queue at the end of its batch. Adds the sealed length to `*sent_bytes` if not NULL.
 * Returns 0, -ENOTCONN, -ENOBUFS (socket full, or what waits for a TCP connection; counted there),
 * or what seal_rtp() says. */
int transport_send_rtp(struct transport *transport, unsigned stream,
                       const struct seal_packet *packet, size_t *sent_bytes);

/* Protects and queues one compound RTCP packet. Returns 0, -ENOTCONN, -ENOBUFS, -EMSGSIZE, -EIO. */
int transport_send_rtcp(struct transport *transport, const uint8_t *rtcp, size_t len);

#endif
