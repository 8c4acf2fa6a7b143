/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/control.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/limits.h"
#include "common/list.h"
#include "common/log.h"
#include "common/seqpacket.h"
#include "sfu/letters.h"
#include "sfu/load.h"
#include "sfu/table.h"

#define METRICS_INTERVAL_S 1
/* How soon a letter is offered again to a worker whose mailbox was full. */
#define HELD_RETRY_MS 5
/* What the workers tell is taken while no more than this waits for signaling: the rest stays in the
 * mailbox, and the other half of the queue is for our own answers and METRICS. So a burst, like the
 * state told to a signaling that comes back, takes its time and never looks like one that does not
 * read. */
#define PORTION (LIMIT_CONTROL_QUEUE / 2)
/* Requests read in one go, so that events are not kept waiting. */
#define REQUESTS_PER_TURN 64
/* Where a hearing lives. */
struct placement {
    uint64_t hearing;
    unsigned worker;
};

/* An encoded message that the socket did not take yet. */
struct outgoing {
    struct list link;
    size_t len;
    uint8_t data[];
};

struct connection {
    int fd;                 /* -1: signaling is away */
    uint32_t number;        /* of this connection, never 0 */
    bool greeted;           /* HELLO was right: requests are taken, events are told */
    unsigned presents_left; /* workers that have not told their state yet */
    uint32_t presents_request;
    struct list queue; /* of struct outgoing, oldest first */
    size_t queued;
};

struct control_desk {
    struct control_desk_options options;
    int listen_fd;
    int timer_fd;
    struct connection connection;
    struct table *placements;             /* hearing -> struct placement, owned */
    struct control_letter *held;          /* a request whose worker's mailbox is full */
    struct control_metrics *last_metrics; /* one per worker */
    unsigned *hearings;                   /* on each worker */
    uint64_t refused;                     /* hearings, as the server was full */
};

int control_desk_create(const struct control_desk_options *options, struct control_desk **ret_desk)
{
    assert(options->worker_count > 0);
    CLEANUP(control_desk_destroy) struct control_desk *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->options = *options;
    d->listen_fd = -1;
    d->timer_fd = -1;
    d->connection.fd = -1;
    list_init(&d->connection.queue);
    int r = table_create(LIMIT_HEARINGS_RETURNED, options->boot_id, &d->placements);
    if (r < 0)
        return r;
    d->last_metrics = calloc(options->worker_count, sizeof(*d->last_metrics));
    d->hearings = calloc(options->worker_count, sizeof(*d->hearings));
    if (!d->last_metrics || !d->hearings)
        return -ENOMEM;
    d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (d->timer_fd < 0)
        return -errno;
    const struct itimerspec every = {{METRICS_INTERVAL_S, 0}, {METRICS_INTERVAL_S, 0}};
    if (timerfd_settime(d->timer_fd, 0, &every, NULL) < 0)
        return -errno;
    d->listen_fd = seqpacket_listen(options->path);
    if (d->listen_fd < 0)
        return d->listen_fd;

    *ret_desk = STEAL(d);
    return 0;
}

/* Forgets the connection to signaling, if there is one. Hearings stay. */
static void disconnect(struct control_desk *d)
{
    struct connection *c = &d->connection;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->greeted = false;
    c->presents_left = 0;
    LIST_FOR_EACH_SAFE(it, &c->queue)
    {
        list_remove(it);
        free(LIST_ENTRY(it, struct outgoing, link));
    }
    c->queued = 0;
}

void control_desk_destroy(struct control_desk *d)
{
    if (!d)
        return;
    disconnect(d);
    control_letter_destroy(d->held);
    if (d->listen_fd >= 0) {
        close(d->listen_fd);
        (void)unlink(d->options.path); /* the next start replaces a dead one anyway */
    }
    if (d->timer_fd >= 0)
        close(d->timer_fd);
    if (d->placements) {
        size_t cursor = 0;
        struct placement *p;
        while ((p = table_next(d->placements, &cursor)))
            free(p);
        table_destroy(d->placements);
    }
    free(d->last_metrics);
    free(d->hearings);
    free(d);
}

/* Signaling is ended with when it does not read: it comes back and is told the state anew. */
static void give_up_connection(struct control_desk *d, const char *why)
{
    log_warn("control: closing the connection to signaling: %s", why);
    disconnect(d);
}

static void queue_message(struct control_desk *d, const uint8_t *data, size_t len)
{
    struct connection *c = &d->connection;
    struct outgoing *o = NULL;
    if (c->queued < LIMIT_CONTROL_QUEUE)
        o = malloc(sizeof(*o) + len);
    if (!o) {
        give_up_connection(d, "it does not keep up");
        return;
    }
    o->len = len;
    o->link = (struct list){NULL, NULL};
    memcpy(o->data, data, len);
    list_append(&c->queue, &o->link);
    c->queued++;
}

