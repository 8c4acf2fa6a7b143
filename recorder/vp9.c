/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/vp9.h"

#include <string.h>

/* Of the specification, sections 6.2 and 7.2. */
enum {
    FRAME_MARKER = 2,
    PROFILE_WITH_MORE = 3, /* a reserved bit follows it */
    KEY_FRAME = 0,
    CS_RGB = 7,
    REFERENCES = 3,
    SEGMENT_TREE_PROBS = 7,
    SEGMENT_PREDICTION_PROBS = 3,
    SEGMENTS = 8,
    MIN_TILE_WIDTH_B64 = 4,
    MAX_TILE_WIDTH_B64 = 64,
    INDEX_MARKER = 0xc0, /* Annex B.3: 110, then bytes of a size less one, frames less one */
    INDEX_MARKER_MASK = 0xe0,
};

/* Bits from the most significant on. After the first short read it yields zeros. */
struct bits {
    const uint8_t *data;
    size_t count, pos;
    bool failed;
};

static uint32_t take(struct bits *b, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        b->failed = b->failed || b->pos >= b->count;
        unsigned bit = b->failed ? 0 : b->data[b->pos / 8] >> (7 - b->pos % 8) & 1;
        value = value << 1 | bit;
        b->pos += !b->failed;
    }
    return value;
}

/* What hiding it needs of an uncompressed header. */
struct header {
    size_t show_at; /* bits before show_frame */
    bool key, shown;
    uint8_t refreshed;      /* bits of the slots that it is kept in */
    uint32_t width, height; /* 0: not known */
    size_t end;             /* bits of the header, less those that fill the last byte */
};

static void read_size(struct bits *b, struct header *h)
{
    h->width = take(b, 16) + 1;
    h->height = take(b, 16) + 1;
}

static void skip_render_size(struct bits *b)
{
    if (take(b, 1)) /* render_and_frame_size_different */
        (void)take(b, 32);
}

static void skip_colours(struct bits *b, unsigned profile)
{
    if (profile >= 2)
        (void)take(b, 1); /* ten_or_twelve_bit */
    if (take(b, 3) != CS_RGB) {
        (void)take(b, 1); /* color_range */
        if (profile & 1)
            (void)take(b, 3);
    } else if (profile & 1) {
        (void)take(b, 1);
    }
}

static void skip_loop_filter(struct bits *b)
{
    (void)take(b, 6 + 3);
    if (!take(b, 1) || !take(b, 1)) /* mode_ref_delta_enabled, _update */
        return;
    for (unsigned i = 0; i < 4 + 2; i++)
        if (take(b, 1))
            (void)take(b, 6 + 1);
}

static void skip_quantization(struct bits *b)
{
    (void)take(b, 8);
    for (unsigned i = 0; i < 3; i++)
        if (take(b, 1))
            (void)take(b, 4 + 1);
}

static void skip_probabilities(struct bits *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (take(b, 1))
            (void)take(b, 8);
}

static void skip_segmentation(struct bits *b)
{
    static const uint8_t value_bits[] = {8 + 1, 6 + 1, 2, 0}; /* with the sign */
    if (!take(b, 1))
        return;
    if (take(b, 1)) { /* segmentation_update_map */
        skip_probabilities(b, SEGMENT_TREE_PROBS);
        if (take(b, 1))
            skip_probabilities(b, SEGMENT_PREDICTION_PROBS);
    }
    if (!take(b, 1)) /* segmentation_update_data */
        return;
    (void)take(b, 1);
    for (unsigned i = 0; i < SEGMENTS * sizeof(value_bits); i++)
        if (take(b, 1))
            (void)take(b, value_bits[i % sizeof(value_bits)]);
}

static void skip_tiles(struct bits *b, uint32_t width)
{
    uint32_t columns = (width + 63) / 64;
    unsigned least = 0, most = 1;
    while ((uint32_t)MAX_TILE_WIDTH_B64 << least < columns)
        least++;
    while (columns >> most >= MIN_TILE_WIDTH_B64)
        most++;
    for (most--; least < most && take(b, 1); least++)
        continue;
    if (take(b, 1)) /* tile_rows_log2 */
        (void)take(b, 1);
}

/* A frame's own, or that of one it refers to. */
static void read_size_with_refs(struct bits *b, const struct vp9_slots *slots, struct header *h)
{
    uint32_t refs[REFERENCES];
    for (unsigned i = 0; i < REFERENCES; i++)
        refs[i] = take(b, 3 + 1) >> 1; /* ref_frame_sign_bias behind it */
    unsigned tried = 0;
    while (tried < REFERENCES && !take(b, 1)) /* found_ref */
        tried++;
    if (tried == REFERENCES) {
        read_size(b, h);
    } else {
        h->width = slots->widths[refs[tried]];
        h->height = slots->heights[refs[tried]];
    }
    skip_render_size(b);
}

/* Of a frame that is no key frame, to what comes behind its size. */
static void read_inter(struct bits *b, const struct vp9_slots *slots, bool resilient,
                       unsigned profile, struct header *h)
{
    bool intra_only = h->shown ? false : take(b, 1);
    if (!resilient)
        (void)take(b, 2); /* reset_frame_context */
    if (intra_only) {
        b->failed = b->failed || take(b, 24) != 0x498342;
        if (profile > 0)
            skip_colours(b, profile);
        h->refreshed = (uint8_t)take(b, 8);
        read_size(b, h);
        skip_render_size(b);
        return;
    }
    h->refreshed = (uint8_t)take(b, 8);
    read_size_with_refs(b, slots, h);
    (void)take(b, 1); /* allow_high_precision_mv */
    if (!take(b, 1))  /* is_filter_switchable */
        (void)take(b, 2);
}

