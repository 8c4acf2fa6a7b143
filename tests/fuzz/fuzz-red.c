/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/codecs.h"
#include "sfu/red.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool same(const struct red_block *a, const struct red_block *b)
{
    return a->timestamp == b->timestamp && a->len == b->len &&
           memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* What is read lies in the payload, in order and one block behind the other to its end; written
 * again (as much as we write) it reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint32_t timestamp = 5000;
    struct red_view view, again;
    if (red_read(data, len, CODEC_PT_OPUS, timestamp, &view) < 0)
        return 0;
    require(view.last.len > 0 && view.last.bytes + view.last.len == data + len);
    require(view.last.timestamp == timestamp && view.earlier_count <= RED_READ_MAX);
    const uint8_t *end = data + RED_LAST_BYTES + RED_HEADER_BYTES * view.earlier_count;
    for (size_t i = 0; i < view.earlier_count; i++) {
        const struct red_block *block = &view.earlier[i];
        require(block->bytes >= end && block->len > 0 && block->len <= RED_BLOCK_MAX);
        require(timestamp - block->timestamp <= RED_OFFSET_MAX);
        end = block->bytes + block->len;
    }
    require(view.last.bytes >= end);

    uint8_t packet[RED_HEAD_MAX + RED_PAYLOAD_MAX];
    size_t count = view.earlier_count < RED_EARLIER ? view.earlier_count : RED_EARLIER;
    const struct red_block *nearest = view.earlier + view.earlier_count - count;
    size_t head = red_write(nearest, count, CODEC_PT_OPUS, timestamp, view.last.len, packet);
    if (head == 0)
        return 0;
    require(head <= RED_HEAD_MAX && head + view.last.len <= RED_PAYLOAD_MAX);
    memcpy(packet + head, view.last.bytes, view.last.len);
    require(red_read(packet, head + view.last.len, CODEC_PT_OPUS, timestamp, &again) == 0);
    require(same(&again.last, &view.last) && again.earlier_count <= count);
    size_t found = 0;
    for (size_t i = 0; i < count && found < again.earlier_count; i++)
        found += same(&again.earlier[found], &nearest[i]);
    require(found == again.earlier_count);
    return 0;
}
