/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/terms.h"

#include <errno.h>
#include <string.h>

#include "unit/check.h"

static void words(void)
{
    for (unsigned i = 0; i < CONTROL_ROLE_COUNT; i++) {
        enum control_role role;
        CHECK_EQ(terms_role_parse(terms_role_name((enum control_role)i), &role), 0);
        CHECK_EQ(role, i);
    }
    enum control_role role;
    CHECK_EQ(terms_role_parse("king", &role), -EINVAL);
    CHECK_EQ(terms_role_parse("?", &role), -EINVAL);
    CHECK(strcmp(terms_state_name(TERMS_STATE_RECESS), "recess") == 0);
    CHECK(strcmp(terms_source_name(CONTROL_SOURCE_SCREEN), "screen") == 0);
    CHECK(strcmp(terms_room_name((enum terms_room)7), "?") == 0);
    CHECK(strcmp(terms_role_name(CONTROL_ROLE_COUNT), "?") == 0);
}

static void ids(void)
{
    char text[TERMS_ID_TEXT];
    CHECK(strcmp(terms_id_text(0xa1, text), "00000000000000a1") == 0);
    static const char *const bad[] = {
        "",
        "00000000000000A1",
        "0000000000000000",
        "00000000000000a",
        "00000000000000a12",
        "00000000000000g1",
        "-0000000000000a1",
    };
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(terms_id_parse(bad[i], strlen(bad[i]), &id), -EINVAL);
    CHECK_EQ(terms_id_parse("fedcba9876543210", 16, &id), 0);
    CHECK(id == 0xfedcba9876543210u);
    uint64_t a = 0, b = 0;
    CHECK_EQ(terms_id_random(&a), 0);
    CHECK_EQ(terms_id_random(&b), 0);
    CHECK(a != 0 && b != 0 && a != b);
}

static void times(void)
{
    static const struct {
        const char *text;
        const char *utc; /* NULL: refused */
    } cases[] = {
        {"2026-11-22T09:30:00.000Z", "2026-11-22T09:30:00.000Z"},
        {"2026-11-22T09:30Z", "2026-11-22T09:30:00.000Z"},
        {"2026-11-22 17:30+08:00", "2026-11-22T09:30:00.000Z"},
        {"2026-11-21T23:30:15.9999-10:00", "2026-11-22T09:30:15.999Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"},
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"},
        {"2026-02-29T00:00:00Z", NULL},
        {"2026-11-31T00:00:00Z", NULL},
        {"2026-13-01T00:00:00Z", NULL},
        {"2026-11-22T24:00:00Z", NULL},
        {"2026-11-22T09:60:00Z", NULL},
        {"2026-11-22T09:30:60Z", NULL},
        {"2026-11-22T09:30:00", NULL},
        {"2026-11-22", NULL},
        {"2026-11-22T09:30:00Zx", NULL},
        {"2026-11-22T09:30:00+8:00", NULL},
        {"1969-12-31T23:59:59Z", NULL},
        {"1970-01-01T00:00:00+01:00", NULL},
        {"", NULL},
        {"tomorrow", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t us = 0;
        char text[TERMS_TIME_TEXT];
        int r = terms_time_parse(cases[i].text, &us);
        CHECK_EQ(r, cases[i].utc ? 0 : -EINVAL);
        if (cases[i].utc)
            CHECK(strcmp(terms_time_text(us, text), cases[i].utc) == 0);
    }
    char text[TERMS_TIME_TEXT];
    CHECK(strlen(terms_time_text(UINT64_MAX, text)) == TERMS_TIME_TEXT - 1);
}

static void utf8(void)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"", true},
        {"Li Wei 李伟", true},
        {"\xc2\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xc0\x80", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* over U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\x80", false},
        {"a\xe6\x9d", false},
        {"\xc3(", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_EQ(terms_is_utf8(cases[i].text, strlen(cases[i].text)), cases[i].good);
}

static void labels(void)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"Li Wei", true},
        {"李伟", true},
        {"1234567890", true},
        {"12345678901", false}, /* over the 10 below */
        {"", false},
        {"  ", false},
        {"\xe3\x80\x80", false}, /* an ideographic space alone */
        {"a\nb", false},
        {"a\x7f", false},
        {"a\xc2\x85", false}, /* C1 */
        {"\xe2\x80\xae"
         "a",
         false}, /* turns the text around */
        {"\xe2\x81\xa6"
         "a",
         false},
        {"a\xff", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_EQ(terms_is_label(cases[i].text, 10), cases[i].good);
}

int main(void)
{
    words();
    ids();
    times();
    utf8();
    labels();
    return 0;
}
