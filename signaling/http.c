/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "signaling/archive.h"
#include "signaling/arrive.h"
#include "signaling/httpparse.h"
#include "signaling/metrics.h"
#include "signaling/record.h"

#define COOKIE_TLS   "__Host-assize" /* RFC 6265bis: this host alone, over TLS alone */
#define COOKIE_PLAIN "assize"

bool http_header(struct ws_response *response, const char *format, ...)
{
    size_t len = strlen(response->headers);
    size_t room = sizeof(response->headers) - len;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(response->headers + len, room, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n + 2 >= room) {
        response->headers[len] = '\0';
        return false;
    }
    memcpy(response->headers + len + n, "\r\n", 3);
    return true;
}

/* Whether a Host field is one that may stand in a header of ours. */
static bool is_plain_host(const char *host)
{
    return host[0] && host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.-:[]")] == '\0';
}

static void put_security_headers(const struct http *http, const struct ws_request *request,
                                 struct ws_response *response)
{
    /* Some browsers' 'self' does not cover the WebSocket of the same host. */
    bool name_host = is_plain_host(request->host);
    (void)http_header(response,
                      "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                      "style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
                      "connect-src 'self'%s%s; media-src 'self' blob:; worker-src 'self'; "
                      "manifest-src 'self'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'",
                      name_host ? (http->is_tls ? " wss://" : " ws://") : "",
                      name_host ? request->host : "");
    (void)http_header(response,
                      "Permissions-Policy: camera=(self), microphone=(self), "
                      "display-capture=(self), screen-wake-lock=(self), fullscreen=(self), "
                      "geolocation=(), usb=(), serial=(), payment=()");
    (void)http_header(response, "Cross-Origin-Opener-Policy: same-origin");
    (void)http_header(response, "Cross-Origin-Resource-Policy: same-origin");
    (void)http_header(response, "X-Content-Type-Options: nosniff");
    (void)http_header(response, "X-Frame-Options: DENY");
    (void)http_header(response, "Referrer-Policy: no-referrer");
    if (http->is_tls && !http->is_loopback)
        (void)http_header(response, "Strict-Transport-Security: max-age=31536000");
}

/* A short text as the whole answer; borrowed for good. */
static void answer_text(struct ws_response *response, unsigned status, const char *text)
{
    response->status = status;
    response->body = text;
    response->body_len = strlen(text);
    (void)http_header(response, "Content-Type: text/plain; charset=utf-8");
    (void)http_header(response, "Cache-Control: no-store");
}

/* What `t` holds as the whole answer. */
static void answer_json(struct ws_response *response, struct jsontext *t)
{
    size_t len = 0;
    char *text = jsontext_take(t, &len);
    if (!text) {
        answer_text(response, 500, "out of memory\n");
        return;
    }
    response->status = 200;
    response->owned = text;
    response->body = text;
    response->body_len = len;
    (void)http_header(response, "Content-Type: application/json");
    (void)http_header(response, "Cache-Control: no-store");
}

static bool reads_only(const struct ws_request *request)
{
    return request->method == WS_GET || request->method == WS_HEAD;
}

static void answer_asset(const struct assets_file *file, const struct ws_request *request,
                         struct ws_response *response)
{
    (void)http_header(response, "ETag: %s", file->etag);
    (void)http_header(response, "Cache-Control: %s",
                      file->is_hashed ? "public, max-age=31536000, immutable" : "no-cache");
    (void)http_header(response, "Vary: Accept-Encoding");
    if (httpparse_etag_listed(request->if_none_match, file->etag)) {
        response->status = 304;
        return;
    }
    response->status = 200;
    response->body = file->data;
    response->body_len = file->len;
    (void)http_header(response, "Content-Type: %s", file->mime);
    if (!file->gzip || !httpparse_accepts(request->accept_encoding, "gzip"))
        return;
    response->body = file->gzip;
    response->body_len = file->gzip_len;
    (void)http_header(response, "Content-Encoding: gzip");
}

