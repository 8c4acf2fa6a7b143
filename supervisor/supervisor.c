/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/notify.h"

struct supervisor {
    int notice_fd;
    int signal_fd;
    char notify_address[64];
    bool told_ready;
    bool stopping;
    size_t count;
    struct child *children; /* in the order in which they are ended */
};

static void supervisor_destroy(struct supervisor *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->children && i < s->count; i++)
        child_finish(&s->children[i]);
    free(s->children);
    if (s->notice_fd >= 0)
        (void)close(s->notice_fd); /* nothing is written to them */
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    free(s);
}
DEFINE_CLEANUP(struct supervisor, supervisor_destroy)

static int open_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals); /* with valid arguments none of these can fail */
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP); /* the terminal is gone */
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int supervisor_create(const struct child_program *programs, size_t count,
                             struct supervisor **ret_supervisor)
{
    CLEANUP(supervisor_destroy) struct supervisor *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->notice_fd = -1;
    s->signal_fd = -1;
    s->children = calloc(count, sizeof(*s->children));
    if (!s->children)
        return -ENOMEM;
    s->count = count;
    for (size_t i = 0; i < count; i++)
        child_init(&s->children[i], &programs[i]);
    s->notice_fd = notice_listen(s->notify_address);
    if (s->notice_fd < 0)
        return s->notice_fd;
    s->signal_fd = open_signals();
    if (s->signal_fd < 0)
        return s->signal_fd;
    *ret_supervisor = STEAL(s);
    return 0;
}

static struct child *find_child(struct supervisor *s, pid_t pid)
{
    for (size_t i = 0; pid > 0 && i < s->count; i++) {
        if (s->children[i].pid == pid)
            return &s->children[i];
    }
    return NULL;
}

static void take_notices(struct supervisor *s)
{
    struct notice notice;
    int result;
    while ((result = notice_receive(s->notice_fd, &notice)) > 0) {
        struct child *child = find_child(s, notice.pid);
        if (child) {
            child_take_notice(child, &notice);
            continue;
        }
        log_warn("notice of pid %d, which is no child of ours, ignored", (int)notice.pid);
        for (size_t i = 0; i < notice.fd_count; i++)
            (void)close(notice.fds[i]); /* a stranger's */
    }
    if (result < 0)
        log_warn("notice socket: %s", log_errno(result));
}

static void take_ends(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        /* What it sent before it died is in the socket by now; it may hold descriptors to keep. */
        take_notices(s);
        struct child *child = find_child(s, pid);
        if (child)
            child_take_end(child, status, clock_now_us());
    }
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD && !s->stopping) {
            s->stopping = true;
            log_info("stopping, by signal %u", info.ssi_signo);
            (void)notify_send("STOPPING=1", -1); /* news for whoever listens, no more */
        }
    }
    take_ends(s); /* several SIGCHLD may come as one */
}

/* Ends the next one once the one before has ended; those that wait for a start are not started. */
static void stop_next(struct supervisor *s, uint64_t now_us)
{
    for (size_t i = 0; i < s->count; i++) {
        struct child *child = &s->children[i];
        if (child->state == CHILD_WAITING || child->state == CHILD_STARTING ||
            child->state == CHILD_READY)
            child_stop(child, now_us);
        if (child->state != CHILD_STOPPED)
            return;
    }
}

static bool are_all(const struct supervisor *s, enum child_state state)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->children[i].state != state)
            return false;
    }
    return true;
}

/* Does all that is due; returns for how long to wait, ms, or -1. */
static int tick(struct supervisor *s)
{
    uint64_t now_us = clock_now_us();
    uint64_t next_us = UINT64_MAX;
    if (s->stopping)
        stop_next(s, now_us);
    for (size_t i = s->count; i-- > 0;) {
        struct child *child = &s->children[i];
        if (s->stopping && child->state == CHILD_WAITING)
            continue;
        uint64_t due_us = child_tick(child, s->notify_address, now_us);
        next_us = due_us < next_us ? due_us : next_us;
    }
    if (!s->told_ready && are_all(s, CHILD_READY)) {
        s->told_ready = true;
        log_info("all are ready");
        int result = notify_send("READY=1", -1);
        if (result < 0)
            log_warn("our own supervisor cannot be told: %s", log_errno(result));
    }
    if (next_us == UINT64_MAX)
        return -1;
    return next_us <= now_us ? 0 : (int)((next_us - now_us + 999) / 1000);
}

int supervisor_run(const struct child_program *programs, size_t count)
{
    CLEANUP(supervisor_destroy) struct supervisor *s = NULL;
    int result = supervisor_create(programs, count, &s);
    if (result < 0)
        return result;
    for (;;) {
        int wait_ms = tick(s);
        if (s->stopping && are_all(s, CHILD_STOPPED))
            break;
        struct pollfd fds[] = {
            {.fd = s->notice_fd, .events = POLLIN},
            {.fd = s->signal_fd, .events = POLLIN},
        };
        if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
            log_warn("poll: %s", log_errno(errno));
        take_notices(s);
        take_signals(s);
    }
    for (size_t i = 0; i < count; i++) {
        if (s->children[i].was_killed)
            return 1;
    }
    return 0;
}
