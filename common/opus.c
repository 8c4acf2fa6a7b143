/* SPDX-License-Identifier: Apache-2.0 */
#include "common/opus.h"

#include "common/bytes.h"

unsigned opus_samples(const uint8_t *data, size_t len)
{
    struct reader r = reader_over(data, len);
    uint8_t toc = reader_u8(&r);
    if (r.failed)
        return 0;
    unsigned config = toc >> 3;
    static const unsigned silk[] = {480, 960, 1920, 2880};
    unsigned frame = config < 12   ? silk[config & 3]
                     : config < 16 ? (config & 1 ? 960 : 480)
                                   : 120u << (config & 3);
    unsigned count = 0;
    switch (toc & 3) {
    case 0:
        count = 1;
        break;
    case 1:
    case 2:
        count = 2;
        break;
    case 3:
        count = reader_u8(&r) & 0x3f;
        break;
    }
    unsigned samples = frame * count;
    return r.failed || samples > OPUS_SAMPLES_MAX ? 0 : samples;
}
