/* The messages between signaling, the media core and the recorder: one struct each, encoded to one
 * SOCK_SEQPACKET datagram. Signaling is the client of both others and owns the wanted state: on
 * every connection it says all of it again, and every request may be repeated without harm.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

/* Raised with every change of a message; a peer of another version is refused at HELLO. */
#define CONTROL_VERSION 13

/* Where media core and recorder listen, in the configured run_dir. */
#define CONTROL_SOCKET_SFU      "sfu.sock"
#define CONTROL_SOCKET_RECORDER "recorder.sock"

#define CONTROL_UFRAG_MAX       32 /* characters with the final NUL; RFC 8445 asks for 4 to 256 */
#define CONTROL_PASSWORD_MAX    64 /* the same */
#define CONTROL_ADDRESS_MAX     46 /* INET6_ADDRSTRLEN */
#define CONTROL_RID_MAX         17 /* RFC 8852 allows more; browsers use "r0", "h", "q" */
#define CONTROL_FINGERPRINT_LEN 32 /* SHA-256 */

/* All ids are random 64-bit numbers made by signaling, never 0, written as 16 hex digits wherever a
 * person or page sees them. `request` of 0 means: no answer wanted, or an event. */
enum control_type {
    /* Either way, first on every connection. */
    CONTROL_HELLO = 1,

    /* signaling -> media core; each but SEAT_SET is answered by DONE unless another answer is named
     */
    CONTROL_HEARING_OPEN = 10, /* with the ring's descriptor when recorded; repeatable */
    CONTROL_HEARING_CLOSE = 11,
    CONTROL_MATRIX = 12,   /* who may receive whom, whole, replaces the one before */
    CONTROL_PEER_ADD = 13, /* answered by PEER_READY; replaces a peer of the same id */
    CONTROL_PEER_REMOVE = 14,
    CONTROL_PEER_MOVE = 15, /* into another room; routes the matrix forbids end at once */
    CONTROL_TRANSPORT_CONNECT = 16,
    CONTROL_TRANSPORT_RESTART = 17, /* ICE restart; answered by TRANSPORT_RESTARTED */
    CONTROL_STREAM_ADD = 18,
    CONTROL_STREAM_REMOVE = 19,
    CONTROL_STREAM_PAUSE = 20, /* seats show it again by themselves when it goes on */
    CONTROL_SEAT_SET = 21,     /* a route; answered by SEAT_SWITCHED once the source really shows */
    CONTROL_SEAT_VIEW = 22,    /* how a seat's picture is looked at: what it is worth */
    CONTROL_PEER_VIDEO = 23,   /* whether the page is sent pictures at all */
    CONTROL_SCREENS = 24, /* who receives nothing of whom besides, whole, replaces those before */

    /* media core -> signaling */
    CONTROL_DONE = 30, /* also the recorder's answer */
    CONTROL_PEER_READY = 31,
    CONTROL_TRANSPORT_RESTARTED = 32,
    CONTROL_SEAT_SWITCHED = 33,
    CONTROL_TRANSPORT_STATE = 34, /* event */
    CONTROL_STREAM_STATE = 35,    /* event: packets began or stopped to arrive */
    CONTROL_SPEAKERS = 36,        /* event, at most every 200 ms */
    CONTROL_PEER_STATS = 37,      /* event, every 2 s */
    CONTROL_METRICS = 38,         /* event, every 1 s; media core and recorder */
    CONTROL_SEAT_PICTURE = 39,    /* event: a seat's picture is held, or is shown again */

    /* media core -> signaling, events after HELLO: what is there, so that a restarted signaling
     * takes over live peers instead of making them again (PEER_ADD replaces). Of each hearing in
     * this order, with TRANSPORT_STATE, STREAM_STATE and SEAT_SWITCHED (seats in use) after each
     * peer; PRESENT_END is the last. Other events and answers may come in between. */
    CONTROL_HEARING_PRESENT = 40,
    CONTROL_PEER_PRESENT = 41,
    CONTROL_STREAM_PRESENT = 42,
    CONTROL_PRESENT_END = 43, /* no body */

    /* media core -> signaling, after STREAM_PRESENT too */
    CONTROL_LAYERS = 44, /* event: which encodings of a stream somebody receives */

