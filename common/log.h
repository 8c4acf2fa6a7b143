/* Levels and one line a message, to stderr in the form journald understands. Ids only: never keys,
 * tokens, ICE passwords, SDP, names, addresses of people or anything said.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_ERROR = 3, /* a person must act */
    LOG_WARN = 4,  /* we coped */
    LOG_INFO = 6,  /* a hearing changed */
    LOG_DEBUG = 7,
};

/* Once, before threads: `program` is borrowed. Lines are "time level program: message", or with
 * syslog's "<level>" in front and without time when stderr is journald (JOURNAL_STREAM is set). */
void log_start(const char *program, enum log_level least);

/* Once, after log_start(), by a program that serves others: from here on no line makes its thread
 * wait. stderr may be a pipe that nobody empties, a terminal that was stopped, a journald that
 * hangs: O_NONBLOCK would be everybody's who shares the open file, and poll(2) promises nothing
 * when others write to it too. So lines go through a queue of LIMIT_LOG_LINES without locks to a
 * thread that does nothing but write. One that finds it full, or a stderr that somebody else made
 * O_NONBLOCK full, is dropped and counted, and the count is a line as soon as one can be written. A
 * forked child writes its lines itself. At exit() the queue has 500 ms to be written. Returns 0 or
 * a negative errno. */
int log_queue(void);

/* Waits until all lines so far are written, for so long at most; returns whether they are. */
bool log_flush(unsigned within_ms);

/* Any thread. One write(2) a line, control characters in the result replaced by '?'. Not on the
 * way of a packet: count there, and tell with log_counted(). */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* The text of a negative (or positive) errno; a buffer per thread, valid until the next call. */
const char *log_errno(int error);

/* Something that happens per packet and is told at most once a second. One thread each. */
struct log_counter {
    const char *what; /* "datagrams from unknown addresses dropped" */
    uint64_t count;   /* since start */
    uint64_t told;    /* of these already in the log */
    uint64_t told_us; /* when */
};

/* Tells what came since the last time, if there is any and a second has passed. */
void log_counted(struct log_counter *counter, uint64_t now_us);

#endif
