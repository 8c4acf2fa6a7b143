/* SPDX-License-Identifier: Apache-2.0 */
#include "common/control.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "unit/check.h"

#define ID(n) (0x0102030405060700u + (n))

/* Every field of every message, each with a value of its own and all lists full. */
static void fill_peer_ready(struct control_peer_ready *m)
{
    m->status = -ENOMEM;
    m->peer = ID(1);
    for (int i = 0; i < CONTROL_DIRECTION_COUNT; i++) {
        memset(m->ice[i].ufrag, 'a' + i, sizeof(m->ice[i].ufrag) - 1);
        memset(m->ice[i].password, 'k' + i, sizeof(m->ice[i].password) - 1);
    }
    for (unsigned i = 0; i < sizeof(m->fingerprint); i++)
        m->fingerprint[i] = (uint8_t)(i + 1);
    m->candidate_count = LIMIT_CANDIDATES;
    for (unsigned i = 0; i < LIMIT_CANDIDATES; i++) {
        snprintf(m->candidates[i].address, CONTROL_ADDRESS_MAX, "192.0.2.%u", i);
        m->candidates[i].port = (uint16_t)(40000 + i);
        m->candidates[i].tcp = i % 2 == 0;
        m->candidates[i].priority = 0x7effffffu - i;
    }
    m->seat_count = LIMIT_SEATS;
    for (unsigned i = 0; i < LIMIT_SEATS; i++)
        m->seats[i] = (struct control_seat_ssrcs){0x100 + i, 0x200 + i, 0x300 + i};
}

static void fill_stream_add(struct control_stream_add *m)
{
    m->hearing = ID(1);
    m->peer = ID(2);
    m->stream = ID(3);
    m->kind = CONTROL_VIDEO;
    m->source = CONTROL_SOURCE_SCREEN;
    m->paused = true;
    m->codec_count = LIMIT_CODECS_PER_STREAM;
    for (unsigned i = 0; i < LIMIT_CODECS_PER_STREAM; i++) {
        m->codecs[i].codec = CODEC_VP8;
        m->codecs[i].payload_type = (uint8_t)(96 + i);
        m->codecs[i].rtx_payload_type = (uint8_t)(112 + i);
    }
    m->encoding_count = LIMIT_ENCODINGS;
    for (unsigned i = 0; i < LIMIT_ENCODINGS; i++) {
        m->encodings[i].ssrc = 0xfffffff0u + i;
        m->encodings[i].rtx_ssrc = 0x80000000u + i;
        snprintf(m->encodings[i].rid, CONTROL_RID_MAX, "r%u", i);
    }
    memcpy(m->mid, "0123456789abcdef", sizeof(m->mid));
    m->ext_mid = 1;
    m->ext_rid = 2;
    m->ext_repaired_rid = 3;
    m->ext_transport_cc = 4;
    m->ext_abs_send_time = 5;
    m->ext_audio_level = 14;
}

static void fill_matrix(struct control_matrix *m)
{
    m->hearing = ID(1);
    for (unsigned kind = 0; kind < CONTROL_ROOM_KIND_COUNT; kind++) {
        for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++)
            m->receivers[kind][role] = (uint16_t)(1 + kind * 16 + role);
        m->recorded[kind] = (uint16_t)(0x1f0 + kind);
    }
}

