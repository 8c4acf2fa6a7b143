/* What forwarding costs: real pages (ICE, DTLS, SRTP) against the real media core, one publisher to
 * N receivers or N to N, and beside it in the same run the bare fan-out of the same packets, which
 * does nothing but seal and send. SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/floor.h"
#include "common/clock.h"
#include "common/limits.h"
#include "peer/crowd.h"

#define SECOND_US  1000000ull
#define HEARING    0xbe4cull
#define WARM_UP_US (2 * SECOND_US)
#define DRAIN_US   (SECOND_US / 2)
/* Decrypting every packet of every receiver would cost more than forwarding it. */
#define OPEN_EVERY 16

struct plan {
    const char *binary;
    unsigned receivers; /* 1 to N; with `everybody` the pages, each publishing */
    bool everybody;
    unsigned video_pps, audio_pps, payload_len;
    unsigned seconds, rounds, workers;
    bool pin;
};

static void die(const char *what, int error)
{
    fprintf(stderr, "forward: %s: %s\n", what, strerror(error < 0 ? -error : error));
    exit(1);
}

static void must(const char *what, int result)
{
    if (result < 0)
        die(what, result);
}

static void pin_to(pid_t thread, int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(thread, sizeof(set), &set) < 0)
        perror("forward: cannot pin"); /* the figures are noisier then */
}

struct run {
    const struct plan *plan;
    struct desk *desk;
    struct crowd *crowd;
};

static void open_hearing(struct run *r)
{
    struct control_message m = {.type = CONTROL_HEARING_OPEN, .hearing_open = {.hearing = HEARING}};
    must("HEARING_OPEN", desk_ask(r->desk, &m, NULL));
    m = (struct control_message){.type = CONTROL_MATRIX, .matrix = {.hearing = HEARING}};
    for (int role = 0; role < CONTROL_ROLE_COUNT; role++)
        m.matrix.receivers[CONTROL_ROOM_COURTROOM][role] = (1u << CONTROL_ROLE_COUNT) - 1;
    must("MATRIX", desk_ask(r->desk, &m, NULL));
}

static uint64_t stream_id(size_t page, enum control_kind kind)
{
    return 2 * page + kind + 1;
}

/* A frame every 1/25 s, in as many packets as the rate asks for. */
static void publish(struct run *r, size_t page)
{
    const struct plan *p = r->plan;
    struct flow_options video = {.kind = CONTROL_VIDEO,
                                 .id = (uint32_t)stream_id(page, CONTROL_VIDEO),
                                 .ssrc = 2000000u + (uint32_t)page,
                                 .payload_type = 96,
                                 .ext_transport_cc = 4,
                                 .packets_per_frame = p->video_pps / 25,
                                 .frames_per_s = 25,
                                 .payload_len = p->payload_len};
    struct flow_options audio = {.kind = CONTROL_AUDIO,
                                 .id = (uint32_t)stream_id(page, CONTROL_AUDIO),
                                 .ssrc = 1000000u + (uint32_t)page,
                                 .payload_type = 111,
                                 .ext_transport_cc = 4,
                                 .ext_audio_level = 10,
                                 .packets_per_frame = 1,
                                 .frames_per_s = p->audio_pps,
                                 .payload_len = 120,
                                 .level_dbov = 30};
    must("STREAM_ADD",
         page_publish(r->crowd, &r->crowd->pages[page], stream_id(page, CONTROL_VIDEO), &video));
    must("STREAM_ADD",
         page_publish(r->crowd, &r->crowd->pages[page], stream_id(page, CONTROL_AUDIO), &audio));
}

static void join(struct run *r, size_t pages)
{
    const struct plan *p = r->plan;
    for (size_t i = 0; i < pages; i++) {
        struct control_peer_add add = {.hearing = HEARING,
                                       .peer = 1000 + i,
                                       .role = CONTROL_ROLE_PARTY,
                                       .room = 1,
                                       .seats = (uint8_t)(p->everybody ? pages - 1 : 1)};
        struct page *page;
        must("PEER_ADD", crowd_join(r->crowd, &add, &page));
        uint64_t end_us = clock_now_us() + 10 * SECOND_US;
        while (!page_is_connected(page))
            if (!crowd_step(r->crowd, end_us))
                die("a page does not connect", ETIMEDOUT);
    }
    for (size_t i = 0; i < (p->everybody ? pages : 1); i++)
        publish(r, i);
}

