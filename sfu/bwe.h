/* How much may be sent to one receiver: what the path carries, estimated from when what we sent
 * arrived (transport-wide feedback), by the growth of the delay, by loss, and by trains sent to
 * find out. After draft-ietf-rmcat-gcc-02; what differs is said in place. Pure: times are passed
 * in.
 *
 * Delay rules. Loss lowers the estimate only when it is ours: where it stays over 2 % for some
 * seconds, or over 10 % for two, less is sent for a moment. If the loss goes, it was congestion
 * without a queue to see (a policer), and the estimate stays low and grows again while loss is
 * under 2 %, and holds from 2 to 10 %. If as much is lost as before, it is the path's own (radio),
 * the estimate comes back, and those bounds count from that loss on. So 10 % lost at random costs
 * one try, not the picture. Whatever is lost in one go for longer than any rate explains (a
 * handover, a lift) counts as no loss at all.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_BWE_H
#define SFU_BWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/train.h"
#include "sfu/trend.h"

/* What is assumed of a path before its first feedback. Ours: several voices, a small picture. */
#define BWE_FIRST_BPS 600000u
/* The estimate is never below, or above. Ours: one voice; a whole bench in one page. */
#define BWE_LEAST_BPS 32000u
#define BWE_MOST_BPS  30000000u
/* A feedback that comes this long after the last one says that the path was gone. Ours. */
#define BWE_SILENCE_US (2000 * 1000ull)

/* Arrivals are counted in so many steps of 25 ms: a second, and the step that is on. */
#define BWE_RATE_BINS 41

/* One packet as feedback tells of it. */
struct bwe_packet {
    uint64_t sent_us;    /* our clock */
    uint64_t arrived_us; /* the receiver's clock, of any origin; not read when lost */
    uint16_t bytes;      /* of the datagram */
    uint16_t train;      /* that it was part of, from 1; 0: none */
    bool lost;
};

/* What is lost. */
struct bwe_loss {
    uint64_t from_us, until_us; /* packets sent then are counted */
    uint32_t expected;
    int32_t lost;                        /* less those that came late after all */
    uint32_t fresh_expected, fresh_lost; /* of this feedback, not counted yet */
    uint32_t edge, fresh_edge; /* lost, and sent at the very time of the newest that was told */
    uint32_t run;              /* lost without one arriving, not yet counted */
    uint64_t run_from_us;      /* when the first of them was sent */
    uint16_t permille;         /* of those counted last */
    uint16_t own_permille;     /* lost by the path whatever is sent */
    uint16_t tried_permille;   /* as a trial found it */
    uint8_t over, held;        /* counts in a row that were too high, and that were not low */
    bool trial;                /* less is sent to see whether the loss goes */
    uint16_t before_permille;
    uint32_t before_bps;
};

/* Embedded by value; only bwe.c looks inside. */
struct bwe {
    uint32_t estimate_bps;
    uint32_t delay_bps; /* by the delay */
    uint32_t loss_bps;  /* by loss */
    uint32_t blind_bps; /* delay_bps before it was lowered without knowing what arrives; or 0 */
    bool fed;
    bool begun; /* the first rate was known */
    bool has_origin;
    bool draining; /* overuse left a queue */
    uint64_t fed_us;
    uint32_t end_bps; /* what a train found the path to carry; 0: none met its end, ... */
    uint64_t end_us;  /* ... when that was */
    uint64_t changed_us, reduced_us; /* when delay_bps was looked at and lowered last */
    uint64_t newest_sent_us;         /* of those told */
    uint64_t origin_us, offset_us;   /* of the receiver's clock; what the last arrival took */
    double capacity_kbps, deviation; /* where overuse was found; 0: not known */
    struct trend trend;
    struct bwe_loss loss;
    struct train train;
    struct {
        uint64_t from_us;
        uint32_t bytes;
        uint32_t bps; /* of the last half second that is over; 0: not known */
    } sent;
    struct {
        uint64_t first, newest; /* bins, by number */
        uint64_t left_out_us;   /* outages, when nothing could arrive */
        uint32_t bytes[BWE_RATE_BINS];
        uint16_t packets[BWE_RATE_BINS];
        bool any;
    } rate;
};

_Static_assert(sizeof(struct bwe) <= 1024, "there is one for each receiver");

void bwe_init(struct bwe *bwe, uint64_t now_us);

/* One feedback: its packets in the order they were sent. Each is told as arrived at most once; it
 * may have been told as lost before, in an earlier feedback. A packet sent after `now_us` is
 * ignored. `rtt_us` of 0: not known, 200 ms are assumed.
 *
 * A train raises the estimate at once to the rate at which it came through: at least 5 packets of
 * one number, of which 4 of 5 arrived, sent over 15 ms or more (a shorter one counts as one of
 * 15 ms). It never lowers it.
 *
 * After BWE_SILENCE_US without feedback, all that was measured is forgotten, and if something was
 * sent in that time the estimate begins anew at half of what it was: BWE_FIRST_BPS at most, and no
 * lower than 100 kbit/s if it was above.
 *
 * Who sends less than half of the estimate proves little: it does not grow beyond 1.5 times what
 * arrives, and falls only for a queue that is really there. A feedback that was lost is not told at
 * all. */
void bwe_feedback(struct bwe *bwe, const struct bwe_packet *packets, size_t count, uint32_t rtt_us,
                  uint64_t now_us);

/* bit/s that may be sent in all: headers, repairs and trains included. */
uint32_t bwe_estimate_bps(const struct bwe *bwe);

/* bit/s that arrived in the last half second, or in the last second where that was few packets;
 * 0: not known. */
uint32_t bwe_arrived_bps(const struct bwe *bwe);

/* Whether less is estimated for a moment only to see whether a little loss goes: worth a worse
 * picture, but not the last. */
bool bwe_is_trying(const struct bwe *bwe);

/* Whether overuse was answered lately: the path has shown where it ends, and the estimate is of
 * that, not of what happened to be sent. */
bool bwe_is_met(const struct bwe *bwe, uint64_t now_us);

/* How long what is sent now waits in the path's queue, as far as is known, milliseconds. */
double bwe_queue_ms(const struct bwe *bwe);

/* Lost of a thousand, of the last 100 packets and more; what was lost in an outage left out. */
uint16_t bwe_loss_permille(const struct bwe *bwe);

/* What of it is taken to be lost by chance, not by a full queue: where the path has shown lately
 * where it ends, no more than a trial found. */
uint16_t bwe_chance_permille(const struct bwe *bwe, uint64_t now_us);

#endif
