/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int address_from_text(const char *text, uint16_t port, struct address *ret_address)
{
    struct address a = {0};
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons(port);
        a.len = sizeof(a.v4);
    } else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(port);
        a.len = sizeof(a.v6);
    } else {
        return -EINVAL;
    }
    *ret_address = a;
    return 0;
}

int address_from_sockaddr(const void *sockaddr, socklen_t len, struct address *ret_address)
{
    struct address a = {0};
    sa_family_t family = AF_UNSPEC;
    if (len >= sizeof(family))
        memcpy(&family, sockaddr, sizeof(family));
    if (family == AF_INET && len >= sizeof(a.v4))
        a.len = sizeof(a.v4);
    else if (family == AF_INET6 && len >= sizeof(a.v6))
        a.len = sizeof(a.v6);
    else
        return -EAFNOSUPPORT;
    memcpy(&a.v6, sockaddr, a.len);
    *ret_address = a;
    return 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
    if (a->len != b->len || a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

/* The finishing step of a 64-bit multiplicative hash: every input bit reaches the upper half. */
static uint64_t mix(uint64_t h, uint64_t value)
{
    h ^= value;
    h *= 0x9E3779B97F4A7C15ull;
    return h ^ (h >> 29);
}

uint32_t address_hash(const struct address *a, uint64_t seed)
{
    uint64_t h = seed;
    if (a->any.sa_family == AF_INET) {
        h = mix(h, (uint64_t)a->v4.sin_addr.s_addr << 16 | a->v4.sin_port);
    } else {
        uint64_t words[2];
        memcpy(words, &a->v6.sin6_addr, sizeof(words));
        h = mix(h, words[0]);
        h = mix(h, words[1]);
        h = mix(h, a->v6.sin6_port);
    }
    return (uint32_t)(mix(h, 1) >> 32);
}

uint16_t address_port(const struct address *a)
{
    return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else
        a->v6.sin6_port = htons(port);
}

void address_to_text(const struct address *a, char text[static ADDRESS_TEXT_MAX])
{
    text[0] = '\0';
    if (a->any.sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &a->v4.sin_addr, text,
                        ADDRESS_TEXT_MAX); /* cannot fail: it fits */
    else
        (void)inet_ntop(AF_INET6, &a->v6.sin6_addr, text, ADDRESS_TEXT_MAX);
}

bool address_is_wildcard(const struct address *a)
{
    return a->any.sa_family == AF_INET ? a->v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                       : IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}
