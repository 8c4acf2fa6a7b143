/* Sound for a thin line: packets of Opus that follow each other become one of as many frames (RFC
 * 6716 section 3.2.5), bit for bit the same sound. Headers and seal take as much of a line as 26
 * kbit/s at 50 packets a second: a third of that as three in one, for 40 ms of delay. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_REPACKETIZE_H
#define SFU_REPACKETIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/packet.h"

/* Packets that become one, at most. Ours: 60 ms of sound of a browser's. */
#define REPACKETIZE_MOST 3
/* What a packet has, its own first byte included, if it is to be joined. Ours: 20 ms at 110 kbit/s;
 * three fit any path's datagrams. */
#define REPACKETIZE_PACKET_BYTES 280
/* What stands before the last one's frame: two bytes, two lengths of two, two frames. */
#define REPACKETIZE_HEAD_MAX (2 + (REPACKETIZE_MOST - 1) * (2 + REPACKETIZE_PACKET_BYTES - 1))

/* Packets of one source that wait for those that follow. Zeroed at first. */
struct repacketizer {
    struct packet *packets[REPACKETIZE_MOST]; /* a reference each */
    uint64_t source;                          /* whose they are: an encoding's id */
    uint8_t count;
};

/* Whether it can be joined to what waits, if anything does: one frame that begins where the last
 * one ends, made alike. */
bool repacketizer_takes(const struct repacketizer *r, uint64_t source, const struct packet *packet);

/* Puts it last; takes a reference. Only what repacketizer_takes(), fewer than REPACKETIZE_MOST. */
void repacketizer_put(struct repacketizer *r, uint64_t source, struct packet *packet);

/* Writes what stands before the last one's frame, which is its payload without the first byte. At
 * least two wait. Returns its length. */
size_t repacketizer_write(const struct repacketizer *r, uint8_t head[static REPACKETIZE_HEAD_MAX]);

/* What waits is dropped. */
void repacketizer_drop(struct repacketizer *r);

#endif
