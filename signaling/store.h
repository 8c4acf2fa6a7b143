/* What must outlive the process: cases, hearings, people, invitations, secrets' hashes. One
 * interface; store.c checks what is stored, an engine (SQLite today) keeps it. Every change is on
 * disk when its call returns. Names are personal data: nothing in here is logged but ids.
 *
 * One thread per store. Several processes may have the same store open (assize-admin beside the
 * server); each sees the others' commits. All times are wall-clock us since 1970. All calls return
 * 0 or a negative errno; besides those named: -EBUSY (another process held the lock over 5 s),
 * -EIO, -ENOSPC, -ENOMEM, -EINVAL for arguments out of bounds, -EBADMSG for a damaged database.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_STORE_H
#define SIGNALING_STORE_H

#include "common/cleanup.h"
#include "signaling/terms.h"

struct store;

#define STORE_HASH_LEN 32 /* SHA-256 */

/* A hearing with its case. */
struct store_hearing {
    uint64_t id;
    uint64_t scheduled_us;
    enum terms_state state;
    uint64_t since_us;    /* when it came into this state */
    uint64_t opened_us;   /* first opened; 0: never */
    uint64_t closed_us;   /* 0: not closed */
    bool vp9;             /* its cameras may send VP9 in spatial layers */
    bool objection_holds; /* witnesses' microphones, until it is ruled upon */
    bool needs_consent;   /* of every party to being heard online, before it is opened */
    char case_number[LIMIT_CASE_NUMBER_BYTES + 1];
    char title[LIMIT_TITLE_BYTES + 1];
    char court[LIMIT_COURT_BYTES + 1];
};

/* A person of one hearing, with what must survive a restart of signaling. */
struct store_person {
    uint64_t id;
    uint64_t hearing;
    enum control_role role;
    enum terms_room room; /* OUTSIDE, WAITING or COURTROOM: where it is, or comes back to */
    bool admitted;        /* goes straight to the courtroom when joining again */
    bool removed;         /* put out: does not come back */
    bool hand;
    uint8_t side;     /* of the case that it stands on, from 1 to LIMIT_SIDES; 0: on none */
    uint8_t seats;    /* pairs asked for at the last join; 0: never joined */
    uint64_t arrival; /* order of first joining, from 1; 0: never joined */
    char name[LIMIT_NAME_BYTES + 1];
};

/* An invitation to a hearing, or a pass to all records (then hearing and person are 0 and the role
 * is clerk). */
struct store_invitation {
    uint64_t id;
    uint64_t hearing;
    uint64_t person;
    enum control_role role;
    uint64_t created_us;
    uint64_t expires_us;
    uint64_t revoked_us; /* 0: good */
};

/* Opens (makes, at first) the store in `data_dir` and brings its schema up to date. -ENOENT when
 * the directory is not there, -EACCES, -EROFS, -EPROTONOSUPPORT when a newer version of Assize
 * wrote it. */
int store_open(const char *data_dir, struct store **ret_store);
void store_close(struct store *store);
DEFINE_CLEANUP(struct store, store_close)

/* Several changes as one: all or none are kept. Not nested (-EALREADY). store_rollback() without
 * store_begin() does nothing; so does closing with one pending but to roll it back. */
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);

/* A number that differs from the last one when another process has changed the store since. Cheap
 * (no disk access as a rule): ask every second and read again what matters, such as revocations. */
int store_changes(struct store *store, uint64_t *ret_version);

/* Adds a hearing; its case (number and court) is added unless there is one. Labels are checked by
 * terms_is_label(). -EEXIST for an id taken. */
int store_hearing_add(struct store *store, const struct store_hearing *hearing);
/* -ENOENT when there is none. The same for each ..._get. */
int store_hearing_get(struct store *store, uint64_t id, struct store_hearing *ret_hearing);
/* Sets state and since_us; closed_us at CLOSED, and opened_us once: to `opened_us`, or at
 * TERMS_STATE_OPEN to `at_us` where that is 0. A closed hearing stays closed (-EPERM). */
int store_hearing_set_state(struct store *store, uint64_t id, enum terms_state state,
                            uint64_t at_us, uint64_t opened_us);
/* Hearings in a state of `states` (bit 1 << enum terms_state), latest scheduled first, at most
 * LIMIT_STORE_LIST. The list is the caller's to free(); NULL when none. The same for each list. */
int store_hearing_list(struct store *store, unsigned states, struct store_hearing **ret_list,
                       size_t *ret_count);

/* -ENOSPC when the hearing has LIMIT_PEOPLE_PER_HEARING people, -ENOENT without the hearing. */
int store_person_add(struct store *store, const struct store_person *person);
int store_person_get(struct store *store, uint64_t id, struct store_person *ret_person);
/* Saves room, admitted, removed, hand, seats and arrival of `person->id`; name, role and side stay.
 */
int store_person_set(struct store *store, const struct store_person *person);
/* In the order they were added. */
int store_person_list(struct store *store, uint64_t hearing, struct store_person **ret_list,
                      size_t *ret_count);

int store_invitation_add(struct store *store, const struct store_invitation *invitation);
int store_invitation_get(struct store *store, uint64_t id, struct store_invitation *ret_invitation);
/* Of one hearing, or with 0 the passes to all records; revoked and expired ones too. */
int store_invitation_list(struct store *store, uint64_t hearing, struct store_invitation **ret_list,
                          size_t *ret_count);
/* Ends an invitation and the resume secret and cookies that came from it. Again: no change. */
int store_invitation_revoke(struct store *store, uint64_t id, uint64_t at_us);
/* The same for every invitation of a person who is put out. */
int store_invitation_revoke_person(struct store *store, uint64_t person, uint64_t at_us);

/* The secret that takes a person's place back, as its SHA-256; replaces the one before. */
int store_resume_set(struct store *store, uint64_t person,
                     const uint8_t hash[static STORE_HASH_LEN]);
/* 0 when it is this person's, -EACCES when not (compared in constant time). */
int store_resume_check(struct store *store, uint64_t person,
                       const uint8_t hash[static STORE_HASH_LEN]);

/* A browser's session over HTTP, as the SHA-256 of its cookie. At most LIMIT_COOKIES: the ones that
 * end first make room. */
int store_cookie_add(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                     uint64_t invitation, uint64_t expires_us);
/* The invitation behind a cookie. -EACCES when unknown or over at `now_us`, or when the invitation
 * is revoked or over. */
int store_cookie_get(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                     uint64_t now_us, struct store_invitation *ret_invitation);
int store_cookie_forget(struct store *store, const uint8_t hash[static STORE_HASH_LEN]);

/* Small facts of the installation, such as which hearing is the demo. Keys are ours. -ENOENT when
 * not set, -ENOBUFS when `capacity` is too small. */
int store_setting_set(struct store *store, const char *key, const char *value);
int store_setting_get(struct store *store, const char *key, char *value, size_t capacity);

#endif
