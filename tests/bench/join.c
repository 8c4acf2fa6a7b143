/* What many who join at once do to a hearing that runs: one publisher and its receivers on one
 * worker, and beside it on the same worker hundreds of pages that are ordered at once and then all
 * begin ICE and DTLS at once. Prints the latency of the running hearing before, during and after,
 * when the joiners were connected, and what a handshake costs the media core.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/join_parts.h"
#include "bench/joiners.h"
#include "common/clock.h"
#include "common/limits.h"
#include "peer/argument.h"
#include "peer/crowd.h"

#define SECOND_US  1000000ull
#define HEARING    0xbe4cull
#define JOINED     0x10b5ull
#define FIRST_PEER 1000u
/* Of ours, so that they are not those of desk_ask(). */
#define FIRST_REQUEST 0x80000000u
#define STREAM        0x77u
#define PARTS_ROUNDS  1000
#define WARM_UP_US    SECOND_US

struct plan {
    const char *binary;
    unsigned receivers, joins, seconds, rounds;
    bool pin, realtime;
};

struct bench {
    const struct plan *plan;
    struct desk *desk;
    struct crowd *crowd;
    double cpu_share; /* of the media core for the running hearing alone */
};

static void must(const char *what, int result)
{
    if (result >= 0)
        return;
    fprintf(stderr, "join: %s: %s\n", what, strerror(-result));
    exit(1);
}

static struct control_peer_add person(uint64_t hearing, unsigned number)
{
    return (struct control_peer_add){.hearing = hearing,
                                     .peer = FIRST_PEER + number,
                                     .role = CONTROL_ROLE_PARTY,
                                     .room = 1,
                                     .seats = 12};
}

/* One publisher of 200 video and 50 audio packets a second, and who receives them. */
static void run_hearing(struct bench *b)
{
    const struct flow_options video = {.kind = CONTROL_VIDEO,
                                       .id = 1,
                                       .ssrc = 2000,
                                       .payload_type = 96,
                                       .ext_transport_cc = 4,
                                       .packets_per_frame = 8,
                                       .frames_per_s = 25,
                                       .payload_len = 1180};
    const struct flow_options audio = {.kind = CONTROL_AUDIO,
                                       .id = 2,
                                       .ssrc = 1000,
                                       .payload_type = 111,
                                       .ext_transport_cc = 4,
                                       .packets_per_frame = 1,
                                       .frames_per_s = 50,
                                       .payload_len = 120};
    must("a hearing", desk_open_hearing(b->desk, HEARING, -1));
    for (unsigned i = 0; i <= b->plan->receivers; i++) {
        struct control_peer_add add = person(HEARING, i);
        struct page *page;
        must("a page", crowd_admit(b->crowd, &add, &page));
        if (i == 0) {
            must("STREAM_ADD", page_publish(b->crowd, page, STREAM, &video));
            must("STREAM_ADD", page_publish(b->crowd, page, STREAM + 1, &audio));
            continue;
        }
        must("SEAT_SET", page_watch(b->crowd, page, 0, CONTROL_VIDEO, STREAM));
        must("SEAT_SET", page_watch(b->crowd, page, 0, CONTROL_AUDIO, STREAM + 1));
    }
}

static uint64_t lost(const struct bench *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < b->crowd->page_count; i++)
        for (size_t k = 0; k < b->crowd->pages[i].inbound_count; k++)
            sum += b->crowd->pages[i].inbound[k].lost + b->crowd->pages[i].inbound[k].bad;
    return sum;
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

/* What the histogram holds since it was last emptied. */
static uint64_t tell_latency(const struct bench *b, const char *when, uint64_t took_us)
{
    uint64_t p99_us = crowd_latency_us(b->crowd, 990);
    printf("  %-26s %7.1f ms  latency p50 %6.2f  p99 %6.2f  worst %6.2f ms  lost %" PRIu64 "\n",
           when, ms(took_us), ms(crowd_latency_us(b->crowd, 500)), ms(p99_us),
           ms(crowd_latency_us(b->crowd, 1000)), lost(b));
    crowd_forget_latency(b->crowd);
    return p99_us;
}

