/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *ending;
    const char *mime;
} kinds[] = {
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".mkv", "video/x-matroska"},
    {".json", "application/json"},
    {".journal", "application/x-ndjson"},
    {".tape", "application/octet-stream"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *mime_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(ending, kinds[i].ending) == 0)
            return kinds[i].mime;
    return NULL;
}

int archive_open(const char *records_dir, uint64_t hearing, const char *name,
                 struct archive_file *ret_file)
{
    char dir[CONFIG_PATH_MAX + 20];
    struct stat status;
    struct archive_file file = {.fd = -1, .mime = mime_of(name)};
    if (!file.mime)
        return -ENOENT;
    (void)snprintf(dir, sizeof(dir), "%s/%016" PRIx64, records_dir, hearing);
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir_fd < 0)
        return -ENOENT;
    file.fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    (void)close(dir_fd); /* was only a place */
    if (file.fd < 0)
        return -ENOENT;
    if (fstat(file.fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        (void)close(file.fd); /* was only read */
        return -ENOENT;
    }
    file.size = (uint64_t)status.st_size;
    /* A record's file is written once; size and the nanosecond tell its versions apart. */
    (void)snprintf(file.etag, sizeof(file.etag), "\"%" PRIx64 "-%" PRIx64 "-%lx\"", file.size,
                   (uint64_t)status.st_mtim.tv_sec, (unsigned long)status.st_mtim.tv_nsec);
    *ret_file = file;
    return 0;
}

void archive_close(struct archive_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* was only read */
    file->fd = -1;
}

static void put_record(struct court *court, const struct store_hearing *hearing, struct jsontext *t)
{
    const struct live *live = court_find(court, hearing->id);
    jsontext_open(t, NULL, '{');
    jsontext_id(t, "hearing", hearing->id);
    jsontext_string(t, "case", hearing->case_number);
    jsontext_string(t, "title", hearing->title);
    jsontext_string(t, "court", hearing->court);
    jsontext_time(t, "openedAt", hearing->opened_us);
    jsontext_time(t, "closedAt", hearing->closed_us);
    jsontext_string(t, "state",
                    reply_record_state_name(live ? live->record.state : REPLY_RECORD_READY));
    jsontext_unsigned(t, "percent", live ? live->record.percent : 100);
    jsontext_open(t, "files", '[');
    jsontext_close(t, ']');
    jsontext_close(t, '}');
}

int archive_list(struct court *court, uint64_t hearing, struct jsontext *t)
{
    struct store_hearing *list = NULL;
    size_t count = 0;
    int r = store_hearing_list(court->store, 1u << TERMS_STATE_CLOSED, &list, &count);
    if (r < 0)
        return r;
    jsontext_open(t, NULL, '{');
    jsontext_open(t, "records", '[');
    for (size_t i = 0; i < count; i++)
        if ((!hearing || list[i].id == hearing) && list[i].opened_us)
            put_record(court, &list[i], t);
    jsontext_close(t, ']');
    jsontext_close(t, '}');
    free(list);
    return 0;
}
