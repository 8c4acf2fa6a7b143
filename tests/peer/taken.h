/* What a process takes of a machine, as seen from outside, for tests that bound it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_TAKEN_H
#define TESTS_PEER_TAKEN_H

#include <stddef.h>
#include <sys/types.h>

/* Bytes of memory that are nobody else's (Anonymous in smaps_rollup), or 0 when the process is not
 * there. */
size_t taken_memory(pid_t pid);

/* Its open descriptors, or 0. */
size_t taken_descriptors(pid_t pid);

#endif
