/* SPDX-License-Identifier: Apache-2.0 */
#include "common/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fdpass.h"

/* sd_listen_fds(3): descriptors handed over begin here. */
#define LISTEN_FDS_START 3

/* More than the supervisor ever keeps for one service; a larger number is nonsense. */
#define LISTEN_FDS_MAX 4096

/* Longest name of a descriptor, as notify.h promises. */
#define NAME_MAX_LEN 60

static int send_to(const struct sockaddr_un *address, socklen_t address_len, const char *state,
                   int fd)
{
    int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0)
        return -errno;
    struct iovec part = {.iov_base = (void *)(uintptr_t)state, .iov_len = strlen(state)};
    union fdpass_space space = {.bytes = {0}};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)address,
        .msg_namelen = address_len,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    fdpass_attach(&message, &space, fd);
    ssize_t sent;
    do {
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    int result = sent < 0 ? -errno : 0;
    (void)close(socket_fd);
    return result;
}

int notify_send(const char *state, int fd)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || path[0] == '\0')
        return 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, len);
    /* unix(7): a name in the abstract space begins with NUL, written '@' in the variable. */
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    return send_to(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len), state, fd);
}

static int send_named(const char *what, const char *name, int fd)
{
    char state[128];
    if (strlen(name) > NAME_MAX_LEN)
        return -ENAMETOOLONG;
    (void)snprintf(state, sizeof(state), "%s\nFDNAME=%s", what, name); /* fits by the check above */
    return notify_send(state, fd);
}

int notify_store_fd(const char *name, int fd)
{
    int result = notify_remove_fd(name);
    /* FDPOLL=0: keep it also when its other end hangs up. */
    return result < 0 ? result : send_named("FDSTORE=1\nFDPOLL=0", name, fd);
}

int notify_remove_fd(const char *name)
{
    return send_named("FDSTOREREMOVE=1", name, -1);
}

/* The number in the variable, or -1. */
static long number_in(const char *variable)
{
    const char *text = getenv(variable);
    if (!text || *text < '0' || *text > '9')
        return -1;
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno != 0 || *end != '\0' ? -1 : number;
}

/* Copies the next name of a list parted by ':' and steps over it. */
static void take_name(const char **names, char *name, size_t capacity)
{
    size_t len = strcspn(*names, ":");
    (void)snprintf(name, capacity, "%.*s", (int)(len < capacity ? len : capacity - 1), *names);
    *names += len;
    if (**names == ':')
        (*names)++;
}

size_t notify_take_fds(struct notify_fd *fds, size_t capacity)
{
    long count = number_in("LISTEN_FDS");
    size_t taken = 0;
    if (number_in("LISTEN_PID") == getpid() && count > 0 && count <= LISTEN_FDS_MAX) {
        const char *names = getenv("LISTEN_FDNAMES");
        if (!names)
            names = "";
        for (int fd = LISTEN_FDS_START; fd < LISTEN_FDS_START + (int)count; fd++) {
            struct notify_fd handed = {.fd = fd};
            take_name(&names, handed.name, sizeof(handed.name));
            if (taken == capacity)
                (void)close(fd);
            else if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
                fds[taken++] = handed;
        }
    }
    (void)unsetenv("LISTEN_PID"); /* cannot fail for these names */
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return taken;
}
