/* How packets of a seat go out: rewritten, sealed and queued; once more; with what was lost beside
 * them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_TRANSMIT_H
#define SFU_TRANSMIT_H

#include "sfu/subscription.h"

/* One packet of `e`, which lists this subscription, the newest or a straggler: rewrites its header,
 * seals it, queues it; or lets it wait its turn, where the line is slow. */
void transmit_packet(struct subscription *s, struct context *c, struct encoding *e,
                     struct packet *packet, bool newest);

/* What waits for slow lines (pacer.h) and is due leaves; every PACER_STEP_US while the context's
 * list is not empty. The caller flushes. */
void transmit_paced(struct context *c);

/* All that waits for that receiver leaves now: what comes next is about what follows it. */
void transmit_waiting(struct subscriber *to, struct context *c);

/* Of what waits, so many bytes leave before their time, if there are as many: a train (prober.h) is
 * better made of them than of padding. */
void transmit_early(struct subscriber *to, struct context *c, uint64_t bytes);

/* Sound that waits to be joined (repacketize.h), and what follows it does not come, leaves. */
void transmit_late(struct subscriber *to, struct context *c);

/* The peer asks for output packet `seq` again. Only of what the seat shows now. Returns false when
 * nothing can be sent again, whatever it asks for: SUBSCRIBER_RTX_PER_SECOND counts every number.
 */
bool transmit_again(struct subscription *s, struct context *c, uint16_t seq);

/* Sends one packet that brings nothing new, about `bytes` long on the path, as its RTX (video
 * only): padding, or a recent packet once more. Returns how long it was; 0: it was not sent. */
size_t transmit_padding(struct subscription *s, struct context *c, size_t bytes);

#endif
