/* Whom a full server takes and whom not, over the control socket; and where its workers run.
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "sfu/load.h"
#include "sfu/worker.h"
#include "unit/check.h"
#include "unit/sfu/core.h"

/* Fresh metrics of all workers: of the second after the one that was begun. */
static struct control_metrics look(int fd)
{
    for (int i = 0; i < 2; i++)
        (void)core_wait_for(fd, CONTROL_METRICS);
    return core_wait_for(fd, CONTROL_METRICS).metrics;
}

/* Threads of this process that stay on `cpu`. */
static int count_pinned(int cpu)
{
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(tasks))) {
        cpu_set_t set;
        CPU_ZERO(&set);
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread == 0 || sched_getaffinity(thread, sizeof(set), &set) < 0)
            continue;
        count += CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set);
    }
    closedir(tasks);
    return count;
}

/* By turns over the CPUs that the process may use; where there is one, all threads are on it. */
static void pins_workers(void)
{
    cpu_set_t allowed;
    CHECK_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    unsigned cpus = (unsigned)CPU_COUNT(&allowed);
    CHECK_EQ(worker_cpu(cpus), worker_cpu(0));
    for (unsigned i = 0; i < CORE_WORKERS; i++) {
        CHECK(CPU_ISSET(worker_cpu(i), &allowed));
        CHECK(i == 0 || cpus == 1 || worker_cpu(i) != worker_cpu(i - 1));
        CHECK(count_pinned(worker_cpu(i)) >= (cpus >= CORE_WORKERS ? 1 : CORE_WORKERS));
    }
}

static int add(int fd, uint64_t hearing, uint64_t peer, enum control_role role)
{
    return core_ask(fd, core_add_as(hearing, peer, role)).peer_ready.status;
}

enum { EACH = 3 }; /* hearings of a worker */
static const uint64_t each_capacity = EACH * LOAD_HEARING_PEERS * (uint64_t)LOAD_PEER_PACKETS;

/* The public is refused where it is full, and whoever of it is in may come again; who has a part in
 * the hearing is never refused. */
static void admits_people(int fd, uint64_t hearing)
{
    for (uint64_t p = 1; p <= LOAD_HEARING_PEERS; p++) /* set aside for the hearing */
        CHECK_EQ(add(fd, hearing, p, CONTROL_ROLE_OBSERVER), 0);
    CHECK_EQ(add(fd, hearing, 0x90, CONTROL_ROLE_OBSERVER), -EUSERS);
    CHECK_EQ(add(fd, hearing, 1, CONTROL_ROLE_OBSERVER), 0);
    for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++)
        if (role != CONTROL_ROLE_OBSERVER)
            CHECK_EQ(add(fd, hearing, 0x80 + role, (enum control_role)role), 0);
}

/* Where one hearing of many people is, no more are taken than fit beside them, however many are
 * asked for at once. */
static void adds_to_what_was_told(int fd)
{
    core_close_hearing(fd, 2);
    core_close_hearing(fd, 4);
    for (uint64_t p = 1; p <= 2 * LOAD_HEARING_PEERS; p++)
        CHECK_EQ(add(fd, 6, p, CONTROL_ROLE_PARTY), 0);
    struct control_metrics m = look(fd);
    CHECK_EQ(m.values[CONTROL_METRIC_PLACES_LEFT], LOAD_HEARING_PEERS);
    CHECK_EQ(m.values[CONTROL_METRIC_ROOM_LEFT], LOAD_HEARING_PEERS);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x70, false)).done.status, 0);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x71, false)).done.status, -EUSERS);
    CHECK_EQ(add(fd, 0x70, 1, CONTROL_ROLE_JUDGE), 0);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x71, false)).done.status, -EUSERS);
}

/* The server says that it is full, to hearings and to the public, before a core is; what becomes
 * free is given away. */
static void admits_what_it_can_carry(struct core *c)
{
    core_start(c, each_capacity);
    unsigned peers;
    int fd = core_greet(c, &peers);
    pins_workers();
    for (uint64_t h = 1; h <= EACH * CORE_WORKERS; h++)
        CHECK_EQ(core_ask(fd, core_open_hearing(h, false)).done.status, 0);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x70, false)).done.status, -EUSERS);
    CHECK_EQ(add(fd, 0x70, 1, CONTROL_ROLE_JUDGE), -EUSERS);
    CHECK_EQ(core_ask(fd, core_open_hearing(1, false)).done.status, 0); /* said again */
    admits_people(fd, 1);

    enum { MORE = CONTROL_ROLE_COUNT - 1 }; /* than was set aside for hearing 1 */
    struct control_metrics m = look(fd);
    CHECK_EQ(m.values[CONTROL_METRIC_LOAD],
             CORE_WORKERS * each_capacity + MORE * LOAD_PEER_PACKETS);
    CHECK_EQ(m.values[CONTROL_METRIC_CAPACITY], CORE_WORKERS * each_capacity);
    CHECK_EQ(m.values[CONTROL_METRIC_PLACES_LEFT], 0);
    CHECK_EQ(m.values[CONTROL_METRIC_ROOM_LEFT], 0);
    CHECK_EQ(m.values[CONTROL_METRIC_REFUSED], 2); /* a hearing, one of the public */
    CHECK_EQ(strcmp(control_sealing_name(m.values[CONTROL_METRIC_SEALING]),
                    worker_sealing(c->workers[0])),
             0);
    adds_to_what_was_told(fd);
    close(fd);
    core_stop(c);
}

/* After a restart all hearings come at once, before anybody: those that were accepted are, in any
 * order, and everybody with a part in them. */
static void takes_back_what_was_accepted(struct core *c)
{
    enum { MANY = 2 * EACH * CORE_WORKERS };
    core_start(c, each_capacity);
    unsigned peers;
    int fd = core_greet(c, &peers);
    for (uint64_t h = 1; h <= MANY; h++)
        CHECK_EQ(core_open_again(fd, h), 0);
    CHECK_EQ(core_ask(fd, core_open_hearing(0x70, false)).done.status, -EUSERS);
    for (uint64_t h = 1; h <= MANY; h++)
        CHECK_EQ(add(fd, h, h, CONTROL_ROLE_WITNESS), 0);
    CHECK_EQ(add(fd, 1, 0x90, CONTROL_ROLE_OBSERVER), -EUSERS);
    struct control_metrics m = look(fd);
    CHECK_EQ(m.values[CONTROL_METRIC_LOAD], 2 * CORE_WORKERS * each_capacity);
    close(fd);
    core_stop(c);
}

int main(void)
{
    static struct core core;
    log_start("test", LOG_ERROR - 1); /* it is all as wanted here */
    admits_what_it_can_carry(&core);
    takes_back_what_was_accepted(&core);
    return 0;
}
