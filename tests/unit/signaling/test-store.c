/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "signaling/sqlfile.h"
#include "signaling/store_schema.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define NOW_US (1800000000ull * 1000000)

static const struct store_hearing sample_hearing = {.id = 0xa1,
                                                    .scheduled_us = NOW_US,
                                                    .vp9 = true,
                                                    .since_us = NOW_US - 1,
                                                    .case_number = "(2026) 01 Civil 123",
                                                    .title = "Li Wei v. Example",
                                                    .court = "First Chamber"};
static const struct store_person sample_person = {
    .id = 0xfedcba9876543210, .hearing = 0xa1, .role = CONTROL_ROLE_PARTY, .name = "李伟"};
static const struct store_invitation sample_invitation = {.id = 0x77,
                                                          .hearing = 0xa1,
                                                          .person = 0xfedcba9876543210,
                                                          .role = CONTROL_ROLE_PARTY,
                                                          .created_us = NOW_US,
                                                          .expires_us = NOW_US + 1000};
static const uint8_t hash_a[STORE_HASH_LEN] = {1, 2, 3};

/* A day's work: everything is written once and read once. */
static int use(struct store *s)
{
    int r = store_hearing_add(s, &sample_hearing);
    if (r == 0)
        r = store_person_add(s, &sample_person);
    if (r == 0)
        r = store_invitation_add(s, &sample_invitation);
    if (r == 0)
        r = store_resume_set(s, sample_person.id, hash_a);
    if (r == 0)
        r = store_cookie_add(s, hash_a, sample_invitation.id, NOW_US + 500);
    if (r == 0)
        r = store_setting_set(s, "key", "value");
    if (r == 0)
        r = store_hearing_set_state(s, 0xa1, TERMS_STATE_OPEN, NOW_US + 5, 0);
    struct store_person person = sample_person;
    person.room = TERMS_ROOM_COURTROOM;
    person.admitted = true;
    if (r == 0)
        r = store_person_set(s, &person);
    return r;
}

static int read_back(struct store *s)
{
    struct store_hearing *hearings = NULL;
    struct store_person *people = NULL;
    struct store_invitation invitation;
    size_t count = 0;
    int r = store_hearing_list(s, 1u << TERMS_STATE_OPEN, &hearings, &count);
    if (r == 0)
        CHECK_EQ(count, 1);
    free(hearings);
    if (r == 0)
        r = store_person_list(s, 0xa1, &people, &count);
    if (r == 0)
        CHECK(count == 1 && people[0].admitted);
    free(people);
    if (r == 0)
        r = store_cookie_get(s, hash_a, NOW_US, &invitation);
    if (r == 0)
        r = store_invitation_revoke(s, 0x77, NOW_US);
    return r;
}

static int work_a_day(const struct place *place)
{
    CLEANUP(store_close) struct store *s = NULL;
    int r = store_open(place->path, &s);
    if (r == 0)
        r = store_begin(s);
    if (r == 0)
        r = use(s);
    if (r == 0)
        r = store_commit(s);
    else if (s)
        store_rollback(s);
    if (r == 0)
        r = read_back(s);
    return r;
}

#ifndef TEST_FAULTS
static const uint8_t hash_b[STORE_HASH_LEN] = {1, 2, 4};

static struct store *open_store(const struct place *place)
{
    struct store *s = NULL;
    CHECK_EQ(store_open(place->path, &s), 0);
    return s;
}

static void everything_survives_reopening(void)
{
    struct place place = place_make();
    struct store *s = open_store(&place);
    CHECK_EQ(use(s), 0);
    store_close(s);
    s = open_store(&place);
    struct store_hearing h;
    CHECK_EQ(store_hearing_get(s, 0xa1, &h), 0);
    CHECK(strcmp(h.case_number, sample_hearing.case_number) == 0);
    CHECK(strcmp(h.title, sample_hearing.title) == 0 && strcmp(h.court, sample_hearing.court) == 0);
    CHECK(h.state == TERMS_STATE_OPEN && h.since_us == NOW_US + 5 && h.opened_us == NOW_US + 5);
    CHECK(h.closed_us == 0 && h.scheduled_us == NOW_US && h.vp9);
    struct store_person p;
    CHECK_EQ(store_person_get(s, sample_person.id, &p), 0);
    CHECK(strcmp(p.name, "李伟") == 0 && p.room == TERMS_ROOM_COURTROOM && p.admitted);
    CHECK(p.hearing == 0xa1 && p.role == CONTROL_ROLE_PARTY && !p.removed && !p.hand);
    char value[6];
    CHECK_EQ(store_setting_get(s, "key", value, sizeof(value)), 0);
    CHECK(strcmp(value, "value") == 0);
    CHECK_EQ(store_setting_get(s, "key", value, 5), -ENOBUFS);
    CHECK_EQ(store_setting_get(s, "other", value, 5), -ENOENT);
    store_close(s);
    place_remove(&place);
}

