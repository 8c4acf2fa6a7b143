/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signaling/store_engine.h"
#include "signaling/store_schema.h"
#include "signaling/store_sql.h"

/* How long a change waits for another process to finish its own. */
enum { BUSY_TIMEOUT_MS = 5000 };

struct sqlite_store {
    struct store store; /* first, so a store is ours */
    sqlite3 *db;
    bool in_transaction; /* between begin and commit */
    sqlite3_stmt *prepared[STORE_SQL_COUNT];
};

static struct sqlite_store *ours(struct store *store)
{
    return (struct sqlite_store *)store;
}

/* A negative errno for one of SQLite's (extended) result codes. */
static int errno_of(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_FOREIGNKEY:
    case SQLITE_CONSTRAINT_NOTNULL:
        return -ENOENT; /* what a row refers to is not there */
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
        return -EEXIST;
    case SQLITE_IOERR_NOMEM:
        return -ENOMEM;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EBADMSG;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CONSTRAINT:
        return -EINVAL;
    default:
        return -EIO;
    }
}

/* One parameter of a statement. Text and blobs are borrowed until the statement is reset. */
struct value {
    int64_t number;
    const char *text; /* NULL: the number, or the blob */
    const uint8_t *blob;
};

#define NUMBER(n)                                                                                  \
    {                                                                                              \
        .number = (int64_t)(n)                                                                     \
    }
#define TEXT(t)                                                                                    \
    {                                                                                              \
        .text = (t)                                                                                \
    }
#define BLOB(b)                                                                                    \
    {                                                                                              \
        .blob = (b)                                                                                \
    }

static int bind(sqlite3_stmt *prepared, const struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int at = (int)i + 1;
        int code;
        if (values[i].text)
            code = sqlite3_bind_text(prepared, at, values[i].text, -1, SQLITE_STATIC);
        else if (values[i].blob)
            code = sqlite3_bind_blob(prepared, at, values[i].blob, STORE_HASH_LEN, SQLITE_STATIC);
        else
            code = sqlite3_bind_int64(prepared, at, values[i].number);
        if (code != SQLITE_OK)
            return errno_of(code);
    }
    return 0;
}

static void finish(sqlite3_stmt *prepared)
{
    (void)sqlite3_reset(prepared); /* repeats the error of the step that failed */
    (void)sqlite3_clear_bindings(prepared);
}

/* Begins a statement; the caller steps and finish()es it. */
static int start(struct sqlite_store *s, enum store_sql sql, const struct value *values,
                 size_t count, sqlite3_stmt **ret_prepared)
{
    sqlite3_stmt *prepared = s->prepared[sql];
    int r = bind(prepared, values, count);
    if (r < 0) {
        finish(prepared);
        return r;
    }
    *ret_prepared = prepared;
    return 0;
}

/* 1 with a row, 0 without, or a negative errno. */
static int next_row(sqlite3_stmt *prepared)
{
    int code = sqlite3_step(prepared);
    return code == SQLITE_ROW ? 1 : errno_of(code);
}

