/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/service.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/seqpacket.h"
#include "recorder/intake.h"
#include "recorder/tapereader.h"

#define MARK_EVERY_US    250000u
#define METRICS_EVERY_US 1000000u
#define IDLE_WAIT_MS     1000
/* Messages taken from one connection before the tapes get their turn. */
#define MESSAGES_A_TURN 64
/* How long a killed predecessor's last child may hold its socket and locks: one killed between
 * fork and exec of a renderer. Ours. */
#define PREDECESSOR_MS      3000
#define PREDECESSOR_STEP_MS 20

struct connection {
    int fd;      /* -1: free */
    uint32_t id; /* tells a connection from an earlier one in the same place */
    bool greeted;
};

/* An answer that is owed once the tape's index is durable, or the tape sealed. */
struct owed {
    uint32_t connection_id;
    uint32_t request;
    uint64_t hearing;
    uint64_t index; /* UINT64_MAX: the seal */
};

struct service {
    struct service_how how;
    int listen_fd;
    uint64_t boot_id;
    struct connection connections[LIMIT_RECORDER_CONNECTIONS];
    uint32_t last_connection_id;
    struct intake *intakes[LIMIT_HEARINGS];
    size_t intake_count;
    struct owed owed[LIMIT_NOTES_WAITING];
    size_t owed_count;
    struct renders *renders;
    struct intake_totals closed; /* of tapes closed since the start */
    uint64_t next_mark_us, next_metrics_us;
};

static struct tape_time read_clocks(void)
{
    return (struct tape_time){.monotonic_us = clock_now_us(), .wall_us = clock_wall_us()};
}

static void drop(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->greeted = false;
}

/* Returns 0, -EAGAIN while there is too much to read, or another error, and it is cut off. */
static int try_send(struct connection *c, const struct control_message *message, int fd)
{
    uint8_t bytes[LIMIT_CONTROL_BYTES];
    size_t len = 0;
    int error = control_encode(message, bytes, sizeof(bytes), &len);
    if (!error)
        error = seqpacket_send(c->fd, bytes, len, fd);
    if (error == 0 || error == -EAGAIN)
        return error;
    if (error != -EPIPE)
        log_warn("control connection %u: cannot send %s, closing it: %s", c->id,
                 control_type_name(message->type), log_errno(error));
    drop(c);
    return error;
}

/* Of an event the next one says more; whoever does not read its answers is cut off. */
static void send_to(struct connection *c, const struct control_message *message, int fd)
{
    if (try_send(c, message, fd) != -EAGAIN || message->request == 0)
        return;
    log_warn("control connection %u: does not read its answers, closing it", c->id);
    drop(c);
}

static void tell_all(struct service *s, const struct control_message *message)
{
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++) {
        if (s->connections[i].fd >= 0 && s->connections[i].greeted)
            send_to(&s->connections[i], message, -1);
    }
}

static void answer(struct connection *c, uint32_t request, int status)
{
    if (request == 0)
        return;
    const struct control_message done = {
        .type = CONTROL_DONE, .request = request, .done.status = status};
    send_to(c, &done, -1);
}

static struct intake *find_intake(const struct service *s, uint64_t hearing)
{
    for (size_t i = 0; i < s->intake_count; i++) {
        if (intake_hearing(s->intakes[i]) == hearing)
            return s->intakes[i];
    }
    return NULL;
}

static void ring_name(uint64_t hearing, char name[64])
{
    snprintf(name, 64, "ring-%016" PRIx64, hearing);
}

/* Leaves the ring with the supervisor, so that neither end's death frees it. */
static void store_ring(const struct intake *in)
{
    char name[64];
    ring_name(intake_hearing(in), name);
    int error = notify_store_fd(name, intake_ring_fd(in));
    if (error)
        log_error("hearing %016" PRIx64 ": the supervisor does not keep the ring: %s",
                  intake_hearing(in), log_errno(error));
}

