/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rtcp.h"

#include <errno.h>
#include <string.h>

enum {
    VERSION = 2,
    PADDING_BIT = 0x20,
    COUNT_MASK = 0x1f,
    HEADER_BYTES = 4,

    /* Packet types: RFC 3550 section 12.1, RFC 4585 section 6.1. */
    PT_SENDER_REPORT = 200,
    PT_RECEIVER_REPORT = 201,
    PT_SDES = 202,
    PT_BYE = 203,
    PT_TRANSPORT_FEEDBACK = 205,
    PT_PAYLOAD_FEEDBACK = 206,

    FMT_NACK = 1,
    FMT_TRANSPORT_CC = 15,
    FMT_PLI = 1,
    FMT_FIR = 4,
    FMT_APPLICATION = 15,

    SENDER_INFO_BYTES = 20,
    REPORT_BLOCK_BYTES = 24,
    NACK_PAIR_BYTES = 4,
    FIR_ENTRY_BYTES = 8,
    SDES_CNAME = 1,
    SDES_TEXT_MAX = 255,
};

#define REMB_NAME 0x52454d42u /* "REMB" */

int rtcp_begin(const uint8_t *data, size_t len, struct rtcp_cursor *ret_cursor)
{
    struct reader r = reader_over(data, len);
    do {
        uint8_t flags = reader_u8(&r);
        (void)reader_u8(&r);
        size_t body_len = 4 * (size_t)reader_u16(&r);
        const uint8_t *body = reader_skip(&r, body_len);
        if (r.failed || flags >> 6 != VERSION)
            return -EBADMSG;
        if (!(flags & PADDING_BIT))
            continue;
        /* RFC 3550 section 6.4.1: padding is on the last packet only, its count in the last
         * byte. It asks for multiples of 4; browsers pad transport-wide feedback by 1 to 3. */
        if (reader_left(&r) > 0 || body_len == 0)
            return -EBADMSG;
        uint8_t padding = body[body_len - 1];
        if (padding == 0 || padding > body_len)
            return -EBADMSG;
    } while (reader_left(&r) > 0);
    *ret_cursor = (struct rtcp_cursor){.left = reader_over(data, len)};
    return 0;
}

/* Takes `count` items of `size` bytes; what follows is a profile's extension and is skipped. */
static int take_items(struct reader *r, size_t count, size_t size, struct rtcp_view *view)
{
    view->items_len = count * size;
    view->items = reader_skip(r, view->items_len);
    view->item_count = count;
    return r->failed ? -EBADMSG : 0;
}

static int parse_report(struct reader *r, size_t count, bool by_sender, struct rtcp_view *view)
{
    view->kind = by_sender ? RTCP_SENDER_REPORT : RTCP_RECEIVER_REPORT;
    view->sender_ssrc = reader_u32(r);
    if (by_sender) {
        view->sender.ntp = reader_u64(r);
        view->sender.rtp_timestamp = reader_u32(r);
        view->sender.packet_count = reader_u32(r);
        view->sender.octet_count = reader_u32(r);
    }
    return take_items(r, count, REPORT_BLOCK_BYTES, view);
}

static int parse_transport_feedback(struct reader *r, uint8_t format, struct rtcp_view *view)
{
    view->sender_ssrc = reader_u32(r);
    view->media_ssrc = reader_u32(r);
    if (format == FMT_NACK) {
        view->kind = RTCP_NACK;
        return take_items(r, reader_left(r) / NACK_PAIR_BYTES, NACK_PAIR_BYTES, view);
    }
    if (format == FMT_TRANSPORT_CC) {
        view->kind = RTCP_TRANSPORT_CC;
        return take_items(r, 1, reader_left(r), view);
    }
    return r->failed ? -EBADMSG : 0;
}

static int parse_remb(struct reader *r, struct rtcp_view *view)
{
    view->kind = RTCP_REMB;
    uint8_t count = reader_u8(r);
    uint32_t rate = reader_u24(r);
    uint8_t exponent = (uint8_t)(rate >> 18);
    uint64_t mantissa = rate & 0x3ffff;
    view->remb_bps = exponent < 46 ? mantissa << exponent : mantissa ? UINT64_MAX : 0;
    return take_items(r, count, sizeof(uint32_t), view);
}

static int parse_payload_feedback(struct reader *r, uint8_t format, struct rtcp_view *view)
{
    view->sender_ssrc = reader_u32(r);
    view->media_ssrc = reader_u32(r);
    switch (format) {
    case FMT_PLI:
        view->kind = RTCP_PLI;
        break;
    case FMT_FIR:
        view->kind = RTCP_FIR;
        if (reader_left(r) % FIR_ENTRY_BYTES != 0)
            return -EBADMSG;
        return take_items(r, reader_left(r) / FIR_ENTRY_BYTES, FIR_ENTRY_BYTES, view);
    case FMT_APPLICATION:
        if (reader_left(r) >= 4 && reader_u32(r) == REMB_NAME)
            return parse_remb(r, view);
        break;
    default:
        break;
    }
    return r->failed ? -EBADMSG : 0;
}

