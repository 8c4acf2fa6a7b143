/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "signaling/jsonread.h"

static const char *const type_names[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_HELLO] = "hello",
    [MESSAGE_JOIN] = "join",
    [MESSAGE_CONNECT] = "connect",
    [MESSAGE_RESTART_ICE] = "restartIce",
    [MESSAGE_PRODUCE] = "produce",
    [MESSAGE_PAUSE] = "pause",
    [MESSAGE_CLOSE_PRODUCER] = "closeProducer",
    [MESSAGE_VIEW] = "view",
    [MESSAGE_SOUND_ONLY] = "soundOnly",
    [MESSAGE_DEVICE] = "device",
    [MESSAGE_WATCH_CONNECTIONS] = "watchConnections",
    [MESSAGE_HAND] = "hand",
    [MESSAGE_LOWER_HAND] = "lowerHand",
    [MESSAGE_ADMIT] = "admit",
    [MESSAGE_DISMISS] = "dismiss",
    [MESSAGE_MUTE] = "mute",
    [MESSAGE_REMOVE] = "remove",
    [MESSAGE_MEET] = "meet",
    [MESSAGE_ENTER] = "enter",
    [MESSAGE_DECLINE] = "decline",
    [MESSAGE_COME_BACK] = "comeBack",
    [MESSAGE_CALL_BACK] = "callBack",
    [MESSAGE_LOCK] = "lock",
    [MESSAGE_GIVE_FLOOR] = "giveFloor",
    [MESSAGE_OPEN_FLOOR] = "openFloor",
    [MESSAGE_MUTE_ALL] = "muteAll",
    [MESSAGE_SCREEN] = "screen",
    [MESSAGE_SPOTLIGHT] = "spotlight",
    [MESSAGE_SET_STATE] = "setState",
    [MESSAGE_IN_CAMERA] = "inCamera",
    [MESSAGE_CONSENT] = "consent",
    [MESSAGE_SWEAR] = "swear",
    [MESSAGE_SWORN] = "sworn",
    [MESSAGE_RELEASE] = "release",
    [MESSAGE_OBJECT] = "object",
    [MESSAGE_RULE] = "rule",
    [MESSAGE_LOCK_ROOM] = "lockRoom",
    [MESSAGE_MARK] = "mark",
    [MESSAGE_LEAVE] = "leave",
    [MESSAGE_PATH] = "path",
    [MESSAGE_PING] = "ping",
};

static const char *const error_codes[MESSAGE_ERROR_COUNT] = {
    [MESSAGE_OK] = "ok",
    [MESSAGE_BAD_MESSAGE] = "bad-message",
    [MESSAGE_UNKNOWN_TYPE] = "unknown-type",
    [MESSAGE_TOO_LARGE] = "too-large",
    [MESSAGE_TOO_FAST] = "too-fast",
    [MESSAGE_PROTOCOL_VERSION_OTHER] = "protocol-version",
    [MESSAGE_BAD_TOKEN] = "bad-token",
    [MESSAGE_EXPIRED_TOKEN] = "expired-token",
    [MESSAGE_REVOKED_TOKEN] = "revoked-token",
    [MESSAGE_ALREADY_JOINED] = "already-joined",
    [MESSAGE_HELLO_FIRST] = "hello-first",
    [MESSAGE_NOT_JOINED] = "not-joined",
    [MESSAGE_WRONG_STATE] = "wrong-state",
    [MESSAGE_NOT_ALLOWED] = "not-allowed",
    [MESSAGE_NOT_FOUND] = "not-found",
    [MESSAGE_FULL] = "full",
    [MESSAGE_SERVER_FULL] = "server-full",
    [MESSAGE_MEDIA_UNAVAILABLE] = "media-unavailable",
    [MESSAGE_UNSUPPORTED_MEDIA] = "unsupported-media",
    [MESSAGE_MISSING] = "missing",
    [MESSAGE_ROOM_LOCKED] = "room-locked",
    [MESSAGE_INTERNAL] = "internal",
};

const char *message_type_name(enum message_type type)
{
    return type_names[type];
}

const char *message_error_code(enum message_error error)
{
    return error_codes[error];
}

