/* What a peer receives: its seats, each an audio and a video subscription that shows one source at
 * a time under numbers of its own. The subscriber is what its down transport names as owner.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SUBSCRIPTION_H
#define SFU_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "sfu/context.h"
#include "sfu/downlink.h"
#include "sfu/pacer.h"
#include "sfu/prober.h"
#include "sfu/publication.h"
#include "sfu/red.h"
#include "sfu/repacketize.h"
#include "sfu/rewrite.h"

/* Retransmissions one peer may ask for, packets a second; as many at once after a pause. Ours: four
 * times what 30 % of a full page of video would need. */
#define SUBSCRIBER_RTX_PER_SECOND 2000
/* Of what the way to a peer carries, retransmissions may take this part, permille, and be so far
 * ahead of it: what is lost because the way is full must not fill it further. Ours: a fifth lost is
 * sent again in full. */
#define SUBSCRIBER_RTX_PERMILLE 250
#define SUBSCRIBER_RTX_AHEAD_US (200 * 1000ull)

/* Key frames a viewer may ask for at once, a seat, ... */
#define SUBSCRIPTION_KEY_FRAMES 3
/* ... and how often after that. Ours. */
#define SUBSCRIPTION_KEY_FRAME_US (2000 * 1000ull)

struct subscriber;

/* One half (audio or video) of one seat. */
struct subscription {
    struct subscriber *subscriber;
    uint8_t seat;
    enum control_kind kind;
    uint32_t ssrc;
    uint32_t rtx_ssrc; /* video only */
    unsigned out;      /* their numbers with the transport */
    unsigned rtx_out;
    uint16_t rtx_seq;
    uint16_t repeated;       /* packets sent once more as padding */
    struct encoding *shown;  /* whose packets the peer gets; NULL: empty */
    struct encoding *wanted; /* what it shall become, at `shown` when it is so */
    bool awaited;            /* a SEAT_SET waits for its answer, which goes to */
    uint32_t request;        /* this request */
    uint32_t connection;     /* of this connection */
    uint64_t key_frames_us;  /* when all its key frame requests are forgotten */
    bool broken;             /* video that could not be sent for a while: goes on at a key frame */
    bool held;               /* nothing of it is sent, see pictures.h, like the next six */
    bool told_held;
    uint8_t rank;     /* enum control_rank */
    uint8_t layer;    /* the best of the source's encodings that may be shown */
    uint8_t tier;     /* how many of its frames are to be sent (tiers.h), ... */
    uint8_t tier_now; /* ... and are: more when the picture allows it */
    uint16_t height;  /* it is shown with, pixels; 0: not looked at; UINT16_MAX: as it comes */
    struct repacketizer joined; /* sound that waits to become one packet */
    uint64_t entering; /* source of which a key frame waits its turn (pacer.h); 0: of none */
    uint64_t held_us;  /* since when it is held for want of bandwidth; 0: it is not */
    uint64_t begun_us; /* when it was last held no more; 0: it never was */
    struct {
        uint32_t highest; /* extended sequence number */
        uint32_t lost;    /* like this modulo 2^32 */
        uint32_t holes;   /* rewrite_holes() of that time */
    } reported;           /* by the peer, last */
    struct rewrite rewrite;
    struct rewrite_past *past; /* its memory, owned; NULL: the seat was never set */
};

struct subscriber {
    struct transport *down;  /* owned */
    uint64_t packets, bytes; /* RTP sent, RTX included */
    struct prober prober;
    struct pacer pacer;
    struct downlink downlink; /* what the way to it carries */
    struct list paced;        /* in the context's list while something waits there */
    uint64_t hearing;
    uint64_t peer;
    size_t seat_count;
    struct subscription *subscriptions; /* owned; two a seat */

