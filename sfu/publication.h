/* What a peer publishes: its streams, their encodings, and which SSRC is which. The publisher is
 * what its up transport names as owner.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PUBLICATION_H
#define SFU_PUBLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "sfu/context.h"
#include "sfu/even.h"
#include "sfu/ntp.h"
#include "sfu/rate.h"
#include "sfu/rtpext.h"
#include "sfu/speaker.h"
#include "sfu/stream.h"
#include "sfu/tap.h"
#include "sfu/tiers.h"
#include "sfu/twcc.h"

/* Our own SSRC in RTCP to publishers. Any is right that the page does not use itself. */
#define PUBLISHER_RTCP_SSRC 1

/* Least time between two key frame requests to one encoding: browsers answer about every 300 ms.
 */
#define KEY_FRAME_INTERVAL_US (300 * 1000ull)
/* After so many requests without a key frame, the source is taken to be dark, and is asked at the
 * second interval until it flows again. Both ours. */
#define KEY_FRAME_EAGER_TRIES      10
#define KEY_FRAME_SLOW_INTERVAL_US (3000 * 1000ull)

struct publication;
struct publisher;
struct subscription;

/* What all publishers of one hearing share. */
struct hearing {
    uint64_t id;
    struct tap tap;
    struct speakers *speakers; /* owned */
    struct table *ssrcs;       /* SSRC -> struct publisher; owned */
    struct table *streams;     /* id -> struct publication; owned */
};

int hearing_init(struct hearing *hearing, struct context *c, uint64_t id);
/* Harmless for a zeroed one. */
void hearing_finish(struct hearing *hearing);

/* What a seat may show of a publication: all of it, one layer of its simulcast (a stream each), or
 * one spatial layer of the only stream (LnTm_KEY, see encoding_carries()). */
struct encoding {
    uint64_t source; /* unique on the worker: what a seat's rewriting knows it by */
    struct publication *publication;
    struct stream *stream; /* owned, but by the lowest of spatial layers; NULL until its SSRC is
                              known */
    uint32_t ssrc;         /* 0: not known yet */
    uint32_t rtx_ssrc;     /* 0: none, or not known yet */
    char rid[CONTROL_RID_MAX];
    bool flowing;
    uint16_t newest_seq; /* of the packets forwarded so far */
    uint16_t height;     /* of its last key frame, pixels; 0: not known */
    uint64_t last_us;    /* of spatial layers: when a packet of its own came last */
    struct rate rate;    /* of payloads */
    struct tiers tiers;  /* what its temporal layers take of it */
    uint32_t price_bps;  /* what it took on a path when it came last; 0: never seen */
    struct evener evener;

    bool key_frame_wanted;
    unsigned key_frame_tries;  /* since it is wanted */
    uint64_t key_frame_ask_us; /* not before */

    struct tap_track track;
    /* Seats that show or want it, in no order; borrowed. Grown when a seat is set, never for a
     * packet. */
    struct subscription **subscribers;
    size_t subscriber_count;
    size_t subscriber_room;
};

struct publication {
    struct publisher *publisher;
    uint64_t id;
    enum control_kind kind;
    enum control_source source;
    bool paused;   /* by the court: neither forwarded nor recorded */
    bool recorded; /* the matrix sends it to the tape, and it is not paused */
    bool told_flowing;
    bool sends_red; /* may send its sound as RED */
    char mid[CONTROL_RID_MAX];
    struct rtpext_ids ext;
    size_t codec_count;
    struct stream_codec codecs[LIMIT_CODECS_PER_STREAM];
    size_t stream_count;   /* of the encodings the first so many have streams of their own */
    size_t encoding_count; /* more than those: spatial layers, and stream_count is 1 */
    struct encoding encodings[LIMIT_ENCODINGS]; /* worst first, as browsers announce them */
    uint8_t layer_count;                   /* spatial layers there are since the last key frame */
    struct encoding *taped;                /* the one that is recorded; NULL: none yet */
    uint8_t told_layers;                   /* see pictures.h, like the next two */
    uint64_t received_us[LIMIT_ENCODINGS]; /* when somebody received it last */
    uint64_t layers_us[LIMIT_ENCODINGS];   /* since when it is told to be received */
};

#define PUBLISHER_SSRCS ((size_t)LIMIT_STREAMS_PER_PEER * LIMIT_ENCODINGS * 2)

struct publisher_ssrc {
    uint32_t ssrc;
    struct encoding *encoding; /* its media or its RTX: the stream tells them apart */
};

struct publisher {
    struct hearing *hearing; /* borrowed */
    uint64_t peer;
    struct transport *up;                                     /* owned */
    struct publication *publications[LIMIT_STREAMS_PER_PEER]; /* owned; NULL: free */
    size_t ssrc_count;
    struct publisher_ssrc ssrcs[PUBLISHER_SSRCS];
    struct history_share history; /* of all its streams */
    struct twcc twcc;
    struct ntp_shift clock;
    uint64_t spoke_us; /* when it was last among those who speak; 0: never */

    uint64_t packets, bytes; /* RTP accepted */
    uint64_t sent_until_ns;  /* when what it sent so far is within LIMIT_PEER_BYTES and _PACKETS */
    uint64_t report_us;      /* when the next receiver report is due */
    uint32_t remb_bps;       /* last told; 0: never. Only for pages without transport-cc, */
    uint64_t remb_expected, remb_arrived; /* by these sums when it was */
};

