/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

/* A process that was ready and lived this long was of use: the next is started at once. Ours. */
#define OF_USE_US 1000000u

/* Ours: the second failure in a row waits this long, each further one twice the one before. */
#define BACK_OFF_FIRST_US 100000u
#define BACK_OFF_MOST_US  5000000u

/* Exit status of a child that could not run its program, as shells have it. */
#define EXIT_CANNOT_RUN 127

uint64_t child_back_off_us(unsigned failures)
{
    if (failures < 2)
        return 0;
    if (failures - 2 >= 10)
        return BACK_OFF_MOST_US;
    uint64_t wait_us = (uint64_t)BACK_OFF_FIRST_US << (failures - 2);
    return wait_us < BACK_OFF_MOST_US ? wait_us : BACK_OFF_MOST_US;
}

void child_init(struct child *child, const struct child_program *program)
{
    *child = (struct child){.program = *program, .state = CHILD_WAITING};
}

void child_finish(struct child *child)
{
    fdstore_finish(&child->store);
}

/* In the new process: becomes the program, or ends. */
static _Noreturn void become(const struct child *child, const char *notify_address, pid_t parent)
{
    /* A session of its own: Ctrl-C reaches us alone, and we end all in the right order. */
    (void)setsid(); /* fails only for a group leader, which a fresh child is not */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* valid arguments: cannot fail */
    int result = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0;
    if (getppid() != parent)
        _exit(EXIT_CANNOT_RUN); /* it died before we asked to be told */
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd >= 0)
        (void)dup2(null_fd, STDIN_FILENO); /* a terminal left as input does no harm */
    if (result == 0 && setenv("NOTIFY_SOCKET", notify_address, 1) < 0)
        result = -errno;
    if (result == 0)
        result = fdstore_hand_over(&child->store);
    if (result == 0) {
        (void)execv(child->program.path, child->program.arguments);
        result = -errno;
    }
    log_error("%s: cannot run %s: %s", child->program.name, child->program.path, log_errno(result));
    _exit(EXIT_CANNOT_RUN);
}

static void wait_for_next(struct child *child, uint64_t now_us)
{
    uint64_t wait_us = child_back_off_us(++child->failures);
    child->state = CHILD_WAITING;
    child->due_us = now_us + wait_us;
    if (wait_us > 0)
        log_warn("%s: failed %u times in a row, starting it again in %" PRIu64 " ms",
                 child->program.name, child->failures, wait_us / 1000);
}

void child_start(struct child *child, const char *notify_address, uint64_t now_us)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(child, notify_address, parent);
    child->started_us = now_us;
    if (pid < 0) {
        log_error("%s: cannot be started, trying again: %s", child->program.name, log_errno(errno));
        wait_for_next(child, now_us);
        return;
    }
    child->pid = pid;
    child->state = CHILD_STARTING;
    log_info("%s: started, pid %d, with %zu stored descriptors", child->program.name, (int)pid,
             child->store.count);
}

void child_take_notice(struct child *child, struct notice *notice)
{
    if (notice->ready && child->state == CHILD_STARTING) {
        child->state = CHILD_READY;
        log_info("%s: ready", child->program.name);
    }
    if (notice->remove)
        fdstore_remove(&child->store, notice->name);
    for (size_t i = 0; i < notice->fd_count; i++) {
        int result = -EINVAL;
        if (notice->store)
            result = fdstore_add(&child->store, notice->name, notice->fds[i]);
        if (result < 0) {
            log_warn("%s: a descriptor is not kept: %s", child->program.name, log_errno(result));
            (void)close(notice->fds[i]); /* a reference */
        }
    }
    notice->fd_count = 0;
}

static void log_end(const struct child *child, int status)
{
    enum log_level level = child->state >= CHILD_STOPPING && status == 0 ? LOG_INFO : LOG_WARN;
    if (WIFSIGNALED(status))
        log_line(level, "%s: pid %d ended by signal %d (%s)", child->program.name, (int)child->pid,
                 WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
    else
        log_line(level, "%s: pid %d ended with status %d", child->program.name, (int)child->pid,
                 WEXITSTATUS(status));
}

void child_take_end(struct child *child, int status, uint64_t now_us)
{
    log_end(child, status);
    child->pid = 0;
    if (child->state >= CHILD_STOPPING) {
        child->state = CHILD_STOPPED;
        return;
    }
    if (child->state == CHILD_READY && now_us - child->started_us >= OF_USE_US)
        child->failures = 0;
    wait_for_next(child, now_us);
}

void child_stop(struct child *child, uint64_t now_us)
{
    if (child->pid == 0) {
        child->state = CHILD_STOPPED;
        return;
    }
    child->state = CHILD_STOPPING;
    child->due_us = now_us + child->program.stop_us;
    (void)kill(child->pid, SIGTERM); /* ours and not reaped yet: cannot fail */
}

uint64_t child_tick(struct child *child, const char *notify_address, uint64_t now_us)
{
    if (child->state == CHILD_WAITING && now_us >= child->due_us)
        child_start(child, notify_address, now_us);
    if (child->state == CHILD_STOPPING && now_us >= child->due_us) {
        log_warn("%s: did not end within %" PRIu64 " ms, killing it", child->program.name,
                 child->program.stop_us / 1000);
        child->was_killed = true;
        child->state = CHILD_KILLED;
        (void)kill(child->pid, SIGKILL); /* as above */
    }
    return child->state == CHILD_WAITING || child->state == CHILD_STOPPING ? child->due_us
                                                                           : UINT64_MAX;
}
