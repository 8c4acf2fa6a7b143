/* Which pictures a page is sent, and how good: as many of those it looks at as the way to it
 * carries, in the court's order (allocate.h), and no layer of a publisher that nobody receives.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_PICTURES_H
#define SFU_PICTURES_H

#include "sfu/context.h"
#include "sfu/subscription.h"

/* Of what the way carries, sound and pictures may take this, permille. Ours: what is sent again,
 * reports, and how far the estimate is off. */
#define PICTURES_PERMILLE 950
/* Chosen anew so often, and when less is carried at once. Ours. */
#define PICTURES_INTERVAL_US (300 * 1000ull)
/* A picture that is held shorter is not told to be. Ours. */
#define PICTURES_HELD_US (1000 * 1000ull)
/* Who spoke goes before others for so long. Ours. */
#define PICTURES_SPOKE_US (3000 * 1000ull)
/* Until the way to a page is known it is sent the smallest of each picture; one that has told of
 * nothing for so long gives no feedback, and is sent all it looks at. Ours: browsers tell after 250
 * ms at most, and half a second of that says something. */
#define PICTURES_FEEDBACK_US (1500 * 1000ull)
/* A layer nobody receives is told to be so after this, one that was told to be received counts as
 * not to be had when it does not come for that. Ours. */
#define PICTURES_IDLE_LAYER_US  (1000 * 1000ull)
#define PICTURES_LAYER_COMES_US (3000 * 1000ull)

/* Chooses anew if it is time to, and sends what a train (prober.h) is short of. Every WHEEL_TICK_US
 * where pictures_hurry() says so, else about every 100 ms. */
void pictures_tick(struct subscriber *s, struct context *c);

/* Whether it wants the next tick. */
bool pictures_hurry(const struct subscriber *s);

/* How the picture of a seat is looked at. */
void pictures_view(struct subscription *s, uint8_t rank, uint16_t height);

/* Whether the page is sent pictures at all. */
void pictures_set_on(struct subscriber *s, bool on);

/* Tells which layers of `pub` somebody receives, if that has changed. About every 100 ms. */
void pictures_tell_layers(struct publication *pub, struct context *c);

/* Tells all of it of one peer to a signaling that has just come. */
void pictures_tell_presence(const struct publisher *p, const struct subscriber *s,
                            struct context *c);

#endif
