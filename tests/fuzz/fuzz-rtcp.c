/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sfu/arrivals.h"
#include "sfu/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_nack(const struct rtcp_view *view)
{
    /* All numbers asked for, in their order; written and read again they are the same. */
    static uint16_t seqs[17 * 65536 / 4];
    static uint8_t bytes[1 << 18];
    size_t count = 0;
    for (size_t i = 0; i < view->item_count; i++) {
        struct rtcp_nack_pair pair = rtcp_nack_pair(view, i);
        seqs[count++] = pair.pid;
        for (unsigned bit = 0; bit < 16; bit++)
            if (pair.blp >> bit & 1)
                seqs[count++] = (uint16_t)(pair.pid + bit + 1);
    }
    struct writer w = writer_over(bytes, sizeof(bytes));
    rtcp_write_nack(&w, view->sender_ssrc, view->media_ssrc, seqs, count);
    struct rtcp_cursor cursor;
    struct rtcp_view again;
    if (w.failed || rtcp_begin(bytes, writer_len(&w), &cursor) < 0 ||
        rtcp_next(&cursor, &again) != 1 || again.kind != RTCP_NACK ||
        again.item_count > view->item_count)
        abort();
    static bool asked[65536];
    memset(asked, 0, sizeof(asked));
    for (size_t i = 0; i < again.item_count; i++) {
        struct rtcp_nack_pair pair = rtcp_nack_pair(&again, i);
        asked[pair.pid] = true;
        for (unsigned bit = 0; bit < 16; bit++)
            if (pair.blp >> bit & 1)
                asked[(uint16_t)(pair.pid + bit + 1)] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!asked[seqs[i]])
            abort();
    for (size_t i = 0; i < 65536; i++)
        kept += asked[i];
    if (kept > count)
        abort();
}

/* As many statuses as it says, and no more than may be. */
static void check_arrivals(const struct rtcp_view *view)
{
    struct arrivals arrivals;
    struct arrival arrival;
    if (arrivals_begin(view, &arrivals) < 0)
        return;
    size_t count = 0;
    while (arrivals_next(&arrivals, &arrival))
        count++;
    if (count != arrivals.status_count || count > ARRIVALS_STATUSES_MAX || arrivals.chunks.failed ||
        arrivals.deltas.failed)
        abort();
}

static void check_report(const struct rtcp_view *view)
{
    uint8_t bytes[1024];
    struct rtcp_report_block blocks[31];
    for (size_t i = 0; i < view->item_count; i++)
        blocks[i] = rtcp_report_block(view, i);
    struct writer w = writer_over(bytes, sizeof(bytes));
    if (view->kind == RTCP_SENDER_REPORT)
        rtcp_write_sender_report(&w, view->sender_ssrc, &view->sender, blocks, view->item_count);
    else
        rtcp_write_receiver_report(&w, view->sender_ssrc, blocks, view->item_count);
    struct rtcp_cursor cursor;
    struct rtcp_view again;
    if (w.failed || rtcp_begin(bytes, writer_len(&w), &cursor) < 0 ||
        rtcp_next(&cursor, &again) != 1 || again.kind != view->kind ||
        again.items_len != view->items_len ||
        memcmp(again.items, view->items, view->items_len) != 0 ||
        again.sender.ntp != view->sender.ntp || again.sender_ssrc != view->sender_ssrc)
        abort();
}

/* Items of every view lie inside the datagram; reports and NACKs survive writing and reading. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rtcp_cursor cursor;
    if (rtcp_begin(data, len, &cursor) < 0)
        return 0;
    struct rtcp_view view;
    size_t packets = 0;
    int r;
    while ((r = rtcp_next(&cursor, &view)) > 0) {
        if (++packets > len / 4)
            abort();
        if (view.items_len > 0 && (view.items < data || view.items + view.items_len > data + len))
            abort();
        if (view.kind == RTCP_NACK)
            check_nack(&view);
        else if (view.kind == RTCP_SENDER_REPORT || view.kind == RTCP_RECEIVER_REPORT)
            check_report(&view);
        else if (view.kind == RTCP_TRANSPORT_CC)
            check_arrivals(&view);
        else if (view.kind == RTCP_BYE || view.kind == RTCP_REMB)
            for (size_t i = 0; i < view.item_count; i++)
                (void)rtcp_ssrc(&view, i);
    }
    if (r < 0 && rtcp_next(&cursor, &view) != 0)
        abort(); /* an error ends the walk */
    return 0;
}
