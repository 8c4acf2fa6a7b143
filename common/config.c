/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_keys.h"
#include "common/config_text.h"

extern char **environ;

/* Fills in what is empty and follows from another key, and checks what needs two keys. */
static int finish(struct config *config, char error[CONFIG_ERROR_MAX])
{
    const struct {
        char *path;
        const char *name;
    } derived[] = {
        {config->signaling.certificate, "tls/server.pem"},
        {config->signaling.private_key, "tls/server.key"},
        {config->turn.secret_file, "turn.secret"},
        {config->recorder.records_dir, "records"},
    };
    for (size_t i = 0; i < sizeof(derived) / sizeof(derived[0]); i++) {
        if (derived[i].path[0] != '\0')
            continue;
        int len =
            snprintf(derived[i].path, CONFIG_PATH_MAX, "%s/%s", config->data_dir, derived[i].name);
        if (len < 0 || len >= CONFIG_PATH_MAX) {
            (void)snprintf(error, CONFIG_ERROR_MAX, "'data_dir' is too long");
            return -EINVAL;
        }
    }
    if (config->recorder.video_width % 2 != 0 || config->recorder.video_height % 2 != 0) {
        (void)snprintf(error, CONFIG_ERROR_MAX,
                       "'recorder: video_width' and 'video_height' must be even");
        return -EINVAL;
    }
    if (config->sfu.udp_port + config->sfu.workers > 65536) {
        (void)snprintf(error, CONFIG_ERROR_MAX, "'sfu: udp_port' %u leaves no ports for %u workers",
                       config->sfu.udp_port, config->sfu.workers);
        return -EINVAL;
    }
    if (config->sfu.tcp_port + config->sfu.workers > 65536) {
        (void)snprintf(error, CONFIG_ERROR_MAX, "'sfu: tcp_port' %u leaves no ports for %u workers",
                       config->sfu.tcp_port, config->sfu.workers);
        return -EINVAL;
    }
    return 0;
}

/* What libcyaml fills: the text of each key that was given. */
struct list {
    char **items;
    unsigned count;
};

struct given {
    struct list lists[CONFIG_KEY_COUNT];
    char *texts[CONFIG_KEY_COUNT];
};

struct given_file {
    struct given *sections[CONFIG_SECTION_COUNT]; /* the first stays NULL: its keys are in `top` */
    struct given top;
};

struct schema {
    cyaml_schema_value_t item;
    cyaml_schema_value_t file;
    cyaml_schema_field_t fields[CONFIG_SECTION_COUNT][CONFIG_KEY_COUNT + CONFIG_SECTION_COUNT + 1];
};

static const struct given *given_of(const struct given_file *file, const struct config_key *key)
{
    for (size_t s = 1; s < CONFIG_SECTION_COUNT; s++) {
        if (strcmp(config_sections[s], key->section) == 0)
            return file->sections[s];
    }
    return &file->top;
}

static cyaml_schema_field_t key_field(const struct schema *schema, size_t i)
{
    if (config_key_is_list(&config_keys[i]))
        return (cyaml_schema_field_t){
            .key = config_keys[i].name,
            .data_offset = (uint32_t)(offsetof(struct given, lists) + i * sizeof(struct list)),
            .count_offset = (uint32_t)(offsetof(struct given, lists) + i * sizeof(struct list) +
                                       offsetof(struct list, count)),
            .count_size = sizeof(unsigned),
            .value = {.type = CYAML_SEQUENCE,
                      .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                      .data_size = sizeof(char *),
                      .sequence = {.entry = &schema->item,
                                   .min = config_keys[i].min,
                                   .max = config_keys[i].max}},
        };
    return (cyaml_schema_field_t){
        .key = config_keys[i].name,
        .data_offset = (uint32_t)(offsetof(struct given, texts) + i * sizeof(char *)),
        .value = {.type = CYAML_STRING,
                  .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(char),
                  .string = {.min = 0, .max = CONFIG_VALUE_MAX}},
    };
}

/* The key table in libcyaml's terms. The keys of the top lie in `top`. */
static void make_schema(struct schema *schema)
{
    schema->item =
        (cyaml_schema_value_t){CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CONFIG_VALUE_MAX)};
    schema->file = (cyaml_schema_value_t){
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct given_file, schema->fields[0])};
    for (size_t s = 0; s < CONFIG_SECTION_COUNT; s++) {
        size_t count = 0;
        for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
            if (strcmp(config_keys[i].section, config_sections[s]) != 0)
                continue;
            cyaml_schema_field_t field = key_field(schema, i);
            if (s == 0) {
                field.data_offset += (uint32_t)offsetof(struct given_file, top);
                field.count_offset += (uint32_t)offsetof(struct given_file, top);
            }
            schema->fields[s][count++] = field;
        }
        for (size_t sub = 1; s == 0 && sub < CONFIG_SECTION_COUNT; sub++)
            schema->fields[s][count++] = (cyaml_schema_field_t){
                .key = config_sections[sub],
                .data_offset = (uint32_t)(offsetof(struct given_file, sections) +
                                          sub * sizeof(struct given *)),
                /* A section whose keys are all commented out is none. */
                .value = {.type = CYAML_MAPPING,
                          .flags = CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL,
                          .data_size = sizeof(struct given),
                          .mapping = {.fields = schema->fields[sub]}},
            };
        schema->fields[s][count] = (cyaml_schema_field_t)CYAML_FIELD_END;
    }
}

