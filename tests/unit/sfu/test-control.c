/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/control.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/ring.h"
#include "common/seqpacket.h"
#include "sfu/dtls.h"
#include "sfu/load.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

enum { WORKERS = 2, PATIENCE_MS = 10000 };

/* The process without main(): two workers and the desk in threads of their own. */
struct core {
    char dir[32], path[64];
    struct dtls_context *dtls;
    struct mailbox *mailbox;
    struct worker *workers[WORKERS];
    struct control_desk *desk;
    int stop_fd;
    pthread_t thread;
};

static int core_make(struct core *c, uint64_t capacity)
{
    *c = (struct core){.dir = "/tmp/test-control-XXXXXX", .stop_fd = -1};
    CHECK(mkdtemp(c->dir));
    (void)snprintf(c->path, sizeof(c->path), "%s/sfu.sock", c->dir);
    struct worker_options options = {.listen_count = 1,
                                     .boot_id = 5,
                                     .packets = 64,
                                     .capacity = capacity,
                                     .pin = capacity != 0,
                                     .deliver = control_desk_deliver};
    CHECK_EQ(address_from_text("127.0.0.1", 0, &options.listen[0]), 0);
    int r = dtls_context_create(&c->dtls);
    if (r == 0)
        r = mailbox_create(8192, &c->mailbox);
    options.dtls = c->dtls;
    options.desk = c->mailbox;
    for (unsigned i = 0; r == 0 && i < WORKERS; i++) {
        options.number = i;
        r = worker_create(&options, &c->workers[i]);
    }
    const struct control_desk_options desk = {.path = c->path,
                                              .peer_uid = (uid_t)-1,
                                              .boot_id = 5,
                                              .mailbox = c->mailbox,
                                              .workers = c->workers,
                                              .worker_count = WORKERS,
                                              .capacity = capacity};
    if (r == 0)
        r = control_desk_create(&desk, &c->desk);
    return r;
}

static void core_free(struct core *c)
{
    for (int i = 0; i < WORKERS; i++)
        worker_destroy(c->workers[i]);
    control_desk_destroy(c->desk);
    mailbox_destroy(c->mailbox);
    dtls_context_destroy(c->dtls);
    CHECK_EQ(rmdir(c->dir), 0); /* the socket is gone */
}

#ifndef TEST_FAULTS

static void *serve(void *arg)
{
    struct core *c = arg;
    CHECK_EQ(control_desk_run(c->desk, c->stop_fd), 0);
    return NULL;
}

static void core_start(struct core *c, uint64_t capacity)
{
    CHECK_EQ(core_make(c, capacity), 0);
    c->stop_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(c->stop_fd >= 0);
    CHECK_EQ(pthread_create(&c->thread, NULL, serve, c), 0);
}

static void core_stop(struct core *c)
{
    CHECK_EQ(eventfd_write(c->stop_fd, 1), 0);
    CHECK_EQ(pthread_join(c->thread, NULL), 0);
    close(c->stop_fd);
    core_free(c);
}

static int dial(const struct core *c)
{
    int fd = seqpacket_connect(c->path, (uid_t)-1);
    CHECK(fd >= 0);
    return fd;
}

static void put_raw(int fd, const void *data, size_t len, int passed)
{
    for (;;) {
        int r = seqpacket_send(fd, data, len, passed);
        if (r != -EAGAIN) {
            CHECK(r == 0 || r == -EPIPE);
            return;
        }
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
    }
}

static void put(int fd, const struct control_message *m, int passed)
{
    uint8_t data[LIMIT_CONTROL_BYTES];
    size_t len;
    CHECK_EQ(control_encode(m, data, sizeof(data), &len), 0);
    put_raw(fd, data, len, passed);
}

/* The next message, or false when the connection ended. */
static bool get(int fd, struct control_message *ret_message)
{
    for (;;) {
        uint8_t data[LIMIT_CONTROL_BYTES];
        int passed;
        ssize_t len = seqpacket_receive(fd, data, sizeof(data), &passed);
        if (len > 0) {
            CHECK_EQ(control_decode(data, (size_t)len, ret_message), 0);
            return true;
        }
        if (len != -EAGAIN)
            return false;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
    }
}

static struct control_message wait_for(int fd, enum control_type type)
{
    struct control_message m;
    do
        CHECK(get(fd, &m));
    while (m.type != type);
    return m;
}

