/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "signaling/sqlfile.h"
#include "signaling/store_engine.h"
#include "signaling/store_schema.h"
#include "signaling/store_sql.h"

struct sqlite_store {
    struct store store; /* first, so a store is ours */
    struct sqlfile *file;
};

static struct sqlfile *ours(struct store *store)
{
    return ((struct sqlite_store *)store)->file;
}

#define NUMBER(n) SQLFILE_NUMBER(n)
#define TEXT(t)   SQLFILE_TEXT(t)
#define HASH(h)   SQLFILE_BLOB(h, STORE_HASH_LEN)

static int begin(struct store *store)
{
    return sqlfile_begin(ours(store));
}

static int commit(struct store *store)
{
    return sqlfile_commit(ours(store));
}

static void rollback(struct store *store)
{
    sqlfile_rollback(ours(store));
}

static int changes(struct store *store, uint64_t *ret_version)
{
    return sqlfile_version(ours(store), ret_version);
}

static int read_hearing(const struct sqlfile_row *row, void *item)
{
    struct store_hearing *h = item;
    *h = (struct store_hearing){
        .id = sqlfile_number(row, 0),
        .scheduled_us = sqlfile_number(row, 1),
        .state = (enum terms_state)sqlfile_number(row, 2),
        .since_us = sqlfile_number(row, 3),
        .opened_us = sqlfile_number(row, 4),
        .closed_us = sqlfile_number(row, 5),
        .vp9 = sqlfile_number(row, 9) != 0,
        .needs_consent = sqlfile_number(row, 10) != 0,
        .objection_holds = sqlfile_number(row, 11) != 0,
    };
    int r = sqlfile_text(row, 6, h->case_number, sizeof(h->case_number));
    if (r == 0)
        r = sqlfile_text(row, 7, h->title, sizeof(h->title));
    if (r == 0)
        r = sqlfile_text(row, 8, h->court, sizeof(h->court));
    return r;
}

static int read_person(const struct sqlfile_row *row, void *item)
{
    struct store_person *person = item;
    *person = (struct store_person){
        .id = sqlfile_number(row, 0),
        .hearing = sqlfile_number(row, 1),
        .role = (enum control_role)sqlfile_number(row, 2),
        .room = (enum terms_room)sqlfile_number(row, 3),
        .admitted = sqlfile_number(row, 4) != 0,
        .removed = sqlfile_number(row, 5) != 0,
        .hand = sqlfile_number(row, 6) != 0,
        .seats = (uint8_t)sqlfile_number(row, 7),
        .arrival = sqlfile_number(row, 8),
        .side = (uint8_t)sqlfile_number(row, 10),
    };
    return sqlfile_text(row, 9, person->name, sizeof(person->name));
}

static int read_invitation(const struct sqlfile_row *row, void *item)
{
    *(struct store_invitation *)item = (struct store_invitation){
        .id = sqlfile_number(row, 0),
        .hearing = sqlfile_number(row, 1), /* NULL reads as 0 */
        .person = sqlfile_number(row, 2),
        .role = (enum control_role)sqlfile_number(row, 3),
        .created_us = sqlfile_number(row, 4),
        .expires_us = sqlfile_number(row, 5),
        .revoked_us = sqlfile_number(row, 6),
    };
    return 0;
}

static int by_number(struct sqlfile *f, enum store_sql sql, uint64_t key, sqlfile_reader reader,
                     void *item)
{
    const struct sqlfile_value value = NUMBER(key);
    return sqlfile_get(f, sql, value, reader, item);
}

static int list_by_number(struct sqlfile *f, enum store_sql sql, uint64_t key,
                          sqlfile_reader reader, size_t size, void **ret_list, size_t *ret_count)
{
    const struct sqlfile_value value = NUMBER(key);
    return sqlfile_list(f, sql, value, reader, size, ret_list, ret_count);
}

static int hearing_add(struct store *store, const struct store_hearing *h)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value of_case[] = {TEXT(h->case_number), TEXT(h->court)};
    struct sqlfile_value of_hearing[] = {
        NUMBER(h->id),       TEXT(h->case_number),     TEXT(h->court),
        TEXT(h->title),      NUMBER(h->scheduled_us),  NUMBER(h->state),
        NUMBER(h->since_us), NUMBER(h->opened_us),     NUMBER(h->closed_us),
        NUMBER(h->vp9),      NUMBER(h->needs_consent), NUMBER(h->objection_holds)};
    int r = sqlfile_change_begin(f);
    if (r < 0)
        return r;
    r = SQLFILE_RUN(f, STORE_SQL_CASE_ADD, of_case);
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_HEARING_ADD, of_hearing);
    return sqlfile_change_end(f, r);
}

static int hearing_get(struct store *store, uint64_t id, struct store_hearing *ret_hearing)
{
    return by_number(ours(store), STORE_SQL_HEARING_GET, id, read_hearing, ret_hearing);
}

