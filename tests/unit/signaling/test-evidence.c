/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "place.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define HEARING 0xa1
#define FILE_OF "journals/00000000000000a1.connections.jsonl"

static struct place make_place(void)
{
    struct place place = place_make();
    CHECK_EQ(mkdir(place_file(&place, "journals"), 0700), 0);
    return place;
}

/* What the file holds; a NUL is put behind. */
static size_t read_file(const struct place *place, char *bytes, size_t capacity)
{
    int fd = open(place_file(place, FILE_OF), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, bytes, capacity - 1);
    CHECK(n >= 0 && (size_t)n < capacity);
    close(fd);
    bytes[n] = '\0';
    return (size_t)n;
}

/* Opens, appends two lines and keeps them; stops at the first error. */
static int write_two(const struct place *place, uint64_t *ret_bytes,
                     uint8_t ret_sha256[static DIGEST_LEN])
{
    CLEANUP(evidence_close) struct evidence *e = NULL;
    int r = evidence_open(place->path, HEARING, &e);
    for (int i = 0; r == 0 && i < 2; i++)
        r = evidence_append(e, i ? "{\"b\":2}" : "{\"a\":1}", 7);
    if (r == 0)
        r = evidence_keep(e, ret_sha256);
    *ret_bytes = e ? evidence_bytes(e) : 0;
    return r;
}

#ifndef TEST_FAULTS
/* The sum is that of the file's bytes, over a restart too. */
static void keeps_lines(void)
{
    struct place place = make_place();
    uint8_t sha256[DIGEST_LEN], of_file[DIGEST_LEN];
    char bytes[256];
    uint64_t count = 0;
    for (uint64_t times = 1; times < 3; times++) {
        CHECK_EQ(write_two(&place, &count, sha256), 0);
        CHECK_EQ(count, times * 16);
        CHECK_EQ(read_file(&place, bytes, sizeof(bytes)), count);
        CHECK_EQ(digest_sha256(bytes, count, NULL, 0, of_file), 0);
        CHECK(digest_is_equal(sha256, of_file));
    }
    CHECK(strcmp(bytes, "{\"a\":1}\n{\"b\":2}\n{\"a\":1}\n{\"b\":2}\n") == 0);
    struct stat status;
    CHECK_EQ(stat(place_file(&place, FILE_OF), &status), 0);
    CHECK_EQ(status.st_mode & 0777, 0600);
    place_remove(&place);
}

/* What a crash left behind the last whole line is cut off: half a line, or a hole where the disk
 * had taken nothing yet, with what stands behind it. */
static void cuts_off_what_is_unfinished(void)
{
    static const struct {
        const char *tail;
        size_t len;
    } tails[] = {
        {"{\"c\":", 5}, {"\0\0\0\0\0\0\0\n", 8}, {"{\"c\0\0\0}\n{\"d\":4}\n", 16}, {"", 0}};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        struct place place = make_place();
        uint8_t sha256[DIGEST_LEN];
        char bytes[256];
        uint64_t count = 0;
        CHECK_EQ(write_two(&place, &count, sha256), 0);
        int fd = open(place_file(&place, FILE_OF), O_WRONLY | O_APPEND | O_CLOEXEC);
        CHECK_EQ(write(fd, tails[i].tail, tails[i].len), (intmax_t)tails[i].len);
        close(fd);
        CHECK_EQ(write_two(&place, &count, sha256), 0);
        CHECK_EQ(count, 32);
        CHECK_EQ(read_file(&place, bytes, sizeof(bytes)), 32);
        CHECK(strcmp(bytes, "{\"a\":1}\n{\"b\":2}\n{\"a\":1}\n{\"b\":2}\n") == 0);
        place_remove(&place);
    }
}

