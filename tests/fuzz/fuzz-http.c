/* SPDX-License-Identifier: Apache-2.0 */
/* Each line is a field or path: a range lies within its file, a cookie within its buffer, a
 * record's file is a plain name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/httpparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(int cond)
{
    if (!cond)
        abort();
}

static void try_line(const char *line, uint64_t size)
{
    struct httpparse_range range;
    char value[24], file[HTTPPARSE_FILE_MAX];
    uint64_t hearing;
    if (httpparse_range(line, size, &range) == 1)
        require(range.first <= range.last && range.last < size);
    if (httpparse_cookie(line, "assize", value, sizeof(value)))
        require(strlen(value) < sizeof(value) && !strchr(value, ';') && strstr(line, value));
    size_t body = 0;
    if (httpparse_length(line, true, 4096, &body) == 0)
        require(body <= 4096);
    (void)httpparse_is_same_origin(true, line, line);
    (void)httpparse_accepts(line, "gzip");
    (void)httpparse_etag_listed(line, "\"0\"");
    (void)httpparse_render(line, &hearing);
    if (httpparse_record(line, &hearing, file) == 0)
        require(hearing && file[0] && file[0] != '.' && !strchr(file, '/') &&
                strlen(file) < HTTPPARSE_FILE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* A copy of its exact size and a NUL, so that one byte too far is seen. */
    char *text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    uint64_t size = len ? (uint64_t)data[0] << (data[len - 1] % 48) : 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        try_line(line, size);
    free(text);
    return 0;
}
