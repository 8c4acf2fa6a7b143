/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seqpacket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"

/* Connections waiting to be accepted. Ours: three processes and their restarts. */
#define BACKLOG 16

/* The kernel's bound on descriptors in one message (SCM_MAX_FD): room for all, so that every one
 * of them reaches us and can be closed. */
#define PASSED_FDS_MAX 253

/* Room for ancillary data, aligned as the kernel's macros want it. */
union fd_space {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * PASSED_FDS_MAX)];
};

static int make_address(const char *path, struct sockaddr_un *ret_address)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, len);
    *ret_address = address;
    return 0;
}

static int make_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int close_with(int fd, int error)
{
    (void)close(fd); /* nothing was written; the error that brought us here is the news */
    return error;
}

/* 0 if nobody answers at `address` any more and what was left there is removed. */
static int remove_dead_socket(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EADDRINUSE;
    int fd = make_socket();
    if (fd < 0)
        return fd;
    int result = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    (void)close(fd);
    if (result != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_replacing(int fd, const struct sockaddr_un *address)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    int result = remove_dead_socket(address);
    if (result < 0)
        return result;
    return bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
}

int seqpacket_listen(const char *path)
{
    struct sockaddr_un address;
    int result = make_address(path, &address);
    if (result < 0)
        return result;
    int fd = make_socket();
    if (fd < 0)
        return fd;
    /* bind() makes the file with the socket's own mode less the umask: never wider than 0660. */
    if (fchmod(fd, 0660) < 0)
        return close_with(fd, -errno);
    result = bind_replacing(fd, &address);
    if (result < 0)
        return close_with(fd, result);
    if (chmod(address.sun_path, 0660) < 0 || listen(fd, BACKLOG) < 0) {
        result = -errno;
        (void)unlink(
            address.sun_path); /* ours; a dead socket left there would be replaced anyway */
        return close_with(fd, result);
    }
    return fd;
}

/* Whether the process that connected (or listens) runs as root, as us or as `peer_uid`. */
static int check_peer(int fd, uid_t peer_uid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return -errno;
    if (peer.uid == 0 || peer.uid == geteuid())
        return 0;
    return peer_uid != (uid_t)-1 && peer.uid == peer_uid ? 0 : -EPERM;
}

int seqpacket_accept(int listen_fd, uid_t peer_uid)
{
    int fd;
    do {
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;
    int result = check_peer(fd, peer_uid);
    return result < 0 ? close_with(fd, result) : fd;
}

int seqpacket_connect(const char *path, uid_t peer_uid)
{
    struct sockaddr_un address;
    int result = make_address(path, &address);
    if (result < 0)
        return result;
    int fd = make_socket();
    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return close_with(fd, -errno);
    result = check_peer(fd, peer_uid);
    return result < 0 ? close_with(fd, result) : fd;
}

int seqpacket_send(int socket_fd, const void *data, size_t len, int fd)
{
    if (len == 0)
        return -EINVAL; /* would read as the end of the connection */
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    union fdpass_space space = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    fdpass_attach(&message, &space, fd);
    ssize_t sent;
    do {
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

/* Takes the only descriptor out of a received message, or closes all of several. */
static int take_fd(struct msghdr *message)
{
    int taken = -1;
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
            if (count++ == 0)
                taken = fd;
            else
                (void)close(fd);
        }
    }
    if (count > 1) {
        (void)close(taken);
        taken = -1;
    }
    return taken;
}

ssize_t seqpacket_receive(int socket_fd, void *buffer, size_t capacity, int *ret_fd)
{
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    union fd_space space;
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = space.bytes,
        .msg_controllen = sizeof(space.bytes),
    };
    ssize_t len;
    do {
        len = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    if (len < 0) {
        if (errno != ECONNRESET)
            return -errno;
        *ret_fd = -1;
        return 0;
    }
    int fd = take_fd(&message);
    if (message.msg_flags & MSG_TRUNC) {
        if (fd >= 0)
            (void)close(fd);
        return -EMSGSIZE;
    }
    *ret_fd = fd;
    return len;
}
