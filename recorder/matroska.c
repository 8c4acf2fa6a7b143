/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/matroska.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/codecs.h"

/* A cluster is closed after this time, so that block times (16 bits of ms) never run over. */
#define CLUSTER_MS 5000
/* Room kept at the front for what is known at the end only. */
#define FRONT_BYTES 8192
/* 2001-01-01 00:00:00 UTC in Unix time: RFC 9559 counts dates from there. */
#define EPOCH_2001_S 978307200

/* Element ids of RFC 8794 and RFC 9559. */
enum {
    ID_EBML = 0x1a45dfa3,
    ID_EBML_VERSION = 0x4286,
    ID_EBML_READ_VERSION = 0x42f7,
    ID_EBML_MAX_ID = 0x42f2,
    ID_EBML_MAX_SIZE = 0x42f3,
    ID_DOC_TYPE = 0x4282,
    ID_DOC_TYPE_VERSION = 0x4287,
    ID_DOC_TYPE_READ_VERSION = 0x4285,
    ID_VOID = 0xec,
    ID_SEGMENT = 0x18538067,
    ID_SEEK_HEAD = 0x114d9b74,
    ID_SEEK = 0x4dbb,
    ID_SEEK_ID = 0x53ab,
    ID_SEEK_POSITION = 0x53ac,
    ID_INFO = 0x1549a966,
    ID_TIMESTAMP_SCALE = 0x2ad7b1,
    ID_DURATION = 0x4489,
    ID_DATE = 0x4461,
    ID_TITLE = 0x7ba9,
    ID_MUXING_APP = 0x4d80,
    ID_WRITING_APP = 0x5741,
    ID_TRACKS = 0x1654ae6b,
    ID_TRACK_ENTRY = 0xae,
    ID_TRACK_NUMBER = 0xd7,
    ID_TRACK_UID = 0x73c5,
    ID_TRACK_TYPE = 0x83,
    ID_FLAG_DEFAULT = 0x88,
    ID_FLAG_LACING = 0x9c,
    ID_LANGUAGE = 0x22b59c,
    ID_NAME = 0x536e,
    ID_CODEC_ID = 0x86,
    ID_CODEC_PRIVATE = 0x63a2,
    ID_SEEK_PRE_ROLL = 0x56bb,
    ID_VIDEO = 0xe0,
    ID_PIXEL_WIDTH = 0xb0,
    ID_PIXEL_HEIGHT = 0xba,
    ID_AUDIO = 0xe1,
    ID_SAMPLING_FREQUENCY = 0xb5,
    ID_CHANNELS = 0x9f,
    ID_CLUSTER = 0x1f43b675,
    ID_TIMESTAMP = 0xe7,
    ID_SIMPLE_BLOCK = 0xa3,
    ID_CUES = 0x1c53bb6b,
    ID_CUE_POINT = 0xbb,
    ID_CUE_TIME = 0xb3,
    ID_CUE_TRACK_POSITIONS = 0xb7,
    ID_CUE_TRACK = 0xf7,
    ID_CUE_CLUSTER_POSITION = 0xf1,
};

struct cue {
    int64_t ms;
    uint64_t position; /* of the cluster, from the segment's start */
    size_t track;
};

struct matroska {
    FILE *file;
    bool webm;
    char title[MATROSKA_NAME_MAX];
    uint64_t wall_us;
    struct matroska_track tracks[MATROSKA_TRACKS_MAX];
    size_t track_count;
    uint64_t segment_start;
    uint64_t position;
    uint64_t cluster_start; /* 0: none open */
    int64_t cluster_ms;
    int64_t last_ms;
    bool cued; /* the cluster is in the index */
    struct cue *cues;
    size_t cue_count, cue_capacity;
};

static void put_id(struct writer *w, uint32_t id)
{
    if (id > 0xffffff)
        writer_u32(w, id);
    else if (id > 0xffff)
        writer_u24(w, id);
    else if (id > 0xff)
        writer_u16(w, (uint16_t)id);
    else
        writer_u8(w, (uint8_t)id);
}

/* Sizes are written in 8 bytes: one form for all, patched where not yet known. */
static void put_size(struct writer *w, uint64_t size)
{
    writer_u64(w, size | 1ull << 56);
}

static void put_uint(struct writer *w, uint32_t id, uint64_t value)
{
    put_id(w, id);
    put_size(w, 8);
    writer_u64(w, value);
}

static void put_float(struct writer *w, uint32_t id, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_uint(w, id, bits);
}