    /* signaling -> recorder */
    CONTROL_TAPE_OPEN = 50,   /* answered by TAPE_READY with the ring's descriptor; repeatable */
    CONTROL_TAPE_NOTE = 51,   /* a journal line for the tape */
    CONTROL_TAPE_CLOSE = 52,  /* drain, seal, then render; answered by DONE when sealed */
    CONTROL_TAPE_RENDER = 53, /* render (again) a sealed tape */

    /* recorder -> signaling */
    CONTROL_TAPE_READY = 60,
    CONTROL_TAPE_MARK = 61,   /* event, every 250 ms: what is safely on disk */
    CONTROL_RENDER_STATE = 62 /* event, on change and every 1 s while rendering */
};

struct control_hello {
    uint32_t version;
    uint64_t boot_id; /* random, new at every start of the process: tells a restart */
    uint32_t pid;
};

struct control_hearing_open {
    uint64_t hearing;
    /* The datagram then carries the ring's descriptor. False for a hearing that is open already
     * leaves the ring in use: what goes to the tape is the matrix's to say. */
    bool recorded;
    /* It was opened and somebody had a place in it, or it is in session: a full server takes it
     * again, after a restart of the media core too. False in HEARING_PRESENT. */
    bool accepted;
};

struct control_hearing {
    uint64_t hearing;
};

/* Roles and rooms as the matrix counts them. */
enum control_role {
    CONTROL_ROLE_JUDGE = 0,
    CONTROL_ROLE_CLERK = 1,
    CONTROL_ROLE_PARTY = 2,
    CONTROL_ROLE_LAWYER = 3,
    CONTROL_ROLE_WITNESS = 4,
    CONTROL_ROLE_INTERPRETER = 5,
    CONTROL_ROLE_EXPERT = 6,
    CONTROL_ROLE_OBSERVER = 7,
    CONTROL_ROLE_TECHNICIAN = 8,
    CONTROL_ROLE_COUNT = 9,
};

enum control_room_kind {
    CONTROL_ROOM_COURTROOM = 0,
    CONTROL_ROOM_WAITING = 1,
    CONTROL_ROOM_CONSULTATION = 2,
    CONTROL_ROOM_DELIBERATION = 3,
    CONTROL_ROOM_CAUCUS = 4,
    CONTROL_ROOM_KIND_COUNT = 5,
};

/* Bit `r` of receivers[room kind][sender's role]: role `r` may receive. All zero: nothing flows. */
struct control_matrix {
    uint64_t hearing;
    uint16_t receivers[CONTROL_ROOM_KIND_COUNT][CONTROL_ROLE_COUNT];
    /* Bit `r`: what role `r` sends in that kind of room goes to the tape. */
    uint16_t recorded[CONTROL_ROOM_KIND_COUNT];
};

/* `to` receives nothing of these kinds of `from`, whatever the matrix says. */
struct control_screen {
    uint64_t from;
    uint64_t to;
    uint8_t kinds; /* bits 1 << enum control_kind */
};

/* May name peers that are not there: it holds for them once they are. */
struct control_screens {
    uint64_t hearing;
    uint8_t count;
    struct control_screen screens[LIMIT_SCREENS];
};

/* Media flows only between peers of the same room (number and kind), and as the matrix says. */
struct control_peer_add {
    uint64_t hearing;
    uint64_t peer;
    uint8_t role;
    uint8_t room_kind;
    uint32_t room;
    uint8_t seats; /* pairs of audio and video, 1 to LIMIT_SEATS */
    bool red;      /* its seats may be sent sound as RED (RFC 2198) too */
};

struct control_peer {
    uint64_t hearing;
    uint64_t peer;
};

struct control_peer_move {
    uint64_t hearing;
    uint64_t peer;
    uint8_t room_kind;
    uint32_t room;
};

enum control_direction {
    CONTROL_UP = 0,   /* the page sends on it */
    CONTROL_DOWN = 1, /* the page receives on it */
    CONTROL_DIRECTION_COUNT = 2,
};

struct control_transport_connect {
    uint64_t hearing;
    uint64_t peer;
    uint8_t direction;
    uint8_t fingerprint[CONTROL_FINGERPRINT_LEN]; /* of the page's certificate, SHA-256 */
};

struct control_transport_restart {
    uint64_t hearing;
    uint64_t peer;
    uint8_t direction;
};

