/* One seat's output: whoever is shown in it, the receiver sees one stream whose SSRC, sequence,
 * timestamps and picture ids go on without a seam. Pure: it decides numbers, touches no packet.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_REWRITE_H
#define SFU_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codecs.h"
#include "sfu/keyframe.h"
#include "sfu/rtcp.h"
#include "sfu/rtp.h"
#include "sfu/seqmap.h"

/* Output packets that can be mapped back to their source: as many as seqmap can place. */
#define REWRITE_HISTORY SEQMAP_HISTORY
/* Changes of source that can be mapped back over. Ours: over 4 s of switching every 300 ms. */
#define REWRITE_RUNS 16

struct rewrite_config {
    bool video;
    uint32_t ssrc;
    uint32_t clock_rate;                /* 48000 or 90000 */
    uint8_t payload_types[CODEC_COUNT]; /* the seat's, by codec; 0: the seat does not list it */
    uint16_t first_seq;                 /* random, RFC 3550 section 5.1 */
    uint32_t first_timestamp;           /* random */
};

/* One source while it is shown: what is added to its numbers. */
struct rewrite_run {
    uint64_t source;
    uint32_t timestamp_offset;
    uint16_t picture_id_offset; /* modulo 2^15 */
    uint8_t tl0picidx_offset;
};

/* What is remembered of what a seat showed, the large part: 4.4 kB that a seat which never showed
 * anything does without. Zeroed is a valid start; only rewrite.c looks inside. */
struct rewrite_past {
    struct seqmap map; /* of the newest run */
    struct rewrite_run runs[REWRITE_RUNS];
    struct {
        uint16_t run_number; /* modulo 2^16: all are written anew long before that comes round */
        uint16_t source_seq;
        uint16_t pictures;   /* of its run withheld before it */
    } back[REWRITE_HISTORY]; /* by output sequence number */
};

/* Embedded by value; only rewrite.c looks inside. */
struct rewrite {
    struct rewrite_config config;
    struct rewrite_past *past; /* borrowed; NULL: not yet */
    uint64_t wanted;           /* source to show; 0: none */
    bool sent;                 /* anything was ever sent */
    bool flowing;              /* the newest run is shown now */
    bool restart;              /* the shown source's numbers begin anew with its next packet */
    uint8_t audio_dropped;     /* packets dropped while waiting for the seat's clock */

    uint16_t newest_seq; /* of the output, like the next three */
    uint32_t newest_timestamp;
    uint16_t newest_picture_id; /* 15 bits */
    uint8_t newest_tl0picidx;

    uint16_t source_seq;       /* newest of the shown source */
    uint32_t source_timestamp; /* of that packet */
    uint64_t source_us;        /* when it came */
    uint16_t pictures;         /* of this run withheld so far, modulo 2^16, the last of them ... */
    uint16_t withheld_picture; /* ... under this id, if there is one */
    uint32_t run_span;         /* numbers from the run's first to it, at most REWRITE_HISTORY */
    uint64_t run_us;           /* when the run began */

    uint64_t anchor_us;        /* the seat's clock: at this time ... */
    uint32_t anchor_timestamp; /* ... the output's timestamp is this */
    uint64_t anchor_moved_us;  /* when it last followed the source's clock */

    uint32_t packets, octets; /* sent, for sender reports */
    uint32_t holes;           /* see rewrite_holes() */
    uint64_t run_number;      /* of the newest run, from 1; its place is modulo REWRITE_RUNS */
    uint64_t runs_cut;        /* runs up to this one are no longer mapped back to */
};

/* What to send for one packet. */
struct rewrite_output {
    struct rtp_header header;
    struct descriptor_patch patch; /* for descriptor_patch(), when the packet has one */
    bool switched;                 /* the first packet of a newly shown source */
};

void rewrite_init(struct rewrite *rewrite, const struct rewrite_config *config);

/* Gives it what it remembers in, zeroed; before a source is selected, and borrowed from then on. */
void rewrite_remember(struct rewrite *rewrite, struct rewrite_past *past);

