/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct history_shares all;
static struct history_share share = {&all, {&share.histories, &share.histories}, 0};

static const struct stream_config config = {
    .history = &share,
    .ssrc = 0x01010101,
    .rtx_ssrc = 0x02020202,
    .video = true,
    .codec_count = 2,
    .codecs = {{CODEC_VP8, 96, 97}, {CODEC_H264, 98, 99}},
};

static void check_accepted(struct stream *s, struct packet *packet, uint64_t now_us)
{
    /* In its original form, whatever it came as; and to be found under its number. */
    struct rtp_view again;
    if (rtp_parse(packet->data, packet->len, &again) < 0 || again.ssrc != config.ssrc ||
        again.seq != packet->rtp.seq || again.payload != packet->rtp.payload ||
        again.payload_len != packet->rtp.payload_len ||
        again.payload_type != packet->rtp.payload_type ||
        packet->data + packet->len > packet->bytes + PACKET_BYTES || packet->payload.codec == 0)
        abort();
    struct packet *found = stream_find(s, packet->rtp.seq, now_us);
    if (found && found->rtp.seq != packet->rtp.seq)
        abort();
}

static bool seen[65536]; /* by number, in the present numbering */

/* No number is accepted twice within one numbering. */
static void receive(struct stream *s, struct packet *packet, uint64_t now_us)
{
    struct stream_arrival arrival = {0};
    if (rtp_parse(packet->data, packet->len, &packet->rtp) < 0)
        return;
    int e = stream_receive(s, packet, now_us, &arrival);
    if (arrival.reset)
        memset(seen, 0, sizeof(seen));
    if (e == 0) {
        if (seen[packet->rtp.seq])
            abort();
        check_accepted(s, packet, now_us);
        seen[packet->rtp.seq] = true;
        seen[(uint16_t)(packet->rtp.seq + 0x8000)] = false; /* may come round again */
    } else if (e != -EALREADY && e != -ENODATA && e != -ENOENT && e != -EBADMSG && e != -ERANGE) {
        abort();
    }
}

/* A chain of packets: u8 length, u8 time in 10 ms, then the packet's bytes. No number is accepted
 * twice within one numbering, what is asked for is not there, and every buffer comes back. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct packet_pool *pool = NULL;
    struct stream *s = NULL;
    if (packet_pool_create(STREAM_HISTORY_VIDEO + 1, &pool) < 0 || stream_create(&config, &s) < 0)
        abort();
    memset(seen, 0, sizeof(seen));
    struct reader r = reader_over(data, len);
    uint64_t now_us = 1000000;
    while (reader_left(&r) >= 2) {
        size_t packet_len = reader_u8(&r);
        now_us += reader_u8(&r) * 10000ull;
        if (packet_len > reader_left(&r))
            packet_len = reader_left(&r);
        const uint8_t *bytes = reader_skip(&r, packet_len);
        struct packet *packet = NULL;
        if (packet_take(pool, &packet) < 0)
            abort(); /* one more than the history may hold */
        memcpy(packet->bytes, bytes, packet_len);
        packet->len = (uint16_t)packet_len;
        packet->arrived_us = now_us;
        receive(s, packet, now_us);
        packet_unref(packet);
        uint16_t seqs[64];
        size_t count = stream_ask_again(s, now_us, seqs, 64);
        for (size_t i = 0; i < count; i++)
            if (stream_find(s, seqs[i], now_us))
                abort();
        struct nack_run run;
        while (stream_given_up(s, &run))
            if (run.count == 0)
                abort();
        struct rtcp_report_block block;
        (void)stream_report_block(s, now_us, &block);
    }
    stream_destroy(s);
    packet_pool_destroy(pool); /* asserts that all are back */
    return 0;
}
