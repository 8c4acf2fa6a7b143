/* ICE-lite (RFC 8445 section 2.5): credentials, the answer to a page's connectivity check, and the
 * check itself for the scripted peer. The only file with libnice, of which it uses stun/ alone.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ICE_H
#define SFU_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/control.h"
#include "sfu/address.h"

/* Longest STUN message looked at, bytes. RFC 8489 section 6.1: what every path carries. */
#define ICE_STUN_MAX 1280

/* What a STUN binding request says before anything in it is believed. */
struct ice_view {
    const char *local_ufrag; /* ours, before the ':' of USERNAME; borrowed from the datagram */
    size_t local_ufrag_len;
};

/* Looks at one datagram without any cryptography. Returns 0, or -EBADMSG if it is not one whole
 * binding request (RFC 8489) with USERNAME `local:remote`, MESSAGE-INTEGRITY and FINGERPRINT. */
int ice_view(const uint8_t *datagram, size_t len, struct ice_view *ret_view);

/* Makes a user name fragment of 60 random bits and a password of 160. Returns 0 or -EIO. */
int ice_make_credentials(struct control_ice *ret_credentials);

struct ice_answer {
    size_t len;     /* bytes to be sent back to where the request came from; 0: nothing */
    bool nominated; /* USE-CANDIDATE (RFC 8445 section 7.3.1.5) */
};

/* Checks a request that ice_view() accepted against `credentials` and writes the answer. Returns 0
 * when `from` is proven; -EACCES when the integrity or fingerprint does not hold (no answer);
 * -EPROTO for an authentic request we must refuse: role conflict, or attributes we would have to
 * understand (the answer says so). `ret_answer` is written on 0 and -EPROTO. */
int ice_answer(const struct control_ice *credentials, const uint8_t *datagram, size_t len,
               const struct address *from, uint8_t *answer, size_t capacity,
               struct ice_answer *ret_answer);

/* The other side, a controlling agent with one candidate pair: tests and the scripted peer. */
struct ice_client;

/* Returns 0 or -ENOMEM. */
int ice_client_create(const struct control_ice *local, const struct control_ice *remote,
                      struct ice_client **ret_client);
void ice_client_destroy(struct ice_client *client);
DEFINE_CLEANUP(struct ice_client, ice_client_destroy)

/* Writes a check. Returns its length, 0 when it does not fit or too many are unanswered. */
size_t ice_client_request(struct ice_client *client, bool nominate, uint8_t *buffer,
                          size_t capacity);

/* The answer to a check of a server that is not lite after all (libnice's checks back). Returns its
 * length, 0 for none. */
size_t ice_client_answer(const struct control_ice *own, const uint8_t *datagram, size_t len,
                         const struct address *from, uint8_t answer[static ICE_STUN_MAX]);

/* Takes an answer to any check sent. Returns 0, -EACCES when it is not authentic, -EPROTO for an
 * error answer. */
int ice_client_response(struct ice_client *client, const uint8_t *datagram, size_t len,
                        struct address *ret_mapped);

#endif
