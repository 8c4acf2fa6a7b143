/* Parts that reply.c and reply_media.c share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_REPLY_PART_H
#define SIGNALING_REPLY_PART_H

#include "signaling/reply.h"

/* A message of this type. `id` 0: an event, which has none. */
void reply_begin(struct jsontext *t, const char *type, int32_t id);
void reply_end(struct jsontext *t);

/* What the media core takes, as `rtpCapabilities`. */
void reply_put_capabilities(struct jsontext *t, bool vp9);

#endif