/* What libcyaml says about a file it refuses, line by line, while it loads. */
struct complaint {
    char message[256];
    char fields[2][64]; /* innermost first: the key and its section */
    size_t field_count;
    unsigned long line; /* of the last value before the trouble, or of the value itself; 0: none */
};

/* Called by libcyaml with each line. */
__attribute__((format(printf, 3, 0))) static void
take_complaint(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    (void)level;
    struct complaint *complaint = context;
    char text[256];
    if (vsnprintf(text, sizeof(text), format, arguments) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    char field[64] = "";
    unsigned long line = 0;
    const char *place = strstr(text, "(line: ");
    if (place)
        line = strtoul(place + strlen("(line: "), NULL, 10);
    if (sscanf(text, "Load:   in mapping field '%63[^']'", field) == 1 ||
        sscanf(text, "  in mapping field '%63[^']'", field) == 1) {
        if (complaint->field_count < 2)
            (void)snprintf(complaint->fields[complaint->field_count++], 64, "%s", field);
    } else if (!place && strstr(text, "Backtrace:") == NULL && complaint->message[0] == '\0') {
        const char *message = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
        (void)snprintf(complaint->message, sizeof(complaint->message), "%s", message);
    }
    if (complaint->line == 0)
        complaint->line = line;
}

/* Says in a person's words what libcyaml found. */
static void explain(const struct complaint *complaint, const char *text, size_t len,
                    cyaml_err_t result, char error[CONFIG_ERROR_MAX])
{
    static const char unexpected[] = "Unexpected key: ";
    static const char twice[] = "Mapping field already seen: ";
    const char *message = complaint->message;
    unsigned long line = complaint->line;
    char place[32] = ""; /* libcyaml names none for a broken line */
    if (line > 0)
        (void)snprintf(place, sizeof(place), "line %lu: ", line);
    if (strncmp(message, unexpected, strlen(unexpected)) == 0) {
        const char *key = message + strlen(unexpected);
        const char *section = complaint->field_count > 0 ? complaint->fields[0] : "";
        line = config_text_line_of(text, len, line, key);
        (void)snprintf(error, CONFIG_ERROR_MAX, "line %lu: unknown key '%.64s': did you mean '%s'?",
                       line, key, config_key_nearest(section, key));
    } else if (strncmp(message, twice, strlen(twice)) == 0) {
        const char *key = message + strlen(twice);
        line = config_text_line_of(text, len, line + 1, key);
        (void)snprintf(error, CONFIG_ERROR_MAX, "line %lu: key '%.64s' is given twice", line, key);
    } else if (strncmp(message, "Expecting ", 10) == 0) {
        bool list = strstr(message, "Expecting SEQUENCE") != NULL;
        bool section = strstr(message, "Expecting MAPPING") != NULL;
        (void)snprintf(error, CONFIG_ERROR_MAX, "%s'%s' must be %s", place,
                       complaint->field_count > 0 ? complaint->fields[0] : "the file",
                       list      ? "a list, such as [127.0.0.1]"
                       : section ? "a group of keys"
                                 : "one value");
    } else {
        (void)snprintf(error, CONFIG_ERROR_MAX, "%s%s", place,
                       message[0] != '\0' ? message : cyaml_strerror(result));
    }
}

/* Types everything the file gave. */
static int apply(const struct given_file *file, const char *text, size_t len, struct config *config,
                 char error[CONFIG_ERROR_MAX])
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        const struct given *given = given_of(file, key);
        if (!given)
            continue;
        struct config_value value = {.items = (const char *const *)&given->texts[i], .count = 1};
        if (config_key_is_list(key))
            value = (struct config_value){.items = (const char *const *)given->lists[i].items,
                                          .count = given->lists[i].count};
        /* An empty list is like an absent one: where that is allowed, it is the default. */
        if (config_key_is_list(key) ? !given->lists[i].items : !given->texts[i])
            continue;
        if (config_key_set(key, &value, config) == 0)
            continue;
        char title[64];
        char wish[128];
        config_key_wish(key, wish);
        unsigned long line = key->section[0] ? config_text_line_of(text, len, 1, key->section) : 1;
        (void)snprintf(error, CONFIG_ERROR_MAX, "line %lu: '%s' must be %s",
                       config_text_line_of(text, len, line, key->name),
                       config_key_title(key, title), wish);
        return -EINVAL;
    }
    return 0;
}

