/* The spine of RTCP: what publishers and subscribers report and ask for, and what we report and ask
 * of them: reports, NACK, key frames, transport-wide feedback.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_FEEDBACK_H
#define SFU_FEEDBACK_H

#include <stddef.h>
#include <stdint.h>

#include "sfu/context.h"
#include "sfu/publication.h"
#include "sfu/subscription.h"

/* An opened compound from a publisher: sender reports, kept and put on the tape. */
void feedback_from_publisher(struct context *c, struct publisher *p, const uint8_t *rtcp,
                             size_t len);

/* An opened compound from a subscriber: receiver reports, NACK, PLI and FIR. */
void feedback_from_subscriber(struct context *c, struct subscriber *s, const uint8_t *rtcp,
                              size_t len);

/* What a publisher is owed by now: NACK, key frame requests, transport-wide feedback, receiver
 * reports. Call about every 20 ms. */
void feedback_to_publisher(struct context *c, struct publisher *p);

/* What a subscriber is owed by now: sender reports. Call about every 100 ms. */
void feedback_to_subscriber(struct context *c, struct subscriber *s);

#endif
