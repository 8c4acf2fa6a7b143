/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rewrite.h"

#include <assert.h>
#include <errno.h>

#include "sfu/seqnum.h"

enum {
    PICTURE_ID_MASK = 0x7fff,

    /* A new audio source waits for the seat's clock by so many packets at most, then the step of
     * one packet (20 ms) is forced: a listener must not be starved. */
    AUDIO_DROP_MAX = 2,
};

/* A source whose timestamps leave its arrivals by more than this had its clock set. Ours: 3 s. */
#define JUMP_S 3

/* The seat's clock follows a source that is shown for long, as their crystals differ, by at most
 * 1/5000 (200 ppm); sources shown shortly cannot drag it. Ours. */
#define FOLLOW_AFTER_US    (5 * 1000000ull)
#define FOLLOW_INTERVAL_US 1000000ull
#define FOLLOW_PART        5000

void rewrite_init(struct rewrite *r, const struct rewrite_config *config)
{
    *r = (struct rewrite){
        .config = *config,
        .newest_seq = (uint16_t)(config->first_seq - 1),
        .newest_timestamp = config->first_timestamp,
    };
}

void rewrite_remember(struct rewrite *r, struct rewrite_past *past)
{
    r->past = past;
}

static struct rewrite_run *newest_run(struct rewrite *r)
{
    return &r->past->runs[r->run_number % REWRITE_RUNS];
}

uint64_t rewrite_wanted(const struct rewrite *r)
{
    return r->wanted;
}

uint64_t rewrite_shown(const struct rewrite *r)
{
    return r->flowing ? r->past->runs[r->run_number % REWRITE_RUNS].source : 0;
}

void rewrite_select(struct rewrite *r, uint64_t source)
{
    assert(source == 0 || r->past);
    if (source != r->wanted)
        r->audio_dropped = 0;
    r->wanted = source;
    if (source == 0) {
        r->flowing = false;
        r->runs_cut = r->run_number;
    }
}

void rewrite_restart(struct rewrite *r, uint64_t source)
{
    if (source != 0 && rewrite_shown(r) == source)
        r->restart = true;
}

/* `elapsed_us` in ticks, modulo 2^32. */
static uint32_t ticks(const struct rewrite *r, uint64_t elapsed_us)
{
    uint64_t seconds = elapsed_us / 1000000;
    uint64_t rest = elapsed_us % 1000000;
    return (uint32_t)(seconds * r->config.clock_rate + rest * r->config.clock_rate / 1000000);
}

static uint32_t clock_timestamp(const struct rewrite *r, uint64_t now_us)
{
    return r->anchor_timestamp + ticks(r, now_us - r->anchor_us);
}

/* The output's timestamp for the first packet of a run. False: an audio packet to be dropped, as
 * the output is ahead of the clock. */
static bool first_timestamp(struct rewrite *r, uint64_t now_us, uint32_t *ret_timestamp)
{
    if (!r->sent) {
        r->anchor_us = now_us;
        r->anchor_timestamp = r->config.first_timestamp;
        *ret_timestamp = r->config.first_timestamp;
        return true;
    }
    uint32_t least_step = r->config.video ? r->config.clock_rate / 1000 : r->config.clock_rate / 50;
    uint32_t at_least = r->newest_timestamp + least_step;
    uint32_t by_clock = clock_timestamp(r, now_us);
    if (!seqnum_ticks_newer(at_least, by_clock)) {
        *ret_timestamp = by_clock;
        return true;
    }
    if (!r->config.video && r->audio_dropped < AUDIO_DROP_MAX) {
        r->audio_dropped++;
        return false;
    }
    *ret_timestamp = at_least;
    return true;
}

