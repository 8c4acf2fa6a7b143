/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "sfu/history.h"
#include "sfu/ntp.h"
#include "sfu/red.h"
#include "sfu/seqnum.h"

enum {
    /* How far back a number is remembered as received. Ours: 3 s of 1,300 packets a second. */
    SEEN_PACKETS = 4096,

    /* RFC 4588 section 4: the original sequence number in front of the payload. */
    RTX_HEADER_BYTES = 2,

    /* RFC 3550 section 5.1. */
    RTP_PADDING_BIT = 0x20,
};

/* A jump ahead that no sender reaches in the time since the last packet is another numbering, not
 * loss. Ours: 5,000 packets a second and some to spare. */
#define JUMP_PER_SECOND 5000
#define JUMP_FREE       1000

struct stream {
    struct stream_config config;
    struct history *history;

    bool started;
    bool flowing;
    uint64_t newest;          /* extended sequence number */
    uint64_t base;            /* extended number of the first packet of this numbering */
    uint64_t cycles_base;     /* what is taken off for the 32-bit form of RFC 3550 */
    uint64_t expected_before; /* of numberings before this one */
    uint16_t reset_seq;       /* the number that would confirm another numbering */
    bool reset_suspected;
    bool reset_untold; /* another numbering began with a packet that was not forwarded */
    uint64_t seen[SEEN_PACKETS / 64]; /* a bit for each recent number */
    uint64_t last_us;                 /* when a packet last came */

    uint32_t transit; /* RFC 3550 appendix A.8, ticks */
    uint32_t jitter;  /* 16ths of a tick */
    uint64_t expected_prior, received_prior;

    bool has_sender_info;
    struct rtcp_sender_info sender_info;
    uint64_t sender_info_us;

    uint32_t rtt_us;
    struct stream_stats stats;
    struct nack nack;
};

int stream_create(const struct stream_config *config, struct stream **ret_stream)
{
    if (config->codec_count == 0 || config->codec_count > LIMIT_CODECS_PER_STREAM)
        return -EINVAL;
    CLEANUP(stream_destroy) struct stream *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    size_t capacity = config->video ? STREAM_HISTORY_VIDEO : STREAM_HISTORY_AUDIO;
    int r = history_create(capacity, config->history, &s->history);
    if (r < 0)
        return r;
    s->config = *config;
    nack_init(&s->nack, config->video);
    *ret_stream = STEAL(s);
    return 0;
}

void stream_destroy(struct stream *s)
{
    if (!s)
        return;
    history_destroy(s->history);
    free(s);
}

void stream_set_rtx_ssrc(struct stream *s, uint32_t rtx_ssrc)
{
    s->config.rtx_ssrc = rtx_ssrc;
}

static uint32_t clock_rate(const struct stream *s)
{
    return s->config.video ? 90000 : 48000;
}

static const struct stream_codec *find_codec(const struct stream *s, uint8_t payload_type, bool rtx)
{
    for (size_t i = 0; i < s->config.codec_count; i++) {
        const struct stream_codec *c = &s->config.codecs[i];
        if (payload_type == (rtx ? c->rtx_payload_type : c->payload_type))
            return c;
    }
    return NULL;
}

/* Takes the first `len` bytes of the payload away: the header moves over them, and says `seq` and
 * `payload_type`. */
static void strip(const struct stream *s, struct packet *packet, size_t len, uint16_t seq,
                  uint8_t payload_type)
{
    struct rtp_view *rtp = &packet->rtp;
    size_t header_len = (size_t)(rtp->payload - packet->data);
    memmove(packet->data + len, packet->data, header_len);
    packet->data += len;
    packet->len = (uint16_t)(packet->len - len);
    if (rtp->ext)
        rtp->ext += len;
    rtp->payload += len;
    rtp->payload_len -= len;
    rtp->payload_type = payload_type;
    rtp->seq = seq;
    rtp->ssrc = s->config.ssrc;

    struct writer w = writer_over(packet->data, header_len);
    (void)writer_skip(&w, 1);
    writer_u8(&w, (uint8_t)(rtp->marker << 7 | rtp->payload_type));
    writer_u16(&w, seq);
    (void)writer_skip(&w, sizeof(uint32_t));
    writer_u32(&w, s->config.ssrc);
}

/* Puts a retransmission back into the form it was first sent in (RFC 4588 section 4): the header
 * moves over the two bytes of the original sequence number and gets back SSRC and payload type. */
