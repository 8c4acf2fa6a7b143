/* SPDX-License-Identifier: Apache-2.0 */
/* What others do to the store while assize-admin waits for the disk with a journal line: they can,
 * and it is seen. */
#include "signaling/invite.h"

#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "signaling/journal.h"
#include "unit/check.h"

#define NOW_US  1700000000000000ull
#define LATE_US (NOW_US + 1000000)

static const struct store_hearing sample = {
    .scheduled_us = NOW_US, .case_number = "(2026) 1", .title = "A v. B", .court = "Chamber"};
static const struct invite_guest guests[] = {{CONTROL_ROLE_JUDGE, "陈敏"},
                                             {CONTROL_ROLE_PARTY, "Li Wei"}};

static struct store *server; /* its connection */
static unsigned lines;
static unsigned lines_of[JOURNAL_EVENT_COUNT];
static void (*meanwhile)(void); /* happens once, within the next invitation.created */

/* The linker sends invite.c's calls here. */
int __wrap_journal_append(struct journal *journal, const struct journal_entry *entry,
                          uint64_t now_us, const char **ret_text, size_t *ret_len);
int __real_journal_append(struct journal *journal, const struct journal_entry *entry,
                          uint64_t now_us, const char **ret_text, size_t *ret_len);

int __wrap_journal_append(struct journal *journal, const struct journal_entry *entry,
                          uint64_t now_us, const char **ret_text, size_t *ret_len)
{
    CHECK_EQ(store_setting_set(server, "alive", "1"), 0);
    lines++;
    lines_of[entry->event]++;
    if (meanwhile && entry->event == JOURNAL_INVITATION_CREATED) {
        void (*happens)(void) = meanwhile;
        meanwhile = NULL;
        happens();
    }
    return __real_journal_append(journal, entry, now_us, ret_text, ret_len);
}

static struct place place;
static uint64_t id;

static size_t good_invitations(void)
{
    struct store_invitation *list = NULL;
    size_t count = 0, good = 0;
    CHECK_EQ(store_invitation_list(server, id, &list, &count), 0);
    for (size_t i = 0; i < count; i++)
        good += list[i].revoked_us == 0;
    free(list);
    return good;
}

/* Another administrator does the same. */
static void renew_too(void)
{
    const struct invite_place at = {place.path, server};
    CHECK_EQ(invite_renew(&at, id, LATE_US, NOW_US), 0);
}

/* The judge puts somebody out. */
static void remove_one(void)
{
    struct store_person *people = NULL;
    size_t count = 0;
    CHECK_EQ(store_person_list(server, id, &people, &count), 0);
    people[0].removed = true;
    CHECK_EQ(store_invitation_revoke_person(server, people[0].id, NOW_US), 0);
    CHECK_EQ(store_person_set(server, &people[0]), 0);
    free(people);
}

/* One link each is good in the end, and every other has its invitation.revoked. */
static void somebody_changes_it_meanwhile(const struct invite_place *at)
{
    meanwhile = renew_too;
    memset(lines_of, 0, sizeof(lines_of));
    CHECK_EQ(invite_renew(at, id, LATE_US, NOW_US), 0);
    CHECK_EQ(good_invitations(), 2);
    CHECK_EQ(lines_of[JOURNAL_INVITATION_CREATED], 2 + 2);
    CHECK_EQ(lines_of[JOURNAL_INVITATION_REVOKED], 2 + 2 + 2); /* both ended the same two first */

    meanwhile = remove_one;
    memset(lines_of, 0, sizeof(lines_of));
    CHECK_EQ(invite_renew(at, id, LATE_US, NOW_US), 0);
    CHECK_EQ(good_invitations(), 1);
    CHECK_EQ(lines_of[JOURNAL_INVITATION_CREATED], 2);
    CHECK_EQ(lines_of[JOURNAL_INVITATION_REVOKED], 2 + 1);
}

int main(void)
{
    place = place_make();
    struct store *admin = NULL;
    CHECK_EQ(store_open(place.path, &admin), 0);
    CHECK_EQ(store_open(place.path, &server), 0);
    const struct invite_place at = {place.path, admin};
    CHECK_EQ(invite_hearing(&at, &sample, guests, 2, LATE_US, NOW_US, &id), 0);
    CHECK_EQ(invite_renew(&at, id, LATE_US, NOW_US), 0);
    CHECK_EQ(lines, 3 + 4);
    somebody_changes_it_meanwhile(&at);
    store_close(admin);
    store_close(server);
    place_remove(&place);
    return 0;
}