static struct control_message ask_with(int fd, struct control_message m, int passed)
{
    static uint32_t request;
    m.request = ++request;
    put(fd, &m, passed);
    struct control_message answer;
    do
        CHECK(get(fd, &answer));
    while (answer.request != m.request);
    return answer;
}

static struct control_message ask(int fd, struct control_message m)
{
    return ask_with(fd, m, -1);
}

static const struct control_message hello = {.type = CONTROL_HELLO,
                                             .hello = {CONTROL_VERSION, 1, 1}};

/* Connected, greeted, and past what is told of the state; `*ret_peers`: how many peers there are.
 */
static int greet(const struct core *c, unsigned *ret_peers)
{
    int fd = dial(c);
    put(fd, &hello, -1);
    CHECK_EQ(wait_for(fd, CONTROL_HELLO).hello.boot_id, 5);
    struct control_message m;
    *ret_peers = 0;
    do {
        CHECK(get(fd, &m));
        *ret_peers += m.type == CONTROL_PEER_PRESENT;
    } while (m.type != CONTROL_PRESENT_END);
    return fd;
}

static struct control_message open_hearing(uint64_t hearing, bool recorded)
{
    return (struct control_message){.type = CONTROL_HEARING_OPEN,
                                    .hearing_open = {.hearing = hearing, .recorded = recorded}};
}

static struct control_message add_as(uint64_t hearing, uint64_t peer, enum control_role role)
{
    return (struct control_message){
        .type = CONTROL_PEER_ADD,
        .peer_add = {.hearing = hearing, .peer = peer, .role = (uint8_t)role, .seats = 2}};
}

static struct control_message add_peer(uint64_t hearing, uint64_t peer)
{
    return add_as(hearing, peer, CONTROL_ROLE_JUDGE);
}

/* Whoever does not keep to the rules is hung up on; the next one is served. */
static void refuses_the_rude(struct core *c)
{
    const struct control_message early = open_hearing(1, false);
    const struct control_message wrong_version = {.type = CONTROL_HELLO, .hello = {99, 1, 1}};
    const struct control_message not_ours = {.type = CONTROL_TAPE_OPEN, .hearing = {1}};
    static const uint8_t nonsense[] = {0, 200, 1, 2, 3};
    static const uint8_t cut_short[] = {0, CONTROL_PEER_ADD, 0, 0, 0, 1, 0};
    struct control_message m;

    int fd = dial(c);
    put(fd, &early, -1);
    CHECK(!get(fd, &m));
    close(fd);

    fd = dial(c);
    put(fd, &wrong_version, -1);
    CHECK(get(fd, &m));
    CHECK_EQ(m.type, CONTROL_HELLO); /* so that it can see why */
    CHECK(!get(fd, &m));
    close(fd);

    unsigned peers;
    for (int i = 0; i < 3; i++) {
        fd = greet(c, &peers);
        if (i == 0)
            put_raw(fd, nonsense, sizeof(nonsense), -1);
        else if (i == 1)
            put_raw(fd, cut_short, sizeof(cut_short), -1);
        else
            put(fd, &not_ours, -1);
        while (get(fd, &m))
            CHECK(m.type == CONTROL_METRICS);
        close(fd);
    }
}

/* Each request of a hearing that is not open has the answer it is waited for with. */
static void answers_without_hearing(int fd)
{
    struct control_message a = ask(fd, add_peer(9, 1));
    CHECK_EQ(a.type, CONTROL_PEER_READY);
    CHECK_EQ(a.peer_ready.status, -ENOENT);
    a = ask(fd, (struct control_message){.type = CONTROL_SEAT_SET, .seat_set = {9, 1, 0, 0, 7}});
    CHECK_EQ(a.type, CONTROL_SEAT_SWITCHED);
    CHECK_EQ(a.seat_switched.status, -ENOENT);
    a = ask(fd, (struct control_message){.type = CONTROL_TRANSPORT_RESTART,
                                         .transport_restart = {9, 1, 0}});
    CHECK_EQ(a.type, CONTROL_TRANSPORT_RESTARTED);
    CHECK_EQ(a.transport_restarted.status, -ENOENT);
    a = ask(fd, (struct control_message){.type = CONTROL_MATRIX, .matrix = {.hearing = 9}});
    CHECK_EQ(a.type, CONTROL_DONE);
    CHECK_EQ(a.done.status, -ENOENT);
    a = ask(fd, (struct control_message){.type = CONTROL_PEER_REMOVE, .peer = {9, 1}});
    CHECK_EQ(a.done.status, 0);
    a = ask(fd, (struct control_message){.type = CONTROL_HEARING_CLOSE, .hearing = {9}});
    CHECK_EQ(a.done.status, 0);
}