static int unwrap(const struct stream *s, struct packet *packet)
{
    const struct rtp_view *rtp = &packet->rtp;
    const struct stream_codec *codec = find_codec(s, rtp->payload_type, true);
    if (!codec || codec->rtx_payload_type == 0)
        return -ENOENT;
    /* A probe for bandwidth has nothing but padding. */
    if (rtp->payload_len == 0)
        return -ENODATA;
    struct reader r = reader_over(rtp->payload, rtp->payload_len);
    uint16_t seq = reader_u16(&r);
    if (r.failed)
        return -EBADMSG;
    if (reader_left(&r) == 0)
        return -ENODATA;

    strip(s, packet, RTX_HEADER_BYTES, seq, codec->payload_type);
    return 0;
}

static uint64_t *seen_word(struct stream *s, uint64_t seq)
{
    return &s->seen[seq / 64 % (SEEN_PACKETS / 64)];
}

/* Marks `seq` as received; returns whether it was already. */
static bool mark_seen(struct stream *s, uint64_t seq)
{
    uint64_t bit = 1ull << (seq % 64);
    bool was = *seen_word(s, seq) & bit;
    *seen_word(s, seq) |= bit;
    return was;
}

static void start_numbering(struct stream *s, uint64_t seq)
{
    s->newest = seq;
    s->base = seq;
    memset(s->seen, 0, sizeof(s->seen));
    (void)mark_seen(s, seq);
    s->reset_suspected = false;
    s->transit = 0;
}

/* The source began again with other numbers: ours go on above all that were. */
static void reset_numbering(struct stream *s, uint16_t seq16)
{
    s->expected_before += s->newest - s->base + 1;
    start_numbering(s, (s->newest | 0xffff) + 0x10001 + seq16);
    s->reset_untold = true;
    s->has_sender_info = false; /* its timestamps were of the old numbering */
    nack_reset(&s->nack);
    history_clear(s->history);
}

static bool is_jump(const struct stream *s, uint64_t ahead, uint64_t now_us)
{
    uint64_t silent_us = now_us - s->last_us;
    return ahead > JUMP_FREE && ahead - JUMP_FREE > silent_us * JUMP_PER_SECOND / 1000000;
}

/* Finds the packet's extended number and marks it. Returns 0, -EALREADY or -ERANGE. */
static int place(struct stream *s, uint16_t seq16, bool rtx, uint64_t now_us, uint64_t *ret_seq)
{
    if (!s->started) {
        if (rtx)
            return -ERANGE;
        s->started = true;
        s->cycles_base = 0x10000;
        start_numbering(s, s->cycles_base + seq16);
        *ret_seq = s->newest;
        return 0;
    }
    uint64_t seq = seqnum_extend(s->newest, seq16);
    if (seq > s->newest) {
        if (rtx)
            return -ERANGE; /* nobody asked for it yet */
        if (is_jump(s, seq - s->newest, now_us)) {
            reset_numbering(s, seq16);
            *ret_seq = s->newest;
            return 0;
        }
        if (seq - s->newest >= SEEN_PACKETS)
            memset(s->seen, 0, sizeof(s->seen));
        else
            for (uint64_t i = s->newest + 1; i < seq; i++)
                *seen_word(s, i) &= ~(1ull << (i % 64));
        *seen_word(s, seq) &= ~(1ull << (seq % 64));
        s->newest = seq;
    } else if (s->newest - seq >= SEEN_PACKETS) {
        /* RFC 3550 appendix A.1: two in a row make another numbering. */
        bool confirmed = !rtx && s->reset_suspected && seq16 == s->reset_seq;
        s->reset_suspected = !rtx;
        s->reset_seq = (uint16_t)(seq16 + 1);
        if (!confirmed)
            return -ERANGE;
        reset_numbering(s, seq16);
        *ret_seq = s->newest;
        return 0;
    }
    if (mark_seen(s, seq))
        return -EALREADY;
    if (seq < s->base)
        s->base = seq; /* the first packets changed places */
    *ret_seq = seq;
    return 0;
}

/* RFC 3550 appendix A.8. */
static void update_jitter(struct stream *s, uint32_t timestamp, uint64_t now_us)
{
    uint32_t arrived = (uint32_t)(now_us * (clock_rate(s) / 1000) / 1000);
    uint32_t transit = arrived - timestamp;
    if (s->stats.before_repair > 1 && s->transit != 0) {
        int32_t change = (int32_t)(transit - s->transit);
        uint32_t size = change < 0 ? 0u - (uint32_t)change : (uint32_t)change;
        if (size < clock_rate(s) * 10) /* more is a clock that was set */
            s->jitter += size - ((s->jitter + 8) >> 4);
    }
    s->transit = transit;
}

uint32_t stream_jitter_us(const struct stream *s)
{
    return (uint32_t)((uint64_t)(s->jitter >> 4) * 1000000 / clock_rate(s));
}

