/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sps.h"

#include <string.h>

#include "unit/check.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

/* What x264 writes. */
static const struct {
    const char *what;
    const uint8_t *nal;
    size_t len;
    uint16_t width, height;
} written[] = {
    {"baseline, height cropped",
     BYTES("\x67\x42\xc0\x1e\xd9\x00\xa0\x2f\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32"
           "\x0f\x16\x2e\x48"),
     640, 360},
    {"high",
     BYTES("\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03"
           "\x20\xf1\x83\x19\x60"),
     1280, 720},
    {"fields, top first",
     BYTES("\x67\x64\x00\x28\xac\xd9\x40\x78\x04\x4f\xde\x02\x20\x00\x00\x03\x00\x20\x00\x00\x06"
           "\x43\xe2\xc5\xb2\xc0"),
     1920, 1080},
    {"4:4:4, both cropped",
     BYTES("\x67\xf4\x00\x0d\x91\x9b\x28\x2a\x33\xc7\xc5\xe0\x22\x00\x00\x03\x00\x02\x00\x00\x03"
           "\x00\x64\x1e\x28\x53\x2c"),
     322, 182},
    {"4:2:2",
     BYTES("\x67\x7a\x00\x0c\xbc\xd9\x41\x41\x9f\x8b\xc0\x44\x00\x00\x03\x00\x04\x00\x00\x03\x00"
           "\xc8\x3c\x50\xa6\x58"),
     320, 182},
    {"grey",
     BYTES("\x67\x64\x00\x0b\xf3\x65\x0b\x13\xb0\x16\xc8\x00\x00\x03\x00\x08\x00\x00\x03\x01\x90"
           "\x78\xa1\x4c\xb0"),
     176, 144},
};

/* Bits to a set that no encoder at hand writes. */
struct bits {
    uint8_t bytes[256];
    size_t count;
};

static void put(struct bits *b, unsigned value, int count)
{
    for (int i = count - 1; i >= 0; i--, b->count++)
        b->bytes[b->count / 8] |= (uint8_t)((value >> i & 1) << (7 - b->count % 8));
}

/* Section 9.1. */
static void put_ue(struct bits *b, unsigned value)
{
    int len = 0;
    while ((value + 1) >> (len + 1))
        len++;
    put(b, 0, len);
    put(b, value + 1, len + 1);
}

static void put_se(struct bits *b, int value)
{
    put_ue(b, value > 0 ? (unsigned)value * 2 - 1 : (unsigned)-value * 2);
}

static struct bits high_begins(void)
{
    struct bits b = {0};
    put(&b, 0x67, 8);
    put(&b, 100, 8);
    put(&b, 0x0033, 16);
    put_ue(&b, 0);
    put_ue(&b, 1);
    put_ue(&b, 0);
    put_ue(&b, 0);
    put(&b, 0, 1);
    return b;
}

/* From the number of frames on, `width` and `height` in macroblocks. */
static void end(struct bits *b, unsigned width, unsigned height)
{
    put_ue(b, 0);
    put_ue(b, 1); /* picture order by a cycle, of two */
    put(b, 1, 1);
    put_se(b, -3);
    put_se(b, 4);
    put_ue(b, 2);
    put_se(b, 1);
    put_se(b, -1);
    put_ue(b, 1);
    put(b, 0, 1);
    put_ue(b, width - 1);
    put_ue(b, height - 1);
    put(b, 1, 1);
    put(b, 1, 1);
    put(b, 0, 1);
}

static void check(const char *what, const uint8_t *nal, size_t len, uint16_t width, uint16_t height)
{
    uint16_t w = 0, h = 0;
    bool known = sps_size(nal, len, &w, &h);
    if (known != (width > 0) || w != width || h != height)
        fprintf(stderr, "%s: %d, %u x %u\n", what, known, w, h);
    CHECK_EQ(known, width > 0);
    CHECK_EQ(w, width);
    CHECK_EQ(h, height);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        check(written[i].what, written[i].nal, written[i].len, written[i].width, written[i].height);
        uint16_t w, h; /* cut short anywhere it is not known, or is as it is */
        for (size_t len = 0; len < written[i].len; len++)
            CHECK(!sps_size(written[i].nal, len, &w, &h) ||
                  (w == written[i].width && h == written[i].height));
        CHECK(!sps_size(written[i].nal, 8, &w, &h));
    }

    struct bits lists = high_begins();
    put(&lists, 1, 1);
    for (int list = 0; list < 8; list++) {
        put(&lists, list % 2 == 0, 1);
        /* In the third the tenth is 8 + 9 - 17: 0, so no more of it is written. */
        int count = list % 2 ? 0 : list == 2 ? 10 : list < 6 ? 16 : 64;
        for (int i = 0; i < count; i++)
            put_se(&lists, list == 2 && i == 9 ? -17 : 1);
    }
    end(&lists, 40, 30);
    check("scaling lists", lists.bytes, (lists.count + 7) / 8, 640, 480);

    /* A step of 2^31: more than an int holds. What follows has no meaning, and is not read as
     * sizes. */
    struct bits far = high_begins();
    put(&far, 1, 1);
    put(&far, 1, 1);
    put(&far, 0, 31);
    put(&far, 0xfffffffe, 32);
    check("a scaling list out of range", far.bytes, (far.count + 7) / 8, 0, 0);

    struct bits plain = high_begins();
    put(&plain, 0, 1);
    end(&plain, 512, 512);
    check("the largest", plain.bytes, (plain.count + 7) / 8, SPS_SIZE_MAX, SPS_SIZE_MAX);
    struct bits large = high_begins();
    put(&large, 0, 1);
    end(&large, 513, 1);
    check("too wide", large.bytes, (large.count + 7) / 8, 0, 0);
    struct bits tall = high_begins();
    put(&tall, 0, 1);
    end(&tall, 1, 0xfffff);
    check("far too tall", tall.bytes, (tall.count + 7) / 8, 0, 0);
    uint8_t zeros[64] = {0x67, 100};
    check("no number ends", zeros, sizeof(zeros), 0, 0);
    return 0;
}
