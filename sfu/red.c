/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/red.h"

#include <assert.h>
#include <errno.h>

#include "common/bytes.h"

/* Section 3: another block follows. */
#define FOLLOWED 0x80
/* Of sound, as browsers send it. */
#define PACKETS_A_SECOND 50

static bool fits(const struct red_block *block, uint32_t timestamp)
{
    uint32_t offset = timestamp - block->timestamp;
    return offset > 0 && offset <= RED_OFFSET_MAX && block->len > 0 && block->len <= RED_BLOCK_MAX;
}

size_t red_write(const struct red_block *earlier, size_t count, uint8_t payload_type,
                 uint32_t timestamp, size_t payload_len, uint8_t head[static RED_HEAD_MAX])
{
    const struct red_block *taken[RED_EARLIER];
    size_t taken_count = 0, len = RED_LAST_BYTES;
    assert(count <= RED_EARLIER);
    /* The nearer, the likelier it is to come in time to be heard: those first. */
    for (size_t i = count; i-- > 0;) {
        size_t with = len + RED_HEADER_BYTES + earlier[i].len;
        if (!fits(&earlier[i], timestamp) || with > RED_HEAD_MAX ||
            with + payload_len > RED_PAYLOAD_MAX)
            continue;
        taken[taken_count++] = &earlier[i];
        len = with;
    }
    if (taken_count == 0)
        return 0;
    struct writer w = writer_over(head, RED_HEAD_MAX);
    for (size_t i = taken_count; i-- > 0;) {
        uint32_t offset = timestamp - taken[i]->timestamp;
        writer_u8(&w, FOLLOWED | payload_type);
        writer_u24(&w, offset << 10 | (uint32_t)taken[i]->len);
    }
    writer_u8(&w, payload_type);
    for (size_t i = taken_count; i-- > 0;)
        writer_bytes(&w, taken[i]->bytes, taken[i]->len);
    assert(!w.failed && writer_len(&w) == len);
    return len;
}

/* Keeps the nearest RED_READ_MAX. */
static void keep(struct red_view *view, const struct red_block *block)
{
    if (view->earlier_count == RED_READ_MAX) {
        for (size_t i = 1; i < RED_READ_MAX; i++)
            view->earlier[i - 1] = view->earlier[i];
        view->earlier_count--;
    }
    view->earlier[view->earlier_count++] = *block;
}

int red_read(const uint8_t *payload, size_t len, uint8_t payload_type, uint32_t timestamp,
             struct red_view *ret_view)
{
    struct reader headers = reader_over(payload, len);
    struct reader blocks = headers;
    struct red_view view = {0};
    uint8_t type;
    /* The blocks begin where the headers end. */
    while ((type = reader_u8(&blocks)) & FOLLOWED)
        (void)reader_u24(&blocks);
    for (uint8_t one; (one = reader_u8(&headers)) & FOLLOWED && !blocks.failed;) {
        uint32_t bits = reader_u24(&headers);
        struct red_block block = {.timestamp = timestamp - (bits >> 10),
                                  .len = bits & RED_BLOCK_MAX};
        block.bytes = reader_skip(&blocks, block.len);
        if (!blocks.failed && block.len > 0 && (one & ~FOLLOWED) == payload_type)
            keep(&view, &block);
    }
    view.last = (struct red_block){timestamp, NULL, reader_left(&blocks)};
    view.last.bytes = reader_skip(&blocks, view.last.len);
    if (blocks.failed || type != payload_type || view.last.len == 0)
        return -EBADMSG;
    *ret_view = view;
    return 0;
}

static uint8_t worth(uint16_t loss_permille)
{
    if (loss_permille >= RED_TWO_PERMILLE)
        return 2;
    return loss_permille >= RED_ONE_PERMILLE ? 1 : 0;
}

void red_choose(struct red_choice *choice, uint16_t loss_permille, uint64_t now_us)
{
    uint8_t now = worth(loss_permille);
    if (now > choice->earlier)
        choice->earlier = now;
    if (worth((uint16_t)(2 * loss_permille)) >= choice->earlier) {
        choice->lossy_us = now_us;
        return;
    }
    if (now_us - choice->lossy_us < RED_CALM_US)
        return;
    choice->earlier--;
    choice->lossy_us = now_us;
}

uint32_t red_bps(uint32_t payload_bps, unsigned earlier)
{
    if (earlier == 0)
        return 0;
    uint32_t headers = (earlier * RED_HEADER_BYTES + RED_LAST_BYTES) * 8 * PACKETS_A_SECOND;
    return earlier * payload_bps + headers;
}
