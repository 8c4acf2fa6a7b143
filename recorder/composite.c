/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/composite.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/codecs.h"
#include "common/control.h"
#include "common/log.h"
#include "recorder/caption.h"
#include "recorder/feed.h"
#include "recorder/layout.h"
#include "recorder/mixer.h"
#include "recorder/pipeline.h"
#include "recorder/seating.h"

#define FRAME_US      (1000000 / COMPOSITE_FPS)
#define FRAME_SAMPLES (MIXER_RATE / COMPOSITE_FPS)
/* Samples by which sound comes out late: libavcodec's AAC encoder puts 1,024 before the first (and
 * the muxer writes no edit list that would take them off), Opus decodes 312 behind (RFC 6716: 6.5
 * ms). So that many are taken off the beginning, and sound and picture stay in step. */
#define DELAY_SAMPLES (1024 + 312)
#define DELAY_US      ((int64_t)DELAY_SAMPLES * 1000000 / MIXER_RATE)
/* A camera's picture that is this old is not shown any more: the name on a dark tile says that
 * there is none. A screen may stand still. */
#define CAMERA_STALE_US 3000000
#define SCREEN_STALE_US 20000000

/* The court's colours, BT.601. */
#define BACKGROUND ((struct canvas_color){22, 132, 125})
#define TILE       ((struct canvas_color){38, 134, 124})
#define BAR        ((struct canvas_color){16, 128, 128})
#define TEXT       ((struct canvas_color){225, 128, 128})

/* A frame waiting for its time. */
struct waiting {
    struct feed_frame frame; /* data is ours */
    struct waiting *next;
};

struct tile {
    struct pipeline_decoder *decoder;
    size_t leg;         /* that the decoder follows */
    int64_t picture_us; /* time of the newest picture, INT64_MIN: none */
    struct waiting *first, **last;
    bool visible;
    bool has_picture; /* drawn now */
    bool dirty;
    struct canvas_rect rect;
    struct canvas_mask caption;
};

struct composite {
    const struct timeline *t;
    struct seating seating;
    struct tile *tiles;
    struct canvas canvas;
    struct mixer *mixer;
    struct feed *feed;
    size_t *voice_of_leg;
};

static void drop_first(struct tile *tile)
{
    struct waiting *first = tile->first;
    tile->first = first->next;
    if (!tile->first)
        tile->last = &tile->first;
    free(first->frame.data);
    free(first);
}

static void finish(struct composite *c)
{
    for (size_t i = 0; c->tiles && i < c->seating.tile_count; i++) {
        while (c->tiles[i].first)
            drop_first(&c->tiles[i]);
        pipeline_decoder_destroy(c->tiles[i].decoder);
        canvas_mask_finish(&c->tiles[i].caption);
    }
    free(c->tiles);
    free(c->voice_of_leg);
    seating_finish(&c->seating);
    canvas_finish(&c->canvas);
    mixer_destroy(c->mixer);
    feed_close(c->feed);
}

/* One voice for every person's microphone, and one for every screen's sound, however often they
 * reconnect. */
static int assign_voices(struct composite *c)
{
    size_t legs = timeline_leg_count(c->t), voices = 0;
    c->voice_of_leg = calloc(legs > 0 ? legs : 1, sizeof(*c->voice_of_leg));
    if (!c->voice_of_leg)
        return -ENOMEM;
    for (size_t i = 0; i < legs; i++) {
        const struct timeline_leg *leg = timeline_leg(c->t, i);
        c->voice_of_leg[i] = SIZE_MAX;
        if (leg->codec != CODEC_OPUS)
            continue;
        for (size_t k = 0; k < i; k++) {
            const struct timeline_leg *other = timeline_leg(c->t, k);
            if (other->codec == CODEC_OPUS && other->peer == leg->peer &&
                other->source == leg->source)
                c->voice_of_leg[i] = c->voice_of_leg[k];
        }
        if (c->voice_of_leg[i] == SIZE_MAX)
            c->voice_of_leg[i] = voices++;
    }
    return mixer_create(voices, &c->mixer);
}

static int start(struct composite *c, const char *dir, const struct roster *roster,
                 const struct composite_how *how)
{
    int error = seating_plan(c->t, roster, how->end_us, &c->seating);
    if (error)
        return error;
    c->tiles = calloc(c->seating.tile_count + 1, sizeof(*c->tiles));
    if (!c->tiles)
        return -ENOMEM;
    for (size_t i = 0; i < c->seating.tile_count; i++) {
        c->tiles[i].leg = TIMELINE_NO_LEG;
        c->tiles[i].picture_us = INT64_MIN;
        c->tiles[i].last = &c->tiles[i].first;
        int unknown = caption_unknown(c->seating.tiles[i].name);
        if (unknown > 0)
            log_warn("peer %016" PRIx64 ": %d characters of the name have no font here, drawn as "
                     "boxes",
                     c->seating.tiles[i].peer, unknown);
    }
    error = canvas_init(&c->canvas, how->width, how->height);
    if (!error)
        error = assign_voices(c);
    if (!error)
        error = feed_open(dir, c->t, &c->feed);
    if (!error)
        canvas_fill(&c->canvas, (struct canvas_rect){0, 0, how->width, how->height}, BACKGROUND);
    return error;
}

