/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/depay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/codecs.h"
#include "common/limits.h"
#include "common/opus.h"
#include "recorder/h264.h"

void depay_init(struct depay *d, uint8_t codec)
{
    *d = (struct depay){.codec = codec, .needs_key = true, .base_layer = -1};
}

void depay_finish(struct depay *d)
{
    free(d->bytes);
    layered_finish(&d->layered);
    *d = (struct depay){0};
}

/* Something is missing, so what was begun is useless and what follows may refer to it. */
static void lose(struct depay *d)
{
    if (d->codec == CODEC_VP9) {
        layered_lose(&d->layered); /* the other layers of the picture may be whole */
        return;
    }
    d->open = false;
    d->layers_broken = true;
    if (d->codec != CODEC_VP8 || d->base_layer < 0)
        d->needs_key = true;
}

static int append(struct depay *d, const void *data, size_t len)
{
    if (len > LIMIT_FRAME_BYTES - d->len) {
        lose(d); /* no frame is as large as this */
        return 0;
    }
    if (d->len + len > d->capacity) {
        size_t more = d->capacity ? d->capacity : 4096;
        while (more < d->len + len)
            more *= 2;
        uint8_t *grown = realloc(d->bytes, more);
        if (!grown)
            return -ENOMEM;
        d->bytes = grown;
        d->capacity = more;
    }
    if (len > 0)
        memcpy(d->bytes + d->len, data, len);
    d->len += len;
    return 0;
}

static void begin(struct depay *d, int64_t seq, int64_t rtp_ticks)
{
    d->open = true;
    d->len = 0;
    d->seq = seq;
    d->rtp_ticks = rtp_ticks;
    d->key = false;
    d->in_fragment = false;
}

/* RFC 7741 section 4.2: the descriptor before the payload. */
struct vp8_descriptor {
    bool start; /* S and partition 0: the first packet of a frame */
    bool has_base_layer;
    uint8_t base_layer;
    bool has_temporal;
    uint8_t temporal_id;
    bool layer_sync;
};

static bool read_vp8_descriptor(struct reader *r, struct vp8_descriptor *ret)
{
    uint8_t first = reader_u8(r);
    struct vp8_descriptor d = {.start = (first & 0x1f) == 0x10};
    uint8_t extended = first & 0x80 ? reader_u8(r) : 0;
    if (extended & 0x80 && reader_u8(r) & 0x80) /* picture id, of 7 or 15 bits */
        (void)reader_u8(r);
    if (extended & 0x40) {
        d.has_base_layer = true;
        d.base_layer = reader_u8(r);
    }
    if (extended & 0x30) {
        uint8_t third = reader_u8(r);
        d.has_temporal = extended & 0x20;
        d.temporal_id = third >> 6;
        d.layer_sync = third & 0x20;
    }
    *ret = d;
    return !r->failed;
}

/* Whether the frame put together refers only to what was shown. */
static bool is_vp8_decodable(struct depay *d)
{
    if (d->key) {
        d->needs_key = false;
        d->layers_broken = false;
        d->base_layer = d->frame_base_layer;
        return true;
    }
    if (d->needs_key)
        return false;
    if (d->frame_base_layer < 0) {
        d->needs_key = d->layers_broken; /* no layers are told: any loss breaks all */
        return !d->needs_key;
    }
    if (d->temporal_id == 0) {
        bool follows = (uint8_t)(d->base_layer + 1) == d->frame_base_layer;
        d->needs_key = !follows;
        d->base_layer = d->frame_base_layer;
        return follows;
    }
    if (d->base_layer != d->frame_base_layer)
        return false; /* its base layer frame was lost: the next one shows it */
    if (d->layer_sync)
        d->layers_broken = false;
    return !d->layers_broken;
}

static int push_vp8(struct depay *d, const struct packet *p, int64_t seq, int64_t rtp_ticks,
                    bool *ret_whole)
{
    struct reader r = reader_over(p->payload, p->payload_len);
    struct vp8_descriptor descriptor;
    if (!read_vp8_descriptor(&r, &descriptor) || reader_left(&r) == 0) {
        lose(d);
        return 0;
    }
    if (descriptor.start) {
        if (d->open)
            lose(d); /* the frame before never ended */
        begin(d, seq, rtp_ticks);
        d->key = !(*r.pos & 1); /* RFC 6386 section 9.1 */
        d->temporal_id = descriptor.has_temporal ? descriptor.temporal_id : 0;
        d->layer_sync = descriptor.layer_sync;
        d->frame_base_layer = descriptor.has_base_layer ? descriptor.base_layer : -1;
    }
    if (!d->open || rtp_ticks != d->rtp_ticks) {
        lose(d);
        return 0;
    }
    int error = append(d, r.pos, reader_left(&r));
    if (error)
        return error;
    *ret_whole = p->marker && d->open && is_vp8_decodable(d);
    if (p->marker)
        d->open = false;
    return 0;
}

/* RFC 9628. A picture lasts as long as its timestamp, or to the marker, at which it is shown. */
static int push_vp9(struct depay *d, const struct packet *p, int64_t seq, int64_t rtp_ticks,
                    struct layered_picture *ret_picture, bool *ret_whole)
{
    struct vp9_descriptor descriptor;
    if (vp9_read_descriptor(p->payload, p->payload_len, &descriptor) < 0) {
        lose(d);
        return 0;
    }
    if (!d->open || rtp_ticks != d->rtp_ticks) {
        size_t unended = d->len;
        begin(d, seq, rtp_ticks);
        d->len = layered_begin(&d->layered) ? unended : 0;
    }
    size_t len = p->payload_len - descriptor.len;
    if (d->len + len > LIMIT_FRAME_BYTES)
        lose(d);
    else if (layered_add(&d->layered, &descriptor, d->len, len)) {
        int error = append(d, p->payload + descriptor.len, len);
        if (error)
            return error;
    }
    if (!p->marker)
        return 0;
    d->open = false;
    int shown = layered_end(&d->layered, d->bytes, ret_picture);
    *ret_whole = shown == 1;
    return shown < 0 ? shown : 0;
}

