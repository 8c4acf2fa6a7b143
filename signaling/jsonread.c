/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/jsonread.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/terms.h"

struct jsonread {
    json_t *json;
};

void jsonread_refuse(struct jsonread_fault *fault, const char *format, ...)
{
    if (fault->happened)
        return;
    fault->happened = true;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->detail, sizeof(fault->detail), format, arguments);
    va_end(arguments);
}

/* Whether brackets outside strings nest no deeper than `depth_max`: the parser behind it recurses.
 */
static bool is_shallow(const char *text, size_t len, unsigned depth_max)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if ((text[i] == '{' || text[i] == '[') && ++depth > depth_max)
            return false;
        else if ((text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
    }
    return true;
}

int jsonread_open(const char *text, size_t len, size_t size_max, unsigned depth_max,
                  struct jsonread_fault *fault, struct jsonread **ret_read,
                  struct jsonread_value *ret_top)
{
    json_error_t error;
    if (len > size_max)
        return -EMSGSIZE;
    if (!is_shallow(text, len, depth_max)) {
        jsonread_refuse(fault, "nested too deep");
        return -EBADMSG;
    }
    CLEANUP(jsonread_close) struct jsonread *read = calloc(1, sizeof(*read));
    if (!read)
        return -ENOMEM;
    read->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    /* Without memory the library does not always say so; all else it does. */
    if (!read->json && (json_error_code(&error) == json_error_out_of_memory ||
                        json_error_code(&error) == json_error_unknown))
        return -ENOMEM;
    if (!json_is_object(read->json)) {
        jsonread_refuse(fault, "not a JSON object");
        return -EBADMSG;
    }
    *ret_top = (struct jsonread_value){.json = read->json, .required = true, .fault = fault};
    *ret_read = STEAL(read);
    return 0;
}

void jsonread_close(struct jsonread *read)
{
    if (!read)
        return;
    json_decref(read->json);
    free(read);
}

/* The member, or NULL when it is not there (refused if it is required). */
static const json_t *take(struct jsonread_value *o, const char *key)
{
    if (o->fault->happened || !o->json)
        return NULL;
    const json_t *member = json_object_get(o->json, key);
    if (member)
        o->taken++;
    else if (o->required)
        jsonread_refuse(o->fault, "member %s is missing", key);
    return member;
}

int64_t jsonread_integer(struct jsonread_value *o, const char *key, int64_t least, int64_t most)
{
    const json_t *member = take(o, key);
    if (!member)
        return 0;
    int64_t value = json_is_integer(member) ? json_integer_value(member) : INT64_MIN;
    if (value >= least && value <= most)
        return value;
    jsonread_refuse(o->fault, "member %s is not an integer in its range", key);
    return 0;
}

bool jsonread_bool(struct jsonread_value *o, const char *key)
{
    const json_t *member = take(o, key);
    if (member && !json_is_boolean(member))
        jsonread_refuse(o->fault, "member %s is not true or false", key);
    return json_is_true(member);
}

double jsonread_number(struct jsonread_value *o, const char *key)
{
    const json_t *member = take(o, key);
    if (member && !json_is_number(member))
        jsonread_refuse(o->fault, "member %s is not a number", key);
    return json_number_value(member);
}

void jsonread_string(struct jsonread_value *o, const char *key, char *ret_text, size_t capacity,
                     size_t least)
{
    ret_text[0] = '\0';
    const json_t *member = take(o, key);
    if (!member)
        return;
    size_t len = json_string_length(member);
    if (!json_is_string(member) || len < least || len >= capacity) {
        jsonread_refuse(o->fault, "member %s is not a string of a fitting length", key);
        return;
    }
    memcpy(ret_text, json_string_value(member), len + 1);
}

uint64_t jsonread_id(struct jsonread_value *o, const char *key)
{
    char text[TERMS_ID_TEXT];
    uint64_t id = 0;
    jsonread_string(o, key, text, sizeof(text), TERMS_ID_TEXT - 1);
    if (text[0] && terms_id_parse(text, TERMS_ID_TEXT - 1, &id) < 0)
        jsonread_refuse(o->fault, "member %s is not 16 lower-case hex digits", key);
    return id;
}

size_t jsonread_name(struct jsonread_value *o, const char *key, const char *const *names,
                     size_t count)
{
    const json_t *member = take(o, key);
    const char *text = json_string_value(member);
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    if (member)
        jsonread_refuse(o->fault, "member %s has a value we do not know", key);
    return 0;
}

int jsonread_small(struct jsonread_value *o, const char *key)
{
    const json_t *member = take(o, key);
    if (json_is_integer(member) && json_integer_value(member) >= 0 &&
        json_integer_value(member) <= 255)
        return (int)json_integer_value(member);
    const char *text = json_string_value(member);
    if (text && text[0] >= '0' && text[0] <= '9' && !text[1])
        return text[0] - '0';
    return -1;
}

struct jsonread_value jsonread_object(struct jsonread_value *o, const char *key)
{
    const json_t *member = take(o, key);
    if (member && !json_is_object(member))
        jsonread_refuse(o->fault, "member %s is not an object", key);
    return (struct jsonread_value){
        .json = json_is_object(member) ? member : NULL, .required = true, .fault = o->fault};
}

struct jsonread_value jsonread_array(struct jsonread_value *o, const char *key, size_t most)
{
    const json_t *member = take(o, key);
    bool fits = json_is_array(member) && json_array_size(member) <= most;
    if (member && !fits)
        jsonread_refuse(o->fault, "member %s is not an array of a fitting length", key);
    return (struct jsonread_value){.json = fits ? member : NULL, .fault = o->fault};
}

size_t jsonread_count(const struct jsonread_value *array)
{
    return array->json ? json_array_size(array->json) : 0;
}

struct jsonread_value jsonread_element(const struct jsonread_value *array, size_t index)
{
    const json_t *element = json_array_get(array->json, index);
    if (!json_is_object(element)) {
        jsonread_refuse(array->fault, "an element is not an object");
        element = NULL;
    }
    return (struct jsonread_value){.json = element, .required = true, .fault = array->fault};
}

int64_t jsonread_integer_at(const struct jsonread_value *array, size_t index, int64_t least,
                            int64_t most)
{
    const json_t *element = json_array_get(array->json, index);
    int64_t value = json_is_integer(element) ? json_integer_value(element) : INT64_MIN;
    if (value >= least && value <= most)
        return value;
    jsonread_refuse(array->fault, "an element is not an integer in its range");
    return 0;
}

uint64_t jsonread_id_at(const struct jsonread_value *array, size_t index)
{
    const char *text = json_string_value(json_array_get(array->json, index));
    uint64_t id = 0;
    if (!text || terms_id_parse(text, strlen(text), &id) < 0)
        jsonread_refuse(array->fault, "an element is not 16 lower-case hex digits");
    return id;
}

void jsonread_refuse_others(const struct jsonread_value *o)
{
    if (o->json && json_object_size(o->json) != o->taken)
        jsonread_refuse(o->fault, "a member is unknown");
}
