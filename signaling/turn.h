/* What a page is given to log in at the TURN server: a user that ends soon and its password, by the
 * convention all such servers know (draft-uberti-behave-turn-rest-00): the user is the time of its
 * end and an id, the password an HMAC-SHA1 of it by a secret shared with the server. Nothing is
 * kept of what was given. SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_TURN_H
#define SIGNALING_TURN_H

#include "common/cleanup.h"
#include "common/config.h"
#include "signaling/digest.h"

/* "4294967295:0123456789abcdef" and a NUL; room for seconds of 20 digits. */
#define TURN_USER_TEXT 38

/* Fewer characters of a secret are refused. Ours: 128 bits as hex digits. */
#define TURN_SECRET_MIN 32

struct turn;

/* What is written into `iceServers`. */
struct turn_offer {
    const struct config_urls *urls; /* borrowed of `turn` */
    char user[TURN_USER_TEXT];
    char password[DIGEST_SHA1_BASE64_TEXT]; /* never logged */
};

/* Reads the secret that the configuration names: one line of letters, digits and "+/=_-". Returns
 * 0, also when it names no TURN server: then `*ret_turn` is NULL. -EPERM when group or others may
 * read or write the file, or it belongs to another user than us or root; -EBADMSG when it holds no
 * secret; -ENOMEM; else what the system says. */
int turn_open(const struct config *config, struct turn **ret_turn);
/* Overwrites the secret. Accepts NULL. */
void turn_close(struct turn *turn);
DEFINE_CLEANUP(struct turn, turn_close)

/* Makes what `person` (an id that says nothing of who it is) logs in with from `now_us` (wall) on,
 * for as long as the configuration says. 0 or -ENOMEM. */
int turn_offer(const struct turn *turn, uint64_t person, uint64_t now_us,
               struct turn_offer *ret_offer);

#endif
