/* A page's request: JSON text to one typed struct, or the error reply it deserves. Strict: unknown
 * members are refused, everything is bounded, and below this file nobody sees JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_MESSAGE_H
#define SIGNALING_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/terms.h"

#define MESSAGE_PROTOCOL_VERSION 1

#define MESSAGE_TOKEN_MAX       513 /* characters with the final NUL */
#define MESSAGE_RESUME_MAX      65  /* the same */
#define MESSAGE_TYPE_NAME_MAX   64  /* the same; longer ones are bad, not unknown */
#define MESSAGE_MIME_MAX        32  /* the same; "video/rtx" and its like */
#define MESSAGE_URI_MAX         128 /* the same; of a header extension */
#define MESSAGE_RID_MAX         17  /* the same; CONTROL_RID_MAX */
#define MESSAGE_FINGERPRINT_LEN 32  /* bytes, SHA-256 */

enum message_type {
    MESSAGE_HELLO,
    MESSAGE_JOIN,
    MESSAGE_CONNECT,
    MESSAGE_RESTART_ICE,
    MESSAGE_PRODUCE,
    MESSAGE_PAUSE,
    MESSAGE_CLOSE_PRODUCER,
    MESSAGE_VIEW,
    MESSAGE_SOUND_ONLY,
    MESSAGE_DEVICE,
    MESSAGE_WATCH_CONNECTIONS,
    MESSAGE_HAND,
    MESSAGE_LOWER_HAND,
    MESSAGE_ADMIT,
    MESSAGE_DISMISS,
    MESSAGE_MUTE,
    MESSAGE_REMOVE,
    MESSAGE_MEET,
    MESSAGE_ENTER,
    MESSAGE_DECLINE,
    MESSAGE_COME_BACK,
    MESSAGE_CALL_BACK,
    MESSAGE_LOCK,
    MESSAGE_GIVE_FLOOR,
    MESSAGE_OPEN_FLOOR,
    MESSAGE_MUTE_ALL,
    MESSAGE_SCREEN,
    MESSAGE_SPOTLIGHT,
    MESSAGE_SET_STATE,
    MESSAGE_IN_CAMERA,
    MESSAGE_CONSENT,
    MESSAGE_SWEAR,
    MESSAGE_SWORN,
    MESSAGE_RELEASE,
    MESSAGE_OBJECT,
    MESSAGE_RULE,
    MESSAGE_LOCK_ROOM,
    MESSAGE_MARK,
    MESSAGE_LEAVE,
    MESSAGE_PATH,
    MESSAGE_PING,
    MESSAGE_TYPE_COUNT,
};

/* The codes of PROTOCOL.md, "Errors". */
enum message_error {
    MESSAGE_OK,
    MESSAGE_BAD_MESSAGE,
    MESSAGE_UNKNOWN_TYPE,
    MESSAGE_TOO_LARGE,
    MESSAGE_TOO_FAST,
    MESSAGE_PROTOCOL_VERSION_OTHER,
    MESSAGE_BAD_TOKEN,
    MESSAGE_EXPIRED_TOKEN,
    MESSAGE_REVOKED_TOKEN,
    MESSAGE_ALREADY_JOINED,
    MESSAGE_HELLO_FIRST,
    MESSAGE_NOT_JOINED,
    MESSAGE_WRONG_STATE,
    MESSAGE_NOT_ALLOWED,
    MESSAGE_NOT_FOUND,
    MESSAGE_FULL,
    MESSAGE_SERVER_FULL,
    MESSAGE_MEDIA_UNAVAILABLE,
    MESSAGE_UNSUPPORTED_MEDIA,
    MESSAGE_MISSING,
    MESSAGE_ROOM_LOCKED,
    MESSAGE_INTERNAL,
    MESSAGE_ERROR_COUNT,
};

struct message_rtp_codec {
    char mime[MESSAGE_MIME_MAX];
    uint8_t payload_type;
    uint8_t channels; /* 0: not said */
    uint32_t clock_rate;
    int apt;                /* payload type this RTX repairs (RFC 4588), -1: not said */
    int packetization_mode; /* RFC 6184, -1: not said */
};

struct message_rtp_extension {
    char uri[MESSAGE_URI_MAX];
    uint8_t id; /* RFC 8285, never 0 */
};

/* Of a scalability mode, with its end; the longest has ten letters. */
#define MESSAGE_MODE_MAX 16

struct message_rtp_encoding {
    uint32_t ssrc;     /* 0: not said */
    uint32_t rtx_ssrc; /* 0: not said */
    char rid[MESSAGE_RID_MAX];
    char scalability_mode[MESSAGE_MODE_MAX]; /* such as L3T3_KEY; "": not said */
};

/* A page lists at most this many; more are refused. */
#define MESSAGE_CODECS_MAX     16
#define MESSAGE_EXTENSIONS_MAX 24

