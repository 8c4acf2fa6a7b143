/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config_keys.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_text.h"

#define PLACE(m) offsetof(struct config, m), sizeof(((struct config *)0)->m)

const struct config_key config_keys[CONFIG_KEY_COUNT] = {
    {"", "data_dir", CONFIG_KEY_PATH, PLACE(data_dir), 1, 0, "path", "/var/lib/assize",
     "Where hearings, keys and the journal lie"},
    {"", "run_dir", CONFIG_KEY_PATH, PLACE(run_dir), 1, 0, "path", "/run/assize",
     "Where the processes' sockets lie"},
    {"", "log_level", CONFIG_KEY_LEVEL, PLACE(log_level), 0, 0, "level", "info",
     "Least level that is logged: error, warn, info or debug"},
    {"signaling", "listen", CONFIG_KEY_ADDRESSES, PLACE(signaling.listen), 1, LIMIT_ADDRESSES,
     "IP addresses", "127.0.0.1", "Addresses that HTTPS and WebSocket listen on"},
    {"signaling", "port", CONFIG_KEY_NUMBER, PLACE(signaling.port), 1, 65535, "TCP port", "8443",
     "Port of HTTPS and WebSocket"},
    {"signaling", "public_host", CONFIG_KEY_HOST, PLACE(signaling.public_host), 0, 0,
     "name or address", "localhost", "Host that links point to"},
    {"signaling", "certificate", CONFIG_KEY_PATH, PLACE(signaling.certificate), 0, 0, "path", "",
     "Certificate with its chain, PEM; empty: tls/server.pem in data_dir; none: plain HTTP, on "
     "loopback only"},
    {"signaling", "private_key", CONFIG_KEY_PATH, PLACE(signaling.private_key), 0, 0, "path", "",
     "Its private key, PEM; empty: tls/server.key in data_dir"},
    {"signaling", "page_dir", CONFIG_KEY_PATH, PLACE(signaling.page_dir), 1, 0, "path",
     "/usr/share/assize/web", "The built web client"},
    {"signaling", "metrics_listen", CONFIG_KEY_ENDPOINT, PLACE(signaling.metrics_address), 0, 0,
     "address:port", "127.0.0.1:9464",
     "Where Prometheus reads /metrics, off loopback over TLS; empty: nowhere"},
    {"signaling", "user", CONFIG_KEY_USER, PLACE(signaling.user), 0, 0, "user", "",
     "User signaling runs as; empty: the same as the media core and the recorder"},
    {"signaling", "sfu_user", CONFIG_KEY_USER, PLACE(signaling.sfu_user), 0, 0, "user", "",
     "User the media core runs as; empty: the same as signaling"},
    {"signaling", "recorder_user", CONFIG_KEY_USER, PLACE(signaling.recorder_user), 0, 0, "user",
     "", "User the recorder runs as; empty: the same as signaling"},
    {"sfu", "listen", CONFIG_KEY_ADDRESSES, PLACE(sfu.listen), 1, LIMIT_ADDRESSES, "IP addresses",
     "127.0.0.1", "Addresses that media is received on"},
    {"sfu", "public_addresses", CONFIG_KEY_ADDRESSES, PLACE(sfu.public_addresses), 0,
     LIMIT_ADDRESSES, "IP addresses", "",
     "Addresses offered to browsers, when behind NAT; none: those of listen"},
    {"sfu", "udp_port", CONFIG_KEY_NUMBER, PLACE(sfu.udp_port), 1, 65535, "UDP port", "40000",
     "Port of the first worker; worker i uses this plus i"},
    {"sfu", "tcp", CONFIG_KEY_FLAG, PLACE(sfu.tcp), 0, 0, "on or off", "on",
     "Take media over TCP too, of pages behind a firewall that passes no UDP"},
    {"sfu", "tcp_port", CONFIG_KEY_NUMBER, PLACE(sfu.tcp_port), 0, 65535, "TCP port", "0",
     "Port of the first worker, worker i uses this plus i; 0: the same as over UDP"},
    {"sfu", "workers", CONFIG_KEY_NUMBER, PLACE(sfu.workers), 0, LIMIT_WORKERS, "threads", "0",
     "Media threads; 0: one a core"},
    {"sfu", "sealing", CONFIG_KEY_SEALING, PLACE(sfu.sealing), 0, 0, "library", "auto",
     "What seals media: auto (the fastest this CPU can), ipsec-mb or openssl"},
    {"sfu", "capacity", CONFIG_KEY_NUMBER, PLACE(sfu.capacity), 0, 65535,
     "thousand packets a second", "150",
     "What one media thread may forward before hearings and the public are refused, never a person "
     "with a part in an accepted hearing; 0: no bound"},
    {"sfu", "pin_workers", CONFIG_KEY_FLAG, PLACE(sfu.pin_workers), 0, 0, "on or off", "off",
     "Keep each media thread on a CPU of its own"},
    {"turn", "urls", CONFIG_KEY_URLS, PLACE(turn.urls), 0, LIMIT_TURN_URLS, "TURN URLs", "",
     "TURN servers offered to browsers, for those whose firewall passes nothing else; none: no "
     "TURN"},
    {"turn", "secret_file", CONFIG_KEY_PATH, PLACE(turn.secret_file), 0, 0, "path", "",
     "The secret shared with them, readable by its owner alone; empty: turn.secret in data_dir"},
    {"turn", "life", CONFIG_KEY_NUMBER, PLACE(turn.life_s), 60, LIMIT_TURN_LIFE_S, "seconds",
     "3600", "How long a page may ask them for a way with what it was given"},
    {"recorder", "records_dir", CONFIG_KEY_PATH, PLACE(recorder.records_dir), 0, 0, "path", "",
     "Where records lie; empty: records in data_dir"},
    {"recorder", "render", CONFIG_KEY_FLAG, PLACE(recorder.render), 0, 0, "on or off", "on",
     "Make playable tracks and a picture from the tape"},
    {"recorder", "video_width", CONFIG_KEY_NUMBER, PLACE(recorder.video_width), 320, 3840, "pixels",
     "1280", "Width of the picture; even"},
    {"recorder", "video_height", CONFIG_KEY_NUMBER, PLACE(recorder.video_height), 180, 2160,
     "pixels", "720", "Height of the picture; even"},
};

