/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMPARED_MAX 64u

/* RFC 1035 section 2.3.4: a label of a name, and the whole name, characters. */
#define LABEL_MAX 63
#define NAME_MAX_ 253

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Wagner and Fischer's table, one row at a time. */
size_t config_text_distance(const char *a, const char *b)
{
    size_t row[COMPARED_MAX + 1];
    size_t a_len = strnlen(a, COMPARED_MAX);
    size_t b_len = strnlen(b, COMPARED_MAX);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

static bool is_key_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Whether `key` and a colon stand in the line, before any comment. */
static bool line_has_key(const char *line, size_t len, const char *key)
{
    size_t key_len = strlen(key);
    for (size_t i = 0; i < len; i++) {
        bool begins = i == 0 || !is_key_letter(line[i - 1]);
        if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
            return false;
        if (!begins || len - i <= key_len || memcmp(line + i, key, key_len) != 0)
            continue;
        size_t after = i + key_len;
        while (after < len && (line[after] == ' ' || line[after] == '"' || line[after] == '\''))
            after++;
        if (after < len && line[after] == ':')
            return true;
    }
    return false;
}

unsigned long config_text_line_of(const char *text, size_t len, unsigned long from, const char *key)
{
    unsigned long number = 1;
    if (from == 0)
        from = 1;
    for (size_t start = 0; start < len; number++) {
        const char *end = memchr(text + start, '\n', len - start);
        size_t line_len = end ? (size_t)(end - (text + start)) : len - start;
        if (number >= from && line_has_key(text + start, line_len, key))
            return number;
        start += line_len + 1;
    }
    return from;
}

unsigned config_text_split(char *text, const char **parts, unsigned capacity)
{
    unsigned count = 0;
    if (text[strspn(text, " ")] == '\0')
        return 0;
    for (char *part = text; part && count < capacity;) {
        char *comma = strchr(part, ',');
        char *end = comma ? comma : part + strlen(part);
        part += strspn(part, " ");
        while (end > part && end[-1] == ' ')
            end--;
        parts[count++] = part;
        part = comma ? comma + 1 : NULL;
        *end = '\0';
    }
    return count;
}

bool config_text_is_address(const char *text)
{
    struct in6_addr address; /* the larger of the two */
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

bool config_text_is_host(const char *text)
{
    size_t len = strlen(text);
    if (config_text_is_address(text))
        return true;
    if (len == 0 || len > NAME_MAX_)
        return false;
    while (*text != '\0') {
        size_t label = strcspn(text, ".");
        if (label == 0 || label > LABEL_MAX || text[0] == '-' || text[label - 1] == '-')
            return false;
        for (size_t i = 0; i < label; i++) {
            if (!is_key_letter(text[i]) || text[i] == '_')
                return false;
        }
        text += label;
        if (*text == '.' && *++text == '\0')
            return false;
    }
    return true;
}

bool config_text_is_user(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 32 || !(text[0] == '_' || (text[0] >= 'a' && text[0] <= 'z')))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_key_letter(text[i]) || (text[i] >= 'A' && text[i] <= 'Z'))
            return false;
    }
    return true;
}

/* 1 to 65535, and nothing else. */
static bool is_port(const char *text)
{
    size_t count = strspn(text, "0123456789");
    unsigned long port = count > 0 && count <= 5 ? strtoul(text, NULL, 10) : 0;
    return text[count] == '\0' && port > 0 && port <= UINT16_MAX;
}

bool config_text_is_turn_url(const char *text)
{
    bool secure = strncmp(text, "turns:", 6) == 0;
    char rest[NAME_MAX_ + sizeof("[]:65535")];
    struct in6_addr address;
    if (!secure && strncmp(text, "turn:", 5) != 0)
        return false;
    text += secure ? 6 : 5;
    size_t len = strcspn(text, "?");
    if (len >= sizeof(rest))
        return false;
    memcpy(rest, text, len);
    rest[len] = '\0';
    text += len;
    if (*text && strcmp(text, "?transport=tcp") != 0 &&
        (secure || strcmp(text, "?transport=udp") != 0))
        return false;
    char *end = rest[0] == '[' ? strchr(rest, ']') : rest + strcspn(rest, ":");
    if (!end)
        return false;
    const char *after = rest[0] == '[' ? end + 1 : end;
    if (*after && (*after != ':' || !is_port(after + 1)))
        return false;
    *end = '\0';
    return rest[0] == '[' ? inet_pton(AF_INET6, rest + 1, &address) == 1
                          : config_text_is_host(rest);
}

int config_text_endpoint(const char *text, char *ret_address, uint16_t *ret_port)
{
    char address[INET6_ADDRSTRLEN] = "";
    if (*text == '\0') {
        *ret_address = '\0';
        *ret_port = 0;
        return 0;
    }
    bool bracketed = *text == '[';
    const char *end = bracketed ? strstr(text, "]:") : strchr(text, ':');
    if (!end)
        return -EINVAL;
    const char *start = text + bracketed;
    size_t len = (size_t)(end - start);
    if (len >= sizeof(address))
        return -EINVAL;
    memcpy(address, start, len);
    struct in6_addr parsed; /* the larger of the two */
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, address, &parsed) != 1)
        return -EINVAL;
    const char *digits = end + 1 + bracketed;
    size_t count = strspn(digits, "0123456789");
    unsigned long port = count > 0 && count <= 5 ? strtoul(digits, NULL, 10) : 0;
    if (digits[count] != '\0' || port == 0 || port > UINT16_MAX)
        return -EINVAL;
    memcpy(ret_address, address, sizeof(address));
    *ret_port = (uint16_t)port;
    return 0;
}