static int keep(struct tile *tile, const struct feed_frame *frame)
{
    struct waiting *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->frame = *frame;
    w->frame.data = malloc(frame->len > 0 ? frame->len : 1);
    if (!w->frame.data) {
        free(w);
        return -ENOMEM;
    }
    memcpy(w->frame.data, frame->data, frame->len);
    *tile->last = w;
    tile->last = &w->next;
    return 0;
}

/* Takes from the tape what is heard or seen before `until_us`. */
static int pull(struct composite *c, int64_t until_us)
{
    for (;;) {
        struct feed_frame frame;
        int more = feed_next(c->feed, &frame);
        if (more <= 0)
            return more;
        if (frame.pts_us >= until_us) {
            feed_unget(c->feed);
            return 0;
        }
        int error = 0;
        size_t voice = c->voice_of_leg[frame.leg], tile = c->seating.tile_of_leg[frame.leg];
        if (voice != SIZE_MAX)
            error = mixer_add(c->mixer, voice, frame.pts_us, frame.data, frame.len);
        else if (tile != SIZE_MAX)
            error = keep(&c->tiles[tile], &frame);
        if (error)
            return error;
    }
}

/* Decodes one frame of the tile; another leg takes over at its key frame. */
static void show(const struct composite *c, struct tile *tile, const struct feed_frame *frame)
{
    if (frame->leg != tile->leg) {
        if (!frame->key)
            return;
        uint8_t codec = timeline_leg(c->t, frame->leg)->codec;
        bool same = tile->leg != TIMELINE_NO_LEG && timeline_leg(c->t, tile->leg)->codec == codec;
        if (!same) {
            pipeline_decoder_destroy(tile->decoder);
            tile->decoder = NULL;
            if (pipeline_decoder_create(codec, &tile->decoder) < 0)
                return; /* the tile stays dark, its name is there */
        }
        tile->leg = frame->leg;
    }
    if (tile->decoder && pipeline_decoder_push(tile->decoder, frame->pts_us, frame->key,
                                               frame->data, frame->len) == 0) {
        tile->picture_us = frame->pts_us;
        tile->dirty = true;
    }
}

static int make_caption(struct composite *c, size_t i)
{
    struct tile *tile = &c->tiles[i];
    canvas_mask_finish(&tile->caption);
    int size = tile->rect.height / 16;
    size = size < 12 ? 12 : size > 26 ? 26 : size;
    const char *name = c->seating.tiles[i].name;
    if (name[0] == '\0' || tile->rect.width < 4 * size)
        return 0;
    return caption_make(name, size, tile->rect.width - 2 * size, &tile->caption);
}

/* Lays the tiles out anew when somebody came or went. */
static int arrange(struct composite *c, int64_t at_us)
{
    bool changed = false;
    size_t people = 0, screens = 0;
    for (size_t i = 0; i < c->seating.tile_count; i++) {
        size_t *count = c->seating.tiles[i].screen ? &screens : &people;
        bool visible = *count < LAYOUT_TILES_MAX && seating_is_shown(&c->seating, i, at_us);
        *count += visible;
        changed |= visible != c->tiles[i].visible;
        c->tiles[i].visible = visible;
    }
    if (!changed)
        return 0;
    struct canvas_rect tiles[LAYOUT_TILES_MAX], shared[LAYOUT_TILES_MAX];
    layout_tiles(c->canvas.width, c->canvas.height, people, screens, tiles, shared);
    canvas_fill(&c->canvas, (struct canvas_rect){0, 0, c->canvas.width, c->canvas.height},
                BACKGROUND);
    people = screens = 0;
    for (size_t i = 0; i < c->seating.tile_count; i++) {
        struct tile *tile = &c->tiles[i];
        if (!tile->visible)
            continue;
        tile->rect = c->seating.tiles[i].screen ? shared[screens++] : tiles[people++];
        tile->dirty = true;
        tile->has_picture = false;
        int error = make_caption(c, i);
        if (error)
            return error;
    }
    return 0;
}

