/* How long a datagram takes to the server's core and back when nothing is done there: what the
 * measured latency of a server has in it that is not the server's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_REFLECTOR_H
#define TESTS_BENCH_REFLECTOR_H

#include "bench/measures.h"
#include "bench/place.h"

/* Adds the time of each of some hundred datagrams, which takes about a second. Returns 0 or a
 * negative errno. */
int reflector_run(const struct place *place, struct histogram *histogram);

#endif