static int parse_body(struct reader *r, uint8_t type, uint8_t count, struct rtcp_view *view)
{
    switch (type) {
    case PT_SENDER_REPORT:
        return parse_report(r, count, true, view);
    case PT_RECEIVER_REPORT:
        return parse_report(r, count, false, view);
    case PT_BYE:
        view->kind = RTCP_BYE;
        return take_items(r, count, sizeof(uint32_t), view);
    case PT_TRANSPORT_FEEDBACK:
        return parse_transport_feedback(r, count, view);
    case PT_PAYLOAD_FEEDBACK:
        return parse_payload_feedback(r, count, view);
    default:
        return 0;
    }
}

int rtcp_next(struct rtcp_cursor *cursor, struct rtcp_view *ret_view)
{
    struct reader *r = &cursor->left;
    if (reader_left(r) == 0)
        return 0;
    uint8_t flags = reader_u8(r);
    uint8_t type = reader_u8(r);
    size_t body_len = 4 * (size_t)reader_u16(r);
    const uint8_t *body = reader_skip(r, body_len);
    if (r->failed)
        return -EBADMSG;
    if (flags & PADDING_BIT && body_len > 0)
        body_len -= body[body_len - 1]; /* checked in rtcp_begin() */

    struct rtcp_view view = {0};
    struct reader inside = reader_over(body, body_len);
    int e = parse_body(&inside, type, flags & COUNT_MASK, &view);
    if (e < 0) {
        r->pos = r->end;
        return e;
    }
    *ret_view = view;
    return 1;
}

/* A reader at item `i`; empty (and so yielding zeros) past the last. */
static struct reader item_at(const struct rtcp_view *view, size_t i, size_t size)
{
    struct reader r = reader_over(view->items, view->items_len);
    (void)reader_skip(&r, i * size);
    return r;
}

struct rtcp_report_block rtcp_report_block(const struct rtcp_view *view, size_t i)
{
    struct reader r = item_at(view, i, REPORT_BLOCK_BYTES);
    struct rtcp_report_block block = {
        .ssrc = reader_u32(&r),
        .fraction_lost = reader_u8(&r),
    };
    block.total_lost = (int32_t)(reader_u24(&r) << 8) >> 8;
    block.highest_seq = reader_u32(&r);
    block.jitter = reader_u32(&r);
    block.last_sr = reader_u32(&r);
    block.delay_since_sr = reader_u32(&r);
    return block;
}

struct rtcp_nack_pair rtcp_nack_pair(const struct rtcp_view *view, size_t i)
{
    struct reader r = item_at(view, i, NACK_PAIR_BYTES);
    struct rtcp_nack_pair pair = {.pid = reader_u16(&r)};
    pair.blp = reader_u16(&r);
    return pair;
}

struct rtcp_fir_entry rtcp_fir_entry(const struct rtcp_view *view, size_t i)
{
    struct reader r = item_at(view, i, FIR_ENTRY_BYTES);
    struct rtcp_fir_entry entry = {.ssrc = reader_u32(&r)};
    entry.command = reader_u8(&r);
    return entry;
}

uint32_t rtcp_ssrc(const struct rtcp_view *view, size_t i)
{
    struct reader r = item_at(view, i, sizeof(uint32_t));
    return reader_u32(&r);
}

static void write_header(struct writer *w, uint8_t count, uint8_t type, size_t body_len)
{
    writer_u8(w, (uint8_t)(VERSION << 6 | count));
    writer_u8(w, type);
    writer_u16(w, (uint16_t)(body_len / 4));
}

static void write_blocks(struct writer *w, const struct rtcp_report_block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct rtcp_report_block *b = &blocks[i];
        writer_u32(w, b->ssrc);
        writer_u8(w, b->fraction_lost);
        writer_u24(w, (uint32_t)b->total_lost & 0xffffff);
        writer_u32(w, b->highest_seq);
        writer_u32(w, b->jitter);
        writer_u32(w, b->last_sr);
        writer_u32(w, b->delay_since_sr);
    }
}

/* What does not fit the 5-bit count is an error like what does not fit the buffer. */
static bool fits_count(struct writer *w, size_t count)
{
    if (count > COUNT_MASK)
        w->failed = true;
    return count <= COUNT_MASK;
}

