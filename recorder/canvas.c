/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/canvas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The layout that video libraries give I420: rows in multiples of four bytes. */
static int row_bytes(int width)
{
    return (width + 3) & ~3;
}

int canvas_init(struct canvas *c, int width, int height)
{
    int luma = row_bytes(width), chroma = row_bytes(width / 2);
    size_t luma_size = (size_t)luma * (size_t)height;
    size_t chroma_size = (size_t)chroma * (size_t)(height / 2);
    struct canvas canvas = {
        .width = width,
        .height = height,
        .stride = {luma, chroma, chroma},
        .size = luma_size + 2 * chroma_size,
    };
    canvas.bytes = malloc(canvas.size);
    if (!canvas.bytes)
        return -ENOMEM;
    canvas.plane[0] = canvas.bytes;
    canvas.plane[1] = canvas.bytes + luma_size;
    canvas.plane[2] = canvas.plane[1] + chroma_size;
    memset(canvas.plane[0], 16, luma_size);
    memset(canvas.plane[1], 128, 2 * chroma_size);
    *c = canvas;
    return 0;
}

void canvas_finish(struct canvas *c)
{
    free(c->bytes);
    *c = (struct canvas){0};
}

void canvas_mask_finish(struct canvas_mask *mask)
{
    free(mask->coverage);
    *mask = (struct canvas_mask){0};
}

static struct canvas_rect clip(const struct canvas *c, struct canvas_rect r)
{
    if (r.x < 0) {
        r.width += r.x;
        r.x = 0;
    }
    if (r.y < 0) {
        r.height += r.y;
        r.y = 0;
    }
    if (r.width > c->width - r.x)
        r.width = c->width - r.x;
    if (r.height > c->height - r.y)
        r.height = c->height - r.y;
    if (r.width < 0 || r.height < 0)
        r.width = r.height = 0;
    return r;
}

static uint8_t mix(uint8_t under, uint8_t over, unsigned opacity)
{
    return (uint8_t)((under * (255 - opacity) + over * opacity + 127) / 255);
}

void canvas_shade(struct canvas *c, struct canvas_rect rect, struct canvas_color color,
                  uint8_t opacity)
{
    struct canvas_rect r = clip(c, rect);
    const uint8_t values[3] = {color.y, color.cb, color.cr};
    for (int p = 0; p < 3; p++) {
        int half = p > 0;
        for (int y = r.y >> half; y < (r.y + r.height) >> half; y++) {
            uint8_t *row = c->plane[p] + (ptrdiff_t)y * c->stride[p];
            for (int x = r.x >> half; x < (r.x + r.width) >> half; x++)
                row[x] = mix(row[x], values[p], opacity);
        }
    }
}

void canvas_fill(struct canvas *c, struct canvas_rect rect, struct canvas_color color)
{
    canvas_shade(c, rect, color, 255);
}

void canvas_draw(struct canvas *c, int x, int y, const struct canvas_mask *mask,
                 struct canvas_color color)
{
    struct canvas_rect r = clip(c, (struct canvas_rect){x, y, mask->width, mask->height});
    for (int row = r.y; row < r.y + r.height; row++) {
        const uint8_t *coverage = mask->coverage + (ptrdiff_t)(row - y) * mask->stride - x;
        for (int column = r.x; column < r.x + r.width; column++) {
            uint8_t opacity = coverage[column];
            if (opacity == 0)
                continue;
            uint8_t *luma = c->plane[0] + (ptrdiff_t)row * c->stride[0] + column;
            *luma = mix(*luma, color.y, opacity);
            if ((row | column) & 1)
                continue;
            ptrdiff_t at = (ptrdiff_t)(row / 2) * c->stride[1] + column / 2;
            c->plane[1][at] = mix(c->plane[1][at], color.cb, opacity);
            c->plane[2][at] = mix(c->plane[2][at], color.cr, opacity);
        }
    }
}