static int add_intake(struct service *s, uint64_t hearing, int ring_fd, bool make_ring,
                      const struct tape_time *now, struct intake **ret_intake)
{
    if (s->intake_count == LIMIT_HEARINGS)
        return -ENOBUFS;
    int error = intake_open(s->how.renders.records_dir, hearing, ring_fd, make_ring, now,
                            &s->intakes[s->intake_count]);
    if (error)
        return error;
    *ret_intake = s->intakes[s->intake_count++];
    /* The first block is on disk before anybody is told that the tape is ready. */
    intake_step(*ret_intake, now);
    log_info("hearing %016" PRIx64 ": the tape is open", hearing);
    return 0;
}

static void forget_intake(struct service *s, struct intake *in)
{
    char name[64];
    ring_name(intake_hearing(in), name);
    (void)notify_remove_fd(name); /* a ring too many there is found sealed at the next start */
    for (size_t i = 0; i < s->intake_count; i++) {
        if (s->intakes[i] != in)
            continue;
        s->intakes[i] = s->intakes[--s->intake_count];
        intake_count(in, &s->closed);
        intake_close(in);
        return;
    }
}

static void tell_render_state(struct service *s, struct connection *c, uint64_t hearing)
{
    const struct control_message state = {.type = CONTROL_RENDER_STATE,
                                          .render_state = renders_state(s->renders, hearing)};
    send_to(c, &state, -1);
}

static void open_tape(struct service *s, struct connection *c, const struct control_message *m,
                      const struct tape_time *now)
{
    uint64_t hearing = m->hearing.hearing;
    struct intake *in = find_intake(s, hearing);
    int error = 0;
    if (!in)
        error = add_intake(s, hearing, -1, true, now, &in);
    else if (intake_ring_fd(in) < 0)
        error = intake_make_ring(in, now);
    if (!error)
        store_ring(in);
    else
        log_warn("hearing %016" PRIx64 ": cannot open its tape: %s", hearing, log_errno(error));
    const struct control_message ready = {
        .type = CONTROL_TAPE_READY,
        .request = m->request,
        .tape_ready = {.status = error, .hearing = hearing},
    };
    send_to(c, &ready, error ? -1 : intake_ring_fd(in));
    if (error == -EALREADY && c->fd >= 0)
        tell_render_state(s, c, hearing);
}

/* The answer comes when what was asked is on disk. */
static void owe(struct service *s, struct connection *c, const struct control_message *m,
                uint64_t hearing, uint64_t index)
{
    if (m->request == 0)
        return;
    if (s->owed_count == LIMIT_NOTES_WAITING) {
        answer(c, m->request, -ENOBUFS);
        return;
    }
    s->owed[s->owed_count++] = (struct owed){
        .connection_id = c->id, .request = m->request, .hearing = hearing, .index = index};
}

static void note(struct service *s, struct connection *c, const struct control_message *m,
                 const struct tape_time *now)
{
    struct intake *in = find_intake(s, m->tape_note.hearing);
    uint64_t index = 0;
    int error = in ? intake_note(in, m->tape_note.wall_us, m->tape_note.text, m->tape_note.text_len,
                                 now, &index)
                   : -ENOENT;
    if (error)
        answer(c, m->request, error);
    else
        owe(s, c, m, m->tape_note.hearing, index);
}

/* Whether the tape on disk is sealed; -ENOENT when there is none. */
static int find_sealed(const struct service *s, uint64_t hearing, bool *ret_sealed)
{
    char dir[PATH_MAX];
    int len = snprintf(dir, sizeof(dir), "%s/%016" PRIx64, s->how.renders.records_dir, hearing);
    return len < 0 || (size_t)len >= sizeof(dir) ? -ENAMETOOLONG
                                                 : tapereader_is_sealed(dir, ret_sealed);
}

/* A tape found unsealed without a ring (after a restart of the whole machine) is opened for the
 * sealing alone. One that is sealed is not opened: to recover it would be to read it. */
