/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/settings.h"

#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"

static const char help[] =
    "assize-sfu: the media core of Assize: receives each participant's sound and picture and\n"
    "forwards them to those whom the routing matrix allows, and to the tape\n\n"
    "  --config FILE     the configuration (default: none, every key at its default);\n"
    "                    ASSIZE_* variables override it; see docs/configuration.md\n"
    "  --control PATH    socket for signaling (default: sfu.sock in run_dir)\n"
    "  --listen ADDRESS  receive media on it; may be given again (sfu: listen);\n"
    "                    0.0.0.0 and :: are all addresses the host has at the start\n"
    "  --public ADDRESS  offer it to browsers; may be given again (sfu: public_addresses)\n"
    "  --port PORT       UDP port of the first worker (sfu: udp_port)\n"
    "  --tcp-port PORT   TCP port of the first worker; 0: that of UDP (sfu: tcp_port)\n"
    "  --no-tcp          take no media over TCP (sfu: tcp)\n"
    "  --workers N       threads; 0: one a core (sfu: workers)\n"
    "  --check-config    say whether the configuration is good, and exit\n"
    "  --help            this text\n"
    "  --version         the version\n";

/* What the command line says; unset parts leave the configuration as it is. */
struct command {
    const char *config_path;
    const char *control_path;
    struct config_addresses listen;
    struct config_addresses public_addresses;
    long port;     /* -1: unset */
    long tcp_port; /* -1: unset */
    bool no_tcp;
    long workers; /* -1: unset */
    bool check_only;
};

static enum settings_wish bad(const char *what, const char *value)
{
    fprintf(stderr, "assize-sfu: %s '%s'; --help lists the options\n", what, value);
    return SETTINGS_BAD;
}

/* -1 unless `text` is a whole number up to `max`. */
static long to_number(const char *text, long max)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno || end == text || *end || number < 0 || number > max ? -1 : number;
}

static enum settings_wish too_many(const char *value)
{
    fprintf(stderr,
            "assize-sfu: more than %d addresses, with '%s'; name those that pages can reach (sfu: "
            "listen, public_addresses)\n",
            LIMIT_ADDRESSES, value);
    return SETTINGS_BAD;
}

static enum settings_wish add_address(struct config_addresses *list, const char *what,
                                      const char *text)
{
    struct address address;
    if (address_from_text(text, 0, &address) < 0)
        return bad(what, text);
    if (list->count == LIMIT_ADDRESSES)
        return too_many(text);
    (void)snprintf(list->items[list->count++], CONFIG_ADDRESS_MAX, "%s", text);
    return SETTINGS_RUN;
}

static enum settings_wish take_option(int option, struct command *c)
{
    switch (option) {
    case 'c':
        c->config_path = optarg;
        return SETTINGS_RUN;
    case 's':
        c->control_path = optarg;
        return SETTINGS_RUN;
    case 'l':
        return add_address(&c->listen, "no address to listen on", optarg);
    case 'p':
        return add_address(&c->public_addresses, "no address to offer", optarg);
    case 'b':
        c->port = to_number(optarg, UINT16_MAX);
        return c->port < 0 ? bad("no port", optarg) : SETTINGS_RUN;
    case 't':
        c->tcp_port = to_number(optarg, UINT16_MAX);
        return c->tcp_port < 0 ? bad("no port", optarg) : SETTINGS_RUN;
    case 'n':
        c->no_tcp = true;
        return SETTINGS_RUN;
    case 'w':
        c->workers = to_number(optarg, LIMIT_WORKERS);
        return c->workers < 0 ? bad("no number of workers", optarg) : SETTINGS_RUN;
    case 'k':
        c->check_only = true;
        return SETTINGS_RUN;
    case 'h':
        fputs(help, stdout);
        return SETTINGS_DONE;
    case 'v':
        puts("assize-sfu " ASSIZE_VERSION);
        return SETTINGS_DONE;
    default:
        fputs("assize-sfu --help lists the options\n", stderr);
        return SETTINGS_BAD;
    }
}

static enum settings_wish read_command(int argc, char **argv, struct command *ret_command)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},   {"control", required_argument, NULL, 's'},
        {"listen", required_argument, NULL, 'l'},   {"public", required_argument, NULL, 'p'},
        {"port", required_argument, NULL, 'b'},     {"workers", required_argument, NULL, 'w'},
        {"check-config", no_argument, NULL, 'k'},   {"help", no_argument, NULL, 'h'},
        {"tcp-port", required_argument, NULL, 't'}, {"no-tcp", no_argument, NULL, 'n'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0},
    };
    struct command command = {.port = -1, .tcp_port = -1, .workers = -1};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        enum settings_wish wish = take_option(option, &command);
        if (wish != SETTINGS_RUN)
            return wish;
    }
    if (optind < argc)
        return bad("unexpected", argv[optind]);
    *ret_command = command;
    return SETTINGS_RUN;
}

