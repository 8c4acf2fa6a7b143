/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/jsontext.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/terms.h"

/* Makes room for `more` bytes and a NUL. */
static bool reserve(struct jsontext *t, size_t more)
{
    if (t->failed)
        return false;
    if (t->capacity - t->len > more)
        return true;
    size_t capacity = t->capacity ? t->capacity : 512;
    while (capacity - t->len <= more)
        capacity *= 2;
    char *data = malloc(capacity);
    if (!data) {
        t->failed = true;
        return false;
    }
    if (t->len)
        memcpy(data, t->data, t->len);
    data[t->len] = '\0';
    free(t->data);
    t->data = data;
    t->capacity = capacity;
    return true;
}

static void put(struct jsontext *t, const char *bytes, size_t len)
{
    if (!reserve(t, len))
        return;
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
    t->data[t->len] = '\0';
}

/* Bytes of the UTF-8 sequence at `s`, 0 if it is none (RFC 3629: no overlong forms, no surrogates,
 * nothing over U+10FFFF). Reads no further than the first byte that does not fit. */
static size_t utf8_len(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return len;
}

static void put_quoted(struct jsontext *t, const char *text)
{
    put(t, "\"", 1);
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        size_t len = utf8_len(s);
        if (len == 0) {
            put(t, "\xef\xbf\xbd", 3); /* U+FFFD */
            s++;
            continue;
        }
        if (*s == '"' || *s == '\\') {
            char escape[2] = {'\\', (char)*s};
            put(t, escape, 2);
        } else if (*s < 0x20 || *s == 0x7f) {
            char escape[8];
            (void)snprintf(escape, sizeof(escape), "\\u%04x", *s);
            put(t, escape, 6);
        } else {
            put(t, (const char *)s, len);
        }
        s += len;
    }
    put(t, "\"", 1);
}

static void start_value(struct jsontext *t, const char *key)
{
    if (t->after_value)
        put(t, ",", 1);
    t->after_value = true;
    if (key) {
        put_quoted(t, key);
        put(t, ":", 1);
    }
}

void jsontext_open(struct jsontext *t, const char *key, char bracket)
{
    start_value(t, key);
    put(t, &bracket, 1);
    t->after_value = false;
}

void jsontext_close(struct jsontext *t, char bracket)
{
    put(t, &bracket, 1);
    t->after_value = true;
}

void jsontext_string(struct jsontext *t, const char *key, const char *value)
{
    if (!value) {
        jsontext_null(t, key);
        return;
    }
    start_value(t, key);
    put_quoted(t, value);
}

void jsontext_integer(struct jsontext *t, const char *key, int64_t value)
{
    char digits[24];
    start_value(t, key);
    put(t, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRId64, value));
}

void jsontext_unsigned(struct jsontext *t, const char *key, uint64_t value)
{
    char digits[24];
    start_value(t, key);
    put(t, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value));
}

void jsontext_bool(struct jsontext *t, const char *key, bool value)
{
    start_value(t, key);
    put(t, value ? "true" : "false", value ? 4 : 5);
}

void jsontext_null(struct jsontext *t, const char *key)
{
    start_value(t, key);
    put(t, "null", 4);
}

void jsontext_raw(struct jsontext *t, const char *key, const char *json, size_t len)
{
    start_value(t, key);
    put(t, json, len);
}

void jsontext_id(struct jsontext *t, const char *key, uint64_t id)
{
    char text[TERMS_ID_TEXT];
    jsontext_string(t, key, terms_id_text(id, text));
}

void jsontext_time(struct jsontext *t, const char *key, uint64_t wall_us)
{
    char text[TERMS_TIME_TEXT];
    jsontext_string(t, key, terms_time_text(wall_us, text));
}

char *jsontext_take(struct jsontext *t, size_t *ret_len)
{
    char *text = NULL;
    if (t->failed) {
        free(t->data);
    } else {
        text = t->data;
        *ret_len = t->len;
    }
    *t = (struct jsontext){0};
    return text;
}

void jsontext_finish(struct jsontext *t)
{
    free(t->data);
    *t = (struct jsontext){0};
}
