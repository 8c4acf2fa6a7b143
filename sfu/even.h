/* Evens the packets of a picture: a sender splits a frame into packets that differ by a byte, and
 * the kernel splits only messages of equal datagrams (send.h). A byte or two of RTP padding (RFC
 * 3550 section 5.1) makes one message of a frame. Pure. SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_EVEN_H
#define SFU_EVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfu/packet.h"

/* Bytes added to one packet at most. Ours: one for the difference, in whichever order, one for the
 * byte that counts them. */
#define EVEN_PADDING_MAX 2

/* What we send may become so long whatever came, bytes before the tag: RFC 8200's least of a path,
 * 1,280, without IPv6, UDP and the longest tag. */
#define EVEN_PACKET_MAX (1280 - 40 - 8 - 16)

/* Of one source, zeroed at first. */
struct evener {
    uint32_t timestamp; /* of the frame */
    size_t len;         /* its payloads are to become; 0: they are left as they are */
};

/* Bytes to add to this packet, in the order of arrival. 0 for the only one of its frame, and where
 * what we send would become longer than both EVEN_PACKET_MAX and what the sender did: its path knew
 * that length. */
uint8_t evener_padding(struct evener *evener, const struct packet *packet);

#endif
