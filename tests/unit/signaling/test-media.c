/* SPDX-License-Identifier: Apache-2.0 */
/* The client of media core and recorder against a real socket, whose other end this test plays. */
#include "signaling/media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/seqpacket.h"
#include "place.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

/* What the client has told us. */
static struct {
    unsigned connected, lost, answered, told;
    uint64_t boot_id;
    struct media_ticket ticket;
    int status;
    bool had_answer, had_fd;
    enum control_type event;
} heard;

static void on_connected(void *context, uint64_t boot_id)
{
    (void)context;
    heard.connected++;
    heard.boot_id = boot_id;
}

static void on_lost(void *context)
{
    (void)context;
    heard.lost++;
}

static void on_answered(void *context, const struct media_ticket *ticket, int status,
                        const struct control_message *answer, int fd)
{
    (void)context;
    heard.answered++;
    heard.ticket = *ticket;
    heard.status = status;
    heard.had_answer = answer;
    heard.had_fd = fd >= 0;
}

static void on_told(void *context, const struct control_message *event)
{
    (void)context;
    heard.told++;
    heard.event = event->type;
}

static const struct media_handlers handlers = {NULL, on_connected, on_lost, on_answered, on_told};

/* A stage: the client, and the process it talks to. */
struct stage {
    struct place place;
    struct watch_set *set;
    struct media *media;
    char path[128];
    int listener;
    int peer; /* -1: nobody connected */
};

static void stage_begin(struct stage *s)
{
    memset(&heard, 0, sizeof(heard));
    s->place = place_make();
    s->peer = -1;
    (void)snprintf(s->path, sizeof(s->path), "%s", place_file(&s->place, "core.sock"));
    s->listener = seqpacket_listen(s->path);
    CHECK(s->listener >= 0);
    CHECK_EQ(watch_set_create(&s->set), 0);
    CHECK_EQ(media_create(s->set, "core", s->path, (uid_t)-1, &handlers, &s->media), 0);
}

static void stage_end(struct stage *s)
{
    media_destroy(s->media);
    watch_set_destroy(s->set);
    if (s->peer >= 0)
        (void)close(s->peer);
    (void)close(s->listener);
    place_remove(&s->place);
}

static void say(struct stage *s, const struct control_message *message, int fd)
{
    unsigned char buffer[LIMIT_CONTROL_BYTES];
    size_t len = 0;
    CHECK_EQ(control_encode(message, buffer, sizeof(buffer), &len), 0);
    CHECK_EQ(seqpacket_send(s->peer, buffer, len, fd), 0);
}

/* The next message the client sent; it must be there. */
static struct control_message listen_to(struct stage *s, int *ret_fd)
{
    static unsigned char buffer[LIMIT_CONTROL_BYTES];
    struct control_message message;
    ssize_t n = seqpacket_receive(s->peer, buffer, sizeof(buffer), ret_fd);
    CHECK(n > 0);
    CHECK_EQ(control_decode(buffer, (size_t)n, &message), 0);
    return message;
}

static void greet(struct stage *s, uint32_t version, uint64_t boot_id)
{
    int fd = -1;
    media_tick(s->media, clock_now_us());
    s->peer = seqpacket_accept(s->listener, (uid_t)-1);
    CHECK(s->peer >= 0);
    CHECK_EQ(listen_to(s, &fd).type, CONTROL_HELLO);
    const struct control_message hello = {
        .type = CONTROL_HELLO,
        .hello = {.version = version, .boot_id = boot_id, .pid = 1},
    };
    say(s, &hello, -1);
    CHECK(watch_set_serve(s->set, 1000) >= 0);
}

static void hang_up(struct stage *s)
{
    (void)close(s->peer);
    s->peer = -1;
    CHECK(watch_set_serve(s->set, 1000) > 0);
}

static struct control_message peer_remove(void)
{
    return (struct control_message){.type = CONTROL_PEER_REMOVE, .peer = {.hearing = 1, .peer = 2}};
}

