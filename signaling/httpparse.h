/* The parts of HTTP requests that we read ourselves: ranges, cookies, lists, paths. Pure.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_HTTPPARSE_H
#define SIGNALING_HTTPPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes `first` to `last`, both included. */
struct httpparse_range {
    uint64_t first, last;
};

/* Reads a Range field (RFC 9110 section 14.2) for a representation of `size` bytes. Returns 1 with
 * the range; 0 when the whole is to be sent (no field, another unit, malformed, or several ranges,
 * all of which a server may ignore); -ERANGE when it cannot be satisfied (416). */
int httpparse_range(const char *field, uint64_t size, struct httpparse_range *ret_range);

/* Copies the value of cookie `name` (RFC 6265 section 4.2.1). False when it is not there, is there
 * twice, or does not fit. */
bool httpparse_cookie(const char *field, const char *name, char *ret_value, size_t capacity);

/* Whether an Accept-Encoding field lists `coding` with a weight above 0 (RFC 9110 section 12.5.3);
 * "*" counts for nothing. */
bool httpparse_accepts(const char *field, const char *coding);

/* Whether an If-None-Match field lists the entity tag (with its quotes; weakly compared) or "*". */
bool httpparse_etag_listed(const char *field, const char *etag);

/* Reads Content-Length (RFC 9110 section 8.6) of a request that may have a body, or may not.
 * Returns 0, or the status that refuses it: 400 malformed, or a body where none may be; 411 none
 * where one is due; 413 over `most` bytes. */
int httpparse_length(const char *field, bool may_have_body, size_t most, size_t *ret_len);

/* Whether the page that asks comes from this very host (RFC 6454 section 7): scheme, host and port
 * of Origin are ours and those of Host. */
bool httpparse_is_same_origin(bool is_tls, const char *origin, const char *host);

#define HTTPPARSE_FILE_MAX 80 /* characters of a record's file, with the final NUL */

/* Reads "/records/HEARING/FILE": 16 hex digits, and a name of letters, digits, '-', '_' and '.'
 * that begins with a letter or digit. Returns 0 or -EBADMSG. */
int httpparse_record(const char *path, uint64_t *ret_hearing,
                     char ret_file[static HTTPPARSE_FILE_MAX]);

/* Reads "/api/records/HEARING/render". Returns 0 or -EBADMSG. */
int httpparse_render(const char *path, uint64_t *ret_hearing);

#endif
