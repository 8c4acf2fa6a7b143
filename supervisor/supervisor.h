/* Starts processes, keeps them running and their descriptors safe, and ends them in order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stddef.h>

#include "supervisor/child.h"

/* Runs the programs until SIGTERM, SIGINT or SIGHUP, then ends them one after another in the order
 * given; they are started in the opposite order, all at once. One that ends by itself is started
 * again, with the descriptors it had stored. Tells our own supervisor READY=1 when all are ready
 * for the first time, and STOPPING=1. The calling process has no thread but the log's beside and no
 * other children; these and SIGCHLD stay blocked in it. Returns 0 when all ended by themselves, 1
 * when one had to be killed, or a negative errno when it cannot begin (-ENOMEM, or of socket and
 * signalfd). */
int supervisor_run(const struct child_program *programs, size_t count);

#endif
