/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

/* One line with its final newline, bytes; the rest of a longer one is cut off. Ours; under
 * PIPE_BUF, so that lines of several threads and processes on one pipe never mix. */
#define LINE_BYTES 2048

#define TELL_EVERY_US 1000000u

static const char *program_name = "assize";
static enum log_level least_level = LOG_INFO;
static bool to_journal;

void log_start(const char *program, enum log_level least)
{
    program_name = program;
    least_level = least;
    to_journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

/* Writes what stands before the message; returns its length, which always fits. */
static size_t write_prefix(char *line, enum log_level level)
{
    if (to_journal) {
        int len = snprintf(line, LINE_BYTES, "<%d>%.64s: ", (int)level, program_name);
        return len > 0 ? (size_t)len : 0;
    }
    uint64_t wall_us = clock_wall_us();
    time_t seconds = (time_t)(wall_us / 1000000u);
    struct tm utc = {0};
    (void)gmtime_r(&seconds, &utc); /* fails only for years that do not fit an int */
    int len = snprintf(line, LINE_BYTES,
                       "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ %s %.64s: ", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       (unsigned)(wall_us % 1000000u), level_name(level), program_name);
    return len > 0 ? (size_t)len : 0;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > least_level)
        return;
    int saved_errno = errno;
    char line[LINE_BYTES];
    size_t start = write_prefix(line, level);
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + start, sizeof(line) - start, format, arguments);
    va_end(arguments);
    size_t len = start + strlen(line + start);
    if (wanted < 0)
        len = start;
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    for (size_t i = start; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[len++] = '\n';
    ssize_t written;
    do {
        written = write(STDERR_FILENO, line, len);
    } while (written < 0 && errno == EINTR);
    /* Nowhere is left to say that the log cannot be written. */
    errno = saved_errno;
}

const char *log_errno(int error)
{
    static _Thread_local char text[128];
    return strerror_r(error < 0 ? -error : error, text, sizeof(text));
}

void log_counted(struct log_counter *counter, uint64_t now_us)
{
    if (counter->count == counter->told || now_us - counter->told_us < TELL_EVERY_US)
        return;
    log_warn("%" PRIu64 " %s (%" PRIu64 " since start)", counter->count - counter->told,
             counter->what, counter->count);
    counter->told = counter->count;
    counter->told_us = now_us;
}
