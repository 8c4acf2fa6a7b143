/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/worker.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "sfu/context.h"
#include "sfu/directory.h"
#include "sfu/dtls.h"
#include "sfu/endpoints.h"
#include "sfu/forward.h"
#include "sfu/orders.h"
#include "sfu/packet.h"
#include "sfu/paths.h"
#include "sfu/room.h"
#include "sfu/send.h"
#include "sfu/tcp.h"
#include "sfu/transmit.h"
#include "sfu/udp.h"

#define METRICS_INTERVAL_US (1000 * 1000ull)
/* Two clocks read within this time are read at once. Ours. */
#define CLOCKS_APART_US (1 * 1000ull)
/* Datagrams read from one socket before the others and the timers have their turn: no batch is
 * begun after so many. Ours. */
#define DATAGRAMS_PER_TURN 512

/* Letters of the mailbox carried out in one turn. Ours: a peer added takes 0.1 ms, and hundreds
 * come at once. */
#define LETTERS_PER_TURN 8

/* What woke the loop, as epoll's user data; sockets count up from WAKE_SOCKET. */
enum { WAKE_STOP, WAKE_MAILBOX, WAKE_TCP, WAKE_SOCKET };

struct worker {
    struct worker_options options;
    pthread_t thread;
    bool started;
    struct mailbox *mailbox;
    int epoll_fd, stop_fd;

    /* From here on the worker's own thread only, once it runs. */
    struct context context;
    struct table *rooms; /* hearing -> struct room, owned */
    struct orders_offer offer;
    struct tcp *tcp; /* NULL: off */
    uint16_t tcp_port;
    struct endpoints endpoints;
    uint64_t tick; /* of WHEEL_TICK_US: timers were run in it */
    uint64_t metrics_us;
};

static int watch(struct worker *w, int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* RFC 8445 section 5.1.2.1: type preference of a host candidate, then ours by order. Over TCP both
 * as RFC 6544 section 4.2 has it: a lower type, and the passive direction (4) before our order. */
static uint32_t priority(size_t index, bool tcp)
{
    uint32_t order = (uint32_t)index;
    uint32_t type = tcp ? 90 : 126, local = tcp ? 4u << 13 | (8191u - order) : 65535u - order;
    return type << 24 | local << 8 | 255;
}

static void offer_address(struct worker *w, const char *text, uint16_t port, bool tcp)
{
    struct orders_offer *o = &w->offer;
    assert(o->candidate_count < LIMIT_CANDIDATES); /* options hold no more in either list */
    struct control_candidate *candidate = &o->candidates[o->candidate_count];
    (void)snprintf(candidate->address, sizeof(candidate->address), "%s", text);
    candidate->port = port;
    candidate->tcp = tcp;
    candidate->priority = priority(o->candidate_count, tcp);
    o->candidate_count++;
}

static int open_endpoints(struct worker *w)
{
    const struct worker_options *o = &w->options;
    int r = endpoints_create(w->epoll_fd, WAKE_SOCKET, o->port, &w->endpoints);
    for (size_t i = 0; r == 0 && i < o->listen_count; i++) {
        char text[CONTROL_ADDRESS_MAX];
        r = endpoints_add(&w->endpoints, &o->listen[i], w->context.sealer);
        address_to_text(&o->listen[i], text);
        if (r == 0 && o->public_count == 0)
            offer_address(w, text, w->endpoints.port, false);
    }
    for (size_t i = 0; r == 0 && i < o->public_count; i++)
        offer_address(w, o->public[i], w -> endpoints.port, false);
    return r;
}

/* At the configured port or that of UDP. Where any port was asked for, any does. */
static int listen_at(struct worker *w, const struct address *on)
{
    struct address local = *on;
    address_set_port(&local, w->options.tcp_port ? w->options.tcp_port : w->endpoints.port);
    int r = tcp_listen(w->tcp, &local, &w->tcp_port);
    if (r != -EADDRINUSE || w->options.port || w->options.tcp_port)
        return r;
    address_set_port(&local, 0);
    return tcp_listen(w->tcp, &local, &w->tcp_port);
}

static int open_tcp(struct worker *w)
{
    if (!w->options.tcp)
        return 0;
    int r = tcp_create(w->context.sealer, &w->tcp);
    for (size_t i = 0; r == 0 && i < w->options.listen_count; i++) {
        char text[CONTROL_ADDRESS_MAX];
        r = listen_at(w, &w->options.listen[i]);
        address_to_text(&w->options.listen[i], text);
        if (r == 0 && w->options.public_count == 0)
            offer_address(w, text, w->tcp_port, true);
    }
    for (size_t i = 0; r == 0 && i < w->options.public_count; i++)
        offer_address(w, w->options.public[i], w -> tcp_port, true);
    return r < 0 ? r : watch(w, tcp_fd(w->tcp), WAKE_TCP);
}

static int open_wakes(struct worker *w)
{
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll_fd < 0)
        return -errno;
    w->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->stop_fd < 0)
        return -errno;
    int r = watch(w, w->stop_fd, WAKE_STOP);
    if (r == 0)
        r = watch(w, mailbox_fd(w->mailbox), WAKE_MAILBOX);
    return r;
}

