/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor with real processes: this program is test, supervisor and child. A child reports
 * to the test over a socket of its own and does what its mode says. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/seqpacket.h"
#include "unit/check.h"

#define NOBODY  ((uid_t)-1)
#define WAIT_MS 20000 /* for an event; none is ever waited for that long */

static const char *self;
static char folder[] = "/tmp/assize-supervisor-XXXXXX";
static char path[64];
static int listen_fd;

/* ---- the child ---- */

static int report_fd;

static void report(const char *what, const char *detail)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "%s %d %s", what, (int)getpid(), detail);
    CHECK_EQ(seqpacket_send(report_fd, text, (size_t)len, -1), 0);
}

static int wait_for_signal(void)
{
    sigset_t set;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(sigwait(&set, &number), 0);
    return number;
}

static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

/* Leaves a memfd with its pid in it at the supervisor. */
static void store_memory(void)
{
    char text[32];
    int fd = memfd_create("kept", MFD_CLOEXEC);
    CHECK(fd >= 0);
    int len = snprintf(text, sizeof(text), "of %d", (int)getpid());
    CHECK_EQ(write(fd, text, (size_t)len), len);
    CHECK_EQ(notify_store_fd("memory", fd), 0);
    close(fd);
}

/* "3 memory=of 17": descriptors handed over, with names and contents. */
static void describe_handed(char text[200])
{
    struct notify_fd fds[8];
    size_t count = notify_take_fds(fds, 8);
    size_t at = (size_t)snprintf(text, 200, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        char content[32] = "";
        CHECK(pread(fds[i].fd, content, sizeof(content) - 1, 0) >= 0);
        at += (size_t)snprintf(text + at, 200 - at, " %s=%s", fds[i].name, content);
        close(fds[i].fd);
    }
}

static int run_child(const char *mode, const char *socket_path)
{
    char handed[200];
    block_signals();
    describe_handed(handed);
    report_fd = seqpacket_connect(socket_path, NOBODY);
    CHECK(report_fd >= 0);
    report("started", handed);
    if (strcmp(mode, "die") == 0)
        return 3;
    if (strcmp(mode, "store") == 0)
        store_memory();
    report("address", getenv("NOTIFY_SOCKET"));
    CHECK_EQ(notify_send("READY=1", -1), 0);
    while (wait_for_signal() != SIGTERM || strcmp(mode, "stubborn") == 0)
        report("signal", "");
    snprintf(handed, sizeof(handed), "%s %llu", mode, (unsigned long long)clock_now_us());
    report("ending", handed);
    return 0;
}

/* ---- the test ---- */

/* Starts a supervisor of children with these modes; `stop_us` for each to end. */
static pid_t supervise(const char *const *modes, size_t count, uint64_t stop_us)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    char *arguments[3][5];
    struct child_program programs[3];
    for (size_t i = 0; i < count; i++) {
        arguments[i][0] = (char *)(uintptr_t)self;
        arguments[i][1] = (char *)(uintptr_t) "child";
        arguments[i][2] = (char *)(uintptr_t)modes[i];
        arguments[i][3] = path;
        arguments[i][4] = NULL;
        programs[i] = (struct child_program){
            .name = modes[i], .path = self, .arguments = arguments[i], .stop_us = stop_us};
    }
    int result = supervisor_run(programs, count);
    _exit(result < 0 ? 99 : result);
}

static void wait_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK_EQ(poll(&wait, 1, WAIT_MS), 1);
}

/* One child's connection, as it comes in. */
static int next_child(void)
{
    wait_readable(listen_fd);
    int fd = seqpacket_accept(listen_fd, NOBODY);
    CHECK(fd >= 0);
    return fd;
}