/* mediasoup-client's rtpParameters, what we use of them; what we do not know in them is skipped,
 * since that library's format grows. */
struct message_rtp_parameters {
    char mid[MESSAGE_RID_MAX];
    uint8_t codec_count;
    struct message_rtp_codec codecs[MESSAGE_CODECS_MAX];
    uint8_t extension_count;
    struct message_rtp_extension extensions[MESSAGE_EXTENSIONS_MAX];
    uint8_t encoding_count;
    struct message_rtp_encoding encodings[LIMIT_ENCODINGS];
};

struct message_hello {
    int64_t protocol;
    char token[MESSAGE_TOKEN_MAX];
    char resume[MESSAGE_RESUME_MAX]; /* "": none */
    bool take_over;
};

struct message_connect {
    uint64_t transport;
    uint8_t fingerprint[MESSAGE_FINGERPRINT_LEN];
};

struct message_produce {
    enum control_source source; /* not SCREEN_AUDIO */
    enum control_kind kind;
    bool paused;
    struct message_rtp_parameters rtp;
};

struct message_pause {
    uint64_t producer;
    bool paused;
};

/* How high each seat's picture stands on the screen, pixels; 0: not looked at. */
struct message_view {
    uint8_t count;
    uint16_t heights[LIMIT_SEATS];
};

/* What a page says of its device and line. */
struct message_device {
    bool overloaded;
    bool thin_line; /* carries no picture from it beside its sound */
};

/* People asked into one room by one request, at most. */
#define MESSAGE_ASKED_MAX 32

struct message_meet {
    enum terms_room kind; /* beside the courtroom */
    uint8_t count;        /* 1 to MESSAGE_ASKED_MAX, each once */
    uint64_t people[MESSAGE_ASKED_MAX];
};

struct message_lock {
    uint64_t person;
    bool on;
};

/* `person` is to receive nothing of `from`. */
struct message_screen {
    uint64_t person;
    uint64_t from;
    uint8_t kinds; /* bits 1 << enum control_kind; 0: lifted */
};

/* A step of the hearing's course. */
struct message_course {
    enum terms_state state;              /* of SET_STATE: OPEN, RECESS, SUSPENDED or CLOSED */
    bool on;                             /* of IN_CAMERA */
    char reason[LIMIT_REASON_BYTES + 1]; /* "": none */
};

struct message_remove {
    uint64_t person;
    char reason[LIMIT_REASON_BYTES + 1]; /* "": none */
};

struct message_swear {
    uint64_t person;
    enum terms_oath form; /* never NONE */
};

struct message_rule {
    uint32_t number;          /* of the objection */
    enum terms_ruling ruling; /* never NONE */
};

struct message {
    enum message_type type;
    int32_t id; /* 1 to 2147483647 */
    union {
        struct message_hello hello;
        struct {
            uint8_t seats; /* 1 to LIMIT_SEATS */
            bool red;      /* the page takes sound as RED too */
        } join;
        struct message_connect connect;
        uint64_t transport; /* RESTART_ICE */
        struct message_produce produce;
        struct message_pause pause;
        uint64_t producer; /* CLOSE_PRODUCER */
        struct message_view view;
        bool on; /* SOUND_ONLY, WATCH_CONNECTIONS, LOCK_ROOM */
        struct message_device device;
        bool up;         /* HAND */
        uint64_t person; /* LOWER_HAND to MUTE, CALL_BACK, GIVE_FLOOR, RELEASE */
        struct message_remove remove;
        struct message_meet meet;
        uint32_t number;          /* ENTER: of a room */
        struct message_lock lock; /* LOCK, SPOTLIGHT */
        struct message_screen screen;
        struct message_course course; /* SET_STATE, IN_CAMERA */
        bool given;                   /* CONSENT */
        struct message_swear swear;
        enum terms_language language; /* SWORN: of the text it read; never NONE */
        struct message_rule rule;
        char words[LIMIT_REASON_BYTES + 1]; /* MARK */
        enum terms_path path;               /* never UNKNOWN */
    };
};

/* Why a text was refused: what the error reply says. */
struct message_fault {
    enum message_error error;
    int32_t id;       /* 0: none could be read */
    char detail[128]; /* English, names the member; no values of the page's */
};

/* Parses one text frame. Returns 0; -EBADMSG with `ret_fault` filled; or -ENOMEM. */
int message_parse(const char *text, size_t len, struct message *ret_message,
                  struct message_fault *ret_fault);

/* Parses the body of POST /api/session, {"token":"…"}, into MESSAGE_TOKEN_MAX characters. Returns
 * 0, -EBADMSG or -ENOMEM. */
int message_parse_session(const char *text, size_t len, char ret_token[MESSAGE_TOKEN_MAX]);

/* The request's name on the wire, such as "closeProducer". */
const char *message_type_name(enum message_type type);

/* The error's code on the wire, such as "not-allowed". */
const char *message_error_code(enum message_error error);

#endif
