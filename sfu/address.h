/* An IPv4 or IPv6 address with port, as a value: compared, hashed, written and read as text.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_ADDRESS_H
#define SFU_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len; /* of what the union holds; 0: none */
};

/* Text as control.h carries it, such as "127.0.0.1" or "::1", and a port in host order. Returns 0,
 * or -EINVAL. */
int address_from_text(const char *text, uint16_t port, struct address *ret_address);

/* Copies what the kernel gave. Returns 0, or -EAFNOSUPPORT for neither IPv4 nor IPv6. */
int address_from_sockaddr(const void *sockaddr, socklen_t len, struct address *ret_address);

bool address_equal(const struct address *a, const struct address *b);

/* Not secret: `seed` (random, one per table) keeps peers from choosing where they fall. */
uint32_t address_hash(const struct address *a, uint64_t seed);

/* Host order. */
uint16_t address_port(const struct address *a);
void address_set_port(struct address *a, uint16_t port);

/* Bytes of an address as text with the final NUL (INET6_ADDRSTRLEN). */
#define ADDRESS_TEXT_MAX 46

/* Without the port. */
void address_to_text(const struct address *a, char text[static ADDRESS_TEXT_MAX]);

/* 0.0.0.0 or ::. */
bool address_is_wildcard(const struct address *a);

#endif
