/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/keyframe.h"

#include <errno.h>
#include <string.h>

#include "sfu/h264.h"
#include "sfu/vp8.h"
#include "unit/check.h"

/* Payload bytes of a string literal. */
#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static void vp8_descriptors(void)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        int result;
        struct vp8_view view;
    } cases[] = {
        {"no extension, inter frame",
         "\x10\x01zz",
         4,
         0,
         {.descriptor.head_len = 1, .frame_start = true}},
        {"second partition", "\x11\x00zz", 4, 0, {.descriptor.head_len = 1}},
        {"not the start", "\x00\x00zz", 4, 0, {.descriptor.head_len = 1}},
        {"7 bits",
         "\x90\x80\x7f\x01",
         4,
         0,
         {.descriptor.picture_id = 127,
          .descriptor.picture_id_at = 2,
          .descriptor.picture_id_bits = 7,
          .descriptor.head_len = 3,
          .frame_start = true}},
        {"15 bits, TL0PICIDX, TID",
         "\x80\xe0\xff\xfe\x07\xa0z",
         7,
         0,
         {.descriptor.picture_id = 32766,
          .descriptor.picture_id_at = 2,
          .descriptor.picture_id_bits = 15,
          .descriptor.tl0picidx = 7,
          .descriptor.tl0picidx_at = 4,
          .descriptor.temporal_layer = 2,
          .descriptor.head_len = 6}},
        {"KEYIDX only", "\x80\x10\x05z", 4, 0, {.descriptor.head_len = 3}},
        {"key frame 640 x 480, scale bits set",
         "\x90\x80\x05\x30\x01\x00\x9d\x01\x2a\x80\x42\xe0\x81zz",
         15,
         0,
         {.descriptor.picture_id = 5,
          .descriptor.picture_id_at = 2,
          .descriptor.picture_id_bits = 7,
          .descriptor.head_len = 3,
          .frame_start = true,
          .key_frame = true,
          .width = 640,
          .height = 480}},
        {"key frame cut short",
         "\x10\x00\x01",
         3,
         0,
         {.descriptor.head_len = 1, .frame_start = true, .key_frame = true}},
        {"empty", "", 0, -EBADMSG, {{0}}},
        {"nothing behind", "\x10", 1, -EBADMSG, {{0}}},
        {"flags missing", "\x90", 1, -EBADMSG, {{0}}},
        {"picture id cut", "\x90\x80\xff", 3, -EBADMSG, {{0}}},
        {"all but the payload", "\x80\xe0\xff\xfe\x07\xa0", 6, -EBADMSG, {{0}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vp8_view view = {{0}};
        int r = vp8_parse((const uint8_t *)cases[i].bytes, cases[i].len, &view);
        const struct vp8_view *e = &cases[i].view;
        const struct descriptor *got = &view.descriptor, *want = &e->descriptor;
        bool same = r == cases[i].result && got->picture_id == want->picture_id &&
                    got->picture_id_at == want->picture_id_at &&
                    got->picture_id_bits == want->picture_id_bits &&
                    got->tl0picidx == want->tl0picidx && got->tl0picidx_at == want->tl0picidx_at &&
                    got->temporal_layer == want->temporal_layer &&
                    got->head_len == want->head_len && view.frame_start == e->frame_start &&
                    view.key_frame == e->key_frame && view.width == e->width &&
                    view.height == e->height;
        if (!same)
            fprintf(stderr, "%s\n", cases[i].what);
        CHECK(same);
    }
}

static void vp8_patches(void)
{
    static const struct {
        const char *before;
        const char *after;
        size_t len;
    } cases[] = {
        {"\x80\xe0\xff\xfe\x07\xa0z", "\x80\xe0\x92\x34\x99\xa0z", 7},
        {"\x80\x80\x7fz", "\x80\x80\x34z", 4},
        {"\x80\x40\x07z", "\x80\x40\x99z", 4},
        {"\x10\x01", "\x10\x01", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t copy[8];
        memcpy(copy, cases[i].before, cases[i].len);
        struct vp8_view view;
        CHECK_EQ(vp8_parse(copy, cases[i].len, &view), 0);
        descriptor_patch(&view.descriptor, &(struct descriptor_patch){0x1234, 0x99}, copy);
        CHECK(memcmp(copy, cases[i].after, cases[i].len) == 0);
    }
}

/* RFC 9628 section 4.2, of what Chromium sends as L3T3_KEY and what else may come. */
static void vp9_payloads(void)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        int result;
        bool key, start;
        struct descriptor d;
    } cases[] = {
        {"no fields", "\x4cz", 2, 0, false, true, {.inter_predicted = true, .layer_end = true}},
        {"key frame without layers", "\x08z", 2, 0, true, true, {0}},
        {"key picture, lowest layer",
         "\xa8\xff\xfe\x00\x07z",
         6,
         0,
         true,
         true,
         {.picture_id = 32766,
          .picture_id_at = 1,
          .picture_id_bits = 15,
          .tl0picidx = 7,
          .tl0picidx_at = 4,
          .head_len = 5}},
        {"key picture, next layer, its end",
         "\xac\x7f\x03\x07z",
         5,
         0,
         false,
         true,
         {.picture_id = 127,
          .picture_id_at = 1,
          .picture_id_bits = 7,
          .tl0picidx = 7,
          .tl0picidx_at = 3,
          .head_len = 4,
          .spatial_layer = 1,
          .layer_end = true}},
        {"upper layers of an inter picture, switching point",
         "\xe8\x05\x54\x09z",
         5,
         0,
         false,
         true,
         {.picture_id = 5,
          .picture_id_at = 1,
          .picture_id_bits = 7,
          .tl0picidx = 9,
          .tl0picidx_at = 3,
          .head_len = 4,
          .temporal_layer = 2,
          .layer_sync = true,
          .spatial_layer = 2,
          .inter_predicted = true}},
        {"flexible, two references",
         "\xf0\x05\x02\x03\x04z",
         6,
         0,
         false,
         false,
         {.picture_id = 5,
          .picture_id_at = 1,
          .picture_id_bits = 7,
          .head_len = 2,
          .spatial_layer = 1,
          .inter_predicted = true}},
        {"flexible, four references", "\x50\x03\x05\x07\x09z", 6, -EBADMSG, 0, 0, {0}},
        {"layers alone",
         "\x28\x00\x07z",
         4,
         0,
         true,
         true,
         {.tl0picidx = 7, .tl0picidx_at = 2, .head_len = 3}},
        {"empty", "", 0, -EBADMSG, 0, 0, {0}},
        {"nothing behind", "\x0c", 1, -EBADMSG, 0, 0, {0}},
        {"picture id cut", "\x80\xff", 2, -EBADMSG, 0, 0, {0}},
        {"structure cut", "\x0a\x30\x01\x40", 4, -EBADMSG, 0, 0, {0}},
        {"group cut", "\x0a\x08\x02\x04\x01", 5, -EBADMSG, 0, 0, {0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct payload_view view = {0};
        int r = payload_parse(CODEC_VP9, (const uint8_t *)cases[i].bytes, cases[i].len, &view);
        const struct descriptor *got = &view.descriptor, *want = &cases[i].d;
        bool same =
            r == cases[i].result && view.key_frame == cases[i].key &&
            view.frame_start == cases[i].start && got->picture_id == want->picture_id &&
            got->picture_id_at == want->picture_id_at &&
            got->picture_id_bits == want->picture_id_bits && got->tl0picidx == want->tl0picidx &&
            got->tl0picidx_at == want->tl0picidx_at && got->head_len == want->head_len &&
            got->temporal_layer == want->temporal_layer && got->layer_sync == want->layer_sync &&
            got->spatial_layer == want->spatial_layer &&
            got->inter_predicted == want->inter_predicted && got->layer_end == want->layer_end;
        if (!same)
            fprintf(stderr, "%s\n", cases[i].what);
        CHECK(same);
    }
}

static void vp9_structure(void)
{
    struct payload_view view;
    CHECK_EQ(payload_parse(CODEC_VP9,
                           BYTES("\xaa\x05\x00\x07\x58\x01\x40\x00\xb4\x02\x80\x01\x68\x05\x00\x02"
                                 "\xd0\x02\x04\x01\x18\x01\x02z"),
                           &view),
             0);
    CHECK(view.key_frame);
    CHECK_EQ(view.layer_count, 3);
    CHECK_EQ(view.layer_heights[0], 180);
    CHECK_EQ(view.layer_heights[1], 360);
    CHECK_EQ(view.layer_heights[2], 720);
    CHECK_EQ(view.width, 1280);
    CHECK_EQ(view.height, 720);
    /* More layers than we choose from. */
    CHECK_EQ(payload_parse(CODEC_VP9, BYTES("\x0a\xe0z"), &view), 0);
    CHECK_EQ(view.layer_count, LIMIT_ENCODINGS);
    CHECK_EQ(view.height, 0);
}

static void h264_payloads(void)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        int result;
        bool key, start;
    } cases[] = {
        {"IDR slice", "\x65z", 2, 0, true, true},
        {"SPS", "\x67z", 2, 0, true, true},
        {"PPS", "\x68z", 2, 0, false, true},
        {"inter slice", "\x41z", 2, 0, false, true},
        {"STAP-A of SPS and PPS", "\x78\0\2\x67z\0\1\x68", 8, 0, true, true},
        {"STAP-A of two inter slices", "\x78\0\2\x41z\0\1\x41", 8, 0, false, true},
        {"STAP-A whose IDR is last", "\x78\0\1\x41\0\2\x65z", 8, 0, true, true},
        {"STAP-A, length past the end", "\x78\0\2\x67z\0\2\x68", 8, -EBADMSG, 0, 0},
        {"STAP-A, half a length", "\x78\0\1\x67\0", 5, -EBADMSG, 0, 0},
        {"STAP-A of nothing", "\x78", 1, -EBADMSG, 0, 0},
        {"STAP-A, length 0", "\x78\0\0", 3, -EBADMSG, 0, 0},
        {"FU-A, start of an IDR", "\x7c\x85z", 3, 0, true, true},
        {"FU-A, middle of an IDR", "\x7c\x05z", 3, 0, false, false},
        {"FU-A, start of an inter slice", "\x7c\x81z", 3, 0, false, true},
        {"FU-A, no byte of the unit", "\x7c\x85", 2, -EBADMSG, 0, 0},
        {"FU-B", "\x7d\x85\0\0z", 5, -EBADMSG, 0, 0},
        {"type 0", "\x60z", 2, -EBADMSG, 0, 0},
        {"empty", "", 0, -EBADMSG, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct h264_view view = {0};
        int r = h264_parse((const uint8_t *)cases[i].bytes, cases[i].len, &view);
        if (r != cases[i].result || view.key_frame != cases[i].key ||
            view.frame_start != cases[i].start)
            fprintf(stderr, "%s\n", cases[i].what);
        CHECK_EQ(r, cases[i].result);
        CHECK_EQ(view.key_frame, cases[i].key);
        CHECK_EQ(view.frame_start, cases[i].start);
    }
}

int main(void)
{
    vp8_descriptors();
    vp8_patches();
    vp9_payloads();
    vp9_structure();
    h264_payloads();

    struct payload_view view;
    CHECK_EQ(payload_parse(CODEC_OPUS, BYTES("x"), &view), 0);
    CHECK(view.key_frame);
    CHECK_EQ(payload_parse(CODEC_OPUS, BYTES(""), &view), -EBADMSG);
    CHECK_EQ(payload_parse(CODEC_H264, BYTES("\x65z"), &view), 0);
    CHECK(view.key_frame);
    CHECK_EQ(view.height, 0);
    CHECK_EQ(payload_parse(CODEC_H264,
                           BYTES("\x78\0\x1a\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00"
                                 "\x00\x03\x00\x10\x00\x00\x03\x03\x20\xf1\x83\x19\x60\0\1\x68"),
                           &view),
             0);
    CHECK(view.key_frame);
    CHECK_EQ(view.width, 1280);
    CHECK_EQ(view.height, 720);
    CHECK_EQ(payload_parse(CODEC_VP8, BYTES("\x90\x80\x05\x30\x01\x00\x9d\x01\x2a\x80\x02\xe0\x01"),
                           &view),
             0);
    CHECK(view.key_frame);
    CHECK_EQ(view.width, 640);
    CHECK_EQ(view.descriptor.picture_id, 5);
    CHECK_EQ(payload_parse(CODEC_VP8, BYTES("\x90"), &view), -EBADMSG);
    CHECK_EQ(payload_parse(CODEC_NONE, BYTES("x"), &view), -EINVAL);
    CHECK_EQ(payload_parse((enum codec)99, BYTES("x"), &view), -EINVAL);
    return 0;
}
