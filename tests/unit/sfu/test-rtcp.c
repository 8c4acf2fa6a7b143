/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/rtcp.h"

#include <errno.h>
#include <string.h>

#include "sfu/arrivals.h"
#include "sfu/ntp.h"
#include "unit/check.h"

static uint8_t bytes[2048];

/* A cursor over what was written. */
static struct rtcp_cursor begin(const struct writer *w)
{
    struct rtcp_cursor cursor;
    CHECK(!w->failed);
    CHECK_EQ(writer_len(w) % 4, 0);
    CHECK_EQ(rtcp_begin(bytes, writer_len(w), &cursor), 0);
    return cursor;
}

static void compound_of_everything(void)
{
    struct rtcp_sender_info info = {0x1122334455667788, 0xfffffff0, 7, 8};
    struct rtcp_report_block blocks[2] = {
        {0xaaaa, 255, -5, 0x10002, 33, 0x12345678, 65536},
        {0xbbbb, 0, 0x7fffff, 1, 2, 3, 4},
    };
    struct writer w = writer_over(bytes, sizeof(bytes));
    rtcp_write_sender_report(&w, 0x1111, &info, blocks, 2);
    rtcp_write_cname(&w, 0x1111, "assize");
    rtcp_write_receiver_report(&w, 0x2222, blocks + 1, 1);
    rtcp_write_pli(&w, 0x3333, 0x4444);
    rtcp_write_fir(&w, 0x5555, 0x6666, 9);
    rtcp_write_bye(&w, 0x7777);

    struct rtcp_cursor c = begin(&w);
    struct rtcp_view v;
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_SENDER_REPORT);
    CHECK_EQ(v.sender_ssrc, 0x1111);
    CHECK_EQ(v.sender.ntp, info.ntp);
    CHECK_EQ(v.sender.rtp_timestamp, info.rtp_timestamp);
    CHECK_EQ(v.sender.packet_count, 7);
    CHECK_EQ(v.sender.octet_count, 8);
    CHECK_EQ(v.item_count, 2);
    struct rtcp_report_block b = rtcp_report_block(&v, 0);
    CHECK_EQ(b.ssrc, 0xaaaa);
    CHECK_EQ(b.fraction_lost, 255);
    CHECK_EQ(b.total_lost, -5);
    CHECK_EQ(b.highest_seq, 0x10002);
    CHECK_EQ(b.jitter, 33);
    CHECK_EQ(b.last_sr, 0x12345678);
    CHECK_EQ(b.delay_since_sr, 65536);
    CHECK_EQ(rtcp_report_block(&v, 1).total_lost, 0x7fffff);

    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_OTHER);
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_RECEIVER_REPORT);
    CHECK_EQ(v.item_count, 1);
    CHECK_EQ(rtcp_report_block(&v, 0).ssrc, 0xbbbb);
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_PLI);
    CHECK_EQ(v.sender_ssrc, 0x3333);
    CHECK_EQ(v.media_ssrc, 0x4444);
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_FIR);
    CHECK_EQ(v.item_count, 1);
    CHECK_EQ(rtcp_fir_entry(&v, 0).ssrc, 0x6666);
    CHECK_EQ(rtcp_fir_entry(&v, 0).command, 9);
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_BYE);
    CHECK_EQ(rtcp_ssrc(&v, 0), 0x7777);
    CHECK_EQ(rtcp_next(&c, &v), 0);
    CHECK_EQ(rtcp_next(&c, &v), 0);
}

static void cname_lengths(void)
{
    char name[257] = {0};
    for (size_t len = 0; len <= 256; len++) {
        struct writer w = writer_over(bytes, sizeof(bytes));
        rtcp_write_cname(&w, 1, name);
        name[len < 256 ? len : 0] = 'x';
        CHECK_EQ(w.failed, len > 255);
        if (w.failed)
            break;
        (void)begin(&w);
        /* The text is ended by at least one zero. */
        CHECK_EQ(bytes[writer_len(&w) - 1], 0);
        CHECK(writer_len(&w) > 10 + len);
    }
}

static void nacks(void)
{
    static const uint16_t seqs[] = {65530, 65531, 65535, 10, 11, 12, 100};
    struct writer w = writer_over(bytes, sizeof(bytes));
    rtcp_write_nack(&w, 1, 2, seqs, 7);
    struct rtcp_cursor c = begin(&w);
    struct rtcp_view v;
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.kind, RTCP_NACK);
    CHECK_EQ(v.media_ssrc, 2);
    CHECK_EQ(v.item_count, 3);
    CHECK_EQ(rtcp_nack_pair(&v, 0).pid, 65530);
    CHECK_EQ(rtcp_nack_pair(&v, 0).blp, 1 | 1 << 4 | 1 << 15); /* 65531, 65535, 10 */
    CHECK_EQ(rtcp_nack_pair(&v, 1).pid, 11);
    CHECK_EQ(rtcp_nack_pair(&v, 1).blp, 1);
    CHECK_EQ(rtcp_nack_pair(&v, 2).pid, 100);
}

