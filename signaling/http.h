/* The HTTP side: the page with its strict headers, health, sessions, and records for download. What
 * is answered, not how it travels: that is ws.c's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_HTTP_H
#define SIGNALING_HTTP_H

#include "signaling/assets.h"
#include "signaling/court.h"
#include "signaling/ws.h"

/* A cookie is good this long. PROTOCOL.md. */
#define HTTP_SESSION_US (43200 * 1000000ull)

struct http {
    struct court *court;
    const struct assets *assets;
    bool is_tls;
    bool is_loopback; /* the public host is this machine: no HSTS for "localhost" */
};

/* Fills `response` for any request of the main or the metrics listener. */
void http_answer(struct http *http, const struct ws_request *request, struct ws_response *response);

/* Adds "Name: value" as formatted; false (and nothing added) when there is no room. */
bool http_header(struct ws_response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
