/* Listening sockets, and how many connections everybody and each address may have open.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_LISTENER_H
#define SIGNALING_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "signaling/watch.h"

struct listeners;

/* The address of at least one open connection; IPv6 by /64, as one subscriber has that many. */
struct listener_guest;

struct listener_limits {
    unsigned connections, per_address;
};

/* `accepted` takes `fd` over, and gives `guest` back with listener_release() once it is closed.
 * `tag` is that of listeners_add(). */
int listeners_create(struct watch_set *set, const struct listener_limits *limits,
                     void (*accepted)(void *context, int fd, struct listener_guest *guest, int tag),
                     void *context, struct listeners **ret_listeners);
/* Guests still out stay valid until released. Accepts NULL. */
void listeners_destroy(struct listeners *listeners);

/* `address` is numeric, "0.0.0.0" and "::" are everywhere. 0, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES,
 * -EINVAL for no address, or what the system says. */
int listeners_add(struct listeners *listeners, const char *address, uint16_t port, int tag);

/* Takes no more connections. */
void listeners_stop(struct listeners *listeners);

/* Takes up accepting after the process was out of descriptors; call it now and then. */
void listeners_tick(struct listeners *listeners);

void listener_release(struct listener_guest *guest);

/* Connections refused by a limit, and open now. */
uint64_t listeners_refused(const struct listeners *listeners);
unsigned listeners_open(const struct listeners *listeners);

#endif
