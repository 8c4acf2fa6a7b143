/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/seqpacket.h"
#include "signaling/effects.h"
#include "signaling/links.h"
#include "signaling/message.h"
#include "signaling/record.h"
#include "signaling/session.h"
#include "unit/check.h"

static const struct store_hearing sample = {.scheduled_us = 1800000000ull * 1000000,
                                            .case_number = "(2026) 1",
                                            .title = "A v. B",
                                            .court = "Chamber"};

/* In place of ws.c's: the linker sends the calls of signaling here. */
int __wrap_ws_send(struct ws_connection *c, const char *text, size_t len);
void __wrap_ws_close(struct ws_connection *c, uint16_t code, const char *reason);

int __wrap_ws_send(struct ws_connection *c, const char *text, size_t len)
{
    if (c->code)
        return -ENOTCONN;
    CHECK(c->len + len + 2 < sizeof(c->told));
    memcpy(c->told + c->len, text, len);
    c->len += len;
    c->told[c->len++] = '\n';
    c->told[c->len] = '\0';
    return 0;
}

void __wrap_ws_close(struct ws_connection *c, uint16_t code, const char *reason)
{
    CHECK(reason);
    if (!c->code)
        c->code = code;
}

static void end_open(struct scene *s, struct scene_end *end, const char *name)
{
    end->peer = -1;
    end->boot = 1;
    (void)snprintf(end->path, sizeof(end->path), "%s", place_file(&s->place, name));
    end->listener = seqpacket_listen(end->path);
    CHECK(end->listener >= 0);
}

static void end_hang_up(struct scene_end *end)
{
    if (end->peer >= 0)
        (void)close(end->peer);
    end->peer = -1;
}

static void say_control(const struct scene_end *end, const struct control_message *message, int fd)
{
    unsigned char buffer[LIMIT_CONTROL_BYTES];
    size_t len = 0;
    CHECK_EQ(control_encode(message, buffer, sizeof(buffer), &len), 0);
    CHECK_EQ(seqpacket_send(end->peer, buffer, len, fd), 0);
}

static void answer(const struct scene_end *end, const struct control_message *asked, int status)
{
    struct control_message m = {.type = CONTROL_DONE, .request = asked->request};
    m.done.status = status;
    if (asked->type == CONTROL_PEER_ADD) {
        m.type = CONTROL_PEER_READY;
        m.peer_ready = (struct control_peer_ready){
            .status = status, .peer = asked->peer_add.peer, .seat_count = asked->peer_add.seats};
    } else if (asked->type == CONTROL_TRANSPORT_RESTART) {
        m.type = CONTROL_TRANSPORT_RESTARTED;
        m.transport_restarted = (struct control_transport_restarted){.status = status};
    } else if (asked->type == CONTROL_TAPE_OPEN) {
        m.type = CONTROL_TAPE_READY;
        m.tape_ready.status = status;
    }
    int ring = asked->type == CONTROL_TAPE_OPEN ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    say_control(end, &m, ring);
    if (ring >= 0)
        (void)close(ring);
}

/* As intake_note() of the recorder: each line once, and none before the one before it. */
static int take_note(struct scene_end *end, const struct control_tape_note *note)
{
    char text[LIMIT_NOTE_BYTES + 2];
    CHECK(note->text_len + 2u <= sizeof(text));
    (void)snprintf(text, sizeof(text), "%.*s\n", (int)note->text_len, (const char *)note->text);
    unsigned long long seq = 0;
    CHECK_EQ(sscanf(text, "{\"seq\":%llu,", &seq), 1);
    if (end->status < 0)
        return end->status;
    if (seq > end->note_seq + 1)
        return -ERANGE;
    if (seq <= end->note_seq)
        return 0;
    size_t len = strlen(text);
    CHECK(end->notes_len + len < sizeof(end->notes));
    memcpy(end->notes + end->notes_len, text, len + 1);
    end->notes_len += len;
    end->note_seq = seq;
    return 0;
}

static int keep(struct scene_end *end, struct control_message *message)
{
    int status = end->status;
    if (message->type == CONTROL_TAPE_NOTE) {
        status = take_note(end, &message->tape_note);
        message->tape_note.text = NULL; /* lies in the datagram */
    }
    CHECK(end->count < sizeof(end->got) / sizeof(end->got[0]));
    end->got[end->count++] = *message;
    return status;
}

/* Reads one message of signaling's; false when there is none. */
static bool end_serve(struct scene_end *end)
{
    static unsigned char buffer[LIMIT_CONTROL_BYTES];
    struct control_message message;
    int fd = -1;
    if (end->peer < 0)
        return false;
    ssize_t n = seqpacket_receive(end->peer, buffer, sizeof(buffer), &fd);
    if (n <= 0)
        return false;
    if (fd >= 0)
        (void)close(fd); /* the ring; nothing is written into it here */
    CHECK_EQ(control_decode(buffer, (size_t)n, &message), 0);
    int status = keep(end, &message);
    if (message.request)
        answer(end, &message, status);
    return true;
}

