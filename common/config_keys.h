/* Every key of the configuration in one table: its type, unit, bounds, default and meaning. The
 * file, the environment, the defaults and the document are all read through it. Used by config.c
 * alone. SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_KEYS_H
#define COMMON_CONFIG_KEYS_H

#include "common/config.h"

enum config_key_type {
    CONFIG_KEY_PATH,      /* absolute or relative to the working directory */
    CONFIG_KEY_HOST,      /* a host's name or address */
    CONFIG_KEY_USER,      /* a system user's name */
    CONFIG_KEY_NUMBER,    /* uint16_t from `min` to `max` */
    CONFIG_KEY_FLAG,      /* on or off */
    CONFIG_KEY_LEVEL,     /* enum log_level */
    CONFIG_KEY_SEALING,   /* enum config_sealing */
    CONFIG_KEY_ADDRESSES, /* struct config_addresses */
    CONFIG_KEY_URLS,      /* struct config_urls */
    CONFIG_KEY_ENDPOINT,  /* address and port: metrics_address and metrics_port */
};

/* All values are read as text first, from the file, the environment or `standard` here, and then
 * typed by one function. `standard` of a list is parted by commas, as in the environment. */
struct config_key {
    const char *section; /* "": at the top */
    const char *name;
    enum config_key_type type;
    size_t offset, size; /* in struct config */
    unsigned min, max;   /* of a number; of a list, how many */
    const char *unit;
    const char *standard;
    const char *meaning;
};

#define CONFIG_KEY_COUNT 29
extern const struct config_key config_keys[CONFIG_KEY_COUNT];

/* The groups of keys; the first, "", is the top itself. */
#define CONFIG_SECTION_COUNT 5
extern const char *const config_sections[CONFIG_SECTION_COUNT];

/* Longest value, characters. */
#define CONFIG_VALUE_MAX (CONFIG_PATH_MAX - 1)

/* A value as text: one item, or those of a list. */
struct config_value {
    const char *const *items;
    unsigned count;
};

/* Whether its value is a list. */
bool config_key_is_list(const struct config_key *key);

/* "signaling: port", as people write it. */
const char *config_key_title(const struct config_key *key, char title[64]);

/* "ASSIZE_SIGNALING_PORT": the variable that overrides it. */
const char *config_key_variable(const struct config_key *key, char variable[64]);

/* Whether a variable, as "NAME=value", is named like a key of a section and is none. */
bool config_key_is_unknown_variable(const char *variable);

/* What a key wants, for the message that refuses a value. */
void config_key_wish(const struct config_key *key, char wish[128]);

/* Types one value into its place. Returns 0, or -EINVAL when it is not what the key wants. */
int config_key_set(const struct config_key *key, const struct config_value *value,
                   struct config *config);

/* The same for one text, in which commas part a list. */
int config_key_set_text(const struct config_key *key, const char *text, struct config *config);

void config_set_defaults(struct config *config);

/* The known key of that section (or section, at the top) that is most like `wrong`. */
const char *config_key_nearest(const char *section, const char *wrong);

#endif
