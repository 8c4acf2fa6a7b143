/* Packets of Opus as libopus makes them, joined, and decoded again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sfu/repacketize.h"

#include <opus/opus.h>
#include <string.h>

#include "unit/check.h"

#define SAMPLES 960
#define SOURCE  7

static struct packet_pool *pool;
static OpusEncoder *encoder;

static struct packet *packet_of(const uint8_t *payload, size_t len, uint16_t seq,
                                uint32_t timestamp)
{
    struct packet *p;
    CHECK_EQ(packet_take(pool, &p), 0);
    memcpy(p->bytes, payload, len);
    p->rtp = (struct rtp_view){
        .seq = seq, .timestamp = timestamp, .payload = p->bytes, .payload_len = len};
    return p;
}

/* A voice that changes, so that lengths do: some take two bytes. */
static struct packet *said(unsigned n)
{
    int16_t samples[SAMPLES];
    uint8_t bytes[1000];
    uint32_t noise = 12345 + n;
    for (unsigned i = 0; i < SAMPLES; i++) {
        noise = noise * 1664525 + 1013904223;
        samples[i] = (int16_t)((int32_t)(noise >> 16) % (n % 3 ? 400 : 12000));
    }
    CHECK_EQ(opus_encoder_ctl(encoder, OPUS_SET_BITRATE(n % 4 == 1 ? 108000 : 24000)), 0);
    int len = opus_encode(encoder, samples, SAMPLES, bytes, sizeof(bytes));
    CHECK(len > 2);
    return packet_of(bytes, (size_t)len, (uint16_t)(65534 + n), n * SAMPLES);
}

static size_t join(struct repacketizer *r, uint8_t *out)
{
    size_t len = repacketizer_write(r, out);
    const struct rtp_view *last = &r->packets[r->count - 1]->rtp;
    memcpy(out + len, last->payload + 1, last->payload_len - 1);
    return len + last->payload_len - 1;
}

/* The joined sound is the same to the sample, and libopus finds the same frames in it. */
static void sounds_the_same(unsigned frames)
{
    int error;
    OpusDecoder *whole = opus_decoder_create(48000, 1, &error);
    OpusDecoder *apart = opus_decoder_create(48000, 1, &error);
    struct repacketizer r = {0};
    for (unsigned n = 0; n < 30 * frames;) {
        int16_t a[REPACKETIZE_MOST * SAMPLES], b[REPACKETIZE_MOST * SAMPLES];
        uint8_t bytes[REPACKETIZE_HEAD_MAX + REPACKETIZE_PACKET_BYTES];
        for (unsigned i = 0; i < frames; i++, n++) {
            struct packet *p = said(n);
            CHECK(repacketizer_takes(&r, SOURCE, p));
            repacketizer_put(&r, SOURCE, p);
            CHECK_EQ(
                opus_decode(apart, p->bytes, (int)p->rtp.payload_len, a + i * SAMPLES, SAMPLES, 0),
                SAMPLES);
            packet_unref(p);
        }
        size_t len = join(&r, bytes);
        repacketizer_drop(&r);
        CHECK_EQ(opus_packet_get_nb_frames(bytes, (int)len), (int)frames);
        CHECK_EQ(opus_decode(whole, bytes, (int)len, b, (int)frames * SAMPLES, 0),
                 (int)frames * SAMPLES);
        CHECK(memcmp(a, b, frames * SAMPLES * sizeof(a[0])) == 0);
    }
    opus_decoder_destroy(whole);
    opus_decoder_destroy(apart);
}

/* What is not joined to a packet of one frame of 20 ms, number 10 at 9,600. */
static void only_what_follows(void)
{
    static const struct {
        uint8_t bytes[3];
        size_t len;
        uint16_t seq;
        uint32_t timestamp;
        uint64_t source;
        bool takes;
    } rows[] = {
        {{0x78, 1, 2}, 3, 11, 10560, SOURCE, true},
        {{0x78, 1, 2}, 3, 11, 10560, SOURCE + 1, false}, /* another voice */
        {{0x78, 1, 2}, 3, 12, 10560, SOURCE, false},     /* one is missing */
        {{0x78, 1, 2}, 3, 9, 10560, SOURCE, false},      /* late */
        {{0x78, 1, 2}, 3, 11, 11520, SOURCE, false},     /* silence between */
        {{0x78, 1, 2}, 3, 11, 10080, SOURCE, false},     /* of shorter frames */
        {{0x7c, 1, 2}, 3, 11, 10560, SOURCE, false},     /* stereo */
        {{0x58, 1, 2}, 3, 11, 10560, SOURCE, false},     /* made in another way */
        {{0x79, 1, 2}, 3, 11, 10560, SOURCE, false},     /* two frames already */
        {{0x7b, 1, 2}, 3, 11, 10560, SOURCE, false},     /* counted ones */
        {{0x78}, 1, 11, 10560, SOURCE, false},           /* nothing in it */
        {{0}, 0, 11, 10560, SOURCE, false},
    };
    static const uint8_t first[] = {0x78, 9, 9}, dull[REPACKETIZE_PACKET_BYTES + 1] = {0x78},
                         slow[] = {0x18, 1, 2};
    struct repacketizer r = {0};
    struct packet *p = packet_of(first, sizeof(first), 10, 9600);
    CHECK(repacketizer_takes(&r, SOURCE, p));
    repacketizer_put(&r, SOURCE, p);
    packet_unref(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        p = packet_of(rows[i].bytes, rows[i].len, rows[i].seq, rows[i].timestamp);
        if (repacketizer_takes(&r, rows[i].source, p) != rows[i].takes)
            fprintf(stderr, "row %zu\n", i);
        CHECK_EQ(repacketizer_takes(&r, rows[i].source, p), rows[i].takes);
        packet_unref(p);
    }
    p = packet_of(dull, sizeof(dull), 11, 10560);
    CHECK(!repacketizer_takes(&r, SOURCE, p)); /* too long */
    packet_unref(p);
    p = packet_of(dull, sizeof(dull) - 1, 11, 10560);
    CHECK(repacketizer_takes(&r, SOURCE, p));
    packet_unref(p);
    repacketizer_drop(&r);
    p = packet_of(slow, sizeof(slow), 11, 10560);
    CHECK(!repacketizer_takes(&r, SOURCE, p)); /* three of 60 ms were too much for one */
    packet_unref(p);
}

int main(void)
{
    int error;
    CHECK_EQ(packet_pool_create(16, &pool), 0);
    encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
    CHECK_EQ(opus_encoder_ctl(encoder, OPUS_SET_FORCE_CHANNELS(1)), 0);
    CHECK_EQ(opus_encoder_ctl(encoder, OPUS_SET_BANDWIDTH(OPUS_BANDWIDTH_FULLBAND)), 0);
    CHECK_EQ(opus_encoder_ctl(encoder, OPUS_SET_VBR(0)), 0);
    for (unsigned frames = 2; frames <= REPACKETIZE_MOST; frames++)
        sounds_the_same(frames);
    only_what_follows();
    opus_encoder_destroy(encoder);
    packet_pool_destroy(pool);
    return 0;
}
