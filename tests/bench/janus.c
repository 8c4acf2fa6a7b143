/* Debian's Janus under the same load: its videoroom plugin, spoken to over its Unix socket, each
 * page's end met with SDP. SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/sdp.h"
#include "bench/server.h"
#include "common/clock.h"
#include "sfu/udp.h"

#define SECOND_US   1000000ull
#define START_US    (10 * SECOND_US)
#define ANSWER_MS   10000
#define MESSAGE_MAX 65536
#define FEEDS       1000 /* publisher's numbers begin here */
#define AT_ONCE     8
#define STARTS_MAX  20

struct server {
    const struct server_options *options;
    struct clients *clients;
    char directory[64], path[80];
    pid_t pid;
    int fd;
    json_int_t session;
    unsigned transaction;
};

static FILE *open_config(const struct server *s, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", s->directory, name);
    FILE *f = fopen(path, "we");
    if (!f)
        server_die(path, errno);
    return f;
}

/* Debian's settings but for what the benchmark needs to get in touch: ICE-lite, as our clients only
 * answer to that; sessions without a limit of time; the one plugin and transport in use. */
static void write_config(const struct server *s, bool best)
{
    FILE *f = open_config(s, "janus.jcfg");
    fprintf(f,
            "general: { configs_folder = \"%s\"; debug_level = 4; session_timeout = 0; %s }\n"
            "nat: { ice_lite = true; ice_ignore_list = \"vmnet\" }\n"
            "plugins: { disable = \"libjanus_audiobridge.so,libjanus_duktape.so,"
            "libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,"
            "libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,"
            "libjanus_voicemail.so\" }\n"
            "transports: { disable = \"libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,"
            "libjanus_rabbitmq.so,libjanus_websockets.so\" }\n",
            s->directory, best ? "event_loops = 1" : "");
    fclose(f);
    f = open_config(s, "janus.transport.pfunix.jcfg");
    fprintf(f,
            "general: { enabled = true; json = \"compact\"; path = \"%s\"; "
            "type = \"SOCK_SEQPACKET\" }\n",
            s->path);
    fclose(f);
    f = open_config(s, "janus.plugin.videoroom.jcfg");
    for (unsigned room = 1; room <= s->options->load->hearings; room++)
        fprintf(f,
                "room-%u: { description = \"bench\"; publishers = 100; bitrate = 0; "
                "fir_freq = 0; videocodec = \"vp8\"; audiocodec = \"opus\"; record = false; "
                "notify_joining = false }\n",
                room);
    fclose(f);
}

static void spawn(struct server *s)
{
    pid_t parent = getpid();
    s->pid = fork();
    if (s->pid < 0)
        server_die("fork", errno);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(126);
        int log = open("/dev/null", O_WRONLY | O_CLOEXEC); /* as nobody reads it */
        if (log >= 0) {
            (void)dup2(log, STDOUT_FILENO);
            (void)dup2(log, STDERR_FILENO);
        }
        execlp("janus", "janus", "-F", s->directory, (char *)NULL);
        _exit(127);
    }
}

/* False when it ended instead. */
static bool connect_to(struct server *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
    uint64_t end_us = clock_now_us() + START_US;
    s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    while (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
            close(s->fd);
            return false;
        }
        if (clock_now_us() > end_us)
            server_die("janus does not start", ETIMEDOUT);
        (void)poll(NULL, 0, 20); /* it says nowhere that it is ready */
    }
    return true;
}

