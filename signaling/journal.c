/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signaling/story.h"

/* How long another process may hold the lock: it holds it for one write and one fdatasync. */
enum { LOCK_TRIES = 200, LOCK_WAIT_MS = 5 };

/* Read at once while scanning; more than one longest line. */
enum { CHUNK = 65536 };
static_assert(CHUNK > LIMIT_NOTE_BYTES + 1, "a chunk holds any line");

struct journal {
    uint64_t hearing;
    int fd;
    struct story story;              /* of the first summary.bytes bytes of the file */
    char line[LIMIT_NOTE_BYTES + 1]; /* the last one appended, with its newline */
};

/* Takes one line (without newline) into the story, or says what is wrong with it in
 * `*ret_damage`. 0 or -ENOMEM. */
static int follow(struct story *story, const char *line, size_t len,
                  enum journal_damage *ret_damage)
{
    const struct journal_summary *s = &story->summary;
    struct journal_line l;
    int r = journal_line_read(line, len, &l);
    *ret_damage = JOURNAL_WHOLE;
    if (r == -EBADMSG)
        *ret_damage = JOURNAL_DAMAGE_FORM;
    else if (r == -EILSEQ)
        *ret_damage = JOURNAL_DAMAGE_HASH;
    else if (r < 0)
        return r;
    else if (l.seq != s->lines + 1)
        *ret_damage = JOURNAL_DAMAGE_SEQUENCE;
    else if (!digest_is_equal(l.prev, s->hash))
        *ret_damage = JOURNAL_DAMAGE_PREVIOUS;
    else
        story_take(story, &l, len);
    return 0;
}

