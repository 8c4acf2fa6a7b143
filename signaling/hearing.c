/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/hearing_change.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hearing_create(const struct store_hearing *stored, struct hearing **ret_hearing)
{
    struct hearing *h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    h->stored = *stored;
    *ret_hearing = h;
    return 0;
}

void hearing_destroy(struct hearing *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->count; i++)
        free(h->people[i]);
    free(h);
}

int hearing_add(struct hearing *h, const struct store_person *stored,
                struct hearing_person **ret_person)
{
    if (stored->hearing != h->stored.id || stored->id == 0 || stored->seats > LIMIT_SEATS)
        return -EINVAL;
    if (hearing_find(h, stored->id))
        return -EEXIST;
    if (h->count == LIMIT_PEOPLE_PER_HEARING)
        return -ENOSPC;
    struct hearing_person *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->stored = *stored;
    p->seats.count = stored->seats;
    if (stored->arrival > h->arrivals)
        h->arrivals = stored->arrival;
    h->people[h->count++] = p;
    *ret_person = p;
    return 0;
}

struct hearing_person *hearing_find(const struct hearing *h, uint64_t person)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->people[i]->stored.id == person)
            return h->people[i];
    return NULL;
}

struct hearing_producer *hearing_producer(struct hearing_person *p, uint64_t producer)
{
    for (size_t i = 0; producer != 0 && i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->producers[i].id == producer)
            return &p->producers[i];
    return NULL;
}

static const struct hearing_producer *find_source(const struct hearing_person *p,
                                                  enum control_source source)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->producers[i].id != 0 && p->producers[i].source == source)
            return &p->producers[i];
    return NULL;
}

struct hearing_producer *hearing_producer_of(struct hearing_person *p, enum control_source source)
{
    const struct hearing_producer *found = find_source(p, source);
    return found ? &p->producers[found - p->producers] : NULL;
}

enum terms_state hearing_state(const struct hearing *h)
{
    if (h->stored.state == TERMS_STATE_OPEN && h->in_camera)
        return TERMS_STATE_IN_CAMERA;
    return h->stored.state == TERMS_STATE_RECESS && h->suspended ? TERMS_STATE_SUSPENDED
                                                                 : h->stored.state;
}

bool hearing_is_bench(const struct hearing_person *p)
{
    return p->stored.role == CONTROL_ROLE_JUDGE || p->stored.role == CONTROL_ROLE_CLERK;
}

enum terms_room hearing_room(const struct hearing_person *p)
{
    return p->aside.number ? p->aside.kind : p->stored.room;
}

static bool is_in_courtroom(const struct hearing_person *p)
{
    return hearing_room(p) == TERMS_ROOM_COURTROOM;
}

bool hearing_is_together(const struct hearing_person *a, const struct hearing_person *b)
{
    enum terms_room room = hearing_room(a);
    return room == hearing_room(b) && a->aside.number == b->aside.number &&
           (room == TERMS_ROOM_COURTROOM || terms_is_aside(room));
}

static bool is_of_side(const struct hearing_person *p)
{
    return p->stored.side &&
           (p->stored.role == CONTROL_ROLE_PARTY || p->stored.role == CONTROL_ROLE_LAWYER);
}

bool hearing_sees(const struct hearing_person *viewer, const struct hearing_person *about)
{
    return viewer == about || hearing_is_bench(viewer) || hearing_is_together(viewer, about) ||
           (is_of_side(viewer) && is_of_side(about) && viewer->stored.side == about->stored.side);
}

bool hearing_knows_course(const struct hearing_person *p)
{
    return hearing_is_bench(p) || is_in_courtroom(p);
}

bool hearing_holds(const struct hearing *h)
{
    return h->stored.objection_holds && h->objections.count;
}

bool hearing_is_under_oath(const struct hearing_person *p)
{
    return p->oath.taken && access_testifies(p->stored.role);
}

bool hearing_keeps_out(const struct hearing *h, const struct hearing_person *p)
{
    return h->locked && !hearing_is_bench(p) && p->stored.arrival == 0;
}

bool hearing_is_closed(const struct hearing *h, const struct hearing_person *p)
{
    bool is_another = h->floor && h->floor != p->stored.id && !access_keeps_floor(p->stored.role);
    bool is_held = hearing_holds(h) && access_testifies(p->stored.role);
    return is_in_courtroom(p) &&
           (p->locked || is_another || is_held || h->stored.state == TERMS_STATE_RECESS);
}

