/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/measures.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing"

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof(*h));
}

void histogram_add(struct histogram *h, int64_t us)
{
    uint64_t step = us > 0 ? (uint64_t)us / HISTOGRAM_STEP_US : 0;
    h->steps[step < HISTOGRAM_STEPS ? step : HISTOGRAM_STEPS - 1]++;
    h->count++;
}

double histogram_ms(const struct histogram *h, unsigned permille)
{
    uint64_t below = 0;
    for (size_t i = 0; i < HISTOGRAM_STEPS; i++) {
        below += h->steps[i];
        if (below && below * 1000 >= h->count * permille)
            return (double)((i + 1) * HISTOGRAM_STEP_US) / 1000;
    }
    return 0;
}

static DIR *open_tasks(pid_t process)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    return opendir(path);
}

uint64_t process_cpu_ns(pid_t process)
{
    DIR *tasks = open_tasks(process);
    uint64_t sum = 0;
    if (!tasks)
        return 0;
    for (const struct dirent *it = readdir(tasks); it; it = readdir(tasks)) {
        char path[320];
        uint64_t ns;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)process, it->d_name);
        FILE *f = it->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (f && fscanf(f, "%" SCNu64, &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return sum;
}

uint64_t process_memory(pid_t process)
{
    char path[64], line[256];
    uint64_t kilobytes = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kilobytes = strtoull(line + 6, NULL, 10);
    fclose(f);
    return kilobytes * 1024;
}

uint64_t udp_overflows(void)
{
    char line[512];
    uint64_t overflows = 0;
    FILE *f = fopen("/proc/thread-self/net/snmp", "re");
    if (!f)
        return 0;
    /* Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors ...: a line of names, one of
     * numbers. */
    while (fgets(line, sizeof(line), f))
        (void)sscanf(line, "Udp: %*u %*u %*u %*u %" SCNu64, &overflows);
    fclose(f);
    return overflows;
}

/* The kernel's number of the event "a system call begins". It is told in a file system that is not
 * always mounted: then in a mount namespace of our own. */
static uint64_t find_event(void)
{
    static const char path[] = TRACING "/events/raw_syscalls/sys_enter/id";
    uint64_t id = 0;
    FILE *f = fopen(path, "re");
    if (!f && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tracefs", TRACING, "tracefs", 0, NULL) == 0)
        f = fopen(path, "re");
    if (f && fscanf(f, "%" SCNu64, &id) != 1)
        id = 0;
    if (f)
        fclose(f);
    return id;
}

int call_counter_start(pid_t process, struct call_counter *c)
{
    static uint64_t event;
    *c = (struct call_counter){0};
    if (event == 0)
        event = find_event();
    if (event == 0)
        return -ENOENT;
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attributes), .config = event};
    DIR *tasks = open_tasks(process);
    if (!tasks)
        return -errno;
    for (const struct dirent *it = readdir(tasks); it && c->count < CALL_COUNTERS_MAX;
         it = readdir(tasks)) {
        if (it->d_name[0] == '.')
            continue;
        pid_t task = (pid_t)strtol(it->d_name, NULL, 10);
        int fd = (int)syscall(SYS_perf_event_open, &attributes, task, -1, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd >= 0)
            c->fds[c->count++] = fd;
    }
    closedir(tasks);
    return c->count ? 0 : -EPERM;
}

uint64_t call_counter_end(struct call_counter *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->count; i++) {
        uint64_t value;
        if (read(c->fds[i], &value, sizeof(value)) == sizeof(value))
            sum += value;
        close(c->fds[i]);
    }
    c->count = 0;
    return sum;
}