static void close_tape(struct service *s, struct connection *c, const struct control_message *m,
                       const struct tape_time *now)
{
    uint64_t hearing = m->hearing.hearing;
    struct intake *in = find_intake(s, hearing);
    int error = 0;
    if (!in) {
        bool sealed = false;
        error = find_sealed(s, hearing, &sealed);
        if (!error)
            error = sealed ? -EALREADY : add_intake(s, hearing, -1, false, now, &in);
    }
    if (error == -EALREADY) {
        answer(c, m->request, 0);
        if (c->fd >= 0)
            tell_render_state(s, c, hearing);
    } else if (error) {
        answer(c, m->request, error);
    } else {
        intake_seal(in);
        owe(s, c, m, hearing, UINT64_MAX);
    }
}

static void render(struct service *s, struct connection *c, const struct control_message *m)
{
    uint64_t hearing = m->hearing.hearing;
    bool sealed = false;
    int error = find_intake(s, hearing) ? -EBUSY : find_sealed(s, hearing, &sealed);
    if (!error && !sealed)
        error = -ENOENT;
    if (!error)
        error = renders_add(s->renders, hearing);
    answer(c, m->request, error);
}

static void greet(struct service *s, struct connection *c)
{
    const struct control_message hello = {
        .type = CONTROL_HELLO,
        .hello = {.version = CONTROL_VERSION, .boot_id = s->boot_id, .pid = (uint32_t)getpid()},
    };
    send_to(c, &hello, -1);
}

static void handle(struct service *s, struct connection *c, const struct control_message *m,
                   const struct tape_time *now)
{
    if (!c->greeted && m->type != CONTROL_HELLO) {
        log_warn("control connection %u: %s before HELLO, closing it", c->id,
                 control_type_name(m->type));
        drop(c);
        return;
    }
    switch ((int)m->type) {
    case CONTROL_HELLO:
        c->greeted = m->hello.version == CONTROL_VERSION;
        if (!c->greeted) {
            log_error("control connection %u: version %u, ours is %u, closing it", c->id,
                      m->hello.version, CONTROL_VERSION);
            drop(c);
        }
        break;
    case CONTROL_TAPE_OPEN:
        open_tape(s, c, m, now);
        break;
    case CONTROL_TAPE_NOTE:
        note(s, c, m, now);
        break;
    case CONTROL_TAPE_CLOSE:
        close_tape(s, c, m, now);
        break;
    case CONTROL_TAPE_RENDER:
        render(s, c, m);
        break;
    default:
        answer(c, m->request, -ENOSYS);
        break;
    }
}

/* Takes the messages of one connection. */
static void receive(struct service *s, struct connection *c)
{
    for (int i = 0; i < MESSAGES_A_TURN && c->fd >= 0; i++) {
        uint8_t bytes[LIMIT_CONTROL_BYTES];
        int fd = -1;
        ssize_t len = seqpacket_receive(c->fd, bytes, sizeof(bytes), &fd);
        if (fd >= 0)
            close(fd); /* nobody has one to give us */
        if (len == -EAGAIN)
            return;
        struct control_message message;
        int error = len <= 0 ? (int)len : control_decode(bytes, (size_t)len, &message);
        if (len == 0 || error) {
            if (error)
                log_warn("control connection %u: closing it: %s", c->id, log_errno(error));
            drop(c);
            return;
        }
        const struct tape_time now = read_clocks();
        handle(s, c, &message, &now);
    }
}

static void accept_one(struct service *s)
{
    int fd = seqpacket_accept(s->listen_fd, s->how.peer_uid);
    if (fd < 0) {
        if (fd == -EPERM)
            log_warn("control: another user's connection refused");
        return;
    }
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++) {
        struct connection *c = &s->connections[i];
        if (c->fd >= 0)
            continue;
        *c = (struct connection){.fd = fd, .id = ++s->last_connection_id};
        greet(s, c);
        return;
    }
    log_warn("control: too many connections, refusing one");
    close(fd);
}