static bool read_header(const struct vp9_slots *slots, const uint8_t *frame, size_t len,
                        struct header *ret)
{
    struct bits b = {.data = frame, .count = 8 * len};
    struct header h = {0};
    if (take(&b, 2) != FRAME_MARKER)
        return false;
    unsigned low = take(&b, 1), profile = take(&b, 1) << 1 | low;
    if (profile == PROFILE_WITH_MORE)
        (void)take(&b, 1);
    if (take(&b, 1)) /* show_existing_frame */
        return false;
    h.key = take(&b, 1) == KEY_FRAME;
    h.show_at = b.pos;
    h.shown = take(&b, 1);
    bool resilient = take(&b, 1);
    if (h.key) {
        b.failed = b.failed || take(&b, 24) != 0x498342;
        h.refreshed = 0xff;
        skip_colours(&b, profile);
        read_size(&b, &h);
        skip_render_size(&b);
    } else {
        read_inter(&b, slots, resilient, profile, &h);
    }
    if (!resilient)
        (void)take(&b, 2); /* refresh_frame_context, frame_parallel_decoding_mode */
    (void)take(&b, 2);     /* frame_context_idx */
    skip_loop_filter(&b);
    skip_quantization(&b);
    skip_segmentation(&b);
    skip_tiles(&b, h.width);
    (void)take(&b, 16); /* header_size_in_bytes */
    h.end = b.pos;
    *ret = h;
    return !b.failed;
}

size_t vp9_hide(const struct vp9_slots *slots, const uint8_t *frame, size_t len, uint8_t *out)
{
    struct header h;
    if (!read_header(slots, frame, len, &h) || h.width == 0)
        return 0;
    uint8_t shown_bit = (uint8_t)(0x80 >> h.show_at % 8);
    if (h.key || !h.shown) {
        memcpy(out, frame, len);
        out[h.show_at / 8] &= (uint8_t)~shown_bit;
        return len;
    }
    /* A hidden frame says behind error_resilient_mode that it is not intra_only: one bit more, for
     * which all to the end of the header moves. What follows begins with a byte of its own. */
    size_t insert = h.show_at + 2, before = (h.end + 7) / 8, after = (h.end + 1 + 7) / 8;
    memset(out, 0, after);
    for (size_t from = 0; from < h.end; from++) {
        size_t to = from < insert ? from : from + 1;
        unsigned bit = from == h.show_at ? 0 : frame[from / 8] >> (7 - from % 8) & 1;
        out[to / 8] |= (uint8_t)(bit << (7 - to % 8));
    }
    memcpy(out + after, frame + before, len - before);
    return len - before + after;
}

void vp9_keep(struct vp9_slots *slots, const uint8_t *frame, size_t len)
{
    struct header h;
    if (!read_header(slots, frame, len, &h))
        return;
    for (unsigned i = 0; i < VP9_SLOTS; i++) {
        if (h.refreshed >> i & 1) {
            slots->widths[i] = h.width;
            slots->heights[i] = h.height;
        }
    }
}

size_t vp9_write_index(const size_t *lens, size_t count, uint8_t *out)
{
    size_t largest = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        largest = lens[i] > largest ? lens[i] : largest;
    unsigned bytes = 1;
    while (bytes < 4 && largest >> 8 * bytes)
        bytes++;
    uint8_t marker = (uint8_t)(INDEX_MARKER | (bytes - 1) << 3 | (count - 1));
    out[n++] = marker;
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < bytes; k++)
            out[n++] = (uint8_t)(lens[i] >> 8 * k);
    out[n++] = marker;
    return n;
}

/* Where the last frame of a superframe begins, `ret_end` where it ends; 0 and `len` of a frame. */
static size_t last_frame(const uint8_t *data, size_t len, size_t *ret_end)
{
    *ret_end = len;
    uint8_t marker = len > 0 ? data[len - 1] : 0;
    size_t bytes = (size_t)(marker >> 3 & 3) + 1, count = (size_t)(marker & 7) + 1;
    size_t index = 2 + bytes * count;
    if ((marker & INDEX_MARKER_MASK) != INDEX_MARKER || index > len || data[len - index] != marker)
        return 0;
    size_t start = 0;
    const uint8_t *size = data + len - index + 1;
    for (size_t i = 0; i + 1 < count; i++)
        for (size_t k = 0; k < bytes; k++)
            start += (size_t)*size++ << 8 * k;
    *ret_end = len - index;
    return start < *ret_end ? start : 0;
}

bool vp9_size(const uint8_t *data, size_t len, uint16_t *ret_width, uint16_t *ret_height)
{
    size_t end, start = last_frame(data, len, &end);
    static const struct vp9_slots none;
    struct header h;
    if (!read_header(&none, data + start, end - start, &h) || h.width == 0 ||
        h.width > UINT16_MAX || h.height > UINT16_MAX)
        return false;
    *ret_width = (uint16_t)h.width;
    *ret_height = (uint16_t)h.height;
    return true;
}
