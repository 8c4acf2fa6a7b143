/* Our own media core under load: signaling's place is the desk's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/codecs.h"
#include "common/ring.h"
#include "peer/desk.h"

#define SECOND_US  1000000ull
#define CONNECT_US (60 * SECOND_US)
#define AT_ONCE    8                       /* pages joining together */
#define PEERS      LIMIT_PEERS_PER_HEARING /* a hearing's ids begin at a multiple of this */
#define DRAIN_NS   20000000

struct server {
    const struct load *load;
    bool quiet; /* receivers give no feedback */
    struct desk *desk;
    struct clients *clients;
    struct ring **rings; /* one a hearing, when recorded */
    pthread_t drain;
    atomic_bool ended;
};

void server_die(const char *what, int error)
{
    fprintf(stderr, "forward: %s: %s\n", what, strerror(error < 0 ? -error : error));
    exit(1);
}

void server_must(const char *what, int result)
{
    if (result < 0)
        server_die(what, result);
}

void server_connect(struct clients *c)
{
    uint64_t end_us = clock_now_us() + CONNECT_US;
    for (size_t i = 0; i < c->count; i++)
        while (!link_is_connected(c->all[i].link))
            if (!clients_step(c, end_us))
                server_die("a page does not connect", ETIMEDOUT);
}

void server_publish(const struct load *l, struct client *client, unsigned number)
{
    struct flow_options audio = load_flow(l, number, CONTROL_AUDIO, 0);
    client_send(client, &audio, load_phase_us(number, CONTROL_AUDIO, audio.frames_per_s));
    for (unsigned layer = 0; layer < l->layers; layer++) {
        struct flow_options video = load_flow(l, number, CONTROL_VIDEO, layer);
        client_send(client, &video, load_phase_us(number, CONTROL_VIDEO, video.frames_per_s));
    }
}

static uint64_t stream_id(unsigned number, enum control_kind kind)
{
    return 2 * number + kind + 1;
}

static void *drain_rings(void *arg)
{
    struct server *s = arg;
    while (!atomic_load(&s->ended)) {
        for (unsigned h = 0; h < s->load->hearings; h++) {
            struct ring_record record;
            while (ring_next(s->rings[h], &record) > 0)
                ;
            ring_release(s->rings[h]);
        }
        const struct timespec wait = {.tv_nsec = DRAIN_NS};
        nanosleep(&wait, NULL); /* a reader behind a timer, like the tape writer */
    }
    return NULL;
}

static void make_rings(struct server *s)
{
    s->rings = calloc(s->load->hearings, sizeof(struct ring *));
    if (!s->rings)
        server_die("ring", ENOMEM);
    for (unsigned h = 0; h < s->load->hearings; h++)
        server_must("ring", ring_create(LIMIT_RING_BYTES, &s->rings[h]));
    int r = pthread_create(&s->drain, NULL, drain_rings, s);
    if (r)
        server_die("the ring's reader", r);
}

static void connect_client(struct server *s, uint64_t hearing, uint64_t peer,
                           const struct control_peer_ready *ready, enum control_direction direction,
                           struct client **ret_client)
{
    struct address server;
    int r = address_from_text(ready->candidates[0].address, ready->candidates[0].port, &server);
    if (r == 0)
        r = clients_add(s->clients, &ready->ice[direction], &server, ready->fingerprint,
                        ret_client);
    server_must("a client", r);
    struct control_message connect = {
        .type = CONTROL_TRANSPORT_CONNECT,
        .transport_connect = {.hearing = hearing, .peer = peer, .direction = (uint8_t)direction}};
    memcpy(connect.transport_connect.fingerprint, dtls_context_fingerprint(s->clients->dtls),
           CONTROL_FINGERPRINT_LEN);
    server_must("TRANSPORT_CONNECT", desk_ask(s->desk, &connect, NULL));
}

static void add_stream(struct server *s, uint64_t hearing, uint64_t peer, unsigned number,
                       enum control_kind kind)
{
    bool audio = kind == CONTROL_AUDIO;
    struct flow_options f = load_flow(s->load, number, kind, 0);
    struct control_message m = {
        .type = CONTROL_STREAM_ADD,
        .stream_add = {
            .hearing = hearing,
            .peer = peer,
            .stream = stream_id(number, kind),
            .kind = (uint8_t)kind,
            .source = audio ? CONTROL_SOURCE_MICROPHONE : CONTROL_SOURCE_CAMERA,
            .codec_count = 1,
            .codecs = {{.codec = audio ? CODEC_OPUS : CODEC_VP8, .payload_type = f.payload_type}},
            .encoding_count = audio ? 1 : (uint8_t)s->load->layers,
            .mid = "0",
            .ext_transport_cc = f.ext_transport_cc,
            .ext_audio_level = f.ext_audio_level,
        }};
    for (unsigned i = 0; i < m.stream_add.encoding_count; i++)
        m.stream_add.encodings[i].ssrc = load_flow(s->load, number, kind, i).ssrc;
    server_must("STREAM_ADD", desk_ask(s->desk, &m, NULL));
}

