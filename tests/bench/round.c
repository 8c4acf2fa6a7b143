/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/round.h"

#include <stdio.h>

#include "bench/floor.h"
#include "bench/reflector.h"
#include "common/clock.h"

#define SECOND_US  1000000ull
#define WARM_UP_US (2 * SECOND_US)
/* Looked at for so long, everybody gets everything; so often at most, as some servers never do. */
#define SETTLE_US   (SECOND_US / 2)
#define SETTLE_LAST 5
#define DRAIN_US    (SECOND_US / 2)
#define CALLS_US    (2 * SECOND_US)

struct count {
    uint64_t us, cpu_ns, wanted, overflows;
    struct clients_sum sum;
    struct server_sends sends;
};

static struct count count_now(const struct server_kind *kind, const struct server *server,
                              const struct load *l, const struct clients *c)
{
    struct count n = {.us = clock_now_us(),
                      .cpu_ns = process_cpu_ns(kind->pid(server)),
                      .wanted = clients_wanted(c, l),
                      .overflows = udp_overflows(),
                      .sum = clients_sum(c)};
    if (kind->sends)
        n.sends = kind->sends(server);
    return n;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : FIGURE_NONE;
}

static void fill(const struct count *a, const struct count *b, const struct clients *c,
                 const struct histogram *reflector, struct figures *f)
{
    double got = (double)(b->sum.received - a->sum.received);
    double due = (double)(b->wanted - a->wanted);
    double cpu_s = (double)(b->cpu_ns - a->cpu_ns) / 1e9;
    double s = (double)(b->us - a->us) / 1e6;
    double *v = f->values;
    v[FIGURE_COST] = ratio(cpu_s * 1e6, got);
    v[FIGURE_BUSY] = 100 * cpu_s / s;
    v[FIGURE_RATE] = got / s;
    v[FIGURE_LOSS] = due > got ? 100 * (due - got) / due : 0;
    v[FIGURE_WRONG] = (double)(b->sum.bad - a->sum.bad + b->sum.skipped - a->sum.skipped +
                               b->sum.late - a->sum.late + b->sum.strays - a->sum.strays);
    v[FIGURE_OVERFLOW] = (double)(b->overflows - a->overflows);
    double bare = histogram_ms(reflector, 500);
    v[FIGURE_REFLECTOR] = bare;
    v[FIGURE_P50] = histogram_ms(&c->latency, 500) - bare;
    v[FIGURE_P99] = histogram_ms(&c->latency, 990) - bare;
    v[FIGURE_SPAN_P50] = histogram_ms(&c->span, 500);
    v[FIGURE_SPAN_P99] = histogram_ms(&c->span, 990);
    v[FIGURE_LATE] = histogram_ms(&c->late, 990);
}

/* What the server says of itself; `b` was told after all that `fill` counts. */
static void fill_told(const struct server_sends *a, const struct server_sends *b, struct figures *f)
{
    double *v = f->values, sent = (double)(b->packets - a->packets);
    v[FIGURE_REFUSED] = (double)(b->dropped - a->dropped);
    v[FIGURE_QUEUE_DROPS] = (double)(b->queue_drops - a->queue_drops);
    v[FIGURE_SEGMENTS] = ratio(sent, (double)(b->messages - a->messages));
    v[FIGURE_PER_CALL] = ratio(sent, (double)(b->calls - a->calls));
}

/* Runs the load, paused, until what happened before this call is told: a worker tells the desk each
 * second, and the desk us. */
static struct server_sends sends_of_all(const struct server_kind *kind, const struct server *server,
                                        struct clients *c)
{
    uint64_t wanted = kind->sends(server).told + 3;
    while (kind->sends(server).told < wanted)
        clients_run(c, DRAIN_US);
    return kind->sends(server);
}

/* Apart from the rest: counting costs a little. */
static double syscalls_per_packet(const struct server_kind *kind, const struct server *server,
                                  struct clients *c)
{
    static struct call_counter counter;
    uint64_t before = clients_sum(c).received;
    if (call_counter_start(kind->pid(server), &counter) < 0)
        return FIGURE_NONE;
    clients_run(c, CALLS_US);
    uint64_t calls = call_counter_end(&counter);
    return ratio((double)calls, (double)(clients_sum(c).received - before));
}

