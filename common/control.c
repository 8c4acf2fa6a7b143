/* SPDX-License-Identifier: Apache-2.0 */
#include "common/control.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "common/wire.h"

/* On the wire a message is u16 type, u32 request and then its fields in the order of its table
 * below, each as wire.h says. */

#define ROLE(s, m)      WIRE_RANGE(s, m, 0, CONTROL_ROLE_COUNT - 1)
#define ROOM_KIND(s, m) WIRE_RANGE(s, m, 0, CONTROL_ROOM_KIND_COUNT - 1)
#define DIRECTION(s, m) WIRE_RANGE(s, m, 0, CONTROL_DIRECTION_COUNT - 1)
#define KIND(s, m)      WIRE_RANGE(s, m, 0, CONTROL_VIDEO)
#define SEAT(s, m)      WIRE_RANGE(s, m, 0, LIMIT_SEATS - 1)

/* RFC 3550 section 5.1: seven bits. */
#define PAYLOAD_TYPE(s, m) WIRE_RANGE(s, m, 0, 127)

/* RFC 6464 section 3: seven bits. */
#define LEVEL_DBOV_MAX 127

static const struct wire_field hello[] = {
    WIRE_UINT(control_hello, version),
    WIRE_UINT(control_hello, boot_id),
    WIRE_UINT(control_hello, pid),
};

static const struct wire_field hearing_open[] = {
    WIRE_UINT(control_hearing_open, hearing),
    WIRE_FLAG(control_hearing_open, recorded),
    WIRE_FLAG(control_hearing_open, accepted),
};

static const struct wire_field hearing[] = {
    WIRE_UINT(control_hearing, hearing),
};

static const struct wire_field u16_element[] = {
    {.kind = WIRE_KIND_UINT, .size = 2, .max = UINT64_MAX}};
static const struct wire_field u64_element[] = {
    {.kind = WIRE_KIND_UINT, .size = 8, .max = UINT64_MAX}};

static const struct wire_field matrix_row[] = {
    {.kind = WIRE_KIND_EACH, .size = 2, .max = CONTROL_ROLE_COUNT, WIRE_TABLE(u16_element)},
};

static const struct wire_field matrix[] = {
    WIRE_UINT(control_matrix, hearing),
    WIRE_EACH(control_matrix, receivers, matrix_row),
    WIRE_EACH(control_matrix, recorded, u16_element),
};

static const struct wire_field screen[] = {
    WIRE_UINT(control_screen, from),
    WIRE_UINT(control_screen, to),
    WIRE_RANGE(control_screen, kinds, 1, 1 << CONTROL_AUDIO | 1 << CONTROL_VIDEO),
};

static const struct wire_field screens[] = {
    WIRE_UINT(control_screens, hearing),
    WIRE_LIST(control_screens, screens, count, screen),
};

static const struct wire_field peer_add[] = {
    WIRE_UINT(control_peer_add, hearing), WIRE_UINT(control_peer_add, peer),
    ROLE(control_peer_add, role),         ROOM_KIND(control_peer_add, room_kind),
    WIRE_UINT(control_peer_add, room),    WIRE_RANGE(control_peer_add, seats, 1, LIMIT_SEATS),
    WIRE_FLAG(control_peer_add, red),
};

static const struct wire_field peer[] = {
    WIRE_UINT(control_peer, hearing),
    WIRE_UINT(control_peer, peer),
};

static const struct wire_field peer_move[] = {
    WIRE_UINT(control_peer_move, hearing),
    WIRE_UINT(control_peer_move, peer),
    ROOM_KIND(control_peer_move, room_kind),
    WIRE_UINT(control_peer_move, room),
};

static const struct wire_field transport_connect[] = {
    WIRE_UINT(control_transport_connect, hearing),
    WIRE_UINT(control_transport_connect, peer),
    DIRECTION(control_transport_connect, direction),
    WIRE_BYTES(control_transport_connect, fingerprint),
};

static const struct wire_field transport_restart[] = {
    WIRE_UINT(control_transport_restart, hearing),
    WIRE_UINT(control_transport_restart, peer),
    DIRECTION(control_transport_restart, direction),
};