/* Does not fit: nothing half-written is ever taken for whole. */
static void small_buffers(void)
{
    struct rtcp_report_block blocks[32] = {0};
    struct writer w = writer_over(bytes, sizeof(bytes));
    rtcp_write_receiver_report(&w, 1, blocks, 32);
    CHECK(w.failed);
    w = writer_over(bytes, 11);
    rtcp_write_pli(&w, 1, 2);
    CHECK(w.failed);
}

/* That the walk yields these kinds, -1 for -EBADMSG, and then ends. */
static void check_kinds(const char *what, struct rtcp_cursor *c, const int kinds[3])
{
    int next = 1;
    for (size_t n = 0; next > 0 && n < 3; n++) {
        struct rtcp_view v;
        next = rtcp_next(c, &v);
        int kind = next < 0 ? -1 : next == 0 ? -2 : (int)v.kind;
        int expected = kinds[n];
        if (expected == 0 && n > 0)
            expected = kind == RTCP_OTHER ? RTCP_OTHER : -2;
        if (kind != expected)
            fprintf(stderr, "%s\n", what);
        CHECK_EQ(kind, expected);
    }
}

/* Datagrams as they come: whether the walk may begin, and the kinds it yields (-1: -EBADMSG). */
static void others_bytes(void)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        int begin;
        int kinds[3];
    } cases[] = {
        {"empty", "", 0, -EBADMSG, {0}},
        {"length past the end", "\x81\xce\0\3zzzzzzzz", 12, -EBADMSG, {0}},
        {"bytes left over", "\x80\xc9\0\1zzzz\x80", 9, -EBADMSG, {0}},
        {"version 1 in the second", "\x80\xc9\0\1zzzz\x40\xc9\0\1zzzz", 16, -EBADMSG, {0}},
        {"padding in the first", "\xa0\xc9\0\2zzzz\0\0\0\4\x80\xc9\0\1zzzz", 20, -EBADMSG, {0}},
        {"padding in the last",
         "\x80\xc9\0\1zzzz\xa0\xc9\0\2zzzz\0\0\0\4",
         20,
         0,
         {RTCP_RECEIVER_REPORT, RTCP_RECEIVER_REPORT, 0}},
        {"padding longer than the body", "\xa0\xc9\0\1\0\0\0\x8", 8, -EBADMSG, {0}},
        {"padding of 3 and one byte left", "\xa0\xc9\0\1\0\0\0\3", 8, 0, {-1}},
        {"padding of 0", "\xa0\xc9\0\1\0\0\0\0", 8, -EBADMSG, {0}},
        {"padding over the SSRC", "\xa0\xc9\0\1\0\0\0\4", 8, 0, {-1}},
        {"a report that says 2 blocks and has none", "\x82\xc9\0\1zzzz", 8, 0, {-1}},
        {"a BYE that says 31", "\x9f\xcb\0\1zzzz", 8, 0, {-1}},
        {"a BYE of nobody", "\x80\xcb\0\0", 4, 0, {RTCP_BYE, 0}},
        {"a FIR of half an entry", "\x84\xce\0\3zzzz\0\0\0\0zzzz", 16, 0, {-1}},
        {"a NACK without its media SSRC", "\x81\xcd\0\1zzzz", 8, 0, {-1}},
        {"REMB", "\x8f\xce\0\5zzzz\0\0\0\0REMB\1\x0b\xff\xffssrc", 24, 0, {RTCP_REMB, 0}},
        {"REMB that says 2", "\x8f\xce\0\5zzzz\0\0\0\0REMB\2\x0b\xff\xffssrc", 24, 0, {-1}},
        {"other application feedback", "\x8f\xce\0\3zzzz\0\0\0\0ABCD", 16, 0, {RTCP_OTHER, 0}},
        {"application feedback of nothing", "\x8f\xce\0\2zzzz\0\0\0\0", 12, 0, {RTCP_OTHER, 0}},
        {"APP and XR", "\x80\xcc\0\1zzzz\x80\xcf\0\1zzzz", 16, 0, {RTCP_OTHER, RTCP_OTHER, 0}},
        {"transport feedback",
         "\x8f\xcd\0\6sssmmmms\0\7\0\3\0\0\1\x09\x20\3\1\2\3\0\0\0",
         28,
         0,
         {RTCP_TRANSPORT_CC, 0}},
        {"transport feedback of nothing",
         "\x8f\xcd\0\5sssmmmms\0\7\0\xff\0\0\1\x09\x60\xff\1\2",
         24,
         0,
         {RTCP_TRANSPORT_CC, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rtcp_cursor c;
        int r = rtcp_begin((const uint8_t *)cases[i].bytes, cases[i].len, &c);
        if (r != cases[i].begin)
            fprintf(stderr, "%s\n", cases[i].what);
        CHECK_EQ(r, cases[i].begin);
        if (r == 0)
            check_kinds(cases[i].what, &c, cases[i].kinds);
    }
    struct rtcp_cursor c;
    struct rtcp_view v;
    CHECK_EQ(rtcp_begin((const uint8_t *)"\x8f\xce\0\5zzzz\0\0\0\0REMB\1\x0b\xff\xffssrc", 24, &c),
             0);
    CHECK_EQ(rtcp_next(&c, &v), 1);
    CHECK_EQ(v.remb_bps, 0x3ffffull << 2);
    CHECK_EQ(rtcp_ssrc(&v, 0), 0x73737263);
}

/* Whoever fills a datagram with transport-wide feedback that claims 65,535 statuses in runs of
 * 8,191, 34 times, costs us 34 headers: each is refused by its count. */
static void claims_cost_nothing(void)
{
    uint8_t claims[34 * 40];
    struct writer w = writer_over(claims, sizeof(claims));
    for (unsigned i = 0; i < 34; i++) {
        static const uint8_t head[] = {0x8f, 205, 0, 9, 0,    0,    0, 1, 0, 0,
                                       0,    2,   0, 0, 0xff, 0xff, 0, 0, 0, 0};
        writer_bytes(&w, head, sizeof(head));
        for (unsigned run = 0; run < 10; run++)
            writer_u16(&w, i < 33 ? 0x1fff : 0);
    }
    CHECK(!w.failed && writer_len(&w) == sizeof(claims));
    struct rtcp_cursor c;
    struct rtcp_view v;
    CHECK_EQ(rtcp_begin(claims, sizeof(claims), &c), 0);
    for (unsigned i = 0; i < 34; i++) {
        CHECK_EQ(rtcp_next(&c, &v), 1);
        CHECK_EQ(v.kind, RTCP_TRANSPORT_CC);
        struct arrivals a;
        CHECK_EQ(arrivals_begin(&v, &a), -EBADMSG);
    }
    CHECK_EQ(rtcp_next(&c, &v), 0);
}

static void ntp(void)
{
    /* 1970 is 2,208,988,800 s after 1900. */
    CHECK_EQ(ntp_from_wall_us(0) >> 32, 2208988800);
    CHECK_EQ(ntp_from_wall_us(1500000) & 0xffffffff, 0x80000000);
    uint64_t sent = ntp_from_wall_us(1000 * 1000000ull);
    uint64_t now = ntp_from_wall_us(1000 * 1000000ull + 350000);
    uint32_t rtt = ntp_round_trip_us(now, ntp_middle(sent), 65536 / 4);
    CHECK(rtt > 99900 && rtt < 100100);
    CHECK_EQ(ntp_round_trip_us(now, 0, 0), 0);
    CHECK_EQ(ntp_round_trip_us(sent, ntp_middle(now), 0), 0);

    /* Their clock is 1000 s behind; the quickest report decides, until it is a minute old. */
    struct ntp_shift shift = {0};
    uint64_t theirs = 5ull << 32;
    uint64_t ours = 1005ull << 32;
    uint64_t ms = (1ull << 32) / 1000;
    ntp_shift_learn(&shift, theirs, ours + 30 * ms, 1000000);
    CHECK_EQ(ntp_shift_apply(&shift, theirs), ours + 30 * ms);
    ntp_shift_learn(&shift, theirs, ours + 80 * ms, 2000000);
    CHECK_EQ(ntp_shift_apply(&shift, theirs), ours + 30 * ms);
    ntp_shift_learn(&shift, theirs, ours + 20 * ms, 3000000);
    CHECK_EQ(ntp_shift_apply(&shift, theirs), ours + 20 * ms);
    ntp_shift_learn(&shift, theirs, ours + 25 * ms, 64000000);
    CHECK_EQ(ntp_shift_apply(&shift, theirs), ours + 25 * ms);
    /* A clock that was set is believed at once. */
    ntp_shift_learn(&shift, theirs, ours + 60000 * ms, 65000000);
    CHECK_EQ(ntp_shift_apply(&shift, theirs), ours + 60000 * ms);
}

int main(void)
{
    compound_of_everything();
    cname_lengths();
    nacks();
    small_buffers();
    others_bytes();
    claims_cost_nothing();
    ntp();
    return 0;
}
