/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/journal_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "signaling/evidence.h"

/* The fields a line can have, in the order they are written. */
enum field {
    FIELD_HEARING = 1 << 0,
    FIELD_CASE = 1 << 1, /* case, title, court, scheduledAt */
    FIELD_INVITATION = 1 << 2,
    FIELD_PERSON = 1 << 3,
    FIELD_NAME = 1 << 4, /* name and role */
    FIELD_ROOM = 1 << 5,
    FIELD_STREAM = 1 << 6, /* stream and source */
    FIELD_CAUSE = 1 << 7,
    FIELD_REASON = 1 << 8,
    FIELD_PROCESS = 1 << 9,
    FIELD_SINCE = 1 << 10,
    FIELD_UNTIL = 1 << 11,
    FIELD_BYTES = 1 << 12,
    FIELD_BY = 1 << 13,
    FIELD_EVIDENCE = 1 << 14, /* file, bytes, sha256 */
    FIELD_NUMBER = 1 << 15,   /* of a room, of an objection */
    FIELD_FROM = 1 << 16,
    FIELD_KINDS = 1 << 17, /* what */
    FIELD_WORDS = 1 << 18, /* reason */
    FIELD_FORM = 1 << 19,  /* of an oath */
    FIELD_LANGUAGE = 1 << 20,
    FIELD_RULING = 1 << 21,
    FIELD_MARK = 1 << 22, /* words */
};

