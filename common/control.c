/* SPDX-License-Identifier: Apache-2.0 */
#include "common/control.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"

/* On the wire a message is u16 type, u32 request and then its fields in the order of its table
 * below: integers big-endian in their own width, flags as u8 0 or 1, strings as u8 length and
 * bytes, lists as u8 count and elements. One walk over the table encodes, another decodes. */
enum field_kind {
    FIELD_UINT,   /* uint8_t to uint64_t, from `min` to `max` */
    FIELD_FLAG,   /* bool */
    FIELD_STATUS, /* int32_t, 0 or a negative errno */
    FIELD_STRING, /* char[size] with a final NUL */
    FIELD_BYTES,  /* uint8_t[size] */
    FIELD_EACH,   /* array of exactly `max` elements */
    FIELD_LIST,   /* array of at most `max` elements, as many as the uint8_t at `count` says */
    FIELD_TEXT,   /* const uint8_t * to as many bytes as the uint16_t at `count` says */
};

struct field {
    enum field_kind kind;
    size_t offset; /* in its struct */
    size_t size;   /* of the field, or of one element */
    size_t count;
    uint64_t min, max;
    const struct field *fields; /* of an element, */
    size_t field_count;         /* so many */
};

#define SIZE(s, m) sizeof(((struct s *)0)->m)
#define AT(s, m)   .offset = offsetof(struct s, m), .size = SIZE(s, m)
#define TABLE(t)   .fields = (t), .field_count = sizeof(t) / sizeof((t)[0])

#define UINT(s, m)                                                                                 \
    {                                                                                              \
        .kind = FIELD_UINT, AT(s, m), .max = UINT64_MAX                                            \
    }
#define RANGE(s, m, lo, hi)                                                                        \
    {                                                                                              \
        .kind = FIELD_UINT, AT(s, m), .min = (lo), .max = (hi)                                     \
    }
#define FLAG(s, m)                                                                                 \
    {                                                                                              \
        .kind = FIELD_FLAG, AT(s, m)                                                               \
    }
#define STATUS(s, m)                                                                               \
    {                                                                                              \
        .kind = FIELD_STATUS, AT(s, m)                                                             \
    }
#define STRING(s, m)                                                                               \
    {                                                                                              \
        .kind = FIELD_STRING, AT(s, m)                                                             \
    }
#define BYTES(s, m)                                                                                \
    {                                                                                              \
        .kind = FIELD_BYTES, AT(s, m)                                                              \
    }
#define ELEMENTS(s, m) .offset = offsetof(struct s, m), .size = SIZE(s, m[0])
#define BOUND(s, m)    (SIZE(s, m) / SIZE(s, m[0]))
#define EACH(s, m, t)                                                                              \
    {                                                                                              \
        .kind = FIELD_EACH, ELEMENTS(s, m), .max = BOUND(s, m), TABLE(t)                           \
    }
#define LIST(s, m, n, t)                                                                           \
    {                                                                                              \
        .kind = FIELD_LIST, ELEMENTS(s, m), .count = offsetof(struct s, n), .max = BOUND(s, m),    \
        TABLE(t)                                                                                   \
    }
#define TEXT(s, m, n, bound)                                                                       \
    {                                                                                              \
        .kind = FIELD_TEXT, AT(s, m), .count = offsetof(struct s, n), .max = (bound)               \
    }

#define ROLE(s, m)      RANGE(s, m, 0, CONTROL_ROLE_COUNT - 1)
#define ROOM_KIND(s, m) RANGE(s, m, 0, CONTROL_ROOM_KIND_COUNT - 1)
#define DIRECTION(s, m) RANGE(s, m, 0, CONTROL_DIRECTION_COUNT - 1)
#define KIND(s, m)      RANGE(s, m, 0, CONTROL_VIDEO)
#define SEAT(s, m)      RANGE(s, m, 0, LIMIT_SEATS - 1)