/* Begins a run of `source` with this packet, continuing all numbers. */
static int begin_run(struct rewrite *r, uint64_t source, const struct rtp_view *rtp,
                     const struct payload_view *payload, uint64_t now_us)
{
    uint32_t timestamp = 0;
    if (!first_timestamp(r, now_us, &timestamp))
        return -EAGAIN;
    r->audio_dropped = 0;
    r->restart = false;
    r->flowing = true;
    r->run_number++;
    uint16_t next_seq = (uint16_t)(r->newest_seq + 1);
    *newest_run(r) = (struct rewrite_run){
        .source = source,
        .timestamp_offset = timestamp - rtp->timestamp,
        .picture_id_offset =
            (uint16_t)((r->newest_picture_id + 1 - payload->descriptor.picture_id) &
                       PICTURE_ID_MASK),
        .tl0picidx_offset = (uint8_t)(r->newest_tl0picidx + 1 - payload->descriptor.tl0picidx),
    };
    /* What the map holds of numbers before this one is never looked at: run_span guards it. */
    r->past->map.started = true;
    r->past->map.newest = (uint16_t)(rtp->seq - 1);
    r->past->map.withheld = (uint16_t)(rtp->seq - next_seq);
    r->source_seq = (uint16_t)(rtp->seq - 1);
    r->source_timestamp = rtp->timestamp;
    r->source_us = now_us;
    r->pictures = 0;
    r->run_span = 0;
    r->run_us = now_us;
    r->anchor_moved_us = now_us;
    return 0;
}

/* Whether a newer packet of the shown source cannot continue the run. */
static bool breaks_run(const struct rewrite *r, const struct rtp_view *rtp, uint64_t now_us)
{
    if (r->restart || (uint16_t)(rtp->seq - r->source_seq) >= REWRITE_HISTORY)
        return true;
    if (rtp->timestamp == r->source_timestamp)
        return false;
    int64_t step = (int32_t)(rtp->timestamp - r->source_timestamp);
    int64_t limit = (int64_t)r->config.clock_rate * JUMP_S;
    /* Behind its arrival is a packet held up on the way, and what follows catches up. */
    return step < -limit || step - (int64_t)ticks(r, now_us - r->source_us) > limit;
}

/* The holes between the newest packet and `end` belong to packets that may still come. */
static void note_back(struct rewrite *r, uint16_t end)
{
    for (uint16_t seq = (uint16_t)(r->source_seq + 1); seq != end; seq++) {
        uint16_t out = (uint16_t)(seq - r->past->map.withheld);
        r->past->back[out % REWRITE_HISTORY].run_number = (uint16_t)r->run_number;
        r->past->back[out % REWRITE_HISTORY].source_seq = seq;
        r->past->back[out % REWRITE_HISTORY].pictures = r->pictures;
    }
}

static void advance_source(struct rewrite *r, uint16_t seq)
{
    uint32_t span = r->run_span + (uint16_t)(seq - r->source_seq);
    r->run_span = span < REWRITE_HISTORY ? span : REWRITE_HISTORY;
    r->source_seq = seq;
}

/* Whether `seq` of the shown source is newer than all before it, and else whether it can still be
 * placed. Returns 1, 0, -ERANGE or -ESTALE. */
static int compare(const struct rewrite *r, uint16_t seq)
{
    if (seqnum_is_newer(seq, r->source_seq))
        return 1;
    uint16_t age = (uint16_t)(r->source_seq - seq);
    if (age >= REWRITE_HISTORY)
        return -ERANGE;
    return age >= r->run_span ? -ESTALE : 0;
}

/* Keeps the seat's clock with a source that is shown for long. */
static void follow_clock(struct rewrite *r, uint32_t timestamp, uint64_t now_us)
{
    uint64_t elapsed_us = now_us - r->anchor_moved_us;
    if (now_us - r->run_us < FOLLOW_AFTER_US || elapsed_us < FOLLOW_INTERVAL_US)
        return;
    r->anchor_moved_us = now_us;
    if (elapsed_us > 10 * FOLLOW_INTERVAL_US)
        return; /* silence tells nothing of its clock */
    int64_t most = (int64_t)ticks(r, elapsed_us) / FOLLOW_PART;
    int64_t ahead = (int32_t)(timestamp - clock_timestamp(r, now_us));
    if (ahead > most)
        ahead = most;
    if (ahead < -most)
        ahead = -most;
    r->anchor_timestamp += (uint32_t)ahead;
}