static const struct wire_field stream_codec[] = {
    WIRE_RANGE(control_stream_codec, codec, CODEC_NONE + 1, CODEC_COUNT - 1),
    PAYLOAD_TYPE(control_stream_codec, payload_type),
    PAYLOAD_TYPE(control_stream_codec, rtx_payload_type),
    PAYLOAD_TYPE(control_stream_codec, red_payload_type),
};

static const struct wire_field encoding[] = {
    WIRE_UINT(control_encoding, ssrc),
    WIRE_UINT(control_encoding, rtx_ssrc),
    WIRE_STRING(control_encoding, rid),
};

static const struct wire_field stream_add[] = {
    WIRE_UINT(control_stream_add, hearing),
    WIRE_UINT(control_stream_add, peer),
    WIRE_UINT(control_stream_add, stream),
    KIND(control_stream_add, kind),
    WIRE_RANGE(control_stream_add, source, 0, CONTROL_SOURCE_SCREEN_AUDIO),
    WIRE_FLAG(control_stream_add, paused),
    WIRE_LIST(control_stream_add, codecs, codec_count, stream_codec),
    WIRE_LIST(control_stream_add, encodings, encoding_count, encoding),
    WIRE_RANGE(control_stream_add, spatial_layers, 0, LIMIT_ENCODINGS),
    WIRE_STRING(control_stream_add, mid),
    WIRE_UINT(control_stream_add, ext_mid),
    WIRE_UINT(control_stream_add, ext_rid),
    WIRE_UINT(control_stream_add, ext_repaired_rid),
    WIRE_UINT(control_stream_add, ext_transport_cc),
    WIRE_UINT(control_stream_add, ext_abs_send_time),
    WIRE_UINT(control_stream_add, ext_audio_level),
};

static const struct wire_field stream_present[] = {
    WIRE_UINT(control_stream_present, hearing),
    WIRE_UINT(control_stream_present, peer),
    WIRE_UINT(control_stream_present, stream),
    KIND(control_stream_present, kind),
    WIRE_RANGE(control_stream_present, source, 0, CONTROL_SOURCE_SCREEN_AUDIO),
    WIRE_FLAG(control_stream_present, paused),
};

static const struct wire_field stream[] = {
    WIRE_UINT(control_stream, hearing),
    WIRE_UINT(control_stream, peer),
    WIRE_UINT(control_stream, stream),
};

static const struct wire_field stream_pause[] = {
    WIRE_UINT(control_stream_pause, hearing),
    WIRE_UINT(control_stream_pause, peer),
    WIRE_UINT(control_stream_pause, stream),
    WIRE_FLAG(control_stream_pause, paused),
};

static const struct wire_field seat_set[] = {
    WIRE_UINT(control_seat_set, hearing), WIRE_UINT(control_seat_set, peer),
    SEAT(control_seat_set, seat),         KIND(control_seat_set, kind),
    WIRE_UINT(control_seat_set, stream),
};

static const struct wire_field seat_view[] = {
    WIRE_UINT(control_seat_view, hearing),
    WIRE_UINT(control_seat_view, peer),
    SEAT(control_seat_view, seat),
    WIRE_RANGE(control_seat_view, rank, 0, CONTROL_RANK_OTHER),
    WIRE_UINT(control_seat_view, height),
};

static const struct wire_field peer_video[] = {
    WIRE_UINT(control_peer_video, hearing),
    WIRE_UINT(control_peer_video, peer),
    WIRE_FLAG(control_peer_video, on),
};

static const struct wire_field done[] = {
    WIRE_STATUS(control_done, status),
};

static const struct wire_field ice[] = {
    WIRE_STRING(control_ice, ufrag),
    WIRE_STRING(control_ice, password),
};

static const struct wire_field candidate[] = {
    WIRE_STRING(control_candidate, address),
    WIRE_UINT(control_candidate, port),
    WIRE_FLAG(control_candidate, tcp),
    WIRE_UINT(control_candidate, priority),
};

