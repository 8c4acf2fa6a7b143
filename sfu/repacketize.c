/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/repacketize.h"

#include <assert.h>

#include "common/bytes.h"
#include "common/opus.h"
#include "sfu/seqnum.h"

/* RFC 6716 section 3.1: how many frames a packet has, and one that says how many itself. */
#define FRAMES_MASK    3
#define ONE_FRAME      0
#define COUNTED_FRAMES 3
/* Section 3.2.5: they differ in length. */
#define VARIABLE_LENGTHS 0x80
/* Section 3.2.1: lengths from here on have two bytes. */
#define TWO_BYTES_FROM 252

static const struct packet *last_of(const struct repacketizer *r)
{
    return r->packets[r->count - 1];
}

bool repacketizer_takes(const struct repacketizer *r, uint64_t source, const struct packet *packet)
{
    const struct rtp_view *rtp = &packet->rtp;
    if (rtp->payload_len < 2 || rtp->payload_len > REPACKETIZE_PACKET_BYTES ||
        (rtp->payload[0] & FRAMES_MASK) != ONE_FRAME)
        return false;
    unsigned samples = opus_samples(rtp->payload, rtp->payload_len);
    if (samples > OPUS_SAMPLES_MAX / REPACKETIZE_MOST)
        return false;
    if (r->count == 0)
        return true;
    const struct rtp_view *last = &last_of(r)->rtp;
    return r->source == source && rtp->payload[0] == last->payload[0] &&
           rtp->seq == (uint16_t)(last->seq + 1) && rtp->timestamp - last->timestamp == samples;
}

void repacketizer_put(struct repacketizer *r, uint64_t source, struct packet *packet)
{
    assert(r->count < REPACKETIZE_MOST);
    r->source = source;
    r->packets[r->count++] = packet_ref(packet);
}

size_t repacketizer_write(const struct repacketizer *r, uint8_t head[static REPACKETIZE_HEAD_MAX])
{
    struct writer w = writer_over(head, REPACKETIZE_HEAD_MAX);
    assert(r->count > 1);
    writer_u8(&w, r->packets[0]->rtp.payload[0] | COUNTED_FRAMES);
    writer_u8(&w, VARIABLE_LENGTHS | r->count);
    for (size_t i = 0; i + 1 < r->count; i++) {
        unsigned len = (unsigned)r->packets[i]->rtp.payload_len - 1;
        unsigned first = len < TWO_BYTES_FROM ? len : TWO_BYTES_FROM + (len & 3);
        writer_u8(&w, (uint8_t)first);
        if (first >= TWO_BYTES_FROM)
            writer_u8(&w, (uint8_t)((len - first) >> 2));
    }
    for (size_t i = 0; i + 1 < r->count; i++)
        writer_bytes(&w, r->packets[i]->rtp.payload + 1, r->packets[i]->rtp.payload_len - 1);
    assert(!w.failed);
    return writer_len(&w);
}

void repacketizer_drop(struct repacketizer *r)
{
    while (r->count > 0)
        packet_unref(r->packets[--r->count]);
}
