/* Small readings of text that the configuration needs: which line, how alike, an address, a name.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_TEXT_H
#define COMMON_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many letters must be inserted, removed or replaced to make one text of the other; of each
 * only the first 64 characters count. */
size_t config_text_distance(const char *a, const char *b);

/* The line (from 1) of the first `key` followed by a colon in line `from` or later, outside
 * comments; `from` if there is none. Line 0 counts as 1. */
unsigned long config_text_line_of(const char *text, size_t len, unsigned long from,
                                  const char *key);

/* Cuts `text` at its commas, in place, and drops blanks around the parts; an empty text has none.
 * Returns how many parts there are, at most `capacity`. */
unsigned config_text_split(char *text, const char **parts, unsigned capacity);

/* An IPv4 or IPv6 address, as inet_pton(3) takes it. */
bool config_text_is_address(const char *text);

/* An address, or a DNS name (RFC 1123 section 2.1: letters, digits and '-' between dots). */
bool config_text_is_host(const char *text);

/* A user as useradd(8) makes them. */
bool config_text_is_user(const char *text);

/* "turn:HOST[:PORT][?transport=udp|tcp]" or "turns:HOST[:PORT][?transport=tcp]" (RFC 7065 section
 * 3.1; TURN over DTLS, which browsers do not speak, is refused). */
bool config_text_is_turn_url(const char *text);

/* "127.0.0.1:9464" or "[::1]:9464" into a buffer of 46 and a port; an empty text gives an empty
 * address and port 0. Returns 0 or -EINVAL. */
int config_text_endpoint(const char *text, char *ret_address, uint16_t *ret_port);

#endif
