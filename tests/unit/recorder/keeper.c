/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/recorder/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/seqpacket.h"
#include "unit/check.h"

#define WAIT_MS 20000

void keeper_init(struct keeper *k)
{
    *k = (struct keeper){.kept_fd = -1, .control_fd = -1};
    snprintf(k->dir, sizeof(k->dir), "%s", "/tmp/assize-keeper-XXXXXX");
    CHECK(mkdtemp(k->dir));
    k->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(k->notify_fd >= 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", k->dir);
    CHECK_EQ(bind(k->notify_fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void keeper_finish(struct keeper *k)
{
    if (k->pid > 0)
        keeper_kill(k, SIGTERM);
    if (k->kept_fd >= 0)
        close(k->kept_fd);
    close(k->notify_fd);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execlp("rm", "rm", "-rf", k->dir, (char *)NULL);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void become_recorder(const struct keeper *k, const char *program, bool render)
{
    char value[128];
    snprintf(value, sizeof(value), "%s/notify", k->dir);
    setenv("NOTIFY_SOCKET", value, 1);
    snprintf(value, sizeof(value), "%s/run", k->dir);
    setenv("ASSIZE_RUN_DIR", value, 1);
    snprintf(value, sizeof(value), "%s/records", k->dir);
    setenv("ASSIZE_RECORDER_RECORDS_DIR", value, 1);
    setenv("ASSIZE_RECORDER_RENDER", render ? "on" : "off", 1);
    setenv("ASSIZE_RECORDER_VIDEO_WIDTH", "640", 1);
    setenv("ASSIZE_RECORDER_VIDEO_HEIGHT", "360", 1);
    if (k->kept_fd >= 0) {
        snprintf(value, sizeof(value), "%d", (int)getpid());
        setenv("LISTEN_PID", value, 1);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_FDNAMES", k->kept_name, 1);
        if (k->kept_fd == 3)
            (void)fcntl(3, F_SETFD, 0);
        else
            (void)dup2(k->kept_fd, 3);
    }
    execl(program, program, (char *)NULL);
    _exit(127);
}

/* Takes one notification. Returns whether it was READY=1. */
static bool take_notification(struct keeper *k)
{
    char text[256] = "";
    struct iovec part = {.iov_base = text, .iov_len = sizeof(text) - 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } space;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = space.bytes,
                             .msg_controllen = sizeof(space.bytes)};
    CHECK(recvmsg(k->notify_fd, &message, MSG_CMSG_CLOEXEC) > 0);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    const char *name = strstr(text, "FDNAME=");
    if (strstr(text, "FDSTOREREMOVE=1") && k->kept_fd >= 0) {
        CHECK_EQ(close(k->kept_fd), 0);
        k->kept_fd = -1;
    }
    if (header) {
        CHECK(name);
        memcpy(&k->kept_fd, CMSG_DATA(header), sizeof(int));
        snprintf(k->kept_name, sizeof(k->kept_name), "%s", name + strlen("FDNAME="));
    }
    return strstr(text, "READY=1") != NULL;
}

static void take_notifications(struct keeper *k, bool until_ready)
{
    struct pollfd wait = {.fd = k->notify_fd, .events = POLLIN};
    for (;;) {
        int ready = poll(&wait, 1, until_ready ? WAIT_MS : 0);
        if (!until_ready && ready == 0)
            return;
        CHECK_EQ(ready, 1);
        if (take_notification(k) && until_ready)
            return;
    }
}

void keeper_start(struct keeper *k, const char *program, bool render)
{
    take_notifications(k, false);
    k->pid = fork();
    CHECK(k->pid >= 0);
    if (k->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        become_recorder(k, program, render);
    }
    take_notifications(k, true);
}

void keeper_kill(struct keeper *k, int signal_number)
{
    if (k->control_fd >= 0)
        close(k->control_fd);
    k->control_fd = -1;
    CHECK_EQ(kill(k->pid, signal_number), 0);
    int status = 0;
    CHECK_EQ(waitpid(k->pid, &status, 0), k->pid);
    k->pid = 0;
    if (signal_number == SIGTERM)
        CHECK_EQ(status, 0);
    take_notifications(k, false);
}

void keeper_send(struct keeper *k, const struct control_message *message)
{
    uint8_t bytes[LIMIT_CONTROL_BYTES];
    size_t len = 0;
    CHECK_EQ(control_encode(message, bytes, sizeof(bytes), &len), 0);
    struct pollfd wait = {.fd = k->control_fd, .events = POLLOUT};
    CHECK_EQ(poll(&wait, 1, WAIT_MS), 1);
    CHECK_EQ(seqpacket_send(k->control_fd, bytes, len, -1), 0);
}

void keeper_connect(struct keeper *k)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/run/%s", k->dir, CONTROL_SOCKET_RECORDER);
    k->control_fd = seqpacket_connect(path, (uid_t)-1);
    CHECK(k->control_fd >= 0);
    const struct control_message hello = {
        .type = CONTROL_HELLO,
        .hello = {.version = CONTROL_VERSION, .boot_id = 1, .pid = (uint32_t)getpid()},
    };
    keeper_send(k, &hello);
    struct control_message answer;
    CHECK_EQ(keeper_wait(k, CONTROL_HELLO, &answer), -1);
    CHECK_EQ(answer.hello.version, CONTROL_VERSION);
}

int keeper_wait(struct keeper *k, enum control_type type, struct control_message *ret_message)
{
    struct pollfd wait = {.fd = k->control_fd, .events = POLLIN};
    for (;;) {
        CHECK_EQ(poll(&wait, 1, WAIT_MS), 1);
        static uint8_t bytes[LIMIT_CONTROL_BYTES];
        int fd = -1;
        ssize_t len = seqpacket_receive(k->control_fd, bytes, sizeof(bytes), &fd);
        CHECK(len > 0);
        CHECK_EQ(control_decode(bytes, (size_t)len, ret_message), 0);
        if (ret_message->type == CONTROL_TAPE_MARK)
            k->mark = ret_message->tape_mark;
        if (ret_message->type == CONTROL_RENDER_STATE)
            k->render = ret_message->render_state;
        if (ret_message->type == type)
            return fd;
        if (fd >= 0)
            close(fd);
    }
}
