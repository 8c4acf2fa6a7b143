/* Meeting in rooms beside the courtroom: asking others in, entering, coming back (rooms.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_MEET_H
#define SIGNALING_MEET_H

#include "signaling/court.h"

/* `meet`, answered by `met` with the room's number; each other is answered by `ok` or an error. */
void meet_handle(struct page *page, const struct message *message);
void meet_enter(struct page *page, const struct message *message);
void meet_decline(struct page *page, const struct message *message);
void meet_come_back(struct page *page, const struct message *message);
/* Another, by the court. */
void meet_call_back(struct page *page, const struct message *message);

#endif
