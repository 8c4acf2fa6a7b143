/* Sends a descriptor along with a message over a socket of this machine (unix(7), SCM_RIGHTS).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_FDPASS_H
#define COMMON_FDPASS_H

#include <sys/socket.h>

/* Room for one descriptor in a message's ancillary data, aligned as the system wants it. */
union fdpass_space {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Lets `message` carry `fd`, which stays the caller's, in `space`, which is zero and lives until it
 * is sent. Nothing for -1. */
void fdpass_attach(struct msghdr *message, union fdpass_space *space, int fd);

#endif
