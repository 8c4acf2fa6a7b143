/* SPDX-License-Identifier: Apache-2.0 */
/* Signaling without its rules, for tests in browsers: starts the real media core, takes what pages
 * say in the page's own protocol, and answers with signaling's own texts. Who sits in which seat is
 * the test's to say.
 *
 * control-bridge SFU ADDRESS...
 * reads lines   PEER {a page's message: hello, join, connect, produce, pause, closeProducer}
 *               PEER seat SEAT audio|video STREAM     (16 hex digits; 0 empties it)
 * writes lines  PEER {signaling's answer}
 *               PEER {"type":"switched","seat":N,"kind":"video","stream":"…","status":0}
 *               PEER {"type":"transport","direction":"down","phase":2}
 * and ends when its input does. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "peer/desk.h"
#include "signaling/hearing.h"
#include "signaling/message.h"
#include "signaling/reply.h"
#include "signaling/rtpparams.h"

#define HEARING        0xc0ull
#define LINE_MAX_BYTES 65536

struct bridge {
    struct desk *desk;
    size_t told; /* events passed on */
    uint64_t last_stream;
    size_t len;
    char line[LINE_MAX_BYTES];
};

static void say(uint64_t peer, struct jsontext *t)
{
    size_t len;
    char *text = jsontext_take(t, &len);
    if (!text)
        abort();
    printf("%016" PRIx64 " %s\n", peer, text);
    fflush(stdout);
    free(text);
}

/* Everybody may receive everybody in the courtroom. */
static int open_court(struct desk *desk)
{
    struct control_message open = {.type = CONTROL_HEARING_OPEN,
                                   .hearing_open = {.hearing = HEARING}};
    int r = desk_ask(desk, &open, NULL);
    if (r < 0)
        return r;
    struct control_message matrix = {.type = CONTROL_MATRIX, .matrix = {.hearing = HEARING}};
    for (int role = 0; role < CONTROL_ROLE_COUNT; role++)
        matrix.matrix.receivers[CONTROL_ROOM_COURTROOM][role] = (1u << CONTROL_ROLE_COUNT) - 1;
    return desk_ask(desk, &matrix, NULL);
}

static int welcome(uint64_t peer, int32_t id)
{
    const struct store_hearing stored = {.id = HEARING};
    const struct store_person person = {
        .id = peer, .hearing = HEARING, .role = CONTROL_ROLE_PARTY, .name = "A page"};
    CLEANUP(hearing_destroy) struct hearing *hearing = NULL;
    struct hearing_person *you = NULL;
    int r = hearing_create(&stored, &hearing);
    if (r == 0)
        r = hearing_add(hearing, &person, &you);
    if (r < 0)
        return r;
    struct jsontext t = {0};
    const struct reply_welcome welcome = {.hearing = hearing, .you = you, .resume = ""};
    reply_welcome(&t, id, &welcome);
    say(peer, &t);
    return 0;
}

static int join(struct bridge *b, uint64_t peer, const struct message *m)
{
    struct control_message answer,
        add = {.type = CONTROL_PEER_ADD,
               .peer_add = {HEARING, peer, CONTROL_ROLE_PARTY, CONTROL_ROOM_COURTROOM, 0,
                            m->join.seats, m->join.red}};
    int r = desk_ask(b->desk, &add, &answer);
    if (r < 0)
        return r;
    const struct hearing_person person = {.stored = {.id = peer, .room = TERMS_ROOM_COURTROOM}};
    struct jsontext t = {0};
    reply_joined(&t, m->id, &person, &answer.peer_ready, m->join.red, true, NULL);
    say(peer, &t);
    return 0;
}

static int ask_ok(struct bridge *b, uint64_t peer, int32_t id, struct control_message *c)
{
    int r = desk_ask(b->desk, c, NULL);
    if (r < 0)
        return r;
    struct jsontext t = {0};
    reply_ok(&t, id);
    say(peer, &t);
    return 0;
}