/* Name and dark bar at the tile's foot, or in its middle when there is no picture. */
static void draw_caption(struct composite *c, const struct tile *tile, bool in_middle)
{
    const struct canvas_mask *text = &tile->caption;
    if (!text->coverage)
        return;
    const struct canvas_rect *r = &tile->rect;
    int pad = text->height / 4;
    int x = in_middle ? r->x + (r->width - text->width) / 2 : r->x + 2 * pad;
    int y = in_middle ? r->y + (r->height - text->height) / 2
                      : r->y + r->height - text->height - 2 * pad;
    if (!in_middle)
        canvas_shade(&c->canvas,
                     (struct canvas_rect){(x - pad) & ~1, (y - pad / 2) & ~1,
                                          (text->width + 2 * pad + 1) & ~1,
                                          (text->height + pad + 1) & ~1},
                     BAR, 160);
    canvas_draw(&c->canvas, x, y, text, TEXT);
}

static void draw_tile(struct composite *c, size_t i, int64_t at_us)
{
    struct tile *tile = &c->tiles[i];
    int64_t stale_us = c->seating.tiles[i].screen ? SCREEN_STALE_US : CAMERA_STALE_US;
    int width = 0, height = 0;
    bool fresh = tile->picture_us != INT64_MIN && at_us - tile->picture_us < stale_us &&
                 tile->decoder && pipeline_decoder_size(tile->decoder, &width, &height);
    if (!tile->dirty && fresh == tile->has_picture)
        return;
    struct canvas_rect fit = layout_fit(tile->rect, width, height);
    if (!tile->has_picture || !fresh || fit.width != tile->rect.width ||
        fit.height != tile->rect.height)
        canvas_fill(&c->canvas, tile->rect, TILE);
    tile->has_picture = fresh && pipeline_decoder_draw(tile->decoder, &c->canvas, fit) == 0;
    draw_caption(c, tile, !tile->has_picture);
    tile->dirty = false;
}

static int compose(struct composite *c, int64_t at_us)
{
    int error = pull(c, at_us + FRAME_US + DELAY_US);
    if (error)
        return error;
    for (size_t i = 0; i < c->seating.tile_count; i++) {
        struct tile *tile = &c->tiles[i];
        /* A picture stands in the frame that is nearest to its time. */
        while (tile->first && tile->first->frame.pts_us < at_us + FRAME_US / 2) {
            show(c, tile, &tile->first->frame);
            drop_first(tile);
        }
    }
    error = arrange(c, at_us);
    for (size_t i = 0; !error && i < c->seating.tile_count; i++) {
        if (c->tiles[i].visible)
            draw_tile(c, i, at_us);
    }
    return error;
}

int64_t composite_frames(const struct composite_how *how)
{
    int64_t frames = (how->end_us + FRAME_US - 1) / FRAME_US;
    return frames > 0 ? frames : 1;
}

static int encode(struct composite *c, struct pipeline_encoder *e, int64_t frames,
                  tracks_progress_fn *on_progress, void *context)
{
    float sound[FRAME_SAMPLES > DELAY_SAMPLES ? FRAME_SAMPLES : DELAY_SAMPLES];
    int begun = pull(c, DELAY_US);
    if (begun)
        return begun;
    mixer_take(c->mixer, sound, DELAY_SAMPLES);
    for (int64_t i = 0; i < frames; i++) {
        int error = compose(c, i * FRAME_US);
        if (error)
            return error;
        mixer_take(c->mixer, sound, FRAME_SAMPLES);
        error = pipeline_encoder_push(e, &c->canvas, sound, FRAME_SAMPLES);
        if (error)
            return error;
        if (i % COMPOSITE_FPS == 0)
            on_progress(context, (unsigned)(i * 1000 / frames));
    }
    return pipeline_encoder_finish(e);
}

int composite_write(const char *dir, const struct timeline *t, const struct roster *roster,
                    const struct composite_how *how, tracks_progress_fn *on_progress, void *context)
{
    char path[PATH_MAX], waiting[PATH_MAX];
    int len = snprintf(waiting, sizeof(waiting), "%s/%s", dir, COMPOSITE_WAITING_FILE);
    if (len < 0 || (size_t)len >= sizeof(waiting))
        return -ENAMETOOLONG;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, COMPOSITE_FILE); /* shorter */
    struct composite c = {.t = t};
    CLEANUP(pipeline_encoder_destroy) struct pipeline_encoder *encoder = NULL;
    const struct pipeline_encoder_how encoding = {
        .path = path,
        .waiting_path = waiting,
        .width = how->width,
        .height = how->height,
        .fps = COMPOSITE_FPS,
        .audio_rate = MIXER_RATE,
    };
    int error = start(&c, dir, roster, how);
    if (!error)
        error = pipeline_encoder_create(&encoding, &encoder);
    if (!error)
        error = encode(&c, encoder, composite_frames(how), on_progress, context);
    finish(&c);
    return error;
}
