/* The tape writer as a service: its control socket, the tapes it has open, and its renderers. What
 * it is told by signaling it does; what it does needs nobody connected.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_SERVICE_H
#define RECORDER_SERVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/notify.h"
#include "recorder/renders.h"
#include "recorder/tape.h"

/* The loop wakes at least this often while a tape is open. Ours: a fifth of a flush. */
#define SERVICE_STEP_MS 50

struct service;

struct service_how {
    const char *socket_path;
    uid_t peer_uid; /* besides root and our own; (uid_t)-1: none */
    struct renders_how renders;
};

/* Listens; takes up the tapes whose rings (named "ring-<hearing>") came from the supervisor, which
 * closes all of `fds`; and has sealed tapes rendered that are not. One thread. Returns 0, -ENOMEM,
 * or what listening and reading the records' directory say. */
int service_create(const struct service_how *how, struct notify_fd *fds, size_t fd_count,
                   struct service **ret_service);

/* What is not durable stays in the rings. Accepts NULL. */
void service_destroy(struct service *s);
DEFINE_CLEANUP(struct service, service_destroy)

/* Waits for something to do, at most SERVICE_STEP_MS while tapes are open, also for `stop_fd`, and
 * does it. Returns 1, 0 when `stop_fd` became readable, or an errno of poll. */
int service_step(struct service *s, int stop_fd);

/* Makes everything read so far durable: an orderly end. */
void service_flush(struct service *s, const struct tape_time *now);

#endif
