/* A tape written record by record. For tests. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HANDTAPE_H
#define TESTS_HANDTAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/packet.h"
#include "recorder/tapewriter.h"

#define HANDTAPE_HEARING 0x1122334455667788u
/* The monotonic clock when the tape begins; all other times are since then, in us. */
#define HANDTAPE_START_US 5000000

/* One at a time; none of these fails. */
struct handtape {
    char dir[64]; /* of its own, in memory where there is such a place */
    struct tapewriter *writer;
    uint64_t ring_index;
    uint32_t producer; /* what SSRCs go by, besides the track's number: change it for others */
};

void handtape_begin(struct handtape *tape);
void handtape_flush(struct handtape *tape, int64_t at_us);

/* Seals it. It can be read until handtape_remove(). */
void handtape_finish(struct handtape *tape, int64_t at_us);
void handtape_remove(const struct handtape *tape);

/* A record that holds one number: RING_PRODUCER, RING_OVERRUN, TAPE_GAP. */
void handtape_number(struct handtape *tape, uint8_t kind, int64_t at_us, uint64_t value);

/* Opus at 48 kHz, or VP8 at 90 kHz. */
void handtape_track(struct handtape *tape, uint32_t track, uint64_t peer, uint64_t stream,
                    bool video, int64_t at_us);

/* Video of a codec, at 90 kHz. */
void handtape_camera(struct handtape *tape, uint32_t track, uint64_t peer, uint64_t stream,
                     uint8_t codec, int64_t at_us);

void handtape_rtp(struct handtape *tape, uint32_t track, uint16_t seq, uint32_t ticks,
                  int64_t at_us);

/* With the marker and payload of `packet`. */
void handtape_packet(struct handtape *tape, uint32_t track, uint16_t seq, uint32_t ticks,
                     const struct packet *packet, int64_t at_us);

/* The sender's report: its clock began with the tape. */
void handtape_report(struct handtape *tape, uint32_t track, uint32_t ticks, int64_t at_us);

/* Bytes on disk after the last flush. */
uint64_t handtape_bytes(const struct handtape *tape);

/* Changes one byte on disk. */
void handtape_damage(const struct handtape *tape, uint64_t at);

#endif
