/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/list.h"
#include "common/log.h"
#include "signaling/httpparse.h"
#include "signaling/listener.h"

/* Time limits in seconds, all ours: a handshake or a request's header; an idle connection kept for
 * the next request; a page that takes nothing of a download. */
#define TIME_HEADER    10
#define TIME_IDLE      20
#define TIME_NO_TAKING 30
/* A WebSocket is pinged after this much silence and closed after that much. */
#define TIME_PING   10
#define TIME_SILENT 30
/* A page is given this long to take what is queued when we close. */
#define TIME_LEAVING 5

#define STOP_US (2 * 1000000ull)

/* One write of a response's body, bytes: larger ones gained nothing over TLS. */
#define PIECE 65536

enum tag {
    TAG_MAIN,
    TAG_METRICS,
};

/* A WebSocket message that waits to be sent. */
struct outgoing {
    struct list link;
    size_t len;
    unsigned char bytes[]; /* LWS_PRE for the library's frame header, then the text */
};

struct ws_connection {
    struct ws *ws;
    struct lws *wsi;
    struct list link; /* in ws->connections */
    void *session;
    struct list queue; /* of struct outgoing */
    size_t queued;     /* bytes */
    char *message;     /* in the making; room for LIMIT_MESSAGE_BYTES */
    size_t message_len;
    double tokens; /* of LIMIT_MESSAGE_BURST */
    uint64_t tokens_us;
    bool closing; /* nothing more is received */
    uint16_t close_code;
    char close_reason[64];
};

/* One HTTP request and its response. */
struct exchange {
    struct ws_request request;
    struct ws_response response;
    size_t body_expected;
    bool answered;
    uint64_t sent; /* of the body */
};

/* One TCP connection, from accept to close. */
struct link {
    struct ws *ws;
    struct listener_guest *guest;
    enum tag tag;
    bool adopting; /* the library may destroy it before it is ours */
    struct exchange *exchange;
    struct ws_connection *connection;
};

struct ws {
    const struct ws_config *config;
    const struct ws_handlers *handlers;
    struct watch_set *watches;
    struct lws_context *context;
    struct lws_vhost *vhosts[2]; /* by tag */
    struct lws *watches_wsi;
    struct listeners *listeners;
    lws_sorted_usec_list_t tick;
    struct list connections;
    struct ws_counters counters;
    bool stopping;
    uint64_t stop_us;
    lws_retry_bo_t liveness;
    struct log_counter library;
    unsigned char piece[LWS_PRE + PIECE];
};

static int time_limit(const struct ws *ws, unsigned seconds)
{
    unsigned hurried = seconds / ws->config->hurry;
    return (int)(hurried ? hurried : 1);
}

/* HTTP */

static void exchange_destroy(struct exchange *e)
{
    if (!e)
        return;
    if (e->response.fd >= 0)
        (void)close(e->response.fd); /* was only read */
    free(e->response.owned);
    free(e->request.body);
    free(e);
}

