/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/rtpparams.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"

static struct message_produce camera(void)
{
    return (struct message_produce){
        .source = CONTROL_SOURCE_CAMERA,
        .kind = CONTROL_VIDEO,
        .rtp = {.mid = "1",
                .codec_count = 2,
                .codecs = {{"video/VP8", 96, 0, 90000, -1, -1},
                           {"video/rtx", 97, 0, 90000, 96, -1}},
                .encoding_count = 1,
                .encodings = {{.ssrc = 5, .rtx_ssrc = 6}},
                .extension_count = 2,
                .extensions = {{"urn:ietf:params:rtp-hdrext:sdes:mid", 4},
                               {"urn:example:unknown", 5}}},
    };
}

static void test_camera(void)
{
    struct message_produce p = camera();
    struct control_stream_add add;
    CHECK_EQ(rtpparams_stream(&p, false, &add), 0);
    CHECK_EQ(add.kind, CONTROL_VIDEO);
    CHECK_EQ(add.codec_count, 1);
    CHECK_EQ(add.codecs[0].codec, CODEC_VP8);
    CHECK_EQ(add.codecs[0].payload_type, 96);
    CHECK_EQ(add.codecs[0].rtx_payload_type, 97);
    CHECK_EQ(add.encodings[0].ssrc, 5);
    CHECK_EQ(add.encodings[0].rtx_ssrc, 6);
    CHECK_EQ(add.ext_mid, 4);
    CHECK_EQ(add.ext_rid, 0);
    CHECK(strcmp(add.mid, "1") == 0);
}

/* Each change to a good request that must be refused. */
static void test_refusals(void)
{
    struct control_stream_add add;
    struct message_produce p = camera();
    p.rtp.codec_count = 0;
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    p = camera();
    p.rtp.codecs[0].clock_rate = 48000;
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    p = camera();
    p.rtp.encoding_count = 0;
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    p = camera();
    p.rtp.encodings[0].ssrc = 0; /* neither SSRC nor rid: nothing to know it by */
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    p = camera();
    p.rtp.encoding_count = 2;
    p.rtp.encodings[1].ssrc = 5; /* the same twice */
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    p = camera();
    p.kind = CONTROL_AUDIO; /* a video codec for sound */
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
}

static void test_simulcast(void)
{
    struct control_stream_add add;
    struct message_produce p = camera();
    p.rtp.encoding_count = 3;
    p.rtp.encodings[0] = (struct message_rtp_encoding){.rid = "r0"};
    p.rtp.encodings[1] = (struct message_rtp_encoding){.rid = "r1"};
    p.rtp.encodings[2] = (struct message_rtp_encoding){.rid = "r2"};
    CHECK_EQ(rtpparams_stream(&p, false, &add), 0);
    CHECK_EQ(add.encoding_count, 3);
    CHECK(strcmp(add.encodings[2].rid, "r2") == 0);
    memcpy(p.rtp.encodings[2].rid, "r1", 3);
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
}

static void test_h264(void)
{
    struct control_stream_add add;
    struct message_produce p = camera();
    p.rtp.codecs[0] = (struct message_rtp_codec){"video/h264", 98, 0, 90000, -1, 1};
    CHECK_EQ(rtpparams_stream(&p, false, &add), 0);
    CHECK_EQ(add.codecs[0].codec, CODEC_H264);
    p.rtp.codecs[0].packetization_mode = 0;
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
}

