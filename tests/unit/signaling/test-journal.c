/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "entry.h"
#include "place.h"
#include "signaling/journal_line.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define NOW_US  (1800000000ull * 1000000)
#define HEARING 0xa1
#define FILE_OF "journals/00000000000000a1.journal"

static const struct journal_entry created = {.event = JOURNAL_HEARING_CREATED,
                                             .case_number = "(2026) 01 Civil 123",
                                             .title = "Li Wei v. \"Example\" \\ Ltd",
                                             .court = "First\tChamber",
                                             .scheduled_us = NOW_US};
static const struct journal_entry joined = {.event = JOURNAL_PERSON_JOINED,
                                            .person = 5,
                                            .name = "李伟",
                                            .role = CONTROL_ROLE_PARTY,
                                            .room = TERMS_ROOM_WAITING};
static const struct journal_entry opened = {.event = JOURNAL_HEARING_OPENED, .by = 7};

/* Opens and appends three lines; stops at the first error. */
static int write_three(const struct place *place, int *ret_done)
{
    const struct journal_entry *const entries[] = {&created, &joined, &opened};
    *ret_done = 0;
    CLEANUP(journal_close) struct journal *j = NULL;
    int r = journal_open(place->path, HEARING, NOW_US, &j);
    for (int i = 0; r == 0 && i < 3; i++) {
        r = journal_append(j, entries[i], NOW_US + (uint64_t)i * 1000, NULL, NULL);
        *ret_done += r == 0;
    }
    return r;
}

#ifndef TEST_FAULTS
static struct journal_report verify(const struct place *place)
{
    struct journal_report report;
    CHECK_EQ(journal_verify(place_file(place, FILE_OF), &report), 0);
    return report;
}

static struct journal *open_journal(const struct place *place)
{
    struct journal *j = NULL;
    CHECK_EQ(journal_open(place->path, HEARING, NOW_US, &j), 0);
    return j;
}

static size_t read_file(const struct place *place, char *bytes, size_t capacity)
{
    int fd = open(place_file(place, FILE_OF), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, bytes, capacity);
    CHECK(n >= 0 && (size_t)n < capacity);
    close(fd);
    return (size_t)n;
}

