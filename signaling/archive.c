/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "signaling/digest.h"
#include "signaling/httpparse.h"
#include "signaling/jsonread.h"

/* What the recorder writes last into a record's directory. */
#define MANIFEST       "manifest.json"
#define MANIFEST_DEPTH 8

static const struct {
    const char *ending;
    const char *mime;
} kinds[] = {
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".mkv", "video/x-matroska"},
    {".json", "application/json"},
    {".journal", "application/x-ndjson"},
    {".jsonl", "application/x-ndjson"},
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

static int open_in(const char *dir, const char *name, struct archive_file *ret_file)
{
    struct stat status;
    struct archive_file file = {.fd = -1, .mime = mime_of(name)};
    if (!file.mime)
        return -ENOENT;
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

int archive_open(const char *records_dir, uint64_t hearing, const char *name,
                 struct archive_file *ret_file)
{
    char dir[CONFIG_PATH_MAX + 20];
    (void)snprintf(dir, sizeof(dir), "%s/%016" PRIx64, records_dir, hearing);
    return open_in(dir, name, ret_file);
}

int archive_open_connections(const char *data_dir, uint64_t hearing, struct archive_file *ret_file)
{
    char dir[CONFIG_PATH_MAX + 20], name[EVIDENCE_NAME];
    (void)snprintf(dir, sizeof(dir), "%s/journals", data_dir);
    return open_in(dir, evidence_name(hearing, name), ret_file);
}

void archive_close(struct archive_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* was only read */
    file->fd = -1;
}

static int read_text(int fd, char **ret_text, size_t *ret_len)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size > LIMIT_MANIFEST_BYTES)
        return -EFBIG;
    size_t len = (size_t)status.st_size, done = 0;
    char *text = malloc(len + 1);
    if (!text)
        return -ENOMEM;
    while (done < len) {
        ssize_t n = pread(fd, text + done, len - done, (off_t)done);
        if (n <= 0) {
            int r = n < 0 ? -errno : -EIO;
            free(text);
            return r;
        }
        done += (size_t)n;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}

/* One file of a manifest, in the words of PROTOCOL.md. The tape itself is not offered. */
static void put_file(struct jsonread_value *file, struct jsontext *t)
{
    static const char *const file_kinds[] = {"composite", "speaker", "screen", "tape"};
    char name[HTTPPARSE_FILE_MAX], sha256[DIGEST_TEXT];
    char person_name[LIMIT_NAME_BYTES + 1], role[16];
    size_t kind = jsonread_name(file, "kind", file_kinds, 4);
    jsonread_string(file, "file", name, sizeof(name), 1);
    jsonread_string(file, "sha256", sha256, sizeof(sha256), DIGEST_TEXT - 1);
    int64_t bytes = jsonread_integer(file, "bytes", 0, INT64_MAX);
    file->required = false;
    double seconds = jsonread_number(file, "duration");
    uint64_t person = jsonread_id(file, "participant");
    jsonread_string(file, "name", person_name, sizeof(person_name), 0);
    jsonread_string(file, "role", role, sizeof(role), 0);
    const char *mime = mime_of(name);
    if (file->fault->happened || kind == 3 || !mime)
        return;
    jsontext_open(t, NULL, '{');
    jsontext_string(t, "file", name);
    jsontext_string(t, "kind", kind == 0 ? "composite" : "track");
    jsontext_string(t, "mime", mime);
    if (person) {
        jsontext_id(t, "person", person);
        if (person_name[0]) /* the journal may not say who that was */
            jsontext_string(t, "name", person_name);
        if (role[0])
            jsontext_string(t, "role", role);
    }
    jsontext_integer(t, "bytes", bytes);
    jsontext_integer(t, "durationMs", (int64_t)(seconds * 1000 + 0.5));
    jsontext_string(t, "sha256", sha256);
    jsontext_close(t, '}');
}

/* The files of a record, by its manifest; none when it has no whole one (yet). */
static void put_files(const char *records_dir, uint64_t hearing, struct jsontext *t)
{
    struct jsonread_fault fault = {0};
    CLEANUP(jsonread_close) struct jsonread *read = NULL;
    struct jsonread_value top;
    struct archive_file file;
    char *text = NULL;
    size_t len = 0;
    if (archive_open(records_dir, hearing, MANIFEST, &file) < 0)
        return;
    int r = read_text(file.fd, &text, &len);
    archive_close(&file);
    if (r == 0)
        r = jsonread_open(text, len, LIMIT_MANIFEST_BYTES, MANIFEST_DEPTH, &fault, &read, &top);
    free(text);
    if (r == 0) {
        struct jsonread_value files = jsonread_array(&top, "files", LIMIT_MANIFEST_FILES);
        for (size_t i = 0; i < jsonread_count(&files); i++) {
            struct jsonread_value element = jsonread_element(&files, i);
            put_file(&element, t);
        }
    }
    if (r < 0 || fault.happened)
        log_error("hearing %016" PRIx64 ": its record's manifest is damaged: %s", hearing,
                  fault.happened ? fault.detail : log_errno(r));
}

bool archive_is_rendered(const char *records_dir, uint64_t hearing)
{
    struct archive_file file;
    if (archive_open(records_dir, hearing, MANIFEST, &file) < 0)
        return false;
    archive_close(&file);
    return true;
}

/* How a record stands: as its pages would be told, or, when nobody has asked for long, as its files
 * say. */
static struct reply_record state_of(struct court *court, uint64_t hearing)
{
    const struct live *live = court_find(court, hearing);
    if (live)
        return live->record;
    bool ready = archive_is_rendered(court->config->recorder.records_dir, hearing);
    return (struct reply_record){
        .state = ready ? REPLY_RECORD_READY : REPLY_RECORD_FAILED,
    };
}

static void put_record(struct court *court, const struct store_hearing *hearing, struct jsontext *t)
{
    struct reply_record record = state_of(court, hearing->id);
    jsontext_open(t, NULL, '{');
    jsontext_id(t, "hearing", hearing->id);
    jsontext_string(t, "case", hearing->case_number);
    jsontext_string(t, "title", hearing->title);
    jsontext_string(t, "court", hearing->court);
    jsontext_time(t, "openedAt", hearing->opened_us);
    jsontext_time(t, "closedAt", hearing->closed_us);
    jsontext_string(t, "state", reply_record_state_name(record.state));
    jsontext_unsigned(t, "percent", record.state == REPLY_RECORD_READY ? 100 : record.percent);
    jsontext_open(t, "files", '[');
    if (record.state == REPLY_RECORD_READY)
        put_files(court->config->recorder.records_dir, hearing->id, t);
    jsontext_close(t, ']');
    struct archive_file connections;
    if (archive_open_connections(court->config->data_dir, hearing->id, &connections) == 0) {
        jsontext_unsigned(t, "connectionsBytes", connections.size);
        archive_close(&connections);
    }
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
