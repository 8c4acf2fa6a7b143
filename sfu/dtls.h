/* DTLS 1.2 with the pages (RFC 5764): handshake, certificate fingerprint, keys for SRTP. The only
 * file with OpenSSL's TLS. Bytes in, bytes out; sockets and addresses are the transport's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_DTLS_H
#define SFU_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/keys.h"

#define DTLS_FINGERPRINT_LEN 32 /* SHA-256 */

/* Whether the OpenSSL in use is older than 3.0.22, in which DTLS has faults that a page can use. */
bool dtls_library_is_old(void);

/* Certificate and settings of one process: shared by its threads, not changed after creation. */
struct dtls_context;

/* Makes a new ECDSA P-256 key and a self-signed certificate, valid for a year. Returns 0, -ENOMEM
 * or -EIO (OpenSSL refuses). */
int dtls_context_create(struct dtls_context **ret_context);
void dtls_context_destroy(struct dtls_context *context);
DEFINE_CLEANUP(struct dtls_context, dtls_context_destroy)

/* Of our certificate. Borrowed. */
const uint8_t *dtls_context_fingerprint(const struct dtls_context *context);

/* One association. One thread. */
struct dtls;

enum dtls_role {
    DTLS_SERVER, /* ours towards pages */
    DTLS_CLIENT, /* what a page is; the scripted peer's */
};

enum dtls_state {
    DTLS_HANDSHAKING,
    DTLS_DONE,   /* handshake over; keys may be asked for */
    DTLS_CLOSED, /* close_notify came */
    DTLS_FAILED,
};

/* Returns 0, -ENOMEM or -EIO. The context must outlive it. */
int dtls_create(const struct dtls_context *context, enum dtls_role role, struct dtls **ret_dtls);
void dtls_destroy(struct dtls *dtls);
DEFINE_CLEANUP(struct dtls, dtls_destroy)

/* Client: sends the first flight. */
void dtls_start(struct dtls *dtls, uint64_t now_us);

/* Takes one datagram. After it look at dtls_state() and dtls_next_datagram(). Returns 0, or
 * -EMSGSIZE once LIMIT_DTLS_HANDSHAKE_BYTES have come without an end, or -EPIPE when closed or
 * failed. */
int dtls_receive(struct dtls *dtls, const uint8_t *datagram, size_t len, uint64_t now_us);

/* Retransmits when the time has come (RFC 6347 section 4.2.4). Returns when to call next;
 * UINT64_MAX: nothing is waited for. */
uint64_t dtls_tick(struct dtls *dtls, uint64_t now_us);

/* Sends close_notify. */
void dtls_close(struct dtls *dtls);

/* The next datagram to be sent, or NULL when there is none. Borrowed until the next call. */
const uint8_t *dtls_next_datagram(struct dtls *dtls, size_t *ret_len);

enum dtls_state dtls_state(const struct dtls *dtls);

/* Checks the other side's certificate against the SHA-256 it announced, in constant time, then
 * exports the keys of both directions. Returns 0; -EACCES for another certificate (nothing is
 * exported then); -EAGAIN before DTLS_DONE; -EPROTO when no suite of ours was agreed. */
int dtls_keys(const struct dtls *dtls, const uint8_t announced[DTLS_FINGERPRINT_LEN],
              struct keys *ret_local, struct keys *ret_remote);

#endif
