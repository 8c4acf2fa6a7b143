/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "signaling/digest.h"
#include "signaling/store_engine.h"

static_assert(STORE_HASH_LEN == DIGEST_LEN, "secrets are kept as SHA-256");

int store_open(const char *data_dir, struct store **ret_store)
{
    return store_sqlite_open(data_dir, ret_store);
}

void store_close(struct store *store)
{
    if (store)
        store->engine->close(store);
}

int store_begin(struct store *store)
{
    return store->engine->begin(store);
}

int store_commit(struct store *store)
{
    return store->engine->commit(store);
}

void store_rollback(struct store *store)
{
    store->engine->rollback(store);
}

int store_changes(struct store *store, uint64_t *ret_version)
{
    return store->engine->changes(store, ret_version);
}

/* Engines keep signed 64-bit numbers; times are well below. */
static bool is_time(uint64_t us)
{
    return us <= INT64_MAX;
}

int store_hearing_add(struct store *store, const struct store_hearing *h)
{
    if (h->id == 0 || (unsigned)h->state > TERMS_STATE_CLOSED || !is_time(h->scheduled_us) ||
        !is_time(h->since_us) || !is_time(h->opened_us) || !is_time(h->closed_us) ||
        !terms_is_label(h->case_number, LIMIT_CASE_NUMBER_BYTES) ||
        !terms_is_label(h->title, LIMIT_TITLE_BYTES) ||
        !terms_is_label(h->court, LIMIT_COURT_BYTES))
        return -EINVAL;
    return store->engine->hearing_add(store, h);
}

int store_hearing_get(struct store *store, uint64_t id, struct store_hearing *ret_hearing)
{
    return store->engine->hearing_get(store, id, ret_hearing);
}

int store_hearing_set_state(struct store *store, uint64_t id, enum terms_state state,
                            uint64_t at_us, uint64_t opened_us)
{
    if ((unsigned)state > TERMS_STATE_CLOSED || !is_time(at_us) || !is_time(opened_us))
        return -EINVAL;
    return store->engine->hearing_set_state(store, id, state, at_us, opened_us);
}

int store_hearing_list(struct store *store, unsigned states, struct store_hearing **ret_list,
                       size_t *ret_count)
{
    return store->engine->hearing_list(store, states, ret_list, ret_count);
}

static bool is_person(const struct store_person *p)
{
    return p->id != 0 && p->hearing != 0 && (unsigned)p->role < CONTROL_ROLE_COUNT &&
           (unsigned)p->room <= TERMS_ROOM_COURTROOM && p->side <= LIMIT_SIDES &&
           p->seats <= LIMIT_SEATS && p->arrival <= INT64_MAX &&
           terms_is_label(p->name, LIMIT_NAME_BYTES);
}

int store_person_add(struct store *store, const struct store_person *person)
{
    return is_person(person) ? store->engine->person_add(store, person) : -EINVAL;
}

int store_person_get(struct store *store, uint64_t id, struct store_person *ret_person)
{
    return store->engine->person_get(store, id, ret_person);
}

int store_person_set(struct store *store, const struct store_person *person)
{
    return is_person(person) ? store->engine->person_set(store, person) : -EINVAL;
}

int store_person_list(struct store *store, uint64_t hearing, struct store_person **ret_list,
                      size_t *ret_count)
{
    return store->engine->person_list(store, hearing, ret_list, ret_count);
}

int store_invitation_add(struct store *store, const struct store_invitation *i)
{
    bool is_pass = i->hearing == 0 && i->person == 0 && i->role == CONTROL_ROLE_CLERK;
    bool is_to_hearing = i->hearing != 0 && i->person != 0;
    if (i->id == 0 || (!is_pass && !is_to_hearing) || (unsigned)i->role >= CONTROL_ROLE_COUNT ||
        !is_time(i->created_us) || !is_time(i->expires_us) || !is_time(i->revoked_us))
        return -EINVAL;
    return store->engine->invitation_add(store, i);
}

int store_invitation_get(struct store *store, uint64_t id, struct store_invitation *ret_invitation)
{
    return store->engine->invitation_get(store, id, ret_invitation);
}

int store_invitation_list(struct store *store, uint64_t hearing, struct store_invitation **ret_list,
                          size_t *ret_count)
{
    return store->engine->invitation_list(store, hearing, ret_list, ret_count);
}

int store_invitation_revoke(struct store *store, uint64_t id, uint64_t at_us)
{
    return at_us != 0 && is_time(at_us) ? store->engine->invitation_revoke(store, id, at_us)
                                        : -EINVAL;
}

int store_invitation_revoke_person(struct store *store, uint64_t person, uint64_t at_us)
{
    return at_us != 0 && is_time(at_us)
               ? store->engine->invitation_revoke_person(store, person, at_us)
               : -EINVAL;
}

int store_resume_set(struct store *store, uint64_t person,
                     const uint8_t hash[static STORE_HASH_LEN])
{
    return store->engine->resume_set(store, person, hash);
}

int store_resume_check(struct store *store, uint64_t person,
                       const uint8_t hash[static STORE_HASH_LEN])
{
    uint8_t kept[STORE_HASH_LEN];
    int r = store->engine->resume_get(store, person, kept);
    if (r == -ENOENT)
        return -EACCES;
    if (r < 0)
        return r;
    return digest_is_equal(kept, hash) ? 0 : -EACCES;
}

int store_cookie_add(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                     uint64_t invitation, uint64_t expires_us)
{
    if (!is_time(expires_us))
        return -EINVAL;
    return store->engine->cookie_add(store, hash, invitation, expires_us);
}

int store_cookie_get(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                     uint64_t now_us, struct store_invitation *ret_invitation)
{
    /* The hash is looked up, not compared: it tells nothing about the secret it is of. */
    uint64_t id = 0, expires_us = 0;
    int r = store->engine->cookie_get(store, hash, &id, &expires_us);
    if (r == -ENOENT || (r == 0 && now_us >= expires_us))
        return -EACCES;
    if (r < 0)
        return r;
    struct store_invitation invitation;
    r = store->engine->invitation_get(store, id, &invitation);
    if (r < 0)
        return r == -ENOENT ? -EACCES : r;
    if (invitation.revoked_us != 0 || now_us >= invitation.expires_us)
        return -EACCES;
    *ret_invitation = invitation;
    return 0;
}

int store_cookie_forget(struct store *store, const uint8_t hash[static STORE_HASH_LEN])
{
    return store->engine->cookie_forget(store, hash);
}

int store_setting_set(struct store *store, const char *key, const char *value)
{
    if (key[0] == '\0' || !terms_is_utf8(value, strlen(value)))
        return -EINVAL;
    return store->engine->setting_set(store, key, value);
}

int store_setting_get(struct store *store, const char *key, char *value, size_t capacity)
{
    return store->engine->setting_get(store, key, value, capacity);
}