/* A ring is taken when it is one, and again without harm. */
static void takes_rings(int fd)
{
    CHECK_EQ(ask(fd, open_hearing(1, true)).done.status, -EINVAL); /* no descriptor */
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(null_fd >= 0);
    CHECK(ask_with(fd, open_hearing(1, true), null_fd).done.status < 0);
    close(null_fd);
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(1 << 16, &ring), 0);
    CHECK_EQ(ask_with(fd, open_hearing(1, true), ring_fd(ring)).done.status, 0);
    CHECK_EQ(ask_with(fd, open_hearing(1, true), ring_fd(ring)).done.status, 0);
    struct ring_record record;
    CHECK_EQ(ring_next(ring, &record), 1);
    CHECK_EQ(record.kind, RING_PRODUCER);
    CHECK_EQ(ring_next(ring, &record), 0); /* told once */
}

/* Hearings are spread over the workers; peers are told their own worker's port. */
static void spreads_hearings(int fd, struct core *c)
{
    bool used[WORKERS] = {false};
    for (uint64_t h = 1; h <= WORKERS; h++) {
        CHECK_EQ(ask(fd, open_hearing(h, false)).done.status, 0);
        struct control_message a = ask(fd, add_peer(h, 0x50 + h));
        CHECK_EQ(a.peer_ready.status, 0);
        CHECK_EQ(a.peer_ready.candidate_count, 1);
        CHECK_EQ(a.peer_ready.seat_count, 2);
        CHECK(strcmp(a.peer_ready.candidates[0].address, "127.0.0.1") == 0);
        for (int i = 0; i < WORKERS; i++)
            used[i] = used[i] || worker_port(c->workers[i]) == a.peer_ready.candidates[0].port;
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK(used[i]);
}

static void tells_metrics(int fd)
{
    struct control_message m;
    do
        m = wait_for(fd, CONTROL_METRICS);
    while (m.metrics.values[CONTROL_METRIC_HEARINGS] != WORKERS ||
           m.metrics.values[CONTROL_METRIC_PEERS] != WORKERS);
}

static _Atomic int64_t wall_shift_us;

uint64_t __real_clock_wall_us(void);
uint64_t __wrap_clock_wall_us(void);
uint64_t __wrap_clock_wall_us(void)
{
    return __real_clock_wall_us() + (uint64_t)wall_shift_us;
}

/* The wall clock is looked at every second, and one that was set is told. */
static void notices_a_wall_clock_that_is_set(int fd)
{
    CHECK_EQ(wait_for(fd, CONTROL_METRICS).metrics.values[CONTROL_METRIC_WALL_STEPS], 0);
    for (uint64_t steps = 1; steps <= 2; steps++) {
        wall_shift_us = steps == 1 ? 3600000000 : -1000000;
        while (wait_for(fd, CONTROL_METRICS).metrics.values[CONTROL_METRIC_WALL_STEPS] != steps) {
        }
    }
}

/* A new connection takes over, finds everything there, and the old one is ended. */
static int takes_over(struct core *c, int old)
{
    unsigned peers;
    int fd = greet(c, &peers);
    CHECK_EQ(peers, WORKERS);
    struct control_message m;
    while (get(old, &m))
        ;
    close(old);
    return fd;
}

/* One that asks and never reads is ended with, and the next one finds everything as it was. */
static int ends_the_deaf(struct core *c, int fd)
{
    const struct control_message m = {
        .type = CONTROL_SEAT_SET, .request = 7, .seat_set = {1, 0x51, 0, 0, 0x777}};
    uint8_t data[LIMIT_CONTROL_BYTES];
    size_t len;
    CHECK_EQ(control_encode(&m, data, sizeof(data), &len), 0);
    int r;
    do {
        r = seqpacket_send(fd, data, len, -1);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        CHECK(r != -EAGAIN || poll(&p, 1, PATIENCE_MS) == 1);
    } while (r == 0 || r == -EAGAIN);
    CHECK(r == -EPIPE || r == -ECONNRESET);
    close(fd);
    unsigned peers;
    fd = greet(c, &peers);
    CHECK_EQ(peers, WORKERS);
    return fd;
}

/* Returns when the desk has taken a turn: a request of it has reached a worker. */
static void let_it_turn(int fd, uint64_t hearing)
{
    CLEANUP(ring_destroy) struct ring *ring = NULL;
    CHECK_EQ(ring_create(1 << 16, &ring), 0);
    const struct control_message open = open_hearing(hearing, true);
    put(fd, &open, ring_fd(ring));
    struct ring_record record;
    while (ring_next(ring, &record) == 0) {
        struct pollfd p = {.fd = fd};
        CHECK(poll(&p, 1, 1) == 0); /* not hung up on */
    }
}

/* More at once than may wait for signaling, as when it comes back to a full media core: it is told
 * all of it, in order, however late it begins to read, and has room for answers all the while. */
static void tells_more_than_can_wait(struct core *c, int fd)
{
    enum { EVENTS = LIMIT_CONTROL_QUEUE + 2000, ROOM_FOR_OTHERS = 100 };
    for (uint64_t i = 1; i <= EVENTS; i++) {
        const struct control_message m = {.type = CONTROL_STREAM_STATE,
                                          .stream_state = {1, 0x51, i, true}};
        struct control_letter *letter = control_letter_create(&m, control_desk_deliver);
        CHECK(letter);
        CHECK_EQ(mailbox_post(c->mailbox, &letter->letter), 0);
    }
    let_it_turn(fd, 1); /* it takes from the mailbox in this turn, */
    let_it_turn(fd, 2); /* and has done so before this one */
    const struct control_message lost = {
        .type = CONTROL_STREAM_PAUSE, .request = 1, .stream_pause = {0x6000, 0x51, 1, true}};
    for (int i = 0; i < LIMIT_CONTROL_QUEUE / 2 - ROOM_FOR_OTHERS; i++)
        put(fd, &lost, -1);
    let_it_turn(fd, 1);
    for (uint64_t i = 1; i <= EVENTS; i++)
        CHECK_EQ(wait_for(fd, CONTROL_STREAM_STATE).stream_state.stream, i);
}

static void close_hearing(int fd, uint64_t hearing)
{
    const struct control_message m = {.type = CONTROL_HEARING_CLOSE, .hearing = {hearing}};
    CHECK_EQ(ask(fd, m).done.status, 0);
}

static int open_again(int fd, uint64_t hearing)
{
    struct control_message again = open_hearing(hearing, false);
    again.hearing_open.accepted = true;
    return ask(fd, again).done.status;
}

/* At its limit the server is full, whatever it could carry, and says so to whoever comes into a
 * hearing that was refused; those that were accepted before have room beyond it. */
static void bounds_hearings(int fd)
{
    for (uint64_t h = WORKERS + 1; h <= LIMIT_HEARINGS; h++)
        CHECK_EQ(ask(fd, open_hearing(h, false)).done.status, 0);
    CHECK_EQ(ask(fd, open_hearing(0x5000, false)).done.status, -EUSERS);
    CHECK_EQ(ask(fd, add_peer(0x5000, 1)).peer_ready.status, -EUSERS);
    for (uint64_t h = LIMIT_HEARINGS + 1; h <= LIMIT_HEARINGS_RETURNED; h++)
        CHECK_EQ(open_again(fd, h), 0);
    CHECK_EQ(open_again(fd, 0x5000), -ENOSPC);
    for (uint64_t h = LIMIT_HEARINGS + 1; h <= LIMIT_HEARINGS_RETURNED; h++)
        close_hearing(fd, h);
    close_hearing(fd, 9);
    CHECK_EQ(ask(fd, open_hearing(0x5000, false)).done.status, 0);
    CHECK_EQ(ask(fd, open_hearing(0, false)).done.status, -EINVAL);
}

/* Fresh metrics of all workers: of the second after the one that was begun. */
static struct control_metrics look(int fd)
{
    for (int i = 0; i < 2; i++)
        (void)wait_for(fd, CONTROL_METRICS);
    return wait_for(fd, CONTROL_METRICS).metrics;
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
    for (unsigned i = 0; i < WORKERS; i++) {
        CHECK(CPU_ISSET(worker_cpu(i), &allowed));
        CHECK(i == 0 || cpus == 1 || worker_cpu(i) != worker_cpu(i - 1));
        CHECK(count_pinned(worker_cpu(i)) >= (cpus >= WORKERS ? 1 : WORKERS));
    }
}

static int add(int fd, uint64_t hearing, uint64_t peer, enum control_role role)
{
    return ask(fd, add_as(hearing, peer, role)).peer_ready.status;
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
    close_hearing(fd, 2);
    close_hearing(fd, 4);
    for (uint64_t p = 1; p <= 2 * LOAD_HEARING_PEERS; p++)
        CHECK_EQ(add(fd, 6, p, CONTROL_ROLE_PARTY), 0);
    struct control_metrics m = look(fd);
    CHECK_EQ(m.values[CONTROL_METRIC_PLACES_LEFT], LOAD_HEARING_PEERS);
    CHECK_EQ(m.values[CONTROL_METRIC_ROOM_LEFT], LOAD_HEARING_PEERS);
    CHECK_EQ(ask(fd, open_hearing(0x70, false)).done.status, 0);
    CHECK_EQ(ask(fd, open_hearing(0x71, false)).done.status, -EUSERS);
    CHECK_EQ(add(fd, 0x70, 1, CONTROL_ROLE_JUDGE), 0);
    CHECK_EQ(ask(fd, open_hearing(0x71, false)).done.status, -EUSERS);
}

/* The server says that it is full, to hearings and to the public, before a core is; what becomes
 * free is given away. */
static void admits_what_it_can_carry(struct core *c)
{
    core_start(c, each_capacity);
    unsigned peers;
    int fd = greet(c, &peers);
    pins_workers();
    for (uint64_t h = 1; h <= EACH * WORKERS; h++)
        CHECK_EQ(ask(fd, open_hearing(h, false)).done.status, 0);
    CHECK_EQ(ask(fd, open_hearing(0x70, false)).done.status, -EUSERS);
    CHECK_EQ(add(fd, 0x70, 1, CONTROL_ROLE_JUDGE), -EUSERS);
    CHECK_EQ(ask(fd, open_hearing(1, false)).done.status, 0); /* said again */
    admits_people(fd, 1);

    enum { MORE = CONTROL_ROLE_COUNT - 1 }; /* than was set aside for hearing 1 */
    struct control_metrics m = look(fd);
    CHECK_EQ(m.values[CONTROL_METRIC_LOAD], WORKERS * each_capacity + MORE * LOAD_PEER_PACKETS);
    CHECK_EQ(m.values[CONTROL_METRIC_CAPACITY], WORKERS * each_capacity);
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
    enum { MANY = 2 * EACH * WORKERS };
    core_start(c, each_capacity);
    unsigned peers;
    int fd = greet(c, &peers);
    for (uint64_t h = 1; h <= MANY; h++)
        CHECK_EQ(open_again(fd, h), 0);
    CHECK_EQ(ask(fd, open_hearing(0x70, false)).done.status, -EUSERS);
    for (uint64_t h = 1; h <= MANY; h++)
        CHECK_EQ(add(fd, h, h, CONTROL_ROLE_WITNESS), 0);
    CHECK_EQ(add(fd, 1, 0x90, CONTROL_ROLE_OBSERVER), -EUSERS);
    struct control_metrics m = look(fd);
    CHECK_EQ(m.values[CONTROL_METRIC_LOAD], 2 * WORKERS * each_capacity);
    close(fd);
    core_stop(c);
}
#endif

int main(void)
{
    static struct core core;
    log_start("test", LOG_ERROR - 1); /* it is all as wanted here */
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = core_make(&core, 0);
        bool happened = faults_happened();
        faults_fail_at(-1);
        core_free(&core);
        if (!happened) {
            CHECK_EQ(r, 0);
            CHECK(n > 20);
            return 0;
        }
        /* r == 0: it was a worker's letter, which that worker copes with. */
    }
#else
    core_start(&core, 0);
    refuses_the_rude(&core);
    unsigned peers;
    int fd = greet(&core, &peers);
    CHECK_EQ(peers, 0);
    answers_without_hearing(fd);
    takes_rings(fd);
    spreads_hearings(fd, &core);
    tells_metrics(fd);
    notices_a_wall_clock_that_is_set(fd);
    fd = takes_over(&core, fd);
    fd = ends_the_deaf(&core, fd);
    tells_more_than_can_wait(&core, fd);
    bounds_hearings(fd);
    close(fd);
    core_stop(&core);
    admits_what_it_can_carry(&core);
    takes_back_what_was_accepted(&core);
    return 0;
#endif
}