static void read_hello(struct jsonread_value *o, struct message *m)
{
    m->hello.protocol = jsonread_integer(o, "protocol", 0, INT32_MAX);
    if (!o->fault->happened && m->hello.protocol != MESSAGE_PROTOCOL_VERSION) {
        jsonread_refuse(o->fault, "this server speaks protocol %d", MESSAGE_PROTOCOL_VERSION);
        return;
    }
    jsonread_string(o, "token", m->hello.token, sizeof(m->hello.token), 1);
    o->required = false;
    jsonread_string(o, "resume", m->hello.resume, sizeof(m->hello.resume), 1);
    m->hello.take_over = jsonread_bool(o, "takeOver");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool fingerprint_read(const char *text, uint8_t ret_bytes[MESSAGE_FINGERPRINT_LEN])
{
    if (strlen(text) != MESSAGE_FINGERPRINT_LEN * 3 - 1)
        return false;
    for (size_t i = 0; i < MESSAGE_FINGERPRINT_LEN; i++) {
        int high = hex_digit(text[i * 3]);
        int low = hex_digit(text[i * 3 + 1]);
        if (high < 0 || low < 0 || (i + 1 < MESSAGE_FINGERPRINT_LEN && text[i * 3 + 2] != ':'))
            return false;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Unknown members of dtlsParameters and rtpParameters are skipped: the library's format grows. */
static void read_connect(struct jsonread_value *o, struct message *m)
{
    m->connect.transport = jsonread_id(o, "transport");
    struct jsonread_value dtls = jsonread_object(o, "dtlsParameters");
    struct jsonread_value list = jsonread_array(&dtls, "fingerprints", 8);
    for (size_t i = 0; i < jsonread_count(&list); i++) {
        struct jsonread_value f = jsonread_element(&list, i);
        char algorithm[16];
        char value[64 * 3]; /* SHA-512's is the longest, 191 characters */
        jsonread_string(&f, "algorithm", algorithm, sizeof(algorithm), 1);
        jsonread_string(&f, "value", value, sizeof(value), 1);
        if (strcasecmp(algorithm, "sha-256") != 0)
            continue;
        if (!fingerprint_read(value, m->connect.fingerprint))
            jsonread_refuse(o->fault, "the sha-256 fingerprint is malformed");
        return;
    }
    jsonread_refuse(o->fault, "no sha-256 fingerprint");
}

static void read_codec(struct jsonread_value *o, struct message_rtp_codec *codec)
{
    jsonread_string(o, "mimeType", codec->mime, sizeof(codec->mime), 1);
    codec->payload_type = (uint8_t)jsonread_integer(o, "payloadType", 0, 127);
    codec->clock_rate = (uint32_t)jsonread_integer(o, "clockRate", 1, 1000000);
    o->required = false;
    codec->channels = (uint8_t)jsonread_integer(o, "channels", 1, 255);
    struct jsonread_value p = jsonread_object(o, "parameters");
    p.required = false;
    codec->apt = jsonread_small(&p, "apt");
    codec->packetization_mode = jsonread_small(&p, "packetization-mode");
}

static void read_encoding(struct jsonread_value *o, struct message_rtp_encoding *encoding)
{
    o->required = false;
    encoding->ssrc = (uint32_t)jsonread_integer(o, "ssrc", 1, UINT32_MAX);
    jsonread_string(o, "rid", encoding->rid, sizeof(encoding->rid), 1);
    jsonread_string(o, "scalabilityMode", encoding->scalability_mode,
                    sizeof(encoding->scalability_mode), 1);
    struct jsonread_value rtx = jsonread_object(o, "rtx");
    rtx.required = false;
    encoding->rtx_ssrc = (uint32_t)jsonread_integer(&rtx, "ssrc", 1, UINT32_MAX);
}

static void read_extension(struct jsonread_value *o, struct message_rtp_extension *extension)
{
    jsonread_string(o, "uri", extension->uri, sizeof(extension->uri), 1);
    extension->id = (uint8_t)jsonread_integer(o, "id", 1, 255);
}

static void read_rtp_parameters(struct jsonread_value *o, struct message_rtp_parameters *rtp)
{
    struct jsonread_value list = jsonread_array(o, "codecs", MESSAGE_CODECS_MAX);
    for (size_t i = 0; i < jsonread_count(&list); i++) {
        struct jsonread_value codec = jsonread_element(&list, i);
        read_codec(&codec, &rtp->codecs[rtp->codec_count++]);
    }
    list = jsonread_array(o, "encodings", LIMIT_ENCODINGS);
    for (size_t i = 0; i < jsonread_count(&list); i++) {
        struct jsonread_value encoding = jsonread_element(&list, i);
        read_encoding(&encoding, &rtp->encodings[rtp->encoding_count++]);
    }
    o->required = false;
    list = jsonread_array(o, "headerExtensions", MESSAGE_EXTENSIONS_MAX);
    for (size_t i = 0; i < jsonread_count(&list); i++) {
        struct jsonread_value extension = jsonread_element(&list, i);
        read_extension(&extension, &rtp->extensions[rtp->extension_count++]);
    }
    jsonread_string(o, "mid", rtp->mid, sizeof(rtp->mid), 0);
}

static void read_produce(struct jsonread_value *o, struct message *m)
{
    static const char *const sources[] = {"microphone", "camera", "screen"};
    static const char *const kinds[] = {"audio", "video"};
    m->produce.source = (enum control_source)jsonread_name(o, "source", sources, 3);
    m->produce.kind = (enum control_kind)jsonread_name(o, "kind", kinds, 2);
    m->produce.paused = jsonread_bool(o, "paused");
    struct jsonread_value rtp = jsonread_object(o, "rtpParameters");
    read_rtp_parameters(&rtp, &m->produce.rtp);
    if ((m->produce.source == CONTROL_SOURCE_MICROPHONE) != (m->produce.kind == CONTROL_AUDIO))
        jsonread_refuse(o->fault, "source and kind do not agree");
}

static void read_pause(struct jsonread_value *o, struct message *m)
{
    m->pause.producer = jsonread_id(o, "producer");
    m->pause.paused = jsonread_bool(o, "paused");
}

static void read_view(struct jsonread_value *o, struct message *m)
{
    struct jsonread_value list = jsonread_array(o, "heights", LIMIT_SEATS);
    for (size_t i = 0; i < jsonread_count(&list); i++)
        m->view.heights[m->view.count++] = (uint16_t)jsonread_integer_at(&list, i, 0, UINT16_MAX);
}

/* The court's words: a label as a case's title is. */
static void read_words(struct jsonread_value *o, const char *key, bool required,
                       char words[static LIMIT_REASON_BYTES + 1])
{
    o->required = required;
    jsonread_string(o, key, words, LIMIT_REASON_BYTES + 1, 1);
    if (words[0] && !terms_is_label(words, LIMIT_REASON_BYTES))
        jsonread_refuse(o->fault, "the words have characters that may not stand in them");
}

static void read_remove(struct jsonread_value *o, struct message *m)
{
    m->remove.person = jsonread_id(o, "person");
    read_words(o, "reason", false, m->remove.reason);
}

static void read_swear(struct jsonread_value *o, struct message *m)
{
    static const char *const forms[] = {"oath", "affirmation"};
    m->swear.person = jsonread_id(o, "person");
    m->swear.form = (enum terms_oath)(TERMS_OATH_OATH + jsonread_name(o, "form", forms, 2));
}

static void read_rule(struct jsonread_value *o, struct message *m)
{
    static const char *const rulings[] = {"sustained", "overruled", "withdrawn"};
    m->rule.number = (uint32_t)jsonread_integer(o, "number", 1, UINT32_MAX);
    m->rule.ruling =
        (enum terms_ruling)(TERMS_RULING_SUSTAINED + jsonread_name(o, "ruling", rulings, 3));
}

static void read_language(struct jsonread_value *o, struct message *m)
{
    static const char *const languages[] = {"en", "zh-Hans"};
    m->language =
        (enum terms_language)(TERMS_LANGUAGE_EN + jsonread_name(o, "language", languages, 2));
}

static void read_set_state(struct jsonread_value *o, struct message *m)
{
    static const char *const states[] = {"open", "recess", "suspended", "closed"};
    static const enum terms_state values[] = {TERMS_STATE_OPEN, TERMS_STATE_RECESS,
                                              TERMS_STATE_SUSPENDED, TERMS_STATE_CLOSED};
    m->course.state = values[jsonread_name(o, "state", states, 4)];
    read_words(o, "reason", m->course.state == TERMS_STATE_SUSPENDED, m->course.reason);
}

static void read_meet(struct jsonread_value *o, struct message *m)
{
    static const char *const rooms[] = {"consultation", "deliberation", "caucus"};
    static const enum terms_room values[] = {TERMS_ROOM_CONSULTATION, TERMS_ROOM_DELIBERATION,
                                             TERMS_ROOM_CAUCUS};
    m->meet.kind = values[jsonread_name(o, "room", rooms, 3)];
    struct jsonread_value list = jsonread_array(o, "people", MESSAGE_ASKED_MAX);
    for (size_t i = 0; i < jsonread_count(&list); i++) {
        uint64_t person = jsonread_id_at(&list, i);
        for (size_t k = 0; k < m->meet.count; k++)
            if (m->meet.people[k] == person)
                jsonread_refuse(o->fault, "somebody is asked twice");
        m->meet.people[m->meet.count++] = person;
    }
    if (m->meet.count == 0)
        jsonread_refuse(o->fault, "nobody is asked");
}

static void read_screen(struct jsonread_value *o, struct message *m)
{
    /* By the bits of message_screen. */
    static const char *const kinds[] = {"none", "sound", "picture", "both"};
    m->screen.person = jsonread_id(o, "person");
    m->screen.from = jsonread_id(o, "from");
    m->screen.kinds = (uint8_t)jsonread_name(o, "what", kinds, 4);
}

static void read_path(struct jsonread_value *o, struct message *m)
{
    const char *names[TERMS_PATH_COUNT - 1]; /* what is not known is not said */
    for (unsigned i = 1; i < TERMS_PATH_COUNT; i++)
        names[i - 1] = terms_path_name((enum terms_path)i);
    m->path = (enum terms_path)(jsonread_name(o, "path", names, TERMS_PATH_COUNT - 1) + 1);
}

/* Oaths, rulings, marks. */
static void read_evidence(struct jsonread_value *o, struct message *m)
{
    if (m->type == MESSAGE_SWEAR)
        read_swear(o, m);
    else if (m->type == MESSAGE_SWORN)
        read_language(o, m);
    else if (m->type == MESSAGE_RULE)
        read_rule(o, m);
    else
        read_words(o, "words", true, m->words);
}

static void read_body(struct jsonread_value *o, struct message *m)
{
    switch (m->type) {
    case MESSAGE_HELLO:
        read_hello(o, m);
        return;
    case MESSAGE_JOIN:
        m->join.seats = (uint8_t)jsonread_integer(o, "seats", 1, LIMIT_SEATS);
        o->required = false;
        m->join.red = jsonread_bool(o, "red");
        return;
    case MESSAGE_CONNECT:
        read_connect(o, m);
        return;
    case MESSAGE_RESTART_ICE:
        m->transport = jsonread_id(o, "transport");
        return;
    case MESSAGE_PRODUCE:
        read_produce(o, m);
        return;
    case MESSAGE_PAUSE:
        read_pause(o, m);
        return;
    case MESSAGE_CLOSE_PRODUCER:
        m->producer = jsonread_id(o, "producer");
        return;
    case MESSAGE_VIEW:
        read_view(o, m);
        return;
    case MESSAGE_DEVICE:
        m->device.overloaded = jsonread_bool(o, "overloaded");
        m->device.thin_line = jsonread_bool(o, "thinLine");
        return;
    case MESSAGE_SOUND_ONLY:
    case MESSAGE_WATCH_CONNECTIONS:
    case MESSAGE_LOCK_ROOM:
        m->on = jsonread_bool(o, "on");
        return;
    case MESSAGE_HAND:
        m->up = jsonread_bool(o, "up");
        return;
    case MESSAGE_LOWER_HAND:
    case MESSAGE_ADMIT:
    case MESSAGE_DISMISS:
    case MESSAGE_MUTE:
    case MESSAGE_RELEASE:
    case MESSAGE_CALL_BACK:
    case MESSAGE_GIVE_FLOOR:
        m->person = jsonread_id(o, "person");
        return;
    case MESSAGE_REMOVE:
        read_remove(o, m);
        return;
    case MESSAGE_MEET:
        read_meet(o, m);
        return;
    case MESSAGE_ENTER:
        m->number = (uint32_t)jsonread_integer(o, "number", 1, UINT32_MAX);
        return;
    case MESSAGE_LOCK:
    case MESSAGE_SPOTLIGHT:
        m->lock.person = jsonread_id(o, "person");
        m->lock.on = jsonread_bool(o, "on");
        return;
    case MESSAGE_SCREEN:
        read_screen(o, m);
        return;
    case MESSAGE_SET_STATE:
        read_set_state(o, m);
        return;
    case MESSAGE_IN_CAMERA:
        m->course.on = jsonread_bool(o, "on");
        read_words(o, "reason", m->course.on, m->course.reason);
        return;
    case MESSAGE_CONSENT:
        m->given = jsonread_bool(o, "given");
        return;
    case MESSAGE_SWEAR:
    case MESSAGE_SWORN:
    case MESSAGE_RULE:
    case MESSAGE_MARK:
        read_evidence(o, m);
        return;
    case MESSAGE_PATH:
        read_path(o, m);
        return;
    case MESSAGE_OBJECT:
    case MESSAGE_DECLINE:
    case MESSAGE_COME_BACK:
    case MESSAGE_OPEN_FLOOR:
    case MESSAGE_MUTE_ALL:
    case MESSAGE_LEAVE:
    case MESSAGE_PING:
    case MESSAGE_TYPE_COUNT:
        return;
    }
}

static bool find_type(const char *name, enum message_type *ret_type)
{
    for (unsigned type = 0; type < MESSAGE_TYPE_COUNT; type++) {
        if (strcmp(name, type_names[type]) != 0)
            continue;
        *ret_type = (enum message_type)type;
        return true;
    }
    return false;
}

static int fault_of(enum message_error error, int32_t id, const char *detail,
                    struct message_fault *ret_fault)
{
    *ret_fault = (struct message_fault){.error = error, .id = id};
    (void)snprintf(ret_fault->detail, sizeof(ret_fault->detail), "%s", detail);
    return -EBADMSG;
}

int message_parse(const char *text, size_t len, struct message *ret_message,
                  struct message_fault *ret_fault)
{
    struct jsonread_fault fault = {0};
    CLEANUP(jsonread_close) struct jsonread *read = NULL;
    struct jsonread_value o;
    int r = jsonread_open(text, len, LIMIT_MESSAGE_BYTES, LIMIT_MESSAGE_DEPTH, &fault, &read, &o);
    if (r == -EMSGSIZE)
        return fault_of(MESSAGE_TOO_LARGE, 0, "too large", ret_fault);
    if (r == -EBADMSG)
        return fault_of(MESSAGE_BAD_MESSAGE, 0, fault.detail, ret_fault);
    if (r < 0)
        return r;

    struct message m = {.id = (int32_t)jsonread_integer(&o, "id", 1, INT32_MAX)};
    char name[MESSAGE_TYPE_NAME_MAX];
    jsonread_string(&o, "type", name, sizeof(name), 1);
    if (fault.happened)
        return fault_of(MESSAGE_BAD_MESSAGE, m.id, fault.detail, ret_fault);
    if (!find_type(name, &m.type))
        return fault_of(MESSAGE_UNKNOWN_TYPE, m.id, "no such request", ret_fault);
    read_body(&o, &m);
    jsonread_refuse_others(&o);
    if (fault.happened) {
        bool other_version = m.type == MESSAGE_HELLO && m.hello.protocol &&
                             m.hello.protocol != MESSAGE_PROTOCOL_VERSION;
        return fault_of(other_version ? MESSAGE_PROTOCOL_VERSION_OTHER : MESSAGE_BAD_MESSAGE, m.id,
                        fault.detail, ret_fault);
    }
    *ret_message = m;
    return 0;
}

int message_parse_session(const char *text, size_t len, char ret_token[MESSAGE_TOKEN_MAX])
{
    struct jsonread_fault fault = {0};
    CLEANUP(jsonread_close) struct jsonread *read = NULL;
    struct jsonread_value o;
    char token[MESSAGE_TOKEN_MAX];
    int r = jsonread_open(text, len, LIMIT_HTTP_BODY_BYTES, LIMIT_MESSAGE_DEPTH, &fault, &read, &o);
    if (r < 0)
        return r == -EMSGSIZE ? -EBADMSG : r;
    jsonread_string(&o, "token", token, sizeof(token), 1);
    jsonread_refuse_others(&o);
    if (fault.happened)
        return -EBADMSG;
    memcpy(ret_token, token, sizeof(token));
    return 0;
}