/* Whole lines only, the last that fit. */
static void gives_the_last_lines(void)
{
    static const struct {
        size_t capacity;
        const char *lines;
    } cases[] = {{64, "{\"a\":1}\n{\"b\":2}\n"},
                 {16, "{\"a\":1}\n{\"b\":2}\n"},
                 {15, "{\"b\":2}\n"},
                 {9, "{\"b\":2}\n"},
                 {7, ""},
                 {0, ""}};
    struct place place = make_place();
    uint8_t sha256[DIGEST_LEN];
    uint64_t count = 0;
    CHECK_EQ(write_two(&place, &count, sha256), 0);
    CLEANUP(evidence_close) struct evidence *e = NULL;
    CHECK_EQ(evidence_open(place.path, HEARING, &e), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[64];
        size_t len = 99;
        CHECK_EQ(evidence_tail(e, buffer, cases[i].capacity, &len), 0);
        CHECK_EQ(len, strlen(cases[i].lines));
        CHECK(memcmp(buffer, cases[i].lines, len) == 0);
    }
    place_remove(&place);
}

/* A line too long, and a file that is full: refused, and what is there stays as it is. */
static void is_bounded(void)
{
    struct place place = make_place();
    char line[EVIDENCE_LINE_MAX + 1];
    uint8_t before[DIGEST_LEN], after[DIGEST_LEN];
    CLEANUP(evidence_close) struct evidence *e = NULL;
    memset(line, 'x', sizeof(line));
    CHECK_EQ(evidence_open(place.path, HEARING, &e), 0);
    CHECK_EQ(evidence_append(e, line, EVIDENCE_LINE_MAX + 1), -EINVAL);
    CHECK_EQ(evidence_append(e, line, 0), -EINVAL);
    CHECK_EQ(evidence_bytes(e), 0);
    int r = 0;
    while (r == 0)
        r = evidence_append(e, line, EVIDENCE_LINE_MAX);
    CHECK_EQ(r, -EFBIG);
    CHECK_EQ(evidence_bytes(e),
             LIMIT_EVIDENCE_BYTES / (EVIDENCE_LINE_MAX + 1) * (EVIDENCE_LINE_MAX + 1));
    CHECK_EQ(evidence_keep(e, before), 0);
    /* Still whole at the next start, which takes no more either. */
    evidence_close(STEAL(e));
    CHECK_EQ(evidence_open(place.path, HEARING, &e), 0);
    CHECK_EQ(evidence_append(e, line, EVIDENCE_LINE_MAX), -EFBIG);
    CHECK_EQ(evidence_keep(e, after), 0);
    CHECK(digest_is_equal(before, after));
    place_remove(&place);
}

/* No journal, no figures beside it; a link in its place is not followed. */
static void refuses_other_places(void)
{
    struct place place = place_make();
    struct evidence *e = NULL;
    CHECK_EQ(evidence_open(place.path, HEARING, &e), -ENOENT);
    CHECK_EQ(mkdir(place_file(&place, "journals"), 0700), 0);
    CHECK_EQ(symlink("/dev/null", place_file(&place, FILE_OF)), 0);
    CHECK_EQ(evidence_open(place.path, HEARING, &e), -ELOOP);
    CHECK(!e);
    place_remove(&place);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        struct place place = make_place();
        uint8_t sha256[DIGEST_LEN], of_file[DIGEST_LEN];
        char bytes[256];
        uint64_t before = 0, count = 0;
        faults_fail_at(n);
        int r = write_two(&place, &before, sha256);
        bool happened = faults_happened();
        faults_fail_at(-1);
        /* What was appended is there, whole, and it goes on behind it. */
        CHECK_EQ(write_two(&place, &count, sha256), 0);
        CHECK_EQ(count, before + 16);
        CHECK_EQ(read_file(&place, bytes, sizeof(bytes)), count);
        CHECK_EQ(digest_sha256(bytes, count, NULL, 0, of_file), 0);
        CHECK(digest_is_equal(sha256, of_file));
        place_remove(&place);
        if (!happened) {
            CHECK_EQ(r, 0);
            return 0;
        }
    }
#else
    keeps_lines();
    cuts_off_what_is_unfinished();
    gives_the_last_lines();
    is_bounded();
    refuses_other_places();
    return 0;
#endif
}