static void take_seats(struct run *r, size_t pages)
{
    for (size_t viewer = 0; viewer < pages; viewer++) {
        uint8_t seat = 0;
        for (size_t who = 0; who < (r->plan->everybody ? pages : 1); who++) {
            if (who == viewer)
                continue;
            for (int kind = 0; kind < 2; kind++)
                must("SEAT_SET", page_watch(r->crowd, &r->crowd->pages[viewer], seat, kind,
                                            stream_id(who, kind)));
            seat++;
        }
        crowd_run(r->crowd, 1000); /* the answers are read */
    }
}

struct count {
    uint64_t sent, received, lost, bad, opened, cpu_ns, out;
};

static struct count count_now(const struct run *r)
{
    struct count c = {.sent = r->crowd->sent, .cpu_ns = desk_cpu_ns(r->desk)};
    for (size_t i = 0; i < r->crowd->page_count; i++) {
        const struct page *p = &r->crowd->pages[i];
        c.received += page_received(p);
        for (size_t k = 0; k < p->inbound_count; k++) {
            c.lost += p->inbound[k].lost;
            c.bad += p->inbound[k].bad;
            c.opened += p->inbound[k].opened;
        }
    }
    return c;
}

static double per_million(uint64_t cpu_ns, uint64_t packets)
{
    return packets ? (double)cpu_ns / 1e9 / ((double)packets / 1e6) : 0;
}

static void measure_core(struct run *r, size_t receivers_each)
{
    crowd_run(r->crowd, WARM_UP_US);
    crowd_forget_latency(r->crowd);
    struct count a = count_now(r);
    crowd_run(r->crowd, r->plan->seconds * SECOND_US);
    r->crowd->quiet = true;
    crowd_run(r->crowd, DRAIN_US);
    struct count b = count_now(r);
    r->crowd->quiet = false;

    uint64_t wanted = (b.sent - a.sent) * receivers_each, got = b.received - a.received;
    printf("  assize-sfu  %9" PRIu64 " packets out  loss %6.3f %%  cpu %6.3f s = %6.2f s/million  "
           "latency p50 %5.2f ms p99 %6.2f ms  wrong %" PRIu64 " of %" PRIu64 "\n",
           got, got < wanted ? 100.0 * (double)(wanted - got) / (double)wanted : 0.0,
           (double)(b.cpu_ns - a.cpu_ns) / 1e9, per_million(b.cpu_ns - a.cpu_ns, got),
           (double)crowd_latency_us(r->crowd, 500) / 1000,
           (double)crowd_latency_us(r->crowd, 990) / 1000, b.bad - a.bad, b.opened - a.opened);
}

static void measure_floor(const struct plan *p, enum floor_way way, size_t senders,
                          size_t receivers_each)
{
    const struct floor_plan plan = {.way = way,
                                    .senders = (unsigned)senders,
                                    .receivers = (unsigned)receivers_each,
                                    .video_pps = p->video_pps,
                                    .audio_pps = p->audio_pps,
                                    .payload_len = p->payload_len,
                                    .seconds = p->seconds,
                                    .core = p->pin ? 0 : -1};
    static const char *const names[] = {
        [FLOOR_SENDTO] = "sendto", [FLOOR_SENDMMSG] = "sendmmsg", [FLOOR_SEGMENTS] = "segments"};
    struct floor_result f;
    must("bare fan-out", floor_run(&plan, &f));
    printf("  %-10s  %9" PRIu64 " packets out  loss %6.3f %%  cpu %6.3f s = %6.2f s/million\n",
           names[way], f.sent, 100.0 * (double)(f.sent - f.received) / (double)f.sent,
           (double)f.cpu_ns / 1e9, per_million(f.cpu_ns, f.sent));
}

