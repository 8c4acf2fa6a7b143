/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/red.h"

#include <errno.h>
#include <string.h>

#include "common/codecs.h"
#include "unit/check.h"

#define SECOND 1000000ull

/* RFC 2198 section 4: one and two earlier packets, oldest first, and the last one's one byte. */
static void test_write(void)
{
    const struct red_block earlier[] = {{1000, (const uint8_t *)"abc", 3},
                                        {1960, (const uint8_t *)"de", 2}};
    uint8_t head[RED_HEAD_MAX];
    static const uint8_t one[] = {0x80 | 100, 960 >> 6, (960 & 0x3f) << 2, 2, 100, 'd', 'e'};
    CHECK_EQ(red_write(earlier + 1, 1, CODEC_PT_OPUS, 2920, 40, head), sizeof(one));
    CHECK(memcmp(head, one, sizeof(one)) == 0);
    static const uint8_t two[] = {0x80 | 100,
                                  1920 >> 6,
                                  (1920 & 0x3f) << 2,
                                  3,
                                  0x80 | 100,
                                  960 >> 6,
                                  (960 & 0x3f) << 2,
                                  2,
                                  100,
                                  'a',
                                  'b',
                                  'c',
                                  'd',
                                  'e'};
    CHECK_EQ(red_write(earlier, 2, CODEC_PT_OPUS, 2920, 40, head), sizeof(two));
    CHECK(memcmp(head, two, sizeof(two)) == 0);
}

/* What does not fit the header's bits or the datagram is left out; the nearer packet goes first. */
static void test_bounds(void)
{
    static const uint8_t bytes[RED_BLOCK_MAX + 1];
    static const struct {
        uint32_t timestamps[2];
        size_t lens[2];
        size_t payload_len;
        size_t len;
    } cases[] = {
        {{0, 0}, {0, 0}, 100, 0},                              /* both of another time */
        {{100, 100}, {10, 10}, 100, 0},                        /* no time between */
        {{101, 50}, {10, 10}, 100, 15},                        /* one is said to come later */
        {{100 - RED_OFFSET_MAX, 99}, {10, 10}, 100, 29},       /* just so far */
        {{99 - RED_OFFSET_MAX, 99}, {10, 10}, 100, 15},        /* too far */
        {{98, 99}, {10, 0}, 100, 15},                          /* nothing in it */
        {{98, 99}, {10, RED_BLOCK_MAX + 1}, 10, 15},           /* more than 10 bits */
        {{98, 99}, {10, RED_HEAD_MAX - 5}, 100, RED_HEAD_MAX}, /* all the room */
        {{98, 99}, {10, RED_HEAD_MAX - 4}, 100, 15},           /* more than that */
        {{98, 99}, {300, 300}, 100, 305},                      /* one of them */
        {{98, 99}, {10, 10}, RED_PAYLOAD_MAX - 29, 29},        /* the datagram is full */
        {{98, 99}, {10, 10}, RED_PAYLOAD_MAX - 28, 15},        /* one alone fits */
        {{98, 99}, {10, 10}, RED_PAYLOAD_MAX, 0},
        {{UINT32_MAX - 859, 99}, {10, 10}, 100, 29}, /* over the wrap */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct red_block earlier[2];
        for (size_t k = 0; k < 2; k++)
            earlier[k] = (struct red_block){cases[i].timestamps[k], bytes, cases[i].lens[k]};
        if (i == 0)
            earlier[0].timestamp = earlier[1].timestamp = 100 + 0x80000000u;
        uint8_t head[RED_HEAD_MAX];
        size_t len = red_write(earlier, 2, CODEC_PT_OPUS, 100, cases[i].payload_len, head);
        if (len != cases[i].len)
            (void)fprintf(stderr, "case %zu\n", i);
        CHECK_EQ(len, cases[i].len);
    }
}