static int hearing_set_state(struct store *store, uint64_t id, enum terms_state state,
                             uint64_t at_us, uint64_t opened_us)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value values[] = {NUMBER(id), NUMBER(state), NUMBER(at_us), NUMBER(opened_us)};
    int r = SQLFILE_RUN(f, STORE_SQL_HEARING_SET_STATE, values);
    if (r < 0 || sqlfile_touched(f) == 1)
        return r;
    struct store_hearing there;
    r = hearing_get(store, id, &there);
    return r < 0 ? r : -EPERM;
}

static int hearing_list(struct store *store, unsigned states, struct store_hearing **ret_list,
                        size_t *ret_count)
{
    return list_by_number(ours(store), STORE_SQL_HEARING_LIST, states, read_hearing,
                          sizeof(**ret_list), (void **)ret_list, ret_count);
}

static int read_number(const struct sqlfile_row *row, void *item)
{
    *(uint64_t *)item = sqlfile_number(row, 0);
    return 0;
}

static int person_add(struct store *store, const struct store_person *p)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value values[] = {NUMBER(p->id),      NUMBER(p->hearing), NUMBER(p->role),
                                     TEXT(p->name),      NUMBER(p->room),    NUMBER(p->admitted),
                                     NUMBER(p->removed), NUMBER(p->hand),    NUMBER(p->seats),
                                     NUMBER(p->arrival), NUMBER(p->side)};
    int r = sqlfile_change_begin(f);
    if (r < 0)
        return r;
    uint64_t count = 0;
    r = by_number(f, STORE_SQL_PERSON_COUNT, p->hearing, read_number, &count);
    if (r == 0 && count >= LIMIT_PEOPLE_PER_HEARING)
        r = -ENOSPC;
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_PERSON_ADD, values);
    return sqlfile_change_end(f, r);
}

static int person_get(struct store *store, uint64_t id, struct store_person *ret_person)
{
    return by_number(ours(store), STORE_SQL_PERSON_GET, id, read_person, ret_person);
}

static int person_set(struct store *store, const struct store_person *p)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value values[] = {NUMBER(p->id),      NUMBER(p->room), NUMBER(p->admitted),
                                     NUMBER(p->removed), NUMBER(p->hand), NUMBER(p->seats),
                                     NUMBER(p->arrival)};
    int r = SQLFILE_RUN(f, STORE_SQL_PERSON_SET, values);
    return r < 0 ? r : sqlfile_touched(f) == 1 ? 0 : -ENOENT;
}

static int person_list(struct store *store, uint64_t hearing, struct store_person **ret_list,
                       size_t *ret_count)
{
    return list_by_number(ours(store), STORE_SQL_PERSON_LIST, hearing, read_person,
                          sizeof(**ret_list), (void **)ret_list, ret_count);
}

static int invitation_add(struct store *store, const struct store_invitation *i)
{
    struct sqlfile_value values[] = {
        NUMBER(i->id),         NUMBER(i->hearing),    NUMBER(i->person),    NUMBER(i->role),
        NUMBER(i->created_us), NUMBER(i->expires_us), NUMBER(i->revoked_us)};
    return SQLFILE_RUN(ours(store), STORE_SQL_INVITATION_ADD, values);
}

static int invitation_get(struct store *store, uint64_t id, struct store_invitation *ret_invitation)
{
    return by_number(ours(store), STORE_SQL_INVITATION_GET, id, read_invitation, ret_invitation);
}

static int invitation_list(struct store *store, uint64_t hearing,
                           struct store_invitation **ret_list, size_t *ret_count)
{
    return list_by_number(ours(store), STORE_SQL_INVITATION_LIST, hearing, read_invitation,
                          sizeof(**ret_list), (void **)ret_list, ret_count);
}

static int invitation_revoke(struct store *store, uint64_t id, uint64_t at_us)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value values[] = {NUMBER(id), NUMBER(at_us)};
    struct sqlfile_value key[] = {NUMBER(id)};
    struct store_invitation there;
    int r = sqlfile_change_begin(f);
    if (r < 0)
        return r;
    r = invitation_get(store, id, &there);
    if (r == 0 && there.revoked_us != 0)
        return sqlfile_change_end(f, 0);
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_INVITATION_REVOKE, values);
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_RESUME_FORGET_INVITATION, key);
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_COOKIE_FORGET_INVITATION, key);
    return sqlfile_change_end(f, r);
}

static int invitation_revoke_person(struct store *store, uint64_t person, uint64_t at_us)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value values[] = {NUMBER(person), NUMBER(at_us)};
    struct sqlfile_value key[] = {NUMBER(person)};
    int r = sqlfile_change_begin(f);
    if (r < 0)
        return r;
    r = SQLFILE_RUN(f, STORE_SQL_INVITATION_REVOKE_PERSON, values);
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_RESUME_FORGET, key);
    if (r == 0)
        r = SQLFILE_RUN(f, STORE_SQL_COOKIE_FORGET_PERSON, key);
    return sqlfile_change_end(f, r);
}

