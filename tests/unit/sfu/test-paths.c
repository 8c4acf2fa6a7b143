/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/paths.h"

#include <unistd.h>

#include "sfu/udp.h"
#include "unit/check.h"

#define SECOND 1000000ull

static struct directory *directory;
static struct send_queue *queue;

/* Page `n`'s address. */
static struct path from(unsigned n)
{
    struct path p = {.via = queue};
    CHECK_EQ(address_from_text("192.0.2.1", (uint16_t)(1000 + n), &p.remote), 0);
    return p;
}

static struct proven *checked(struct paths *p, unsigned n, uint64_t now_us)
{
    struct path path = from(n);
    struct proven *it = paths_checked(p, &path, false, now_us);
    CHECK(paths_find(p, &path) == it);
    CHECK(directory_find_path(directory, &path) == p->owner);
    return it;
}

/* The same beside the selected one, by which media comes. */
static struct proven *checked_beside(struct paths *p, unsigned n, uint64_t now_us)
{
    paths_heard(p, p->selected, now_us);
    return checked(p, n, now_us);
}

static bool is_there(struct paths *p, unsigned n)
{
    struct path path = from(n);
    bool there = paths_find(p, &path) != NULL;
    CHECK_EQ(directory_find_path(directory, &path) == p->owner, there);
    return there;
}

/* Of more than there is room for, the one not checked for longest makes way; never the one that is
 * sent to, however old. */
static void bounds_paths(void)
{
    struct paths p;
    paths_init(&p, directory, &p);
    p.selected = checked(&p, 0, SECOND);
    for (unsigned n = 1; n < LIMIT_ICE_PATHS; n++)
        (void)checked_beside(&p, n, n * SECOND);
    (void)checked_beside(&p, 1, 100 * SECOND);
    for (unsigned n = 0; n < LIMIT_ICE_PATHS; n++)
        CHECK(is_there(&p, n));
    (void)checked_beside(&p, 50, 101 * SECOND);
    (void)checked_beside(&p, 51, 102 * SECOND);
    for (unsigned n = 0; n < LIMIT_ICE_PATHS; n++)
        CHECK_EQ(is_there(&p, n), n != 2 && n != 3);
    paths_finish(&p);
    CHECK(!p.selected && !is_there(&p, 0) && !is_there(&p, 50));
}

/* Consent of each lapses by itself; what remains is sent to, the latest proof first. */
static void expires(void)
{
    struct paths p;
    paths_init(&p, directory, &p);
    p.selected = checked(&p, 0, 0);
    (void)checked_beside(&p, 1, 10 * SECOND);
    struct proven *latest = checked_beside(&p, 2, 20 * SECOND);
    (void)checked_beside(&p, 3, 15 * SECOND);
    paths_heard(&p, p.selected, 29 * SECOND); /* media is no consent */
    paths_expire(&p, PATHS_CONSENT_US - 1);
    CHECK(is_there(&p, 0) && p.selected != latest);
    paths_expire(&p, PATHS_CONSENT_US);
    CHECK(!is_there(&p, 0) && p.selected == latest);
    paths_expire(&p, 20 * SECOND + PATHS_CONSENT_US);
    CHECK(!p.selected && !is_there(&p, 2));
    paths_finish(&p);
}

/* What was heard lately is held; silence is of all paths together. */
static void holds(void)
{
    struct paths p;
    struct path a = from(0), b = from(1);
    paths_init(&p, directory, &p);
    (void)checked(&p, 0, SECOND);
    (void)checked(&p, 1, 5 * SECOND);
    CHECK(!paths_holds(&p, &a, SECOND + PATHS_SILENT_US));
    CHECK(paths_holds(&p, &b, SECOND + PATHS_SILENT_US));
    CHECK(!paths_are_silent(&p, 5 * SECOND + PATHS_SILENT_US - 1));
    CHECK(paths_are_silent(&p, 5 * SECOND + PATHS_SILENT_US));
    paths_heard(&p, paths_find(&p, &a), 10 * SECOND);
    CHECK(paths_holds(&p, &a, 16 * SECOND) && !paths_are_silent(&p, 16 * SECOND));
    struct path never = from(9);
    CHECK(!paths_holds(&p, &never, 0));
    paths_finish(&p);
}

