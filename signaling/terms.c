/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/terms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static const char *const state_names[TERMS_STATE_COUNT] = {
    [TERMS_STATE_SCHEDULED] = "scheduled", [TERMS_STATE_WAITING] = "waiting",
    [TERMS_STATE_OPEN] = "open",           [TERMS_STATE_RECESS] = "recess",
    [TERMS_STATE_CLOSED] = "closed",       [TERMS_STATE_IN_CAMERA] = "in-camera",
    [TERMS_STATE_SUSPENDED] = "suspended",
};

static const char *const room_names[TERMS_ROOM_COUNT] = {
    [TERMS_ROOM_OUTSIDE] = "outside",           [TERMS_ROOM_WAITING] = "waiting",
    [TERMS_ROOM_COURTROOM] = "courtroom",       [TERMS_ROOM_CONSULTATION] = "consultation",
    [TERMS_ROOM_DELIBERATION] = "deliberation", [TERMS_ROOM_CAUCUS] = "caucus",
};

static const char *const role_names[CONTROL_ROLE_COUNT] = {
    [CONTROL_ROLE_JUDGE] = "judge",           [CONTROL_ROLE_CLERK] = "clerk",
    [CONTROL_ROLE_PARTY] = "party",           [CONTROL_ROLE_LAWYER] = "lawyer",
    [CONTROL_ROLE_WITNESS] = "witness",       [CONTROL_ROLE_INTERPRETER] = "interpreter",
    [CONTROL_ROLE_EXPERT] = "expert",         [CONTROL_ROLE_OBSERVER] = "observer",
    [CONTROL_ROLE_TECHNICIAN] = "technician",
};

enum { SOURCES = CONTROL_SOURCE_SCREEN_AUDIO + 1 };

static const char *const source_names[SOURCES] = {
    [CONTROL_SOURCE_MICROPHONE] = "microphone",
    [CONTROL_SOURCE_CAMERA] = "camera",
    [CONTROL_SOURCE_SCREEN] = "screen",
    [CONTROL_SOURCE_SCREEN_AUDIO] = "screen-audio",
};

static const char *const path_names[TERMS_PATH_COUNT] = {
    [TERMS_PATH_UNKNOWN] = "unknown",     [TERMS_PATH_UDP] = "udp",
    [TERMS_PATH_UDP6] = "udp6",           [TERMS_PATH_TCP] = "tcp",
    [TERMS_PATH_TCP6] = "tcp6",           [TERMS_PATH_RELAY_UDP] = "relay-udp",
    [TERMS_PATH_RELAY_TCP] = "relay-tcp", [TERMS_PATH_RELAY_TLS] = "relay-tls",
};

static const char *const oath_names[TERMS_OATH_COUNT] = {
    [TERMS_OATH_NONE] = "?",
    [TERMS_OATH_OATH] = "oath",
    [TERMS_OATH_AFFIRMATION] = "affirmation",
};

static const char *const ruling_names[TERMS_RULING_COUNT] = {
    [TERMS_RULING_NONE] = "?",
    [TERMS_RULING_SUSTAINED] = "sustained",
    [TERMS_RULING_OVERRULED] = "overruled",
    [TERMS_RULING_WITHDRAWN] = "withdrawn",
};

static const char *const language_names[TERMS_LANGUAGE_COUNT] = {
    [TERMS_LANGUAGE_NONE] = "?",
    [TERMS_LANGUAGE_EN] = "en",
    [TERMS_LANGUAGE_ZH_HANS] = "zh-Hans",
};

static const char *name_of(const char *const *names, size_t count, size_t value)
{
    return value < count ? names[value] : "?";
}

const char *terms_state_name(enum terms_state state)
{
    return name_of(state_names, TERMS_STATE_COUNT, (size_t)state);
}

const char *terms_oath_name(enum terms_oath oath)
{
    return name_of(oath_names, TERMS_OATH_COUNT, (size_t)oath);
}

