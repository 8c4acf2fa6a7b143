/* One round: a server, or the bare fan-out, started afresh under a load, measured, ended.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_ROUND_H
#define TESTS_BENCH_ROUND_H

#include "bench/report.h"
#include "bench/server.h"

struct round_options {
    struct server_options server;
    unsigned seconds; /* measured */
    bool briefly;     /* without the counting of system calls */
};

void round_server(const struct server_kind *kind, const struct round_options *options,
                  struct figures *ret_figures);

/* Sealing and sending of the same packets with segments, and nothing else. */
void round_floor(const struct round_options *options, struct figures *ret_figures);

#endif
