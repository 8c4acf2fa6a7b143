/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/layered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

#define PICTURE_ID_MASK 0x7fff

void layered_finish(struct layered *l)
{
    free(l->joined);
    l->joined = NULL;
}

void layered_lose(struct layered *l)
{
    l->in_frame = false;
    for (size_t i = 0; i < VP9_LAYERS_MAX; i++)
        l->chains[i].holed = true;
}

bool layered_begin(struct layered *l)
{
    if (l->in_frame)
        layered_lose(l); /* it never ended */
    l->begins = true;
    return l->count > 0;
}

bool layered_add(struct layered *l, const struct vp9_descriptor *d, size_t at, size_t len)
{
    if (d->frame_start) {
        if (l->in_frame)
            layered_lose(l); /* it never ended */
        if (l->count == VP9_FRAMES_MAX)
            return false;
        l->frames[l->count].descriptor = *d;
        l->frames[l->count].at = at;
        l->frames[l->count].len = 0;
        l->frames[l->count].begins = l->begins;
        l->frames[l->count++].whole = false;
        l->begins = false;
        l->in_frame = true;
    }
    if (!l->in_frame)
        return false;
    l->frames[l->count - 1].len += len;
    l->frames[l->count - 1].whole = d->frame_end;
    l->in_frame = !d->frame_end;
    return true;
}

static uint8_t *layers_of(struct layered *l, uint16_t id)
{
    size_t place = id % LAYERED_PICTURES;
    if (l->known[place].id != id) {
        l->known[place].id = id;
        l->known[place].layers = 0;
    }
    return &l->known[place].layers;
}

static bool is_key(const struct vp9_descriptor *d)
{
    return !d->inter_predicted && d->spatial_layer == 0;
}

static bool names_known(const struct layered *l, const struct vp9_descriptor *d)
{
    for (unsigned i = 0; i < d->reference_count; i++) {
        uint16_t id = (uint16_t)(d->picture_id - d->references[i]) & PICTURE_ID_MASK;
        size_t place = id % LAYERED_PICTURES;
        if (l->known[place].id != id || !(l->known[place].layers >> d->spatial_layer & 1))
            return false;
    }
    return true;
}

/* For a frame that does not name what it refers to: that is of its own layer. RFC 9628 section 4.2:
 * TL0PICIDX numbers the pictures of the lowest temporal layer; behind one with U, upper temporal
 * layers refer to nothing before it. Without these a loss may be of anything. */
static bool follows(struct layered_chain *c, const struct vp9_descriptor *d)
{
    if (!c->whole)
        return false;
    if (d->tl0picidx_at == 0)
        return !c->holed;
    if (d->temporal_layer > 0)
        return !c->holed && d->tl0picidx == c->tl0picidx;
    c->whole = d->tl0picidx == (uint8_t)(c->tl0picidx + 1);
    c->holed = c->holed && !d->layer_sync;
    c->tl0picidx = d->tl0picidx;
    return c->whole;
}

/* Whether the frame refers only to what is there. `present`: layers of its picture before it. */
static bool is_decodable(struct layered *l, const struct vp9_descriptor *d, uint8_t present)
{
    struct layered_chain *chain = &l->chains[d->spatial_layer];
    if (d->layer_predicted && (d->spatial_layer == 0 || !(present >> (d->spatial_layer - 1) & 1)))
        return false;
    if (!d->inter_predicted) {
        if (d->spatial_layer > 0 && !d->layer_predicted)
            return false;
        *chain = (struct layered_chain){.whole = true, .tl0picidx = d->tl0picidx};
        return true;
    }
    bool named = d->flexible && d->picture_id_bits == 15;
    return named ? names_known(l, d) : follows(chain, d);
}

/* Which of the frames can be decoded, all but those before a key picture. */
static size_t choose(struct layered *l, size_t chosen[VP9_FRAMES_MAX])
{
    size_t count = 0;
    uint8_t *present = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct vp9_descriptor *d = &l->frames[i].descriptor;
        if (!present || l->frames[i].begins) {
            present = layers_of(l, d->picture_id);
            *present = 0;
        }
        if (!l->frames[i].whole || !is_decodable(l, d, *present))
            continue;
        *present |= (uint8_t)(1u << d->spatial_layer);
        if (is_key(d))
            count = 0;
        chosen[count++] = i;
    }
    return count;
}

/* Nothing of it is shown after all: what refers to it is not either. */
static void withhold(struct layered *l)
{
    for (size_t i = 0; i < l->count; i++)
        *layers_of(l, l->frames[i].descriptor.picture_id) = 0;
    for (size_t i = 0; i < VP9_LAYERS_MAX; i++)
        l->chains[i].whole = false;
}

static int make_room(struct layered *l, size_t len)
{
    if (len <= l->capacity)
        return 0;
    uint8_t *grown = realloc(l->joined, len);
    if (!grown)
        return -ENOMEM;
    l->joined = grown;
    l->capacity = len;
    return 0;
}

/* Joins those of the frames that `chosen` tells. */
static void join(struct layered *l, const uint8_t *bytes, const size_t *chosen, size_t count,
                 struct layered_picture *ret)
{
    size_t lens[VP9_FRAMES_MAX], len = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *frame = bytes + l->frames[chosen[i]].at;
        size_t own = l->frames[chosen[i]].len;
        /* One that tells no size cannot be hidden; it is shown for no time. */
        lens[i] = i + 1 < count ? vp9_hide(&l->slots, frame, own, l->joined + len) : 0;
        if (lens[i] == 0) {
            memcpy(l->joined + len, frame, own);
            lens[i] = own;
        }
        vp9_keep(&l->slots, frame, own);
        len += lens[i];
    }
    if (count > 1)
        len += vp9_write_index(lens, count, l->joined + len);
    *ret = (struct layered_picture){l->joined, len, is_key(&l->frames[chosen[0]].descriptor)};
}

int layered_end(struct layered *l, const uint8_t *bytes, struct layered_picture *ret_picture)
{
    if (l->in_frame)
        layered_lose(l); /* it never ended */
    size_t chosen[VP9_FRAMES_MAX], count = choose(l, chosen);
    size_t len = VP9_INDEX_MAX(VP9_FRAMES_MAX);
    for (size_t i = 0; i < count; i++)
        len += l->frames[chosen[i]].len + VP9_HIDE_BYTES;
    if (len > LIMIT_FRAME_BYTES) {
        withhold(l);
        count = 0;
    }
    l->count = 0;
    if (count == 0)
        return 0;
    int error = make_room(l, len);
    if (error)
        return error;
    join(l, bytes, chosen, count, ret_picture);
    return 1;
}
