/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/sqlfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

/* How long a change waits for another process to finish its own. */
enum { BUSY_TIMEOUT_MS = 5000 };

/* Statements of our own, before the caller's. */
enum own {
    OWN_BEGIN,
    OWN_COMMIT,
    OWN_ROLLBACK,
    OWN_DATA_VERSION,
    OWN_COUNT,
};
static const char *const own_statements[OWN_COUNT] = {
    [OWN_BEGIN] = "BEGIN IMMEDIATE",
    [OWN_COMMIT] = "COMMIT",
    [OWN_ROLLBACK] = "ROLLBACK",
    [OWN_DATA_VERSION] = "PRAGMA data_version",
};

struct sqlfile {
    sqlite3 *db;
    bool in_transaction; /* between begin and commit */
    size_t prepared_count;
    sqlite3_stmt *prepared[OWN_COUNT + SQLFILE_STATEMENTS]; /* ours, then the design's */
};

struct sqlfile_row {
    sqlite3_stmt *prepared;
};

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

static int bind(sqlite3_stmt *prepared, const struct sqlfile_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int at = (int)i + 1;
        int code;
        if (values[i].text)
            code = sqlite3_bind_text(prepared, at, values[i].text, -1, SQLITE_STATIC);
        else if (values[i].blob)
            code = sqlite3_bind_blob(prepared, at, values[i].blob, (int)values[i].blob_len,
                                     SQLITE_STATIC);
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

/* Begins a statement, named by its place in `prepared`; the caller steps and finish()es it. */
static int start(struct sqlfile *f, size_t statement, const struct sqlfile_value *values,
                 size_t count, sqlite3_stmt **ret_prepared)
{
    sqlite3_stmt *prepared = f->prepared[statement];
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
static int run(struct sqlfile *f, size_t statement, const struct sqlfile_value *values,
               size_t count)
{
    sqlite3_stmt *prepared;
    int r = start(f, statement, values, count, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    finish(prepared);
    return r < 0 ? r : 0;
}

int sqlfile_change_begin(struct sqlfile *f)
{
    return f->in_transaction ? 0 : run(f, OWN_BEGIN, NULL, 0);
}

int sqlfile_change_end(struct sqlfile *f, int r)
{
    if (f->in_transaction)
        return r;
    if (r == 0)
        r = run(f, OWN_COMMIT, NULL, 0);
    if (r < 0 && !sqlite3_get_autocommit(f->db))
        (void)run(f, OWN_ROLLBACK, NULL, 0); /* SQLite rolls back when the file is next opened */
    return r;
}

int sqlfile_begin(struct sqlfile *f)
{
    if (f->in_transaction)
        return -EALREADY;
    int r = run(f, OWN_BEGIN, NULL, 0);
    f->in_transaction = r == 0;
    return r;
}

int sqlfile_commit(struct sqlfile *f)
{
    if (!f->in_transaction)
        return -EINVAL;
    f->in_transaction = false;
    return sqlfile_change_end(f, 0);
}

void sqlfile_rollback(struct sqlfile *f)
{
    if (!f->in_transaction)
        return;
    f->in_transaction = false;
    (void)sqlfile_change_end(f, -ECANCELED);
}

int sqlfile_version(struct sqlfile *f, uint64_t *ret_version)
{
    sqlite3_stmt *prepared;
    int r = start(f, OWN_DATA_VERSION, NULL, 0, &prepared);
    if (r < 0)
        return r;
    r = next_row(prepared);
    if (r == 1)
        *ret_version = (uint64_t)sqlite3_column_int64(prepared, 0);
    finish(prepared);
    return r == 1 ? 0 : r < 0 ? r : -EIO;
}

int sqlfile_run(struct sqlfile *f, unsigned statement, const struct sqlfile_value *values,
                size_t count)
{
    return run(f, OWN_COUNT + statement, values, count);
}

int sqlfile_touched(const struct sqlfile *f)
{
    return sqlite3_changes(f->db);
}

int sqlfile_get(struct sqlfile *f, unsigned statement, struct sqlfile_value key,
                sqlfile_reader reader, void *item)
{
    struct sqlfile_row row;
    int r = start(f, OWN_COUNT + statement, &key, 1, &row.prepared);
    if (r < 0)
        return r;
    r = next_row(row.prepared);
    if (r == 1)
        r = reader(&row, item);
    else if (r == 0)
        r = -ENOENT;
    finish(row.prepared);
    return r;
}

int sqlfile_list(struct sqlfile *f, unsigned statement, struct sqlfile_value key,
                 sqlfile_reader reader, size_t size, void **ret_list, size_t *ret_count)
{
    struct sqlfile_row row;
    int r = start(f, OWN_COUNT + statement, &key, 1, &row.prepared);
    if (r < 0)
        return r;
    char *items = NULL;
    size_t count = 0, capacity = 0;
    while ((r = next_row(row.prepared)) == 1) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            char *more = realloc(items, capacity * size);
            if (!more) {
                r = -ENOMEM;
                break;
            }
            items = more;
        }
        r = reader(&row, items + count * size);
        if (r < 0)
            break;
        count++;
    }
    finish(row.prepared);
    if (r < 0) {
        free(items);
        return r;
    }
    *ret_list = items;
    *ret_count = count;
    return 0;
}

uint64_t sqlfile_number(const struct sqlfile_row *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row->prepared, column);
}

