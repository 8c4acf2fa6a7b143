/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/sqlfile.h"

#include <errno.h>
#include <string.h>

#include "place.h"
#include "unit/check.h"

enum { ADD, GET, LIST, RENAME };

static const char *const statements[] = {
    [ADD] = "INSERT INTO things (id, name, hash) VALUES (?1, ?2, ?3)",
    [GET] = "SELECT id, name, hash FROM things WHERE id = ?1",
    [LIST] = "SELECT id, name, hash FROM things WHERE id >= ?1 ORDER BY id",
    [RENAME] = "UPDATE things SET name = ?2 WHERE id = ?1",
};
static const char *const steps[] = {
    "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "ALTER TABLE things ADD COLUMN hash BLOB",
};
static const struct sqlfile_design design = {"0x1", steps, 2, statements, 4};
static const struct sqlfile_design first_design = {"0x1", steps, 1, NULL, 0};

struct thing {
    uint64_t id;
    char name[8];
    uint8_t hash[2];
};

static int read_thing(const struct sqlfile_row *row, void *item)
{
    struct thing *thing = item;
    thing->id = sqlfile_number(row, 0);
    int r = sqlfile_text(row, 1, thing->name, sizeof(thing->name));
    return r < 0 ? r : sqlfile_blob(row, 2, thing->hash, sizeof(thing->hash));
}

static int add(struct sqlfile *f, uint64_t id, const char *name, const uint8_t *hash, size_t len)
{
    const struct sqlfile_value values[] = {SQLFILE_NUMBER(id), SQLFILE_TEXT(name),
                                           SQLFILE_BLOB(hash, len)};
    return SQLFILE_RUN(f, ADD, values);
}

static const uint8_t hash[] = {1, 2, 3};

static int get(struct sqlfile *f, uint64_t id, struct thing *thing)
{
    const struct sqlfile_value key = SQLFILE_NUMBER(id);
    return sqlfile_get(f, GET, key, read_thing, thing);
}

static size_t count(struct sqlfile *f)
{
    const struct sqlfile_value from = SQLFILE_NUMBER(0);
    void *things = NULL;
    size_t n = 0;
    CHECK_EQ(sqlfile_list(f, LIST, from, read_thing, sizeof(struct thing), &things, &n), 0);
    for (size_t i = 0; i + 1 < n; i++)
        CHECK(((struct thing *)things)[i].id < ((struct thing *)things)[i + 1].id);
    free(things);
    return n;
}

static void test_rows(struct sqlfile *f)
{
    struct thing thing;
    CHECK_EQ(count(f), 0);
    CHECK_EQ(add(f, 7, "seven", hash, 2), 0);
    CHECK_EQ(add(f, 7, "again", hash, 2), -EEXIST);
    CHECK_EQ(get(f, 7, &thing), 0);
    CHECK(thing.id == 7 && strcmp(thing.name, "seven") == 0 && thing.hash[1] == 2);
    CHECK_EQ(get(f, 8, &thing), -ENOENT);
    const struct sqlfile_value named[] = {SQLFILE_NUMBER(8), SQLFILE_TEXT("eight")};
    CHECK_EQ(SQLFILE_RUN(f, RENAME, named), 0);
    CHECK_EQ(sqlfile_touched(f), 0);
    for (uint64_t id = 10; id < 60; id++)
        CHECK_EQ(add(f, id, "many", hash, 2), 0);
    CHECK_EQ(count(f), 51);
}

