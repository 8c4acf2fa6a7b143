/* The built page, read into memory at start: a request can only name what was found then, so no
 * path leads out of it. Text is also kept compressed. SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ASSETS_H
#define SIGNALING_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct assets;

struct assets_file {
    char path[256]; /* as requested: "/assets/index-4f3a.js" */
    const char *mime;
    char etag[72];  /* with its quotes: SHA-256 of the content */
    bool is_hashed; /* its name changes with its content: may be kept for good */
    unsigned char *data;
    size_t len;
    unsigned char *gzip; /* NULL: not worth it */
    size_t gzip_len;
};

/* Reads `dir` and what lies below it: at most LIMIT_ASSETS files and LIMIT_ASSETS_BYTES, kinds with
 * a known mime type only; names that begin with a dot are left out. -ENOENT also when there is no
 * index.html; -E2BIG over a limit; -ENOMEM; else what the system says. */
int assets_load(const char *dir, struct assets **ret_assets);
void assets_destroy(struct assets *assets);
DEFINE_CLEANUP(struct assets, assets_destroy)

/* NULL when there is none. Borrowed for the life of `assets`. */
const struct assets_file *assets_find(const struct assets *assets, const char *path);

#endif
