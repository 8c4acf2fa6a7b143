/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/stream.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define MS 1000ull

static struct history_shares all;
static struct history_share share = {&all, {&share.histories, &share.histories}, 0};

static const struct stream_config video = {
    .history = &share,
    .ssrc = 0x1111,
    .rtx_ssrc = 0x2222,
    .video = true,
    .codec_count = 2,
    .codecs = {{CODEC_VP8, 96, 97}, {CODEC_H264, 102, 0}},
};

static struct packet_pool *pool;

/* A packet as opened: header with one extension word, then `payload`. */
static struct packet *make(uint32_t ssrc, uint8_t type, uint16_t seq, uint32_t timestamp,
                           const char *payload, size_t len, uint64_t now_us)
{
    struct packet *packet = NULL;
    CHECK_EQ(packet_take(pool, &packet), 0);
    struct writer w = writer_over(packet->bytes, sizeof(packet->bytes));
    writer_u8(&w, 0x90);
    writer_u8(&w, 0x80 | type);
    writer_u16(&w, seq);
    writer_u32(&w, timestamp);
    writer_u32(&w, ssrc);
    writer_u32(&w, 0xbede0001);
    writer_u32(&w, 0x51abcd00);
    writer_bytes(&w, payload, len);
    packet->len = (uint16_t)writer_len(&w);
    packet->arrived_us = now_us;
    CHECK_EQ(rtp_parse(packet->data, packet->len, &packet->rtp), 0);
    return packet;
}

static struct stream_arrival arrival;

/* Receives one inter frame of VP8 (or a key frame) in one packet. */
static int receive(struct stream *s, uint16_t seq, bool key, uint64_t now_us)
{
    struct packet *packet = make(0x1111, 96, seq, (uint32_t)(now_us * 90 / 1000),
                                 key ? "\x10\0x" : "\x10\1x", 3, now_us);
    arrival = (struct stream_arrival){0};
    int r = stream_receive(s, packet, now_us, &arrival);
    packet_unref(packet);
    return r;
}

/* Receives the retransmission of `seq`. */
static int receive_rtx(struct stream *s, uint16_t seq, uint64_t now_us)
{
    char payload[5] = {(char)(seq >> 8), (char)seq, 0x10, 1, 'r'};
    struct packet *packet = make(0x2222, 97, 9999, 777, payload, sizeof(payload), now_us);
    arrival = (struct stream_arrival){0};
    int r = stream_receive(s, packet, now_us, &arrival);
    if (r == 0) {
        /* Back in its original form: header, extension and payload. */
        struct rtp_view again;
        CHECK_EQ(rtp_parse(packet->data, packet->len, &again), 0);
        const struct rtp_view *left = &packet->rtp;
        CHECK(again.ssrc == left->ssrc && again.seq == left->seq &&
              again.payload_type == left->payload_type && again.marker == left->marker &&
              again.timestamp == left->timestamp && again.ext_profile == left->ext_profile &&
              again.ext == left->ext && again.ext_len == left->ext_len &&
              again.payload == left->payload && again.payload_len == left->payload_len);
        CHECK_EQ(again.ssrc, 0x1111);
        CHECK_EQ(again.seq, seq);
        CHECK_EQ(again.payload_type, 96);
        CHECK_EQ(again.timestamp, 777);
        CHECK(again.marker);
        CHECK_EQ(again.ext_len, 4);
        CHECK_EQ(again.ext[0], 0x51);
        CHECK_EQ(again.payload_len, 3);
        CHECK_EQ(again.payload[2], 'r');
        CHECK_EQ(packet->payload.codec, CODEC_VP8);
    }
    packet_unref(packet);
    return r;
}