static void send_message(struct control_desk *d, const struct control_message *message)
{
    struct connection *c = &d->connection;
    if (c->fd < 0)
        return;
    uint8_t data[LIMIT_CONTROL_BYTES];
    size_t len;
    int r = control_encode(message, data, sizeof(data), &len);
    if (r < 0) {
        log_error("control: cannot encode %s, not sent: %s", control_type_name(message->type),
                  log_errno(r));
        return;
    }
    r = c->queued > 0 ? -EAGAIN : seqpacket_send(c->fd, data, len, -1);
    if (r == -EAGAIN)
        queue_message(d, data, len);
    else if (r < 0)
        give_up_connection(d, log_errno(r));
}

static void flush_queue(struct control_desk *d)
{
    struct connection *c = &d->connection;
    while (c->fd >= 0 && c->queued > 0) {
        struct outgoing *o = LIST_ENTRY(c->queue.next, struct outgoing, link);
        int r = seqpacket_send(c->fd, o->data, o->len, -1);
        if (r == -EAGAIN)
            return;
        if (r < 0) {
            give_up_connection(d, log_errno(r));
            return;
        }
        list_remove(&o->link);
        free(o);
        c->queued--;
    }
}

static void send_hello(struct control_desk *d, uint32_t request)
{
    struct control_message hello = {
        .type = CONTROL_HELLO,
        .request = request,
        .hello = {CONTROL_VERSION, d->options.boot_id, (uint32_t)getpid()},
    };
    send_message(d, &hello);
}

/* A letter's way when nobody on the other side can be told any more. */
static void post_or_hold(struct control_desk *d, struct control_letter *letter)
{
    if (worker_post(d->options.workers[letter->worker], letter) == 0)
        return;
    assert(!d->held);
    d->held = letter;
}

static void answer(struct control_desk *d, const struct control_message *request, int status)
{
    struct control_message message = letters_answer(request, status);
    if (message.request || message.type == CONTROL_SEAT_SWITCHED)
        send_message(d, &message);
}

/* Passes a request (and `fd`, which is taken over) to a worker. */
static void pass_on(struct control_desk *d, unsigned worker, const struct control_message *message,
                    int fd)
{
    struct control_letter *letter = worker_letter_create(message);
    if (!letter) {
        if (fd >= 0)
            close(fd);
        answer(d, message, -ENOMEM);
        return;
    }
    letter->worker = worker;
    letter->connection = d->connection.number;
    letter->fd = fd;
    post_or_hold(d, letter);
}

/* The workers tell who and what is there: it may be news to a restarted signaling. */
static void ask_for_presence(struct control_desk *d, uint32_t request)
{
    struct control_message message = {.type = CONTROL_PRESENT_END, .request = request};
    d->connection.presents_left = (unsigned)d->options.worker_count;
    for (unsigned i = 0; i < d->options.worker_count; i++) {
        (void)worker_take_lost(d->options.workers[i]); /* it is told everything now */
        struct control_letter *letter = worker_letter_create(&message);
        if (letter) {
            letter->worker = i;
            letter->connection = d->connection.number;
        }
        if (!letter || worker_post(d->options.workers[i], letter) < 0) {
            control_letter_destroy(letter);
            give_up_connection(d, "a worker cannot be asked for its state");
            return;
        }
    }
}

static void greet(struct control_desk *d, const struct control_message *message)
{
    send_hello(d, message->request); /* before a refusal too, so that the other side sees why */
    if (message->hello.version != CONTROL_VERSION) {
        log_error("control: signaling speaks version %" PRIu32 ", we %d; closing",
                  message->hello.version, CONTROL_VERSION);
        disconnect(d);
        return;
    }
    if (d->connection.fd < 0)
        return;
    d->connection.greeted = true;
    log_info("control: signaling %" PRIu32 " is here", message->hello.pid);
    ask_for_presence(d, message->request);
}

#define HEARING_PACKETS (LOAD_HEARING_PEERS * (uint64_t)LOAD_PEER_PACKETS)

/* Packets a second: as the worker told last, and what is set aside for the hearings it was given
 * since. */
static uint64_t load_of(const struct control_desk *d, unsigned worker)
{
    const uint64_t *told = d->last_metrics[worker].values;
    uint64_t hearings = d->hearings[worker], known = told[CONTROL_METRIC_HEARINGS];
    uint64_t since = hearings > known ? hearings - known : 0;
    return told[CONTROL_METRIC_LOAD] + since * HEARING_PACKETS;
}

static unsigned least_loaded(const struct control_desk *d)
{
    unsigned best = 0;
    for (unsigned i = 1; i < d->options.worker_count; i++)
        if (load_of(d, i) < load_of(d, best))
            best = i;
    return best;
}

