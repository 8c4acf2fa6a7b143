/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW_US 1795339800999999ull /* 2026-11-22 09:30:00.999999 */
#define PERSON 0x0123456789abcdefull

static void write_secret(const char *path, const char *text, mode_t mode)
{
    (void)unlink(path);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL);
    CHECK(fputs(text, f) >= 0);
    CHECK_EQ(fclose(f), 0);
    CHECK_EQ(chmod(path, mode), 0);
}

static struct config config_of(const char *path)
{
    struct config config = {
        .turn = {.urls = {1, {"turns:court.example.org:443?transport=tcp"}}, .life_s = 3600},
    };
    (void)snprintf(config.turn.secret_file, sizeof(config.turn.secret_file), "%s", path);
    return config;
}

static int offer(const char *path, struct turn_offer *ret_offer)
{
    const struct config config = config_of(path);
    CLEANUP(turn_close) struct turn *turn = NULL;
    int r = turn_open(&config, &turn);
    if (r < 0)
        return r;
    CHECK(turn != NULL);
    r = turn_offer(turn, PERSON, NOW_US, ret_offer);
    if (r == 0)
        CHECK(ret_offer->urls->count == 1 &&
              strcmp(ret_offer->urls->items[0], config.turn.urls.items[0]) == 0);
    return r;
}

/* The user ends when its time says, and the password is what PROTOCOL.md's sample was made with. */
static void check_offer(const struct turn_offer *o)
{
    CHECK_EQ(strcmp(o->user, "1795343400:0123456789abcdef"), 0);
    CHECK_EQ(strcmp(o->password, "g+BEUBR5Th8nR/S6BCL4YIz3G5g="), 0);
}

#ifndef TEST_FAULTS
/* RFC 2202 section 3, test case 2. */
static void the_mac_is_hmac_sha1(void)
{
    char text[DIGEST_SHA1_BASE64_TEXT];
    CHECK_EQ(digest_hmac_sha1_base64("Jefe", 4, "what do ya want for nothing?", 28, text), 0);
    CHECK_EQ(strcmp(text, "7/zfauXrL6LSdBbV8YTfnCWafHk="), 0);
}

static void only_a_safe_file_with_one_secret_is_taken(const char *path)
{
    char longest[LIMIT_TURN_SECRET_BYTES + 2];
    memset(longest, 'a', sizeof(longest));
    longest[LIMIT_TURN_SECRET_BYTES + 1] = '\0';
    const struct {
        const char *text;
        mode_t mode;
        int result;
    } cases[] = {
        {SECRET, 0600, 0},
        {SECRET "\n", 0400, 0},
        {SECRET, 0640, -EPERM},
        {SECRET, 0604, -EPERM},
        {SECRET, 0620, -EPERM},
        {longest + 1, 0600, 0},
        {longest, 0600, -EBADMSG},
        {SECRET "\n\n", 0600, -EBADMSG},
        {SECRET "\r\n", 0600, -EBADMSG},
        {SECRET " #", 0600, -EBADMSG},
        {&SECRET[1], 0600, -EBADMSG}, /* too short */
        {"", 0600, -EBADMSG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct turn_offer o;
        write_secret(path, cases[i].text, cases[i].mode);
        CHECK_EQ(offer(path, &o), cases[i].result);
    }
    struct turn_offer o;
    CHECK_EQ(offer("/nonesuch", &o), -ENOENT);
    CHECK_EQ(offer("/dev/null", &o), -EPERM);
    if (geteuid() == 0) {
        write_secret(path, SECRET, 0600);
        CHECK_EQ(chown(path, 65534, 65534), 0);
        CHECK_EQ(offer(path, &o), -EPERM); /* another user's */
    }
}

/* Without a TURN server the file is not looked at. */
static void none_is_none(void)
{
    struct config config = config_of("/nonesuch");
    struct turn *turn = NULL;
    config.turn.urls.count = 0;
    CHECK_EQ(turn_open(&config, &turn), 0);
    CHECK(turn == NULL);
    turn_close(turn);
}
#endif

int main(void)
{
    struct place place = place_make();
    const char *path = place_file(&place, "turn.secret");
    struct turn_offer o;
    write_secret(path, SECRET, 0600);
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = offer(path, &o);
        bool happened = faults_happened();
        faults_fail_at(-1);
        if (r == 0)
            check_offer(&o);
        if (!happened) {
            CHECK_EQ(r, 0);
            break;
        }
        CHECK(r < 0);
    }
#else
    CHECK_EQ(offer(path, &o), 0);
    check_offer(&o);
    the_mac_is_hmac_sha1();
    only_a_safe_file_with_one_secret_is_taken(path);
    none_is_none();
#endif
    place_remove(&place);
    return 0;
}