static void fill(const struct rewrite *r, const struct rewrite_run *run, uint16_t seq,
                 const struct rtp_view *rtp, const struct payload_view *payload,
                 struct rewrite_output *output)
{
    const struct rewrite_config *config = &r->config;
    uint16_t pictures = r->past->back[seq % REWRITE_HISTORY].pictures;
    /* Field by field: a struct written in small parts and copied as a whole waits for all stores
     * before it, 3 % of the worker's time (docs/performance.md). */
    struct rtp_header *h = &output->header;
    h->ssrc = config->ssrc;
    h->timestamp = rtp->timestamp + run->timestamp_offset;
    h->seq = seq;
    h->payload_type = config->payload_types[payload->codec];
    h->marker = rtp->marker;
    output->patch.picture_id =
        (uint16_t)((payload->descriptor.picture_id + run->picture_id_offset - pictures) &
                   PICTURE_ID_MASK);
    output->patch.tl0picidx = (uint8_t)(payload->descriptor.tl0picidx + run->tl0picidx_offset);
    output->switched = false;
}

/* Remembers the newest numbers sent, for the next run to continue. */
static void note_newest(struct rewrite *r, const struct payload_view *payload,
                        const struct rewrite_output *output)
{
    const struct rtp_header *header = &output->header;
    uint16_t ahead = (uint16_t)(header->seq - r->newest_seq);
    if (!r->sent || seqnum_is_newer(header->seq, r->newest_seq)) {
        r->newest_seq = header->seq;
        r->holes += ahead - 1u;
    } else {
        r->holes--;
    }
    if (!r->sent || seqnum_ticks_newer(header->timestamp, r->newest_timestamp))
        r->newest_timestamp = header->timestamp;
    r->sent = true;
    if (payload->descriptor.picture_id_bits > 0) {
        /* A short picture id says only its own bits. */
        uint16_t mask = payload->descriptor.picture_id_bits == 7 ? 0x7f : PICTURE_ID_MASK;
        uint16_t step = (uint16_t)(output->patch.picture_id - r->newest_picture_id) & mask;
        if (step <= mask / 2)
            r->newest_picture_id = (uint16_t)(r->newest_picture_id + step) & PICTURE_ID_MASK;
    }
    if (payload->descriptor.tl0picidx_at > 0) {
        uint8_t step = (uint8_t)(output->patch.tl0picidx - r->newest_tl0picidx);
        if (step < 0x80)
            r->newest_tl0picidx = output->patch.tl0picidx;
    }
}

/* Makes `source` the shown one if this packet allows it. Returns 0 when it is shown. */
static int enter(struct rewrite *r, uint64_t source, const struct rtp_view *rtp,
                 const struct payload_view *payload, uint64_t now_us)
{
    if (source == 0 || source != r->wanted)
        return -ENOENT;
    if (r->config.video && !payload->key_frame)
        return -EAGAIN;
    if (!r->config.video)
        r->flowing = false; /* the one before must not run the timestamps further ahead */
    return begin_run(r, source, rtp, payload, now_us);
}

int rewrite_forward(struct rewrite *r, uint64_t source, const struct rtp_view *rtp,
                    const struct payload_view *payload, uint64_t now_us,
                    struct rewrite_output *ret_output)
{
    bool shown = source != 0 && rewrite_shown(r) == source;
    if (!shown && source != r->wanted)
        return -ENOENT;
    if (payload->codec >= CODEC_COUNT || r->config.payload_types[payload->codec] == 0) {
        if (shown)
            (void)rewrite_withhold(r, source, rtp->seq);
        return -EPROTONOSUPPORT;
    }
    if (!shown) {
        int e = enter(r, source, rtp, payload, now_us);
        if (e < 0)
            return e;
    }
    int newer = r->restart ? 1 : compare(r, rtp->seq);
    if (newer < 0)
        return newer;
    if (newer > 0 && shown && breaks_run(r, rtp, now_us)) {
        int e = begin_run(r, source, rtp, payload, now_us);
        if (e < 0)
            return e;
    }
    uint16_t seq = 0;
    int e = seqmap_forward(&r->past->map, rtp->seq, &seq);
    if (e < 0)
        return e;
    if (newer > 0)
        note_back(r, (uint16_t)(rtp->seq + 1));
    fill(r, newest_run(r), seq, rtp, payload, ret_output);
    ret_output->switched = !shown;
    if (newer > 0) {
        advance_source(r, rtp->seq);
        r->source_timestamp = rtp->timestamp;
        r->source_us = now_us;
        follow_clock(r, ret_output->header.timestamp, now_us);
    }
    note_newest(r, payload, ret_output);
    return 0;
}