const char *const config_sections[CONFIG_SECTION_COUNT] = {"", "signaling", "sfu", "turn",
                                                           "recorder"};

bool config_key_is_list(const struct config_key *key)
{
    return key->type == CONFIG_KEY_ADDRESSES || key->type == CONFIG_KEY_URLS;
}

const char *config_key_title(const struct config_key *key, char title[64])
{
    (void)snprintf(title, 64, "%s%s%s", key->section, key->section[0] ? ": " : "", key->name);
    return title;
}

static int set_text(const struct config_key *key, const char *text, void *to)
{
    size_t len = strlen(text);
    if (len < key->min || len >= key->size)
        return -EINVAL;
    memcpy(to, text, len + 1);
    return 0;
}

static int set_number(const struct config_key *key, const char *text, uint16_t *ret_number)
{
    unsigned long number = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -EINVAL;
    number = strtoul(text, NULL, 10);
    if (number < key->min || number > key->max)
        return -EINVAL;
    *ret_number = (uint16_t)number;
    return 0;
}

static int set_flag(const char *text, bool *ret_flag)
{
    static const char *const on[] = {"on", "true", "yes"};
    static const char *const off[] = {"off", "false", "no"};
    for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
        if (strcmp(text, on[i]) == 0 || strcmp(text, off[i]) == 0) {
            *ret_flag = strcmp(text, on[i]) == 0;
            return 0;
        }
    }
    return -EINVAL;
}

static int set_level(const char *text, enum log_level *ret_level)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *ret_level = levels[i].level;
            return 0;
        }
    }
    return -EINVAL;
}