static const struct {
    const char *name;
    unsigned fields;
} events[JOURNAL_EVENT_COUNT] = {
    [JOURNAL_HEARING_CREATED] = {"hearing.created", FIELD_HEARING | FIELD_CASE},
    [JOURNAL_HEARING_WAITING] = {"hearing.waiting", FIELD_BY},
    [JOURNAL_HEARING_OPENED] = {"hearing.opened", FIELD_BY | FIELD_WORDS},
    [JOURNAL_HEARING_RECESS] = {"hearing.recess", FIELD_BY | FIELD_WORDS},
    [JOURNAL_HEARING_SUSPENDED] = {"hearing.suspended", FIELD_BY | FIELD_WORDS},
    [JOURNAL_HEARING_RESUMED] = {"hearing.resumed", FIELD_BY | FIELD_WORDS},
    [JOURNAL_HEARING_IN_CAMERA] = {"hearing.in-camera", FIELD_BY | FIELD_WORDS},
    [JOURNAL_HEARING_PUBLIC] = {"hearing.public", FIELD_BY | FIELD_WORDS},
    [JOURNAL_HEARING_CLOSED] = {"hearing.closed", FIELD_BY | FIELD_WORDS},
    [JOURNAL_CONSENT_GIVEN] = {"consent.given", FIELD_PERSON},
    [JOURNAL_CONSENT_WITHDRAWN] = {"consent.withdrawn", FIELD_PERSON},
    [JOURNAL_INVITATION_CREATED] = {"invitation.created",
                                    FIELD_INVITATION | FIELD_PERSON | FIELD_NAME | FIELD_UNTIL},
    [JOURNAL_INVITATION_REVOKED] = {"invitation.revoked",
                                    FIELD_INVITATION | FIELD_PERSON | FIELD_BY},
    [JOURNAL_PERSON_JOINED] = {"person.joined", FIELD_PERSON | FIELD_NAME | FIELD_ROOM},
    [JOURNAL_PERSON_ADMITTED] = {"person.admitted", FIELD_PERSON | FIELD_BY},
    [JOURNAL_PERSON_DISMISSED] = {"person.dismissed", FIELD_PERSON | FIELD_BY},
    [JOURNAL_PERSON_MUTED] = {"person.muted", FIELD_PERSON | FIELD_BY},
    [JOURNAL_PERSON_REMOVED] = {"person.removed", FIELD_PERSON | FIELD_BY | FIELD_WORDS},
    [JOURNAL_PERSON_LEFT] = {"person.left", FIELD_PERSON | FIELD_CAUSE | FIELD_SINCE},
    [JOURNAL_PERSON_RETURNED] = {"person.returned", FIELD_PERSON | FIELD_SINCE},
    [JOURNAL_PERSON_ASKED] = {"person.asked", FIELD_PERSON | FIELD_NUMBER | FIELD_BY},
    [JOURNAL_PERSON_MOVED] = {"person.moved", FIELD_PERSON | FIELD_ROOM | FIELD_NUMBER | FIELD_BY},
    [JOURNAL_PERSON_LOCKED] = {"person.locked", FIELD_PERSON | FIELD_BY},
    [JOURNAL_PERSON_UNLOCKED] = {"person.unlocked", FIELD_PERSON | FIELD_BY},
    [JOURNAL_OATH_ASKED] = {"oath.asked", FIELD_PERSON | FIELD_FORM | FIELD_BY},
    [JOURNAL_PERSON_SWORN] = {"person.sworn", FIELD_PERSON | FIELD_FORM | FIELD_LANGUAGE},
    [JOURNAL_PERSON_RELEASED] = {"person.released", FIELD_PERSON | FIELD_BY},
    [JOURNAL_OBJECTION_RAISED] = {"objection.raised", FIELD_PERSON | FIELD_NUMBER},
    [JOURNAL_OBJECTION_RULED] = {"objection.ruled", FIELD_NUMBER | FIELD_RULING | FIELD_BY},
    [JOURNAL_ROOM_LOCKED] = {"hearing.locked", FIELD_BY},
    [JOURNAL_ROOM_UNLOCKED] = {"hearing.unlocked", FIELD_BY},
    [JOURNAL_MARK] = {"mark", FIELD_BY | FIELD_MARK},
    [JOURNAL_ROOM_OPENED] = {"room.opened", FIELD_ROOM | FIELD_NUMBER | FIELD_BY},
    [JOURNAL_MICROPHONES_CLOSED] = {"microphones.closed", FIELD_BY},
    [JOURNAL_FLOOR_GIVEN] = {"floor.given", FIELD_PERSON | FIELD_BY},
    [JOURNAL_FLOOR_OPENED] = {"floor.opened", FIELD_BY},
    [JOURNAL_SPOTLIGHT_SET] = {"spotlight.set", FIELD_PERSON | FIELD_BY},
    [JOURNAL_SPOTLIGHT_ENDED] = {"spotlight.ended", FIELD_BY},
    [JOURNAL_SCREEN_SET] = {"screen.set", FIELD_PERSON | FIELD_FROM | FIELD_KINDS | FIELD_BY},
    [JOURNAL_SCREEN_LIFTED] = {"screen.lifted", FIELD_PERSON | FIELD_FROM | FIELD_BY},
    [JOURNAL_PRODUCER_STARTED] = {"producer.started", FIELD_PERSON | FIELD_STREAM},
    [JOURNAL_PRODUCER_STOPPED] = {"producer.stopped", FIELD_PERSON | FIELD_STREAM},
    [JOURNAL_RECORD_ON] = {"record.on", 0},
    [JOURNAL_RECORD_LOST] = {"record.lost", FIELD_REASON},
    [JOURNAL_RECORD_SEALED] = {"record.sealed", 0},
    [JOURNAL_FAULT] = {"fault", FIELD_PROCESS | FIELD_SINCE | FIELD_UNTIL},
    [JOURNAL_MEDIA_GAP] = {"media.gap", FIELD_PERSON | FIELD_STREAM | FIELD_SINCE | FIELD_UNTIL},
    [JOURNAL_CONNECTIONS_KEPT] = {"connections.kept", FIELD_EVIDENCE},
    [JOURNAL_TORN] = {"journal.torn", FIELD_BYTES},
};

static const char *const causes[JOURNAL_CAUSE_COUNT] = {
    [JOURNAL_CAUSE_LEFT] = "left",
    [JOURNAL_CAUSE_CLOSED_PAGE] = "closed-page",
    [JOURNAL_CAUSE_NETWORK] = "network",
    [JOURNAL_CAUSE_REMOVED] = "removed",
    [JOURNAL_CAUSE_TAKEN_OVER] = "taken-over",
    [JOURNAL_CAUSE_OUR_FAULT] = "our-fault",
};

