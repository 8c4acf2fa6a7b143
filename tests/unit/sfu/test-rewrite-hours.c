/* SPDX-License-Identifier: Apache-2.0 */
/* Hours of seats that change their source every 300 ms, with loss and reordering: what comes out
 * must be one stream without a seam. */
#include <errno.h>
#include <string.h>

#include "sfu/rewrite.h"
#include "sfu/seqnum.h"
#include "unit/check.h"

#define MS      1000ull
#define SECOND  1000000ull
#define SOURCES 4
#define FLIGHT  128

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

struct flying {
    uint64_t arrives_us;
    uint64_t source;
    uint64_t frame; /* of all frames ever sent by the source */
    struct rtp_view rtp;
    struct payload_view payload;
};

struct source {
    uint64_t id;
    uint64_t next_us;
    int drift_ppm;
    uint64_t frame;
    uint16_t seq;
    double timestamp; /* of the next frame, not wrapped */
    uint32_t timestamp_offset;
    uint16_t picture_id;
    uint8_t tl0picidx;
    bool key_wanted;
    bool lost[65536]; /* or refused as too late; of the last turn of sequence numbers */
};

struct world {
    bool video;
    uint32_t clock_rate;
    uint64_t switch_every_us;
    uint64_t now_us;
    struct source sources[SOURCES];
    struct flying flight[FLIGHT];
    size_t flight_count;
    struct rewrite rewrite;
    struct rewrite_past past;

    /* The receiver. */
    bool started;
    uint64_t first_us;
    uint64_t newest_out;    /* extended */
    uint64_t checked_out;   /* up to here all holes have been explained */
    uint64_t out_picture;   /* extended */
    uint64_t out_timestamp; /* extended in ticks */
    struct {
        uint64_t out;
        uint64_t source;
        uint64_t frame;
        uint32_t timestamp;
        uint16_t picture_id;
        uint8_t tl0picidx;
    } got[1024]; /* by output number */
    uint64_t forwarded, switches, dropped_in_a_row;
    int64_t most_ahead_us, most_behind_us;
};

static void send_frame(struct world *w, struct source *s)
{
    uint32_t packets = w->video ? 1 + random_below(6) : 1;
    bool key = !w->video || s->key_wanted;
    s->key_wanted = false;
    for (uint32_t i = 0; i < packets; i++) {
        struct flying f = {
            .arrives_us = s->next_us + 10 * MS + random_below(3000),
            .source = s->id,
            .frame = s->frame,
            .rtp = {.seq = s->seq,
                    .timestamp = (uint32_t)(uint64_t)s->timestamp + s->timestamp_offset,
                    .marker = i + 1 == packets},
            .payload = {.codec = w->video ? CODEC_VP8 : CODEC_OPUS, .key_frame = key && i == 0},
        };
        if (w->video)
            f.payload.descriptor = (struct descriptor){.picture_id = s->picture_id & 0x7fff,
                                                       .picture_id_at = 2,
                                                       .picture_id_bits = 15,
                                                       .tl0picidx = s->tl0picidx,
                                                       .tl0picidx_at = 4};
        if (random_below(100) < 5) /* reordered, behind the next frames even */
            f.arrives_us += random_below(60) * MS;
        s->lost[s->seq] = random_below(100) < 3;
        if (!s->lost[s->seq]) {
            CHECK(w->flight_count < FLIGHT);
            w->flight[w->flight_count++] = f;
        }
        s->seq++;
    }
    uint64_t interval_us = w->video ? 33333 : 20000;
    s->frame++;
    s->picture_id++;
    s->tl0picidx++;
    s->timestamp += (double)interval_us * w->clock_rate / 1e6 * (1 + s->drift_ppm / 1e6);
    s->next_us += interval_us;
}

/* Every output number up to `end` came, or belongs to a packet that was lost or refused. */
static void explain_holes(struct world *w, uint64_t end)
{
    for (; w->checked_out < end; w->checked_out++) {
        uint64_t out = w->checked_out;
        uint64_t source = 0;
        uint16_t seq = 0;
        if (w->got[out % 1024].out == out)
            continue;
        CHECK_EQ(rewrite_origin(&w->rewrite, (uint16_t)out, &source, &seq), 0);
        CHECK(w->sources[source - 1].lost[seq]);
    }
}

