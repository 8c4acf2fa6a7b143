/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define NOW_US (1800000000ull * 1000000)

static const struct token sample = {
    .invitation = 0x0123456789abcdef, .hearing = 0xa1, .expires_us = NOW_US + 5000000};

/* Makes the key at first, makes a token, takes it back. */
static int make_and_check(const struct place *place)
{
    CLEANUP(token_key_close) struct token_key *key = NULL;
    int r = token_key_open(place->path, &key);
    if (r < 0)
        return r;
    char text[TOKEN_TEXT_MAX];
    r = token_make(key, &sample, text);
    if (r < 0)
        return r;
    struct token back;
    r = token_check(key, text, strlen(text), NOW_US, &back);
    if (r < 0)
        return r;
    CHECK(back.invitation == sample.invitation && back.hearing == sample.hearing);
    CHECK(back.expires_us == sample.expires_us);
    char secret[TOKEN_SECRET_TEXT];
    uint8_t hash[STORE_HASH_LEN], again[STORE_HASH_LEN];
    r = token_secret_make(secret, hash);
    if (r < 0)
        return r;
    r = token_secret_hash(secret, strlen(secret), again);
    if (r == 0)
        CHECK(memcmp(hash, again, sizeof(hash)) == 0);
    return r;
}

#ifndef TEST_FAULTS
static struct token_key *key_of(const struct place *place)
{
    struct token_key *key;
    CHECK_EQ(token_key_open(place->path, &key), 0);
    return key;
}

static int check(const struct token_key *key, const char *text)
{
    struct token token;
    return token_check(key, text, strlen(text), NOW_US, &token);
}

