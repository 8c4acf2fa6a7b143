/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/roster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

void roster_finish(struct roster *r)
{
    free(r->people);
    free(r->moments);
    *r = (struct roster){0};
}

const struct roster_person *roster_find(const struct roster *r, uint64_t id)
{
    for (size_t i = 0; i < r->person_count; i++) {
        if (r->people[i].id == id)
            return &r->people[i];
    }
    return NULL;
}

/* Copies whole characters only. */
static void copy_text(char *to, size_t capacity, const char *from)
{
    size_t len = strlen(from);
    if (len >= capacity) {
        len = capacity - 1;
        while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

static void learn_person(struct roster *r, uint64_t id, const char *name, const char *role)
{
    struct roster_person *person = (struct roster_person *)(uintptr_t)roster_find(r, id);
    if (!person) {
        if (r->person_count == ROSTER_PEOPLE_MAX)
            return;
        if (!r->people)
            r->people = calloc(ROSTER_PEOPLE_MAX, sizeof(*r->people));
        if (!r->people)
            return;
        person = &r->people[r->person_count++];
        person->id = id;
    }
    if (name)
        copy_text(person->name, sizeof(person->name), name);
    if (role)
        copy_text(person->role, sizeof(person->role), role);
}

static void add_moment(struct roster *r, enum roster_event event, int64_t at_us, uint64_t person)
{
    if (r->moment_count == ROSTER_MOMENTS_MAX)
        return;
    if (!r->moments)
        r->moments = calloc(ROSTER_MOMENTS_MAX, sizeof(*r->moments));
    if (r->moments)
        r->moments[r->moment_count++] = (struct roster_moment){event, at_us, person};
}

static bool find_event(const char *name, enum roster_event *ret_event)
{
    static const struct {
        const char *name;
        enum roster_event event;
    } known[] = {
        {"hearing.opened", ROSTER_OPENED},   {"hearing.recess", ROSTER_RECESS},
        {"hearing.resumed", ROSTER_RESUMED}, {"hearing.closed", ROSTER_CLOSED},
        {"person.joined", ROSTER_JOINED},    {"person.admitted", ROSTER_ADMITTED},
        {"person.left", ROSTER_LEFT},        {"person.removed", ROSTER_LEFT},
        {"person.dismissed", ROSTER_LEFT},   {"person.returned", ROSTER_JOINED},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            *ret_event = known[i].event;
            return true;
        }
    }
    return false;
}

static const char *text_of(const json_t *note, const char *key)
{
    return json_string_value(json_object_get(note, key));
}

void roster_note(struct roster *r, int64_t at_us, const char *text, size_t len)
{
    json_t *note = json_loadb(text, len, 0, NULL);
    if (!note)
        return;
    const char *id_text = text_of(note, "person");
    const char *event_text = text_of(note, "event");
    uint64_t id = 0;
    int end = 0;
    if (id_text && (sscanf(id_text, "%16" SCNx64 "%n", &id, &end) != 1 || id_text[end] != '\0'))
        id = 0;
    if (id != 0)
        learn_person(r, id, text_of(note, "name"), text_of(note, "role"));
    enum roster_event event;
    if (event_text && find_event(event_text, &event))
        add_moment(r, event, at_us, event < ROSTER_JOINED ? 0 : id);
    json_decref(note);
}

bool roster_first(const struct roster *r, enum roster_event event, int64_t *ret_at_us)
{
    for (size_t i = 0; i < r->moment_count; i++) {
        if (r->moments[i].event == event) {
            *ret_at_us = r->moments[i].at_us;
            return true;
        }
    }
    return false;
}

bool roster_last(const struct roster *r, enum roster_event event, int64_t *ret_at_us)
{
    for (size_t i = r->moment_count; i-- > 0;) {
        if (r->moments[i].event == event) {
            *ret_at_us = r->moments[i].at_us;
            return true;
        }
    }
    return false;
}

int roster_rank(const char *role)
{
    static const char *const order[] = {"judge",       "clerk",  "party",    "lawyer",    "witness",
                                        "interpreter", "expert", "observer", "technician"};
    int count = (int)(sizeof(order) / sizeof(order[0]));
    for (int i = 0; i < count; i++) {
        if (strcmp(order[i], role) == 0)
            return i;
    }
    return count;
}