static int append_nal(struct depay *d, const uint8_t *nal, size_t len)
{
    static const uint8_t start_code[] = {0, 0, 0, 1};
    if (len == 0)
        return 0;
    if ((nal[0] & 0x1f) == H264_NAL_IDR)
        d->key = true;
    int error = append(d, start_code, sizeof(start_code));
    return error ? error : append(d, nal, len);
}

/* RFC 6184 section 5.8: a fragment. */
static int append_fragment(struct depay *d, const uint8_t *payload, size_t len)
{
    if (len < 3) {
        lose(d);
        return 0;
    }
    bool start = payload[1] & 0x80, end = payload[1] & 0x40;
    if (start == d->in_fragment) {
        lose(d);
        return 0;
    }
    d->in_fragment = !end;
    if (start) {
        uint8_t header = (uint8_t)((payload[0] & 0xe0) | (payload[1] & 0x1f));
        int error = append_nal(d, &header, 1);
        if (error)
            return error;
    }
    return append(d, payload + 2, len - 2);
}

/* RFC 6184 section 5.7.1: several units in one packet. */
static int append_aggregate(struct depay *d, const uint8_t *payload, size_t len)
{
    struct reader r = reader_over(payload, len);
    (void)reader_u8(&r);
    while (reader_left(&r) > 0) {
        size_t size = reader_u16(&r);
        const uint8_t *nal = reader_skip(&r, size);
        if (!nal) {
            lose(d);
            return 0;
        }
        int error = append_nal(d, nal, size);
        if (error)
            return error;
    }
    return 0;
}

static int push_h264(struct depay *d, const struct packet *p, int64_t seq, int64_t rtp_ticks,
                     bool *ret_whole)
{
    enum { STAP_A = 24, FU_A = 28 };
    if (p->payload_len == 0)
        return 0;
    if (d->open && rtp_ticks != d->rtp_ticks)
        lose(d); /* the marker was lost with the end of the unit before */
    if (!d->open) {
        /* The first packet after a whole unit, or after a loss: then only a key picture will do. */
        begin(d, seq, rtp_ticks);
    }
    uint8_t type = p->payload[0] & 0x1f;
    int error = 0;
    if (type == STAP_A)
        error = append_aggregate(d, p->payload, p->payload_len);
    else if (type == FU_A)
        error = append_fragment(d, p->payload, p->payload_len);
    else if (type > 0 && type < STAP_A)
        error = append_nal(d, p->payload, p->payload_len);
    if (error || !p->marker)
        return error;
    if (d->open && d->key && h264_has_parameters(d->bytes, d->len))
        d->needs_key = false;
    *ret_whole = d->open && !d->needs_key && d->len > 0 && !d->in_fragment;
    if (d->open && d->in_fragment)
        lose(d);
    d->open = false;
    return 0;
}

int depay_push(struct depay *d, const struct packet *packet, int64_t seq, int64_t rtp_ticks,
               struct depay_frame *ret_frame)
{
    if (d->started && seq != d->next_seq)
        lose(d);
    d->started = true;
    d->next_seq = seq + 1;
    bool whole = false;
    int error = 0;
    struct layered_picture layered = {0};
    if (d->codec == CODEC_OPUS) {
        begin(d, seq, rtp_ticks);
        d->key = true;
        error = append(d, packet->payload, packet->payload_len);
        whole = opus_samples(packet->payload, packet->payload_len) > 0;
    } else if (packet->payload_len == 0) {
        return 0; /* padding alone: a probe of the sender's */
    } else if (d->codec == CODEC_VP8) {
        error = push_vp8(d, packet, seq, rtp_ticks, &whole);
    } else if (d->codec == CODEC_VP9) {
        error = push_vp9(d, packet, seq, rtp_ticks, &layered, &whole);
    } else if (d->codec == CODEC_H264) {
        error = push_h264(d, packet, seq, rtp_ticks, &whole);
    }
    if (error || !whole)
        return error;
    bool vp9 = d->codec == CODEC_VP9;
    *ret_frame = (struct depay_frame){
        .data = vp9 ? layered.data : d->bytes,
        .len = vp9 ? layered.len : d->len,
        .seq = d->seq,
        .rtp_ticks = d->rtp_ticks,
        .key = vp9 ? layered.key : d->key,
    };
    return 1;
}

bool depay_size(uint8_t codec, const uint8_t *data, size_t len, uint16_t *ret_width,
                uint16_t *ret_height)
{
    if (codec == CODEC_H264)
        return h264_size(data, len, ret_width, ret_height);
    if (codec == CODEC_VP9)
        return vp9_size(data, len, ret_width, ret_height);
    struct reader r = reader_over(data, len);
    uint8_t tag = reader_u8(&r);
    (void)reader_u16(&r);
    uint32_t start_code = reader_u24(&r);
    uint8_t w[2] = {reader_u8(&r), reader_u8(&r)};
    uint8_t h[2] = {reader_u8(&r), reader_u8(&r)};
    /* RFC 6386 section 9.1: 14 bits each, little endian. */
    uint16_t width = (uint16_t)(w[0] | (w[1] & 0x3f) << 8);
    uint16_t height = (uint16_t)(h[0] | (h[1] & 0x3f) << 8);
    if (codec != CODEC_VP8 || r.failed || tag & 1 || start_code != 0x9d012a || !width || !height)
        return false;
    *ret_width = width;
    *ret_height = height;
    return true;
}
