/* Who was in the hearing, and what happened to it, by the journal's notes on the tape.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_ROSTER_H
#define RECORDER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

#define ROSTER_ROLE_MAX 32
/* People of one hearing that are named. Ours: all that may be in it, and seven times as many
 * that came and went. */
#define ROSTER_PEOPLE_MAX  ((size_t)8 * LIMIT_PEOPLE_PER_HEARING)
#define ROSTER_MOMENTS_MAX 4096

struct roster_person {
    uint64_t id;
    char name[LIMIT_NAME_BYTES + 1]; /* UTF-8; empty when never told */
    char role[ROSTER_ROLE_MAX];      /* as the journal says it: "judge" */
};

enum roster_event {
    ROSTER_OPENED,
    ROSTER_RECESS,
    ROSTER_RESUMED,
    ROSTER_CLOSED,
    ROSTER_JOINED,
    ROSTER_ADMITTED,
    ROSTER_LEFT,
};

struct roster_moment {
    enum roster_event event;
    int64_t at_us;
    uint64_t person; /* 0: of the hearing */
};

/* Zeroed is a valid start. */
struct roster {
    struct roster_person *people;
    size_t person_count;
    struct roster_moment *moments; /* as told */
    size_t moment_count;
};

void roster_finish(struct roster *r);

/* Takes one note; what it does not know it leaves. */
void roster_note(struct roster *r, int64_t at_us, const char *text, size_t len);

/* NULL when never told of. */
const struct roster_person *roster_find(const struct roster *r, uint64_t id);

/* The first (or last) time of an event of the hearing. */
bool roster_first(const struct roster *r, enum roster_event event, int64_t *ret_at_us);
bool roster_last(const struct roster *r, enum roster_event event, int64_t *ret_at_us);

/* Where in a row of people the role stands: 0 the judge, then as a courtroom seats them. */
int roster_rank(const char *role);

#endif
