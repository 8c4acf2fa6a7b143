/* Signaling's place: starts the real media core, speaks to it over the control socket, and keeps
 * what it tells. For tests and load, where the hearing's rules are the test's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_DESK_H
#define TESTS_PEER_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/control.h"

/* Events kept; older ones are forgotten. */
#define DESK_EVENTS 1024

struct desk;

/* Starts `binary` with a socket in a directory of its own on 127.0.0.1 and a free port, and waits
 * until it says that it is ready. `workers` is as its option. Returns 0, -ETIMEDOUT after 10 s, or
 * why it could not be started. */
int desk_start(const char *binary, unsigned workers, struct desk **ret_desk);

/* The same at these addresses (at most LIMIT_ADDRESSES). */
int desk_start_at(const char *binary, unsigned workers, const char *const *addresses, size_t count,
                  struct desk **ret_desk);

/* Ends the media core (SIGTERM, and SIGKILL after 5 s) and removes the directory. */
void desk_stop(struct desk *desk);
DEFINE_CLEANUP(struct desk, desk_stop)

pid_t desk_pid(const struct desk *desk);
int desk_fd(const struct desk *desk);

/* As desk_stop(), and returns how the media core ended: 0 for an orderly end, else its wait(2)
 * status. */
int desk_end(struct desk *desk);

/* Sends a request and waits for its answer, up to 5 s; events that come meanwhile are kept. Returns
 * the answer's status, or -ETIMEDOUT, -EPIPE. `ret_answer` may be NULL. */
int desk_ask(struct desk *desk, struct control_message *request,
             struct control_message *ret_answer);

/* The same with a descriptor (borrowed): HEARING_OPEN with a ring's. */
int desk_ask_with(struct desk *desk, struct control_message *request, int fd,
                  struct control_message *ret_answer);

/* Opens a hearing in whose courtroom everybody receives everybody; with the descriptor of a ring
 * (borrowed; -1: none) everybody there is recorded. Returns 0 or what desk_ask() says. */
int desk_open_hearing(struct desk *desk, uint64_t hearing, int ring);

/* Sends a request whose answer is an event later (SEAT_SET). Returns 0 or a negative errno. */
int desk_tell(struct desk *desk, struct control_message *message);

/* Takes what has come, without waiting. Returns 0, or -EPIPE when the media core is gone. */
int desk_read(struct desk *desk);

/* The latest event of that type for which hearing and peer are these (0: any), or NULL; it is
 * borrowed and stays until as many as DESK_EVENTS more have come. */
const struct control_message *desk_last(const struct desk *desk, enum control_type type,
                                        uint64_t peer);

/* The next event after those that `*cursor` (0 at first) has passed, or NULL. Borrowed like
 * desk_last()'s; of events forgotten meanwhile nothing is said. */
const struct control_message *desk_next(const struct desk *desk, size_t *cursor);

/* The value of a metric as told last, or 0. */
uint64_t desk_metric(const struct desk *desk, enum control_metric metric);

/* How many METRICS events have come: to wait for fresh ones. */
uint64_t desk_metrics_count(const struct desk *desk);

/* Keeps all threads of the media core on one core. */
void desk_pin(const struct desk *desk, int core);

/* Gives its threads precedence over all ordinary ones of the machine (SCHED_FIFO, 2), for
 * measuring. Returns 0 or a negative errno such as -EPERM. */
int desk_take_precedence(const struct desk *desk);

/* CPU time of all threads of the media core, ns (schedstat). */
uint64_t desk_cpu_ns(const struct desk *desk);

#endif
