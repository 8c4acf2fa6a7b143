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
#include "sfu/forward.h"
#include "sfu/orders.h"
#include "sfu/packet.h"
#include "sfu/room.h"
#include "sfu/send.h"
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
enum { WAKE_STOP, WAKE_MAILBOX, WAKE_SOCKET };

struct endpoint {
    int fd;
    struct send_queue *queue;
    bool awaits_room; /* the kernel was full: EPOLLOUT is asked for */
    uint32_t drops;   /* of its receive queue, counted so far (udp_take_drops) */
    uint64_t read_us; /* when it was last read, in time worked */
};

/* How far our reads are apart. Time is reckoned in us worked, sleeping left out. */
struct reads {
    uint64_t worked_us; /* until this turn */
    uint64_t turn_us;   /* worked_us when the turn before this one began */
    uint64_t woke_us;   /* CLOCK_MONOTONIC, when this turn began */
    uint64_t longest_us;
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    bool started;
    struct mailbox *mailbox;
    int epoll_fd, stop_fd;
    uint16_t port;

    /* From here on the worker's own thread only, once it runs. */
    struct context context;
    struct table *rooms; /* hearing -> struct room, owned */
    struct orders_offer offer;
    struct udp_reader *reader;
    size_t endpoint_count;
    struct endpoint endpoints[LIMIT_ADDRESSES];
    uint64_t tick; /* of WHEEL_TICK_US: timers were run in it */
    uint64_t metrics_us;
    struct reads reads;
};

static int watch(struct worker *w, int fd, uint32_t events, uint64_t what, int operation)
{
    struct epoll_event event = {.events = events, .data.u64 = what};
    return epoll_ctl(w->epoll_fd, operation, fd, &event) < 0 ? -errno : 0;
}

/* RFC 8445 section 5.1.2.1: type preference of a host candidate, then ours by order. */
static uint32_t priority(size_t index)
{
    return 126u << 24 | (65535u - (uint32_t)index) << 8 | 255;
}

static void offer_address(struct worker *w, const char *text)
{
    struct orders_offer *o = &w->offer;
    assert(o->candidate_count < LIMIT_ADDRESSES); /* options hold no more in either list */
    struct control_candidate *candidate = &o->candidates[o->candidate_count];
    (void)snprintf(candidate->address, sizeof(candidate->address), "%s", text);
    candidate->port = w->port;
    candidate->priority = priority(o->candidate_count);
    o->candidate_count++;
}

static int open_endpoint(struct worker *w, const struct address *on)
{
    struct address local = *on;
    address_set_port(&local, w->port);
    struct endpoint *e = &w->endpoints[w->endpoint_count];
    int fd = udp_open(&local);
    if (fd < 0)
        return fd;
    e->fd = fd;
    w->endpoint_count++;
    int room = udp_receive_buffer(fd);
    if (room < UDP_BUFFER_BYTES)
        log_warn("worker %u: its receive queue holds %d of %d bytes, bursts may be lost: raise "
                 "net.core.rmem_max",
                 w->options.number, room, UDP_BUFFER_BYTES);
    udp_take_trains(fd);
    int r = udp_local(fd, &local);
    if (r < 0)
        return r;
    w->port = address_port(&local); /* the others take the same one */
    r = send_queue_create(fd, w->context.sealer, &e->queue);
    if (r < 0)
        return r;
    if (w->options.public_count == 0) {
        char text[CONTROL_ADDRESS_MAX];
        address_to_text(&local, text);
        offer_address(w, text);
    }
    return watch(w, fd, EPOLLIN, WAKE_SOCKET + w->endpoint_count - 1, EPOLL_CTL_ADD);
}

static int open_endpoints(struct worker *w)
{
    w->port = w->options.port;
    for (size_t i = 0; i < w->options.listen_count; i++) {
        int r = open_endpoint(w, &w->options.listen[i]);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < w->options.public_count; i++)
        offer_address(w, w->options.public[i]);
    return 0;
}

static int open_wakes(struct worker *w)
{
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll_fd < 0)
        return -errno;
    w->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->stop_fd < 0)
        return -errno;
    int r = watch(w, w->stop_fd, EPOLLIN, WAKE_STOP, EPOLL_CTL_ADD);
    if (r == 0)
        r = watch(w, mailbox_fd(w->mailbox), EPOLLIN, WAKE_MAILBOX, EPOLL_CTL_ADD);
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
    if (r == 0)
        r = udp_reader_create(&w->reader);
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

/* Gives what waits to the kernel; what it does not take now goes when it has room. */
static void flush(struct worker *w)
{
    for (size_t i = 0; i < w->endpoint_count; i++) {
        struct endpoint *e = &w->endpoints[i];
        bool full = !send_flush(e->queue);
        if (full == e->awaits_room)
            continue;
        uint32_t events = EPOLLIN | (full ? (uint32_t)EPOLLOUT : 0);
        if (watch(w, e->fd, events, WAKE_SOCKET + i, EPOLL_CTL_MOD) == 0)
            e->awaits_room = full; /* else it is tried again at the next flush, two ticks away */
    }
}

static void begin_turn(struct worker *w)
{
    w->context.now_us = clock_now_us();
    w->reads.woke_us = w->context.now_us;
}

static void end_turn(struct reads *r)
{
    r->turn_us = r->worked_us;
    r->worked_us += clock_now_us() - r->woke_us;
}

