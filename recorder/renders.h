/* The renderers: which sealed tapes wait for one, and the one child process that works, at low
 * priority. Killed, it is started again; its progress is read from a pipe, and one that gives no
 * sign of life for LIMIT_RENDER_STILL_S is ended.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_RENDERS_H
#define RECORDER_RENDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/control.h"

/* Records looked at in one step. Ours: each takes a slow disk some 30 ms, a ring holds 10 s. */
#define RENDERS_LOOKS 8

/* A renderer that was killed is started again so many times. Ours. */
#define RENDERS_TRIES 3

struct renders;

/* What each renderer is started with: `program` DIR, and the picture's size. Strings are borrowed
 * for the life of `renders`. */
struct renders_how {
    const char *program; /* NULL: no rendering at all */
    const char *records_dir;
    unsigned width, height; /* pixels */
};

/* One thread. Returns 0 or -ENOMEM. */
int renders_create(const struct renders_how *how, struct renders **ret_renders);

/* Kills the one that runs. Accepts NULL. */
void renders_destroy(struct renders *r);
DEFINE_CLEANUP(struct renders, renders_destroy)

/* Renders the sealed tape when its turn comes; harmless when it waits or runs already. Returns 0,
 * -ENOBUFS when too many wait, or -ENOTSUP without a program. */
int renders_add(struct renders *r, uint64_t hearing);

/* From now on renders_step() looks through the records for sealed tapes that were not rendered, a
 * few each call: there may be thousands, on a slow disk. Returns 0 or what opendir says. */
int renders_look(struct renders *r);

/* Starts the next if none runs; reads progress and takes ended children. Returns true and what is
 * to be told to signaling, again and again until false. */
bool renders_step(struct renders *r, uint64_t now_us, struct control_render_state *ret_state);

/* To wait on for reading (progress, or the end); -1 while none runs. */
int renders_fd(const struct renders *r);

/* What is known of a hearing: running (with progress), waiting, or, from its files, done or not. */
struct control_render_state renders_state(const struct renders *r, uint64_t hearing);

#endif
