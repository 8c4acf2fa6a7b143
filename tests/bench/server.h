/* A server under load: started afresh, its load joined, measured and ended. What the benchmark
 * knows of each kind is this. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_SERVER_H
#define TESTS_BENCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/clients.h"
#include "bench/load.h"
#include "bench/place.h"

struct server_options {
    const struct load *load;
    const struct place *place;
    const char *binary;
    unsigned workers; /* media threads */
    bool record;      /* with the tape tap on and its ring read */
    bool quiet;       /* receivers give no feedback: each is sent all it looks at */
};

/* What the server says of its sending, and of its receiving, since its start. */
struct server_sends {
    uint64_t packets, messages, calls;
    uint64_t dropped;     /* datagrams, as the kernel did not take them */
    uint64_t queue_drops; /* datagrams that found its receive queue full */
    uint64_t read_gap_us; /* not since its start: longest between two reads, of one second */
    uint64_t told;        /* how many times it has told */
};

struct server;

struct server_kind {
    const char *name;
    const char *title;
    bool record; /* for server_options */
    /* Starts it and has the load join and publish; `ret_idle_bytes`: memory before anybody joined.
     * Ends the program when it cannot. */
    struct server *(*start)(const struct server_kind *kind, const struct server_options *options,
                            struct clients *clients, uint64_t *ret_idle_bytes);
    pid_t (*pid)(const struct server *server);
    /* NULL: it does not say. */
    struct server_sends (*sends)(const struct server *server);
    void (*stop)(struct server *server);
};

extern const struct server_kind core_kind, core_record_kind;
extern const struct server_kind janus_kind, janus_debian_kind;

/* Says what failed and ends the program. */
_Noreturn void server_die(const char *what, int error);
void server_must(const char *what, int result);

/* Until all clients are connected, or the program ends. */
void server_connect(struct clients *clients);

/* Makes publisher `number` send its flows. */
void server_publish(const struct load *load, struct client *client, unsigned number);

#endif