/* RFC 3550 section 5.1: seven bits. */
#define PAYLOAD_TYPE(s, m) RANGE(s, m, 0, 127)

/* RFC 6464 section 3: seven bits. */
#define LEVEL_DBOV_MAX 127

static const struct field hello[] = {
    UINT(control_hello, version),
    UINT(control_hello, boot_id),
    UINT(control_hello, pid),
};

static const struct field hearing_open[] = {
    UINT(control_hearing_open, hearing),
    FLAG(control_hearing_open, recorded),
};

static const struct field hearing[] = {
    UINT(control_hearing, hearing),
};

static const struct field u16_element[] = {{.kind = FIELD_UINT, .size = 2, .max = UINT64_MAX}};
static const struct field u64_element[] = {{.kind = FIELD_UINT, .size = 8, .max = UINT64_MAX}};

static const struct field matrix_row[] = {
    {.kind = FIELD_EACH, .size = 2, .max = CONTROL_ROLE_COUNT, TABLE(u16_element)},
};

static const struct field matrix[] = {
    UINT(control_matrix, hearing),
    EACH(control_matrix, receivers, matrix_row),
    EACH(control_matrix, recorded, u16_element),
};

static const struct field peer_add[] = {
    UINT(control_peer_add, hearing), UINT(control_peer_add, peer),
    ROLE(control_peer_add, role),    ROOM_KIND(control_peer_add, room_kind),
    UINT(control_peer_add, room),    RANGE(control_peer_add, seats, 1, LIMIT_SEATS),
};

static const struct field peer[] = {
    UINT(control_peer, hearing),
    UINT(control_peer, peer),
};

static const struct field peer_move[] = {
    UINT(control_peer_move, hearing),
    UINT(control_peer_move, peer),
    ROOM_KIND(control_peer_move, room_kind),
    UINT(control_peer_move, room),
};

static const struct field transport_connect[] = {
    UINT(control_transport_connect, hearing),
    UINT(control_transport_connect, peer),
    DIRECTION(control_transport_connect, direction),
    BYTES(control_transport_connect, fingerprint),
};

static const struct field transport_restart[] = {
    UINT(control_transport_restart, hearing),
    UINT(control_transport_restart, peer),
    DIRECTION(control_transport_restart, direction),
};

static const struct field stream_codec[] = {
    RANGE(control_stream_codec, codec, CODEC_NONE + 1, CODEC_COUNT - 1),
    PAYLOAD_TYPE(control_stream_codec, payload_type),
    PAYLOAD_TYPE(control_stream_codec, rtx_payload_type),
};

static const struct field encoding[] = {
    UINT(control_encoding, ssrc),
    UINT(control_encoding, rtx_ssrc),
    STRING(control_encoding, rid),
};

static const struct field stream_add[] = {
    UINT(control_stream_add, hearing),
    UINT(control_stream_add, peer),
    UINT(control_stream_add, stream),
    KIND(control_stream_add, kind),
    RANGE(control_stream_add, source, 0, CONTROL_SOURCE_SCREEN_AUDIO),
    FLAG(control_stream_add, paused),
    LIST(control_stream_add, codecs, codec_count, stream_codec),
    LIST(control_stream_add, encodings, encoding_count, encoding),
    STRING(control_stream_add, mid),
    UINT(control_stream_add, ext_mid),
    UINT(control_stream_add, ext_rid),
    UINT(control_stream_add, ext_repaired_rid),
    UINT(control_stream_add, ext_transport_cc),
    UINT(control_stream_add, ext_abs_send_time),
    UINT(control_stream_add, ext_audio_level),
};

static const struct field stream_present[] = {
    UINT(control_stream_present, hearing),
    UINT(control_stream_present, peer),
    UINT(control_stream_present, stream),
    KIND(control_stream_present, kind),
    RANGE(control_stream_present, source, 0, CONTROL_SOURCE_SCREEN_AUDIO),
    FLAG(control_stream_present, paused),
};

