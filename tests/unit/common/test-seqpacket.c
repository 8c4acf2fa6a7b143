/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seqpacket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define NOBODY ((uid_t)-1)

static char folder[] = "/tmp/assize-seqpacket-XXXXXX";
static char path[64];

static int count_open(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static int pair(int *ret_listen, int *ret_client, int *ret_server)
{
    *ret_listen = *ret_client = *ret_server = -1;
    int fd = seqpacket_listen(path);
    if (fd < 0)
        return fd;
    *ret_listen = fd;
    fd = seqpacket_connect(path, NOBODY);
    if (fd < 0)
        return fd;
    *ret_client = fd;
    fd = seqpacket_accept(*ret_listen, NOBODY);
    if (fd < 0)
        return fd;
    *ret_server = fd;
    return 0;
}

static void close_all(int a, int b, int c)
{
    if (a >= 0)
        close(a);
    if (b >= 0)
        close(b);
    if (c >= 0)
        close(c);
}

/* Whole messages with a descriptor, both ways. */
static int messages_and_descriptors(void)
{
    int listen_fd, client, server;
    int result = pair(&listen_fd, &client, &server);
    if (result < 0)
        goto out;
    char buffer[16];
    int fd = 7;
    ssize_t len = seqpacket_receive(server, buffer, sizeof(buffer), &fd);
    if (len != -EAGAIN) {
        result = (int)len;
        goto out;
    }
    int memory = memfd_create("passed", MFD_CLOEXEC);
    if (memory < 0) {
        result = -errno;
        goto out;
    }
    if (write(memory, "kept", 4) != 4)
        result = -errno;
    if (result == 0)
        result = seqpacket_send(client, "first", 5, memory);
    close(memory);
    if (result == 0)
        result = seqpacket_send(client, "second", 6, -1);
    if (result < 0)
        goto out;
    len = seqpacket_receive(server, buffer, sizeof(buffer), &fd);
    if (len < 0) {
        result = (int)len;
        goto out;
    }
    CHECK_EQ(len, 5);
    CHECK_EQ(memcmp(buffer, "first", 5), 0);
    CHECK(fd >= 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 4);
    close(fd);
    len = seqpacket_receive(server, buffer, sizeof(buffer), &fd);
    if (len < 0) {
        result = (int)len;
        goto out;
    }
    CHECK_EQ(len, 6);
    CHECK_EQ(fd, -1);
out:
    close_all(listen_fd, client, server);
    unlink(path);
    return result;
}

#ifndef TEST_FAULTS
/* A message too long for the buffer is dropped with its descriptor, and the next one is whole. */
static void too_long_is_dropped(void)
{
    int listen_fd, client, server;
    CHECK_EQ(pair(&listen_fd, &client, &server), 0);
    int before = count_open();
    CHECK_EQ(seqpacket_send(client, "0123456789", 10, client), 0);
    CHECK_EQ(seqpacket_send(client, "abc", 3, -1), 0);
    char buffer[4];
    int fd = 7;
    CHECK_EQ(seqpacket_receive(server, buffer, sizeof(buffer), &fd), -EMSGSIZE);
    CHECK_EQ(count_open(), before);
    CHECK_EQ(seqpacket_receive(server, buffer, sizeof(buffer), &fd), 3);
    CHECK_EQ(fd, -1);
    close_all(listen_fd, client, server);
    unlink(path);
}

/* Of several descriptors none is kept, none leaks. */
static void several_descriptors_are_closed(void)
{
    int listen_fd, client, server;
    CHECK_EQ(pair(&listen_fd, &client, &server), 0);
    int before = count_open();
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * 3)];
    } space = {.bytes = {0}};
    struct iovec part = {.iov_base = (char[]){'x'}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = space.bytes,
                             .msg_controllen = sizeof(space.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * 3);
    memcpy(CMSG_DATA(header), (int[]){client, client, server}, sizeof(int) * 3);
    CHECK_EQ(sendmsg(client, &message, 0), 1);
    char buffer[4];
    int fd = 7;
    CHECK_EQ(seqpacket_receive(server, buffer, sizeof(buffer), &fd), 1);
    CHECK_EQ(fd, -1);
    CHECK_EQ(count_open(), before);
    close_all(listen_fd, client, server);
    unlink(path);
}

