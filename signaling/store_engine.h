/* What an engine does for store.c: each call as in store.h, with arguments already checked.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_STORE_ENGINE_H
#define SIGNALING_STORE_ENGINE_H

#include "signaling/store.h"

struct store_engine;

/* Embedded first in an engine's own struct. */
struct store {
    const struct store_engine *engine;
};

struct store_engine {
    void (*close)(struct store *store);
    int (*begin)(struct store *store);
    int (*commit)(struct store *store);
    void (*rollback)(struct store *store);
    int (*changes)(struct store *store, uint64_t *ret_version);
    int (*hearing_add)(struct store *store, const struct store_hearing *hearing);
    int (*hearing_get)(struct store *store, uint64_t id, struct store_hearing *ret_hearing);
    int (*hearing_set_state)(struct store *store, uint64_t id, enum terms_state state,
                             uint64_t at_us, uint64_t opened_us);
    int (*hearing_list)(struct store *store, unsigned states, struct store_hearing **ret_list,
                        size_t *ret_count);
    int (*person_add)(struct store *store, const struct store_person *person);
    int (*person_get)(struct store *store, uint64_t id, struct store_person *ret_person);
    int (*person_set)(struct store *store, const struct store_person *person);
    int (*person_list)(struct store *store, uint64_t hearing, struct store_person **ret_list,
                       size_t *ret_count);
    int (*invitation_add)(struct store *store, const struct store_invitation *invitation);
    int (*invitation_get)(struct store *store, uint64_t id,
                          struct store_invitation *ret_invitation);
    int (*invitation_list)(struct store *store, uint64_t hearing,
                           struct store_invitation **ret_list, size_t *ret_count);
    int (*invitation_revoke)(struct store *store, uint64_t id, uint64_t at_us);
    int (*invitation_revoke_person)(struct store *store, uint64_t person, uint64_t at_us);
    int (*resume_set)(struct store *store, uint64_t person,
                      const uint8_t hash[static STORE_HASH_LEN]);
    int (*resume_get)(struct store *store, uint64_t person,
                      uint8_t ret_hash[static STORE_HASH_LEN]);
    int (*cookie_add)(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                      uint64_t invitation, uint64_t expires_us);
    int (*cookie_get)(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                      uint64_t *ret_invitation, uint64_t *ret_expires_us);
    int (*cookie_forget)(struct store *store, const uint8_t hash[static STORE_HASH_LEN]);
    int (*setting_set)(struct store *store, const char *key, const char *value);
    int (*setting_get)(struct store *store, const char *key, char *value, size_t capacity);
};

int store_sqlite_open(const char *data_dir, struct store **ret_store);

#endif
