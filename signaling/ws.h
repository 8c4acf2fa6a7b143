/* The network side of signaling: listening, TLS, HTTP/1.1 and WebSocket frames, and every limit on
 * what a stranger may do with them. With exchange.c the only file with libwebsockets; one thread,
 * one loop.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_WS_H
#define SIGNALING_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "signaling/watch.h"

struct ws;
struct ws_connection; /* one WebSocket */

struct ws_config {
    const struct config_addresses *listen;
    uint16_t port;
    const char *certificate;     /* PEM with its chain; NULL: plain HTTP, on loopback only */
    const char *key;             /* PEM */
    const char *metrics_address; /* "": no metrics */
    uint16_t metrics_port;
    unsigned connections_max,
        per_address_max; /* LIMIT_CONNECTIONS, LIMIT_CONNECTIONS_PER_ADDRESS */
    uint32_t hurry;      /* divides time limits; 1, more in tests only */
};

enum ws_method {
    WS_GET,
    WS_HEAD,
    WS_POST,
    WS_DELETE,
    WS_OTHER,
};

/* An HTTP request, its header fields "" where there are none. Borrowed for the call. */
struct ws_request {
    enum ws_method method;
    bool metrics; /* came in on the metrics listener */
    char path[1024];
    char query[512];
    char host[256];
    char origin[512];
    char cookie[1024];
    char range[128];
    char if_range[128];
    char if_none_match[256];
    char content_type[128];
    char accept_encoding[256];
    char *body; /* ends with NUL */
    size_t body_len;
};

struct ws_response {
    unsigned status;
    char headers[3072]; /* whole lines, each ended by CRLF; ws.c adds length and connection */
    const void *body;   /* borrowed for good (the page) unless `owned` */
    size_t body_len;
    void *owned; /* freed when sent; NULL: none */
    int fd;      /* -1: none; else the body is `length` bytes from `offset`; closed when sent */
    uint64_t offset, length;
};

enum ws_breach {
    WS_BREACH_TOO_LARGE, /* a message over LIMIT_MESSAGE_BYTES */
    WS_BREACH_TOO_FAST,  /* more than LIMIT_MESSAGE_RATE */
    WS_BREACH_NOT_TEXT,  /* a binary frame */
};

/* Upwards, all on the loop's thread. Each holds for the life of the connection. */
struct ws_handlers {
    void *context;
    /* A page opened /ws. Returns 0 with the session, or a negative errno to refuse it. */
    int (*opened)(void *context, struct ws_connection *connection, void **ret_session);
    /* One text message, not ended by NUL. */
    void (*received)(void *session, const char *text, size_t len);
    /* The page broke a limit; nothing more is received from it. Say why, and ws_close(). */
    void (*broke)(void *session, enum ws_breach breach);
    /* The connection is gone; the last call. */
    void (*closed)(void *session);
    void (*requested)(void *context, const struct ws_request *request,
                      struct ws_response *response);
    /* Every WS_TICK_US. */
    void (*ticked)(void *context, uint64_t now_us);
};

#define WS_TICK_US 100000ull

/* Counters for /metrics. */
struct ws_counters {
    uint64_t accepted, refused; /* connections; refused by a limit */
    uint64_t open;              /* now */
    uint64_t pages;             /* WebSockets open now */
    uint64_t received, sent;    /* messages */
    uint64_t breaches, slow;    /* pages that broke a limit; that read too slowly */
    uint64_t requests;          /* HTTP */
};

/* Listens. -EADDRINUSE, -EADDRNOTAVAIL, -EACCES with the address in the log; -EINVAL when the
 * certificate or key is not good, or plain HTTP was asked for off loopback. `config`, `handlers`
 * and `watches` are borrowed for good. */
int ws_create(const struct ws_config *config, const struct ws_handlers *handlers,
              struct watch_set *watches, struct ws **ret_ws);
/* Closes what is left without ceremony. Accepts NULL. */
void ws_destroy(struct ws *ws);
DEFINE_CLEANUP(struct ws, ws_destroy)

/* Serves until ws_stop(), and then until the pages have taken leave, at most 2 s. */
void ws_run(struct ws *ws);

/* Takes no more connections and closes each WebSocket with 1001. */
void ws_stop(struct ws *ws);

const struct ws_counters *ws_counters(const struct ws *ws);

/* Queues one text message (copied). -ENOBUFS when LIMIT_SEND_QUEUE_BYTES wait already: the
 * connection is then dropped (its `closed` comes from the loop); -ENOTCONN when it is closing. */
int ws_send(struct ws_connection *connection, const char *text, size_t len);

/* Closes after what is queued is sent; nothing more is received. `reason` is for a person who reads
 * the browser's log. */
void ws_close(struct ws_connection *connection, uint16_t code, const char *reason);

#endif
