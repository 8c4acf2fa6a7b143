/* The media core's side of the control socket: turns each request of signaling into a letter for
 * the worker that owns the hearing, and letters of workers into answers and events. Without
 * signaling everything goes on as it is.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_CONTROL_H
#define SFU_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "sfu/mailbox.h"
#include "sfu/worker.h"

struct control_desk;

struct control_desk_options {
    const char *path;        /* of the socket; borrowed while the desk lives */
    uid_t peer_uid;          /* who may connect besides root and ourselves; (uid_t)-1: nobody */
    uint64_t boot_id;        /* random, new at every start of the process */
    struct mailbox *mailbox; /* the workers post to it; borrowed */
    struct worker *const *workers; /* running; borrowed, also the array */
    size_t worker_count;           /* at least 1 */
    uint64_t capacity;             /* of each worker, as its options */
};

/* Listens on the socket. Returns 0, -ENOMEM or what seqpacket_listen() says. */
int control_desk_create(const struct control_desk_options *options, struct control_desk **ret_desk);

/* Ends the connection and removes the socket. Accepts NULL. */
void control_desk_destroy(struct control_desk *desk);
DEFINE_CLEANUP(struct control_desk, control_desk_destroy)

/* Serves until `stop_fd` is readable. Returns 0, or a negative errno when the loop itself fails. */
int control_desk_run(struct control_desk *desk, int stop_fd);

/* For letters to the desk: the workers' outboxes deliver with it, `owner` is the desk. */
void control_desk_deliver(struct letter *l, void *owner);

#endif