static int repair(void)
{
    CLEANUP(stream_destroy) struct stream *s = NULL;
    int r = stream_create(&video, &s);
    if (r < 0)
        return r;
    uint64_t t = 1000 * MS;
    uint16_t seqs[8];
    struct rtcp_report_block block;
    CHECK(!stream_report_block(s, t, &block));
    CHECK(!stream_is_flowing(s, t));
    CHECK_EQ(receive_rtx(s, 65533, t), -ERANGE); /* of nothing yet */

    CHECK_EQ(receive(s, 65534, true, t), 0);
    CHECK(arrival.began && !arrival.repaired);
    CHECK_EQ(receive(s, 65534, true, t), -EALREADY);
    CHECK_EQ(receive(s, 1, false, t + 10 * MS), 0);
    CHECK(!arrival.began);
    CHECK_EQ(stream_ask_again(s, t + 20 * MS, seqs, 8), 2);
    CHECK_EQ(seqs[0], 65535);
    CHECK_EQ(seqs[1], 0);
    CHECK_EQ(receive_rtx(s, 65535, t + 60 * MS), 0);
    CHECK(arrival.repaired);
    CHECK_EQ(receive_rtx(s, 65535, t + 61 * MS), -EALREADY);
    CHECK_EQ(receive(s, 0, false, t + 62 * MS), 0); /* sent again as it was */
    CHECK(arrival.repaired);
    CHECK_EQ(receive_rtx(s, 2, t + 70 * MS), -ERANGE); /* from the future */
    CHECK_EQ(stream_next_us(s), UINT64_MAX);
    CHECK_EQ(stream_stats(s)->repaired, 2);
    CHECK_EQ(stream_stats(s)->packets, 4);
    CHECK_EQ(stream_stats(s)->asked, 2);
    CHECK_EQ(stream_stats(s)->key_frames, 1);

    /* For subscribers: by the original's number, the repaired ones too. */
    CHECK_EQ(stream_find(s, 65535, t + 80 * MS)->rtp.payload[2], 'r');
    CHECK_EQ(stream_find(s, 1, t + 80 * MS)->rtp.seq, 1);
    CHECK(!stream_find(s, 2, t + 80 * MS));

    /* Given up after 3 s, and a key frame wanted in between. */
    CHECK_EQ(receive(s, 3, false, t + 100 * MS), 0);
    CHECK_EQ(stream_ask_again(s, t + 700 * MS, seqs, 8), 1);
    CHECK(stream_wants_key_frame(s, t + 700 * MS));
    (void)stream_ask_again(s, t + 3100 * MS, seqs, 8);
    struct nack_run run;
    CHECK(stream_given_up(s, &run));
    CHECK_EQ(run.first, 2);
    CHECK_EQ(stream_stats(s)->lost, 1);
    return 0;
}

static int refused(void)
{
    CLEANUP(stream_destroy) struct stream *s = NULL;
    int r = stream_create(&video, &s);
    if (r < 0)
        return r;
    uint64_t t = 1000 * MS;
    uint16_t seqs[8];
    CHECK_EQ(receive(s, 10, true, t), 0);
    static const struct {
        uint32_t ssrc;
        uint8_t type;
        uint16_t seq;
        const char *payload;
        size_t len;
        int result;
    } cases[] = {
        {0x1111, 96, 11, "", 0, -ENODATA},           /* padding only: its number counts */
        {0x1111, 50, 12, "\x10\1x", 3, -ENOENT},     /* a payload type nobody announced */
        {0x1111, 96, 13, "\x90", 1, -EBADMSG},       /* no VP8 */
        {0x1111, 102, 14, "\x65z", 2, 0},            /* H.264, announced too */
        {0x3333, 96, 15, "\x10\1x", 3, -ENOENT},     /* another SSRC */
        {0x2222, 97, 1, "", 0, -ENODATA},            /* a probe */
        {0x2222, 97, 2, "\0", 1, -EBADMSG},          /* half a sequence number */
        {0x2222, 97, 3, "\0\x9", 2, -ENODATA},       /* a retransmission of padding */
        {0x2222, 96, 4, "\0\x9\x10\1x", 5, -ENOENT}, /* a payload type that is no RTX */
        {0x2222, 0, 5, "\0\x9\x10\1x", 5, -ENOENT},  /* 0 means that H.264 has none */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct packet *packet =
            make(cases[i].ssrc, cases[i].type, cases[i].seq, 0, cases[i].payload, cases[i].len, t);
        int got = stream_receive(s, packet, t, &arrival);
        packet_unref(packet);
        if (got != cases[i].result)
            fprintf(stderr, "case %zu\n", i);
        CHECK_EQ(got, cases[i].result);
    }
    CHECK_EQ(stream_ask_again(s, t + 100 * MS, seqs, 8), 0);
    CHECK_EQ(stream_stats(s)->packets, 2);
    CHECK_EQ(stream_stats(s)->expected, 5);
    return 0;
}

#ifndef TEST_FAULTS
static void other_numbers(void)
{
    CLEANUP(stream_destroy) struct stream *s = NULL;
    CHECK_EQ(stream_create(&video, &s), 0);
    uint64_t t = 1000 * MS;
    uint16_t seqs[8];
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(receive(s, (uint16_t)(40000 + i), i == 0, t), 0);

    /* Far back: one is out of place, two in a row are another numbering. */
    CHECK_EQ(receive(s, 20000, false, t), -ERANGE);
    CHECK_EQ(receive(s, 20002, false, t), -ERANGE);
    CHECK_EQ(receive(s, 20003, false, t), 0);
    CHECK(arrival.reset);
    CHECK(!stream_find(s, 40050, t));
    CHECK_EQ(receive(s, 20004, false, t), 0);
    CHECK(!arrival.reset);
    CHECK(stream_find(s, 20004, t));

    /* Told with the first packet that is forwarded, if the numbering began with a probe. */
    struct packet *probe = make(0x1111, 96, 10000, 0, "", 0, t);
    CHECK_EQ(stream_receive(s, probe, t, &arrival), -ERANGE);
    probe->rtp.seq = 10001;
    CHECK_EQ(stream_receive(s, probe, t, &arrival), -ENODATA);
    packet_unref(probe);
    CHECK_EQ(receive(s, 10002, false, t), 0);
    CHECK(arrival.reset);

    /* 20,000 ahead at once is another numbering, after 10 s of outage it is loss. */
    CHECK_EQ(receive(s, 30004, false, t + 20 * MS), 0);
    CHECK(arrival.reset);
    CHECK_EQ(stream_ask_again(s, t + 100 * MS, seqs, 8), 0);
    CHECK_EQ(receive(s, 50004, false, t + 10020 * MS), 0);
    CHECK(!arrival.reset);
    CHECK_EQ(stream_ask_again(s, t + 10120 * MS, seqs, 8), 8);
    struct nack_run run;
    CHECK(stream_given_up(s, &run));
    CHECK_EQ(run.first, 30005);
    CHECK_EQ(run.count, 19999 - NACK_MISSING_MAX);
    CHECK_EQ(stream_stats(s)->expected, 100 + 2 + 2 + 20001);
}