static const struct field stream[] = {
    UINT(control_stream, hearing),
    UINT(control_stream, peer),
    UINT(control_stream, stream),
};

static const struct field stream_pause[] = {
    UINT(control_stream_pause, hearing),
    UINT(control_stream_pause, peer),
    UINT(control_stream_pause, stream),
    FLAG(control_stream_pause, paused),
};

static const struct field seat_set[] = {
    UINT(control_seat_set, hearing), UINT(control_seat_set, peer),   SEAT(control_seat_set, seat),
    KIND(control_seat_set, kind),    UINT(control_seat_set, stream),
};

static const struct field done[] = {
    STATUS(control_done, status),
};

static const struct field ice[] = {
    STRING(control_ice, ufrag),
    STRING(control_ice, password),
};

static const struct field candidate[] = {
    STRING(control_candidate, address),
    UINT(control_candidate, port),
    FLAG(control_candidate, tcp),
    UINT(control_candidate, priority),
};

static const struct field seat_ssrcs[] = {
    UINT(control_seat_ssrcs, audio_ssrc),
    UINT(control_seat_ssrcs, video_ssrc),
    UINT(control_seat_ssrcs, video_rtx_ssrc),
};

static const struct field peer_ready[] = {
    STATUS(control_peer_ready, status),
    UINT(control_peer_ready, peer),
    EACH(control_peer_ready, ice, ice),
    BYTES(control_peer_ready, fingerprint),
    LIST(control_peer_ready, candidates, candidate_count, candidate),
    LIST(control_peer_ready, seats, seat_count, seat_ssrcs),
};

static const struct field transport_restarted[] = {
    STATUS(control_transport_restarted, status),
    STRING(control_transport_restarted, ice.ufrag),
    STRING(control_transport_restarted, ice.password),
};

static const struct field seat_switched[] = {
    STATUS(control_seat_switched, status), UINT(control_seat_switched, hearing),
    UINT(control_seat_switched, peer),     SEAT(control_seat_switched, seat),
    KIND(control_seat_switched, kind),     UINT(control_seat_switched, stream),
};

static const struct field transport_state[] = {
    UINT(control_transport_state, hearing),
    UINT(control_transport_state, peer),
    DIRECTION(control_transport_state, direction),
    RANGE(control_transport_state, phase, 0, CONTROL_TRANSPORT_FAILED),
};

static const struct field stream_state[] = {
    UINT(control_stream_state, hearing),
    UINT(control_stream_state, peer),
    UINT(control_stream_state, stream),
    FLAG(control_stream_state, flowing),
};

static const struct field speaker[] = {
    UINT(control_speaker, peer),
    RANGE(control_speaker, level_dbov, 0, LEVEL_DBOV_MAX),
};

static const struct field speakers[] = {
    UINT(control_speakers, hearing),
    LIST(control_speakers, speakers, count, speaker),
};

static const struct field peer_stats[] = {
    UINT(control_peer_stats, hearing),
    UINT(control_peer_stats, peer),
    UINT(control_peer_stats, rtt_us),
    RANGE(control_peer_stats, up_loss_permille, 0, 1000),
    RANGE(control_peer_stats, down_loss_permille, 0, 1000),
    UINT(control_peer_stats, up_bps),
    UINT(control_peer_stats, down_bps),
    UINT(control_peer_stats, up_packets),
    UINT(control_peer_stats, down_packets),
};

static const struct field metrics[] = {
    EACH(control_metrics, values, u64_element),
};

static const struct field tape_note[] = {
    UINT(control_tape_note, hearing),
    UINT(control_tape_note, wall_us),
    TEXT(control_tape_note, text, text_len, LIMIT_NOTE_BYTES),
};

static const struct field tape_ready[] = {
    STATUS(control_tape_ready, status),
    UINT(control_tape_ready, hearing),
};

