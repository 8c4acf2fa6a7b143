/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/httpparse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "signaling/terms.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Reads digits at `*pos` and steps over them. 1, 0 when there are none, -ERANGE over 64 bits. */
static int read_number(const char **pos, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *start = *pos;
    for (; **pos >= '0' && **pos <= '9'; (*pos)++)
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(**pos - '0'), &number))
            return -ERANGE;
    *ret_number = number;
    return *pos > start;
}

int httpparse_range(const char *field, uint64_t size, struct httpparse_range *ret_range)
{
    static const char unit[] = "bytes=";
    uint64_t first = 0, last = 0;
    if (strncasecmp(field, unit, sizeof(unit) - 1) != 0)
        return 0;
    const char *pos = field + sizeof(unit) - 1;
    int has_first = read_number(&pos, &first);
    if (*pos != '-')
        return has_first < 0 && *pos >= '0' && *pos <= '9' ? -ERANGE : 0;
    pos++;
    int has_last = read_number(&pos, &last);
    if (has_first < 0)
        return -ERANGE;
    if (*pos && has_last >= 0)
        return 0;
    if (!has_first && has_last == 0)
        return 0;
    if (has_last < 0)
        last = UINT64_MAX;
    if (!has_first) { /* the last so many bytes */
        if (last == 0 || size == 0)
            return -ERANGE;
        *ret_range = (struct httpparse_range){last < size ? size - last : 0, size - 1};
        return 1;
    }
    if (has_last && last < first)
        return 0;
    if (first >= size)
        return -ERANGE;
    *ret_range = (struct httpparse_range){first, has_last && last < size - 1 ? last : size - 1};
    return 1;
}

bool httpparse_cookie(const char *field, const char *name, char *ret_value, size_t capacity)
{
    size_t name_len = strlen(name);
    bool found = false;
    while (*field) {
        while (is_space(*field) || *field == ';')
            field++;
        size_t len = strcspn(field, ";");
        if (len > name_len && field[name_len] == '=' && strncmp(field, name, name_len) == 0) {
            size_t value_len = len - name_len - 1;
            while (value_len && is_space(field[name_len + value_len]))
                value_len--;
            if (found || value_len >= capacity)
                return false;
            memcpy(ret_value, field + name_len + 1, value_len);
            ret_value[value_len] = '\0';
            found = true;
        }
        field += len;
    }
    return found;
}

/* Whether the parameters of a list's element say a weight of 0, such as ";q=0.000". */
static bool is_weightless(const char *parameters, size_t len)
{
    size_t i = 0;
    while (i < len && (is_space(parameters[i]) || parameters[i] == ';'))
        i++;
    if (len - i < 3 || strncasecmp(parameters + i, "q=0", 3) != 0)
        return false;
    for (i += 3; i < len; i++)
        if (parameters[i] != '.' && parameters[i] != '0' && !is_space(parameters[i]))
            return false;
    return true;
}

bool httpparse_accepts(const char *field, const char *coding)
{
    size_t coding_len = strlen(coding);
    while (*field) {
        while (is_space(*field) || *field == ',')
            field++;
        size_t len = strcspn(field, ",");
        size_t word = strcspn(field, ",; \t");
        if (word == coding_len && strncasecmp(field, coding, word) == 0)
            return !is_weightless(field + word, len - word);
        field += len;
    }
    return false;
}

bool httpparse_etag_listed(const char *field, const char *etag)
{
    size_t etag_len = strlen(etag);
    while (*field) {
        while (is_space(*field) || *field == ',')
            field++;
        if (*field == '*')
            return true;
        if (strncmp(field, "W/", 2) == 0)
            field += 2;
        size_t len = strcspn(field, ",");
        size_t end = len;
        while (end && is_space(field[end - 1]))
            end--;
        if (end == etag_len && memcmp(field, etag, end) == 0)
            return true;
        field += len;
    }
    return false;
}

int httpparse_length(const char *field, bool may_have_body, size_t most, size_t *ret_len)
{
    uint64_t len = 0;
    const char *pos = field;
    *ret_len = 0;
    if (!*field)
        return may_have_body ? 411 : 0;
    int r = read_number(&pos, &len);
    if (r < 0)
        return 413;
    if (r == 0 || *pos)
        return 400;
    if (len > most)
        return 413;
    if (len > 0 && !may_have_body)
        return 400;
    *ret_len = (size_t)len;
    return 0;
}

bool httpparse_is_same_origin(bool is_tls, const char *origin, const char *host)
{
    const char *scheme = is_tls ? "https://" : "http://";
    size_t len = strlen(scheme);
    return host[0] && strncmp(origin, scheme, len) == 0 && strcasecmp(origin + len, host) == 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* Steps over `prefix` and an id. */
static int read_prefix_and_id(const char **path, const char *prefix, uint64_t *ret_id)
{
    size_t len = strlen(prefix);
    if (strncmp(*path, prefix, len) != 0 || strlen(*path) < len + TERMS_ID_TEXT - 1 ||
        terms_id_parse(*path + len, TERMS_ID_TEXT - 1, ret_id) < 0)
        return -EBADMSG;
    *path += len + TERMS_ID_TEXT - 1;
    return 0;
}

int httpparse_record(const char *path, uint64_t *ret_hearing,
                     char ret_file[static HTTPPARSE_FILE_MAX])
{
    uint64_t hearing = 0;
    if (read_prefix_and_id(&path, "/records/", &hearing) < 0 || *path++ != '/')
        return -EBADMSG;
    size_t len = 0;
    while (is_name_char(path[len]))
        len++;
    if (path[len] || len == 0 || len >= HTTPPARSE_FILE_MAX || path[0] == '.' || path[0] == '-' ||
        path[0] == '_')
        return -EBADMSG;
    memcpy(ret_file, path, len + 1);
    *ret_hearing = hearing;
    return 0;
}

int httpparse_render(const char *path, uint64_t *ret_hearing)
{
    uint64_t hearing = 0;
    if (read_prefix_and_id(&path, "/api/records/", &hearing) < 0 || strcmp(path, "/render") != 0)
        return -EBADMSG;
    *ret_hearing = hearing;
    return 0;
}
