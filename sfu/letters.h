/* Control messages as letters: how the control thread hands requests to the worker of a hearing and
 * how answers and events come back. Each letter has one owner, who frees it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_LETTERS_H
#define SFU_LETTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"
#include "sfu/mailbox.h"

/* One control message on its way between threads. */
struct control_letter {
    struct letter letter; /* first, so a letter is a control letter */
    unsigned worker;      /* who it comes from or goes to */
    /* Number of the connection to signaling it belongs to; an answer goes nowhere else. 0: events,
     * for whoever is connected. */
    uint32_t connection;
    int fd; /* travels with the message, the letter's to close; -1: none */
    struct control_message message;
};

/* Makes a letter with `deliver`, which takes it over. Returns NULL when memory is out. */
struct control_letter *control_letter_create(const struct control_message *message,
                                             void (*deliver)(struct letter *l, void *owner));

/* Closes its descriptor. Accepts NULL. */
void control_letter_destroy(struct control_letter *letter);
DEFINE_CLEANUP(struct control_letter, control_letter_destroy)

/* Where a worker puts what it has to tell. What cannot be told (mailbox full, no memory) sets
 * `lost`: the control thread then ends the connection, and signaling takes up from the state it is
 * told anew. The worker's thread only, but for `lost`. */
struct outbox {
    struct mailbox *to; /* borrowed */
    void (*deliver)(struct letter *l, void *owner);
    unsigned worker;
    uint32_t connection; /* of the request being answered; 0 otherwise */
    atomic_bool lost;
};

/* An event, or an answer (when `message->request` is not 0) to the request now being served. */
void outbox_tell(struct outbox *outbox, const struct control_message *message);

/* An answer given later: `connection` is what outbox->connection was when the request came. */
void outbox_answer(struct outbox *outbox, const struct control_message *message,
                   uint32_t connection);

/* The answer that refuses (or, with status 0, plainly grants) `request`: of the type that it is
 * answered by. Not for PEER_ADD and TRANSPORT_RESTART that succeed: their answers say more. */
struct control_message letters_answer(const struct control_message *request, int status);

#endif