void rtcp_write_sender_report(struct writer *w, uint32_t ssrc, const struct rtcp_sender_info *info,
                              const struct rtcp_report_block *blocks, size_t count)
{
    if (!fits_count(w, count))
        return;
    write_header(w, (uint8_t)count, PT_SENDER_REPORT,
                 4 + SENDER_INFO_BYTES + count * REPORT_BLOCK_BYTES);
    writer_u32(w, ssrc);
    writer_u64(w, info->ntp);
    writer_u32(w, info->rtp_timestamp);
    writer_u32(w, info->packet_count);
    writer_u32(w, info->octet_count);
    write_blocks(w, blocks, count);
}

void rtcp_write_receiver_report(struct writer *w, uint32_t ssrc,
                                const struct rtcp_report_block *blocks, size_t count)
{
    if (!fits_count(w, count))
        return;
    write_header(w, (uint8_t)count, PT_RECEIVER_REPORT, 4 + count * REPORT_BLOCK_BYTES);
    writer_u32(w, ssrc);
    write_blocks(w, blocks, count);
}

void rtcp_write_cname(struct writer *w, uint32_t ssrc, const char *cname)
{
    static const uint8_t zeros[4] = {0};
    size_t len = strlen(cname);
    if (len > SDES_TEXT_MAX) {
        w->failed = true;
        return;
    }
    /* RFC 3550 section 6.5: the items end with at least one zero byte, up to a 32-bit boundary. */
    size_t items_len = 2 + len;
    size_t zeros_len = 4 - items_len % 4;
    write_header(w, 1, PT_SDES, 4 + items_len + zeros_len);
    writer_u32(w, ssrc);
    writer_u8(w, SDES_CNAME);
    writer_u8(w, (uint8_t)len);
    writer_bytes(w, cname, len);
    writer_bytes(w, zeros, zeros_len);
}

static void write_feedback(struct writer *w, uint8_t format, uint8_t type, uint32_t sender_ssrc,
                           uint32_t media_ssrc, size_t rest_len)
{
    write_header(w, format, type, 8 + rest_len);
    writer_u32(w, sender_ssrc);
    writer_u32(w, media_ssrc);
}

/* The pair that begins with seqs[*i]; steps over what it holds. */
static struct rtcp_nack_pair next_pair(const uint16_t *seqs, size_t count, size_t *i)
{
    struct rtcp_nack_pair pair = {.pid = seqs[(*i)++]};
    for (; *i < count; (*i)++) {
        uint16_t ahead = (uint16_t)(seqs[*i] - pair.pid);
        if (ahead == 0 || ahead > 16)
            break;
        pair.blp = (uint16_t)(pair.blp | 1u << (ahead - 1));
    }
    return pair;
}

void rtcp_write_nack(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                     const uint16_t *seqs, size_t count)
{
    size_t pairs = 0;
    for (size_t i = 0; i < count; pairs++)
        (void)next_pair(seqs, count, &i);
    write_feedback(w, FMT_NACK, PT_TRANSPORT_FEEDBACK, sender_ssrc, media_ssrc,
                   pairs * NACK_PAIR_BYTES);
    for (size_t i = 0; i < count;) {
        struct rtcp_nack_pair pair = next_pair(seqs, count, &i);
        writer_u16(w, pair.pid);
        writer_u16(w, pair.blp);
    }
}

void rtcp_write_pli(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
    write_feedback(w, FMT_PLI, PT_PAYLOAD_FEEDBACK, sender_ssrc, media_ssrc, 0);
}

void rtcp_write_fir(struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t command)
{
    /* RFC 5104 section 4.3.1.2: the media SSRC is 0, the entry names it. */
    write_feedback(w, FMT_FIR, PT_PAYLOAD_FEEDBACK, sender_ssrc, 0, FIR_ENTRY_BYTES);
    writer_u32(w, media_ssrc);
    writer_u8(w, command);
    writer_u24(w, 0);
}

void rtcp_write_remb(struct writer *w, uint32_t sender_ssrc, uint64_t bps, const uint32_t *ssrcs,
                     size_t count)
{
    /* draft-alvestrand-rmcat-remb-03 section 2.2: 6 bits of exponent, 18 of mantissa. */
    uint32_t exponent = 0;
    while (bps >> exponent > 0x3ffff)
        exponent++;
    write_feedback(w, FMT_APPLICATION, PT_PAYLOAD_FEEDBACK, sender_ssrc, 0,
                   8 + count * sizeof(uint32_t));
    writer_u32(w, REMB_NAME);
    writer_u8(w, (uint8_t)count);
    writer_u24(w, exponent << 18 | (uint32_t)(bps >> exponent));
    for (size_t i = 0; i < count; i++)
        writer_u32(w, ssrcs[i]);
}

void rtcp_write_bye(struct writer *w, uint32_t ssrc)
{
    write_header(w, 1, PT_BYE, 4);
    writer_u32(w, ssrc);
}
