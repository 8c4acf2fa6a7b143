/* The media core without main(), in threads of a test, and signaling's end of its control socket.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SFU_CORE_H
#define TESTS_UNIT_SFU_CORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"
#include "sfu/control.h"
#include "sfu/dtls.h"

enum { CORE_WORKERS = 2, CORE_PATIENCE_MS = 10000 };

/* The process without main(): two workers and the desk in threads of their own. */
struct core {
    char dir[32], path[64];
    struct dtls_context *dtls;
    struct mailbox *mailbox;
    struct worker *workers[CORE_WORKERS];
    struct control_desk *desk;
    int stop_fd;
    pthread_t thread;
};

/* Makes all of it, with that capacity of each worker (packets a second; 0: no bound, and workers
 * that are not pinned); nothing serves the socket yet. Returns 0 or what failed; core_free() frees
 * what there is either way. */
int core_make(struct core *c, uint64_t capacity);
void core_free(struct core *c);

/* The same, and serves; or ends the test. */
void core_start(struct core *c, uint64_t capacity);
void core_stop(struct core *c);

/* A connection to it, not greeted yet. */
int core_dial(const struct core *c);
/* `passed`: a descriptor to go with it, borrowed; -1: none. */
void core_put_raw(int fd, const void *data, size_t len, int passed);
void core_put(int fd, const struct control_message *m, int passed);
/* The next message, or false when the connection ended. */
bool core_get(int fd, struct control_message *ret_message);
/* The next one of that type. */
struct control_message core_wait_for(int fd, enum control_type type);

/* The answer to a request. */
struct control_message core_ask(int fd, struct control_message m);
struct control_message core_ask_with(int fd, struct control_message m, int passed);

extern const struct control_message core_hello;

/* Connected, greeted, and past what is told of the state; `*ret_peers`: how many peers there are.
 */
int core_greet(const struct core *c, unsigned *ret_peers);

/* Requests. */
struct control_message core_open_hearing(uint64_t hearing, bool recorded);
struct control_message core_add_as(uint64_t hearing, uint64_t peer, enum control_role role);
struct control_message core_add_peer(uint64_t hearing, uint64_t peer); /* as judge */

void core_close_hearing(int fd, uint64_t hearing);
/* Opens one that was accepted before; returns the answer's status. */
int core_open_again(int fd, uint64_t hearing);

#endif