/* Reads the text over what `config` holds. */
static int overlay(const char *text, size_t len, struct config *config,
                   char error[CONFIG_ERROR_MAX])
{
    if (len == 0)
        return 0;
    if (len > LIMIT_CONFIG_BYTES) {
        (void)snprintf(error, CONFIG_ERROR_MAX, "longer than %d bytes", LIMIT_CONFIG_BYTES);
        return -EINVAL;
    }
    struct schema schema;
    make_schema(&schema);
    struct complaint complaint = {.line = 0};
    const cyaml_config_t settings = {
        .log_fn = take_complaint,
        .log_ctx = &complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_NOTICE,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    struct given_file *file = NULL;
    cyaml_err_t loaded = cyaml_load_data((const uint8_t *)text, len, &settings, &schema.file,
                                         (cyaml_data_t **)&file, NULL);
    int result = 0;
    if (loaded != CYAML_OK || complaint.message[0] != '\0') {
        explain(&complaint, text, len, loaded, error);
        result = loaded == CYAML_ERR_OOM ? -ENOMEM : -EINVAL;
    } else if (file) {
        result = apply(file, text, len, config, error);
    }
    (void)cyaml_free(&settings, &schema.file, file, 0); /* with our own schema: cannot fail */
    return result;
}

int config_parse(const void *text, size_t len, struct config *ret_config,
                 char error[CONFIG_ERROR_MAX])
{
    struct config config;
    config_set_defaults(&config);
    int result = overlay(text, len, &config, error);
    if (result == 0)
        result = finish(&config, error);
    if (result == 0)
        *ret_config = config;
    return result;
}

/* Lays the ASSIZE_* variables over what `config` holds. One of a section's that names no key is
 * refused, as a key in the file would be. */
static int overlay_environment(struct config *config, char error[CONFIG_ERROR_MAX])
{
    char variable[64];
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const char *text = getenv(config_key_variable(&config_keys[i], variable));
        if (!text || config_key_set_text(&config_keys[i], text, config) == 0)
            continue;
        char wish[128];
        config_key_wish(&config_keys[i], wish);
        (void)snprintf(error, CONFIG_ERROR_MAX, "variable %s must be %s", variable, wish);
        return -EINVAL;
    }
    for (char **v = environ; v && *v; v++) {
        if (config_key_is_unknown_variable(*v)) {
            (void)snprintf(error, CONFIG_ERROR_MAX, "unknown variable '%.*s'",
                           (int)strcspn(*v, "="), *v);
            return -EINVAL;
        }
    }
    return 0;
}

/* Reads the file into `text`; returns its length. */
static ssize_t read_file(const char *path, char text[LIMIT_CONFIG_BYTES + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t len = 0;
    while (len <= LIMIT_CONFIG_BYTES) {
        ssize_t got = read(fd, text + len, LIMIT_CONFIG_BYTES + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int result = -errno;
            (void)close(fd); /* only read from */
            return result;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd); /* only read from */
    return (ssize_t)len;
}

/* Puts the file's name before what is wrong with it. */
static void prepend(const char *path, char error[CONFIG_ERROR_MAX])
{
    char copy[CONFIG_ERROR_MAX];
    (void)snprintf(copy, sizeof(copy), "%.255s: %.250s", path, error);
    memcpy(error, copy, sizeof(copy));
}

static int overlay_file(const char *path, struct config *config, char error[CONFIG_ERROR_MAX])
{
    char *text = malloc(LIMIT_CONFIG_BYTES + 1);
    if (!text) {
        (void)snprintf(error, CONFIG_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    ssize_t len = read_file(path, text);
    if (len < 0)
        (void)snprintf(error, CONFIG_ERROR_MAX, "%s", log_errno((int)len));
    int result = len < 0 ? (int)len : overlay(text, (size_t)len, config, error);
    free(text);
    if (result < 0)
        prepend(path, error);
    return result;
}

int config_load(const char *path, struct config *ret_config, char error[CONFIG_ERROR_MAX])
{
    struct config config;
    config_set_defaults(&config);
    int result = path ? overlay_file(path, &config, error) : 0;
    if (result == 0)
        result = overlay_environment(&config, error);
    if (result == 0)
        result = finish(&config, error);
    if (result == 0)
        *ret_config = config;
    return result;
}

int config_uid(const char *user, uid_t *ret_uid)
{
    if (user[0] == '\0') {
        *ret_uid = (uid_t)-1;
        return 0;
    }
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return -ENOENT;
    *ret_uid = entry->pw_uid;
    return 0;
}
