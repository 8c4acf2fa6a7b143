/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "unit/check.h"

static int capture_fd = -1;
static int stderr_fd = -1;

/* What is logged from here goes into memory. */
static void capture(void)
{
    capture_fd = memfd_create("log", MFD_CLOEXEC);
    stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    CHECK(capture_fd >= 0 && stderr_fd >= 0);
    /* As journald and files of logs are; a memfd's own position is not safe between threads. */
    CHECK_EQ(fcntl(capture_fd, F_SETFL, O_APPEND), 0);
    CHECK_EQ(dup2(capture_fd, STDERR_FILENO), STDERR_FILENO);
}

static void captured(char *text, size_t capacity)
{
    CHECK(log_flush(10000));
    CHECK_EQ(dup2(stderr_fd, STDERR_FILENO), STDERR_FILENO);
    ssize_t len = pread(capture_fd, text, capacity - 1, 0);
    CHECK(len >= 0);
    text[len] = '\0';
    close(capture_fd);
    close(stderr_fd);
}

/* "2026-11-22T06:03:00.123456Z warn prog: text": time, level, program, text, one line each. */
static void line_for_people(void)
{
    char text[4096];
    unsetenv("JOURNAL_STREAM");
    log_start("prog", LOG_INFO);
    capture();
    errno = EXDEV;
    log_warn("peer %s: %d", "0011223344556677", 5);
    CHECK_EQ(errno, EXDEV);
    log_debug("not told");
    captured(text, sizeof(text));
    CHECK_EQ(strlen(text),
             strlen("2026-11-22T06:03:00.123456Z warn prog: peer 0011223344556677: 5\n"));
    CHECK_EQ(text[10], 'T');
    CHECK_EQ(text[26], 'Z');
    CHECK_EQ(strcmp(text + 27, " warn prog: peer 0011223344556677: 5\n"), 0);
}

static void line_for_journald(void)
{
    char text[4096];
    setenv("JOURNAL_STREAM", "8:1234", 1);
    log_start("prog", LOG_DEBUG);
    capture();
    log_error("disk");
    log_debug("detail");
    captured(text, sizeof(text));
    CHECK_EQ(strcmp(text, "<3>prog: disk\n<7>prog: detail\n"), 0);
}

/* A message can neither begin a second line nor move a terminal's cursor; what is not ASCII stays.
 */
static void control_characters(void)
{
    char text[4096];
    capture();
    log_info("a\nb\x1b[31mc\x7f\xe5\xba\xad%s", "\r\n");
    captured(text, sizeof(text));
    CHECK_EQ(strcmp(text, "<6>prog: a?b?[31mc?\xe5\xba\xad??\n"), 0);
}

static void long_message_is_cut(void)
{
    char text[8192];
    char message[6000];
    memset(message, 'x', sizeof(message));
    message[sizeof(message) - 1] = '\0';
    capture();
    log_info("%s", message);
    log_info("after");
    captured(text, sizeof(text));
    const char *end = strchr(text, '\n');
    CHECK(end && end - text > 1000 && end - text < 4096);
    CHECK_EQ(strcmp(end + 1, "<6>prog: after\n"), 0);
}

static void counter_is_told_once_a_second(void)
{
    char text[4096];
    struct log_counter counter = {.what = "datagrams dropped"};
    capture();
    log_counted(&counter, 5000000); /* none yet */
    counter.count = 3;
    log_counted(&counter, 5000000);
    counter.count = 10;
    log_counted(&counter, 5999999); /* too soon */
    log_counted(&counter, 6000000);
    log_counted(&counter, 9000000); /* nothing new */
    captured(text, sizeof(text));
    CHECK_EQ(strcmp(text, "<4>prog: 3 datagrams dropped (3 since start)\n"
                          "<4>prog: 7 datagrams dropped (10 since start)\n"),
             0);
}

static void *log_many(void *unused)
{
    for (int i = 0; i < 60; i++)
        log_info("%s %s", log_errno(-ENOENT), log_errno(EAGAIN) != NULL ? "same" : "");
    return unused;
}

/* Lines of several threads stay whole; so many fit into the queue at once. */
static void threads(void)
{
    static char text[200000];
    pthread_t thread[4];
    capture();
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, log_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    captured(text, sizeof(text));
    size_t lines = 0;
    for (char *line = text; *line; lines++) {
        char *end = strchr(line, '\n');
        CHECK(end != NULL);
        CHECK_EQ(strncmp(line, "<6>prog: ", 9), 0);
        CHECK_EQ(strncmp(end - 5, " same", 5), 0);
        line = end + 1;
    }
    CHECK_EQ(lines, 240);
}