enum control_kind {
    CONTROL_AUDIO = 0,
    CONTROL_VIDEO = 1,
};

enum control_source {
    CONTROL_SOURCE_MICROPHONE = 0,
    CONTROL_SOURCE_CAMERA = 1,
    CONTROL_SOURCE_SCREEN = 2,
    CONTROL_SOURCE_SCREEN_AUDIO = 3,
};

struct control_stream_codec {
    uint8_t codec; /* enum codec */
    uint8_t payload_type;
    uint8_t rtx_payload_type; /* 0: none */
    uint8_t red_payload_type; /* Opus alone: of RED (RFC 2198) of it; 0: none */
};

struct control_encoding {
    uint32_t ssrc;     /* 0: learned by rid */
    uint32_t rtx_ssrc; /* 0: none, or learned by rid */
    char rid[CONTROL_RID_MAX];
};

/* What a page publishes, with its own payload types and extension ids (0: not used). */
struct control_stream_add {
    uint64_t hearing;
    uint64_t peer;
    uint64_t stream;
    uint8_t kind;
    uint8_t source;
    bool paused;
    uint8_t codec_count;
    struct control_stream_codec codecs[LIMIT_CODECS_PER_STREAM];
    uint8_t encoding_count;
    struct control_encoding encodings[LIMIT_ENCODINGS];
    /* Spatial layers of the only encoding, VP9's LnTm_KEY: each counts as an encoding wherever
     * else they are told apart by number. 0 or 1: it has none. */
    uint8_t spatial_layers;
    char mid[CONTROL_RID_MAX];
    uint8_t ext_mid, ext_rid, ext_repaired_rid, ext_transport_cc, ext_abs_send_time,
        ext_audio_level;
};

struct control_stream_present {
    uint64_t hearing;
    uint64_t peer;
    uint64_t stream;
    uint8_t kind;
    uint8_t source;
    bool paused;
};

struct control_stream {
    uint64_t hearing;
    uint64_t peer;
    uint64_t stream;
};

struct control_stream_pause {
    uint64_t hearing;
    uint64_t peer;
    uint64_t stream;
    bool paused;
};

/* Shows `stream` of another peer in a seat; stream 0 empties it. DONE-less: SEAT_SWITCHED answers,
 * with -EACCES when the matrix forbids the route, -ENOENT when stream or seat is not there. */
struct control_seat_set {
    uint64_t hearing;
    uint64_t peer;
    uint8_t seat;
    uint8_t kind;
    uint64_t stream;
};

/* What a picture is to the court, where not all can be sent: earlier ones go first. Who speaks goes
 * before all but exhibits, and is known to the media core itself. */
enum control_rank {
    CONTROL_RANK_EXHIBIT = 0, /* a screen, or what is shown as evidence */
    CONTROL_RANK_JUDGE = 1,
    CONTROL_RANK_INTERPRETER = 2, /* of signs: what is not seen is not said */
    CONTROL_RANK_OTHER = 3,
};

/* Until it is said of a seat, its picture is CONTROL_RANK_OTHER and as high as it comes. */
struct control_seat_view {
    uint64_t hearing;
    uint64_t peer;
    uint8_t seat;
    uint8_t rank;    /* enum control_rank */
    uint16_t height; /* it is shown with, pixels of the screen; 0: it is not looked at */
};

struct control_peer_video {
    uint64_t hearing;
    uint64_t peer;
    bool on; /* as at first; false: sound alone */
};

struct control_done {
    int32_t status; /* 0 or a negative errno */
};

struct control_ice {
    char ufrag[CONTROL_UFRAG_MAX];
    char password[CONTROL_PASSWORD_MAX];
};

struct control_candidate {
    char address[CONTROL_ADDRESS_MAX];
    uint16_t port;
    bool tcp; /* RFC 6544 passive */
    uint32_t priority;
};

struct control_seat_ssrcs {
    uint32_t audio_ssrc;
    uint32_t video_ssrc;
    uint32_t video_rtx_ssrc;
};

/* -EUSERS: this server is full (sfu/load.h), which is said to the public and in hearings that were
 * refused for it; -ENOSPC: the hearing is. */