static uint64_t go_on(struct bench *b, const char *when)
{
    uint64_t cpu_ns = desk_cpu_ns(b->desk), began_us = clock_now_us();
    crowd_forget_latency(b->crowd);
    crowd_run(b->crowd, b->plan->seconds * SECOND_US);
    uint64_t took_us = clock_now_us() - began_us;
    b->cpu_share = (double)(desk_cpu_ns(b->desk) - cpu_ns) / ((double)took_us * 1000);
    return tell_latency(b, when, took_us);
}

static void tell(struct bench *b, struct control_message *m)
{
    int r;
    while ((r = desk_tell(b->desk, m)) == -EAGAIN)
        crowd_run(b->crowd, 200);
    must("order", r);
}

/* Everything that signaling says of all joiners, as fast as it can say it. */
static void order_all(struct bench *b, const struct joiners *j)
{
    for (unsigned i = 0; i < b->plan->joins; i++) {
        struct control_message m = {
            .type = CONTROL_PEER_ADD, .request = FIRST_REQUEST + i, .peer_add = person(JOINED, i)};
        tell(b, &m);
        for (int d = 0; d < CONTROL_DIRECTION_COUNT; d++) {
            m = (struct control_message){.type = CONTROL_TRANSPORT_CONNECT,
                                         .request = FIRST_REQUEST + b->plan->joins,
                                         .transport_connect = {.hearing = JOINED,
                                                               .peer = FIRST_PEER + i,
                                                               .direction = (uint8_t)d}};
            memcpy(m.transport_connect.fingerprint, joiners_fingerprint(j),
                   sizeof(m.transport_connect.fingerprint));
            tell(b, &m);
        }
        (void)crowd_step(b->crowd, clock_now_us() + 1); /* the running hearing does not wait */
    }
}

/* Hands the answers to the joiners. */
static void take_answers(struct bench *b, struct joiners *j, size_t *cursor)
{
    uint64_t end_us = clock_now_us() + 10 * SECOND_US;
    struct control_peer_ready *ready = calloc(b->plan->joins, sizeof(*ready));
    if (!ready)
        must("answers", -ENOMEM);
    uint64_t began_us = clock_now_us();
    for (unsigned got = 0; got < b->plan->joins;) {
        const struct control_message *m = desk_next(b->desk, cursor);
        if (!m) {
            must("PEER_READY", crowd_step(b->crowd, end_us) ? 0 : -ETIMEDOUT);
        } else if (m->type == CONTROL_PEER_READY && m->request >= FIRST_REQUEST) {
            must("PEER_ADD", m->peer_ready.status);
            ready[got++] = m->peer_ready;
        }
    }
    (void)tell_latency(b, "while they are ordered", clock_now_us() - began_us);
    for (unsigned i = 0; i < b->plan->joins; i++)
        must("a joiner", joiners_add(j, &ready[i]));
    free(ready);
}

static uint64_t all_begin(struct bench *b, struct joiners *j)
{
    crowd_run(b->crowd, WARM_UP_US);
    crowd_forget_latency(b->crowd);
    uint64_t cpu_ns = desk_cpu_ns(b->desk), began_us = clock_now_us();
    must("joiners", joiners_start(j, b->plan->realtime));
    while (!joiners_are_over(j))
        (void)crowd_step(b->crowd, clock_now_us() + 1000);
    uint64_t took_us = clock_now_us() - began_us;
    uint64_t spent_ns = desk_cpu_ns(b->desk) - cpu_ns;
    uint64_t p99_us = tell_latency(b, "while they join", took_us);

    double running_ns = b->cpu_share * (double)took_us * 1000;
    double own_ns = (double)spent_ns > running_ns ? (double)spent_ns - running_ns : 0;
    struct joiners_result r = joiners_end(j);
    size_t handshakes = (size_t)CONTROL_DIRECTION_COUNT * b->plan->joins;
    printf(
        "  %zu of %zu handshakes done; from the beginning of all: a transport median %.1f, worst "
        "%.1f ms; a page median %.1f, worst %.1f ms\n"
        "  CPU of a handshake: media core %.3f ms, page %.3f ms\n",
        r.connected, handshakes, ms(r.transport_median_us), ms(r.transport_worst_us),
        ms(r.page_median_us), ms(r.page_worst_us), own_ns / 1e6 / (double)handshakes,
        (double)r.cpu_ns / 1e6 / (double)handshakes);
    return p99_us;
}

