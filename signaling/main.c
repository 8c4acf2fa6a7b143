/* SPDX-License-Identifier: Apache-2.0 */
/* assize-signaling: reads its configuration, puts the parts together, and serves until it is told
 * to stop. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/options.h"
#include "signaling/assets.h"
#include "signaling/court.h"
#include "signaling/effects.h"
#include "signaling/http.h"
#include "signaling/links.h"
#include "signaling/record.h"
#include "signaling/session.h"

#define PURPOSE "serves the page, its WebSocket, and records for download"

/* How often the sign of life in run_dir is renewed: what a gap's beginning is known to. */
#define ALIVE_US 500000ull

#define SETTLE_US 300000ull

/* A value of `certificate` that asks for plain HTTP, on loopback only (behind a proxy, in tests).
 */
#define NO_CERTIFICATE "none"

struct server {
    struct config config;
    struct court court;
    struct http http;
    struct watch_set *watches;
    struct assets *assets;
    struct ws_config ws_config;
    struct ws_handlers handlers;
    struct watch *signals;
    int signal_fd;
    bool stopping; /* told to end, perhaps before anything was served */
    int alive_fd;
    char sfu_path[CONFIG_RUN_DIR_MAX + 32];
    char recorder_path[CONFIG_RUN_DIR_MAX + 32];
};

static bool is_plain(const struct config *config)
{
    return strcmp(config->signaling.certificate, NO_CERTIFICATE) == 0;
}

static int find_user(const char *name, uid_t *ret_uid)
{
    int r = config_uid(name, ret_uid);
    if (r < 0)
        log_error("there is no user '%s' (signaling: sfu_user, recorder_user)", name);
    return r;
}

/* What would only fail later, with the remedy. */
static int check_certificate(const struct config *config)
{
    const char *files[] = {config->signaling.certificate, config->signaling.private_key};
    for (size_t i = 0; i < 2; i++) {
        if (is_plain(config) || access(files[i], R_OK) == 0)
            continue;
        log_error("%s cannot be read: %s. deploy/run makes a certificate; an own one is named in "
                  "signaling: certificate and private_key",
                  files[i], log_errno(errno));
        return -ENOENT;
    }
    return 0;
}

static void on_signal(void *context)
{
    struct server *s = context;
    struct signalfd_siginfo info;
    if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    log_info("stopping");
    (void)notify_send("STOPPING=1", -1); /* only news */
    s->stopping = true;
    if (s->court.ws)
        ws_stop(s->court.ws);
}

static void leave_sign_of_life(struct server *s)
{
    if (s->alive_fd < 0 || s->court.now_us < s->court.alive_us + ALIVE_US)
        return;
    s->court.alive_us = s->court.now_us;
    (void)futimens(s->alive_fd, NULL); /* only makes a gap's beginning less exact */
}

static void on_tick(void *context, uint64_t now_us)
{
    struct server *s = context;
    court_wake(&s->court);
    media_tick(s->court.sfu, now_us);
    media_tick(s->court.recorder, now_us);
    LIST_FOR_EACH(it, &s->court.lives)
    {
        struct live *live = LIST_ENTRY(it, struct live, link);
        effects_tick(live);
        record_tick(live);
    }
    session_tick(&s->court);
    court_let_go(&s->court);
    leave_sign_of_life(s);
}

static int on_opened(void *context, struct ws_connection *connection, void **ret_session)
{
    struct server *s = context;
    return session_opened(&s->court, connection, ret_session);
}

static void on_requested(void *context, const struct ws_request *request,
                         struct ws_response *response)
{
    struct server *s = context;
    http_answer(&s->http, request, response);
}

static int watch_signals(struct server *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signal_fd < 0)
        return -errno;
    return watch_create(s->watches, s->signal_fd, on_signal, s, &s->signals);
}

/* The file whose time says until when we lived: read first, then renewed. */
static void open_sign_of_life(struct server *s)
{
    char path[CONFIG_RUN_DIR_MAX + 32];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/signaling.alive", s->config.run_dir);
    if (stat(path, &status) == 0)
        s->court.was_alive_us =
            (uint64_t)status.st_mtim.tv_sec * 1000000 + (uint64_t)status.st_mtim.tv_nsec / 1000;
    s->alive_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (s->alive_fd < 0)
        log_warn("%s: gaps will be known less exactly: %s", path, log_errno(errno));
}

static int open_turn(struct server *s)
{
    int r = turn_open(&s->config, &s->court.turn);
    if (r < 0)
        log_error("%s is no secret of the TURN server: %s. It is one line of %d to %d letters and "
                  "digits, which its owner alone may read (turn: secret_file; docs/firewall.md)",
                  s->config.turn.secret_file, log_errno(r), TURN_SECRET_MIN,
                  LIMIT_TURN_SECRET_BYTES);
    return r;
}