static void write_file(const struct place *place, const char *bytes, size_t len)
{
    int fd = open(place_file(place, FILE_OF), O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK_EQ(write(fd, bytes, len), (intmax_t)len);
    close(fd);
}

/* The form is a promise to strangers (docs/journal.md): these are the bytes. */
static void lines_have_the_documented_form(void)
{
    struct place place = place_make();
    CLEANUP(journal_close) struct journal *j = open_journal(&place);
    const char *text;
    size_t len;
    CHECK_EQ(journal_append(j, &created, NOW_US, &text, &len), 0);
    static const char first[] =
        "{\"seq\":1,\"at\":\"2027-01-15T08:00:00.000Z\",\"event\":\"hearing.created\","
        "\"hearing\":\"00000000000000a1\",\"case\":\"(2026) 01 Civil 123\","
        "\"title\":\"Li Wei v. \\\"Example\\\" \\\\ Ltd\",\"court\":\"First\\u0009Chamber\","
        "\"scheduledAt\":\"2027-01-15T08:00:00.000Z\",\"prev\":\"00000000000000000000000000000000"
        "00000000000000000000000000000000\"";
    CHECK(len > sizeof(first) && memcmp(text, first, sizeof(first) - 1) == 0);
    uint8_t hash[DIGEST_LEN];
    char hex[DIGEST_TEXT], tail[100];
    CHECK_EQ(digest_sha256(first, sizeof(first) - 1, "}", 1, hash), 0);
    snprintf(tail, sizeof(tail), ",\"hash\":\"%s\"}", digest_text(hash, hex));
    CHECK_EQ(len, sizeof(first) - 1 + strlen(tail));
    CHECK(memcmp(text + sizeof(first) - 1, tail, strlen(tail)) == 0);

    CHECK_EQ(journal_append(j, &joined, NOW_US + 1999, &text, &len), 0);
    static const char second[] =
        "{\"seq\":2,\"at\":\"2027-01-15T08:00:00.001Z\",\"event\":\"person.joined\","
        "\"person\":\"0000000000000005\",\"name\":\"李伟\",\"role\":\"party\",\"room\":\"waiting\","
        "\"prev\":\"";
    CHECK(memcmp(text, second, sizeof(second) - 1) == 0);
    CHECK(memcmp(text + sizeof(second) - 1, hex, 64) == 0);

    char bytes[4096];
    size_t size = read_file(&place, bytes, sizeof(bytes));
    CHECK(bytes[size - 1] == '\n');
    CHECK(memcmp(bytes + size - 1 - len, text, len) == 0);
    struct journal_line line;
    CHECK_EQ(journal_line_read(text, len, &line), 0);
    CHECK_EQ(line.seq, 2);
    place_remove(&place);
}

static void every_event_is_written_and_read(void)
{
    struct place place = place_make();
    CLEANUP(journal_close) struct journal *j = open_journal(&place);
    for (unsigned i = 0; i < JOURNAL_EVENT_COUNT; i++) {
        struct journal_entry entry = entry_full;
        entry.event = (enum journal_event)i;
        const char *text;
        size_t len;
        char word[64];
        CHECK_EQ(journal_append(j, &entry, NOW_US, &text, &len), 0);
        snprintf(word, sizeof(word), "\"event\":\"%s\"", journal_event_name(entry.event));
        CHECK(memmem(text, len, word, strlen(word)));
        struct journal_line line;
        CHECK_EQ(journal_line_read(text, len, &line), 0);
        CHECK_EQ(line.event, i);
        CHECK_EQ(line.seq, i + 1);
    }
    CHECK_EQ(journal_summary(j).lines, JOURNAL_EVENT_COUNT);
    CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
    place_remove(&place);
}

static void incomplete_entries_are_refused(void)
{
    static const struct journal_entry bad[] = {
        {.event = JOURNAL_EVENT_COUNT},
        {.event = JOURNAL_PERSON_ADMITTED},
        {.event = JOURNAL_PERSON_JOINED, .person = 1},
        {.event = JOURNAL_PERSON_JOINED, .person = 1, .name = ""},
        {.event = JOURNAL_PERSON_JOINED, .person = 1, .name = "\xff"},
        {.event = JOURNAL_PERSON_JOINED, .person = 1, .name = "n", .role = CONTROL_ROLE_COUNT},
        {.event = JOURNAL_PERSON_JOINED, .person = 1, .name = "n", .room = TERMS_ROOM_COUNT},
        {.event = JOURNAL_PERSON_LEFT, .person = 1, .since_us = NOW_US},
        {.event = JOURNAL_PERSON_LEFT, .person = 1, .cause = JOURNAL_CAUSE_COUNT, .since_us = 1},
        {.event = JOURNAL_PERSON_LEFT, .person = 1, .cause = JOURNAL_CAUSE_LEFT},
        {.event = JOURNAL_RECORD_LOST},
        {.event = JOURNAL_FAULT, .since_us = NOW_US, .until_us = NOW_US},
        {.event = JOURNAL_PRODUCER_STARTED, .person = 1},
        {.event = JOURNAL_INVITATION_REVOKED, .person = 1},
    };
    struct place place = place_make();
    CLEANUP(journal_close) struct journal *j = open_journal(&place);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(journal_append(j, &bad[i], NOW_US, NULL, NULL), -EINVAL);
    static char long_name[LIMIT_NOTE_BYTES + 1];
    memset(long_name, 'x', sizeof(long_name) - 1);
    struct journal_entry entry = joined;
    entry.name = long_name;
    CHECK_EQ(journal_append(j, &entry, NOW_US, NULL, NULL), -EINVAL);
    CHECK_EQ(journal_append(j, &joined, 0, NULL, NULL), -EINVAL);
    CHECK_EQ(journal_summary(j).bytes, 0);
    place_remove(&place);
}

static void state_follows_the_lines(void)
{
    static const struct {
        enum journal_event event;
        enum terms_state state;
    } course[] = {
        {JOURNAL_HEARING_WAITING, TERMS_STATE_WAITING},
        {JOURNAL_PERSON_ADMITTED, TERMS_STATE_WAITING},
        {JOURNAL_HEARING_OPENED, TERMS_STATE_OPEN},
        {JOURNAL_HEARING_RECESS, TERMS_STATE_RECESS},
        {JOURNAL_HEARING_RESUMED, TERMS_STATE_OPEN},
        {JOURNAL_HEARING_CLOSED, TERMS_STATE_CLOSED},
    };
    struct place place = place_make();
    for (size_t i = 0; i < sizeof(course) / sizeof(course[0]); i++) {
        CLEANUP(journal_close) struct journal *j = open_journal(&place);
        struct journal_entry entry = entry_full;
        entry.event = course[i].event;
        CHECK_EQ(journal_append(j, &entry, NOW_US + i * 1000, NULL, NULL), 0);
        struct journal *again = open_journal(&place);
        CHECK_EQ(journal_summary(again).state, course[i].state);
        CHECK_EQ(journal_summary(again).last_us, NOW_US + i * 1000);
        struct journal_summary a = journal_summary(j), b = journal_summary(again);
        CHECK(memcmp(a.hash, b.hash, DIGEST_LEN) == 0);
        CHECK(a.bytes == b.bytes && a.state_since_us == b.state_since_us);
        journal_close(again);
    }
    place_remove(&place);
}

/* Every changed bit is found, and placed: in the line it is in (a newline also joins two). */
static void every_flipped_bit_is_found(void)
{
    struct place place = place_make();
    int done;
    CHECK_EQ(write_three(&place, &done), 0);
    char bytes[4096];
    size_t size = read_file(&place, bytes, sizeof(bytes));
    for (size_t i = 0; i < size; i++) {
        uint64_t line = 1;
        for (size_t k = 0; k < i; k++)
            line += bytes[k] == '\n';
        for (int bit = 0; bit < 8; bit += 3) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            write_file(&place, bytes, size);
            struct journal_report report = verify(&place);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            CHECK(report.damage != JOURNAL_WHOLE);
            CHECK_EQ(report.line, (intmax_t)line);
            CHECK_EQ(report.summary.lines, (intmax_t)line - 1);
        }
    }
    place_remove(&place);
}