/* 200 when a hearing could be held, else a line for each part that is not there. */
static void answer_ready(const struct http *http, struct ws_response *response)
{
    struct court *court = http->court;
    uint64_t version = 0;
    bool store = store_changes(court->store, &version) == 0;
    bool sfu = media_is_connected(court->sfu);
    bool recorder = media_is_connected(court->recorder);
    static const char *const texts[8] = {
        "ready\n",
        "store: not readable\n",
        "media core: away\n",
        "store: not readable\nmedia core: away\n",
        "recorder: away\n",
        "store: not readable\nrecorder: away\n",
        "media core: away\nrecorder: away\n",
        "store: not readable\nmedia core: away\nrecorder: away\n",
    };
    unsigned missing = (store ? 0u : 1u) | (sfu ? 0u : 2u) | (recorder ? 0u : 4u);
    answer_text(response, missing ? 503 : 200, texts[missing]);
}

/* Whether a request that changes something comes from our own page. */
static bool is_from_our_page(const struct http *http, const struct ws_request *request)
{
    return httpparse_is_same_origin(http->is_tls, request->origin, request->host);
}

static const char *cookie_name(const struct http *http)
{
    return http->is_tls ? COOKIE_TLS : COOKIE_PLAIN;
}

static bool may_have_records(const struct store_invitation *invitation)
{
    return invitation->role == CONTROL_ROLE_JUDGE || invitation->role == CONTROL_ROLE_CLERK;
}

static void set_cookie(const struct http *http, struct ws_response *response, const char *value,
                       uint64_t seconds)
{
    (void)http_header(
        response, "Set-Cookie: %s=%s; Path=/; Max-Age=%llu; HttpOnly%s; SameSite=Strict",
        cookie_name(http), value, (unsigned long long)seconds, http->is_tls ? "; Secure" : "");
}

/* Whether the court has put the invitation's person out: then it is good for nothing any more,
 * revoked or not. What cannot be read is not let in. */
static bool is_put_out(struct store *store, const struct store_invitation *invitation)
{
    struct store_person person;
    if (invitation->person == 0)
        return false; /* a pass */
    return store_person_get(store, invitation->person, &person) < 0 || person.removed;
}

/* POST /api/session: a token for a cookie. */
static void begin_session(const struct http *http, const struct ws_request *request,
                          struct ws_response *response)
{
    struct court *court = http->court;
    char token[MESSAGE_TOKEN_MAX];
    char secret[TOKEN_SECRET_TEXT];
    uint8_t hash[STORE_HASH_LEN];
    struct store_invitation invitation;
    if (message_parse_session(request->body, request->body_len, token) < 0) {
        answer_text(response, 400, "bad-message\n");
        return;
    }
    int r =
        token_admit(court->key, court->store, token, strlen(token), court->wall_us, &invitation);
    if (r == 0 && is_put_out(court->store, &invitation))
        r = -EKEYREVOKED;
    if (r < 0 || !may_have_records(&invitation)) {
        answer_text(response, 403,
                    r < 0 ? message_error_code(arrive_token_error(r)) : "not-allowed");
        return;
    }
    r = token_secret_make(secret, hash);
    if (r == 0)
        r = store_cookie_add(court->store, hash, invitation.id, court->wall_us + HTTP_SESSION_US);
    if (r < 0) {
        log_error("session not stored: %s", log_errno(r));
        answer_text(response, 500, "internal\n");
        return;
    }
    response->status = 204;
    set_cookie(http, response, secret, HTTP_SESSION_US / 1000000);
    (void)http_header(response, "Cache-Control: no-store");
}

static bool cookie_hash(const struct http *http, const struct ws_request *request,
                        uint8_t ret_hash[static STORE_HASH_LEN])
{
    char secret[64];
    return httpparse_cookie(request->cookie, cookie_name(http), secret, sizeof(secret)) &&
           token_secret_hash(secret, strlen(secret), ret_hash) == 0;
}

