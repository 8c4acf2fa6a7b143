/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/tracks.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codecs.h"
#include "common/control.h"
#include "recorder/depay.h"
#include "recorder/feed.h"
#include "recorder/h264.h"
#include "recorder/matroska.h"

/* Silence longer than this is a gap; a picture that stands longer likewise. Ours. */
#define AUDIO_GAP_US 200000
#define VIDEO_GAP_US 1000000
/* How long the last frame of a track lasts. */
#define LAST_AUDIO_US 20000
#define LAST_VIDEO_US 40000

/* One source in one codec: a Matroska track, fed by one leg after the other. */
struct lane {
    uint8_t source;
    uint8_t codec;
    size_t leg; /* whose frames are taken now; TIMELINE_NO_LEG: none yet */
    int64_t last_us;
    struct matroska_track *track;
};

struct output {
    struct tracks_file *file;
    struct matroska *matroska;
    struct lane lanes[MATROSKA_TRACKS_MAX];
    size_t lane_count;
};

struct work {
    const char *dir;
    const struct timeline *t;
    const struct roster *roster;
    struct output *outputs;
    size_t count;
    size_t *output_of; /* per leg; SIZE_MAX: none */
};

static bool is_screen(const struct timeline_leg *leg)
{
    return leg->source == CONTROL_SOURCE_SCREEN || leg->source == CONTROL_SOURCE_SCREEN_AUDIO;
}

static bool is_known_codec(uint8_t codec)
{
    return codec > CODEC_NONE && codec < CODEC_COUNT;
}

/* Which legs go into which file; files in the order of first appearance. */
static int assign(struct work *w, struct tracks *tracks)
{
    size_t legs = timeline_leg_count(w->t);
    w->output_of = calloc(legs > 0 ? legs : 1, sizeof(*w->output_of));
    tracks->files = calloc(legs > 0 ? legs : 1, sizeof(*tracks->files));
    if (!w->output_of || !tracks->files)
        return -ENOMEM;
    for (size_t i = 0; i < legs; i++) {
        const struct timeline_leg *leg = timeline_leg(w->t, i);
        w->output_of[i] = SIZE_MAX;
        if (leg->packets == 0 || !is_known_codec(leg->codec))
            continue;
        size_t f = 0;
        while (f < tracks->count &&
               (tracks->files[f].peer != leg->peer || tracks->files[f].screen != is_screen(leg)))
            f++;
        if (f == tracks->count)
            tracks->files[tracks->count++] = (struct tracks_file){
                .peer = leg->peer, .screen = is_screen(leg), .first_us = INT64_MAX};
        w->output_of[i] = f;
    }
    return 0;
}

/* WebM when nothing but its codecs comes. */
static bool is_webm(const struct work *w, size_t file)
{
    for (size_t i = 0; i < timeline_leg_count(w->t); i++) {
        if (w->output_of[i] == file && timeline_leg(w->t, i)->codec == CODEC_H264)
            return false;
    }
    return true;
}

static const char *name_of(const struct work *w, uint64_t peer)
{
    const struct roster_person *person = roster_find(w->roster, peer);
    return person ? person->name : "";
}

static int add_lane(struct work *w, struct output *o, const struct timeline_leg *leg)
{
    for (size_t i = 0; i < o->lane_count; i++) {
        if (o->lanes[i].source == leg->source && o->lanes[i].codec == leg->codec)
            return 0;
    }
    struct matroska_track *track = matroska_add_track(o->matroska, leg->codec);
    if (!track)
        return -ENOSPC;
    snprintf(track->name, sizeof(track->name), "%s", name_of(w, leg->peer));
    o->lanes[o->lane_count++] = (struct lane){
        .source = leg->source, .codec = leg->codec, .leg = TIMELINE_NO_LEG, .track = track};
    return 0;
}

