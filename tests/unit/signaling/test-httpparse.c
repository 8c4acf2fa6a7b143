/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/httpparse.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"

static void test_range(void)
{
    static const struct {
        const char *field;
        uint64_t size;
        int result;
        uint64_t first, last;
    } rows[] = {
        {"", 100, 0, 0, 0},
        {"bytes=0-", 100, 1, 0, 99},
        {"bytes=0-0", 100, 1, 0, 0},
        {"Bytes=10-19", 100, 1, 10, 19},
        {"bytes=99-1000", 100, 1, 99, 99},
        {"bytes=100-", 100, -ERANGE, 0, 0},
        {"bytes=-1", 100, 1, 99, 99},
        {"bytes=-100", 100, 1, 0, 99},
        {"bytes=-1000", 100, 1, 0, 99},
        {"bytes=-0", 100, -ERANGE, 0, 0},
        {"bytes=0-", 0, -ERANGE, 0, 0},
        {"bytes=-5", 0, -ERANGE, 0, 0},
        {"bytes=5000000000-5000000001", 6000000000, 1, 5000000000, 5000000001},
        {"bytes=0-99999999999999999999", 100, 1, 0, 99},
        {"bytes=99999999999999999999-", 100, -ERANGE, 0, 0},
        /* What may be ignored: malformed, another unit, several ranges. */
        {"bytes=", 100, 0, 0, 0},
        {"bytes=-", 100, 0, 0, 0},
        {"bytes=5", 100, 0, 0, 0},
        {"bytes=5-4", 100, 0, 0, 0},
        {"bytes=1-2,4-5", 100, 0, 0, 0},
        {"bytes=a-b", 100, 0, 0, 0},
        {"bytes=1-2x", 100, 0, 0, 0},
        {"items=0-5", 100, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct httpparse_range range = {0, 0};
        int r = httpparse_range(rows[i].field, rows[i].size, &range);
        if (r != rows[i].result)
            fprintf(stderr, "row %zu: %s\n", i, rows[i].field);
        CHECK_EQ(r, rows[i].result);
        CHECK_EQ(range.first, rows[i].first);
        CHECK_EQ(range.last, rows[i].last);
    }
}

static void test_cookie(void)
{
    static const struct {
        const char *field;
        const char *value; /* NULL: not there */
    } rows[] = {
        {"assize=abc", "abc"},
        {"a=1; assize=abc; b=2", "abc"},
        {"a=1;assize=abc ", "abc"},
        {"assize=", ""},
        {"xassize=abc", NULL},
        {"assizex=abc", NULL},
        {"assize", NULL},
        {"", NULL},
        {";;; ;", NULL},
        /* Set twice, by whom is not known: neither counts. */
        {"assize=abc; assize=def", NULL},
        {"assize=0123456789abcdef0", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[16];
        bool found = httpparse_cookie(rows[i].field, "assize", value, sizeof(value));
        CHECK_EQ(found, rows[i].value != NULL);
        CHECK(!found || strcmp(value, rows[i].value) == 0);
    }
}

static void test_accepts(void)
{
    CHECK(httpparse_accepts("gzip", "gzip"));
    CHECK(httpparse_accepts("br, GZIP;q=0.5", "gzip"));
    CHECK(httpparse_accepts("deflate,gzip ,br", "gzip"));
    CHECK(!httpparse_accepts("gzip;q=0", "gzip"));
    CHECK(!httpparse_accepts("gzip; q=0.000", "gzip"));
    CHECK(httpparse_accepts("gzip;q=0.001", "gzip"));
    CHECK(!httpparse_accepts("xgzip, gzipx", "gzip"));
    CHECK(!httpparse_accepts("*", "gzip"));
    CHECK(!httpparse_accepts("", "gzip"));
}

static void test_etag(void)
{
    CHECK(httpparse_etag_listed("\"a\"", "\"a\""));
    CHECK(httpparse_etag_listed("\"b\", W/\"a\" ", "\"a\""));
    CHECK(httpparse_etag_listed("*", "\"a\""));
    CHECK(!httpparse_etag_listed("\"ab\"", "\"a\""));
    CHECK(!httpparse_etag_listed("", "\"a\""));
}

#define LONG_NAME "0123456789012345678901234567890123456789"
#define LONG_PATH "/records/00000000000000a1/" LONG_NAME LONG_NAME

static void test_paths(void)
{
    uint64_t hearing = 0;
    char file[HTTPPARSE_FILE_MAX];
    CHECK_EQ(httpparse_record("/records/00000000000000a1/composite.mp4", &hearing, file), 0);
    CHECK_EQ(hearing, 0xa1);
    CHECK(strcmp(file, "composite.mp4") == 0);
    static const char *const bad[] = {
        "/records/00000000000000a1/",
        "/records/00000000000000a1",
        "/records/00000000000000A1/x",
        "/records/0000000000000000/x",
        "/records/a1/x",
        "/records/00000000000000a1/.hidden",
        "/records/00000000000000a1/..",
        "/records/00000000000000a1/../x",
        "/records/00000000000000a1/a/b",
        "/records/00000000000000a1/a%2fb",
        "/records/00000000000000a1/-x",
        "/recordsx/00000000000000a1/x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(httpparse_record(bad[i], &hearing, file), -EBADMSG);
    CHECK_EQ(httpparse_record(LONG_PATH, &hearing, file), -EBADMSG);
    CHECK_EQ(httpparse_render("/api/records/00000000000000a2/render", &hearing), 0);
    CHECK_EQ(hearing, 0xa2);
    CHECK_EQ(httpparse_render("/api/records/00000000000000a2/renders", &hearing), -EBADMSG);
    CHECK_EQ(httpparse_render("/api/records//render", &hearing), -EBADMSG);
}

static void test_length(void)
{
    static const struct {
        const char *field;
        bool may_have_body;
        int status;
        size_t len;
    } rows[] = {
        {"", false, 0, 0},     {"", true, 411, 0},
        {"0", true, 0, 0},     {"0", false, 0, 0},
        {"100", true, 0, 100}, {"101", true, 413, 0},
        {"1", false, 400, 0},  {"-1", true, 400, 0},
        {"+1", true, 400, 0},  {"1 ", true, 400, 0},
        {" 1", true, 400, 0},  {"1,1", true, 400, 0},
        {"0x1", true, 400, 0}, {"99999999999999999999", true, 413, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = 7;
        int status = httpparse_length(rows[i].field, rows[i].may_have_body, 100, &len);
        if (status != rows[i].status)
            fprintf(stderr, "row %zu: %s\n", i, rows[i].field);
        CHECK_EQ(status, rows[i].status);
        CHECK_EQ(len, rows[i].len);
    }
}

static void test_origin(void)
{
    CHECK(httpparse_is_same_origin(true, "https://court.example:8443", "court.example:8443"));
    CHECK(httpparse_is_same_origin(true, "https://Court.example", "court.example"));
    CHECK(httpparse_is_same_origin(false, "http://localhost:1", "localhost:1"));
    CHECK(!httpparse_is_same_origin(true, "http://court.example", "court.example"));
    CHECK(!httpparse_is_same_origin(true, "https://court.example", "court.example:8443"));
    CHECK(!httpparse_is_same_origin(true, "https://court.example.evil", "court.example"));
    CHECK(!httpparse_is_same_origin(true, "https://evil.example", "court.example"));
    CHECK(!httpparse_is_same_origin(true, "null", "court.example"));
    CHECK(!httpparse_is_same_origin(true, "", ""));
    CHECK(!httpparse_is_same_origin(true, "https://", ""));
}

int main(void)
{
    test_range();
    test_cookie();
    test_accepts();
    test_etag();
    test_paths();
    test_length();
    test_origin();
    return 0;
}
