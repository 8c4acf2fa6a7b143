/* VP9 (bitstream specification 0.7): layers of one picture become a superframe that every decoder
 * shows as one picture, its best layer.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_VP9_H
#define RECORDER_VP9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What hiding a frame adds at most. */
#define VP9_HIDE_BYTES 1
/* Of an index of so many frames (Annex B.3): their sizes with four bytes each, between markers. */
#define VP9_INDEX_MAX(count) (2 + 4 * (count))
/* Frames of a superframe. */
#define VP9_FRAMES_MAX 8
/* Frames that a decoder keeps for others to refer to. */
#define VP9_SLOTS 8

/* How large these are, in pixels; 0: not known. Zeroed, it begins. */
struct vp9_slots {
    uint32_t widths[VP9_SLOTS], heights[VP9_SLOTS];
};

/* Writes `frame` into `out`, which has room for VP9_HIDE_BYTES more, as one that is decoded and not
 * shown: show_frame is 0 (section 7.2). `slots` are those before it. Returns the length, or 0 if
 * its header is none, or its size is not known. */
size_t vp9_hide(const struct vp9_slots *slots, const uint8_t *frame, size_t len, uint8_t *out);

/* The frame is decoded: others may refer to it. */
void vp9_keep(struct vp9_slots *slots, const uint8_t *frame, size_t len);

/* The index that makes a superframe of the frames before it, 2 to VP9_FRAMES_MAX, into `out` of
 * VP9_INDEX_MAX(count). Returns its length. */
size_t vp9_write_index(const size_t *lens, size_t count, uint8_t *out);

/* The size of what is shown of a frame or superframe, if its header tells one. */
bool vp9_size(const uint8_t *data, size_t len, uint16_t *ret_width, uint16_t *ret_height);

#endif