static int open_court(struct server *s)
{
    struct court *court = &s->court;
    const struct media_handlers sfu = links_sfu(court), recorder = links_recorder(court);
    uid_t sfu_uid, recorder_uid;
    court->config = &s->config;
    list_init(&court->lives);
    list_init(&court->pages);
    court_wake(court);
    (void)snprintf(s->sfu_path, sizeof(s->sfu_path), "%s/%s", s->config.run_dir,
                   CONTROL_SOCKET_SFU);
    (void)snprintf(s->recorder_path, sizeof(s->recorder_path), "%s/%s", s->config.run_dir,
                   CONTROL_SOCKET_RECORDER);
    open_sign_of_life(s);
    int r = find_user(s->config.signaling.sfu_user, &sfu_uid);
    if (r == 0)
        r = find_user(s->config.signaling.recorder_user, &recorder_uid);
    if (r == 0)
        r = store_open(s->config.data_dir, &court->store);
    if (r == 0)
        r = token_key_open(s->config.data_dir, &court->key);
    if (r == 0)
        r = open_turn(s);
    if (r == 0)
        r = court_load(court);
    if (r == 0)
        r = media_create(s->watches, "media core", s->sfu_path, sfu_uid, &sfu, &court->sfu);
    if (r == 0)
        r = media_create(s->watches, "recorder", s->recorder_path, recorder_uid, &recorder,
                         &court->recorder);
    return r;
}

static bool is_loopback_host(const char *host)
{
    struct in_addr in4;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, &in4) == 1 && ntohl(in4.s_addr) >> 24 == 127);
}

static int open_network(struct server *s)
{
    s->ws_config = (struct ws_config){
        .listen = &s->config.signaling.listen,
        .port = s->config.signaling.port,
        .certificate = is_plain(&s->config) ? NULL : s->config.signaling.certificate,
        .key = s->config.signaling.private_key,
        .metrics_address = s->config.signaling.metrics_address,
        .metrics_port = s->config.signaling.metrics_port,
        .connections_max = LIMIT_CONNECTIONS,
        .per_address_max = LIMIT_CONNECTIONS_PER_ADDRESS,
        .hurry = 1,
    };
    s->handlers = (struct ws_handlers){
        .context = s,
        .opened = on_opened,
        .received = session_receive,
        .broke = session_broke,
        .closed = session_closed,
        .requested = on_requested,
        .ticked = on_tick,
    };
    s->http = (struct http){
        .court = &s->court,
        .assets = s->assets,
        .is_tls = !is_plain(&s->config),
        .is_loopback = is_loopback_host(s->config.signaling.public_host),
    };
    return ws_create(&s->ws_config, &s->handlers, s->watches, &s->court.ws);
}

/* Before pages may come: what the media core still has, so that they are told right. Ours: a living
 * media core answers in a few milliseconds. */
static void settle(struct server *s)
{
    uint64_t until_us = s->court.now_us + SETTLE_US;
    for (court_wake(&s->court); !s->court.settled && !s->stopping && s->court.now_us < until_us;
         court_wake(&s->court)) {
        media_tick(s->court.sfu, s->court.now_us);
        media_tick(s->court.recorder, s->court.now_us);
        (void)watch_set_serve(s->watches, 10); /* fails only when interrupted */
    }
}

static int start(struct server *s)
{
    int r = check_certificate(&s->config);
    if (r < 0)
        return r;
    r = assets_load(s->config.signaling.page_dir, &s->assets);
    if (r < 0) {
        log_error("%s: the page cannot be read: %s. It is made by deploy/run, or npm run build in "
                  "web-client",
                  s->config.signaling.page_dir, log_errno(r));
        return r;
    }
    r = watch_set_create(&s->watches);
    if (r == 0)
        r = watch_signals(s);
    if (r == 0)
        r = open_court(s);
    if (r == 0) {
        links_write_own_fault(&s->court);
        settle(s);
        r = open_network(s);
    }
    if (r < 0)
        log_error("cannot start: %s", log_errno(r));
    return r;
}

static void finish(struct server *s)
{
    ws_destroy(s->court.ws);
    media_destroy(s->court.sfu);
    media_destroy(s->court.recorder);
    if (s->court.config)
        court_unload(&s->court);
    turn_close(s->court.turn);
    token_key_close(s->court.key);
    store_close(s->court.store);
    watch_destroy(s->signals);
    watch_set_destroy(s->watches);
    assets_destroy(s->assets);
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd); /* nothing of it is to be kept */
    if (s->alive_fd >= 0)
        (void)close(s->alive_fd);
}

int main(int argc, char **argv)
{
    static struct server server = {.signal_fd = -1, .alive_fd = -1};
    switch (options_read(argc, argv, "assize-signaling", PURPOSE, &server.config, NULL)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_BAD:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
    if (start(&server) < 0) {
        finish(&server);
        return 1;
    }
    if (server.stopping)
        ws_stop(server.court.ws);
    else
        (void)notify_send("READY=1", -1); /* nobody may be listening */
    ws_run(server.court.ws);
    finish(&server);
    return 0;
}
