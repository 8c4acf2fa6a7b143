/* SPDX-License-Identifier: Apache-2.0 */
/* Any payloads as Opus, VP8, H.264 or VP9 of a track with losses: frames stay in bounds, and what
 * is made of them for the file fits where it is to go. The first byte chooses the codec; then
 * packets, each u8 step of the sequence number, u8 flags, u16 length, payload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "common/limits.h"
#include "common/opus.h"
#include "recorder/depay.h"
#include "recorder/h264.h"
#include "recorder/vp9.h"

/* What is hidden once stays as it is: its header is still one, and as long. */
static void hide_twice(const struct depay_frame *frame)
{
    static const struct vp9_slots slots;
    uint8_t *once = malloc(frame->len + VP9_HIDE_BYTES),
            *twice = malloc(frame->len + 2 * VP9_HIDE_BYTES);
    size_t len = once && twice ? vp9_hide(&slots, frame->data, frame->len, once) : 0;
    if (len > 0 && (vp9_hide(&slots, once, len, twice) != len || memcmp(once, twice, len) != 0))
        abort();
    free(once);
    free(twice);
}

static void use_frame(uint8_t codec, const struct depay_frame *frame)
{
    uint16_t width = 0, height = 0;
    (void)depay_size(codec, frame->data, frame->len, &width, &height);
    if (frame->len > LIMIT_FRAME_BYTES)
        abort();
    if (codec == CODEC_OPUS && opus_samples(frame->data, frame->len) > OPUS_SAMPLES_MAX)
        abort();
    if (codec == CODEC_VP9)
        hide_twice(frame);
    if (codec != CODEC_H264 || frame->len == 0)
        return;
    uint8_t config[256];
    size_t config_len = 0;
    if (h264_config(frame->data, frame->len, config, sizeof(config), &config_len) == 0 &&
        config_len > sizeof(config))
        abort();
    uint8_t *units = malloc(frame->len);
    if (units && h264_to_lengths(frame->data, frame->len, units, frame->len) > frame->len)
        abort();
    free(units);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader r = reader_over(data, len);
    uint8_t codec = (uint8_t)(CODEC_OPUS + reader_u8(&r) % 4);
    struct depay depay;
    depay_init(&depay, codec);
    int64_t seq = 0, ticks = 0;
    while (reader_left(&r) > 0) {
        seq += 1 + reader_u8(&r) % 4 / 3;
        uint8_t flags = reader_u8(&r);
        size_t payload_len = reader_u16(&r);
        if (r.failed)
            break;
        payload_len = payload_len < reader_left(&r) ? payload_len : reader_left(&r);
        struct packet packet = {.marker = flags & 1, .payload = reader_skip(&r, payload_len)};
        packet.payload_len = payload_len;
        ticks += flags & 2 ? 3000 : 0;
        struct depay_frame frame;
        if (depay_push(&depay, &packet, seq, ticks, &frame) == 1)
            use_frame(codec, &frame);
    }
    depay_finish(&depay);

    struct packet whole;
    if (packet_parse(data, len, &whole) == 0 && whole.payload_len > len)
        abort();
    return 0;
}
