/* What one receiver's path carries: numbers all that is sent to it, keeps when it left, reads the
 * receiver's transport-wide feedback and estimates from it what may be sent.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_DOWNLINK_H
#define SFU_DOWNLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "sfu/bwe.h"
#include "sfu/rtcp.h"

/* Packets it is kept of when they left, a power of two. Ours: 0.6 s of 12 people in 720p, where
 * feedback comes every 50 to 250 ms. */
#define DOWNLINK_WINDOW 2048
/* Feedbacks of one receiver that are read, a second; as many as half of that at once. Ours:
 * browsers send 4 to 20. */
#define DOWNLINK_FEEDBACKS_PER_SECOND 50
/* Without feedback for so long and a round trip, though something was sent that it is to tell of,
 * the path is taken to be gone. Ours: twice the longest that browsers wait. */
#define DOWNLINK_SILENCE_US (500 * 1000ull)
/* What IPv4 and UDP add to a datagram: a path carries them too, and of sound they are a quarter. */
#define DOWNLINK_OVERHEAD_BYTES 28

struct downlink_sent {
    uint32_t sent_us; /* modulo 2^32 */
    uint16_t bytes;   /* 0: never sent, or told as received */
    uint8_t train;    /* that it was part of, see prober.h; 0: none */
    bool audio : 1;
    bool told_lost : 1;
};

/* Zeroed is a valid start for downlink_finish(); only downlink.c looks inside. */
struct downlink {
    uint64_t next;              /* transport-wide number of the next packet, extended */
    struct downlink_sent *sent; /* owned, DOWNLINK_WINDOW of them; NULL: see downlink_open() */
    bool heard;                 /* feedback has come */
    bool estimated;             /* of packets that were sent */
    bool tells_audio;           /* it has told of an audio packet: Firefox tells of video alone */
    int64_t reference;          /* of the newest feedback, in ARRIVALS_REFERENCE_US, not wrapped */
    uint64_t feedbacks_us;      /* when all that were read are forgotten */
    uint64_t untold_us;         /* the first packet left that feedback is to tell of; 0: none */
    struct bwe bwe;
};

void downlink_init(struct downlink *downlink, uint64_t now_us);
void downlink_finish(struct downlink *downlink);

/* The receiver is there: gives it memory, 16 kB, if it has none. Without, as when there is no
 * memory, packets are numbered all the same and nothing is estimated. */
void downlink_open(struct downlink *downlink);

/* The transport-wide sequence number of the next packet. */
static inline uint16_t downlink_seq(const struct downlink *downlink)
{
    return (uint16_t)downlink->next;
}

/* That packet was queued, `bytes` of SRTP; as part of a train (prober.h) unless `train` is 0. */
void downlink_sent(struct downlink *downlink, size_t bytes, bool audio, uint8_t train,
                   uint64_t now_us);

/* Takes in a view of RTCP_TRANSPORT_CC. `rtt_us`: 0 if not known. What it tells of numbers that
 * were not sent, or too long ago, is nothing. Returns 0, -EBADMSG for one that does not hold
 * together, or -EBUSY for one too many (DOWNLINK_FEEDBACKS_PER_SECOND). */
int downlink_feedback(struct downlink *downlink, const struct rtcp_view *view, uint32_t rtt_us,
                      uint64_t now_us);

/* Whether feedback is overdue: the path is gone, or so full that nothing comes back. What is sent
 * then but sound waits in its queues and keeps sound from coming through when it is back. */
bool downlink_is_silent(const struct downlink *downlink, uint32_t rtt_us, uint64_t now_us);

/* bit/s that may be sent to it in all, IP and UDP included; 0 until something is known: half a
 * second of arrivals, or that less is carried than is assumed at first. */
uint32_t downlink_estimate_bps(const struct downlink *downlink);

/* The same where the path has shown that it ends there (bwe_is_met()); 0: it has not lately. */
uint32_t downlink_met_bps(const struct downlink *downlink, uint64_t now_us);

#endif
