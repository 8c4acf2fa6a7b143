/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "sfu/rewrite.h"
#include "sfu/seqnum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct receiver {
    bool started;
    uint64_t limit; /* as far as the source can have come, lost and withheld ones counted */
    uint64_t run;
    uint64_t newest;       /* extended output number */
    uint32_t timestamp;    /* newest */
    uint64_t source[2048]; /* by output number: who sent it */
    uint16_t seq[2048];    /* and under which number */
    uint64_t number[2048]; /* the output number itself */
};

/* Every output number is given once, goes ahead by no more than what its source skipped, and maps
 * back to the packet it was made from. */
static void check(struct receiver *rx, const struct rewrite *rewrite, uint64_t source,
                  const struct rtp_view *rtp, const struct rewrite_output *out)
{
    uint64_t back_source = 0;
    uint16_t back_seq = 0;
    if (rewrite_origin(rewrite, out->header.seq, &back_source, &back_seq) < 0 ||
        back_source != source || back_seq != rtp->seq)
        abort();
    if (out->header.ssrc != 7 || out->header.payload_type != 101)
        abort();
    bool first = !rx->started;
    if (first) {
        rx->started = true;
        rx->newest = 0x10000u + (uint64_t)out->header.seq - 1;
        rx->limit = rx->newest + 1;
    }
    uint64_t number = seqnum_extend(rx->newest, out->header.seq);
    size_t slot = number % 2048;
    bool repeated = rx->number[slot] == number;
    if (repeated && (rx->source[slot] != source || rx->seq[slot] != rtp->seq))
        abort();
    bool new_run = rewrite->run_number != rx->run;
    rx->run = rewrite->run_number;
    if (new_run)
        rx->limit = number;
    if (number > rx->limit || number + REWRITE_HISTORY <= rx->newest)
        abort();
    if (out->switched && !new_run)
        abort();
    if (new_run && (number != rx->newest + 1 || repeated))
        abort();
    if (new_run && !first && !seqnum_ticks_newer(out->header.timestamp, rx->timestamp))
        abort();
    rx->number[slot] = number;
    rx->source[slot] = source;
    rx->seq[slot] = rtp->seq;
    if (number >= rx->newest) {
        rx->newest = number;
        rx->timestamp = out->header.timestamp;
    }
}

static void note_moved(struct receiver *rx, const struct rewrite *rewrite, uint16_t before)
{
    uint16_t moved = (uint16_t)(rewrite->source_seq - before);
    if (moved < 0x8000)
        rx->limit += moved;
}

/* Six bytes a step: what happens, to which source, how its numbers and the time move. Errors are
 * among the ones the header names; the state never goes backwards. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct rewrite rewrite;
    static struct rewrite_past past;
    static struct receiver rx;
    rx = (struct receiver){0};
    struct rewrite_config config = {.video = true,
                                    .ssrc = 7,
                                    .clock_rate = 90000,
                                    .payload_types = {[CODEC_VP8] = 101},
                                    .first_seq = 65500};
    rewrite_init(&rewrite, &config);
    past = (struct rewrite_past){0};
    rewrite_remember(&rewrite, &past);
    uint16_t seqs[4] = {0, 30000, 65000, 12};
    uint32_t timestamps[4] = {0, 0xffff0000, 0x7fffffff, 5};
    uint64_t now_us = 1000000;
    struct reader r = reader_over(data, len);
    while (reader_left(&r) >= 6) {
        uint8_t what = reader_u8(&r);
        unsigned index = reader_u8(&r) % 4;
        uint64_t source = index + 1;
        int8_t step = (int8_t)reader_u8(&r);
        now_us += reader_u8(&r) * 1000ull;
        uint32_t ticks = reader_u16(&r);
        if (what % 8 == 0) {
            rewrite_select(&rewrite, what & 0x80 ? 0 : source);
            continue;
        }
        if (what % 8 == 1) {
            uint16_t before = rewrite.source_seq;
            struct rtp_view withheld = {.seq = ++seqs[index]};
            struct descriptor picture = {.picture_id = ticks & 0x7fff};
            if (what & 0x80)
                (void)rewrite_withhold_picture(&rewrite, source, &withheld, &picture);
            else
                (void)rewrite_withhold(&rewrite, source, withheld.seq);
            note_moved(&rx, &rewrite, before);
            continue;
        }
        if (what % 64 == 2)
            rewrite_restart(&rewrite, source);
        seqs[index] = (uint16_t)(seqs[index] + (step == 127 ? 4000 : step));
        timestamps[index] += ticks;
        struct rtp_view rtp = {.seq = seqs[index], .timestamp = timestamps[index]};
        struct payload_view payload = {.codec = what & 0x40 ? CODEC_H264 : CODEC_VP8,
                                       .key_frame = what & 0x10,
                                       .descriptor = {.picture_id = seqs[index] & 0x7fff,
                                                      .picture_id_at = 2,
                                                      .picture_id_bits = 15}};
        uint16_t before = rewrite.source_seq;
        struct rewrite_output out;
        int e = rewrite_forward(&rewrite, source, &rtp, &payload, now_us, &out);
        note_moved(&rx, &rewrite, before);
        if (e == 0)
            check(&rx, &rewrite, source, &rtp, &out);
        else if (e != -ENOENT && e != -EAGAIN && e != -ESTALE && e != -ERANGE && e != -EALREADY &&
                 e != -EPROTONOSUPPORT)
            abort();
        if (rewrite_shown(&rewrite) != 0 && rewrite_wanted(&rewrite) == 0)
            abort();
    }
    return 0;
}
