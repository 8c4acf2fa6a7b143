/* The whole of a join: asked for, answered by the media core, or given up.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_JOIN_H
#define SIGNALING_JOIN_H

#include "signaling/court.h"

/* `join`: access, place in the media core, journal line, request. Answered by join_on_media_ready()
 * or join_abandon(). */
void join_handle(struct page *page, const struct message *message);

/* The media core made the peer: the person enters its room, and everybody learns it. */
void join_on_media_ready(struct court *court, const struct media_ticket *ticket,
                         const struct control_peer_ready *ready);

/* It did not: the page may try again. */
void join_abandon(struct court *court, const struct media_ticket *ticket, int error);

/* `leave`: the person goes outside; it may join again. */
void join_leave(struct page *page, const struct message *message);

#endif