static void files_keep_others_out(void)
{
    struct place place = place_make();
    CLEANUP(store_close) struct store *s = open_store(&place);
    CHECK_EQ(use(s), 0);
    static const char *const names[] = {"assize.db", "assize.db-wal", "assize.db-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct stat st;
        CHECK_EQ(stat(place_file(&place, names[i]), &st), 0);
        CHECK_EQ(st.st_mode & 0777, 0600);
    }
    place_remove(&place);
}

static void a_hearing_closes_once(struct store *s)
{
    CHECK_EQ(store_hearing_set_state(s, 0xa1, TERMS_STATE_RECESS, NOW_US + 6, 0), 0);
    CHECK_EQ(store_hearing_set_state(s, 0xa1, TERMS_STATE_OPEN, NOW_US + 7, 0), 0);
    struct store_hearing h;
    CHECK_EQ(store_hearing_get(s, 0xa1, &h), 0);
    CHECK_EQ(h.opened_us, NOW_US + 5); /* the first time */
    CHECK_EQ(store_hearing_set_state(s, 0xa1, TERMS_STATE_CLOSED, NOW_US + 8, 0), 0);
    CHECK_EQ(store_hearing_set_state(s, 0xa1, TERMS_STATE_OPEN, NOW_US + 9, 0), -EPERM);
    CHECK_EQ(store_hearing_get(s, 0xa1, &h), 0);
    CHECK(h.state == TERMS_STATE_CLOSED && h.closed_us == NOW_US + 8);
    CHECK_EQ(store_hearing_set_state(s, 0xa2, TERMS_STATE_OPEN, NOW_US, 0), -ENOENT);
}

static void what_does_not_fit_is_refused(struct store *s)
{
    CHECK_EQ(store_hearing_add(s, &sample_hearing), -EEXIST);
    struct store_hearing h = sample_hearing;
    h.id = 0;
    CHECK_EQ(store_hearing_add(s, &h), -EINVAL);
    h.id = 0xa3;
    h.title[0] = '\n';
    CHECK_EQ(store_hearing_add(s, &h), -EINVAL);
    struct store_person p = sample_person;
    CHECK_EQ(store_person_add(s, &p), -EEXIST);
    p.id = 0xb1;
    p.hearing = 0xdead;
    CHECK_EQ(store_person_add(s, &p), -ENOENT);
    CHECK_EQ(store_person_set(s, &p), -ENOENT);
    p.hearing = 0xa1;
    p.role = CONTROL_ROLE_COUNT;
    CHECK_EQ(store_person_add(s, &p), -EINVAL);
    p = sample_person;
    p.seats = LIMIT_SEATS + 1;
    CHECK_EQ(store_person_set(s, &p), -EINVAL);
    struct store_invitation i = sample_invitation;
    CHECK_EQ(store_invitation_add(s, &i), -EEXIST);
    i.id = 0x78;
    i.person = 0;
    CHECK_EQ(store_invitation_add(s, &i), -EINVAL);
    i.person = 0xdead;
    CHECK_EQ(store_invitation_add(s, &i), -ENOENT);
    CHECK_EQ(store_resume_set(s, 0xdead, hash_a), -ENOENT);
    CHECK_EQ(store_cookie_add(s, hash_b, 0xdead, NOW_US), -ENOENT);
    CHECK_EQ(store_setting_set(s, "", "v"), -EINVAL);
    CHECK_EQ(store_setting_set(s, "k", "\xff"), -EINVAL);
    struct store_hearing got;
    CHECK_EQ(store_hearing_get(s, 0xdead, &got), -ENOENT);
    CHECK_EQ(store_invitation_revoke(s, 0xdead, NOW_US), -ENOENT);
    CHECK_EQ(store_invitation_revoke(s, 0x77, 0), -EINVAL);
}

