/* A UDP socket with large buffers, read a batch at a time. Reading comes before sending: what the
 * kernel drops on its way in is lost to everybody.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_UDP_H
#define SFU_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/address.h"

/* Messages of one batch: a datagram, or a train of them (udp_take_trains()). Ours: a frame of every
 * sender of a full hearing. */
#define UDP_BATCH 64
/* Longest datagram taken, bytes; longer ones are counted and dropped. Ours: Ethernet's 1,500. */
#define UDP_DATAGRAM_MAX 1500

/* Bytes the kernel keeps for a socket each way, as it counts them: a packet of 1,200 bytes is 2,304
 * of them, more with a network card that gives each a page. Ours: at least 3,600 packets, 50 ms of
 * 700 Mbit/s, so that a worker busy with one batch loses nothing. */
#define UDP_BUFFER_BYTES (8 << 20)

/* Opens a bound, non-blocking, close-on-exec socket with SO_RCVBUF and SO_SNDBUF of
 * UDP_BUFFER_BYTES as far as the system lets us (net.core.rmem_max and wmem_max; forced when
 * privileged). An IPv6 socket takes IPv6 only.
 * Returns the descriptor or a negative errno such as -EADDRINUSE. */
int udp_open(const struct address *local);

/* Opens one more such socket at `local`, where `fd` of udp_open() is bound: from now on the kernel
 * gives it what RFC 5761 section 4 takes for RTCP, by the first two bytes (a train by its first
 * datagram), and `fd` all else. Each gets the rest too while the other is not there. Nobody else
 * can join them at that address but a program of the same user that tries to. Returns the
 * descriptor or a negative errno where the kernel cannot: then all comes at `fd`. */
int udp_open_rtcp(int fd, const struct address *local);

/* From now on the kernel may hand over what one sender sent at once as one message, a train of
 * datagrams of one length (UDP_GRO), which udp_read() takes apart. Where it cannot, nothing
 * changes.
 */
void udp_take_trains(int fd);

/* What the descriptor is bound to (the port, when 0 was asked for). Returns 0 or a negative errno.
 */
int udp_local(int fd, struct address *ret_local);

/* What it got of UDP_BUFFER_BYTES for receiving. Returns bytes or a negative errno. */
int udp_receive_buffer(int fd);

/* How many messages the kernel dropped at the socket since `*counted`: mostly for want of room in
 * its receive queue; one with a wrong checksum counts too, a train once. Moves that on (0 for a new
 * socket). A system call: not for every packet. 0 where the kernel does not tell. */
uint32_t udp_take_drops(int fd, uint32_t *counted);

/* Borrowed: valid until the reader's next udp_read(). */
struct udp_datagram {
    const uint8_t *bytes;
    size_t len;
    struct address from;
};

/* Buffers for one batch; one for a thread serves all its sockets. */
struct udp_reader;

/* Returns 0 or -ENOMEM. */
int udp_reader_create(struct udp_reader **ret_reader);
void udp_reader_destroy(struct udp_reader *reader);
DEFINE_CLEANUP(struct udp_reader, udp_reader_destroy)

/* Reads what is there, at most one batch, without blocking. Returns the number of datagrams (0: no
 * more, or only ones too long), or a negative errno. When it returns UDP_BATCH or more there may be
 * others: read again before waiting. One arrival time for the batch: the caller's clock after this
 * call. */
int udp_read(struct udp_reader *reader, int fd, const struct udp_datagram **ret_datagrams);

/* Datagrams dropped since creation because they were longer than UDP_DATAGRAM_MAX. */
uint64_t udp_reader_oversize(const struct udp_reader *reader);

#endif