struct control_peer_ready {
    int32_t status;
    uint64_t peer;
    struct control_ice ice[CONTROL_DIRECTION_COUNT];
    uint8_t fingerprint[CONTROL_FINGERPRINT_LEN]; /* of the media core's certificate, SHA-256 */
    uint8_t candidate_count;
    struct control_candidate candidates[LIMIT_CANDIDATES];
    uint8_t seat_count;
    struct control_seat_ssrcs seats[LIMIT_SEATS];
};

struct control_transport_restarted {
    int32_t status;
    struct control_ice ice;
};

struct control_seat_switched {
    int32_t status;
    uint64_t hearing;
    uint64_t peer;
    uint8_t seat;
    uint8_t kind;
    uint64_t stream; /* 0: empty now */
};

enum control_transport_phase {
    CONTROL_TRANSPORT_NEW = 0,
    CONTROL_TRANSPORT_ICE = 1,       /* an address is proven */
    CONTROL_TRANSPORT_CONNECTED = 2, /* keys are agreed, media may flow */
    CONTROL_TRANSPORT_SILENT = 3,    /* nothing authentic for 7 s; may come back */
    CONTROL_TRANSPORT_EXPIRED = 4,   /* RFC 7675: no consent for 30 s, nothing is sent any more */
    CONTROL_TRANSPORT_CLOSED = 5,    /* DTLS close_notify: the page left on purpose */
    CONTROL_TRANSPORT_FAILED = 6,    /* DTLS failed, or a wrong certificate */
};

struct control_transport_state {
    uint64_t hearing;
    uint64_t peer;
    uint8_t direction;
    uint8_t phase;
};

enum control_picture {
    CONTROL_PICTURE_SHOWN = 0,
    CONTROL_PICTURE_HELD = 1, /* the way to the page does not carry it; the last one stays */
};

struct control_seat_picture {
    uint64_t hearing;
    uint64_t peer;
    uint8_t seat;
    uint8_t picture; /* enum control_picture */
};

/* The others may be switched off by the page that sends them. The smallest always counts as
 * received: whoever comes sees it at once, and that the camera is on is known from it. */
struct control_layers {
    uint64_t hearing;
    uint64_t peer; /* who publishes it */
    uint64_t stream;
    uint8_t received; /* bit i: encodings[i] of STREAM_ADD, or its spatial layer i */
};

struct control_stream_state {
    uint64_t hearing;
    uint64_t peer;
    uint64_t stream;
    bool flowing;
};

struct control_speaker {
    uint64_t peer;
    uint8_t level_dbov; /* RFC 6464: 0 loudest to 127 silent */
};

#define CONTROL_SPEAKERS_MAX 8
struct control_speakers {
    uint64_t hearing;
    uint8_t count;
    struct control_speaker speakers[CONTROL_SPEAKERS_MAX]; /* loudest first; who speaks now */
};

struct control_peer_stats {
    uint64_t hearing;
    uint64_t peer;
    uint32_t rtt_us;             /* 0: not known yet */
    uint32_t up_loss_permille;   /* of what the page sent, before repair, in the last 2 s */
    uint32_t down_loss_permille; /* of what it was sent, by its receiver reports */
    uint32_t up_bps, down_bps;
    uint64_t up_packets, down_packets; /* RTP since the peer was added */
    uint32_t down_estimate_bps;        /* what the way to it carries; 0: it gives no feedback */
    /* Of sound, RFC 3550 section 6.4.1; 0: there is none, or it is not known. Down: the worst seat
     * of the last reports. */
    uint32_t up_jitter_us, down_jitter_us;
    uint8_t up_layers;     /* of its camera, bit i: encodings[i] or spatial layer i comes */
    uint16_t up_height;    /* of the best of them, pixels; 0: none, or not known */
    uint8_t down_pictures; /* seats whose picture it is sent */
    uint8_t down_held;     /* seats whose picture is held, see SEAT_PICTURE */
    uint16_t down_height;  /* of the highest picture it is sent, pixels; 0: as above */
};

/* What seals media. */
enum control_sealing {
    CONTROL_SEALING_UNKNOWN = 0, /* the media core has not told */
    CONTROL_SEALING_OPENSSL = 1,
    CONTROL_SEALING_IPSEC_MB_SSE = 2,
    CONTROL_SEALING_IPSEC_MB_AVX = 3,
    CONTROL_SEALING_IPSEC_MB_AVX2 = 4,
    CONTROL_SEALING_IPSEC_MB_AVX512 = 5,
    CONTROL_SEALING_COUNT = 6,
};

