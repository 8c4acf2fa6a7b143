/* Sound with what was said just before it (RFC 2198): a packet of Opus that brings one or two of
 * those before it along, for who loses some, and when that is worth it. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_RED_H
#define SFU_RED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Section 3: 14 bits of timestamp offset, 10 of length. */
#define RED_OFFSET_MAX 0x3fff
#define RED_BLOCK_MAX  0x3ff
/* What stands before an earlier block's bytes, all of them together, and before the last. */
#define RED_HEADER_BYTES 4
#define RED_LAST_BYTES   1

/* Earlier packets we send along, at most. Ours: at 20 % lost by chance, 1 in 125 is then missing.
 */
#define RED_EARLIER 2
/* In front of a packet at most so much, and with it so much of payload. Ours: two packets of 20 ms
 * at 110 kbit/s; what fits any path's datagrams with all headers. */
#define RED_HEAD_MAX    560
#define RED_PAYLOAD_MAX 1100

/* Lost of a thousand from which on one or two earlier packets go along. Ours. */
#define RED_ONE_PERMILLE 30
#define RED_TWO_PERMILLE 80
/* One less when it was under half of that for so long: chance makes loss waver. Ours. */
#define RED_CALM_US (5 * 1000000ull)

/* One packet's payload. */
struct red_block {
    uint32_t timestamp;   /* of the packet it came in, or is for */
    const uint8_t *bytes; /* borrowed */
    size_t len;
};

/* Writes all that stands before the payload of a packet with `timestamp` and as many bytes as
 * `payload_len`: those of `earlier` (oldest first) that fit, all of `payload_type` as it is.
 * Returns its length; 0: none fits, and the packet is to be sent as it is. */
size_t red_write(const struct red_block *earlier, size_t count, uint8_t payload_type,
                 uint32_t timestamp, size_t payload_len, uint8_t head[static RED_HEAD_MAX]);

/* Earlier packets that are read of one, the nearest. Ours: browsers send one. */
#define RED_READ_MAX 4

/* What came as RED, taken apart. */
struct red_view {
    struct red_block last;                  /* the packet's own */
    struct red_block earlier[RED_READ_MAX]; /* oldest first */
    size_t earlier_count;
};

/* Reads `payload` of a packet with `timestamp`; blocks of another payload type than `payload_type`,
 * and empty ones, are left out. Returns 0 and views into `payload`, or -EBADMSG: it does not hold
 * together, or its own block is of another payload type or empty. */
int red_read(const uint8_t *payload, size_t len, uint8_t payload_type, uint32_t timestamp,
             struct red_view *ret_view);

/* What stands before one packet's payload for all who are sent it so, made for the first of them.
 * Zeroed at first. */
struct red_heads {
    uint64_t source; /* of whom it is, like the next two: which packet */
    uint64_t arrived_us;
    uint16_t seq;
    bool made[RED_EARLIER]; /* by how many earlier packets go along at most, less one */
    struct red_head {
        size_t len; /* 0: none go along */
        uint8_t bytes[RED_HEAD_MAX];
    } of[RED_EARLIER];
};

/* How many earlier packets a receiver is sent. Zeroed at first: none. */
struct red_choice {
    uint8_t earlier;
    uint64_t lossy_us; /* when it was last worth as many */
};

/* It loses so much now. */
void red_choose(struct red_choice *choice, uint16_t loss_permille, uint64_t now_us);

/* bit/s that `earlier` packets add to a sound of `payload_bps`. */
uint32_t red_bps(uint32_t payload_bps, unsigned earlier);

#endif
