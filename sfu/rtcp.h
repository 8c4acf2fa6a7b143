/* RTCP (RFC 3550 section 6, RFC 4585, RFC 5104, RFC 5506): typed views of the packets in a compound
 * or reduced-size datagram, and writers of those we send.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_RTCP_H
#define SFU_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

enum rtcp_kind {
    RTCP_OTHER = 0, /* well formed and none of the below: SDES, APP, XR, other feedback */
    RTCP_SENDER_REPORT,
    RTCP_RECEIVER_REPORT,
    RTCP_BYE,
    RTCP_NACK, /* RFC 4585 section 6.2.1 */
    RTCP_PLI,  /* RFC 4585 section 6.3.1 */
    RTCP_FIR,  /* RFC 5104 section 4.3.1 */
    RTCP_REMB, /* draft-alvestrand-rmcat-remb-03 */
    /* draft-holmer-rmcat-transport-wide-cc-extensions-01: `items` is for arrivals.h */
    RTCP_TRANSPORT_CC,
};

/* RFC 3550 section 6.4.1. */
struct rtcp_sender_info {
    uint64_t ntp; /* seconds since 1900, 32.32 fixed point */
    uint32_t rtp_timestamp;
    uint32_t packet_count;
    uint32_t octet_count;
};

struct rtcp_report_block {
    uint32_t ssrc;
    uint8_t fraction_lost;   /* of 256, since the report before */
    int32_t total_lost;      /* 24 bits, may be negative with duplicates */
    uint32_t highest_seq;    /* extended */
    uint32_t jitter;         /* ticks of the stream's clock */
    uint32_t last_sr;        /* middle 32 bits of the NTP time of the last sender report; 0: none */
    uint32_t delay_since_sr; /* in 1/65536 s */
};

struct rtcp_view {
    enum rtcp_kind kind;
    uint32_t sender_ssrc;
    uint32_t media_ssrc; /* of feedback; 0 in FIR and REMB */
    size_t item_count;   /* report blocks, NACK pairs, FIR entries, or SSRCs of REMB and BYE */
    union {
        struct rtcp_sender_info sender;
        uint64_t remb_bps;
    };
    const uint8_t *items; /* borrowed; read with the functions below */
    size_t items_len;     /* bytes */
};

struct rtcp_cursor {
    struct reader left;
};

/* Begins to walk `data`. Returns 0, or -EBADMSG unless versions, padding (on the last only) and
 * all lengths agree with `len` exactly; then nothing of it is to be used. */
int rtcp_begin(const uint8_t *data, size_t len, struct rtcp_cursor *ret_cursor);

/* Returns 1 and the next packet, 0 at the end, or -EBADMSG for one whose counts are longer than
 * itself (the walk is over then). */
int rtcp_next(struct rtcp_cursor *cursor, struct rtcp_view *ret_view);

/* Report block `i` of a sender or receiver report; `i` < item_count. */
struct rtcp_report_block rtcp_report_block(const struct rtcp_view *view, size_t i);

/* Pair `i` of a NACK: `pid` is lost, and pid + n + 1 for each bit n of `blp`. */
struct rtcp_nack_pair {
    uint16_t pid;
    uint16_t blp;
};
struct rtcp_nack_pair rtcp_nack_pair(const struct rtcp_view *view, size_t i);

/* Entry `i` of a FIR: a repeated `command` number is the same request. */
struct rtcp_fir_entry {
    uint32_t ssrc;
    uint8_t command;
};
struct rtcp_fir_entry rtcp_fir_entry(const struct rtcp_view *view, size_t i);

/* SSRC `i` of a REMB or BYE. */
uint32_t rtcp_ssrc(const struct rtcp_view *view, size_t i);

/* Writers append one packet each to `w`; check w->failed at the end. A compound begins with a
 * report and an SDES (RFC 3550 section 6.1), feedback alone is reduced-size (RFC 5506). */

/* At most 31 blocks. */
void rtcp_write_sender_report(struct writer *w, uint32_t ssrc, const struct rtcp_sender_info *info,
                              const struct rtcp_report_block *blocks, size_t count);
void rtcp_write_receiver_report(struct writer *w, uint32_t ssrc,
                                const struct rtcp_report_block *blocks, size_t count);
/* SDES with a CNAME of up to 255 bytes. */
void rtcp_write_cname(struct writer *w, uint32_t ssrc, const char *cname);
/* Generic NACK for `count` sequence numbers, oldest first (any order is right, only longer). */
void rtcp_write_nack(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                     const uint16_t *seqs, size_t count);
void rtcp_write_pli(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);
/* `command` grows by one with every new request to that SSRC. */
void rtcp_write_fir(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t command);
/* The estimate of what may be sent, for `count` SSRCs, at most 255; rounded down to 18 bits. */
void rtcp_write_remb(struct writer *w, uint32_t sender_ssrc, uint64_t bps, const uint32_t *ssrcs,
                     size_t count);
void rtcp_write_bye(struct writer *w, uint32_t ssrc);

#endif
