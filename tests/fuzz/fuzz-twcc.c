/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "sfu/arrivals.h"
#include "sfu/rtcp.h"
#include "sfu/twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What the sender was told: ticks since the start, or lost, or nothing. */
enum { NOTHING = -2, LOST = -1 };
static int64_t told[65536];
static int64_t came[65536];

static void read_feedback(const uint8_t *bytes, size_t len)
{
    struct rtcp_cursor cursor;
    struct rtcp_view view;
    struct arrivals arrivals;
    if (rtcp_begin(bytes, len, &cursor) < 0 || rtcp_next(&cursor, &view) != 1 ||
        view.kind != RTCP_TRANSPORT_CC || arrivals_begin(&view, &arrivals) < 0 ||
        arrivals.status_count == 0)
        abort();
    struct arrival arrival;
    int64_t ticks = (int64_t)arrivals.reference_time * 256;
    while (arrivals_next(&arrivals, &arrival)) {
        ticks += arrival.delta;
        told[arrival.seq] = arrival.received ? ticks : LOST;
        /* Nothing is told as received, or at a time, that is not so. */
        if (arrival.received && ticks != came[arrival.seq])
            abort();
    }
}

static void build_all(struct twcc *twcc, size_t capacity, uint64_t now_us)
{
    uint8_t bytes[1500];
    int r = 1;
    while (r == 1) {
        struct writer w = writer_over(bytes, capacity);
        r = twcc_build(twcc, &w, 1, 2, now_us);
        if (w.failed || (r < 0 && writer_len(&w) > 0))
            abort();
        if (r >= 0)
            read_feedback(bytes, writer_len(&w));
    }
}

/* Three bytes a step: how far the next number jumps, and how much time passes. Feedback is built
 * now and then, with buffers of several sizes. The run is short enough for numbers not to be used
 * twice with different times. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct twcc twcc;
    twcc = (struct twcc){0};
    for (size_t i = 0; i < 65536; i++)
        told[i] = came[i] = NOTHING;
    struct reader r = reader_over(data, len);
    uint64_t start_us = 1000000;
    uint64_t now_us = start_us;
    uint16_t seq = reader_u16(&r);
    unsigned travelled = 0;
    while (reader_left(&r) >= 3 && travelled < 60000) {
        int jump = (int8_t)reader_u8(&r);
        uint16_t wait = reader_u16(&r);
        if (jump == 127)
            jump = 1900;
        if (jump > 0)
            travelled += (unsigned)jump;
        seq = (uint16_t)(seq + jump);
        now_us += wait >= 0xff00 ? 1000000ull * (wait & 15) : wait;
        if (came[seq] == NOTHING) {
            twcc_received(&twcc, seq, now_us);
            /* Far back it is dropped and never told. */
            came[seq] = (int64_t)(now_us - start_us) / 250;
            if (twcc.epoch_us != start_us)
                came[seq] = (int64_t)(now_us - twcc.epoch_us) / 250;
        }
        if (twcc_is_due(&twcc, now_us))
            build_all(&twcc, wait % 3 == 0 ? 60 : 1200, now_us);
    }
    /* What came and is still in the window has been told in the end. */
    if (!twcc.started)
        return 0;
    build_all(&twcc, 1200, now_us);
    for (unsigned back = 0; back < 200; back++) {
        uint16_t s = (uint16_t)((uint16_t)twcc.newest - back);
        if (came[s] != NOTHING && twcc.arrived_us[(twcc.newest - back) % TWCC_WINDOW] != 0 &&
            told[s] != came[s])
            abort();
    }
    return 0;
}
