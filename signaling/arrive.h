/* A page says hello: who it is by its token, whether the place is free, and how everything stands.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ARRIVE_H
#define SIGNALING_ARRIVE_H

#include "signaling/court.h"

/* Answered by `welcome` or an error. */
void arrive_handle(struct page *page, const struct message *message);

/* The connection is gone: the person keeps its place for a while. */
void arrive_on_closed(struct page *page);

/* The error that answers for what token_admit() returned. */
enum message_error arrive_token_error(int error);

#endif
