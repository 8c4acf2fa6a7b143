/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41 with its bits reversed */
#define SLICES     8

static uint32_t table[SLICES][256];
static uint8_t by_top_byte[256]; /* table[0][i] >> 24 is different for every i; this finds i */
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? POLYNOMIAL : 0);
        table[0][i] = value;
        by_top_byte[value >> 24] = (uint8_t)i;
    }
    for (unsigned slice = 1; slice < SLICES; slice++) {
        for (unsigned i = 0; i < 256; i++) {
            uint32_t before = table[slice - 1][i];
            table[slice][i] = before >> 8 ^ table[0][before & 0xff];
        }
    }
}

static uint32_t little_endian(const uint8_t *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

uint32_t crc32c(const void *data, size_t len)
{
    (void)pthread_once(&table_once, fill_table); /* fails only for a bad argument */
    const uint8_t *pos = data;
    uint32_t crc = 0xffffffff;
    for (; len >= SLICES; len -= SLICES, pos += SLICES) {
        uint32_t low = crc ^ little_endian(pos);
        uint32_t high = little_endian(pos + 4);
        crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
              table[4][low >> 24] ^ table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^
              table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
    }
    for (; len > 0; len--, pos++)
        crc = crc >> 8 ^ table[0][(crc ^ *pos) & 0xff];
    return ~crc;
}

/* The checksum is linear: the difference of two checksums depends only on the difference of the
 * bytes. A change of the last byte by `flip` makes a difference of table[0][flip]; every byte after
 * the changed one steps the difference once forward, so we step it back byte by byte and look. */
bool crc32c_explain(uint32_t actual, uint32_t expected, size_t len, size_t *offset,
                    uint32_t *syndrome, struct crc32c_error *ret_error)
{
    (void)pthread_once(&table_once, fill_table);
    if (*offset == len)
        *syndrome = actual ^ expected;
    while (*offset > 0) {
        uint32_t s = *syndrome;
        uint8_t i = by_top_byte[s >> 24];
        --*offset;
        *syndrome = (s ^ table[0][i]) << 8 | i;
        if (s == table[0][i] && i != 0) {
            *ret_error = (struct crc32c_error){.offset = *offset, .flip = i};
            return true;
        }
    }
    return false;
}
