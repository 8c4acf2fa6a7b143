/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/layout.h"

/* Pixels between tiles. */
#define MARGIN 4

static int even(int value)
{
    return value & ~1;
}

/* A grid of tiles in an area, as near to the area's proportions as whole rows allow. */
static void grid(struct canvas_rect area, size_t count, int columns, struct canvas_rect *ret_tiles)
{
    if (count == 0)
        return;
    int rows = ((int)count + columns - 1) / columns;
    int width = even(area.width / columns), height = even(area.height / rows);
    for (size_t i = 0; i < count; i++) {
        int row = (int)i / columns;
        int in_row = row == rows - 1 ? (int)count - row * columns : columns;
        int indent = even((area.width - in_row * width) / 2);
        ret_tiles[i] = (struct canvas_rect){
            .x = area.x + indent + ((int)i - row * columns) * width + MARGIN / 2,
            .y = area.y + even((area.height - rows * height) / 2) + row * height + MARGIN / 2,
            .width = width - MARGIN,
            .height = height - MARGIN,
        };
    }
}

static int square_root_up(size_t count)
{
    int root = 1;
    while ((size_t)root * (size_t)root < count)
        root++;
    return root;
}

void layout_tiles(int width, int height, size_t count, size_t screens,
                  struct canvas_rect ret_tiles[LAYOUT_TILES_MAX],
                  struct canvas_rect ret_screens[LAYOUT_TILES_MAX])
{
    struct canvas_rect all = {0, 0, even(width), even(height)};
    if (screens == 0) {
        grid(all, count, square_root_up(count), ret_tiles);
        return;
    }
    struct canvas_rect left = all, right = all;
    left.width = count > 0 ? even(width * 3 / 4) : all.width;
    right.x = left.width;
    right.width = all.width - left.width;
    grid(left, screens, 1, ret_screens);
    grid(right, count, count > 6 ? 2 : 1, ret_tiles);
}

struct canvas_rect layout_fit(struct canvas_rect tile, int width, int height)
{
    if (width <= 0 || height <= 0)
        return tile;
    struct canvas_rect fit = tile;
    if ((long)width * tile.height > (long)height * tile.width)
        fit.height = even((int)((long)tile.width * height / width));
    else
        fit.width = even((int)((long)tile.height * width / height));
    fit.width = fit.width < 2 ? 2 : fit.width;
    fit.height = fit.height < 2 ? 2 : fit.height;
    fit.x += even((tile.width - fit.width) / 2);
    fit.y += even((tile.height - fit.height) / 2);
    return fit;
}
