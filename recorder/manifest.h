/* manifest.json: what a record consists of, every file with its length and SHA-256, and what is
 * missing in it. Written last and at once, so a record with a manifest is whole.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_MANIFEST_H
#define RECORDER_MANIFEST_H

#include <stdint.h>

#include "recorder/roster.h"
#include "recorder/timeline.h"
#include "recorder/tracks.h"

#define MANIFEST_FILE    "manifest.json"
#define MANIFEST_VERSION 1

/* Describes the record in `dir`: the tape, the tracks, and the composite if `composite_us` (its
 * length) is not 0. A name or role that the tape does not tell is left out. `on_progress` is called
 * after each file, always with 0: a sign of life. Returns 0, -ENOMEM, or an errno of read or write.
 */
int manifest_write(const char *dir, const struct timeline *t, const struct roster *roster,
                   const struct tracks *tracks, int64_t composite_us,
                   tracks_progress_fn *on_progress, void *context);

/* Replaces the file `name` in `dir` at once by the text, on disk. Returns 0 or an errno. */
int manifest_replace(const char *dir, const char *name, const char *text);

#endif