/* Order of control_metrics.values. Counters since start of the process, gauges marked; those of the
 * media core's workers are summed but where it says otherwise. */
enum control_metric {
    CONTROL_METRIC_PACKETS_IN = 0, /* RTP accepted */
    CONTROL_METRIC_PACKETS_OUT,
    CONTROL_METRIC_BYTES_IN,
    CONTROL_METRIC_BYTES_OUT,
    CONTROL_METRIC_PACKETS_LOST, /* of publishers' streams, never repaired */
    CONTROL_METRIC_PACKETS_REPAIRED,
    CONTROL_METRIC_NACK_SENT,
    CONTROL_METRIC_NACK_RECEIVED,
    CONTROL_METRIC_RTX_SENT,
    CONTROL_METRIC_RED_SENT,      /* packets of sound sent together with earlier ones */
    CONTROL_METRIC_JOINED_SENT,   /* packets of sound made of two or three */
    CONTROL_METRIC_PADDING_SENT,  /* packets without media, to find out what a way carries */
    CONTROL_METRIC_PACED,         /* packets of pictures that waited for a slow line */
    CONTROL_METRIC_PACED_DROPPED, /* pictures of which more would have waited than may */
    CONTROL_METRIC_PLI_SENT,
    CONTROL_METRIC_PLI_RECEIVED,
    CONTROL_METRIC_KEY_FRAMES,
    CONTROL_METRIC_DROPPED_JUNK,     /* datagrams that are no STUN, DTLS or RTP of a known peer */
    CONTROL_METRIC_DROPPED_FORGED,   /* failed authentication or replayed */
    CONTROL_METRIC_DROPPED_UNROUTED, /* RTP of no announced stream */
    CONTROL_METRIC_DROPPED_POOL,     /* no packet buffer was free: our fault */
    CONTROL_METRIC_DROPPED_SEND,     /* the kernel did not take it */
    CONTROL_METRIC_DROPPED_QUEUE, /* by the kernel at our sockets, mostly as the queue was full */
    CONTROL_METRIC_DROPPED_TCP,   /* a TCP connection does not take what its page is sent */
    /* Its peer sends more than LIMIT_PEER_BYTES or _PACKETS; or not recorded, because it begins
     * more than LIMIT_TRACKS_AT_ONCE or changes codecs within LIMIT_TRACK_CODEC_MS. */
    CONTROL_METRIC_DROPPED_FLOOD,
    CONTROL_METRIC_STUN_REFUSED,
    CONTROL_METRIC_DTLS_FAILED,
    CONTROL_METRIC_RING_PACKETS,    /* copied to rings */
    CONTROL_METRIC_RING_DROPPED,    /* rings were full: a gap in the record, our fault */
    CONTROL_METRIC_SENT,            /* datagrams that the kernel took, ... */
    CONTROL_METRIC_SEND_MESSAGES,   /* ... as so many messages: UDP_SEGMENT splits them ... */
    CONTROL_METRIC_SEND_CALLS,      /* ... in so many system calls */
    CONTROL_METRIC_TCP_SENT,        /* of datagrams besides: over TCP */
    CONTROL_METRIC_TCP_REFUSED,     /* connections over a bound, or ended without a proven path */
    CONTROL_METRIC_TCP_CONNECTIONS, /* gauge */
    CONTROL_METRIC_WALL_STEPS,      /* the wall clock was set while the media core ran */
    CONTROL_METRIC_HEARINGS,        /* gauge */
    CONTROL_METRIC_PEERS,           /* gauge */
    CONTROL_METRIC_STREAMS,         /* gauge */
    CONTROL_METRIC_LOAD,        /* gauge: packets a second, forwarded or set aside (sfu/load.h) */
    CONTROL_METRIC_CAPACITY,    /* gauge: packets a second that may be; 0: no bound */
    CONTROL_METRIC_PLACES_LEFT, /* gauge: participants taken besides; 0 without a bound too */
    CONTROL_METRIC_ROOM_LEFT,   /* gauge: the same of the emptiest worker (the largest of all) */
    CONTROL_METRIC_REFUSED,     /* hearings, and people of the public, as the server was full */
    CONTROL_METRIC_SEALING,     /* enum control_sealing, of any worker (the largest) */
    /* Gauge: longest that a worker worked between two reads of a socket, in the last second, us; of
     * the slowest worker (the largest). */
    CONTROL_METRIC_READ_GAP_US,
    CONTROL_METRIC_TAPE_BYTES,   /* recorder: durable */
    CONTROL_METRIC_TAPE_RECORDS, /* recorder */
    CONTROL_METRIC_TAPE_SYNC_US, /* recorder: duration of the last fdatasync, gauge */
    CONTROL_METRIC_TAPE_ERRORS,  /* recorder: failed writes */
    CONTROL_METRIC_COUNT
};

