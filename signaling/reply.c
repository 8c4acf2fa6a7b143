/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/rtpparams.h"

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

/* `id` 0: an event, which has none. */
static void begin(struct jsontext *t, const char *type, int32_t id)
{
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "type", type);
    if (id)
        jsontext_integer(t, "id", id);
}

static void end(struct jsontext *t)
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

static void put_person(struct jsontext *t, const char *key, const struct hearing_person *person)
{
    jsontext_open(t, key, '{');
    jsontext_id(t, "person", person->stored.id);
    jsontext_string(t, "name", person->stored.name);
    jsontext_string(t, "role", terms_role_name(person->stored.role));
    jsontext_string(t, "room", terms_room_name(person->stored.room));
    jsontext_bool(t, "connected", person->connected);
    jsontext_string(t, "microphone", on_off(person, CONTROL_SOURCE_MICROPHONE));
    jsontext_string(t, "camera", on_off(person, CONTROL_SOURCE_CAMERA));
    jsontext_bool(t, "hand", person->stored.hand);
    jsontext_unsigned(t, "quality", person->quality);
    jsontext_string(t, "path", terms_path_name(person->path));
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

static void put_feedback(struct jsontext *t, const char *const *pairs)
{
    jsontext_open(t, "rtcpFeedback", '[');
    for (; *pairs; pairs += 2) {
        jsontext_open(t, NULL, '{');
        jsontext_string(t, "type", pairs[0]);
        jsontext_string(t, "parameter", pairs[1]);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
}

/* Values that are numbers are written as numbers: the library compares them so. */
static void put_parameters(struct jsontext *t, const char *const *pairs)
{
    jsontext_open(t, "parameters", '{');
    for (; *pairs; pairs += 2) {
        char *rest = NULL;
        long number = strtol(pairs[1], &rest, 10);
        if (*rest == '\0')
            jsontext_integer(t, pairs[0], number);
        else
            jsontext_string(t, pairs[0], pairs[1]);
    }
    jsontext_close(t, '}');
}

static void put_codec(struct jsontext *t, const struct rtpparams_codec *codec, bool of_seat)
{
    jsontext_open(t, NULL, '{');
    if (!of_seat)
        jsontext_string(t, "kind", codec->kind == CONTROL_AUDIO ? "audio" : "video");
    jsontext_string(t, "mimeType", codec->mime);
    jsontext_unsigned(t, of_seat ? "payloadType" : "preferredPayloadType", codec->payload_type);
    jsontext_unsigned(t, "clockRate", codec->clock_rate);
    if (codec->channels)
        jsontext_unsigned(t, "channels", codec->channels);
    put_parameters(t, codec->parameters);
    put_feedback(t, of_seat ? codec->seat_feedback : codec->feedback);
    jsontext_close(t, '}');
}

static void put_extension(struct jsontext *t, const struct rtpparams_extension *extension,
                          const char *kind)
{
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "kind", kind);
    jsontext_string(t, "uri", extension->uri);
    jsontext_unsigned(t, "preferredId", extension->id);
    jsontext_bool(t, "preferredEncrypt", false);
    jsontext_string(t, "direction", extension->only_received ? "recvonly" : "sendrecv");
    jsontext_close(t, '}');
}

static void put_capabilities(struct jsontext *t, bool vp9)
{
    jsontext_open(t, "rtpCapabilities", '{');
    jsontext_open(t, "codecs", '[');
    for (size_t i = 0; i < RTPPARAMS_CODEC_COUNT; i++)
        if (vp9 || !rtpparams_codecs[i].vp9)
            put_codec(t, &rtpparams_codecs[i], false);
    jsontext_close(t, ']');
    jsontext_open(t, "headerExtensions", '[');
    for (size_t i = 0; i < RTPPARAMS_EXTENSION_COUNT; i++) {
        if (rtpparams_extensions[i].audio)
            put_extension(t, &rtpparams_extensions[i], "audio");
        if (rtpparams_extensions[i].video)
            put_extension(t, &rtpparams_extensions[i], "video");
    }
    jsontext_close(t, ']');
    jsontext_close(t, '}');
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

/* State, since when, and since when it is in session, recesses and all. */
static void put_state(struct jsontext *t, const struct store_hearing *hearing)
{
    jsontext_string(t, "state", terms_state_name(hearing->state));
    jsontext_time(t, "since", hearing->since_us);
    if (hearing->opened_us)
        jsontext_time(t, "openedAt", hearing->opened_us);
    else
        jsontext_null(t, "openedAt");
}

void reply_welcome(struct jsontext *t, int32_t id, const struct reply_welcome *welcome)
{
    const struct hearing *hearing = welcome->hearing;
    begin(t, "welcome", id);
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
    put_state(t, &hearing->stored);
    jsontext_close(t, '}');
    jsontext_open(t, "record", '{');
    put_record(t, &welcome->record);
    jsontext_close(t, '}');
    put_people(t, hearing, welcome->you);
    put_capabilities(t, hearing->stored.vp9);
    end(t);
}

uint64_t reply_transport_id(uint64_t person, enum control_direction direction)
{
    /* A bijection, so that people's transports differ; 0 cannot be told from none. */
    uint64_t id = person ^ (direction == CONTROL_UP ? 0x7570ull << 48 : 0x646full << 48);
    return id ? id : 1;
}

static void put_ice(struct jsontext *t, const struct control_ice *ice)
{
    jsontext_open(t, "iceParameters", '{');
    jsontext_string(t, "usernameFragment", ice->ufrag);
    jsontext_string(t, "password", ice->password);
    jsontext_bool(t, "iceLite", true);
    jsontext_close(t, '}');
}

static void put_candidate(struct jsontext *t, const struct control_candidate *candidate,
                          size_t index)
{
    char foundation[8];
    (void)snprintf(foundation, sizeof(foundation), "h%zu", index + 1);
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "foundation", foundation);
    jsontext_unsigned(t, "priority", candidate->priority);
    jsontext_string(t, "address", candidate->address);
    jsontext_string(t, "ip", candidate->address);
    jsontext_string(t, "protocol", candidate->tcp ? "tcp" : "udp");
    jsontext_unsigned(t, "port", candidate->port);
    jsontext_string(t, "type", "host");
    if (candidate->tcp)
        jsontext_string(t, "tcpType", "passive");
    jsontext_close(t, '}');
}

static void put_fingerprint(struct jsontext *t, const uint8_t fingerprint[CONTROL_FINGERPRINT_LEN])
{
    char text[CONTROL_FINGERPRINT_LEN * 3 + 1];
    for (size_t i = 0; i < CONTROL_FINGERPRINT_LEN; i++)
        (void)snprintf(text + i * 3, 4, "%02X:", fingerprint[i]);
    text[CONTROL_FINGERPRINT_LEN * 3 - 1] = '\0';
    jsontext_open(t, "dtlsParameters", '{');
    jsontext_string(t, "role", "auto");
    jsontext_open(t, "fingerprints", '[');
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "algorithm", "sha-256");
    jsontext_string(t, "value", text);
    jsontext_close(t, '}');
    jsontext_close(t, ']');
    jsontext_close(t, '}');
}

