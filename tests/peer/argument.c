/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/argument.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t argument_number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < least || n > most) {
        fprintf(stderr, "%s: '%s' is not a number from %" PRIu64 " to %" PRIu64 "\n",
                program_invocation_short_name, text, least, most);
        exit(2);
    }
    return n;
}