/* Between two reads: from the last one, or from when the turn before found nothing to read. */
static void note_read(struct reads *r, struct endpoint *e, uint64_t now_us)
{
    uint64_t worked_us = r->worked_us + now_us - r->woke_us;
    uint64_t since_us = e->read_us > r->turn_us ? e->read_us : r->turn_us;
    if (worked_us - since_us > r->longest_us)
        r->longest_us = worked_us - since_us;
    e->read_us = worked_us;
}

static void read_socket(struct worker *w, struct endpoint *e)
{
    int count;
    for (int taken = 0; taken < DATAGRAMS_PER_TURN; taken += count) {
        const struct udp_datagram *datagrams;
        count = udp_read(w->reader, e->fd, &datagrams);
        if (count <= 0)
            return; /* an error of the socket (ICMP, memory) is no matter of the next datagram */
        w->context.now_us = clock_now_us();
        note_read(&w->reads, e, w->context.now_us);
        for (int i = 0; i < count; i++) {
            const struct path from = {.via = e->queue, .remote = datagrams[i].from};
            forward_datagram(&w->context, &from, datagrams[i].bytes, datagrams[i].len);
        }
        flush(w);
        if (count < UDP_BATCH)
            return;
    }
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

static void collect_metrics(struct worker *w, uint64_t values[CONTROL_METRIC_COUNT])
{
    const struct transport_stats *t = &w->context.transport_stats;
    memcpy(values, w->context.counters, sizeof(w->context.counters));
    values[CONTROL_METRIC_DROPPED_JUNK] +=
        t->dropped[TRANSPORT_DROP_JUNK] + t->dropped[TRANSPORT_DROP_FOREIGN] +
        t->dropped[TRANSPORT_DROP_DTLS] + t->dropped[TRANSPORT_DROP_EARLY] +
        t->dropped[TRANSPORT_DROP_ENDED] + udp_reader_oversize(w->reader);
    values[CONTROL_METRIC_DROPPED_FORGED] +=
        t->dropped[TRANSPORT_DROP_FORGED] + t->dropped[TRANSPORT_DROP_REPLAYED];
    values[CONTROL_METRIC_DROPPED_UNROUTED] += t->dropped[TRANSPORT_DROP_SSRCS];
    values[CONTROL_METRIC_STUN_REFUSED] += t->dropped[TRANSPORT_DROP_STUN];
    values[CONTROL_METRIC_DTLS_FAILED] += t->dtls_failed;
    for (size_t i = 0; i < w->endpoint_count; i++) {
        const struct send_stats *s = send_queue_stats(w->endpoints[i].queue);
        values[CONTROL_METRIC_DROPPED_SEND] += s->dropped_full + s->dropped_refused;
        values[CONTROL_METRIC_SENT] += s->datagrams;
        values[CONTROL_METRIC_SEND_MESSAGES] += s->messages;
        values[CONTROL_METRIC_SEND_CALLS] += s->calls;
    }
    values[CONTROL_METRIC_READ_GAP_US] = w->reads.longest_us;
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
    uint64_t drops = 0;
    for (size_t i = 0; i < w->endpoint_count; i++)
        drops += udp_take_drops(w->endpoints[i].fd, &w->endpoints[i].drops);
    if (drops == 0)
        return;
    w->context.counters[CONTROL_METRIC_DROPPED_QUEUE] += drops;
    log_warn("worker %u: %" PRIu64 " datagrams dropped at its sockets in a second; "
             "reads were up to %" PRIu64 " us apart",
             w->options.number, drops, w->reads.longest_us);
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
    load_measure(&c->load, c->counters[CONTROL_METRIC_PACKETS_OUT], c->now_us);
    count_drops(w);
    struct control_message m = {.type = CONTROL_METRICS};
    collect_metrics(w, m.metrics.values);
    outbox_tell(&c->outbox, &m);
    w->reads.longest_us = 0;
}

/* One step of one handshake; then the sockets have their turn again. */
static void shake_hands(struct worker *w)
{
    struct transport *t = transport_shake_hands(&w->context.handshakes, w->context.now_us);
    if (t)
        forward_phase(&w->context, t);
}

/* Milliseconds to sleep at most. A tick may be run in any turn of it: only when nothing else wakes
 * us until its end do we wake for it, as going to sleep once more costs more than what is due. */
static int patience(const struct worker *w)
{
    if (handshakes_wait(&w->context.handshakes))
        return 0;
    uint64_t until_us = (w->tick + 2) * WHEEL_TICK_US, now_us = clock_now_us();
    return until_us > now_us ? (int)((until_us - now_us + 999) / 1000) : 0;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        struct epoll_event events[WAKE_SOCKET + LIMIT_ADDRESSES];
        int count = epoll_wait(w->epoll_fd, events, WAKE_SOCKET + LIMIT_ADDRESSES, patience(w));
        begin_turn(w);
        for (int i = 0; i < count; i++) {
            uint64_t what = events[i].data.u64;
            if (what == WAKE_STOP)
                return NULL;
            if (what == WAKE_MAILBOX)
                (void)mailbox_drain(w->mailbox, w, LETTERS_PER_TURN);
            else if (events[i].events & (EPOLLIN | EPOLLERR))
                read_socket(w, &w->endpoints[what - WAKE_SOCKET]);
        }
        run_timers(w);
        shake_hands(w);
        flush(w);
        end_turn(&w->reads);
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
    for (size_t i = 0; i < w->endpoint_count; i++) {
        if (w->endpoints[i].queue)
            (void)send_flush(w->endpoints[i].queue); /* the pages are told that it is over */
        send_queue_destroy(w->endpoints[i].queue);
        close_if_open(w->endpoints[i].fd);
    }
    table_destroy(w->rooms);
    udp_reader_destroy(w->reader);
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
    return w->port;
}
