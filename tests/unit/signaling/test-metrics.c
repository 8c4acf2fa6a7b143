/* SPDX-License-Identifier: Apache-2.0 */
/* docs/metrics.md and /metrics say the same: every metric, its type, labels and meaning. With
 * --write the document's table is printed. Also: the text is in Prometheus' form. */
#include "signaling/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "unit/check.h"

/* A server with nothing in it, but real parts. */
static char *text_of_empty_court(void)
{
    struct court court = {0};
    struct watch_set *set = NULL;
    const struct media_handlers handlers = {0};
    const struct config_addresses nowhere = {0};
    const struct ws_config config = {
        .listen = &nowhere, .metrics_address = "", .connections_max = 10, .hurry = 1};
    const struct ws_handlers pages = {0};
    size_t len = 0;
    list_init(&court.lives);
    list_init(&court.pages);
    CHECK_EQ(watch_set_create(&set), 0);
    CHECK_EQ(media_create(set, "sfu", "/nowhere", (uid_t)-1, &handlers, &court.sfu), 0);
    CHECK_EQ(media_create(set, "recorder", "/nowhere", (uid_t)-1, &handlers, &court.recorder), 0);
    CHECK_EQ(ws_create(&config, &pages, set, &court.ws), 0);
    char *text = metrics_text(&court, &len);
    CHECK(text && len == strlen(text));
    ws_destroy(court.ws);
    media_destroy(court.sfu);
    media_destroy(court.recorder);
    watch_set_destroy(set);
    return text;
}

/* The label's name of the first sample of a metric; "" when it has none. */
static void label_of(const char *text, const char *name, char ret_label[static 32])
{
    char start[128];
    (void)snprintf(start, sizeof(start), "\n%s{", name);
    const char *sample = strstr(text, start);
    ret_label[0] = '\0';
    if (!sample)
        return;
    sample += strlen(start);
    size_t len = strcspn(sample, "=");
    CHECK(len < 32);
    memcpy(ret_label, sample, len);
    ret_label[len] = '\0';
}

/* The document's row for a metric whose HELP line begins at `help`. */
static void row_of(const char *text, const char *help, char *ret_row, size_t capacity)
{
    char name[96], meaning[256], type[16], line[160], label[32];
    CHECK_EQ(sscanf(help, "# HELP %95s %255[^\n]", name, meaning), 2);
    (void)snprintf(line, sizeof(line), "\n# TYPE %s ", name);
    const char *found = strstr(text, line);
    CHECK(found);
    CHECK_EQ(sscanf(found + strlen(line), "%15s", type), 1);
    label_of(text, name, label);
    (void)snprintf(ret_row, capacity, "| `%s` | %s | %s%s%s | %s |", name, type,
                   label[0] ? "`" : "", label, label[0] ? "`" : "", meaning);
}

static char *read_document(const char *path)
{
    static char document[65536];
    FILE *file = fopen(path, "re");
    CHECK(file);
    document[fread(document, 1, sizeof(document) - 1, file)] = '\0';
    (void)fclose(file);
    return document;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/* Each line is a comment or `name value` or `name{label="value"} value`, of a metric told before.
 */
static void check_form(char *text)
{
    char *rest = text;
    char told[96] = "";
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (!*line) {
            CHECK(!rest);
            return;
        }
        if (strncmp(line, "# HELP ", 7) == 0) {
            CHECK_EQ(sscanf(line, "# HELP %95s", told), 1);
            continue;
        }
        if (strncmp(line, "# TYPE ", 7) == 0)
            continue;
        size_t len = strcspn(line, "{ ");
        CHECK(len == strlen(told) && strncmp(line, told, len) == 0);
        const char *value = strrchr(line, ' ');
        char *end = NULL;
        CHECK(value);
        (void)strtod(value + 1, &end);
        CHECK(*end == '\0');
    }
}

int main(int argc, char **argv)
{
    char *text = text_of_empty_court();
    char row[512];
    bool write = argc == 2 && strcmp(argv[1], "--write") == 0;
    CHECK_EQ(argc, 2);
    const char *document = write ? "" : read_document(argv[1]);
    size_t rows = 0;
    for (const char *help = text; (help = strstr(help, "# HELP ")); help++, rows++) {
        row_of(text, help, row, sizeof(row));
        if (write)
            puts(row);
        else if (!strstr(document, row)) {
            fprintf(stderr, "docs/metrics.md lacks:\n%s\n", row);
            abort();
        }
    }
    CHECK(rows > 30);
    if (!write)
        CHECK_EQ(count_of(document, "\n| `"), rows);
    check_form(text);
    free(text);
    return 0;
}