int rewrite_withhold(struct rewrite *r, uint64_t source, uint16_t seq)
{
    if (source == 0 || rewrite_shown(r) != source)
        return -ENOENT;
    /* A run that breaks here continues without this packet anyway. */
    if (r->restart)
        return 0;
    if (compare(r, seq) <= 0)
        return -ERANGE;
    if ((uint16_t)(seq - r->source_seq) >= REWRITE_HISTORY) {
        r->restart = true;
        return 0;
    }
    note_back(r, seq);
    (void)seqmap_withhold(&r->past->map, seq); /* newer than all before it, so it cannot fail */
    advance_source(r, seq);
    return 0;
}

int rewrite_withhold_picture(struct rewrite *r, uint64_t source, const struct rtp_view *rtp,
                             const struct descriptor *d)
{
    int e = rewrite_withhold(r, source, rtp->seq);
    if (e < 0 || r->restart)
        return e;
    if (r->pictures == 0 || d->picture_id != r->withheld_picture)
        r->pictures++;
    r->withheld_picture = d->picture_id;
    return 0;
}

void rewrite_sent(struct rewrite *r, size_t payload_len)
{
    r->packets++;
    r->octets += (uint32_t)payload_len;
}

uint32_t rewrite_holes(const struct rewrite *r)
{
    return r->holes;
}

/* The run in which output packet `seq` was or would have been sent; NULL if too old or cut off. */
static const struct rewrite_run *run_of(const struct rewrite *r, uint16_t seq)
{
    if (!r->sent || (uint16_t)(r->newest_seq - seq) >= REWRITE_HISTORY)
        return NULL;
    uint16_t age = (uint16_t)(r->run_number - r->past->back[seq % REWRITE_HISTORY].run_number);
    /* What was never written says run 0: older than the first, cut off or too old. */
    if (age >= REWRITE_RUNS || r->run_number - age <= r->runs_cut)
        return NULL;
    return &r->past->runs[(r->run_number - age) % REWRITE_RUNS];
}

int rewrite_origin(const struct rewrite *r, uint16_t seq, uint64_t *ret_source,
                   uint16_t *ret_source_seq)
{
    const struct rewrite_run *run = run_of(r, seq);
    if (!run)
        return -ENOENT;
    *ret_source = run->source;
    *ret_source_seq = r->past->back[seq % REWRITE_HISTORY].source_seq;
    return 0;
}

int rewrite_again(const struct rewrite *r, uint16_t seq, const struct rtp_view *rtp,
                  const struct payload_view *payload, struct rewrite_output *ret_output)
{
    const struct rewrite_run *run = run_of(r, seq);
    if (!run || payload->codec >= CODEC_COUNT || r->config.payload_types[payload->codec] == 0)
        return -ENOENT;
    fill(r, run, seq, rtp, payload, ret_output);
    return 0;
}

int rewrite_sender_report(const struct rewrite *r, uint64_t source,
                          const struct rtcp_sender_info *last, uint64_t ntp_now,
                          struct rtcp_sender_info *ret_info)
{
    if (source == 0 || rewrite_shown(r) != source || !r->sent)
        return -ENOENT;
    /* Time since their report: whole seconds and the fraction apart, so that nothing overflows. */
    uint64_t since = ntp_now - last->ntp;
    bool before = since >> 63;
    if (before)
        since = 0 - since;
    uint64_t rate = r->config.clock_rate;
    uint32_t moved = (uint32_t)((since >> 32) * rate + ((since & 0xffffffff) * rate >> 32));
    const struct rewrite_run *run = &r->past->runs[r->run_number % REWRITE_RUNS];
    *ret_info = (struct rtcp_sender_info){
        .ntp = ntp_now,
        .rtp_timestamp = last->rtp_timestamp + run->timestamp_offset + (before ? 0 - moved : moved),
        .packet_count = r->packets,
        .octet_count = r->octets,
    };
    return 0;
}
