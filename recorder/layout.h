/* Which tile where: a calm grid that changes only when somebody comes or goes, or a screen is
 * shared. SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_LAYOUT_H
#define RECORDER_LAYOUT_H

#include <stddef.h>

#include "recorder/canvas.h"

/* More people than this are heard but not shown. Ours: tiles of 1280x720 get too small to tell a
 * face from another. */
#define LAYOUT_TILES_MAX 25

/* Lays `count` tiles (at most LAYOUT_TILES_MAX) into a picture of the size, row by row, the last
 * row centred; with `screens` (0 or more) these take the left three quarters, below each other, and
 * the people a column at the right. */
void layout_tiles(int width, int height, size_t count, size_t screens,
                  struct canvas_rect ret_tiles[LAYOUT_TILES_MAX],
                  struct canvas_rect ret_screens[LAYOUT_TILES_MAX]);

/* The largest rectangle of the picture's proportions within the tile, centred; for a picture
 * without size, the tile. */
struct canvas_rect layout_fit(struct canvas_rect tile, int width, int height);

#endif
