/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

struct note {
    struct letter letter; /* first, so a letter is a note */
    int value;
};

static void add_up(struct letter *l, void *owner)
{
    struct note *note = (struct note *)l;
    *(int *)owner += note->value;
    free(note);
}

static void discard(struct letter *l)
{
    free(l);
}

static int post_value(struct mailbox *m, int value)
{
    struct note *note = calloc(1, sizeof(*note));
    if (!note)
        return -ENOMEM;
    *note = (struct note){.letter = {.deliver = add_up, .discard = discard}, .value = value};
    int r = mailbox_post(m, &note->letter);
    if (r < 0)
        free(note);
    return r;
}

static int full_and_leftover(void)
{
    CLEANUP(mailbox_destroy) struct mailbox *m = NULL;
    int r = mailbox_create(2, &m);
    if (r < 0)
        return r;
    for (int i = 1; i <= 2; i++) {
        r = post_value(m, i);
        if (r < 0)
            return r;
    }
    r = post_value(m, 3);
    if (r == -ENOMEM)
        return r;
    CHECK_EQ(r, -ENOBUFS);

    int sum = 0;
    CHECK_EQ(mailbox_drain(m, &sum, 7), 2);
    CHECK_EQ(sum, 3);
    return post_value(m, 4); /* never drained: destroy must free it */
}

#ifndef TEST_FAULTS
static bool wakes(const struct mailbox *m)
{
    struct pollfd wake = {.fd = mailbox_fd(m), .events = POLLIN};
    return poll(&wake, 1, 0) == 1;
}

/* What is not taken yet keeps its place, and the descriptor readable. */
static void in_portions(void)
{
    CLEANUP(mailbox_destroy) struct mailbox *m = NULL;
    CHECK_EQ(mailbox_create(4, &m), 0);
    int sum = 0;
    for (int i = 1; i <= 3; i++)
        CHECK_EQ(post_value(m, i), 0);
    CHECK_EQ(mailbox_drain(m, &sum, 0), 0);
    CHECK_EQ(mailbox_drain(m, &sum, 1), 1);
    CHECK_EQ(sum, 1);
    CHECK(wakes(m));
    CHECK_EQ(post_value(m, 10), 0);
    CHECK_EQ(mailbox_drain(m, &sum, 2), 2);
    CHECK_EQ(sum, 6);
    CHECK_EQ(mailbox_drain(m, &sum, 2), 1);
    CHECK_EQ(sum, 16);
    CHECK(!wakes(m));
    CHECK_EQ(post_value(m, 100), 0);
    CHECK_EQ(mailbox_drain(m, &sum, 1), 1);
    CHECK_EQ(sum, 116);
}

/* Digits, in the order they come. */
static void spell(struct letter *l, void *owner)
{
    struct note *note = (struct note *)l;
    *(int *)owner = *(int *)owner * 10 + note->value;
    free(note);
}

static struct mailbox *spelled;

static void post_digit(int digit)
{
    struct note *note = calloc(1, sizeof(*note));
    CHECK(note);
    *note = (struct note){.letter = {.deliver = spell, .discard = discard}, .value = digit};
    CHECK_EQ(mailbox_post(spelled, &note->letter), 0);
}

static int locks_until_post = -1; /* how many locks from now 9 is posted by another thread */

int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
    if (locks_until_post >= 0 && locks_until_post-- == 0)
        post_digit(9);
    return __real_pthread_mutex_lock(lock);
}

/* Posted while a portion is taken: it comes after what waited before. */
static void posted_in_between(void)
{
    CHECK_EQ(mailbox_create(4, &spelled), 0);
    for (int digit = 1; digit <= 3; digit++)
        post_digit(digit);
    int word = 0;
    locks_until_post = 1;
    CHECK_EQ(mailbox_drain(spelled, &word, 1), 1);
    CHECK_EQ(locks_until_post, -1);
    CHECK_EQ(word, 1);
    CHECK(wakes(spelled));
    post_digit(4);
    CHECK_EQ(mailbox_drain(spelled, &word, 9), 4);
    CHECK_EQ(word, 12394);
    post_digit(5);
    CHECK_EQ(mailbox_drain(spelled, &word, 9), 1);
    CHECK_EQ(word, 123945);
    mailbox_destroy(spelled);
}

enum { POSTERS = 4, EACH = 10000 };

static void *post_many(void *arg)
{
    for (int i = 0; i < EACH; i++)
        while (post_value(arg, 1) == -ENOBUFS)
            sched_yield();
    return NULL;
}

static void many_posters(void)
{
    CLEANUP(mailbox_destroy) struct mailbox *m = NULL;
    CHECK_EQ(mailbox_create(64, &m), 0);
    pthread_t threads[POSTERS];
    for (int i = 0; i < POSTERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, post_many, m), 0);

    int sum = 0;
    while (sum < POSTERS * EACH) {
        struct pollfd wake = {.fd = mailbox_fd(m), .events = POLLIN};
        CHECK_EQ(poll(&wake, 1, 5000), 1);
        mailbox_drain(m, &sum, 7);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = full_and_leftover();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK(r == -ENOMEM || r == -EMFILE);
    }
#else
    CHECK_EQ(full_and_leftover(), 0);
    in_portions();
    posted_in_between();
    many_posters();
    return 0;
#endif
}
