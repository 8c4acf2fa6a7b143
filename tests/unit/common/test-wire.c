/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"

struct item {
    uint16_t number;
    char name[4];
};

struct sample {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    bool flag;
    int32_t status;
    char string[5];
    uint8_t bytes[3];
    uint16_t each[2];
    uint8_t item_count;
    struct item items[2];
    uint16_t text_len;
    const uint8_t *text;
};

static const struct wire_field number[] = {{.kind = WIRE_KIND_UINT, .size = 2, .max = UINT64_MAX}};

static const struct wire_field item[] = {
    WIRE_RANGE(item, number, 1, 9),
    WIRE_STRING(item, name),
};

static const struct wire_field sample[] = {
    WIRE_UINT(sample, u8),
    WIRE_UINT(sample, u16),
    WIRE_UINT(sample, u32),
    WIRE_UINT(sample, u64),
    WIRE_FLAG(sample, flag),
    WIRE_STATUS(sample, status),
    WIRE_STRING(sample, string),
    WIRE_BYTES(sample, bytes),
    WIRE_EACH(sample, each, number),
    WIRE_LIST(sample, items, item_count, item),
    WIRE_TEXT(sample, text, text_len, 6),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const uint8_t said[] = "said so";

static struct sample full(void)
{
    return (struct sample){
        .u8 = 0x12,
        .u16 = 0x3456,
        .u32 = 0x789abcde,
        .u64 = 0x0123456789abcdef,
        .flag = true,
        .status = -2,
        .string = "four",
        .bytes = {7, 8, 9},
        .each = {0x0a0b, 0x0c0d},
        .item_count = 2,
        .items = {{1, "a"}, {9, "bcd"}},
        .text_len = 4,
        .text = said,
    };
}

/* What `full` is as bytes, written by hand. */
static const uint8_t full_bytes[] = {
    0x12,                                                          /* u8 */
    0x34, 0x56,                                                    /* u16 */
    0x78, 0x9a, 0xbc, 0xde,                                        /* u32 */
    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,                /* u64 */
    1,                                                             /* flag */
    0xff, 0xff, 0xff, 0xfe,                                        /* status */
    4,    'f',  'o',  'u',  'r',                                   /* string */
    7,    8,    9,                                                 /* bytes */
    0x0a, 0x0b, 0x0c, 0x0d,                                        /* each */
    2,    0,    1,    1,    'a',  0,    9,    3,    'b', 'c', 'd', /* items */
    0,    4,    's',  'a',  'i',  'd',                             /* text */
};

enum {
    AT_FLAG = 15,
    AT_STATUS = 16,
    AT_STRING = 20,
    AT_ITEM_COUNT = 32,
    AT_ITEM_NUMBER = 34, /* its low byte */
    AT_TEXT_LEN = 43,
};

static int encode(const struct sample *from, uint8_t *buffer, size_t capacity, struct writer *ret_w)
{
    *ret_w = writer_over(buffer, capacity);
    return wire_encode(ret_w, sample, COUNT(sample), from);
}

static bool decode(const uint8_t *bytes, size_t len, struct sample *to)
{
    struct reader r = reader_over(bytes, len);
    memset(to, 0, sizeof(*to));
    return wire_decode(&r, sample, COUNT(sample), to) && reader_left(&r) == 0;
}

static void test_each_kind_there_and_back(void)
{
    struct sample from = full(), to;
    uint8_t buffer[sizeof(full_bytes)];
    struct writer w;
    CHECK_EQ(encode(&from, buffer, sizeof(buffer), &w), 0);
    CHECK(!w.failed);
    CHECK_EQ(writer_len(&w), sizeof(full_bytes));
    CHECK(memcmp(buffer, full_bytes, sizeof(full_bytes)) == 0);

    CHECK(decode(full_bytes, sizeof(full_bytes), &to));
    CHECK(to.u8 == from.u8 && to.u16 == from.u16 && to.u32 == from.u32 && to.u64 == from.u64);
    CHECK(to.flag && to.status == -2 && strcmp(to.string, "four") == 0);
    CHECK(memcmp(to.bytes, from.bytes, sizeof(to.bytes)) == 0);
    CHECK(memcmp(to.each, from.each, sizeof(to.each)) == 0);
    CHECK_EQ(to.item_count, 2);
    CHECK(to.items[1].number == 9 && strcmp(to.items[1].name, "bcd") == 0);
    CHECK(to.text_len == 4 && to.text == full_bytes + AT_TEXT_LEN + 2);
}

/* A message cut anywhere is none, and one that finds no room is not half written unseen. */
static void test_cut_short(void)
{
    struct sample from = full(), to;
    uint8_t buffer[sizeof(full_bytes)];
    for (size_t len = 0; len < sizeof(full_bytes); len++) {
        struct writer w;
        CHECK_EQ(encode(&from, buffer, len, &w), 0);
        CHECK(w.failed);
        CHECK(!decode(full_bytes, len, &to));
    }
}

static void test_what_is_not_written(void)
{
    uint8_t buffer[2 * sizeof(full_bytes)];
    struct writer w;
    struct sample s = full();
    s.status = 1;
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), -EINVAL);
    s = full();
    s.items[1].number = 10;
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), -EINVAL);
    s = full();
    s.items[0].number = 0;
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), -EINVAL);
    s = full();
    memset(s.string, 'x', sizeof(s.string)); /* no final NUL */
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), -EMSGSIZE);
    s = full();
    s.item_count = 3;
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), -EMSGSIZE);
    s = full();
    s.text_len = 7;
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), -EMSGSIZE);
    s.text_len = 6;
    CHECK_EQ(encode(&s, buffer, sizeof(buffer), &w), 0);
}

static void test_what_is_not_read(void)
{
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {
        {AT_FLAG, 2},         {AT_STATUS, 0},      {AT_STRING, 5},
        {AT_STRING + 2, 0},   {AT_ITEM_COUNT, 3},  {AT_ITEM_COUNT, 1},
        {AT_ITEM_NUMBER, 10}, {AT_ITEM_NUMBER, 0}, {AT_TEXT_LEN + 1, 7},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[sizeof(full_bytes)];
        struct sample to;
        memcpy(bytes, full_bytes, sizeof(bytes));
        bytes[cases[i].at] = cases[i].value;
        CHECK(!decode(bytes, sizeof(bytes), &to));
    }
}

int main(void)
{
    test_each_kind_there_and_back();
    test_cut_short();
    test_what_is_not_written();
    test_what_is_not_read();
    return 0;
}