static int copy_header(struct lws *wsi, char *text, size_t capacity, enum lws_token_indexes token)
{
    text[0] = '\0';
    int len = lws_hdr_total_length(wsi, token);
    if (len == 0)
        return 0;
    return (size_t)len >= capacity || lws_hdr_copy(wsi, text, (int)capacity, token) < 0 ? -EMSGSIZE
                                                                                        : 0;
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
    if (copy_header(wsi, request->query, sizeof(request->query), WSI_TOKEN_HTTP_URI_ARGS) < 0)
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
        if (copy_header(wsi, fields[i].text, fields[i].capacity, fields[i].token) < 0)
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
    if (copy_header(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0)
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
static int write_header(struct ws *ws, struct lws *wsi, const struct exchange *e, bool closing)
{
    const struct ws_response *r = &e->response;
    char length[64] = "";
    uint64_t len = r->fd >= 0 ? r->length : r->body_len;
    if (r->status != 204 && r->status != 304)
        (void)snprintf(length, sizeof(length), "Content-Length: %llu\r\n", (unsigned long long)len);
    char *text = (char *)ws->piece + LWS_PRE;
    int n = snprintf(text, PIECE, "HTTP/1.1 %u %s\r\n%s%s%s\r\n", r->status, status_text(r->status),
                     r->headers, length, closing ? "Connection: close\r\n" : "");
    return lws_write(wsi, ws->piece + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_HEADERS) == n ? 0 : -1;
}

/* Ends the exchange; the connection waits for the next. Returns what the callback returns. */
static int complete(struct link *link, struct lws *wsi)
{
    exchange_destroy(link->exchange);
    link->exchange = NULL;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static bool has_body(const struct exchange *e)
{
    return e->request.method != WS_HEAD && e->response.status != 304 && e->response.status != 204 &&
           (e->response.fd >= 0 ? e->response.length : e->response.body_len) > 0;
}

/* Answers with what `response` holds by now. */
static int respond(struct link *link, struct lws *wsi, bool closing)
{
    struct exchange *e = link->exchange;
    e->answered = true;
    link->ws->counters.requests++;
    if (write_header(link->ws, wsi, e, closing) < 0 || closing)
        return -1;
    if (!has_body(e))
        return complete(link, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, time_limit(link->ws, TIME_NO_TAKING));
    lws_callback_on_writable(wsi);
    return 0;
}

static int ask_and_respond(struct link *link, struct lws *wsi)
{
    struct exchange *e = link->exchange;
    const struct ws_handlers *handlers = link->ws->handlers;
    handlers->requested(handlers->context, &e->request, &e->response);
    return respond(link, wsi, false);
}

/* Refuses what was not even read; the connection ends, as where its next request begins is not
 * known. */
static int refuse(struct link *link, struct lws *wsi, int status)
{
    link->exchange->response.status = (unsigned)status;
    return respond(link, wsi, true);
}

static int http_began(struct link *link, struct lws *wsi, const char *path, size_t path_len)
{
    exchange_destroy(link->exchange);
    struct exchange *e = link->exchange = calloc(1, sizeof(*e));
    if (!e)
        return -1;
    e->response.fd = -1;
    e->request.metrics = link->tag == TAG_METRICS;
    int status = read_header(wsi, path, path_len, &e->request);
    if (!status)
        status = read_length(wsi, e->request.method, &e->body_expected);
    if (!status && (e->request.method == WS_OTHER || !e->request.host[0]))
        status = e->request.host[0] ? 405 : 400;
    if (status)
        return refuse(link, wsi, status);
    if (e->request.method != WS_POST)
        return ask_and_respond(link, wsi);
    e->request.body = calloc(1, e->body_expected + 1);
    return e->request.body ? 0 : -1; /* HTTP_BODY and its completion follow */
}

static int http_body(struct link *link, const void *bytes, size_t len)
{
    struct exchange *e = link->exchange;
    if (!e || !e->request.body || e->answered)
        return -1;
    if (len > e->body_expected - e->request.body_len)
        return -1;
    if (len)
        memcpy(e->request.body + e->request.body_len, bytes, len);
    e->request.body_len += len;
    return 0;
}

static int http_body_complete(struct link *link, struct lws *wsi)
{
    struct exchange *e = link->exchange;
    if (!e || e->answered)
        return -1;
    return ask_and_respond(link, wsi);
}

/* Writes the next piece of the body: one write a callback. */
static int http_writable(struct link *link, struct lws *wsi)
{
    struct exchange *e = link->exchange;
    if (!e || !e->answered)
        return 0;
    const struct ws_response *r = &e->response;
    uint64_t left = (r->fd >= 0 ? r->length : r->body_len) - e->sent;
    size_t len = left < PIECE ? (size_t)left : PIECE;
    unsigned char *piece = link->ws->piece + LWS_PRE;
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
        return complete(link, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, time_limit(link->ws, TIME_NO_TAKING));
    lws_callback_on_writable(wsi);
    return 0;
}

/* WebSocket */

/* Before the upgrade is granted. Returns 0 or -1 to refuse it. */
static int ws_filter(struct link *link, struct lws *wsi)
{
    static const char refusal[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
    char path[64], origin[512], host[256];
    bool fits = copy_header(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) == 0 &&
                copy_header(wsi, origin, sizeof(origin), WSI_TOKEN_ORIGIN) == 0 &&
                copy_header(wsi, host, sizeof(host), WSI_TOKEN_HOST) == 0;
    if (fits && link->tag == TAG_MAIN && strcmp(path, "/ws") == 0 &&
        httpparse_is_same_origin(link->ws->config->certificate, origin, host))
        return 0;
    unsigned char *text = link->ws->piece + LWS_PRE;
    memcpy(text, refusal, sizeof(refusal) - 1);
    (void)lws_write(wsi, text, sizeof(refusal) - 1, LWS_WRITE_HTTP_HEADERS); /* closed anyway */
    return -1;
}

static void connection_destroy(struct ws_connection *c)
{
    list_remove(&c->link);
    LIST_FOR_EACH_SAFE(it, &c->queue)
    {
        free(LIST_ENTRY(it, struct outgoing, link));
    }
    free(c->message);
    free(c);
}

static int ws_opened(struct link *link, struct lws *wsi)
{
    struct ws *ws = link->ws;
    struct ws_connection *c = calloc(1, sizeof(*c));
    if (!c)
        return -1;
    *c = (struct ws_connection){.ws = ws,
                                .wsi = wsi,
                                .message = malloc(LIMIT_MESSAGE_BYTES),
                                .tokens = LIMIT_MESSAGE_BURST,
                                .tokens_us = clock_now_us()};
    list_init(&c->queue);
    list_append(&ws->connections, &c->link);
    if (!c->message || ws->stopping ||
        ws->handlers->opened(ws->handlers->context, c, &c->session) < 0) {
        connection_destroy(c);
        return -1;
    }
    ws->counters.pages++;
    link->connection = c;
    return 0;
}

static void ws_closed(struct link *link)
{
    struct ws_connection *c = link->connection;
    if (!c)
        return;
    link->connection = NULL;
    link->ws->counters.pages--;
    link->ws->handlers->closed(c->session);
    connection_destroy(c);
}

static void breach(struct ws_connection *c, enum ws_breach breach)
{
    c->ws->counters.breaches++;
    c->ws->handlers->broke(c->session, breach);
    ws_close(c, 4000, "limit"); /* unless the session said more */
}

/* Whether one more frame is within the rate. */
static bool take_token(struct ws_connection *c)
{
    uint64_t now_us = clock_now_us();
    c->tokens += (double)(now_us - c->tokens_us) * (LIMIT_MESSAGE_RATE / 1e6);
    if (c->tokens > LIMIT_MESSAGE_BURST)
        c->tokens = LIMIT_MESSAGE_BURST;
    c->tokens_us = now_us;
    if (c->tokens < 1)
        return false;
    c->tokens -= 1;
    return true;
}

static void ws_received(struct ws_connection *c, struct lws *wsi, const void *bytes, size_t len)
{
    if (!c || c->closing)
        return;
    lws_validity_confirmed(wsi);
    if (lws_frame_is_binary(wsi)) {
        breach(c, WS_BREACH_NOT_TEXT);
        return;
    }
    if (len > LIMIT_MESSAGE_BYTES - c->message_len) {
        breach(c, WS_BREACH_TOO_LARGE);
        return;
    }
    if (len)
        memcpy(c->message + c->message_len, bytes, len);
    c->message_len += len;
    if (lws_remaining_packet_payload(wsi) > 0)
        return;
    if (!take_token(c)) { /* counted by frame: a message in pieces costs each piece */
        breach(c, WS_BREACH_TOO_FAST);
        return;
    }
    if (!lws_is_final_fragment(wsi))
        return;
    size_t message_len = c->message_len;
    c->message_len = 0;
    c->ws->counters.received++;
    c->ws->handlers->received(c->session, c->message, message_len);
}

static int ws_writable(struct ws_connection *c, struct lws *wsi)
{
    if (!c)
        return -1;
    if (list_is_empty(&c->queue)) {
        if (!c->closing)
            return 0;
        lws_close_reason(wsi, (enum lws_close_status)c->close_code,
                         (unsigned char *)c->close_reason, strlen(c->close_reason));
        return -1;
    }
    struct outgoing *out = LIST_ENTRY(c->queue.next, struct outgoing, link);
    int n = lws_write(wsi, out->bytes + LWS_PRE, out->len, LWS_WRITE_TEXT);
    bool failed = n < (int)out->len;
    list_remove(&out->link);
    c->queued -= out->len;
    free(out);
    if (failed)
        return -1;
    c->ws->counters.sent++;
    if (!list_is_empty(&c->queue) || c->closing)
        lws_callback_on_writable(wsi);
    return 0;
}

int ws_send(struct ws_connection *c, const char *text, size_t len)
{
    if (c->closing)
        return -ENOTCONN;
    struct outgoing *out = NULL;
    if (c->queued + len <= LIMIT_SEND_QUEUE_BYTES)
        out = malloc(sizeof(*out) + LWS_PRE + len);
    if (!out) {
        c->ws->counters.slow++;
        c->closing = true;
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        return -ENOBUFS;
    }
    *out = (struct outgoing){.len = len};
    memcpy(out->bytes + LWS_PRE, text, len);
    list_append(&c->queue, &out->link);
    c->queued += len;
    lws_callback_on_writable(c->wsi);
    return 0;
}

void ws_close(struct ws_connection *c, uint16_t code, const char *reason)
{
    if (c->closing)
        return;
    c->closing = true;
    c->close_code = code;
    (void)snprintf(c->close_reason, sizeof(c->close_reason), "%s", reason);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, time_limit(c->ws, TIME_LEAVING));
    lws_callback_on_writable(c->wsi);
}

/* The library */

static int restrict_tls(SSL_CTX *tls)
{
    return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 ? 0 : -1;
}

static void link_destroy(struct link *link)
{
    exchange_destroy(link->exchange);
    if (link->guest)
        listener_release(link->guest);
    free(link);
}

/* Any upgrade but to WebSocket is refused: h2c would bring the library's HTTP/2 in. `in` is not
 * looked at, as it may be freed by now (CVE-2025-11677); the header is asked for anew. */
static int filter_upgrade(struct lws *wsi)
{
    char upgrade[16];
    return copy_header(wsi, upgrade, sizeof(upgrade), WSI_TOKEN_UPGRADE) == 0 &&
                   strcasecmp(upgrade, "websocket") == 0
               ? 0
               : -1;
}

static int on_link(struct link *link, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                   size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return filter_upgrade(wsi);
    case LWS_CALLBACK_HTTP:
        return http_began(link, wsi, in, len);
    case LWS_CALLBACK_HTTP_BODY:
        return http_body(link, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_body_complete(link, wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_writable(link, wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return ws_filter(link, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        return ws_opened(link, wsi);
    case LWS_CALLBACK_RECEIVE:
        ws_received(link->connection, wsi, in, len);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return ws_writable(link->connection, wsi);
    case LWS_CALLBACK_CLOSED:
        ws_closed(link);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        ws_closed(link);
        if (link->adopting)
            link->adopting = false; /* on_accepted() destroys it */
        else
            link_destroy(link);
        return 0;
    default:
        return 0;
    }
}

static int on_library(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                      size_t len)
{
    (void)user;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
        return restrict_tls(user);
    struct link *link = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    return link ? on_link(link, wsi, reason, in, len) : 0;
}

/* The one descriptor under which all foreign ones are in the library's loop. */
static int on_watches(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                      size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    if (reason != LWS_CALLBACK_RAW_RX_FILE)
        return 0;
    struct ws *ws = lws_context_user(lws_get_context(wsi));
    (void)watch_set_serve(ws->watches, 0); /* fails only when interrupted: served next time */
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "assize", .callback = on_library, .rx_buffer_size = 4096},
    {.name = "assize-watches", .callback = on_watches},
    {0},
};

static void on_accepted(void *context, int fd, struct listener_guest *guest, int tag)
{
    struct ws *ws = context;
    struct link *link = calloc(1, sizeof(*link));
    if (!link) {
        (void)close(fd);
        listener_release(guest);
        return;
    }
    *link = (struct link){.ws = ws, .guest = guest, .tag = (enum tag)tag, .adopting = true};
    ws->counters.accepted++;
    const lws_adopt_desc_t adoption = {
        .vh = ws->vhosts[tag],
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd = {.sockfd = fd},
        .opaque = link,
    };
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&adoption);
    bool gone = !wsi || !link->adopting;
    link->adopting = false;
    if (gone)
        link_destroy(link);
}

static struct log_counter *library_counter;

static void on_library_log(int level, const char *line)
{
    /* Nearly all of it is what strangers send; the rest is seen by what fails. */
    (void)level;
    if (library_counter)
        library_counter->count++;
    log_debug("libwebsockets: %s", line);
}

static bool is_loopback(const char *address)
{
    struct in_addr in4;
    struct in6_addr in6;
    if (inet_pton(AF_INET, address, &in4) == 1)
        return ntohl(in4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
}

/* Off loopback everything goes over TLS, metrics too. */
static bool may_listen(const struct ws_config *config, const char *address)
{
    if (config->certificate || is_loopback(address))
        return true;
    log_error("%s: not without TLS: name a certificate, or listen on 127.0.0.1 or ::1 alone",
              address);
    return false;
}

static int create_context(struct ws *ws)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .uid = -1,
        .gid = -1,
        .user = ws,
        .timeout_secs = (unsigned)time_limit(ws, TIME_HEADER),
        .max_http_header_data = LIMIT_HTTP_HEADER_BYTES,
        .max_http_header_pool = (uint16_t)ws->config->connections_max,
        .fd_limit_per_thread = ws->config->connections_max + 32,
        .pcontext = NULL,
    };
    ws->context = lws_create_context(&info);
    return ws->context ? 0 : -ENOMEM;
}

static int create_vhost(struct ws *ws, enum tag tag)
{
    /* The library's own error pages would carry none of our headers, and after the one for an
     * unknown Upgrade it goes on with freed memory (CVE-2025-11677). With a header that can never
     * fit they all fail and the connection is closed instead. Our own answers are written by us. */
    static char never_fits[2 * LIMIT_HTTP_HEADER_BYTES];
    static const struct lws_protocol_vhost_options no_error_pages = {.name = "never:",
                                                                     .value = never_fits};
    memset(never_fits, '-', sizeof(never_fits) - 1);
    bool tls =
        ws->config->certificate && (tag == TAG_MAIN || !is_loopback(ws->config->metrics_address));
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = tag == TAG_MAIN ? "main" : "metrics",
        .protocols = protocols,
        .options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .ssl_cert_filepath = tls ? ws->config->certificate : NULL,
        .ssl_private_key_filepath = tls ? ws->config->key : NULL,
        .ssl_options_set = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION,
        .alpn = "http/1.1",
        .headers = &no_error_pages,
        .keepalive_timeout = time_limit(ws, TIME_IDLE),
        .timeout_secs_ah_idle = time_limit(ws, TIME_HEADER),
        .retry_and_idle_policy = &ws->liveness,
    };
    ws->vhosts[tag] = lws_create_vhost(ws->context, &info);
    if (!ws->vhosts[tag] && tls)
        log_error("%s: not a certificate and its key %s, in PEM", ws->config->certificate,
                  ws->config->key);
    return ws->vhosts[tag] ? 0 : -EINVAL;
}

static int listen_all(struct ws *ws)
{
    const struct ws_config *config = ws->config;
    for (size_t i = 0; i < config->listen->count; i++) {
        const char *address = config->listen->items[i];
        if (!may_listen(config, address))
            return -EINVAL;
        int r = listeners_add(ws->listeners, address, config->port, TAG_MAIN);
        if (r < 0) {
            log_error("cannot listen on %s port %u: %s", address, config->port, log_errno(r));
            return r;
        }
    }
    if (!config->metrics_address[0])
        return 0;
    if (!may_listen(config, config->metrics_address))
        return -EINVAL;
    int r =
        listeners_add(ws->listeners, config->metrics_address, config->metrics_port, TAG_METRICS);
    if (r < 0)
        log_error("cannot listen on %s port %u for metrics: %s", config->metrics_address,
                  config->metrics_port, log_errno(r));
    return r;
}

static void on_tick(lws_sorted_usec_list_t *sul)
{
    struct ws *ws = lws_container_of(sul, struct ws, tick);
    uint64_t now_us = clock_now_us();
    listeners_tick(ws->listeners);
    log_counted(&ws->library, now_us);
    ws->handlers->ticked(ws->handlers->context, now_us);
    lws_sul_schedule(ws->context, 0, &ws->tick, on_tick, WS_TICK_US);
}

static int adopt_watches(struct ws *ws)
{
    const lws_sock_file_fd_type fd = {.filefd = dup(watch_set_fd(ws->watches))};
    if (fd.filefd < 0)
        return -errno;
    ws->watches_wsi = lws_adopt_descriptor_vhost(ws->vhosts[TAG_MAIN], LWS_ADOPT_RAW_FILE_DESC, fd,
                                                 "assize-watches", NULL);
    return ws->watches_wsi ? 0 : -ENOMEM;
}

int ws_create(const struct ws_config *config, const struct ws_handlers *handlers,
              struct watch_set *watches, struct ws **ret_ws)
{
    CLEANUP(ws_destroy) struct ws *ws = calloc(1, sizeof(*ws));
    if (!ws)
        return -ENOMEM;
    ws->config = config;
    ws->handlers = handlers;
    ws->watches = watches;
    ws->library.what = "complaints of libwebsockets";
    ws->liveness = (lws_retry_bo_t){
        .secs_since_valid_ping = (uint16_t)time_limit(ws, TIME_PING),
        .secs_since_valid_hangup = (uint16_t)(time_limit(ws, TIME_SILENT) + 1),
    };
    list_init(&ws->connections);
    library_counter = &ws->library;
    lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);

    const struct listener_limits limits = {config->connections_max, config->per_address_max};
    int r = listeners_create(watches, &limits, on_accepted, ws, &ws->listeners);
    if (r == 0)
        r = create_context(ws);
    if (r == 0)
        r = create_vhost(ws, TAG_MAIN);
    if (r == 0)
        r = create_vhost(ws, TAG_METRICS);
    if (r == 0)
        r = adopt_watches(ws);
    if (r == 0)
        r = listen_all(ws);
    if (r < 0)
        return r;
    lws_sul_schedule(ws->context, 0, &ws->tick, on_tick, WS_TICK_US);
    *ret_ws = STEAL(ws);
    return 0;
}

void ws_destroy(struct ws *ws)
{
    if (!ws)
        return;
    if (ws->context) {
        lws_sul_cancel(&ws->tick);
        lws_context_destroy(ws->context);
    }
    listeners_destroy(ws->listeners);
    library_counter = NULL;
    free(ws);
}

void ws_run(struct ws *ws)
{
    while (!ws->stopping ||
           (!list_is_empty(&ws->connections) && clock_now_us() < ws->stop_us + STOP_US))
        if (lws_service(ws->context, 0) < 0)
            return;
}

void ws_stop(struct ws *ws)
{
    if (ws->stopping)
        return;
    ws->stopping = true;
    ws->stop_us = clock_now_us();
    listeners_stop(ws->listeners);
    LIST_FOR_EACH(it, &ws->connections)
    {
        ws_close(LIST_ENTRY(it, struct ws_connection, link), 1001, "going away");
    }
}

const struct ws_counters *ws_counters(const struct ws *ws)
{
    struct ws_counters *counters = &((struct ws *)ws)->counters;
    counters->refused = listeners_refused(ws->listeners);
    counters->open = listeners_open(ws->listeners);
    return counters;
}
