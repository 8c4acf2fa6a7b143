/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/notify.h"
#include "supervisor/fdstore.h"
#include "unit/check.h"

static void parses(void)
{
    const struct {
        const char *text;
        bool ready, store, remove;
        const char *name;
    } cases[] = {
        {"READY=1", true, false, false, "stored"},
        {"STATUS=up\nREADY=1\n", true, false, false, "stored"},
        {"FDSTORE=1\nFDNAME=ring-1", false, true, false, "ring-1"},
        {"FDNAME=ring_2.x\nFDSTORE=1\n", false, true, false, "ring_2.x"},
        {"FDSTOREREMOVE=1\nFDNAME=a", false, false, true, "a"},
        {"FDSTORE=1\nFDNAME=a:b", false, true, false, "stored"}, /* would split the list of names */
        {"FDSTORE=1\nFDNAME=", false, true, false, "stored"},
        {"READY=0", false, false, false, "stored"},
        {"READY=11", false, false, false, "stored"},
        {" READY=1", false, false, false, "stored"},
        {"\n\n\n", false, false, false, "stored"},
        {"", false, false, false, "stored"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct notice notice;
        notice_parse(cases[i].text, strlen(cases[i].text), &notice);
        CHECK_EQ(notice.ready, cases[i].ready);
        CHECK_EQ(notice.store, cases[i].store);
        CHECK_EQ(notice.remove, cases[i].remove);
        CHECK_EQ(strcmp(notice.name, cases[i].name), 0);
        CHECK_EQ(notice.fd_count, 0);
    }
    char text[128] = "FDNAME=";
    memset(text + 7, 'n', 64);
    struct notice notice;
    notice_parse(text, 7 + 63, &notice);
    CHECK_EQ(strlen(notice.name), 63);
    notice_parse(text, 7 + 64, &notice);
    CHECK_EQ(strcmp(notice.name, "stored"), 0);
}

/* What notify.c sends is what we receive, with the sender's pid from the kernel. */
static void receives(void)
{
    char address[64];
    struct notice notice;
    int fd = notice_listen(address);
    CHECK(fd >= 0);
    CHECK_EQ(notice_receive(fd, &notice), 0);
    CHECK_EQ(setenv("NOTIFY_SOCKET", address, 1), 0);
    CHECK_EQ(notify_send("READY=1", -1), 0);
    CHECK_EQ(notify_store_fd("ring-1", fd), 0);
    CHECK_EQ(notice_receive(fd, &notice), 1);
    CHECK(notice.ready);
    CHECK_EQ(notice.pid, getpid());
    CHECK_EQ(notice_receive(fd, &notice), 1);
    CHECK(notice.remove && !notice.store);
    CHECK_EQ(notice_receive(fd, &notice), 1);
    CHECK(notice.store && !notice.remove);
    CHECK_EQ(strcmp(notice.name, "ring-1"), 0);
    CHECK_EQ(notice.fd_count, 1);
    CHECK_EQ(fcntl(notice.fds[0], F_GETFD), FD_CLOEXEC);
    close(notice.fds[0]);
    CHECK_EQ(notice_receive(fd, &notice), 0);
    close(fd);
}

static int count_open(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Descriptors of one notice: as many as the bound says are ours, those beyond are closed. */
static void bounds(void)
{
    char address[64];
    int fd = notice_listen(address);
    CHECK(fd >= 0);
    int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path + 1, address + 1, strlen(address) - 1);
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address));
    CHECK(from >= 0 && connect(from, (const struct sockaddr *)&to, to_len) == 0);
    for (size_t count = LIMIT_NOTICE_FDS; count <= LIMIT_NOTICE_FDS + 1; count++) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int) * (LIMIT_NOTICE_FDS + 1))];
        } space = {.bytes = {0}};
        char text[] = "FDSTORE=1";
        struct iovec part = {.iov_base = text, .iov_len = strlen(text)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = space.bytes,
                                 .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        for (size_t i = 0; i < count; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &from, sizeof(int));
        CHECK_EQ(sendmsg(from, &message, 0), (ssize_t)strlen(text));
        struct notice notice;
        int before = count_open();
        CHECK_EQ(notice_receive(fd, &notice), 1);
        CHECK_EQ(notice.fd_count, LIMIT_NOTICE_FDS);
        for (size_t i = 0; i < notice.fd_count; i++)
            CHECK_EQ(close(notice.fds[i]), 0);
        CHECK_EQ(count_open(), before);
    }
    close(from);
    close(fd);
}

static int make_memory(void)
{
    int fd = memfd_create("stored", MFD_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* As many as the bound says, no more; removed by name. */
static void stores(void)
{
    static struct fdstore store;
    for (int i = 0; i < LIMIT_STORED_FDS; i++)
        CHECK_EQ(fdstore_add(&store, i % 2 ? "odd" : "even", make_memory()), 0);
    int one_more = make_memory();
    CHECK_EQ(fdstore_add(&store, "odd", one_more), -ENOBUFS);
    int removed = store.items[0].fd;
    fdstore_remove(&store, "even");
    CHECK_EQ(fcntl(removed, F_GETFD), -1);
    CHECK_EQ(store.count, LIMIT_STORED_FDS / 2);
    for (size_t i = 0; i < store.count; i++)
        CHECK_EQ(strcmp(store.items[i].name, "odd"), 0);
    fdstore_remove(&store, "none");
    CHECK_EQ(fdstore_add(&store, "odd", one_more), 0);
    fdstore_finish(&store);
    CHECK_EQ(fcntl(one_more, F_GETFD), -1);
    CHECK_EQ(store.count, 0);
}

int main(void)
{
    parses();
    receives();
    bounds();
    stores();
    return 0;
}
