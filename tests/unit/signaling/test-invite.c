/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/invite.h"

#include <errno.h>
#include <string.h>

#include "place.h"
#include "signaling/journal.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#define NOW_US  (1800000000ull * 1000000)
#define LATE_US (NOW_US + 1000)

static const struct store_hearing sample = {
    .scheduled_us = NOW_US, .case_number = "(2026) 1", .title = "A v. B", .court = "Chamber"};
static const struct invite_guest guests[] = {{CONTROL_ROLE_JUDGE, "陈敏"},
                                             {CONTROL_ROLE_PARTY, "Li Wei"}};

/* How many invitations of the hearing are good, and how many there are. */
static void count_invitations(struct store *s, uint64_t hearing, size_t *ret_good, size_t *ret_all)
{
    struct store_invitation *list;
    CHECK_EQ(store_invitation_list(s, hearing, &list, ret_all), 0);
    *ret_good = 0;
    for (size_t i = 0; i < *ret_all; i++)
        *ret_good += list[i].revoked_us == 0;
    free(list);
}

#ifdef TEST_FAULTS
static int make_and_renew(const struct invite_place *at, uint64_t *ret_hearing)
{
    int r = invite_hearing(at, &sample, guests, 2, LATE_US, NOW_US, ret_hearing);
    return r < 0 ? r : invite_renew(at, *ret_hearing, LATE_US, NOW_US);
}
#else
static struct journal_summary journal_of(const struct place *place, uint64_t hearing)
{
    struct journal *j;
    CHECK_EQ(journal_open(place->path, hearing, NOW_US, &j), 0);
    struct journal_summary summary = journal_summary(j);
    journal_close(j);
    return summary;
}

static void every_step_is_in_store_and_journal(struct store *s, const struct place *place)
{
    struct invite_place at = {place->path, s};
    uint64_t id = 0;
    size_t good, all;
    CHECK_EQ(invite_hearing(&at, &sample, guests, 2, LATE_US, NOW_US, &id), 0);
    struct store_hearing h;
    CHECK_EQ(store_hearing_get(s, id, &h), 0);
    CHECK(h.state == TERMS_STATE_SCHEDULED && h.since_us == NOW_US);
    struct store_person *people;
    CHECK_EQ(store_person_list(s, id, &people, &all), 0);
    CHECK(all == 2 && strcmp(people[0].name, "陈敏") == 0);
    CHECK(people[1].role == CONTROL_ROLE_PARTY && people[1].room == TERMS_ROOM_OUTSIDE);
    count_invitations(s, id, &good, &all);
    CHECK(good == 2 && all == 2);
    CHECK_EQ(journal_of(place, id).lines, 3); /* created, two invited */

    CHECK_EQ(invite_renew(&at, id, LATE_US, NOW_US), 0);
    count_invitations(s, id, &good, &all);
    CHECK(good == 2 && all == 4);
    CHECK_EQ(journal_of(place, id).lines, 7); /* two revoked, two invited */

    /* Who was put out is not invited again. */
    people[1].removed = true;
    CHECK_EQ(store_person_set(s, &people[1]), 0);
    free(people);
    CHECK_EQ(invite_renew(&at, id, LATE_US, NOW_US), 0);
    count_invitations(s, id, &good, &all);
    CHECK(good == 1 && all == 5);

    struct store_invitation *list;
    CHECK_EQ(store_invitation_list(s, id, &list, &all), 0);
    uint64_t last = 0;
    for (size_t i = 0; i < all; i++)
        if (list[i].revoked_us == 0)
            last = list[i].id;
    free(list);
    CHECK_EQ(invite_revoke(&at, last, NOW_US), 0);
    CHECK_EQ(invite_revoke(&at, last, NOW_US), -EALREADY);
    CHECK_EQ(invite_revoke(&at, 0xdead, NOW_US), -ENOENT);
    count_invitations(s, id, &good, &all);
    CHECK_EQ(good, 0);

    CHECK_EQ(store_hearing_set_state(s, id, TERMS_STATE_CLOSED, NOW_US, 0), 0);
    CHECK_EQ(invite_renew(&at, id, LATE_US, NOW_US), -ESTALE);
    CHECK_EQ(invite_renew(&at, 0xdead, LATE_US, NOW_US), -ENOENT);
}

static void passes_are_of_no_hearing(struct store *s, const struct place *place)
{
    struct invite_place at = {place->path, s};
    uint64_t id;
    struct store_invitation pass;
    CHECK_EQ(invite_pass(&at, LATE_US, NOW_US, &id), 0);
    CHECK_EQ(store_invitation_get(s, id, &pass), 0);
    CHECK(pass.hearing == 0 && pass.person == 0 && pass.role == CONTROL_ROLE_CLERK);
    CHECK_EQ(invite_revoke(&at, id, NOW_US), 0);
    CHECK_EQ(store_invitation_get(s, id, &pass), 0);
    CHECK_EQ(pass.revoked_us, NOW_US);
}

static void bad_labels_make_nothing(struct store *s, const struct place *place)
{
    struct invite_place at = {place->path, s};
    struct invite_guest bad[] = {{CONTROL_ROLE_JUDGE, "good"}, {CONTROL_ROLE_PARTY, "bad\n"}};
    uint64_t id = 0;
    size_t before, after;
    struct store_hearing *list;
    CHECK_EQ(store_hearing_list(s, ~0u, &list, &before), 0);
    free(list);
    CHECK_EQ(invite_hearing(&at, &sample, bad, 2, LATE_US, NOW_US, &id), -EINVAL);
    static struct invite_guest many[LIMIT_PEOPLE_PER_HEARING + 1];
    CHECK_EQ(invite_hearing(&at, &sample, many, LIMIT_PEOPLE_PER_HEARING + 1, LATE_US, NOW_US, &id),
             -ENOSPC);
    struct store_hearing empty = sample;
    empty.court[0] = '\0';
    CHECK_EQ(invite_hearing(&at, &empty, guests, 2, LATE_US, NOW_US, &id), -EINVAL);
    CHECK_EQ(store_hearing_list(s, ~0u, &list, &after), 0);
    free(list);
    CHECK(after == before && id == 0);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        struct place place = place_make();
        struct store *s;
        CHECK_EQ(store_open(place.path, &s), 0);
        struct invite_place at = {place.path, s};
        uint64_t id = 0;
        faults_fail_at(n);
        int r = make_and_renew(&at, &id);
        bool happened = faults_happened();
        faults_fail_at(-1);
        /* Each of the two steps is done whole or not at all. */
        struct store_hearing *list = NULL;
        size_t hearings, good = 0, all = 0;
        CHECK_EQ(store_hearing_list(s, ~0u, &list, &hearings), 0);
        if (hearings == 1)
            count_invitations(s, list[0].id, &good, &all);
        CHECK(hearings == 0 || (hearings == 1 && good == 2 && (all == 2 || all == 4)));
        free(list);
        store_close(s);
        place_remove(&place);
        if (!happened) {
            CHECK(r == 0 && all == 4);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK(r <= 0 && (r < 0 || all == 4));
    }
#else
    struct place place = place_make();
    struct store *s;
    CHECK_EQ(store_open(place.path, &s), 0);
    every_step_is_in_store_and_journal(s, &place);
    passes_are_of_no_hearing(s, &place);
    bad_labels_make_nothing(s, &place);
    store_close(s);
    place_remove(&place);
    return 0;
#endif
}
