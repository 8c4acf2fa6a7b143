/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a journal: verifying stays in bounds, and what it calls whole adds up. The same bytes as
 * an entry: what is written can be read, and stands alone on its line. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "signaling/journal_line.h"
#include "unit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void as_a_file(const uint8_t *data, size_t len)
{
    static int fd = -1;
    char path[64];
    if (fd < 0)
        fd = memfd_create("journal", MFD_CLOEXEC);
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_EQ(pwrite(fd, data, len, 0), (intmax_t)len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct journal_report report;
    CHECK_EQ(journal_verify(path, &report), 0);
    size_t lines = 0;
    for (size_t i = 0; i < report.summary.bytes; i++)
        lines += data[i] == '\n';
    CHECK_EQ(report.summary.lines, lines);
    if (report.damage == JOURNAL_WHOLE)
        CHECK(report.summary.bytes == len && report.line == 0);
    else
        CHECK(report.summary.bytes < len && report.offset == report.summary.bytes);
}

static void as_a_line(const uint8_t *data, size_t len)
{
    char *line = malloc(len + 1);
    CHECK(line);
    memcpy(line, data, len);
    line[len] = '\0';
    struct journal_line l;
    if (journal_line_read(line, len, &l) == 0) {
        line[len / 2] = line[len / 2] == 'x' ? 'y' : 'x'; /* whatever is changed */
        CHECK(journal_line_read(line, len, &l) < 0);
    }
    free(line);
}

static void as_an_entry(const uint8_t *data, size_t len)
{
    char text[4096] = {0}, line[LIMIT_NOTE_BYTES];
    uint8_t kind = len ? data[0] : 0, which = len > 1 ? data[1] : 0;
    size_t text_len = len > 2 ? len - 2 : 0;
    if (text_len > sizeof(text) - 1)
        text_len = sizeof(text) - 1;
    if (text_len > 0)
        memcpy(text, data + 2, text_len);
    struct journal_entry e = {
        .event = (enum journal_event)(kind % (JOURNAL_EVENT_COUNT + 1)),
        .person = which,
        .by = which & 1,
        .invitation = 1,
        .stream = which & 2,
        .bytes = len,
        .since_us = 1800000000000000ull,
        .until_us = (uint64_t)which << 40,
        .scheduled_us = which,
        .role = (enum control_role)(which % 11),
        .source = (enum control_source)(which % 5),
        .room = (enum terms_room)(which % 4),
        .cause = (enum journal_cause)(which % 8),
        .reason = (enum journal_reason)(which % 7),
        .process = (enum journal_process)(which % 5),
        .name = text,
        .case_number = text,
        .title = which & 4 ? text : NULL,
        .court = text,
    };
    struct journal_place place = {.hearing = 1, .seq = 1 + which, .at_us = 1800000000000000ull};
    uint8_t hash[DIGEST_LEN];
    size_t line_len;
    if (journal_line_write(&e, &place, line, sizeof(line), &line_len, hash) < 0)
        return;
    struct journal_line l;
    CHECK_EQ(journal_line_read(line, line_len, &l), 0);
    CHECK(l.seq == place.seq && l.event == e.event && digest_is_equal(l.hash, hash));
    for (size_t i = 0; i < line_len; i++)
        CHECK((unsigned char)line[i] >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    as_a_file(data, len);
    as_a_line(data, len);
    as_an_entry(data, len);
    return 0;
}
