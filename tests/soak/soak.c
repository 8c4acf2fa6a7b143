/* SPDX-License-Identifier: Apache-2.0 */
/* Joins and leaves without end, as a court's server sees them in years: real control messages to a
 * real media core, a share of them with real ICE, DTLS and media; fails when it grows. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/codecs.h"
#include "peer/argument.h"
#include "peer/crowd.h"
#include "peer/taken.h"

#define SECOND_US UINT64_C(1000000)
#define PATIENCE  (20 * SECOND_US)
#define SEATS     12
#define ROOM      1

/* A round: a hearing opened, joined and left, closed. */
enum { PAIR = 2, VIEW_PACKETS = 40 };

/* Growth of the second half over the first that is not told from the heap's own play. */
#define PLAY_BYTES (512u << 10)
/* Looks at the memory, half of them in each half. */
#define LOOKS 20

struct options {
    uint64_t joins;
    uint64_t full_every; /* one pair in so many rounds is real; every round has one for 1 */
    uint64_t round;      /* joins of one hearing */
    unsigned workers;
    bool any_memory; /* sanitizers take their own */
    const char *binary;
};

struct soak {
    struct options options;
    struct desk *desk;
    uint64_t joins, full, packets, hearings;
    uint64_t next_id;
};

static const char usage[] =
    "soak [options] SFU: joins and leaves of a real media core; fails when the most it takes in "
    "the\n"
    "second half of them is over 512 KiB more than the most in the first, when it keeps "
    "descriptors,\n"
    "peers or hearings, or when any of them does not work.\n"
    "  --joins N        participants in all, by default 1000000\n"
    "  --round N        participants of one hearing, by default 64\n"
    "  --full-every N   rounds; of each such round two participants do ICE and DTLS for both\n"
    "                   transports, one publishes, the other watches, and they leave in two ways:\n"
    "                   close_notify, and removed. By default 1: every 32nd participant\n"
    "  --workers N      of the media core, by default 2\n"
    "  --any-memory     growth is printed only (for sanitizers)\n"
    "The others join and leave by control messages alone: transports made, connected, a stream\n"
    "announced, removed.\n";

/* Returns 0, or prints what was not as it should be. */
static int expect(const char *what, int r)
{
    if (r < 0)
        fprintf(stderr, "soak: %s: %s\n", what, strerror(-r));
    return r;
}

static int ask(struct soak *s, const char *what, struct control_message m)
{
    return expect(what, desk_ask(s->desk, &m, NULL));
}

static struct control_peer_add next_peer(struct soak *s, uint64_t hearing)
{
    s->joins++;
    return (struct control_peer_add){
        hearing, ++s->next_id, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, ROOM, SEATS};
}

static int remove_peer(struct soak *s, uint64_t hearing, uint64_t peer)
{
    return ask(s, "PEER_REMOVE",
               (struct control_message){.type = CONTROL_PEER_REMOVE, .peer = {hearing, peer}});
}

/* One that never gets through to us: by control messages alone. Every eighth stays until the
 * hearing closes. */
static int join_briefly(struct soak *s, uint64_t hearing, bool leaves)
{
    struct control_peer_add add = next_peer(s, hearing);
    int r = ask(s, "PEER_ADD", (struct control_message){.type = CONTROL_PEER_ADD, .peer_add = add});
    for (uint8_t d = 0; d < CONTROL_DIRECTION_COUNT && r == 0; d++)
        r = ask(s, "TRANSPORT_CONNECT",
                (struct control_message){.type = CONTROL_TRANSPORT_CONNECT,
                                         .transport_connect = {hearing, add.peer, d, {1, 2}}});
    struct control_message stream = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {.hearing = hearing,
                       .peer = add.peer,
                       .stream = add.peer,
                       .kind = CONTROL_AUDIO,
                       .codec_count = 1,
                       .codecs = {{.codec = CODEC_OPUS, .payload_type = 111}},
                       .encoding_count = 1,
                       .encodings = {{.ssrc = (uint32_t)s->joins + 100000}}}};
    if (r == 0)
        r = ask(s, "STREAM_ADD", stream);
    if (r == 0 && leaves)
        r = remove_peer(s, hearing, add.peer);
    return r;
}

static int publish(struct crowd *crowd, struct page *page)
{
    const struct flow_options video = {.kind = CONTROL_VIDEO,
                                       .id = 1,
                                       .ssrc = 2000,
                                       .payload_type = 96,
                                       .ext_transport_cc = 4,
                                       .packets_per_frame = 4,
                                       .frames_per_s = 500,
                                       .payload_len = 600};
    int r = page_publish(crowd, page, page->id, &video);
    return expect("STREAM_ADD", r);
}

/* Two that are all real. */
static int join_fully(struct soak *s, uint64_t hearing)
{
    const struct crowd_options options = {
        .pages_max = PAIR, .open_every = 1, .reports = true, .nacks = true};
    CLEANUP(crowd_destroy) struct crowd *crowd = NULL;
    struct page *pages[PAIR] = {NULL};
    int r = expect("a crowd", crowd_create(s->desk, &options, &crowd));
    uint64_t end_us = clock_now_us() + PATIENCE;
    for (int i = 0; i < PAIR && r == 0; i++) {
        const struct control_peer_add add = next_peer(s, hearing);
        r = expect("a page", crowd_admit(crowd, &add, &pages[i]));
    }
    if (r == 0)
        r = publish(crowd, pages[0]);
    if (r == 0)
        r = expect("SEAT_SET", page_watch(crowd, pages[1], 0, CONTROL_VIDEO, pages[0]->id));
    while (r == 0 && page_received(pages[1]) < VIEW_PACKETS)
        if (!crowd_step(crowd, end_us))
            r = expect("media", -ETIMEDOUT);
    if (r < 0 || !pages[0] || !pages[1])
        return r;
    s->full += PAIR;
    s->packets += page_received(pages[1]);
    link_close(pages[0]->links[CONTROL_UP]);
    link_close(pages[0]->links[CONTROL_DOWN]);
    /* The one that said goodbye goes with the hearing. */
    return remove_peer(s, hearing, pages[1]->id);
}

