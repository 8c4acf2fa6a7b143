/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "recorder/depay.h"
#include "unit/recorder/layers.h"

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

/* Layers of a picture whose lower ones are hidden give the picture they give shown: to libvpx,
 * which shows the last of what it is given at once. */
static void hidden_layers_change_nothing(const char *path)
{
    static struct layers_packet packets[LAYERS_PACKETS_MAX];
    CLEANUP(pipeline_decoder_destroy) struct pipeline_decoder *hidden = NULL, *shown = NULL;
    static uint8_t picture[1 << 16];
    size_t len = 0;
    unsigned compared = 0;
    struct canvas canvases[2];
    const struct canvas_rect all = {0, 0, 640, 360};
    struct depay d;
    size_t count = layers_read(path, packets);
    depay_init(&d, CODEC_VP9);
    CHECK_EQ(pipeline_decoder_create(CODEC_VP9, &hidden), 0);
    CHECK_EQ(pipeline_decoder_create(CODEC_VP9, &shown), 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(canvas_init(&canvases[i], 640, 360), 0);
    for (size_t i = 0; i < count; i++) {
        const struct packet *p = &packets[i].packet;
        struct vp9_descriptor descriptor;
        struct depay_frame frame;
        int width, height;
        CHECK_EQ(vp9_read_descriptor(p->payload, p->payload_len, &descriptor), 0);
        memcpy(picture + len, p->payload + descriptor.len, p->payload_len - descriptor.len);
        len += p->payload_len - descriptor.len;
        if (depay_push(&d, p, packets[i].seq, packets[i].ticks, &frame) == 0)
            continue;
        int64_t pts_us = compared++ * 100000;
        CHECK_EQ(pipeline_decoder_push(hidden, pts_us, frame.key, frame.data, frame.len), 0);
        CHECK_EQ(pipeline_decoder_push(shown, pts_us, frame.key, picture, len), 0);
        CHECK(pipeline_decoder_size(hidden, &width, &height) && width == 640 && height == 360);
        CHECK_EQ(pipeline_decoder_draw(hidden, &canvases[0], all), 0);
        CHECK_EQ(pipeline_decoder_draw(shown, &canvases[1], all), 0);
        CHECK(memcmp(canvases[0].bytes, canvases[1].bytes, canvases[0].size) == 0);
        len = 0;
    }
    CHECK_EQ(compared, 40);
    for (unsigned i = 0; i < 2; i++)
        canvas_finish(&canvases[i]);
    depay_finish(&d);
}

/* What GStreamer and GLib keep for ever is no leak of ours, as in the renderer (render-main.c). */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    CHECK_EQ(pipeline_start(), 0);
    sizes_change();
    hidden_layers_change_nothing(argv[1]);
    return 0;
}