static const struct field tape_mark[] = {
    UINT(control_tape_mark, hearing),       UINT(control_tape_mark, checked_us),
    UINT(control_tape_mark, durable_index), UINT(control_tape_mark, ring_index),
    UINT(control_tape_mark, ring_dropped),  UINT(control_tape_mark, bytes),
    STATUS(control_tape_mark, error),
};

static const struct field render_state[] = {
    UINT(control_render_state, hearing),
    RANGE(control_render_state, phase, 0, CONTROL_RENDER_FAILED),
    RANGE(control_render_state, percent, 0, 100),
};

struct description {
    const char *name;
    const struct field *fields;
    size_t field_count;
};

#define MESSAGE(type, table) [CONTROL_##type] = {.name = #type, TABLE(table)}

static const struct description descriptions[] = {
    MESSAGE(HELLO, hello),
    MESSAGE(HEARING_OPEN, hearing_open),
    MESSAGE(HEARING_CLOSE, hearing),
    MESSAGE(MATRIX, matrix),
    MESSAGE(PEER_ADD, peer_add),
    MESSAGE(PEER_REMOVE, peer),
    MESSAGE(PEER_MOVE, peer_move),
    MESSAGE(TRANSPORT_CONNECT, transport_connect),
    MESSAGE(TRANSPORT_RESTART, transport_restart),
    MESSAGE(STREAM_ADD, stream_add),
    MESSAGE(STREAM_REMOVE, stream),
    MESSAGE(STREAM_PAUSE, stream_pause),
    MESSAGE(SEAT_SET, seat_set),
    MESSAGE(DONE, done),
    MESSAGE(PEER_READY, peer_ready),
    MESSAGE(TRANSPORT_RESTARTED, transport_restarted),
    MESSAGE(SEAT_SWITCHED, seat_switched),
    MESSAGE(TRANSPORT_STATE, transport_state),
    MESSAGE(STREAM_STATE, stream_state),
    MESSAGE(SPEAKERS, speakers),
    MESSAGE(PEER_STATS, peer_stats),
    MESSAGE(METRICS, metrics),
    MESSAGE(HEARING_PRESENT, hearing_open),
    MESSAGE(PEER_PRESENT, peer_add),
    MESSAGE(STREAM_PRESENT, stream_present),
    [CONTROL_PRESENT_END] = {.name = "PRESENT_END"},
    MESSAGE(TAPE_OPEN, hearing),
    MESSAGE(TAPE_NOTE, tape_note),
    MESSAGE(TAPE_CLOSE, hearing),
    MESSAGE(TAPE_RENDER, hearing),
    MESSAGE(TAPE_READY, tape_ready),
    MESSAGE(TAPE_MARK, tape_mark),
    MESSAGE(RENDER_STATE, render_state),
};

#define DESCRIPTION_COUNT (sizeof(descriptions) / sizeof(descriptions[0]))

/* All bodies lie at the union, so a table's offsets count from here. */
#define BODY_OFFSET offsetof(struct control_message, hello)

static const struct description *describe(unsigned type)
{
    return type < DESCRIPTION_COUNT && descriptions[type].name ? &descriptions[type] : NULL;
}

static uint64_t load_uint(const void *from, size_t size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (size) {
    case sizeof(u8):
        memcpy(&u8, from, sizeof(u8));
        return u8;
    case sizeof(u16):
        memcpy(&u16, from, sizeof(u16));
        return u16;
    case sizeof(u32):
        memcpy(&u32, from, sizeof(u32));
        return u32;
    default:
        assert(size == sizeof(u64));
        memcpy(&u64, from, sizeof(u64));
        return u64;
    }
}

static void store_uint(void *to, size_t size, uint64_t value)
{
    const uint8_t u8 = (uint8_t)value;
    const uint16_t u16 = (uint16_t)value;
    const uint32_t u32 = (uint32_t)value;
    switch (size) {
    case sizeof(u8):
        memcpy(to, &u8, sizeof(u8));
        break;
    case sizeof(u16):
        memcpy(to, &u16, sizeof(u16));
        break;
    case sizeof(u32):
        memcpy(to, &u32, sizeof(u32));
        break;
    default:
        assert(size == sizeof(value));
        memcpy(to, &value, sizeof(value));
    }
}

