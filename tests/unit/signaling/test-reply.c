/* SPDX-License-Identifier: Apache-2.0 */
/* Every answer and event among the samples of PROTOCOL.md is what reply.c writes. */
#include "signaling/reply.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#include "common/codecs.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

static const char *samples;

/* What `t` holds is, as JSON, the sample; members a sample leaves out are compared by `only`. */
static void check_sample(struct jsontext *t, const char *name)
{
    char path[512];
    json_error_t error;
    size_t len = 0;
    char *text = jsontext_take(t, &len);
    CHECK(text && strlen(text) == len);
    (void)snprintf(path, sizeof(path), "%s/%s.json", samples, name);
    json_t *sample = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    json_t *written = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    CHECK(sample && written);
    if (!json_equal(sample, written)) {
        fprintf(stderr, "%s: written\n%s\n", name, text);
        abort();
    }
    json_decref(sample);
    json_decref(written);
    free(text);
}

/* 2026-11-22T09:30:00.000Z */
#define BASE_US   1795339800000000ull
#define MINUTE_US (60 * 1000000ull)

static struct hearing_person li_wei(void)
{
    struct hearing_person p = {
        .stored = {.id = 0x0123456789abcdef,
                   .hearing = 0xa1,
                   .role = CONTROL_ROLE_PARTY,
                   .room = TERMS_ROOM_COURTROOM,
                   .side = 1,
                   .name = "Li Wei"},
        .connected = true,
        .quality = 4,
        .path = TERMS_PATH_UDP,
    };
    p.producers[0] = (struct hearing_producer){
        .id = 1, .kind = CONTROL_AUDIO, .source = CONTROL_SOURCE_MICROPHONE};
    p.producers[1] =
        (struct hearing_producer){.id = 2, .kind = CONTROL_VIDEO, .source = CONTROL_SOURCE_CAMERA};
    return p;
}

static const struct hearing_person courtroom_person = {.stored = {.room = TERMS_ROOM_COURTROOM}};

static const struct config_urls urls = {1, {"turns:court.example.org:443?transport=tcp"}};
static const struct turn_offer offer = {
    .urls = &urls,
    .user = "1795343400:0123456789abcdef",
    .password = "g+BEUBR5Th8nR/S6BCL4YIz3G5g=",
};

static void test_answers(void)
{
    const struct control_ice ice = {.ufrag = "c9d0e1f2", .password = "00112233445566778899aabbcc"};
    struct jsontext t = {0};
    reply_ok(&t, 3);
    check_sample(&t, "ok");
    reply_ice_restarted(&t, 4, &ice, &offer);
    check_sample(&t, "ice-restarted");
    reply_produced(&t, 5, 0xc1);
    check_sample(&t, "produced");
    reply_pong(&t, 16, BASE_US + 2 * MINUTE_US);
    check_sample(&t, "pong");
    reply_error(&t, 10, MESSAGE_NOT_ALLOWED, "a party may not admit");
    check_sample(&t, "error");
}

/* What a party is told that has come into the courtroom where the judge was before. */
static void write_people(struct jsontext *t)
{
    const struct store_hearing stored = {.id = 0xa1};
    const struct store_person judge = {.id = 0xd1,
                                       .hearing = 0xa1,
                                       .role = CONTROL_ROLE_JUDGE,
                                       .room = TERMS_ROOM_COURTROOM,
                                       .name = "Judge Okafor"};
    const struct store_person party = {.id = 0xd2,
                                       .hearing = 0xa1,
                                       .role = CONTROL_ROLE_PARTY,
                                       .room = TERMS_ROOM_COURTROOM,
                                       .name = "Li Wei"};
    struct hearing *hearing = NULL;
    struct hearing_person *there = NULL, *viewer = NULL;
    CHECK_EQ(hearing_create(&stored, &hearing), 0);
    CHECK_EQ(hearing_add(hearing, &judge, &there), 0);
    CHECK_EQ(hearing_add(hearing, &party, &viewer), 0);
    there->connected = true;
    there->quality = 4;
    there->path = TERMS_PATH_UDP;
    there->producers[0] = (struct hearing_producer){.id = 1, .source = CONTROL_SOURCE_MICROPHONE};
    there->producers[1] = (struct hearing_producer){.id = 2, .source = CONTROL_SOURCE_CAMERA};
    reply_people(t, hearing, viewer);
    hearing_destroy(hearing);
}

