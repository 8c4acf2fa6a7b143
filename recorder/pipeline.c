/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "common/codecs.h"
#include "common/log.h"

/* Raw frames that may wait for the encoder, and how often we look whether there is room again. */
#define FRAMES_WAITING 8
#define BUSY_WAIT_US   5000
/* Bits a second of sound in the picture's file. */
#define AUDIO_BPS 96000
/* Seconds between key frames: how exactly a player can seek. */
#define KEY_FRAME_S 2
/* Constant quality of x264: 18 looks like the original, 28 shows. */
#define QUALITY 23

#define COLORIMETRY "bt601"

int pipeline_start(void)
{
    gst_init(NULL, NULL);
    static const char *const needed[] = {
        "appsrc",    "vp8dec",       "vp9dec",   "avdec_h264", "videoconvert", "x264enc", "mp4mux",
        "avenc_aac", "audioconvert", "aacparse", "queue",      "h264parse",    "filesink"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        GstElementFactory *factory = gst_element_factory_find(needed[i]);
        if (!factory) {
            log_error("GStreamer has no element '%s': install its plugins (docs/dependencies.md)",
                      needed[i]);
            return -ENOENT;
        }
        gst_object_unref(factory);
    }
    return 0;
}

/* A decoder element between two pads of ours, so that a frame pushed comes out before push
 * returns: no thread, no waiting. */
struct pipeline_decoder {
    uint8_t codec;
    GstElement *element;
    GstPad *to;   /* ours, linked to the element's sink */
    GstPad *from; /* ours, linked to the element's source */
    bool needs_key;
    bool has_info;
    GstVideoInfo info;
    GstBuffer *picture; /* the newest */

    GstVideoConverter *converter; /* for the three below */
    GstVideoInfo converter_in;
    struct canvas_rect converter_rect;
    int converter_width, converter_height;
};

static GstFlowReturn on_picture(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void)parent;
    struct pipeline_decoder *d = gst_pad_get_element_private(pad);
    if (d->picture)
        gst_buffer_unref(d->picture);
    d->picture = buffer;
    return GST_FLOW_OK;
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    (void)parent;
    struct pipeline_decoder *d = gst_pad_get_element_private(pad);
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps *caps = NULL;
        gst_event_parse_caps(event, &caps);
        if (d->picture)
            gst_buffer_unref(d->picture); /* of the size before */
        d->picture = NULL;
        d->has_info = gst_video_info_from_caps(&d->info, caps);
        /* The converter refuses other rates and scans than the canvas has; ours is a still each. */
        d->info.fps_n = 0;
        d->info.fps_d = 1;
        d->info.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    }
    gst_event_unref(event);
    return TRUE;
}

static const char *decoder_of(uint8_t codec)
{
    switch (codec) {
    case CODEC_VP8:
        return "vp8dec";
    case CODEC_VP9:
        return "vp9dec";
    case CODEC_H264:
        return "avdec_h264";
    default:
        return NULL;
    }
}

static GstCaps *caps_of(uint8_t codec)
{
    if (codec == CODEC_VP8)
        return gst_caps_new_empty_simple("video/x-vp8");
    if (codec == CODEC_VP9)
        return gst_caps_new_empty_simple("video/x-vp9");
    return gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "byte-stream",
                               "alignment", G_TYPE_STRING, "au", NULL);
}

static bool link_pads(struct pipeline_decoder *d)
{
    GstPad *sink = gst_element_get_static_pad(d->element, "sink");
    GstPad *source = gst_element_get_static_pad(d->element, "src");
    bool linked = gst_pad_link(d->to, sink) == GST_PAD_LINK_OK &&
                  gst_pad_link(source, d->from) == GST_PAD_LINK_OK;
    gst_object_unref(sink);
    gst_object_unref(source);
    return linked;
}

/* Without a template a pad takes the caps it has and no others: a picture that changes its size, as
 * one does with its layer, would be refused. */
