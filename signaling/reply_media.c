/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "signaling/reply_part.h"
#include "signaling/rtpparams.h"

static void put_feedback(struct jsontext *t, const char *const *pairs)
{
    jsontext_open(t, "rtcpFeedback", '[');
    for (; *pairs; pairs += 2) {
        jsontext_open(t, NULL, '{');
        jsontext_string(t, "type", pairs[0]);
        jsontext_string(t, "parameter", pairs[1]);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
}

/* Values that are numbers are written as numbers: the library compares them so. */
static void put_parameters(struct jsontext *t, const char *const *pairs)
{
    jsontext_open(t, "parameters", '{');
    for (; *pairs; pairs += 2) {
        char *rest = NULL;
        long number = strtol(pairs[1], &rest, 10);
        if (*rest == '\0')
            jsontext_integer(t, pairs[0], number);
        else
            jsontext_string(t, pairs[0], pairs[1]);
    }
    jsontext_close(t, '}');
}

static void put_codec(struct jsontext *t, const struct rtpparams_codec *codec, bool of_seat)
{
    jsontext_open(t, NULL, '{');
    if (!of_seat)
        jsontext_string(t, "kind", codec->kind == CONTROL_AUDIO ? "audio" : "video");
    jsontext_string(t, "mimeType", codec->mime);
    jsontext_unsigned(t, of_seat ? "payloadType" : "preferredPayloadType", codec->payload_type);
    jsontext_unsigned(t, "clockRate", codec->clock_rate);
    if (codec->channels)
        jsontext_unsigned(t, "channels", codec->channels);
    put_parameters(t, codec->parameters);
    put_feedback(t, of_seat ? codec->seat_feedback : codec->feedback);
    jsontext_close(t, '}');
}

static void put_extension(struct jsontext *t, const struct rtpparams_extension *extension,
                          const char *kind)
{
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "kind", kind);
    jsontext_string(t, "uri", extension->uri);
    jsontext_unsigned(t, "preferredId", extension->id);
    jsontext_bool(t, "preferredEncrypt", false);
    jsontext_string(t, "direction", extension->only_received ? "recvonly" : "sendrecv");
    jsontext_close(t, '}');
}

void reply_put_capabilities(struct jsontext *t, bool vp9)
{
    jsontext_open(t, "rtpCapabilities", '{');
    jsontext_open(t, "codecs", '[');
    for (size_t i = 0; i < RTPPARAMS_CODEC_COUNT; i++)
        if (vp9 || !rtpparams_codecs[i].vp9)
            put_codec(t, &rtpparams_codecs[i], false);
    jsontext_close(t, ']');
    jsontext_open(t, "headerExtensions", '[');
    for (size_t i = 0; i < RTPPARAMS_EXTENSION_COUNT; i++) {
        if (rtpparams_extensions[i].audio)
            put_extension(t, &rtpparams_extensions[i], "audio");
        if (rtpparams_extensions[i].video)
            put_extension(t, &rtpparams_extensions[i], "video");
    }
    jsontext_close(t, ']');
    jsontext_close(t, '}');
}

uint64_t reply_transport_id(uint64_t person, enum control_direction direction)
{
    /* A bijection, so that people's transports differ; 0 cannot be told from none. */
    uint64_t id = person ^ (direction == CONTROL_UP ? 0x7570ull << 48 : 0x646full << 48);
    return id ? id : 1;
}

static void put_ice(struct jsontext *t, const struct control_ice *ice)
{
    jsontext_open(t, "iceParameters", '{');
    jsontext_string(t, "usernameFragment", ice->ufrag);
    jsontext_string(t, "password", ice->password);
    jsontext_bool(t, "iceLite", true);
    jsontext_close(t, '}');
}

static void put_candidate(struct jsontext *t, const struct control_candidate *candidate,
                          size_t index)
{
    char foundation[8];
    (void)snprintf(foundation, sizeof(foundation), "h%zu", index + 1);
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "foundation", foundation);
    jsontext_unsigned(t, "priority", candidate->priority);
    jsontext_string(t, "address", candidate->address);
    jsontext_string(t, "ip", candidate->address);
    jsontext_string(t, "protocol", candidate->tcp ? "tcp" : "udp");
    jsontext_unsigned(t, "port", candidate->port);
    jsontext_string(t, "type", "host");
    if (candidate->tcp)
        jsontext_string(t, "tcpType", "passive");
    jsontext_close(t, '}');
}

static void put_fingerprint(struct jsontext *t, const uint8_t fingerprint[CONTROL_FINGERPRINT_LEN])
{
    char text[CONTROL_FINGERPRINT_LEN * 3 + 1];
    for (size_t i = 0; i < CONTROL_FINGERPRINT_LEN; i++)
        (void)snprintf(text + i * 3, 4, "%02X:", fingerprint[i]);
    text[CONTROL_FINGERPRINT_LEN * 3 - 1] = '\0';
    jsontext_open(t, "dtlsParameters", '{');
    jsontext_string(t, "role", "auto");
    jsontext_open(t, "fingerprints", '[');
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "algorithm", "sha-256");
    jsontext_string(t, "value", text);
    jsontext_close(t, '}');
    jsontext_close(t, ']');
    jsontext_close(t, '}');
}