void scene_serve(struct scene *s)
{
    bool is_busy = true;
    while (is_busy) {
        is_busy = end_serve(&s->sfu);
        is_busy = end_serve(&s->recorder) || is_busy;
        is_busy = watch_set_serve(s->watches, 0) > 0 || is_busy;
    }
}

static void greet(struct scene *s, struct scene_end *end, struct media *media)
{
    media_tick(media, clock_now_us() + 1000000); /* past the pause between two attempts */
    end->peer = seqpacket_accept(end->listener, (uid_t)-1);
    CHECK(end->peer >= 0);
    const struct control_message hello = {
        .type = CONTROL_HELLO,
        .hello = {.version = CONTROL_VERSION, .boot_id = end->boot, .pid = 1},
    };
    say_control(end, &hello, -1);
    scene_serve(s);
    CHECK(media_is_connected(media));
}

static void open_court(struct scene *s)
{
    struct court *court = &s->court;
    const struct media_handlers sfu = links_sfu(court), recorder = links_recorder(court);
    *court = (struct court){.config = &s->config};
    list_init(&court->lives);
    list_init(&court->pages);
    court_wake(court);
    CHECK_EQ(store_open(s->place.path, &court->store), 0);
    CHECK_EQ(token_key_open(s->place.path, &court->key), 0);
    CHECK_EQ(watch_set_create(&s->watches), 0);
    CHECK_EQ(media_create(s->watches, "sfu", s->sfu.path, (uid_t)-1, &sfu, &court->sfu), 0);
    CHECK_EQ(media_create(s->watches, "recorder", s->recorder.path, (uid_t)-1, &recorder,
                          &court->recorder),
             0);
}

static void close_court(struct scene *s)
{
    for (size_t i = 0; i < s->page_count; i++)
        scene_hang_up(&s->pages[i]);
    media_destroy(s->court.sfu);
    media_destroy(s->court.recorder);
    court_unload(&s->court);
    watch_set_destroy(s->watches);
    token_key_close(s->court.key);
    store_close(s->court.store);
    end_hang_up(&s->sfu);
    end_hang_up(&s->recorder);
}

static void find_people(struct scene *s)
{
    CHECK_EQ(court_live(&s->court, s->hearing, &s->live), 0);
    s->count = s->live->hearing->count;
    CHECK(s->count <= SCENE_PEOPLE_MAX);
    for (size_t i = 0; i < s->count; i++)
        s->people[i] = s->live->hearing->people[i];
}

void scene_begin(struct scene *s, const struct invite_guest *guests, size_t count)
{
    memset(s, 0, sizeof(*s)); /* too large for an initializer's copy on the stack */
    s->place = place_make();
    (void)snprintf(s->config.data_dir, sizeof(s->config.data_dir), "%s", s->place.path);
    (void)snprintf(s->config.recorder.records_dir, sizeof(s->config.recorder.records_dir), "%s",
                   s->place.path);
    end_open(s, &s->sfu, "sfu.sock");
    end_open(s, &s->recorder, "recorder.sock");
    open_court(s);
    const struct invite_place at = {s->place.path, s->court.store};
    CHECK_EQ(invite_hearing(&at, &sample, guests, count, s->court.wall_us + 3600000000ull,
                            s->court.wall_us, &s->hearing),
             0);
    find_people(s);
    scene_connect(s);
    scene_settle(s);
    scene_forget(s);
}

void scene_end(struct scene *s)
{
    close_court(s);
    (void)close(s->sfu.listener);
    (void)close(s->recorder.listener);
    place_remove(&s->place);
}

void scene_restart(struct scene *s)
{
    /* Killed, it says nothing to anybody: its pages are let go without a word. */
    for (size_t i = 0; i < s->page_count; i++) {
        struct page *page = s->pages[i].page;
        s->pages[i].page = NULL;
        if (page)
            list_remove(&page->link);
        free(page);
    }
    close_court(s);
    s->page_count = 0;
    open_court(s);
    CHECK_EQ(court_load(&s->court), 0);
    find_people(s);
}

void scene_connect(struct scene *s)
{
    greet(s, &s->sfu, s->court.sfu);
    greet(s, &s->recorder, s->court.recorder);
}

void scene_settle(struct scene *s)
{
    const struct control_message end = {.type = CONTROL_PRESENT_END};
    scene_sfu_says(s, &end);
}

void scene_lose_sfu(struct scene *s)
{
    end_hang_up(&s->sfu);
    s->sfu.boot++;
    scene_serve(s);
    CHECK(!media_is_connected(s->court.sfu));
}

void scene_greet_sfu(struct scene *s)
{
    greet(s, &s->sfu, s->court.sfu);
}

void scene_find_sfu(struct scene *s)
{
    scene_greet_sfu(s);
    scene_settle(s);
}

void scene_lose_recorder(struct scene *s)
{
    end_hang_up(&s->recorder);
    s->recorder.boot++;
    scene_serve(s);
    CHECK(!media_is_connected(s->court.recorder));
}

void scene_find_recorder(struct scene *s)
{
    greet(s, &s->recorder, s->court.recorder);
}

void scene_sfu_says(struct scene *s, const struct control_message *message)
{
    say_control(&s->sfu, message, -1);
    scene_serve(s);
}