static void fill_big(struct control_message *m)
{
    switch (m->type) {
    case CONTROL_MATRIX:
        fill_matrix(&m->matrix);
        break;
    case CONTROL_SCREENS:
        m->screens.hearing = ID(1);
        m->screens.count = LIMIT_SCREENS;
        for (unsigned i = 0; i < LIMIT_SCREENS; i++)
            m->screens.screens[i] =
                (struct control_screen){ID(2 + i), ID(90 + i), (uint8_t)(1 + i % 3)};
        break;
    case CONTROL_STREAM_ADD:
        fill_stream_add(&m->stream_add);
        break;
    case CONTROL_PEER_READY:
        fill_peer_ready(&m->peer_ready);
        break;
    case CONTROL_SPEAKERS:
        m->speakers.hearing = ID(1);
        m->speakers.count = CONTROL_SPEAKERS_MAX;
        for (unsigned i = 0; i < CONTROL_SPEAKERS_MAX; i++) {
            m->speakers.speakers[i].peer = ID(2 + i);
            m->speakers.speakers[i].level_dbov = (uint8_t)(127 - i);
        }
        break;
    case CONTROL_METRICS:
        for (unsigned i = 0; i < CONTROL_METRIC_COUNT; i++)
            m->metrics.values[i] = ID(i);
        break;
    case CONTROL_TRANSPORT_RESTARTED:
        m->transport_restarted.status = -ENOENT;
        memcpy(m->transport_restarted.ice.ufrag, "ufrag", 6);
        memcpy(m->transport_restarted.ice.password, "password", 9);
        break;
    case CONTROL_TRANSPORT_CONNECT:
        m->transport_connect =
            (struct control_transport_connect){ID(1), ID(2), CONTROL_DOWN, {9, 8}};
        break;
    case CONTROL_PEER_STATS:
        m->peer_stats = (struct control_peer_stats){ID(1), ID(2), 3,  4, 5,   6, 7, ID(8), ID(9),
                                                    10,    11,    12, 5, 720, 3, 2, 360};
        break;
    case CONTROL_TAPE_MARK:
        m->tape_mark = (struct control_tape_mark){ID(1), ID(2), ID(3), ID(4), ID(5), ID(6), -EIO};
        break;
    case CONTROL_TAPE_NOTE:
        m->tape_note = (struct control_tape_note){ID(1), ID(2), 7, (const uint8_t *)"{\"a\":1}"};
        break;
    default:
        break;
    }
}

static void fill_small(struct control_message *m)
{
    switch (m->type) {
    case CONTROL_HELLO:
        m->hello = (struct control_hello){CONTROL_VERSION, ID(1), 77};
        break;
    case CONTROL_HEARING_OPEN:
    case CONTROL_HEARING_PRESENT:
        m->hearing_open = (struct control_hearing_open){ID(1), true, true};
        break;
    case CONTROL_HEARING_CLOSE:
    case CONTROL_TAPE_OPEN:
    case CONTROL_TAPE_CLOSE:
    case CONTROL_TAPE_RENDER:
        m->hearing.hearing = ID(1);
        break;
    case CONTROL_PEER_ADD:
    case CONTROL_PEER_PRESENT:
        m->peer_add = (struct control_peer_add){
            ID(1), ID(2), CONTROL_ROLE_WITNESS, CONTROL_ROOM_CAUCUS, 0xabcdef01u, LIMIT_SEATS};
        break;
    case CONTROL_PEER_REMOVE:
        m->peer = (struct control_peer){ID(1), ID(2)};
        break;
    case CONTROL_PEER_MOVE:
        m->peer_move = (struct control_peer_move){ID(1), ID(2), CONTROL_ROOM_WAITING, 0x01020304};
        break;
    case CONTROL_TRANSPORT_RESTART:
        m->transport_restart = (struct control_transport_restart){ID(1), ID(2), CONTROL_DOWN};
        break;
    case CONTROL_STREAM_REMOVE:
        m->stream = (struct control_stream){ID(1), ID(2), ID(3)};
        break;
    case CONTROL_STREAM_PAUSE:
        m->stream_pause = (struct control_stream_pause){ID(1), ID(2), ID(3), true};
        break;
    case CONTROL_STREAM_PRESENT:
        m->stream_present = (struct control_stream_present){
            ID(1), ID(2), ID(3), CONTROL_VIDEO, CONTROL_SOURCE_CAMERA, true};
        break;
    case CONTROL_SEAT_SET:
        m->seat_set =
            (struct control_seat_set){ID(1), ID(2), LIMIT_SEATS - 1, CONTROL_VIDEO, ID(3)};
        break;
    case CONTROL_SEAT_VIEW:
        m->seat_view = (struct control_seat_view){ID(1), ID(2), 3, CONTROL_RANK_OTHER, 0x0102};
        break;
    case CONTROL_PEER_VIDEO:
        m->peer_video = (struct control_peer_video){ID(1), ID(2), true};
        break;
    case CONTROL_SEAT_PICTURE:
        m->seat_picture = (struct control_seat_picture){ID(1), ID(2), 3, CONTROL_PICTURE_HELD};
        break;
    case CONTROL_LAYERS:
        m->layers = (struct control_layers){ID(1), ID(2), ID(3), 5};
        break;
    case CONTROL_DONE:
        m->done.status = -EACCES;
        break;
    case CONTROL_SEAT_SWITCHED:
        m->seat_switched =
            (struct control_seat_switched){-ENOENT, ID(1), ID(2), 3, CONTROL_VIDEO, ID(4)};
        break;
    case CONTROL_TRANSPORT_STATE:
        m->transport_state =
            (struct control_transport_state){ID(1), ID(2), CONTROL_DOWN, CONTROL_TRANSPORT_FAILED};
        break;
    case CONTROL_STREAM_STATE:
        m->stream_state = (struct control_stream_state){ID(1), ID(2), ID(3), true};
        break;
    case CONTROL_TAPE_READY:
        m->tape_ready = (struct control_tape_ready){-ENOSPC, ID(1)};
        break;
    case CONTROL_RENDER_STATE:
        m->render_state = (struct control_render_state){ID(1), CONTROL_RENDER_RUNNING, 99};
        break;
    default:
        break;
    }
}