static void test_events(void)
{
    const struct hearing_person person = li_wei();
    const struct seats_seat seat = {.person = person.stored.id,
                                    .source = CONTROL_SOURCE_CAMERA,
                                    .audio = 1,
                                    .video = 2,
                                    .audio_on = true,
                                    .video_on = true};
    const struct seats_seat empty = {.source = CONTROL_SOURCE_SCREEN};
    static const struct hearing open = {.stored = {.state = TERMS_STATE_OPEN,
                                                   .since_us = BASE_US + 21 * MINUTE_US,
                                                   .opened_us = BASE_US + MINUTE_US}};
    struct jsontext t = {0};
    reply_seat(&t, 0, &seat);
    check_sample(&t, "seat");
    reply_seat(&t, 0, &empty);
    check_sample(&t, "seat-empty");
    reply_speaking(&t, &person.stored.id, 1);
    check_sample(&t, "speaking");
    reply_seat_picture(&t, 1, true);
    check_sample(&t, "seat-picture-held");
    reply_seat_picture(&t, 1, false);
    check_sample(&t, "seat-picture-shown");
    reply_layers(&t, 0xc2, 5);
    check_sample(&t, "layers");
    reply_line(&t, 340000);
    check_sample(&t, "line");
    reply_media_lost(&t);
    check_sample(&t, "media-lost");
    reply_person(&t, &person);
    check_sample(&t, "person");
    reply_gone(&t, person.stored.id);
    check_sample(&t, "gone");
    write_people(&t);
    check_sample(&t, "people");
    reply_hearing(&t, &open, true);
    check_sample(&t, "hearing");
    struct hearing objected = open;
    objected.stored.objection_holds = objected.locked = true;
    objected.objections = (struct objections){2, 1, {{2, 0xd3}}, 1, TERMS_RULING_OVERRULED};
    reply_hearing(&t, &objected, true);
    check_sample(&t, "hearing-objection");
    objected.locked = false;
    objected.floor = 0xd3;
    reply_hearing(&t, &objected, false); /* who is not there is told of none of it */
    check_sample(&t, "hearing");
    reply_room(&t, &person, 0xd1);
    check_sample(&t, "room");
    reply_may(&t, 1u << ACCESS_PRODUCE | 1u << ACCESS_HAND);
    check_sample(&t, "may");
    reply_muted(&t, 0xd1);
    check_sample(&t, "muted");
}

/* Rooms beside the courtroom and screens: what only some are told. */
static void test_measures(void)
{
    static const struct hearing_room room = {.number = 3, .kind = TERMS_ROOM_CONSULTATION};
    static const struct hearing hearing = {
        .screen_count = 2,
        .screens = {{.from = 0xd3, .to = 0x0123456789abcdef, .kinds = 3},
                    {.from = 0xd3, .to = 0xd4, .kinds = 1}},
    };
    const struct hearing_person person = li_wei();
    struct jsontext t = {0};
    reply_met(&t, 26, 3);
    check_sample(&t, "met");
    reply_asked(&t, &room, 0xd2);
    check_sample(&t, "asked");
    reply_asked(&t, NULL, 0xd2);
    check_sample(&t, "asked-none");
    reply_screens(&t, &hearing, &person); /* not the one of two others */
    check_sample(&t, "screens");
    static const struct hearing_missing missing = {.consent_count = 1,
                                                   .consents = {0x0123456789abcdef}};
    reply_missing(&t, 14, &missing);
    check_sample(&t, "missing");
}

static void test_record(void)
{
    struct jsontext t = {0};
    struct reply_record record = {.state = REPLY_RECORD_ON,
                                  .since_us = BASE_US + MINUTE_US + 1000000};
    reply_record(&t, &record);
    check_sample(&t, "record");
    record = (struct reply_record){.state = REPLY_RECORD_LOST,
                                   .since_us = BASE_US + 11 * MINUTE_US + 1000000,
                                   .reason = JOURNAL_REASON_RECORDER_AWAY};
    reply_record(&t, &record);
    check_sample(&t, "record-lost");
    record = (struct reply_record){.state = REPLY_RECORD_RENDERING,
                                   .since_us = BASE_US + 61 * MINUTE_US + 1000000,
                                   .percent = 40};
    reply_record(&t, &record);
    check_sample(&t, "record-rendering");
}

/* What the samples show of codecs is shortened; all else must be the same. */
static void check_shape(struct jsontext *t, const char *name, const char *shortened)
{
    char path[512];
    json_error_t error;
    size_t len = 0;
    char *text = jsontext_take(t, &len);
    (void)snprintf(path, sizeof(path), "%s/%s.json", samples, name);
    json_t *sample = json_load_file(path, 0, &error);
    json_t *written = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    CHECK(sample && written && json_object_get(written, shortened));
    CHECK_EQ(json_object_del(sample, shortened), 0);
    CHECK_EQ(json_object_del(written, shortened), 0);
    if (!json_equal(sample, written)) {
        fprintf(stderr, "%s: written\n%s\n", name, text);
        abort();
    }
    json_decref(sample);
    json_decref(written);
    free(text);
}

