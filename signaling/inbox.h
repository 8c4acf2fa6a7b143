/* What one page is saying: a message put together from its frames, and how much and how often it
 * may speak.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_INBOX_H
#define SIGNALING_INBOX_H

#include <stddef.h>

#include "signaling/bucket.h"

struct inbox {
    char *text; /* in the making; room for LIMIT_MESSAGE_BYTES */
    size_t len;
    struct bucket frames; /* it sent: LIMIT_MESSAGE_RATE */
};

/* Returns 0 or -ENOMEM; then there is nothing to finish. */
int inbox_init(struct inbox *inbox, uint64_t now_us);
void inbox_finish(struct inbox *inbox);

/* Takes a part of a frame; `frame_ends` and `message_ends` say what ends with it. Returns 1 when
 * `text` now holds a message of `ret_len` bytes, good until the next call; 0 when more is to come;
 * -EMSGSIZE over LIMIT_MESSAGE_BYTES; -EBUSY over LIMIT_MESSAGE_RATE, counted by frame, so that a
 * message in pieces costs each piece. */
int inbox_add(struct inbox *inbox, const void *bytes, size_t len, bool frame_ends,
              bool message_ends, uint64_t now_us, size_t *ret_len);

#endif
