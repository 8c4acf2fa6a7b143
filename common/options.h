/* The command line that every program of ours has: --config FILE, --check-config, --help and
 * --version.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include "common/config.h"

/* What the command line asks for. */
enum options_wish {
    OPTIONS_RUN,  /* go on with the configuration */
    OPTIONS_DONE, /* everything was said (help, version, a good configuration): exit 0 */
    OPTIONS_BAD,  /* a wrong option or configuration, told on stderr: exit 2 */
};

/* Reads the command line of `program`, whose `purpose` is one line for --help, loads the
 * configuration and starts the log with it. `ret_config` is written with OPTIONS_RUN only;
 * `*ret_path` is the file's name as given, or NULL, borrowed from `argv`; may be NULL. */
enum options_wish options_read(int argc, char **argv, const char *program, const char *purpose,
                               struct config *ret_config, const char **ret_path);

#endif