    uint64_t rtx_refill_us;
    uint32_t rtx_left;
    uint64_t rtx_until_us; /* when what was sent again is within SUBSCRIBER_RTX_PERMILLE */
    bool takes_red;        /* the page takes sound as RED */
    uint8_t red;           /* earlier packets of sound that go along with each, now */
    uint8_t frames;        /* packets of sound that become one, now; 0, 1: as they come */
    bool joins;            /* some sound may wait for that */
    uint64_t frames_us;    /* when as many were last needed */
    struct red_choice red_choice;
    bool sound_only;          /* the page is sent no pictures */
    bool limited;             /* not all that is looked at can be sent */
    uint32_t pictures_bps;    /* the estimate by which they were chosen last; 0: not known */
    uint64_t pictures_us;     /* when they are chosen next */
    uint64_t pictures_wanted; /* bit/s of all that is looked at, sound included */
    uint64_t connected_us;    /* when it could be sent to at last; 0: never */
    uint64_t sign_us;         /* when it is asked next for a sign of life */
    uint64_t report_us;       /* when the next sender reports are due */
    uint32_t rtt_us;          /* by its receiver reports; 0: not known */
    uint32_t jitter_us;       /* of sound, the worst of them since the last statistics */
    int64_t lost;             /* by its reports since the last statistics: packets of seats, ... */
    int64_t expected;         /* ... of so many that were sent; see subscription_take_report() */
};

/* Makes the transport and `seats` empty seats. `s` is zeroed. Returns 0, -EINVAL for no seats or
 * too many, -ENOMEM, -EIO. */
int subscriber_init(struct subscriber *s, struct context *c, uint64_t hearing, uint64_t peer,
                    size_t seats);

/* Empties all seats, telling nobody. Harmless for a zeroed or half-made one. */
void subscriber_finish(struct subscriber *s);

/* NULL when there is no such seat. */
struct subscription *subscriber_seat(const struct subscriber *s, uint8_t seat,
                                     enum control_kind kind);

/* The subscription that sends as `ssrc` (not RTX), or NULL. */
struct subscription *subscriber_of_ssrc(const struct subscriber *s, uint32_t ssrc);

/* The peer's transport can send now: what waits for a picture asks for it. */
void subscriber_connected(struct subscriber *s, struct context *c);

/* Shows `pub` in the seat as soon as it can be: audio with its next packet, video with a key frame,
 * the old source until then. SEAT_SWITCHED with `request` answers when it is so. */
void subscription_set(struct subscription *s, struct context *c, struct publication *pub,
                      uint32_t request);

/* Not one packet more; answers `request` (0: tells an event). */
void subscription_empty(struct subscription *s, struct context *c, uint32_t request);

/* Cuts `pub` out of the seat at once, shown or only wanted; whoever set it is told -EACCES if it
 * waits, and that the seat is empty if it was shown. */
void subscription_cut(struct subscription *s, struct context *c, const struct publication *pub);

/* `pub` is paused: not one packet of it more, and it shows again by itself when it goes on.
 * Signaling is told that the seat is empty if it was shown. */
void subscription_suspend(struct subscription *s, struct context *c, const struct publication *pub);

/* Moves to the best encoding of the same simulcast that comes and is allowed (`layer`). */
void subscription_choose_layer(struct subscription *s, struct context *c);

/* The peer asks for a key frame: whether it is heard. A bad link, or bad will, at one viewer must
 * not cost all others their picture. */
bool subscription_may_ask_key_frame(struct subscription *s, const struct context *c);

/* Its wanted encoding `e` is shown from this packet on; tells so. */
void subscription_switch_over(struct subscription *s, struct context *c, struct encoding *e);

/* Stops it where it is: what it shows goes on with a key frame of what is wanted. */
void subscription_break(struct subscription *s);

/* The peer's report block about this seat: adds to its subscriber's `lost` and `expected` what is
 * new since the last one. What never came to us, so was never sent, is neither: its loss is the
 * speaker's. `lost` may be negative for a moment, as a late packet is counted here before there. */
void subscription_take_report(struct subscription *s, const struct rtcp_report_block *block);

/* Our report about what this seat sends. False when there is nothing to say. */
bool subscription_sender_report(const struct subscription *s, const struct context *c,
                                struct rtcp_sender_info *ret_info);

#endif