static const char *const reasons[JOURNAL_REASON_COUNT] = {
    [JOURNAL_REASON_RECORDER_AWAY] = "recorder-away",
    [JOURNAL_REASON_DISK_FULL] = "disk-full",
    [JOURNAL_REASON_DISK_ERROR] = "disk-error",
    [JOURNAL_REASON_MEDIA_CORE_AWAY] = "media-core-away",
    [JOURNAL_REASON_STALE] = "stale",
};

static const char *const processes[JOURNAL_PROCESS_COUNT] = {
    [JOURNAL_PROCESS_SFU] = "sfu",
    [JOURNAL_PROCESS_RECORDER] = "recorder",
    [JOURNAL_PROCESS_SIGNALING] = "signaling",
};

/* By bits 1 << enum control_kind. */
static const char *const kinds[] = {
    [1 << CONTROL_AUDIO] = "sound",
    [1 << CONTROL_VIDEO] = "picture",
    [1 << CONTROL_AUDIO | 1 << CONTROL_VIDEO] = "both",
};
enum { KINDS_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* The word at `value`, or NULL: out of range, or 0 where words begin at 1. */
static const char *word(const char *const *words, size_t count, size_t value)
{
    return value < count ? words[value] : NULL;
}

const char *journal_event_name(enum journal_event event)
{
    return (size_t)event < JOURNAL_EVENT_COUNT ? events[event].name : "?";
}

const char *journal_reason_name(enum journal_reason reason)
{
    const char *name = word(reasons, JOURNAL_REASON_COUNT, (size_t)reason);
    return name ? name : "?";
}

/* Text being written; stays failed after what does not fit or may not stand in a line. */
struct text {
    char *start;
    size_t len;
    size_t capacity;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    if (t->failed)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->start + t->len, t->capacity - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->capacity - t->len) {
        t->failed = true;
        return;
    }
    t->len += (size_t)n;
}

/* A JSON string (RFC 8259 section 7): quote, backslash and C0 are escaped, the rest is UTF-8 as it
 * is. Text that is missing, empty or malformed fails. */
static void put_string(struct text *t, const char *key, const char *value)
{
    size_t len = value ? strlen(value) : 0;
    if (len == 0 || !terms_is_utf8(value, len)) {
        t->failed = true;
        return;
    }
    put(t, ",\"%s\":\"", key);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c == '"' || c == '\\')
            put(t, "\\%c", c);
        else if (c < 0x20)
            put(t, "\\u%04x", c);
        else
            put(t, "%c", c);
    }
    put(t, "\"");
}

static void put_id(struct text *t, const char *key, uint64_t id)
{
    char text[TERMS_ID_TEXT];
    t->failed |= id == 0;
    put(t, ",\"%s\":\"%s\"", key, terms_id_text(id, text));
}

static void put_time(struct text *t, const char *key, uint64_t wall_us)
{
    char text[TERMS_TIME_TEXT];
    t->failed |= wall_us == 0;
    put(t, ",\"%s\":\"%s\"", key, terms_time_text(wall_us, text));
}

static void put_word(struct text *t, const char *key, const char *value)
{
    t->failed |= !value || value[0] == '?';
    put(t, ",\"%s\":\"%s\"", key, value ? value : "");
}

/* Which file beside the journal, and how much of it. */
static void put_evidence(struct text *t, const struct journal_entry *e, uint64_t hearing)
{
    char file[EVIDENCE_NAME], hex[DIGEST_TEXT];
    t->failed |= !e->sha256;
    if (e->sha256)
        put(t, ",\"file\":\"%s\",\"bytes\":%" PRIu64 ",\"sha256\":\"%s\"",
            evidence_name(hearing, file), e->bytes, digest_text(e->sha256, hex));
}

