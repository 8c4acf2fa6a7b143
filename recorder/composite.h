/* The one picture of the hearing that anybody can play: everybody who was there in a grid with
 * their names, and everybody's sound, frame by frame on the hearing's own clock.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_COMPOSITE_H
#define RECORDER_COMPOSITE_H

#include <stdint.h>

#include "recorder/roster.h"
#include "recorder/timeline.h"
#include "recorder/tracks.h"

#define COMPOSITE_FPS  25
#define COMPOSITE_FILE "hearing.mp4"
/* Its media while it is being made. */
#define COMPOSITE_WAITING_FILE ".hearing.mp4.media"

struct composite_how {
    int width, height; /* pixels, even */
    int64_t end_us;    /* length of the record */
};

/* Writes COMPOSITE_FILE into `dir`, whose tape `t` was read from. pipeline_start() was called.
 * Returns 0, -ENOMEM, -EIO when encoding failed, or an errno of read. */
int composite_write(const char *dir, const struct timeline *t, const struct roster *roster,
                    const struct composite_how *how, tracks_progress_fn *on_progress,
                    void *context);

/* What it holds, for the manifest: frames at COMPOSITE_FPS. */
int64_t composite_frames(const struct composite_how *how);

#endif
