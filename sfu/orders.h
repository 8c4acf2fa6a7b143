/* What signaling orders, carried out on the worker that owns the hearing: one control message, one
 * call into its room, one answer.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ORDERS_H
#define SFU_ORDERS_H

#include <stdint.h>

#include "common/control.h"
#include "sfu/context.h"

/* What pages are told of a worker. */
struct orders_offer {
    uint8_t candidate_count;
    struct control_candidate candidates[LIMIT_CANDIDATES];
    uint8_t fingerprint[CONTROL_FINGERPRINT_LEN];
};

/* Carries `request` out on `rooms` (hearing -> struct room, owned) and answers through the outbox.
 * `fd` is the ring's descriptor of HEARING_OPEN, or -1; it stays the caller's. */
void orders_serve(struct context *c, struct table *rooms, const struct orders_offer *offer,
                  const struct control_message *request, int fd);

/* Who is there. */
struct load_people orders_people(const struct table *rooms);

/* Ends all rooms. */
void orders_end(struct context *c, struct table *rooms);

#endif
