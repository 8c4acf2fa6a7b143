/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever control_decode() takes encodes to exactly the bytes it came from. */
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "unit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[LIMIT_CONTROL_BYTES];
    struct control_message message;
    size_t again_len = 0;
    if (len > sizeof(again) || control_decode(data, len, &message) < 0)
        return 0;
    CHECK(strcmp(control_type_name(message.type), "?") != 0);
    CHECK_EQ(control_encode(&message, again, sizeof(again), &again_len), 0);
    CHECK_EQ(again_len, len);
    CHECK_EQ(memcmp(again, data, len), 0);
    return 0;
}
