/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/assets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/limits.h"
#include "signaling/digest.h"

/* Directories within directories of a built page. */
#define DEPTH 4
/* Smaller files cost more in header than compression saves. */
#define WORTH_COMPRESSING 1024

struct assets {
    size_t count;
    size_t bytes;
    struct assets_file *files[LIMIT_ASSETS];
};

static const struct {
    const char *ending;
    const char *mime;
    bool is_text;
} kinds[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".map", "application/json", true},
    {".svg", "image/svg+xml", true},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".ico", "image/x-icon", false},
    {".webp", "image/webp", false},
    {".woff2", "font/woff2", false},
    {".wasm", "application/wasm", false},
    {".txt", "text/plain; charset=utf-8", true},
    {".mp3", "audio/mpeg", false},
    {".wav", "audio/wav", false},
};

/* Index in `kinds`, or -1. */
static int kind_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(ending, kinds[i].ending) == 0)
            return (int)i;
    return -1;
}

static void file_destroy(struct assets_file *file)
{
    if (!file)
        return;
    free(file->data);
    free(file->gzip);
    free(file);
}
DEFINE_CLEANUP(struct assets_file, file_destroy)

static int read_all(int fd, unsigned char *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO; /* it became shorter */
        done += (size_t)n;
    }
    return 0;
}

/* Compresses once, at start, as well as it goes. A file that does not shrink stays as it is. */
static int compress_file(struct assets_file *file)
{
    z_stream z = {.next_in = file->data, .avail_in = (uInt)file->len};
    unsigned char *out = malloc(file->len);
    if (!out)
        return -ENOMEM;
    /* 15 bits of window, and 16 for gzip's own wrapping (RFC 1952). */
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(out);
        return -ENOMEM;
    }
    z.next_out = out;
    z.avail_out = (uInt)file->len;
    bool shrank = deflate(&z, Z_FINISH) == Z_STREAM_END;
    if (shrank) {
        file->gzip = out;
        file->gzip_len = z.total_out;
    } else {
        free(out);
    }
    (void)deflateEnd(&z); /* complains of what was left unfinished, which is wanted */
    return 0;
}

static int file_load(int dir_fd, const char *name, const char *path, int kind,
                     struct assets_file **ret_file)
{
    CLEANUP(file_destroy) struct assets_file *file = calloc(1, sizeof(*file));
    struct stat status;
    uint8_t hash[DIGEST_LEN];
    char text[DIGEST_TEXT];
    if (!file)
        return -ENOMEM;
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &status) < 0 ? -errno : 0;
    if (r == 0 && status.st_size > LIMIT_ASSETS_BYTES)
        r = -E2BIG;
    if (r == 0) {
        file->len = (size_t)status.st_size;
        file->data = malloc(file->len + 1);
        r = file->data ? read_all(fd, file->data, file->len) : -ENOMEM;
    }
    (void)close(fd); /* was only read */
    if (r == 0)
        r = digest_sha256(file->data, file->len, NULL, 0, hash);
    if (r == 0 && kinds[kind].is_text && file->len >= WORTH_COMPRESSING)
        r = compress_file(file);
    if (r < 0)
        return r;
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    (void)snprintf(file->etag, sizeof(file->etag), "\"%s\"", digest_text(hash, text));
    file->mime = kinds[kind].mime;
    file->is_hashed = strncmp(path, "/assets/", 8) == 0; /* Vite puts the hash in these names */
    *ret_file = STEAL(file);
    return 0;
}

static int add_file(struct assets *assets, int dir_fd, const char *name, const char *path)
{
    int kind = kind_of(name);
    struct assets_file *file = NULL;
    if (kind < 0)
        return 0;
    if (assets->count == LIMIT_ASSETS)
        return -E2BIG;
    int r = file_load(dir_fd, name, path, kind, &file);
    if (r < 0 || !file)
        return r;
    assets->files[assets->count++] = file;
    assets->bytes += file->len;
    return assets->bytes > LIMIT_ASSETS_BYTES ? -E2BIG : 0;
}

static int walk(struct assets *assets, int dir_fd, const char *below, int depth);

static int visit(struct assets *assets, int dir_fd, const char *name, const char *below, int depth)
{
    char path[256];
    struct stat status;
    if (name[0] == '.')
        return 0;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", below, name) >= sizeof(path))
        return -ENAMETOOLONG;
    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISREG(status.st_mode))
        return add_file(assets, dir_fd, name, path);
    if (!S_ISDIR(status.st_mode) || depth == 0)
        return 0;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : walk(assets, fd, path, depth - 1);
}

/* Reads one directory; takes `dir_fd` over. */
static int walk(struct assets *assets, int dir_fd, const char *below, int depth)
{
    int r = 0;
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        r = -errno;
        (void)close(dir_fd); /* was only read */
        return r;
    }
    const struct dirent *entry;
    while (r == 0 && (errno = 0, entry = readdir(dir)))
        r = visit(assets, dir_fd, entry->d_name, below, depth);
    if (r == 0)
        r = -errno;      /* of readdir: half a page is none */
    (void)closedir(dir); /* was only read */
    return r;
}

int assets_load(const char *dir, struct assets **ret_assets)
{
    CLEANUP(assets_destroy) struct assets *assets = calloc(1, sizeof(*assets));
    if (!assets)
        return -ENOMEM;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = walk(assets, fd, "", DEPTH);
    if (r < 0)
        return r;
    if (!assets_find(assets, "/index.html"))
        return -ENOENT;
    *ret_assets = STEAL(assets);
    return 0;
}

void assets_destroy(struct assets *assets)
{
    if (!assets)
        return;
    for (size_t i = 0; i < assets->count; i++)
        file_destroy(assets->files[i]);
    free(assets);
}

const struct assets_file *assets_find(const struct assets *assets, const char *path)
{
    for (size_t i = 0; i < assets->count; i++)
        if (strcmp(assets->files[i]->path, path) == 0)
            return assets->files[i];
    return NULL;
}
