/* The protocol's words as values and back: states, rooms, roles, ids, times.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_TERMS_H
#define SIGNALING_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

/* A hearing's life (PROTOCOL.md, Values). Stored by number: never renumber. */
enum terms_state {
    TERMS_STATE_SCHEDULED = 0,
    TERMS_STATE_WAITING = 1,
    TERMS_STATE_OPEN = 2,
    TERMS_STATE_RECESS = 3,
    TERMS_STATE_CLOSED = 4,
    /* Never stored: OPEN behind closed doors, and RECESS for want of somebody or something; see
     * hearing_state(). */
    TERMS_STATE_IN_CAMERA = 5,
    TERMS_STATE_SUSPENDED = 6,
    TERMS_STATE_COUNT = 7,
};

/* Where a person is. Stored by number: never renumber. */
enum terms_room {
    TERMS_ROOM_OUTSIDE = 0, /* invited, not joined */
    TERMS_ROOM_WAITING = 1,
    TERMS_ROOM_COURTROOM = 2,
    /* Rooms beside it, of which there may be many of a kind, told apart by number. */
    TERMS_ROOM_CONSULTATION = 3,
    TERMS_ROOM_DELIBERATION = 4,
    TERMS_ROOM_CAUCUS = 5,
    TERMS_ROOM_COUNT = 6,
};

/* Over what a page's sound and pictures go, the better first; not stored. */
enum terms_path {
    TERMS_PATH_UNKNOWN,
    TERMS_PATH_UDP, /* IPv4; to the media core itself, as the three below */
    TERMS_PATH_UDP6,
    TERMS_PATH_TCP,
    TERMS_PATH_TCP6,
    TERMS_PATH_RELAY_UDP, /* how the page reaches the TURN server */
    TERMS_PATH_RELAY_TCP,
    TERMS_PATH_RELAY_TLS,
    TERMS_PATH_COUNT,
};

/* How somebody binds itself to the truth, or an interpreter to be faithful. */
enum terms_oath {
    TERMS_OATH_NONE,
    TERMS_OATH_OATH,
    TERMS_OATH_AFFIRMATION,
    TERMS_OATH_COUNT,
};

/* What became of an objection. */
enum terms_ruling {
    TERMS_RULING_NONE, /* it waits */
    TERMS_RULING_SUSTAINED,
    TERMS_RULING_OVERRULED,
    TERMS_RULING_WITHDRAWN,
    TERMS_RULING_COUNT,
};

/* Languages of the pages. */
enum terms_language {
    TERMS_LANGUAGE_NONE,
    TERMS_LANGUAGE_EN,
    TERMS_LANGUAGE_ZH_HANS,
    TERMS_LANGUAGE_COUNT,
};

/* The words of PROTOCOL.md; "?" for a value out of range. */
const char *terms_state_name(enum terms_state state);
const char *terms_room_name(enum terms_room room);
const char *terms_path_name(enum terms_path path);
const char *terms_role_name(enum control_role role);
const char *terms_oath_name(enum terms_oath oath);
const char *terms_ruling_name(enum terms_ruling ruling);
const char *terms_language_name(enum terms_language language);
const char *terms_source_name(enum control_source source); /* "microphone" ... */

/* A room beside the courtroom: private to those in it, and never on the record. */
bool terms_is_aside(enum terms_room room);

/* 0 with the value of exactly `name`, or -EINVAL. */
int terms_role_parse(const char *name, enum control_role *ret_role);

/* Ids are random 64-bit numbers, never 0; text is 16 lower-case hex digits and a NUL. */
#define TERMS_ID_TEXT 17

/* A new id from getrandom(2). Returns 0 or a negative errno. */
int terms_id_random(uint64_t *ret_id);

/* Writes the id's text into `text` and returns `text`. */
const char *terms_id_text(uint64_t id, char text[static TERMS_ID_TEXT]);

/* Reads exactly `len` = 16 lower-case hex digits. -EINVAL for anything else, and for 0. */
int terms_id_parse(const char *text, size_t len, uint64_t *ret_id);

/* RFC 3339, UTC, milliseconds: "2026-11-22T09:30:00.000Z" and a NUL. */
#define TERMS_TIME_TEXT 25

/* Writes wall time (us since 1970, before year 10000) and returns `text`. */
const char *terms_time_text(uint64_t wall_us, char text[static TERMS_TIME_TEXT]);

/* Reads RFC 3339 with Z or an offset, with or without seconds and fraction; "T" or a space between
 * date and time. -EINVAL for anything else or before 1970. */
int terms_time_parse(const char *text, uint64_t *ret_wall_us);

/* Whether `len` bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool terms_is_utf8(const char *text, size_t len);

/* Whether `text` may stand as a name, title, case number or court: 1 to `max` bytes of UTF-8, no
 * control characters (C0, DEL, C1) and none of the invisible marks that turn text around
 * (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), not only spaces. */
bool terms_is_label(const char *text, size_t max);

#endif
