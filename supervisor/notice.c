/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/notice.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel's bound on descriptors in one message (SCM_MAX_FD). */
#define PASSED_FDS_MAX 253

static bool is_name(const char *text, size_t len)
{
    if (len == 0 || len >= NOTICE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static bool is_line(const char *line, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(line, wanted, len) == 0;
}

void notice_parse(const char *text, size_t len, struct notice *ret_notice)
{
    static const char fdname[] = "FDNAME=";
    const size_t prefix = sizeof(fdname) - 1;
    struct notice notice = {.name = "stored"};
    for (size_t start = 0; start < len;) {
        const char *line = text + start;
        const char *end = memchr(line, '\n', len - start);
        size_t line_len = end ? (size_t)(end - line) : len - start;
        if (is_line(line, line_len, "READY=1"))
            notice.ready = true;
        else if (is_line(line, line_len, "FDSTORE=1"))
            notice.store = true;
        else if (is_line(line, line_len, "FDSTOREREMOVE=1"))
            notice.remove = true;
        else if (line_len > prefix && memcmp(line, fdname, prefix) == 0 &&
                 is_name(line + prefix, line_len - prefix))
            (void)snprintf(notice.name, sizeof(notice.name), "%.*s", (int)(line_len - prefix),
                           line + prefix);
        start += line_len + 1;
    }
    *ret_notice = notice;
}

int notice_listen(char address[64])
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* unix(7): bound to nothing, the kernel gives it an abstract name. Anybody may send to it; who
     * did is told by the kernel, and only our children are listened to. */
    struct sockaddr_un bound = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(bound);
    const int on = 1;
    if (bind(fd, (const struct sockaddr *)&bound, sizeof(bound.sun_family)) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
        int result = -errno;
        (void)close(fd); /* nothing was received */
        return result;
    }
    int name_len = (int)(len - offsetof(struct sockaddr_un, sun_path)) - 1;
    (void)snprintf(address, 64, "@%.*s", name_len, bound.sun_path + 1); /* five hex digits */
    return fd;
}

/* Takes pid and descriptors out of a received message's ancillary data. */
static void take_ancillary(struct msghdr *message, struct notice *notice)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(c), sizeof(sender));
            notice->pid = sender.pid;
        } else if (c->cmsg_type == SCM_RIGHTS) {
            size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < count; i++) {
                int fd;
                memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
                if (notice->fd_count < LIMIT_NOTICE_FDS)
                    notice->fds[notice->fd_count++] = fd;
                else
                    (void)close(fd);
            }
        }
    }
}

int notice_receive(int socket_fd, struct notice *ret_notice)
{
    char text[LIMIT_NOTICE_BYTES];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * PASSED_FDS_MAX)];
    } space;
    struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
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
    if (len < 0)
        return errno == EAGAIN ? 0 : -errno;
    notice_parse(text, (size_t)len, ret_notice);
    take_ancillary(&message, ret_notice);
    return 1;
}
