/* What comes from pages: each message to the one function that handles it, in the states where it
 * may be said.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_SESSION_H
#define SIGNALING_SESSION_H

#include "signaling/court.h"

/* A page that says no hello for this long is closed. PROTOCOL.md. */
#define SESSION_HELLO_US (10 * 1000000ull)

/* struct ws_handlers; `context` is the court, `session` a struct page. */
int session_opened(void *context, struct ws_connection *connection, void **ret_session);
void session_receive(void *session, const char *text, size_t len);
void session_broke(void *session, enum ws_breach breach);
void session_closed(void *session);

/* Every WS_TICK_US: closes who never said hello, and pages whose invitation was revoked. */
void session_tick(struct court *court);

#endif
