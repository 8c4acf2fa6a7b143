/* Waits on descriptors that are not the page's: sockets to our own processes, listeners, signals.
 * One epoll set, itself one descriptor that ws.c has in its loop.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_WATCH_H
#define SIGNALING_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct watch_set;
struct watch;

/* 0, -ENOMEM or what epoll_create1 says. */
int watch_set_create(struct watch_set **ret_set);
/* All watches must be gone. Accepts NULL. */
void watch_set_destroy(struct watch_set *set);
DEFINE_CLEANUP(struct watch_set, watch_set_destroy)

/* Readable when a watch is due. Borrowed. */
int watch_set_fd(const struct watch_set *set);

/* Serves what is due, at most one call for each watch, after waiting `timeout_ms` (0: not at all,
 * -1: until something is). Returns how many were served, or a negative errno. */
int watch_set_serve(struct watch_set *set, int timeout_ms);

/* Calls `due(context)` when `fd` (borrowed) is readable, in error or, while wanted, writable. The
 * callback may destroy this watch and any other. 0, -ENOMEM or what epoll_ctl says. */
int watch_create(struct watch_set *set, int fd, void (*due)(void *context), void *context,
                 struct watch **ret_watch);
/* Before the descriptor is closed. Accepts NULL. */
void watch_destroy(struct watch *watch);
DEFINE_CLEANUP(struct watch, watch_destroy)

void watch_want(struct watch *watch, bool readable, bool writable);

#endif