static struct control_message sample(unsigned type)
{
    struct control_message m;
    memset(&m, 0, sizeof(m)); /* padding too: samples are compared as bytes */
    m.type = (enum control_type)type;
    m.request = 0xdeadbeef;
    fill_big(&m);
    fill_small(&m);
    return m;
}

/* As it was, but for the borrowed text, which is elsewhere with the same bytes. */
static void check_same(struct control_message *got, struct control_message *wanted)
{
    if (got->type == CONTROL_TAPE_NOTE) {
        CHECK_EQ(memcmp(got->tape_note.text, wanted->tape_note.text, wanted->tape_note.text_len),
                 0);
        got->tape_note.text = NULL;
        wanted->tape_note.text = NULL;
    }
    CHECK_EQ(memcmp(got, wanted, sizeof(*got)), 0);
}

/* What goes in comes out; every shorter and longer datagram is refused, and every smaller buffer.
 */
static void every_message_both_ways(void)
{
    unsigned known = 0;
    for (unsigned type = 0; type < 100; type++) {
        struct control_message m = sample(type);
        uint8_t bytes[LIMIT_CONTROL_BYTES];
        size_t len = 0;
        if (strcmp(control_type_name(m.type), "?") == 0) {
            CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), -EINVAL);
            continue;
        }
        known++;
        CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), 0);
        struct control_message back;
        CHECK_EQ(control_decode(bytes, len, &back), 0);
        for (size_t cut = 0; cut < len; cut++) {
            struct control_message untouched = {.type = CONTROL_DONE};
            CHECK_EQ(control_decode(bytes, cut, &untouched), -EBADMSG);
            CHECK_EQ(untouched.type, CONTROL_DONE);
            size_t got = 7;
            uint8_t small[LIMIT_CONTROL_BYTES];
            CHECK_EQ(control_encode(&m, small, cut, &got), -EMSGSIZE);
            CHECK_EQ(got, 7);
        }
        check_same(&back, &m);
        bytes[len] = 0;
        CHECK_EQ(control_decode(bytes, len + 1, &back), -EBADMSG);
    }
    CHECK_EQ(known, 38);
}

