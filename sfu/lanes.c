/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/lanes.h"

#include <assert.h>

#include "common/bytes.h"

#define FRAME_MAX (FRAMING_LENGTH_BYTES + LANES_DATAGRAM_MAX)

void lanes_init(struct lanes *l)
{
    l->lanes[LANE_FIRST] = (struct lane){.bytes = l->first, .size = sizeof(l->first)};
    l->lanes[LANE_PICTURES] = (struct lane){.bytes = l->pictures, .size = sizeof(l->pictures)};
    l->begun = l->reserved = NULL;
    l->begun_left = l->reserved_at = 0;
}

/* Where `len` bytes fit in one piece. Returns whether they do. */
static bool find_room(const struct lane *lane, uint32_t len, uint32_t *ret_at)
{
    uint32_t end = lane->wrapped ? lane->first : lane->size;
    if (end - lane->next >= len) {
        *ret_at = lane->next;
        return true;
    }
    if (lane->wrapped || lane->first < len)
        return false;
    *ret_at = 0;
    return true;
}

uint8_t *lanes_reserve(struct lanes *l, enum lanes_kind kind)
{
    struct lane *lane = &l->lanes[kind == LANES_PICTURE ? LANE_PICTURES : LANE_FIRST];
    l->reserved = NULL;
    if (lane->late && kind != LANES_CONTROL)
        return NULL;
    if (kind == LANES_SOUND && lane->queued > lane->size - LIMIT_TCP_CONTROL_BYTES)
        return NULL;
    if (!find_room(lane, FRAME_MAX, &l->reserved_at))
        return NULL;
    l->reserved = lane;
    return lane->bytes + l->reserved_at + FRAMING_LENGTH_BYTES;
}

void lanes_commit(struct lanes *l, size_t len)
{
    struct lane *lane = l->reserved;
    assert(lane && len > 0 && len <= LANES_DATAGRAM_MAX);
    l->reserved = NULL;
    if (l->reserved_at < lane->next) { /* the rest of the ring was too short */
        lane->end = lane->next;
        lane->wrapped = true;
    }
    struct writer w = writer_over(lane->bytes + l->reserved_at, FRAMING_LENGTH_BYTES);
    writer_u16(&w, (uint16_t)len);
    uint32_t frame = FRAMING_LENGTH_BYTES + (uint32_t)len;
    lane->next = l->reserved_at + frame;
    lane->queued += frame;
}

bool lanes_are_empty(const struct lanes *l)
{
    return l->lanes[LANE_FIRST].queued == 0 && l->lanes[LANE_PICTURES].queued == 0;
}

static size_t add_part(struct iovec *parts, size_t n, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return n;
    /* sendmsg(2) reads them only. */
    parts[n] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    return n + 1;
}

size_t lanes_parts(const struct lanes *l, struct iovec parts[static LANES_PARTS_MAX])
{
    size_t n = 0;
    if (l->begun)
        n = add_part(parts, n, l->begun->bytes + l->begun->first, l->begun_left);
    for (int i = 0; i < LANE_COUNT; i++) {
        const struct lane *lane = &l->lanes[i];
        uint32_t from = lane->first, to = lane->wrapped ? lane->end : lane->next;
        if (lane == l->begun)
            from += l->begun_left;
        if (lane->queued == 0)
            continue;
        n = add_part(parts, n, lane->bytes + from, to - from);
        if (lane->wrapped)
            n = add_part(parts, n, lane->bytes, lane->next);
    }
    return n;
}

static uint32_t oldest_frame(const struct lane *lane)
{
    struct reader r = reader_over(lane->bytes + lane->first, FRAMING_LENGTH_BYTES);
    return FRAMING_LENGTH_BYTES + reader_u16(&r);
}

static void take_out(struct lane *lane, uint32_t len)
{
    lane->first += len;
    lane->queued -= len;
    lane->marked -= len < lane->marked ? len : lane->marked;
    if (lane->wrapped && lane->first == lane->end) {
        lane->first = 0;
        lane->wrapped = false;
    }
    if (lane->queued == 0) /* from the beginning, whose memory is in use already */
        lane->first = lane->next = 0;
}

/* Of the oldest frame of `lane`, of which `left` bytes wait. Returns how many were sent of it. */
static uint32_t send_of_frame(struct lanes *l, struct lane *lane, uint32_t left, size_t len,
                              size_t *ended)
{
    uint32_t gone = len < left ? (uint32_t)len : left;
    take_out(lane, gone);
    l->begun = gone < left ? lane : NULL;
    l->begun_left = left - gone;
    *ended += gone == left;
    return gone;
}

size_t lanes_sent(struct lanes *l, size_t len)
{
    size_t ended = 0;
    if (l->begun && len > 0)
        len -= send_of_frame(l, l->begun, l->begun_left, len, &ended);
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &l->lanes[i];
        while (len > 0 && lane->queued > 0)
            len -= send_of_frame(l, lane, oldest_frame(lane), len, &ended);
    }
    assert(len == 0);
    return ended;
}

void lanes_look(struct lanes *l, uint64_t now_us)
{
    static const uint64_t late_us[LANE_COUNT] = {LIMIT_TCP_SOUND_LATE_MS * 1000ull,
                                                 LIMIT_TCP_PICTURE_LATE_MS * 1000ull};
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &l->lanes[i];
        if (lane->marked == 0) {
            lane->marked = lane->queued;
            lane->since_us = now_us;
        }
        lane->late = lane->marked && now_us - lane->since_us > late_us[i];
    }
}