/* Picture before sound: players take the first of each. */
static int add_lanes(struct work *w, size_t file)
{
    struct output *o = &w->outputs[file];
    for (int audio = 0; audio < 2; audio++) {
        for (size_t i = 0; i < timeline_leg_count(w->t); i++) {
            const struct timeline_leg *leg = timeline_leg(w->t, i);
            if (w->output_of[i] != file || (leg->codec == CODEC_OPUS) != audio)
                continue;
            int error = add_lane(w, o, leg);
            if (error)
                return error;
            o->file->has_audio |= audio;
            o->file->has_video |= !audio;
        }
    }
    return 0;
}

static int open_outputs(struct work *w, struct tracks *tracks)
{
    w->outputs = calloc(tracks->count > 0 ? tracks->count : 1, sizeof(*w->outputs));
    if (!w->outputs)
        return -ENOMEM;
    for (size_t f = 0; f < tracks->count; f++) {
        struct tracks_file *file = &tracks->files[f];
        bool webm = is_webm(w, f);
        snprintf(file->file, sizeof(file->file), "%016" PRIx64 "%s.%s", file->peer,
                 file->screen ? "-screen" : "", webm ? "webm" : "mkv");
        char path[PATH_MAX];
        int len = snprintf(path, sizeof(path), "%s/%s", w->dir, file->file);
        if (len < 0 || (size_t)len >= sizeof(path))
            return -ENAMETOOLONG;
        w->outputs[f].file = file;
        w->count = f + 1;
        int error = matroska_create(path, webm, name_of(w, file->peer), timeline_zero_wall_us(w->t),
                                    &w->outputs[f].matroska);
        if (!error)
            error = add_lanes(w, f);
        if (error)
            return error;
    }
    return 0;
}