/* Puts the lines in another order; '4' is a forged line of its own right. */
static enum journal_damage damage_of(const struct place *place, char *const lines[4],
                                     const char *order)
{
    char bytes[8192];
    size_t len = 0;
    for (; *order; order++) {
        const char *line = lines[*order - '1'];
        len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "%s", line);
    }
    write_file(place, bytes, len);
    return verify(place).damage;
}

static void moved_lines_are_found(void)
{
    struct place place = place_make();
    int done;
    CHECK_EQ(write_three(&place, &done), 0);
    char bytes[4096], forged[1024], *lines[4];
    size_t size = read_file(&place, bytes, sizeof(bytes));
    bytes[size] = '\0';
    char *pos = bytes;
    char copies[3][1024];
    for (size_t i = 0; i < 3; i++) {
        char *newline = strchr(pos, '\n');
        size_t len = (size_t)(newline + 1 - pos);
        memcpy(copies[i], pos, len);
        copies[i][len] = '\0';
        lines[i] = copies[i];
        pos = newline + 1;
    }
    struct journal_place where = {.hearing = HEARING, .seq = 2, .at_us = NOW_US, .prev = {1}};
    uint8_t hash[DIGEST_LEN];
    size_t len;
    CHECK_EQ(journal_line_write(&opened, &where, forged, sizeof(forged) - 2, &len, hash), 0);
    memcpy(forged + len, "\n", 2);
    lines[3] = forged;

    CHECK_EQ(damage_of(&place, lines, "123"), JOURNAL_WHOLE);
    CHECK_EQ(damage_of(&place, lines, "12"), JOURNAL_WHOLE); /* only a copy kept elsewhere tells */
    CHECK_EQ(damage_of(&place, lines, "13"), JOURNAL_DAMAGE_SEQUENCE);
    CHECK_EQ(damage_of(&place, lines, "23"), JOURNAL_DAMAGE_SEQUENCE);
    CHECK_EQ(damage_of(&place, lines, "1223"), JOURNAL_DAMAGE_SEQUENCE);
    CHECK_EQ(damage_of(&place, lines, "132"), JOURNAL_DAMAGE_SEQUENCE);
    CHECK_EQ(damage_of(&place, lines, "14"), JOURNAL_DAMAGE_PREVIOUS);
    /* A broken chain is refused, and left as it is. */
    struct journal *j = NULL;
    CHECK_EQ(journal_open(place.path, HEARING, NOW_US, &j), -EBADMSG);
    CHECK_EQ(verify(&place).damage, JOURNAL_DAMAGE_PREVIOUS);
    place_remove(&place);
}

