/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles lie within the picture, on even places, none over another, for every number of people and
 * screens; a picture keeps its proportions in its tile. */
#include <stdbool.h>
#include <stdlib.h>

#include "recorder/layout.h"
#include "unit/check.h"

static bool is_even(struct canvas_rect r)
{
    return ((r.x | r.y | r.width | r.height) & 1) == 0;
}

static bool is_apart(struct canvas_rect a, struct canvas_rect b)
{
    return a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y ||
           b.y + b.height <= a.y;
}

static void check(int width, int height, size_t people, size_t screens)
{
    struct canvas_rect all[2 * LAYOUT_TILES_MAX];
    layout_tiles(width, height, people, screens, all, all + people);
    for (size_t i = 0; i < people + screens; i++) {
        CHECK(is_even(all[i]));
        CHECK(all[i].width > 0 && all[i].height > 0 && all[i].x >= 0 && all[i].y >= 0);
        CHECK(all[i].x + all[i].width <= width && all[i].y + all[i].height <= height);
        for (size_t k = 0; k < i; k++)
            CHECK(is_apart(all[i], all[k]));
    }
}

/* Nobody is larger than another, a row that is not full stands in the middle, and a lone screen is
 * larger than any person. */
static void sizes(void)
{
    struct canvas_rect tiles[LAYOUT_TILES_MAX], screens[LAYOUT_TILES_MAX];
    layout_tiles(1280, 720, 5, 1, tiles, screens);
    for (size_t i = 1; i < 5; i++)
        CHECK(tiles[i].width == tiles[0].width && tiles[i].height == tiles[0].height);
    layout_tiles(1280, 720, 3, 0, tiles, screens);
    CHECK_EQ(tiles[2].x + tiles[2].width / 2, 640);
    layout_tiles(1280, 720, 5, 1, tiles, screens);
    CHECK(screens[0].width > 2 * tiles[0].width && screens[0].height > 2 * tiles[0].height);
}

static void keeps_proportions(int width, int height)
{
    const struct canvas_rect tile = {10, 20, 400, 300};
    struct canvas_rect fit = layout_fit(tile, width, height);
    CHECK(is_even(fit));
    CHECK(fit.width == tile.width || fit.height == tile.height);
    CHECK(fit.x >= tile.x && fit.x + fit.width <= tile.x + tile.width);
    CHECK(fit.y >= tile.y && fit.y + fit.height <= tile.y + tile.height);
    CHECK(labs((long)fit.width * height - (long)fit.height * width) <= 2L * (width + height));
}

int main(void)
{
    for (size_t people = 0; people <= LAYOUT_TILES_MAX; people++)
        for (size_t screens = 0; screens <= 3; screens++) {
            check(1280, 720, people, screens);
            check(640, 360, people, screens);
            check(1921, 1081, people, screens);
        }
    sizes();
    keeps_proportions(1280, 720);
    keeps_proportions(480, 640);
    keeps_proportions(400, 300);
    const struct canvas_rect tile = {10, 20, 400, 300};
    struct canvas_rect none = layout_fit(tile, 0, 0), thin = layout_fit(tile, 10000, 1);
    CHECK(none.width == 400 && none.height == 300);
    CHECK(thin.width == 400 && thin.height == 2);
    return 0;
}
