/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/reply.h"

#include "signaling/measures.h"
#include "signaling/reply_part.h"

static const char *const record_names[] = {
    [REPLY_RECORD_OFF] = "off",
    [REPLY_RECORD_ON] = "on",
    [REPLY_RECORD_LOST] = "lost",
    [REPLY_RECORD_SEALING] = "sealing",
    [REPLY_RECORD_RENDERING] = "rendering",
    [REPLY_RECORD_READY] = "ready",
    [REPLY_RECORD_FAILED] = "failed",
};

const char *reply_record_state_name(enum reply_record_state state)
{
    return record_names[state];
}

void reply_begin(struct jsontext *t, const char *type, int32_t id)
{
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "type", type);
    if (id)
        jsontext_integer(t, "id", id);
}

void reply_end(struct jsontext *t)
{
    jsontext_close(t, '}');
}

static const char *on_off(const struct hearing_person *person, enum control_source source)
{
    for (size_t i = 0; i < LIMIT_STREAMS_PER_PEER; i++) {
        const struct hearing_producer *p = &person->producers[i];
        if (p->id && p->source == source && !p->paused)
            return "on";
    }
    return "off";
}

static const char *const consents[] = {
    [STORY_CONSENT_NONE] = "none",
    [STORY_CONSENT_GIVEN] = "given",
    [STORY_CONSENT_WITHDRAWN] = "withdrawn",
};

static void put_person(struct jsontext *t, const char *key, const struct hearing_person *person)
{
    jsontext_open(t, key, '{');
    jsontext_id(t, "person", person->stored.id);
    jsontext_string(t, "name", person->stored.name);
    jsontext_string(t, "role", terms_role_name(person->stored.role));
    jsontext_string(t, "room", terms_room_name(hearing_room(person)));
    jsontext_bool(t, "connected", person->connected);
    jsontext_string(t, "microphone", on_off(person, CONTROL_SOURCE_MICROPHONE));
    jsontext_string(t, "camera", on_off(person, CONTROL_SOURCE_CAMERA));
    jsontext_bool(t, "hand", person->stored.hand);
    jsontext_unsigned(t, "quality", person->quality);
    jsontext_string(t, "path", terms_path_name(person->path));
    jsontext_unsigned(t, "side", person->stored.side);
    jsontext_unsigned(t, "number", person->aside.number);
    jsontext_bool(t, "locked", person->locked);
    jsontext_string(t, "consent", consents[person->consent]);
    if (person->oath.form)
        jsontext_string(t, "oath", terms_oath_name(person->oath.form));
    else
        jsontext_null(t, "oath");
    jsontext_bool(t, "sworn", person->oath.taken);
    jsontext_close(t, '}');
}

static void put_may(struct jsontext *t, uint32_t may)
{
    jsontext_open(t, "may", '[');
    for (unsigned action = 0; action < ACCESS_MAY_COUNT; action++)
        if (may & 1u << action)
            jsontext_string(t, NULL, access_action_name((enum access_action)action));
    jsontext_close(t, ']');
}

static void put_record(struct jsontext *t, const struct reply_record *record)
{
    jsontext_string(t, "state", record_names[record->state]);
    jsontext_time(t, "since", record->since_us);
    if (record->state == REPLY_RECORD_LOST)
        jsontext_string(t, "reason", journal_reason_name(record->reason));
    if (record->state == REPLY_RECORD_RENDERING)
        jsontext_unsigned(t, "percent", record->percent);
}

static void put_people(struct jsontext *t, const struct hearing *hearing,
                       const struct hearing_person *viewer)
{
    jsontext_open(t, "people", '[');
    for (size_t i = 0; i < hearing->count; i++)
        if (hearing->people[i] != viewer && hearing_sees(viewer, hearing->people[i]))
            put_person(t, NULL, hearing->people[i]);
    jsontext_close(t, ']');
}

static void put_id_or_null(struct jsontext *t, const char *key, uint64_t id)
{
    if (id)
        jsontext_id(t, key, id);
    else
        jsontext_null(t, key);
}

static void put_ruling(struct jsontext *t, const struct objections *objections)
{
    jsontext_open(t, "ruling", '{');
    jsontext_unsigned(t, "number", objections->ruled);
    jsontext_string(t, "ruling", terms_ruling_name(objections->ruling));
    jsontext_close(t, '}');
}