static void secrets_end_with_the_invitation(struct store *s)
{
    struct store_invitation found;
    CHECK_EQ(store_resume_check(s, sample_person.id, hash_a), 0);
    CHECK_EQ(store_resume_check(s, sample_person.id, hash_b), -EACCES);
    CHECK_EQ(store_resume_check(s, 0xdead, hash_a), -EACCES);
    CHECK_EQ(store_cookie_get(s, hash_a, NOW_US + 499, &found), 0);
    CHECK_EQ(found.id, 0x77);
    CHECK_EQ(store_cookie_get(s, hash_a, NOW_US + 500, &found), -EACCES);
    CHECK_EQ(store_cookie_get(s, hash_b, NOW_US, &found), -EACCES);
    /* A cookie does not outlive its invitation, however long it was made for. */
    CHECK_EQ(store_cookie_add(s, hash_b, 0x77, NOW_US + 5000), 0);
    CHECK_EQ(store_cookie_get(s, hash_b, NOW_US + 999, &found), 0);
    CHECK_EQ(store_cookie_get(s, hash_b, NOW_US + 1000, &found), -EACCES);

    CHECK_EQ(store_invitation_revoke(s, 0x77, NOW_US + 1), 0);
    CHECK_EQ(store_invitation_revoke(s, 0x77, NOW_US + 2), 0);
    CHECK_EQ(store_invitation_get(s, 0x77, &found), 0);
    CHECK_EQ(found.revoked_us, NOW_US + 1);
    CHECK_EQ(store_resume_check(s, sample_person.id, hash_a), -EACCES);
    CHECK_EQ(store_cookie_get(s, hash_a, NOW_US, &found), -EACCES);
    CHECK_EQ(store_cookie_get(s, hash_b, NOW_US, &found), -EACCES);

    struct store_invitation again = sample_invitation;
    again.id = 0x79;
    CHECK_EQ(store_invitation_add(s, &again), 0);
    CHECK_EQ(store_resume_set(s, sample_person.id, hash_b), 0);
    CHECK_EQ(store_cookie_add(s, hash_b, 0x79, NOW_US + 5000), 0);
    CHECK_EQ(store_invitation_revoke_person(s, sample_person.id, NOW_US), 0);
    CHECK_EQ(store_resume_check(s, sample_person.id, hash_b), -EACCES);
    CHECK_EQ(store_cookie_get(s, hash_b, NOW_US, &found), -EACCES);
    CHECK_EQ(store_cookie_forget(s, hash_b), 0);
}

static void lists_are_apart(struct store *s)
{
    struct store_invitation pass = {
        .id = 0x80, .role = CONTROL_ROLE_CLERK, .created_us = NOW_US, .expires_us = NOW_US + 9};
    CHECK_EQ(store_invitation_add(s, &pass), 0);
    struct store_invitation *list;
    size_t count;
    CHECK_EQ(store_invitation_list(s, 0, &list, &count), 0);
    CHECK(count == 1 && list[0].id == 0x80 && list[0].hearing == 0);
    free(list);
    CHECK_EQ(store_invitation_list(s, 0xa1, &list, &count), 0);
    CHECK_EQ(count, 2);
    free(list);
    CHECK_EQ(store_invitation_list(s, 0xdead, &list, &count), 0);
    CHECK(count == 0 && !list);
}

/* A listing has LIMIT_STORE_LIST rows at most: the hearings scheduled last, the invitations made
 * first. */
static void lists_are_bounded(void)
{
    struct place place = place_make();
    CLEANUP(store_close) struct store *s = open_store(&place);
    struct store_hearing h = sample_hearing, *hearings;
    struct store_invitation pass = {.role = CONTROL_ROLE_CLERK, .expires_us = NOW_US * 2}, *passes;
    size_t hearing_count, pass_count;
    for (uint64_t n = 1; n <= LIMIT_STORE_LIST + 1; n++) {
        if (n == 1 || n == LIMIT_STORE_LIST + 1)
            CHECK_EQ(store_begin(s), 0); /* one wait for the disk, not one a row */
        h.id = pass.id = n;
        h.scheduled_us = pass.created_us = NOW_US + n;
        CHECK_EQ(store_hearing_add(s, &h), 0);
        CHECK_EQ(store_invitation_add(s, &pass), 0);
        if (n < LIMIT_STORE_LIST)
            continue;
        CHECK_EQ(store_commit(s), 0);
        CHECK_EQ(store_hearing_list(s, 1u << TERMS_STATE_SCHEDULED, &hearings, &hearing_count), 0);
        CHECK_EQ(store_invitation_list(s, 0, &passes, &pass_count), 0);
        CHECK(hearing_count == LIMIT_STORE_LIST && pass_count == LIMIT_STORE_LIST);
        CHECK_EQ(hearings[0].id, n);
        CHECK_EQ(hearings[hearing_count - 1].id, n - LIMIT_STORE_LIST + 1);
        CHECK_EQ(passes[0].id, 1);
        CHECK_EQ(passes[pass_count - 1].id, LIMIT_STORE_LIST);
        free(hearings);
        free(passes);
    }
    place_remove(&place);
}

