/* Copies opened packets of a recorded hearing into the ring to its tape writer, and never waits for
 * it. It says which track is which before the first packet, and again after a restart.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TAP_H
#define SFU_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/ring.h"
#include "sfu/context.h"
#include "sfu/packet.h"

/* What a peer may begin, kept while it lives or comes again: until `until_us` it has used what it
 * is given. In the past: all of it is left, and the place is free. */
struct tap_allowance {
    uint64_t peer;
    uint64_t until_us;
};

/* One per hearing. Zeroed is a valid start: nothing is recorded. */
struct tap {
    struct ring *ring;    /* owned; NULL: no recorder */
    uint64_t ring_memory; /* which memory the ring is, to know it again */
    uint32_t generation;  /* grows with every ring attached, so that tracks are told again */
    uint32_t last_track;  /* number of the newest track */
    /* Owned; of at most LIMIT_PEERS_PER_HEARING, grown when one more peer begins a track. */
    struct tap_allowance *allowances;
    size_t allowance_count;
};

/* Who sends a track; constant while it lives. */
struct tap_source {
    uint64_t peer;
    uint64_t stream;
    uint8_t kind;   /* enum control_kind */
    uint8_t source; /* enum control_source */
};

/* One per encoding that may be recorded. Zeroed is a valid start. */
struct tap_track {
    uint32_t number;     /* in the ring; 0: never told */
    uint32_t generation; /* of the ring it was told to */
    uint8_t codec;       /* as told */
    uint8_t payload_type;
    uint64_t told_us;   /* when the codec was told */
    uint64_t report_us; /* no sender report before */
    bool recording;     /* packets are being put; false after a mute until the next packet */
    bool muted;         /* as told */
    uint16_t first_seq; /* older packets are from before it was recorded */
};

/* Goes on in the ring behind `fd` (which stays the caller's): at once if it is the one already in
 * use. Returns 0, or what ring_attach() says; then the old one stays. */
int tap_attach(struct tap *tap, struct context *c, int fd);

/* Lets the ring go; what is in it stays there. The tap is as it was at first. */
void tap_finish(struct tap *tap);

static inline bool tap_is_attached(const struct tap *tap)
{
    return tap->ring != NULL;
}

/* A packet of a track that is to be recorded; the first (also after a mute) must be the newest of
 * its stream. Older ones are left out, however late they come; and so is, counted, what begins more
 * tracks than LIMIT_TRACKS_AT_ONCE or changes the codec within LIMIT_TRACK_CODEC_MS. */
void tap_packet(struct tap *tap, struct context *c, struct tap_track *track,
                const struct tap_source *source, const struct packet *packet, bool repaired);

/* The source began again with other numbers, `seq` the first. */
static inline void tap_reset(struct tap_track *track, uint16_t seq)
{
    track->first_seq = seq;
}

/* What a sender says of its clocks (RFC 3550 section 6.4.1). */
struct tap_report {
    uint32_t ssrc;
    uint64_t ntp;
    uint32_t rtp_timestamp;
};

/* At most one each LIMIT_REPORT_MS. Says beside it which track is which once more: damage to the
 * tape where that was said first then costs what was sent up to the next report, not all that
 * follows. */
void tap_sender_report(struct tap *tap, struct context *c, struct tap_track *track,
                       const struct tap_source *source, const struct tap_report *report);

/* `count` packets from `first` on will not come any more. */
void tap_loss(struct tap *tap, struct context *c, const struct tap_track *track, uint16_t first,
              uint16_t count);

/* Nothing more is recorded of the track until its next packet, which is not to come before
 * tap_unmute(). */
void tap_mute(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream);

/* Whatever is missing from here on is the network's loss. Harmless for a track that was not muted.
 */
void tap_unmute(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream);

void tap_end(struct tap *tap, struct context *c, struct tap_track *track, uint64_t stream);

#endif
