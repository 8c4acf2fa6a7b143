/* What each page looks at, and what that means for pictures: told by the page, kept, and told to
 * the media core; and told to pages, what the media core says of pictures.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_VIEW_H
#define SIGNALING_VIEW_H

#include "signaling/court.h"

/* Of the estimate, permille: a change that the page is told of. Ours. */
#define VIEW_LINE_PERMILLE 125

/* `view`, `soundOnly` and `device` of a page. What they ask for is the page's own: any role may, in
 * any room, and where nothing is shown it has no effect. More than LIMIT_VIEW_RATE is answered
 * `too-fast`. */
void view_handle(struct page *page, const struct message *message);
void view_sound_only(struct page *page, const struct message *message);
/* `device`: whether it says that its device is overloaded, and its line too thin for its picture.
 */
void view_device(struct page *page, const struct message *message);

/* Says to the media core what the seat's picture is worth: as high as the page shows it (as high as
 * it comes until the page said), and by who is shown. To be called whenever that changes. */
void view_tell_seat(struct live *live, const struct hearing_person *person, uint8_t seat);

/* Says all of it again: to the media core what the page looks at, to the page which pictures are
 * held, which layers of its own somebody receives and what its line carries. */
void view_repeat(struct live *live, struct hearing_person *person);

/* SEAT_PICTURE and LAYERS; `bps` of PEER_STATS, 0: not known. */
void view_on_picture(struct live *live, const struct control_seat_picture *picture);
void view_on_layers(struct live *live, const struct control_layers *layers);
void view_on_line(struct live *live, const struct hearing_person *person, uint32_t bps);

/* Whether one more of what a page says of its screen is within LIMIT_VIEW_RATE; false after telling
 * it. */
bool view_is_within_rate(struct page *page, int32_t request);

#endif
