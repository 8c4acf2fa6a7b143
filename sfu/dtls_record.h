/* Opens the few DTLS 1.2 records that matter once a handshake is over (RFC 6347 section 4.1):
 * alerts, and a Finished that comes again. So OpenSSL's 50 kB for each association end with its
 * handshake. SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_DTLS_RECORD_H
#define SFU_DTLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* RFC 6347 section 4.1. */
#define DTLS_RECORD_HEADER 13
/* Longest plaintext that is looked at, bytes; a Finished has 24. */
#define DTLS_RECORD_PLAIN_MAX 64

#define DTLS_RANDOM_LEN 32
#define DTLS_MASTER_LEN 48

/* RFC 5246 section 6.2.1. */
enum dtls_record_type {
    DTLS_RECORD_CHANGE_CIPHER_SPEC = 20,
    DTLS_RECORD_ALERT = 21,
    DTLS_RECORD_HANDSHAKE = 22,
};

/* What a handshake agreed on (RFC 5246 section 8.1). */
struct dtls_secrets {
    uint16_t cipher; /* IANA's number */
    uint8_t master[DTLS_MASTER_LEN];
    uint8_t client_random[DTLS_RANDOM_LEN], server_random[DTLS_RANDOM_LEN];
};

/* Opens what the other side seals under the keys of a handshake, epoch 1. Embedded by value. */
struct dtls_opener {
    uint16_t cipher;
    uint8_t key[32];
    uint8_t iv[12];
};

/* Derives the key under which the client (or the server) writes (RFC 5246 section 6.3). Returns 0,
 * -ENOTSUP for another cipher than the three we offer, or -EIO (OpenSSL refuses). */
int dtls_opener_init(struct dtls_opener *opener, const struct dtls_secrets *secrets,
                     bool of_client);

/* One record. */
struct dtls_record {
    uint8_t type;
    bool sealed; /* it is of epoch 1 ... */
    bool opened; /* ... and authentic, and no longer than DTLS_RECORD_PLAIN_MAX */
    uint8_t plain[DTLS_RECORD_PLAIN_MAX]; /* when opened */
    size_t len;
};

/* Takes the next record out of a datagram; false at its end, or where it makes no sense. */
bool dtls_record_next(const struct dtls_opener *opener, struct reader *datagram,
                      struct dtls_record *ret_record);

#endif