static const struct wire_field seat_ssrcs[] = {
    WIRE_UINT(control_seat_ssrcs, audio_ssrc),
    WIRE_UINT(control_seat_ssrcs, video_ssrc),
    WIRE_UINT(control_seat_ssrcs, video_rtx_ssrc),
};

static const struct wire_field peer_ready[] = {
    WIRE_STATUS(control_peer_ready, status),
    WIRE_UINT(control_peer_ready, peer),
    WIRE_EACH(control_peer_ready, ice, ice),
    WIRE_BYTES(control_peer_ready, fingerprint),
    WIRE_LIST(control_peer_ready, candidates, candidate_count, candidate),
    WIRE_LIST(control_peer_ready, seats, seat_count, seat_ssrcs),
};

static const struct wire_field transport_restarted[] = {
    WIRE_STATUS(control_transport_restarted, status),
    WIRE_STRING(control_transport_restarted, ice.ufrag),
    WIRE_STRING(control_transport_restarted, ice.password),
};

static const struct wire_field seat_switched[] = {
    WIRE_STATUS(control_seat_switched, status), WIRE_UINT(control_seat_switched, hearing),
    WIRE_UINT(control_seat_switched, peer),     SEAT(control_seat_switched, seat),
    KIND(control_seat_switched, kind),          WIRE_UINT(control_seat_switched, stream),
};

static const struct wire_field seat_picture[] = {
    WIRE_UINT(control_seat_picture, hearing),
    WIRE_UINT(control_seat_picture, peer),
    SEAT(control_seat_picture, seat),
    WIRE_RANGE(control_seat_picture, picture, 0, CONTROL_PICTURE_HELD),
};

static const struct wire_field layers[] = {
    WIRE_UINT(control_layers, hearing),
    WIRE_UINT(control_layers, peer),
    WIRE_UINT(control_layers, stream),
    WIRE_RANGE(control_layers, received, 1, (1 << LIMIT_ENCODINGS) - 1),
};

static const struct wire_field transport_state[] = {
    WIRE_UINT(control_transport_state, hearing),
    WIRE_UINT(control_transport_state, peer),
    DIRECTION(control_transport_state, direction),
    WIRE_RANGE(control_transport_state, phase, 0, CONTROL_TRANSPORT_FAILED),
};

static const struct wire_field stream_state[] = {
    WIRE_UINT(control_stream_state, hearing),
    WIRE_UINT(control_stream_state, peer),
    WIRE_UINT(control_stream_state, stream),
    WIRE_FLAG(control_stream_state, flowing),
};

static const struct wire_field speaker[] = {
    WIRE_UINT(control_speaker, peer),
    WIRE_RANGE(control_speaker, level_dbov, 0, LEVEL_DBOV_MAX),
};

static const struct wire_field speakers[] = {
    WIRE_UINT(control_speakers, hearing),
    WIRE_LIST(control_speakers, speakers, count, speaker),
};

static const struct wire_field peer_stats[] = {
    WIRE_UINT(control_peer_stats, hearing),
    WIRE_UINT(control_peer_stats, peer),
    WIRE_UINT(control_peer_stats, rtt_us),
    WIRE_RANGE(control_peer_stats, up_loss_permille, 0, 1000),
    WIRE_RANGE(control_peer_stats, down_loss_permille, 0, 1000),
    WIRE_UINT(control_peer_stats, up_bps),
    WIRE_UINT(control_peer_stats, down_bps),
    WIRE_UINT(control_peer_stats, up_packets),
    WIRE_UINT(control_peer_stats, down_packets),
    WIRE_UINT(control_peer_stats, down_estimate_bps),
    WIRE_UINT(control_peer_stats, up_jitter_us),
    WIRE_UINT(control_peer_stats, down_jitter_us),
    WIRE_RANGE(control_peer_stats, up_layers, 0, (1 << LIMIT_ENCODINGS) - 1),
    WIRE_UINT(control_peer_stats, up_height),
    WIRE_RANGE(control_peer_stats, down_pictures, 0, LIMIT_SEATS),
    WIRE_RANGE(control_peer_stats, down_held, 0, LIMIT_SEATS),
    WIRE_UINT(control_peer_stats, down_height),
};

