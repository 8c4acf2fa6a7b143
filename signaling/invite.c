/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/invite.h"

#include <errno.h>
#include <stdlib.h>

#include "signaling/journal.h"

/* Lines first, each waiting for the disk; then the store in one short transaction: nobody else,
 * least of all the server, waits for it meanwhile. What others changed in between is seen in the
 * transaction, and has its lines first. */

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
    person->side = guest->side;
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
    if (count > LIMIT_PEOPLE_PER_HEARING)
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

/* What a renewal ends and makes: all of it stands in the journal already. */
struct renewal {
    uint64_t *ended; /* invitations */
    size_t ended_count;
    struct seat seats[LIMIT_PEOPLE_PER_HEARING];
    size_t count;
    uint64_t expires_us;
    uint64_t now_us;
};

static bool is_ended(const struct renewal *renewal, uint64_t invitation)
{
    for (size_t i = 0; i < renewal->ended_count; i++)
        if (renewal->ended[i] == invitation)
            return true;
    return false;
}

static int end_invitation(struct journal *journal, struct renewal *renewal,
                          const struct store_invitation *invitation)
{
    uint64_t *more = reallocarray(renewal->ended, renewal->ended_count + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    renewal->ended = more;
    int r = revoke_in_journal(journal, invitation, renewal->now_us);
    if (r == 0)
        more[renewal->ended_count++] = invitation->id;
    return r;
}

static struct seat *seat_of(struct renewal *renewal, uint64_t person)
{
    for (size_t i = 0; i < renewal->count; i++)
        if (renewal->seats[i].person.id == person)
            return &renewal->seats[i];
    return NULL;
}

static int add_seat(struct journal *journal, struct renewal *renewal,
                    const struct store_person *person)
{
    if (renewal->count == LIMIT_PEOPLE_PER_HEARING)
        return -ENOSPC;
    struct seat *seat = &renewal->seats[renewal->count];
    *seat = (struct seat){.person = *person};
    int r = invite_in_journal(journal, seat, renewal->expires_us, renewal->now_us);
    renewal->count += r == 0;
    return r;
}

/* Whoever was put out after its new invitation was written gets none. */
static int drop_seat(struct journal *journal, struct renewal *renewal, struct seat *seat)
{
    int r = revoke_in_journal(journal, &seat->invitation, renewal->now_us);
    if (r == 0)
        *seat = renewal->seats[--renewal->count];
    return r;
}

/* Writes the lines for what the store has and `renewal` does not, and takes it in. Returns how many
 * there were; without a journal it only counts them. */
static int follow_invitations(const struct invite_place *place, uint64_t hearing,
                              struct journal *journal, struct renewal *renewal)
{
    struct store_invitation *list = NULL;
    size_t count = 0;
    int due = 0;
    int r = store_invitation_list(place->store, hearing, &list, &count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (list[i].revoked_us != 0 || is_ended(renewal, list[i].id))
            continue;
        due++;
        r = journal ? end_invitation(journal, renewal, &list[i]) : 0;
    }
    free(list);
    return r < 0 ? r : due;
}

static int follow_people(const struct invite_place *place, uint64_t hearing,
                         struct journal *journal, struct renewal *renewal)
{
    struct store_person *people = NULL;
    size_t count = 0;
    int due = 0;
    int r = store_person_list(place->store, hearing, &people, &count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct seat *seat = seat_of(renewal, people[i].id);
        if (people[i].removed == !seat)
            continue;
        due++;
        if (journal)
            r = seat ? drop_seat(journal, renewal, seat) : add_seat(journal, renewal, &people[i]);
    }
    free(people);
    return r < 0 ? r : due;
}

static int follow_store(const struct invite_place *place, uint64_t hearing, struct journal *journal,
                        struct renewal *renewal)
{
    int ended = follow_invitations(place, hearing, journal, renewal);
    int seated = ended < 0 ? 0 : follow_people(place, hearing, journal, renewal);
    return ended < 0 ? ended : seated < 0 ? seated : ended + seated;
}

/* In a transaction: -EAGAIN when the store has what the journal has not yet. */
static int store_renewal(const struct invite_place *place, uint64_t hearing,
                         struct renewal *renewal)
{
    int r = follow_store(place, hearing, NULL, renewal);
    if (r > 0)
        r = -EAGAIN;
    for (size_t i = 0; r == 0 && i < renewal->ended_count; i++)
        r = store_invitation_revoke(place->store, renewal->ended[i], renewal->now_us);
    for (size_t i = 0; r == 0 && i < renewal->count; i++)
        r = store_invitation_add(place->store, &renewal->seats[i].invitation);
    return r;
}

/* How often somebody else may change the hearing's people while lines are written. */
enum { RENEW_TRIES = 16 };

static int renew(const struct invite_place *place, uint64_t hearing, struct journal *journal,
                 struct renewal *renewal)
{
    int r = -EAGAIN;
    for (unsigned i = 0; r == -EAGAIN && i < RENEW_TRIES; i++) {
        r = follow_store(place, hearing, journal, renewal);
        if (r >= 0)
            r = store_begin(place->store);
        if (r == 0)
            r = finish(place, store_renewal(place, hearing, renewal));
    }
    return r == -EAGAIN ? -EBUSY : r;
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
    struct renewal *renewal = calloc(1, sizeof(*renewal));
    if (!renewal)
        return -ENOMEM;
    renewal->expires_us = expires_us;
    renewal->now_us = now_us;
    r = renew(place, hearing, journal, renewal);
    free(renewal->ended);
    free(renewal);
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
