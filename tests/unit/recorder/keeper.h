/* Runs the real assize-recorder as a supervisor would: keeps the descriptors it leaves, hands them
 * to its next incarnation, kills it; and talks to it as signaling does. For tests.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_KEEPER_H
#define TESTS_KEEPER_H

#include <sys/types.h>

#include "common/control.h"

struct keeper {
    char dir[64]; /* temporary; holds records/, run/ and the notification socket */
    int notify_fd;
    int kept_fd; /* the ring left with us, or -1 */
    char kept_name[64];
    pid_t pid;
    int control_fd;
    struct control_tape_mark mark; /* the last told */
    struct control_render_state render;
};

void keeper_init(struct keeper *k);
void keeper_finish(struct keeper *k); /* ends the recorder and removes the directory */

/* Starts `program` and waits until it says that it is ready. */
void keeper_start(struct keeper *k, const char *program, bool render);
void keeper_kill(struct keeper *k, int signal_number);
void keeper_connect(struct keeper *k);

/* Sends a request. */
void keeper_send(struct keeper *k, const struct control_message *message);

/* Waits for a message of `type` (keeping the last mark and render state); fails after 20 s. Returns
 * the descriptor that came with it, or -1. */
int keeper_wait(struct keeper *k, enum control_type type, struct control_message *ret_message);

#endif
