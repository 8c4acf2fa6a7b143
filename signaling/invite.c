/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/invite.h"

#include <errno.h>
#include <stdlib.h>

#include "signaling/journal.h"

/* Invites one person: the journal's line, then the row. */
static int invite_person(const struct invite_place *place, struct journal *journal,
                         const struct store_person *person, uint64_t expires_us, uint64_t now_us)
{
    struct store_invitation invitation = {
        .hearing = person->hearing,
        .person = person->id,
        .role = person->role,
        .created_us = now_us,
        .expires_us = expires_us,
    };
    int r = terms_id_random(&invitation.id);
    if (r < 0)
        return r;
    struct journal_entry entry = {
        .event = JOURNAL_INVITATION_CREATED,
        .invitation = invitation.id,
        .person = person->id,
        .name = person->name,
        .role = person->role,
        .until_us = expires_us,
    };
    r = journal_append(journal, &entry, now_us, NULL, NULL);
    if (r < 0)
        return r;
    return store_invitation_add(place->store, &invitation);
}

static int add_guest(const struct invite_place *place, struct journal *journal, uint64_t hearing,
                     const struct invite_guest *guest, uint64_t expires_us, uint64_t now_us)
{
    struct store_person person = {.hearing = hearing, .role = guest->role};
    if (!terms_is_label(guest->name, LIMIT_NAME_BYTES))
        return -EINVAL;
    for (size_t i = 0; guest->name[i] != '\0'; i++)
        person.name[i] = guest->name[i];
    int r = terms_id_random(&person.id);
    if (r == 0)
        r = store_person_add(place->store, &person);
    if (r == 0)
        r = invite_person(place, journal, &person, expires_us, now_us);
    return r;
}

static int add_hearing(const struct invite_place *place, const struct store_hearing *hearing,
                       const struct invite_guest *guests, size_t count, uint64_t expires_us,
                       uint64_t now_us)
{
    int r = store_hearing_add(place->store, hearing);
    if (r < 0)
        return r;
    CLEANUP(journal_close) struct journal *journal = NULL;
    r = journal_open(place->data_dir, hearing->id, now_us, &journal);
    if (r < 0)
        return r;
    struct journal_entry created = {
        .event = JOURNAL_HEARING_CREATED,
        .case_number = hearing->case_number,
        .title = hearing->title,
        .court = hearing->court,
        .scheduled_us = hearing->scheduled_us,
    };
    r = journal_append(journal, &created, now_us, NULL, NULL);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_guest(place, journal, hearing->id, &guests[i], expires_us, now_us);
    return r;
}

/* Keeps what was changed, or nothing. */
static int finish(const struct invite_place *place, int r)
{
    if (r == 0)
        r = store_commit(place->store);
    if (r < 0)
        store_rollback(place->store);
    return r;
}

int invite_hearing(const struct invite_place *place, const struct store_hearing *hearing,
                   const struct invite_guest *guests, size_t count, uint64_t expires_us,
                   uint64_t now_us, uint64_t *ret_hearing)
{
    if (count > LIMIT_PEERS_PER_HEARING)
        return -ENOSPC;
    for (size_t i = 0; i < count; i++)
        if (!terms_is_label(guests[i].name, LIMIT_NAME_BYTES))
            return -EINVAL; /* before anything stands in a journal */
    struct store_hearing made = *hearing;
    made.state = TERMS_STATE_SCHEDULED;
    made.since_us = now_us;
    int r = terms_id_random(&made.id);
    if (r == 0)
        r = store_begin(place->store);
    if (r < 0)
        return r;
    r = finish(place, add_hearing(place, &made, guests, count, expires_us, now_us));
    if (r == 0)
        *ret_hearing = made.id;
    return r;
}

static int revoke_in_journal(struct journal *journal, const struct store_invitation *invitation,
                             uint64_t now_us)
{
    struct journal_entry entry = {
        .event = JOURNAL_INVITATION_REVOKED,
        .invitation = invitation->id,
        .person = invitation->person,
    };
    return journal_append(journal, &entry, now_us, NULL, NULL);
}

static int revoke_all(const struct invite_place *place, struct journal *journal, uint64_t hearing,
                      uint64_t now_us)
{
    struct store_invitation *list = NULL;
    size_t count = 0;
    int r = store_invitation_list(place->store, hearing, &list, &count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (list[i].revoked_us != 0)
            continue;
        r = revoke_in_journal(journal, &list[i], now_us);
        if (r == 0)
            r = store_invitation_revoke(place->store, list[i].id, now_us);
    }
    free(list);
    return r;
}

static int invite_all(const struct invite_place *place, struct journal *journal, uint64_t hearing,
                      uint64_t expires_us, uint64_t now_us)
{
    struct store_person *list = NULL;
    size_t count = 0;
    int r = store_person_list(place->store, hearing, &list, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!list[i].removed)
            r = invite_person(place, journal, &list[i], expires_us, now_us);
    free(list);
    return r;
}

int invite_renew(const struct invite_place *place, uint64_t hearing, uint64_t expires_us,
                 uint64_t now_us)
{
    struct store_hearing found;
    int r = store_hearing_get(place->store, hearing, &found);
    if (r < 0)
        return r;
    if (found.state == TERMS_STATE_CLOSED)
        return -EPERM;
    CLEANUP(journal_close) struct journal *journal = NULL;
    r = journal_open(place->data_dir, hearing, now_us, &journal);
    if (r == 0)
        r = store_begin(place->store);
    if (r < 0)
        return r;
    r = revoke_all(place, journal, hearing, now_us);
    if (r == 0)
        r = invite_all(place, journal, hearing, expires_us, now_us);
    return finish(place, r);
}

int invite_revoke(const struct invite_place *place, uint64_t invitation, uint64_t now_us)
{
    struct store_invitation found;
    int r = store_invitation_get(place->store, invitation, &found);
    if (r < 0)
        return r;
    if (found.revoked_us != 0)
        return -EALREADY;
    if (found.hearing != 0) {
        CLEANUP(journal_close) struct journal *journal = NULL;
        r = journal_open(place->data_dir, found.hearing, now_us, &journal);
        if (r == 0)
            r = revoke_in_journal(journal, &found, now_us);
        if (r < 0)
            return r;
    }
    return store_invitation_revoke(place->store, invitation, now_us);
}

int invite_pass(const struct invite_place *place, uint64_t expires_us, uint64_t now_us,
                uint64_t *ret_invitation)
{
    struct store_invitation pass = {
        .role = CONTROL_ROLE_CLERK,
        .created_us = now_us,
        .expires_us = expires_us,
    };
    int r = terms_id_random(&pass.id);
    if (r == 0)
        r = store_invitation_add(place->store, &pass);
    if (r == 0)
        *ret_invitation = pass.id;
    return r;
}