static void put_bytes(struct writer *w, uint32_t id, const void *data, size_t len)
{
    put_id(w, id);
    put_size(w, len);
    writer_bytes(w, data, len);
}

static void put_text(struct writer *w, uint32_t id, const char *text)
{
    put_bytes(w, id, text, strlen(text));
}

/* Begins an element of unknown length; end_element() fills it in. */
static uint8_t *begin_element(struct writer *w, uint32_t id)
{
    put_id(w, id);
    return writer_skip(w, 8);
}

static void end_element(struct writer *w, uint8_t *size)
{
    if (w->failed)
        return;
    struct writer at = writer_over(size, 8);
    put_size(&at, (uint64_t)(w->pos - size) - 8);
}

/* Fills up to `len` bytes: a hole that readers skip. */
static void put_void(struct writer *w, size_t len)
{
    if (len < 9) {
        w->failed = true;
        return;
    }
    put_id(w, ID_VOID);
    put_size(w, len - 9);
    uint8_t *hole = writer_skip(w, len - 9);
    if (hole)
        memset(hole, 0, len - 9);
}

static int write_out(struct matroska *m, const void *data, size_t len)
{
    if (fwrite(data, 1, len, m->file) != len)
        return errno ? -errno : -EIO;
    m->position += len;
    return 0;
}

static void put_ebml(const struct matroska *m, struct writer *w)
{
    uint8_t *size = begin_element(w, ID_EBML);
    put_uint(w, ID_EBML_VERSION, 1);
    put_uint(w, ID_EBML_READ_VERSION, 1);
    put_uint(w, ID_EBML_MAX_ID, 4);
    put_uint(w, ID_EBML_MAX_SIZE, 8);
    put_text(w, ID_DOC_TYPE, m->webm ? "webm" : "matroska");
    put_uint(w, ID_DOC_TYPE_VERSION, 4);
    put_uint(w, ID_DOC_TYPE_READ_VERSION, 2);
    end_element(w, size);
}

int matroska_create(const char *path, bool webm, const char *title, uint64_t wall_us,
                    struct matroska **ret_file)
{
    CLEANUP(matroska_destroy) struct matroska *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->webm = webm;
    m->wall_us = wall_us;
    snprintf(m->title, sizeof(m->title), "%s", title);
    m->file = fopen(path, "wbe");
    if (!m->file)
        return -errno;
    uint8_t head[256];
    struct writer w = writer_over(head, sizeof(head));
    put_ebml(m, &w);
    put_id(&w, ID_SEGMENT);
    m->segment_start = writer_len(&w) + 8;
    put_size(&w, (1ull << 56) - 1); /* not known yet */
    int error = w.failed ? -EMSGSIZE : write_out(m, head, writer_len(&w));
    static const uint8_t front[FRONT_BYTES];
    if (!error)
        error = write_out(m, front, sizeof(front));
    if (error)
        return error;
    *ret_file = STEAL(m);
    return 0;
}

void matroska_destroy(struct matroska *m)
{
    if (!m)
        return;
    if (m->file)
        (void)fclose(m->file); /* finished, or given up */
    free(m->cues);
    free(m);
}

struct matroska_track *matroska_add_track(struct matroska *m, uint8_t codec)
{
    if (m->track_count == MATROSKA_TRACKS_MAX)
        return NULL;
    struct matroska_track *track = &m->tracks[m->track_count++];
    track->codec = codec;
    return track;
}

static int patch(struct matroska *m, uint64_t at, const void *data, size_t len)
{
    if (fseeko(m->file, (off_t)at, SEEK_SET) < 0 || fwrite(data, 1, len, m->file) != len ||
        fseeko(m->file, (off_t)m->position, SEEK_SET) < 0)
        return -errno;
    return 0;
}

static int close_cluster(struct matroska *m)
{
    if (m->cluster_start == 0)
        return 0;
    uint8_t bytes[8];
    struct writer w = writer_over(bytes, sizeof(bytes));
    put_size(&w, m->position - m->cluster_start);
    int error = patch(m, m->cluster_start - 8, bytes, sizeof(bytes));
    m->cluster_start = 0;
    return error;
}

static int open_cluster(struct matroska *m, int64_t ms)
{
    int error = close_cluster(m);
    if (error)
        return error;
    uint8_t bytes[32];
    struct writer w = writer_over(bytes, sizeof(bytes));
    put_id(&w, ID_CLUSTER);
    put_size(&w, 0);
    m->cluster_start = m->position + writer_len(&w);
    put_uint(&w, ID_TIMESTAMP, (uint64_t)ms);
    m->cluster_ms = ms;
    m->cued = false;
    return write_out(m, bytes, writer_len(&w));
}

