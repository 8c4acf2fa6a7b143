/* Tells the supervisor (systemd, or our own `assize`) that we are ready, and leaves descriptors
 * with it that must outlive us: the service notification protocol of sd_notify(3), without its
 * library. SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include <stddef.h>

/* Sends `state`, such as "READY=1", with `fd` unless it is -1. Returns 0, also when there is no
 * supervisor (NOTIFY_SOCKET unset), or a negative errno. */
int notify_send(const char *state, int fd);

/* Leaves a duplicate of `fd` under `name` (letters, digits, '-'; at most 60) with the supervisor,
 * to be handed to our next incarnation. Replaces one of the same name. */
int notify_store_fd(const char *name, int fd);
int notify_remove_fd(const char *name);

/* A descriptor handed to us at start (LISTEN_FDS, LISTEN_FDNAMES). */
struct notify_fd {
    int fd; /* the caller's from here; close-on-exec */
    char name[64];
};

/* Takes the descriptors over and unsets the variables. Returns how many, at most `capacity` (the
 * rest are closed). Once, at start. */
size_t notify_take_fds(struct notify_fd *fds, size_t capacity);

#endif
