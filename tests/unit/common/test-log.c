/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
    for (int i = 0; i < 200; i++)
        log_info("%s %s", log_errno(-ENOENT), log_errno(EAGAIN) != NULL ? "same" : "");
    return unused;
}

/* Lines of several threads stay whole. */
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
    CHECK_EQ(lines, 800);
}

int main(void)
{
    line_for_people();
    line_for_journald();
    control_characters();
    long_message_is_cut();
    counter_is_told_once_a_second();
    threads();
    CHECK_EQ(strcmp(log_errno(-ENOENT), "No such file or directory"), 0);
    CHECK_EQ(strcmp(log_errno(ENOENT), "No such file or directory"), 0);
    return 0;
}