static void bounds_hold(void)
{
    struct place place = place_make();
    CLEANUP(store_close) struct store *s = open_store(&place);
    CHECK_EQ(store_begin(s), 0);
    CHECK_EQ(store_begin(s), -EALREADY);
    CHECK_EQ(store_hearing_add(s, &sample_hearing), 0);
    struct store_person p = sample_person;
    for (uint64_t i = 1; i <= LIMIT_PEOPLE_PER_HEARING; i++) {
        p.id = i;
        CHECK_EQ(store_person_add(s, &p), 0);
    }
    p.id = 1000;
    CHECK_EQ(store_person_add(s, &p), -ENOSPC);
    struct store_person *people;
    size_t count;
    CHECK_EQ(store_person_list(s, 0xa1, &people, &count), 0);
    CHECK_EQ(count, LIMIT_PEOPLE_PER_HEARING);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(people[i].id, i + 1); /* the order of adding */
    free(people);

    struct store_invitation i = sample_invitation, found;
    i.person = 1;
    i.expires_us = INT64_MAX;
    CHECK_EQ(store_invitation_add(s, &i), 0);
    uint8_t hash[STORE_HASH_LEN] = {0};
    for (uint64_t n = 0; n <= LIMIT_COOKIES; n++) {
        memcpy(hash, &n, sizeof(n));
        CHECK_EQ(store_cookie_add(s, hash, i.id, NOW_US + 1 + n), 0);
    }
    CHECK_EQ(store_cookie_get(s, hash, NOW_US, &found), 0);
    memset(hash, 0, sizeof(hash)); /* the one that ends first made room */
    CHECK_EQ(store_cookie_get(s, hash, NOW_US, &found), -EACCES);
    hash[0] = 1;
    CHECK_EQ(store_cookie_get(s, hash, NOW_US, &found), 0);
    CHECK_EQ(store_commit(s), 0);
    CHECK_EQ(store_commit(s), -EINVAL);
    place_remove(&place);
}

static void rolling_back_leaves_nothing(void)
{
    struct place place = place_make();
    struct store *s = open_store(&place);
    CHECK_EQ(store_begin(s), 0);
    CHECK_EQ(use(s), 0);
    store_rollback(s);
    struct store_hearing h;
    CHECK_EQ(store_hearing_get(s, 0xa1, &h), -ENOENT);
    CHECK_EQ(store_begin(s), 0);
    CHECK_EQ(use(s), 0);
    store_close(s); /* with a transaction pending */
    s = open_store(&place);
    CHECK_EQ(store_hearing_get(s, 0xa1, &h), -ENOENT);
    CHECK_EQ(use(s), 0);
    store_close(s);
    place_remove(&place);
}

static void another_process_is_noticed(void)
{
    struct place place = place_make();
    CLEANUP(store_close) struct store *server = open_store(&place);
    CHECK_EQ(use(server), 0);
    uint64_t before, after;
    CHECK_EQ(store_changes(server, &before), 0);
    CHECK_EQ(store_setting_set(server, "own", "change"), 0);
    CHECK_EQ(store_changes(server, &after), 0);
    CHECK_EQ(after, before);
    pid_t child = fork();
    if (child == 0) {
        struct store *admin = open_store(&place);
        CHECK_EQ(store_invitation_revoke(admin, 0x77, NOW_US), 0);
        store_close(admin);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_EQ(store_changes(server, &after), 0);
    CHECK(after != before);
    struct store_invitation i;
    CHECK_EQ(store_invitation_get(server, 0x77, &i), 0);
    CHECK_EQ(i.revoked_us, NOW_US);
    place_remove(&place);
}

/* Counts up until killed; tells each count that is safe. */
static void count_forever(const struct place *place, int tell_fd)
{
    struct store *s = open_store(place);
    struct store_person p;
    CHECK_EQ(store_person_get(s, sample_person.id, &p), 0);
    for (;;) {
        p.arrival++;
        CHECK_EQ(store_person_set(s, &p), 0);
        if (write(tell_fd, &p.arrival, sizeof(p.arrival)) != (ssize_t)sizeof(p.arrival))
            _exit(1);
    }
}

static void kill_9_loses_nothing_that_was_safe(void)
{
    struct place place = place_make();
    struct store *s = open_store(&place);
    CHECK_EQ(use(s), 0);
    store_close(s);
    for (unsigned round = 0; round < 5; round++) {
        uint64_t safe = place_kill_writer(&place, count_forever, 3 * round + 1);
        s = open_store(&place);
        struct store_person p;
        CHECK_EQ(store_person_get(s, sample_person.id, &p), 0);
        CHECK(p.arrival == safe || p.arrival == safe + 1);
        store_close(s);
    }
    place_remove(&place);
}

/* Writes bytes of the database's header (SQLite file format, section 1.3). */
static void patch(const struct place *place, off_t offset, const void *bytes, size_t len)
{
    int fd = open(place_file(place, "assize.db"), O_WRONLY | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, bytes, len, offset), (intmax_t)len);
    close(fd);
}

