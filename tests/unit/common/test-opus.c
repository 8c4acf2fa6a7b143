/* SPDX-License-Identifier: Apache-2.0 */
#include "common/opus.h"

#include "unit/check.h"

int main(void)
{
    static const struct {
        uint8_t bytes[2];
        size_t len;
        unsigned samples;
    } rows[] = {
        {{0x78}, 1, 960},                        /* hybrid, 20 ms, one frame */
        {{0xf8}, 1, 960},                        /* CELT, 20 ms */
        {{0xe0}, 1, 120},                        /* CELT, 2.5 ms */
        {{0xf9}, 1, 1920},                       /* two frames */
        {{0xfb, 3}, 2, 2880},                    /* three frames */
        {{0xfb, 7}, 2, 0},                       /* over 120 ms */
        {{0xfb}, 1, 0},                          /* cut */
        {{0}, 0, 0},          {{0x18}, 1, 2880}, /* SILK, 60 ms */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_EQ(opus_samples(rows[i].bytes, rows[i].len), rows[i].samples);
    return 0;
}
