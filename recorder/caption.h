/* Names as pictures of text, in any script that the machine has a font for. The only file with
 * Pango. SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_CAPTION_H
#define RECORDER_CAPTION_H

#include "recorder/canvas.h"

/* Draws one line of UTF-8 text with letters `size` pixels high, cut with an ellipsis at
 * `max_width`. What is not UTF-8 is shown as such. Returns 0 or -ENOMEM. */
int caption_make(const char *text, int size, int max_width, struct canvas_mask *ret_mask);

/* How many characters of the text no font of this machine has: they are drawn as boxes. */
int caption_unknown(const char *text);

#endif
