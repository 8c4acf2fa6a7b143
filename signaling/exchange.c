/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/exchange.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"
#include "signaling/httpparse.h"

/* One write of a response's body, bytes: larger ones gained nothing over TLS. */
#define PIECE 65536

struct exchange {
    struct ws_request request;
    struct ws_response response;
    size_t body_expected;
    bool answered;
    uint64_t sent; /* of the body */
};

int exchange_server_init(struct exchange_server *server, const struct ws_handlers *handlers,
                         int no_taking_s)
{
    *server = (struct exchange_server){
        .handlers = handlers,
        .no_taking_s = no_taking_s,
        .piece = malloc(LWS_PRE + PIECE),
    };
    return server->piece ? 0 : -ENOMEM;
}

void exchange_server_finish(struct exchange_server *server)
{
    free(server->piece);
}

void exchange_destroy(struct exchange *e)
{
    if (!e)
        return;
    if (e->response.fd >= 0)
        (void)close(e->response.fd); /* was only read */
    free(e->response.owned);
    free(e->request.body);
    free(e);
}

int exchange_field(struct lws *wsi, int token, char *text, size_t capacity)
{
    text[0] = '\0';
    int len = lws_hdr_total_length(wsi, (enum lws_token_indexes)token);
    if (len == 0)
        return 0;
    bool fits = (size_t)len < capacity &&
                lws_hdr_copy(wsi, text, (int)capacity, (enum lws_token_indexes)token) >= 0;
    return fits ? 0 : -EMSGSIZE;
}

