/* A page's end of DTLS made of plain OpenSSL, to say and ask for what our own end never would.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SFU_PLAIN_PAGE_H
#define TESTS_UNIT_SFU_PLAIN_PAGE_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/dtls.h"

enum plain_certificate {
    PLAIN_NONE,
    PLAIN_ECDSA,
    PLAIN_ECDSA_P_384,
    PLAIN_RSA_2048,
    PLAIN_RSA_LONG_EXPONENT,
};

struct plain_page_options {
    const char *srtp; /* suites offered, OpenSSL's names; NULL: none */
    enum plain_certificate certificate;
    size_t hello_bytes; /* more of its ClientHello, at most 1,900 */
    long mtu;           /* 0: 1,200 */
    const char *cipher; /* the only one it takes; NULL: OpenSSL's */
};

#define PLAIN_DATAGRAMS      16
#define PLAIN_DATAGRAM_BYTES 2048

struct plain_page {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in;                                   /* memory; what the server says is written here */
    uint8_t fingerprint[DTLS_FINGERPRINT_LEN]; /* of its certificate, SHA-256 */
    /* What it said and nobody took. */
    uint8_t datagrams[PLAIN_DATAGRAMS][PLAIN_DATAGRAM_BYTES];
    size_t lens[PLAIN_DATAGRAMS], count;
};

void plain_page_open(const struct plain_page_options *options, struct plain_page *ret_page);
void plain_page_close(struct plain_page *page);

/* Until the server is done or it leads nowhere. Returns how many datagrams the first flight had. */
size_t plain_page_handshake(struct plain_page *page, struct dtls *server);

#endif
