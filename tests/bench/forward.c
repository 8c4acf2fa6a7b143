/* What forwarding costs: native browsers' ends (ICE, DTLS, SRTP) in the shapes of hearings against
 * the real media core, and beside it, in the same run and in turn, the bare fan-out of the same
 * packets and another server. SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/place.h"
#include "bench/report.h"
#include "bench/round.h"
#include "bench/server.h"
#include "peer/argument.h"

#define LOADS_MAX 8
/* Of the highest load: this loss and no more, a core busier than this, the load so late at most. */
#define HIGHEST_LOSS_PERCENT 0.1
#define HIGHEST_BUSY_PERCENT 90.0
#define HIGHEST_LATE_MS      5.0

struct plan {
    struct load loads[LOADS_MAX];
    size_t load_count;
    struct place place;
    const char *binary, *json;
    unsigned seconds, rounds, workers;
    bool floor, record, janus, loopback, highest;
    bool equal;     /* frames of equal packets */
    unsigned video; /* packets a second of each publisher's best layer; 0: as the load has */
};

static struct report reports[LOADS_MAX];

static struct round_options round_options(const struct plan *p, const struct load *l)
{
    return (struct round_options){
        .server = {.load = l, .place = &p->place, .binary = p->binary, .workers = p->workers},
        .seconds = p->seconds};
}

static void take_server(const struct server_kind *kind, const struct round_options *o,
                        struct report *report)
{
    struct figures f;
    round_server(kind, o, &f);
    report_add(report, kind->name, kind->title, &f);
    report_print_round(kind->name, &f);
}

static void take_floor(const struct round_options *o, struct report *report)
{
    struct figures f;
    round_floor(o, &f);
    report_add(report, "floor", "bare fan-out with segments", &f);
    report_print_round("floor", &f);
}

static void run_load(const struct plan *p, struct report *report)
{
    const struct load *l = report->load;
    const struct round_options o = round_options(p, l);
    printf("%s: %s; %s frames, %u forwards a second, %u s\n", l->name, l->title,
           l->uneven ? "browser's" : "equal", load_forwards(l), p->seconds);
    for (unsigned i = 0; i < p->rounds; i++) {
        take_server(&core_kind, &o, report);
        if (p->record)
            take_server(&core_record_kind, &o, report);
        if (p->floor)
            take_floor(&o, report);
        if (p->janus) {
            take_server(&janus_kind, &o, report);
            take_server(&janus_debian_kind, &o, report);
        }
    }
    report_print(report);
}

/* The most video packets a second of a publisher that the media core takes for no flood: by
 * LIMIT_PEER_PACKETS and LIMIT_PEER_BYTES, of all its layers, with the audio and the headers. */
static unsigned most_video(const struct load *l)
{
    unsigned packets = LIMIT_PEER_PACKETS - 2 * l->audio_pps;
    unsigned bytes = (LIMIT_PEER_BYTES - l->audio_pps * 2 * LOAD_AUDIO_LEN) / (l->video_len + 60);
    unsigned most = bytes < packets ? bytes : packets;
    if (l->layers > 1)
        most = most * 2 / 3; /* load_flow(): the others are less than half of the best */
    return most / LOAD_FRAMES_PER_S * LOAD_FRAMES_PER_S;
}

/* Between what went well and what did not (0: nothing yet), in whole packets a frame. */
static unsigned next_video(unsigned good, unsigned bad, unsigned most)
{
    unsigned step = good / 5 / LOAD_FRAMES_PER_S + 1;
    if (bad)
        step = (bad - good) / 2 / LOAD_FRAMES_PER_S;
    unsigned next = good + step * LOAD_FRAMES_PER_S;
    return next < most ? next : most;
}

/* Nothing is lost, and nothing left over for the pause after the measured time, in which a server
 * with too much to do would catch up. */
static bool is_carried(const struct figures *f)
{
    return f->values[FIGURE_LOSS] < HIGHEST_LOSS_PERCENT && f->values[FIGURE_BUSY] <= 100;
}

