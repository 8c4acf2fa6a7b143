/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "unit/check.h"

#define FRAMES 3

/* A film of ffmpeg's own in VP8, as IVF: 32 bytes, then of each frame 12 and its own;
 * little-endian.
 */
static size_t make_film(int height, uint8_t *bytes, size_t capacity)
{
    char command[256];
    (void)snprintf(command, sizeof(command),
                   "ffmpeg -nostdin -v error -f lavfi -i testsrc=size=%dx%d:rate=10 -frames:v %d "
                   "-c:v libvpx -deadline realtime -f ivf -",
                   height * 16 / 9, height, FRAMES);
    FILE *film = popen(command, "r"); /* NOLINT(cert-env33-c): nothing of it is from outside */
    CHECK(film);
    size_t len = fread(bytes, 1, capacity, film);
    CHECK_EQ(pclose(film), 0);
    return len;
}

/* Decodes it; each picture has its size. */
static void decode(struct pipeline_decoder *d, int height, int64_t *pts_us)
{
    static uint8_t bytes[1 << 20];
    struct reader r = reader_over(bytes, make_film(height, bytes, sizeof(bytes)));
    CHECK(reader_skip(&r, 32));
    for (unsigned i = 0; i < FRAMES; i++) {
        uint32_t len = __builtin_bswap32(reader_u32(&r));
        (void)reader_u64(&r);
        const uint8_t *frame = reader_skip(&r, len);
        CHECK(!r.failed);
        CHECK_EQ(pipeline_decoder_push(d, *pts_us, i == 0, frame, len), 0);
        *pts_us += 100000;
        int width = 0, got = 0;
        CHECK(pipeline_decoder_size(d, &width, &got));
        CHECK_EQ(got, height);
        CHECK_EQ(width, height * 16 / 9);
    }
}

/* A camera's picture changes its size with its layer, up and down: each one is shown. */
static void sizes_change(void)
{
    static const int heights[] = {180, 360, 720, 180};
    CLEANUP(pipeline_decoder_destroy) struct pipeline_decoder *d = NULL;
    CHECK_EQ(pipeline_decoder_create(CODEC_VP8, &d), 0);
    int64_t pts_us = 0;
    for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++)
        decode(d, heights[i], &pts_us);
}

/* What GStreamer and GLib keep for ever is no leak of ours, as in the renderer (render-main.c). */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

int main(void)
{
    CHECK_EQ(pipeline_start(), 0);
    sizes_change();
    return 0;
}