static void test_conversation(void)
{
    struct stage s;
    stage_begin(&s);
    struct control_message ask = peer_remove();
    const struct media_ticket ticket = {.purpose = 7, .person = 2, .request = 9};
    CHECK_EQ(media_ask(s.media, &ask, -1, &ticket), -ENOTCONN);
    greet(&s, CONTROL_VERSION, 42);
    CHECK_EQ(heard.connected, 1);
    CHECK_EQ(heard.boot_id, 42);
    CHECK(media_is_connected(s.media));

    int pipe_fds[2], fd = -1;
    CHECK_EQ(pipe(pipe_fds), 0);
    CHECK_EQ(media_ask(s.media, &ask, pipe_fds[0], &ticket), 0);
    CHECK_EQ(heard.answered, 0); /* never from within the call */
    struct control_message got = listen_to(&s, &fd);
    CHECK_EQ(got.type, CONTROL_PEER_REMOVE);
    CHECK(fd >= 0);
    (void)close(fd);

    /* A late answer to another request is nobody's; the right one comes with its descriptor. */
    struct control_message done = {.type = CONTROL_TAPE_READY, .request = got.request + 1024};
    say(&s, &done, -1);
    done.request = got.request;
    done.tape_ready.status = -ENOENT;
    say(&s, &done, pipe_fds[1]);
    CHECK(watch_set_serve(s.set, 1000) > 0);
    CHECK_EQ(heard.answered, 1);
    CHECK_EQ(heard.ticket.purpose, 7);
    CHECK_EQ(heard.ticket.request, 9);
    CHECK_EQ(heard.status, -ENOENT);
    CHECK(heard.had_answer && heard.had_fd);
    say(&s, &done, -1); /* a second answer is nobody's */
    const struct control_message metrics = {.type = CONTROL_METRICS};
    say(&s, &metrics, -1);
    CHECK(watch_set_serve(s.set, 1000) > 0);
    CHECK_EQ(heard.answered, 1);
    CHECK_EQ(heard.told, 1);
    CHECK_EQ(heard.event, CONTROL_METRICS);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    stage_end(&s);
}

/* Lost: told once, requests fail, and it connects again by itself. */
static void test_loss(void)
{
    struct stage s;
    stage_begin(&s);
    greet(&s, CONTROL_VERSION, 1);
    struct control_message ask = peer_remove();
    const struct media_ticket ticket = {.purpose = 1};
    CHECK_EQ(media_ask(s.media, &ask, -1, &ticket), 0);
    hang_up(&s);
    CHECK_EQ(heard.lost, 1);
    CHECK_EQ(heard.answered, 1);
    CHECK_EQ(heard.status, -ENOTCONN);
    CHECK(!heard.had_answer && !media_is_connected(s.media));
    greet(&s, CONTROL_VERSION, 2);
    CHECK_EQ(heard.connected, 2);
    CHECK_EQ(heard.boot_id, 2);
    stage_end(&s);
}

/* Time passes as a parameter: an answer that does not come, and a process that hangs. */
static void test_time(void)
{
    struct stage s;
    stage_begin(&s);
    greet(&s, CONTROL_VERSION, 1);
    uint64_t now_us = clock_now_us();
    struct control_message ask = peer_remove();
    const struct media_ticket ticket = {.purpose = 1};
    CHECK_EQ(media_ask(s.media, &ask, -1, &ticket), 0);
    media_tick(s.media, now_us + 1000000);
    CHECK_EQ(heard.answered, 0);
    media_tick(s.media, now_us + 4000000);
    CHECK_EQ(heard.answered, 1);
    CHECK_EQ(heard.status, -ETIMEDOUT);
    CHECK_EQ(heard.lost, 0);
    media_tick(s.media, now_us + 6000000);
    CHECK_EQ(heard.lost, 1);
    stage_end(&s);
}

/* An answer that came in time counts, though nobody was there to read it; more than is read at once
 * before it means only that it is read a little later. */