static struct reply_welcome make_welcome(bool vp9, struct hearing **ret_hearing)
{
    const struct store_hearing stored = {
        .id = 0xa1,
        .scheduled_us = BASE_US,
        .state = TERMS_STATE_WAITING,
        .since_us = BASE_US - 10 * MINUTE_US,
        .case_number = "(2026) 01 Civil 123",
        .title = "Li Wei v. Example Trading Ltd",
        .court = "First Chamber",
        .vp9 = vp9,
    };
    const struct store_person person = {.id = 0x0123456789abcdef,
                                        .hearing = 0xa1,
                                        .role = CONTROL_ROLE_PARTY,
                                        .side = 1,
                                        .name = "Li Wei"};
    struct hearing_person *you = NULL;
    CHECK_EQ(hearing_create(&stored, ret_hearing), 0);
    CHECK_EQ(hearing_add(*ret_hearing, &person, &you), 0);
    you->connected = true;
    return (struct reply_welcome){
        .hearing = *ret_hearing,
        .you = you,
        .resume = "q83vEjRWeJCrze8SNFZ4kA",
        .now_us = BASE_US,
        .record = {.state = REPLY_RECORD_OFF, .since_us = BASE_US - 10 * MINUTE_US},
    };
}

/* A party outside may not even raise a hand: the sample's `may` is of one in a room. */
static void test_welcome(void)
{
    struct hearing *hearing = NULL;
    struct reply_welcome welcome = make_welcome(false, &hearing);
    struct jsontext t = {0};
    reply_welcome(&t, 1, &welcome);
    check_shape(&t, "welcome", "rtpCapabilities");
    hearing_destroy(hearing);
}

static struct control_peer_ready make_ready(void)
{
    struct control_peer_ready ready = {
        .peer = 0x0123456789abcdef,
        .ice = {{"a1b2c3d4", "0123456789abcdef0123456789"},
                {"e5f6a7b8", "fedcba9876543210fedcba9876"}},
        .candidate_count = 2,
        .candidates =
            {{.address = "127.0.0.1", .port = 40000, .priority = 2130706431},
             {.address = "127.0.0.1", .port = 40000, .tcp = true, .priority = 1520434943}},
        .seat_count = 1,
        .seats = {{1111, 2222, 2223}},
    };
    for (unsigned i = 0; i < CONTROL_FINGERPRINT_LEN; i++)
        ready.fingerprint[i] = (uint8_t)(i % 16 * 0x11);
    return ready;
}

/* VP9 and its RTX are offered last, and in hearings with VP9 alone. */
static void test_vp9(void)
{
    const struct control_peer_ready ready = make_ready();
    for (int vp9 = 0; vp9 < 2; vp9++) {
        struct hearing *hearing = NULL;
        struct reply_welcome welcome = make_welcome(vp9, &hearing);
        struct jsontext t = {0};
        size_t len = 0;
        json_t *codecs = NULL, *seat = NULL;
        reply_welcome(&t, 1, &welcome);
        char *text = jsontext_take(&t, &len);
        json_t *written = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        CHECK_EQ(json_unpack(written, "{s:{s:o}}", "rtpCapabilities", "codecs", &codecs), 0);
        reply_joined(&t, 2, &courtroom_person, &ready, false, vp9, NULL);
        char *joined = jsontext_take(&t, &len);
        json_t *read = json_loadb(joined, len, JSON_REJECT_DUPLICATES, NULL);
        CHECK_EQ(json_unpack(read, "{s:[{s:{s:{s:o}}}]}", "seats", "video", "rtpParameters",
                             "codecs", &seat),
                 0);
        CHECK_EQ(json_array_size(codecs), 5 + 2 * vp9);
        CHECK_EQ(json_array_size(seat), 4 + 2 * vp9);
        for (size_t i = 0; vp9 && i < 2; i++) {
            const char *offered = NULL, *sent = NULL;
            CHECK_EQ(json_unpack(json_array_get(codecs, 5 + i), "{s:s}", "mimeType", &offered), 0);
            CHECK_EQ(json_unpack(json_array_get(seat, 4 + i), "{s:s}", "mimeType", &sent), 0);
            CHECK(strcmp(offered, i ? "video/rtx" : "video/VP9") == 0);
            CHECK(strcmp(sent, offered) == 0);
        }
        json_decref(written);
        json_decref(read);
        free(text);
        free(joined);
        hearing_destroy(hearing);
    }
}