static int open_context(struct worker *w)
{
    struct context *c = &w->context;
    c->now_us = clock_now_us();
    c->wall_offset_us = clock_wall_us() - c->now_us;
    c->boot_id = w->options.boot_id;
    c->dtls = w->options.dtls;
    handshakes_init(&c->handshakes);
    wheel_init(&c->peers, c->now_us);
    list_init(&c->paced);
    c->outbox.to = w->options.desk;
    c->outbox.deliver = w->options.deliver;
    c->outbox.worker = w->options.number;
    c->load.capacity = w->options.capacity;
    memcpy(w->offer.fingerprint, dtls_context_fingerprint(c->dtls), sizeof(w->offer.fingerprint));
    int r = directory_create(&c->directory);
    if (r == 0)
        r = sealer_create(w->options.sealing, &c->sealer);
    if (r == 0)
        r = packet_pool_create(w->options.packets, &c->pool);
    if (r == 0)
        r = table_create(LIMIT_HEARINGS_RETURNED, c->boot_id, &w->rooms);
    return r;
}

static void deliver(struct letter *l, void *owner)
{
    struct worker *w = owner;
    CLEANUP(control_letter_destroy) struct control_letter *letter = (struct control_letter *)l;
    w->context.outbox.connection = letter->connection;
    orders_serve(&w->context, w->rooms, &w->offer, &letter->message, letter->fd);
    w->context.outbox.connection = 0;
}

/* Gives what waits to the kernel. */
static void flush(struct worker *w)
{
    endpoints_flush(&w->endpoints);
    if (w->tcp)
        tcp_flush(w->tcp, w->context.now_us);
}

static void read_tcp(struct worker *w)
{
    struct path from;
    struct framing_datagram datagram;
    tcp_wake(w->tcp, w->context.now_us);
    while (tcp_next(w->tcp, &from, &datagram))
        forward_datagram(&w->context, &from, datagram.bytes, datagram.len);
    forward_burst(&w->context);
}

/* No transport knows a connection any more when its memory goes. */
static void end_connections(struct worker *w)
{
    struct list *users;
    while (w->tcp && (users = tcp_take_ended(w->tcp)))
        paths_lose(users);
}

/* Returns whether more waits there. */
static bool read_socket(struct worker *w, size_t i, bool rtcp)
{
    int count;
    for (int taken = 0; taken < DATAGRAMS_PER_TURN; taken += count) {
        count = endpoints_read(&w->endpoints, i, rtcp, &w->context);
        flush(w);
        if (count < UDP_BATCH)
            return false;
    }
    return true;
}

/* As often as it is due, not as often as it comes: see endpoints.h. */
static void read_rtcp(struct worker *w)
{
    if (w->context.now_us < endpoints_rtcp_us(&w->endpoints))
        return;
    bool more = false;
    for (size_t i = 0; i < w->endpoints.count; i++)
        more |= read_socket(w, i, true);
    endpoints_note_rtcp(&w->endpoints, &w->context, more);
}

static void collect_load(const struct worker *w, uint64_t values[CONTROL_METRIC_COUNT])
{
    const struct load *load = &w->context.load;
    struct load_people people = orders_people(w->rooms);
    values[CONTROL_METRIC_HEARINGS] = people.hearings;
    values[CONTROL_METRIC_PEERS] = people.peers;
    values[CONTROL_METRIC_LOAD] = load_now(load, people);
    values[CONTROL_METRIC_CAPACITY] = load->capacity;
    uint64_t places = load->capacity ? load_places(load, people) : 0;
    values[CONTROL_METRIC_PLACES_LEFT] = places;
    values[CONTROL_METRIC_ROOM_LEFT] = places;
    for (uint64_t s = 0; s < CONTROL_SEALING_COUNT; s++) {
        const char *name = control_sealing_name(s);
        if (name && strcmp(name, worker_sealing(w)) == 0)
            values[CONTROL_METRIC_SEALING] = s;
    }
}

static void collect_tcp(const struct tcp_stats *s, uint64_t values[CONTROL_METRIC_COUNT])
{
    values[CONTROL_METRIC_TCP_CONNECTIONS] = s->connections;
    values[CONTROL_METRIC_TCP_REFUSED] = s->refused;
    values[CONTROL_METRIC_TCP_SENT] = s->datagrams;
    values[CONTROL_METRIC_DROPPED_JUNK] += s->dropped_in;
    values[CONTROL_METRIC_DROPPED_TCP] =
        s->dropped[LANES_CONTROL] + s->dropped[LANES_SOUND] + s->dropped[LANES_PICTURE];
}