static void put_fields_of_people(struct text *t, unsigned fields, const struct journal_entry *e)
{
    if (fields & FIELD_INVITATION)
        put_id(t, "invitation", e->invitation);
    if (fields & FIELD_PERSON)
        put_id(t, "person", e->person);
    if (fields & FIELD_NAME) {
        put_string(t, "name", e->name);
        put_word(t, "role", terms_role_name(e->role));
    }
    if (fields & FIELD_ROOM)
        put_word(t, "room", terms_room_name(e->room));
    if (fields & FIELD_NUMBER)
        put(t, ",\"number\":%" PRIu32, e->number);
    if (fields & FIELD_FROM)
        put_id(t, "from", e->from);
    if (fields & FIELD_KINDS)
        put_word(t, "what", word(kinds, KINDS_COUNT, e->kinds));
    if (fields & FIELD_FORM)
        put_word(t, "form", terms_oath_name(e->form));
    if (fields & FIELD_LANGUAGE)
        put_word(t, "language", terms_language_name(e->language));
    if (fields & FIELD_RULING)
        put_word(t, "ruling", terms_ruling_name(e->ruling));
    if (fields & FIELD_STREAM) {
        put_id(t, "stream", e->stream);
        put_word(t, "source", terms_source_name(e->source));
    }
}

static void put_fields(struct text *t, const struct journal_entry *e,
                       const struct journal_place *place)
{
    unsigned fields = events[e->event].fields;
    if (fields & FIELD_HEARING)
        put_id(t, "hearing", place->hearing);
    if (fields & FIELD_CASE) {
        put_string(t, "case", e->case_number);
        put_string(t, "title", e->title);
        put_string(t, "court", e->court);
        put_time(t, "scheduledAt", e->scheduled_us);
    }
    put_fields_of_people(t, fields, e);
    if (fields & FIELD_CAUSE)
        put_word(t, "cause", word(causes, JOURNAL_CAUSE_COUNT, (size_t)e->cause));
    if (fields & FIELD_REASON)
        put_word(t, "reason", word(reasons, JOURNAL_REASON_COUNT, (size_t)e->reason));
    if (fields & FIELD_PROCESS)
        put_word(t, "process", word(processes, JOURNAL_PROCESS_COUNT, (size_t)e->process));
    if (fields & FIELD_SINCE)
        put_time(t, "since", e->since_us);
    if (fields & FIELD_UNTIL)
        put_time(t, "until", e->until_us);
    if (fields & FIELD_BYTES)
        put(t, ",\"bytes\":%" PRIu64, e->bytes);
    if (fields & FIELD_EVIDENCE)
        put_evidence(t, e, place->hearing);
    if (fields & FIELD_BY) {
        if (e->by != 0)
            put_id(t, "by", e->by);
        else
            put(t, ",\"by\":null");
    }
    if (fields & FIELD_MARK)
        put_string(t, "words", e->words);
    if (fields & FIELD_WORDS && e->words)
        put_string(t, "reason", e->words);
    else if (fields & FIELD_WORDS)
        put(t, ",\"reason\":null");
}

int journal_line_write(const struct journal_entry *entry, const struct journal_place *place,
                       char *buffer, size_t capacity, size_t *ret_len,
                       uint8_t ret_hash[static DIGEST_LEN])
{
    if ((size_t)entry->event >= JOURNAL_EVENT_COUNT || place->at_us == 0)
        return -EINVAL;
    struct text t = {.start = buffer, .capacity = capacity};
    char at[TERMS_TIME_TEXT], hex[DIGEST_TEXT];
    put(&t, "{\"seq\":%" PRIu64 ",\"at\":\"%s\",\"event\":\"%s\"", place->seq,
        terms_time_text(place->at_us, at), events[entry->event].name);
    put_fields(&t, entry, place);
    put(&t, ",\"prev\":\"%s\"", digest_text(place->prev, hex));
    if (t.failed)
        return -EINVAL;

    uint8_t hash[DIGEST_LEN];
    int r = digest_sha256(t.start, t.len, "}", 1, hash);
    if (r < 0)
        return r;
    put(&t, ",\"hash\":\"%s\"}", digest_text(hash, hex));
    if (t.failed)
        return -EINVAL;
    memcpy(ret_hash, hash, DIGEST_LEN);
    *ret_len = t.len;
    return 0;
}

