/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

int inbox_init(struct inbox *inbox, uint64_t now_us)
{
    char *text = malloc(LIMIT_MESSAGE_BYTES);
    if (!text)
        return -ENOMEM;
    *inbox = (struct inbox){.text = text, .frames.at_us = now_us};
    return 0;
}

void inbox_finish(struct inbox *inbox)
{
    free(inbox->text);
}

int inbox_add(struct inbox *inbox, const void *bytes, size_t len, bool frame_ends,
              bool message_ends, uint64_t now_us, size_t *ret_len)
{
    if (len > LIMIT_MESSAGE_BYTES - inbox->len)
        return -EMSGSIZE;
    if (len)
        memcpy(inbox->text + inbox->len, bytes, len);
    inbox->len += len;
    if (!frame_ends)
        return 0;
    if (!bucket_take(&inbox->frames, LIMIT_MESSAGE_RATE, LIMIT_MESSAGE_BURST, now_us))
        return -EBUSY;
    if (!message_ends)
        return 0;
    *ret_len = inbox->len;
    inbox->len = 0;
    return 1;
}
