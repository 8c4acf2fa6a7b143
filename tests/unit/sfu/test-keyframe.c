/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/keyframe.h"

#include <errno.h>
#include <string.h>

#include "sfu/h264.h"
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
         {.descriptor_len = 1, .frame_start = true}},
        {"second partition", "\x11\x00zz", 4, 0, {.descriptor_len = 1}},
        {"not the start", "\x00\x00zz", 4, 0, {.descriptor_len = 1}},
        {"7 bits",
         "\x90\x80\x7f\x01",
         4,
         0,
         {.picture_id = 127,
          .picture_id_at = 2,
          .picture_id_bits = 7,
          .descriptor_len = 3,
          .frame_start = true}},
        {"15 bits, TL0PICIDX, TID",
         "\x80\xe0\xff\xfe\x07\xa0z",
         7,
         0,
         {.picture_id = 32766,
          .picture_id_at = 2,
          .picture_id_bits = 15,
          .tl0picidx = 7,
          .tl0picidx_at = 4,
          .temporal_layer = 2,
          .descriptor_len = 6}},
        {"KEYIDX only", "\x80\x10\x05z", 4, 0, {.descriptor_len = 3}},
        {"key frame 640 x 480, scale bits set",
         "\x90\x80\x05\x30\x01\x00\x9d\x01\x2a\x80\x42\xe0\x81zz",
         15,
         0,
         {.picture_id = 5,
          .picture_id_at = 2,
          .picture_id_bits = 7,
          .descriptor_len = 3,
          .frame_start = true,
          .key_frame = true,
          .width = 640,
          .height = 480}},
        {"key frame cut short",
         "\x10\x00\x01",
         3,
         0,
         {.descriptor_len = 1, .frame_start = true, .key_frame = true}},
        {"empty", "", 0, -EBADMSG, {0}},
        {"nothing behind", "\x10", 1, -EBADMSG, {0}},
        {"flags missing", "\x90", 1, -EBADMSG, {0}},
        {"picture id cut", "\x90\x80\xff", 3, -EBADMSG, {0}},
        {"all but the payload", "\x80\xe0\xff\xfe\x07\xa0", 6, -EBADMSG, {0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vp8_view view = {0};
        int r = vp8_parse((const uint8_t *)cases[i].bytes, cases[i].len, &view);
        const struct vp8_view *e = &cases[i].view;
        bool same =
            r == cases[i].result && view.picture_id == e->picture_id &&
            view.picture_id_at == e->picture_id_at && view.picture_id_bits == e->picture_id_bits &&
            view.tl0picidx == e->tl0picidx && view.tl0picidx_at == e->tl0picidx_at &&
            view.temporal_layer == e->temporal_layer && view.descriptor_len == e->descriptor_len &&
            view.frame_start == e->frame_start && view.key_frame == e->key_frame &&
            view.width == e->width && view.height == e->height;
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
        vp8_patch_apply(&view, &(struct vp8_patch){.picture_id = 0x1234, .tl0picidx = 0x99}, copy);
        CHECK(memcmp(copy, cases[i].after, cases[i].len) == 0);
    }
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
    CHECK_EQ(view.vp8.picture_id, 5);
    CHECK_EQ(payload_parse(CODEC_VP8, BYTES("\x90"), &view), -EBADMSG);
    CHECK_EQ(payload_parse(CODEC_NONE, BYTES("x"), &view), -EINVAL);
    CHECK_EQ(payload_parse((enum codec)99, BYTES("x"), &view), -EINVAL);
    return 0;
}