/* Whether one hearing more is too many, or no worker takes it. */
static bool is_full(const struct control_desk *d)
{
    if (table_count(d->placements) >= LIMIT_HEARINGS)
        return true;
    return d->options.capacity &&
           load_of(d, least_loaded(d)) + HEARING_PACKETS > d->options.capacity;
}

/* A hearing stays on its worker until it is closed. Returns 0, -EUSERS when the server is full and
 * it was not accepted before, -ENOSPC at LIMIT_HEARINGS_RETURNED, -ENOMEM. */
static int place_hearing(struct control_desk *d, const struct control_hearing_open *open,
                         unsigned *ret_worker)
{
    struct placement *p = table_get(d->placements, open->hearing);
    if (!p) {
        if (!open->accepted && is_full(d)) {
            d->refused++;
            return -EUSERS;
        }
        p = malloc(sizeof(*p));
        if (!p)
            return -ENOMEM;
        *p = (struct placement){open->hearing, least_loaded(d)};
        int r = table_put(d->placements, open->hearing, p);
        if (r < 0) {
            free(p);
            return r;
        }
        d->hearings[p->worker]++;
    }
    *ret_worker = p->worker;
    return 0;
}

/* The first field of every request is its hearing's id. */
static uint64_t hearing_of(const struct control_message *m)
{
    return m->hearing.hearing;
}
_Static_assert(offsetof(struct control_matrix, hearing) == 0 &&
                   offsetof(struct control_screens, hearing) == 0 &&
                   offsetof(struct control_peer_add, hearing) == 0 &&
                   offsetof(struct control_stream_add, hearing) == 0 &&
                   offsetof(struct control_seat_set, hearing) == 0,
               "a request begins with its hearing");

static void serve_open(struct control_desk *d, const struct control_message *m, int fd)
{
    unsigned worker;
    int r = m->hearing_open.recorded && fd < 0 ? -EINVAL : 0;
    if (r == 0 && hearing_of(m) == 0)
        r = -EINVAL;
    if (r == 0)
        r = place_hearing(d, &m->hearing_open, &worker);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        answer(d, m, r);
        return;
    }
    pass_on(d, worker, m, fd);
}

static void serve_close(struct control_desk *d, const struct control_message *m)
{
    struct placement *p = table_remove(d->placements, hearing_of(m));
    if (!p) {
        answer(d, m, 0); /* repeated: it is closed */
        return;
    }
    unsigned worker = p->worker;
    d->hearings[worker]--;
    free(p);
    pass_on(d, worker, m, -1);
}

/* A request of an open hearing goes to its worker. */
static void serve_in_hearing(struct control_desk *d, const struct control_message *m)
{
    struct placement *p = table_get(d->placements, hearing_of(m));
    if (p)
        pass_on(d, p->worker, m, -1);
    else if (m->type == CONTROL_PEER_REMOVE || m->type == CONTROL_STREAM_REMOVE)
        answer(d, m, 0); /* gone, as wanted */
    else if (m->type == CONTROL_PEER_ADD && is_full(d))
        answer(d, m, -EUSERS); /* its hearing was refused for that */
    else
        answer(d, m, -ENOENT);
}

