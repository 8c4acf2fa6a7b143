/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/rtpparams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define EXT_MID          "urn:ietf:params:rtp-hdrext:sdes:mid"
#define EXT_RID          "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
#define EXT_REPAIRED_RID "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
#define EXT_ABS_SEND     "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
#define EXT_CC           "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define EXT_LEVEL        "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

static const char *const none[] = {NULL};
/* For the record: forward error correction on, no discontinuous transmission (RFC 7587). */
static const char *const opus_parameters[] = {"minptime", "10", "useinbandfec", "1", "usedtx",
                                              "0",        NULL};
static const char *const h264_parameters[] = {
    "level-asymmetry-allowed", "1", "packetization-mode", "1", "profile-level-id", "42e01f", NULL};
static const char *const vp8_rtx_parameters[] = {"apt", "101", NULL};
static const char *const vp9_parameters[] = {"profile-id", "0", NULL};
static const char *const vp9_rtx_parameters[] = {"apt", "103", NULL};
static const char *const h264_rtx_parameters[] = {"apt", "105", NULL};
static const char *const audio_feedback[] = {"transport-cc", "", NULL};
static const char *const video_feedback[] = {"nack",      "", "nack",         "pli", "ccm", "fir",
                                             "goog-remb", "", "transport-cc", "",    NULL};
static const char *const video_seat_feedback[] = {"nack",         "", "nack", "pli", "ccm", "fir",
                                                  "transport-cc", "", NULL};

const struct rtpparams_codec rtpparams_codecs[RTPPARAMS_CODEC_COUNT] = {
    {CONTROL_AUDIO, CODEC_OPUS, "audio/opus", CODEC_PT_OPUS, 2, 48000, opus_parameters,
     audio_feedback, audio_feedback},
    {CONTROL_VIDEO, CODEC_VP8, "video/VP8", CODEC_PT_VP8, 0, 90000, none, video_feedback,
     video_seat_feedback},
    {CONTROL_VIDEO, CODEC_NONE, "video/rtx", CODEC_PT_VP8_RTX, 0, 90000, vp8_rtx_parameters, none,
     none},
    {CONTROL_VIDEO, CODEC_H264, "video/H264", CODEC_PT_H264, 0, 90000, h264_parameters,
     video_feedback, video_seat_feedback},
    {CONTROL_VIDEO, CODEC_NONE, "video/rtx", CODEC_PT_H264_RTX, 0, 90000, h264_rtx_parameters, none,
     none},
    {CONTROL_VIDEO, CODEC_VP9, "video/VP9", CODEC_PT_VP9, 0, 90000, vp9_parameters, video_feedback,
     video_seat_feedback, .vp9 = true},
    {CONTROL_VIDEO, CODEC_NONE, "video/rtx", CODEC_PT_VP9_RTX, 0, 90000, vp9_rtx_parameters, none,
     none, .vp9 = true},
};

/* Section 5 of RFC 2198: a list of payload types where others have names and values, so no name
 * stands before it; browsers read it so. */
static const char *const red_parameters[] = {"", "100/100", NULL};
const struct rtpparams_codec rtpparams_red = {
    CONTROL_AUDIO, CODEC_NONE,     "audio/red",    CODEC_PT_RED,   2,
    48000,         red_parameters, audio_feedback, audio_feedback,
};

const struct rtpparams_extension rtpparams_extensions[RTPPARAMS_EXTENSION_COUNT] = {
    {EXT_MID, CODEC_EXT_MID, true, true, false, false},
    {EXT_RID, CODEC_EXT_RID, false, true, true, false},
    {EXT_REPAIRED_RID, CODEC_EXT_REPAIRED_RID, false, true, true, false},
    {EXT_ABS_SEND, CODEC_EXT_ABS_SEND_TIME, true, true, false, false},
    {EXT_CC, CODEC_EXT_TRANSPORT_CC, true, true, false, true},
    {EXT_LEVEL, CODEC_EXT_AUDIO_LEVEL, true, false, false, false},
};

/* Which of ours a page's codec is; CODEC_NONE for one we do not take. */
static enum codec codec_of(enum control_kind kind, const struct message_rtp_codec *codec, bool vp9)
{
    for (size_t i = 0; i < RTPPARAMS_CODEC_COUNT; i++) {
        const struct rtpparams_codec *ours = &rtpparams_codecs[i];
        if (ours->codec == CODEC_NONE || ours->kind != kind || (ours->vp9 && !vp9) ||
            strcasecmp(ours->mime, codec->mime) != 0 || ours->clock_rate != codec->clock_rate ||
            (ours->channels && ours->channels != codec->channels))
            continue;
        /* RFC 6184 section 8.1: without the parameter it is mode 0, which we do not read. */
        if (ours->codec == CODEC_H264 && codec->packetization_mode != 1)
            continue;
        return ours->codec;
    }
    return CODEC_NONE;
}

static uint8_t rtx_of(const struct message_rtp_parameters *rtp, uint8_t payload_type)
{
    for (size_t i = 0; i < rtp->codec_count; i++)
        if (strcasecmp(rtp->codecs[i].mime, "video/rtx") == 0 && rtp->codecs[i].apt == payload_type)
            return rtp->codecs[i].payload_type;
    return 0;
}

