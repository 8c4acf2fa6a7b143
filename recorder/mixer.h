/* Everybody's sound on the hearing's one clock: decodes each voice, puts it in its place to the
 * sample, conceals what was lost, and sums. The only file with libopus.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_MIXER_H
#define RECORDER_MIXER_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define MIXER_RATE 48000 /* samples a second, one channel */

struct mixer;

/* One thread. Returns 0 or -ENOMEM. */
int mixer_create(size_t voices, struct mixer **ret_mixer);

/* Accepts NULL. */
void mixer_destroy(struct mixer *m);
DEFINE_CLEANUP(struct mixer, mixer_destroy)

/* Adds an Opus packet of `voice` that is heard from `pts_us` on. Packets of one voice come in
 * order; the part that lies before what was taken already is left out. Returns 0 or -ENOMEM; what
 * is no Opus is passed over. */
int mixer_add(struct mixer *m, size_t voice, int64_t pts_us, const void *data, size_t len);

/* Takes the next `count` samples (at most MIXER_RATE / 2), from -1 to 1, kept from clipping. */
void mixer_take(struct mixer *m, float *samples, size_t count);

#endif