/* Runs a statement that gives no rows. Returns 0 or a negative errno. */
static int run(struct sqlite_store *s, enum store_sql sql, const struct value *values, size_t count)
{
    sqlite3_stmt *prepared;
    int r = start(s, sql, values, count, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    finish(prepared);
    return r < 0 ? r : 0;
}

#define COUNT_OF(array)     (sizeof(array) / sizeof((array)[0]))
#define RUN(s, sql, values) run((s), (sql), (values), COUNT_OF(values))

/* Several statements as one change, inside a transaction of the caller's or one of its own. */
static int change_begin(struct sqlite_store *s)
{
    return s->in_transaction ? 0 : run(s, STORE_SQL_BEGIN, NULL, 0);
}

static int change_end(struct sqlite_store *s, int r)
{
    if (s->in_transaction)
        return r;
    if (r == 0)
        r = run(s, STORE_SQL_COMMIT, NULL, 0);
    if (r < 0 && !sqlite3_get_autocommit(s->db))
        (void)run(s, STORE_SQL_ROLLBACK, NULL,
                  0); /* SQLite rolls back when the file is next opened */
    return r;
}

static int begin(struct store *store)
{
    struct sqlite_store *s = ours(store);
    if (s->in_transaction)
        return -EALREADY;
    int r = run(s, STORE_SQL_BEGIN, NULL, 0);
    s->in_transaction = r == 0;
    return r;
}

static int commit(struct store *store)
{
    struct sqlite_store *s = ours(store);
    if (!s->in_transaction)
        return -EINVAL;
    s->in_transaction = false;
    return change_end(s, 0);
}

static void rollback(struct store *store)
{
    struct sqlite_store *s = ours(store);
    if (!s->in_transaction)
        return;
    s->in_transaction = false;
    (void)change_end(s, -ECANCELED);
}

/* Copies a text column. -EBADMSG when it does not fit: not written by us. */
static int text_column(sqlite3_stmt *prepared, int column, char *text, size_t capacity)
{
    const unsigned char *found = sqlite3_column_text(prepared, column);
    size_t len = (size_t)sqlite3_column_bytes(prepared, column);
    if (!found)
        return -ENOMEM;
    if (len >= capacity)
        return -EBADMSG;
    memcpy(text, found, len);
    text[len] = '\0';
    return 0;
}

static uint64_t number_column(sqlite3_stmt *prepared, int column)
{
    return (uint64_t)sqlite3_column_int64(prepared, column);
}

/* Reads the present row into an item of its kind. */
typedef int (*row_reader)(sqlite3_stmt *prepared, void *item);

static int read_hearing(sqlite3_stmt *p, void *item)
{
    struct store_hearing *h = item;
    *h = (struct store_hearing){
        .id = number_column(p, 0),
        .scheduled_us = number_column(p, 1),
        .state = (enum terms_state)number_column(p, 2),
        .since_us = number_column(p, 3),
        .opened_us = number_column(p, 4),
        .closed_us = number_column(p, 5),
    };
    int r = text_column(p, 6, h->case_number, sizeof(h->case_number));
    if (r == 0)
        r = text_column(p, 7, h->title, sizeof(h->title));
    if (r == 0)
        r = text_column(p, 8, h->court, sizeof(h->court));
    return r;
}

static int read_person(sqlite3_stmt *p, void *item)
{
    struct store_person *person = item;
    *person = (struct store_person){
        .id = number_column(p, 0),
        .hearing = number_column(p, 1),
        .role = (enum control_role)number_column(p, 2),
        .room = (enum terms_room)number_column(p, 3),
        .admitted = number_column(p, 4) != 0,
        .removed = number_column(p, 5) != 0,
        .hand = number_column(p, 6) != 0,
        .seats = (uint8_t)number_column(p, 7),
        .arrival = number_column(p, 8),
    };
    return text_column(p, 9, person->name, sizeof(person->name));
}

static int read_invitation(sqlite3_stmt *p, void *item)
{
    *(struct store_invitation *)item = (struct store_invitation){
        .id = number_column(p, 0),
        .hearing = number_column(p, 1), /* NULL reads as 0 */
        .person = number_column(p, 2),
        .role = (enum control_role)number_column(p, 3),
        .created_us = number_column(p, 4),
        .expires_us = number_column(p, 5),
        .revoked_us = number_column(p, 6),
    };
    return 0;
}

/* Reads the one row of a query by one number. -ENOENT when there is none. */
static int get(struct sqlite_store *s, enum store_sql sql, uint64_t key, row_reader reader,
               void *item)
{
    struct value values[] = {NUMBER(key)};
    sqlite3_stmt *prepared;
    int r = start(s, sql, values, 1, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    if (r == 1)
        r = reader(prepared, item);
    else if (r == 0)
        r = -ENOENT;
    finish(prepared);
    return r;
}

/* Reads every row of a query by one number into a list of the caller's. */
static int list(struct sqlite_store *s, enum store_sql sql, uint64_t key, row_reader reader,
                size_t size, void **ret_list, size_t *ret_count)
{
    struct value values[] = {NUMBER(key)};
    sqlite3_stmt *prepared;
    int r = start(s, sql, values, 1, &prepared);
    if (r < 0)
        return r;
    char *items = NULL;
    size_t count = 0, capacity = 0;
    while ((r = next_row(prepared)) == 1) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            char *more = realloc(items, capacity * size);
            if (!more) {
                r = -ENOMEM;
                break;
            }
            items = more;
        }
        r = reader(prepared, items + count * size);
        if (r < 0)
            break;
        count++;
    }
    finish(prepared);
    if (r < 0) {
        free(items);
        return r;
    }
    *ret_list = items;
    *ret_count = count;
    return 0;
}