static void reports(void)
{
    CLEANUP(stream_destroy) struct stream *s = NULL;
    CHECK_EQ(stream_create(&video, &s), 0);
    uint64_t t = 1000 * MS;
    struct rtcp_report_block block;
    /* 100 packets, every 4th lost, across the wrap; arrivals exact: no jitter. */
    for (unsigned i = 0; i < 100; i++)
        if (i % 4 != 2)
            CHECK_EQ(receive(s, (uint16_t)(65500 + i), i == 0, t + i * 10 * MS), 0);
    CHECK(stream_report_block(s, t + 1000 * MS, &block));
    CHECK_EQ(block.ssrc, 0x1111);
    CHECK_EQ(block.fraction_lost, 64);
    CHECK_EQ(block.total_lost, 25);
    CHECK_EQ(block.highest_seq, 0x10000 + 63);
    CHECK_EQ(block.jitter, 0);
    CHECK_EQ(block.last_sr, 0);

    /* A repaired packet is still one the network lost; nothing new: no fraction. */
    CHECK_EQ(receive_rtx(s, 65502, t + 1010 * MS), 0);
    struct rtcp_sender_info info = {.ntp = 0x1111222233334444};
    CHECK(!stream_last_sender_info(s, &info));
    stream_sender_report(s, &info, t + 1500 * MS);
    CHECK(stream_report_block(s, t + 2000 * MS, &block));
    CHECK_EQ(block.fraction_lost, 0);
    CHECK_EQ(block.total_lost, 25);
    CHECK_EQ(block.last_sr, 0x22223333);
    CHECK_EQ(block.delay_since_sr, 32768);
    CHECK(stream_last_sender_info(s, &info));

    /* 8 ms of jitter either way are 720 ticks; the estimate comes near within a few packets. */
    for (unsigned i = 0; i < 200; i++) {
        uint64_t sent = t + 3000 * MS + i * 20 * MS;
        struct packet *packet =
            make(0x1111, 96, (uint16_t)(64 + i), (uint32_t)(sent * 90 / 1000), "\x10\1x", 3, sent);
        CHECK_EQ(stream_receive(s, packet, sent + (i % 2) * 8 * MS, &arrival), 0);
        packet_unref(packet);
    }
    CHECK(stream_report_block(s, t + 9000 * MS, &block));
    CHECK(block.jitter > 650 && block.jitter < 760);
}

static void flow(void)
{
    CLEANUP(stream_destroy) struct stream *s = NULL;
    CHECK_EQ(stream_create(&video, &s), 0);
    static char payload[1250] = "\x10\1";
    uint64_t t = 5000 * MS;
    for (unsigned i = 0; i < 200; i++) {
        struct packet *packet =
            make(0x1111, 96, (uint16_t)i, i, payload, sizeof(payload), t + i * 10 * MS);
        CHECK_EQ(stream_receive(s, packet, t + i * 10 * MS, &arrival), 0);
        packet_unref(packet);
    }
    CHECK(stream_is_flowing(s, t + 2990 * MS));
    CHECK(packet_pool_free(pool) < 700);
    CHECK(!stream_is_flowing(s, t + 2991 * MS));
    /* A silent stream holds no buffers. */
    CHECK_EQ(packet_pool_free(pool), 700);
    CHECK_EQ(receive(s, 200, true, t + 10000 * MS), 0);
    CHECK(arrival.began);
}

#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(-1);
        CHECK_EQ(packet_pool_create(700, &pool), 0);
        faults_fail_at(n);
        int r = repair();
        if (r == 0)
            r = refused();
        packet_pool_destroy(pool);
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    CHECK_EQ(packet_pool_create(700, &pool), 0);
    struct stream *none = NULL;
    CHECK_EQ(stream_create(&(struct stream_config){.ssrc = 1}, &none), -EINVAL);
    CHECK_EQ(repair(), 0);
    CHECK_EQ(refused(), 0);
    other_numbers();
    reports();
    flow();
    CHECK_EQ(packet_pool_free(pool), 700);
    packet_pool_destroy(pool);
    return 0;
#endif
}