static void what_is_not_ours_is_refused(void)
{
    struct place place = place_make();
    struct store *s = open_store(&place);
    store_close(s);
    patch(&place, 60, "\0\0\1\0", 4); /* user_version: a newer Assize wrote it */
    CHECK_EQ(store_open(place.path, &s), -EPROTONOSUPPORT);
    patch(&place, 0, "not a database at all", 21);
    CHECK_EQ(store_open(place.path, &s), -EBADMSG);
    CHECK_EQ(store_open(place_file(&place, "missing"), &s), -ENOENT);
    place_remove(&place);
    place = place_make();
    CHECK_EQ(symlink("/tmp/elsewhere", place_file(&place, "assize.db")), 0);
    CHECK_EQ(store_open(place.path, &s), -ELOOP);
    place_remove(&place);
}

/* A store of the first release is brought up to date, and what was in it stays. */
static void older_stores_are_taken(void)
{
    struct place place = place_make();
    const struct sqlfile_design first = {
        .application_id = STORE_SCHEMA_APPLICATION_ID,
        .steps = store_schema_steps,
        .step_count = 1,
    };
    struct sqlfile *f = NULL;
    CHECK_EQ(sqlfile_open(place_file(&place, "assize.db"), &first, &f), 0);
    sqlfile_close(f);
    struct store *s = open_store(&place);
    CHECK_EQ(use(s), 0);
    struct store_hearing h;
    CHECK_EQ(store_hearing_get(s, 0xa1, &h), 0);
    CHECK(h.vp9);
    store_close(s);
    place_remove(&place);
}

/* Four processes that open a new store together all get it. */
static void processes_may_start_together(void)
{
    struct place place = place_make();
    for (int i = 0; i < 4; i++) {
        if (fork() != 0)
            continue;
        struct store *s = open_store(&place);
        char key[2] = {(char)('a' + i), '\0'};
        CHECK_EQ(store_setting_set(s, key, "here"), 0);
        store_close(s);
        _exit(0);
    }
    for (int i = 0; i < 4; i++) {
        int status;
        CHECK(wait(&status) > 0 && status == 0);
    }
    CLEANUP(store_close) struct store *s = open_store(&place);
    char value[8];
    for (char key[2] = "a"; key[0] <= 'd'; key[0]++)
        CHECK_EQ(store_setting_get(s, key, value, sizeof(value)), 0);
    place_remove(&place);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        struct place place = place_make();
        faults_fail_at(n);
        int r = work_a_day(&place);
        bool happened = faults_happened();
        faults_fail_at(-1);
        /* All of it is there or nothing, and the store opens again. */
        struct store *s = NULL;
        struct store_hearing h;
        CHECK_EQ(store_open(place.path, &s), 0);
        int there = store_hearing_get(s, 0xa1, &h);
        CHECK(there == -ENOENT || (there == 0 && h.state == TERMS_STATE_OPEN));
        if (there == -ENOENT)
            CHECK_EQ(use(s), 0);
        store_close(s);
        place_remove(&place);
        if (!happened) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK(r <= 0);
    }
#else
    struct place first = place_make();
    CHECK_EQ(work_a_day(&first), 0);
    place_remove(&first);
    everything_survives_reopening();
    files_keep_others_out();
    struct place place = place_make();
    struct store *s = open_store(&place);
    CHECK_EQ(use(s), 0);
    a_hearing_closes_once(s);
    what_does_not_fit_is_refused(s);
    secrets_end_with_the_invitation(s);
    lists_are_apart(s);
    store_close(s);
    place_remove(&place);
    bounds_hold();
    lists_are_bounded();
    rolling_back_leaves_nothing();
    another_process_is_noticed();
    kill_9_loses_nothing_that_was_safe();
    older_stores_are_taken();
    what_is_not_ours_is_refused();
    processes_may_start_together();
    return 0;
#endif
}
