/* One file per speaker, and one per screen, holding what that person sent as it was received:
 * nothing transcoded, in order, without copies, on the hearing's one time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_TRACKS_H
#define RECORDER_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/absence.h"
#include "recorder/roster.h"
#include "recorder/timeline.h"

#define TRACKS_FILE_MAX 64

/* A time without sound, or without a new picture, within a track. */
struct tracks_gap {
    int64_t from_us, to_us;
    uint8_t source; /* enum control_source */
    enum absence_why why;
};

struct tracks_file {
    char file[TRACKS_FILE_MAX]; /* its name in the record's directory */
    uint64_t peer;
    bool screen;
    bool has_audio, has_video;
    int64_t first_us, last_us; /* of its frames */
    uint64_t frames;
    struct tracks_gap *gaps;
    size_t gap_count, gap_capacity;
};

struct tracks {
    struct tracks_file *files;
    size_t count;
    int64_t end_us; /* the record's length: the last media or the closing, whichever is later */
};

/* Told as the work goes on, in per mille. */
typedef void tracks_progress_fn(void *context, unsigned permille);

/* Writes the files into `dir`, whose tape `t` was read from. Returns 0, -ENOMEM, or an errno of
 * read or write. */
int tracks_write(const char *dir, const struct timeline *t, const struct roster *roster,
                 tracks_progress_fn *on_progress, void *context, struct tracks *ret_tracks);

void tracks_finish(struct tracks *t);

#endif
