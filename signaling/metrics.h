/* /metrics: how everything does, in Prometheus' text format. docs/metrics.md lists all of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_METRICS_H
#define SIGNALING_METRICS_H

#include "signaling/court.h"

/* The whole text, the caller's to free; NULL without memory. */
char *metrics_text(const struct court *court, size_t *ret_len);

#endif