int sqlfile_text(const struct sqlfile_row *row, int column, char *text, size_t capacity)
{
    const unsigned char *found = sqlite3_column_text(row->prepared, column);
    size_t len = (size_t)sqlite3_column_bytes(row->prepared, column);
    if (!found)
        return -ENOMEM;
    if (len >= capacity)
        return -EBADMSG;
    memcpy(text, found, len);
    text[len] = '\0';
    return 0;
}

int sqlfile_blob(const struct sqlfile_row *row, int column, uint8_t *bytes, size_t len)
{
    const void *found = sqlite3_column_blob(row->prepared, column);
    if (!found || (size_t)sqlite3_column_bytes(row->prepared, column) != len)
        return -EBADMSG;
    memcpy(bytes, found, len);
    return 0;
}

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

/* Brings the tables up to the last step, all of them or none. */
static int migrate(sqlite3 *db, const struct sqlfile_design *design)
{
    int r = execute(db, "BEGIN IMMEDIATE");
    if (r < 0)
        return r;
    int version = 0, wanted = (int)design->step_count;
    r = read_user_version(db, &version);
    if (r == 0 && (version < 0 || version > wanted))
        r = -EPROTONOSUPPORT;
    for (int step = version; r == 0 && step < wanted; step++)
        r = execute(db, design->steps[step]);
    if (r == 0 && version < wanted) {
        char mark[120];
        (void)snprintf(mark, sizeof(mark), "PRAGMA user_version = %d; PRAGMA application_id = %s",
                       wanted, design->application_id);
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

static int prepare_all(struct sqlfile *f, const struct sqlfile_design *design)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < f->prepared_count; i++) {
        const char *sql = i < OWN_COUNT ? own_statements[i] : design->statements[i - OWN_COUNT];
        r = errno_of(
            sqlite3_prepare_v3(f->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &f->prepared[i], NULL));
    }
    return r;
}

DEFINE_CLEANUP(struct sqlfile, sqlfile_close)

int sqlfile_open(const char *path, const struct sqlfile_design *design, struct sqlfile **ret_file)
{
    assert(design->statement_count <= SQLFILE_STATEMENTS);
    int r = make_file(path);
    if (r < 0)
        return r;
    CLEANUP(sqlfile_close)
    struct sqlfile *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->prepared_count = OWN_COUNT + design->statement_count;
    r = errno_of(sqlite3_open_v2(
        path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL));
    if (r == 0)
        r = configure(f->db);
    if (r == 0)
        r = migrate(f->db, design);
    if (r == 0)
        r = prepare_all(f, design);
    if (r == 0)
        *ret_file = STEAL(f);
    return r;
}

void sqlfile_close(struct sqlfile *f)
{
    if (!f)
        return;
    sqlfile_rollback(f);
    for (size_t i = 0; i < f->prepared_count; i++)
        sqlite3_finalize(f->prepared[i]);
    sqlite3_close(f->db);
    free(f);
}