static void test_joined(void)
{
    const struct control_peer_ready ready = make_ready();
    struct jsontext t = {0};
    size_t len = 0;
    reply_joined(&t, 2, &courtroom_person, &ready, false, false, &offer);
    char *text = jsontext_take(&t, &len);
    json_error_t error;
    json_t *written = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    const char *room = NULL, *up = NULL, *down = NULL, *mid = NULL, *address = NULL, *value = NULL;
    json_int_t audio = 0, video = 0, rtx = 0, port = 0;
    CHECK_EQ(json_unpack(written,
                         "{s:s, s:{s:{s:s, s:[{s:s, s:I}], s:{s:[{s:s}]}}, s:{s:s}},"
                         " s:[{s:{s:{s:[{s:I}]}}, s:{s:{s:s, s:[{s:I, s:{s:I}}]}}}]}",
                         "room", &room, "transports", "up", "id", &up, "iceCandidates", "address",
                         &address, "port", &port, "dtlsParameters", "fingerprints", "value", &value,
                         "down", "id", &down, "seats", "audio", "rtpParameters", "encodings",
                         "ssrc", &audio, "video", "rtpParameters", "mid", &mid, "encodings", "ssrc",
                         &video, "rtx", "ssrc", &rtx),
             0);
    CHECK(strcmp(room, "courtroom") == 0 && strcmp(mid, "1") == 0 && strcmp(up, down) != 0);
    CHECK(strcmp(address, "127.0.0.1") == 0 && port == 40000);
    CHECK(strncmp(value, "00:11:22:", 9) == 0 && strlen(value) == 95);
    CHECK(audio == 1111 && video == 2222 && rtx == 2223);
    json_decref(written);
    free(text);
}

/* RED stands behind Opus in the seats of those who take it, and in no others; nothing stands before
 * its list, as browsers want it. */
static void test_red(void)
{
    const struct control_peer_ready ready = make_ready();
    for (int red = 0; red < 2; red++) {
        struct jsontext t = {0};
        size_t len = 0;
        reply_joined(&t, 2, &courtroom_person, &ready, red, false, NULL);
        char *text = jsontext_take(&t, &len);
        json_t *written = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        json_t *audio = NULL, *video = NULL;
        CHECK_EQ(json_unpack(written, "{s:[{s:{s:{s:o}}, s:{s:{s:o}}}]}", "seats", "audio",
                             "rtpParameters", "codecs", &audio, "video", "rtpParameters", "codecs",
                             &video),
                 0);
        const char *first = NULL, *second = NULL, *list = NULL;
        json_int_t type = 0;
        CHECK_EQ(json_array_size(audio), 1 + red);
        CHECK_EQ(json_array_size(video), 4);
        CHECK_EQ(json_unpack(audio, "[{s:s}]", "mimeType", &first), 0);
        CHECK(strcmp(first, "audio/opus") == 0);
        if (red) {
            CHECK_EQ(json_unpack(json_array_get(audio, 1), "{s:s, s:I, s:{s:s}}", "mimeType",
                                 &second, "payloadType", &type, "parameters", "", &list),
                     0);
            CHECK(strcmp(second, "audio/red") == 0 && strcmp(list, "100/100") == 0);
            CHECK_EQ(type, CODEC_PT_RED);
        }
        json_decref(written);
        free(text);
    }
}

/* Transports of one person differ from each other and from another's, and stay the same. */
static void test_transport_ids(void)
{
    CHECK(reply_transport_id(1, CONTROL_UP) != reply_transport_id(1, CONTROL_DOWN));
    CHECK(reply_transport_id(1, CONTROL_UP) != reply_transport_id(2, CONTROL_UP));
    CHECK_EQ(reply_transport_id(7, CONTROL_UP), reply_transport_id(7, CONTROL_UP));
    CHECK(reply_transport_id(0x7570ull << 48, CONTROL_UP) != 0);
}

#ifdef TEST_FAULTS
/* Without memory there is no text, never half a one. */
static void test_faults(void)
{
    const struct control_peer_ready ready = make_ready();
    for (int n = 0;; n++) {
        struct jsontext t = {0};
        size_t len = 0;
        faults_fail_at(n);
        reply_joined(&t, 2, &courtroom_person, &ready, false, false, &offer);
        char *text = jsontext_take(&t, &len);
        bool happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened != (text != NULL));
        free(text);
        if (!happened)
            return;
    }
}
#endif

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    samples = argv[1];
    test_answers();
    test_events();
    test_measures();
    test_record();
    test_welcome();
    test_joined();
    test_red();
    test_vp9();
    test_transport_ids();
#ifdef TEST_FAULTS
    test_faults();
#endif
    return 0;
}