static void check_clock(struct world *w, uint32_t timestamp, uint64_t slack_us)
{
    int32_t step = (int32_t)(timestamp - (uint32_t)w->out_timestamp);
    if (step > 0)
        w->out_timestamp += (uint64_t)step;
    int64_t out_us = (int64_t)((double)(w->out_timestamp - w->rewrite.config.first_timestamp) *
                               1e6 / w->clock_rate);
    int64_t ahead_us = out_us - (int64_t)(w->now_us - w->first_us);
    if (ahead_us > w->most_ahead_us)
        w->most_ahead_us = ahead_us;
    if (-ahead_us > w->most_behind_us)
        w->most_behind_us = -ahead_us;
    CHECK(ahead_us < (int64_t)slack_us);
    CHECK(-ahead_us < (int64_t)slack_us);
}

/* Neighbours in the output agree with each other, whoever they are from. */
static void check_neighbours(struct world *w, uint64_t out)
{
    const __typeof__(w->got[0]) *me = &w->got[out % 1024];
    for (uint64_t back = 1; back < 8; back++) {
        const __typeof__(w->got[0]) *before = &w->got[(out - back) % 1024];
        if (before->out != out - back)
            continue;
        bool same_frame = before->source == me->source && before->frame == me->frame;
        CHECK_EQ(same_frame, before->timestamp == me->timestamp);
        CHECK(same_frame || seqnum_ticks_newer(me->timestamp, before->timestamp));
        if (!w->video)
            continue;
        unsigned picture_ids = (unsigned)me->picture_id - before->picture_id;
        int step = (int16_t)(uint16_t)(picture_ids << 1) >> 1; /* 15 bits */
        CHECK_EQ(same_frame, step == 0);
        CHECK(step >= 0);
        if (before->source == me->source)
            CHECK_EQ(step, (int)(me->frame - before->frame));
        CHECK_EQ((uint8_t)(me->tl0picidx - before->tl0picidx), (uint8_t)step);
    }
}

static void receive(struct world *w, const struct flying *f, const struct rewrite_output *out,
                    uint64_t slack_us)
{
    if (!w->started) {
        w->started = true;
        w->first_us = w->now_us;
        w->newest_out = 0x10000u + (uint64_t)out->header.seq;
        w->checked_out = w->newest_out;
        w->out_timestamp = out->header.timestamp;
    }
    uint64_t number = seqnum_extend(w->newest_out, out->header.seq);
    CHECK(number + 512 > w->newest_out);
    CHECK(w->got[number % 1024].out != number);
    w->got[number % 1024].out = number;
    w->got[number % 1024].source = f->source;
    w->got[number % 1024].frame = f->frame;
    w->got[number % 1024].timestamp = out->header.timestamp;
    w->got[number % 1024].picture_id = out->patch.picture_id;
    w->got[number % 1024].tl0picidx = out->patch.tl0picidx;
    uint64_t source = 0;
    uint16_t seq = 0;
    CHECK_EQ(rewrite_origin(&w->rewrite, out->header.seq, &source, &seq), 0);
    CHECK_EQ(source, f->source);
    CHECK_EQ(seq, f->rtp.seq);
    if (number > w->newest_out)
        w->newest_out = number;
    check_neighbours(w, number);
    check_clock(w, out->header.timestamp, slack_us);
    /* While it can still be mapped back: by count, and by changes of source. */
    uint64_t window = w->video ? 200 : 60;
    if (w->newest_out > w->checked_out + 2 * window)
        explain_holes(w, w->newest_out - window);
    w->forwarded++;
}

static void arrive(struct world *w, const struct flying *f, uint64_t slack_us)
{
    struct rewrite_output out;
    uint64_t shown = rewrite_shown(&w->rewrite);
    int e = rewrite_forward(&w->rewrite, f->source, &f->rtp, &f->payload, w->now_us, &out);
    if (e == 0) {
        CHECK_EQ(out.switched, shown != f->source);
        w->switches += out.switched;
        w->dropped_in_a_row = 0;
        receive(w, f, &out, slack_us);
        return;
    }
    CHECK(e == -ENOENT || e == -EAGAIN || e == -ESTALE);
    if (f->source == shown)
        CHECK_EQ(e, -ESTALE); /* from before it was shown */
    /* If it overtook the first packet of its key frame, the receiver asks for it again. */
    w->sources[f->source - 1].lost[f->rtp.seq] = true;
    if (e == -EAGAIN && w->video)
        w->sources[f->source - 1].key_wanted = true;
    if (e == -EAGAIN && !w->video)
        CHECK(++w->dropped_in_a_row <= 2);
}