/* To who is not in the courtroom there are none. */
static void put_objections(struct jsontext *t, const struct hearing *hearing, bool knows)
{
    const struct objections *objections = &hearing->objections;
    jsontext_open(t, "objections", '[');
    for (size_t i = 0; knows && i < objections->count; i++) {
        jsontext_open(t, NULL, '{');
        jsontext_unsigned(t, "number", objections->pending[i].number);
        jsontext_id(t, "by", objections->pending[i].by);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
    jsontext_bool(t, "holds", knows && hearing_holds(hearing));
    if (knows && objections->ruled)
        put_ruling(t, objections);
    else
        jsontext_null(t, "ruling");
}

/* State, since when, since when it is in session, recesses and all, who has the floor, and what
 * else those in the courtroom know. */
static void put_state(struct jsontext *t, const struct hearing *hearing, bool knows)
{
    jsontext_string(t, "state", terms_state_name(hearing_state(hearing)));
    jsontext_time(t, "since", hearing->stored.since_us);
    if (hearing->stored.opened_us)
        jsontext_time(t, "openedAt", hearing->stored.opened_us);
    else
        jsontext_null(t, "openedAt");
    put_id_or_null(t, "floor", knows ? hearing->floor : 0);
    put_id_or_null(t, "spotlight", knows ? hearing->spotlight : 0);
    jsontext_bool(t, "inCamera", hearing->in_camera);
    if (hearing->reason[0])
        jsontext_string(t, "reason", hearing->reason);
    else
        jsontext_null(t, "reason");
    jsontext_bool(t, "consent", hearing->stored.needs_consent);
    jsontext_bool(t, "locked", hearing->locked);
    put_objections(t, hearing, knows);
}

void reply_welcome(struct jsontext *t, int32_t id, const struct reply_welcome *welcome)
{
    const struct hearing *hearing = welcome->hearing;
    reply_begin(t, "welcome", id);
    jsontext_integer(t, "protocol", MESSAGE_PROTOCOL_VERSION);
    jsontext_string(t, "resume", welcome->resume);
    jsontext_time(t, "serverTime", welcome->now_us);
    put_person(t, "you", welcome->you);
    put_may(t, hearing_may(hearing, welcome->you));
    jsontext_bool(t, "media", welcome->media);
    jsontext_open(t, "hearing", '{');
    jsontext_id(t, "hearing", hearing->stored.id);
    jsontext_string(t, "case", hearing->stored.case_number);
    jsontext_string(t, "title", hearing->stored.title);
    jsontext_string(t, "court", hearing->stored.court);
    jsontext_time(t, "scheduledAt", hearing->stored.scheduled_us);
    put_state(t, hearing, hearing_knows_course(welcome->you));
    jsontext_close(t, '}');
    jsontext_open(t, "record", '{');
    put_record(t, &welcome->record);
    jsontext_close(t, '}');
    put_people(t, hearing, welcome->you);
    reply_put_capabilities(t, hearing->stored.vp9);
    reply_end(t);
}

void reply_ok(struct jsontext *t, int32_t id)
{
    reply_begin(t, "ok", id);
    reply_end(t);
}

void reply_produced(struct jsontext *t, int32_t id, uint64_t producer)
{
    reply_begin(t, "produced", id);
    jsontext_id(t, "producer", producer);
    reply_end(t);
}

void reply_pong(struct jsontext *t, int32_t id, uint64_t now_us)
{
    reply_begin(t, "pong", id);
    jsontext_time(t, "serverTime", now_us);
    reply_end(t);
}

void reply_error(struct jsontext *t, int32_t id, enum message_error error, const char *detail)
{
    reply_begin(t, "error", id);
    if (!id)
        jsontext_null(t, "id");
    jsontext_string(t, "code", message_error_code(error));
    jsontext_string(t, "detail", detail);
    reply_end(t);
}

void reply_missing(struct jsontext *t, int32_t id, const struct hearing_missing *missing)
{
    reply_begin(t, "error", id);
    jsontext_string(t, "code", message_error_code(MESSAGE_MISSING));
    jsontext_string(t, "detail", "something is missing that the hearing needs to be opened");
    jsontext_open(t, "missing", '{');
    jsontext_bool(t, "judge", missing->judge);
    jsontext_bool(t, "record", missing->record);
    jsontext_open(t, "consent", '[');
    for (size_t i = 0; i < missing->consent_count; i++)
        jsontext_id(t, NULL, missing->consents[i]);
    jsontext_close(t, ']');
    jsontext_close(t, '}');
    reply_end(t);
}

void reply_seat(struct jsontext *t, uint8_t seat, const struct seats_seat *now)
{
    reply_begin(t, "seat", 0);
    jsontext_unsigned(t, "seat", seat);
    put_id_or_null(t, "person", now->person);
    bool screen = now->source == CONTROL_SOURCE_SCREEN && now->person;
    jsontext_string(t, "source", screen ? "screen" : "camera");
    jsontext_bool(t, "audio", now->audio_on);
    jsontext_bool(t, "video", now->video_on);
    reply_end(t);
}

void reply_speaking(struct jsontext *t, const uint64_t *people, size_t count)
{
    reply_begin(t, "speaking", 0);
    jsontext_open(t, "people", '[');
    for (size_t i = 0; i < count; i++)
        jsontext_id(t, NULL, people[i]);
    jsontext_close(t, ']');
    reply_end(t);
}

void reply_seat_picture(struct jsontext *t, uint8_t seat, bool is_held)
{
    reply_begin(t, "seatPicture", 0);
    jsontext_unsigned(t, "seat", seat);
    jsontext_string(t, "picture", is_held ? "held" : "shown");
    if (is_held)
        jsontext_string(t, "reason", "bandwidth");
    reply_end(t);
}

void reply_layers(struct jsontext *t, uint64_t producer, uint8_t received)
{
    reply_begin(t, "layers", 0);
    jsontext_id(t, "producer", producer);
    jsontext_open(t, "received", '[');
    for (unsigned i = 0; i < LIMIT_ENCODINGS; i++)
        if (received >> i & 1)
            jsontext_unsigned(t, NULL, i);
    jsontext_close(t, ']');
    reply_end(t);
}

void reply_line(struct jsontext *t, uint32_t bps)
{
    reply_begin(t, "line", 0);
    jsontext_unsigned(t, "bps", bps);
    reply_end(t);
}

void reply_media_lost(struct jsontext *t)
{
    reply_begin(t, "mediaLost", 0);
    reply_end(t);
}

void reply_person(struct jsontext *t, const struct hearing_person *person)
{
    reply_begin(t, "person", 0);
    put_person(t, "person", person);
    reply_end(t);
}

void reply_people(struct jsontext *t, const struct hearing *hearing,
                  const struct hearing_person *viewer)
{
    reply_begin(t, "people", 0);
    put_people(t, hearing, viewer);
    reply_end(t);
}

void reply_gone(struct jsontext *t, uint64_t person)
{
    reply_begin(t, "gone", 0);
    jsontext_id(t, "person", person);
    reply_end(t);
}

void reply_hearing(struct jsontext *t, const struct hearing *hearing, bool knows)
{
    reply_begin(t, "hearing", 0);
    put_state(t, hearing, knows);
    reply_end(t);
}

void reply_room(struct jsontext *t, const struct hearing_person *person, uint64_t by)
{
    reply_begin(t, "room", 0);
    jsontext_string(t, "room", terms_room_name(hearing_room(person)));
    put_id_or_null(t, "by", by);
    jsontext_unsigned(t, "number", person->aside.number);
    reply_end(t);
}

void reply_met(struct jsontext *t, int32_t id, uint32_t number)
{
    reply_begin(t, "met", id);
    jsontext_unsigned(t, "number", number);
    reply_end(t);
}

void reply_asked(struct jsontext *t, const struct hearing_room *room, uint64_t by)
{
    reply_begin(t, "asked", 0);
    if (!room) {
        jsontext_null(t, "room");
        jsontext_unsigned(t, "number", 0);
        jsontext_null(t, "by");
    } else {
        jsontext_string(t, "room", terms_room_name(room->kind));
        jsontext_unsigned(t, "number", room->number);
        put_id_or_null(t, "by", by);
    }
    reply_end(t);
}

void reply_screens(struct jsontext *t, const struct hearing *hearing,
                   const struct hearing_person *viewer)
{
    static const char *const kinds[] = {"none", "sound", "picture", "both"};
    reply_begin(t, "screens", 0);
    jsontext_open(t, "screens", '[');
    for (size_t i = 0; i < hearing->screen_count; i++) {
        const struct story_screen *screen = &hearing->screens[i];
        if (!measures_knows_screen(viewer, screen))
            continue;
        jsontext_open(t, NULL, '{');
        jsontext_id(t, "person", screen->to);
        jsontext_id(t, "from", screen->from);
        jsontext_string(t, "what", kinds[screen->kinds & 3]);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
    reply_end(t);
}

void reply_may(struct jsontext *t, uint32_t may)
{
    reply_begin(t, "may", 0);
    put_may(t, may);
    reply_end(t);
}

void reply_record(struct jsontext *t, const struct reply_record *record)
{
    reply_begin(t, "record", 0);
    put_record(t, record);
    reply_end(t);
}

void reply_muted(struct jsontext *t, uint64_t by)
{
    reply_begin(t, "muted", 0);
    put_id_or_null(t, "by", by);
    reply_end(t);
}