/* Its next report: checks the word, returns the pid and the rest of the line. */
static pid_t next_report(int fd, const char *what, char detail[256])
{
    char text[256];
    char word[32];
    int passed;
    int pid = 0;
    int at = 0;
    wait_readable(fd);
    ssize_t len = seqpacket_receive(fd, text, sizeof(text) - 1, &passed);
    CHECK(len > 0);
    text[len] = '\0';
    CHECK(sscanf(text, "%31s %d %n", word, &pid, &at) >= 2);
    if (strcmp(word, what) != 0)
        fprintf(stderr, "got '%s', expected '%s'\n", text, what);
    CHECK_EQ(strcmp(word, what), 0);
    snprintf(detail, 256, "%s", text + at);
    return (pid_t)pid;
}

static void expect_gone(int fd)
{
    char text[256];
    int passed;
    wait_readable(fd);
    CHECK_EQ(seqpacket_receive(fd, text, sizeof(text), &passed), 0);
    close(fd);
}

static int end_of(pid_t pid)
{
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A child killed with SIGKILL is there again at once, with the memory it had stored, each time. */
static void killed_child_gets_its_memory_back(void)
{
    char detail[256];
    char wanted[64] = "0";
    pid_t supervisor = supervise((const char *const[]){"store"}, 1, 5000000);
    uint64_t slowest_us = 0;
    uint64_t killed_us = 0;
    for (int life = 0; life < 4; life++) {
        int fd = next_child();
        pid_t pid = next_report(fd, "started", detail);
        uint64_t took_us = clock_now_us() - killed_us;
        /* The first restarts come at once, later ones of a process this young after a while. */
        if ((life == 1) && took_us > slowest_us)
            slowest_us = took_us;
        CHECK_EQ(strcmp(detail, wanted), 0);
        (void)next_report(fd, "address", detail);
        snprintf(wanted, sizeof(wanted), "1 memory=of %d", (int)pid);
        if (life == 3) {
            CHECK_EQ(kill(supervisor, SIGTERM), 0);
            CHECK_EQ(next_report(fd, "ending", detail), pid);
            close(fd);
            break;
        }
        CHECK_EQ(kill(pid, SIGKILL), 0);
        killed_us = clock_now_us();
        close(fd);
    }
    printf("started again after %.1f ms\n", (double)slowest_us / 1000);
    CHECK(slowest_us < 2000000); /* 1 to 3 ms here; a busy machine is no failure */
    CHECK_EQ(end_of(supervisor), 0);
}

/* On SIGTERM each ends before the next is asked to; our own supervisor hears of begin and end. */
static void ends_in_order(void)
{
    char detail[256];
    char address[64];
    char variable[80];
    int notice_fd = notice_listen(address);
    CHECK(notice_fd >= 0);
    snprintf(variable, sizeof(variable), "%s", address);
    CHECK_EQ(setenv("NOTIFY_SOCKET", variable, 1), 0);
    pid_t supervisor = supervise((const char *const[]){"first", "second", "third"}, 3, 5000000);
    CHECK_EQ(unsetenv("NOTIFY_SOCKET"), 0);
    int fds[3];
    for (int i = 0; i < 3; i++) { /* in whatever order they come in */
        fds[i] = next_child();
        (void)next_report(fds[i], "started", detail);
        (void)next_report(fds[i], "address", detail);
        CHECK(strcmp(detail, address) != 0);
    }
    struct notice notice;
    wait_readable(notice_fd);
    CHECK_EQ(notice_receive(notice_fd, &notice), 1);
    CHECK(notice.ready);
    CHECK_EQ(notice.pid, supervisor);
    CHECK_EQ(kill(supervisor, SIGINT), 0);
    CHECK_EQ(kill(supervisor, SIGTERM), 0); /* a second one changes nothing */
    uint64_t ended_us[3] = {0};
    for (int i = 0; i < 3; i++) {
        char mode[32];
        unsigned long long at_us;
        (void)next_report(fds[i], "ending", detail);
        CHECK_EQ(sscanf(detail, "%31s %llu", mode, &at_us), 2);
        expect_gone(fds[i]);
        ended_us[mode[0] == 'f' ? 0 : mode[0] == 's' ? 1 : 2] = at_us;
    }
    CHECK_EQ(end_of(supervisor), 0);
    CHECK(ended_us[0] > 0 && ended_us[0] < ended_us[1] && ended_us[1] < ended_us[2]);
    close(notice_fd);
}

/* One that will not end is killed after its time, and that is no clean stop. */
static void stubborn_child_is_killed(void)
{
    char detail[256];
    pid_t supervisor = supervise((const char *const[]){"stubborn"}, 1, 50000);
    int fd = next_child();
    (void)next_report(fd, "started", detail);
    (void)next_report(fd, "address", detail);
    CHECK_EQ(kill(supervisor, SIGTERM), 0);
    (void)next_report(fd, "signal", detail);
    expect_gone(fd);
    CHECK_EQ(end_of(supervisor), 1);
}

/* Killed itself, it takes its children along. */
static void killed_supervisor_leaves_nobody(void)
{
    char detail[256];
    int status;
    pid_t supervisor = supervise((const char *const[]){"first", "second"}, 2, 5000000);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = next_child();
        (void)next_report(fds[i], "started", detail);
        (void)next_report(fds[i], "address", detail);
    }
    CHECK_EQ(kill(supervisor, SIGKILL), 0);
    CHECK_EQ(waitpid(supervisor, &status, 0), supervisor);
    expect_gone(fds[0]);
    expect_gone(fds[1]);
}

