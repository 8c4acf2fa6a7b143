/* What the court orders of microphones and of who receives whom (measures.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ORDER_H
#define SIGNALING_ORDER_H

#include "signaling/court.h"

/* Each is answered by `ok` or an error. */
void order_lock(struct page *page, const struct message *message);
void order_give_floor(struct page *page, const struct message *message);
void order_open_floor(struct page *page, const struct message *message);
void order_mute_all(struct page *page, const struct message *message);
void order_spotlight(struct page *page, const struct message *message);
void order_screen(struct page *page, const struct message *message);

/* Closes what the rules keep closed from now on: after a change of the hearing's state. `by` 0: the
 * rules. */
void order_close_microphones(struct live *live, uint64_t by);

#endif
