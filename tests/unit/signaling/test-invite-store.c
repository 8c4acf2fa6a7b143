/* SPDX-License-Identifier: Apache-2.0 */
/* While assize-admin waits for the disk with a journal line, the server can write to the store. */
#include "signaling/invite.h"

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
    return __real_journal_append(journal, entry, now_us, ret_text, ret_len);
}

int main(void)
{
    struct place place = place_make();
    struct store *admin = NULL;
    CHECK_EQ(store_open(place.path, &admin), 0);
    CHECK_EQ(store_open(place.path, &server), 0);
    const struct invite_place at = {place.path, admin};
    uint64_t id = 0;
    CHECK_EQ(invite_hearing(&at, &sample, guests, 2, LATE_US, NOW_US, &id), 0);
    CHECK_EQ(invite_renew(&at, id, LATE_US, NOW_US), 0);
    CHECK_EQ(lines, 3 + 4);
    store_close(admin);
    store_close(server);
    place_remove(&place);
    return 0;
}