static int run_round(struct soak *s)
{
    uint64_t hearing = ++s->next_id;
    int r = expect("a hearing", desk_open_hearing(s->desk, hearing, -1));
    if (r == 0 && s->hearings++ % s->options.full_every == 0)
        r = join_fully(s, hearing);
    for (uint64_t i = PAIR; i < s->options.round && r == 0; i++)
        r = join_briefly(s, hearing, i % 8 != 0);
    return r < 0
               ? r
               : ask(s, "HEARING_CLOSE",
                     (struct control_message){.type = CONTROL_HEARING_CLOSE, .hearing = {hearing}});
}

/* What the media core takes now, told as a line. */
struct sample {
    size_t bytes, descriptors;
};

static struct sample look(const struct soak *s, uint64_t begun_us)
{
    const struct sample now = {taken_memory(desk_pid(s->desk)),
                               taken_descriptors(desk_pid(s->desk))};
    printf("%9" PRIu64 " joins, %7" PRIu64 " with ICE, DTLS and media, %8" PRIu64
           " packets seen, %6" PRIu64 " hearings: %7zu KiB, %zu descriptors, %" PRIu64 " s\n",
           s->joins, s->full, s->packets, s->hearings, now.bytes / 1024, now.descriptors,
           (clock_now_us() - begun_us) / SECOND_US);
    (void)fflush(stdout);
    return now;
}

/* The metrics of a second later count nobody. */
static int check_empty(struct soak *s)
{
    uint64_t wanted = desk_metrics_count(s->desk) + 3, end_us = clock_now_us() + PATIENCE;
    while (desk_metrics_count(s->desk) < wanted && clock_now_us() < end_us)
        if (ask(s, "HEARING_CLOSE",
                (struct control_message){.type = CONTROL_HEARING_CLOSE, .hearing = {1}}) < 0)
            return -EPIPE;
    uint64_t left = desk_metric(s->desk, CONTROL_METRIC_PEERS) +
                    desk_metric(s->desk, CONTROL_METRIC_HEARINGS) +
                    desk_metric(s->desk, CONTROL_METRIC_STREAMS);
    return desk_metrics_count(s->desk) < wanted || left > 0
               ? expect("peers, hearings or streams are left", -EBUSY)
               : 0;
}

/* The most of one half. */
static void note(struct sample *most, struct sample now)
{
    if (now.bytes > most->bytes)
        most->bytes = now.bytes;
    if (now.descriptors > most->descriptors)
        most->descriptors = now.descriptors;
}

static int judge(const struct soak *s, struct sample first, struct sample second)
{
    double grown = (double)second.bytes - (double)first.bytes;
    printf("the second half took %.0f bytes more than the first: %.2f a join\n", grown,
           grown / ((double)s->joins / 2));
    if (second.descriptors > first.descriptors)
        return expect("descriptors are left open", -EMFILE);
    if (grown > PLAY_BYTES && !s->options.any_memory)
        return expect("the media core grew", -ENOMEM);
    return 0;
}

static int run(struct soak *s)
{
    uint64_t begun_us = clock_now_us();
    struct sample halves[2] = {{0}};
    for (unsigned i = 1; i <= LOOKS; i++) {
        while (s->joins < s->options.joins * i / LOOKS) {
            int r = run_round(s);
            if (r < 0)
                return r;
        }
        note(&halves[i > LOOKS / 2], look(s, begun_us));
    }
    int r = check_empty(s);
    return r < 0 ? r : judge(s, halves[0], halves[1]);
}

static bool read_options(int argc, char **argv, struct options *o)
{
    enum { JOINS, ROUND, FULL_EVERY, WORKERS, ANY_MEMORY, HELP };
    static const struct option known[] = {
        {"joins", required_argument, NULL, JOINS},
        {"round", required_argument, NULL, ROUND},
        {"full-every", required_argument, NULL, FULL_EVERY},
        {"workers", required_argument, NULL, WORKERS},
        {"any-memory", no_argument, NULL, ANY_MEMORY},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    *o = (struct options){.joins = 1000000, .full_every = 1, .round = 64, .workers = 2};
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        uint64_t number = optarg ? argument_number(optarg, 1, UINT32_MAX) : 1;
        if (c == JOINS)
            o->joins = number;
        else if (c == ROUND)
            o->round = number;
        else if (c == FULL_EVERY)
            o->full_every = number;
        else if (c == WORKERS)
            o->workers = (unsigned)number;
        else if (c == ANY_MEMORY)
            o->any_memory = true;
        else
            return false;
    }
    o->binary = argv[optind];
    return optind + 1 == argc && o->round > PAIR && o->round <= LIMIT_PEERS_PER_HEARING;
}

int main(int argc, char **argv)
{
    struct soak s = {0};
    if (!read_options(argc, argv, &s.options)) {
        fputs(usage, stderr);
        return 2;
    }
    int r =
        expect("starting the media core", desk_start(s.options.binary, s.options.workers, &s.desk));
    if (r < 0)
        return 1;
    r = run(&s);
    int status = desk_end(s.desk);
    if (status != 0)
        fprintf(stderr, "soak: the media core ended with %d\n", status);
    return r == 0 && status == 0 ? 0 : 1;
}
