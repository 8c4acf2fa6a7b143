/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/message.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

/* A JSON object being read. The first fault stays; after it all reads yield zeros, so a request is
 * read whole and the fault looked at once. */
struct object {
    json_t *json;  /* borrowed */
    size_t taken;  /* members asked for and found */
    bool required; /* whether the member read next must be there */
    struct message_fault *fault;
};

static void json_drop(json_t *json)
{
    json_decref(json);
}
DEFINE_CLEANUP(json_t, json_drop)

static const char *const type_names[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_HELLO] = "hello",
    [MESSAGE_JOIN] = "join",
    [MESSAGE_CONNECT] = "connect",
    [MESSAGE_RESTART_ICE] = "restartIce",
    [MESSAGE_PRODUCE] = "produce",
    [MESSAGE_PAUSE] = "pause",
    [MESSAGE_CLOSE_PRODUCER] = "closeProducer",
    [MESSAGE_HAND] = "hand",
    [MESSAGE_LOWER_HAND] = "lowerHand",
    [MESSAGE_ADMIT] = "admit",
    [MESSAGE_DISMISS] = "dismiss",
    [MESSAGE_MUTE] = "mute",
    [MESSAGE_REMOVE] = "remove",
    [MESSAGE_SET_STATE] = "setState",
    [MESSAGE_LEAVE] = "leave",
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
    [MESSAGE_MEDIA_UNAVAILABLE] = "media-unavailable",
    [MESSAGE_UNSUPPORTED_MEDIA] = "unsupported-media",
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

static void __attribute__((format(printf, 2, 3)))
refuse(struct message_fault *fault, const char *format, ...)
{
    if (fault->error != MESSAGE_OK)
        return;
    fault->error = MESSAGE_BAD_MESSAGE;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->detail, sizeof(fault->detail), format, arguments);
    va_end(arguments);
}

static bool is_refused(const struct object *o)
{
    return o->fault->error != MESSAGE_OK;
}

/* The object `json` is, or a refusal naming `what`. */
static struct object object_over(json_t *json, const char *what, struct message_fault *fault)
{
    if (!json_is_object(json))
        refuse(fault, "%s is not an object", what);
    return (struct object){.json = json, .required = true, .fault = fault};
}

/* The member, or NULL when it is not there (refused if it is required). */
static json_t *take(struct object *o, const char *key)
{
    if (is_refused(o))
        return NULL;
    json_t *member = json_object_get(o->json, key);
    if (member)
        o->taken++;
    else if (o->required)
        refuse(o->fault, "member %s is missing", key);
    return member;
}

static int64_t take_integer(struct object *o, const char *key, int64_t least, int64_t most)
{
    json_t *member = take(o, key);
    if (!member)
        return 0;
    int64_t value = json_is_integer(member) ? json_integer_value(member) : INT64_MIN;
    if (value < least || value > most) {
        refuse(o->fault, "member %s is not an integer in its range", key);
        return 0;
    }
    return value;
}

static bool take_bool(struct object *o, const char *key)
{
    json_t *member = take(o, key);
    if (member && !json_is_boolean(member))
        refuse(o->fault, "member %s is not true or false", key);
    return json_is_true(member);
}