/* Chromium's RED of Opus: it sends no other codec so. */
static uint8_t red_of(const struct message_rtp_parameters *rtp, enum codec codec)
{
    for (size_t i = 0; codec == CODEC_OPUS && i < rtp->codec_count; i++)
        if (strcasecmp(rtp->codecs[i].mime, rtpparams_red.mime) == 0 &&
            rtp->codecs[i].clock_rate == rtpparams_red.clock_rate)
            return rtp->codecs[i].payload_type;
    return 0;
}

static int put_codecs(const struct message_produce *produce, bool vp9,
                      struct control_stream_add *add)
{
    for (size_t i = 0; i < produce->rtp.codec_count; i++) {
        enum codec codec = codec_of(produce->kind, &produce->rtp.codecs[i], vp9);
        if (codec == CODEC_NONE || add->codec_count == LIMIT_CODECS_PER_STREAM)
            continue;
        uint8_t payload_type = produce->rtp.codecs[i].payload_type;
        add->codecs[add->codec_count++] = (struct control_stream_codec){
            .codec = (uint8_t)codec,
            .payload_type = payload_type,
            .rtx_payload_type = rtx_of(&produce->rtp, payload_type),
            .red_payload_type = red_of(&produce->rtp, codec),
        };
    }
    return add->codec_count ? 0 : -EPROTONOSUPPORT;
}

static int put_encodings(const struct message_produce *produce, struct control_stream_add *add)
{
    const struct message_rtp_parameters *rtp = &produce->rtp;
    if (rtp->encoding_count == 0 || (produce->kind == CONTROL_AUDIO && rtp->encoding_count != 1))
        return -EPROTONOSUPPORT;
    for (size_t i = 0; i < rtp->encoding_count; i++) {
        const struct message_rtp_encoding *from = &rtp->encodings[i];
        struct control_encoding *to = &add->encodings[add->encoding_count++];
        if (from->ssrc == 0 && from->rid[0] == '\0')
            return -EPROTONOSUPPORT;
        for (size_t j = 0; j < i; j++)
            if ((from->ssrc && from->ssrc == add->encodings[j].ssrc) ||
                strcmp(from->rid, add->encodings[j].rid) == 0)
                return -EPROTONOSUPPORT;
        to->ssrc = from->ssrc;
        to->rtx_ssrc = from->rtx_ssrc;
        memcpy(to->rid, from->rid, sizeof(to->rid));
    }
    return 0;
}

/* The W3C's names of scalability modes (WebRTC-SVC section 6). Of several spatial layers only those
 * that are predicted from each other in key pictures alone can be chosen from. */
static int put_layers(const struct message_produce *produce, struct control_stream_add *add)
{
    unsigned spatial = 0, temporal = 0;
    int len = 0;
    add->spatial_layers = 1;
    const char *mode = produce->rtp.encodings[0].scalability_mode;
    if (add->codecs[0].codec != CODEC_VP9 || mode[0] == '\0')
        return 0;
    if (sscanf(mode, "L%1uT%1u%n", &spatial, &temporal, &len) != 2 || spatial == 0 ||
        spatial > LIMIT_ENCODINGS ||
        (spatial > 1 && (add->encoding_count > 1 || add->codec_count > 1)) ||
        strcmp(mode + len, spatial > 1 ? "_KEY" : "") != 0)
        return -EPROTONOSUPPORT;
    add->spatial_layers = (uint8_t)spatial;
    return 0;
}

static void put_extensions(const struct message_rtp_parameters *rtp, struct control_stream_add *add)
{
    const struct {
        const char *uri;
        uint8_t *id;
    } places[] = {
        {EXT_MID, &add->ext_mid},
        {EXT_RID, &add->ext_rid},
        {EXT_REPAIRED_RID, &add->ext_repaired_rid},
        {EXT_ABS_SEND, &add->ext_abs_send_time},
        {EXT_CC, &add->ext_transport_cc},
        {EXT_LEVEL, &add->ext_audio_level},
    };
    for (size_t i = 0; i < rtp->extension_count; i++)
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++)
            if (strcmp(rtp->extensions[i].uri, places[j].uri) == 0)
                *places[j].id = rtp->extensions[i].id;
}

_Static_assert(MESSAGE_RID_MAX == CONTROL_RID_MAX, "rid and mid are copied whole");

int rtpparams_stream(const struct message_produce *produce, bool vp9,
                     struct control_stream_add *ret_add)
{
    struct control_stream_add add = {
        .kind = (uint8_t)produce->kind,
        .source = (uint8_t)produce->source,
        .paused = produce->paused,
    };
    int r = put_codecs(produce, vp9, &add);
    if (r == 0)
        r = put_encodings(produce, &add);
    if (r == 0)
        r = put_layers(produce, &add);
    if (r < 0)
        return r;
    put_extensions(&produce->rtp, &add);
    memcpy(add.mid, produce->rtp.mid, sizeof(add.mid));
    *ret_add = add;
    return 0;
}
