/* One socket with its transports, as a worker has them, and pages at its other end over loopback:
 * on a clock of the test's, which OpenSSL reads too, so that hours pass in no time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SFU_WIRE_H
#define TESTS_UNIT_SFU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/link.h"
#include "sfu/directory.h"
#include "sfu/dtls.h"
#include "sfu/transport.h"
#include "sfu/udp.h"

#define SECOND_US 1000000ull

/* The time; starts at 1,000 s. */
extern uint64_t wire_now_us;

struct wire {
    int fd;
    struct send_queue *queue;
    struct udp_reader *reader;
    struct directory *directory;
    struct dtls_context *dtls, *page_dtls;
    struct handshakes handshakes;
    bool patient; /* handshakes wait until the test gives them their turn */
    struct sealer *sealer;
    struct transport_stats stats;
    struct address address;
    uint64_t unknown; /* datagrams of nobody */
    bool deaf;        /* everything that comes is lost */

    /* The last packet that came out on each side, and how many did. */
    _Alignas(4) uint8_t plain[2048];
    struct transport_received last;
    size_t opened;
    _Alignas(4) uint8_t page_plain[2048];
    size_t page_opened;
    size_t page_len;
};

/* Returns 0 or why some part of it could not be made; wire_close() in any case. */
int wire_open(struct wire *w, const char *address);
void wire_close(struct wire *w);

/* A transport that nobody knows yet. */
int wire_add(struct wire *w, struct transport **ret_transport);
/* A page for it, not started. */
int wire_open_link(struct wire *w, struct transport *t, struct link **ret_link);
/* Both, and everything up to the keys. */
int wire_connect(struct wire *w, struct transport **ret_transport, struct link **ret_link);
/* As above, and it must succeed. */
void wire_connected(struct wire *w, struct transport **t, struct link **l);

/* Reads one batch on either side and answers. Returns how many datagrams came. */
size_t wire_serve(struct wire *w);
size_t wire_step_page(struct wire *w, struct link *l);

/* Until nothing moves. Loopback delivers within the send, so this waits for nothing. */
void wire_settle(struct wire *w, struct link *l);

/* Lets time pass in steps of 0.1 s; a NULL page is silent. */
void wire_pass(struct wire *w, struct transport *t, struct link *l, uint64_t us);

/* One packet from either side; it waits until wire_settle(). */
int wire_page_sends(struct link *l, uint16_t seq, uint32_t ssrc);
int wire_server_sends(struct transport *t, uint16_t seq, uint32_t ssrc);

/* An empty receiver report, 8 bytes. */
extern const uint8_t wire_report[8];

#endif