/* The next message, or NULL after 10 s. */
static json_t *receive(const struct server *s)
{
    static char text[MESSAGE_MAX];
    struct pollfd wake = {.fd = s->fd, .events = POLLIN};
    if (poll(&wake, 1, ANSWER_MS) != 1)
        return NULL;
    ssize_t n = recv(s->fd, text, sizeof(text), 0);
    return n > 0 ? json_loadb(text, (size_t)n, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

/* Sends `request` (taken over) and returns what answers it: its success, or, with `sender`, the
 * event of that handle that brings SDP or says of an error. */
static json_t *ask(struct server *s, json_t *request, json_int_t sender)
{
    char transaction[16];
    (void)snprintf(transaction, sizeof(transaction), "%u", ++s->transaction);
    json_object_set_new(request, "transaction", json_string(transaction));
    if (s->session)
        json_object_set_new(request, "session_id", json_integer(s->session));
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (!text || send(s->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        server_die("janus", errno);
    free(text);
    for (;;) {
        json_t *m = receive(s);
        if (!m)
            server_die("janus does not answer", ETIMEDOUT);
        const char *kind = json_string_value(json_object_get(m, "janus"));
        const char *to = json_string_value(json_object_get(m, "transaction"));
        bool ours = to && strcmp(to, transaction) == 0;
        json_t *data = json_object_get(json_object_get(m, "plugindata"), "data");
        if (ours && (json_object_get(data, "error") || (kind && strcmp(kind, "error") == 0))) {
            text = json_dumps(m, JSON_COMPACT);
            fprintf(stderr, "janus: %s\n", text);
            server_die("janus refuses", EPROTO);
        }
        if (ours && kind && (sender ? strcmp(kind, "event") == 0 : strcmp(kind, "success") == 0))
            return m;
        json_decref(m);
    }
}

static json_int_t id_of(json_t *answer)
{
    json_int_t id = json_integer_value(json_object_get(json_object_get(answer, "data"), "id"));
    json_decref(answer);
    return id;
}

static json_int_t attach(struct server *s)
{
    return id_of(
        ask(s, json_pack("{ssss}", "janus", "attach", "plugin", "janus.plugin.videoroom"), 0));
}

static json_t *message(struct server *s, json_int_t handle, json_t *body, const char *type,
                       const char *sdp)
{
    json_t *m = json_pack("{sssIso}", "janus", "message", "handle_id", handle, "body", body);
    if (sdp)
        json_object_set_new(m, "jsep", json_pack("{ssss}", "type", type, "sdp", sdp));
    return ask(s, m, handle);
}

static void read_sdp(const json_t *event, struct sdp_view *ret_view)
{
    const char *sdp = json_string_value(json_object_get(json_object_get(event, "jsep"), "sdp"));
    if (!sdp || !sdp_read(sdp, ret_view))
        server_die("janus's SDP", EPROTO);
}

static struct sdp_self self_of(const struct server *s, const struct client *client)
{
    struct address local = {0};
    server_must("a socket", udp_local(link_fd(client->link), &local));
    return (struct sdp_self){.ice = link_ice(client->link),
                             .fingerprint = dtls_context_fingerprint(s->clients->dtls),
                             .address = s->options->place->load,
                             .port = address_port(&local)};
}

static void publish(struct server *s, unsigned h, unsigned i)
{
    static char sdp[SDP_BYTES];
    const struct load *l = s->options->load;
    unsigned number = h * l->publishing + i;
    const struct control_ice nobody = {.ufrag = "none", .password = "none"};
    const uint8_t no_fingerprint[CONTROL_FINGERPRINT_LEN] = {0};
    struct address nowhere;
    struct client *client = NULL;
    server_must("an address", address_from_text(s->options->place->server, 9, &nowhere));
    server_must("a client", clients_add(s->clients, &nobody, &nowhere, no_fingerprint, &client));
    const struct sdp_self self = self_of(s, client);
    sdp_offer(l, number, &self, sdp);
    json_t *event =
        message(s, attach(s),
                json_pack("{sssssIsI}", "request", "joinandconfigure", "ptype", "publisher", "room",
                          (json_int_t)h + 1, "id", (json_int_t)FEEDS + number),
                "offer", sdp);
    struct sdp_view view;
    read_sdp(event, &view);
    json_decref(event);
    link_expect(client->link, view.fingerprint);
    server_must("a client", link_meet(client->link, &view.ice, &view.address));
    server_publish(l, client, number);
}

static void subscribe(struct server *s, unsigned h, unsigned i)
{
    static char sdp[SDP_BYTES];
    const struct load *l = s->options->load;
    json_t *streams = json_array();
    for (unsigned who = 0; who < l->publishing; who++)
        if (who != i)
            json_array_append_new(
                streams, json_pack("{sI}", "feed", (json_int_t)FEEDS + h * l->publishing + who));
    json_int_t handle = attach(s);
    json_t *event = message(s, handle,
                            json_pack("{sssssIso}", "request", "join", "ptype", "subscriber",
                                      "room", (json_int_t)h + 1, "streams", streams),
                            NULL, NULL);
    struct sdp_view view;
    struct client *client = NULL;
    read_sdp(event, &view);
    server_must("a client",
                clients_add(s->clients, &view.ice, &view.address, view.fingerprint, &client));
    if (view.ext_transport_cc)
        server_must("feedback", client_tell_arrivals(client, view.ext_transport_cc));
    for (size_t k = 0; k < view.stream_count; k++)
        client_expect(s->clients, client, view.streams[k].ssrc, 0, view.streams[k].kind);
    const struct sdp_self self = self_of(s, client);
    sdp_answer(json_string_value(json_object_get(json_object_get(event, "jsep"), "sdp")), &self,
               sdp);
    json_decref(event);
    json_decref(message(s, handle, json_pack("{ss}", "request", "start"), "answer", sdp));
}

static void ignore(void *server)
{
    json_decref(receive(server)); /* that somebody is connected, and the like */
}

static void join_all(struct server *s)
{
    const struct load *l = s->options->load;
    for (unsigned i = 0; i < l->hearings * l->publishing; i++)
        publish(s, i / l->publishing, i % l->publishing);
    server_connect(s->clients);
    clients_run(s->clients, SECOND_US / 2); /* it learns of streams by their packets */
    clients_pause(s->clients);              /* who is overloaded by them lets nobody in */
    for (unsigned i = 0; i < l->hearings * l->pages; i++) {
        if (l->one_way && i % l->pages < l->publishing)
            continue;
        subscribe(s, i / l->pages, i % l->pages);
        if (i % AT_ONCE == 0)
            server_connect(s->clients);
    }
    server_connect(s->clients);
    clients_resume(s->clients);
}

static struct server *start(const struct server_kind *kind, const struct server_options *o,
                            struct clients *clients, uint64_t *ret_idle_bytes)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        server_die("janus", ENOMEM);
    if (!o->place->apart)
        server_die("janus offers no loopback address: it is measured over veth, as root", EPERM);
    s->options = o;
    s->clients = clients;
    (void)snprintf(s->directory, sizeof(s->directory), "/tmp/assize-janus-XXXXXX");
    if (!mkdtemp(s->directory))
        server_die(s->directory, errno);
    (void)snprintf(s->path, sizeof(s->path), "%s/socket", s->directory);
    write_config(s, kind == &janus_kind);
    /* Its socket's thread may look whether it is to run before it is told so, and ends: then Janus
     * has no transport and ends too. It is about even. */
    for (int i = 0;; i++) {
        place_enter_server(o->place);
        spawn(s);
        place_enter_load(o->place);
        if (connect_to(s))
            break;
        if (i == STARTS_MAX)
            server_die("janus does not start (apt-get install janus)", ENOENT);
    }
    place_pin_process(s->pid, o->place->server_core);
    *ret_idle_bytes = process_memory(s->pid);
    s->session = id_of(ask(s, json_pack("{ss}", "janus", "create"), 0));
    server_must("epoll", clients_watch(clients, s->fd, ignore, s));
    join_all(s);
    return s;
}

static pid_t pid(const struct server *s)
{
    return s->pid;
}

static void stop(struct server *s)
{
    static const char *const files[] = {"janus.jcfg", "janus.transport.pfunix.jcfg",
                                        "janus.plugin.videoroom.jcfg", "socket"};
    clients_unwatch(s->clients);
    close(s->fd);
    kill(s->pid, SIGKILL); /* an orderly end of a thousand handles takes it long */
    (void)waitpid(s->pid, NULL, 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", s->directory, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(s->directory);
    free(s);
}

const struct server_kind janus_kind = {.name = "janus",
                                       .title = "Janus, one event loop, GCM",
                                       .start = start,
                                       .pid = pid,
                                       .stop = stop};
const struct server_kind janus_debian_kind = {.name = "janus-debian",
                                              .title = "Janus as Debian ships it",
                                              .start = start,
                                              .pid = pid,
                                              .stop = stop};
