/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/desk.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/seqpacket.h"

#define SECOND_US     1000000ull
#define START_US      (10 * SECOND_US)
#define ANSWER_US     (5 * SECOND_US)
#define STOP_MS       5000
#define DIRECTORY_MAX 64
/* Seven of its own, two an address, and the end. */
#define ARGUMENTS_MAX (8 + 2 * LIMIT_ADDRESSES)

struct desk {
    char directory[DIRECTORY_MAX];
    char control_path[DIRECTORY_MAX + 16];
    char notify_path[DIRECTORY_MAX + 16];
    int notify_fd;
    pid_t pid;
    int pid_fd;
    int exit_status;
    int fd;
    uint32_t request;
    struct control_message events[DESK_EVENTS];
    size_t event_count; /* since the start */
    struct control_metrics metrics;
    uint64_t metrics_count;
};

static int open_notify(struct desk *d)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", d->notify_path);
    d->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->notify_fd < 0 || bind(d->notify_fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return -errno;
    return 0;
}

static int spawn(struct desk *d, const char *binary, unsigned workers, const char *const *addresses,
                 size_t count)
{
    char threads[12];
    (void)snprintf(threads, sizeof(threads), "%u", workers);
    const char *args[ARGUMENTS_MAX] = {binary, "--control", d->control_path, "--port",
                                       "0",    "--workers", threads};
    for (size_t i = 0, at = 7; i < count; i++) {
        args[at++] = "--listen";
        args[at++] = addresses[i];
    }
    pid_t parent = getpid();
    d->pid = fork();
    if (d->pid < 0)
        return -errno;
    if (d->pid == 0) {
        /* Should the test be killed, the media core is not left behind. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(126);
        setenv("NOTIFY_SOCKET", d->notify_path, 1);
        setenv("ASSIZE_SFU_CAPACITY", "0", 0); /* as many as the machine can, unless told */
        execv(binary, (char *const *)args);
        perror(binary);
        _exit(127);
    }
    d->pid_fd = (int)syscall(SYS_pidfd_open, d->pid, 0);
    return d->pid_fd < 0 ? -errno : 0;
}

/* Until it says READY=1, or ends, or 10 s are over. */
static int wait_until_ready(struct desk *d)
{
    uint64_t end_us = clock_now_us() + START_US;
    for (;;) {
        uint64_t now_us = clock_now_us();
        struct pollfd fds[] = {{.fd = d->notify_fd, .events = POLLIN},
                               {.fd = d->pid_fd, .events = POLLIN}};
        if (now_us >= end_us || poll(fds, 2, (int)((end_us - now_us) / 1000) + 1) == 0)
            return -ETIMEDOUT;
        char text[256];
        ssize_t n = recv(d->notify_fd, text, sizeof(text) - 1, 0);
        if (n > 0) {
            text[n] = 0;
            if (strstr(text, "READY=1"))
                return 0;
        }
        if (fds[1].revents)
            return -ECHILD;
    }
}

static int say_hello(struct desk *d)
{
    d->fd = seqpacket_connect(d->control_path, (uid_t)-1);
    if (d->fd < 0)
        return d->fd;
    struct control_message hello = {
        .type = CONTROL_HELLO,
        .hello = {.version = CONTROL_VERSION, .boot_id = 1, .pid = (uint32_t)getpid()}};
    int r = desk_tell(d, &hello);
    uint64_t end_us = clock_now_us() + ANSWER_US;
    while (r == 0 && !desk_last(d, CONTROL_PRESENT_END, 0)) {
        struct pollfd wake = {.fd = d->fd, .events = POLLIN};
        if (clock_now_us() > end_us)
            return -ETIMEDOUT;
        (void)poll(&wake, 1, 100);
        r = desk_read(d);
    }
    return r;
}

int desk_start(const char *binary, unsigned workers, struct desk **ret_desk)
{
    const char *const loopback = "127.0.0.1";
    return desk_start_at(binary, workers, &loopback, 1, ret_desk);
}