bool hearing_is_screened(const struct hearing *h, uint64_t from, uint64_t to,
                         enum control_kind kind)
{
    for (size_t i = 0; i < h->screen_count; i++)
        if (h->screens[i].from == from && h->screens[i].to == to && h->screens[i].kinds >> kind & 1)
            return true;
    return false;
}

uint32_t hearing_may(const struct hearing *h, const struct hearing_person *p)
{
    return access_may_mask(p->stored.role, hearing_state(h), hearing_room(p));
}

enum terms_room hearing_room_on_join(const struct hearing_person *p)
{
    return hearing_is_bench(p) || p->stored.admitted ? TERMS_ROOM_COURTROOM : TERMS_ROOM_WAITING;
}

bool hearing_begins_on_join(const struct hearing *h, const struct hearing_person *p)
{
    return h->stored.state == TERMS_STATE_SCHEDULED && hearing_is_bench(p);
}

void hearing_set_connected(struct hearing *h, struct hearing_person *p, bool connected,
                           struct hearing_changes *changes)
{
    changes->count = 0;
    if (p->connected == connected)
        return;
    p->connected = connected;
    p->quality = 0;
    p->path = TERMS_PATH_UNKNOWN;
    for (size_t i = 0; i < h->count; i++)
        if (h->people[i] != p && hearing_sees(h->people[i], p))
            change_note(h, changes,
                        (struct hearing_change){.type = HEARING_CHANGE_PERSON,
                                                .to = h->people[i]->stored.id,
                                                .about = p->stored.id});
}

/* Notes what follows of another state for media core and pages; `may` is everybody's of before. */
static void note_state(struct hearing *h, const uint32_t *may, struct hearing_changes *changes)
{
    change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_MATRIX});
    change_note(h, changes, (struct hearing_change){.type = HEARING_CHANGE_STATE});
    for (size_t i = 0; i < h->count; i++)
        change_note_may(h, h->people[i], may[i], changes);
}

static void may_of_all(const struct hearing *h, uint32_t *ret_may)
{
    for (size_t i = 0; i < h->count; i++)
        ret_may[i] = hearing_may(h, h->people[i]);
}

static void set_state(struct hearing *h, enum terms_state state, uint64_t wall_us,
                      struct hearing_changes *changes)
{
    uint32_t may[LIMIT_PEOPLE_PER_HEARING];
    may_of_all(h, may);
    h->suspended = state == TERMS_STATE_SUSPENDED;
    h->stored.state = h->suspended ? TERMS_STATE_RECESS : state;
    h->stored.since_us = wall_us;
    if (state == TERMS_STATE_OPEN && h->stored.opened_us == 0)
        h->stored.opened_us = wall_us;
    if (state == TERMS_STATE_CLOSED)
        h->stored.closed_us = wall_us;
    note_state(h, may, changes);
}

void hearing_join(struct hearing *h, struct hearing_person *p, uint8_t seats, uint64_t wall_us,
                  struct hearing_changes *changes)
{
    assert(seats >= 1 && seats <= LIMIT_SEATS);
    changes->count = 0;
    if (hearing_begins_on_join(h, p))
        set_state(h, TERMS_STATE_WAITING, wall_us, changes);
    change_end_producers(h, p, changes);
    bool had_seats = p->seats.count == seats;
    const struct seats before = p->seats;
    p->stored.seats = seats;
    change_empty_seats(p);
    /* New transports, the same places: who sits there stays, if still in the room. */
    if (had_seats)
        memcpy(p->seats.sitting, before.sitting, sizeof(before.sitting));
    if (p->stored.arrival == 0)
        p->stored.arrival = ++h->arrivals;
    if (hearing_is_bench(p))
        p->stored.admitted = true;
    change_move(h, p, hearing_room_on_join(p), p->aside, 0, changes);
}

void hearing_admit(struct hearing *h, struct hearing_person *p, uint64_t by,
                   struct hearing_changes *changes)
{
    changes->count = 0;
    p->stored.admitted = true;
    change_move(h, p, TERMS_ROOM_COURTROOM, change_not_aside, by, changes);
}

void hearing_dismiss(struct hearing *h, struct hearing_person *p, uint64_t by,
                     struct hearing_changes *changes)
{
    changes->count = 0;
    p->stored.admitted = false;
    change_move(h, p, TERMS_ROOM_WAITING, change_not_aside, by, changes);
}

void hearing_leave(struct hearing *h, struct hearing_person *p, struct hearing_changes *changes)
{
    changes->count = 0;
    change_move(h, p, TERMS_ROOM_OUTSIDE, change_not_aside, 0, changes);
    change_empty_seats(p);
}

