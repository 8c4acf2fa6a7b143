/* What is measured: distributions, and what a process costs by what the kernel counts of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_MEASURES_H
#define TESTS_BENCH_MEASURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HISTOGRAM_STEP_US 10
#define HISTOGRAM_STEPS   20000 /* the last one holds everything above 200 ms */

struct histogram {
    uint64_t count;
    uint32_t steps[HISTOGRAM_STEPS];
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, int64_t us);

/* Below which `permille` of them were, ms; 0 of none. */
double histogram_ms(const struct histogram *h, unsigned permille);

/* CPU time of all threads of the process, ns (schedstat, which ticks do not round). */
uint64_t process_cpu_ns(pid_t process);

/* Memory in use (VmRSS), bytes. */
uint64_t process_memory(pid_t process);

/* Datagrams that found the socket they came to full, in our network namespace so far (RcvbufErrors
 * of /proc/net/snmp). */
uint64_t udp_overflows(void);

/* Counts the system calls of a process's threads from now on. */
#define CALL_COUNTERS_MAX 2048
struct call_counter {
    int fds[CALL_COUNTERS_MAX];
    size_t count;
};

/* Returns 0, or a negative errno where the kernel does not let us. */
int call_counter_start(pid_t process, struct call_counter *ret_counter);
/* How many since the start; ends it. */
uint64_t call_counter_end(struct call_counter *counter);

#endif
