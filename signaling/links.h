/* What media core and recorder say: answers to whoever asked, events to the hearing they are about,
 * and how everything is brought into step again when one of us was restarted.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_LINKS_H
#define SIGNALING_LINKS_H

#include "signaling/court.h"

/* Handlers for media_create(); `context` is the court. */
struct media_handlers links_sfu(struct court *court);
struct media_handlers links_recorder(struct court *court);

/* At start: the gap that our own absence was, in the journal of every hearing that felt it. */
void links_write_own_fault(struct court *court);

#endif