void hearing_remove(struct hearing *h, struct hearing_person *p, uint64_t by,
                    struct hearing_changes *changes)
{
    changes->count = 0;
    p->stored.admitted = false;
    p->stored.removed = true;
    change_move(h, p, TERMS_ROOM_OUTSIDE, change_not_aside, by, changes);
    change_empty_seats(p);
}

void hearing_set_state(struct hearing *h, enum terms_state state, uint64_t wall_us,
                       struct hearing_changes *changes)
{
    bool is_suspended = state == TERMS_STATE_SUSPENDED;
    changes->count = 0;
    if ((is_suspended ? TERMS_STATE_RECESS : state) != h->stored.state ||
        h->suspended != is_suspended)
        set_state(h, state, wall_us, changes);
}

void hearing_set_in_camera(struct hearing *h, bool in_camera, uint64_t wall_us,
                           struct hearing_changes *changes)
{
    uint32_t may[LIMIT_PEOPLE_PER_HEARING];
    changes->count = 0;
    if (h->in_camera == in_camera)
        return;
    may_of_all(h, may);
    h->in_camera = in_camera;
    if (h->stored.state == TERMS_STATE_OPEN)
        h->stored.since_us = wall_us;
    note_state(h, may, changes);
}

void hearing_set_consent(struct hearing *h, struct hearing_person *p, bool given,
                         struct hearing_changes *changes)
{
    enum story_consent consent = given ? STORY_CONSENT_GIVEN : STORY_CONSENT_WITHDRAWN;
    changes->count = 0;
    if (p->consent == consent)
        return;
    p->consent = consent;
    change_note_person(h, p, changes);
}

bool hearing_lacks(const struct hearing *h, struct hearing_missing *ret_missing)
{
    *ret_missing = (struct hearing_missing){.judge = true};
    for (size_t i = 0; i < h->count; i++) {
        const struct hearing_person *p = h->people[i];
        if (p->stored.role == CONTROL_ROLE_JUDGE && is_in_courtroom(p))
            ret_missing->judge = false;
        if (h->stored.needs_consent && p->stored.role == CONTROL_ROLE_PARTY && !p->stored.removed &&
            p->consent != STORY_CONSENT_GIVEN)
            ret_missing->consents[ret_missing->consent_count++] = p->stored.id;
    }
    return ret_missing->judge || ret_missing->consent_count;
}

void hearing_set_hand(struct hearing *h, struct hearing_person *p, bool up,
                      struct hearing_changes *changes)
{
    changes->count = 0;
    if (p->stored.hand == up)
        return;
    p->stored.hand = up;
    change_note_person(h, p, changes);
}

void hearing_set_quality(struct hearing *h, struct hearing_person *p, uint8_t quality,
                         struct hearing_changes *changes)
{
    changes->count = 0;
    if (p->quality == quality)
        return;
    p->quality = quality;
    change_note_person(h, p, changes);
}

void hearing_set_path(struct hearing *h, struct hearing_person *p, enum terms_path path,
                      struct hearing_changes *changes)
{
    changes->count = 0;
    if (p->path == path)
        return;
    p->path = path;
    change_note_person(h, p, changes);
}

int hearing_can_produce(const struct hearing_person *p, enum control_kind kind,
                        enum control_source source)
{
    bool is_sound = source == CONTROL_SOURCE_MICROPHONE || source == CONTROL_SOURCE_SCREEN_AUDIO;
    if ((kind == CONTROL_AUDIO) != is_sound)
        return -EINVAL;
    if (find_source(p, source))
        return -EEXIST;
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++)
        if (p->producers[i].id == 0)
            return 0;
    return -ENOSPC;
}

void hearing_produce(struct hearing *h, struct hearing_person *p,
                     const struct hearing_producer *producer, struct hearing_changes *changes)
{
    assert(hearing_can_produce(p, producer->kind, producer->source) == 0);
    changes->count = 0;
    size_t slot = 0;
    while (p->producers[slot].id != 0)
        slot++;
    p->producers[slot] = *producer;
    change_note_person(h, p, changes);
}

void hearing_pause(struct hearing *h, struct hearing_person *p, uint64_t producer, bool paused,
                   struct hearing_changes *changes)
{
    changes->count = 0;
    struct hearing_producer *found = hearing_producer(p, producer);
    if (!found || found->paused == paused)
        return;
    found->paused = paused;
    change_note(h, changes,
                (struct hearing_change){
                    .type = HEARING_CHANGE_PAUSE, .about = p->stored.id, .producer = *found});
    change_note_person(h, p, changes);
}