int desk_start_at(const char *binary, unsigned workers, const char *const *addresses, size_t count,
                  struct desk **ret_desk)
{
    if (count > LIMIT_ADDRESSES)
        return -E2BIG;
    CLEANUP(desk_stop) struct desk *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->notify_fd = -1;
    d->pid = -1;
    d->pid_fd = -1;
    d->fd = -1;
    d->exit_status = -1;
    (void)snprintf(d->directory, sizeof(d->directory), "/tmp/assize-desk-XXXXXX");
    if (!mkdtemp(d->directory)) {
        d->directory[0] = 0;
        return -errno;
    }
    (void)snprintf(d->control_path, sizeof(d->control_path), "%s/sfu.sock", d->directory);
    (void)snprintf(d->notify_path, sizeof(d->notify_path), "%s/notify.sock", d->directory);
    int r = open_notify(d);
    if (r == 0)
        r = spawn(d, binary, workers, addresses, count);
    if (r == 0)
        r = wait_until_ready(d);
    if (r == 0)
        r = say_hello(d);
    if (r < 0)
        return r;
    *ret_desk = STEAL(d);
    return 0;
}

static void end_process(struct desk *d)
{
    if (d->pid <= 0 || d->exit_status >= 0)
        return;
    kill(d->pid, SIGTERM);
    struct pollfd ended = {.fd = d->pid_fd, .events = POLLIN};
    if (d->pid_fd < 0 || poll(&ended, 1, STOP_MS) != 1)
        kill(d->pid, SIGKILL);
    (void)waitpid(d->pid, &d->exit_status, 0);
}

void desk_stop(struct desk *d)
{
    if (!d)
        return;
    end_process(d);
    if (d->fd >= 0)
        close(d->fd);
    if (d->notify_fd >= 0)
        close(d->notify_fd);
    if (d->pid_fd >= 0)
        close(d->pid_fd);
    if (d->directory[0]) {
        (void)unlink(d->notify_path);
        (void)unlink(d->control_path); /* gone already after an orderly end */
        (void)rmdir(d->directory);
    }
    free(d);
}

pid_t desk_pid(const struct desk *d)
{
    return d->pid;
}

int desk_fd(const struct desk *d)
{
    return d->fd;
}

int desk_end(struct desk *d)
{
    end_process(d);
    int status = d->exit_status;
    desk_stop(d);
    return status;
}

static int tell_with(struct desk *d, const struct control_message *message, int fd)
{
    uint8_t data[LIMIT_CONTROL_BYTES];
    size_t len;
    int r = control_encode(message, data, sizeof(data), &len);
    return r < 0 ? r : seqpacket_send(d->fd, data, len, fd);
}

int desk_open_hearing(struct desk *d, uint64_t hearing, int ring)
{
    const uint16_t all = (1u << CONTROL_ROLE_COUNT) - 1;
    struct control_message m = {.type = CONTROL_HEARING_OPEN,
                                .hearing_open = {.hearing = hearing, .recorded = ring >= 0}};
    int r = desk_ask_with(d, &m, ring, NULL);
    if (r < 0)
        return r;
    m = (struct control_message){.type = CONTROL_MATRIX, .matrix = {.hearing = hearing}};
    for (int role = 0; role < CONTROL_ROLE_COUNT; role++)
        m.matrix.receivers[CONTROL_ROOM_COURTROOM][role] = all;
    if (ring >= 0)
        m.matrix.recorded[CONTROL_ROOM_COURTROOM] = all;
    return desk_ask(d, &m, NULL);
}

int desk_tell(struct desk *d, struct control_message *message)
{
    return tell_with(d, message, -1);
}

static void keep(struct desk *d, const struct control_message *m)
{
    if (m->type == CONTROL_METRICS) {
        d->metrics = m->metrics;
        d->metrics_count++;
        return;
    }
    d->events[d->event_count++ % DESK_EVENTS] = *m;
}

/* Takes one message if there is one. Returns 1, 0 for none, or a negative errno. */
static int take(struct desk *d, struct control_message *ret_message)
{
    uint8_t data[LIMIT_CONTROL_BYTES];
    int fd;
    ssize_t n = seqpacket_receive(d->fd, data, sizeof(data), &fd);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0)
        return n < 0 ? (int)n : -EPIPE;
    if (fd >= 0)
        close(fd);
    int r = control_decode(data, (size_t)n, ret_message);
    return r < 0 ? r : 1;
}

int desk_read(struct desk *d)
{
    struct control_message m;
    int r;
    while ((r = take(d, &m)) > 0)
        keep(d, &m);
    return r;
}

static int status_of(const struct control_message *m)
{
    switch (m->type) {
    case CONTROL_DONE:
        return m->done.status;
    case CONTROL_PEER_READY:
        return m->peer_ready.status;
    case CONTROL_TRANSPORT_RESTARTED:
        return m->transport_restarted.status;
    default:
        return 0;
    }
}