/* Cut anywhere in its last line, a journal goes on, and says so. */
static void a_torn_line_is_cut_off(void)
{
    struct place place = place_make();
    int done;
    CHECK_EQ(write_three(&place, &done), 0);
    char bytes[4096];
    size_t size = read_file(&place, bytes, sizeof(bytes)), start = size - 1;
    while (bytes[start - 1] != '\n')
        start--;
    for (size_t cut = start + 1; cut < size; cut += 9) {
        write_file(&place, bytes, cut);
        CHECK_EQ(verify(&place).damage, JOURNAL_DAMAGE_TORN);
        CHECK_EQ(verify(&place).line, 3);
        struct journal *j = open_journal(&place);
        CHECK_EQ(journal_summary(j).lines, 3); /* two whole ones, and "journal.torn" */
        CHECK_EQ(journal_append(j, &opened, NOW_US, NULL, NULL), 0);
        journal_close(j);
        CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
        char now[4096], word[64];
        size_t len = read_file(&place, now, sizeof(now));
        CHECK(len > start && memcmp(now, bytes, start) == 0);
        snprintf(word, sizeof(word), "\"journal.torn\",\"bytes\":%zu,", cut - start);
        CHECK(memmem(now, len, word, strlen(word)));
    }
    /* A block the disk had not taken yet reads as zeros. */
    memset(bytes + start, 0, 20);
    write_file(&place, bytes, size);
    struct journal *j = open_journal(&place);
    CHECK_EQ(journal_summary(j).lines, 3);
    journal_close(j);
    static char zeros[200000];
    memcpy(zeros, bytes, start);
    write_file(&place, zeros, sizeof(zeros));
    j = open_journal(&place);
    CHECK_EQ(journal_summary(j).lines, 3);
    journal_close(j);
    CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
    place_remove(&place);
}

/* A disk that fills in mid-line: the line is not there, the journal is whole, and goes on when
 * there is room. RLIMIT_FSIZE is a disk that takes the first part of a write. */
static void a_full_disk_leaves_no_half_line(void)
{
    struct place place = place_make();
    CLEANUP(journal_close) struct journal *j = open_journal(&place);
    CHECK_EQ(journal_append(j, &created, NOW_US, NULL, NULL), 0);
    struct rlimit was, small;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = journal_summary(j).bytes + 100;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    CHECK_EQ(journal_append(j, &joined, NOW_US, NULL, NULL), -EFBIG);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &was), 0);
    CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
    CHECK_EQ(verify(&place).summary.lines, 1);
    CHECK_EQ(journal_append(j, &joined, NOW_US, NULL, NULL), 0);
    CHECK_EQ(verify(&place).summary.lines, 2);
    place_remove(&place);
}

/* At its bound what anybody can cause is refused; the court can still put people out, and when it
 * has done so for long, the hearing still takes its course. */
static void a_full_journal_keeps_room_for_the_course(void)
{
    struct place place = place_make();
    struct journal *j = open_journal(&place);
    CHECK_EQ(journal_append(j, &created, NOW_US, NULL, NULL), 0);
    journal_close(j);
    char line[LIMIT_NOTE_BYTES];
    static char name[7000];
    memset(name, 'n', sizeof(name) - 1);
    struct journal_entry big = joined;
    big.name = name;
    /* Written here, not appended: 9,000 waits for the disk would be long. */
    struct journal_report report = verify(&place);
    struct journal_place where = {.hearing = HEARING, .seq = 2, .at_us = NOW_US};
    memcpy(where.prev, report.summary.hash, DIGEST_LEN);
    uint64_t size = report.summary.bytes;
    FILE *f = fopen(place_file(&place, FILE_OF), "ae");
    CHECK(f);
    while (size < LIMIT_JOURNAL_BYTES - LIMIT_JOURNAL_RESERVE - 8000) {
        size_t len;
        CHECK_EQ(journal_line_write(&big, &where, line, sizeof(line), &len, where.prev), 0);
        line[len] = '\n';
        CHECK_EQ(fwrite(line, 1, len + 1, f), len + 1);
        size += len + 1;
        where.seq++;
    }
    CHECK_EQ(fclose(f), 0);
    j = open_journal(&place);
    int r;
    do
        r = journal_append(j, &big, NOW_US, NULL, NULL);
    while (r == 0);
    do
        r = journal_append(j, &joined, NOW_US, NULL, NULL);
    while (r == 0);
    CHECK_EQ(r, -EFBIG);
    CHECK(journal_summary(j).bytes <= LIMIT_JOURNAL_BYTES - LIMIT_JOURNAL_RESERVE);
    static const enum journal_event of_court[] = {
        JOURNAL_PERSON_ADMITTED, JOURNAL_PERSON_DISMISSED,   JOURNAL_PERSON_MUTED,
        JOURNAL_PERSON_REMOVED,  JOURNAL_INVITATION_REVOKED,
    };
    struct journal_entry entry = {.person = 5, .invitation = 6};
    for (size_t i = 0; i < sizeof(of_court) / sizeof(of_court[0]); i++) {
        entry.event = of_court[i];
        CHECK_EQ(journal_append(j, &entry, NOW_US, NULL, NULL), 0);
    }
    big.event = JOURNAL_INVITATION_CREATED;
    big.invitation = 6;
    big.until_us = NOW_US;
    do
        r = journal_append(j, &big, NOW_US, NULL, NULL);
    while (r == 0);
    CHECK_EQ(r, -EFBIG);
    CHECK(journal_summary(j).bytes <= LIMIT_JOURNAL_BYTES - LIMIT_JOURNAL_RESERVE_COURSE);
    CHECK_EQ(journal_append(j, &opened, NOW_US, NULL, NULL), 0);
    CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
    journal_close(j);
    CHECK_EQ(truncate(place_file(&place, FILE_OF), LIMIT_JOURNAL_BYTES + 1), 0);
    CHECK_EQ(journal_open(place.path, HEARING, NOW_US, &j), -EFBIG);
    place_remove(&place);
}

