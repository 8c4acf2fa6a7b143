/* SHA-256 of a whole file, for the manifest and for those who check it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_FILEHASH_H
#define RECORDER_FILEHASH_H

#include <stdint.h>

#define FILEHASH_HEX 65 /* 64 hex digits and NUL */

/* Returns 0, -ENAMETOOLONG, -ENOMEM, or an errno of open and read. */
int filehash(const char *dir, const char *name, char ret_hex[FILEHASH_HEX], uint64_t *ret_bytes);

#endif
