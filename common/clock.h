/* Monotonic and wall time in microseconds: the only reading of clocks. Read where a loop wakes and
 * passed down, so that below the loop time is a parameter and a test can be an hour long in 1 ms.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, us since boot: the same in every process of this machine. */
uint64_t clock_now_us(void);

/* CLOCK_REALTIME, us since 1970-01-01 00:00:00 UTC. */
uint64_t clock_wall_us(void);

#endif