/* Copies a string of at least `least` and less than `capacity` bytes; "" when it is not there. */
static void take_string(struct object *o, const char *key, char *ret_text, size_t capacity,
                        size_t least)
{
    ret_text[0] = '\0';
    json_t *member = take(o, key);
    if (!member)
        return;
    size_t len = json_string_length(member);
    if (!json_is_string(member) || len < least || len >= capacity) {
        refuse(o->fault, "member %s is not a string of a fitting length", key);
        return;
    }
    memcpy(ret_text, json_string_value(member), len + 1);
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

static uint64_t take_id(struct object *o, const char *key)
{
    char text[TERMS_ID_TEXT];
    uint64_t id = 0;
    take_string(o, key, text, sizeof(text), TERMS_ID_TEXT - 1);
    if (!is_refused(o) && terms_id_parse(text, TERMS_ID_TEXT - 1, &id) < 0)
        refuse(o->fault, "member %s is not 16 lower-case hex digits", key);
    return id;
}

/* The index in `names` of a string member; 0 after a refusal. */
static size_t take_name(struct object *o, const char *key, const char *const *names, size_t count)
{
    json_t *member = take(o, key);
    const char *text = json_string_value(member);
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    if (member)
        refuse(o->fault, "member %s has a value we do not know", key);
    return 0;
}

static json_t *take_array(struct object *o, const char *key, size_t most)
{
    json_t *member = take(o, key);
    if (member && (!json_is_array(member) || json_array_size(member) > most)) {
        refuse(o->fault, "member %s is not an array of a fitting length", key);
        return NULL;
    }
    return member;
}

/* To be called last on a request: what has not been taken is unknown. */
static void refuse_others(struct object *o)
{
    if (!is_refused(o) && json_object_size(o->json) != o->taken)
        refuse(o->fault, "a member is unknown");
}

static void read_hello(struct object *o, struct message *m)
{
    m->hello.protocol = take_integer(o, "protocol", 0, INT32_MAX);
    if (!is_refused(o) && m->hello.protocol != MESSAGE_PROTOCOL_VERSION) {
        refuse(o->fault, "this server speaks protocol %d", MESSAGE_PROTOCOL_VERSION);
        o->fault->error = MESSAGE_PROTOCOL_VERSION_OTHER;
        return;
    }
    take_string(o, "token", m->hello.token, sizeof(m->hello.token), 1);
    o->required = false;
    take_string(o, "resume", m->hello.resume, sizeof(m->hello.resume), 1);
    m->hello.take_over = take_bool(o, "takeOver");
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

static void read_connect(struct object *o, struct message *m)
{
    m->connect.transport = take_id(o, "transport");
    struct object dtls = object_over(take(o, "dtlsParameters"), "dtlsParameters", o->fault);
    json_t *list = take_array(&dtls, "fingerprints", 8);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct object f = object_over(json_array_get(list, i), "a fingerprint", o->fault);
        char algorithm[16];
        char value[128 * 3]; /* SHA-512's is the longest, 191 characters */
        take_string(&f, "algorithm", algorithm, sizeof(algorithm), 1);
        take_string(&f, "value", value, sizeof(value), 1);
        if (strcasecmp(algorithm, "sha-256") != 0)
            continue;
        if (!fingerprint_read(value, m->connect.fingerprint))
            refuse(o->fault, "the sha-256 fingerprint is malformed");
        return;
    }
    refuse(o->fault, "no sha-256 fingerprint");
}

/* A number that the library writes as a number or, when it came so from SDP, as a string. */
static int take_parameter(struct object *o, const char *key)
{
    json_t *member = take(o, key);
    if (json_is_integer(member) && json_integer_value(member) >= 0 &&
        json_integer_value(member) <= 255)
        return (int)json_integer_value(member);
    const char *text = json_string_value(member);
    if (text && text[0] >= '0' && text[0] <= '9' && !text[1])
        return text[0] - '0';
    return -1;
}

static void read_profile(struct object *o, char ret_profile[MESSAGE_PROFILE_MAX])
{
    json_t *member = take(o, "profile-level-id");
    ret_profile[0] = '\0';
    if (json_is_integer(member) && json_integer_value(member) >= 0 &&
        json_integer_value(member) <= 999999)
        (void)snprintf(ret_profile, MESSAGE_PROFILE_MAX, "%06d", (int)json_integer_value(member));
    if (json_string_length(member) == MESSAGE_PROFILE_MAX - 1)
        memcpy(ret_profile, json_string_value(member), MESSAGE_PROFILE_MAX);
}

static void read_codec(json_t *json, struct message_rtp_codec *codec, struct message_fault *fault)
{
    struct object o = object_over(json, "a codec", fault);
    take_string(&o, "mimeType", codec->mime, sizeof(codec->mime), 1);
    codec->payload_type = (uint8_t)take_integer(&o, "payloadType", 0, 127);
    codec->clock_rate = (uint32_t)take_integer(&o, "clockRate", 1, 1000000);
    o.required = false;
    codec->channels = (uint8_t)take_integer(&o, "channels", 1, 255);
    codec->apt = -1;
    codec->packetization_mode = -1;
    json_t *parameters = take(&o, "parameters");
    if (!parameters)
        return;
    struct object p = object_over(parameters, "a codec's parameters", fault);
    p.required = false;
    codec->apt = take_parameter(&p, "apt");
    codec->packetization_mode = take_parameter(&p, "packetization-mode");
    read_profile(&p, codec->profile_level_id);
}

static void read_encoding(json_t *json, struct message_rtp_encoding *encoding,
                          struct message_fault *fault)
{
    struct object o = object_over(json, "an encoding", fault);
    o.required = false;
    encoding->ssrc = (uint32_t)take_integer(&o, "ssrc", 1, UINT32_MAX);
    take_string(&o, "rid", encoding->rid, sizeof(encoding->rid), 1);
    json_t *rtx = take(&o, "rtx");
    if (!rtx)
        return;
    struct object r = object_over(rtx, "rtx", fault);
    r.required = false;
    encoding->rtx_ssrc = (uint32_t)take_integer(&r, "ssrc", 1, UINT32_MAX);
}

static void read_rtp_parameters(json_t *json, struct message_rtp_parameters *rtp,
                                struct message_fault *fault)
{
    struct object o = object_over(json, "rtpParameters", fault);
    json_t *codecs = take_array(&o, "codecs", MESSAGE_CODECS_MAX);
    for (size_t i = 0; i < json_array_size(codecs); i++)
        read_codec(json_array_get(codecs, i), &rtp->codecs[rtp->codec_count++], fault);
    json_t *encodings = take_array(&o, "encodings", LIMIT_ENCODINGS);
    for (size_t i = 0; i < json_array_size(encodings); i++)
        read_encoding(json_array_get(encodings, i), &rtp->encodings[rtp->encoding_count++], fault);
    o.required = false;
    json_t *extensions = take_array(&o, "headerExtensions", MESSAGE_EXTENSIONS_MAX);
    for (size_t i = 0; i < json_array_size(extensions); i++) {
        struct object e = object_over(json_array_get(extensions, i), "an extension", fault);
        struct message_rtp_extension *extension = &rtp->extensions[rtp->extension_count++];
        take_string(&e, "uri", extension->uri, sizeof(extension->uri), 1);
        extension->id = (uint8_t)take_integer(&e, "id", 1, 255);
    }
    take_string(&o, "mid", rtp->mid, sizeof(rtp->mid), 0);
}

static void read_produce(struct object *o, struct message *m)
{
    static const char *const sources[] = {"microphone", "camera", "screen"};
    static const char *const kinds[] = {"audio", "video"};
    m->produce.source = (enum control_source)take_name(o, "source", sources, 3);
    m->produce.kind = (enum control_kind)take_name(o, "kind", kinds, 2);
    m->produce.paused = take_bool(o, "paused");
    if (!is_refused(o))
        read_rtp_parameters(take(o, "rtpParameters"), &m->produce.rtp, o->fault);
    if ((m->produce.source == CONTROL_SOURCE_MICROPHONE) != (m->produce.kind == CONTROL_AUDIO))
        refuse(o->fault, "source and kind do not agree");
}

static void read_pause(struct object *o, struct message *m)
{
    m->pause.producer = take_id(o, "producer");
    m->pause.paused = take_bool(o, "paused");
}

static void read_set_state(struct object *o, struct message *m)
{
    static const char *const states[] = {"open", "recess", "closed"};
    static const enum terms_state values[] = {TERMS_STATE_OPEN, TERMS_STATE_RECESS,
                                              TERMS_STATE_CLOSED};
    m->state = values[take_name(o, "state", states, 3)];
}

static void read_body(struct object *o, struct message *m)
{
    switch (m->type) {
    case MESSAGE_HELLO:
        read_hello(o, m);
        return;
    case MESSAGE_JOIN:
        m->seats = (uint8_t)take_integer(o, "seats", 1, LIMIT_SEATS);
        return;
    case MESSAGE_CONNECT:
        read_connect(o, m);
        return;
    case MESSAGE_RESTART_ICE:
        m->transport = take_id(o, "transport");
        return;
    case MESSAGE_PRODUCE:
        read_produce(o, m);
        return;
    case MESSAGE_PAUSE:
        read_pause(o, m);
        return;
    case MESSAGE_CLOSE_PRODUCER:
        m->producer = take_id(o, "producer");
        return;
    case MESSAGE_HAND:
        m->up = take_bool(o, "up");
        return;
    case MESSAGE_LOWER_HAND:
    case MESSAGE_ADMIT:
    case MESSAGE_DISMISS:
    case MESSAGE_MUTE:
    case MESSAGE_REMOVE:
        m->person = take_id(o, "person");
        return;
    case MESSAGE_SET_STATE:
        read_set_state(o, m);
        return;
    case MESSAGE_LEAVE:
    case MESSAGE_PING:
    case MESSAGE_TYPE_COUNT:
        return;
    }
}

/* Whether brackets outside strings nest no deeper than LIMIT_MESSAGE_DEPTH; the parser below it
 * recurses. */
static bool is_shallow(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if ((text[i] == '{' || text[i] == '[') && ++depth > LIMIT_MESSAGE_DEPTH)
            return false;
        else if ((text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
    }
    return true;
}

/* Text to JSON. Returns 0, -EBADMSG with the fault filled, or -ENOMEM. */
static int load(const char *text, size_t len, struct message_fault *fault, json_t **ret_json)
{
    if (len > LIMIT_MESSAGE_BYTES) {
        fault->error = MESSAGE_TOO_LARGE;
        return -EBADMSG;
    }
    if (!is_shallow(text, len)) {
        refuse(fault, "nested too deep");
        return -EBADMSG;
    }
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!json && json_error_code(&error) == json_error_out_of_memory)
        return -ENOMEM;
    if (!json_is_object(json)) {
        json_decref(json);
        refuse(fault, "not a JSON object");
        return -EBADMSG;
    }
    *ret_json = json;
    return 0;
}

int message_parse(const char *text, size_t len, struct message *ret_message,
                  struct message_fault *ret_fault)
{
    struct message_fault fault = {.error = MESSAGE_OK};
    CLEANUP(json_drop) json_t *json = NULL;
    int r = load(text, len, &fault, &json);
    if (r < 0) {
        *ret_fault = fault;
        return r;
    }
    struct object o = object_over(json, "the request", &fault);
    struct message m = {.id = (int32_t)take_integer(&o, "id", 1, INT32_MAX)};
    fault.id = m.id;

    const char *name = json_string_value(take(&o, "type"));
    size_t type = 0;
    while (name && type < MESSAGE_TYPE_COUNT && strcmp(name, type_names[type]) != 0)
        type++;
    if (!name) {
        refuse(&fault, "member type is not a string");
    } else if (type == MESSAGE_TYPE_COUNT) {
        refuse(&fault, "no such request");
        if (m.id)
            fault.error = MESSAGE_UNKNOWN_TYPE;
    } else {
        m.type = (enum message_type)type;
        read_body(&o, &m);
        refuse_others(&o);
    }
    if (fault.error != MESSAGE_OK) {
        *ret_fault = fault;
        return -EBADMSG;
    }
    *ret_message = m;
    return 0;
}

int message_parse_session(const char *text, size_t len, char ret_token[MESSAGE_TOKEN_MAX])
{
    struct message_fault fault = {.error = MESSAGE_OK};
    CLEANUP(json_drop) json_t *json = NULL;
    int r = load(text, len, &fault, &json);
    if (r < 0)
        return r;
    struct object o = object_over(json, "the request", &fault);
    char token[MESSAGE_TOKEN_MAX];
    take_string(&o, "token", token, sizeof(token), 1);
    refuse_others(&o);
    if (fault.error != MESSAGE_OK)
        return -EBADMSG;
    memcpy(ret_token, token, sizeof(token));
    return 0;
}