static struct connection *find_connection(struct service *s, uint32_t id)
{
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++) {
        if (s->connections[i].fd >= 0 && s->connections[i].id == id)
            return &s->connections[i];
    }
    return NULL;
}

/* Gives the answers whose time has come and that are read; forgets those of who is gone. */
static void pay(struct service *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->owed_count; i++) {
        const struct owed owed = s->owed[i];
        struct connection *c = find_connection(s, owed.connection_id);
        const struct intake *in = find_intake(s, owed.hearing);
        struct control_tape_mark mark = {0};
        if (in)
            intake_mark(in, &mark);
        bool ready = !in || intake_is_sealed(in) ||
                     (owed.index != UINT64_MAX && mark.durable_index >= owed.index);
        const struct control_message done = {.type = CONTROL_DONE, .request = owed.request};
        if (c && (!ready || try_send(c, &done, -1) == -EAGAIN))
            s->owed[kept++] = owed;
    }
    s->owed_count = kept;
}

static void tell_mark(struct service *s, const struct intake *in)
{
    struct control_message mark = {.type = CONTROL_TAPE_MARK};
    intake_mark(in, &mark.tape_mark);
    tell_all(s, &mark);
}

static void tell_metrics(struct service *s)
{
    struct intake_totals totals = s->closed;
    totals.sync_us = 0;
    for (size_t i = 0; i < s->intake_count; i++)
        intake_count(s->intakes[i], &totals);
    struct control_message metrics = {.type = CONTROL_METRICS};
    metrics.metrics.values[CONTROL_METRIC_HEARINGS] = s->intake_count;
    metrics.metrics.values[CONTROL_METRIC_TAPE_BYTES] = totals.bytes;
    metrics.metrics.values[CONTROL_METRIC_TAPE_RECORDS] = totals.records;
    metrics.metrics.values[CONTROL_METRIC_TAPE_SYNC_US] = totals.sync_us;
    metrics.metrics.values[CONTROL_METRIC_TAPE_ERRORS] = totals.errors;
    tell_all(s, &metrics);
}

static void step_tapes(struct service *s)
{
    for (size_t i = 0; i < s->intake_count; i++) {
        const struct tape_time now = read_clocks();
        intake_step(s->intakes[i], &now);
    }
    pay(s);
    for (size_t i = s->intake_count; i-- > 0;) {
        struct intake *in = s->intakes[i];
        if (!intake_is_sealed(in))
            continue;
        uint64_t hearing = intake_hearing(in);
        log_info("hearing %016" PRIx64 ": the tape is sealed", hearing);
        tell_mark(s, in);
        forget_intake(s, in);
        int error = renders_add(s->renders, hearing);
        if (error && error != -ENOTSUP)
            log_error("hearing %016" PRIx64 ": not rendered: %s", hearing, log_errno(error));
        const struct control_message state = {.type = CONTROL_RENDER_STATE,
                                              .render_state = renders_state(s->renders, hearing)};
        tell_all(s, &state);
    }
}

static void step_events(struct service *s, uint64_t now_us)
{
    struct control_message state = {.type = CONTROL_RENDER_STATE};
    while (renders_step(s->renders, now_us, &state.render_state))
        tell_all(s, &state);
    if (now_us >= s->next_mark_us) {
        s->next_mark_us = now_us + MARK_EVERY_US;
        for (size_t i = 0; i < s->intake_count; i++)
            tell_mark(s, s->intakes[i]);
    }
    if (now_us >= s->next_metrics_us) {
        s->next_metrics_us = now_us + METRICS_EVERY_US;
        tell_metrics(s);
    }
}