static const struct stream_codec *find_red(const struct stream *s, uint8_t payload_type)
{
    for (size_t i = 0; i < s->config.codec_count; i++)
        if (s->config.codecs[i].red_payload_type == payload_type && payload_type != 0)
            return &s->config.codecs[i];
    return NULL;
}

/* Leaves of RED the packet's own payload. */
static int unwrap_red(const struct stream *s, struct packet *packet)
{
    const struct rtp_view *rtp = &packet->rtp;
    const struct stream_codec *codec = find_red(s, rtp->payload_type);
    struct red_view red;
    if (!codec)
        return 0;
    int r = red_read(rtp->payload, rtp->payload_len, codec->payload_type, rtp->timestamp, &red);
    if (r == 0)
        strip(s, packet, (size_t)(red.last.bytes - rtp->payload), rtp->seq, codec->payload_type);
    return r;
}

/* Reads the payload once. -ENODATA for none, -ENOENT for a payload type not announced. */
static int read_payload(const struct stream *s, struct packet *packet)
{
    const struct rtp_view *rtp = &packet->rtp;
    if (rtp->payload_len == 0)
        return -ENODATA;
    int r = unwrap_red(s, packet);
    if (r < 0)
        return r;
    const struct stream_codec *codec = find_codec(s, rtp->payload_type, false);
    if (!codec)
        return -ENOENT;
    return payload_parse(codec->codec, rtp->payload, rtp->payload_len, &packet->payload);
}

/* `restored`: it did not come, but was in another. */
static int take(struct stream *s, struct packet *packet, bool restored, uint64_t now_us,
                struct stream_arrival *ret_arrival)
{
    struct stream_arrival arrival = {0};
    bool rtx = packet->rtp.ssrc != s->config.ssrc;
    if (rtx) {
        if (s->config.rtx_ssrc == 0 || packet->rtp.ssrc != s->config.rtx_ssrc)
            return -ENOENT;
        int e = unwrap(s, packet);
        if (e < 0)
            return e;
    }
    uint64_t seq = 0;
    int e = place(s, packet->rtp.seq, rtx, now_us, &seq);
    if (e < 0)
        return e;

    /* From here on the number counts as received, whatever is in the packet. */
    int readable = read_payload(s, packet);
    bool asked = nack_received(&s->nack, seq, readable == 0 && packet->payload.key_frame, now_us);
    if (!rtx && !restored) {
        s->stats.before_repair++;
        if (seq == s->newest)
            update_jitter(s, packet->rtp.timestamp, now_us);
    }
    s->last_us = now_us;
    if (readable < 0)
        return readable;

    arrival.repaired = rtx || restored || asked;
    arrival.began = !s->flowing;
    arrival.reset = s->reset_untold;
    s->reset_untold = false;
    s->flowing = true;
    s->stats.packets++;
    s->stats.bytes += packet->rtp.payload_len;
    s->stats.repaired += arrival.repaired;
    s->stats.key_frames += s->config.video && packet->payload.key_frame;
    history_put(s->history, packet, now_us);
    *ret_arrival = arrival;
    return 0;
}

int stream_receive(struct stream *s, struct packet *packet, uint64_t now_us,
                   struct stream_arrival *ret_arrival)
{
    return take(s, packet, false, now_us, ret_arrival);
}

int stream_take_restored(struct stream *s, struct packet *packet, uint64_t now_us,
                         struct stream_arrival *ret_arrival)
{
    return take(s, packet, true, now_us, ret_arrival);
}

/* The header of `packet` with another packet's number, time and payload; no padding, no marker. */
static int make_restored(const struct packet *packet, uint16_t seq, uint8_t payload_type,
                         const struct red_block *block, struct packet *into)
{
    size_t header_len = (size_t)(packet->rtp.payload - packet->data);
    struct writer w = writer_over(into->data, PACKET_BYTES);
    writer_u8(&w, packet->data[0] & ~RTP_PADDING_BIT);
    writer_u8(&w, payload_type);
    writer_u16(&w, seq);
    writer_u32(&w, block->timestamp);
    writer_bytes(&w, packet->data + writer_len(&w), header_len - writer_len(&w));
    writer_bytes(&w, block->bytes, block->len);
    if (w.failed)
        return -EMSGSIZE;
    into->len = (uint16_t)writer_len(&w);
    into->arrived_us = packet->arrived_us;
    return rtp_parse(into->data, into->len, &into->rtp);
}

