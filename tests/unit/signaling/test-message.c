/* SPDX-License-Identifier: Apache-2.0 */
/* Every request among the samples of PROTOCOL.md is understood, every bad one refused as said. */
#include "signaling/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/jsonread.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include <jansson.h>

#include "unit/faults.h"
#endif

static const char *samples;

static char *read_sample(const char *name, size_t *ret_len)
{
    char path[512];
    static char text[LIMIT_MESSAGE_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s.json", samples, name);
    FILE *file = fopen(path, "re");
    CHECK(file);
    *ret_len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return text;
}

static struct message parse_sample(const char *name, enum message_type type)
{
    size_t len = 0;
    const char *text = read_sample(name, &len);
    struct message m;
    struct message_fault fault;
    int r = message_parse(text, len, &m, &fault);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", name, fault.detail);
    CHECK_EQ(r, 0);
    CHECK_EQ(m.type, type);
    CHECK(m.id > 0);
    return m;
}

static void test_of_rooms_and_course(void)
{
    struct message m = parse_sample("meet", MESSAGE_MEET);
    CHECK_EQ(m.meet.kind, TERMS_ROOM_CONSULTATION);
    CHECK_EQ(m.meet.count, 1);
    CHECK_EQ(m.meet.people[0], 0x0123456789abcdef);
    CHECK_EQ(parse_sample("enter", MESSAGE_ENTER).number, 3);
    (void)parse_sample("decline", MESSAGE_DECLINE);
    (void)parse_sample("come-back", MESSAGE_COME_BACK);
    CHECK_EQ(parse_sample("call-back", MESSAGE_CALL_BACK).person, 0x0123456789abcdef);
    m = parse_sample("lock", MESSAGE_LOCK);
    CHECK(m.lock.on && m.lock.person == 0x0123456789abcdef);
    CHECK_EQ(parse_sample("give-floor", MESSAGE_GIVE_FLOOR).person, 0x0123456789abcdef);
    (void)parse_sample("open-floor", MESSAGE_OPEN_FLOOR);
    (void)parse_sample("mute-all", MESSAGE_MUTE_ALL);
    m = parse_sample("screen", MESSAGE_SCREEN);
    CHECK(m.screen.person == 0x0123456789abcdef && m.screen.from == 0xd3 && m.screen.kinds == 3);
    m = parse_sample("set-state-suspended", MESSAGE_SET_STATE);
    CHECK_EQ(m.course.state, TERMS_STATE_SUSPENDED);
    CHECK(strcmp(m.course.reason, "The interpreter has lost the connection.") == 0);
    CHECK(parse_sample("in-camera", MESSAGE_IN_CAMERA).course.on);
    CHECK(parse_sample("consent", MESSAGE_CONSENT).given);
    CHECK_EQ(parse_sample("swear", MESSAGE_SWEAR).swear.form, TERMS_OATH_AFFIRMATION);
    CHECK_EQ(parse_sample("sworn", MESSAGE_SWORN).language, TERMS_LANGUAGE_ZH_HANS);
    CHECK_EQ(parse_sample("release", MESSAGE_RELEASE).person, 0x0123456789abcdef);
    (void)parse_sample("object", MESSAGE_OBJECT);
    const struct message ruling = parse_sample("rule", MESSAGE_RULE);
    CHECK_EQ(ruling.rule.number, 2);
    CHECK_EQ(ruling.rule.ruling, TERMS_RULING_SUSTAINED);
    CHECK(parse_sample("lock-room", MESSAGE_LOCK_ROOM).on);
    CHECK(parse_sample("spotlight", MESSAGE_SPOTLIGHT).lock.on);
    const struct message mark = parse_sample("mark", MESSAGE_MARK);
    CHECK(strcmp(mark.words, "The exhibit is shown.") == 0);
}

static void test_requests(void)
{
    struct message m = parse_sample("hello", MESSAGE_HELLO);
    CHECK_EQ(m.hello.protocol, 1);
    CHECK(strcmp(m.hello.token, "djEuMDEyMzQ1Njc4OWFiY2RlZg.c2lnbmF0dXJl") == 0);
    CHECK(!m.hello.resume[0] && !m.hello.take_over);
    m = parse_sample("hello-resume", MESSAGE_HELLO);
    CHECK(strcmp(m.hello.resume, "q83vEjRWeJCrze8SNFZ4kA") == 0);
    CHECK_EQ(parse_sample("join", MESSAGE_JOIN).join.seats, 1);
    CHECK(parse_sample("join", MESSAGE_JOIN).join.red);
    m = parse_sample("connect", MESSAGE_CONNECT);
    CHECK_EQ(m.connect.transport, 0xb1);
    CHECK_EQ(m.connect.fingerprint[1], 0x11);
    CHECK_EQ(m.connect.fingerprint[31], 0xff);
    CHECK_EQ(parse_sample("restart-ice", MESSAGE_RESTART_ICE).transport, 0xb1);
    m = parse_sample("pause", MESSAGE_PAUSE);
    CHECK_EQ(m.pause.producer, 0xc1);
    CHECK(m.pause.paused);
    CHECK_EQ(parse_sample("close-producer", MESSAGE_CLOSE_PRODUCER).producer, 0xc1);
    m = parse_sample("view", MESSAGE_VIEW);
    CHECK_EQ(m.view.count, 3);
    CHECK(m.view.heights[0] == 720 && m.view.heights[1] == 180 && m.view.heights[2] == 0);
    CHECK(parse_sample("sound-only", MESSAGE_SOUND_ONLY).on);
    CHECK(parse_sample("device", MESSAGE_DEVICE).device.overloaded);
    CHECK(!parse_sample("device", MESSAGE_DEVICE).device.thin_line);
    CHECK(parse_sample("watch-connections", MESSAGE_WATCH_CONNECTIONS).on);
    CHECK(parse_sample("hand", MESSAGE_HAND).up);
    CHECK_EQ(parse_sample("lower-hand", MESSAGE_LOWER_HAND).person, 0x0123456789abcdef);
    CHECK_EQ(parse_sample("admit", MESSAGE_ADMIT).person, 0x0123456789abcdef);
    CHECK_EQ(parse_sample("dismiss", MESSAGE_DISMISS).person, 0x0123456789abcdef);
    CHECK_EQ(parse_sample("mute", MESSAGE_MUTE).person, 0x0123456789abcdef);
    const struct message remove = parse_sample("remove", MESSAGE_REMOVE);
    CHECK_EQ(remove.remove.person, 0x0123456789abcdef);
    CHECK(strcmp(remove.remove.reason, "Shouted at the witness after two warnings.") == 0);
    CHECK_EQ(parse_sample("set-state", MESSAGE_SET_STATE).course.state, TERMS_STATE_OPEN);
    test_of_rooms_and_course();
    (void)parse_sample("leave", MESSAGE_LEAVE);
    (void)parse_sample("ping", MESSAGE_PING);
    CHECK_EQ(parse_sample("path", MESSAGE_PATH).path, TERMS_PATH_RELAY_TLS);
}

static void test_produce(void)
{
    struct message m = parse_sample("produce", MESSAGE_PRODUCE);
    const struct message_rtp_parameters *rtp = &m.produce.rtp;
    CHECK_EQ(m.produce.source, CONTROL_SOURCE_MICROPHONE);
    CHECK_EQ(m.produce.kind, CONTROL_AUDIO);
    CHECK(!m.produce.paused);
    CHECK(strcmp(rtp->mid, "0") == 0);
    CHECK_EQ(rtp->codec_count, 1);
    CHECK(strcmp(rtp->codecs[0].mime, "audio/opus") == 0);
    CHECK_EQ(rtp->codecs[0].payload_type, 111);
    CHECK_EQ(rtp->codecs[0].clock_rate, 48000);
    CHECK_EQ(rtp->codecs[0].channels, 2);
    CHECK_EQ(rtp->codecs[0].apt, -1);
    CHECK_EQ(rtp->extension_count, 3);
    CHECK_EQ(rtp->extensions[0].id, 4);
    CHECK_EQ(rtp->encoding_count, 1);
    CHECK_EQ(rtp->encodings[0].ssrc, 3333);
}

static void test_refusals(void)
{
    static const struct {
        const char *sample;
        enum message_error error;
        int32_t id;
    } refusals[] = {
        {"bad-not-json", MESSAGE_BAD_MESSAGE, 0}, {"bad-unknown-type", MESSAGE_UNKNOWN_TYPE, 1},
        {"bad-id", MESSAGE_BAD_MESSAGE, 0},       {"bad-missing-member", MESSAGE_BAD_MESSAGE, 10},
        {"bad-watch", MESSAGE_BAD_MESSAGE, 20},   {"bad-unknown-member", MESSAGE_BAD_MESSAGE, 16},
        {"bad-person", MESSAGE_BAD_MESSAGE, 10},  {"bad-state", MESSAGE_BAD_MESSAGE, 14},
        {"bad-seats", MESSAGE_BAD_MESSAGE, 2},    {"bad-height", MESSAGE_BAD_MESSAGE, 17},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        size_t len = 0;
        const char *text = read_sample(refusals[i].sample, &len);
        struct message m;
        struct message_fault fault;
        CHECK_EQ(message_parse(text, len, &m, &fault), -EBADMSG);
        CHECK_EQ(fault.error, refusals[i].error);
        CHECK_EQ(fault.id, refusals[i].id);
        CHECK(fault.detail[0]);
    }
}

/* The error for a text, MESSAGE_OK when it is understood. */
static enum message_error error_of(const char *text, size_t len)
{
    struct message m;
    struct message_fault fault = {.error = MESSAGE_OK};
    (void)message_parse(text, len, &m, &fault);
    return fault.error;
}

static void test_bounds(void)
{
    static char text[LIMIT_MESSAGE_BYTES + 2];
    /* Spaces may fill a message up to its bound. */
    memset(text, ' ', sizeof(text));
    static const char ping[] = {'{', '"', 't', 'y', 'p', 'e', '"', ':', '"', 'p', 'i',
                                'n', 'g', '"', ',', '"', 'i', 'd', '"', ':', '1', '}'};
    memcpy(text, ping, sizeof(ping));
    CHECK_EQ(error_of(text, LIMIT_MESSAGE_BYTES), MESSAGE_OK);
    CHECK_EQ(error_of(text, LIMIT_MESSAGE_BYTES + 1), MESSAGE_TOO_LARGE);
    /* Brackets in a string do not nest. */
    static const char brackets[] = "{\"type\":\"[[[[[[[[[[[[[[[[[[[[[[\",\"id\":1}";
    CHECK_EQ(error_of(brackets, strlen(brackets)), MESSAGE_UNKNOWN_TYPE);
    memset(text, '[', sizeof(text));
    CHECK_EQ(error_of(text, LIMIT_MESSAGE_BYTES), MESSAGE_BAD_MESSAGE);
}

static void test_table(void)
{
    static const struct {
        const char *text;
        enum message_error error;
    } rows[] = {
        {"", MESSAGE_BAD_MESSAGE},
        {"null", MESSAGE_BAD_MESSAGE},
        {"[]", MESSAGE_BAD_MESSAGE},
        {"{}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"ping\",\"id\":1}x", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"ping\",\"id\":1.0}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"ping\",\"id\":2147483648}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"ping\",\"id\":2147483647}", MESSAGE_OK},
        {"{\"type\":\"ping\",\"id\":1,\"id\":1}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":5,\"id\":1}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"\xff\",\"id\":1}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"PING\",\"id\":1}", MESSAGE_UNKNOWN_TYPE},
        {"{\"type\":\"hello\",\"id\":1,\"protocol\":2}", MESSAGE_PROTOCOL_VERSION_OTHER},
        {"{\"type\":\"hello\",\"id\":1,\"protocol\":1,\"token\":\"\"}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"hand\",\"id\":1,\"up\":1}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"join\",\"id\":1,\"seats\":25}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"join\",\"id\":1,\"seats\":24}", MESSAGE_OK},
        {"{\"type\":\"admit\",\"id\":1,\"person\":\"0000000000000000\"}", MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"admit\",\"id\":1,\"person\":\"000000000000000A\"}", MESSAGE_BAD_MESSAGE},
        /* A later library's members are skipped, inside its own objects only. */
        {"{\"type\":\"produce\",\"id\":1,\"source\":\"microphone\",\"kind\":\"audio\",\"paused\":"
         "true,"
         "\"rtpParameters\":{\"codecs\":[],\"encodings\":[],\"msid\":\"x\"}}",
         MESSAGE_OK},
        {"{\"type\":\"produce\",\"id\":1,\"source\":\"camera\",\"kind\":\"audio\",\"paused\":true,"
         "\"rtpParameters\":{\"codecs\":[],\"encodings\":[]}}",
         MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"produce\",\"id\":1,\"source\":\"microphone\",\"kind\":\"audio\",\"paused\":"
         "true,"
         "\"rtpParameters\":{\"codecs\":[],\"encodings\":[{},{},{},{}]}}",
         MESSAGE_BAD_MESSAGE},
        {"{\"type\":\"connect\",\"id\":1,\"transport\":\"00000000000000b1\",\"dtlsParameters\":"
         "{\"role\":\"client\",\"fingerprints\":[{\"algorithm\":\"sha-1\",\"value\":\"00\"}]}}",
         MESSAGE_BAD_MESSAGE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum message_error error = error_of(rows[i].text, strlen(rows[i].text));
        if (error != rows[i].error)
            fprintf(stderr, "row %zu: %s\n", i, rows[i].text);
        CHECK_EQ(error, rows[i].error);
    }
}

static void test_session(void)
{
    char token[MESSAGE_TOKEN_MAX];
    CHECK_EQ(message_parse_session("{\"token\":\"abc\"}", 15, token), 0);
    CHECK(strcmp(token, "abc") == 0);
    CHECK_EQ(message_parse_session("{\"token\":\"abc\",\"x\":1}", 21, token), -EBADMSG);
    CHECK_EQ(message_parse_session("{\"token\":\"\"}", 12, token), -EBADMSG);
    CHECK_EQ(message_parse_session("token", 5, token), -EBADMSG);
}

static void test_names(void)
{
    for (unsigned type = 0; type < MESSAGE_TYPE_COUNT; type++)
        CHECK(message_type_name((enum message_type)type)[0]);
    for (unsigned error = 0; error < MESSAGE_ERROR_COUNT; error++)
        CHECK(message_error_code((enum message_error)error)[0]);
}

#ifdef TEST_FAULTS
/* The library's allocations fail in turn like ours. */
static void *library_malloc(size_t len)
{
    return malloc(len);
}

static void library_free(void *memory)
{
    free(memory);
}

/* Without memory a message is refused and nothing stays behind. */
static void test_faults(void)
{
    size_t len = 0;
    const char *text = read_sample("produce", &len);
    struct message m;
    struct message_fault fault;
    json_set_alloc_funcs(library_malloc, library_free);
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = message_parse(text, len, &m, &fault);
        bool happened = faults_happened();
        faults_fail_at(-1);
        if (!happened)
            break;
        /* The library may lose a byte of a text, or blame it: nothing is worse than a refusal. */
        CHECK(r == 0 || r == -ENOMEM || r == -EBADMSG);
    }
    CHECK_EQ(message_parse(text, len, &m, &fault), 0);
}
#endif

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    samples = argv[1];
    test_requests();
    test_produce();
    test_refusals();
    test_bounds();
    test_table();
    test_session();
    test_names();
#ifdef TEST_FAULTS
    test_faults();
#endif
    return 0;
}
