/* THE SPINE: a datagram's way from the socket to every subscriber, top to bottom.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_FORWARD_H
#define SFU_FORWARD_H

#include <stddef.h>
#include <stdint.h>

#include "sfu/context.h"

/* Takes one datagram read at c->now_us. What it causes to be sent waits in the queues of the paths
 * or for forward_burst(): the caller ends each batch with that, then flushes the queues. No lock,
 * no allocation, no log for media. */
void forward_datagram(struct context *c, const struct path *from, const uint8_t *datagram,
                      size_t len);

/* Sends the media that waits to its receivers. Before anything but datagrams may touch them. */
void forward_burst(struct context *c);

/* Tells signaling of a transport's new phase, if it has one, and does what it entails. After every
 * tick and after handshakes; forward_datagram() does it itself. */
void forward_phase(struct context *c, struct transport *transport);

#endif
