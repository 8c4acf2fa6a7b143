/* Numbers of a program's command line, read one way by all that measure and load.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PEER_ARGUMENT_H
#define TESTS_PEER_ARGUMENT_H

#include <stdint.h>

/* `text` as a number from `least` to `most`; anything else ends the program with status 2, and its
 * name and why on stderr. */
uint64_t argument_number(const char *text, uint64_t least, uint64_t most);

#endif
