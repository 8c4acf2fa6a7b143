/* HTTP on one connection: a request is read, answered by the handlers, and its body written piece
 * by piece as the page takes it. With ws.c the only file that sees libwebsockets.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_EXCHANGE_H
#define SIGNALING_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/ws.h"

struct lws;
struct exchange; /* one request and its response */

/* What all connections of a server share; the loop's thread. */
struct exchange_server {
    const struct ws_handlers *handlers; /* borrowed for good */
    int no_taking_s;                    /* a page that takes nothing of a download so long is cut */
    uint64_t requests;                  /* answered */
    unsigned char *piece;               /* for one write; NULL at first */
};

/* Returns 0 or -ENOMEM. */
int exchange_server_init(struct exchange_server *server, const struct ws_handlers *handlers,
                         int no_taking_s);
void exchange_server_finish(struct exchange_server *server);

/* The library's callbacks on a connection, whose exchange is at `at`: NULL between requests. Each
 * returns what the callback returns: 0, or -1 to close the connection. `metrics` tells on which
 * listener it came in. */
int exchange_began(struct exchange_server *server, struct exchange **at, struct lws *wsi,
                   bool metrics, const char *path, size_t path_len);
int exchange_body(struct exchange *exchange, const void *bytes, size_t len);
int exchange_body_complete(struct exchange_server *server, struct exchange **at, struct lws *wsi);
int exchange_writable(struct exchange_server *server, struct exchange **at, struct lws *wsi);

/* Accepts NULL. */
void exchange_destroy(struct exchange *exchange);

/* Copies one field of the header that the library read (its token), "" when there is none. Returns
 * 0, or -EMSGSIZE when it does not fit. Only in callbacks that still have the header. */
int exchange_field(struct lws *wsi, int token, char *text, size_t capacity);

#endif
