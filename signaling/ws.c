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
#include "signaling/exchange.h"
#include "signaling/httpparse.h"
#include "signaling/inbox.h"
#include "signaling/listener.h"
#include "signaling/outbox.h"

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

_Static_assert(OUTBOX_HEADROOM >= LWS_PRE, "the library writes its frame's header there");

#define STOP_US (2 * 1000000ull)

enum tag {
    TAG_MAIN,
    TAG_METRICS,
};

struct ws_connection {
    struct ws *ws;
    struct lws *wsi;
    struct list link; /* in ws->connections */
    void *session;
    struct inbox in;
    struct outbox out;
    bool closing; /* nothing more is received */
    uint16_t close_code;
    char close_reason[64];
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
    struct exchange_server exchanges;
    struct ws_counters counters;
    bool stopping;
    uint64_t stop_us;
    lws_retry_bo_t liveness;
    struct log_counter library;
};

static int time_limit(const struct ws *ws, unsigned seconds)
{
    unsigned hurried = seconds / ws->config->hurry;
    return (int)(hurried ? hurried : 1);
}

/* WebSocket */

/* Before the upgrade is granted. Returns 0 or -1 to refuse it. */
static int ws_filter(struct link *link, struct lws *wsi)
{
    static const char refusal[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
    char path[64], origin[512], host[256];
    bool fits = exchange_field(wsi, WSI_TOKEN_GET_URI, path, sizeof(path)) == 0 &&
                exchange_field(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)) == 0 &&
                exchange_field(wsi, WSI_TOKEN_HOST, host, sizeof(host)) == 0;
    if (fits && link->tag == TAG_MAIN && strcmp(path, "/ws") == 0 &&
        httpparse_is_same_origin(link->ws->config->certificate, origin, host))
        return 0;
    unsigned char answer[LWS_PRE + sizeof(refusal)];
    memcpy(answer + LWS_PRE, refusal, sizeof(refusal));
    (void)lws_write(wsi, answer + LWS_PRE, sizeof(refusal) - 1,
                    LWS_WRITE_HTTP_HEADERS); /* closed anyway */
    return -1;
}

static void connection_destroy(struct ws_connection *c)
{
    list_remove(&c->link);
    outbox_finish(&c->out);
    inbox_finish(&c->in);
    free(c);
}

static int ws_opened(struct link *link, struct lws *wsi)
{
    struct ws *ws = link->ws;
    struct ws_connection *c = calloc(1, sizeof(*c));
    if (!c || inbox_init(&c->in, clock_now_us()) < 0) {
        free(c);
        return -1;
    }
    c->ws = ws;
    c->wsi = wsi;
    outbox_init(&c->out);
    list_append(&ws->connections, &c->link);
    if (ws->stopping || ws->handlers->opened(ws->handlers->context, c, &c->session) < 0) {
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

static void ws_received(struct ws_connection *c, struct lws *wsi, const void *bytes, size_t len)
{
    if (!c || c->closing)
        return;
    lws_validity_confirmed(wsi);
    if (lws_frame_is_binary(wsi)) {
        breach(c, WS_BREACH_NOT_TEXT);
        return;
    }
    size_t message_len = 0;
    int r = inbox_add(&c->in, bytes, len, lws_remaining_packet_payload(wsi) == 0,
                      lws_is_final_fragment(wsi), clock_now_us(), &message_len);
    if (r < 0)
        breach(c, r == -EBUSY ? WS_BREACH_TOO_FAST : WS_BREACH_TOO_LARGE);
    if (r != 1)
        return;
    c->ws->counters.received++;
    c->ws->handlers->received(c->session, c->in.text, message_len);
}

static int ws_writable(struct ws_connection *c, struct lws *wsi)
{
    if (!c)
        return -1;
    size_t len = 0;
    unsigned char *text = outbox_first(&c->out, &len);
    if (!text) {
        if (!c->closing)
            return 0;
        lws_close_reason(wsi, (enum lws_close_status)c->close_code,
                         (unsigned char *)c->close_reason, strlen(c->close_reason));
        return -1;
    }
    bool failed = lws_write(wsi, text, len, LWS_WRITE_TEXT) < (int)len;
    outbox_drop(&c->out);
    if (failed)
        return -1;
    c->ws->counters.sent++;
    if (outbox_first(&c->out, &len) || c->closing)
        lws_callback_on_writable(wsi);
    return 0;
}

int ws_send(struct ws_connection *c, const char *text, size_t len)
{
    if (c->closing)
        return -ENOTCONN;
    if (outbox_add(&c->out, text, len) < 0) {
        c->ws->counters.slow++;
        c->closing = true;
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        return -ENOBUFS;
    }
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
    return exchange_field(wsi, WSI_TOKEN_UPGRADE, upgrade, sizeof(upgrade)) == 0 &&
                   strcasecmp(upgrade, "websocket") == 0
               ? 0
               : -1;
}

static int on_link(struct link *link, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                   size_t len)
{
    struct exchange_server *server = &link->ws->exchanges;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return filter_upgrade(wsi);
    case LWS_CALLBACK_HTTP:
        return exchange_began(server, &link->exchange, wsi, link->tag == TAG_METRICS, in, len);
    case LWS_CALLBACK_HTTP_BODY:
        return exchange_body(link->exchange, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return exchange_body_complete(server, &link->exchange, wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return exchange_writable(server, &link->exchange, wsi);
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
    int r = exchange_server_init(&ws->exchanges, handlers, time_limit(ws, TIME_NO_TAKING));
    if (r == 0)
        r = listeners_create(watches, &limits, on_accepted, ws, &ws->listeners);
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
    exchange_server_finish(&ws->exchanges);
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
    counters->requests = ws->exchanges.requests;
    counters->refused = listeners_refused(ws->listeners);
    counters->open = listeners_open(ws->listeners);
    return counters;
}
