/* A UNIX SOCK_SEQPACKET endpoint: whole messages, in order, with descriptors, between processes of
 * named users only. Non-blocking; the caller's loop waits on the descriptor.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SEQPACKET_H
#define COMMON_SEQPACKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Binds and listens at `path` (mode 0660), replacing a dead socket there. Returns the descriptor,
 * -EADDRINUSE when somebody still answers at it, -ENAMETOOLONG, or what bind and listen say. */
int seqpacket_listen(const char *path);

/* Accepts one connection; the peer must run as root, as our own user, or as `peer_uid` (pass
 * (uid_t)-1 for none). Returns the descriptor, -EAGAIN, or -EPERM after closing a stranger's. */
int seqpacket_accept(int listen_fd, uid_t peer_uid);

/* Connects and checks the other side's user likewise. Returns the descriptor or e.g. -ENOENT and
 * -ECONNREFUSED (nobody there yet), -EPERM. */
int seqpacket_connect(const char *path, uid_t peer_uid);

/* Sends one message, with a descriptor when `fd` is not -1 (the caller keeps its own). Returns 0,
 * -EAGAIN when the other side is slow, -EPIPE when it is gone, -EMSGSIZE. */
int seqpacket_send(int socket_fd, const void *data, size_t len, int fd);

/* Receives one message. Returns its length, 0 when the other side is gone, -EAGAIN, or -EMSGSIZE
 * for one longer than `capacity` (it is dropped). `*ret_fd` is a passed descriptor of the caller's
 * (close-on-exec), or -1; more than one are closed. */
ssize_t seqpacket_receive(int socket_fd, void *buffer, size_t capacity, int *ret_fd);

#endif
