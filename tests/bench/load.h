/* The loads of the benchmark, each by its name: how many hearings, who publishes what, who
 * receives. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "peer/flow.h"

#define LOAD_FRAMES_PER_S 25
#define LOAD_AUDIO_LEN    120 /* bytes of payload, the most */

struct load {
    const char *name;
    const char *title;
    unsigned hearings;
    unsigned pages;      /* of each hearing */
    unsigned publishing; /* of them, the first ones */
    bool one_way;        /* publishers receive nothing: one to many */
    unsigned video_pps;  /* of the best layer, a multiple of 25; 0: audio only */
    unsigned layers;     /* simulcast */
    unsigned audio_pps;
    unsigned video_len; /* bytes of a payload, the most */
    bool uneven;        /* a browser's frames: see flow_options.uneven */
};

/* All of them; the last has no name. */
extern const struct load loads[];

/* NULL: no such load. */
const struct load *load_of(const char *name);

/* Pages of all hearings that receive, and packets a second they are to get together. */
unsigned load_receivers(const struct load *load);
unsigned load_forwards(const struct load *load);

/* Streams (audio, video) a publisher has, 1 or 2. */
unsigned load_streams(const struct load *load);

/* What publisher `number` (over all hearings) sends: layer 0 is the smallest, and the only one of
 * audio. Its mark's id tells publisher, kind and layer apart, below LOAD_FLOWS_MAX. */
#define LOAD_FLOWS_MAX 512
struct flow_options load_flow(const struct load *load, unsigned number, enum control_kind kind,
                              unsigned layer);

/* When its first frame is due, from the load's beginning, microseconds. People are not in step, nor
 * is anybody's sound with their picture: bursts fall together no oftener than chance has it. */
uint64_t load_phase_us(unsigned number, enum control_kind kind, unsigned frames_per_s);

#endif