static void put_transport(struct jsontext *t, const struct control_peer_ready *ready,
                          enum control_direction direction)
{
    jsontext_open(t, direction == CONTROL_UP ? "up" : "down", '{');
    jsontext_id(t, "id", reply_transport_id(ready->peer, direction));
    put_ice(t, &ready->ice[direction]);
    jsontext_open(t, "iceCandidates", '[');
    for (size_t i = 0; i < ready->candidate_count; i++)
        put_candidate(t, &ready->candidates[i], i);
    jsontext_close(t, ']');
    put_fingerprint(t, ready->fingerprint);
    jsontext_close(t, '}');
}

static void put_seat_extensions(struct jsontext *t)
{
    jsontext_open(t, "headerExtensions", '[');
    for (size_t i = 0; i < RTPPARAMS_EXTENSION_COUNT; i++) {
        if (!rtpparams_extensions[i].in_seats)
            continue;
        jsontext_open(t, NULL, '{');
        jsontext_string(t, "uri", rtpparams_extensions[i].uri);
        jsontext_unsigned(t, "id", rtpparams_extensions[i].id);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
}

/* One stream of a seat, as mediasoup-client's consume() takes it. */
static void put_consumer(struct jsontext *t, unsigned seat, enum control_kind kind,
                         const struct control_seat_ssrcs *ssrcs, bool red, bool vp9)
{
    const char *name = kind == CONTROL_AUDIO ? "audio" : "video";
    char text[32];
    jsontext_open(t, name, '{');
    (void)snprintf(text, sizeof(text), "seat-%u-%s", seat, name);
    jsontext_string(t, "id", text);
    (void)snprintf(text, sizeof(text), "seat-%u", seat);
    jsontext_string(t, "producerId", text);
    jsontext_string(t, "kind", name);
    jsontext_open(t, "rtpParameters", '{');
    (void)snprintf(text, sizeof(text), "%u", seat * 2 + (kind == CONTROL_VIDEO));
    jsontext_string(t, "mid", text);
    jsontext_open(t, "codecs", '[');
    for (size_t i = 0; i < RTPPARAMS_CODEC_COUNT; i++)
        if (rtpparams_codecs[i].kind == kind && (vp9 || !rtpparams_codecs[i].vp9))
            put_codec(t, &rtpparams_codecs[i], true);
    if (kind == CONTROL_AUDIO && red)
        put_codec(t, &rtpparams_red, true);
    jsontext_close(t, ']');
    put_seat_extensions(t);
    jsontext_open(t, "encodings", '[');
    jsontext_open(t, NULL, '{');
    if (kind == CONTROL_AUDIO) {
        jsontext_unsigned(t, "ssrc", ssrcs->audio_ssrc);
    } else {
        jsontext_unsigned(t, "ssrc", ssrcs->video_ssrc);
        jsontext_open(t, "rtx", '{');
        jsontext_unsigned(t, "ssrc", ssrcs->video_rtx_ssrc);
        jsontext_close(t, '}');
    }
    jsontext_close(t, '}');
    jsontext_close(t, ']');
    jsontext_open(t, "rtcp", '{');
    jsontext_string(t, "cname", "assize");
    jsontext_bool(t, "reducedSize", true);
    jsontext_close(t, '}');
    jsontext_close(t, '}');
    jsontext_close(t, '}');
}

/* As RTCPeerConnection takes them. */
static void put_ice_servers(struct jsontext *t, const struct turn_offer *turn)
{
    jsontext_open(t, "iceServers", '[');
    if (turn) {
        jsontext_open(t, NULL, '{');
        jsontext_open(t, "urls", '[');
        for (size_t i = 0; i < turn->urls->count; i++)
            jsontext_string(t, NULL, turn->urls->items[i]);
        jsontext_close(t, ']');
        jsontext_string(t, "username", turn->user);
        jsontext_string(t, "credential", turn->password);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
}

void reply_joined(struct jsontext *t, int32_t id, enum terms_room room,
                  const struct control_peer_ready *ready, bool red, bool vp9,
                  const struct turn_offer *turn)
{
    begin(t, "joined", id);
    jsontext_string(t, "room", terms_room_name(room));
    jsontext_open(t, "transports", '{');
    put_transport(t, ready, CONTROL_UP);
    put_transport(t, ready, CONTROL_DOWN);
    jsontext_close(t, '}');
    put_ice_servers(t, turn);
    jsontext_open(t, "seats", '[');
    for (unsigned i = 0; i < ready->seat_count; i++) {
        jsontext_open(t, NULL, '{');
        jsontext_unsigned(t, "seat", i);
        put_consumer(t, i, CONTROL_AUDIO, &ready->seats[i], red, vp9);
        put_consumer(t, i, CONTROL_VIDEO, &ready->seats[i], red, vp9);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
    end(t);
}

void reply_ok(struct jsontext *t, int32_t id)
{
    begin(t, "ok", id);
    end(t);
}

void reply_ice_restarted(struct jsontext *t, int32_t id, const struct control_ice *ice,
                         const struct turn_offer *turn)
{
    begin(t, "iceRestarted", id);
    put_ice(t, ice);
    put_ice_servers(t, turn);
    end(t);
}

void reply_produced(struct jsontext *t, int32_t id, uint64_t producer)
{
    begin(t, "produced", id);
    jsontext_id(t, "producer", producer);
    end(t);
}

void reply_pong(struct jsontext *t, int32_t id, uint64_t now_us)
{
    begin(t, "pong", id);
    jsontext_time(t, "serverTime", now_us);
    end(t);
}

void reply_error(struct jsontext *t, int32_t id, enum message_error error, const char *detail)
{
    begin(t, "error", id);
    if (!id)
        jsontext_null(t, "id");
    jsontext_string(t, "code", message_error_code(error));
    jsontext_string(t, "detail", detail);
    end(t);
}

void reply_seat(struct jsontext *t, uint8_t seat, const struct seats_seat *now)
{
    begin(t, "seat", 0);
    jsontext_unsigned(t, "seat", seat);
    if (now->person)
        jsontext_id(t, "person", now->person);
    else
        jsontext_null(t, "person");
    bool screen = now->source == CONTROL_SOURCE_SCREEN && now->person;
    jsontext_string(t, "source", screen ? "screen" : "camera");
    jsontext_bool(t, "audio", now->audio_on);
    jsontext_bool(t, "video", now->video_on);
    end(t);
}

void reply_speaking(struct jsontext *t, const uint64_t *people, size_t count)
{
    begin(t, "speaking", 0);
    jsontext_open(t, "people", '[');
    for (size_t i = 0; i < count; i++)
        jsontext_id(t, NULL, people[i]);
    jsontext_close(t, ']');
    end(t);
}

void reply_seat_picture(struct jsontext *t, uint8_t seat, bool is_held)
{
    begin(t, "seatPicture", 0);
    jsontext_unsigned(t, "seat", seat);
    jsontext_string(t, "picture", is_held ? "held" : "shown");
    if (is_held)
        jsontext_string(t, "reason", "bandwidth");
    end(t);
}

void reply_layers(struct jsontext *t, uint64_t producer, uint8_t received)
{
    begin(t, "layers", 0);
    jsontext_id(t, "producer", producer);
    jsontext_open(t, "received", '[');
    for (unsigned i = 0; i < LIMIT_ENCODINGS; i++)
        if (received >> i & 1)
            jsontext_unsigned(t, NULL, i);
    jsontext_close(t, ']');
    end(t);
}

void reply_line(struct jsontext *t, uint32_t bps)
{
    begin(t, "line", 0);
    jsontext_unsigned(t, "bps", bps);
    end(t);
}

void reply_media_lost(struct jsontext *t)
{
    begin(t, "mediaLost", 0);
    end(t);
}

void reply_person(struct jsontext *t, const struct hearing_person *person)
{
    begin(t, "person", 0);
    put_person(t, "person", person);
    end(t);
}

void reply_people(struct jsontext *t, const struct hearing *hearing,
                  const struct hearing_person *viewer)
{
    begin(t, "people", 0);
    put_people(t, hearing, viewer);
    end(t);
}

void reply_gone(struct jsontext *t, uint64_t person)
{
    begin(t, "gone", 0);
    jsontext_id(t, "person", person);
    end(t);
}

void reply_hearing(struct jsontext *t, const struct store_hearing *hearing)
{
    begin(t, "hearing", 0);
    put_state(t, hearing);
    end(t);
}

static void put_by(struct jsontext *t, uint64_t by)
{
    if (by)
        jsontext_id(t, "by", by);
    else
        jsontext_null(t, "by");
}

void reply_room(struct jsontext *t, enum terms_room room, uint64_t by)
{
    begin(t, "room", 0);
    jsontext_string(t, "room", terms_room_name(room));
    put_by(t, by);
    end(t);
}

void reply_may(struct jsontext *t, uint32_t may)
{
    begin(t, "may", 0);
    put_may(t, may);
    end(t);
}

void reply_record(struct jsontext *t, const struct reply_record *record)
{
    begin(t, "record", 0);
    put_record(t, record);
    end(t);
}

void reply_muted(struct jsontext *t, uint64_t by)
{
    begin(t, "muted", 0);
    put_by(t, by);
    end(t);
}
