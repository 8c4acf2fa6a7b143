/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "common/control.h"
#include "recorder/composite.h"
#include "recorder/filehash.h"
#include "recorder/tapereader.h"

static int path_of(const char *dir, const char *name, char path[PATH_MAX])
{
    int len = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int write_synced(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    int error = 0;
    size_t len = strlen(text);
    for (size_t done = 0; !error && done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        if (n < 0 && errno != EINTR)
            error = -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    if (!error && fsync(fd) < 0)
        error = -errno;
    if (close(fd) < 0 && !error)
        error = -errno;
    return error;
}

int manifest_replace(const char *dir, const char *name, const char *text)
{
    char path[PATH_MAX], hidden[PATH_MAX], temporary[NAME_MAX + 1];
    int len = snprintf(temporary, sizeof(temporary), ".%s.new", name);
    if (len < 0 || (size_t)len >= sizeof(temporary))
        return -ENAMETOOLONG;
    int error = path_of(dir, name, path);
    if (!error)
        error = path_of(dir, temporary, hidden);
    if (!error)
        error = write_synced(hidden, text);
    if (!error && rename(hidden, path) < 0)
        error = -errno;
    int fd = error ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        error = fsync(fd) < 0 ? -errno : 0;
        close(fd);
    }
    return error;
}

static json_t *seconds(int64_t us)
{
    return json_real((double)us / 1e6);
}

static json_t *hex_id(uint64_t id)
{
    char text[17];
    snprintf(text, sizeof(text), "%016" PRIx64, id);
    return json_string(text);
}

/* RFC 3339, UTC. */
static json_t *wall_time(uint64_t wall_us)
{
    time_t s = (time_t)(wall_us / 1000000);
    struct tm utc;
    char text[64], date[32];
    if (!gmtime_r(&s, &utc))
        return json_null();
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof(text), "%s.%06uZ", date, (unsigned)(wall_us % 1000000));
    return json_string(text);
}

/* A file with what everybody wants to know of it. */
static int describe(const char *dir, const char *name, const char *kind, json_t **ret_file)
{
    char hex[FILEHASH_HEX];
    uint64_t bytes = 0;
    int error = filehash(dir, name, hex, &bytes);
    if (error)
        return error;
    json_t *file = json_pack("{s:s, s:s, s:I, s:s}", "file", name, "kind", kind, "bytes",
                             (json_int_t)bytes, "sha256", hex);
    if (!file)
        return -ENOMEM;
    *ret_file = file;
    return 0;
}

static const char *source_name(uint8_t source)
{
    static const char *const names[] = {"microphone", "camera", "screen", "screen-audio"};
    return source < sizeof(names) / sizeof(names[0]) ? names[source] : "?";
}

static json_t *gaps_of(const struct tracks_file *track)
{
    json_t *gaps = json_array();
    for (size_t i = 0; i < track->gap_count; i++) {
        const struct tracks_gap *gap = &track->gaps[i];
        json_array_append_new(gaps,
                              json_pack("{s:s, s:o, s:o, s:s}", "source", source_name(gap->source),
                                        "from", seconds(gap->from_us), "to", seconds(gap->to_us),
                                        "why", absence_name(gap->why)));
    }
    return gaps;
}

static int add_track(const char *dir, const struct roster *roster, const struct tracks *tracks,
                     const struct tracks_file *track, json_t *files)
{
    json_t *file = NULL;
    int error = describe(dir, track->file, track->screen ? "screen" : "speaker", &file);
    if (error)
        return error;
    const struct roster_person *person = roster_find(roster, track->peer);
    json_object_set_new(file, "participant", hex_id(track->peer));
    if (person && person->name[0] != '\0')
        json_object_set_new(file, "name", json_string(person->name));
    if (person && person->role[0] != '\0')
        json_object_set_new(file, "role", json_string(person->role));
    json_object_set_new(file, "duration", seconds(tracks->end_us));
    json_object_set_new(file, "first", seconds(track->frames > 0 ? track->first_us : 0));
    json_object_set_new(file, "last", seconds(track->last_us));
    json_object_set_new(file, "audio", json_boolean(track->has_audio));
    json_object_set_new(file, "video", json_boolean(track->has_video));
    json_object_set_new(file, "frames", json_integer((json_int_t)track->frames));
    json_object_set_new(file, "gaps", gaps_of(track));
    json_array_append_new(files, file);
    return 0;
}

static int add_tape(const char *dir, tracks_progress_fn *on_progress, void *context, json_t *files)
{
    uint32_t newest = 0;
    int error = tapereader_newest(dir, &newest);
    for (uint32_t i = 0; !error && i <= newest; i++) {
        char name[TAPE_SEGMENT_NAME_MAX];
        snprintf(name, sizeof(name), TAPE_SEGMENT_NAME, i);
        json_t *file = NULL;
        error = describe(dir, name, "tape", &file);
        if (!error)
            json_array_append_new(files, file);
        on_progress(context, 0);
    }
    return error;
}

static int add_files(const char *dir, const struct roster *roster, const struct tracks *tracks,
                     int64_t composite_us, tracks_progress_fn *on_progress, void *context,
                     json_t *files)
{
    json_t *file = NULL;
    int error = composite_us > 0 ? describe(dir, COMPOSITE_FILE, "composite", &file) : 0;
    if (!error && file) {
        json_object_set_new(file, "duration", seconds(composite_us));
        json_array_append_new(files, file);
    }
    on_progress(context, 0);
    for (size_t i = 0; !error && i < tracks->count; i++) {
        error = add_track(dir, roster, tracks, &tracks->files[i], files);
        on_progress(context, 0);
    }
    return error ? error : add_tape(dir, on_progress, context, files);
}

int manifest_write(const char *dir, const struct timeline *t, const struct roster *roster,
                   const struct tracks *tracks, int64_t composite_us,
                   tracks_progress_fn *on_progress, void *context)
{
    struct timeline_faults faults = timeline_faults(t);
    json_t *files = json_array();
    json_t *manifest = json_pack(
        "{s:i, s:o, s:o, s:o, s:b, s:{s:I, s:I, s:I, s:I}, s:o}", "version", MANIFEST_VERSION,
        "hearing", hex_id(timeline_hearing(t)), "started", wall_time(timeline_zero_wall_us(t)),
        "duration", seconds(tracks->end_us), "sealed", (int)faults.sealed, "faults",
        "damaged_blocks", (json_int_t)faults.damages, "ring_gaps", (json_int_t)faults.ring_gaps,
        "packets_not_taken", (json_int_t)faults.overrun_packets, "tracks_left_out",
        (json_int_t)faults.tracks_left_out, "files", files);
    int error = manifest ? add_files(dir, roster, tracks, composite_us, on_progress, context, files)
                         : -ENOMEM;
    char *text = error ? NULL : json_dumps(manifest, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    if (!error)
        error = text ? manifest_replace(dir, MANIFEST_FILE, text) : -ENOMEM;
    free(text);
    json_decref(manifest);
    return error;
}
