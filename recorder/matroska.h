/* Writes compressed frames as they are into a Matroska or WebM file (RFC 9559): nothing is decoded,
 * every frame has the time it is given, gaps stay gaps.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_MATROSKA_H
#define RECORDER_MATROSKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define MATROSKA_TRACKS_MAX       8
#define MATROSKA_NAME_MAX         256
#define MATROSKA_CODEC_CONFIG_MAX 512

struct matroska_track {
    uint8_t codec; /* enum codec */
    char name[MATROSKA_NAME_MAX];
    uint16_t width, height;                    /* video; may be filled in until the end */
    uint8_t config[MATROSKA_CODEC_CONFIG_MAX]; /* H.264: its configuration record */
    size_t config_len;
};

struct matroska;

/* Begins the file at `path` (replacing it); `webm` promises that only VP8, VP9 and Opus come. One
 * thread. Returns 0, -ENOMEM or an errno of open. */
int matroska_create(const char *path, bool webm, const char *title, uint64_t wall_us,
                    struct matroska **ret_file);

/* Gives the file up if it was not finished. Accepts NULL. */
void matroska_destroy(struct matroska *m);
DEFINE_CLEANUP(struct matroska, matroska_destroy)

/* Adds a track; the returned struct is the file's and may be filled in until the end. NULL when
 * there are too many. */
struct matroska_track *matroska_add_track(struct matroska *m, uint8_t codec);

/* Adds a frame to the track (by number of adding, from 0). Times may go back a little between
 * tracks. Returns 0, -EINVAL for a time before the last cluster, or an errno of write. */
int matroska_write(struct matroska *m, size_t track, int64_t pts_us, bool key, const void *data,
                   size_t len);

/* Writes index, tracks and duration, and waits for the disk. Returns 0 or an errno of write. */
int matroska_finish(struct matroska *m, int64_t duration_us);

#endif
