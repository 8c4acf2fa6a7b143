/* Packets of a camera as Chromium sends it in spatial layers (VP9), payloads as they came. A file
 * holds of each its sequence number, u32 ticks, u8 marker, u16 length, payload.
 * layers.vp9: L2T3_KEY, 640x360, our tests' own picture; 41 pictures, the first and the ninth of
 * them key pictures.
 * layers-change.vp9, by tests/system/capture-layers.mjs: layers that come and go; 41 pictures, each
 * with a counter. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_RECORDER_LAYERS_H
#define TESTS_UNIT_RECORDER_LAYERS_H

#include <stdio.h>

#include "common/bytes.h"
#include "recorder/packet.h"
#include "unit/check.h"

#define LAYERS_PACKETS_MAX 1024

struct layers_packet {
    struct packet packet;
    uint16_t seq;
    uint32_t ticks;
};

/* Reads `path` into `ret_packets`; returns how many they are. */
static inline size_t layers_read(const char *path,
                                 struct layers_packet ret_packets[LAYERS_PACKETS_MAX])
{
    static uint8_t bytes[1 << 17];
    FILE *file = fopen(path, "rb");
    CHECK(file);
    struct reader r = reader_over(bytes, fread(bytes, 1, sizeof(bytes), file));
    CHECK_EQ(fclose(file), 0);
    size_t count = 0;
    while (reader_left(&r) > 0) {
        CHECK(count < LAYERS_PACKETS_MAX);
        struct layers_packet *p = &ret_packets[count++];
        p->seq = reader_u16(&r);
        p->ticks = reader_u32(&r);
        bool marker = reader_u8(&r);
        size_t len = reader_u16(&r);
        p->packet =
            (struct packet){.payload = reader_skip(&r, len), .payload_len = len, .marker = marker};
    }
    CHECK(!r.failed && count > 0);
    return count;
}

#endif
