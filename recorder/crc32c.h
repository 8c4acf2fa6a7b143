/* CRC32C (Castagnoli, RFC 3720 appendix B.4): finds a damaged byte on the tape and says which.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_CRC32C_H
#define RECORDER_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes; any thread. */
uint32_t crc32c(const void *data, size_t len);

/* One byte that, changed by `flip` (exclusive or), gives the bytes the checksum they should have.
 */
struct crc32c_error {
    size_t offset;
    uint8_t flip;
};

/* Walks through the places where a single changed byte would explain that `data` has the checksum
 * `actual` in place of `expected`, from the last byte to the first. Start with `*offset` = len;
 * returns false when there is none left. A wrong place fits by chance about once in 16 million
 * bytes, so the caller proves a place by the block's hash. */
bool crc32c_explain(uint32_t actual, uint32_t expected, size_t len, size_t *offset,
                    uint32_t *syndrome, struct crc32c_error *ret_error);

#endif