static int changes(struct store *store, uint64_t *ret_version)
{
    struct sqlite_store *s = ours(store);
    sqlite3_stmt *prepared;
    int r = start(s, STORE_SQL_DATA_VERSION, NULL, 0, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    if (r == 1)
        *ret_version = number_column(prepared, 0);
    finish(prepared);
    return r == 1 ? 0 : r < 0 ? r : -EIO;
}

static int hearing_add(struct store *store, const struct store_hearing *h)
{
    struct sqlite_store *s = ours(store);
    struct value of_case[] = {TEXT(h->case_number), TEXT(h->court)};
    struct value of_hearing[] = {
        NUMBER(h->id),       TEXT(h->case_number),    TEXT(h->court),
        TEXT(h->title),      NUMBER(h->scheduled_us), NUMBER(h->state),
        NUMBER(h->since_us), NUMBER(h->opened_us),    NUMBER(h->closed_us)};
    int r = change_begin(s);
    if (r < 0)
        return r;
    r = RUN(s, STORE_SQL_CASE_ADD, of_case);
    if (r == 0)
        r = RUN(s, STORE_SQL_HEARING_ADD, of_hearing);
    return change_end(s, r);
}

static int hearing_get(struct store *store, uint64_t id, struct store_hearing *ret_hearing)
{
    return get(ours(store), STORE_SQL_HEARING_GET, id, read_hearing, ret_hearing);
}

static int hearing_set_state(struct store *store, uint64_t id, enum terms_state state,
                             uint64_t at_us)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {NUMBER(id), NUMBER(state), NUMBER(at_us)};
    int r = RUN(s, STORE_SQL_HEARING_SET_STATE, values);
    if (r < 0 || sqlite3_changes(s->db) == 1)
        return r;
    struct store_hearing there;
    r = hearing_get(store, id, &there);
    return r < 0 ? r : -EPERM;
}

static int hearing_list(struct store *store, unsigned states, struct store_hearing **ret_list,
                        size_t *ret_count)
{
    return list(ours(store), STORE_SQL_HEARING_LIST, states, read_hearing, sizeof(**ret_list),
                (void **)ret_list, ret_count);
}

static int read_number(sqlite3_stmt *p, void *item)
{
    *(uint64_t *)item = number_column(p, 0);
    return 0;
}

static int person_add(struct store *store, const struct store_person *p)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {NUMBER(p->id),      NUMBER(p->hearing), NUMBER(p->role),
                             TEXT(p->name),      NUMBER(p->room),    NUMBER(p->admitted),
                             NUMBER(p->removed), NUMBER(p->hand),    NUMBER(p->seats),
                             NUMBER(p->arrival)};
    int r = change_begin(s);
    if (r < 0)
        return r;
    uint64_t count = 0;
    r = get(s, STORE_SQL_PERSON_COUNT, p->hearing, read_number, &count);
    if (r == 0 && count >= LIMIT_PEERS_PER_HEARING)
        r = -ENOSPC;
    if (r == 0)
        r = RUN(s, STORE_SQL_PERSON_ADD, values);
    return change_end(s, r);
}

static int person_get(struct store *store, uint64_t id, struct store_person *ret_person)
{
    return get(ours(store), STORE_SQL_PERSON_GET, id, read_person, ret_person);
}

static int person_set(struct store *store, const struct store_person *p)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {NUMBER(p->id),      NUMBER(p->room), NUMBER(p->admitted),
                             NUMBER(p->removed), NUMBER(p->hand), NUMBER(p->seats),
                             NUMBER(p->arrival)};
    int r = RUN(s, STORE_SQL_PERSON_SET, values);
    return r < 0 ? r : sqlite3_changes(s->db) == 1 ? 0 : -ENOENT;
}

static int person_list(struct store *store, uint64_t hearing, struct store_person **ret_list,
                       size_t *ret_count)
{
    return list(ours(store), STORE_SQL_PERSON_LIST, hearing, read_person, sizeof(**ret_list),
                (void **)ret_list, ret_count);
}