static int add_gap(struct tracks_file *file, const struct tracks_gap *gap)
{
    if (file->gap_count == file->gap_capacity) {
        size_t more = file->gap_capacity ? 2 * file->gap_capacity : 8;
        struct tracks_gap *grown = reallocarray(file->gaps, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        file->gaps = grown;
        file->gap_capacity = more;
    }
    file->gaps[file->gap_count++] = *gap;
    return 0;
}

/* Writes down a hole before this frame, if there is one. */
static int note_gap(const struct work *w, struct output *o, const struct lane *lane,
                    const struct feed *feed, const struct feed_frame *frame)
{
    bool audio = lane->codec == CODEC_OPUS;
    const struct absence_hole hole = {
        .before = lane->leg,
        .after = frame->leg,
        .from_us = lane->last_us + (audio ? LAST_AUDIO_US : LAST_VIDEO_US),
        .to_us = frame->pts_us,
        .least_us = audio ? AUDIO_GAP_US : VIDEO_GAP_US,
        .numbers_missing = frame->after_loss,
    };
    if (lane->leg == TIMELINE_NO_LEG || hole.to_us - hole.from_us < hole.least_us)
        return 0;
    struct absence_part parts[ABSENCE_PARTS_MAX];
    size_t count = absence_explain(feed_absence(feed), w->roster, &hole, parts);
    int error = 0;
    for (size_t i = 0; !error && i < count; i++) {
        const struct tracks_gap gap = {parts[i].from_us, parts[i].to_us, lane->source,
                                       parts[i].why};
        error = add_gap(o->file, &gap);
    }
    return error;
}

/* What the track's header says is learned from its key frames: of a camera that began with a small
 * layer the size is that of the best. */
static void learn_format(struct lane *lane, const struct feed_frame *frame)
{
    struct matroska_track *track = lane->track;
    uint16_t width, height;
    if (depay_size(lane->codec, frame->data, frame->len, &width, &height) &&
        height > track->height) {
        track->width = width;
        track->height = height;
    }
    if (lane->codec == CODEC_H264 && track->config_len == 0)
        (void)h264_config(frame->data, frame->len, track->config, sizeof(track->config),
                          &track->config_len); /* or a later one has it */
}

static int write_h264(struct output *o, size_t lane, int64_t pts_us, const struct feed_frame *frame)
{
    uint8_t *units = malloc(frame->len);
    if (!units)
        return -ENOMEM;
    size_t len = h264_to_lengths(frame->data, frame->len, units, frame->len);
    int error = len > 0 ? matroska_write(o->matroska, lane, pts_us, frame->key, units, len) : 0;
    free(units);
    return error;
}

static int take_frame(struct work *w, const struct feed *feed, const struct feed_frame *frame)
{
    size_t file = w->output_of[frame->leg];
    if (file == SIZE_MAX || frame->len == 0)
        return 0;
    struct output *o = &w->outputs[file];
    const struct timeline_leg *leg = timeline_leg(w->t, frame->leg);
    size_t i = 0;
    while (i < o->lane_count &&
           (o->lanes[i].source != leg->source || o->lanes[i].codec != leg->codec))
        i++;
    if (i == o->lane_count)
        return 0;
    struct lane *lane = &o->lanes[i];
    if (lane->leg != frame->leg && !frame->key)
        return 0; /* the end of a layer that another has replaced */
    int error = note_gap(w, o, lane, feed, frame);
    if (error)
        return error;
    bool first = lane->leg == TIMELINE_NO_LEG;
    int64_t pts_us = frame->pts_us;
    if (!first && pts_us <= lane->last_us)
        pts_us = lane->last_us + 1000;
    if (frame->key)
        learn_format(lane, frame);
    lane->leg = frame->leg;
    lane->last_us = pts_us;
    o->file->frames++;
    o->file->first_us = pts_us < o->file->first_us ? pts_us : o->file->first_us;
    int64_t end_us = pts_us + (lane->codec == CODEC_OPUS ? LAST_AUDIO_US : LAST_VIDEO_US);
    o->file->last_us = end_us > o->file->last_us ? end_us : o->file->last_us;
    if (lane->codec == CODEC_H264)
        return write_h264(o, i, pts_us, frame);
    return matroska_write(o->matroska, i, pts_us, frame->key, frame->data, frame->len);
}

static int64_t end_of(const struct work *w, const struct tracks *tracks)
{
    int64_t end_us = 0, closed_us;
    for (size_t i = 0; i < tracks->count; i++)
        end_us = tracks->files[i].last_us > end_us ? tracks->files[i].last_us : end_us;
    if (roster_last(w->roster, ROSTER_CLOSED, &closed_us)) {
        closed_us = timeline_since_zero(w->t, closed_us);
        end_us = closed_us > end_us ? closed_us : end_us;
    }
    return end_us;
}

static int write_all(struct work *w, struct tracks *tracks, tracks_progress_fn *on_progress,
                     void *context)
{
    int error = assign(w, tracks);
    if (!error)
        error = open_outputs(w, tracks);
    CLEANUP(feed_close) struct feed *feed = NULL;
    if (!error)
        error = feed_open(w->dir, w->t, &feed);
    if (error)
        return error;
    struct feed_frame frame;
    int more;
    unsigned told = 0;
    while ((more = feed_next(feed, &frame)) == 1) {
        error = take_frame(w, feed, &frame);
        if (error)
            return error;
        unsigned permille = feed_permille(feed);
        if (permille >= told + 10) {
            told = permille;
            on_progress(context, permille);
        }
    }
    if (more < 0)
        return more;
    tracks->end_us = end_of(w, tracks);
    for (size_t f = 0; !error && f < tracks->count; f++)
        error = matroska_finish(w->outputs[f].matroska, tracks->end_us);
    return error;
}

int tracks_write(const char *dir, const struct timeline *t, const struct roster *roster,
                 tracks_progress_fn *on_progress, void *context, struct tracks *ret_tracks)
{
    struct work w = {.dir = dir, .t = t, .roster = roster};
    struct tracks tracks = {0};
    int error = write_all(&w, &tracks, on_progress, context);
    for (size_t f = 0; f < w.count; f++)
        matroska_destroy(w.outputs[f].matroska);
    free(w.outputs);
    free(w.output_of);
    if (error)
        tracks_finish(&tracks);
    else
        *ret_tracks = tracks;
    return error;
}

void tracks_finish(struct tracks *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->files[i].gaps);
    free(t->files);
    *t = (struct tracks){0};
}