/* The largest of each list, and a note of the longest text, fit one datagram. */
static void largest_fits(void)
{
    static uint8_t text[LIMIT_NOTE_BYTES + 1];
    struct control_message m = sample(CONTROL_TAPE_NOTE);
    uint8_t bytes[LIMIT_CONTROL_BYTES];
    size_t len = 0;
    memset(text, 'x', sizeof(text));
    m.tape_note.text = text;
    m.tape_note.text_len = LIMIT_NOTE_BYTES;
    CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), 0);
    struct control_message back;
    CHECK_EQ(control_decode(bytes, len, &back), 0);
    CHECK_EQ(back.tape_note.text_len, LIMIT_NOTE_BYTES);
    CHECK(back.tape_note.text >= bytes && back.tape_note.text < bytes + len);
    m.tape_note.text_len = LIMIT_NOTE_BYTES + 1;
    CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), -EMSGSIZE);
}

/* The layout on the wire is big-endian and does not change unseen. */
static void bytes_on_the_wire(void)
{
    static const uint8_t wanted[] = {
        0, 14, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 1, 1, 2, 3, 4, 5, 6, 7, 2,
    };
    struct control_message m = sample(CONTROL_PEER_REMOVE);
    uint8_t bytes[64];
    size_t len = 0;
    CHECK_EQ(control_encode(&m, bytes, sizeof(bytes), &len), 0);
    CHECK_EQ(len, sizeof(wanted));
    CHECK_EQ(memcmp(bytes, wanted, len), 0);
}

/* A value one past its bound is not sent. */
static void bad_values_are_not_sent(void)
{
    struct {
        struct control_message m;
        int error;
    } bad[] = {
        {sample(CONTROL_PEER_ADD), -EINVAL},     {sample(CONTROL_PEER_ADD), -EINVAL},
        {sample(CONTROL_PEER_ADD), -EINVAL},     {sample(CONTROL_SEAT_SET), -EINVAL},
        {sample(CONTROL_STREAM_ADD), -EMSGSIZE}, {sample(CONTROL_STREAM_ADD), -EMSGSIZE},
        {sample(CONTROL_STREAM_ADD), -EMSGSIZE}, {sample(CONTROL_DONE), -EINVAL},
        {sample(CONTROL_PEER_READY), -EMSGSIZE}, {sample(CONTROL_RENDER_STATE), -EINVAL},
        {sample(CONTROL_SPEAKERS), -EINVAL},     {sample(CONTROL_STREAM_ADD), -EINVAL},
        {sample(CONTROL_SEAT_VIEW), -EINVAL},    {sample(CONTROL_LAYERS), -EINVAL},
        {sample(CONTROL_LAYERS), -EINVAL},
    };
    bad[0].m.peer_add.role = CONTROL_ROLE_COUNT;
    bad[1].m.peer_add.seats = 0;
    bad[2].m.peer_add.seats = LIMIT_SEATS + 1;
    bad[3].m.seat_set.seat = LIMIT_SEATS;
    bad[4].m.stream_add.codec_count = LIMIT_CODECS_PER_STREAM + 1;
    bad[5].m.stream_add.encoding_count = LIMIT_ENCODINGS + 1;
    bad[6].m.stream_add.mid[CONTROL_RID_MAX - 1] = 'x';
    bad[7].m.done.status = 1;
    bad[8].m.peer_ready.seat_count = LIMIT_SEATS + 1;
    bad[9].m.render_state.percent = 101;
    bad[10].m.speakers.speakers[0].level_dbov = 128;
    bad[11].m.stream_add.codecs[0].codec = CODEC_COUNT;
    bad[12].m.seat_view.rank = CONTROL_RANK_OTHER + 1;
    bad[13].m.layers.received = 0;
    bad[14].m.layers.received = 1 << LIMIT_ENCODINGS;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t bytes[LIMIT_CONTROL_BYTES];
        size_t len = 0;
        CHECK_EQ(control_encode(&bad[i].m, bytes, sizeof(bytes), &len), bad[i].error);
    }
}

