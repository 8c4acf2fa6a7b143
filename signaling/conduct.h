/* What people do in the course of the evidence: oaths, objections, marks, and the lock of the room.
 * Each is asked of access.h, written to the journal, then done.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_CONDUCT_H
#define SIGNALING_CONDUCT_H

#include "signaling/court.h"

void conduct_swear(struct page *page, const struct message *message);
void conduct_sworn(struct page *page, const struct message *message);
void conduct_release(struct page *page, const struct message *message);
void conduct_object(struct page *page, const struct message *message);
void conduct_rule(struct page *page, const struct message *message);
void conduct_lock_room(struct page *page, const struct message *message);
void conduct_mark(struct page *page, const struct message *message);

#endif
