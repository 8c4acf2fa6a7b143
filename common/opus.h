/* What an Opus packet says of itself (RFC 6716 section 3).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_OPUS_H
#define COMMON_OPUS_H

#include <stddef.h>
#include <stdint.h>

/* The rate of its timestamps (RFC 7587 section 4.1), and the longest packet, samples. */
#define OPUS_CLOCK_RATE  48000
#define OPUS_SAMPLES_MAX 5760

/* The length in samples of a packet (section 3.1), 0 when it is none. */
unsigned opus_samples(const uint8_t *data, size_t len);

#endif