/* Page `i` of hearing `h`: like a browser it connects a way only when something goes over it. */
static void join(struct server *s, unsigned h, unsigned i)
{
    const struct load *l = s->load;
    bool sends = i < l->publishing, receives = !sends || !l->one_way;
    uint64_t hearing = h + 1, peer = (uint64_t)PEERS * (h + 1) + i;
    struct control_message m = {.type = CONTROL_PEER_ADD,
                                .peer_add = {.hearing = hearing,
                                             .peer = peer,
                                             .role = CONTROL_ROLE_PARTY,
                                             .room = 1,
                                             .seats = (uint8_t)l->publishing}};
    struct control_message answer;
    struct client *client = NULL;
    server_must("PEER_ADD", desk_ask(s->desk, &m, &answer));
    const struct control_peer_ready *ready = &answer.peer_ready;
    if (answer.type != CONTROL_PEER_READY || ready->candidate_count == 0)
        server_die("PEER_ADD", EPROTO);
    if (sends) {
        unsigned number = h * l->publishing + i;
        connect_client(s, hearing, peer, ready, CONTROL_UP, &client);
        for (unsigned kind = 0; kind < load_streams(l); kind++)
            add_stream(s, hearing, peer, number, kind);
        server_publish(l, client, number);
    }
    if (!receives)
        return;
    connect_client(s, hearing, peer, ready, CONTROL_DOWN, &client);
    if (!s->quiet)
        server_must("feedback", client_tell_arrivals(client, CODEC_EXT_TRANSPORT_CC));
    for (uint8_t seat = 0; seat < ready->seat_count; seat++) {
        client_expect(s->clients, client, ready->seats[seat].audio_ssrc, 0, CONTROL_AUDIO);
        if (l->layers)
            client_expect(s->clients, client, ready->seats[seat].video_ssrc,
                          ready->seats[seat].video_rtx_ssrc, CONTROL_VIDEO);
    }
}

static void take_seats(struct server *s, unsigned h, unsigned i)
{
    const struct load *l = s->load;
    uint8_t seat = 0;
    for (unsigned who = 0; who < l->publishing; who++) {
        if (who == i)
            continue;
        for (unsigned kind = 0; kind < load_streams(l); kind++) {
            struct control_message m = {
                .type = CONTROL_SEAT_SET,
                .seat_set = {.hearing = h + 1,
                             .peer = (uint64_t)PEERS * (h + 1) + i,
                             .seat = seat,
                             .kind = (uint8_t)kind,
                             .stream = stream_id(h * l->publishing + who, kind)}};
            int r;
            while ((r = desk_tell(s->desk, &m)) == -EAGAIN) /* it has answers to be read first */
                clients_run(s->clients, 1000);
            server_must("SEAT_SET", r);
        }
        seat++;
    }
    clients_run(s->clients, 1000); /* the answers are read */
}

static void read_desk(void *desk)
{
    server_must("the media core's socket", desk_read(desk));
}

static struct server *start(const struct server_kind *kind, const struct server_options *o,
                            struct clients *clients, uint64_t *ret_idle_bytes)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        server_die("start", ENOMEM);
    s->load = o->load;
    s->quiet = o->quiet;
    s->clients = clients;
    place_enter_server(o->place);
    int r = desk_start_at(o->binary, o->workers, &o->place->server, 1, &s->desk);
    place_enter_load(o->place);
    server_must(o->binary, r);
    place_pin_process(desk_pid(s->desk), o->place->server_core);
    *ret_idle_bytes = process_memory(desk_pid(s->desk));
    server_must("epoll", clients_watch(clients, desk_fd(s->desk), read_desk, s->desk));
    if (kind->record)
        make_rings(s);
    const struct load *l = o->load;
    for (unsigned h = 0; h < l->hearings; h++)
        server_must("a hearing",
                    desk_open_hearing(s->desk, h + 1, s->rings ? ring_fd(s->rings[h]) : -1));
    for (unsigned i = 0; i < l->hearings * l->pages; i++) {
        join(s, i / l->pages, i % l->pages);
        if (i % AT_ONCE == 0)
            server_connect(clients);
    }
    server_connect(clients);
    for (unsigned i = 0; i < l->hearings * l->pages; i++)
        if (i % l->pages >= l->publishing || !l->one_way)
            take_seats(s, i / l->pages, i % l->pages);
    return s;
}

static pid_t pid(const struct server *s)
{
    return desk_pid(s->desk);
}

/* As told last, of up to two seconds ago. */
static struct server_sends sends(const struct server *s)
{
    return (struct server_sends){.packets = desk_metric(s->desk, CONTROL_METRIC_SENT),
                                 .messages = desk_metric(s->desk, CONTROL_METRIC_SEND_MESSAGES),
                                 .calls = desk_metric(s->desk, CONTROL_METRIC_SEND_CALLS),
                                 .dropped = desk_metric(s->desk, CONTROL_METRIC_DROPPED_SEND),
                                 .queue_drops = desk_metric(s->desk, CONTROL_METRIC_DROPPED_QUEUE),
                                 .read_gap_us = desk_metric(s->desk, CONTROL_METRIC_READ_GAP_US),
                                 .told = desk_metrics_count(s->desk)};
}

static void stop(struct server *s)
{
    if (s->rings) {
        atomic_store(&s->ended, true);
        pthread_join(s->drain, NULL);
    }
    for (unsigned h = 0; s->rings && h < s->load->hearings; h++) {
        if (ring_dropped(s->rings[h]))
            printf("  the ring dropped %llu packets\n",
                   (unsigned long long)ring_dropped(s->rings[h]));
        ring_destroy(s->rings[h]);
    }
    free(s->rings);
    clients_unwatch(s->clients);
    if (desk_end(s->desk) != 0)
        server_die("the media core ended badly", EPROTO);
    free(s);
}

const struct server_kind core_kind = {.name = "assize",
                                      .title = "assize-sfu",
                                      .start = start,
                                      .pid = pid,
                                      .sends = sends,
                                      .stop = stop};
const struct server_kind core_record_kind = {.name = "assize-record",
                                             .title = "assize-sfu, recording",
                                             .record = true,
                                             .start = start,
                                             .pid = pid,
                                             .sends = sends,
                                             .stop = stop};