static int resume_set(struct store *store, uint64_t person,
                      const uint8_t hash[static STORE_HASH_LEN])
{
    struct sqlfile_value values[] = {NUMBER(person), HASH(hash)};
    return SQLFILE_RUN(ours(store), STORE_SQL_RESUME_SET, values);
}

static int read_hash(const struct sqlfile_row *row, void *item)
{
    return sqlfile_blob(row, 0, item, STORE_HASH_LEN);
}

static int resume_get(struct store *store, uint64_t person, uint8_t ret_hash[static STORE_HASH_LEN])
{
    return by_number(ours(store), STORE_SQL_RESUME_GET, person, read_hash, ret_hash);
}

static int cookie_add(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                      uint64_t invitation, uint64_t expires_us)
{
    struct sqlfile *f = ours(store);
    struct sqlfile_value values[] = {HASH(hash), NUMBER(invitation), NUMBER(expires_us)};
    int r = sqlfile_change_begin(f);
    if (r < 0)
        return r;
    r = SQLFILE_RUN(f, STORE_SQL_COOKIE_ADD, values);
    if (r == 0)
        r = sqlfile_run(f, STORE_SQL_COOKIE_TRIM, NULL, 0);
    return sqlfile_change_end(f, r);
}

struct cookie {
    uint64_t invitation, expires_us;
};

static int read_cookie(const struct sqlfile_row *row, void *item)
{
    *(struct cookie *)item = (struct cookie){sqlfile_number(row, 0), sqlfile_number(row, 1)};
    return 0;
}

static int cookie_get(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                      uint64_t *ret_invitation, uint64_t *ret_expires_us)
{
    const struct sqlfile_value key = HASH(hash);
    struct cookie found;
    int r = sqlfile_get(ours(store), STORE_SQL_COOKIE_GET, key, read_cookie, &found);
    if (r < 0)
        return r;
    *ret_invitation = found.invitation;
    *ret_expires_us = found.expires_us;
    return 0;
}

static int cookie_forget(struct store *store, const uint8_t hash[static STORE_HASH_LEN])
{
    struct sqlfile_value values[] = {HASH(hash)};
    return SQLFILE_RUN(ours(store), STORE_SQL_COOKIE_FORGET, values);
}

static int setting_set(struct store *store, const char *key, const char *value)
{
    struct sqlfile_value values[] = {TEXT(key), TEXT(value)};
    return SQLFILE_RUN(ours(store), STORE_SQL_SETTING_SET, values);
}

struct setting {
    char *text;
    size_t capacity;
};

static int read_setting(const struct sqlfile_row *row, void *item)
{
    const struct setting *setting = item;
    return sqlfile_text(row, 0, setting->text, setting->capacity);
}

static int setting_get(struct store *store, const char *key, char *value, size_t capacity)
{
    const struct sqlfile_value name = TEXT(key);
    struct setting setting = {value, capacity};
    int r = sqlfile_get(ours(store), STORE_SQL_SETTING_GET, name, read_setting, &setting);
    return r == -EBADMSG ? -ENOBUFS : r;
}

static void close_store(struct store *store)
{
    sqlfile_close(ours(store));
    free(store); /* it is the first member */
}

static const struct store_engine engine = {
    .close = close_store,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .changes = changes,
    .hearing_add = hearing_add,
    .hearing_get = hearing_get,
    .hearing_set_state = hearing_set_state,
    .hearing_list = hearing_list,
    .person_add = person_add,
    .person_get = person_get,
    .person_set = person_set,
    .person_list = person_list,
    .invitation_add = invitation_add,
    .invitation_get = invitation_get,
    .invitation_list = invitation_list,
    .invitation_revoke = invitation_revoke,
    .invitation_revoke_person = invitation_revoke_person,
    .resume_set = resume_set,
    .resume_get = resume_get,
    .cookie_add = cookie_add,
    .cookie_get = cookie_get,
    .cookie_forget = cookie_forget,
    .setting_set = setting_set,
    .setting_get = setting_get,
};

int store_sqlite_open(const char *data_dir, struct store **ret_store)
{
    static const struct sqlfile_design design = {
        .application_id = STORE_SCHEMA_APPLICATION_ID,
        .steps = store_schema_steps,
        .step_count = STORE_SCHEMA_VERSION,
        .statements = store_sql,
        .statement_count = STORE_SQL_COUNT,
    };
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/assize.db", data_dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    struct sqlite_store *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->store.engine = &engine;
    int r = sqlfile_open(path, &design, &s->file);
    if (r < 0) {
        free(s);
        return r;
    }
    *ret_store = &s->store;
    return 0;
}