static void write_uint(struct writer *w, size_t size, uint64_t value)
{
    uint8_t *to = writer_skip(w, size);
    for (size_t i = 0; to && i < size; i++)
        to[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t read_uint(struct reader *r, size_t size)
{
    const uint8_t *from = reader_skip(r, size);
    uint64_t value = 0;
    for (size_t i = 0; from && i < size; i++)
        value = value << 8 | from[i];
    return value;
}

static int encode_fields(struct writer *w, const struct field *fields, size_t count,
                         const uint8_t *body);

static int encode_elements(struct writer *w, const struct field *f, const uint8_t *from,
                           uint64_t count)
{
    if (count > f->max)
        return -EMSGSIZE;
    for (uint64_t i = 0; i < count; i++) {
        int result = encode_fields(w, f->fields, f->field_count, from + i * f->size);
        if (result < 0)
            return result;
    }
    return 0;
}

static int encode_uint(struct writer *w, const struct field *f, uint64_t value)
{
    if (value < f->min || value > f->max)
        return -EINVAL;
    write_uint(w, f->size, value);
    return 0;
}

static int encode_string(struct writer *w, const struct field *f, const uint8_t *from)
{
    size_t len = strnlen((const char *)from, f->size);
    if (len == f->size)
        return -EMSGSIZE;
    writer_u8(w, (uint8_t)len);
    writer_bytes(w, from, len);
    return 0;
}

static int encode_text(struct writer *w, const struct field *f, const uint8_t *body)
{
    uint64_t len = load_uint(body + f->count, sizeof(uint16_t));
    const uint8_t *text;
    memcpy(&text, body + f->offset, sizeof(text));
    if (len > f->max)
        return -EMSGSIZE;
    writer_u16(w, (uint16_t)len);
    writer_bytes(w, text, len);
    return 0;
}

static int encode_field(struct writer *w, const struct field *f, const uint8_t *body)
{
    const uint8_t *from = body + f->offset;
    switch (f->kind) {
    case FIELD_UINT:
        return encode_uint(w, f, load_uint(from, f->size));
    case FIELD_FLAG:
        writer_u8(w, *from != 0);
        return 0;
    case FIELD_STATUS:
        if ((int32_t)load_uint(from, sizeof(int32_t)) > 0)
            return -EINVAL;
        write_uint(w, sizeof(int32_t), load_uint(from, sizeof(int32_t)));
        return 0;
    case FIELD_STRING:
        return encode_string(w, f, from);
    case FIELD_BYTES:
        writer_bytes(w, from, f->size);
        return 0;
    case FIELD_EACH:
        return encode_elements(w, f, from, f->max);
    case FIELD_LIST:
        writer_u8(w, body[f->count]);
        return encode_elements(w, f, from, body[f->count]);
    case FIELD_TEXT:
        return encode_text(w, f, body);
    }
    return -EINVAL;
}

static int encode_fields(struct writer *w, const struct field *fields, size_t count,
                         const uint8_t *body)
{
    for (size_t i = 0; i < count; i++) {
        int result = encode_field(w, &fields[i], body);
        if (result < 0)
            return result;
    }
    return 0;
}

int control_encode(const struct control_message *message, void *buffer, size_t capacity,
                   size_t *ret_len)
{
    const struct description *description = describe((unsigned)message->type);
    if (!description)
        return -EINVAL;
    struct writer w = writer_over(buffer, capacity);
    writer_u16(&w, (uint16_t)message->type);
    writer_u32(&w, message->request);
    int result = encode_fields(&w, description->fields, description->field_count,
                               (const uint8_t *)message + BODY_OFFSET);
    if (result < 0)
        return result;
    if (w.failed)
        return -EMSGSIZE;
    *ret_len = writer_len(&w);
    return 0;
}

static bool decode_fields(struct reader *r, const struct field *fields, size_t count,
                          uint8_t *body);

static bool decode_elements(struct reader *r, const struct field *f, uint8_t *to, uint64_t count)
{
    if (count > f->max)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!decode_fields(r, f->fields, f->field_count, to + i * f->size))
            return false;
    }
    return true;
}

