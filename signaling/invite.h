/* Making a hearing with its people and their invitations, renewing and revoking those: store and
 * journal together. Used by assize-admin.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_INVITE_H
#define SIGNALING_INVITE_H

#include "signaling/store.h"
#include "signaling/token.h"

/* Where everything lies; borrowed. */
struct invite_place {
    const char *data_dir;
    struct store *store;
};

/* Somebody to invite. */
struct invite_guest {
    enum control_role role;
    const char *name; /* borrowed */
    uint8_t side;     /* 1 to LIMIT_SIDES; 0: none */
};

/* Adds the hearing (its id is made here) and its guests with an invitation each, all or nothing.
 * The journal's lines come first. -EINVAL when a label is not one (terms_is_label()), -ENOSPC for
 * more than LIMIT_PEOPLE_PER_HEARING guests; else as store and journal. */
int invite_hearing(const struct invite_place *place, const struct store_hearing *hearing,
                   const struct invite_guest *guests, size_t count, uint64_t expires_us,
                   uint64_t now_us, uint64_t *ret_hearing);

/* Revokes the invitations of everybody in the hearing who was not put out, and makes new ones.
 * -ESTALE when it is closed. */
int invite_renew(const struct invite_place *place, uint64_t hearing, uint64_t expires_us,
                 uint64_t now_us);

/* Revokes one invitation or pass. -ENOENT, -EALREADY when it is revoked. */
int invite_revoke(const struct invite_place *place, uint64_t invitation, uint64_t now_us);

/* Makes a pass to all records. */
int invite_pass(const struct invite_place *place, uint64_t expires_us, uint64_t now_us,
                uint64_t *ret_invitation);

#endif