/* What stands behind the headers, block by block; of more than are read the nearest; what is of
 * another codec or empty is passed over. */
static void test_read(void)
{
    static const uint8_t packet[] = {0x80 | 100, 0x12, 0xc0, 1,   0x80 | 99,  0x0f, 0x00, 1,
                                     0x80 | 100, 0x0f, 0x00, 0,   0x80 | 100, 0x0b, 0x40, 1,
                                     0x80 | 100, 0x07, 0x80, 2,   0x80 | 100, 0x03, 0xc0, 1,
                                     0x80 | 100, 0x01, 0xe0, 1,   100,        'a',  'x',  'b',
                                     'c',        'd',  'e',  'f', 'p',        'q'};
    struct red_view view;
    CHECK_EQ(red_read(packet, sizeof(packet), 100, 9000, &view), 0);
    CHECK_EQ(view.earlier_count, RED_READ_MAX);
    static const struct {
        uint32_t timestamp;
        const char *text;
    } wanted[] = {{9000 - 720, "b"}, {9000 - 480, "cd"}, {9000 - 240, "e"}, {9000 - 120, "f"}};
    for (size_t i = 0; i < RED_READ_MAX; i++) {
        CHECK_EQ(view.earlier[i].timestamp, wanted[i].timestamp);
        CHECK_EQ(view.earlier[i].len, strlen(wanted[i].text));
        CHECK(memcmp(view.earlier[i].bytes, wanted[i].text, view.earlier[i].len) == 0);
    }
    CHECK(view.last.len == 2 && memcmp(view.last.bytes, "pq", 2) == 0);
    CHECK_EQ(view.last.timestamp, 9000);
    CHECK_EQ(red_read(packet, sizeof(packet), 101, 9000, &view), -EBADMSG);
    /* Cut anywhere before the last block's first byte it does not hold together. */
    for (size_t len = 0; len < sizeof(packet) - 1; len++)
        CHECK_EQ(red_read(packet, len, 100, 9000, &view), -EBADMSG);
    CHECK_EQ(red_read((const uint8_t[]){100, 'p'}, 2, 100, 9000, &view), 0);
    CHECK_EQ(view.earlier_count, 0);
}

/* More at once, less only when it was calm for long, one step after the other. */
static void test_choice(void)
{
    struct red_choice choice = {0};
    static const struct {
        uint64_t at_us;
        uint16_t loss_permille;
        uint8_t earlier;
    } steps[] = {
        {0, 0, 0},
        {1 * SECOND, RED_ONE_PERMILLE - 1, 0},
        {2 * SECOND, RED_ONE_PERMILLE, 1},
        {3 * SECOND, RED_ONE_PERMILLE / 2, 1}, /* half of it is no calm */
        {30 * SECOND, RED_ONE_PERMILLE / 2, 1},
        {31 * SECOND, RED_TWO_PERMILLE, 2},
        {32 * SECOND, RED_TWO_PERMILLE / 2 - 1, 2},
        {35 * SECOND, RED_TWO_PERMILLE / 2, 2}, /* begins the calm anew */
        {36 * SECOND, 0, 2},
        {40 * SECOND - 1, 0, 2},
        {40 * SECOND, 0, 1},
        {45 * SECOND - 1, 0, 1},
        {45 * SECOND, 0, 0},
        {99 * SECOND, 0, 0},
        {100 * SECOND, 1000, 2},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        red_choose(&choice, steps[i].loss_permille, steps[i].at_us);
        CHECK_EQ(choice.earlier, steps[i].earlier);
    }
}

static void test_price(void)
{
    CHECK_EQ(red_bps(32000, 0), 0);
    CHECK_EQ(red_bps(32000, 1), 32000 + 5 * 400);
    CHECK_EQ(red_bps(32000, 2), 64000 + 9 * 400);
}

int main(void)
{
    test_write();
    test_bounds();
    test_read();
    test_choice();
    test_price();
    return 0;
}