static const struct wire_field metrics[] = {
    WIRE_EACH(control_metrics, values, u64_element),
};

static const struct wire_field tape_note[] = {
    WIRE_UINT(control_tape_note, hearing),
    WIRE_UINT(control_tape_note, wall_us),
    WIRE_TEXT(control_tape_note, text, text_len, LIMIT_NOTE_BYTES),
};

static const struct wire_field tape_ready[] = {
    WIRE_STATUS(control_tape_ready, status),
    WIRE_UINT(control_tape_ready, hearing),
};

static const struct wire_field tape_mark[] = {
    WIRE_UINT(control_tape_mark, hearing),       WIRE_UINT(control_tape_mark, checked_us),
    WIRE_UINT(control_tape_mark, durable_index), WIRE_UINT(control_tape_mark, ring_index),
    WIRE_UINT(control_tape_mark, ring_dropped),  WIRE_UINT(control_tape_mark, bytes),
    WIRE_STATUS(control_tape_mark, error),
};

static const struct wire_field render_state[] = {
    WIRE_UINT(control_render_state, hearing),
    WIRE_RANGE(control_render_state, phase, 0, CONTROL_RENDER_FAILED),
    WIRE_RANGE(control_render_state, percent, 0, 100),
};

struct description {
    const char *name;
    const struct wire_field *fields;
    size_t field_count;
};

#define MESSAGE(type, table) [CONTROL_##type] = {.name = #type, WIRE_TABLE(table)}

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
    MESSAGE(SEAT_VIEW, seat_view),
    MESSAGE(PEER_VIDEO, peer_video),
    MESSAGE(SCREENS, screens),
    MESSAGE(DONE, done),
    MESSAGE(PEER_READY, peer_ready),
    MESSAGE(TRANSPORT_RESTARTED, transport_restarted),
    MESSAGE(SEAT_SWITCHED, seat_switched),
    MESSAGE(TRANSPORT_STATE, transport_state),
    MESSAGE(STREAM_STATE, stream_state),
    MESSAGE(SPEAKERS, speakers),
    MESSAGE(PEER_STATS, peer_stats),
    MESSAGE(METRICS, metrics),
    MESSAGE(SEAT_PICTURE, seat_picture),
    MESSAGE(LAYERS, layers),
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

int control_encode(const struct control_message *message, void *buffer, size_t capacity,
                   size_t *ret_len)
{
    const struct description *description = describe((unsigned)message->type);
    if (!description)
        return -EINVAL;
    struct writer w = writer_over(buffer, capacity);
    writer_u16(&w, (uint16_t)message->type);
    writer_u32(&w, message->request);
    int result = wire_encode(&w, description->fields, description->field_count,
                             (const uint8_t *)message + BODY_OFFSET);
    if (result < 0)
        return result;
    if (w.failed)
        return -EMSGSIZE;
    *ret_len = writer_len(&w);
    return 0;
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
    if (!wire_decode(&r, description->fields, description->field_count, body) ||
        reader_left(&r) != 0)
        return -EBADMSG;
    *ret_message = message;
    return 0;
}

const char *control_sealing_name(uint64_t sealing)
{
    static const char *const names[CONTROL_SEALING_COUNT] = {
        [CONTROL_SEALING_OPENSSL] = "openssl",
        [CONTROL_SEALING_IPSEC_MB_SSE] = "ipsec-mb SSE",
        [CONTROL_SEALING_IPSEC_MB_AVX] = "ipsec-mb AVX",
        [CONTROL_SEALING_IPSEC_MB_AVX2] = "ipsec-mb AVX2",
        [CONTROL_SEALING_IPSEC_MB_AVX512] = "ipsec-mb AVX512",
    };
    return sealing < CONTROL_SEALING_COUNT ? names[sealing] : NULL;
}

const char *control_type_name(enum control_type type)
{
    const struct description *description = describe((unsigned)type);
    return description ? description->name : "?";
}