/* Lets the load run, and leaves it paused, until a picture that waited for the estimate at first,
 * or for a key frame, is there for all: that it was missing would count as lost, and what it goes
 * on with as wrong. */
static void warm_up(struct clients *c, const struct load *l)
{
    clients_run(c, WARM_UP_US);
    for (int i = 0; i < SETTLE_LAST; i++) {
        clients_pause(c);
        clients_run(c, DRAIN_US);
        uint64_t wanted = clients_wanted(c, l), received = clients_sum(c).received;
        clients_resume(c);
        clients_run(c, SETTLE_US);
        clients_pause(c);
        clients_run(c, DRAIN_US);
        if (clients_sum(c).received - received >= clients_wanted(c, l) - wanted)
            return;
        clients_resume(c);
    }
    clients_pause(c);
    clients_run(c, DRAIN_US);
}

static struct figures no_figures(void)
{
    struct figures f;
    for (int i = 0; i < FIGURE_COUNT; i++)
        f.values[i] = FIGURE_NONE;
    return f;
}

void round_server(const struct server_kind *kind, const struct round_options *o,
                  struct figures *ret_figures)
{
    const struct load *l = o->server.load;
    static struct histogram reflector;
    CLEANUP(clients_destroy) struct clients *c = NULL;
    const struct clients_options options = {.max = 2 * (size_t)l->hearings * l->pages,
                                            .sample = CLIENTS_SAMPLE};
    struct figures f = no_figures();
    uint64_t idle_bytes = 0;
    histogram_clear(&reflector);
    server_must("reflector", reflector_run(o->server.place, &reflector));
    server_must("clients", clients_create(&options, &c));
    struct server *server = kind->start(kind, &o->server, c, &idle_bytes);
    place_pin(0, o->server.place->load_core);
    place_pin_process(kind->pid(server), o->server.place->server_core);
    warm_up(c, l);
    clients_forget(c);
    struct count a = count_now(kind, server, l, c);
    clients_resume(c);
    clients_run(c, o->seconds * SECOND_US);
    clients_pause(c);
    a.us += DRAIN_US; /* time in which nothing was sent does not count */
    clients_run(c, DRAIN_US);
    struct count b = count_now(kind, server, l, c);
    fill(&a, &b, c, &reflector, &f);
    if (!o->server.place->apart) /* the server's own are among them */
        f.values[FIGURE_OVERFLOW] = FIGURE_NONE;
    uint64_t bytes = process_memory(kind->pid(server));
    f.values[FIGURE_MEMORY] = (double)bytes / 1e6;
    f.values[FIGURE_PER_RECEIVER] =
        bytes > idle_bytes ? (double)(bytes - idle_bytes) / 1e3 / load_receivers(l) : 0;
    if (kind->sends) {
        const struct server_sends all = sends_of_all(kind, server, c);
        fill_told(&a.sends, &all, &f);
        f.values[FIGURE_READ_GAP] = (double)b.sends.read_gap_us / 1e3;
    }
    clients_resume(c);
    if (!o->briefly)
        f.values[FIGURE_SYSCALLS] = syscalls_per_packet(kind, server, c);
    kind->stop(server);
    *ret_figures = f;
}

void round_floor(const struct round_options *o, struct figures *ret_figures)
{
    const struct floor_plan plan = {.way = FLOOR_SEGMENTS,
                                    .load = o->server.load,
                                    .place = o->server.place,
                                    .seconds = o->seconds};
    struct floor_result r;
    struct figures f = no_figures();
    server_must("bare fan-out", floor_run(&plan, &r));
    f.values[FIGURE_COST] = ratio((double)r.cpu_ns / 1e3, (double)r.received);
    f.values[FIGURE_BUSY] = (double)r.cpu_ns / 1e7 / o->seconds;
    f.values[FIGURE_RATE] = (double)r.received / o->seconds;
    f.values[FIGURE_LOSS] =
        r.sent > r.received ? 100.0 * (double)(r.sent - r.received) / (double)r.sent : 0;
    f.values[FIGURE_SEGMENTS] = ratio((double)r.sent, (double)r.messages);
    f.values[FIGURE_PER_CALL] = ratio((double)r.sent, (double)r.calls);
    *ret_figures = f;
}
