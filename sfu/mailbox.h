/* The one way threads talk: a bounded queue into a worker, drained in the worker's own loop.
 * Whatever is posted has a single owner; posting passes it on.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_MAILBOX_H
#define SFU_MAILBOX_H

#include <stddef.h>

#include "common/cleanup.h"

struct mailbox;

struct letter {
    struct letter *next;                            /* the mailbox's while queued */
    void (*deliver)(struct letter *l, void *owner); /* runs on the worker; takes `l` over */
    void (*discard)(struct letter *l);              /* runs instead if the mailbox goes first */
};

/* Makes a mailbox that holds at most `capacity` letters. Returns 0 or -ENOMEM, -EMFILE. */
int mailbox_create(size_t capacity, struct mailbox **ret_mailbox);

/* Discards what was not delivered. Accepts NULL and a half-built mailbox. */
void mailbox_destroy(struct mailbox *mailbox);
DEFINE_CLEANUP(struct mailbox, mailbox_destroy)

/* Any thread. Takes `letter` over on 0; on -ENOBUFS (full) the caller still owns it. */
int mailbox_post(struct mailbox *mailbox, struct letter *letter);

/* The descriptor that becomes readable when letters wait. Borrowed. */
int mailbox_fd(const struct mailbox *mailbox);

/* Worker thread only. Delivers the letters waiting now, oldest first, `most` of them at most; those
 * who post wait for a moment at most, however many there are. The descriptor stays readable while
 * others wait. Returns how many. */
size_t mailbox_drain(struct mailbox *mailbox, void *owner, size_t most);

#endif