static int add_cue(struct matroska *m, size_t track, int64_t ms)
{
    if (m->cue_count == m->cue_capacity) {
        size_t more = m->cue_capacity ? 2 * m->cue_capacity : 64;
        struct cue *grown = reallocarray(m->cues, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        m->cues = grown;
        m->cue_capacity = more;
    }
    uint64_t cluster = m->cluster_start - 12 - m->segment_start; /* id and size are before it */
    m->cues[m->cue_count++] = (struct cue){ms, cluster, track};
    m->cued = true;
    return 0;
}

static bool has_video(const struct matroska *m)
{
    for (size_t i = 0; i < m->track_count; i++) {
        if (m->tracks[i].codec != CODEC_OPUS)
            return true;
    }
    return false;
}

int matroska_write(struct matroska *m, size_t track, int64_t pts_us, bool key, const void *data,
                   size_t len)
{
    int64_t ms = pts_us > 0 ? (pts_us + 500) / 1000 : 0;
    bool video = m->tracks[track].codec != CODEC_OPUS;
    bool opens = m->cluster_start == 0 || ms >= m->cluster_ms + CLUSTER_MS || (video && key);
    if (opens) {
        int error = open_cluster(m, ms);
        if (error)
            return error;
    }
    if (ms < m->cluster_ms - INT16_MAX)
        return -EINVAL;
    if (!m->cued && key && (video || !has_video(m))) {
        int error = add_cue(m, track, ms);
        if (error)
            return error;
    }
    uint8_t bytes[16];
    struct writer w = writer_over(bytes, sizeof(bytes));
    put_id(&w, ID_SIMPLE_BLOCK);
    put_size(&w, 4 + len);
    writer_u8(&w, (uint8_t)(0x80 | (track + 1)));
    writer_u16(&w, (uint16_t)(ms - m->cluster_ms));
    writer_u8(&w, key ? 0x80 : 0);
    int error = write_out(m, bytes, writer_len(&w));
    m->last_ms = ms > m->last_ms ? ms : m->last_ms;
    return error ? error : write_out(m, data, len);
}

static void put_opus(struct writer *w)
{
    /* RFC 7845 section 5.1: version, channels, no samples to skip, rate, no gain, one stream. */
    static const uint8_t head[19] = {'O', 'p', 'u',  's',  'H', 'e', 'a', 'd', 1, 2,
                                     0,   0,   0x80, 0xbb, 0,   0,   0,   0,   0};
    put_text(w, ID_CODEC_ID, "A_OPUS");
    put_bytes(w, ID_CODEC_PRIVATE, head, sizeof(head));
    put_uint(w, ID_SEEK_PRE_ROLL, 80000000);
    uint8_t *size = begin_element(w, ID_AUDIO);
    put_float(w, ID_SAMPLING_FREQUENCY, 48000);
    put_uint(w, ID_CHANNELS, 2);
    end_element(w, size);
}

/* Of the codec registry of Matroska. */
static const char *video_codec_id(uint8_t codec)
{
    if (codec == CODEC_VP9)
        return "V_VP9";
    return codec == CODEC_VP8 ? "V_VP8" : "V_MPEG4/ISO/AVC";
}

static void put_track(struct writer *w, const struct matroska_track *track, size_t number)
{
    bool video = track->codec != CODEC_OPUS;
    uint8_t *entry = begin_element(w, ID_TRACK_ENTRY);
    put_uint(w, ID_TRACK_NUMBER, number);
    put_uint(w, ID_TRACK_UID, number);
    put_uint(w, ID_TRACK_TYPE, video ? 1 : 2);
    put_uint(w, ID_FLAG_LACING, 0);
    put_text(w, ID_LANGUAGE, "und");
    if (track->name[0] != '\0')
        put_text(w, ID_NAME, track->name);
    if (!video) {
        put_opus(w);
    } else {
        put_text(w, ID_CODEC_ID, video_codec_id(track->codec));
        if (track->config_len > 0)
            put_bytes(w, ID_CODEC_PRIVATE, track->config, track->config_len);
        uint8_t *size = begin_element(w, ID_VIDEO);
        put_uint(w, ID_PIXEL_WIDTH, track->width ? track->width : 640);
        put_uint(w, ID_PIXEL_HEIGHT, track->height ? track->height : 360);
        end_element(w, size);
    }
    end_element(w, entry);
}

static void put_seek(struct writer *w, uint32_t id, uint64_t position)
{
    uint8_t id_bytes[4];
    struct writer i = writer_over(id_bytes, sizeof(id_bytes));
    put_id(&i, id);
    uint8_t *size = begin_element(w, ID_SEEK);
    put_bytes(w, ID_SEEK_ID, id_bytes, writer_len(&i));
    put_uint(w, ID_SEEK_POSITION, position);
    end_element(w, size);
}

/* One entry has the same length whatever it says: ids of 4 bytes, numbers of 8. */
#define SEEK_ENTRY_BYTES (2 + 8 + 2 + 8 + 4 + 2 + 8 + 8)
#define SEEK_HEAD_BYTES  (4 + 8 + 3 * SEEK_ENTRY_BYTES)

static void put_info(const struct matroska *m, struct writer *w, int64_t duration_us)
{
    uint8_t *size = begin_element(w, ID_INFO);
    put_uint(w, ID_TIMESTAMP_SCALE, 1000000); /* times are in ms */
    put_float(w, ID_DURATION, (double)duration_us / 1000);
    put_uint(w, ID_DATE, (m->wall_us - EPOCH_2001_S * 1000000ull) * 1000);
    put_text(w, ID_TITLE, m->title);
    put_text(w, ID_MUXING_APP, "Assize");
    put_text(w, ID_WRITING_APP, "Assize");
    end_element(w, size);
}

/* Writes the index and returns where it begins. */
static int write_cues(struct matroska *m, uint64_t *ret_position)
{
    *ret_position = m->position - m->segment_start;
    size_t capacity = 64 + m->cue_count * 96;
    uint8_t *bytes = malloc(capacity);
    if (!bytes)
        return -ENOMEM;
    struct writer w = writer_over(bytes, capacity);
    uint8_t *cues = begin_element(&w, ID_CUES);
    for (size_t i = 0; i < m->cue_count; i++) {
        uint8_t *point = begin_element(&w, ID_CUE_POINT);
        put_uint(&w, ID_CUE_TIME, (uint64_t)m->cues[i].ms);
        uint8_t *place = begin_element(&w, ID_CUE_TRACK_POSITIONS);
        put_uint(&w, ID_CUE_TRACK, m->cues[i].track + 1);
        put_uint(&w, ID_CUE_CLUSTER_POSITION, m->cues[i].position);
        end_element(&w, place);
        end_element(&w, point);
    }
    end_element(&w, cues);
    int error = w.failed ? -EMSGSIZE : write_out(m, bytes, writer_len(&w));
    free(bytes);
    return error;
}

int matroska_finish(struct matroska *m, int64_t duration_us)
{
    int error = close_cluster(m);
    uint64_t cues = 0;
    bool has_cues = m->cue_count > 0;
    if (!error && has_cues)
        error = write_cues(m, &cues);
    if (error)
        return error;

    static uint8_t front[FRONT_BYTES];
    struct writer w = writer_over(front, sizeof(front));
    (void)writer_skip(&w, SEEK_HEAD_BYTES);
    uint64_t info = writer_len(&w);
    put_info(m, &w, duration_us);
    uint64_t tracks = writer_len(&w);
    uint8_t *size = begin_element(&w, ID_TRACKS);
    for (size_t i = 0; i < m->track_count; i++)
        put_track(&w, &m->tracks[i], i + 1);
    end_element(&w, size);
    if (w.failed)
        return -EMSGSIZE;
    put_void(&w, sizeof(front) - writer_len(&w));

    struct writer seek = writer_over(front, SEEK_HEAD_BYTES);
    size = begin_element(&seek, ID_SEEK_HEAD);
    put_seek(&seek, ID_INFO, info);
    put_seek(&seek, ID_TRACKS, tracks);
    put_seek(&seek, ID_CUES, has_cues ? cues : tracks);
    end_element(&seek, size);
    if (w.failed || seek.failed)
        return -EMSGSIZE;

    uint8_t segment_size[8];
    struct writer s = writer_over(segment_size, sizeof(segment_size));
    put_size(&s, m->position - m->segment_start);
    error = patch(m, m->segment_start, front, sizeof(front));
    if (!error)
        error = patch(m, m->segment_start - 8, segment_size, sizeof(segment_size));
    if (error)
        return error;
    return fflush(m->file) != 0 || fsync(fileno(m->file)) < 0 ? -errno : 0;
}