/* A line being read from its front. */
struct cursor {
    const char *pos;
    const char *end;
};

static bool take(struct cursor *c, const char *expected)
{
    size_t len = strlen(expected);
    if ((size_t)(c->end - c->pos) < len || memcmp(c->pos, expected, len) != 0)
        return false;
    c->pos += len;
    return true;
}

/* A decimal number without leading zeros, from 1. */
static bool take_number(struct cursor *c, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *start = c->pos;
    for (; c->pos < c->end && *c->pos >= '0' && *c->pos <= '9'; c->pos++) {
        if (c->pos - start >= 18)
            return false;
        number = number * 10 + (uint64_t)(*c->pos - '0');
    }
    *ret_number = number;
    return c->pos > start && *start != '0';
}

static bool take_time(struct cursor *c, uint64_t *ret_us)
{
    char text[TERMS_TIME_TEXT] = {0}, again[TERMS_TIME_TEXT];
    if ((size_t)(c->end - c->pos) < TERMS_TIME_TEXT - 1)
        return false;
    memcpy(text, c->pos, TERMS_TIME_TEXT - 1);
    c->pos += TERMS_TIME_TEXT - 1;
    /* Exactly our form, so that a time has one text. */
    return terms_time_parse(text, ret_us) == 0 &&
           strcmp(terms_time_text(*ret_us, again), text) == 0;
}

static bool take_event(struct cursor *c, enum journal_event *ret_event)
{
    const char *quote = memchr(c->pos, '"', (size_t)(c->end - c->pos));
    if (!quote)
        return false;
    size_t len = (size_t)(quote - c->pos);
    for (unsigned i = 0; i < JOURNAL_EVENT_COUNT; i++)
        if (strlen(events[i].name) == len && memcmp(events[i].name, c->pos, len) == 0) {
            *ret_event = (enum journal_event)i;
            c->pos = quote;
            return true;
        }
    return false;
}

static bool take_digest(struct cursor *c, uint8_t digest[static DIGEST_LEN])
{
    if (c->end - c->pos < DIGEST_TEXT - 1)
        return false;
    for (size_t i = 0; i < DIGEST_TEXT - 1; i++) {
        char d = c->pos[i];
        int value = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
        if (value < 0)
            return false;
        if (i % 2 == 0)
            digest[i / 2] = (uint8_t)(value << 4);
        else
            digest[i / 2] |= (uint8_t)value;
    }
    c->pos += DIGEST_TEXT - 1;
    return true;
}

static bool take_id(struct cursor *c, uint64_t *ret_id)
{
    bool is_id = c->end - c->pos >= TERMS_ID_TEXT - 1 &&
                 terms_id_parse(c->pos, TERMS_ID_TEXT - 1, ret_id) == 0;
    c->pos += is_id ? TERMS_ID_TEXT - 1 : 0;
    return is_id;
}