int desk_ask(struct desk *d, struct control_message *request, struct control_message *ret_answer)
{
    return desk_ask_with(d, request, -1, ret_answer);
}

int desk_ask_with(struct desk *d, struct control_message *request, int fd,
                  struct control_message *ret_answer)
{
    request->request = ++d->request;
    int r = tell_with(d, request, fd);
    if (r < 0)
        return r;
    uint64_t end_us = clock_now_us() + ANSWER_US;
    for (;;) {
        struct control_message m;
        r = take(d, &m);
        if (r < 0)
            return r;
        if (r > 0 && m.request == request->request) {
            if (ret_answer)
                *ret_answer = m;
            return status_of(&m);
        }
        if (r > 0) {
            keep(d, &m);
            continue;
        }
        struct pollfd wake = {.fd = d->fd, .events = POLLIN};
        uint64_t now_us = clock_now_us();
        if (now_us >= end_us || poll(&wake, 1, (int)((end_us - now_us) / 1000) + 1) == 0)
            return -ETIMEDOUT;
    }
}

static uint64_t peer_of(const struct control_message *m)
{
    switch (m->type) {
    case CONTROL_TRANSPORT_STATE:
        return m->transport_state.peer;
    case CONTROL_STREAM_STATE:
        return m->stream_state.peer;
    case CONTROL_SEAT_SWITCHED:
        return m->seat_switched.peer;
    case CONTROL_PEER_STATS:
        return m->peer_stats.peer;
    default:
        return 0;
    }
}

const struct control_message *desk_last(const struct desk *d, enum control_type type, uint64_t peer)
{
    size_t kept = d->event_count < DESK_EVENTS ? d->event_count : DESK_EVENTS;
    for (size_t i = 1; i <= kept; i++) {
        const struct control_message *m = &d->events[(d->event_count - i) % DESK_EVENTS];
        if (m->type == type && (!peer || peer_of(m) == peer))
            return m;
    }
    return NULL;
}

const struct control_message *desk_next(const struct desk *d, size_t *cursor)
{
    if (d->event_count - *cursor > DESK_EVENTS)
        *cursor = d->event_count - DESK_EVENTS;
    return *cursor < d->event_count ? &d->events[(*cursor)++ % DESK_EVENTS] : NULL;
}

uint64_t desk_metric(const struct desk *d, enum control_metric metric)
{
    return d->metrics.values[metric];
}

uint64_t desk_metrics_count(const struct desk *d)
{
    return d->metrics_count;
}

static uint64_t thread_cpu_ns(pid_t pid, const char *thread)
{
    char path[320];
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, thread);
    FILE *f = fopen(path, "re");
    uint64_t ns = 0;
    if (f && fscanf(f, "%" SCNu64, &ns) != 1)
        ns = 0; /* ended between the listing and here */
    if (f)
        fclose(f);
    return ns;
}

static DIR *open_tasks(const struct desk *d)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", d->pid);
    return opendir(path);
}

void desk_pin(const struct desk *d, int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    DIR *tasks = open_tasks(d);
    if (!tasks)
        return;
    for (const struct dirent *it = readdir(tasks); it; it = readdir(tasks))
        if (it->d_name[0] != '.' &&
            sched_setaffinity((pid_t)strtol(it->d_name, NULL, 10), sizeof(set), &set) < 0)
            perror("desk: cannot pin");
    closedir(tasks);
}

int desk_take_precedence(const struct desk *d)
{
    const struct sched_param first = {.sched_priority = 2};
    DIR *tasks = open_tasks(d);
    if (!tasks)
        return -errno;
    int r = 0;
    for (const struct dirent *it = readdir(tasks); it && r == 0; it = readdir(tasks))
        if (it->d_name[0] != '.' &&
            sched_setscheduler((pid_t)strtol(it->d_name, NULL, 10), SCHED_FIFO, &first) < 0)
            r = -errno;
    closedir(tasks);
    return r;
}

uint64_t desk_cpu_ns(const struct desk *d)
{
    DIR *tasks = open_tasks(d);
    uint64_t sum = 0;
    if (!tasks)
        return 0;
    for (const struct dirent *it = readdir(tasks); it; it = readdir(tasks))
        if (it->d_name[0] != '.')
            sum += thread_cpu_ns(d->pid, it->d_name);
    closedir(tasks);
    return sum;
}
