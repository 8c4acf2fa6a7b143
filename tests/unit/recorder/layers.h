/* Packets of a camera as Chromium sends it in spatial layers (VP9, L2T3_KEY, 640x360, our tests'
 * own picture), payloads as they came: 84 packets of 41 pictures, the first and the ninth of them
 * key pictures. The file holds of each its sequence number, u32 ticks, u8 marker, u16 length,
 * payload. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_RECORDER_LAYERS_H
#define TESTS_UNIT_RECORDER_LAYERS_H

#include <stdio.h>

#include "common/bytes.h"
#include "recorder/packet.h"
#include "unit/check.h"

#define LAYERS_PACKETS 84

struct layers_packet {
    struct packet packet;
    uint16_t seq;
    uint32_t ticks;
};

/* Reads `path` into `ret_packets`. */
static inline void layers_read(const char *path, struct layers_packet ret_packets[LAYERS_PACKETS])
{
    static uint8_t bytes[1 << 16];
    FILE *file = fopen(path, "rb");
    CHECK(file);
    struct reader r = reader_over(bytes, fread(bytes, 1, sizeof(bytes), file));
    CHECK_EQ(fclose(file), 0);
    for (size_t i = 0; i < LAYERS_PACKETS; i++) {
        struct layers_packet *p = &ret_packets[i];
        p->seq = reader_u16(&r);
        p->ticks = reader_u32(&r);
        bool marker = reader_u8(&r);
        size_t len = reader_u16(&r);
        p->packet =
            (struct packet){.payload = reader_skip(&r, len), .payload_len = len, .marker = marker};
    }
    CHECK(!r.failed);
}

#endif