static void run(const struct plan *p)
{
    size_t pages = p->everybody ? p->receivers : p->receivers + 1;
    size_t receivers_each = pages - 1;
    struct run r = {.plan = p};
    const struct crowd_options options = {
        .pages_max = pages, .open_every = OPEN_EVERY, .reports = true, .nacks = true};
    must(p->binary, desk_start(p->binary, p->workers, &r.desk));
    must("crowd", crowd_create(r.desk, &options, &r.crowd));
    open_hearing(&r);
    join(&r, pages);
    take_seats(&r, pages);
    if (p->pin) {
        desk_pin(r.desk, 0);
        pin_to(0, 1);
    }
    printf("%s: %zu pages, %u video packets/s of %u bytes and %u audio packets/s each from %zu, %u "
           "s\n",
           p->everybody ? "N to N" : "1 to N", pages, p->video_pps, p->payload_len, p->audio_pps,
           p->everybody ? pages : 1, p->seconds);
    for (unsigned i = 0; i < p->rounds; i++) {
        measure_core(&r, receivers_each);
        for (int way = FLOOR_SENDTO; way <= FLOOR_SEGMENTS; way++)
            measure_floor(p, (enum floor_way)way, p->everybody ? pages : 1, receivers_each);
        fflush(stdout);
    }
    crowd_destroy(r.crowd);
    if (desk_end(r.desk) != 0)
        die("the media core ended badly", EPROTO);
}

static unsigned to_number(const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || end == text || n < least || n > most) {
        fprintf(stderr, "forward: '%s' is not a number from %u to %u\n", text, least, most);
        exit(2);
    }
    return (unsigned)n;
}

static const char help[] =
    "forward [options] ASSIZE-SFU: CPU seconds per million forwarded packets, loss and latency\n\n"
    "  --receivers N   receivers of the one publisher (50)\n"
    "  --everybody N   instead: N pages, all publish and receive each other (at most 25)\n"
    "  --video N       video packets a second of each publisher, a multiple of 25 (250)\n"
    "  --audio N       audio packets a second (50)\n"
    "  --payload N     bytes of a video packet's payload (1180)\n"
    "  --seconds N     measured time of each round (10)\n"
    "  --rounds N      rounds of media core, sendto, sendmmsg, segments in turn (3)\n"
    "  --workers N     of the media core (1)\n"
    "  --pin           media core and bare fan-out on core 0, load on core 1\n";

static void read_options(int argc, char **argv, struct plan *p)
{
    static const struct option known[] = {
        {"receivers", required_argument, NULL, 'r'},
        {"everybody", required_argument, NULL, 'e'},
        {"video", required_argument, NULL, 'v'},
        {"audio", required_argument, NULL, 'a'},
        {"payload", required_argument, NULL, 'p'},
        {"seconds", required_argument, NULL, 's'},
        {"rounds", required_argument, NULL, 'n'},
        {"workers", required_argument, NULL, 'w'},
        {"pin", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        switch (option) {
        case 'r':
            p->receivers = to_number(optarg, 1, LIMIT_PEERS_PER_HEARING - 1);
            break;
        case 'e':
            p->receivers = to_number(optarg, 2, LIMIT_SEATS + 1);
            p->everybody = true;
            break;
        case 'v':
            p->video_pps = to_number(optarg, 25, 25000) / 25 * 25;
            break;
        case 'a':
            p->audio_pps = to_number(optarg, 1, 1000);
            break;
        case 'p':
            p->payload_len = to_number(optarg, FLOW_VIDEO_MIN, 1280);
            break;
        case 's':
            p->seconds = to_number(optarg, 1, 600);
            break;
        case 'n':
            p->rounds = to_number(optarg, 1, 100);
            break;
        case 'w':
            p->workers = to_number(optarg, 1, LIMIT_WORKERS);
            break;
        case 'c':
            p->pin = true;
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
    struct plan plan = {.receivers = 50,
                        .video_pps = 250,
                        .audio_pps = 50,
                        .payload_len = 1180,
                        .seconds = 10,
                        .rounds = 3,
                        .workers = 1};
    read_options(argc, argv, &plan);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* when it does not do, a socket says so */
    }
    run(&plan);
    return 0;
}