static void run(struct world *w, uint64_t end_us, uint64_t slack_us)
{
    uint64_t next_switch_us = w->now_us;
    uint64_t chosen = 0;
    while (w->now_us < end_us) {
        /* The next thing that happens: a frame is sent, a packet arrives, or the seat changes. */
        struct source *sender = &w->sources[0];
        for (size_t i = 1; i < SOURCES; i++)
            if (w->sources[i].next_us < sender->next_us)
                sender = &w->sources[i];
        size_t first = 0;
        for (size_t i = 1; i < w->flight_count; i++)
            if (w->flight[i].arrives_us < w->flight[first].arrives_us)
                first = i;
        uint64_t arrives_us = w->flight_count > 0 ? w->flight[first].arrives_us : UINT64_MAX;
        if (next_switch_us <= sender->next_us && next_switch_us <= arrives_us) {
            w->now_us = next_switch_us;
            next_switch_us += w->switch_every_us;
            chosen = chosen % SOURCES + 1;
            rewrite_select(&w->rewrite, chosen);
            w->sources[chosen - 1].key_wanted = true;
        } else if (sender->next_us <= arrives_us) {
            send_frame(w, sender);
        } else {
            struct flying f = w->flight[first];
            w->flight[first] = w->flight[--w->flight_count];
            w->now_us = arrives_us;
            arrive(w, &f, slack_us);
        }
    }
}

static void simulate(bool video, uint64_t switch_every_us, uint64_t length_us, uint64_t slack_us)
{
    static struct world w;
    memset(&w, 0, sizeof(w));
    w.video = video;
    w.clock_rate = video ? 90000 : 48000;
    w.switch_every_us = switch_every_us;
    w.now_us = 3600 * SECOND;
    for (size_t i = 0; i < SOURCES; i++)
        w.sources[i] = (struct source){
            .id = i + 1,
            .next_us = w.now_us + random_below(30000),
            .drift_ppm = (int)random_below(100) - 50,
            .seq = (uint16_t)random_below(65536),
            .timestamp_offset = random_below(UINT32_MAX),
            .picture_id = (uint16_t)random_below(32768),
            .tl0picidx = (uint8_t)random_below(256),
        };
    struct rewrite_config config = {
        .video = video,
        .ssrc = 1,
        .clock_rate = w.clock_rate,
        .payload_types = {[CODEC_OPUS] = 100, [CODEC_VP8] = 101},
        .first_seq = 65000,
        .first_timestamp = 0xffff0000,
    };
    rewrite_init(&w.rewrite, &config);
    rewrite_remember(&w.rewrite, &w.past);
    run(&w, w.now_us + length_us, slack_us);
    CHECK(w.switches >= length_us / switch_every_us * 9 / 10);
    CHECK(w.forwarded > length_us / (25 * MS));
    printf("%s, a switch every %llu ms: %llu packets, %llu switches, at most %lld ms ahead of the "
           "clock and %lld ms behind\n",
           video ? "video" : "audio", (unsigned long long)(switch_every_us / MS),
           (unsigned long long)w.forwarded, (unsigned long long)w.switches,
           (long long)w.most_ahead_us / 1000, (long long)w.most_behind_us / 1000);
}

int main(void)
{
    uint64_t hour_us = 3600 * SECOND;
    simulate(true, 300 * MS, 2 * hour_us, 150 * MS);
    simulate(false, 300 * MS, 2 * hour_us, 150 * MS);
    /* One source for 20 minutes: its crystal may be 50 ppm off, 180 ms an hour. */
    simulate(true, 1200 * SECOND, 4 * hour_us, 900 * MS);
    simulate(false, 1200 * SECOND, 4 * hour_us, 900 * MS);
    return 0;
}