/* Makes its transport. `p` is zeroed. Returns 0 or what transport_create() says. */
int publisher_init(struct publisher *p, struct context *c, struct hearing *hearing, uint64_t peer);

/* Nothing may be subscribed to it any more. Harmless for a zeroed one. */
void publisher_finish(struct publisher *p, struct context *c);

/* Begins to take what `add` describes. Returns 0; -EEXIST for an id or an SSRC that anybody of the
 * hearing uses; -ENOSPC for a stream too many; -EINVAL for what makes no
 * sense (no codec of its kind, no encoding, one without SSRC and RID and MID); -ENOMEM. */
int publisher_add(struct publisher *p, struct context *c, const struct control_stream_add *add,
                  struct publication **ret_publication);

/* Nothing may be subscribed to it any more. Takes it out and frees it. */
void publisher_remove(struct publisher *p, struct context *c, struct publication *publication);

/* Whether it publishes anything. */
bool publisher_has_streams(const struct publisher *p);

struct publication *publisher_find(const struct publisher *p, uint64_t id);

/* Whether it may send us one more packet of `len` bytes now; counts it if so. */
bool publisher_may_send(struct publisher *p, size_t len, uint64_t now_us);

/* Whose packet this is: by SSRC, or learned by MID and RID from a stream's first packets. NULL:
 * nobody's, or the SSRC is another peer's. */
struct encoding *publisher_encoding_of(struct publisher *p, struct context *c,
                                       const struct rtp_view *rtp);

/* The encoding that receives reports about `ssrc`, or NULL. */
struct encoding *publisher_encoding_of_ssrc(const struct publisher *p, uint32_t ssrc);

/* To its page and back, us; 0: not known. What is missing is asked for again at that pace. */
void publication_set_round_trip(struct publication *p, uint32_t rtt_us);

/* Whose the tracks of `p` are, for the tape. */
struct tap_source publication_tap_source(const struct publication *p);

/* The best encoding with a stream of its own that flows, or the first when none does. */
struct encoding *publication_best(struct publication *p);

/* Sets whether it is recorded. Begun: tells the tape so, and asks for a key frame to begin the
 * track with. Ended: tells the tape that nothing more comes. */
void publication_record(struct publication *p, struct context *c, bool recorded);

/* It is not recorded, and nobody is told: the tape it was on is gone. A straggler of before begins
 * no recording on another. */
void publication_leave_tape(struct publication *p);

/* Whether it is a spatial layer of a stream, rather than a stream. */
static inline bool encoding_is_layer(const struct encoding *e)
{
    return e->publication->encoding_count > e->publication->stream_count;
}

/* How many encodings, side by side, the stream of `e` is: one, or its spatial layers, of which `e`
 * is the lowest. */
static inline size_t encoding_layers(const struct encoding *e)
{
    return encoding_is_layer(e) ? e->publication->encoding_count : 1;
}

/* Whose its stream is. */
static inline struct encoding *encoding_of_stream(struct encoding *e)
{
    return encoding_is_layer(e) ? &e->publication->encodings[0] : e;
}

/* Whether `packet`, of its stream, is of `e`. A spatial layer of LnTm_KEY is predicted from those
 * below it in key pictures alone, so it consists of itself and of these. */
static inline bool encoding_carries(const struct encoding *e, const struct packet *packet)
{
    const struct descriptor *d = &packet->payload.descriptor;
    if (!encoding_is_layer(e))
        return true;
    ptrdiff_t layer = e - e->publication->encodings;
    return d->spatial_layer == layer ||
           (d->spatial_layer < layer && !d->inter_predicted && layer < e->publication->layer_count);
}

/* Whether the packet, which it carries, ends a picture of it: the marker. */
static inline bool encoding_ends(const struct encoding *e, const struct packet *packet)
{
    const struct descriptor *d = &packet->payload.descriptor;
    if (!encoding_is_layer(e))
        return packet->rtp.marker;
    return d->layer_end && d->spatial_layer == e - e->publication->encodings;
}

/* When a packet of it came last; 0: never. */
uint64_t encoding_last_us(const struct encoding *e);

/* Whether packets of it come; call about every 100 ms. */
bool encoding_is_flowing(struct encoding *e, uint64_t now_us);

/* Whether anybody receives the stream of `e`, or it is recorded. */
bool encoding_is_needed(const struct encoding *e);

/* Tells the tape what of the stream was given up, if it tapes this encoding, and counts it. */
void encoding_tell_losses(struct encoding *e, struct context *c);

/* What stands before the payload of `packet`, the newest of `e`, when up to `earlier` (1 to
 * RED_EARLIER) of those before it go along, whatever of them is still here. NULL: none is. Borrowed
 * until it is asked for of another packet. */
const struct red_head *encoding_red(struct encoding *e, struct context *c,
                                    const struct packet *packet, unsigned earlier);

/* A key frame is needed: asked for at once, unless it was just now, and until it comes. */
void encoding_ask_key_frame(struct encoding *e, struct context *c);

/* Asks again when it is time to. */
void encoding_retry_key_frame(struct encoding *e, struct context *c);

/* A key frame came; it serves all who wait. */
static inline void encoding_key_frame_came(struct encoding *e)
{
    e->key_frame_wanted = false;
    e->key_frame_tries = 0;
}

/* Lists `s` once. Returns 0 or -ENOMEM. */
int encoding_subscribe(struct encoding *e, struct subscription *s);
/* Harmless for one that is not listed. */
void encoding_unsubscribe(struct encoding *e, const struct subscription *s);

#endif
