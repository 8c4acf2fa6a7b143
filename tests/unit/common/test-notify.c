/* SPDX-License-Identifier: Apache-2.0 */
#include "common/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

/* A supervisor's socket in the abstract name space; NOTIFY_SOCKET names it. */
static int supervise(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int len = snprintf(name, sizeof(name), "@assize-test-notify-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
             0);
    CHECK_EQ(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static int tell(void)
{
    int result = notify_send("READY=1", -1);
    if (result < 0)
        return result;
    return notify_store_fd("ring-1", STDIN_FILENO);
}

#ifndef TEST_FAULTS
/* The next message's text; returns its descriptor or -1. */
static int receive(int socket_fd, char text[256])
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } space;
    struct iovec part = {.iov_base = text, .iov_len = 255};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = space.bytes,
                             .msg_controllen = sizeof(space.bytes)};
    ssize_t len = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
    CHECK(len >= 0);
    text[len] = '\0';
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header)
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

static void told(void)
{
    char text[256];
    unsetenv("NOTIFY_SOCKET");
    CHECK_EQ(tell(), 0); /* nobody to tell is no error */
    int fd = supervise();
    CHECK_EQ(tell(), 0);
    CHECK_EQ(receive(fd, text), -1);
    CHECK_EQ(strcmp(text, "READY=1"), 0);
    CHECK_EQ(receive(fd, text), -1);
    CHECK_EQ(strcmp(text, "FDSTOREREMOVE=1\nFDNAME=ring-1"), 0);
    int stored = receive(fd, text);
    CHECK(stored >= 0);
    CHECK_EQ(strcmp(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=ring-1"), 0);
    close(stored);
    char name[70];
    memset(name, 'n', sizeof(name));
    name[61] = '\0';
    CHECK_EQ(notify_remove_fd(name), -ENAMETOOLONG);
    name[60] = '\0';
    CHECK_EQ(notify_remove_fd(name), 0);
    close(fd);
    CHECK_EQ(notify_send("READY=1", -1), -ECONNREFUSED);

    /* One with a path, as systemd's. */
    char path[] = "/tmp/assize-notify-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_EQ(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    CHECK_EQ(notify_send("STOPPING=1", -1), 0);
    CHECK_EQ(receive(fd, text), -1);
    CHECK_EQ(strcmp(text, "STOPPING=1"), 0);
    close(fd);
    unlink(address.sun_path);
    rmdir(path);
}

/* In a child with `count` descriptors from 3 on and the variables set: what it takes. */
static void take(const char *count, const char *pid, const char *names, size_t capacity,
                 size_t wanted, const char *second_name)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) {
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        return;
    }
    char own[16];
    snprintf(own, sizeof(own), "%d", (int)getpid());
    for (int i = 3; i < 6; i++)
        CHECK_EQ(dup2(memfd_create("handed", 0), i), i);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_PID", pid ? pid : own, 1);
    if (names)
        setenv("LISTEN_FDNAMES", names, 1);
    struct notify_fd fds[4];
    size_t got = notify_take_fds(fds, capacity);
    CHECK_EQ(got, wanted);
    CHECK(!getenv("LISTEN_FDS") && !getenv("LISTEN_PID") && !getenv("LISTEN_FDNAMES"));
    for (size_t i = 0; i < got; i++) {
        CHECK_EQ(fds[i].fd, 3 + (int)i);
        CHECK_EQ(fcntl(fds[i].fd, F_GETFD), FD_CLOEXEC);
    }
    if (got > 1)
        CHECK_EQ(strcmp(fds[1].name, second_name), 0);
    if (wanted > 0 && wanted < 3)
        CHECK_EQ(fcntl(5, F_GETFD), -1); /* the rest is closed */
    CHECK_EQ(notify_take_fds(fds, capacity), 0);
    _exit(0);
}

static void taken(void)
{
    take("3", NULL, "a:ring-2:c", 4, 3, "ring-2");
    take("3", NULL, "a:ring-2:c", 2, 2, "ring-2");
    take("3", NULL, "a", 4, 3, "");
    take("3", NULL, NULL, 4, 3, "");
    take("3", "1", "a:b:c", 4, 0, ""); /* meant for another */
    take("0", NULL, "", 4, 0, "");
    take("-3", NULL, "a:b:c", 4, 0, "");
    take("99999", NULL, "a:b:c", 4, 0, "");
    take("3x", NULL, "a:b:c", 4, 0, "");
    char names[200]; /* a name longer than its place is cut */
    memset(names, 'n', sizeof(names));
    memcpy(names, "a:", 2);
    names[150] = '\0';
    char cut[64];
    memset(cut, 'n', sizeof(cut));
    cut[63] = '\0';
    take("3", NULL, names, 4, 3, cut);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    int fd = supervise();
    int n = 0;
    bool happened = true;
    for (; happened; n++) {
        faults_fail_at(n);
        int result = tell();
        happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened ? result < 0 : result == 0);
        char text[256];
        while (recv(fd, text, sizeof(text), MSG_DONTWAIT) >= 0) {
        }
    }
    CHECK_EQ(n, 7); /* three messages of a socket and a sendmsg each, and once without a fault */
    close(fd);
#else
    told();
    taken();
#endif
    return 0;
}