static void test_unread(void)
{
    for (unsigned before = 0; before <= 100; before += 100) {
        struct stage s;
        stage_begin(&s);
        greet(&s, CONTROL_VERSION, 1);
        uint64_t now_us = clock_now_us();
        struct control_message ask = peer_remove();
        const struct media_ticket ticket = {.purpose = 1};
        int fd = -1;
        CHECK_EQ(media_ask(s.media, &ask, -1, &ticket), 0);
        const struct control_message done = {.type = CONTROL_DONE,
                                             .request = listen_to(&s, &fd).request};
        const struct control_message metrics = {.type = CONTROL_METRICS};
        for (unsigned i = 0; i < before; i++)
            say(&s, &metrics, -1);
        say(&s, &done, -1);
        for (unsigned i = 0; i <= before / 64; i++)
            media_tick(s.media, now_us + 4000000);
        CHECK_EQ(heard.told, before);
        CHECK_EQ(heard.answered, 1);
        CHECK_EQ(heard.status, 0);
        CHECK(heard.had_answer);
        stage_end(&s);
    }
}

/* Another version, or nonsense, is no partner. */
static void test_strangers(void)
{
    struct stage s;
    stage_begin(&s);
    greet(&s, CONTROL_VERSION + 1, 1);
    CHECK_EQ(heard.connected, 0);
    CHECK(!media_is_connected(s.media));
    (void)close(s.peer);
    greet(&s, CONTROL_VERSION, 1);
    CHECK(media_is_connected(s.media));
    CHECK_EQ(seqpacket_send(s.peer, "nonsense", 8, -1), 0);
    CHECK(watch_set_serve(s.set, 1000) > 0);
    CHECK_EQ(heard.lost, 1);
    stage_end(&s);
}

/* A partner that does not read costs no more than the bounds. */
static void test_bounds(void)
{
    struct stage s;
    stage_begin(&s);
    greet(&s, CONTROL_VERSION, 1);
    const struct media_ticket ticket = {.purpose = 1};
    struct control_message ask = peer_remove();
    unsigned asked = 0;
    while (media_ask(s.media, &ask, -1, &ticket) == 0)
        asked++;
    CHECK_EQ(asked, LIMIT_MEDIA_REQUESTS);
    CHECK_EQ(media_ask(s.media, &ask, -1, &ticket), -ENOBUFS);
    static uint8_t text[LIMIT_NOTE_BYTES];
    memset(text, 'x', sizeof(text));
    struct control_message note = {
        .type = CONTROL_TAPE_NOTE,
        .tape_note = {.hearing = 1, .text_len = LIMIT_NOTE_BYTES, .text = text},
    };
    unsigned told = 0;
    int r = 0;
    while ((r = media_tell(s.media, &note, -1)) == 0)
        told++;
    CHECK_EQ(r, -ENOBUFS);
    CHECK(told * LIMIT_NOTE_BYTES <= LIMIT_MEDIA_QUEUE_BYTES + (8u << 20));
    stage_end(&s);
}

/* Nobody there: tried again, at most twice a second. */
static void test_absence(void)
{
    struct stage s;
    stage_begin(&s);
    (void)close(s.listener);
    CHECK_EQ(unlink(s.path), 0);
    uint64_t now_us = clock_now_us();
    for (unsigned i = 0; i < 100; i++)
        media_tick(s.media, now_us + i * 100000);
    CHECK(!media_is_connected(s.media));
    CHECK_EQ(heard.connected, 0);
    s.listener = seqpacket_listen(s.path);
    CHECK(s.listener >= 0);
    media_tick(s.media, now_us + 100 * 100000 + 500000);
    s.peer = seqpacket_accept(s.listener, (uid_t)-1);
    CHECK(s.peer >= 0);
    stage_end(&s);
}

#ifdef TEST_FAULTS
static void test_faults(void)
{
    for (int n = 0;; n++) {
        struct watch_set *set = NULL;
        struct media *media = NULL;
        faults_fail_at(n);
        int r = watch_set_create(&set);
        if (r == 0)
            r = media_create(set, "core", "/nowhere", (uid_t)-1, &handlers, &media);
        bool happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened == (r < 0));
        media_destroy(media);
        watch_set_destroy(set);
        if (!happened)
            return;
    }
}
#endif

int main(void)
{
    test_conversation();
    test_loss();
    test_time();
    test_unread();
    test_strangers();
    test_bounds();
    test_absence();
#ifdef TEST_FAULTS
    test_faults();
#endif
    return 0;
}