struct control_metrics {
    uint64_t values[CONTROL_METRIC_COUNT];
};

struct control_tape_note {
    uint64_t hearing;
    uint64_t wall_us;
    uint16_t text_len;
    const uint8_t *text; /* UTF-8 JSON; borrowed from the datagram or the sender's buffer */
};

struct control_tape_ready {
    int32_t status; /* 0: the datagram carries the ring's descriptor */
    uint64_t hearing;
};

/* Everything that was in the ring at `checked_us` is on disk. */
struct control_tape_mark {
    uint64_t hearing;
    uint64_t checked_us;    /* CLOCK_MONOTONIC */
    uint64_t durable_index; /* newest tape index on disk */
    uint64_t ring_index;    /* newest ring index on disk */
    uint64_t ring_dropped;  /* packets the ring could not take since it was made */
    uint64_t bytes;         /* of the tape, durable */
    int32_t error;          /* 0, or why writing fails now (negative errno) */
};

enum control_render_phase {
    CONTROL_RENDER_NONE = 0,
    CONTROL_RENDER_RUNNING = 1,
    CONTROL_RENDER_DONE = 2,
    CONTROL_RENDER_FAILED = 3,
};

struct control_render_state {
    uint64_t hearing;
    uint8_t phase;
    uint8_t percent;
};

struct control_message {
    enum control_type type;
    uint32_t request; /* chosen by who asks; the answer carries it */
    union {
        struct control_hello hello;
        struct control_hearing_open hearing_open; /* HEARING_PRESENT too */
        struct control_hearing hearing; /* HEARING_CLOSE, TAPE_OPEN, TAPE_CLOSE, TAPE_RENDER */
        struct control_matrix matrix;
        struct control_screens screens;
        struct control_peer_add peer_add; /* PEER_PRESENT too */
        struct control_peer peer;         /* PEER_REMOVE */
        struct control_peer_move peer_move;
        struct control_transport_connect transport_connect;
        struct control_transport_restart transport_restart;
        struct control_stream_add stream_add;
        struct control_stream_present stream_present;
        struct control_stream stream; /* STREAM_REMOVE */
        struct control_stream_pause stream_pause;
        struct control_seat_set seat_set;
        struct control_seat_view seat_view;
        struct control_peer_video peer_video;
        struct control_done done;
        struct control_peer_ready peer_ready;
        struct control_transport_restarted transport_restarted;
        struct control_seat_switched seat_switched;
        struct control_seat_picture seat_picture;
        struct control_layers layers;
        struct control_transport_state transport_state;
        struct control_stream_state stream_state;
        struct control_speakers speakers;
        struct control_peer_stats peer_stats;
        struct control_metrics metrics;
        struct control_tape_note tape_note;
        struct control_tape_ready tape_ready;
        struct control_tape_mark tape_mark;
        struct control_render_state render_state;
    };
};

/* Encodes into `buffer`. Returns 0, -EMSGSIZE if it does not fit or a count or string is over its
 * bound, or -EINVAL for an unknown type or a number out of its range. */
int control_encode(const struct control_message *message, void *buffer, size_t capacity,
                   size_t *ret_len);

/* Decodes one datagram. Returns 0, or -EBADMSG for an unknown type, a short or long body, a count
 * over its bound, an enum out of range or a string without end. `ret_message` is written only on
 * success; a note's text stays in `data`. */
int control_decode(const void *data, size_t len, struct control_message *ret_message);

/* What it is for people, such as "ipsec-mb AVX512"; NULL for CONTROL_SEALING_UNKNOWN and anything
 * out of range. */
const char *control_sealing_name(uint64_t sealing);

/* The type's name for logs, such as "PEER_ADD"; "?" for none. */
const char *control_type_name(enum control_type type);

#endif
