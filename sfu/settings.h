/* What the media core is told at its start: the configuration, and options that override it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_SETTINGS_H
#define SFU_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/control.h"
#include "common/limits.h"
#include "sfu/address.h"
#include "sfu/seal.h"

struct settings {
    char control_path[512];
    uid_t signaling_uid; /* (uid_t)-1: root and our own user only */
    uint16_t port;       /* of the first worker */
    bool tcp;
    uint16_t tcp_port; /* of the first worker; 0: that of UDP */
    size_t worker_count;
    enum sealer_library sealing;
    uint64_t capacity; /* packets a second of one worker; 0: no bound */
    bool pin;
    size_t listen_count;
    struct address listen[LIMIT_ADDRESSES]; /* concrete: a wildcard is every address of the host */
    size_t public_count;
    char public[LIMIT_ADDRESSES][CONTROL_ADDRESS_MAX];
};

enum settings_wish {
    SETTINGS_RUN,
    SETTINGS_DONE, /* everything was said: exit 0 */
    SETTINGS_BAD,  /* told on stderr: exit 2 */
};

/* Reads the command line and the configuration, and starts the log. */
enum settings_wish settings_read(int argc, char **argv, struct settings *ret_settings);

#endif