const char *terms_ruling_name(enum terms_ruling ruling)
{
    return name_of(ruling_names, TERMS_RULING_COUNT, (size_t)ruling);
}

const char *terms_language_name(enum terms_language language)
{
    return name_of(language_names, TERMS_LANGUAGE_COUNT, (size_t)language);
}

const char *terms_room_name(enum terms_room room)
{
    return name_of(room_names, TERMS_ROOM_COUNT, (size_t)room);
}

const char *terms_path_name(enum terms_path path)
{
    return name_of(path_names, TERMS_PATH_COUNT, (size_t)path);
}

const char *terms_role_name(enum control_role role)
{
    return name_of(role_names, CONTROL_ROLE_COUNT, (size_t)role);
}

const char *terms_source_name(enum control_source source)
{
    return name_of(source_names, SOURCES, (size_t)source);
}

bool terms_is_aside(enum terms_room room)
{
    return room == TERMS_ROOM_CONSULTATION || room == TERMS_ROOM_DELIBERATION ||
           room == TERMS_ROOM_CAUCUS;
}

int terms_role_parse(const char *name, enum control_role *ret_role)
{
    for (unsigned i = 0; i < CONTROL_ROLE_COUNT; i++)
        if (strcmp(role_names[i], name) == 0) {
            *ret_role = (enum control_role)i;
            return 0;
        }
    return -EINVAL;
}

int terms_id_random(uint64_t *ret_id)
{
    uint64_t id = 0;
    while (id == 0) {
        ssize_t n = getrandom(&id, sizeof(id), 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n != (ssize_t)sizeof(id))
            id = 0; /* interrupted: ask again */
    }
    *ret_id = id;
    return 0;
}

const char *terms_id_text(uint64_t id, char text[static TERMS_ID_TEXT])
{
    snprintf(text, TERMS_ID_TEXT, "%016" PRIx64, id);
    return text;
}

int terms_id_parse(const char *text, size_t len, uint64_t *ret_id)
{
    if (len != TERMS_ID_TEXT - 1)
        return -EINVAL;
    uint64_t id = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            id = id << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            id = id << 4 | (uint64_t)(c - 'a' + 10);
        else
            return -EINVAL;
    }
    if (id == 0)
        return -EINVAL;
    *ret_id = id;
    return 0;
}

const char *terms_time_text(uint64_t wall_us, char text[static TERMS_TIME_TEXT])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm t;
    char buffer[64];
    /* Year 9999 is the last of RFC 3339; nothing of ours comes near it. */
    if (wall_us / 1000000 > 253402300799ull || !gmtime_r(&seconds, &t))
        t = (struct tm){.tm_year = 70, .tm_mday = 1};
    snprintf(buffer, sizeof(buffer), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", t.tm_year + 1900,
             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
             (unsigned)(wall_us / 1000 % 1000));
    memcpy(text, buffer, TERMS_TIME_TEXT - 1);
    text[TERMS_TIME_TEXT - 1] = '\0';
    return text;
}

