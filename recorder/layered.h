/* Pictures of VP9 in spatial layers (RFC 9628), put together from packets in order: a frame for
 * each layer, of which those are kept that refer to nothing lost, as one superframe. Knows no
 * packets but their descriptors, and no bytes but those it joins.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_LAYERED_H
#define RECORDER_LAYERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/vp9.h"
#include "recorder/vp9.h"

/* Pictures that a later one can name (P_DIFF has seven bits). */
#define LAYERED_PICTURES 128

/* Zeroed, it begins. */
struct layered {
    /* For pictures that name those they refer to. */
    struct {
        uint16_t id;
        uint8_t layers; /* bit for each that can be shown */
    } known[LAYERED_PICTURES];

    /* For others: of each spatial layer what was shown of late. */
    struct layered_chain {
        bool whole; /* its lowest temporal layer is, since a key picture */
        bool holed; /* upper ones may not be, since it was said that they need nothing before */
        uint8_t tl0picidx; /* of the newest picture of the lowest */
    } chains[VP9_LAYERS_MAX];

    struct {
        struct vp9_descriptor descriptor; /* of its first packet */
        size_t at, len;
        bool whole;
        bool begins;          /* a picture, as far as is known */
    } frames[VP9_FRAMES_MAX]; /* of the picture being put together, behind those that never ended */
    size_t count;
    bool begins;   /* the next of them */
    bool in_frame; /* the last of them has not ended */

    struct vp9_slots slots; /* of a decoder of what was joined so far */
    uint8_t *joined;
    size_t capacity;
};

struct layered_picture {
    const uint8_t *data; /* borrowed until the next call */
    size_t len;
    bool key; /* decodable by itself */
};

void layered_finish(struct layered *l);

/* A picture begins. Of one before it that did not end what is whole is joined to it, but not shown:
 * Chromium sets no marker where a layer turns out not to be made after those below it went. Returns
 * whether there is anything of such. */
bool layered_begin(struct layered *l);

/* Packets are missing. */
void layered_lose(struct layered *l);

/* The next packet, whose `len` bytes stand behind `at` of the picture's. False: they are of no use,
 * and need not be kept. */
bool layered_add(struct layered *l, const struct vp9_descriptor *descriptor, size_t at, size_t len);

/* The picture has ended. `bytes` are all that was kept. Returns 1 with what is shown of it, 0 if
 * nothing can be, -ENOMEM. */
int layered_end(struct layered *l, const uint8_t *bytes, struct layered_picture *ret_picture);

#endif