int service_step(struct service *s, int stop_fd)
{
    enum { STOP, LISTEN, RENDERS, CONNECTIONS };
    struct pollfd fds[CONNECTIONS + LIMIT_RECORDER_CONNECTIONS] = {
        [STOP] = {.fd = stop_fd, .events = POLLIN},
        [LISTEN] = {.fd = s->listen_fd, .events = POLLIN},
        [RENDERS] = {.fd = renders_fd(s->renders), .events = POLLIN},
    };
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++)
        fds[CONNECTIONS + i] = (struct pollfd){.fd = s->connections[i].fd, .events = POLLIN};
    int wait_ms = s->intake_count > 0 || s->renders ? SERVICE_STEP_MS : IDLE_WAIT_MS;
    int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms);
    if (ready < 0 && errno != EINTR)
        return -errno;
    for (size_t i = 0; ready > 0 && i < LIMIT_RECORDER_CONNECTIONS; i++) {
        if (fds[CONNECTIONS + i].revents)
            receive(s, &s->connections[i]);
    }
    if (ready > 0 && fds[LISTEN].revents)
        accept_one(s);
    step_tapes(s);
    step_events(s, clock_now_us());
    return ready > 0 && fds[STOP].revents ? 0 : 1;
}

void service_flush(struct service *s, const struct tape_time *now)
{
    for (size_t i = 0; i < s->intake_count; i++)
        intake_flush(s->intakes[i], now);
    pay(s);
}

/* Whether it is worth to try again what our predecessor still holds; waits a little. */
static bool is_predecessor_there(int error, int *left_ms)
{
    if ((error != -EBUSY && error != -EADDRINUSE) || *left_ms <= 0)
        return false;
    *left_ms -= PREDECESSOR_STEP_MS;
    (void)poll(NULL, 0, PREDECESSOR_STEP_MS); /* nothing tells us that its descriptors are closed */
    return true;
}

static int take_ring(struct service *s, uint64_t hearing, int ring_fd, int *left_ms)
{
    int error;
    do {
        const struct tape_time now = read_clocks();
        struct intake *in = NULL;
        error = add_intake(s, hearing, ring_fd, false, &now, &in);
    } while (is_predecessor_there(error, left_ms));
    return error;
}

/* Goes on with the tapes whose rings outlived our predecessor. */
static void take_rings(struct service *s, struct notify_fd *fds, size_t fd_count, int *left_ms)
{
    for (size_t i = 0; i < fd_count; i++) {
        uint64_t hearing = 0;
        int end = 0;
        if (sscanf(fds[i].name, "ring-%16" SCNx64 "%n", &hearing, &end) == 1 &&
            fds[i].name[end] == '\0' && hearing != 0) {
            int error = take_ring(s, hearing, fds[i].fd, left_ms);
            if (error)
                log_error("hearing %016" PRIx64 ": cannot go on with its ring: %s", hearing,
                          log_errno(error));
            if (error == -EALREADY)
                (void)notify_remove_fd(
                    fds[i].name); /* sealed: it was the last act before a crash */
        }
        close(fds[i].fd);
    }
}

int service_create(const struct service_how *how, struct notify_fd *fds, size_t fd_count,
                   struct service **ret_service)
{
    CLEANUP(service_destroy) struct service *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->how = *how;
    s->listen_fd = -1;
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++)
        s->connections[i].fd = -1;
    int error = renders_create(&s->how.renders, &s->renders);
    if (error)
        return error;
    if (getrandom(&s->boot_id, sizeof(s->boot_id), 0) != sizeof(s->boot_id))
        return -errno;
    /* Recording first: whoever wants to talk to us can wait. */
    int left_ms = PREDECESSOR_MS;
    take_rings(s, fds, fd_count, &left_ms);
    do {
        s->listen_fd = seqpacket_listen(how->socket_path);
    } while (is_predecessor_there(s->listen_fd, &left_ms));
    if (s->listen_fd < 0)
        return s->listen_fd;
    error = how->renders.program ? renders_look(s->renders) : 0;
    if (error)
        return error;
    *ret_service = STEAL(s);
    return 0;
}

void service_destroy(struct service *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < LIMIT_RECORDER_CONNECTIONS; i++)
        drop(&s->connections[i]);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    for (size_t i = 0; i < s->intake_count; i++)
        intake_close(s->intakes[i]);
    renders_destroy(s->renders);
    free(s);
}