static GstPad *make_sink(void)
{
    static GstStaticPadTemplate any =
        GST_STATIC_PAD_TEMPLATE("from", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    return gst_pad_new_from_static_template(&any, "from");
}

static int start_decoder(struct pipeline_decoder *d)
{
    d->element = gst_element_factory_make(decoder_of(d->codec), NULL);
    if (!d->element)
        return -ENOMEM;
    gst_object_ref_sink(d->element);
    if (d->codec == CODEC_H264)
        g_object_set(d->element, "max-threads", 1, NULL); /* more would hold pictures back */
    g_object_set(d->element, "max-errors", -1, NULL);
    d->to = gst_pad_new("to", GST_PAD_SRC);
    d->from = make_sink();
    gst_pad_set_element_private(d->from, d);
    gst_pad_set_chain_function(d->from, on_picture);
    gst_pad_set_event_function(d->from, on_event);
    (void)gst_pad_set_active(d->to, TRUE);
    (void)gst_pad_set_active(d->from, TRUE);
    if (!link_pads(d) ||
        gst_element_set_state(d->element, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        return -ENOMEM;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    GstCaps *caps = caps_of(d->codec);
    (void)gst_pad_push_event(d->to, gst_event_new_stream_start("record"));
    bool taken = gst_pad_push_event(d->to, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    (void)gst_pad_push_event(d->to, gst_event_new_segment(&segment));
    d->needs_key = true;
    return taken ? 0 : -ENOMEM;
}

static void stop_decoder(struct pipeline_decoder *d)
{
    if (d->element) {
        (void)gst_element_set_state(d->element, GST_STATE_NULL);
        gst_object_unref(d->element);
    }
    if (d->to)
        gst_object_unref(d->to);
    if (d->from)
        gst_object_unref(d->from);
    d->element = NULL;
    d->to = d->from = NULL;
}

int pipeline_decoder_create(uint8_t codec, struct pipeline_decoder **ret_decoder)
{
    if (!decoder_of(codec))
        return -ENOTSUP;
    CLEANUP(pipeline_decoder_destroy) struct pipeline_decoder *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->codec = codec;
    int error = start_decoder(d);
    if (error)
        return error;
    *ret_decoder = STEAL(d);
    return 0;
}

void pipeline_decoder_destroy(struct pipeline_decoder *d)
{
    if (!d)
        return;
    stop_decoder(d);
    if (d->picture)
        gst_buffer_unref(d->picture);
    if (d->converter)
        gst_video_converter_free(d->converter);
    free(d);
}

int pipeline_decoder_push(struct pipeline_decoder *d, int64_t pts_us, bool key, const void *data,
                          size_t len)
{
    if (!d->element && start_decoder(d) < 0)
        return -EBADMSG;
    if (d->needs_key && !key)
        return -EBADMSG;
    GstBuffer *buffer = gst_buffer_new_memdup(data, len);
    GST_BUFFER_PTS(buffer) = (GstClockTime)(pts_us > 0 ? pts_us : 0) * 1000;
    if (!key)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    d->needs_key = false;
    if (gst_pad_push(d->to, buffer) == GST_FLOW_OK)
        return 0;
    stop_decoder(d);
    d->needs_key = true;
    return -EBADMSG;
}

bool pipeline_decoder_size(const struct pipeline_decoder *d, int *ret_width, int *ret_height)
{
    if (!d->picture || !d->has_info)
        return false;
    *ret_width = GST_VIDEO_INFO_WIDTH(&d->info);
    *ret_height = GST_VIDEO_INFO_HEIGHT(&d->info);
    return true;
}

static bool is_same_rect(const struct canvas_rect *a, const struct canvas_rect *b)
{
    return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

static void canvas_info(const struct canvas *canvas, GstVideoInfo *ret_info)
{
    gst_video_info_set_format(ret_info, GST_VIDEO_FORMAT_I420, (guint)canvas->width,
                              (guint)canvas->height);
    (void)gst_video_colorimetry_from_string(&ret_info->colorimetry, COLORIMETRY);
}

/* Scales into the rectangle, leaving the rest of the canvas as it is. */
static int prepare_converter(struct pipeline_decoder *d, const struct canvas *canvas,
                             struct canvas_rect rect)
{
    if (d->converter && is_same_rect(&rect, &d->converter_rect) &&
        canvas->width == d->converter_width && canvas->height == d->converter_height &&
        gst_video_info_is_equal(&d->info, &d->converter_in))
        return 0;
    if (d->converter)
        gst_video_converter_free(d->converter);
    GstVideoInfo out;
    canvas_info(canvas, &out);
    /* Webcams send BT.601; another matrix would change a face by a shade, and costs as much again.
     */
    GstStructure *how = gst_structure_new(
        "how", GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, rect.x, GST_VIDEO_CONVERTER_OPT_DEST_Y,
        G_TYPE_INT, rect.y, GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, rect.width,
        GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, rect.height,
        GST_VIDEO_CONVERTER_OPT_FILL_BORDER, G_TYPE_BOOLEAN, FALSE,
        GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
        GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_MATRIX_MODE,
        GST_TYPE_VIDEO_MATRIX_MODE, GST_VIDEO_MATRIX_MODE_NONE, GST_VIDEO_CONVERTER_OPT_CHROMA_MODE,
        GST_TYPE_VIDEO_CHROMA_MODE, GST_VIDEO_CHROMA_MODE_NONE, NULL);
    d->converter = gst_video_converter_new(&d->info, &out, how);
    d->converter_in = d->info;
    d->converter_rect = rect;
    d->converter_width = canvas->width;
    d->converter_height = canvas->height;
    return d->converter ? 0 : -ENOMEM;
}

int pipeline_decoder_draw(struct pipeline_decoder *d, struct canvas *canvas,
                          struct canvas_rect rect)
{
    if (!d->picture || !d->has_info)
        return -ENOENT;
    int error = prepare_converter(d, canvas, rect);
    if (error)
        return error;
    GstVideoInfo out_info;
    canvas_info(canvas, &out_info);
    GstVideoFrame in, out;
    if (!gst_video_frame_map(&in, &d->info, d->picture, GST_MAP_READ))
        return -ENOMEM;
    GstBuffer *target =
        gst_buffer_new_wrapped_full(0, canvas->bytes, canvas->size, 0, canvas->size, NULL, NULL);
    if (gst_video_frame_map(&out, &out_info, target, GST_MAP_READWRITE)) {
        gst_video_converter_frame(d->converter, &in, &out);
        gst_video_frame_unmap(&out);
    } else {
        error = -ENOMEM;
    }
    gst_video_frame_unmap(&in);
    gst_buffer_unref(target);
    return error;
}

struct pipeline_encoder {
    GstElement *pipeline;
    GstAppSrc *video, *audio;
    GstBus *bus;
    int fps, audio_rate;
    uint64_t frames, samples;
    char *waiting_path; /* NULL: its name is taken away */
    bool failed;
};

static GstElement *element(GstElement *pipeline, const char *name)
{
    return gst_bin_get_by_name(GST_BIN(pipeline), name);
}

/* No frames out of order: simple players and the file's first second are the better for it. */
#define ENCODER                                                                                    \
    "appsrc name=video format=time ! x264enc name=x264 speed-preset=veryfast pass=quant "          \
    "bframes=0 byte-stream=false ! video/x-h264,profile=high ! h264parse ! queue ! mux.video_0 "   \
    "appsrc name=audio format=time ! audioconvert ! avenc_aac name=aac ! aacparse ! queue ! "      \
    "mux.audio_0 "                                                                                 \
    "mp4mux name=mux faststart=true ! filesink name=file buffer-mode=unbuffered"

static void set_sources(struct pipeline_encoder *e, const struct pipeline_encoder_how *how)
{
    GstCaps *caps = gst_caps_new_simple(
        "video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, how->width, "height",
        G_TYPE_INT, how->height, "framerate", GST_TYPE_FRACTION, how->fps, 1, "pixel-aspect-ratio",
        GST_TYPE_FRACTION, 1, 1, "interlace-mode", G_TYPE_STRING, "progressive", "colorimetry",
        G_TYPE_STRING, COLORIMETRY, "chroma-site", G_TYPE_STRING, "jpeg", NULL);
    /* Nothing blocks here: a full queue is waited for where errors are seen too. */
    g_object_set(e->video, "caps", caps, "block", FALSE, "max-bytes", (guint64)0, NULL);
    gst_caps_unref(caps);
    caps = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, "F32LE", "rate", G_TYPE_INT,
                               how->audio_rate, "channels", G_TYPE_INT, 1, "layout", G_TYPE_STRING,
                               "interleaved", NULL);
    g_object_set(e->audio, "caps", caps, "block", FALSE, "max-bytes", (guint64)0, NULL);
    gst_caps_unref(caps);
}

int pipeline_encoder_create(const struct pipeline_encoder_how *how,
                            struct pipeline_encoder **ret_encoder)
{
    CLEANUP(pipeline_encoder_destroy) struct pipeline_encoder *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->fps = how->fps;
    e->audio_rate = how->audio_rate;
    e->waiting_path = strdup(how->waiting_path);
    if (!e->waiting_path)
        return -ENOMEM;
    (void)unlink(how->waiting_path); /* of one that was killed in its first frames */
    GError *problem = NULL;
    e->pipeline = gst_parse_launch(ENCODER, &problem);
    if (problem) {
        log_error("encoder: %s", problem->message);
        g_error_free(problem);
        return -EIO;
    }
    e->video = GST_APP_SRC(element(e->pipeline, "video"));
    e->audio = GST_APP_SRC(element(e->pipeline, "audio"));
    e->bus = gst_element_get_bus(e->pipeline);
    GstElement *x264 = element(e->pipeline, "x264"), *aac = element(e->pipeline, "aac"),
               *file = element(e->pipeline, "file"), *mux = element(e->pipeline, "mux");
    g_object_set(x264, "quantizer", QUALITY, "key-int-max", KEY_FRAME_S * how->fps, NULL);
    g_object_set(aac, "bitrate", AUDIO_BPS, NULL);
    g_object_set(file, "location", how->path, NULL);
    /* Left to itself the muxer uses /tmp, which need not have room for a hearing. */
    g_object_set(mux, "faststart-file", how->waiting_path, NULL);
    gst_object_unref(x264);
    gst_object_unref(aac);
    gst_object_unref(file);
    gst_object_unref(mux);
    set_sources(e, how);
    if (gst_element_set_state(e->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        return -EIO;
    *ret_encoder = STEAL(e);
    return 0;
}

void pipeline_encoder_destroy(struct pipeline_encoder *e)
{
    if (!e)
        return;
    if (e->pipeline) {
        (void)gst_element_set_state(e->pipeline, GST_STATE_NULL);
        gst_object_unref(e->pipeline);
    }
    if (e->video)
        gst_object_unref(e->video);
    if (e->audio)
        gst_object_unref(e->audio);
    if (e->bus)
        gst_object_unref(e->bus);
    free(e->waiting_path);
    free(e);
}

/* Says what went wrong in the encoder's threads, if something did. */
static bool take_error(struct pipeline_encoder *e, GstMessage *message)
{
    if (!message || GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR)
        return false;
    GError *problem = NULL;
    gst_message_parse_error(message, &problem, NULL);
    log_error("encoder: %s", problem->message);
    g_error_free(problem);
    e->failed = true;
    return true;
}

/* Waits for an error, and takes it. */
static void watch(struct pipeline_encoder *e, uint64_t wait_us)
{
    GstMessage *message =
        gst_bus_timed_pop_filtered(e->bus, wait_us * GST_USECOND, GST_MESSAGE_ERROR);
    if (message) {
        (void)take_error(e, message);
        gst_message_unref(message);
    }
}

/* Takes the name of the waiting media away once the muxer has opened them, in a thread of its own.
 */
static void hide_waiting(struct pipeline_encoder *e)
{
    if (!e->waiting_path || unlink(e->waiting_path) < 0)
        return;
    free(e->waiting_path);
    e->waiting_path = NULL;
}

static GstBuffer *timed(const void *data, size_t len, uint64_t from, uint64_t to, int rate)
{
    GstBuffer *buffer = gst_buffer_new_memdup(data, len);
    GstClockTime start = gst_util_uint64_scale_int(from, GST_SECOND, rate);
    GST_BUFFER_PTS(buffer) = start;
    GST_BUFFER_DTS(buffer) = start;
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale_int(to, GST_SECOND, rate) - start;
    return buffer;
}

int pipeline_encoder_push(struct pipeline_encoder *e, const struct canvas *canvas,
                          const float *samples, size_t sample_count)
{
    /* Sound is never waited for: it goes with the frames, and the muxer may wait for either. */
    while (!e->failed &&
           gst_app_src_get_current_level_bytes(e->video) > FRAMES_WAITING * (guint64)canvas->size)
        watch(e, BUSY_WAIT_US);
    watch(e, 0);
    if (e->failed)
        return -EIO;
    hide_waiting(e);
    GstBuffer *sound = timed(samples, sample_count * sizeof(*samples), e->samples,
                             e->samples + sample_count, e->audio_rate);
    e->samples += sample_count;
    GstBuffer *picture = timed(canvas->bytes, canvas->size, e->frames, e->frames + 1, e->fps);
    e->frames++;
    GstFlowReturn heard = gst_app_src_push_buffer(e->audio, sound);
    GstFlowReturn seen = gst_app_src_push_buffer(e->video, picture);
    return heard == GST_FLOW_OK && seen == GST_FLOW_OK ? 0 : -EIO;
}

int pipeline_encoder_finish(struct pipeline_encoder *e)
{
    (void)gst_app_src_end_of_stream(e->audio);
    (void)gst_app_src_end_of_stream(e->video);
    GstMessage *message = gst_bus_timed_pop_filtered(e->bus, GST_CLOCK_TIME_NONE,
                                                     GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    bool failed = take_error(e, message);
    if (message)
        gst_message_unref(message);
    (void)gst_element_set_state(e->pipeline, GST_STATE_NULL);
    return failed || e->failed ? -EIO : 0;
}