/* Reads what http.c needs from the header; the library keeps it only during this callback. */
static int read_header(struct lws *wsi, const char *path, size_t path_len,
                       struct ws_request *request)
{
    static const struct {
        enum lws_token_indexes token;
        enum ws_method method;
    } methods[] = {
        {WSI_TOKEN_GET_URI, WS_GET},
        {WSI_TOKEN_HEAD_URI, WS_HEAD},
        {WSI_TOKEN_POST_URI, WS_POST},
        {WSI_TOKEN_DELETE_URI, WS_DELETE},
    };
    request->method = WS_OTHER;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (lws_hdr_total_length(wsi, methods[i].token))
            request->method = methods[i].method;
    if (path_len >= sizeof(request->path))
        return 414;
    memcpy(request->path, path, path_len);
    if (exchange_field(wsi, WSI_TOKEN_HTTP_URI_ARGS, request->query, sizeof(request->query)) < 0)
        return 414;
    const struct {
        char *text;
        size_t capacity;
        enum lws_token_indexes token;
    } fields[] = {
        {request->host, sizeof(request->host), WSI_TOKEN_HOST},
        {request->origin, sizeof(request->origin), WSI_TOKEN_ORIGIN},
        {request->cookie, sizeof(request->cookie), WSI_TOKEN_HTTP_COOKIE},
        {request->range, sizeof(request->range), WSI_TOKEN_HTTP_RANGE},
        {request->if_range, sizeof(request->if_range), WSI_TOKEN_HTTP_IF_RANGE},
        {request->if_none_match, sizeof(request->if_none_match), WSI_TOKEN_HTTP_IF_NONE_MATCH},
        {request->content_type, sizeof(request->content_type), WSI_TOKEN_HTTP_CONTENT_TYPE},
        {request->accept_encoding, sizeof(request->accept_encoding),
         WSI_TOKEN_HTTP_ACCEPT_ENCODING},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (exchange_field(wsi, fields[i].token, fields[i].text, fields[i].capacity) < 0)
            return 431;
    return 0;
}

/* Reads how long a body follows. Returns 0 or the status that refuses the request. */
static int read_length(struct lws *wsi, enum ws_method method, size_t *ret_len)
{
    char text[24];
    *ret_len = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return 411;
    if (exchange_field(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof(text)) < 0)
        return 413;
    return httpparse_length(text, method == WS_POST, LIMIT_HTTP_BODY_BYTES, ret_len);
}

static const char *status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {204, "No Content"},
        {206, "Partial Content"},
        {202, "Accepted"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Status";
}

/* Writes status line and header. Returns 0 or -1 to close. */
static int write_header(struct exchange_server *server, struct lws *wsi, const struct exchange *e,
                        bool closing)
{
    const struct ws_response *r = &e->response;
    char length[64] = "";
    uint64_t len = r->fd >= 0 ? r->length : r->body_len;
    if (r->status != 204 && r->status != 304)
        (void)snprintf(length, sizeof(length), "Content-Length: %llu\r\n", (unsigned long long)len);
    char *text = (char *)server->piece + LWS_PRE;
    int n = snprintf(text, PIECE, "HTTP/1.1 %u %s\r\n%s%s%s\r\n", r->status, status_text(r->status),
                     r->headers, length, closing ? "Connection: close\r\n" : "");
    return lws_write(wsi, server->piece + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_HEADERS) == n ? 0 : -1;
}

/* Ends the exchange; the connection waits for the next. Returns what the callback returns. */
static int complete(struct exchange **at, struct lws *wsi)
{
    exchange_destroy(*at);
    *at = NULL;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static bool has_body(const struct exchange *e)
{
    return e->request.method != WS_HEAD && e->response.status != 304 && e->response.status != 204 &&
           (e->response.fd >= 0 ? e->response.length : e->response.body_len) > 0;
}

/* Answers with what `response` holds by now. */
static int respond(struct exchange_server *server, struct exchange **at, struct lws *wsi,
                   bool closing)
{
    struct exchange *e = *at;
    e->answered = true;
    server->requests++;
    if (write_header(server, wsi, e, closing) < 0 || closing)
        return -1;
    if (!has_body(e))
        return complete(at, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, server->no_taking_s);
    lws_callback_on_writable(wsi);
    return 0;
}

static int ask_and_respond(struct exchange_server *server, struct exchange **at, struct lws *wsi)
{
    struct exchange *e = *at;
    const struct ws_handlers *handlers = server->handlers;
    handlers->requested(handlers->context, &e->request, &e->response);
    return respond(server, at, wsi, false);
}

/* Refuses what was not even read; the connection ends, as where its next request begins is not
 * known. */
static int refuse(struct exchange_server *server, struct exchange **at, struct lws *wsi, int status)
{
    (*at)->response.status = (unsigned)status;
    return respond(server, at, wsi, true);
}

int exchange_began(struct exchange_server *server, struct exchange **at, struct lws *wsi,
                   bool metrics, const char *path, size_t path_len)
{
    exchange_destroy(*at);
    struct exchange *e = *at = calloc(1, sizeof(*e));
    if (!e)
        return -1;
    e->response.fd = -1;
    e->request.metrics = metrics;
    int status = read_header(wsi, path, path_len, &e->request);
    if (!status)
        status = read_length(wsi, e->request.method, &e->body_expected);
    if (!status && (e->request.method == WS_OTHER || !e->request.host[0]))
        status = e->request.host[0] ? 405 : 400;
    if (status)
        return refuse(server, at, wsi, status);
    if (e->request.method != WS_POST)
        return ask_and_respond(server, at, wsi);
    e->request.body = calloc(1, e->body_expected + 1);
    return e->request.body ? 0 : -1; /* HTTP_BODY and its completion follow */
}

int exchange_body(struct exchange *e, const void *bytes, size_t len)
{
    if (!e || !e->request.body || e->answered)
        return -1;
    if (len > e->body_expected - e->request.body_len)
        return -1;
    if (len)
        memcpy(e->request.body + e->request.body_len, bytes, len);
    e->request.body_len += len;
    return 0;
}

int exchange_body_complete(struct exchange_server *server, struct exchange **at, struct lws *wsi)
{
    struct exchange *e = *at;
    if (!e || e->answered)
        return -1;
    return ask_and_respond(server, at, wsi);
}

/* Writes the next piece of the body: one write a callback. */
int exchange_writable(struct exchange_server *server, struct exchange **at, struct lws *wsi)
{
    struct exchange *e = *at;
    if (!e || !e->answered)
        return 0;
    const struct ws_response *r = &e->response;
    uint64_t left = (r->fd >= 0 ? r->length : r->body_len) - e->sent;
    size_t len = left < PIECE ? (size_t)left : PIECE;
    unsigned char *piece = server->piece + LWS_PRE;
    if (r->fd >= 0) {
        ssize_t n = pread(r->fd, piece, len, (off_t)(r->offset + e->sent));
        if (n <= 0)
            return -1; /* the file became shorter: the page sees a broken download */
        len = (size_t)n;
    } else {
        memcpy(piece, (const char *)r->body + e->sent, len);
    }
    bool last = len == left;
    if (lws_write(wsi, piece, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    e->sent += len;
    if (last)
        return complete(at, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, server->no_taking_s);
    lws_callback_on_writable(wsi);
    return 0;
}