bool stream_restore(struct stream *s, const struct packet *packet, uint64_t now_us,
                    struct packet *into)
{
    const struct rtp_view *rtp = &packet->rtp;
    const struct stream_codec *codec = find_red(s, rtp->payload_type);
    uint16_t gap = (uint16_t)(rtp->seq - s->newest);
    if (!codec || !s->started || rtp->ssrc != s->config.ssrc || gap < 2 || gap > RED_READ_MAX + 1)
        return false;
    const struct packet *before = history_find(s->history, (uint16_t)s->newest, now_us);
    struct red_view red;
    if (!before ||
        red_read(rtp->payload, rtp->payload_len, codec->payload_type, rtp->timestamp, &red) < 0)
        return false;
    uint32_t step = (rtp->timestamp - before->rtp.timestamp) / gap;
    if (step == 0 || before->rtp.timestamp + step * gap != rtp->timestamp)
        return false;
    for (size_t i = 0; i < red.earlier_count; i++) {
        uint32_t ahead = red.earlier[i].timestamp - before->rtp.timestamp;
        if (ahead % step != 0 || ahead / step == 0 || ahead / step >= gap)
            continue;
        uint16_t seq = (uint16_t)(s->newest + ahead / step);
        return make_restored(packet, seq, codec->payload_type, &red.earlier[i], into) == 0;
    }
    return false;
}

struct packet *stream_find(struct stream *s, uint16_t seq, uint64_t now_us)
{
    return history_find(s->history, seq, now_us);
}

void stream_sender_report(struct stream *s, const struct rtcp_sender_info *info, uint64_t now_us)
{
    s->has_sender_info = true;
    s->sender_info = *info;
    s->sender_info_us = now_us;
}

bool stream_last_sender_info(const struct stream *s, struct rtcp_sender_info *ret_info)
{
    if (s->has_sender_info)
        *ret_info = s->sender_info;
    return s->has_sender_info;
}

static uint64_t expected(const struct stream *s)
{
    return s->started ? s->expected_before + (s->newest - s->base + 1) : 0;
}

/* RFC 3550 appendix A.3. */
bool stream_report_block(struct stream *s, uint64_t now_us, struct rtcp_report_block *ret_block)
{
    if (!s->started)
        return false;
    uint64_t received = s->stats.before_repair;
    int64_t lost = (int64_t)(expected(s) - received);
    int64_t expected_interval = (int64_t)(expected(s) - s->expected_prior);
    int64_t lost_interval = expected_interval - (int64_t)(received - s->received_prior);
    s->expected_prior = expected(s);
    s->received_prior = received;

    struct rtcp_report_block block = {
        .ssrc = s->config.ssrc,
        .highest_seq = (uint32_t)(s->newest - s->cycles_base),
        .jitter = s->jitter >> 4,
    };
    if (expected_interval > 0 && lost_interval > 0) {
        int64_t fraction = lost_interval * 256 / expected_interval;
        block.fraction_lost = fraction > UINT8_MAX ? UINT8_MAX : (uint8_t)fraction;
    }
    if (lost > 0x7fffff)
        lost = 0x7fffff;
    if (lost < -0x800000)
        lost = -0x800000;
    block.total_lost = (int32_t)lost;
    if (s->has_sender_info) {
        block.last_sr = ntp_middle(s->sender_info.ntp);
        block.delay_since_sr = (uint32_t)((now_us - s->sender_info_us) * 65536 / 1000000);
    }
    *ret_block = block;
    return true;
}

void stream_set_round_trip(struct stream *s, uint32_t rtt_us)
{
    s->rtt_us = rtt_us;
}

size_t stream_ask_again(struct stream *s, uint64_t now_us, uint16_t *seqs, size_t capacity)
{
    size_t count = nack_ask(&s->nack, s->rtt_us, now_us, seqs, capacity);
    s->stats.asked += count;
    return count;
}

bool stream_give_up(struct stream *s)
{
    return nack_give_up(&s->nack);
}

bool stream_given_up(struct stream *s, struct nack_run *ret_run)
{
    if (!nack_given_up(&s->nack, ret_run))
        return false;
    s->stats.lost += ret_run->count;
    return true;
}

bool stream_wants_key_frame(struct stream *s, uint64_t now_us)
{
    return nack_wants_key_frame(&s->nack, now_us);
}

uint64_t stream_next_us(const struct stream *s)
{
    return nack_next_us(&s->nack);
}

bool stream_is_flowing(struct stream *s, uint64_t now_us)
{
    if (s->flowing && now_us - s->last_us > STREAM_STOPPED_US)
        s->flowing = false;
    if (!s->flowing)
        history_expire(s->history, now_us);
    return s->flowing;
}

const struct stream_stats *stream_stats(struct stream *s)
{
    s->stats.expected = expected(s);
    return &s->stats;
}

uint64_t stream_last_us(const struct stream *s)
{
    return s->last_us;
}
