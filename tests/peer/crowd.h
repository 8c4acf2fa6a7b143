/* Scripted pages in any number on one thread: each joins through the desk, publishes flows, counts
 * what it receives packet by packet, and answers as a browser would.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_CROWD_H
#define TESTS_PEER_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/control.h"
#include "common/limits.h"
#include "peer/desk.h"
#include "peer/flow.h"
#include "peer/link.h"

#define CROWD_LATENCY_STEP_US 10
#define CROWD_LATENCY_STEPS   20000 /* the last one holds everything above */
#define PAGE_FLOWS_MAX        LIMIT_STREAMS_PER_PEER
#define PAGE_INBOUND_MAX      (3 * LIMIT_SEATS)

/* What came under one SSRC. */
struct page_inbound {
    uint32_t ssrc;
    uint8_t payload_type;
    uint64_t packets, bytes;  /* RTP, as received */
    uint16_t last_seq;        /* highest */
    uint64_t lost;            /* gaps in the sequence numbers, less those filled later */
    uint64_t late;            /* came after a higher one */
    uint64_t opened;          /* of `packets`, those decrypted and checked */
    uint64_t bad;             /* of `opened`: not bit by bit what was sent */
    uint32_t flow;            /* whose the last one was (flow_options.id) */
    uint32_t counter;         /* the flow's own count of it */
    uint64_t skipped;         /* of the flow's packets, missing between two that came */
    uint64_t switches;        /* another flow than before */
    uint64_t switches_on_key; /* of these, beginning with a key frame's first packet */
    uint64_t newest_sent_us;  /* the latest time of sending among them */
};

/* What a page was asked for, and told. */
struct page_asked {
    uint64_t plis, firs, nacks, transport_feedbacks, receiver_reports, sender_reports;
};

struct page_flow {
    uint64_t stream; /* the control id; 0: free */
    struct flow flow;
    bool muted; /* sends nothing */
};

struct page {
    uint64_t hearing, id;
    struct control_peer_ready ready;
    struct link *links[CONTROL_DIRECTION_COUNT];
    struct page_flow flows[PAGE_FLOWS_MAX];
    struct page_inbound inbound[PAGE_INBOUND_MAX];
    size_t inbound_count;
    struct page_asked asked;
    uint64_t strays; /* RTP of SSRCs that are no seat of this page */
    uint16_t transport_seq;
    uint64_t due_us, report_us;
};

struct crowd_options {
    size_t pages_max;
    unsigned open_every; /* decrypt and check one packet in so many; 1: all */
    bool reports;        /* sender and receiver reports every second */
    bool nacks;          /* ask again for gaps */
};

struct crowd {
    struct crowd_options options;
    struct desk *desk; /* borrowed */
    struct dtls_context *dtls;
    struct udp_reader *reader;
    int epoll_fd;
    struct page *pages; /* options.pages_max of them, the first page_count in use */
    size_t page_count;
    uint32_t *latency; /* CROWD_LATENCY_STEPS counts of 10 us */
    uint64_t sent;     /* RTP packets of all flows */
    bool quiet;        /* no flow sends */
};

int crowd_create(struct desk *desk, const struct crowd_options *options, struct crowd **ret_crowd);
void crowd_destroy(struct crowd *crowd);
DEFINE_CLEANUP(struct crowd, crowd_destroy)

/* PEER_ADD, both links, TRANSPORT_CONNECT. The page stays where it is while the crowd lives. Does
 * not wait for the connection: see page_is_connected(). Returns 0 or a negative errno. */
int crowd_join(struct crowd *crowd, const struct control_peer_add *add, struct page **ret_page);

/* The same, and goes on until it is connected; -ETIMEDOUT after 10 s. */
int crowd_admit(struct crowd *crowd, const struct control_peer_add *add, struct page **ret_page);

bool page_is_connected(const struct page *page);

/* STREAM_ADD, and sends the flow from now on. `options` says what; its SSRC and payload type are
 * announced. Returns 0 or a negative errno. */
int page_publish(struct crowd *crowd, struct page *page, uint64_t stream,
                 const struct flow_options *options);

/* SEAT_SET; the answer is an event. */
int page_watch(struct crowd *crowd, struct page *page, uint8_t seat, enum control_kind kind,
               uint64_t stream);

/* What comes in a seat of the page; NULL: nothing came yet. */
const struct page_inbound *page_seat(const struct page *page, uint8_t seat, enum control_kind kind);

/* All RTP the page ever received. */
uint64_t page_received(const struct page *page);

/* Asks for a key frame of what is in the seat. */
int page_ask_key(struct page *page, uint8_t seat);

/* Waits for the next thing to happen, at most until `until_us`, and does it. Returns false when the
 * time is over: while (!what_is_wanted && crowd_step(crowd, deadline)). */
bool crowd_step(struct crowd *crowd, uint64_t until_us);

/* Goes on for so long. */
void crowd_run(struct crowd *crowd, uint64_t us);

/* The latency below which `permille` of the opened packets were, us. */
uint64_t crowd_latency_us(const struct crowd *crowd, unsigned permille);
void crowd_forget_latency(struct crowd *crowd);

#endif
