/* The figures of all rounds: printed as medians with their ranges, as ratios, and written as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/load.h"
#include "bench/place.h"

enum figure {
    FIGURE_COST,     /* CPU seconds of the server's threads per million packets received */
    FIGURE_BUSY,     /* of its core, percent */
    FIGURE_RATE,     /* packets received a second */
    FIGURE_LOSS,     /* percent */
    FIGURE_REFUSED,  /* datagrams the kernel took from the server neither at once nor later */
    FIGURE_OVERFLOW, /* datagrams that came to the load and found its sockets full */
    FIGURE_WRONG,    /* packets out of order, not what was sent, or nobody's */
    FIGURE_P50,      /* latency added, ms */
    FIGURE_P99,
    FIGURE_REFLECTOR, /* median, taken off the two above, ms */
    FIGURE_SPAN_P50,  /* first to last receiver of one packet, ms */
    FIGURE_SPAN_P99,
    FIGURE_SEGMENTS,     /* packets per message given to the kernel */
    FIGURE_PER_CALL,     /* packets per sending system call */
    FIGURE_QUEUE_DROPS,  /* datagrams that found the server's receive queue full */
    FIGURE_READ_GAP,     /* worked between two reads, in one second of the round, ms */
    FIGURE_SYSCALLS,     /* system calls per packet received */
    FIGURE_MEMORY,       /* MB */
    FIGURE_PER_RECEIVER, /* memory over the idle server's, kB per receiver */
    FIGURE_LATE,         /* 99 % of the load's frames were sent so many ms late at most */
    FIGURE_COUNT,
};

/* A figure that was not taken. */
#define FIGURE_NONE (-1.0)

struct figures {
    double values[FIGURE_COUNT];
};

#define REPORT_ROUNDS_MAX 100
#define REPORT_SERVERS    8

/* One load. */
struct report_server {
    const char *name, *title;
    struct figures rounds[REPORT_ROUNDS_MAX];
    size_t count;
};

struct report {
    const struct load *load;
    struct report_server servers[REPORT_SERVERS];
    size_t count;
};

/* A server's figures of one more round. */
void report_add(struct report *report, const char *name, const char *title,
                const struct figures *figures);

double report_median(const struct report_server *server, enum figure figure);

/* One line for the round just taken; then, at the end, everything of the load. */
void report_print_round(const char *name, const struct figures *figures);
void report_print(const struct report *report);

/* Writes all loads; returns 0 or a negative errno. */
int report_write(const char *path, const struct report *reports, size_t count,
                 const struct place *place, unsigned seconds);

#endif