static ssize_t read_at(int fd, char *buffer, size_t len, uint64_t offset)
{
    ssize_t n;
    do
        n = pread(fd, buffer, len, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Whether a newline stands in the file from `offset` on: 1, 0 or a negative errno. */
static int has_newline_from(int fd, char *chunk, uint64_t offset)
{
    for (;;) {
        ssize_t n = read_at(fd, chunk, CHUNK, offset);
        if (n <= 0)
            return (int)n;
        if (memchr(chunk, '\n', (size_t)n))
            return 1;
        offset += (uint64_t)n;
    }
}

/* Follows the whole lines in `chunk`; stops at damage. Returns the bytes used or -ENOMEM. A damaged
 * last line with a zero byte in it is one the disk had taken only in part. */
static ssize_t follow_chunk(struct story *story, const char *chunk, size_t len, bool is_last,
                            enum journal_damage *ret_damage)
{
    const char *pos = chunk, *end = chunk + len;
    const char *newline;
    while ((newline = memchr(pos, '\n', (size_t)(end - pos)))) {
        int r = follow(story, pos, (size_t)(newline - pos), ret_damage);
        if (r < 0)
            return r;
        if (*ret_damage == JOURNAL_WHOLE) {
            pos = newline + 1;
            continue;
        }
        if (is_last && newline + 1 == end && memchr(pos, '\0', (size_t)(newline - pos)))
            *ret_damage = JOURNAL_DAMAGE_TORN;
        break;
    }
    return pos - chunk;
}

/* Follows the chain from summary.bytes to the end of the file or the first damage. */
static int scan(int fd, struct story *story, enum journal_damage *ret_damage)
{
    const struct journal_summary *s = &story->summary;
    char *chunk = malloc(CHUNK);
    if (!chunk)
        return -ENOMEM;
    int r = 0;
    *ret_damage = JOURNAL_WHOLE;
    while (r == 0 && *ret_damage == JOURNAL_WHOLE) {
        ssize_t n = read_at(fd, chunk, CHUNK, s->bytes);
        if (n <= 0) {
            r = (int)n;
            break;
        }
        ssize_t used = follow_chunk(story, chunk, (size_t)n, n < CHUNK, ret_damage);
        if (used < 0) {
            r = (int)used;
        } else if (used == 0 && *ret_damage == JOURNAL_WHOLE) {
            /* No newline in a chunk: unfinished if none comes, else not a line of ours. */
            int more = n < CHUNK ? 0 : has_newline_from(fd, chunk, s->bytes + (uint64_t)n);
            if (more < 0)
                r = more;
            *ret_damage = more ? JOURNAL_DAMAGE_FORM : JOURNAL_DAMAGE_TORN;
        }
    }
    free(chunk);
    return r;
}

static int lock(int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        (void)poll(NULL, 0, LOCK_WAIT_MS); /* there is no descriptor to wait for */
    }
    return -EBUSY;
}

static void unlock(int fd)
{
    (void)flock(fd, LOCK_UN); /* cannot fail on a descriptor that is locked */
}

/* What anybody can cause leaves the reserve to the court, which puts whoever fills the journal out;
 * and what the court does to people leaves room for the hearing's course. */
static uint64_t limit_of(enum journal_event event)
{
    switch (event) {
    case JOURNAL_PERSON_JOINED:
    case JOURNAL_PERSON_LEFT:
    case JOURNAL_PERSON_RETURNED:
    case JOURNAL_PERSON_ASKED:
    case JOURNAL_PERSON_MOVED:
    case JOURNAL_ROOM_OPENED:
    case JOURNAL_CONSENT_GIVEN:
    case JOURNAL_CONSENT_WITHDRAWN:
    case JOURNAL_PERSON_SWORN:
    case JOURNAL_OBJECTION_RAISED:
    case JOURNAL_PRODUCER_STARTED:
    case JOURNAL_PRODUCER_STOPPED:
    case JOURNAL_MEDIA_GAP:
    case JOURNAL_CONNECTIONS_KEPT:
        return LIMIT_JOURNAL_BYTES - LIMIT_JOURNAL_RESERVE;
    case JOURNAL_INVITATION_CREATED:
    case JOURNAL_INVITATION_REVOKED:
    case JOURNAL_PERSON_ADMITTED:
    case JOURNAL_PERSON_DISMISSED:
    case JOURNAL_PERSON_MUTED:
    case JOURNAL_PERSON_REMOVED:
    case JOURNAL_PERSON_LOCKED:
    case JOURNAL_PERSON_UNLOCKED:
    case JOURNAL_MICROPHONES_CLOSED:
    case JOURNAL_FLOOR_GIVEN:
    case JOURNAL_FLOOR_OPENED:
    case JOURNAL_SPOTLIGHT_SET:
    case JOURNAL_SPOTLIGHT_ENDED:
    case JOURNAL_SCREEN_SET:
    case JOURNAL_SCREEN_LIFTED:
    case JOURNAL_OATH_ASKED:
    case JOURNAL_PERSON_RELEASED:
    case JOURNAL_OBJECTION_RULED:
    case JOURNAL_ROOM_LOCKED:
    case JOURNAL_ROOM_UNLOCKED:
    case JOURNAL_MARK:
        return LIMIT_JOURNAL_BYTES - LIMIT_JOURNAL_RESERVE_COURSE;
    case JOURNAL_HEARING_CREATED:
    case JOURNAL_HEARING_WAITING:
    case JOURNAL_HEARING_OPENED:
    case JOURNAL_HEARING_RECESS:
    case JOURNAL_HEARING_SUSPENDED:
    case JOURNAL_HEARING_RESUMED:
    case JOURNAL_HEARING_IN_CAMERA:
    case JOURNAL_HEARING_PUBLIC:
    case JOURNAL_HEARING_CLOSED:
    case JOURNAL_RECORD_ON:
    case JOURNAL_RECORD_LOST:
    case JOURNAL_RECORD_SEALED:
    case JOURNAL_FAULT:
    case JOURNAL_TORN:
    case JOURNAL_EVENT_COUNT:
        return LIMIT_JOURNAL_BYTES;
    }
    return LIMIT_JOURNAL_BYTES;
}

static int write_whole(int fd, const char *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* Appends at the known end; the lock is held. What could not be made safe is cut off again; if even
 * that fails, the next append finds it as a torn line. */
static int append_locked(struct journal *j, const struct journal_entry *entry, uint64_t now_us)
{
    const struct journal_summary *s = &j->story.summary;
    struct journal_place place = {.hearing = j->hearing, .seq = s->lines + 1, .at_us = now_us};
    memcpy(place.prev, s->hash, DIGEST_LEN);
    struct journal_line line = {
        .at_us = now_us / 1000 * 1000,
        .event = entry->event,
        .person = entry->person,
        .room = entry->room,
        .number = entry->number,
        .from = entry->from,
        .kinds = entry->kinds,
        .by = entry->by,
    };
    size_t len = 0;
    int r = journal_line_write(entry, &place, j->line, LIMIT_NOTE_BYTES, &len, line.hash);
    if (r < 0)
        return r;
    if (s->bytes + len + 1 > limit_of(entry->event))
        return -EFBIG;
    j->line[len] = '\n';
    r = write_whole(j->fd, j->line, len + 1, s->bytes);
    if (r == 0 && fdatasync(j->fd) < 0)
        r = -errno;
    if (r < 0) {
        (void)ftruncate(j->fd, (off_t)s->bytes); /* else the next one cuts it: catch_up() */
        return r;
    }
    story_take(&j->story, &line, len);
    return 0;
}

/* Reads what another process appended since, and cuts off a line nobody finished; the lock is
 * held. */
static int catch_up(struct journal *j, uint64_t now_us)
{
    struct stat st;
    if (fstat(j->fd, &st) < 0)
        return -errno;
    uint64_t size = (uint64_t)st.st_size;
    if (size == j->story.summary.bytes)
        return 0;
    if (size < j->story.summary.bytes)
        return -EBADMSG; /* lines that were there are gone */
    if (size > LIMIT_JOURNAL_BYTES)
        return -EFBIG;
    enum journal_damage damage;
    int r = scan(j->fd, &j->story, &damage);
    if (r < 0 || damage == JOURNAL_WHOLE)
        return r;
    if (damage != JOURNAL_DAMAGE_TORN)
        return -EBADMSG;
    if (ftruncate(j->fd, (off_t)j->story.summary.bytes) < 0)
        return -errno;
    struct journal_entry torn = {.event = JOURNAL_TORN, .bytes = size - j->story.summary.bytes};
    return append_locked(j, &torn, now_us);
}

/* Makes a file's name durable too. */
static int sync_dir(int dir_fd)
{
    return fsync(dir_fd) < 0 ? -errno : 0;
}

/* The descriptor of `<data_dir>/journals`, made if missing. */
static int open_dir(const char *data_dir)
{
    int data_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data_fd < 0)
        return -errno;
    int fd = openat(data_fd, "journals", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd;
    if (r == -ENOENT) {
        r = mkdirat(data_fd, "journals", 0700) < 0 && errno != EEXIST ? -errno : sync_dir(data_fd);
        if (r == 0) {
            fd = openat(data_fd, "journals", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            r = fd < 0 ? -errno : fd;
        }
    }
    close(data_fd);
    return r;
}

static int open_file(const char *data_dir, uint64_t hearing)
{
    int dir_fd = open_dir(data_dir);
    if (dir_fd < 0)
        return dir_fd;
    char id[TERMS_ID_TEXT], name[40];
    snprintf(name, sizeof(name), "%s.journal", terms_id_text(hearing, id));
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? -errno : sync_dir(dir_fd);
    close(dir_fd);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

int journal_open(const char *data_dir, uint64_t hearing, uint64_t now_us,
                 struct journal **ret_journal)
{
    if (hearing == 0)
        return -EINVAL;
    CLEANUP(journal_close) struct journal *j = calloc(1, sizeof(*j));
    if (!j)
        return -ENOMEM;
    j->hearing = hearing;
    j->fd = open_file(data_dir, hearing);
    if (j->fd < 0)
        return j->fd;
    int r = lock(j->fd);
    if (r < 0)
        return r;
    r = catch_up(j, now_us);
    unlock(j->fd);
    if (r < 0)
        return r;
    *ret_journal = STEAL(j);
    return 0;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j);
}

int journal_append(struct journal *j, const struct journal_entry *entry, uint64_t now_us,
                   const char **ret_text, size_t *ret_len)
{
    int r = lock(j->fd);
    if (r < 0)
        return r;
    r = catch_up(j, now_us);
    uint64_t before = j->story.summary.bytes;
    if (r == 0)
        r = append_locked(j, entry, now_us);
    unlock(j->fd);
    if (r == 0 && ret_text) {
        *ret_text = j->line;
        *ret_len = (size_t)(j->story.summary.bytes - before - 1);
    }
    return r;
}

int journal_read(const struct journal *j, uint64_t offset, char text[static LIMIT_NOTE_BYTES + 1],
                 size_t *ret_len, uint64_t *ret_at_us)
{
    if (offset >= j->story.summary.bytes)
        return -ENODATA;
    ssize_t n = read_at(j->fd, text, LIMIT_NOTE_BYTES + 1, offset);
    if (n < 0)
        return (int)n;
    const char *newline = memchr(text, '\n', (size_t)n);
    struct journal_line line;
    if (!newline)
        return -EBADMSG;
    int r = journal_line_read(text, (size_t)(newline - text), &line);
    if (r < 0)
        return r == -ENOMEM ? r : -EBADMSG;
    *ret_len = (size_t)(newline - text);
    *ret_at_us = line.at_us;
    return 0;
}

struct journal_summary journal_summary(const struct journal *j)
{
    return j->story.summary;
}

const struct story *journal_story(const struct journal *j)
{
    return &j->story;
}

int journal_verify(const char *path, struct journal_report *ret_report)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct journal_report report = {0};
    struct story story = {0};
    int r = scan(fd, &story, &report.damage);
    close(fd);
    if (r < 0)
        return r;
    report.summary = story.summary;
    if (report.damage != JOURNAL_WHOLE) {
        report.line = report.summary.lines + 1;
        report.offset = report.summary.bytes;
    }
    *ret_report = report;
    return 0;
}

const char *journal_damage_text(enum journal_damage damage)
{
    static const char *const texts[JOURNAL_DAMAGE_COUNT] = {
        [JOURNAL_WHOLE] = "every line is whole and in its place",
        [JOURNAL_DAMAGE_FORM] = "this is not a line of a journal: its bytes were changed",
        [JOURNAL_DAMAGE_SEQUENCE] = "a line is missing, doubled or out of place",
        [JOURNAL_DAMAGE_PREVIOUS] = "the line does not continue the one before it",
        [JOURNAL_DAMAGE_HASH] = "the line was changed after it was written",
        [JOURNAL_DAMAGE_TORN] = "the last line is unfinished, as after a crash",
    };
    return (size_t)damage < JOURNAL_DAMAGE_COUNT ? texts[damage] : "?";
}