/* Returns 0 or -ENOSPC. */
static int listen_on(struct settings *s, const struct address *address)
{
    for (size_t i = 0; i < s->listen_count; i++)
        if (address_equal(&s->listen[i], address))
            return 0;
    if (s->listen_count == LIMIT_ADDRESSES)
        return -ENOSPC;
    s->listen[s->listen_count++] = *address;
    return 0;
}

/* A socket on the wildcard answers from an address the page may not have asked, so each address of
 * the host gets a socket of its own. */
static int listen_on_host(struct settings *s, sa_family_t family)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return -errno;
    int r = 0;
    for (const struct ifaddrs *it = all; it && r == 0; it = it->ifa_next) {
        struct address address;
        if (!it->ifa_addr || it->ifa_addr->sa_family != family || !(it->ifa_flags & IFF_UP))
            continue;
        socklen_t len =
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        if (address_from_sockaddr(it->ifa_addr, len, &address) < 0)
            continue;
        if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr))
            continue; /* means nothing without its link */
        r = listen_on(s, &address);
    }
    freeifaddrs(all);
    return r;
}

static enum sealer_library sealing_of(const struct config *config)
{
    static const enum sealer_library libraries[] = {
        [CONFIG_SEALING_AUTO] = SEALER_AUTO,
        [CONFIG_SEALING_IPSEC_MB] = SEALER_IPSEC_MB,
        [CONFIG_SEALING_OPENSSL] = SEALER_OPENSSL,
    };
    return libraries[config->sfu.sealing];
}

static enum settings_wish take_addresses(const struct config *config, struct settings *s)
{
    for (size_t i = 0; i < config->sfu.listen.count; i++) {
        struct address address;
        if (address_from_text(config->sfu.listen.items[i], 0, &address) < 0)
            return bad("no address to listen on", config->sfu.listen.items[i]);
        int r = address_is_wildcard(&address) ? listen_on_host(s, address.any.sa_family)
                                              : listen_on(s, &address);
        if (r == -ENOSPC)
            return too_many(config->sfu.listen.items[i]);
        if (r < 0)
            return bad("the host does not tell its addresses for", config->sfu.listen.items[i]);
    }
    if (s->listen_count == 0)
        return bad("the host has no address of the kind", config->sfu.listen.items[0]);
    for (size_t i = 0; i < config->sfu.public_addresses.count; i++)
        (void)snprintf(s->public[s->public_count++], CONTROL_ADDRESS_MAX, "%s",
                       config->sfu.public_addresses.items[i]);
    return SETTINGS_RUN;
}

static size_t core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores > LIMIT_WORKERS ? LIMIT_WORKERS : (size_t)cores;
}

enum settings_wish settings_read(int argc, char **argv, struct settings *ret_settings)
{
    struct command command;
    enum settings_wish wish = read_command(argc, argv, &command);
    if (wish != SETTINGS_RUN)
        return wish;
    struct config config;
    char error[CONFIG_ERROR_MAX];
    if (config_load(command.config_path, &config, error) < 0) {
        fprintf(stderr, "assize-sfu: %s\n", error);
        return SETTINGS_BAD;
    }
    if (command.listen.count > 0)
        config.sfu.listen = command.listen;
    if (command.public_addresses.count > 0)
        config.sfu.public_addresses = command.public_addresses;

    struct settings s = {
        .port = command.port >= 0 ? (uint16_t)command.port : config.sfu.udp_port,
        .tcp = config.sfu.tcp && !command.no_tcp,
        .tcp_port = command.tcp_port >= 0 ? (uint16_t)command.tcp_port : config.sfu.tcp_port,
        .worker_count = command.workers >= 0 ? (size_t)command.workers : config.sfu.workers,
        .sealing = sealing_of(&config),
        .capacity = config.sfu.capacity * 1000ull,
        .pin = config.sfu.pin_workers,
    };
    if (s.worker_count == 0)
        s.worker_count = core_count();
    if (s.port + s.worker_count - 1 > UINT16_MAX)
        return bad("too few ports from the first one for the workers", "--port");
    if (s.tcp_port + s.worker_count - 1 > UINT16_MAX)
        return bad("too few ports from the first one for the workers", "--tcp-port");
    if (command.control_path && strlen(command.control_path) >= sizeof(s.control_path))
        return bad("too long a path", command.control_path);
    if (command.control_path)
        (void)snprintf(s.control_path, sizeof(s.control_path), "%s", command.control_path);
    else
        (void)snprintf(s.control_path, sizeof(s.control_path), "%s/%s", config.run_dir,
                       CONTROL_SOCKET_SFU);
    if (config_uid(config.signaling.user, &s.signaling_uid) < 0)
        return bad("there is no user", config.signaling.user);
    wish = take_addresses(&config, &s);
    if (wish != SETTINGS_RUN)
        return wish;
    if (command.check_only) {
        puts("assize-sfu: the configuration is good");
        return SETTINGS_DONE;
    }
    log_start("assize-sfu", config.log_level);
    if (log_queue() < 0) {
        fputs("assize-sfu: no memory for the log's thread\n", stderr);
        return SETTINGS_BAD;
    }
    *ret_settings = s;
    return SETTINGS_RUN;
}