static int connect_transport(struct bridge *b, uint64_t peer, const struct message *m)
{
    bool up = m->connect.transport == reply_transport_id(peer, CONTROL_UP);
    struct control_message c = {
        .type = CONTROL_TRANSPORT_CONNECT,
        .transport_connect = {HEARING, peer, up ? CONTROL_UP : CONTROL_DOWN, {0}}};
    memcpy(c.transport_connect.fingerprint, m->connect.fingerprint, CONTROL_FINGERPRINT_LEN);
    return ask_ok(b, peer, m->id, &c);
}

static int produce(struct bridge *b, uint64_t peer, const struct message *m)
{
    struct control_message c = {.type = CONTROL_STREAM_ADD};
    int r = rtpparams_stream(&m->produce, true, &c.stream_add);
    if (r < 0)
        return r;
    c.stream_add.hearing = HEARING;
    c.stream_add.peer = peer;
    c.stream_add.stream = ++b->last_stream;
    r = desk_ask(b->desk, &c, NULL);
    if (r < 0)
        return r;
    struct jsontext t = {0};
    reply_produced(&t, m->id, c.stream_add.stream);
    say(peer, &t);
    return 0;
}

/* Carries out what a page says. Returns 0 or a negative errno. */
static int hear(struct bridge *b, uint64_t peer, const struct message *m)
{
    struct control_message c;
    switch (m->type) {
    case MESSAGE_HELLO:
        return welcome(peer, m->id);
    case MESSAGE_JOIN:
        return join(b, peer, m);
    case MESSAGE_CONNECT:
        return connect_transport(b, peer, m);
    case MESSAGE_PRODUCE:
        return produce(b, peer, m);
    case MESSAGE_PAUSE:
        c = (struct control_message){
            .type = CONTROL_STREAM_PAUSE,
            .stream_pause = {HEARING, peer, m->pause.producer, m->pause.paused}};
        return ask_ok(b, peer, m->id, &c);
    case MESSAGE_CLOSE_PRODUCER:
        c = (struct control_message){.type = CONTROL_STREAM_REMOVE,
                                     .stream = {HEARING, peer, m->producer}};
        return ask_ok(b, peer, m->id, &c);
    default:
        return -ENOSYS;
    }
}

static void take_message(struct bridge *b, uint64_t peer, const char *text)
{
    struct message m;
    struct message_fault fault = {0};
    struct jsontext t = {0};
    int r = message_parse(text, strlen(text), &m, &fault);
    if (r < 0) {
        reply_error(&t, fault.id, fault.error, fault.detail);
        say(peer, &t);
        return;
    }
    r = hear(b, peer, &m);
    if (r < 0) {
        reply_error(&t, m.id, MESSAGE_INTERNAL, strerror(-r));
        say(peer, &t);
    }
}

/* Returns 0 or -EINVAL for a line that is none of ours. */
static int take_line(struct bridge *b, const char *line)
{
    char *rest = NULL;
    uint64_t peer = strtoull(line, &rest, 16), stream;
    if (*rest != ' ' || peer == 0)
        return -EINVAL;
    rest++;
    if (*rest == '{') {
        take_message(b, peer, rest);
        return 0;
    }
    unsigned seat;
    char kind[8];
    if (sscanf(rest, "seat %u %7s %" SCNx64, &seat, kind, &stream) != 3 || seat >= LIMIT_SEATS)
        return -EINVAL;
    struct control_message set = {
        .type = CONTROL_SEAT_SET,
        .seat_set = {HEARING, peer, (uint8_t)seat,
                     strcmp(kind, "video") == 0 ? CONTROL_VIDEO : CONTROL_AUDIO, stream}};
    return desk_tell(b->desk, &set);
}