static void other_side_gone(void)
{
    int listen_fd, client, server;
    char buffer[4];
    int fd = 7;
    CHECK_EQ(pair(&listen_fd, &client, &server), 0);
    CHECK_EQ(seqpacket_send(server, "", 0, -1), -EINVAL); /* would read as gone */
    CHECK_EQ(seqpacket_send(server, "x", 1, -1), 0);
    close(client);
    CHECK_EQ(seqpacket_send(server, "x", 1, -1), -EPIPE); /* and no SIGPIPE */
    CHECK_EQ(seqpacket_receive(server, buffer, sizeof(buffer), &fd), 0);
    CHECK_EQ(fd, -1);
    close_all(listen_fd, -1, server);

    /* Gone with a message of ours unread: the kernel says reset, we say gone. */
    unlink(path);
    CHECK_EQ(pair(&listen_fd, &client, &server), 0);
    CHECK_EQ(seqpacket_send(server, "x", 1, -1), 0);
    close(client);
    CHECK_EQ(seqpacket_receive(server, buffer, sizeof(buffer), &fd), 0);
    close_all(listen_fd, -1, server);
    unlink(path);
}

/* A reader that does not read makes the sender wait, not lose or block. */
static void slow_reader(void)
{
    int listen_fd, client, server;
    static char big[8192];
    CHECK_EQ(pair(&listen_fd, &client, &server), 0);
    int sent = 0;
    int result;
    while ((result = seqpacket_send(client, big, sizeof(big), -1)) == 0)
        sent++;
    CHECK_EQ(result, -EAGAIN);
    int got = 0;
    int fd;
    while (seqpacket_receive(server, big, sizeof(big), &fd) == (ssize_t)sizeof(big))
        got++;
    CHECK_EQ(got, sent);
    close_all(listen_fd, client, server);
    unlink(path);
}

static void addresses(void)
{
    char long_path[200];
    memset(long_path, 'x', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    CHECK_EQ(seqpacket_listen(long_path), -ENAMETOOLONG);
    CHECK_EQ(seqpacket_connect(long_path, NOBODY), -ENAMETOOLONG);
    CHECK_EQ(seqpacket_connect(path, NOBODY), -ENOENT);

    umask(077);
    int first = seqpacket_listen(path);
    CHECK(first >= 0);
    struct stat status;
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_mode & 07777, 0660);
    CHECK_EQ(seqpacket_listen(path), -EADDRINUSE);
    close(first);
    CHECK_EQ(seqpacket_connect(path, NOBODY), -ECONNREFUSED);
    int second = seqpacket_listen(path); /* the dead one is replaced */
    CHECK(second >= 0);
    close(second);
    unlink(path);

    /* What is no socket is nobody's to remove. */
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    close(file);
    CHECK_EQ(seqpacket_listen(path), -EADDRINUSE);
    CHECK_EQ(access(path, F_OK), 0);
    unlink(path);
}

/* In a child of another user; returns its exit status. */
static int connect_as(uid_t uid)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(99);
        int fd = seqpacket_connect(path, NOBODY);
        _exit(fd >= 0 ? 0 : -fd);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Only root, our own user and the named one get in. Needs root to play other users. */
static void strangers(void)
{
    if (geteuid() != 0)
        return;
    int listen_fd = seqpacket_listen(path);
    CHECK(listen_fd >= 0);
    CHECK_EQ(chmod(folder, 0755), 0);
    CHECK_EQ(chmod(path, 0666), 0); /* past the file's mode, to meet the check behind it */
    CHECK_EQ(connect_as(4242), 0);
    CHECK_EQ(seqpacket_accept(listen_fd, NOBODY), -EPERM);
    CHECK_EQ(connect_as(4242), 0);
    CHECK_EQ(seqpacket_accept(listen_fd, 4243), -EPERM);
    CHECK_EQ(connect_as(4242), 0);
    int fd = seqpacket_accept(listen_fd, 4242);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(seqpacket_accept(listen_fd, NOBODY), -EAGAIN);
    close(listen_fd);
    unlink(path);
}
#endif

int main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/socket", folder);
#ifdef TEST_FAULTS
    int before = count_open();
    int n = 0;
    bool happened = true;
    for (; happened; n++) {
        faults_fail_at(n);
        int result = messages_and_descriptors();
        happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened ? result < 0 : result == 0);
        CHECK_EQ(count_open(), before);
    }
    CHECK(n > 15);
#else
    CHECK_EQ(messages_and_descriptors(), 0);
    too_long_is_dropped();
    several_descriptors_are_closed();
    other_side_gone();
    slow_reader();
    addresses();
    strangers();
#endif
    CHECK_EQ(rmdir(folder), 0);
    return 0;
}
