/* Pictures in and out: decodes compressed video, scales it onto the canvas, and encodes canvas and
 * sound to an MP4. The only file with GStreamer. Decoding runs in the caller's thread, one frame
 * in, its picture out; encoding has threads of its own. SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_PIPELINE_H
#define RECORDER_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "recorder/canvas.h"

/* Once, before all else. Returns 0, or -ENOENT when an element that we need is not installed; it is
 * named on the log. */
int pipeline_start(void);

struct pipeline_decoder;

/* For VP8, VP9 or H.264 (Annex B). Returns 0, -ENOTSUP for another codec, -ENOMEM. */
int pipeline_decoder_create(uint8_t codec, struct pipeline_decoder **ret_decoder);

/* Accepts NULL. */
void pipeline_decoder_destroy(struct pipeline_decoder *d);
DEFINE_CLEANUP(struct pipeline_decoder, pipeline_decoder_destroy)

/* Decodes one frame. Returns 0, or -EBADMSG when it cannot be decoded: the decoder then begins anew
 * at the next key frame. */
int pipeline_decoder_push(struct pipeline_decoder *d, int64_t pts_us, bool key, const void *data,
                          size_t len);

/* The size of the newest picture; false when there is none. */
bool pipeline_decoder_size(const struct pipeline_decoder *d, int *ret_width, int *ret_height);

/* Scales the newest picture onto the canvas. Returns 0, -ENOENT without a picture, -ENOMEM. */
int pipeline_decoder_draw(struct pipeline_decoder *d, struct canvas *canvas,
                          struct canvas_rect rect);

struct pipeline_encoder;

struct pipeline_encoder_how {
    const char *path; /* of the MP4; replaced */
    /* Where its media wait until the index is known: a file as long as the MP4, which has no name
     * any more from the first frames on, so that being killed leaves nothing. */
    const char *waiting_path;
    int width, height;
    int fps;
    int audio_rate; /* one channel */
};

/* Returns 0, -ENOMEM, or -EIO when the pipeline does not start. */
int pipeline_encoder_create(const struct pipeline_encoder_how *how,
                            struct pipeline_encoder **ret_encoder);

/* Gives the file up if it was not finished. Accepts NULL. */
void pipeline_encoder_destroy(struct pipeline_encoder *e);
DEFINE_CLEANUP(struct pipeline_encoder, pipeline_encoder_destroy)

/* The next frame, and the sound that belongs to it; waits while the encoder is busy. Returns 0,
 * -ENOMEM, or -EIO when encoding or writing failed. */
int pipeline_encoder_push(struct pipeline_encoder *e, const struct canvas *canvas,
                          const float *samples, size_t sample_count);

/* Waits until the file is whole, its index at the front. Returns 0 or -EIO. */
int pipeline_encoder_finish(struct pipeline_encoder *e);

#endif
