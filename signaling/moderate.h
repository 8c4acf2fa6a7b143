/* What judges and clerks do to the hearing and to people in it, and everybody to their own hand and
 * consent. SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_MODERATE_H
#define SIGNALING_MODERATE_H

#include "signaling/court.h"

/* Each is answered by `ok` or an error. */
void moderate_hand(struct page *page, const struct message *message);
void moderate_lower_hand(struct page *page, const struct message *message);
void moderate_admit(struct page *page, const struct message *message);
void moderate_dismiss(struct page *page, const struct message *message);
void moderate_mute(struct page *page, const struct message *message);
void moderate_remove(struct page *page, const struct message *message);
/* Opening is answered by the error `missing` where somebody or something is. */
void moderate_set_state(struct page *page, const struct message *message);
void moderate_in_camera(struct page *page, const struct message *message);
/* A party's own, to an online hearing. */
void moderate_consent(struct page *page, const struct message *message);

/* Puts a person out whose invitation was revoked elsewhere. */
void moderate_revoked(struct live *live, struct hearing_person *person);

/* Puts a person out that came by an invitation which was renewed: whoever holds the new one comes
 * back to the same place. */
void moderate_renewed(struct live *live, struct hearing_person *person);

#endif