static int set_sealing(const char *text, enum config_sealing *ret_sealing)
{
    static const char *const names[] = {
        [CONFIG_SEALING_AUTO] = "auto",
        [CONFIG_SEALING_IPSEC_MB] = "ipsec-mb",
        [CONFIG_SEALING_OPENSSL] = "openssl",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_sealing = (enum config_sealing)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int set_addresses(const struct config_key *key, const struct config_value *value,
                         struct config_addresses *ret_addresses)
{
    struct config_addresses addresses = {.count = value->count};
    if (value->count < key->min || value->count > key->max)
        return -EINVAL;
    for (unsigned i = 0; i < value->count; i++) {
        if (!config_text_is_address(value->items[i]))
            return -EINVAL;
        (void)snprintf(addresses.items[i], CONFIG_ADDRESS_MAX, "%s", value->items[i]);
    }
    *ret_addresses = addresses;
    return 0;
}

static int set_urls(const struct config_key *key, const struct config_value *value,
                    struct config_urls *ret_urls)
{
    struct config_urls urls = {.count = value->count};
    if (value->count < key->min || value->count > key->max)
        return -EINVAL;
    for (unsigned i = 0; i < value->count; i++) {
        if (!config_text_is_turn_url(value->items[i]) || strlen(value->items[i]) >= CONFIG_URL_MAX)
            return -EINVAL;
        (void)snprintf(urls.items[i], CONFIG_URL_MAX, "%s", value->items[i]);
    }
    *ret_urls = urls;
    return 0;
}

int config_key_set(const struct config_key *key, const struct config_value *value,
                   struct config *config)
{
    void *to = (char *)config + key->offset;
    if (key->type == CONFIG_KEY_ADDRESSES)
        return set_addresses(key, value, to);
    if (key->type == CONFIG_KEY_URLS)
        return set_urls(key, value, to);
    assert(value->count == 1);
    const char *text = value->items[0];
    switch (key->type) {
    case CONFIG_KEY_PATH:
        return set_text(key, text, to);
    case CONFIG_KEY_HOST:
        return config_text_is_host(text) ? set_text(key, text, to) : -EINVAL;
    case CONFIG_KEY_USER:
        return text[0] == '\0' || config_text_is_user(text) ? set_text(key, text, to) : -EINVAL;
    case CONFIG_KEY_NUMBER:
        return set_number(key, text, to);
    case CONFIG_KEY_FLAG:
        return set_flag(text, to);
    case CONFIG_KEY_LEVEL:
        return set_level(text, to);
    case CONFIG_KEY_SEALING:
        return set_sealing(text, to);
    case CONFIG_KEY_ENDPOINT:
        return config_text_endpoint(text, to, &config->signaling.metrics_port);
    case CONFIG_KEY_ADDRESSES:
    case CONFIG_KEY_URLS:
        break;
    }
    return -EINVAL;
}

void config_key_wish(const struct config_key *key, char wish[128])
{
    switch (key->type) {
    case CONFIG_KEY_PATH:
        (void)snprintf(wish, 128, "a path of %u to %zu characters", key->min, key->size - 1);
        break;
    case CONFIG_KEY_HOST:
        (void)snprintf(wish, 128, "a host's name or address");
        break;
    case CONFIG_KEY_USER:
        (void)snprintf(wish, 128, "a system user's name, or nothing");
        break;
    case CONFIG_KEY_NUMBER:
        (void)snprintf(wish, 128, "a number from %u to %u", key->min, key->max);
        break;
    case CONFIG_KEY_FLAG:
        (void)snprintf(wish, 128, "on or off");
        break;
    case CONFIG_KEY_LEVEL:
        (void)snprintf(wish, 128, "error, warn, info or debug");
        break;
    case CONFIG_KEY_SEALING:
        (void)snprintf(wish, 128, "auto, ipsec-mb or openssl");
        break;
    case CONFIG_KEY_ADDRESSES:
        (void)snprintf(wish, 128, "a list of %u to %u IP addresses", key->min, key->max);
        break;
    case CONFIG_KEY_URLS:
        (void)snprintf(wish, 128,
                       "a list of %u to %u such as turns:turn.example.org:443?transport=tcp",
                       key->min, key->max);
        break;
    case CONFIG_KEY_ENDPOINT:
        (void)snprintf(wish, 128, "an address and port, such as 127.0.0.1:9464, or nothing");
        break;
    }
}

int config_key_set_text(const struct config_key *key, const char *text, struct config *config)
{
    char copy[LIMIT_TURN_URLS * CONFIG_URL_MAX];
    const char *items[LIMIT_ADDRESSES + 1] = {text};
    struct config_value value = {.items = items, .count = 1};
    if (strlen(text) >= sizeof(copy))
        return -EINVAL;
    if (!config_key_is_list(key))
        return config_key_set(key, &value, config);
    memcpy(copy, text, strlen(text) + 1);
    value.count = config_text_split(copy, items, LIMIT_ADDRESSES + 1);
    return config_key_set(key, &value, config);
}

void config_set_defaults(struct config *config)
{
    *config = (struct config){0};
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        int result = config_key_set_text(&config_keys[i], config_keys[i].standard, config);
        assert(result == 0);
        (void)result; /* only asserted on */
    }
}

const char *config_key_nearest(const char *section, const char *wrong)
{
    const char *best = "";
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < CONFIG_KEY_COUNT + CONFIG_SECTION_COUNT; i++) {
        bool is_key = i < CONFIG_KEY_COUNT;
        const char *candidate =
            is_key ? config_keys[i].name : config_sections[i - CONFIG_KEY_COUNT];
        if (candidate[0] == '\0' || strcmp(is_key ? config_keys[i].section : "", section) != 0)
            continue;
        size_t distance = config_text_distance(candidate, wrong);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

const char *config_key_variable(const struct config_key *key, char variable[64])
{
    int len = snprintf(variable, 64, "ASSIZE_%s%s%s", key->section, key->section[0] ? "_" : "",
                       key->name);
    for (int i = 0; i < len; i++)
        variable[i] = (char)toupper((unsigned char)variable[i]);
    return variable;
}

/* A key's default as the document shows it: as YAML. */
static void print_default(FILE *out, const struct config_key *key)
{
    const char *open = config_key_is_list(key) ? "[" : "";
    const char *close = config_key_is_list(key) ? "]" : "";
    if (key->standard[0] == '\0' && !config_key_is_list(key))
        fprintf(out, "`\"\"`");
    else
        fprintf(out, "`%s%s%s`", open, key->standard, close);
}

static void print_bounds(FILE *out, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_KEY_NUMBER:
        fprintf(out, "%u to %u", key->min, key->max);
        break;
    case CONFIG_KEY_ADDRESSES:
    case CONFIG_KEY_URLS:
        fprintf(out, "%u to %u of them", key->min, key->max);
        break;
    case CONFIG_KEY_PATH:
    case CONFIG_KEY_HOST:
    case CONFIG_KEY_USER:
        fprintf(out, "%u to %zu characters", key->min, key->size - 1);
        break;
    case CONFIG_KEY_FLAG:
    case CONFIG_KEY_LEVEL:
    case CONFIG_KEY_SEALING:
    case CONFIG_KEY_ENDPOINT:
        fprintf(out, "-");
        break;
    }
}

void config_print_table(FILE *out)
{
    fprintf(out, "| key | variable | meaning | unit | bounds | default |\n"
                 "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char title[64];
        char variable[64];
        fprintf(out, "| `%s` | `%s` | %s | %s | ", config_key_title(&config_keys[i], title),
                config_key_variable(&config_keys[i], variable), config_keys[i].meaning,
                config_keys[i].unit);
        print_bounds(out, &config_keys[i]);
        fprintf(out, " | ");
        print_default(out, &config_keys[i]);
        fprintf(out, " |\n");
    }
}

bool config_key_is_unknown_variable(const char *variable)
{
    size_t len = strcspn(variable, "=");
    char name[64];
    bool ours = false;
    for (size_t s = 1; s < CONFIG_SECTION_COUNT; s++) {
        (void)snprintf(name, sizeof(name), "ASSIZE_%s_", config_sections[s]);
        ours = ours || strncasecmp(variable, name, strlen(name)) == 0;
    }
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        (void)config_key_variable(&config_keys[i], name);
        if (strlen(name) == len && strncmp(variable, name, len) == 0)
            return false;
    }
    return ours;
}