static bool decode_uint(struct reader *r, const struct field *f, uint8_t *to)
{
    uint64_t value = read_uint(r, f->size);
    if (value < f->min || value > f->max)
        return false;
    store_uint(to, f->size, value);
    return true;
}

static bool decode_flag(struct reader *r, uint8_t *to)
{
    uint8_t value = reader_u8(r);
    const bool flag = value == 1;
    memcpy(to, &flag, sizeof(flag));
    return value <= 1;
}

static bool decode_string(struct reader *r, const struct field *f, uint8_t *to)
{
    size_t len = reader_u8(r);
    const uint8_t *text = reader_skip(r, len);
    if (!text || len >= f->size || memchr(text, '\0', len))
        return false;
    memcpy(to, text, len); /* the rest is zero: the message began so */
    return true;
}

static bool decode_text(struct reader *r, const struct field *f, uint8_t *body)
{
    size_t len = reader_u16(r);
    const uint8_t *text = reader_skip(r, len);
    if (!text || len > f->max)
        return false;
    store_uint(body + f->count, sizeof(uint16_t), len);
    memcpy(body + f->offset, &text, sizeof(text));
    return true;
}

/* Whether the field is as it must be; a short read shows in `r` at the end. */
static bool decode_field(struct reader *r, const struct field *f, uint8_t *body)
{
    uint8_t *to = body + f->offset;
    switch (f->kind) {
    case FIELD_UINT:
        return decode_uint(r, f, to);
    case FIELD_FLAG:
        return decode_flag(r, to);
    case FIELD_STATUS:
        store_uint(to, sizeof(int32_t), reader_u32(r));
        return (int32_t)load_uint(to, sizeof(int32_t)) <= 0;
    case FIELD_STRING:
        return decode_string(r, f, to);
    case FIELD_BYTES: {
        const uint8_t *bytes = reader_skip(r, f->size);
        if (bytes)
            memcpy(to, bytes, f->size);
        return bytes != NULL;
    }
    case FIELD_EACH:
        return decode_elements(r, f, to, f->max);
    case FIELD_LIST:
        body[f->count] = reader_u8(r);
        return decode_elements(r, f, to, body[f->count]);
    case FIELD_TEXT:
        return decode_text(r, f, body);
    }
    return false;
}

static bool decode_fields(struct reader *r, const struct field *fields, size_t count, uint8_t *body)
{
    for (size_t i = 0; i < count; i++) {
        if (!decode_field(r, &fields[i], body))
            return false;
    }
    return !r->failed;
}

int control_decode(const void *data, size_t len, struct control_message *ret_message)
{
    struct reader r = reader_over(data, len);
    unsigned type = reader_u16(&r);
    uint32_t request = reader_u32(&r);
    const struct description *description = describe(type);
    if (r.failed || !description)
        return -EBADMSG;
    struct control_message message = {.type = (enum control_type)type, .request = request};
    /* The initializer clears only the union's first member; lists and strings want all of it. */
    uint8_t *body = (uint8_t *)&message + BODY_OFFSET;
    memset(body, 0, sizeof(message) - BODY_OFFSET);
    if (!decode_fields(&r, description->fields, description->field_count, body) ||
        reader_left(&r) != 0)
        return -EBADMSG;
    *ret_message = message;
    return 0;
}

const char *control_type_name(enum control_type type)
{
    const struct description *description = describe((unsigned)type);
    return description ? description->name : "?";
}