void scene_say(struct scene *s, struct ws_connection *page, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    CHECK(n > 0 && (size_t)n < sizeof(text));
    CHECK(page->page);
    session_receive(page->page, text, (size_t)n);
    scene_serve(s);
}

/* The guest's token, made anew: the same text as its link's. */
static void token_of(const struct scene *s, const struct hearing_person *person,
                     char text[static TOKEN_TEXT_MAX])
{
    struct store_invitation *list = NULL;
    size_t count = 0;
    struct token token = {.hearing = s->hearing};
    CHECK_EQ(store_invitation_list(s->court.store, s->hearing, &list, &count), 0);
    for (size_t i = 0; i < count; i++)
        if (list[i].person == person->stored.id) {
            token.invitation = list[i].id;
            token.expires_us = list[i].expires_us / 1000000 * 1000000;
        }
    free(list);
    CHECK_EQ(token_make(s->court.key, &token, text), 0);
}

void scene_hello(const struct scene *s, size_t guest, const char *more, char *text, size_t capacity)
{
    char token[TOKEN_TEXT_MAX];
    token_of(s, s->people[guest], token);
    int n =
        snprintf(text, capacity, "{\"type\":\"hello\",\"id\":1,\"protocol\":1,\"token\":\"%s\"%s}",
                 token, more);
    CHECK(n > 0 && (size_t)n < capacity);
}

struct ws_connection *scene_arrive_silently(struct scene *s, size_t guest, const char *more)
{
    char text[1024];
    void *session = NULL;
    CHECK(s->page_count < sizeof(s->pages) / sizeof(s->pages[0]));
    struct ws_connection *page = &s->pages[s->page_count++];
    *page = (struct ws_connection){0};
    CHECK_EQ(session_opened(&s->court, page, &session), 0);
    page->page = session;
    scene_hello(s, guest, more, text, sizeof(text));
    session_receive(page->page, text, strlen(text));
    return page;
}

struct ws_connection *scene_arrive(struct scene *s, size_t guest, const char *more)
{
    struct ws_connection *page = scene_arrive_silently(s, guest, more);
    scene_serve(s);
    return page;
}

struct ws_connection *scene_join(struct scene *s, size_t guest)
{
    struct ws_connection *page = scene_arrive(s, guest, "");
    scene_say(s, page, "{\"type\":\"join\",\"id\":2,\"seats\":2}");
    CHECK_EQ(scene_told(page, "\"type\":\"joined\",\"id\":2"), 1);
    return page;
}

void scene_hang_up(struct ws_connection *page)
{
    struct page *gone = page->page;
    page->page = NULL;
    if (gone)
        session_closed(gone);
}

uint64_t scene_produce(struct scene *s, struct ws_connection *page)
{
    static const char parameters[] =
        "{\"mid\":\"0\",\"codecs\":[{\"mimeType\":\"audio/opus\",\"payloadType\":111,"
        "\"clockRate\":48000,\"channels\":2}],\"encodings\":[{\"ssrc\":3333}]}";
    scene_say(s, page,
              "{\"type\":\"produce\",\"id\":3,\"source\":\"microphone\",\"kind\":\"audio\","
              "\"paused\":false,\"rtpParameters\":%s}",
              parameters);
    const struct hearing_producer *made =
        hearing_producer_of(page->page->person, CONTROL_SOURCE_MICROPHONE);
    return made ? made->id : 0;
}

void scene_forget(struct scene *s)
{
    for (size_t i = 0; i < s->page_count; i++) {
        s->pages[i].len = 0;
        s->pages[i].told[0] = '\0';
    }
    s->sfu.count = s->recorder.count = 0;
    s->recorder.notes_len = 0;
    s->recorder.notes[0] = '\0';
}

/* Lines of `all` that hold `text`. */
static unsigned count_lines(const char *all, const char *text)
{
    unsigned count = 0;
    for (const char *line = all, *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *found = strstr(line, text);
        count += found && found < end;
    }
    return count;
}

unsigned scene_told(const struct ws_connection *page, const char *text)
{
    return count_lines(page->told, text);
}

unsigned scene_got(const struct scene_end *end, enum control_type type)
{
    unsigned count = 0;
    for (size_t i = 0; i < end->count; i++)
        count += end->got[i].type == type;
    return count;
}

unsigned scene_lines(const struct scene *s, const char *text)
{
    char name[64], line[LIMIT_NOTE_BYTES + 2];
    unsigned count = 0;
    (void)snprintf(name, sizeof(name), "journals/%016llx.journal", (unsigned long long)s->hearing);
    FILE *file = fopen(place_file(&s->place, name), "re");
    CHECK(file);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    (void)fclose(file); /* was only read */
    return count;
}

void scene_block_journal(struct scene *s, bool is_blocked)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = is_blocked ? journal_summary(s->live->journal).bytes : limit.rlim_max;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

const char *scene_id(uint64_t id)
{
    static char texts[4][TERMS_ID_TEXT];
    static unsigned next;
    next = (next + 1) % 4;
    return terms_id_text(id, texts[next]);
}