static void collect_metrics(struct worker *w, uint64_t values[CONTROL_METRIC_COUNT])
{
    const struct transport_stats *t = &w->context.transport_stats;
    memcpy(values, w->context.counters, sizeof(w->context.counters));
    values[CONTROL_METRIC_DROPPED_JUNK] +=
        t->dropped[TRANSPORT_DROP_JUNK] + t->dropped[TRANSPORT_DROP_FOREIGN] +
        t->dropped[TRANSPORT_DROP_DTLS] + t->dropped[TRANSPORT_DROP_EARLY] +
        t->dropped[TRANSPORT_DROP_ENDED] + udp_reader_oversize(w->endpoints.reader);
    values[CONTROL_METRIC_DROPPED_FORGED] +=
        t->dropped[TRANSPORT_DROP_FORGED] + t->dropped[TRANSPORT_DROP_REPLAYED];
    values[CONTROL_METRIC_DROPPED_UNROUTED] += t->dropped[TRANSPORT_DROP_SSRCS];
    values[CONTROL_METRIC_STUN_REFUSED] += t->dropped[TRANSPORT_DROP_STUN];
    values[CONTROL_METRIC_DTLS_FAILED] += t->dtls_failed;
    for (size_t i = 0; i < w->endpoints.count; i++) {
        const struct send_stats *s = send_queue_stats(w->endpoints.all[i].queue);
        values[CONTROL_METRIC_DROPPED_SEND] += s->dropped_full + s->dropped_refused;
        values[CONTROL_METRIC_SENT] += s->datagrams;
        values[CONTROL_METRIC_SEND_MESSAGES] += s->messages;
        values[CONTROL_METRIC_SEND_CALLS] += s->calls;
    }
    if (w->tcp)
        collect_tcp(tcp_stats(w->tcp), values);
    values[CONTROL_METRIC_READ_GAP_US] = w->endpoints.longest_us;
    size_t cursor = 0;
    const struct room *room;
    while ((room = table_next(w->rooms, &cursor)))
        values[CONTROL_METRIC_STREAMS] += room_stream_count(room);
    collect_load(w, values);
}

/* The wall clock was set under us: what is said of it follows, the first worker tells. */
static void follow_wall(struct worker *w)
{
    struct context *c = &w->context;
    uint64_t begun_us = clock_now_us();
    uint64_t wall_us = clock_wall_us();
    c->now_us = clock_now_us();
    if (c->now_us - begun_us > CLOCKS_APART_US)
        return; /* we were made to wait between the two: the next time will do */
    int64_t before_us = c->wall_step_us;
    if (!context_follow_wall(c, wall_us) || w->options.number != 0)
        return;
    context_count(c, CONTROL_METRIC_WALL_STEPS);
    log_warn("the wall clock was set by %" PRId64 " ms, sender reports follow; timestamps do not",
             (c->wall_step_us - before_us) / 1000);
}

/* What was lost before we could read it: nobody else counts it. */
static void count_drops(struct worker *w)
{
    uint64_t drops = endpoints_take_drops(&w->endpoints);
    if (drops == 0)
        return;
    w->context.counters[CONTROL_METRIC_DROPPED_QUEUE] += drops;
    log_warn("worker %u: %" PRIu64 " datagrams dropped at its sockets in a second; "
             "reads were up to %" PRIu64 " us apart",
             w->options.number, drops, w->endpoints.longest_us);
}

/* Once in each tick of the wheel. */
static void run_timers(struct worker *w)
{
    struct context *c = &w->context;
    if (c->now_us / WHEEL_TICK_US == w->tick)
        return;
    w->tick = c->now_us / WHEEL_TICK_US;
    peers_tick(c);
    size_t cursor = 0;
    struct room *room;
    while ((room = table_next(w->rooms, &cursor)))
        room_tick(room, c);
    if (c->now_us < w->metrics_us)
        return;
    w->metrics_us = c->now_us + METRICS_INTERVAL_US;
    follow_wall(w);
    if (w->tcp)
        tcp_tick(w->tcp, c->now_us);
    load_measure(&c->load, c->counters[CONTROL_METRIC_PACKETS_OUT], c->now_us);
    count_drops(w);
    struct control_message m = {.type = CONTROL_METRICS};
    collect_metrics(w, m.metrics.values);
    outbox_tell(&c->outbox, &m);
    w->endpoints.longest_us = 0;
}

/* One step of one handshake; then the sockets have their turn again. */
static void shake_hands(struct worker *w)
{
    struct transport *t = transport_shake_hands(&w->context.handshakes, w->context.now_us);
    if (t)
        forward_phase(&w->context, t);
}

