/* What a supervised process tells us over NOTIFY_SOCKET: sd_notify(3)'s protocol as seen by the
 * supervisor, with the sender's pid as the kernel knows it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPERVISOR_NOTICE_H
#define SUPERVISOR_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/limits.h"

/* Characters with the final NUL. */
#define NOTICE_NAME_MAX 64

struct notice {
    pid_t pid; /* of the sender */
    bool ready;
    bool store;  /* keep `fds` under `name` */
    bool remove; /* forget those of `name` */
    char name[NOTICE_NAME_MAX];
    size_t fd_count;
    int fds[LIMIT_NOTICE_FDS]; /* the caller's, close-on-exec */
};

/* Reads the text of a message: lines NAME=VALUE; unknown ones are passed over. A FDNAME with other
 * characters than letters, digits, '-', '_' and '.' counts as none; without one the name is
 * "stored". Never fails; `ret_notice` has no descriptors. */
void notice_parse(const char *text, size_t len, struct notice *ret_notice);

/* Makes the socket and writes its address, "@..." of the abstract name space, as NOTIFY_SOCKET
 * wants it. Returns the descriptor (non-blocking, close-on-exec) or a negative errno. */
int notice_listen(char address[64]);

/* Receives one message. Returns 1, 0 when there is none, or a negative errno of recvmsg.
 * Descriptors beyond LIMIT_NOTICE_FDS are closed. */
int notice_receive(int socket_fd, struct notice *ret_notice);

#endif