/* What does not fit was not written by us: it is told, not cut. */
static void test_columns_that_do_not_fit(struct sqlfile *f)
{
    struct thing thing;
    CHECK_EQ(add(f, 1, "sevens7", hash, 2), 0);
    CHECK_EQ(get(f, 1, &thing), 0);
    CHECK_EQ(add(f, 2, "eightsz8", hash, 2), 0);
    CHECK_EQ(get(f, 2, &thing), -EBADMSG);
    CHECK_EQ(add(f, 3, "three", hash, 3), 0);
    CHECK_EQ(get(f, 3, &thing), -EBADMSG);
    void *things = NULL;
    size_t n = 0;
    const struct sqlfile_value from = SQLFILE_NUMBER(0);
    CHECK_EQ(sqlfile_list(f, LIST, from, read_thing, sizeof(thing), &things, &n), -EBADMSG);
    CHECK(!things);
}

static void test_changes_are_whole(struct sqlfile *f)
{
    CHECK_EQ(sqlfile_change_begin(f), 0);
    CHECK_EQ(add(f, 1, "one", hash, 2), 0);
    CHECK_EQ(sqlfile_change_end(f, -ENOSPC), -ENOSPC);
    CHECK_EQ(count(f), 0);

    CHECK_EQ(sqlfile_commit(f), -EINVAL);
    CHECK_EQ(sqlfile_begin(f), 0);
    CHECK_EQ(sqlfile_begin(f), -EALREADY);
    CHECK_EQ(sqlfile_change_begin(f), 0);
    CHECK_EQ(add(f, 1, "one", hash, 2), 0);
    CHECK_EQ(sqlfile_change_end(f, 0), 0);
    sqlfile_rollback(f);
    CHECK_EQ(count(f), 0);

    CHECK_EQ(sqlfile_begin(f), 0);
    CHECK_EQ(add(f, 1, "one", hash, 2), 0);
    CHECK_EQ(sqlfile_commit(f), 0);
    sqlfile_rollback(f); /* nothing to undo */
    CHECK_EQ(count(f), 1);
}

static struct sqlfile *opened(const char *path)
{
    struct sqlfile *f = NULL;
    CHECK_EQ(sqlfile_open(path, &design, &f), 0);
    return f;
}

static void test_another_process(const char *path)
{
    struct sqlfile *one = opened(path), *other = opened(path);
    uint64_t before = 0, after = 0;
    CHECK_EQ(sqlfile_version(one, &before), 0);
    CHECK_EQ(add(one, 1, "one", hash, 2), 0);
    CHECK_EQ(sqlfile_version(one, &after), 0);
    CHECK(before == after);
    CHECK_EQ(add(other, 2, "two", hash, 2), 0);
    CHECK_EQ(sqlfile_version(one, &after), 0);
    CHECK(before != after);
    sqlfile_close(one);
    sqlfile_close(other);
}

/* An older file gets the steps it has not had; a newer one is left alone. */
static void test_steps(const char *path)
{
    struct sqlfile *f = NULL;
    CHECK_EQ(sqlfile_open(path, &first_design, &f), 0);
    sqlfile_close(f);
    f = opened(path);
    CHECK_EQ(add(f, 1, "one", hash, 2), 0);
    sqlfile_close(f);
    f = NULL;
    CHECK_EQ(sqlfile_open(path, &first_design, &f), -EPROTONOSUPPORT);
    CHECK(!f);
    f = opened(path);
    CHECK_EQ(count(f), 1);
    sqlfile_close(f);
}

int main(void)
{
    static void (*const with_a_file[])(struct sqlfile * f) = {
        test_rows,
        test_columns_that_do_not_fit,
        test_changes_are_whole,
    };
    for (size_t i = 0; i < sizeof(with_a_file) / sizeof(with_a_file[0]); i++) {
        struct place place = place_make();
        struct sqlfile *f = opened(place_file(&place, "file.db"));
        with_a_file[i](f);
        sqlfile_close(f);
        place_remove(&place);
    }
    static void (*const with_a_path[])(const char *path) = {test_another_process, test_steps};
    for (size_t i = 0; i < sizeof(with_a_path) / sizeof(with_a_path[0]); i++) {
        struct place place = place_make();
        with_a_path[i](place_file(&place, "file.db"));
        place_remove(&place);
    }
    return 0;
}