/* DELETE /api/session. */
static void end_session(const struct http *http, const struct ws_request *request,
                        struct ws_response *response)
{
    uint8_t hash[STORE_HASH_LEN];
    if (cookie_hash(http, request, hash))
        (void)store_cookie_forget(http->court->store, hash); /* expires anyway */
    response->status = 204;
    set_cookie(http, response, "", 0);
}

/* Who asks, by its cookie; false after answering 403. */
static bool find_session(const struct http *http, const struct ws_request *request,
                         struct ws_response *response, struct store_invitation *ret_invitation)
{
    uint8_t hash[STORE_HASH_LEN];
    if (cookie_hash(http, request, hash) &&
        store_cookie_get(http->court->store, hash, http->court->wall_us, ret_invitation) == 0 &&
        may_have_records(ret_invitation))
        return true;
    answer_text(response, 403, "no session\n");
    return false;
}

static void answer_session(const struct http *http, const struct ws_request *request,
                           struct ws_response *response)
{
    if (!is_from_our_page(http, request))
        answer_text(response, 403, "from another page\n");
    else if (request->method == WS_POST)
        begin_session(http, request, response);
    else if (request->method == WS_DELETE)
        end_session(http, request, response);
    else
        answer_text(response, 405, "method not allowed\n");
}

static void answer_list(const struct http *http, const struct ws_request *request,
                        struct ws_response *response)
{
    struct store_invitation invitation;
    struct jsontext t = {0};
    if (!find_session(http, request, response, &invitation))
        return;
    int r = archive_list(http->court, invitation.hearing, &t);
    if (r == 0) {
        answer_json(response, &t);
        return;
    }
    jsontext_finish(&t);
    log_error("records cannot be listed: %s", log_errno(r));
    answer_text(response, 500, "internal\n");
}

static void answer_render(const struct http *http, const struct ws_request *request,
                          uint64_t hearing, struct ws_response *response)
{
    struct store_invitation invitation;
    if (!is_from_our_page(http, request)) {
        answer_text(response, 403, "from another page\n");
        return;
    }
    if (!find_session(http, request, response, &invitation))
        return;
    if (invitation.hearing && invitation.hearing != hearing) {
        answer_text(response, 404, "not found\n");
        return;
    }
    int r = record_render(http->court, hearing);
    if (r == 0)
        answer_text(response, 202, "rendering\n");
    else if (r == -ENOENT)
        answer_text(response, 404, "not found\n");
    else
        answer_text(response, r == -EBUSY ? 409 : 503,
                    r == -EBUSY ? "not sealed yet\n" : "recorder: away\n");
}

/* The part of an open record that a Range asks for. */
static void answer_part(const struct ws_request *request, const struct archive_file *file,
                        struct ws_response *response)
{
    struct httpparse_range range = {0};
    /* If-Range (RFC 9110 section 13.1.5): a part of another version is no use. */
    bool is_same = !request->if_range[0] || strcmp(request->if_range, file->etag) == 0;
    int wants = is_same ? httpparse_range(request->range, file->size, &range) : 0;
    (void)http_header(response, "Accept-Ranges: bytes");
    if (wants < 0) {
        (void)http_header(response, "Content-Range: bytes */%llu", (unsigned long long)file->size);
        answer_text(response, 416, "range not satisfiable\n");
        return;
    }
    response->status = wants ? 206 : 200;
    response->fd = file->fd;
    response->length = wants ? range.last - range.first + 1 : file->size;
    response->offset = wants ? range.first : 0;
    if (wants)
        (void)http_header(response, "Content-Range: bytes %llu-%llu/%llu",
                          (unsigned long long)range.first, (unsigned long long)range.last,
                          (unsigned long long)file->size);
}

