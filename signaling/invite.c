/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/invite.h"

#include <errno.h>
#include <stdlib.h>

#include "signaling/journal.h"

/* Lines first, each waiting for the disk; then the store in one short transaction: nobody else,
 * least of all the server, waits for it meanwhile. */

/* Somebody to be invited. */
struct seat {
    struct store_person person;
    struct store_invitation invitation;
};

/* The line of an invitation of `seat->person`. */
static int invite_in_journal(struct journal *journal, struct seat *seat, uint64_t expires_us,
                             uint64_t now_us)
{
    const struct store_person *person = &seat->person;
    seat->invitation = (struct store_invitation){
        .hearing = person->hearing,
        .person = person->id,
        .role = person->role,
        .created_us = now_us,
        .expires_us = expires_us,
    };
    int r = terms_id_random(&seat->invitation.id);
    if (r < 0)
        return r;
    const struct journal_entry entry = {
        .event = JOURNAL_INVITATION_CREATED,
        .invitation = seat->invitation.id,
        .person = person->id,
        .name = person->name,
        .role = person->role,
        .until_us = expires_us,
    };
    return journal_append(journal, &entry, now_us, NULL, NULL);
}

static int make_person(struct store_person *person, uint64_t hearing,
                       const struct invite_guest *guest)
{
    person->hearing = hearing;
    person->role = guest->role;
    for (size_t i = 0; guest->name[i] != '\0'; i++) /* its length is checked */
        person->name[i] = guest->name[i];
    return terms_id_random(&person->id);
}

static int write_hearing(const struct invite_place *place, const struct store_hearing *hearing,
                         struct seat *seats, size_t count, uint64_t expires_us, uint64_t now_us)
{
    CLEANUP(journal_close) struct journal *journal = NULL;
    int r = journal_open(place->data_dir, hearing->id, now_us, &journal);
    if (r < 0)
        return r;
    const struct journal_entry created = {
        .event = JOURNAL_HEARING_CREATED,
        .case_number = hearing->case_number,
        .title = hearing->title,
        .court = hearing->court,
        .scheduled_us = hearing->scheduled_us,
    };
    r = journal_append(journal, &created, now_us, NULL, NULL);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = invite_in_journal(journal, &seats[i], expires_us, now_us);
    return r;
}

static int keep_hearing(const struct invite_place *place, const struct store_hearing *hearing,
                        const struct seat *seats, size_t count)
{
    int r = store_hearing_add(place->store, hearing);
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = store_person_add(place->store, &seats[i].person);
        if (r == 0)
            r = store_invitation_add(place->store, &seats[i].invitation);
    }
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

/* Before anything stands in a journal. */
static bool are_labels_good(const struct store_hearing *hearing, const struct invite_guest *guests,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!terms_is_label(guests[i].name, LIMIT_NAME_BYTES))
            return false;
    return terms_is_label(hearing->case_number, LIMIT_CASE_NUMBER_BYTES) &&
           terms_is_label(hearing->title, LIMIT_TITLE_BYTES) &&
           terms_is_label(hearing->court, LIMIT_COURT_BYTES);
}

int invite_hearing(const struct invite_place *place, const struct store_hearing *hearing,
                   const struct invite_guest *guests, size_t count, uint64_t expires_us,
                   uint64_t now_us, uint64_t *ret_hearing)
{
    if (count > LIMIT_PEERS_PER_HEARING)
        return -ENOSPC;
    if (!are_labels_good(hearing, guests, count))
        return -EINVAL;
    struct seat *seats = calloc(count + 1, sizeof(*seats));
    if (!seats)
        return -ENOMEM;
    struct store_hearing made = *hearing;
    made.state = TERMS_STATE_SCHEDULED;
    made.since_us = now_us;
    int r = terms_id_random(&made.id);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = make_person(&seats[i].person, made.id, &guests[i]);
    if (r == 0)
        r = write_hearing(place, &made, seats, count, expires_us, now_us);
    if (r == 0)
        r = store_begin(place->store);
    if (r == 0)
        r = finish(place, keep_hearing(place, &made, seats, count));
    free(seats);
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

/* What a renewal ends and makes. */
struct renewal {
    struct store_invitation *old;
    size_t old_count;
    struct seat *seats;
    size_t count;
};

static int read_renewal(const struct invite_place *place, uint64_t hearing, struct renewal *renewal)
{
    struct store_person *people = NULL;
    size_t count = 0;
    int r = store_invitation_list(place->store, hearing, &renewal->old, &renewal->old_count);
    if (r == 0)
        r = store_person_list(place->store, hearing, &people, &count);
    if (r == 0 && !(renewal->seats = calloc(count + 1, sizeof(*renewal->seats))))
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        if (!people[i].removed)
            renewal->seats[renewal->count++].person = people[i];
    free(people);
    return r;
}

static int write_renewal(struct journal *journal, struct renewal *renewal, uint64_t expires_us,
                         uint64_t now_us)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < renewal->old_count; i++)
        if (renewal->old[i].revoked_us == 0)
            r = revoke_in_journal(journal, &renewal->old[i], now_us);
    for (size_t i = 0; r == 0 && i < renewal->count; i++)
        r = invite_in_journal(journal, &renewal->seats[i], expires_us, now_us);
    return r;
}

static int store_renewal(const struct invite_place *place, const struct renewal *renewal,
                         uint64_t now_us)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < renewal->old_count; i++)
        if (renewal->old[i].revoked_us == 0)
            r = store_invitation_revoke(place->store, renewal->old[i].id, now_us);
    for (size_t i = 0; r == 0 && i < renewal->count; i++)
        r = store_invitation_add(place->store, &renewal->seats[i].invitation);
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
        return -ESTALE;
    CLEANUP(journal_close) struct journal *journal = NULL;
    r = journal_open(place->data_dir, hearing, now_us, &journal);
    if (r < 0)
        return r;
    struct renewal renewal = {0};
    r = read_renewal(place, hearing, &renewal);
    if (r == 0)
        r = write_renewal(journal, &renewal, expires_us, now_us);
    if (r == 0)
        r = store_begin(place->store);
    if (r == 0)
        r = finish(place, store_renewal(place, &renewal, now_us));
    free(renewal.old);
    free(renewal.seats);
    return r;
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
