/* A data directory for one test: made empty, taken away with everything in it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIGNALING_PLACE_H
#define TESTS_SIGNALING_PLACE_H

#include <stdint.h>

struct place {
    char path[64];
};

/* Aborts the test when there is no room for one. */
struct place place_make(void);
void place_remove(const struct place *place);

/* The path of `name` in it; a buffer per thread, valid until the next call. */
const char *place_file(const struct place *place, const char *name);

/* Runs `write_forever` in a process of its own, which writes a count to `tell_fd` (8 bytes) each
 * time something more is safe; kills it by SIGKILL after `reports` of them. Returns the last count.
 */
uint64_t place_kill_writer(const struct place *place,
                           void (*write_forever)(const struct place *place, int tell_fd),
                           unsigned reports);

#endif
