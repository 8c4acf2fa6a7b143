/* The stages of one handshake, each by itself and without a network: what a media core spends on
 * it, and where. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_JOIN_PARTS_H
#define TESTS_BENCH_JOIN_PARTS_H

/* Makes so many associations and prints the median of each stage's processor time. Returns 0 or a
 * negative errno. */
int join_parts(unsigned rounds);

#endif
