/* SPDX-License-Identifier: Apache-2.0 */
/* docs/journal.md and the lines: the same events, with the same members in the same order. */
#include "signaling/journal_line.h"

#include <string.h>

#include "entry.h"
#include "unit/check.h"

/* The names of a line's members after "event" and before "prev", with a space between. */
static void members_of(enum journal_event event, char *names, size_t capacity)
{
    struct journal_entry entry = entry_full;
    const struct journal_place place = {.seq = 1, .at_us = ENTRY_US, .hearing = 9};
    char line[LIMIT_NOTE_BYTES];
    uint8_t hash[DIGEST_LEN];
    size_t len = 0;
    entry.event = event;
    CHECK_EQ(journal_line_write(&entry, &place, line, sizeof(line), &len, hash), 0);
    line[len] = '\0';
    const char *at = strstr(line, "\"event\":\"");
    CHECK(at);
    names[0] = '\0';
    for (at = strstr(at, ",\""); at && strncmp(at, ",\"prev\":", 8) != 0;
         at = strstr(at + 2, ",\"")) {
        size_t used = strlen(names), n = strcspn(at + 2, "\"");
        CHECK(used + n + 2 < capacity);
        (void)snprintf(names + used, capacity - used, "%s%.*s", used ? " " : "", (int)n, at + 2);
    }
    CHECK(at);
}

/* The n-th cell of a row of the table, without its backquotes and outer spaces. */
static bool cell(const char *row, unsigned n, char *text, size_t capacity)
{
    size_t len = 0;
    for (; n > 0 && *row; row++)
        n -= *row == '|';
    if (!*row)
        return false;
    for (; *row && *row != '|'; row++)
        if (*row != '`' && (*row != ' ' || len > 0)) {
            CHECK(len + 1 < capacity);
            text[len++] = *row;
        }
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
    return true;
}

static void check_row(const char *row, unsigned seen[static JOURNAL_EVENT_COUNT])
{
    char names[256], members[256], have[256], *rest = NULL;
    CHECK(cell(row, 1, names, sizeof(names)) && cell(row, 2, members, sizeof(members)));
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        unsigned event = 0;
        while (event < JOURNAL_EVENT_COUNT &&
               strcmp(journal_event_name((enum journal_event)event), name) != 0)
            event++;
        if (event == JOURNAL_EVENT_COUNT) {
            fprintf(stderr, "the document names %s, which no line is\n", name);
            abort();
        }
        seen[event]++;
        members_of((enum journal_event)event, have, sizeof(have));
        if (strcmp(have, members) != 0) {
            fprintf(stderr, "%s has the members \"%s\", in the document \"%s\"\n", name, have,
                    members);
            abort();
        }
    }
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    FILE *document = fopen(argv[1], "re");
    CHECK(document);
    char row[1024];
    unsigned seen[JOURNAL_EVENT_COUNT] = {0};
    while (fgets(row, sizeof(row), document))
        if (strncmp(row, "| `", 3) == 0)
            check_row(row, seen);
    (void)fclose(document); /* was only read */
    for (unsigned event = 0; event < JOURNAL_EVENT_COUNT; event++)
        if (seen[event] != 1) {
            fprintf(stderr, "%s stands %u times in the document\n",
                    journal_event_name((enum journal_event)event), seen[event]);
            abort();
        }
    return 0;
}
