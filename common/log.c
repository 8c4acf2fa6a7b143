/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"

/* One line with its final newline, bytes; the rest of a longer one is cut off. Ours; under
 * PIPE_BUF, so that lines of several threads and processes on one pipe never mix. */
#define LINE_BYTES 2048

#define TELL_EVERY_US 1000000u

/* How long the end of the process waits for lines that nobody takes. Ours. */
#define END_MS 2000u

/* A bounded queue, many writers and one reader: a place is free for the line of number `turn`, and
 * full when `turn` is one more. No lock, so that a thread that stands still in the middle of a line
 * holds nobody up but the thread that writes them out. */
struct place {
    atomic_size_t turn;
    size_t len;
    char text[LINE_BYTES];
};

static struct {
    atomic_bool running;
    struct place places[LIMIT_LOG_LINES];
    atomic_size_t next; /* line to be put in */
    sem_t filled;       /* one for each line put in */
    atomic_uint_fast64_t lost;
    pthread_mutex_t lock; /* of `written`; no thread that logs takes it */
    pthread_cond_t progress;
    size_t written; /* lines taken out */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .progress = PTHREAD_COND_INITIALIZER};

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

/* Makes the whole line; returns its length. */
static size_t format_line(char line[LINE_BYTES], enum log_level level, const char *format,
                          va_list arguments) __attribute__((format(printf, 3, 0)));
static size_t format_line(char line[LINE_BYTES], enum log_level level, const char *format,
                          va_list arguments)
{
    size_t start = write_prefix(line, level);
    int wanted = vsnprintf(line + start, LINE_BYTES - start, format, arguments);
    size_t len = wanted < 0 ? start : start + strlen(line + start);
    if (len > LINE_BYTES - 2)
        len = LINE_BYTES - 2;
    for (size_t i = start; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[len++] = '\n';
    return len;
}

static size_t format_one(char line[LINE_BYTES], enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static size_t format_one(char line[LINE_BYTES], enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t len = format_line(line, level, format, arguments);
    va_end(arguments);
    return len;
}

/* May block. Returns false when stderr is somebody's O_NONBLOCK and full. */
static bool write_out(const char *line, size_t len)
{
    ssize_t written;
    do {
        written = write(STDERR_FILENO, line, len);
    } while (written < 0 && errno == EINTR);
    /* Of other errors nowhere is left to say that the log cannot be written. */
    return written >= 0 || errno != EAGAIN;
}

/* Never blocks. NULL: the queue is full. */
static struct place *take_place(size_t *ret_turn)
{
    size_t turn = atomic_load_explicit(&queue.next, memory_order_relaxed);
    for (;;) {
        struct place *p = &queue.places[turn % LIMIT_LOG_LINES];
        size_t at = atomic_load_explicit(&p->turn, memory_order_acquire);
        if (at == turn) {
            if (atomic_compare_exchange_weak(&queue.next, &turn, turn + 1)) {
                *ret_turn = turn;
                return p;
            }
        } else if ((ptrdiff_t)(at - turn) < 0) {
            return NULL; /* it still holds the line of one round ago */
        } else {
            turn = atomic_load_explicit(&queue.next, memory_order_relaxed);
        }
    }
}

static void tell_lost(void)
{
    uint64_t lost = atomic_exchange(&queue.lost, 0);
    if (lost == 0)
        return;
    char line[LINE_BYTES];
    if (!write_out(line, format_one(line, LOG_WARN,
                                    "%" PRIu64 " lines dropped: whoever reads the log was too slow",
                                    lost)))
        atomic_fetch_add(&queue.lost, lost);
}

/* The only thread that may stand still over the log. */
static void *write_lines(void *unused)
{
    for (size_t turn = 0;;) {
        while (sem_wait(&queue.filled) < 0) {
        } /* EINTR */
        for (size_t run = 1;; turn++, run++) {
            struct place *p = &queue.places[turn % LIMIT_LOG_LINES];
            if (atomic_load_explicit(&p->turn, memory_order_acquire) != turn + 1)
                break; /* empty, or still being filled: that is told by `filled` again */
            if (!write_out(p->text, p->len))
                atomic_fetch_add(&queue.lost, 1);
            atomic_store_explicit(&p->turn, turn + LIMIT_LOG_LINES, memory_order_release);
            if (run % LIMIT_LOG_LINES == 0)
                tell_lost(); /* else after what waited, where the lines are missing */
            pthread_mutex_lock(&queue.lock);
            queue.written = turn + 1;
            pthread_cond_broadcast(&queue.progress);
            pthread_mutex_unlock(&queue.lock);
        }
        tell_lost();
    }
    return unused;
}

static void flush_at_exit(void)
{
    (void)log_flush(END_MS); /* what nobody takes by then is not worth a process that hangs */
}

/* The writing thread is the parent's alone. */
static void after_fork(void)
{
    atomic_store(&queue.running, false);
}

int log_queue(void)
{
    if (atomic_load(&queue.running))
        return 0;
    atomic_init(&queue.next, 0);
    atomic_init(&queue.lost, 0);
    queue.written = 0;
    for (size_t i = 0; i < LIMIT_LOG_LINES; i++)
        atomic_init(&queue.places[i].turn, i);
    pthread_condattr_t monotonic;
    if (sem_init(&queue.filled, 0, 0) < 0)
        return -errno;
    int r = pthread_condattr_init(&monotonic);
    if (r != 0)
        return -r;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* every Linux has it */
    (void)pthread_cond_init(&queue.progress, &monotonic);         /* allocates nothing here */
    (void)pthread_condattr_destroy(&monotonic);
    r = pthread_atfork(NULL, NULL, after_fork);
    if (r == 0 && atexit(flush_at_exit) != 0)
        r = ENOMEM;
    if (r != 0)
        return -r;
    /* Signals are for the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    r = pthread_create(&thread, NULL, write_lines, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0)
        return -r;
    pthread_detach(thread);
    atomic_store(&queue.running, true);
    return 0;
}

bool log_flush(unsigned within_ms)
{
    if (!atomic_load(&queue.running))
        return true;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += within_ms / 1000;
    until.tv_nsec += (long)(within_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    size_t target = atomic_load(&queue.next);
    int r = 0;
    pthread_mutex_lock(&queue.lock);
    while ((ptrdiff_t)(queue.written - target) < 0 && r == 0)
        r = pthread_cond_timedwait(&queue.progress, &queue.lock, &until);
    pthread_mutex_unlock(&queue.lock);
    return r == 0;
}

static void put_line(enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void put_line(enum log_level level, const char *format, va_list arguments)
{
    size_t turn;
    struct place *p = take_place(&turn);
    if (!p) {
        atomic_fetch_add(&queue.lost, 1);
        return;
    }
    p->len = format_line(p->text, level, format, arguments);
    atomic_store_explicit(&p->turn, turn + 1, memory_order_release);
    (void)sem_post(&queue.filled); /* never blocks; its count cannot overflow by so few places */
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > least_level)
        return;
    int saved_errno = errno;
    va_list arguments;
    va_start(arguments, format);
    if (atomic_load_explicit(&queue.running, memory_order_relaxed)) {
        put_line(level, format, arguments);
    } else {
        char line[LINE_BYTES];
        (void)write_out(line, format_line(line, level, format, arguments)); /* nobody counts yet */
    }
    va_end(arguments);
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