/* One of `count` words and the quote behind it. Gaps in the list are no words. */
static bool take_word(struct cursor *c, const char *const *words, size_t count, size_t *ret_index)
{
    for (size_t i = 0; i < count; i++) {
        struct cursor after = *c;
        if (words[i] && take(&after, words[i]) && take(&after, "\"")) {
            *c = after;
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool take_room(struct cursor *c, enum terms_room *ret_room)
{
    const char *names[TERMS_ROOM_COUNT];
    size_t index = 0;
    for (unsigned i = 0; i < TERMS_ROOM_COUNT; i++)
        names[i] = terms_room_name((enum terms_room)i);
    bool is_room = take_word(c, names, TERMS_ROOM_COUNT, &index);
    *ret_room = (enum terms_room)index;
    return is_room;
}

/* A number from 0. */
static bool take_count(struct cursor *c, uint32_t *ret_number)
{
    uint64_t number = 0;
    bool is_number = take(c, "0") || take_number(c, &number);
    *ret_number = (uint32_t)number;
    return is_number && number <= UINT32_MAX;
}

static bool take_by(struct cursor *c, uint64_t *ret_by)
{
    *ret_by = 0;
    return take(c, "null") || (take(c, "\"") && take_id(c, ret_by) && take(c, "\""));
}

/* The person of a line, whose members stand from `c` on, behind the event's name. */
static bool take_person(struct cursor *c, unsigned fields, uint64_t *ret_person)
{
    uint64_t invitation = 0;
    if (fields & FIELD_INVITATION &&
        !(take(c, ",\"invitation\":\"") && take_id(c, &invitation) && take(c, "\"")))
        return false;
    return take(c, ",\"person\":\"") && take_id(c, ret_person) && take(c, "\"");
}

static bool take_form(struct cursor *c, enum terms_oath *ret_form)
{
    const char *names[TERMS_OATH_COUNT] = {NULL};
    size_t index = 0;
    for (unsigned i = 1; i < TERMS_OATH_COUNT; i++)
        names[i] = terms_oath_name((enum terms_oath)i);
    bool is_form = take_word(c, names, TERMS_OATH_COUNT, &index);
    *ret_form = (enum terms_oath)index;
    return is_form;
}

static bool take_ruling(struct cursor *c, enum terms_ruling *ret_ruling)
{
    const char *names[TERMS_RULING_COUNT] = {NULL};
    size_t index = 0;
    for (unsigned i = 1; i < TERMS_RULING_COUNT; i++)
        names[i] = terms_ruling_name((enum terms_ruling)i);
    bool is_ruling = take_word(c, names, TERMS_RULING_COUNT, &index);
    *ret_ruling = (enum terms_ruling)index;
    return is_ruling;
}

/* A text up to its quote, with its escapes, and the quote. */
static bool take_text(struct cursor *c, const char **ret_text, size_t *ret_len)
{
    const char *start = c->pos;
    while (c->pos < c->end && *c->pos != '"')
        c->pos += *c->pos == '\\' ? 2 : 1;
    if (c->pos >= c->end)
        return false;
    *ret_text = start;
    *ret_len = (size_t)(c->pos++ - start);
    return true;
}

static bool take_role(struct cursor *c, enum control_role *ret_role)
{
    const char *names[CONTROL_ROLE_COUNT];
    size_t index = 0;
    for (unsigned i = 0; i < CONTROL_ROLE_COUNT; i++)
        names[i] = terms_role_name((enum control_role)i);
    bool is_role = take_word(c, names, CONTROL_ROLE_COUNT, &index);
    *ret_role = (enum control_role)index;
    return is_role;
}

static bool take_source(struct cursor *c, enum control_source *ret_source)
{
    const char *names[CONTROL_SOURCE_SCREEN_AUDIO + 1];
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    size_t index = 0;
    for (unsigned i = 0; i < COUNT; i++)
        names[i] = terms_source_name((enum control_source)i);
    bool is_source = take_word(c, names, COUNT, &index);
    *ret_source = (enum control_source)index;
    return is_source;
}

/* Who somebody is, and what it publishes. */
static bool take_identity(struct cursor *c, unsigned fields, struct journal_line *l)
{
    bool is_whole = true;
    if (fields & FIELD_NAME)
        is_whole = take(c, ",\"name\":\"") && take_text(c, &l->name, &l->name_len) &&
                   take(c, ",\"role\":\"") && take_role(c, &l->role);
    if (fields & FIELD_STREAM)
        is_whole = is_whole && take(c, ",\"stream\":\"") && take_id(c, &l->stream) &&
                   take(c, "\",\"source\":\"") && take_source(c, &l->source);
    return is_whole;
}

/* What else of a line is acted on after a restart, as far as there is nothing else between. */
static bool take_measures(struct cursor *c, unsigned fields, struct journal_line *l)
{
    size_t what = 0;
    bool is_whole = take_identity(c, fields, l);
    if (fields & FIELD_ROOM)
        is_whole = is_whole && take(c, ",\"room\":\"") && take_room(c, &l->room);
    if (fields & FIELD_NUMBER)
        is_whole = is_whole && take(c, ",\"number\":") && take_count(c, &l->number);
    if (fields & FIELD_FROM)
        is_whole = is_whole && take(c, ",\"from\":\"") && take_id(c, &l->from) && take(c, "\"");
    if (fields & FIELD_KINDS)
        is_whole = is_whole && take(c, ",\"what\":\"") && take_word(c, kinds, KINDS_COUNT, &what);
    if (fields & FIELD_FORM)
        is_whole = is_whole && take(c, ",\"form\":\"") && take_form(c, &l->form);
    if (fields & FIELD_RULING)
        is_whole = is_whole && take(c, ",\"ruling\":\"") && take_ruling(c, &l->ruling);
    if (fields & FIELD_BY)
        is_whole = is_whole && take(c, ",\"by\":") && take_by(c, &l->by);
    l->kinds = (uint8_t)what;
    return is_whole;
}

/* Of a line with a member that is none of these, those are not read. */
#define MEASURES                                                                                   \
    (FIELD_PERSON | FIELD_NAME | FIELD_ROOM | FIELD_STREAM | FIELD_NUMBER | FIELD_FROM |           \
     FIELD_KINDS | FIELD_FORM | FIELD_LANGUAGE | FIELD_RULING | FIELD_BY)

/* The members of a line, which stand from `c` on, behind the event's name. False where they are not
 * as the event has them. The language, the last of its line, says nothing that is acted on. */
static bool take_members(struct cursor c, struct journal_line *l)
{
    unsigned fields = events[l->event].fields;
    if (!take(&c, "\""))
        return false;
    if (fields & FIELD_PERSON && !take_person(&c, fields, &l->person))
        return false;
    return fields & ~(unsigned)MEASURES || take_measures(&c, fields, l);
}

#define PREV_START ",\"prev\":\""
#define HASH_START ",\"hash\":\""

/* Length of ,"hash":"..."} and of ,"prev":"...": what every line ends with. */
enum {
    HASH_LEN = sizeof(HASH_START) - 1 + DIGEST_TEXT - 1 + 2,
    PREV_LEN = sizeof(PREV_START) - 1 + DIGEST_TEXT - 1 + 1,
};

int journal_line_read(const char *line, size_t len, struct journal_line *ret_line)
{
    struct cursor c = {line, line + len};
    struct journal_line l = {0};
    if (len > LIMIT_NOTE_BYTES || len < HASH_LEN + PREV_LEN || memchr(line, '\n', len) ||
        !terms_is_utf8(line, len))
        return -EBADMSG;
    if (!take(&c, "{\"seq\":") || !take_number(&c, &l.seq) || !take(&c, ",\"at\":\"") ||
        !take_time(&c, &l.at_us) || !take(&c, "\",\"event\":\"") || !take_event(&c, &l.event))
        return -EBADMSG;
    const char *tail = line + len - HASH_LEN - PREV_LEN;
    if (tail <= c.pos)
        return -EBADMSG;
    if (!take_members((struct cursor){c.pos, tail}, &l))
        return -EBADMSG;
    c.pos = tail;
    if (!take(&c, PREV_START) || !take_digest(&c, l.prev) || !take(&c, "\"") ||
        !take(&c, HASH_START) || !take_digest(&c, l.hash) || !take(&c, "\"}"))
        return -EBADMSG;

    uint8_t hash[DIGEST_LEN];
    int r = digest_sha256(line, len - HASH_LEN, "}", 1, hash);
    if (r < 0)
        return r;
    if (!digest_is_equal(hash, l.hash))
        return -EILSEQ;
    *ret_line = l;
    return 0;
}