/* Shows `source` (an id of the caller's, one per encoding) from its next packet (audio) or key
 * frame (video) on; until then the one before goes on. 0 empties the seat at once, retransmissions
 * included, so a call with 0 first cuts the one before off. */
void rewrite_select(struct rewrite *rewrite, uint64_t source);

/* The source wanted, and the source shown now (0: none). They differ while a key frame is waited
 * for: ask the wanted one for it. */
uint64_t rewrite_wanted(const struct rewrite *rewrite);
uint64_t rewrite_shown(const struct rewrite *rewrite);

/* The source began again with other sequence numbers (stream_arrival.reset), or some of its packets
 * could not be sent and were not passed to rewrite_forward(): call before the next one is. */
void rewrite_restart(struct rewrite *rewrite, uint64_t source);

/* One packet of `source`, once each, in the order of arrival. Returns 0 and what to send, or:
 * -ENOENT the source is neither shown nor wanted; -EAGAIN it is wanted but not shown yet; -ESTALE
 * it is from before it was shown; -ERANGE too old to place; -EPROTONOSUPPORT the seat does not list
 * its codec (no gap is left). */
int rewrite_forward(struct rewrite *rewrite, uint64_t source, const struct rtp_view *rtp,
                    const struct payload_view *payload, uint64_t now_us,
                    struct rewrite_output *ret_output);

/* A packet of the shown source is not sent (a probe without media): no gap is left. Returns 0,
 * -ENOENT if the source is not shown, or -ERANGE if a newer one went out already (the hole stays;
 * it maps back to a packet that is in no history). */
int rewrite_withhold(struct rewrite *rewrite, uint64_t source, uint16_t seq);

/* Like it, with its picture, all of whose packets are to be withheld: no gap is left among the
 * picture ids either. */
int rewrite_withhold_picture(struct rewrite *rewrite, uint64_t source, const struct rtp_view *rtp,
                             const struct descriptor *d);

/* The newest numbers sent, for what goes beside the picture. */
static inline uint16_t rewrite_newest_seq(const struct rewrite *rewrite)
{
    return rewrite->newest_seq;
}

static inline uint32_t rewrite_newest_timestamp(const struct rewrite *rewrite)
{
    return rewrite->newest_timestamp;
}

/* Numbers of the shown source from the first it was shown with to the newest: what it sent before
 * is not for this seat. At most REWRITE_HISTORY. */
static inline uint32_t rewrite_span(const struct rewrite *rewrite)
{
    return rewrite->run_span;
}

/* Counts what was really sent, for sender reports: payload bytes. */
void rewrite_sent(struct rewrite *rewrite, size_t payload_len);

/* Numbers that were passed over for packets which never came to us, modulo 2^32; it falls when such
 * a packet comes late. The receiver counts them as lost, but not on its own link. */
uint32_t rewrite_holes(const struct rewrite *rewrite);

/* The receiver asks for output packet `seq` again: which packet of which source was that, or would
 * it have been. Returns 0 or -ENOENT. */
int rewrite_origin(const struct rewrite *rewrite, uint16_t seq, uint64_t *ret_source,
                   uint16_t *ret_source_seq);

/* What to send for that packet now, with the numbers of its time; `seq` is the output's. The header
 * is the original's: RTX puts its own SSRC, sequence number and payload type instead (RFC 4588).
 * Returns 0 or -ENOENT. */
int rewrite_again(const struct rewrite *rewrite, uint16_t seq, const struct rtp_view *rtp,
                  const struct payload_view *payload, struct rewrite_output *ret_output);

/* Our sender report at `ntp_now`: `last` is the shown source's own last one with its NTP time
 * already in our clock (ntp_shift_apply). Returns 0, or -ENOENT if `source` is not shown or nothing
 * was sent. */
int rewrite_sender_report(const struct rewrite *rewrite, uint64_t source,
                          const struct rtcp_sender_info *last, uint64_t ntp_now,
                          struct rtcp_sender_info *ret_info);

#endif