/* The same people with more and more video until it is too much, and then with less, until it is
 * known to a packet a frame. */
static void find_highest(const struct plan *p, const struct load *base)
{
    struct load l = *base;
    struct round_options o = round_options(p, &l);
    struct figures best = {0}, f;
    unsigned good = 0, bad = 0, most = most_video(base), next = base->video_pps;
    o.briefly = true;
    printf("%s: the highest load, by more video of each publisher, at most %u packets/s\n", l.name,
           most);
    do {
        l.video_pps = next;
        round_server(&core_kind, &o, &f);
        printf("  %4u video packets/s each, %u forwards/s, load late %.2f ms:", l.video_pps,
               load_forwards(&l), f.values[FIGURE_LATE]);
        report_print_round("", &f);
        if (is_carried(&f)) {
            best = f;
            good = next;
        } else {
            bad = next;
        }
        next = next_video(good, bad, most);
    } while (next != good && next != bad);
    if (good == 0) {
        printf("  none of these loads is carried\n\n");
        return;
    }
    bool proven = bad && best.values[FIGURE_BUSY] > HIGHEST_BUSY_PERCENT &&
                  best.values[FIGURE_LATE] <= HIGHEST_LATE_MS;
    printf(
        "  highest with loss below %.1f %%: %s%.0f packets/s to %u receivers (core %.0f %% busy, "
        "load late %.2f ms at p99)\n\n",
        HIGHEST_LOSS_PERCENT, proven ? "" : ">= ", best.values[FIGURE_RATE], load_receivers(&l),
        best.values[FIGURE_BUSY], best.values[FIGURE_LATE]);
}

static void run(struct plan *p)
{
    place_open(p->loopback, &p->place);
    for (size_t i = 0; i < p->load_count; i++) {
        p->loads[i].uneven = !p->equal;
        if (p->video && p->loads[i].video_pps)
            p->loads[i].video_pps = p->video;
        if (p->highest) {
            if (p->loads[i].video_pps)
                find_highest(p, &p->loads[i]);
            continue;
        }
        reports[i].load = &p->loads[i];
        run_load(p, &reports[i]);
        if (p->json) /* each time: an interrupted run has written what it took */
            server_must(p->json, report_write(p->json, reports, i + 1, &p->place, p->seconds));
    }
}

static const char help[] =
    "forward [options] ASSIZE-SFU: what forwarding costs, how long it takes, what is lost\n\n"
    "  --load NAME,...  of these, all of them if not said: 1to30, 1to50, 1to200, 1to1000, all12,\n"
    "                   12of60, audio\n"
    "  --receivers N    instead: 1 publishes to N\n"
    "  --everybody N    instead: N publish one layer and receive each other (at most 24)\n"
    "  --video N        packets of video a second from each publisher (its best layer), of 25\n"
    "                   frames; 250 if not said\n"
    "  --frames SHAPE   browser: packets of a frame as libwebrtc's, equal but for a byte, frames\n"
    "                   of various sizes (this if not said); equal: all packets of one size\n"
    "  --rounds N       of all servers in turn (7)\n"
    "  --seconds N      measured in each round (10)\n"
    "  --floor          also our bare fan-out: same cipher, same sockets, nothing else\n"
    "  --janus          also Debian's Janus (apt-get install janus): with one event loop and\n"
    "                   AES-GCM, its best, and as Debian ships it; needs the namespaces\n"
    "  --record         also the media core with the tape tap on and its ring read\n"
    "  --workers N      of the media core (1)\n"
    "  --highest        instead: the most video until 0.1 % is lost or the core is over 100 %\n"
    "                   busy; \">=\" unless it was over 90 % and the load on time\n"
    "  --json FILE      every figure of every round, for machines and tests/bench/plot.mjs\n"
    "  --loopback       no namespaces; what happens anyway without the right to them\n";