/* Whole lines of what has come. Returns 1, 0 at the end of the input, or a negative errno. */
static int read_lines(struct bridge *b)
{
    ssize_t n = read(STDIN_FILENO, b->line + b->len, sizeof(b->line) - 1 - b->len);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    b->len += (size_t)n;
    b->line[b->len] = '\0';
    char *begin = b->line;
    for (char *end; (end = strchr(begin, '\n')); begin = end + 1) {
        *end = '\0';
        int r = take_line(b, begin);
        if (r < 0) {
            fprintf(stderr, "control-bridge: %s: %s\n", strerror(-r), begin);
            return r;
        }
    }
    b->len -= (size_t)(begin - b->line);
    memmove(b->line, begin, b->len);
    return b->len < sizeof(b->line) - 1 ? 1 : -EMSGSIZE;
}

static void pass_on(const struct control_message *m)
{
    struct jsontext t = {0};
    jsontext_open(&t, NULL, '{');
    if (m->type == CONTROL_SEAT_SWITCHED) {
        jsontext_string(&t, "type", "switched");
        jsontext_unsigned(&t, "seat", m->seat_switched.seat);
        jsontext_string(&t, "kind", m->seat_switched.kind == CONTROL_VIDEO ? "video" : "audio");
        jsontext_id(&t, "stream", m->seat_switched.stream);
        jsontext_integer(&t, "status", m->seat_switched.status);
        jsontext_close(&t, '}');
        say(m->seat_switched.peer, &t);
    } else if (m->type == CONTROL_TRANSPORT_STATE) {
        jsontext_string(&t, "type", "transport");
        jsontext_string(&t, "direction",
                        m->transport_state.direction == CONTROL_UP ? "up" : "down");
        jsontext_unsigned(&t, "phase", m->transport_state.phase);
        jsontext_close(&t, '}');
        say(m->transport_state.peer, &t);
    } else if (m->type == CONTROL_PEER_STATS) {
        jsontext_string(&t, "type", "stats");
        jsontext_unsigned(&t, "downBps", m->peer_stats.down_bps);
        jsontext_unsigned(&t, "downEstimateBps", m->peer_stats.down_estimate_bps);
        jsontext_close(&t, '}');
        say(m->peer_stats.peer, &t);
    } else if (m->type == CONTROL_SEAT_PICTURE) {
        jsontext_string(&t, "type", "picture");
        jsontext_unsigned(&t, "seat", m->seat_picture.seat);
        jsontext_bool(&t, "held", m->seat_picture.picture == CONTROL_PICTURE_HELD);
        jsontext_close(&t, '}');
        say(m->seat_picture.peer, &t);
    } else if (m->type == CONTROL_LAYERS) {
        jsontext_string(&t, "type", "layers");
        jsontext_unsigned(&t, "received", m->layers.received);
        jsontext_close(&t, '}');
        say(m->layers.peer, &t);
    }
    jsontext_finish(&t);
}

static int run(struct bridge *b)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = desk_fd(b->desk), .events = POLLIN}};
        if (poll(fds, 2, -1) < 0)
            return -errno;
        int r = desk_read(b->desk);
        if (r == 0 && fds[0].revents) {
            r = read_lines(b);
            if (r == 0)
                return 0;
        }
        if (r < 0)
            return r;
        for (const struct control_message *m; (m = desk_next(b->desk, &b->told));)
            pass_on(m);
    }
}

int main(int argc, char **argv)
{
    static struct bridge b;
    if (argc < 3) {
        fputs("control-bridge SFU ADDRESS...\n", stderr);
        return 2;
    }
    int r = desk_start_at(argv[1], 2, (const char *const *)argv + 2, (size_t)argc - 2, &b.desk);
    if (r == 0)
        r = open_court(b.desk);
    if (r == 0)
        r = run(&b);
    if (r < 0)
        fprintf(stderr, "control-bridge: %s\n", strerror(-r));
    if (b.desk)
        desk_stop(b.desk);
    return r < 0;
}