static void put_transport(struct jsontext *t, const struct control_peer_ready *ready,
                          enum control_direction direction)
{
    jsontext_open(t, direction == CONTROL_UP ? "up" : "down", '{');
    jsontext_id(t, "id", reply_transport_id(ready->peer, direction));
    put_ice(t, &ready->ice[direction]);
    jsontext_open(t, "iceCandidates", '[');
    for (size_t i = 0; i < ready->candidate_count; i++)
        put_candidate(t, &ready->candidates[i], i);
    jsontext_close(t, ']');
    put_fingerprint(t, ready->fingerprint);
    jsontext_close(t, '}');
}

static void put_seat_extensions(struct jsontext *t)
{
    jsontext_open(t, "headerExtensions", '[');
    for (size_t i = 0; i < RTPPARAMS_EXTENSION_COUNT; i++) {
        if (!rtpparams_extensions[i].in_seats)
            continue;
        jsontext_open(t, NULL, '{');
        jsontext_string(t, "uri", rtpparams_extensions[i].uri);
        jsontext_unsigned(t, "id", rtpparams_extensions[i].id);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
}

/* One stream of a seat, as mediasoup-client's consume() takes it. */
static void put_consumer(struct jsontext *t, unsigned seat, enum control_kind kind,
                         const struct control_seat_ssrcs *ssrcs, bool red, bool vp9)
{
    const char *name = kind == CONTROL_AUDIO ? "audio" : "video";
    char text[32];
    jsontext_open(t, name, '{');
    (void)snprintf(text, sizeof(text), "seat-%u-%s", seat, name);
    jsontext_string(t, "id", text);
    (void)snprintf(text, sizeof(text), "seat-%u", seat);
    jsontext_string(t, "producerId", text);
    jsontext_string(t, "kind", name);
    jsontext_open(t, "rtpParameters", '{');
    (void)snprintf(text, sizeof(text), "%u", seat * 2 + (kind == CONTROL_VIDEO));
    jsontext_string(t, "mid", text);
    jsontext_open(t, "codecs", '[');
    for (size_t i = 0; i < RTPPARAMS_CODEC_COUNT; i++)
        if (rtpparams_codecs[i].kind == kind && (vp9 || !rtpparams_codecs[i].vp9))
            put_codec(t, &rtpparams_codecs[i], true);
    if (kind == CONTROL_AUDIO && red)
        put_codec(t, &rtpparams_red, true);
    jsontext_close(t, ']');
    put_seat_extensions(t);
    jsontext_open(t, "encodings", '[');
    jsontext_open(t, NULL, '{');
    if (kind == CONTROL_AUDIO) {
        jsontext_unsigned(t, "ssrc", ssrcs->audio_ssrc);
    } else {
        jsontext_unsigned(t, "ssrc", ssrcs->video_ssrc);
        jsontext_open(t, "rtx", '{');
        jsontext_unsigned(t, "ssrc", ssrcs->video_rtx_ssrc);
        jsontext_close(t, '}');
    }
    jsontext_close(t, '}');
    jsontext_close(t, ']');
    jsontext_open(t, "rtcp", '{');
    jsontext_string(t, "cname", "assize");
    jsontext_bool(t, "reducedSize", true);
    jsontext_close(t, '}');
    jsontext_close(t, '}');
    jsontext_close(t, '}');
}

/* As RTCPeerConnection takes them. */
static void put_ice_servers(struct jsontext *t, const struct turn_offer *turn)
{
    jsontext_open(t, "iceServers", '[');
    if (turn) {
        jsontext_open(t, NULL, '{');
        jsontext_open(t, "urls", '[');
        for (size_t i = 0; i < turn->urls->count; i++)
            jsontext_string(t, NULL, turn->urls->items[i]);
        jsontext_close(t, ']');
        jsontext_string(t, "username", turn->user);
        jsontext_string(t, "credential", turn->password);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
}

void reply_joined(struct jsontext *t, int32_t id, const struct hearing_person *person,
                  const struct control_peer_ready *ready, bool red, bool vp9,
                  const struct turn_offer *turn)
{
    reply_begin(t, "joined", id);
    jsontext_string(t, "room", terms_room_name(hearing_room(person)));
    jsontext_unsigned(t, "number", person->aside.number);
    jsontext_open(t, "transports", '{');
    put_transport(t, ready, CONTROL_UP);
    put_transport(t, ready, CONTROL_DOWN);
    jsontext_close(t, '}');
    put_ice_servers(t, turn);
    jsontext_open(t, "seats", '[');
    for (unsigned i = 0; i < ready->seat_count; i++) {
        jsontext_open(t, NULL, '{');
        jsontext_unsigned(t, "seat", i);
        put_consumer(t, i, CONTROL_AUDIO, &ready->seats[i], red, vp9);
        put_consumer(t, i, CONTROL_VIDEO, &ready->seats[i], red, vp9);
        jsontext_close(t, '}');
    }
    jsontext_close(t, ']');
    reply_end(t);
}

void reply_ice_restarted(struct jsontext *t, int32_t id, const struct control_ice *ice,
                         const struct turn_offer *turn)
{
    reply_begin(t, "iceRestarted", id);
    put_ice(t, ice);
    put_ice_servers(t, turn);
    reply_end(t);
}
