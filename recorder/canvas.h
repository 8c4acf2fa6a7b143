/* The picture being composed: planar YCbCr 4:2:0 in memory, and the few things drawn on it by hand.
 * Colours are BT.601, video range.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_CANVAS_H
#define RECORDER_CANVAS_H

#include <stddef.h>
#include <stdint.h>

struct canvas {
    int width, height; /* even, pixels */
    int stride[3];     /* bytes a row of each plane */
    uint8_t *plane[3];
    uint8_t *bytes; /* all planes, owned */
    size_t size;
};

/* Even coordinates and sizes. */
struct canvas_rect {
    int x, y, width, height;
};

struct canvas_color {
    uint8_t y, cb, cr;
};

/* A drawing of one colour by coverage: text. */
struct canvas_mask {
    int width, height, stride;
    uint8_t *coverage; /* 0 to 255; owned */
};

/* All black. Returns 0 or -ENOMEM. */
int canvas_init(struct canvas *c, int width, int height);
void canvas_finish(struct canvas *c);

void canvas_mask_finish(struct canvas_mask *mask);

/* What lies outside the canvas is left out. */
void canvas_fill(struct canvas *c, struct canvas_rect rect, struct canvas_color color);

/* Mixes the colour in; `opacity` 0 to 255. */
void canvas_shade(struct canvas *c, struct canvas_rect rect, struct canvas_color color,
                  uint8_t opacity);

/* Draws the mask with its top left at x, y, light on what is there. */
void canvas_draw(struct canvas *c, int x, int y, const struct canvas_mask *mask,
                 struct canvas_color color);

#endif
