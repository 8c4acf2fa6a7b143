/* One SQLite file: statements prepared once and run with typed values, rows read back, changes that
 * are whole or not at all. The only file with SQLite; one thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_SQLFILE_H
#define SIGNALING_SQLFILE_H

#include <stddef.h>
#include <stdint.h>

struct sqlfile;
struct sqlfile_row; /* the one just found, for a reader */

#define SQLFILE_STATEMENTS 64

/* What the file holds and what is asked of it. Borrowed for good. */
struct sqlfile_design {
    const char *application_id; /* a number as SQL text, in the file's header */
    const char *const *steps;   /* scripts that make the tables; user_version counts them */
    size_t step_count;
    const char *const *statements; /* a statement is named by its place here */
    size_t statement_count;        /* at most SQLFILE_STATEMENTS */
};

/* One parameter of a statement. Borrowed for the call. */
struct sqlfile_value {
    int64_t number;
    const char *text; /* NULL: the blob, or the number */
    const uint8_t *blob;
    size_t blob_len;
};

#define SQLFILE_NUMBER(n)                                                                          \
    {                                                                                              \
        .number = (int64_t)(n)                                                                     \
    }
#define SQLFILE_TEXT(t)                                                                            \
    {                                                                                              \
        .text = (t)                                                                                \
    }
#define SQLFILE_BLOB(b, len)                                                                       \
    {                                                                                              \
        .blob = (b), .blob_len = (len)                                                             \
    }

/* Every call gives 0 or a negative errno: -ENOENT when what a row refers to is not there, -EEXIST
 * when its key is taken, -EINVAL when a check of the table refuses it, -EBUSY when another process
 * does not let go, -ENOSPC, -EROFS, -EACCES, -EIO, -ENOMEM; -EBADMSG when the file is damaged. */

/* Opens `path`, made with mode 0600 when it is not there, and runs the steps it has not had, all or
 * none. -EPROTONOSUPPORT when it has had more than there are. */
int sqlfile_open(const char *path, const struct sqlfile_design *design, struct sqlfile **ret_file);
/* Accepts NULL. A transaction that is not committed is undone. */
void sqlfile_close(struct sqlfile *file);

/* A transaction of the caller's. -EALREADY when there is one; -EINVAL when there is none. */
int sqlfile_begin(struct sqlfile *file);
int sqlfile_commit(struct sqlfile *file);
/* Nothing when there is none. */
void sqlfile_rollback(struct sqlfile *file);

/* Several statements as one change, inside the caller's transaction or one of its own: what fails
 * in between is given to the end, which undoes all of it and returns it. */
int sqlfile_change_begin(struct sqlfile *file);
int sqlfile_change_end(struct sqlfile *file, int r);

/* A number that is another one after another process has changed the file. */
int sqlfile_version(struct sqlfile *file, uint64_t *ret_version);

/* Runs a statement that gives no rows. */
int sqlfile_run(struct sqlfile *file, unsigned statement, const struct sqlfile_value *values,
                size_t count);
#define SQLFILE_RUN(file, statement, values)                                                       \
    sqlfile_run(file, statement, values, sizeof(values) / sizeof((values)[0]))

/* Rows changed by the statement run last. */
int sqlfile_touched(const struct sqlfile *file);

/* Reads the row into an item of its kind. */
typedef int (*sqlfile_reader)(const struct sqlfile_row *row, void *item);

/* Reads the one row of a query by one value. -ENOENT when there is none. */
int sqlfile_get(struct sqlfile *file, unsigned statement, struct sqlfile_value key,
                sqlfile_reader reader, void *item);

/* Reads every row of a query by one value into a list of items of `size`, the caller's to free().
 */
int sqlfile_list(struct sqlfile *file, unsigned statement, struct sqlfile_value key,
                 sqlfile_reader reader, size_t size, void **ret_list, size_t *ret_count);

/* For readers. NULL reads as 0. */
uint64_t sqlfile_number(const struct sqlfile_row *row, int column);
/* Copies, with a final NUL. -EBADMSG when it does not fit: not written by us. */
int sqlfile_text(const struct sqlfile_row *row, int column, char *text, size_t capacity);
/* Copies. -EBADMSG when it is of another length. */
int sqlfile_blob(const struct sqlfile_row *row, int column, uint8_t *bytes, size_t len);

#endif
