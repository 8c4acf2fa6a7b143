/* One hearing with many receivers, of whom some lose packets, all of whom tell the server of what
 * comes as libwebrtc does: what the others get, before and while those lose.
 *
 *   net-crowd [--receivers N] [--bad N] [--loss PERMILLE] [--seconds N] SFU
 *
 * Fails when a packet of sound is missing at one of the others. SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/clients.h"
#include "bench/load.h"
#include "bench/measures.h"
#include "bench/place.h"
#include "bench/server.h"
#include "common/clock.h"

#define SECOND_US 1000000ull
#define WARM_US   (20 * SECOND_US)
/* Until the server has been told of the loss: a report of each stream. */
#define MEET_US      SECOND_US
#define PERCENT      100.0
#define RECEIVERS    100
#define BAD          10
#define LOSS         100
#define SECONDS      4
#define SOUND        0 /* of a receiver's inbound */
#define PICTURE      1
#define VIDEO_PPS    100 /* with 1,180 bytes: 1 Mbit/s */
#define VIDEO_LEN    1180
#define VIDEO_LAYERS 3
#define AUDIO_PPS    50

struct crowd {
    struct clients *clients;
    size_t receivers, bad;
    unsigned permille, seconds;
};

/* Of a group of receivers, in one phase. */
struct got {
    uint64_t packets[2], missing[2]; /* SOUND, PICTURE */
    size_t people, without_gaps;     /* those who miss no packet at all */
};

static bool is_receiver(const struct client *e)
{
    return e->inbound_count > 0;
}

/* The best picture is what the publisher's last flow sends. */
static uint32_t best_flow(const struct clients *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->all[i].flow_count)
            return c->all[i].flows[c->all[i].flow_count - 1].options.id;
    return 0;
}

static size_t at_best(const struct clients *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct client *e = &c->all[i];
        count += is_receiver(e) && e->inbound[SOUND].known && e->inbound[PICTURE].known &&
                 e->inbound[PICTURE].flow == best_flow(c);
    }
    return count;
}

static uint64_t missing_of(const struct inbound *in)
{
    uint64_t expected = in->begun ? in->highest - in->first + 1 : 0;
    return expected > in->packets ? expected - in->packets : 0;
}

static void add(struct got *g, const struct client *e, int sign)
{
    for (int k = SOUND; k <= PICTURE; k++) {
        g->packets[k] += (uint64_t)sign * e->inbound[k].packets;
        g->missing[k] += (uint64_t)sign * missing_of(&e->inbound[k]);
    }
}

/* Of the bad, or of the others, since the counts that were taken from `g` before. */
static void sum(const struct crowd *w, bool bad, int sign, struct got *g)
{
    size_t number = 0;
    g->people = 0;
    for (size_t i = 0; i < w->clients->count; i++) {
        const struct client *e = &w->clients->all[i];
        if (!is_receiver(e) || (number++ < w->bad) != bad)
            continue;
        g->people++;
        add(g, e, sign);
    }
}

static void set_loss(const struct crowd *w, unsigned permille)
{
    size_t number = 0;
    for (size_t i = 0; i < w->clients->count; i++)
        if (is_receiver(&w->clients->all[i]) && number++ < w->bad)
            w->clients->all[i].loss_permille = permille;
}

static void phase(const struct crowd *w, struct got *ret_bad, struct got *ret_others)
{
    struct got bad = {0}, others = {0};
    sum(w, true, -1, &bad);
    sum(w, false, -1, &others);
    clients_run(w->clients, w->seconds * SECOND_US);
    sum(w, true, 1, &bad);
    sum(w, false, 1, &others);
    *ret_bad = bad;
    *ret_others = others;
}

static void tell(const struct crowd *w, const char *when, const char *who, const struct got *g)
{
    double each = (double)g->people * w->seconds;
    printf("%-8s %-7s %3zu people: sound %5.1f/s each, %llu missing; pictures %5.1f/s each, "
           "%llu missing\n",
           when, who, g->people, g->people ? (double)g->packets[SOUND] / each : 0,
           (unsigned long long)g->missing[SOUND],
           g->people ? (double)g->packets[PICTURE] / each : 0,
           (unsigned long long)g->missing[PICTURE]);
}

static int measure(const struct crowd *w)
{
    uint64_t end_us = clock_now_us() + WARM_US, full = udp_overflows();
    while (at_best(w->clients) < w->receivers && clients_step(w->clients, end_us))
        ;
    printf("%zu of %zu are sent the best picture\n", at_best(w->clients), w->receivers);
    struct got bad, others, bad_then, others_then;
    phase(w, &bad, &others);
    set_loss(w, w->permille);
    clients_run(w->clients, MEET_US);
    phase(w, &bad_then, &others_then);
    tell(w, "before", "others", &others);
    tell(w, "before", "these", &bad);
    tell(w, "losing", "others", &others_then);
    tell(w, "losing", "these", &bad_then);
    full = udp_overflows() - full;
    double packets = (double)(others.packets[SOUND] + others.packets[PICTURE]);
    double then = (double)(others_then.packets[SOUND] + others_then.packets[PICTURE]);
    printf(
        "the others get %.1f %% of before while %zu lose %.1f %%; our own sockets were full %llu "
        "times\n",
        packets > 0 ? then / packets * PERCENT : 0, w->bad, w->permille / 10.0,
        (unsigned long long)full);
    bool some_lost = w->bad == 0 || w->permille == 0 || bad_then.missing[SOUND] > 0;
    bool complete = others.missing[SOUND] + others_then.missing[SOUND] == 0 || full > 0;
    bool came = others_then.packets[SOUND] > others_then.people * w->seconds * AUDIO_PPS / 2;
    return some_lost && complete && came ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct crowd w = {.receivers = RECEIVERS, .bad = BAD, .permille = LOSS, .seconds = SECONDS};
    static const struct option names[] = {{"receivers", required_argument, NULL, 'r'},
                                          {"bad", required_argument, NULL, 'b'},
                                          {"loss", required_argument, NULL, 'l'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;
        if (option == 'r')
            w.receivers = value;
        else if (option == 'b')
            w.bad = value;
        else if (option == 'l')
            w.permille = (unsigned)value;
        else if (option == 's')
            w.seconds = (unsigned)value;
        else
            return 2;
    }
    if (optind + 1 != argc || !w.receivers || w.bad >= w.receivers || !w.seconds) {
        fprintf(stderr, "usage: net-crowd [--receivers N] [--bad N] [--loss PERMILLE] "
                        "[--seconds N] SFU\n");
        return 2;
    }
    const struct load load = {.name = "crowd",
                              .title = "one publishes to a crowd",
                              .hearings = 1,
                              .pages = (unsigned)w.receivers + 1,
                              .publishing = 1,
                              .one_way = true,
                              .video_pps = VIDEO_PPS,
                              .layers = VIDEO_LAYERS,
                              .audio_pps = AUDIO_PPS,
                              .video_len = VIDEO_LEN,
                              .uneven = true};
    const struct place place = {
        .server = "127.0.0.1", .load = "127.0.0.1", .server_core = -1, .load_core = -1};
    const struct server_options server = {
        .load = &load, .place = &place, .binary = argv[optind], .workers = 1};
    const struct clients_options options = {.max = w.receivers + 1, .sample = CLIENTS_SAMPLE};
    uint64_t idle_bytes;
    if (clients_create(&options, &w.clients) < 0)
        return 1;
    struct server *s = core_kind.start(&core_kind, &server, w.clients, &idle_bytes);
    int status = measure(&w);
    core_kind.stop(s);
    clients_destroy(w.clients);
    return status;
}