static int invitation_add(struct store *store, const struct store_invitation *i)
{
    struct value values[] = {NUMBER(i->id),        NUMBER(i->hearing),    NUMBER(i->person),
                             NUMBER(i->role),      NUMBER(i->created_us), NUMBER(i->expires_us),
                             NUMBER(i->revoked_us)};
    return RUN(ours(store), STORE_SQL_INVITATION_ADD, values);
}

static int invitation_get(struct store *store, uint64_t id, struct store_invitation *ret_invitation)
{
    return get(ours(store), STORE_SQL_INVITATION_GET, id, read_invitation, ret_invitation);
}

static int invitation_list(struct store *store, uint64_t hearing,
                           struct store_invitation **ret_list, size_t *ret_count)
{
    return list(ours(store), STORE_SQL_INVITATION_LIST, hearing, read_invitation,
                sizeof(**ret_list), (void **)ret_list, ret_count);
}

static int invitation_revoke(struct store *store, uint64_t id, uint64_t at_us)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {NUMBER(id), NUMBER(at_us)};
    struct value key[] = {NUMBER(id)};
    struct store_invitation there;
    int r = change_begin(s);
    if (r < 0)
        return r;
    r = invitation_get(store, id, &there);
    if (r == 0 && there.revoked_us != 0)
        return change_end(s, 0);
    if (r == 0)
        r = RUN(s, STORE_SQL_INVITATION_REVOKE, values);
    if (r == 0)
        r = RUN(s, STORE_SQL_RESUME_FORGET_INVITATION, key);
    if (r == 0)
        r = RUN(s, STORE_SQL_COOKIE_FORGET_INVITATION, key);
    return change_end(s, r);
}

static int invitation_revoke_person(struct store *store, uint64_t person, uint64_t at_us)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {NUMBER(person), NUMBER(at_us)};
    struct value key[] = {NUMBER(person)};
    int r = change_begin(s);
    if (r < 0)
        return r;
    r = RUN(s, STORE_SQL_INVITATION_REVOKE_PERSON, values);
    if (r == 0)
        r = RUN(s, STORE_SQL_RESUME_FORGET, key);
    if (r == 0)
        r = RUN(s, STORE_SQL_COOKIE_FORGET_PERSON, key);
    return change_end(s, r);
}

static int resume_set(struct store *store, uint64_t person,
                      const uint8_t hash[static STORE_HASH_LEN])
{
    struct value values[] = {NUMBER(person), BLOB(hash)};
    return RUN(ours(store), STORE_SQL_RESUME_SET, values);
}

static int read_hash(sqlite3_stmt *p, void *item)
{
    const void *hash = sqlite3_column_blob(p, 0);
    if (!hash || sqlite3_column_bytes(p, 0) != STORE_HASH_LEN)
        return -EBADMSG;
    memcpy(item, hash, STORE_HASH_LEN);
    return 0;
}

static int resume_get(struct store *store, uint64_t person, uint8_t ret_hash[static STORE_HASH_LEN])
{
    return get(ours(store), STORE_SQL_RESUME_GET, person, read_hash, ret_hash);
}

static int cookie_add(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                      uint64_t invitation, uint64_t expires_us)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {BLOB(hash), NUMBER(invitation), NUMBER(expires_us)};
    int r = change_begin(s);
    if (r < 0)
        return r;
    r = RUN(s, STORE_SQL_COOKIE_ADD, values);
    if (r == 0)
        r = run(s, STORE_SQL_COOKIE_TRIM, NULL, 0);
    return change_end(s, r);
}

static int cookie_get(struct store *store, const uint8_t hash[static STORE_HASH_LEN],
                      uint64_t *ret_invitation, uint64_t *ret_expires_us)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {BLOB(hash)};
    sqlite3_stmt *prepared;
    int r = start(s, STORE_SQL_COOKIE_GET, values, 1, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    if (r == 1) {
        *ret_invitation = number_column(prepared, 0);
        *ret_expires_us = number_column(prepared, 1);
    }
    finish(prepared);
    return r == 1 ? 0 : r < 0 ? r : -ENOENT;
}