static void round_of(struct bench *b, size_t *cursor)
{
    CLEANUP(joiners_destroy) struct joiners *j = NULL;
    must("joiners", joiners_create(b->plan->joins, b->plan->pin ? 1 : -1, &j));
    must("a hearing", desk_open_hearing(b->desk, JOINED, -1));
    crowd_run(b->crowd, WARM_UP_US);
    uint64_t before_us = go_on(b, "before");
    while (desk_next(b->desk, cursor))
        ;
    order_all(b, j);
    take_answers(b, j, cursor);
    uint64_t during_us = all_begin(b, j);
    (void)go_on(b, "after, with them in");
    printf("  added to p99 while they join: %.2f ms\n",
           during_us > before_us ? ms(during_us - before_us) : 0.0);
    struct control_message m = {.type = CONTROL_HEARING_CLOSE, .hearing = {.hearing = JOINED}};
    must("HEARING_CLOSE", desk_ask(b->desk, &m, NULL));
    fflush(stdout);
}

/* What else this machine does is not to be measured. */
static void take_precedence(const struct bench *b)
{
    const struct sched_param first = {.sched_priority = 2};
    if (sched_setscheduler(0, SCHED_FIFO, &first) < 0 || desk_take_precedence(b->desk) < 0)
        perror("join: no precedence"); /* the figures are noisier then */
}

static void run(const struct plan *p)
{
    struct bench b = {.plan = p};
    const struct crowd_options options = {
        .pages_max = p->receivers + 1, .open_every = 1, .reports = true, .nacks = true};
    must(p->binary, desk_start(p->binary, 1, &b.desk));
    must("crowd", crowd_create(b.desk, &options, &b.crowd));
    run_hearing(&b);
    if (p->pin) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(1, &set);
        desk_pin(b.desk, 0);
        if (sched_setaffinity(0, sizeof(set), &set) < 0)
            perror("join: cannot pin"); /* the figures are noisier then */
    }
    if (p->realtime)
        take_precedence(&b);
    size_t cursor = 0;
    for (unsigned i = 1; i <= p->rounds; i++) {
        printf("round %u: 1 publisher, %u receivers, 250 packets/s; %u pages join at once\n", i,
               p->receivers, p->joins);
        round_of(&b, &cursor);
    }
    crowd_destroy(b.crowd);
    if (desk_end(b.desk) != 0)
        must("the media core's end", -EPROTO);
}

static const char help[] =
    "bench-join [options] ASSIZE-SFU: what pages that join at once do to a hearing that runs\n\n"
    "  --joins N       pages that join at once (200)\n"
    "  --receivers N   receivers of the running hearing (30)\n"
    "  --seconds N     measured time before and after (3)\n"
    "  --rounds N      (5)\n"
    "  --parts         instead: what the stages of one handshake cost, without a network\n"
    "  --pin           media core on core 0, pages on core 1\n"
    "  --realtime      media core and running hearing before all else of this machine (root)\n";

static void read_options(int argc, char **argv, struct plan *p)
{
    static const struct option known[] = {
        {"joins", required_argument, NULL, 'j'},
        {"receivers", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},
        {"rounds", required_argument, NULL, 'n'},
        {"pin", no_argument, NULL, 'c'},
        {"realtime", no_argument, NULL, 't'},
        {"parts", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'j':
            p->joins = (unsigned)argument_number(optarg, 1, LIMIT_PEERS_PER_HEARING);
            break;
        case 'r':
            p->receivers = (unsigned)argument_number(optarg, 1, LIMIT_PEERS_PER_HEARING - 1);
            break;
        case 's':
            p->seconds = (unsigned)argument_number(optarg, 1, 600);
            break;
        case 'n':
            p->rounds = (unsigned)argument_number(optarg, 1, 100);
            break;
        case 'p':
            must("parts", join_parts(PARTS_ROUNDS));
            exit(0);
        case 'c':
            p->pin = true;
            break;
        case 't':
            p->realtime = true;
            break;
        default:
            fputs(help, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? 0 : 2);
        }
    }
    if (optind + 1 != argc) {
        fputs(help, stderr);
        exit(2);
    }
    p->binary = argv[optind];
}

int main(int argc, char **argv)
{
    struct plan plan = {.receivers = 30, .joins = 200, .seconds = 3, .rounds = 5};
    read_options(argc, argv, &plan);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* when it does not do, a socket says so */
    }
    run(&plan);
    return 0;
}