/* One that dies at once each time is started again and again, less and less often. */
static void dying_child_is_never_given_up(void)
{
    char detail[256];
    pid_t supervisor = supervise((const char *const[]){"die"}, 1, 5000000);
    uint64_t started_us[5];
    for (int i = 0; i < 5; i++) {
        int fd = next_child();
        (void)next_report(fd, "started", detail);
        started_us[i] = clock_now_us();
        expect_gone(fd);
    }
    /* 0, 100, 200 and 400 ms between them. */
    CHECK(started_us[4] - started_us[1] >= 690000);
    CHECK_EQ(kill(supervisor, SIGTERM), 0);
    CHECK_EQ(end_of(supervisor), 0);
}

/* Nobody but a child can leave descriptors or say that it is ready. */
static void stranger_is_not_heard(void)
{
    char detail[256];
    char wanted[64];
    pid_t supervisor = supervise((const char *const[]){"store"}, 1, 5000000);
    int fd = next_child();
    pid_t pid = next_report(fd, "started", detail);
    (void)next_report(fd, "address", detail);
    CHECK_EQ(setenv("NOTIFY_SOCKET", detail, 1), 0);
    CHECK_EQ(notify_store_fd("foreign", STDIN_FILENO), 0);
    CHECK_EQ(notify_remove_fd("memory"), 0);
    CHECK_EQ(unsetenv("NOTIFY_SOCKET"), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    close(fd);
    fd = next_child();
    (void)next_report(fd, "started", detail);
    snprintf(wanted, sizeof(wanted), "1 memory=of %d", (int)pid);
    CHECK_EQ(strcmp(detail, wanted), 0);
    (void)next_report(fd, "address", detail);
    CHECK_EQ(kill(supervisor, SIGTERM), 0);
    CHECK_EQ(end_of(supervisor), 0);
    close(fd);
}

static void back_off(void)
{
    const uint64_t wanted_ms[] = {0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (unsigned i = 0; i < sizeof(wanted_ms) / sizeof(wanted_ms[0]); i++)
        CHECK_EQ(child_back_off_us(i), wanted_ms[i] * 1000);
    CHECK_EQ(child_back_off_us(4000000000u), 5000000);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return run_child(argv[2], argv[3]);
    self = "/proc/self/exe";
    log_start("test", LOG_WARN);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/reports", folder);
    listen_fd = seqpacket_listen(path);
    CHECK(listen_fd >= 0);
    back_off();
    killed_child_gets_its_memory_back();
    ends_in_order();
    stubborn_child_is_killed();
    killed_supervisor_leaves_nobody();
    dying_child_is_never_given_up();
    stranger_is_not_heard();
    close(listen_fd);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(folder), 0);
    return 0;
}
