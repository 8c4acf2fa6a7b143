/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/flow.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

#define MAGIC          0x41735a65u
#define MARK_LEN       24
#define DESCRIPTOR_LEN 6
#define KEY_HEADER_LEN 10
#define SECOND_US      1000000ull

void flow_init(struct flow *f, const struct flow_options *options, uint64_t now_us)
{
    *f = (struct flow){
        .options = *options, .seq = options->first_seq, .key_wanted = true, .due_us = now_us};
}

static uint32_t clock_rate(enum control_kind kind)
{
    return kind == CONTROL_AUDIO ? 48000 : 90000;
}

uint32_t flow_timestamp(const struct flow *f, uint64_t now_us)
{
    return (uint32_t)(now_us * clock_rate(f->options.kind) / SECOND_US);
}

/* What fills the payload after the mark: another word for each flow, packet and place. */
static void write_pattern(uint8_t *to, size_t len, uint32_t id, uint32_t counter)
{
    uint64_t word = ((uint64_t)id << 32 | counter) * 0x9E3779B97F4A7C15ull;
    for (size_t i = 0; i < len; i += sizeof(word), word += 0xBF58476D1CE4E5B9ull)
        memcpy(to + i, &word, len - i < sizeof(word) ? len - i : sizeof(word));
}

static void write_header(struct flow *f, uint16_t *transport_seq, bool marker,
                         struct flow_packet *p)
{
    const struct flow_options *o = &f->options;
    struct writer w = writer_over(p->header, sizeof(p->header));
    bool extended = o->ext_transport_cc || o->ext_audio_level;
    writer_u8(&w, extended ? 0x90 : 0x80);
    writer_u8(&w, (uint8_t)(o->payload_type | (marker ? 0x80 : 0)));
    writer_u16(&w, f->seq++);
    writer_u32(&w, f->timestamp);
    writer_u32(&w, o->ssrc);
    if (extended) {
        writer_u16(&w, 0xBEDE); /* RFC 8285 section 4.2 */
        writer_u16(
            &w, (uint16_t)((o->ext_transport_cc ? 3 : 0) + (o->ext_audio_level ? 2 : 0) + 3) / 4);
        if (o->ext_transport_cc) {
            writer_u8(&w, (uint8_t)(o->ext_transport_cc << 4 | 1));
            writer_u16(&w, (*transport_seq)++);
        }
        if (o->ext_audio_level) {
            writer_u8(&w, (uint8_t)(o->ext_audio_level << 4));
            writer_u8(&w, o->level_dbov);
        }
        while (writer_len(&w) % 4)
            writer_u8(&w, 0);
    }
    p->header_len = writer_len(&w);
}

/* RFC 7741: descriptor with a 15-bit picture id, TL0PICIDX and TID, and at a frame's start the
 * frame tag; a key frame's carries its start code and size. */
static void write_vp8(const struct flow *f, struct writer *w)
{
    writer_u8(w, f->part == 0 ? 0x90 : 0x80);
    writer_u8(w, 0xE0);
    writer_u16(w, (uint16_t)(0x8000 | (f->frames & 0x7fff)));
    writer_u8(w, (uint8_t)f->frames);
    writer_u8(w, 0);
    if (f->part > 0)
        return;
    writer_u24(w, f->key ? 0x100200 : 0x110200);
    if (f->key) {
        writer_u24(w, 0x9d012a);
        writer_u32(w, 0x8002e001); /* 640 x 480, little endian */
    }
}

/* Up to a quarter shorter, by the frame's number; the first few of a frame a byte longer. */
static size_t length_of(const struct flow *f)
{
    const struct flow_options *o = &f->options;
    size_t least = o->kind == CONTROL_VIDEO ? FLOW_VIDEO_MIN : FLOW_AUDIO_MIN;
    if (!o->uneven || o->payload_len < 2 * least)
        return o->payload_len;
    uint32_t hash = (f->frames + 1) * 2654435761u;
    size_t frame =
        (o->payload_len - 1 - (hash >> 16) % (o->payload_len / 4)) * o->packets_per_frame;
    frame += hash % o->packets_per_frame;
    return frame / o->packets_per_frame + (f->part < frame % o->packets_per_frame);
}

static void write_payload(struct flow *f, uint64_t now_us, struct flow_packet *p)
{
    const struct flow_options *o = &f->options;
    size_t payload_len = length_of(f);
    struct writer w = writer_over(p->payload, payload_len);
    if (o->kind == CONTROL_VIDEO)
        write_vp8(f, &w);
    writer_u32(&w, MAGIC);
    writer_u32(&w, o->id);
    writer_u32(&w, f->counter);
    writer_u32(&w, (uint32_t)(f->key << 16 | payload_len));
    writer_u64(&w, now_us);
    size_t len = writer_len(&w);
    write_pattern(p->payload + len, payload_len - len, o->id, f->counter);
    p->payload_len = payload_len;
}

bool flow_next(struct flow *f, uint64_t now_us, uint16_t *transport_seq,
               struct flow_packet *ret_packet)
{
    const struct flow_options *o = &f->options;
    if (f->part == 0) {
        if (now_us < f->due_us)
            return false;
        f->key = o->kind == CONTROL_VIDEO && f->key_wanted;
        f->key_frames += f->key;
        f->key_wanted = false;
        f->timestamp = flow_timestamp(f, f->due_us);
        f->due_us += SECOND_US / o->frames_per_s;
        if (now_us > f->due_us + SECOND_US / 10)
            f->due_us = now_us; /* we were held up: no burst to make up for it */
    }
    bool last = f->part + 1 == o->packets_per_frame;
    write_header(f, transport_seq, last && o->kind == CONTROL_VIDEO, ret_packet);
    write_payload(f, now_us, ret_packet);
    f->bytes += ret_packet->payload_len;
    f->counter++;
    f->part = last ? 0 : f->part + 1;
    f->frames += last;
    return true;
}

/* Steps over what VP8 puts before the mark. */
static void skip_vp8(struct reader *r)
{
    uint8_t flags = reader_u8(r);
    reader_skip(r, DESCRIPTOR_LEN - 1);
    if (!(flags & 0x10))
        return;
    uint8_t tag = reader_u8(r);
    reader_skip(r, 2);
    if (!(tag & 1))
        reader_skip(r, KEY_HEADER_LEN - 3);
}

int flow_check(enum control_kind kind, const uint8_t *payload, size_t len,
               struct flow_mark *ret_mark)
{
    struct reader r = reader_over(payload, len);
    if (kind == CONTROL_VIDEO)
        skip_vp8(&r);
    uint32_t magic = reader_u32(&r);
    struct flow_mark m = {.id = reader_u32(&r), .counter = reader_u32(&r)};
    uint32_t key_and_len = reader_u32(&r);
    m.sent_us = reader_u64(&r);
    m.key = key_and_len >> 16;
    if (r.failed || magic != MAGIC || (key_and_len & 0xffff) != len)
        return -EBADMSG;
    uint8_t pattern[FLOW_PAYLOAD_MAX];
    size_t left = reader_left(&r);
    if (left > sizeof(pattern))
        return -EBADMSG;
    write_pattern(pattern, left, m.id, m.counter);
    if (memcmp(pattern, payload + len - left, left) != 0)
        return -EBADMSG;
    *ret_mark = m;
    return 0;
}
