/* The one configuration file of all three processes: YAML, every key typed, bounded and with a
 * default, so that an empty file (or none) works; unknown keys are refused. One table holds them
 * all; docs/configuration.md is printed from it, deploy/assize.yaml is checked against it. Each key
 * can be overridden by a variable, such as ASSIZE_SIGNALING_PORT or ASSIZE_DATA_DIR.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/limits.h"
#include "common/log.h"

/* Characters, each with the final NUL. */
#define CONFIG_PATH_MAX    512
#define CONFIG_RUN_DIR_MAX 80 /* leaves room for a socket's name in sockaddr_un */
#define CONFIG_HOST_MAX    254
#define CONFIG_ADDRESS_MAX 46 /* INET6_ADDRSTRLEN */
#define CONFIG_USER_MAX    33
#define CONFIG_URL_MAX     320 /* a host's name, its port, and what stands around them */
#define CONFIG_ERROR_MAX   512

/* IP addresses as text, each checked with inet_pton(3). */
struct config_addresses {
    size_t count;
    char items[LIMIT_ADDRESSES][CONFIG_ADDRESS_MAX];
};

/* URLs of TURN servers (RFC 7065), each checked. */
struct config_urls {
    size_t count;
    char items[LIMIT_TURN_URLS][CONFIG_URL_MAX];
};

/* Which library seals media. */
enum config_sealing {
    CONFIG_SEALING_AUTO, /* the fastest that this CPU can */
    CONFIG_SEALING_IPSEC_MB,
    CONFIG_SEALING_OPENSSL,
};

struct config {
    char data_dir[CONFIG_PATH_MAX];
    char run_dir[CONFIG_RUN_DIR_MAX]; /* the sockets between the processes */
    enum log_level log_level;

    struct {
        struct config_addresses listen;
        uint16_t port;
        char public_host[CONFIG_HOST_MAX]; /* in links; a name or an address */
        char
            certificate[CONFIG_PATH_MAX]; /* PEM, with its chain; default data_dir/tls/server.pem */
        char private_key[CONFIG_PATH_MAX];        /* PEM; default data_dir/tls/server.key */
        char page_dir[CONFIG_PATH_MAX];           /* the built web client */
        char metrics_address[CONFIG_ADDRESS_MAX]; /* of metrics_listen; empty: no metrics */
        uint16_t metrics_port;
        /* Whom each process lets talk to it, besides root and its own user; empty: nobody. */
        char user[CONFIG_USER_MAX];
        char sfu_user[CONFIG_USER_MAX];
        char recorder_user[CONFIG_USER_MAX];
    } signaling;

    struct {
        struct config_addresses listen;
        struct config_addresses public_addresses; /* offered to browsers; none: those of listen */
        uint16_t udp_port;                        /* worker i uses udp_port + i */
        bool tcp;                                 /* media over TCP too, ... */
        uint16_t tcp_port;                        /* ... at this plus i; 0: as over UDP */
        uint16_t workers;                         /* 0: one a core */
        enum config_sealing sealing;
        uint16_t capacity; /* of a worker, thousand packets a second; 0: no bound */
        bool pin_workers;  /* each to a CPU */
    } sfu;

    struct {
        struct config_urls urls;           /* offered to browsers; none: no TURN server */
        char secret_file[CONFIG_PATH_MAX]; /* default data_dir/turn.secret */
        uint16_t life_s;                   /* of what a page is given to log in there */
    } turn;

    struct {
        char records_dir[CONFIG_PATH_MAX]; /* default data_dir/records */
        bool render;
        uint16_t video_width, video_height; /* of the picture, pixels */
    } recorder;
};

/* Reads the file at `path` (NULL: none), then the environment's overrides. Returns 0, -EINVAL for a
 * file or variable that is refused, or what open and read say; `error` then holds one line for
 * people, such as "assize.yaml: line 7: unknown key 'lisen': did you mean 'listen'?". */
int config_load(const char *path, struct config *ret_config, char error[CONFIG_ERROR_MAX]);

/* The same for text in memory, without the environment. */
int config_parse(const void *text, size_t len, struct config *ret_config,
                 char error[CONFIG_ERROR_MAX]);

/* The uid of a configured user; (uid_t)-1 for "". Returns 0, or -ENOENT: there is no such user. */
int config_uid(const char *user, uid_t *ret_uid);

/* Writes the table of docs/configuration.md. */
void config_print_table(FILE *out);

#endif
