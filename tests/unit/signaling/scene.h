/* A court of one hearing for a test: store, journal and rules are real; the test plays the media
 * core, the recorder and the pages. Requests are the texts of PROTOCOL.md.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIGNALING_SCENE_H
#define TESTS_SIGNALING_SCENE_H

#include "place.h"
#include "signaling/court.h"
#include "signaling/invite.h"

#define SCENE_PEOPLE_MAX 12

/* The other end of signaling's socket to the media core or the recorder. */
struct scene_end {
    char path[128];
    int listener;
    int peer;      /* -1: nobody connected */
    uint64_t boot; /* names the process that plays; another once it was lost */
    int status;    /* of the next answers; 0: done */
    size_t count;
    struct control_message got[512]; /* what signaling said since scene_forget(), oldest first */
    uint64_t note_seq;               /* of the last line on its tape */
    size_t notes_len;
    char notes[1 << 18]; /* the lines its tape took, since scene_forget() */
};

/* What ws.c would have: a page's connection, and what was sent over it. */
struct ws_connection {
    struct page *page; /* NULL: closed by the page */
    uint16_t code;     /* why the server closed it; 0: it did not */
    size_t len;
    char told[1 << 16]; /* a message a line, since scene_forget() */
};

struct scene {
    struct place place;
    struct config config;
    struct watch_set *watches;
    struct court court;
    struct live *live;
    uint64_t hearing;
    struct scene_end sfu, recorder;
    size_t count;
    struct hearing_person *people[SCENE_PEOPLE_MAX]; /* in the order of the guests */
    struct ws_connection pages[2 * SCENE_PEOPLE_MAX];
    size_t page_count;
};

/* Makes the hearing with `count` guests; media core and recorder are connected and idle. */
void scene_begin(struct scene *s, const struct invite_guest *guests, size_t count);
void scene_end(struct scene *s);

/* Signaling dies and another begins on the same data; pages are gone, media core and recorder stay
 * and wait for scene_connect(). */
void scene_restart(struct scene *s);

/* Lets signaling connect to media core and recorder, which greet it; scene_settle() says that the
 * media core has told all it has. */
void scene_connect(struct scene *s);
void scene_settle(struct scene *s);

/* The media core hangs up, or comes back. */
void scene_lose_sfu(struct scene *s);
void scene_find_sfu(struct scene *s);
/* The same, but it has not told yet what it has. */
void scene_greet_sfu(struct scene *s);

/* Carries messages between signaling and the other two until none is under way; requests are
 * answered with `status`. */
void scene_serve(struct scene *s);

/* The media core says something by itself. */
void scene_sfu_says(struct scene *s, const struct control_message *message);

/* The text of this guest's hello, into `capacity` bytes. */
void scene_hello(const struct scene *s, size_t guest, const char *more, char *text,
                 size_t capacity);

/* A page of this guest says hello; `more` are further members, such as ",\"takeOver\":true". */
struct ws_connection *scene_arrive(struct scene *s, size_t guest, const char *more);

/* The same without serving: what media core and recorder have to say stays under way. */
struct ws_connection *scene_arrive_silently(struct scene *s, size_t guest, const char *more);

/* Also joins, with 2 seats. */
struct ws_connection *scene_join(struct scene *s, size_t guest);

/* The page says a request (printf-like), and everybody is served. */
__attribute__((format(printf, 3, 4))) void scene_say(struct scene *s, struct ws_connection *page,
                                                     const char *format, ...);

/* The page's end of the connection is gone. */
void scene_hang_up(struct ws_connection *page);

/* Publishes a microphone; gives the producer's id. */
uint64_t scene_produce(struct scene *s, struct ws_connection *page);

/* The recorder hangs up, or comes back. */
void scene_lose_recorder(struct scene *s);
void scene_find_recorder(struct scene *s);

/* Forgets what everybody was told so far. */
void scene_forget(struct scene *s);

/* Messages a page was told that hold `text`. */
unsigned scene_told(const struct ws_connection *page, const char *text);

/* Messages of this type that the other end got. */
unsigned scene_got(const struct scene_end *end, enum control_type type);

/* Lines of the hearing's journal that hold `text`. */
unsigned scene_lines(const struct scene *s, const char *text);

/* Lets the journal take no more lines (and takes that back): its file may not grow. */
void scene_block_journal(struct scene *s, bool is_blocked);

/* The id as it stands in texts; a few at a time. */
const char *scene_id(uint64_t id);

#endif