/* Appends until killed; tells each line that is safe. */
static void append_forever(const struct place *place, int tell_fd)
{
    struct journal *j = open_journal(place);
    for (;;) {
        CHECK_EQ(journal_append(j, &joined, NOW_US, NULL, NULL), 0);
        uint64_t lines = journal_summary(j).lines;
        if (write(tell_fd, &lines, sizeof(lines)) != (ssize_t)sizeof(lines))
            _exit(1);
    }
}

static void kill_9_loses_nothing_that_was_safe(void)
{
    struct place place = place_make();
    uint64_t before = 0;
    for (unsigned round = 0; round < 8; round++) {
        uint64_t safe = place_kill_writer(&place, append_forever, 3 * round + 1);
        struct journal *j = open_journal(&place);
        CHECK(safe > before && journal_summary(j).lines >= safe);
        before = journal_summary(j).lines;
        journal_close(j);
        CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
    }
    place_remove(&place);
}

/* assize-admin beside the server: both append to one journal, the chain holds. */
static void two_processes_share_a_journal(void)
{
    enum { EACH = 40 };
    struct place place = place_make();
    struct journal *j = open_journal(&place);
    pid_t child = fork();
    if (child == 0) {
        struct journal *theirs = open_journal(&place);
        for (int i = 0; i < EACH; i++)
            CHECK_EQ(journal_append(theirs, &opened, NOW_US, NULL, NULL), 0);
        _exit(0);
    }
    for (int i = 0; i < EACH; i++)
        CHECK_EQ(journal_append(j, &joined, NOW_US, NULL, NULL), 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_EQ(journal_append(j, &joined, NOW_US, NULL, NULL), 0);
    CHECK_EQ(journal_summary(j).lines, 2 * EACH + 1);
    CHECK_EQ(verify(&place).damage, JOURNAL_WHOLE);
    CHECK_EQ(verify(&place).summary.lines, 2 * EACH + 1);
    /* Somebody takes lines away while we have it open. */
    CHECK_EQ(truncate(place_file(&place, FILE_OF), 100), 0);
    CHECK_EQ(journal_append(j, &joined, NOW_US, NULL, NULL), -EBADMSG);
    journal_close(j);
    place_remove(&place);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        struct place place = place_make();
        int done, after;
        faults_fail_at(n);
        int r = write_three(&place, &done);
        bool happened = faults_happened();
        faults_fail_at(-1);
        /* What was said to be safe is there, what failed is not, and the journal goes on. */
        CHECK_EQ(write_three(&place, &after), 0);
        struct journal_report report;
        CHECK_EQ(journal_verify(place_file(&place, FILE_OF), &report), 0);
        CHECK_EQ(report.damage, JOURNAL_WHOLE);
        CHECK_EQ(report.summary.lines, done + after);
        place_remove(&place);
        if (!happened) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK((r < 0) == (done < 3));
    }
#else
    lines_have_the_documented_form();
    every_event_is_written_and_read();
    incomplete_entries_are_refused();
    state_follows_the_lines();
    every_flipped_bit_is_found();
    moved_lines_are_found();
    a_torn_line_is_cut_off();
    a_full_disk_leaves_no_half_line();
    a_full_journal_keeps_room_for_the_course();
    kill_9_loses_nothing_that_was_safe();
    two_processes_share_a_journal();
    return 0;
#endif
}
