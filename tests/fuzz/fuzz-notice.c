/* SPDX-License-Identifier: Apache-2.0 */
/* A notice's name never holds what would part a list of names. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/notice.h"
#include "unit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct notice notice;
    notice_parse((const char *)data, len, &notice);
    size_t name_len = strnlen(notice.name, sizeof(notice.name));
    CHECK(name_len > 0 && name_len < sizeof(notice.name));
    CHECK(strpbrk(notice.name, ":\n=/ ") == NULL);
    CHECK_EQ(notice.fd_count, 0);
    return 0;
}