static void altered_tokens_are_refused(const struct place *place)
{
    CLEANUP(token_key_close) struct token_key *key = key_of(place);
    char text[TOKEN_TEXT_MAX];
    CHECK_EQ(token_make(key, &sample, text), 0);
    size_t len = strlen(text);
    CHECK_EQ(check(key, text), 0);
    for (size_t i = 0; i < len; i++)
        for (int bit = 0; bit < 7; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            struct token token;
            int r = token_check(key, text, len, NOW_US, &token);
            CHECK(r == -EBADMSG || r == -EXDEV); /* -EXDEV: the key id was hit */
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    for (size_t cut = 0; cut < len; cut++) {
        struct token token;
        CHECK_EQ(token_check(key, text, cut, NOW_US, &token), -EBADMSG);
    }
    text[len] = 'A';
    text[len + 1] = '\0';
    CHECK_EQ(check(key, text), -EBADMSG);
    char huge[2 * TOKEN_TEXT_MAX];
    memset(huge, 'A', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    CHECK_EQ(check(key, huge), -EBADMSG);
    CHECK_EQ(check(key, "djEuMDEyMzQ1Njc4OWFiY2RlZg.c2lnbmF0dXJl"), -EBADMSG);
}

static void expiry_is_exact(const struct place *place)
{
    CLEANUP(token_key_close) struct token_key *key = key_of(place);
    char text[TOKEN_TEXT_MAX];
    struct token token;
    CHECK_EQ(token_make(key, &sample, text), 0);
    CHECK_EQ(token_check(key, text, strlen(text), sample.expires_us - 1, &token), 0);
    CHECK_EQ(token_check(key, text, strlen(text), sample.expires_us, &token), -EKEYEXPIRED);
    CHECK_EQ(token_make(key, &(struct token){.invitation = 1}, text), -EINVAL);
    CHECK_EQ(token_make(key, &(struct token){.expires_us = NOW_US}, text), -EINVAL);
}

static void another_servers_token_is_foreign(const struct place *place)
{
    struct place other = place_make();
    CLEANUP(token_key_close) struct token_key *ours = key_of(place);
    CLEANUP(token_key_close) struct token_key *theirs = key_of(&other);
    char text[TOKEN_TEXT_MAX];
    CHECK_EQ(token_make(theirs, &sample, text), 0);
    CHECK_EQ(check(ours, text), -EXDEV);
    CHECK_EQ(check(theirs, text), 0);
    place_remove(&other);
}

static void write_key(const struct place *place, size_t len, mode_t mode)
{
    int fd = open(place_file(place, "token.key"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    static const char bytes[64] = {1};
    CHECK_EQ(write(fd, bytes, len), (intmax_t)len);
    CHECK_EQ(fchmod(fd, mode), 0);
    close(fd);
}

static void unsafe_keys_are_refused(void)
{
    static const struct {
        size_t len;
        mode_t mode;
        int error;
    } cases[] = {
        {32, 0600, 0},      {32, 0400, 0},        {32, 0640, -EPERM},   {32, 0604, -EPERM},
        {32, 0620, -EPERM}, {31, 0600, -EBADMSG}, {33, 0600, -EBADMSG}, {0, 0600, -EBADMSG},
    };
    struct place place = place_make();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_key(&place, cases[i].len, cases[i].mode);
        struct token_key *key = NULL;
        CHECK_EQ(token_key_open(place.path, &key), cases[i].error);
        token_key_close(key);
        CHECK_EQ(unlink(place_file(&place, "token.key")), 0);
    }
    CHECK_EQ(symlink("/dev/zero", place_file(&place, "token.key")), 0);
    struct token_key *key = NULL;
    CHECK_EQ(token_key_open(place.path, &key), -ELOOP);
    CHECK_EQ(token_key_open(place_file(&place, "missing"), &key), -ENOENT);
    place_remove(&place);
}

/* The key that is made has mode 0600, and four processes that start together make one. */
static void one_key_is_made(void)
{
    struct place place = place_make();
    int pipe_fds[2];
    CHECK_EQ(pipe(pipe_fds), 0);
    for (int i = 0; i < 4; i++) {
        if (fork() != 0)
            continue;
        struct token_key *key = key_of(&place);
        char text[TOKEN_TEXT_MAX] = {0};
        CHECK_EQ(token_make(key, &sample, text), 0);
        CHECK_EQ(write(pipe_fds[1], text, sizeof(text)), (intmax_t)sizeof(text));
        _exit(0);
    }
    char first[TOKEN_TEXT_MAX], next[TOKEN_TEXT_MAX];
    CHECK_EQ(read(pipe_fds[0], first, sizeof(first)), (intmax_t)sizeof(first));
    for (int i = 1; i < 4; i++) {
        CHECK_EQ(read(pipe_fds[0], next, sizeof(next)), (intmax_t)sizeof(next));
        CHECK(strcmp(first, next) == 0);
    }
    for (int i = 0; i < 4; i++) {
        int status;
        CHECK(wait(&status) > 0 && status == 0);
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    struct stat st;
    CHECK_EQ(stat(place_file(&place, "token.key"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0600);
    place_remove(&place);
}

static void admission_asks_the_store(const struct place *place)
{
    CLEANUP(token_key_close) struct token_key *key = key_of(place);
    CLEANUP(store_close) struct store *store = NULL;
    CHECK_EQ(store_open(place->path, &store), 0);
    struct store_hearing hearing = {.id = 0xa1, .case_number = "1", .title = "t", .court = "c"};
    struct store_person person = {
        .id = 5, .hearing = 0xa1, .role = CONTROL_ROLE_PARTY, .name = "n"};
    CHECK_EQ(store_hearing_add(store, &hearing), 0);
    CHECK_EQ(store_person_add(store, &person), 0);
    struct store_invitation invitation = {.id = sample.invitation,
                                          .hearing = 0xa1,
                                          .person = 5,
                                          .role = CONTROL_ROLE_PARTY,
                                          .created_us = NOW_US,
                                          .expires_us = sample.expires_us};
    char text[TOKEN_TEXT_MAX];
    CHECK_EQ(token_make(key, &sample, text), 0);

    struct store_invitation found;
    CHECK_EQ(token_admit(key, store, text, strlen(text), NOW_US, &found), -EXDEV);
    CHECK_EQ(store_invitation_add(store, &invitation), 0);
    CHECK_EQ(token_admit(key, store, text, strlen(text), NOW_US, &found), 0);
    CHECK_EQ(found.person, 5);
    /* The same invitation with another hearing in the token is not this one. */
    struct token wrong = sample;
    wrong.hearing = 0;
    char wrong_text[TOKEN_TEXT_MAX];
    CHECK_EQ(token_make(key, &wrong, wrong_text), 0);
    CHECK_EQ(token_admit(key, store, wrong_text, strlen(wrong_text), NOW_US, &found), -EXDEV);
    CHECK_EQ(store_invitation_revoke(store, invitation.id, NOW_US), 0);
    CHECK_EQ(token_admit(key, store, text, strlen(text), NOW_US, &found), -EKEYREVOKED);
}

static void secrets(void)
{
    static const char *const bad[] = {"", "q83vEjRWeJCrze8SNFZ4k", "q83vEjRWeJCrze8SNFZ4kAA",
                                      "q83vEjRWeJCrze8SNFZ4kB", "q83vEjRWeJCrze8SNFZ4k="};
    uint8_t hash[STORE_HASH_LEN];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(token_secret_hash(bad[i], strlen(bad[i]), hash), -EBADMSG);
    CHECK_EQ(token_secret_hash("q83vEjRWeJCrze8SNFZ4kA", 22, hash), 0);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        struct place place = place_make();
        faults_fail_at(n);
        int r = make_and_check(&place);
        bool happened = faults_happened();
        faults_fail_at(-1);
        /* Whatever failed, nothing half-made is in the way of the next start. */
        CHECK_EQ(make_and_check(&place), 0);
        place_remove(&place);
        if (!happened) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK(r <= 0);
    }
#else
    struct place place = place_make();
    CHECK_EQ(make_and_check(&place), 0);
    altered_tokens_are_refused(&place);
    expiry_is_exact(&place);
    another_servers_token_is_foreign(&place);
    admission_asks_the_store(&place);
    place_remove(&place);
    unsafe_keys_are_refused();
    one_key_is_made();
    secrets();
    return 0;
#endif
}
