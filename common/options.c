/* SPDX-License-Identifier: Apache-2.0 */
#include "common/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/log.h"

static void print_help(const char *program, const char *purpose)
{
    printf("%s: %s\n\n"
           "  --config FILE   the configuration (default: none, every key at its default);\n"
           "                  ASSIZE_* variables override it; see docs/configuration.md\n"
           "  --check-config  say whether the configuration is good, and exit\n"
           "  --help          this text\n"
           "  --version       the version\n",
           program, purpose);
}

enum options_wish options_read(int argc, char **argv, const char *program, const char *purpose,
                               struct config *ret_config, const char **ret_path)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    const char *path = NULL;
    bool check_only = false;
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            check_only = true;
            break;
        case 'h':
            print_help(program, purpose);
            return OPTIONS_DONE;
        case 'v':
            printf("%s %s\n", program, ASSIZE_VERSION);
            return OPTIONS_DONE;
        default:
            fprintf(stderr, "%s --help lists the options\n", program);
            return OPTIONS_BAD;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected '%s'; %s --help lists the options\n", program, argv[optind],
                program);
        return OPTIONS_BAD;
    }
    struct config config;
    char error[CONFIG_ERROR_MAX];
    if (config_load(path, &config, error) < 0) {
        fprintf(stderr, "%s: %s\n", program, error);
        return OPTIONS_BAD;
    }
    if (check_only) {
        printf("%s: the configuration is good\n", path ? path : "defaults");
        return OPTIONS_DONE;
    }
    log_start(program, config.log_level);
    if (log_queue() < 0) {
        fprintf(stderr, "%s: no memory for the log's thread\n", program);
        return OPTIONS_BAD;
    }
    *ret_config = config;
    if (ret_path)
        *ret_path = path;
    return OPTIONS_RUN;
}
