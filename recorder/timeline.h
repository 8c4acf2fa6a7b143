/* Where in the hearing each recorded packet belongs. A first reading of the tape learns every
 * track's clock from arrival times and sender reports; a second places packets by it. Nothing
 * drifts: places always come from arrival, so a sender's stalled or wrong clock cannot move the
 * rest. SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_TIMELINE_H
#define RECORDER_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "recorder/packet.h"
#include "recorder/tape.h"
#include "recorder/tapereader.h"

/* A track of one producer of the ring (RING_PRODUCER: another with each restart of the media core,
 * and each time the hearing has its place there again): one SSRC, one clock. A person's camera may
 * have many in a row. */
struct timeline_leg {
    uint64_t peer;
    uint64_t stream;
    uint8_t kind;   /* enum control_kind */
    uint8_t source; /* enum control_source */
    uint8_t codec;  /* enum codec */
    uint32_t clock_rate;
    uint32_t ssrc;
    uint64_t packets; /* without copies */
    uint64_t lost;    /* numbers never seen */
    uint64_t reports; /* of the sender's clock, that are kept */
    int64_t first_us; /* of its packets, relative to zero */
    int64_t last_us;
};

struct timeline;

/* The hearing's own notes, as they are met; text is borrowed. `at_us` is relative to nothing yet:
 * pass it to timeline_since_zero() afterwards. After each block it is called without a note (`text`
 * NULL): a sign of life. */
typedef void timeline_note_fn(void *context, int64_t at_us, const char *text, size_t len);

/* Reads the tape in `dir` through. Returns 0, -ENOENT, -ENOMEM, or an errno of read; damage is
 * counted, not an error. */
int timeline_read(const char *dir, timeline_note_fn *on_note, void *context,
                  struct timeline **ret_timeline);

/* Accepts NULL. */
void timeline_free(struct timeline *t);
DEFINE_CLEANUP(struct timeline, timeline_free)

uint64_t timeline_hearing(const struct timeline *t);
size_t timeline_leg_count(const struct timeline *t);
const struct timeline_leg *timeline_leg(const struct timeline *t, size_t leg);

/* Sets the record's zero (in the time that notes were told in), or leaves it at the first packet
 * when that came earlier. All places are relative to it from then on. */
void timeline_set_zero(struct timeline *t, int64_t at_us);
int64_t timeline_since_zero(const struct timeline *t, int64_t at_us);

/* The wall clock at zero, us since 1970. */
uint64_t timeline_zero_wall_us(const struct timeline *t);

/* Damaged places and bytes given up by the writer (TAPE_GAP); packets the ring could not take. */
struct timeline_faults {
    uint64_t damages;
    uint64_t ring_gaps;
    uint64_t overrun_packets;
    uint64_t tracks_left_out; /* over LIMIT_TIMELINE_LEGS */
    uint64_t bytes;           /* of the tape */
    bool sealed;
};
struct timeline_faults timeline_faults(const struct timeline *t);

/* The time in the hearing of a packet with these unwrapped counters, in us; may be negative by a
 * little for what was sent before zero. */
int64_t timeline_place(const struct timeline *t, size_t leg, int64_t seq, int64_t rtp_ticks);

/* What a second reading needs to know which leg a record belongs to: the state that RING_TRACK and
 * RING_PRODUCER set. Feed it every record in order. */
struct timeline_cursor;

int timeline_cursor_create(const struct timeline *t, struct timeline_cursor **ret_cursor);
void timeline_cursor_free(struct timeline_cursor *c);
DEFINE_CLEANUP(struct timeline_cursor, timeline_cursor_free)

/* No leg. */
#define TIMELINE_NO_LEG SIZE_MAX

/* The leg of the record, or TIMELINE_NO_LEG. */
size_t timeline_cursor_leg(struct timeline_cursor *c, const struct tape_record *record);

/* Whether the record is a packet of this leg (TIMELINE_NO_LEG: never), and the packet then. Where
 * the tape is damaged a track may carry another one's packets until it is told again: their SSRC is
 * not the leg's. */
bool timeline_is_packet(const struct timeline *t, size_t leg, const struct tape_record *record,
                        struct packet *ret_packet);

/* The record's time relative to zero: across a restart of the machine too. `header` is of the
 * segment it came from. */
int64_t timeline_record_us(const struct timeline *t, const struct tape_header *header,
                           const struct tape_record *record);

#endif
