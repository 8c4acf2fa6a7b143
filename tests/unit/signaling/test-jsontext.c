/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/jsontext.h"

#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

static void check_string(const char *value, const char *expected)
{
    struct jsontext t = {0};
    size_t len = 0;
    jsontext_string(&t, NULL, value);
    char *text = jsontext_take(&t, &len);
    if (strcmp(text, expected) != 0)
        fprintf(stderr, "written %s, expected %s\n", text, expected);
    CHECK(strcmp(text, expected) == 0);
    CHECK_EQ(len, strlen(expected));
    free(text);
}

static void test_strings(void)
{
    check_string("", "\"\"");
    check_string(NULL, "null");
    check_string("李伟", "\"李伟\"");
    check_string("a\"b\\c", "\"a\\\"b\\\\c\"");
    check_string("\x01\n\x7f", "\"\\u0001\\u000a\\u007f\"");
    /* Not UTF-8: overlong, surrogate, too high, alone, cut off. One mark for each byte. */
    check_string("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_string("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_string("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_string("a\xffz", "\"a\xef\xbf\xbdz\"");
    check_string("\xe6\x9d", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_nesting(void)
{
    struct jsontext t = {0};
    size_t len = 0;
    jsontext_open(&t, NULL, '{');
    jsontext_open(&t, "a", '[');
    jsontext_integer(&t, NULL, -5);
    jsontext_unsigned(&t, NULL, UINT64_MAX);
    jsontext_open(&t, NULL, '{');
    jsontext_close(&t, '}');
    jsontext_close(&t, ']');
    jsontext_bool(&t, "b", true);
    jsontext_null(&t, "c");
    jsontext_id(&t, "d", 0xa1);
    jsontext_time(&t, "e", 1795339800123000ull);
    jsontext_close(&t, '}');
    char *text = jsontext_take(&t, &len);
    CHECK(strcmp(text, "{\"a\":[-5,18446744073709551615,{}],\"b\":true,\"c\":null,"
                       "\"d\":\"00000000000000a1\",\"e\":\"2026-11-22T09:30:00.123Z\"}") == 0);
    free(text);
}

/* Growth keeps what was written. */
static void test_growth(void)
{
    struct jsontext t = {0};
    size_t len = 0;
    jsontext_open(&t, NULL, '[');
    for (int i = 0; i < 10000; i++)
        jsontext_integer(&t, NULL, i % 10);
    jsontext_close(&t, ']');
    char *text = jsontext_take(&t, &len);
    CHECK_EQ(len, 20001);
    for (size_t i = 0; i < 10000; i++)
        CHECK_EQ(text[1 + 2 * i], '0' + (char)(i % 10));
    free(text);
}

int main(void)
{
    test_strings();
    test_nesting();
    test_growth();
    return 0;
}