/* Takes `fd` over. */
static void serve(struct control_desk *d, const struct control_message *m, int fd)
{
    if (!d->connection.greeted && m->type != CONTROL_HELLO) {
        if (fd >= 0)
            close(fd);
        give_up_connection(d, "it did not say HELLO first");
        return;
    }
    if (m->type == CONTROL_HEARING_OPEN) {
        serve_open(d, m, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (m->type == CONTROL_HELLO)
        greet(d, m);
    else if (m->type == CONTROL_HEARING_CLOSE)
        serve_close(d, m);
    else if (m->type >= CONTROL_MATRIX && m->type <= CONTROL_SCREENS)
        serve_in_hearing(d, m);
    else
        give_up_connection(d, "it sent what is not for us");
}

/* Reads what signaling wants, as long as the workers take it. */
static void read_requests(struct control_desk *d)
{
    for (int i = 0; i < REQUESTS_PER_TURN && d->connection.fd >= 0 && !d->held; i++) {
        uint8_t data[LIMIT_CONTROL_BYTES];
        int fd = -1;
        ssize_t len = seqpacket_receive(d->connection.fd, data, sizeof(data), &fd);
        if (len == -EAGAIN)
            return;
        if (len == 0) {
            log_warn("control: signaling is gone, media goes on");
            disconnect(d);
            return;
        }
        struct control_message message;
        int r = len < 0 ? (int)len : control_decode(data, (size_t)len, &message);
        if (r < 0) {
            if (fd >= 0)
                close(fd);
            give_up_connection(d, "it sent what cannot be read");
            return;
        }
        serve(d, &message, fd);
    }
}

static void accept_signaling(struct control_desk *d)
{
    int fd = seqpacket_accept(d->listen_fd, d->options.peer_uid);
    if (fd < 0) {
        if (fd != -EAGAIN)
            log_warn("control: a connection is refused: %s", log_errno(fd));
        return;
    }
    if (d->connection.fd >= 0)
        log_warn("control: a new connection replaces the old one");
    disconnect(d);
    d->connection.fd = fd;
    if (++d->connection.number == 0)
        d->connection.number = 1;
}

/* One worker's share of what is told of all. */
static void add_metric(uint64_t *sum, enum control_metric metric, uint64_t value)
{
    if (metric != CONTROL_METRIC_ROOM_LEFT && metric != CONTROL_METRIC_SEALING &&
        metric != CONTROL_METRIC_READ_GAP_US)
        *sum += value;
    else if (value > *sum)
        *sum = value;
}

static void tell_metrics(struct control_desk *d)
{
    uint64_t expirations;
    (void)!read(d->timer_fd, &expirations, sizeof(expirations)); /* only to make it unreadable */
    if (!d->connection.greeted)
        return;
    struct control_message sum = {.type = CONTROL_METRICS};
    for (size_t w = 0; w < d->options.worker_count; w++)
        for (size_t i = 0; i < CONTROL_METRIC_COUNT; i++)
            add_metric(&sum.metrics.values[i], (enum control_metric)i,
                       d->last_metrics[w].values[i]);
    sum.metrics.values[CONTROL_METRIC_REFUSED] += d->refused;
    send_message(d, &sum);
}

void control_desk_deliver(struct letter *l, void *owner)
{
    struct control_desk *d = owner;
    CLEANUP(control_letter_destroy) struct control_letter *letter = (struct control_letter *)l;
    const struct control_message *m = &letter->message;
    if (m->type == CONTROL_METRICS) {
        d->last_metrics[letter->worker] = m->metrics;
        return;
    }
    if (!d->connection.greeted)
        return;
    if (letter->connection && letter->connection != d->connection.number)
        return; /* whoever asked is gone */
    if (m->type == CONTROL_PRESENT_END && --d->connection.presents_left > 0)
        return; /* one for all workers */
    send_message(d, m);
}

/* A worker that could not tell something leaves signaling with a wrong picture. */
static void check_lost(struct control_desk *d)
{
    for (size_t i = 0; i < d->options.worker_count; i++)
        if (worker_take_lost(d->options.workers[i]) && d->connection.greeted)
            give_up_connection(d, "a worker's message to it was lost");
}

static void retry_held(struct control_desk *d)
{
    struct control_letter *letter = STEAL(d->held);
    if (letter)
        post_or_hold(d, letter);
}

static void take_letters(struct control_desk *d)
{
    size_t most = SIZE_MAX; /* nobody is told */
    if (d->connection.greeted)
        most = d->connection.queued < PORTION ? PORTION - d->connection.queued : 0;
    if (most > 0)
        (void)mailbox_drain(d->options.mailbox, d, most);
}

/* What is polled for letters: nothing while as many wait as signaling can be told. */
static int open_mailbox(const struct control_desk *d)
{
    return d->connection.queued < PORTION ? mailbox_fd(d->options.mailbox) : -1;
}

int control_desk_run(struct control_desk *d, int stop_fd)
{
    enum { STOP, LISTEN, MAILBOX, TIMER, CONNECTION, COUNT };
    for (;;) {
        short wanted = (short)((d->held ? 0 : POLLIN) | (d->connection.queued ? POLLOUT : 0));
        struct pollfd fds[COUNT] = {
            [STOP] = {.fd = stop_fd, .events = POLLIN},
            [LISTEN] = {.fd = d->listen_fd, .events = POLLIN},
            [MAILBOX] = {.fd = open_mailbox(d), .events = POLLIN},
            [TIMER] = {.fd = d->timer_fd, .events = POLLIN},
            [CONNECTION] = {.fd = wanted ? d->connection.fd : -1, .events = wanted},
        };
        if (poll(fds, COUNT, d->held ? HELD_RETRY_MS : -1) < 0 && errno != EINTR)
            return -errno;
        if (fds[STOP].revents)
            return 0;
        retry_held(d);
        if (fds[CONNECTION].revents & POLLOUT)
            flush_queue(d);
        if (fds[CONNECTION].revents & (POLLIN | POLLHUP | POLLERR))
            read_requests(d);
        if (fds[MAILBOX].revents)
            take_letters(d);
        if (fds[TIMER].revents)
            tell_metrics(d);
        if (fds[LISTEN].revents)
            accept_signaling(d);
        check_lost(d);
    }
}
