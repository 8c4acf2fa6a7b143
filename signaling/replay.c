/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/rooms.h"

/* The journal of one hearing: which id it has does not matter here. */
#define HEARING 1

struct replay {
    struct story story;
    struct hearing *hearing;
};

static const struct hearing_producer *find_source(const struct hearing_person *p,
                                                  enum control_source source)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->producers[i].id && p->producers[i].source == source)
            return &p->producers[i];
    return NULL;
}

/* The name without the line's escapes. */
static void read_name(const struct journal_line *l, char name[static LIMIT_NAME_BYTES + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < l->name_len && len < LIMIT_NAME_BYTES; i++) {
        i += l->name[i] == '\\' && i + 1 < l->name_len ? 1 : 0;
        name[len++] = l->name[i];
    }
    name[len] = '\0';
}

static int take_joined(struct hearing *h, const struct journal_line *l)
{
    struct hearing_person *p = hearing_find(h, l->person);
    struct store_person person = {.id = l->person, .hearing = HEARING, .role = l->role};
    read_name(l, person.name);
    int r = p ? 0 : hearing_add(h, &person, &p);
    if (r == 0)
        p->connected = true; /* here: it is there */
    return r;
}

static void take_started(struct hearing_person *p, const struct journal_line *l)
{
    struct hearing_producer *slot = hearing_producer_of(p, l->source);
    for (size_t i = 0; !slot && i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->producers[i].id == 0)
            slot = &p->producers[i];
    if (slot)
        *slot = (struct hearing_producer){.id = l->stream, .source = l->source};
}

static int take(struct replay *replay, const struct journal_line *l, size_t len)
{
    struct hearing_person *p = hearing_find(replay->hearing, l->person);
    story_take(&replay->story, l, len);
    if (l->event == JOURNAL_PERSON_JOINED)
        return take_joined(replay->hearing, l);
    if (!p)
        return 0;
    struct hearing_producer *stopped = hearing_producer(p, l->stream);
    if (l->event == JOURNAL_PRODUCER_STARTED) {
        take_started(p, l);
    } else if (l->event == JOURNAL_PRODUCER_STOPPED && stopped) {
        *stopped = (struct hearing_producer){0};
    } else if (l->event == JOURNAL_PERSON_LEFT) {
        p->connected = false;
        memset(p->producers, 0, sizeof(p->producers));
    }
    return 0;
}

/* Puts everybody where the lines say, then what follows of it. */
static void settle(struct replay *replay)
{
    struct hearing *h = replay->hearing;
    h->stored.state = replay->story.summary.state;
    for (size_t i = 0; i < h->count; i++) {
        struct hearing_person *p = h->people[i];
        const struct story_person *said = story_person(&replay->story, p->stored.id);
        bool is_closed = h->stored.state == TERMS_STATE_CLOSED;
        p->stored.admitted = said && said->standing.word == JOURNAL_PERSON_ADMITTED;
        p->stored.room = p->connected && !is_closed ? hearing_room_on_join(p) : TERMS_ROOM_OUTSIDE;
    }
    rooms_follow(h, &replay->story);
}

static int read_lines(struct replay *replay, FILE *file, uint64_t at_us)
{
    char text[LIMIT_NOTE_BYTES + 2];
    while (fgets(text, sizeof(text), file)) {
        size_t len = strlen(text);
        struct journal_line line;
        if (len == 0 || text[len - 1] != '\n')
            return feof(file) ? 0 : -EBADMSG; /* the last may be unfinished */
        int r = journal_line_read(text, len - 1, &line);
        if (r < 0)
            return r == -ENOMEM ? r : -EBADMSG;
        if (line.at_us > at_us)
            return 0;
        r = take(replay, &line, len - 1);
        if (r < 0)
            return r;
    }
    return ferror(file) ? -EIO : 0;
}

int replay_open(const char *path, uint64_t at_us, struct replay **ret_replay)
{
    const struct store_hearing stored = {.id = HEARING};
    CLEANUP(replay_close) struct replay *replay = calloc(1, sizeof(*replay));
    int r = replay ? hearing_create(&stored, &replay->hearing) : -ENOMEM;
    if (r < 0)
        return r;
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    r = read_lines(replay, file, at_us);
    (void)fclose(file); /* was only read */
    if (r < 0)
        return r;
    if (replay->story.summary.lines == 0)
        return -ENODATA;
    settle(replay);
    *ret_replay = replay;
    replay = NULL;
    return 0;
}

void replay_close(struct replay *replay)
{
    if (!replay)
        return;
    hearing_destroy(replay->hearing);
    free(replay);
}

const struct hearing *replay_hearing(const struct replay *replay)
{
    return replay->hearing;
}

uint64_t replay_last_us(const struct replay *replay)
{
    return replay->story.summary.last_us;
}

bool replay_is_sent(const struct replay *replay, const struct hearing_person *from,
                    const struct hearing_person *to, enum control_source source)
{
    const struct hearing *h = replay->hearing;
    bool is_sound = source == CONTROL_SOURCE_MICROPHONE || source == CONTROL_SOURCE_SCREEN_AUDIO;
    bool is_closed = source == CONTROL_SOURCE_MICROPHONE && hearing_is_closed(h, from);
    return from != to && find_source(from, source) && hearing_is_together(from, to) && !is_closed &&
           hearing_flows(h, from, to, is_sound ? CONTROL_AUDIO : CONTROL_VIDEO);
}