/* What another version or a stranger may send: each byte of each message set to 0 and to 255 is
 * either refused or reads as a message that encodes to just these bytes. */
static void every_byte_is_checked(void)
{
    for (unsigned type = 0; type < 100; type++) {
        struct control_message m = sample(type);
        uint8_t bytes[LIMIT_CONTROL_BYTES];
        size_t len = 0;
        if (control_encode(&m, bytes, sizeof(bytes), &len) < 0)
            continue;
        for (size_t i = 0; i < 2 * len; i++) {
            uint8_t changed[LIMIT_CONTROL_BYTES];
            uint8_t again[LIMIT_CONTROL_BYTES];
            struct control_message back;
            size_t again_len = 0;
            memcpy(changed, bytes, len);
            changed[i / 2] = i % 2 ? 255 : 0;
            int result = control_decode(changed, len, &back);
            CHECK(result == 0 || result == -EBADMSG);
            if (result < 0)
                continue;
            CHECK_EQ(control_encode(&back, again, sizeof(again), &again_len), 0);
            CHECK_EQ(again_len, len);
            CHECK_EQ(memcmp(again, changed, len), 0);
        }
    }
}

/* A string of the wire with a NUL inside, a flag of 2, a count too high: refused. */
static void hostile_bodies(void)
{
    uint8_t bytes[64];
    struct control_message back;
    struct writer w = writer_over(bytes, sizeof(bytes));
    writer_u16(&w, CONTROL_HEARING_OPEN);
    writer_u32(&w, 1);
    writer_u64(&w, ID(1));
    writer_u8(&w, 2);
    CHECK_EQ(control_decode(bytes, writer_len(&w), &back), -EBADMSG);

    w = writer_over(bytes, sizeof(bytes));
    writer_u16(&w, CONTROL_TRANSPORT_RESTARTED);
    writer_u32(&w, 1);
    writer_u32(&w, 0);
    writer_u8(&w, 3);
    writer_bytes(&w, "a\0b", 3);
    writer_u8(&w, 0);
    CHECK_EQ(control_decode(bytes, writer_len(&w), &back), -EBADMSG);
    bytes[12] = 'x';
    CHECK_EQ(control_decode(bytes, writer_len(&w), &back), 0);

    w = writer_over(bytes, sizeof(bytes));
    writer_u16(&w, CONTROL_SPEAKERS);
    writer_u32(&w, 0);
    writer_u64(&w, ID(1));
    writer_u8(&w, CONTROL_SPEAKERS_MAX + 1);
    CHECK_EQ(control_decode(bytes, writer_len(&w), &back), -EBADMSG);
}

/* Writes each sample as a seed for fuzz-control. */
static void write_seeds(const char *folder)
{
    for (unsigned type = 0; type < 100; type++) {
        struct control_message m = sample(type);
        uint8_t bytes[LIMIT_CONTROL_BYTES];
        char path[512];
        size_t len = 0;
        if (control_encode(&m, bytes, sizeof(bytes), &len) < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s.bin", folder, control_type_name(m.type));
        FILE *f = fopen(path, "we");
        CHECK(f != NULL);
        CHECK_EQ(fwrite(bytes, 1, len, f), len);
        CHECK_EQ(fclose(f), 0);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        write_seeds(argv[2]);
        return 0;
    }
    every_message_both_ways();
    largest_fits();
    bytes_on_the_wire();
    bad_values_are_not_sent();
    every_byte_is_checked();
    hostile_bodies();
    CHECK_EQ(strcmp(control_type_name(CONTROL_PEER_ADD), "PEER_ADD"), 0);
    CHECK_EQ(strcmp(control_type_name((enum control_type)9999), "?"), 0);
    return 0;
}
