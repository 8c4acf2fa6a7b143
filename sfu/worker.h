/* One thread of the media core: its sockets, its hearings with all they own, its timers. It shares
 * nothing with other threads but mailboxes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_WORKER_H
#define SFU_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/limits.h"
#include "sfu/address.h"
#include "sfu/letters.h"
#include "sfu/seal.h"

struct dtls_context;
struct worker;

/* Packets of one worker's pool, about 2 KiB each. Ours: 1 s of 40 video streams of 4 Mbit/s. */
#define WORKER_PACKETS 16384

struct worker_options {
    unsigned number;   /* 0 for the first */
    uint16_t port;     /* UDP; 0: any free one */
    bool tcp;          /* pages may come over TCP too, ... */
    uint16_t tcp_port; /* ... at this port; 0: that of UDP */
    size_t listen_count;
    struct address listen[LIMIT_ADDRESSES]; /* concrete addresses; their ports do not count */
    size_t public_count;                    /* 0: what is listened on is offered to pages */
    char public[LIMIT_ADDRESSES][CONTROL_ADDRESS_MAX];
    uint64_t boot_id;
    struct dtls_context *dtls; /* borrowed; shared by the workers */
    enum sealer_library sealing;
    size_t packets;    /* of the pool; WORKER_PACKETS */
    uint64_t capacity; /* packets a second it may forward; 0: no bound */
    bool pin;          /* the thread stays on one CPU, by its number */
    /* Where it tells what happens, and who takes the letters there. Borrowed; must outlive it. */
    struct mailbox *desk;
    void (*deliver)(struct letter *l, void *owner);
};

/* Opens the sockets and starts the thread. Returns 0, -ENOMEM, -EADDRINUSE and the like. */
int worker_create(const struct worker_options *options, struct worker **ret_worker);

/* Ends the thread, its hearings and its sockets. Accepts NULL. */
void worker_destroy(struct worker *worker);
DEFINE_CLEANUP(struct worker, worker_destroy)

/* A letter that the worker will carry out. NULL when memory is out. */
struct control_letter *worker_letter_create(const struct control_message *message);

/* Any thread. Takes the letter over on 0; on -ENOBUFS the caller still owns it. */
int worker_post(struct worker *worker, struct control_letter *letter);

/* Any thread: whether something it had to tell was lost since the last call. */
bool worker_take_lost(struct worker *worker);

/* What seals its media, for people. */
const char *worker_sealing(const struct worker *worker);

/* The CPU that worker `number` is pinned to: by turns, those this process may run on. Returns it or
 * a negative errno. */
int worker_cpu(unsigned number);

/* The UDP port it got. */
uint16_t worker_port(const struct worker *worker);
/* The TCP port, of its last address; 0: it has none. */
uint16_t worker_tcp_port(const struct worker *worker);

#endif