/* Reads exactly `digits` digits at `*text` and steps over them; -1 when there are others. */
static int read_digits(const char **text, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

static bool step_over(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* ".123" as us; more digits than six are dropped. 0 when there is none. */
static uint64_t read_fraction(const char **text)
{
    if (!step_over(text, '.'))
        return 0;
    uint64_t us = 0, unit = 100000;
    for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
        us += (uint64_t)(**text - '0') * unit;
    return us;
}

/* "Z" or "+08:00" as seconds east; false for anything else. Nothing may follow. */
static bool read_offset(const char *text, int *ret_seconds)
{
    if (*text == 'Z' || *text == 'z') {
        *ret_seconds = 0;
        return text[1] == '\0';
    }
    int sign = *text == '-' ? -1 : 1;
    if (*text != '+' && *text != '-')
        return false;
    text++;
    int hours = read_digits(&text, 2);
    if (hours < 0 || hours > 23 || !step_over(&text, ':'))
        return false;
    int minutes = read_digits(&text, 2);
    if (minutes < 0 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return *text == '\0';
}

static bool read_date(const char **text, struct tm *t)
{
    t->tm_year = read_digits(text, 4) - 1900;
    if (t->tm_year < 70 || !step_over(text, '-'))
        return false;
    t->tm_mon = read_digits(text, 2) - 1;
    if (t->tm_mon < 0 || t->tm_mon > 11 || !step_over(text, '-'))
        return false;
    t->tm_mday = read_digits(text, 2);
    return t->tm_mday >= 1 && t->tm_mday <= 31;
}

static bool read_clock(const char **text, struct tm *t)
{
    t->tm_hour = read_digits(text, 2);
    if (t->tm_hour < 0 || t->tm_hour > 23 || !step_over(text, ':'))
        return false;
    t->tm_min = read_digits(text, 2);
    if (t->tm_min < 0 || t->tm_min > 59)
        return false;
    if (!step_over(text, ':'))
        return true;
    t->tm_sec = read_digits(text, 2);
    return t->tm_sec >= 0 && t->tm_sec <= 59;
}

int terms_time_parse(const char *text, uint64_t *ret_wall_us)
{
    struct tm t = {0};
    if (!read_date(&text, &t) ||
        (!step_over(&text, 'T') && !step_over(&text, 't') && !step_over(&text, ' ')) ||
        !read_clock(&text, &t))
        return -EINVAL;
    uint64_t fraction_us = read_fraction(&text);
    int offset = 0;
    if (!read_offset(text, &offset))
        return -EINVAL;

    int day = t.tm_mday;
    time_t seconds = timegm(&t);
    if (t.tm_mday != day) /* 31 February became a day of March */
        return -EINVAL;
    seconds -= offset;
    if (seconds < 0)
        return -EINVAL;
    *ret_wall_us = (uint64_t)seconds * 1000000 + fraction_us;
    return 0;
}

/* Reads one character (RFC 3629 section 4) and steps over it; false when malformed. */
static bool next_character(const unsigned char **pos, const unsigned char *end, uint32_t *ret_char)
{
    static const struct {
        unsigned char low, high; /* of the first byte */
        int more;
        uint32_t least; /* smaller values would be overlong */
    } forms[] = {{0x00, 0x7f, 0, 0},
                 {0xc2, 0xdf, 1, 0x80},
                 {0xe0, 0xef, 2, 0x800},
                 {0xf0, 0xf4, 3, 0x10000}};

    unsigned char first = **pos;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (first < forms[i].low || first > forms[i].high)
            continue;
        if (end - *pos <= forms[i].more)
            return false;
        uint32_t c = forms[i].more ? first & (0x3fu >> forms[i].more) : first;
        for (int k = 1; k <= forms[i].more; k++) {
            if (((*pos)[k] & 0xc0) != 0x80)
                return false;
            c = c << 6 | ((*pos)[k] & 0x3fu);
        }
        if (c < forms[i].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        *pos += forms[i].more + 1;
        *ret_char = c;
        return true;
    }
    return false;
}

bool terms_is_utf8(const char *text, size_t len)
{
    const unsigned char *pos = (const unsigned char *)text, *end = pos + len;
    uint32_t c;
    while (pos < end)
        if (!next_character(&pos, end, &c))
            return false;
    return true;
}

static bool is_forbidden_in_labels(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool terms_is_label(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len > max)
        return false;
    const unsigned char *pos = (const unsigned char *)text, *end = pos + len;
    bool visible = false;
    while (pos < end) {
        uint32_t c;
        if (!next_character(&pos, end, &c) || is_forbidden_in_labels(c))
            return false;
        visible |= c != ' ' && c != 0xa0 && c != 0x3000;
    }
    return visible;
}