static int cookie_forget(struct store *store, const uint8_t hash[static STORE_HASH_LEN])
{
    struct value values[] = {BLOB(hash)};
    return RUN(ours(store), STORE_SQL_COOKIE_FORGET, values);
}

static int setting_set(struct store *store, const char *key, const char *value)
{
    struct value values[] = {TEXT(key), TEXT(value)};
    return RUN(ours(store), STORE_SQL_SETTING_SET, values);
}

static int setting_get(struct store *store, const char *key, char *value, size_t capacity)
{
    struct sqlite_store *s = ours(store);
    struct value values[] = {TEXT(key)};
    sqlite3_stmt *prepared;
    int r = start(s, STORE_SQL_SETTING_GET, values, 1, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    if (r == 1)
        r = text_column(prepared, 0, value, capacity);
    else if (r == 0)
        r = -ENOENT;
    finish(prepared);
    return r == -EBADMSG ? -ENOBUFS : r;
}

static void close_store(struct store *store)
{
    struct sqlite_store *s = ours(store);
    rollback(store);
    for (size_t i = 0; i < STORE_SQL_COUNT; i++)
        sqlite3_finalize(s->prepared[i]);
    sqlite3_close(s->db);
    free(s);
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

/* Runs a script. */
static int execute(sqlite3 *db, const char *sql)
{
    return errno_of(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int read_user_version(sqlite3 *db, int *ret_version)
{
    sqlite3_stmt *prepared = NULL;
    int r = errno_of(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &prepared, NULL));
    if (r == 0)
        r = next_row(prepared);
    if (r == 1)
        *ret_version = sqlite3_column_int(prepared, 0);
    sqlite3_finalize(prepared);
    return r == 1 ? 0 : r < 0 ? r : -EIO;
}

/* Brings the tables up to STORE_SCHEMA_VERSION, all steps or none. */
static int migrate(sqlite3 *db)
{
    int r = execute(db, "BEGIN IMMEDIATE");
    if (r < 0)
        return r;
    int version = 0;
    r = read_user_version(db, &version);
    if (r == 0 && (version < 0 || version > STORE_SCHEMA_VERSION))
        r = -EPROTONOSUPPORT;
    for (int step = version; r == 0 && step < STORE_SCHEMA_VERSION; step++)
        r = execute(db, store_schema_steps[step]);
    if (r == 0 && version < STORE_SCHEMA_VERSION) {
        char mark[120];
        snprintf(mark, sizeof(mark),
                 "PRAGMA user_version = %d; PRAGMA application_id = " STORE_SCHEMA_APPLICATION_ID,
                 STORE_SCHEMA_VERSION);
        r = execute(db, mark);
    }
    if (r == 0)
        r = execute(db, "COMMIT");
    if (r < 0 && !sqlite3_get_autocommit(db))
        (void)execute(db, "ROLLBACK"); /* closing does it too */
    return r;
}

/* WAL: readers and one writer do not wait for each other; FULL: a change is on disk when its call
 * returns. Changing to WAL does not wait for another process that does so now, so ask again. */
static int configure(sqlite3 *db)
{
    int r = errno_of(sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS));
    for (int i = 0; r == 0 && i < BUSY_TIMEOUT_MS / 50; i++) {
        r = execute(db, "PRAGMA journal_mode = WAL");
        if (r != -EBUSY)
            break;
        (void)sqlite3_sleep(50);
    }
    if (r == 0)
        r = execute(db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                        " PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON");
    return r;
}

/* Makes the file with a mode that keeps others out; SQLite's own files beside it follow it. */
static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int prepare_all(struct sqlite_store *s)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < STORE_SQL_COUNT; i++)
        r = errno_of(sqlite3_prepare_v3(s->db, store_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                        &s->prepared[i], NULL));
    return r;
}

int store_sqlite_open(const char *data_dir, struct store **ret_store)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/assize.db", data_dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    int r = make_file(path);
    if (r < 0)
        return r;
    struct sqlite_store *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->store.engine = &engine;
    r = errno_of(sqlite3_open_v2(
        path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL));
    if (r == 0)
        r = configure(s->db);
    if (r == 0)
        r = migrate(s->db);
    if (r == 0)
        r = prepare_all(s);
    if (r < 0) {
        close_store(&s->store);
        return r;
    }
    *ret_store = &s->store;
    return 0;
}