static void add_load(struct plan *p, const struct load *l)
{
    if (p->load_count == LOADS_MAX) {
        fputs("forward: too many loads\n", stderr);
        exit(2);
    }
    p->loads[p->load_count++] = *l;
}

static void add_named(struct plan *p, char *names)
{
    char *rest = names;
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        const struct load *l = load_of(name);
        if (!l) {
            fprintf(stderr, "forward: there is no load '%s'\n%s", name, help);
            exit(2);
        }
        add_load(p, l);
    }
}

static struct load own_load(unsigned pages, bool everybody)
{
    struct load l = *load_of("1to30");
    l.name = everybody ? "everybody" : "receivers";
    l.title = everybody ? "all publish one layer and receive each other" : "1 publishes to these";
    l.pages = everybody ? pages : pages + 1;
    l.publishing = everybody ? pages : 1;
    l.one_way = !everybody;
    return l;
}

static void take_frames(struct plan *p, const char *shape)
{
    p->equal = strcmp(shape, "equal") == 0;
    if (!p->equal && strcmp(shape, "browser") != 0) {
        fprintf(stderr, "forward: frames are 'browser' or 'equal', not '%s'\n", shape);
        exit(2);
    }
}

static void take_option(struct plan *p, int option)
{
    struct load own;
    switch (option) {
    case 'l':
        add_named(p, optarg);
        break;
    case 'r':
        own = own_load((unsigned)argument_number(optarg, 1, LIMIT_PEERS_PER_HEARING - 1), false);
        add_load(p, &own);
        break;
    case 'e':
        own = own_load((unsigned)argument_number(optarg, 2, LIMIT_SEATS), true);
        add_load(p, &own);
        break;
    case 'f':
        take_frames(p, optarg);
        break;
    case 'v':
        p->video = (unsigned)argument_number(optarg, LOAD_FRAMES_PER_S, LIMIT_PEER_PACKETS);
        p->video -= p->video % LOAD_FRAMES_PER_S;
        break;
    case 'n':
        p->rounds = (unsigned)argument_number(optarg, 1, REPORT_ROUNDS_MAX);
        break;
    case 's':
        p->seconds = (unsigned)argument_number(optarg, 1, 600);
        break;
    case 'w':
        p->workers = (unsigned)argument_number(optarg, 1, LIMIT_WORKERS);
        break;
    case 'j':
        p->json = optarg;
        break;
    default:
        fputs(help, option == 'h' ? stdout : stderr);
        exit(option == 'h' ? 0 : 2);
    }
}

static void read_options(int argc, char **argv, struct plan *p)
{
    static int floor, record, janus, loopback, highest;
    static const struct option known[] = {
        {"load", required_argument, NULL, 'l'},
        {"receivers", required_argument, NULL, 'r'},
        {"everybody", required_argument, NULL, 'e'},
        {"frames", required_argument, NULL, 'f'},
        {"video", required_argument, NULL, 'v'},
        {"rounds", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},
        {"json", required_argument, NULL, 'j'},
        {"floor", no_argument, &floor, 1},
        {"record", no_argument, &record, 1},
        {"janus", no_argument, &janus, 1},
        {"loopback", no_argument, &loopback, 1},
        {"highest", no_argument, &highest, 1},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1)
        if (option != 0)
            take_option(p, option);
    p->floor = floor;
    p->record = record;
    p->janus = janus;
    p->loopback = loopback;
    p->highest = highest;
    if (optind + 1 != argc) {
        fputs(help, stderr);
        exit(2);
    }
    p->binary = argv[optind];
    bool named = p->load_count > 0;
    for (const struct load *l = loads; !named && l->name; l++)
        add_load(p, l);
}

int main(int argc, char **argv)
{
    static struct plan plan = {.seconds = 10, .rounds = 7, .workers = 1};
    read_options(argc, argv, &plan);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* when it does not do, a socket says so */
    }
    run(&plan);
    return 0;
}
