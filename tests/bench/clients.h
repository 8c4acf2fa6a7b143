/* The load: browsers' ends of transports in any number on one thread, which send flows, receive,
 * report as libwebrtc does, and measure what comes. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_CLIENTS_H
#define TESTS_BENCH_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load.h"
#include "bench/measures.h"
#include "bench/stamped.h"
#include "common/cleanup.h"
#include "common/control.h"
#include "peer/flow.h"
#include "peer/link.h"
#include "sfu/twcc.h"

#define CLIENT_FLOWS_MAX   (1 + LIMIT_ENCODINGS)
#define CLIENT_INBOUND_MAX (2 * LIMIT_SEATS)
/* One packet in so many of a flow is decrypted and checked, by all its receivers: the load would
 * cost more than the server if all were. Prime to the packets of a frame, so all get their turn. */
#define CLIENTS_SAMPLE 17

/* What comes under one SSRC. */
struct inbound {
    uint32_t ssrc, rtx_ssrc;
    bool begun, known;       /* a packet came; one was opened, so that we know which flow this is */
    uint32_t highest, first; /* extended sequence numbers; the first since the start or reset */
    uint32_t ahead;          /* of the flow's count, that a sequence number is */
    uint32_t flow, counter;  /* of the newest one opened: the mark's */
    uint64_t packets, late;
    uint64_t opened, bad; /* opened: checked; bad: not what was sent, bit by bit */
    uint64_t skipped;     /* of the flow's packets, between two opened that should be next */
    /* Reports. */
    uint64_t report_us, interval_us;
    uint32_t reported_highest, reported_packets;
    uint32_t sender_report; /* middle 32 bits of its NTP time */
    uint64_t sender_report_us;
};

/* One transport's end. */
struct client {
    struct link *link;
    struct flow flows[CLIENT_FLOWS_MAX];
    uint64_t flow_report_us[CLIENT_FLOWS_MAX];
    size_t flow_count;
    struct inbound inbound[CLIENT_INBOUND_MAX];
    size_t inbound_count;
    uint16_t transport_seq;
    uint64_t due_us; /* of the link's timers */
    /* Transport-wide feedback for what comes with its numbers. */
    uint8_t ext_transport_cc; /* RFC 8285 id; 0: the server sends none */
    struct twcc *arrivals;
    uint64_t feedback_us;
    uint64_t strays;  /* RTP nobody announced */
    uint64_t repairs; /* RTX, or padding on it; never opened */
    uint32_t plis;
    /* Of what comes: its line loses so much of it, and it tells so. */
    unsigned loss_permille;
};

/* Of one packet on its way to all its receivers. */
#define BURSTS_AT_ONCE 8
struct burst {
    uint32_t counter;
    unsigned receivers;
    uint64_t first_us, last_us;
};

struct clients_options {
    size_t max;
    unsigned sample; /* CLIENTS_SAMPLE, or 1: check every packet */
};

struct clients {
    struct clients_options options;
    struct dtls_context *dtls;
    struct stamped_reader *reader;
    int epoll_fd;
    struct client
        *all; /* options.max of them, the first `count` in use; they stay where they are */
    size_t count;
    uint64_t timers_us; /* when all clients are looked at next */
    uint32_t random;
    bool quiet; /* no flow sends, since `paused_us` */
    uint64_t paused_us;
    int other_fd; /* see clients_watch() */
    void *other;
    void (*other_ready)(void *other);
    /* Measured. */
    uint64_t sent;
    struct histogram latency; /* sending to the receiver's socket */
    struct histogram span;    /* first to last receiver of a packet */
    struct histogram late;    /* sending after it was due */
    struct burst bursts[LOAD_FLOWS_MAX][BURSTS_AT_ONCE];
};

/* Returns 0 or a negative errno. */
int clients_create(const struct clients_options *options, struct clients **ret_clients);
void clients_destroy(struct clients *clients);
DEFINE_CLEANUP(struct clients, clients_destroy)

/* Another client, that connects from now on. The server's ICE credentials, address and certificate.
 * Returns 0 or a negative errno. */
int clients_add(struct clients *clients, const struct control_ice *ice,
                const struct address *server, const uint8_t *fingerprint,
                struct client **ret_client);

/* The client sends this too, its first frame `phase_us` from now. */
void client_send(struct client *client, const struct flow_options *options, uint64_t phase_us);

/* The client expects this SSRC, and what repairs it under the other (0: nothing does). */
void client_expect(struct clients *clients, struct client *client, uint32_t ssrc, uint32_t rtx_ssrc,
                   enum control_kind kind);

/* The client gives transport-wide feedback about what comes with numbers under that RFC 8285 id.
 * Returns 0 or -ENOMEM. */
int client_tell_arrivals(struct client *client, uint8_t ext_transport_cc);

/* Calls `ready` whenever this descriptor, one at a time, can be read. Returns 0 or a negative
 * errno.
 */
int clients_watch(struct clients *clients, int fd, void (*ready)(void *other), void *other);
void clients_unwatch(struct clients *clients);

/* Does what there is to do, until then at most. Returns false when the time is over. */
bool clients_step(struct clients *clients, uint64_t until_us);
void clients_run(struct clients *clients, uint64_t us);

/* All sending stops until clients_resume(), from where the flows go on as if no time had passed. */
void clients_pause(struct clients *clients);
void clients_resume(struct clients *clients);

/* Forgets what was measured. */
void clients_forget(struct clients *clients);

/* Of all of them together. */
struct clients_sum {
    uint64_t received, opened, bad, late, skipped, strays;
};
struct clients_sum clients_sum(const struct clients *clients);

/* How many packets should have come of all that was sent: of layers, the best one. */
uint64_t clients_wanted(const struct clients *clients, const struct load *load);

/* For client_receive.c and client_report.c. */
void client_receive(struct clients *clients, struct client *client);
void client_report(struct clients *clients, struct client *client, uint64_t now_us);

#endif
