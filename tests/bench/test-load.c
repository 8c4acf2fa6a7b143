/* Correctness under load: the loads of the benchmark against the real media core, with every packet
 * of every receiver decrypted. Each stream is complete, in order, and bit by bit what was sent.
 * Receivers give no feedback: one that does is sent less where the machine is too slow for it.
 *
 *   test-load SFU              with fewer people: also for builds with sanitizers
 *   test-load --full SFU       with all people at the full rate, in slices of time: to open and
 *                              compare all that comes costs more than to forward it
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "bench/clients.h"
#include "bench/load.h"
#include "bench/place.h"
#include "bench/server.h"
#include "common/clock.h"
#include "unit/check.h"

#define SECOND_US 1000000ull
#define RUN_US    (3 * SECOND_US / 2)
#define WAIT_US   (20 * SECOND_US)
/* A slice of the full load: what it brings fits into the sockets of those who receive it. */
#define SLICE_US 10000

/* As in load.c, each with fewer people and, where it is video, a frame of two or four packets. */
static const struct load small[] = {
    {"1to30", "1 to 12", 1, 13, 1, true, 100, 1, 50, 1180, true},
    {"1to30", "1 to 12, equal packets", 1, 13, 1, true, 100, 1, 50, 1180, false},
    {"1to1000", "1 to 100 in one hearing", 1, 101, 1, true, 50, 1, 50, 1180, true},
    {"1to1000", "3 hearings, in each 1 to 4", 3, 5, 1, true, 100, 1, 50, 1180, true},
    {"all12", "4 receive each other, 3 layers", 1, 4, 4, false, 100, 3, 50, 1180, true},
    {"12of60", "6 receive 3 of them, 3 layers", 1, 6, 3, false, 100, 3, 50, 1180, true},
    {"audio", "9 receive the audio of 3", 1, 9, 3, false, 0, 0, 50, 0, true},
};

static const struct flow *flow_of(const struct clients *c, uint32_t id)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->all[i].flow_count; k++)
            if (c->all[i].flows[k].options.id == id)
                return &c->all[i].flows[k];
    return NULL;
}

/* Whether it is audio, or of its publisher's layers the best. */
static bool is_shown(const struct load *l, const struct flow *f)
{
    return f->options.kind == CONTROL_AUDIO || f->options.id % 4 == (1 + l->layers) % 4;
}

/* Whether everybody gets every flow that is to be shown, and, with `to_the_last`, has all of it. */
static bool all_there(const struct clients *c, const struct load *l, bool to_the_last)
{
    size_t streams = 0, each = l->one_way ? 1 : l->publishing;
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->all[i].inbound_count; k++) {
            const struct inbound *in = &c->all[i].inbound[k];
            const struct flow *f = in->known ? flow_of(c, in->flow) : NULL;
            if (!in->begun)
                continue;
            if (!f || !is_shown(l, f) || (to_the_last && in->counter + 1 != f->counter))
                return false;
            streams++;
        }
    size_t wanted = load_receivers(l) * each - (l->one_way ? 0 : l->publishing);
    return streams == wanted * load_streams(l);
}

/* Sends nothing more, and waits for what is on its way. */
static void settle(struct clients *c, const struct load *l)
{
    uint64_t end_us = clock_now_us() + WAIT_US;
    clients_pause(c);
    while (!all_there(c, l, true) && clients_step(c, end_us))
        ;
    CHECK(all_there(c, l, true));
}

/* Sends for RUN_US of the load's time, and gets it all. */
static void run(struct clients *c, const struct load *l, uint64_t slice_us)
{
    for (uint64_t us = 0; us < RUN_US; us += slice_us) {
        clients_resume(c);
        clients_run(c, slice_us);
        settle(c, l);
    }
}

static void check_load(const struct load *l, const char *binary, uint64_t slice_us)
{
    const struct place place = {
        .server = "127.0.0.1", .load = "127.0.0.1", .server_core = -1, .load_core = -1};
    const struct server_options server_options = {
        .load = l, .place = &place, .binary = binary, .workers = 2, .quiet = true};
    const struct clients_options options = {.max = 2 * (size_t)l->hearings * l->pages, .sample = 1};
    struct clients *c;
    uint64_t idle_bytes;
    printf("%s: %s\n", l->name, l->title);
    CHECK_EQ(clients_create(&options, &c), 0);
    fflush(stdout);
    struct server *s = core_kind.start(&core_kind, &server_options, c, &idle_bytes);

    uint64_t end_us = clock_now_us() + WAIT_US;
    while (!all_there(c, l, false) && clients_step(c, end_us))
        ; /* seats are taken, and of the layers the best come to be shown */
    settle(c, l);
    struct clients_sum before = clients_sum(c);
    uint64_t wanted = clients_wanted(c, l);
    run(c, l, slice_us);
    struct clients_sum after = clients_sum(c);
    wanted = clients_wanted(c, l) - wanted;
    printf("  %llu packets to %u receivers\n", (unsigned long long)wanted, load_receivers(l));
    CHECK(wanted > (uint64_t)load_forwards(l) * RUN_US / SECOND_US /
                       2);                              /* of a machine that is not too busy */
    CHECK_EQ(after.received - before.received, wanted); /* complete, nothing twice */
    CHECK_EQ(after.opened - before.opened, wanted);
    CHECK_EQ(after.bad - before.bad, 0);
    CHECK_EQ(after.late - before.late, 0);       /* in order by number ... */
    CHECK_EQ(after.skipped - before.skipped, 0); /* ... and the numbers' packets by content */
    CHECK_EQ(after.strays, 0);
    core_kind.stop(s);
    clients_destroy(c);
}

int main(int argc, char **argv)
{
    bool full = argc == 3 && strcmp(argv[1], "--full") == 0;
    CHECK(full || argc == 2);
    if (full) {
        for (const struct load *l = loads; l->name; l++)
            check_load(l, argv[2], SLICE_US);
        return 0;
    }
    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
        check_load(&small[i], argv[1], RUN_US);
    return 0;
}
