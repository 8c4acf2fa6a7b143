/* A data directory for one test: made empty, taken away with everything in it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIGNALING_PLACE_H
#define TESTS_SIGNALING_PLACE_H

struct place {
    char path[64];
};

/* Aborts the test when there is no room for one. */
struct place place_make(void);
void place_remove(const struct place *place);

/* The path of `name` in it; a buffer per thread, valid until the next call. */
const char *place_file(const struct place *place, const char *name);

#endif