void hearing_unproduce(struct hearing *h, struct hearing_person *p, uint64_t producer,
                       struct hearing_changes *changes)
{
    changes->count = 0;
    struct hearing_producer *found = hearing_producer(p, producer);
    if (!found)
        return;
    change_note(h, changes,
                (struct hearing_change){.type = HEARING_CHANGE_UNPRODUCE,
                                        .about = p->stored.id,
                                        .was_aside = p->aside.number,
                                        .producer = *found});
    *found = (struct hearing_producer){0};
    change_note_person(h, p, changes);
}

void hearing_mute(struct hearing *h, struct hearing_person *p, uint64_t by,
                  struct hearing_changes *changes)
{
    changes->count = 0;
    change_close_microphone(h, p, by, changes);
}

void hearing_spoke(struct hearing *h, const uint64_t *people, size_t count, uint64_t now_us)
{
    for (size_t i = 0; i < count; i++) {
        struct hearing_person *p = hearing_find(h, people[i]);
        if (p)
            p->spoke_us = now_us;
    }
}

void hearing_find_seat(struct hearing_person *receiver, uint8_t seat, enum control_kind kind,
                       uint64_t stream)
{
    struct seats *s = &receiver->seats;
    if (seat >= s->count || s->sitting[seat] != 0)
        return;
    if (kind == CONTROL_AUDIO)
        s->seats[seat].audio = stream;
    else
        s->seats[seat].video = stream;
}

/* Whose camera or microphone that is, 0: nobody's. A shared screen says nothing of who sits. */
static uint64_t sitter_of(const struct hearing *h, uint64_t stream)
{
    for (size_t i = 0; stream != 0 && i < h->count; i++) {
        const struct hearing_producer *p = hearing_producer(h->people[i], stream);
        if (p && p->source != CONTROL_SOURCE_SCREEN)
            return h->people[i]->stored.id;
    }
    return 0;
}

void hearing_resume_seats(struct hearing *h)
{
    for (size_t i = 0; i < h->count; i++) {
        struct seats *s = &h->people[i]->seats;
        for (size_t seat = 0; seat < s->count; seat++) {
            const struct seats_seat *shown = &s->seats[seat];
            if (s->sitting[seat] == 0)
                s->sitting[seat] = sitter_of(h, shown->audio);
            if (s->sitting[seat] == 0)
                s->sitting[seat] = sitter_of(h, shown->video);
        }
    }
}

bool hearing_flows(const struct hearing *h, const struct hearing_person *from,
                   const struct hearing_person *to, enum control_kind kind)
{
    return access_flows(hearing_state(h), access_room_kind(hearing_room(from)), from->stored.role,
                        to->stored.role) &&
           !hearing_is_screened(h, from->stored.id, to->stored.id, kind);
}

static struct seats_person seated_view(const struct hearing *h, const struct hearing_person *p,
                                       const struct hearing_person *receiver)
{
    struct seats_person view = {
        .person = p->stored.id,
        .role = p->stored.role,
        .is_spotlit = h->spotlight == p->stored.id,
        .arrival = p->stored.arrival,
        .spoke_us = p->spoke_us,
        .sound_flows = hearing_flows(h, p, receiver, CONTROL_AUDIO),
        .picture_flows = hearing_flows(h, p, receiver, CONTROL_VIDEO),
    };
    const struct hearing_producer *audio = find_source(p, CONTROL_SOURCE_MICROPHONE);
    const struct hearing_producer *video = find_source(p, CONTROL_SOURCE_CAMERA);
    const struct hearing_producer *screen = find_source(p, CONTROL_SOURCE_SCREEN);
    if (audio) {
        view.audio = audio->id;
        view.audio_paused = audio->paused;
    }
    if (video) {
        view.video = video->id;
        view.video_paused = video->paused;
    }
    if (screen) {
        view.screen = screen->id;
        view.screen_since_us = screen->started_us;
        view.screen_paused = screen->paused;
    }
    return view;
}

void hearing_reseat(struct hearing *h, struct hearing_person *receiver, uint64_t now_us,
                    struct seats_changes *ret_changes)
{
    struct seats_person people[LIMIT_PEOPLE_PER_HEARING];
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++) {
        const struct hearing_person *p = h->people[i];
        /* Who may not send has nothing to show. */
        if (p != receiver && hearing_is_together(p, receiver) &&
            access_role_ever_may(p->stored.role, ACCESS_PRODUCE))
            people[count++] = seated_view(h, p, receiver);
    }
    seats_update(&receiver->seats, people, count, now_us, ret_changes);
}