/* By what is heard of the page: two paths in use change nothing, but where the one that is sent to
 * has been silent for PATHS_STALE_US, the one that is not is. */
static void follows(void)
{
    struct paths p;
    paths_init(&p, directory, &p);
    struct proven *one = p.selected = checked(&p, 0, SECOND);
    struct proven *other = checked(&p, 1, SECOND);
    for (uint64_t at_us = 2 * SECOND; at_us < 60 * SECOND; at_us += 2 * SECOND) {
        paths_heard(&p, one, at_us);
        paths_heard(&p, other, at_us + PATHS_STALE_US - 1);
        CHECK(p.selected == one);
        paths_heard(&p, one, at_us + PATHS_STALE_US - 1);
    }
    uint64_t last_us = one->heard_us;
    (void)checked(&p, 1, last_us + PATHS_STALE_US - 1);
    CHECK(p.selected == one);
    (void)checked(&p, 1, last_us + PATHS_STALE_US);
    CHECK(p.selected == other);
    paths_heard(&p, one, last_us + PATHS_STALE_US + 1); /* it was only late: no way back for that */
    CHECK(p.selected == other);
    paths_heard(&p, one, last_us + 2 * PATHS_STALE_US);
    CHECK(p.selected == one);

    /* After an ICE restart, what is outdated replaces only what is, too. */
    uint64_t late_us = 2 * last_us;
    paths_outdate(&p);
    paths_heard(&p, other, late_us);
    CHECK(p.selected == other && other->outdated);
    struct proven *fresh = checked(&p, 2, late_us + PATHS_STALE_US);
    CHECK(p.selected == fresh);
    paths_heard(&p, other, late_us + 3 * PATHS_STALE_US);
    CHECK(p.selected == fresh);
    paths_finish(&p);
}

/* The newest proof of an address has it; the one before gets it back by a check of its own. */
static void is_taken_over(void)
{
    struct paths one, other;
    struct path a = from(0);
    paths_init(&one, directory, &one);
    paths_init(&other, directory, &other);
    (void)checked(&one, 0, SECOND);
    (void)checked(&other, 0, 2 * SECOND);
    CHECK(paths_find(&one, &a)); /* it does not know */
    (void)checked(&one, 0, 3 * SECOND);
    CHECK(directory_find_path(directory, &a) == &one);
    paths_finish(&other); /* takes out its own entry only */
    CHECK(directory_find_path(directory, &a) == &one);
    paths_finish(&one);
}

/* An ICE restart ends what was not proven since. */
static void restarts(void)
{
    struct paths p;
    struct path old = from(2);
    paths_init(&p, directory, &p);
    p.selected = checked(&p, 0, SECOND);
    (void)checked(&p, 1, SECOND);
    paths_outdate(&p);
    CHECK(is_there(&p, 0) && is_there(&p, 1) && p.selected);
    p.selected = checked(&p, 1, 2 * SECOND);
    (void)paths_checked(&p, &old, true, 2 * SECOND); /* with the credentials before it */
    (void)checked(&p, 3, 2 * SECOND);
    paths_forget_outdated(&p);
    CHECK(!is_there(&p, 0) && is_there(&p, 1) && !is_there(&p, 2) && is_there(&p, 3));
    CHECK(p.selected);
    paths_outdate(&p);
    paths_forget_outdated(&p);
    CHECK(!p.selected && !is_there(&p, 1));
    paths_finish(&p);
}

int main(void)
{
    struct address any;
    CHECK_EQ(address_from_text("127.0.0.1", 0, &any), 0);
    int fd = udp_open(&any);
    CHECK(fd >= 0);
    CHECK_EQ(directory_create(&directory), 0);
    CHECK_EQ(send_queue_create(fd, NULL, &queue), 0);
    bounds_paths();
    expires();
    holds();
    follows();
    is_taken_over();
    restarts();
    send_queue_destroy(queue);
    directory_destroy(directory);
    close(fd);
    return 0;
}
