/* SPDX-License-Identifier: Apache-2.0 */
/* A record is listed as its manifest says, up to the bounds on a manifest; over them it has no
 * files, rather than half of them. */
#include "signaling/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "place.h"
#include "unit/check.h"

#define NOW_US  (1800000000ull * 1000000)
#define HEARING 0xa1
#define SHA256  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
/* How each file's is told. */
#define SHA256_MEMBER "\"sha256\":\"" SHA256 "\""

static struct config config;
static struct court court = {.config = &config};

/* A store with one hearing that was opened and closed, and a directory for its record. */
static struct place make_record(void)
{
    struct place place = place_make();
    const struct store_hearing hearing = {.id = HEARING,
                                          .scheduled_us = NOW_US,
                                          .since_us = NOW_US,
                                          .case_number = "1",
                                          .title = "A v. B",
                                          .court = "First Chamber"};
    (void)snprintf(config.recorder.records_dir, sizeof(config.recorder.records_dir), "%s",
                   place.path);
    list_init(&court.lives);
    list_init(&court.pages);
    CHECK_EQ(store_open(place.path, &court.store), 0);
    CHECK_EQ(store_hearing_add(court.store, &hearing), 0);
    CHECK_EQ(store_hearing_set_state(court.store, HEARING, TERMS_STATE_OPEN, NOW_US + 1, 0), 0);
    CHECK_EQ(store_hearing_set_state(court.store, HEARING, TERMS_STATE_CLOSED, NOW_US + 2, 0), 0);
    CHECK_EQ(mkdir(place_file(&place, "00000000000000a1"), 0700), 0);
    return place;
}

/* A manifest of so many files, made `bytes` long by spaces at its end (0: as long as it is). */
static void write_manifest(const struct place *place, size_t files, long bytes)
{
    FILE *out = fopen(place_file(place, "00000000000000a1/manifest.json"), "we");
    CHECK(out);
    CHECK(fputs("{\"files\":[", out) >= 0);
    for (size_t i = 0; i < files; i++)
        CHECK(fprintf(out,
                      "%s{\"kind\":\"speaker\",\"file\":\"%zu.mkv\",\"bytes\":7,\"sha256\":\"%s\"}",
                      i > 0 ? "," : "", i, SHA256) > 0);
    CHECK(fputs("]}", out) >= 0);
    CHECK(bytes == 0 || fprintf(out, "%*s", (int)(bytes - ftell(out)), "") > 0);
    CHECK(bytes == 0 || ftell(out) == bytes);
    CHECK_EQ(fclose(out), 0);
}

/* How many files of the record a page is told of. */
static size_t count_listed(void)
{
    struct jsontext t = {0};
    size_t len = 0, count = 0;
    CHECK_EQ(archive_list(&court, HEARING, &t), 0);
    char *text = jsontext_take(&t, &len);
    CHECK(text);
    CHECK(strstr(text, "\"state\":\"ready\""));
    for (size_t i = 0; i < len; i++)
        count += text[i] == '"' && strncmp(text + i, SHA256_MEMBER, sizeof(SHA256_MEMBER) - 1) == 0;
    free(text);
    return count;
}

/* Somebody the journal does not name: an empty name or role is no name and no role. */
static void who_is_not_named(const struct place *place)
{
    static const char one[] =
        "{\"kind\":\"speaker\",\"file\":\"1.mkv\",\"bytes\":7,\"sha256\":\"" SHA256
        "\",\"participant\":\"00000000000000c1\",\"name\":\"%s\",\"role\":\"%s\"}";
    for (unsigned named = 0; named < 2; named++) {
        struct jsontext t = {0};
        size_t len = 0;
        FILE *out = fopen(place_file(place, "00000000000000a1/manifest.json"), "we");
        CHECK(out && fputs("{\"files\":[", out) >= 0);
        CHECK(fprintf(out, one, named ? "Li" : "", named ? "party" : "") > 0);
        CHECK(fputs("]}", out) >= 0);
        CHECK_EQ(fclose(out), 0);
        CHECK_EQ(archive_list(&court, HEARING, &t), 0);
        char *text = jsontext_take(&t, &len);
        CHECK(text && strstr(text, "\"person\":\"00000000000000c1\""));
        CHECK_EQ(strstr(text, "\"name\":\"Li\"") != NULL, named);
        CHECK_EQ(strstr(text, "\"role\":\"party\"") != NULL, named);
        CHECK_EQ(strstr(text, "\"name\"") != NULL, named);
        CHECK_EQ(strstr(text, "\"role\"") != NULL, named);
        free(text);
    }
}

/* What is kept of connections lies beside the journal, and is listed with the record where it is.
 */
static void connections(const struct place *place)
{
    struct jsontext t = {0};
    struct archive_file file;
    size_t len = 0;
    (void)snprintf(config.data_dir, sizeof(config.data_dir), "%s", place->path);
    CHECK_EQ(archive_open_connections(place->path, HEARING, &file), -ENOENT);
    CHECK_EQ(archive_list(&court, HEARING, &t), 0);
    char *text = jsontext_take(&t, &len);
    CHECK(text && !strstr(text, "connectionsBytes"));
    free(text);
    CHECK_EQ(mkdir(place_file(place, "journals"), 0700), 0);
    FILE *out = fopen(place_file(place, "journals/00000000000000a1.connections.jsonl"), "we");
    CHECK(out && fputs("{\"a\":1}\n", out) >= 0 && fclose(out) == 0);
    CHECK_EQ(archive_open_connections(place->path, HEARING, &file), 0);
    CHECK_EQ(file.size, 8);
    CHECK(strcmp(file.mime, "application/x-ndjson") == 0);
    archive_close(&file);
    CHECK_EQ(archive_list(&court, HEARING, &t), 0);
    text = jsontext_take(&t, &len);
    CHECK(text && strstr(text, "\"connectionsBytes\":8}"));
    free(text);
}

int main(void)
{
    struct place place = make_record();
    who_is_not_named(&place);
    write_manifest(&place, 3, 0);
    CHECK_EQ(count_listed(), 3);

    write_manifest(&place, LIMIT_MANIFEST_FILES, 0);
    CHECK_EQ(count_listed(), LIMIT_MANIFEST_FILES);
    write_manifest(&place, LIMIT_MANIFEST_FILES + 1, 0);
    CHECK_EQ(count_listed(), 0);

    write_manifest(&place, 3, LIMIT_MANIFEST_BYTES);
    CHECK_EQ(count_listed(), 3);
    write_manifest(&place, 3, LIMIT_MANIFEST_BYTES + 1);
    CHECK_EQ(count_listed(), 0);

    connections(&place);
    store_close(court.store);
    place_remove(&place);
    return 0;
}
