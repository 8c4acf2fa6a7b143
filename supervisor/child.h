/* One supervised process through all its incarnations: start, death, the wait before the next
 * start, orderly end. Time is passed in; nothing here waits. SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/fdstore.h"
#include "supervisor/notice.h"

/* What to run. All borrowed for the life of the child. */
struct child_program {
    const char *name;       /* for the log */
    const char *path;       /* of the executable */
    char *const *arguments; /* argv, with the name first and NULL last */
    uint64_t stop_us;       /* how long it may take to end after SIGTERM */
};

enum child_state {
    CHILD_WAITING,  /* not running; starts at due_us */
    CHILD_STARTING, /* running, has not said READY=1 */
    CHILD_READY,
    CHILD_STOPPING, /* asked to end; is killed at due_us */
    CHILD_KILLED,   /* did not end in time; SIGKILL is on its way */
    CHILD_STOPPED,  /* ended, and is not to be started again */
};

struct child {
    struct child_program program;
    enum child_state state;
    pid_t pid; /* 0: not running */
    uint64_t due_us;
    uint64_t started_us;
    unsigned failures; /* times in a row that it died before it was of use */
    bool was_killed;   /* by us, for not ending in time */
    struct fdstore store;
};

/* How long to wait before the start after `failures` failures in a row, us: none at first. */
uint64_t child_back_off_us(unsigned failures);

void child_init(struct child *child, const struct child_program *program);
void child_finish(struct child *child);

/* Forks and runs the program with NOTIFY_SOCKET set to `notify_address`. A failure is logged, and
 * the next try is due later. */
void child_start(struct child *child, const char *notify_address, uint64_t now_us);

/* Takes in what it told us; the notice's descriptors are taken over or closed. */
void child_take_notice(struct child *child, struct notice *notice);

/* It ended with this status of waitpid(2). */
void child_take_end(struct child *child, int status, uint64_t now_us);

/* Asks it to end (SIGTERM), or marks it stopped when it does not run. */
void child_stop(struct child *child, uint64_t now_us);

/* Does what is due: start or kill. Returns when the next thing is, or UINT64_MAX. */
uint64_t child_tick(struct child *child, const char *notify_address, uint64_t now_us);

#endif