/* Milliseconds to sleep at most. A tick may be run in any turn of it: only when nothing else wakes
 * us until its end do we wake for it, as going to sleep once more costs more than what is due.
 * Where there is no hearing nobody sends RTCP. */
static int patience(const struct worker *w)
{
    if (handshakes_wait(&w->context.handshakes))
        return 0;
    uint64_t until_us = (w->tick + 2) * WHEEL_TICK_US, now_us = clock_now_us();
    uint64_t rtcp_us = endpoints_wake_us(&w->endpoints);
    if (rtcp_us < until_us && table_count(w->rooms) > 0)
        until_us = rtcp_us;
    if (!list_is_empty(&w->context.paced) && w->context.paced_us < until_us)
        until_us = w->context.paced_us;
    return until_us > now_us ? (int)((until_us - now_us + 999) / 1000) : 0;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        struct epoll_event events[WAKE_SOCKET + LIMIT_ADDRESSES];
        int count = epoll_wait(w->epoll_fd, events, WAKE_SOCKET + LIMIT_ADDRESSES, patience(w));
        w->context.now_us = clock_now_us();
        endpoints_begin(&w->endpoints, &w->context);
        for (int i = 0; i < count; i++) {
            uint64_t what = events[i].data.u64;
            if (what == WAKE_STOP)
                return NULL;
            if (what == WAKE_MAILBOX)
                (void)mailbox_drain(w->mailbox, w, LETTERS_PER_TURN);
            else if (what == WAKE_TCP)
                read_tcp(w);
            else if (events[i].events & (EPOLLIN | EPOLLERR))
                (void)read_socket(w, what - WAKE_SOCKET, false);
        }
        read_rtcp(w);
        run_timers(w);
        if (!list_is_empty(&w->context.paced) && w->context.now_us >= w->context.paced_us)
            transmit_paced(&w->context);
        shake_hands(w);
        flush(w);
        end_connections(w);
        endpoints_end(&w->endpoints);
    }
}

int worker_cpu(unsigned number)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        return -errno;
    unsigned turn = number % (unsigned)CPU_COUNT(&allowed);
    for (int cpu = 0;; cpu++)
        if (CPU_ISSET(cpu, &allowed) && turn-- == 0)
            return cpu;
}

/* Where it does not work the thread goes where the kernel likes, which is slower at most. */
static void pin(const struct worker *w)
{
    int cpu = worker_cpu(w->options.number);
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu >= 0)
        CPU_SET(cpu, &one);
    int r = cpu < 0 ? cpu : -pthread_setaffinity_np(w->thread, sizeof(one), &one);
    if (r < 0)
        log_warn("worker %u: not pinned: %s", w->options.number, log_errno(r));
    else
        log_info("worker %u: on CPU %d", w->options.number, cpu);
}

int worker_create(const struct worker_options *options, struct worker **ret_worker)
{
    CLEANUP(worker_destroy) struct worker *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->options = *options;
    w->epoll_fd = w->stop_fd = -1;
    int r = mailbox_create(LIMIT_WORKER_LETTERS, &w->mailbox);
    if (r == 0)
        r = open_wakes(w);
    if (r == 0)
        r = open_context(w);
    if (r == 0)
        r = open_endpoints(w);
    if (r == 0)
        r = open_tcp(w);
    if (r < 0)
        return r;
    r = -pthread_create(&w->thread, NULL, run, w);
    if (r < 0)
        return r;
    w->started = true;
    if (w->options.pin)
        pin(w);
    *ret_worker = STEAL(w);
    return 0;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    if (w->started) {
        (void)eventfd_write(w->stop_fd, 1); /* fails only when the counter is huge already */
        pthread_join(w->thread, NULL);
    }
    mailbox_destroy(w->mailbox);
    if (w->rooms)
        orders_end(&w->context, w->rooms);
    end_connections(w);
    tcp_destroy(w->tcp);              /* what waits there too */
    endpoints_destroy(&w->endpoints); /* the pages are told that it is over */
    table_destroy(w->rooms);
    packet_pool_destroy(w->context.pool);
    sealer_destroy(w->context.sealer);
    directory_destroy(w->context.directory);
    close_if_open(w->stop_fd);
    close_if_open(w->epoll_fd);
    free(w);
}

struct control_letter *worker_letter_create(const struct control_message *message)
{
    return control_letter_create(message, deliver);
}

int worker_post(struct worker *w, struct control_letter *letter)
{
    return mailbox_post(w->mailbox, &letter->letter);
}

bool worker_take_lost(struct worker *w)
{
    return atomic_exchange(&w->context.outbox.lost, false);
}

const char *worker_sealing(const struct worker *w)
{
    return sealer_name(w->context.sealer);
}

uint16_t worker_port(const struct worker *w)
{
    return w->endpoints.port;
}

uint16_t worker_tcp_port(const struct worker *w)
{
    return w->tcp_port;
}