static int open_record(const struct http *http, uint64_t hearing, const char *name,
                       struct archive_file *ret_file)
{
    const struct config *config = http->court->config;
    struct store_hearing stored;
    if (strcmp(name, ARCHIVE_CONNECTIONS) != 0)
        return archive_open(config->recorder.records_dir, hearing, name, ret_file);
    if (store_hearing_get(http->court->store, hearing, &stored) < 0 ||
        stored.state != TERMS_STATE_CLOSED)
        return -ENOENT; /* of one that goes on, watchConnections tells */
    return archive_open_connections(config->data_dir, hearing, ret_file);
}

static void answer_record(const struct http *http, const struct ws_request *request,
                          uint64_t hearing, const char *name, struct ws_response *response)
{
    struct store_invitation invitation;
    struct archive_file file;
    if (!find_session(http, request, response, &invitation))
        return;
    if ((invitation.hearing && invitation.hearing != hearing) ||
        open_record(http, hearing, name, &file) < 0) {
        answer_text(response, 404, "not found\n");
        return;
    }
    (void)http_header(response, "ETag: %s", file.etag);
    (void)http_header(response, "Cache-Control: private, no-store");
    (void)http_header(response, "Content-Type: %s", file.mime);
    if (strcmp(request->query, "download") == 0)
        (void)http_header(response, "Content-Disposition: attachment; filename=\"%s\"", name);
    if (httpparse_etag_listed(request->if_none_match, file.etag))
        response->status = 304;
    else
        answer_part(request, &file, response);
    if (response->fd < 0)
        archive_close(&file);
}

static void answer_api(const struct http *http, const struct ws_request *request,
                       struct ws_response *response)
{
    uint64_t hearing = 0;
    if (strcmp(request->path, "/api/session") == 0)
        answer_session(http, request, response);
    else if (strcmp(request->path, "/api/records") == 0 && reads_only(request))
        answer_list(http, request, response);
    else if (httpparse_render(request->path, &hearing) == 0 && request->method == WS_POST)
        answer_render(http, request, hearing, response);
    else
        answer_text(response, 404, "not found\n");
}

static void answer_main(const struct http *http, const struct ws_request *request,
                        struct ws_response *response)
{
    static const char *const pages[] = {"/", "/hearing", "/records"};
    char file[HTTPPARSE_FILE_MAX];
    uint64_t hearing = 0;
    const char *path = request->path;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(request->path, pages[i]) == 0)
            path = "/index.html";
    const struct assets_file *asset = assets_find(http->assets, path);
    if (strncmp(path, "/api/", 5) == 0)
        answer_api(http, request, response);
    else if (!reads_only(request))
        answer_text(response, 405, "method not allowed\n");
    else if (asset)
        answer_asset(asset, request, response);
    else if (strcmp(path, "/healthz") == 0)
        answer_text(response, 200, "alive\n");
    else if (strcmp(path, "/readyz") == 0)
        answer_ready(http, response);
    else if (httpparse_record(path, &hearing, file) == 0)
        answer_record(http, request, hearing, file, response);
    else
        answer_text(response, 404, "not found\n");
}

static void answer_metrics(const struct http *http, const struct ws_request *request,
                           struct ws_response *response)
{
    size_t len = 0;
    if (strcmp(request->path, "/metrics") != 0 || !reads_only(request)) {
        answer_text(response, 404, "not found\n");
        return;
    }
    char *text = metrics_text(http->court, &len);
    if (!text) {
        answer_text(response, 500, "out of memory\n");
        return;
    }
    response->status = 200;
    response->owned = text;
    response->body = text;
    response->body_len = len;
    (void)http_header(response, "Content-Type: text/plain; version=0.0.4; charset=utf-8");
}

void http_answer(struct http *http, const struct ws_request *request, struct ws_response *response)
{
    court_wake(http->court);
    put_security_headers(http, request, response);
    if (request->metrics)
        answer_metrics(http, request, response);
    else
        answer_main(http, request, response);
}