/* Only where the hearing offers it, and in layers that can be sent on one by one. */
static void test_vp9(void)
{
    static const struct {
        const char *mode;
        uint8_t layers; /* 0: refused */
    } cases[] = {
        {"", 1},         {"L1T1", 1}, {"L1T3", 1}, {"L2T3_KEY", 2},       {"L3T3_KEY", 3},
        {"L3T1_KEY", 3}, {"L3T3", 0}, {"S3T3", 0}, {"L4T3_KEY", 0},       {"L1T3_KEY", 0},
        {"L0T1", 0},     {"L", 0},    {"x", 0},    {"L3T3_KEY_SHIFT", 0}, {"L3T3_KEYx", 0},
    };
    struct control_stream_add add;
    struct message_produce p = camera();
    p.rtp.codecs[0] = (struct message_rtp_codec){"video/VP9", 98, 0, 90000, -1, -1};
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *mode = p.rtp.encodings[0].scalability_mode;
        memcpy(mode, cases[i].mode, strlen(cases[i].mode) + 1);
        int r = rtpparams_stream(&p, true, &add);
        if (r != (cases[i].layers ? 0 : -EPROTONOSUPPORT))
            fprintf(stderr, "%s\n", cases[i].mode);
        CHECK_EQ(r, cases[i].layers ? 0 : -EPROTONOSUPPORT);
        if (r < 0)
            continue;
        CHECK_EQ(add.codecs[0].codec, CODEC_VP9);
        CHECK_EQ(add.spatial_layers, cases[i].layers);
    }
    memcpy(p.rtp.encodings[0].scalability_mode, "L2T3_KEY", 9);
    p.rtp.encoding_count = 2; /* both at once */
    p.rtp.encodings[1] = (struct message_rtp_encoding){.rid = "r1"};
    CHECK_EQ(rtpparams_stream(&p, true, &add), -EPROTONOSUPPORT);
    p.rtp.encoding_count = 1;
    p.rtp.codecs[1] = (struct message_rtp_codec){"video/VP8", 96, 0, 90000, -1, -1};
    p.rtp.codec_count = 2; /* which of them is in layers? */
    CHECK_EQ(rtpparams_stream(&p, true, &add), -EPROTONOSUPPORT);
    /* Of other codecs a mode names temporal layers alone, which need no word. */
    p = camera();
    memcpy(p.rtp.encodings[0].scalability_mode, "L1T3", 5);
    CHECK_EQ(rtpparams_stream(&p, true, &add), 0);
    CHECK_EQ(add.spatial_layers, 1);
}

static void test_microphone(void)
{
    struct control_stream_add add;
    struct message_produce p = {
        .source = CONTROL_SOURCE_MICROPHONE,
        .kind = CONTROL_AUDIO,
        .paused = true,
        .rtp = {.codec_count = 1,
                .codecs = {{"audio/opus", 111, 2, 48000, -1, -1}},
                .encoding_count = 1,
                .encodings = {{.ssrc = 9}}},
    };
    CHECK_EQ(rtpparams_stream(&p, false, &add), 0);
    CHECK(add.paused);
    p.rtp.codecs[0].channels = 1;
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
    p.rtp.codecs[0].channels = 2;
    p.rtp.encoding_count = 2;
    p.rtp.encodings[1].ssrc = 10;
    CHECK_EQ(rtpparams_stream(&p, false, &add), -EPROTONOSUPPORT);
}

/* What pages are offered is what the media core sends with. */
static void test_offer(void)
{
    bool seen[128] = {false};
    for (size_t i = 0; i < RTPPARAMS_CODEC_COUNT; i++) {
        const struct rtpparams_codec *codec = &rtpparams_codecs[i];
        CHECK(codec->payload_type >= 96 && codec->payload_type < 128);
        CHECK(!seen[codec->payload_type]);
        seen[codec->payload_type] = true;
        if (codec->codec == CODEC_NONE) {
            CHECK(i > 0 && strcmp(codec->parameters[0], "apt") == 0);
            char apt[8];
            (void)snprintf(apt, sizeof(apt), "%u", rtpparams_codecs[i - 1].payload_type);
            CHECK(strcmp(codec->parameters[1], apt) == 0);
        }
    }
}

int main(void)
{
    test_camera();
    test_refusals();
    test_simulcast();
    test_h264();
    test_vp9();
    test_microphone();
    test_offer();
    return 0;
}
