/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/arrive.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "signaling/effects.h"

enum message_error arrive_token_error(int error)
{
    switch (-error) {
    case EBADMSG:
    case EXDEV:
        return MESSAGE_BAD_TOKEN;
    case EKEYEXPIRED:
        return MESSAGE_EXPIRED_TOKEN;
    case EKEYREVOKED:
        return MESSAGE_REVOKED_TOKEN;
    default:
        return MESSAGE_INTERNAL;
    }
}

/* Whether `resume` is the person's secret. */
static bool is_own_secret(struct page *page, const struct hearing_person *person,
                          const char *resume)
{
    uint8_t hash[STORE_HASH_LEN];
    return resume[0] && token_secret_hash(resume, strlen(resume), hash) == 0 &&
           store_resume_check(page->court->store, person->stored.id, hash) == 0;
}

static int make_secret(struct page *page, const struct hearing_person *person,
                       char secret[static TOKEN_SECRET_TEXT])
{
    uint8_t hash[STORE_HASH_LEN];
    int r = token_secret_make(secret, hash);
    return r < 0 ? r : store_resume_set(page->court->store, person->stored.id, hash);
}

/* Parts a page from its person without a word to the others. */
static void unseat(struct page *page)
{
    page->person->session = NULL;
    page->person = NULL;
    page->live = NULL;
    page->state = PAGE_SAYS_HELLO;
}

/* The same person comes again by another connection of the same window: media was never away. */
static void take_place_back(struct live *live, struct hearing_person *person)
{
    struct live_presence *presence = court_presence(live, person);
    struct page *old = person->session;
    if (old) {
        unseat(old);
        ws_close(old->connection, 4001, "taken over");
    }
    if (!presence->lost_us)
        return;
    const struct journal_entry entry = {
        .event = JOURNAL_PERSON_RETURNED,
        .person = person->stored.id,
        .since_us = presence->lost_wall_us,
    };
    if (person->stored.room != TERMS_ROOM_OUTSIDE && !presence->ours)
        (void)court_journal(live, &entry); /* it is here whether or not the line stands */
    presence->lost_us = 0;
    presence->ours = false;
}

/* Somebody without the secret: what is left of an earlier window leaves first. */
static void come_anew(struct live *live, struct hearing_person *person)
{
    struct live_presence *presence = court_presence(live, person);
    struct page *old = person->session;
    enum journal_cause cause = effects_cause(presence);
    if (old) {
        cause = JOURNAL_CAUSE_TAKEN_OVER;
        unseat(old);
        ws_close(old->connection, 4001, "taken over");
    }
    effects_leave(live, person, cause);
}

static void welcome(struct page *page, int32_t id, const char *secret)
{
    struct live *live = page->live;
    struct hearing_person *person = page->person;
    bool media = court_presence(live, person)->media;
    struct reply_welcome w = {
        .hearing = live->hearing,
        .you = person,
        .resume = secret,
        .now_us = page->court->wall_us,
        .media = media,
        .record = live->record,
    };
    struct jsontext t = {0};
    page->state = media ? PAGE_JOINED : PAGE_OUTSIDE;
    reply_welcome(&t, id, &w);
    page_send(page, &t);
    effects_tell_measures(live, person);
    if (media)
        effects_repeat_seats(live, person);
}

/* The person of the invitation, with its hearing. Returns 0 or what the page is told. */
static enum message_error find_person(struct page *page, const struct message_hello *hello,
                                      struct live **ret_live, struct hearing_person **ret_person)
{
    struct court *court = page->court;
    struct store_invitation invitation;
    int r = token_admit(court->key, court->store, hello->token, strlen(hello->token),
                        court->wall_us, &invitation);
    if (r < 0)
        return arrive_token_error(r);
    if (!invitation.person)
        return MESSAGE_NOT_ALLOWED; /* a pass to records is no place in a hearing */
    r = court_live(court, invitation.hearing, ret_live);
    if (r == 0)
        r = court_person(*ret_live, invitation.person, ret_person);
    if (r == -ENOSPC)
        return MESSAGE_FULL;
    if (r < 0 || !*ret_person) {
        log_error("hearing %016" PRIx64 ": a person cannot arrive: %s", invitation.hearing,
                  log_errno(r));
        return MESSAGE_INTERNAL;
    }
    page->invitation = invitation.id;
    return (*ret_person)->stored.removed ? MESSAGE_REVOKED_TOKEN : MESSAGE_OK;
}

void arrive_handle(struct page *page, const struct message *message)
{
    const struct message_hello *hello = &message->hello;
    struct live *live = NULL;
    struct hearing_person *person = NULL;
    char secret[TOKEN_SECRET_TEXT] = "";
    enum message_error error = find_person(page, hello, &live, &person);
    if (error != MESSAGE_OK) {
        page_error(page, message->id, error, "the invitation does not let in");
        return;
    }
    bool is_own = is_own_secret(page, person, hello->resume);
    if (!is_own && person->session && !hello->take_over) {
        page_error(page, message->id, MESSAGE_ALREADY_JOINED, "in use in another window");
        return;
    }
    if (!court_may_write(live, person)) {
        page_error(page, message->id, MESSAGE_TOO_FAST, "over 5 a second of those that write");
        return;
    }
    if (is_own)
        memcpy(secret, hello->resume, TOKEN_SECRET_TEXT);
    else if (make_secret(page, person, secret) < 0) {
        page_error(page, message->id, MESSAGE_INTERNAL, "the store takes nothing");
        return;
    }
    if (is_own)
        take_place_back(live, person);
    else
        come_anew(live, person);
    page->live = live;
    page->person = person;
    person->session = page;
    court_presence(live, person)->invitation = page->invitation;
    hearing_set_connected(live->hearing, person, true, &page->court->changes);
    welcome(page, message->id, secret);
    effects_apply(live);
}

void arrive_on_closed(struct page *page)
{
    struct live *live = page->live;
    struct hearing_person *person = page->person;
    if (!person)
        return;
    unseat(page);
    struct live_presence *presence = court_presence(live, person);
    if (person->stored.room != TERMS_ROOM_OUTSIDE) {
        presence->lost_us = live->court->now_us;
        presence->lost_wall_us = live->court->wall_us;
    }
    hearing_set_connected(live->hearing, person, false, &live->court->changes);
    effects_apply(live);
}
