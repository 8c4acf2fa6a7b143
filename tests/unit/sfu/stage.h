/* A worker's inside without its thread, for tests: rooms and their orders on a clock of the test's,
 * real sockets on loopback, and pages that are real ICE, DTLS and SRTP at the other end.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SFU_STAGE_H
#define TESTS_UNIT_SFU_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "sfu/context.h"
#include "sfu/rtcp.h"
#include "sfu/rtp.h"

/* What a page announces for its video, VP8. */
#define STAGE_PT_VP8 96
/* Its RTX is so far above it. */
#define STAGE_RTX_SSRC 500
#define STAGE_HEARING  0xa1ull
#define STAGE_PAGES    6
#define STAGE_EVENTS   512
#define STAGE_SSRCS    64

struct link;
struct packet_pool;

/* What a page got under one SSRC. */
struct page_stream {
    uint32_t ssrc;
    unsigned packets;
    struct rtp_view last; /* its payload is gone */
    size_t len;           /* of the last one, padding included */
    uint8_t payload[64];  /* the start of the last one */
    size_t payload_len;
    unsigned reports; /* sender reports */
    struct rtcp_sender_info report;
};

/* What a page was asked for. */
struct page_asked {
    unsigned plis, nacks, transport_feedbacks, receiver_reports;
    unsigned told_arrived, told_lost; /* by transport-wide feedback */
    uint16_t last_nack;
    uint32_t last_pli_ssrc;
    unsigned rembs;
    uint64_t remb_bps;
    struct rtcp_report_block block;
};

struct page {
    uint64_t id;
    struct control_peer_ready ready;
    struct link *up, *down;
    struct page_stream streams[STAGE_SSRCS];
    size_t stream_count;
    struct page_asked asked;
    uint16_t transport_seq;     /* of the next packet it sends */
    uint16_t got_transport_seq; /* and of the next one it is sent */
    bool without_transport_cc;  /* announces no transport-wide numbers */
};

struct stage {
    struct context c;
    struct table *rooms;
    int fd;
    struct udp_reader *reader;
    struct send_queue *queue;
    struct address address;
    struct dtls_context *page_dtls;
    struct mailbox *desk;
    struct control_message events[STAGE_EVENTS]; /* since stage_forget() */
    size_t event_count;
    uint32_t request; /* of the last request */
    bool gathers;     /* what pages send is read at the next stage_settle(), in one batch */
    struct page pages[STAGE_PAGES];
};

/* Returns 0 or why some part of it could not be made; stage_close() in any case. */
int stage_open(struct stage *s);
void stage_close(struct stage *s);

/* Carries out a request as the worker does, and takes what is told into `events`. Returns the
 * answer's status; of SEAT_SET that waits: 1. `ret_answer` may be NULL. */
int stage_request(struct stage *s, const struct control_message *request, int fd,
                  struct control_message *ret_answer);

void stage_forget(struct stage *s);
/* How many events of that type were told. */
size_t stage_count(const struct stage *s, enum control_type type);
/* The last event of that type, or NULL. */
const struct control_message *stage_last(const struct stage *s, enum control_type type);

/* Lets datagrams run until nothing moves. */
void stage_settle(struct stage *s);

/* Moves the clock on in steps of 20 ms, with timers and datagrams. */
void stage_pass(struct stage *s, uint64_t duration_us);

/* Opens the hearing and lets every role hear every role in the courtroom, all recorded. */
void stage_open_court(struct stage *s);
void stage_set_matrix(struct stage *s, const struct control_matrix *matrix);
struct control_matrix stage_full_matrix(void);

/* A peer with its two transports connected, unless `connect` is false. */
struct page *stage_join(struct stage *s, size_t index, enum control_role role,
                        enum control_room_kind kind, uint32_t room, uint8_t seats, bool connect);

/* Connects both its transports. */
void stage_connect(struct stage *s, struct page *p);

/* Page `p` publishes stream id `p->id * 16 + kind`, SSRC 1000 * index + kind, RTX 500 above. */
int stage_publish(struct stage *s, struct page *p, enum control_kind kind, bool paused);
uint64_t page_stream_id(const struct page *p, enum control_kind kind);
uint32_t page_ssrc(const struct page *p, enum control_kind kind);

/* SEAT_SET: the status, or 1 when it waits. */
int stage_seat(struct stage *s, const struct page *to, uint8_t seat, enum control_kind kind,
               uint64_t stream);

/* The page sends one packet and everything settles. Video: VP8 with a picture id; `key` makes it
 * the first of a key frame. The payload's last four bytes are the SSRC. */
void page_send(struct stage *s, struct page *p, enum control_kind kind, uint16_t seq,
               uint32_t timestamp, bool key);
/* The same as RTX of `seq`. */
void page_send_rtx(struct stage *s, struct page *p, uint16_t rtx_seq, uint16_t seq,
                   uint32_t timestamp, bool key);
/* One packet with this payload, under a payload type that may be none the page announced. */
void page_send_bytes(struct stage *s, struct page *p, enum control_kind kind, uint16_t seq,
                     uint8_t payload_type, const void *payload, size_t len);
void page_send_rtcp(struct stage *s, struct link *link, const uint8_t *rtcp, size_t len);

/* What the page got in that seat; zero packets if nothing. */
const struct page_stream *page_seat(const struct page *p, uint8_t seat, enum control_kind kind);
const struct page_stream *page_got(const struct page *p, uint32_t ssrc);
/* All RTP packets it got. */
unsigned page_packets(const struct page *p);

#endif