/* A pipe as small as there are, full already, that nobody reads; returns its reading end. */
static int fill_stderr(size_t *ret_filled)
{
    int ends[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    static const char junk[512];
    *ret_filled = 0;
    while (write(ends[1], junk, sizeof(junk)) == (ssize_t)sizeof(junk))
        *ret_filled += sizeof(junk);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(fcntl(ends[1], F_SETFL, 0), 0); /* as programs get theirs: writing blocks */
    CHECK_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    CHECK_EQ(fcntl(ends[0], F_SETFL, 0), 0);
    return ends[0];
}

/* Reads on after the first `len` bytes until `what` has come. Returns how much there is in all. */
static size_t read_until(int fd, char *text, size_t len, size_t capacity, const char *what)
{
    for (;;) {
        ssize_t got = read(fd, text + len, capacity - 1 - len);
        CHECK(got > 0);
        len += (size_t)got;
        text[len] = '\0';
        const char *at = memmem(text, len, what, strlen(what));
        if (at && strchr(at, '\n'))
            return len;
    }
}

static void *log_into_full(void *unused)
{
    for (unsigned i = 0; i < LIMIT_LOG_LINES; i++)
        log_info("line");
    return unused;
}

/* LIMIT_LOG_LINES wait; the others are dropped and counted, and no thread stands still. When the
 * pipe is read again, what waited comes, and the count (after it, or within when the lines before
 * were written just now), then new lines as ever. */
static void full_pipe_makes_nobody_wait(void)
{
    enum { THREADS = 4 };
    static char text[LIMIT_LOG_LINES * 128 + 65536];
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    size_t filled;
    int fd = fill_stderr(&filled);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, log_into_full, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    uint64_t begun_us = clock_now_us();
    CHECK(!log_flush(20));
    CHECK(clock_now_us() - begun_us >= 20000);

    char told[80];
    snprintf(told, sizeof(told), "<4>prog: %d lines dropped", (THREADS - 1) * LIMIT_LOG_LINES);
    size_t len = read_until(fd, text, 0, sizeof(text), told);
    log_info("as ever");
    len = read_until(fd, text, len, sizeof(text), "<6>prog: as ever");
    size_t lines = 0;
    for (const char *at = text + filled; at < text + len; at = strchr(at, '\n') + 1)
        lines += strncmp(at, "<6>prog: line\n", 14) == 0;
    CHECK_EQ(lines, LIMIT_LOG_LINES);
    CHECK_EQ(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    close(fd);
}

/* A stderr that somebody else made O_NONBLOCK, and is full: what it does not take is counted. */
static void full_pipe_that_does_not_block(void)
{
    enum { LINES = 20 };
    static char text[65536];
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    size_t filled;
    int fd = fill_stderr(&filled);
    CHECK_EQ(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < LINES; i++)
        log_info("into nothing");
    CHECK(log_flush(10000));
    while (filled > 0) {
        ssize_t got = read(fd, text, filled);
        CHECK(got > 0);
        filled -= (size_t)got;
    }
    log_info("as ever"); /* the count may come before it or after */
    char told[80];
    snprintf(told, sizeof(told), "<4>prog: %d lines dropped", LINES);
    size_t len = read_until(fd, text, 0, sizeof(text), told);
    if (!memmem(text, len, "as ever", 7))
        (void)read_until(fd, text, len, sizeof(text), "<6>prog: as ever");
    CHECK_EQ(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    close(fd);
}

/* This program again, as `what`; returns its status. */
static int run_self(const char *what)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execl("/proc/self/exe", "test-log", what, (char *)NULL);
        _exit(127);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* As run_self() does: `full`, a program whose stderr nobody reads; `last`, one that ends at once.
 */
static int be(const char *what)
{
    size_t filled;
    unsigned lines = LIMIT_LOG_LINES;
    log_start("prog", LOG_INFO);
    CHECK_EQ(log_queue(), 0);
    if (strcmp(what, "full") == 0) {
        (void)fill_stderr(&filled);
        lines *= 2;
    }
    for (unsigned i = 0; i < lines; i++)
        log_info("%u", i);
    return 7;
}

/* A program with a full pipe ends all the same. One whose lines are taken loses none at its end. */
static void last_words(void)
{
    static char text[65536];
    CHECK_EQ(run_self("full"), 7);
    capture();
    CHECK_EQ(run_self("last"), 7);
    captured(text, sizeof(text));
    char *at = text;
    for (unsigned i = 0; i < LIMIT_LOG_LINES; i++) {
        char line[64];
        int len = snprintf(line, sizeof(line), "<6>prog: %u\n", i);
        CHECK_EQ(strncmp(at, line, (size_t)len), 0);
        at += len;
    }
    CHECK_EQ(*at, '\0');
}

/* A forked child has no such thread: it writes its lines itself. */
static void forked_child(void)
{
    char text[4096];
    capture();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        log_info("child");
        _exit(0); /* flushes nothing */
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    captured(text, sizeof(text));
    CHECK_EQ(strcmp(text, "<6>prog: child\n"), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return be(argv[1]);
    line_for_people();
    line_for_journald();
    control_characters();
    long_message_is_cut();
    counter_is_told_once_a_second();
    threads();
    CHECK_EQ(log_queue(), 0);
    control_characters();
    long_message_is_cut();
    counter_is_told_once_a_second();
    threads();
    full_pipe_makes_nobody_wait();
    full_pipe_that_does_not_block();
    last_words();
    forked_child();
    CHECK_EQ(strcmp(log_errno(-ENOENT), "No such file or directory"), 0);
    CHECK_EQ(strcmp(log_errno(ENOENT), "No such file or directory"), 0);
    return 0;
}
